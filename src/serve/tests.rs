//! Each fault through a real socket.

use super::*;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub(super) const SCRIPT: &[u8] = b"let a = 1;\n";
const CORS: &str = "access-control-allow-origin: *";

pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case, without the time.
    pub(super) headers: String,
    pub(super) body: Vec<u8>,
}

fn listener() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port")
}

fn connect(port: u16, request: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    // What waits longer than this has been forgotten.
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request.replace("Host: localhost\r\n", &format!("Host: localhost:{port}\r\n")).as_bytes())?;
    Ok(stream)
}

fn get(target: &str, more: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n")
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("headers");
    let head = String::from_utf8(bytes[..end].to_vec()).expect("text").to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let headers = head.lines().skip(1).filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n");
    Answer { status, headers, body: bytes[end + 4..].to_vec() }
}

pub(super) fn send(port: u16, request: &str) -> io::Result<Answer> {
    let mut answer = Vec::new();
    connect(port, request)?.read_to_end(&mut answer)?;
    Ok(parse(&answer))
}

pub(super) fn ask(port: u16, target: &str) -> Answer {
    send(port, &get(target, "")).expect("an answer")
}

/// Reads until the answer has this many bytes behind its headers.
fn read_until(stream: &mut TcpStream, body: usize) -> Answer {
    let mut bytes = Vec::new();
    let is_enough = |bytes: &[u8]| {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        end.is_some_and(|end| bytes.len() >= end + 4 + body)
    };
    while !is_enough(&bytes) {
        let mut one = [0];
        stream.read_exact(&mut one).expect("more");
        bytes.extend(one);
    }
    parse(&bytes)
}

/// Whether the connection is open, with nothing to read.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

fn site(dir: &Path) {
    fs::write(dir.join("index.html"), "<p>root").expect("a page");
    fs::write(dir.join("app.js"), SCRIPT).expect("a script");
    fs::create_dir(dir.join("docs")).expect("a directory");
    fs::write(dir.join("docs/index.html"), "<p>docs").expect("a page");
    fs::write(dir.join("old.html"), "<meta charset=windows-1252><p>old").expect("a page");
    fs::write(dir.join("long.css"), "p { color: red }\n".repeat(241)).expect("a sheet");
}

/// A server, its origin's port and its CDN's.
pub(super) async fn server(dir: &Path) -> (Server, u16, u16) {
    site(dir);
    with_ports(Server::start(dir, listener()).await.expect("it starts"))
}

fn with_ports(server: Server) -> (Server, u16, u16) {
    let (origin, cdn) = (server.shared().origin.port(), server.shared().cdn.port());
    (server, origin, cdn)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_of_the_directory_are_served_and_only_to_loopback_names() {
    let temp = tempfile::tempdir().expect("a directory");
    fs::write(temp.path().join("secret.txt"), "secret").expect("a file");
    let dir = temp.path().join("public");
    fs::create_dir(&dir).expect("a directory");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret.txt", dir.join("link.txt")).expect("a link");
        std::os::unix::fs::symlink("..", dir.join("up")).expect("a link");
        std::os::unix::fs::symlink("app.js", dir.join("inside.js")).expect("a link");
    }
    let (_server, port, _) = server(&dir).await;
    if cfg!(unix) {
        assert_eq!(ask(port, "/inside.js").body, SCRIPT);
    }
    for (target, status, body) in [
        ("/", 200, "<p>root"),
        ("/?query", 200, "<p>root"),
        ("/docs/", 200, "<p>docs"),
        ("/app%2ejs", 200, "let a = 1;\n"),
        ("/docs", 301, ""),
        ("/gone.js", 404, "not found\n"),
        ("/../secret.txt", 404, "not found\n"),
        ("/%2e%2e/secret.txt", 404, "not found\n"),
        ("/link.txt", 404, "not found\n"),
        ("/up/secret.txt", 404, "not found\n"),
        ("/docs/%2e%2e/app.js", 404, "not found\n"),
        ("/docs%2findex.html", 404, "not found\n"),
        ("//app.js", 404, "not found\n"),
        ("/..%2fsecret.txt", 404, "not found\n"),
        ("/..%5csecret.txt", 404, "not found\n"),
        ("/docs/..%2f..%2fsecret.txt", 404, "not found\n"),
        ("/docs/%2e%2e%5c%2e%2e/secret.txt", 404, "not found\n"),
        ("/.%2e/secret.txt", 404, "not found\n"),
        ("/%252e%252e/secret.txt", 404, "not found\n"),
        ("/app.js%00", 404, "not found\n"),
        ("/%00/../secret.txt", 404, "not found\n"),
        ("/./app.js", 404, "not found\n"),
        ("/%c0%ae%c0%ae/secret.txt", 404, "not found\n"),
    ] {
        let answer = ask(port, target);
        assert_eq!((answer.status, answer.body), (status, body.as_bytes().to_vec()), "{target}");
    }
    assert!(ask(port, "/").headers.contains("content-type: text/html; charset=utf-8"));
    let old = ask(port, "/old.html").headers;
    assert!(old.contains("content-type: text/html") && !old.contains("charset"), "{old}");
    assert!(ask(port, "/docs").headers.contains("location: /docs/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_means_another_host_or_port_is_refused_in_both_homes_and_on_the_control_page() {
    let temp = tempfile::tempdir().expect("a directory");
    let (_server, origin, cdn) = server(temp.path()).await;
    for (port, other) in [(origin, cdn), (cdn, origin)] {
        let status = |target: &str, headers: &str| {
            let request = format!("GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
            send(port, &request).expect("an answer").status
        };
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert_eq!(status("/app.js", &format!("Host: {host}:{port}\r\n")), 200, "{host}");
        }
        assert_eq!(status(&format!("http://localhost:{port}/app.js"), &format!("Host: localhost:{port}\r\n")), 200);
        let own = format!("localhost:{port}");
        for headers in [
            format!("Host: attacker.example:{port}\r\n"),
            format!("Host: localhost.attacker.example:{port}\r\n"),
            format!("Host: localhost@attacker.example:{port}\r\n"),
            format!("Host: attacker.example@{own}\r\n"),
            format!("Host: localhost:{other}\r\n"),
            format!("Host: 0.0.0.0:{port}\r\n"),
            format!("Host: 127.0.0.1.nip.io:{port}\r\n"),
            format!("Host: {own}/\r\n"),
            format!("Host: {own}, attacker.example\r\n"),
            format!("Host: {own}\r\nHost: attacker.example\r\n"),
            format!("Host: attacker.example\r\nHost: {own}\r\n"),
            "Host: 127.0.0.1\r\n".to_owned(),
            "Host: \r\n".to_owned(),
            String::new(),
        ] {
            for target in ["/", "/app.js", "/__tightrope__/", "/__tightrope__/state"] {
                assert!(matches!(status(target, &headers), 400 | 403), "{target} {headers}");
            }
        }
        let absolute = format!("http://attacker.example:{port}/app.js");
        assert_eq!(status(&absolute, &format!("Host: {own}\r\n")), 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_heads_and_a_page_of_its_own_for_what_is_missing() {
    let temp = tempfile::tempdir().expect("a directory");
    let (_server, origin, cdn) = server(temp.path()).await;
    let part = send(cdn, &get("/app.js", "Range: bytes=4-4\r\n")).expect("an answer");
    assert_eq!((part.status, &part.body[..]), (206, &b"a"[..]));
    for header in ["content-range: bytes 4-4/11", "content-length: 1", "accept-ranges: bytes", CORS, "no-store"] {
        assert!(part.headers.contains(header), "{header}: {}", part.headers);
    }
    let beyond = send(cdn, &get("/app.js", "Range: bytes=11-\r\n")).expect("an answer");
    assert_eq!((beyond.status, beyond.body.len()), (416, 0));
    assert!(beyond.headers.contains("content-range: bytes */11"), "{}", beyond.headers);

    let head = send(origin, &get("/app.js", "").replace("GET", "HEAD")).expect("an answer");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(
        head.headers.contains("content-length: 11") && head.headers.contains("text/javascript"),
        "{}",
        head.headers
    );
    assert_eq!(send(origin, &get("/app.js", "").replace("GET", "PUT")).expect("an answer").status, 405);

    fs::write(temp.path().join("404.html"), "<p>gone").expect("a page");
    let gone = send(origin, &get("/gone", "Range: bytes=0-1\r\n")).expect("an answer");
    assert_eq!((gone.status, &gone.body[..]), (404, &b"<p>gone"[..]));
    assert!(gone.headers.contains("content-type: text/html"), "{}", gone.headers);
    assert_eq!(ask(cdn, "/gone").body, b"not found\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn below_a_path_the_cdn_has_the_same_files_and_nothing_elsewhere() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    let server = Server::start_below(temp.path(), listener(), "/some/path/").await.expect("it starts");
    let (mut server, origin, cdn) = with_ports(server);
    assert_eq!(server.cdn_url(), format!("http://localhost:{cdn}/some/path"));
    for fault in [Fault::None, Fault::NoCors] {
        server.set_fault(fault).await.expect("the fault");
        assert_eq!(ask(cdn, "/some/path/app.js").body, SCRIPT);
        assert!(ask(cdn, "/some/path/docs").headers.contains("location: /some/path/docs/"));
        for target in ["/app.js", "/some/app.js", "/some/pathapp.js", "/"] {
            assert_eq!(ask(cdn, target).status, 404, "{target}");
        }
        assert_eq!(ask(origin, "/app.js").body, SCRIPT);
    }
    assert!(Server::start_below(temp.path(), listener(), "/some/path").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_listed_with_what_came_of_it() {
    let temp = tempfile::tempdir().expect("a directory");
    let (mut server, origin, cdn) = server(temp.path()).await;
    let told = |server: &Server| {
        let one = |one: Request| (one.home, one.path, one.query, one.fault, one.status, one.length, one.bytes);
        server.requests().into_iter().map(one).collect::<Vec<_>>()
    };
    let script = || "/app.js".to_owned();
    ask(cdn, "/app.js?v=1");
    assert_eq!(told(&server), [(Home::Cdn, script(), "v=1".to_owned(), Fault::None, Some(200), Some(11), 11)]);
    server.clear_requests();
    assert_eq!(server.requests(), []);
    server.set_fault(Fault::Short).await.expect("the fault");
    ask(origin, "/gone");
    let _ = send(cdn, &get("/app.js", ""));
    server.set_fault(Fault::Reset).await.expect("the fault");
    let _ = send(cdn, &get("/app.js", ""));
    let no_query = String::new;
    let expected = [
        (Home::Origin, "/gone".to_owned(), no_query(), Fault::None, Some(404), Some(10), 10),
        (Home::Cdn, script(), no_query(), Fault::Short, Some(200), Some(11), 5),
        (Home::Cdn, script(), no_query(), Fault::Reset, None, None, 0),
    ];
    assert_eq!(told(&server), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_cdn_refuses_connections_and_opens_again() {
    let temp = tempfile::tempdir().expect("a directory");
    let (mut server, origin, cdn) = server(temp.path()).await;
    for fault in [Fault::Closed, Fault::Unresolvable] {
        server.set_fault(fault).await.expect("it closes");
        let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, cdn)).expect_err("a refusal");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(ask(origin, "/app.js").body, SCRIPT);
    }
    server.set_fault(Fault::None).await.expect("it opens");
    assert_eq!(ask(cdn, "/app.js").body, SCRIPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdn_that_cannot_be_resolved_has_a_name_that_nobody_has() {
    let temp = tempfile::tempdir().expect("a directory");
    let (mut server, origin, cdn) = server(temp.path()).await;
    let page = format!("<script src={}/app.js></script>", server.cdn_url());
    fs::write(temp.path().join("page.html"), &page).expect("a page");
    assert_eq!(ask(origin, "/page.html").body, page.as_bytes());
    server.set_fault(Fault::Unresolvable).await.expect("the fault");
    let expected = format!("<script src=http://cdn.invalid:{cdn}/app.js></script>");
    let answer = ask(origin, "/page.html");
    assert_eq!(answer.body, expected.as_bytes());
    assert!(answer.headers.contains(&format!("content-length: {}", expected.len())), "{}", answer.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_says_the_encoding_when_the_meta_that_did_is_pushed_too_far_behind() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    // The port decides how long the prefix is, and the name under `.invalid` is longer by two letters at least.
    let server = Server::start(temp.path(), listener()).await.expect("it starts");
    let (mut server, origin, _) = with_ports(server);
    let (start, end) = (format!("<img src={}/a.png>", server.cdn_url()), "<meta charset=windows-1252>");
    let page = start.clone() + &" ".repeat(1024 - start.len() - end.len()) + end;
    fs::write(temp.path().join("page.html"), page).expect("a page");
    assert!(ask(origin, "/page.html").headers.contains("content-type: text/html\n"));
    server.set_fault(Fault::Unresolvable).await.expect("the fault");
    let headers = ask(origin, "/page.html").headers;
    assert!(headers.contains("content-type: text/html; charset=windows-1252\n"), "{headers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_comes_before_any_byte() {
    let temp = tempfile::tempdir().expect("a directory");
    let (mut server, _, cdn) = server(temp.path()).await;
    server.set_fault(Fault::Reset).await.expect("the fault");
    let mut answer = Vec::new();
    let error = connect(cdn, &get("/app.js", "")).expect("a connection").read_to_end(&mut answer).expect_err("a reset");
    assert_eq!((error.kind(), answer.len()), (ErrorKind::ConnectionReset, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_cdn_keeps_the_connection_open_and_silent() {
    let temp = tempfile::tempdir().expect("a directory");
    let (mut server, _, cdn) = server(temp.path()).await;
    server.set_rules(Rules::parse(&["hang", "*.css=none"]).expect("rules")).await.expect("the fault");
    let mut hanging = connect(cdn, &get("/app.js", "")).expect("a connection");
    // Another one is answered meanwhile, and again when the first is known to have arrived.
    while server.requests().iter().all(|request| request.path != "/app.js") {
        assert_eq!(ask(cdn, "/long.css").status, 200);
    }
    assert_eq!(ask(cdn, "/long.css").status, 200);
    assert!(is_silent(&mut hanging));

    server.set_rules(Rules::parse(&["hang-in-body", "*.css=none"]).expect("rules")).await.expect("the fault");
    let mut hanging = connect(cdn, &get("/app.js", "")).expect("a connection");
    let answer = read_until(&mut hanging, 5);
    assert!(answer.headers.contains("content-length: 11"), "{}", answer.headers);
    assert_eq!(answer.body, &SCRIPT[..5]);
    assert_eq!(ask(cdn, "/long.css").status, 200);
    assert!(is_silent(&mut hanging));

    // It ends when the CDN does something else.
    server.set_fault(Fault::None).await.expect("the end");
    assert!(!is_silent(&mut hanging));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_cdn_sends_ten_kibibytes_a_second() {
    let temp = tempfile::tempdir().expect("a directory");
    let (mut server, _, cdn) = server(temp.path()).await;
    server.set_fault(Fault::Slow).await.expect("the fault");
    let start = Instant::now();
    let mut stream = connect(cdn, &get("/long.css", "")).expect("a connection");
    assert_eq!(read_until(&mut stream, 1024).body.len(), 1024);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the rest");
    assert_eq!(rest.len(), 17 * 241 - 1024);
    assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_answer_ends_in_good_order_before_its_promised_length() {
    let temp = tempfile::tempdir().expect("a directory");
    let (mut server, _, cdn) = server(temp.path()).await;
    server.set_fault(Fault::Short).await.expect("the fault");
    let answer = ask(cdn, "/app.js");
    assert_eq!((answer.status, &answer.body[..]), (200, &SCRIPT[..5]));
    assert!(answer.headers.contains("content-length: 11"), "{}", answer.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_instead_of_the_file_is_as_the_fault_says() {
    let temp = tempfile::tempdir().expect("a directory");
    let (mut server, _, cdn) = server(temp.path()).await;
    for (fault, status, media_type, body) in [
        (Fault::None, 200, "text/javascript", "let a = 1;\n"),
        (Fault::Empty, 200, "text/javascript", ""),
        (Fault::NotFound, 404, "text/plain", "not found\n"),
        (Fault::ServerError, 500, "text/plain", "internal server error\n"),
        (Fault::HtmlError, 200, "text/html", "<!doctype html>"),
        (Fault::WrongType, 200, "text/plain", "let a = 1;\n"),
        (Fault::Tampered, 200, "text/javascript", "let a =\t1;\n"),
        (Fault::NoCors, 200, "text/javascript", "let a = 1;\n"),
    ] {
        server.set_fault(fault).await.expect("the fault");
        let answer = ask(cdn, "/app.js");
        let text = String::from_utf8(answer.body).expect("text");
        assert!(
            answer.status == status && text.starts_with(body) && text.is_empty() == body.is_empty(),
            "{fault:?}: {text}"
        );
        let has = |header: &str| answer.headers.contains(header);
        assert!(has(&format!("content-type: {media_type}")), "{fault:?}: {}", answer.headers);
        assert!(has(&format!("content-length: {}", text.len())), "{fault:?}: {}", answer.headers);
        assert!(has("cache-control: no-store"), "{fault:?}: {}", answer.headers);
        assert_eq!(has(CORS), fault != Fault::NoCors, "{fault:?}");
        assert_eq!(has("nosniff"), fault == Fault::WrongType, "{fault:?}");
    }
}
