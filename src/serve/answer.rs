//! One request: from a URL's path to a file's bytes, spoiled as the fault demands.

use super::{Fault, Home, Request, Shared};
use crate::html::encoding;
use crate::model::media_type::{self, Kind};
use crate::model::path::SitePath;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, Response, StatusCode};
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Answers `request` as `home` does under this fault.
pub(super) async fn answer(
    request: hyper::Request<Incoming>,
    shared: &Shared,
    home: Home,
    fault: Fault,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    let query = request.uri().query().unwrap_or_default();
    shared.requests().push(Request { home, path: path.to_owned(), query: query.to_owned() });
    let mut response = if !is_loopback(request.headers()) {
        text(StatusCode::FORBIDDEN, "only loopback names are served\n")
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n")
    } else if fault == Fault::NotFound {
        not_found()
    } else {
        let below = if home == Home::Cdn { &shared.cdn_path } else { "/" };
        file(path, below, shared, fault).await
    };
    let headers = response.headers_mut();
    // Each load of a page must ask again: what a cache remembers of a healthy CDN hides the fault.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if home == Home::Cdn && fault != Fault::NoCors {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    Ok(response)
}

/// Whether the client means this machine: a page elsewhere can point a name of its own at 127.0.0.1, and would read the
/// files if any name were served.
fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]"))
}

async fn file(url_path: &str, below: &str, shared: &Shared, fault: Fault) -> Response<Body> {
    let index = if url_path.ends_with('/') { "index.html" } else { "" };
    let wanted = url_path.strip_prefix(below).and_then(|path| SitePath::from_url_path(&format!("{path}{index}")));
    let Some(wanted) = wanted else { return not_found() };
    let on_disk = shared.dir.join(wanted.as_str());
    match tokio::fs::read(&on_disk).await {
        Ok(bytes) => whole(&wanted, bytes, fault),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            // Relative references of the page count from the slash.
            let mut response = text(StatusCode::MOVED_PERMANENTLY, "");
            if let Ok(location) = HeaderValue::from_str(&format!("{url_path}/")) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Err(_) => not_found(),
    }
}

fn whole(path: &SitePath, mut bytes: Vec<u8>, fault: Fault) -> Response<Body> {
    let (kind, media_type) = media_type::of(path);
    let media_type = match path.extension().as_str() {
        // What a header says counts more than what the page says of itself.
        "html" | "htm" if encoding::sniff(&bytes).meta.is_some() => "text/html",
        "html" | "htm" => "text/html; charset=utf-8",
        "xhtml" => "application/xhtml+xml",
        "webmanifest" => "application/manifest+json",
        _ => media_type,
    };
    if fault == Fault::Tampered {
        tamper(&mut bytes, kind);
    }
    let length = bytes.len();
    let body = if fault == Fault::Reset { half(bytes) } else { full(bytes) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Changes one byte. A text gets another white space, so that it runs and looks as before; what is not text, or has no
/// white space, loses a bit at its end, which an image decoder seldom looks at.
fn tamper(bytes: &mut [u8], kind: Kind) {
    let is_text = matches!(kind, Kind::Script | Kind::Style | Kind::Data);
    let space = bytes.iter_mut().rfind(|byte| is_text && **byte == b' ');
    if let Some(space) = space {
        *space = b'\t';
    } else if let Some(last) = bytes.last_mut() {
        // `\n` becomes VT, which JavaScript takes for white space; and no byte becomes itself.
        *last ^= 1;
    }
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The first half, then an error, upon which the connection is closed.
fn half(mut bytes: Vec<u8>) -> Body {
    bytes.truncate(bytes.len() / 2);
    Half { next: Step::Send(bytes.into()) }.boxed_unsync()
}

/// Says nothing of its length: the header promises the whole, and hyper compares the two.
struct Half {
    next: Step,
}

enum Step {
    Send(Bytes),
    /// What was given before is written out when the body makes the connection wait, and not before.
    Wait,
    Break,
}

impl hyper::body::Body for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match std::mem::replace(&mut self.next, Step::Break) {
            Step::Send(bytes) => {
                self.next = Step::Wait;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Step::Wait => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }
}

fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "not found\n")
}

fn text(status: StatusCode, message: &'static str) -> Response<Body> {
    let mut response = Response::new(full(message));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
