//! The faulty CDN: one directory served on two loopback ports, as the origin and as its CDN, which fails as told.
//!
//! For people who want to watch their own pages survive, and for the browser tests. A page sees two sites that do not
//! trust each other: the origin is `http://127.0.0.1:…`, the CDN is `http://localhost:…`.
//!
//! ```
//! use std::net::TcpListener;
//! use tightrope::serve::{Fault, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
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
mod door;

use door::Door;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpSocket};

/// In which way the CDN fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// In none: it answers as the origin does.
    None,
    /// Nothing listens: the connection is refused.
    Closed,
    /// 404 for everything.
    NotFound,
    /// Every file has one byte that is not the published one. Where that is easy, the file still means something: it
    /// is the reader's integrity check that must notice, not the parser.
    Tampered,
    /// The right bytes, without `Access-Control-Allow-Origin`.
    NoCors,
    /// Half of every file, then the connection is reset.
    Reset,
}

/// Which of the two homes was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// The site's own server.
    Origin,
    /// The CDN.
    Cdn,
}

/// A request that arrived. None does while the CDN is [closed](Fault::Closed).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Who was asked.
    pub home: Home,
    /// For what: the URL's path as it was sent, without the query.
    pub path: String,
    /// The URL's query as it was sent, without its question mark; empty where there is none.
    pub query: String,
}

/// What both homes share.
#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    /// Below which path the CDN has the tree; it begins and ends with a slash.
    cdn_path: String,
    requests: Mutex<Vec<Request>>,
}

impl Shared {
    /// A panic elsewhere leaves the list as usable as it was.
    fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Origin and CDN, running until it is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    origin: Door,
    cdn: Cdn,
    cdn_address: SocketAddr,
}

#[derive(Debug)]
enum Cdn {
    Open(Door),
    /// Bound but not listening: connections are refused, and nobody else gets the port.
    Closed(TcpSocket),
    /// Between two states, or after a failure between them.
    Gone,
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
        if !cdn_path.starts_with('/') || !cdn_path.ends_with('/') {
            let reason = format!("{cdn_path} does not begin and end with a slash");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let cdn_address = cdn_listener.local_addr()?;
        if !cdn_address.ip().is_loopback() {
            let reason = format!("{cdn_address} is not a loopback address");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        cdn_listener.set_nonblocking(true)?;
        let cdn_listener = TcpListener::from_std(cdn_listener)?;
        let origin_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let shared =
            Arc::new(Shared { dir: dir.to_owned(), cdn_path: cdn_path.to_owned(), requests: Mutex::default() });
        let origin = Door::open(origin_listener, Arc::clone(&shared), Home::Origin, Fault::None)?;
        let cdn = Cdn::Open(Door::open(cdn_listener, Arc::clone(&shared), Home::Cdn, Fault::None)?);
        Ok(Self { shared, origin, cdn, cdn_address })
    }

    /// Where the pages are: `http://127.0.0.1:PORT`.
    pub fn origin_url(&self) -> String {
        format!("http://{}", self.origin.address)
    }

    /// Where the same files are under another name: `http://localhost:PORT`, or `http://localhost:PORT/path`.
    pub fn cdn_url(&self) -> String {
        format!("http://localhost:{}{}", self.cdn_address.port(), self.shared.cdn_path.trim_end_matches('/'))
    }

    /// Makes the CDN fail in this way from now on.
    ///
    /// When this returns, the connections it had are closed: a browser keeps some, and would get one more good answer
    /// through them.
    pub async fn set_fault(&mut self, fault: Fault) -> io::Result<()> {
        let socket = match std::mem::replace(&mut self.cdn, Cdn::Gone) {
            Cdn::Open(door) => {
                door.close().await;
                bind(self.cdn_address)?
            }
            Cdn::Closed(socket) => socket,
            Cdn::Gone => bind(self.cdn_address)?,
        };
        self.cdn = match fault {
            Fault::Closed => Cdn::Closed(socket),
            Fault::None | Fault::NotFound | Fault::Tampered | Fault::NoCors | Fault::Reset => {
                Cdn::Open(Door::open(socket.listen(1024)?, Arc::clone(&self.shared), Home::Cdn, fault)?)
            }
        };
        Ok(())
    }

    /// The requests so far, in the order in which they arrived.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests().clone()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.requests().clear();
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    fn connect(port: u16, target: &str, host: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        Ok(stream)
    }

    /// The answer: its status line, its headers without the time, its body.
    fn ask(port: u16, target: &str, host: &str) -> io::Result<(String, String, Vec<u8>)> {
        let mut answer = Vec::new();
        connect(port, target, host)?.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("headers");
        let head = String::from_utf8(answer[..end].to_vec()).expect("text");
        let (status, headers) = head.split_once("\r\n").expect("a status line");
        let headers = headers.to_ascii_lowercase();
        let headers = headers.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n");
        Ok((status.to_owned(), headers, answer[end + 4..].to_vec()))
    }

    async fn server(dir: &Path) -> Server {
        fs::write(dir.join("index.html"), "<p>root").expect("a page");
        fs::write(dir.join("app.js"), "let a = 1;\n").expect("a script");
        fs::create_dir(dir.join("docs")).expect("a directory");
        fs::write(dir.join("docs/index.html"), "<p>docs").expect("a page");
        fs::write(dir.join("old.html"), "<meta charset=windows-1252><p>old").expect("a page");
        Server::start(dir, std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).await.expect("it starts")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_files_of_the_directory_are_served_and_only_to_loopback_names() {
        let temp = tempfile::tempdir().expect("a directory");
        fs::write(temp.path().join("secret.txt"), "secret").expect("a file");
        let dir = temp.path().join("public");
        fs::create_dir(&dir).expect("a directory");
        let server = server(&dir).await;
        let port = server.origin.address.port();
        let ask = |target: &str, host: &str| ask(port, target, host).expect("an answer");

        for (target, status, body) in [
            ("/", "200", "<p>root"),
            ("/?query", "200", "<p>root"),
            ("/docs/", "200", "<p>docs"),
            ("/app%2ejs", "200", "let a = 1;\n"),
            ("/docs", "301", ""),
            ("/gone.js", "404", "not found\n"),
            ("/../secret.txt", "404", "not found\n"),
            ("/docs/%2e%2e/app.js", "404", "not found\n"),
            ("/docs%2findex.html", "404", "not found\n"),
            ("//app.js", "404", "not found\n"),
        ] {
            let answer = ask(target, "localhost:1");
            assert!(answer.0.contains(status), "{target}: {}", answer.0);
            assert_eq!(answer.2, body.as_bytes(), "{target}");
        }
        assert!(ask("/", "127.0.0.1").1.contains("content-type: text/html; charset=utf-8"));
        let old = ask("/old.html", "127.0.0.1").1;
        assert!(old.contains("content-type: text/html") && !old.contains("charset"), "{old}");
        assert!(ask("/docs", "127.0.0.1").1.contains("location: /docs/"));
        assert!(ask("/", "attacker.example").0.contains("403"));
        assert!(ask("/", "localhost.attacker.example").0.contains("403"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn below_a_path_the_cdn_has_the_same_files_and_nothing_elsewhere() {
        let temp = tempfile::tempdir().expect("a directory");
        drop(server(temp.path()).await);
        let listener = || std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut server = Server::start_below(temp.path(), listener(), "/some/path/").await.expect("it starts");
        let port = server.cdn_address.port();
        assert_eq!(server.cdn_url(), format!("http://localhost:{port}/some/path"));
        for fault in [Fault::None, Fault::NoCors] {
            server.set_fault(fault).await.expect("the fault");
            let ask = |port: u16, target: &str| ask(port, target, "localhost").expect("an answer");
            assert_eq!(ask(port, "/some/path/app.js").2, b"let a = 1;\n");
            assert!(ask(port, "/some/path/docs").1.contains("location: /some/path/docs/"));
            for target in ["/app.js", "/some/app.js", "/some/pathapp.js", "/"] {
                assert!(ask(port, target).0.contains("404"), "{target}");
            }
            assert_eq!(ask(server.origin.address.port(), "/app.js").2, b"let a = 1;\n");
        }
        assert!(Server::start_below(temp.path(), listener(), "/some/path").await.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_cdn_fails_as_told_and_recovers() {
        let temp = tempfile::tempdir().expect("a directory");
        let mut server = server(temp.path()).await;
        let port = server.cdn_address.port();
        let cors = "access-control-allow-origin: *";
        let ask = || ask(port, "/app.js", "localhost");

        let healthy = ask().expect("an answer");
        assert_eq!(healthy.2, b"let a = 1;\n");
        assert!(healthy.1.contains(cors) && healthy.1.contains("content-type: text/javascript"), "{}", healthy.1);
        let request = |query: &str| Request { home: Home::Cdn, path: "/app.js".to_owned(), query: query.to_owned() };
        assert_eq!(server.requests(), [request("")]);
        server.clear_requests();
        connect(port, "/app.js?v=1", "localhost")
            .and_then(|mut stream| stream.read_to_end(&mut Vec::new()))
            .expect("an answer");
        assert_eq!(server.requests(), [request("v=1")]);
        server.clear_requests();

        server.set_fault(Fault::Closed).await.expect("it closes");
        assert_eq!(ask().expect_err("a refusal").kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(server.requests(), []);

        server.set_fault(Fault::Tampered).await.expect("it opens again");
        let tampered = ask().expect("an answer").2;
        assert_eq!(tampered.len(), healthy.2.len());
        assert_eq!(tampered.iter().zip(&healthy.2).filter(|(a, b)| a != b).count(), 1);

        server.set_fault(Fault::NoCors).await.expect("another fault");
        let answer = ask().expect("an answer");
        assert_eq!(answer.2, healthy.2);
        assert!(!answer.1.contains("access-control"), "{}", answer.1);

        server.set_fault(Fault::NotFound).await.expect("another fault");
        let answer = ask().expect("an answer");
        assert!(answer.0.contains("404") && answer.1.contains(cors), "{} {}", answer.0, answer.1);

        server.set_fault(Fault::Reset).await.expect("another fault");
        let mut stream = connect(port, "/app.js", "localhost").expect("a connection");
        let mut answer = Vec::new();
        let error = stream.read_to_end(&mut answer).expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.contains("content-length: 11\r\n") && answer.ends_with("\r\n\r\nlet a"), "{answer}");

        server.set_fault(Fault::None).await.expect("the end of all faults");
        assert_eq!(ask().expect("an answer"), healthy);
    }
}
