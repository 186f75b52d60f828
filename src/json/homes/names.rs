//! The names that a URL of the site has in its homes, and how they are written.

use super::{Home, Homes};
use crate::model::path;
use percent_encoding::percent_decode_str;
use url::{Position, Url};

/// The other names of a URL.
pub(super) struct Names {
    /// Published on the origin, where that is another.
    pub(super) local: Option<String>,
    /// On the CDN.
    pub(super) cdn: Vec<String>,
}

impl Homes<'_> {
    /// Where the file at `address` is published; `None` when just there, or when it is no file of the site.
    pub(super) fn moved(&self, address: &Url, home: Home) -> Option<String> {
        let published = (self.publish)(address)?;
        match published.cdn.filter(|_| home == Home::Cdn && self.cdn.is_some()) {
            Some(cdn) => Some(cdn),
            None => self.renamed(address, &published.local).map(|_| as_specifier(&published.local)),
        }
    }

    /// The URL of the published file, when it is another than `url`.
    fn renamed(&self, url: &Url, local: &str) -> Option<Url> {
        self.base.join(local).ok().filter(|local| local != url)
    }

    /// The other names that a URL of the site has: a file's published ones, a directory's and a missing file's place on
    /// the CDN. What they are spelled like is `like`.
    pub(super) fn names(&self, url: &Url, like: &str) -> Names {
        let Some(published) = (self.publish)(url) else {
            let local = self.canonical(self.root.as_str(), url).and_then(|local| self.renamed(url, &local));
            let local = local.map(|local| self.spell(&local, like));
            // No importer was edited for it, so on the CDN it may be written either way.
            let as_written = |cdn: &str| Some(format!("{cdn}{}", url.as_str().strip_prefix(self.root.as_str())?));
            let cdn = self.cdn.map(|cdn| [self.canonical(cdn, url), as_written(cdn)]);
            let mut cdn: Vec<_> = cdn.into_iter().flatten().flatten().collect();
            cdn.dedup();
            return Names { local, cdn };
        };
        let local = self.renamed(url, &published.local);
        let cdn = self.cdn.and_then(|cdn| {
            let same_path = || self.canonical(cdn, local.as_ref().unwrap_or(url));
            published.cdn.or_else(same_path)
        });
        Names { local: local.map(|_| as_specifier(&published.local)), cdn: cdn.into_iter().collect() }
    }

    /// A URL of the site below another prefix, its path encoded as published names are.
    fn canonical(&self, prefix: &str, url: &Url) -> Option<String> {
        let below = url[..Position::AfterPath].strip_prefix(self.root.as_str())?;
        let path: Vec<_> = below.split('/').map(encode_segment).collect();
        Some(format!("{prefix}{}{}", path.join("/"), &url[Position::AfterPath..]))
    }

    /// A URL as the author would write it: from the root, relative, or whole, like the text he wrote.
    pub(super) fn spell(&self, url: &Url, like: &str) -> String {
        if url.origin() != self.base.origin() || Url::parse(like).is_ok() {
            return url.to_string();
        }
        let from_root = || url[Position::BeforePath..].to_owned();
        let relative = self.base.make_relative(url).filter(|_| !like.starts_with('/')).map(|path| as_specifier(&path));
        relative.filter(|path| self.base.join(path).as_ref() == Ok(url)).unwrap_or_else(from_root)
    }

    /// The files below a directory, also when that lies above the site's root.
    pub(super) fn files(&self, dir: &Url) -> Vec<String> {
        let above = || {
            let below = self.root.as_str().strip_prefix(dir.as_str())?;
            let below = percent_decode_str(below).decode_utf8().ok()?;
            Some((self.files_below)(self.root)?.iter().map(|file| format!("{below}{file}")).collect())
        };
        (self.files_below)(dir).or_else(above).unwrap_or_default()
    }
}

/// A relative path as an import map must write it: `a.js` alone would be a bare specifier.
fn as_specifier(url: &str) -> String {
    let is_path = ["/", "./", "../"].iter().any(|start| url.starts_with(start));
    if is_path || Url::parse(url).is_ok() { url.to_owned() } else { format!("./{url}") }
}

/// A segment of a URL's path, encoded as published names are.
fn encode_segment(segment: &str) -> String {
    match percent_decode_str(segment).decode_utf8() {
        Ok(name) if !name.contains('/') => path::encode(&name),
        _ => segment.to_owned(),
    }
}

/// The ways in which importers may write a file's path below a directory, and the URLs they lead to: encoded as published
/// names are, as it is, and as browsers encode it, which is the likeliest and so the last.
pub(super) fn spellings(dir: &Url, file: &str) -> Vec<(String, Url)> {
    let named = |url: &Url| percent_decode_str(url.path()).collect::<Vec<_>>();
    let wanted = [named(dir), file.as_bytes().to_vec()].concat();
    let by_browser = dir.join(file).ok().and_then(|url| url.as_str().strip_prefix(dir.as_str()).map(str::to_owned));
    let mut spelled: Vec<_> =
        [Some(path::encode(file)), Some(file.to_owned()), by_browser].into_iter().flatten().collect();
    spelled.dedup();
    let joined = spelled.into_iter().filter_map(|spelled| Some((dir.join(&spelled).ok()?, spelled)));
    let same = joined.filter(|(url, _)| named(url) == wanted && url.query().is_none() && url.fragment().is_none());
    same.map(|(url, spelled)| (spelled, url)).collect()
}
