//! A reference and its base become a file of the site, or not: as a browser resolves it (URL Standard).

use crate::error::{Error, Result};
use crate::model::path::SitePath;
use url::Url;

/// Where the site's root stands on its origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mount {
    /// The root's URL, ending in a slash. Its host is made up unless the site's own is known.
    base: Url,
    /// Whether the host is the site's own.
    own_host: bool,
    /// Whether the root's path was given, rather than taken for `/`.
    given: bool,
}

/// What a reference leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The file, whether it exists or not.
    pub path: SitePath,
    /// `?query#fragment`, percent-encoded as a browser sends it.
    pub suffix: String,
}

impl Mount {
    /// From `--base-path` and `--site-url`. The latter's path counts where the former is not given.
    pub fn new(base_path: Option<&str>, site_url: Option<&str>) -> Result<Self> {
        let fail = |setting, value: &str, reason: &str| Error::Setting {
            setting,
            value: value.to_owned(),
            reason: reason.to_owned(),
        };
        let made_up = "https://site.invalid/";
        let text = site_url.unwrap_or(made_up);
        let mut base = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| fail("--site-url", text, "not an absolute URL; try https://www.example.com/"))?;
        if let Some(path) = base_path {
            if !path.starts_with('/') || path.contains(['?', '#']) {
                return Err(fail("--base-path", path, "must be a path from the origin's root, such as /docs/"));
            }
            base.set_path(path);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self { base, own_host: site_url.is_some(), given: base_path.is_some() || site_url.is_some() })
    }

    /// The root's path: `/` or `/docs/`.
    pub fn path(&self) -> &str {
        self.base.path()
    }

    /// The root's URL. Its host is made up unless the site's own is known.
    pub fn root(&self) -> &Url {
        &self.base
    }

    /// Whether that path was given.
    pub fn is_given(&self) -> bool {
        self.given
    }

    /// The URL of a file.
    pub fn url_of(&self, path: &SitePath) -> Url {
        // A percent-encoded path always joins; the base itself is only for the type's sake.
        self.base.join(&path.to_url()).unwrap_or_else(|_| self.base.clone())
    }

    /// What `reference` leads to from `base`; `None` when it is no file of this site: another host, another scheme,
    /// a directory, a mere fragment, or nothing a file can be named.
    pub fn resolve(&self, base: &Url, reference: &str) -> Option<Target> {
        let trimmed = reference.trim_matches(|c: char| c <= ' ');
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return None;
        }
        self.target_of(&base.join(trimmed).ok()?)
    }

    /// The file that a URL names.
    pub fn target_of(&self, url: &Url) -> Option<Target> {
        let same_scheme =
            url.scheme() == self.base.scheme() || self.own_host && matches!(url.scheme(), "http" | "https");
        if !same_scheme
            || url.host() != self.base.host()
            || url.port() != self.base.port()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return None;
        }
        let path = SitePath::from_url_path(url.path().strip_prefix(self.base.path())?)?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let fragment = url.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default();
        Some(Target { path, suffix: query + &fragment })
    }

    /// The directory, relative to the site's root, that relative references on `base` start from (`a/b/`); `None` when
    /// the base is not in the site.
    pub fn dir_of(&self, base: &Url) -> Option<String> {
        let below = base.path().strip_prefix(self.base.path())?;
        (base.origin() == self.base.origin()).then(|| below[..below.rfind('/').map_or(0, |slash| slash + 1)].to_owned())
    }
}

/// Whether a reference has neither a scheme nor a path from the root (URL Standard, section 4.4, "no scheme state").
pub fn is_relative(reference: &str) -> bool {
    let mut text =
        reference.trim_start_matches(|c: char| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r'));
    let from_root = text.next().is_some_and(|c| matches!(c, '/' | '\\'));
    !from_root && Url::parse(reference) == Err(url::ParseError::RelativeUrlWithoutBase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(mount: &Mount, page: &str, reference: &str) -> Option<String> {
        let base = mount.url_of(&SitePath::new(page).expect("a site path"));
        mount.resolve(&base, reference).map(|target| format!("{}{}", target.path, target.suffix))
    }

    #[test]
    fn local_spellings_are_local() {
        let mount = Mount::new(None, None).expect("no settings");
        for reference in
            ["../js/a.js", "/js/a.js", "..\\js\\a.js", " ../j\ns/a.js ", "%2e%2e/js/./a.js", "../../../js/a.js"]
        {
            assert_eq!(resolve(&mount, "docs/p.html", reference).as_deref(), Some("js/a.js"), "{reference:?}");
        }
        assert_eq!(resolve(&mount, "p.html", "a%20b.js?v=1#x").as_deref(), Some("a b.js?v=1#x"));
        for reference in ["", "#x", "//cdn.example/a.js", "https://x/a.js", "data:,x", "dir/", "a%2Fb.js", "mailto:x"] {
            assert_eq!(resolve(&mount, "docs/p.html", reference), None, "{reference:?}");
        }
    }

    #[test]
    fn what_starts_from_the_root_or_elsewhere_is_not_relative() {
        for reference in ["a.js", "./a.js", "../a.js", "?x", "a/b:c.js", ".\n/a.js"] {
            assert!(is_relative(reference), "{reference:?}");
        }
        for reference in ["/a.js", "\\a.js", " \n/a.js", "\t//h/a.js", "https://h/a.js", "http:a.js", "x:y"] {
            assert!(!is_relative(reference), "{reference:?}");
        }
    }

    #[test]
    fn the_sites_own_url_and_base_path_count() {
        let mount = Mount::new(Some("/docs"), Some("https://www.example.com")).expect("good settings");
        for reference in
            ["//www.example.com/docs/a.js", "http:/docs/a.js", "http://www.example.com/docs/a.js", "/docs/a.js"]
        {
            let expected = (reference != "http:/docs/a.js").then_some("a.js");
            assert_eq!(resolve(&mount, "p.html", reference).as_deref(), expected, "{reference:?}");
        }
        assert_eq!(resolve(&mount, "p.html", "/a.js"), None);
        assert_eq!(resolve(&mount, "p.html", "../a.js"), None);
    }
}
