//! One request: from a URL's path to a file's bytes, spoiled as the fault demands.

use super::body::Reply;
use super::door::Role;
use super::range::{self, Wanted};
use super::site::Found;
use super::{Fault, Home, Request, Shared, control, page};
use crate::html::encoding;
use crate::model::media_type::{self, Kind};
use crate::model::path::SitePath;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, Response, StatusCode};
use std::future::pending;
use std::sync::Arc;

/// The connection is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("the connection is to be reset")]
pub(super) struct Reset;

/// An answer before it is spoiled.
#[derive(Debug, Default)]
pub(super) struct Plain {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) bytes: Vec<u8>,
    /// The bytes of which file these are.
    file: Option<Kind>,
}

/// Answers `request` as `role` does.
pub(super) async fn answer(
    request: hyper::Request<Incoming>,
    shared: &Arc<Shared>,
    role: &Role,
) -> Result<Response<Reply>, Reset> {
    if let Role::Origin(switch) = role
        && control::is_for(request.uri().path())
    {
        let plain = match refuse_stranger(&request, Home::Origin, shared) {
            Some(refusal) => refusal,
            None => control::answer(request, switch).await,
        };
        return Ok(respond(plain, Reply::whole));
    }
    let home = role.home();
    let url_path = request.uri().path();
    let path = shared.site.path_of(url_path, home);
    let fault = if home == Home::Cdn { shared.fault_of(path.as_ref()) } else { Fault::None };
    let number = shared.log.add(logged(&request, home, fault));
    match fault {
        Fault::Hang => pending().await,
        Fault::Reset => return Err(Reset),
        _ => {}
    }
    let refusal = refuse_stranger(&request, home, shared).or_else(|| refuse_method(request.method()));
    let plain = match refusal {
        Some(refusal) => refusal,
        None => spoiled(plain(url_path, path.as_ref(), home, shared).await, fault),
    };
    let plain = in_part(with_cors(plain, request.headers(), home, fault, shared), request.headers());
    let (status, length) = (plain.status.as_u16(), plain.bytes.len() as u64);
    shared.log.update(number, |request| (request.status, request.length) = (Some(status), Some(length)));
    let body = |bytes| match fault {
        Fault::HangInBody => Reply::stuck(bytes),
        Fault::Short => Reply::short(bytes),
        Fault::Slow => Reply::slow(bytes),
        _ => Reply::whole(bytes),
    };
    Ok(respond(plain, |bytes| body(bytes).counted(shared, number)))
}

fn logged(request: &hyper::Request<Incoming>, home: Home, fault: Fault) -> Request {
    Request {
        home,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        fault,
        status: None,
        length: None,
        bytes: 0,
    }
}

/// Only those are answered who mean this port of this machine: a page elsewhere can point a name of its own at
/// 127.0.0.1, and would read the files if any name were served (DNS rebinding). Who names two hosts means no one.
fn refuse_stranger(request: &hyper::Request<Incoming>, home: Home, shared: &Shared) -> Option<Plain> {
    let port = if home == Home::Cdn { shared.cdn.port() } else { shared.origin.port() };
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let known = hosts.next().is_none()
        && host.is_some_and(|host| is_own(&host, port))
        && request.uri().authority().is_none_or(|authority| is_own(authority, port));
    (!known).then(|| Plain::text(StatusCode::FORBIDDEN, "only loopback names with this port are served\n"))
}

/// Without a port it is that of HTTP (RFC 9110, section 4.2.1).
fn is_own(authority: &Authority, port: u16) -> bool {
    matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]")
        && !authority.as_str().contains('@')
        && authority.port().map_or(port == 80, |written| written.as_u16() == port)
}

fn refuse_method(method: &Method) -> Option<Plain> {
    let known = matches!(*method, Method::GET | Method::HEAD);
    (!known).then(|| Plain::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n"))
}

/// What a healthy server answers.
async fn plain(url_path: &str, path: Option<&SitePath>, home: Home, shared: &Shared) -> Plain {
    let root = shared.site.root(home);
    if home == Home::Origin && url_path == "/" && root != "/" {
        return Plain::redirect(StatusCode::FOUND, root);
    }
    if url_path.strip_suffix('/').is_none() && root.strip_suffix('/') == Some(url_path) {
        return Plain::redirect(StatusCode::MOVED_PERMANENTLY, root);
    }
    let Some(path) = path else { return not_found(home, shared).await };
    match shared.site.read(path).await {
        Found::File(bytes) => file(path, bytes, shared),
        // Relative references of the page count from the slash.
        Found::Directory => Plain::redirect(StatusCode::MOVED_PERMANENTLY, &format!("{root}{}/", path.to_url())),
        Found::Nothing => not_found(home, shared).await,
    }
}

/// The site's own page for that, if it has one; of the CDN nobody reads it.
async fn not_found(home: Home, shared: &Shared) -> Plain {
    let own = SitePath::new("404.html").filter(|_| home == Home::Origin);
    if let Some(own) = own
        && let Found::File(bytes) = shared.site.read(&own).await
    {
        return Plain { status: StatusCode::NOT_FOUND, ..file(&own, bytes, shared) };
    }
    Plain::text(StatusCode::NOT_FOUND, "not found\n")
}

fn file(path: &SitePath, bytes: Vec<u8>, shared: &Shared) -> Plain {
    let kind = media_type::of(path).0;
    let to = shared.moved().filter(|_| shared.site.may_name_cdn(path));
    let moved = to.map(|to| page::moved(path, &bytes, &to));
    let media_type = media_type(path, &bytes, moved.as_deref().unwrap_or(&bytes));
    let bytes = moved.unwrap_or(bytes);
    let headers = HeaderValue::from_str(&media_type).ok().map(|value| (header::CONTENT_TYPE, value));
    Plain { bytes, headers: headers.into_iter().collect(), file: Some(kind), ..Plain::default() }
}

/// The media type of a file, with the encoding where the page does not say it itself: what a header says counts more.
/// `written` is the file, and `served` what is sent, in which a `<meta>` may have got too far behind to be looked for.
fn media_type(path: &SitePath, written: &[u8], served: &[u8]) -> String {
    match path.extension().as_str() {
        "html" | "htm" if encoding::sniff(served).meta.is_some() => "text/html".to_owned(),
        "html" | "htm" => {
            let sniffed = encoding::sniff(written);
            let encoding = sniffed.meta.map_or(encoding_rs::UTF_8, |_| sniffed.encoding);
            format!("text/html; charset={}", encoding.name().to_ascii_lowercase())
        }
        "xhtml" | "xht" => "application/xhtml+xml".to_owned(),
        "txt" => "text/plain; charset=utf-8".to_owned(),
        "xml" => "application/xml".to_owned(),
        "pdf" => "application/pdf".to_owned(),
        _ => media_type::of(path).1.to_owned(),
    }
}

/// What becomes of an answer whose content is not the right one.
fn spoiled(mut plain: Plain, fault: Fault) -> Plain {
    const PAGE: &str = "<!doctype html><title>Error</title><h1>An error occurred</h1><p>Please try again later.\n";
    match (fault, plain.file) {
        (Fault::NotFound, _) => Plain::text(StatusCode::NOT_FOUND, "not found\n"),
        (Fault::ServerError, _) => Plain::text(StatusCode::INTERNAL_SERVER_ERROR, "internal server error\n"),
        (Fault::HtmlError, _) => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            Plain { bytes: PAGE.into(), headers: vec![(header::CONTENT_TYPE, html)], ..Plain::default() }
        }
        (Fault::Empty, _) => Plain { status: StatusCode::OK, bytes: Vec::new(), ..plain },
        (Fault::WrongType, Some(_)) => {
            let text = HeaderValue::from_static("text/plain");
            let nosniff = HeaderValue::from_static("nosniff");
            plain.headers = vec![(header::CONTENT_TYPE, text), (header::X_CONTENT_TYPE_OPTIONS, nosniff)];
            plain
        }
        (Fault::Tampered, Some(kind)) => {
            tamper(&mut plain.bytes, kind);
            plain
        }
        _ => plain,
    }
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

/// Pages of any site may read what the CDN serves. Where cookies go along, the asker must be named.
fn with_cors(mut plain: Plain, asked: &HeaderMap, home: Home, fault: Fault, shared: &Shared) -> Plain {
    if home == Home::Origin || fault == Fault::NoCors {
        return plain;
    }
    let asker = asked.get(header::ORIGIN).filter(|_| shared.site.with_credentials);
    if asker.is_some() {
        plain.headers.push((header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
    }
    let allowed = asker.cloned().unwrap_or(HeaderValue::from_static("*"));
    plain.headers.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed));
    plain
}

/// The part that is asked for, of a file that is there.
fn in_part(mut plain: Plain, asked: &HeaderMap) -> Plain {
    if plain.file.is_none() || plain.status != StatusCode::OK {
        return plain;
    }
    let length = plain.bytes.len();
    plain.headers.push((header::ACCEPT_RANGES, HeaderValue::from_static("bytes")));
    let range = asked.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, content_range) = match range::wanted(range, length) {
        Wanted::All => return plain,
        Wanted::Part(part) => {
            let content_range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            plain.bytes = plain.bytes[part].to_vec();
            (StatusCode::PARTIAL_CONTENT, content_range)
        }
        Wanted::Unsatisfiable => {
            plain.bytes.clear();
            (StatusCode::RANGE_NOT_SATISFIABLE, format!("bytes */{length}"))
        }
    };
    plain.status = status;
    plain.headers.extend(HeaderValue::from_str(&content_range).ok().map(|value| (header::CONTENT_RANGE, value)));
    plain
}

/// The answer as it is sent.
fn respond(plain: Plain, body: impl FnOnce(Vec<u8>) -> Reply) -> Response<Reply> {
    let length = plain.bytes.len();
    let mut response = Response::new(body(plain.bytes));
    *response.status_mut() = plain.status;
    let headers = response.headers_mut();
    headers.extend(plain.headers);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    // Each load of a page must ask again: what a cache remembers of a healthy CDN hides the fault.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Plain {
    /// Words for people.
    pub(super) fn text(status: StatusCode, message: &str) -> Self {
        Self::of(status, "text/plain; charset=utf-8", message.as_bytes())
    }

    /// Any content.
    pub(super) fn of(status: StatusCode, media_type: &'static str, bytes: &[u8]) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
        Self { status, headers, bytes: bytes.to_vec(), file: None }
    }

    fn redirect(status: StatusCode, to: &str) -> Self {
        // `//host` would be another site.
        let to = format!("/{}", to.trim_start_matches('/'));
        let location = HeaderValue::from_str(&to).ok().map(|to| (header::LOCATION, to));
        Self { status, headers: location.into_iter().collect(), ..Self::default() }
    }
}
