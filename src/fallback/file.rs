//! The file that holds the net.

use super::Parts;
use crate::config::Config;
use crate::config::settings::Fallback;
use crate::html::csp;
use crate::model::digest::{Digests, Integrity};
use std::sync::LazyLock;

/// The file that holds the net: on the origin, because it has to come when the CDN does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetFile {
    /// Its name at the root of OUT, with a fingerprint. It needs no encoding in a URL.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// Of its bytes.
    pub integrity: Integrity,
    /// By what a policy admits its text inline, without quotes: the loader runs it so.
    pub hash: String,
    /// Whether the loader is in it too, and not in the pages (`--fallback external`).
    pub has_loader: bool,
}

/// One for each choice, without the loader and with it.
static FILES: LazyLock<[[NetFile; Parts::COUNT]; 2]> =
    LazyLock::new(|| [false, true].map(|has_loader| Parts::all().map(|parts| NetFile::new(parts, has_loader))));

impl NetFile {
    fn new(parts: Parts, has_loader: bool) -> Self {
        let loader = if has_loader { parts.in_page() } else { "" };
        let text = [loader, parts.fetched()].concat();
        let digests = Digests::of(text.as_bytes());
        let name = format!("tightrope-net.{}.js", digests.fingerprint().as_str());
        Self { name, integrity: digests.integrity(), hash: csp::hash(&text), has_loader, text }
    }

    /// The file that these settings ask for, with these parts.
    pub fn of(config: &Config, parts: Parts) -> Option<&'static Self> {
        let has_loader = config.settings.fallback == Fallback::External;
        config.net().then(|| &FILES[usize::from(has_loader)][parts.number()])
    }
}
