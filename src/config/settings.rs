//! [`Settings`]: what was typed, as it was typed. Each is an option of `build`; the documentation is the help text.

use crate::html::template::Engine;
use serde::{Deserialize, Serialize};

/// What to do with the net.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Fallback {
    /// In every page that uses the CDN.
    #[default]
    Inline,
    /// In a file on the site's own origin, which every such page loads first: for policies that forbid inline code.
    External,
    /// Nowhere.
    None,
}

/// Which hash pins scripts and stylesheets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum IntegrityMode {
    /// SHA-384.
    #[default]
    Sha384,
    /// No `integrity` is written.
    None,
}

/// Where developers' tools find source maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum SourceMaps {
    /// Beside the file that names them, wherever that came from.
    #[default]
    Beside,
    /// On the site's own origin, by its full URL.
    Origin,
}

/// How scripts and stylesheets of the CDN are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Crossorigin {
    /// Without cookies.
    #[default]
    Anonymous,
    /// With them.
    UseCredentials,
}

impl Crossorigin {
    /// The attribute's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::UseCredentials => "use-credentials",
        }
    }
}

/// The options that decide what is written. They are recorded in the manifest.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
pub struct Settings {
    /// Where the tree is also served; without it nothing moves and there is no net
    #[cfg_attr(feature = "cli", arg(long, value_name = "URL"))]
    pub cdn: Option<String>,
    /// Where the site is mounted on its origin [default: the author's own spelling]
    #[cfg_attr(feature = "cli", arg(long, value_name = "/PATH/"))]
    pub base_path: Option<String>,
    /// The site's own URL: absolute URLs that begin with it are local too
    #[cfg_attr(feature = "cli", arg(long, value_name = "URL"))]
    pub site_url: Option<String>,
    /// What may be renamed and moved [default: all assets]
    #[cfg_attr(feature = "cli", arg(long, value_name = "GLOB"))]
    #[serde(default)]
    pub include: Vec<String>,
    /// What may not
    #[cfg_attr(feature = "cli", arg(long, value_name = "GLOB"))]
    #[serde(default)]
    pub exclude: Vec<String>,
    /// What is a page [default: *.html *.htm *.xhtml *.xht]
    #[cfg_attr(feature = "cli", arg(long, value_name = "GLOB"))]
    #[serde(default)]
    pub page: Vec<String>,
    /// More attributes that hold URLs, such as `img[data-src]`
    #[cfg_attr(feature = "cli", arg(long, value_name = "ELEMENT[ATTRIBUTE]"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attribute: Vec<String>,
    /// Template languages whose calls for static files are resolved ahead of time
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_delimiter = ',', value_name = "LANGUAGE"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<Engine>,
    /// Publish assets under their own names only
    #[cfg_attr(feature = "cli", arg(long))]
    #[serde(default)]
    pub no_fingerprint: bool,
    /// Files whose names carry a fingerprint already
    #[cfg_attr(feature = "cli", arg(long, value_name = "GLOB"))]
    #[serde(default)]
    pub fingerprinted: Vec<String>,
    /// A manifest of the build that made the site: the names that it lists carry a fingerprint already
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_manifest: Vec<String>,
    /// Keep `tightrope.json` out of OUT, in `.<OUT>.tightrope/` beside it, where `verify`, `serve` and the next build find it
    #[cfg_attr(feature = "cli", arg(long))]
    #[serde(default, skip_serializing_if = "is_default")]
    pub private_manifest: bool,
    /// Publish what links out of the site and links to directories lead to [default: they are left out]
    #[cfg_attr(feature = "cli", arg(long))]
    #[serde(default, skip_serializing_if = "is_default")]
    pub follow_links: bool,
    /// Where source maps are found; the origin needs --site-url
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    #[serde(default, skip_serializing_if = "is_default")]
    pub source_maps: SourceMaps,
    /// The hash that pins scripts and stylesheets
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    #[serde(default)]
    pub integrity: IntegrityMode,
    /// How they are asked for when they come from the CDN
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    #[serde(default)]
    pub crossorigin: Crossorigin,
    /// The net: falls back to the local copies when the CDN fails
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    #[serde(default)]
    pub fallback: Fallback,
    /// A service worker, which answers for the CDN from a visitor's second page on: for what the net cannot heal
    #[cfg_attr(feature = "cli", arg(long))]
    #[serde(default, skip_serializing_if = "is_default")]
    pub service_worker: bool,
    /// Where a page that had to fall back reports it, once: a URL, or a path on the site's own origin
    #[cfg_attr(feature = "cli", arg(long, value_name = "URL"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<String>,
    /// After which silence of a CDN that holds a page up the page is loaded anew, all of it local: `3s`, `1500ms`
    #[cfg_attr(feature = "cli", arg(long, value_name = "TIME"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hang_limit: Option<String>,
    /// Carry over the fingerprinted files of the last N builds from OUT, so that cached pages and open tabs live on
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t))]
    #[serde(default, skip_serializing_if = "is_default")]
    pub keep: u32,
    /// The nonce of what is injected [default: that of the page's own scripts]
    #[cfg_attr(feature = "cli", arg(long, value_name = "VALUE"))]
    pub csp_nonce: Option<String>,
}

/// What was not asked for is not recorded.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
