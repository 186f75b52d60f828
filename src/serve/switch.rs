//! The CDN's port, and what it does.

use super::Shared;
use super::door::{Door, Role};
use super::fault::Rules;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Mutex;

/// Turns the CDN from one fault to another, while it runs.
#[derive(Debug)]
pub(super) struct Switch {
    pub(super) shared: Arc<Shared>,
    address: SocketAddr,
    cdn: Mutex<Cdn>,
}

#[derive(Debug)]
enum Cdn {
    Open(Door),
    /// Bound but not listening: connections are refused, and nobody else gets the port.
    Closed(TcpSocket),
    /// Between two states, or after a failure between them.
    Gone,
}

impl Switch {
    pub(super) fn new(shared: Arc<Shared>, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let door = Door::open(listener, Arc::clone(&shared), Role::Cdn);
        Ok(Self { shared, address, cdn: Mutex::new(Cdn::Open(door)) })
    }

    /// Makes the CDN fail by these rules.
    ///
    /// When this returns, the connections it had are closed: a browser keeps some, and would get one more good answer
    /// through them.
    pub(super) async fn turn(&self, rules: Rules) -> io::Result<()> {
        let mut cdn = self.cdn.lock().await;
        let is_reachable = rules.whole().is_reachable();
        let before = match std::mem::replace(&mut *cdn, Cdn::Gone) {
            Cdn::Open(door) => door.close().await.map(Port::Listening),
            Cdn::Closed(socket) => Some(Port::Bound(socket)),
            Cdn::Gone => None,
        };
        self.shared.set_rules(rules);
        *cdn = match (before, is_reachable) {
            // The port is not let go where that can be helped: another program could take it.
            (Some(Port::Listening(listener)), true) => Cdn::Open(self.door(listener)),
            (Some(Port::Bound(socket)), true) => Cdn::Open(self.door(socket.listen(1024)?)),
            (Some(Port::Bound(socket)), false) => Cdn::Closed(socket),
            (None, true) => Cdn::Open(self.door(bind(self.address)?.listen(1024)?)),
            (listening, false) => {
                drop(listening);
                Cdn::Closed(bind(self.address)?)
            }
        };
        Ok(())
    }

    fn door(&self, listener: TcpListener) -> Door {
        Door::open(listener, Arc::clone(&self.shared), Role::Cdn)
    }
}

/// What there was of the port.
enum Port {
    Listening(TcpListener),
    Bound(TcpSocket),
}

/// The port again, without listening yet.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The connections that were just closed linger in the system's tables. On Windows they do not count, and the
    // option means something else.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    Ok(socket)
}
