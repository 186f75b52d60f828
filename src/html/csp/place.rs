//! URLs against the hosts and schemes of a source list (CSP 3, section 6.7.2).

use percent_encoding::percent_decode_str;

/// A base URL, `https://host[:port]/path/`, in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'u> {
    scheme: &'u str,
    host: &'u str,
    port: Option<&'u str>,
    path: &'u str,
}

impl<'u> Place<'u> {
    /// Reads a base URL; `None` for what is not one of HTTP with a host.
    pub(super) fn parse(base: &'u str) -> Option<Self> {
        let host = HostSource::parse(base)?;
        let scheme = host.scheme.filter(|scheme| default_port(scheme).is_some())?;
        Some(Self { scheme, host: host.host, port: host.port, path: host.path })
    }

    /// As a source: without the slash of a bare host, and with what would end a directive or a policy encoded.
    pub(super) fn source(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = if self.path == "/" { "" } else { self.path };
        let path = path.replace(';', "%3B").replace(',', "%2C");
        format!("{}://{}{port}{path}", self.scheme, self.host)
    }

    fn effective_port(&self) -> Option<&str> {
        self.port.or_else(|| default_port(self.scheme))
    }
}

fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    }
}

/// Section 2.3.1, "host-source". An empty path is no restriction.
struct HostSource<'s> {
    scheme: Option<&'s str>,
    host: &'s str,
    port: Option<&'s str>,
    path: &'s str,
}

impl<'s> HostSource<'s> {
    fn parse(source: &'s str) -> Option<Self> {
        let (scheme, rest) = match source.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, source),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let is_port = |port: &str| port == "*" || (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
        let good = is_host(host) && port.is_none_or(is_port) && scheme.is_none_or(is_scheme);
        good.then_some(Self { scheme, host, port, path })
    }

    /// Step 3 of "Does url match expression". Without a scheme, that of the page counts; where it is not
    /// known it is taken to match, because a page of HTTPS cannot use a CDN of HTTP whatever its policy says.
    fn matches(&self, place: &Place<'_>, site: Option<&Place<'_>>, with_path: bool) -> bool {
        let scheme = self.scheme.or(site.map(|site| site.scheme));
        scheme.is_none_or(|scheme| scheme_matches(scheme, place.scheme))
            && host_matches(self.host, place.host)
            && self.port_matches(place)
            && (!with_path || path_covers(self.path, place.path))
    }

    fn port_matches(&self, place: &Place<'_>) -> bool {
        match self.port {
            Some("*") => true,
            Some(port) => Some(port) == place.effective_port(),
            None => place.effective_port() == default_port(place.scheme),
        }
    }
}

fn is_host(host: &str) -> bool {
    let names = host.strip_prefix("*.").unwrap_or(host);
    host == "*"
        || names
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// `https:` as its scheme; `None` for other sources.
fn scheme_source(source: &str) -> Option<&str> {
    source.strip_suffix(':').filter(|scheme| is_scheme(scheme))
}

/// Section 6.7.2, "scheme-part matching": a secure scheme is as good as its insecure one.
fn scheme_matches(source: &str, url: &str) -> bool {
    let source = source.to_ascii_lowercase();
    source == url
        || match source.as_str() {
            "http" | "wss" => url == "https",
            "ws" => matches!(url, "http" | "https"),
            _ => false,
        }
}

/// Section 6.7.2, "host-part matching": a wildcard covers hosts below, not the host itself.
fn host_matches(source: &str, host: &str) -> bool {
    match source.strip_prefix('*') {
        Some(rest) => {
            let end = host.len().checked_sub(rest.len()).and_then(|at| host.get(at..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(rest))
        }
        None => source.eq_ignore_ascii_case(host),
    }
}

/// Whether every file below `base` matches the path (section 6.7.2, "path-part matching"): a path that ends in a slash
/// covers what is below it, any other is one file.
fn path_covers(path: &str, base: &str) -> bool {
    let Some(directory) = path.strip_suffix('/') else { return path.is_empty() };
    let mut below = base.split('/');
    directory.split('/').all(|piece| below.next().is_some_and(|other| decoded(piece) == decoded(other)))
}

fn decoded(piece: &str) -> Vec<u8> {
    percent_decode_str(piece).collect()
}

/// Section 6.7.2, "Does url match expression". Without `with_path`, it is enough that something at the place's origin
/// may match.
pub(super) fn match_source(source: &str, place: &Place<'_>, site: Option<&Place<'_>>, with_path: bool) -> bool {
    if source == "*" {
        return true;
    }
    if source.eq_ignore_ascii_case("'self'") {
        return site.is_some_and(|site| is_self(place, site));
    }
    match scheme_source(source) {
        Some(scheme) => scheme_matches(scheme, place.scheme),
        None => HostSource::parse(source).is_some_and(|host| host.matches(place, site, with_path)),
    }
}

/// The page's own origin, or its secure twin on the default port.
fn is_self(place: &Place<'_>, site: &Place<'_>) -> bool {
    let default = |place: &Place<'_>| place.effective_port() == default_port(place.scheme);
    let same_port = place.effective_port() == site.effective_port() || (default(place) && default(site));
    place.host.eq_ignore_ascii_case(site.host) && same_port && scheme_matches(site.scheme, place.scheme)
}

/// What admits the page's own files wherever the page is.
pub(super) fn matches_any_site(source: &str) -> bool {
    ["*", "'self'", "http:", "https:"].iter().any(|any| source.eq_ignore_ascii_case(any))
}

/// Whether the source is a host.
pub(super) fn is_host_source(source: &str) -> bool {
    HostSource::parse(source).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::source::Sources;
    use super::*;

    fn matches(sources: &[&str], base: &str) -> bool {
        Sources(sources).match_place(&Place::parse(base).expect("a base"), None)
    }

    #[test]
    fn hosts_match_with_wildcards_schemes_ports_and_paths() {
        let base = "https://static.example.com/assets/";
        for source in [
            "*",
            "https:",
            "HTTP:",
            "static.example.com",
            "STATIC.example.com",
            "*.example.com",
            "http://static.example.com",
            "https://*.example.com:443",
            "static.example.com:*",
            "*:*",
            "static.example.com/",
            "static.example.com/assets/",
            "static.example.com/%61ssets/",
        ] {
            assert!(matches(&[source], base), "{source}");
        }
    }

    #[test]
    fn hosts_that_only_look_alike_do_not_match() {
        let base = "https://static.example.com/assets/";
        for source in [
            "'self'",
            "data:",
            "example.com",
            "*.static.example.com",
            "*.ample.com",
            "static.example.com:8443",
            "static.example.com/assets",
            "static.example.com/assets/js/",
            "static.example.com/asset",
            "static.example.com/assets/app.js",
            "static.example.com,",
            "'none'",
        ] {
            assert!(!matches(&[source], base), "{source}");
        }
        assert!(!matches(&["https:"], "http://static.example.com/"));
        assert!(!matches(&["https://localhost"], "https://localhost:8080/"));
        assert!(matches(&["localhost:8080"], "http://localhost:8080/"));
    }

    #[test]
    fn self_is_a_cdn_only_when_the_site_is_known_to_be_there() {
        let cdn = Place::parse("https://www.example.com/cdn/").expect("a base");
        for (site, expected) in [
            ("https://www.example.com/", true),
            ("http://www.example.com/", true),
            ("https://www.example.com:8443/", false),
            ("https://example.com/", false),
        ] {
            let site = Place::parse(site);
            assert_eq!(Sources(&["'self'"]).match_place(&cdn, site.as_ref()), expected);
        }
        assert!(!Sources(&["'self'"]).match_place(&cdn, None));
    }

    #[test]
    fn a_base_becomes_a_source_without_a_bare_slash_and_without_separators() {
        let source = |base| Place::parse(base).map(|place| place.source());
        assert_eq!(source("https://static.example.com/").as_deref(), Some("https://static.example.com"));
        assert_eq!(source("http://localhost:8080/a;b,c/").as_deref(), Some("http://localhost:8080/a%3Bb%2Cc/"));
        assert_eq!(source("ftp://static.example.com/"), None);
    }
}
