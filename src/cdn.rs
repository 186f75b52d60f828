//! [`Cdn`]: where the tree is also served.

use crate::error::{Error, Result};
use crate::model::path::SitePath;
use url::Url;

/// A CDN's base URL. `<base>/<site path>` is the same file as `<origin>/<site path>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cdn {
    base: Url,
}

impl Cdn {
    /// Reads `--cdn`. The base may have a path; a slash is put at its end.
    pub fn parse(text: &str) -> Result<Self> {
        let fail =
            |reason: &str| Error::Setting { setting: "--cdn", value: text.to_owned(), reason: reason.to_owned() };
        let mut base =
            Url::parse(text).map_err(|error| fail(&format!("not a URL ({error}); try https://static.example.com")))?;
        if !matches!(base.scheme(), "https" | "http") || base.host_str().is_none() {
            return Err(fail("must begin with https:// or http://"));
        }
        if base.query().is_some()
            || base.fragment().is_some()
            || !base.username().is_empty()
            || base.password().is_some()
        {
            return Err(fail("may have a host, a port and a path, and nothing else"));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { base })
    }

    /// The base, ending in a slash.
    pub fn as_str(&self) -> &str {
        self.base.as_str()
    }

    /// The base's path: `/` or `/assets/`.
    pub fn path(&self) -> &str {
        self.base.path()
    }

    /// Where `path` is on the CDN.
    pub fn url_for(&self, path: &SitePath) -> String {
        format!("{}{}", self.base, path.to_url())
    }

    /// The file that a URL of this CDN names: the path, when there is one. `None` for other URLs.
    pub fn path_of(&self, url: &Url) -> Option<Option<SitePath>> {
        let below = url.path().strip_prefix(self.base.path())?;
        (url.origin() == self.base.origin()).then(|| SitePath::from_url_path(below))
    }
}
