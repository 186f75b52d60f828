//! [`Config`]: what the settings mean, checked.

mod duration;
pub mod settings;

use crate::cdn::Cdn;
use crate::error::{Error, Result};
use crate::graph::resolve::Mount;
use crate::html::visitor::{Attribute, Element};
use crate::model::media_type::{self, Kind};
use crate::model::path::SitePath;
use crate::model::secret;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use settings::{Fallback, IntegrityMode, Settings, SourceMaps};
use url::Url;

/// The service worker's name at the root of OUT.
pub const SERVICE_WORKER: &str = "tightrope-service-worker.js";

/// What a site's own service worker is usually called.
pub const OWN_WORKERS: [&str; 4] = ["sw.js", "service-worker.js", "serviceworker.js", "ngsw-worker.js"];

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
    /// What `--hang-limit` says, in milliseconds.
    pub hang_limit: Option<u32>,
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
        check_service_worker(&settings)?;
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
            hang_limit: hang_limit(&settings)?,
            settings,
        })
    }

    /// Whether a file is a page.
    pub fn is_page(&self, path: &SitePath) -> bool {
        self.pages.is_match(path.as_str())
    }

    /// Whether a file is an asset: something that pages load, that may be renamed and moved.
    pub fn is_asset(&self, path: &SitePath) -> bool {
        self.may_be_asset(path)
            && self.include.as_ref().is_none_or(|globs| globs.is_match(path.as_str()))
            && !self.exclude.is_match(path.as_str())
    }

    /// Whether a file could be an asset, whatever `--include` and `--exclude` say.
    pub fn may_be_asset(&self, path: &SitePath) -> bool {
        media_type::of(path).0 != Kind::Other
            && !self.is_page(path)
            && !path.is_hidden()
            && secret::of(path).is_none()
            && !is_fixed(path)
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

/// It answers for a CDN, and the net registers it.
fn check_service_worker(settings: &Settings) -> Result<()> {
    let reason = match settings {
        Settings { service_worker: true, cdn: None, .. } => "there is nothing to answer for without --cdn",
        Settings { service_worker: true, fallback: Fallback::None, .. } => {
            "the net registers it; leave out --fallback none"
        }
        _ => return Ok(()),
    };
    Err(Error::Setting { setting: "--service-worker", value: "true".to_owned(), reason: reason.to_owned() })
}

/// The limits that make sense, in milliseconds: below, a page on a slow line is never awaited; above, nobody waits.
const HANG_LIMITS: std::ops::RangeInclusive<u32> = 500..=60_000;

/// What `--hang-limit` says, in milliseconds.
fn hang_limit(settings: &Settings) -> Result<Option<u32>> {
    let Some(value) = settings.hang_limit.clone() else { return Ok(None) };
    let refuse =
        |value, reason: &str| Err(Error::Setting { setting: "--hang-limit", value, reason: reason.to_owned() });
    if settings.cdn.is_none() {
        return refuse(value, "there is no CDN that could hang; add --cdn");
    }
    if settings.fallback == Fallback::None {
        return refuse(value, "it is a part of the net, which --fallback none leaves out");
    }
    match duration::milliseconds(&value) {
        None => refuse(value, "not a number of seconds or milliseconds; try 3s or 1500ms"),
        Some(limit) if !HANG_LIMITS.contains(&limit) => {
            refuse(value, "neither shorter than 500ms nor longer than 60s; try 3s")
        }
        limit => Ok(limit),
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
        || OWN_WORKERS.contains(&path.file_name())
        || path.as_str() == SERVICE_WORKER
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

    fn with_limit(limit: &str, fallback: Fallback, cdn: Option<&str>) -> Result<Config> {
        let cdn = cdn.map(str::to_owned);
        Config::new(Settings { hang_limit: Some(limit.to_owned()), fallback, cdn, ..Settings::default() })
    }

    #[test]
    fn the_limit_of_a_hang_is_a_time_within_reason() {
        let cdn = Some("https://static.example.com/");
        for (limit, read) in [("500ms", 500), ("3s", 3000), ("2.5s", 2500), ("60s", 60_000)] {
            let config = with_limit(limit, Fallback::External, cdn).expect("a time");
            assert_eq!(config.hang_limit, Some(read), "{limit}");
        }
        for (limit, hint) in [("3", "try 3s or 1500ms"), ("499ms", "try 3s"), ("61s", "try 3s"), ("", "try 3s")] {
            let error = with_limit(limit, Fallback::Inline, cdn).expect_err(limit).to_string();
            assert!(error.starts_with("--hang-limit ") && error.contains(hint), "{error}");
        }
    }

    #[test]
    fn without_a_cdn_or_without_the_net_there_is_no_limit() {
        for (fallback, cdn, hint) in
            [(Fallback::Inline, None, "add --cdn"), (Fallback::None, Some("https://c.example/"), "--fallback none")]
        {
            let error = with_limit("3s", fallback, cdn).expect_err("no net").to_string();
            assert!(error.contains(hint), "{error}");
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
