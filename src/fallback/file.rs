//! The file that holds the net.

use super::{BEACON, LOADER, NET};
use crate::config::Config;
use crate::config::settings::{Fallback, Settings};
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

/// Those of all settings.
static FILES: LazyLock<[NetFile; 4]> = LazyLock::new(|| {
    [(false, false), (false, true), (true, false), (true, true)]
        .map(|(has_loader, has_beacon)| NetFile::new(has_loader, has_beacon))
});

impl NetFile {
    fn new(has_loader: bool, has_beacon: bool) -> Self {
        let parts = [(LOADER, has_loader), (BEACON, has_beacon), (NET, true)];
        let text: String = parts.into_iter().filter(|(_, is_in)| *is_in).map(|(text, _)| text).collect();
        let digests = Digests::of(text.as_bytes());
        let name = format!("tightrope-net.{}.js", digests.fingerprint().as_str());
        Self { name, integrity: digests.integrity(), hash: csp::hash(&text), has_loader, text }
    }

    /// The file that these settings ask for.
    pub fn of(config: &Config) -> Option<&'static Self> {
        let Settings { fallback, beacon, .. } = &config.settings;
        let at = usize::from(*fallback == Fallback::External) * 2 + usize::from(beacon.is_some());
        config.net().then(|| &FILES[at])
    }
}
