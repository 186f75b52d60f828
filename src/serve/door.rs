//! One listening port and the connections that came through it.

use super::answer::{self, Reset};
use super::switch::Switch;
use super::{Home, Shared};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// As what a port answers.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// The origin, which also has the control page: it turns this switch.
    Origin(Arc<Switch>),
    Cdn,
}

impl Role {
    pub(super) fn home(&self) -> Home {
        match self {
            Self::Origin(_) => Home::Origin,
            Self::Cdn => Home::Cdn,
        }
    }
}

/// Open until it is closed or dropped.
#[derive(Debug)]
pub(super) struct Door {
    /// Dropping it is the signal.
    stop: oneshot::Sender<()>,
    task: JoinHandle<TcpListener>,
}

impl Door {
    pub(super) fn open(listener: TcpListener, shared: Arc<Shared>, role: Role) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, stopped, shared, role));
        Self { stop, task }
    }

    /// Returns when no connection is open any more. The port is as it was, but nobody answers: connections wait.
    /// `None` if the port went, too, because something panicked.
    pub(super) async fn close(self) -> Option<TcpListener> {
        drop(self.stop);
        self.task.await.ok()
    }
}

async fn accept(
    listener: TcpListener,
    mut stopped: oneshot::Receiver<()>,
    shared: Arc<Shared>,
    role: Role,
) -> TcpListener {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&shared), role.clone()));
                }
                // Too many open files, or a client that gave up: neither is a reason to end, and the first would
                // otherwise spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            // Ended connections are forgotten as they end.
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
    listener
}

async fn converse(stream: TcpStream, shared: Arc<Shared>, role: Role) {
    let service = service_fn(|request| answer::answer(request, &shared, &role));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A client that goes away in the middle is no news to anyone.
    let Err(error) = (&mut connection).await else { return };
    if matches!(error.source(), Some(source) if source.is::<Reset>()) {
        // Closing then sends a reset. Where the system refuses, the connection is closed without an answer.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}
