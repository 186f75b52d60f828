//! One listening port and the connections that came through it.

use super::{Fault, Home, Shared, answer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Open until it is closed or dropped.
#[derive(Debug)]
pub(super) struct Door {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Dropping it is the signal.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Door {
    pub(super) fn open(listener: TcpListener, shared: Arc<Shared>, home: Home, fault: Fault) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, stopped, shared, home, fault));
        Ok(Self { address, stop, task })
    }

    /// Returns when neither the port nor a connection is open any more.
    pub(super) async fn close(self) {
        drop(self.stop);
        // It ends with nothing to say; if it panicked, its port and connections went with it.
        let _ = self.task.await;
    }
}

async fn accept(
    listener: TcpListener,
    mut stopped: oneshot::Receiver<()>,
    shared: Arc<Shared>,
    home: Home,
    fault: Fault,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&shared), home, fault));
                }
                // Too many open files, or a client that gave up: neither is a reason to end, and the first would
                // otherwise spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            // Ended connections are forgotten as they end.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn converse(stream: TcpStream, shared: Arc<Shared>, home: Home, fault: Fault) {
    if fault == Fault::Reset {
        // Closing then sends a reset. Where the system refuses, the answer is still cut short.
        let _ = stream.set_zero_linger();
    }
    let service = service_fn(|request| answer::answer(request, &shared, home, fault));
    // A client that goes away in the middle is no news to anyone.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
