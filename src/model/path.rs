//! [`SitePath`]: where a file lies in the site. It cannot leave the site's root.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt;
use std::sync::Arc;

/// All but RFC 3986's `unreserved`, and `@`, which npm-style directory names hold and which means nothing in a
/// path. A path encoded with it needs no quoting in HTML, CSS or JavaScript, and cannot be taken for a scheme.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// A file's path from the site's root: `/` between segments, none of them empty, `.` or `..`, no NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SitePath(Arc<str>);

impl SitePath {
    /// `None` when `path` is not one: empty, absolute, climbing, or with a NUL. On Windows neither a drive's letter nor
    /// another separator can be in it.
    pub fn new(path: &str) -> Option<Self> {
        path.split('/').all(|segment| is_name(segment, cfg!(windows))).then(|| Self(path.into()))
    }

    /// The file that a URL's path names, relative to the root and percent-encoded (`css/my%20app.css`).
    ///
    /// An encoded slash (`%2F`) is a byte of a name to a browser and a separator to many servers: no file has one,
    /// so such a path names nothing.
    pub fn from_url_path(path: &str) -> Option<Self> {
        let decoded: Option<Vec<_>> = path
            .split('/')
            .map(|segment| {
                let name = percent_decode_str(segment).decode_utf8().ok()?;
                (!name.contains('/')).then_some(name)
            })
            .collect();
        Self::new(&decoded?.join("/"))
    }

    /// The path as text: `css/my app.css`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory, with its slash: `css/`, or nothing at the root.
    pub fn dir(&self) -> &str {
        self.0.rfind('/').map_or("", |slash| &self.0[..=slash])
    }

    /// The last segment: `my app.css`.
    pub fn file_name(&self) -> &str {
        &self.0[self.dir().len()..]
    }

    /// The last segment's extension, in lower case and without the dot; nothing when there is none.
    pub fn extension(&self) -> String {
        match self.file_name().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => extension.to_ascii_lowercase(),
            _ => String::new(),
        }
    }

    /// Another name in the same directory. `None` when `name` is no name.
    pub fn with_file_name(&self, name: &str) -> Option<Self> {
        if name.contains('/') { None } else { Self::new(&format!("{}{name}", self.dir())) }
    }

    /// Whether any segment starts with a dot (`.git/config`, `.env`).
    pub fn is_hidden(&self) -> bool {
        self.0.split('/').any(|segment| segment.starts_with('.'))
    }

    /// The path as a URL writes it: `css/my%20app.css`.
    pub fn to_url(&self) -> String {
        encode(&self.0)
    }

    /// The URL of this file as a file in `dir` (as [`SitePath::dir`] gives it) writes it, always starting with `./`
    /// or `../`: a module specifier must, and for a stylesheet it is as good.
    pub fn relative_url(&self, dir: &str) -> String {
        let shared = shared_dir(dir, self.dir());
        let climbs = dir[shared..].matches('/').count();
        let up = if climbs == 0 { "./".to_owned() } else { "../".repeat(climbs) };
        up + &encode(&self.0[shared..])
    }
}

/// Whether a file can be called that. `C:`, `a.js:stream` and `..\x` are names on Unix, and ways out on Windows.
fn is_name(segment: &str, on_windows: bool) -> bool {
    let leads_elsewhere = matches!(segment, "" | "." | "..") || on_windows && segment.contains(['\\', ':']);
    !leads_elsewhere && !segment.contains('\0')
}

/// How the site's root is written from the directory `dir`: `./`, `../`, `../../`.
pub fn relative_root(dir: &str) -> String {
    match dir.matches('/').count() {
        0 => "./".to_owned(),
        climbs => "../".repeat(climbs),
    }
}

/// A path as a URL writes it, slash for slash.
pub fn encode(path: &str) -> String {
    path.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect::<Vec<_>>().join("/")
}

/// The length of the directory prefix that `a` and `b` share.
fn shared_dir(a: &str, b: &str) -> usize {
    a.split_inclusive('/').zip(b.split_inclusive('/')).take_while(|(x, y)| x == y).map(|(x, _)| x.len()).sum()
}

impl fmt::Display for SitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SitePath {
        SitePath::new(text).expect("a site path")
    }

    #[test]
    fn a_path_cannot_leave_the_root() {
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0b"] {
            assert_eq!(SitePath::new(bad), None, "{bad:?}");
        }
        for on_windows_only in ["C:", "..\\x", "\\\\host", "a.js:stream"] {
            assert!(is_name(on_windows_only, false) && !is_name(on_windows_only, true), "{on_windows_only:?}");
        }
        for bad in ["a/%2e%2e/b", "..%2Fetc", "a%2Fb", "%00", "%ff"] {
            assert_eq!(SitePath::from_url_path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_relative_url_climbs_only_as_far_as_it_must() {
        assert_eq!(path("css/a.css").relative_url(""), "./css/a.css");
        assert_eq!(path("css/a.css").relative_url("css/"), "./a.css");
        assert_eq!(path("img/a b.png").relative_url("css/x/"), "../../img/a%20b.png");
        assert_eq!(path("css2/a.css").relative_url("css/"), "../css2/a.css");
    }

    #[test]
    fn a_name_is_encoded_so_that_it_needs_no_quoting() {
        let name = path("a'\"<>()\\&?#: é.js");
        let url = name.to_url();
        assert!(url.chars().all(|c| c.is_ascii_alphanumeric() || "%-._~@".contains(c)), "{url}");
        assert_eq!(SitePath::from_url_path(&url), Some(name));
    }
}
