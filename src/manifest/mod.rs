//! `OUT/tightrope.json`: what was published, for `verify` and for other programs. Described in docs/manifest.md. With
//! `--private-manifest` it is kept beside OUT ([`private`]).

pub mod private;

pub mod earlier;

use crate::config::Config;
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use crate::model::digest::{Digests, Integrity};
use crate::model::media_type;
use crate::model::path::SitePath;
use crate::plan::{Home, Kept, Plan, Publication};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The manifest's name, at the root of OUT.
pub const FILE_NAME: &str = "tightrope.json";

/// The manifest.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of tightrope that wrote it.
    pub version: String,
    /// The CDN's base URL, ending in a slash.
    pub cdn: Option<String>,
    /// Where the site's root stands on its origin, ending in a slash.
    pub base_path: String,
    /// The options of the build.
    pub options: Settings,
    /// The file that holds the net, where it does not stand in the pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<AssetEntry>,
    /// The service worker, where there is one or was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_worker: Option<ServiceWorker>,
    /// Files of earlier builds that are published on, sorted by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptEntry>,
    /// Every asset, by its original path.
    pub assets: BTreeMap<String, AssetEntry>,
}

/// The file at the service worker's place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceWorker {
    /// What it is.
    pub state: WorkerState,
    /// The site's own workers that import it, by their paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imported_by: Vec<String>,
    /// The file.
    #[serde(flatten)]
    pub file: AssetEntry,
}

/// What is published at the service worker's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    /// The service worker.
    Active,
    /// What unregisters the one that an earlier build had.
    Retired,
}

/// A file of an earlier build.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeptEntry {
    /// How many builds ago it was last published for its own sake: 1 for the build before.
    pub builds_ago: u32,
    /// The file. It has no imports: they are those of its own build.
    #[serde(flatten)]
    pub file: AssetEntry,
}

/// One asset.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AssetEntry {
    /// The path it is published under, from the root of OUT; not percent-encoded.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// The media type a server should send.
    pub content_type: String,
    /// Of the published bytes.
    pub integrity: String,
    /// Whether pages load it from the CDN.
    pub on_cdn: bool,
    /// Whether its name in SITE, under which it is published, stands for its bytes already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fingerprinted: bool,
    /// The assets that it imports by statements: their original paths, with the `?query` of the import.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<(String, String)>,
    /// The bare specifiers that it imports by statements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bare_imports: Vec<String>,
}

impl AssetEntry {
    /// A file of tightrope's own at the root of OUT.
    pub fn of_own(name: &str, text: &str) -> Self {
        Self {
            path: name.to_owned(),
            size: text.len() as u64,
            content_type: "text/javascript".to_owned(),
            integrity: Digests::of(text.as_bytes()).integrity().to_string(),
            on_cdn: false,
            fingerprinted: false,
            imports: Vec::new(),
            bare_imports: Vec::new(),
        }
    }

    /// Whether the name it is published under stands for its bytes, for ever. `original`: its path in SITE.
    pub fn is_fingerprinted(&self, original: &str) -> bool {
        self.fingerprinted || self.path != original
    }
}

impl KeptEntry {
    fn new(kept: &Kept) -> Self {
        let file = AssetEntry {
            path: kept.path.to_string(),
            size: kept.size,
            content_type: media_type::of(&kept.path).1.to_owned(),
            integrity: kept.integrity.to_string(),
            on_cdn: kept.home == Home::Cdn,
            ..AssetEntry::of_own("", "")
        };
        Self { builds_ago: kept.builds_ago, file }
    }
}

/// Whether a manifest lists a service worker or what came after one, whichever version of tightrope wrote it.
pub fn lists_service_worker(manifest: &[u8]) -> bool {
    let manifest = serde_json::from_slice::<serde_json::Value>(manifest);
    manifest.is_ok_and(|manifest| manifest.get("service_worker").is_some_and(serde_json::Value::is_object))
}

impl Manifest {
    /// The manifest of a plan, whose pages hold the net themselves.
    pub fn new(plan: &Plan, config: &Config) -> Self {
        let assets = plan.publications.iter().map(|(path, to)| {
            let entry = AssetEntry {
                path: to.path.to_string(),
                size: to.size,
                content_type: to.media_type.to_owned(),
                integrity: to.integrity.to_string(),
                on_cdn: to.home == Home::Cdn,
                fingerprinted: to.fingerprinted && to.path == *path,
                imports: to.imports.iter().map(|(path, suffix)| (path.to_string(), suffix.clone())).collect(),
                bare_imports: to.bare.clone(),
            };
            (path.to_string(), entry)
        });
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cdn: config.cdn.as_ref().map(|cdn| cdn.as_str().to_owned()),
            base_path: config.mount.path().to_owned(),
            options: config.settings.clone(),
            net: None,
            service_worker: None,
            kept: plan.kept.iter().map(KeptEntry::new).collect(),
            assets: assets.collect(),
        }
    }

    /// The plan that the manifest tells of. Bytes are not in it: they have been written.
    pub fn plan(&self) -> Plan {
        let publications = self.assets.iter().filter_map(|(original, entry)| {
            let path = SitePath::new(&entry.path)?;
            let (kind, media_type) = media_type::of(&path);
            let imports =
                entry.imports.iter().filter_map(|(path, suffix)| Some((SitePath::new(path)?, suffix.clone())));
            let publication = Publication {
                bytes: None,
                integrity: Integrity::parse(&entry.integrity)?,
                size: entry.size,
                home: if entry.on_cdn { Home::Cdn } else { Home::Origin },
                fingerprinted: entry.is_fingerprinted(original),
                kind,
                media_type,
                imports: imports.collect(),
                bare: entry.bare_imports.clone(),
                path,
            };
            Some((SitePath::new(original)?, publication))
        });
        let workers = self.service_worker.iter().flat_map(|worker| &worker.imported_by);
        Plan {
            publications: publications.collect(),
            workers: workers.filter_map(|path| SitePath::new(path)).collect(),
            kept: Vec::new(),
        }
    }

    /// All files that it lists.
    pub fn files(&self) -> impl Iterator<Item = &AssetEntry> {
        let own = self.net.iter().chain(self.service_worker.iter().map(|worker| &worker.file));
        self.assets.values().chain(own).chain(self.kept.iter().map(|kept| &kept.file))
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        // Maps with text for keys always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads a manifest; `path` is for the message.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|error| Error::Manifest {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
            reason: error.to_string(),
        })
    }
}
