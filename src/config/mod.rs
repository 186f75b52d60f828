//! [`Config`]: what the settings mean, checked.

pub mod settings;

use crate::cdn::Cdn;
use crate::error::{Error, Result};
use crate::graph::resolve::Mount;
use crate::html::visitor::{Attribute, Element};
use crate::model::media_type::{self, Kind};
use crate::model::path::SitePath;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use settings::{Fallback, IntegrityMode, Settings, SourceMaps};
use url::Url;

/// What the settings mean.
#[derive(Clone, Debug)]
pub struct Config {
    /// As typed.
    pub settings: Settings,
    /// Where the tree is also served.
    pub cdn: Option<Cdn>,
    /// Where the site stands on its origin.
    pub mount: Mount,
    /// The attributes that `--attribute` names, in lower case.
    pub attribute_names: Vec<String>,
    attributes: Vec<NamedAttribute>,
    pages: GlobSet,
    include: Option<GlobSet>,
    exclude: GlobSet,
    /// What `--fingerprinted` says.
    pub fingerprinted: GlobSet,
}

impl Config {
    /// Checks the settings.
    pub fn new(settings: Settings) -> Result<Self> {
        let pages = if settings.page.is_empty() {
            globs("--page", &["*.html", "*.htm", "*.xhtml", "*.xht"].map(str::to_owned))?
        } else {
            globs("--page", &settings.page)?
        };
        if settings.source_maps == SourceMaps::Origin && settings.site_url.is_none() {
            return Err(Error::Setting {
                setting: "--source-maps",
                value: "origin".to_owned(),
                reason: "scripts on the CDN can name the origin by its full URL only; add --site-url".to_owned(),
            });
        }
        if let Some(value) = settings.beacon.as_ref().filter(|url| !is_beacon(url)) {
            return Err(Error::Setting {
                setting: "--beacon",
                value: value.clone(),
                reason: "neither a URL that begins with https:// or http:// nor a path that begins with /".to_owned(),
            });
        }
        let attributes =
            settings.attribute.iter().map(|text| NamedAttribute::parse(text)).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            attribute_names: attributes.iter().map(|named| named.attribute.clone()).collect(),
            attributes,
            cdn: settings.cdn.as_deref().map(Cdn::parse).transpose()?,
            mount: Mount::new(settings.base_path.as_deref(), settings.site_url.as_deref())?,
            pages,
            include: (!settings.include.is_empty()).then(|| globs("--include", &settings.include)).transpose()?,
            exclude: globs("--exclude", &settings.exclude)?,
            fingerprinted: globs("--fingerprinted", &settings.fingerprinted)?,
            settings,
        })
    }

    /// Whether a file is a page.
    pub fn is_page(&self, path: &SitePath) -> bool {
        self.pages.is_match(path.as_str())
    }

    /// Whether a file is an asset: something that pages load, that may be renamed and moved.
    pub fn is_asset(&self, path: &SitePath) -> bool {
        media_type::of(path).0 != Kind::Other
            && !self.is_page(path)
            && !path.is_hidden()
            && !is_fixed(path)
            && self.include.as_ref().is_none_or(|globs| globs.is_match(path.as_str()))
            && !self.exclude.is_match(path.as_str())
    }

    /// The attributes of an element that `--attribute` names.
    pub fn named_attributes<'e>(&self, element: &'e Element) -> impl Iterator<Item = &'e Attribute> {
        let wanted =
            self.attributes.iter().filter(|named| named.element.as_ref().is_none_or(|tag| *tag == element.tag));
        wanted.filter_map(|named| element.attribute(&named.attribute)).filter(|attribute| attribute.range.is_some())
    }

    /// Whether `integrity` is written.
    pub fn integrity(&self) -> bool {
        self.settings.integrity != IntegrityMode::None
    }

    /// Whether a path from the root (`/assets/x.js`) means the same file on the CDN as on the origin.
    pub fn has_same_root(&self) -> bool {
        self.cdn.as_ref().is_none_or(|cdn| cdn.path() == self.mount.path())
    }

    /// The origin that reports go to, ending in a slash; a path where that is the page's own.
    pub fn beacon_origin(&self) -> Option<String> {
        let beacon = self.settings.beacon.as_ref()?;
        Some(Url::parse(beacon).map_or_else(|_| beacon.clone(), |url| url.origin().ascii_serialization() + "/"))
    }

    /// Whether pages that use the CDN get the net.
    pub fn net(&self) -> bool {
        self.cdn.is_some() && self.settings.fallback != Fallback::None
    }
}

/// Whether reports can be sent there.
fn is_beacon(url: &str) -> bool {
    let is_path = url.starts_with('/') && !url.starts_with("//") && !url.contains(['\\', '\n', '\t', '\r']);
    is_path || Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

/// Files that the outside world asks for by name, and service workers, whose name is their identity.
fn is_fixed(path: &SitePath) -> bool {
    matches!(path.as_str(), "favicon.ico" | "robots.txt" | "ads.txt" | "app-ads.txt")
        || matches!(path.file_name(), "sw.js" | "service-worker.js" | "serviceworker.js")
}

/// Globs over site paths. One without a slash matches the name in any directory.
pub(crate) fn globs(setting: &'static str, patterns: &[String]) -> Result<GlobSet> {
    let fail = |pattern: &str, error: &globset::Error| Error::Setting {
        setting,
        value: pattern.to_owned(),
        reason: format!("not a glob: {}", error.kind()),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anywhere =
            if pattern.contains('/') { pattern.trim_start_matches('/').to_owned() } else { format!("**/{pattern}") };
        let glob =
            GlobBuilder::new(&anywhere).literal_separator(true).build().map_err(|error| fail(pattern, &error))?;
        set.add(glob);
    }
    set.build().map_err(|error| fail(&patterns.join(" "), &error))
}

/// `img[data-src]`, or `[data-src]` for any element.
#[derive(Clone, PartialEq, Eq, Debug)]
struct NamedAttribute {
    element: Option<String>,
    attribute: String,
}

impl NamedAttribute {
    fn parse(text: &str) -> Result<Self> {
        let name = |part: &str| {
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (!part.is_empty() && part.bytes().all(fine)).then(|| part.to_ascii_lowercase())
        };
        let parsed = text.strip_suffix(']').and_then(|text| text.split_once('[')).and_then(|(element, attribute)| {
            let element = if matches!(element, "" | "*") { None } else { Some(name(element)?) };
            Some(Self { element, attribute: name(attribute)? })
        });
        parsed.ok_or_else(|| Error::Setting {
            setting: "--attribute",
            value: text.to_owned(),
            reason: "not an element and its attribute; try img[data-src]".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_beacon(beacon: &str) -> Result<Config> {
        Config::new(Settings { beacon: Some(beacon.to_owned()), ..Settings::default() })
    }

    #[test]
    fn reports_go_to_a_url_or_to_a_path_of_the_own_origin() {
        for (beacon, origin) in [
            ("https://stats.example:8443/net?site=a", "https://stats.example:8443/"),
            ("HTTP://Stats.example/", "http://stats.example/"),
            ("/reports/net", "/reports/net"),
        ] {
            let config = with_beacon(beacon).expect("a place for reports");
            assert_eq!(config.beacon_origin().as_deref(), Some(origin), "{beacon}");
        }
    }

    #[test]
    fn what_no_report_can_be_sent_to_is_refused() {
        for beacon in
            ["", "reports", "//stats.example/net", "/\\stats.example", "javascript:alert(1)", "data:,", "/a\nb"]
        {
            assert!(matches!(with_beacon(beacon), Err(Error::Setting { setting: "--beacon", .. })), "{beacon}");
        }
    }
}
