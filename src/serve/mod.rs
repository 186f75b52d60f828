//! The faulty CDN: one directory served on two loopback ports, as the origin and as its CDN, which fails as told.
//!
//! For people who want to watch their own pages survive (`tightrope serve`), and for the browser tests. A page sees two
//! sites that do not trust each other: the origin is `http://127.0.0.1:…`, the CDN is `http://localhost:…`.
//!
//! A page that was built for another CDN is served with that one's prefix replaced, in URLs and in policies. No other
//! file names it. Nothing may be cached (`Cache-Control: no-store`), so that every load shows what the fault does.
//!
//! ```
//! use std::net::TcpListener;
//! use tightrope::serve::{Fault, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let public = tempfile::tempdir()?;
//! // The CDN's port comes first: a site is built for it.
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut server = Server::start(public.path(), listener).await?;
//! println!("open {}, its CDN is {}", server.origin_url(), server.cdn_url());
//! server.set_fault(Fault::Closed).await?;
//! # Ok(())
//! # }
//! ```

mod answer;
mod body;
mod control;
mod door;
mod fault;
mod log;
mod page;
mod prefix;
mod range;
mod site;
mod switch;

pub use fault::{Fault, Rules};
pub use log::{Home, Request};

use crate::error::{Error, Result};
use crate::model::path::SitePath;
use door::{Door, Role};
use log::Log;
use prefix::Move;
use site::Site;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use switch::Switch;
use tokio::net::TcpListener;
use url::Url;

/// A name that no resolver knows (RFC 6761, section 6.4).
const UNRESOLVABLE: &str = "cdn.invalid";

/// What both homes share.
#[derive(Debug)]
struct Shared {
    site: Site,
    origin: SocketAddr,
    cdn: SocketAddr,
    rules: RwLock<Rules>,
    log: Log,
}

impl Shared {
    /// A panic elsewhere leaves the rules as usable as they were.
    fn rules(&self) -> Rules {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// How the CDN treats what a request asks for.
    fn fault_of(&self, path: Option<&SitePath>) -> Fault {
        let rules = self.rules();
        path.map_or(rules.whole(), |path| rules.fault_of(&self.site.names(path)))
    }

    /// To where the CDN must be moved in a page; `None` when the page has it right.
    fn moved(&self) -> Option<Move> {
        let host = if self.rules().whole() == Fault::Unresolvable { UNRESOLVABLE } else { "localhost" };
        Move::new(self.site.cdn.as_ref()?, &format!("http://{host}:{}", self.cdn.port()))
    }

    fn origin_url(&self) -> String {
        format!("http://{}", self.origin)
    }

    fn cdn_url(&self) -> String {
        format!("http://localhost:{}{}", self.cdn.port(), self.site.cdn_path.trim_end_matches('/'))
    }
}

/// Origin and CDN, running until it is dropped.
#[derive(Debug)]
pub struct Server {
    // It holds the switch, and with it the CDN's door: both end with it.
    _origin: Door,
    switch: Arc<Switch>,
}

impl Server {
    /// Serves `dir`: as the CDN through `cdn_listener`, whose port the site in `dir` was built for, and as the origin
    /// through a free port.
    ///
    /// A listener that is not on the loopback interface is refused: this server must not be reachable from elsewhere.
    pub async fn start(dir: &Path, cdn_listener: std::net::TcpListener) -> io::Result<Self> {
        Self::start_below(dir, cdn_listener, "/").await
    }

    /// As [`start`](Self::start), but the CDN has the files below a path and nothing elsewhere. It begins and ends with
    /// a slash.
    pub async fn start_below(dir: &Path, cdn_listener: std::net::TcpListener, cdn_path: &str) -> io::Result<Self> {
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidInput, reason);
        if !cdn_path.starts_with('/') || !cdn_path.ends_with('/') {
            return Err(invalid(format!("{cdn_path} does not begin and end with a slash")));
        }
        let cdn = format!("http://localhost:{}{cdn_path}", cdn_listener.local_addr()?.port());
        let cdn = Url::parse(&cdn).map_err(|error| invalid(format!("{cdn}: {error}")))?;
        let site = Site::of_directory(dir, cdn).map_err(io::Error::other)?;
        Self::run(site, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, cdn_listener)
    }

    /// Serves `out`, an output of `tightrope build`, by its manifest: below its base path as the origin, and below the
    /// path of the CDN that it was built for as that. Port 0 is any that is free.
    pub async fn of_output(out: &Path, port: u16, cdn_port: u16, rules: Rules) -> Result<Self> {
        let site = Site::of_output(out)?;
        let listen = |setting, port| {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port));
            listener.map_err(|error| no_port(setting, port, &error))
        };
        let (origin, cdn) = (listen("--port", port)?, listen("--cdn-port", cdn_port)?);
        let from_std = |listener: std::net::TcpListener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let origin = from_std(origin).map_err(|error| no_port("--port", port, &error))?;
        let server = Self::run(site, origin, cdn).map_err(|error| no_port("--cdn-port", cdn_port, &error))?;
        server.set_rules(rules).await.map_err(|error| no_port("--cdn-port", cdn_port, &error))?;
        Ok(server)
    }

    fn run(site: Site, origin: TcpListener, cdn_listener: std::net::TcpListener) -> io::Result<Self> {
        let cdn = cdn_listener.local_addr()?;
        if !cdn.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{cdn} is not a loopback address")));
        }
        cdn_listener.set_nonblocking(true)?;
        let cdn_listener = TcpListener::from_std(cdn_listener)?;
        let (rules, log) = Default::default();
        let shared = Arc::new(Shared { site, origin: origin.local_addr()?, cdn, rules, log });
        let switch = Arc::new(Switch::new(Arc::clone(&shared), cdn_listener)?);
        let origin = Door::open(origin, shared, Role::Origin(Arc::clone(&switch)));
        Ok(Self { _origin: origin, switch })
    }

    fn shared(&self) -> &Shared {
        &self.switch.shared
    }

    /// The origin: `http://127.0.0.1:PORT`.
    pub fn origin_url(&self) -> String {
        self.shared().origin_url()
    }

    /// Where the pages are: the origin's URL and the base path, with its slash.
    pub fn site_url(&self) -> String {
        format!("{}{}", self.origin_url(), self.shared().site.base_path)
    }

    /// Where the same files are under another name: `http://localhost:PORT`, or `http://localhost:PORT/path`.
    pub fn cdn_url(&self) -> String {
        self.shared().cdn_url()
    }

    /// The base URL of the CDN for which the pages were built, if they were built for one.
    pub fn built_for(&self) -> Option<&str> {
        self.shared().site.cdn.as_ref().map(Url::as_str)
    }

    /// A page that lists the requests, and from which the CDN's fault can be changed.
    pub fn control_url(&self) -> String {
        format!("{}{}", self.origin_url(), control::PATH)
    }

    /// Makes the CDN fail in this way from now on, for every file.
    ///
    /// When this returns, the connections it had are closed: a browser keeps some, and would get one more good answer
    /// through them.
    pub async fn set_fault(&mut self, fault: Fault) -> io::Result<()> {
        self.set_rules(Rules::all(fault)).await
    }

    /// As [`set_fault`](Self::set_fault), for each file as the rules say.
    pub async fn set_rules(&self, rules: Rules) -> io::Result<()> {
        self.switch.turn(rules).await
    }

    /// The requests so far, in the order in which they arrived.
    pub fn requests(&self) -> Vec<Request> {
        self.shared().log.latest(usize::MAX).1
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared().log.clear();
    }
}

fn no_port(setting: &'static str, port: u16, error: &io::Error) -> Error {
    Error::Setting { setting, value: port.to_string(), reason: format!("cannot listen on it: {error}") }
}

#[cfg(test)]
mod tests;
