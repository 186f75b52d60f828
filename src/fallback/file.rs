//! The net in a file of its own, for pages whose policy forbids inline code.

use super::text;
use crate::config::Config;
use crate::config::settings::Fallback;
use crate::model::digest::{Digests, Integrity};
use std::sync::LazyLock;

/// The file that pages load the net from: on the origin, because it has to come when the CDN does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetFile {
    /// Its name at the root of OUT, with a fingerprint. It needs no encoding in a URL.
    pub name: String,
    /// What is in it.
    pub text: &'static str,
    /// Of its bytes.
    pub integrity: Integrity,
}

/// Without reports, and with them.
static FILES: LazyLock<[NetFile; 2]> = LazyLock::new(|| [false, true].map(NetFile::new));

impl NetFile {
    fn new(with_beacon: bool) -> Self {
        let text = text(with_beacon);
        let digests = Digests::of(text.as_bytes());
        let name = format!("tightrope-net.{}.js", digests.fingerprint().as_str());
        Self { name, text, integrity: digests.integrity() }
    }

    /// The file that these settings ask for.
    pub fn of(config: &Config) -> Option<&'static Self> {
        let wanted = config.net() && config.settings.fallback == Fallback::External;
        wanted.then(|| &FILES[usize::from(config.settings.beacon.is_some())])
    }
}
