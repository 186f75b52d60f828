//! The decisions: every asset's final bytes, name, hash and home. Afterwards nothing is decided any more.

mod layout;
mod sheets;
mod tied;

pub use layout::own_fingerprint;

use crate::config::Config;
use crate::graph::link::{AssetGraph, Import, Link};
use crate::graph::order;
use crate::model::digest::{Digests, Fingerprint, Integrity};
use crate::model::edit::{self, Edit};
use crate::model::finding::{Code, Finding};
use crate::model::media_type::Kind;
use crate::model::path::SitePath;
use crate::site::index::{Asset, AssetIndex};
use std::collections::{BTreeMap, BTreeSet};

/// Where pages load an asset from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// The CDN.
    Cdn,
    /// The site's own origin.
    Origin,
}

/// How an asset is published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Under which name.
    pub path: SitePath,
    /// With which bytes, where they are not the original's.
    pub bytes: Option<Vec<u8>>,
    /// What pins the published bytes.
    pub integrity: Integrity,
    /// Of the published bytes.
    pub size: u64,
    /// From where.
    pub home: Home,
    /// What it is.
    pub kind: Kind,
    /// Its media type.
    pub media_type: &'static str,
    /// Which modules it imports by statements, with their `?query`, sorted.
    pub imports: Vec<(SitePath, String)>,
    /// Bare specifiers in such statements: the page's import map says what they lead to.
    pub bare: Vec<String>,
}

/// Every asset's publication, by its original path.
#[derive(Debug, Default)]
pub struct Plan {
    /// Sorted by path.
    pub publications: BTreeMap<SitePath, Publication>,
}

impl Plan {
    /// How an asset is published; `None` for what is no asset.
    pub fn get(&self, path: &SitePath) -> Option<&Publication> {
        self.publications.get(path)
    }

    /// All modules that loading `entry` brings in by import statements, with their `?query`, by original path.
    pub fn imported_by(&self, entry: &SitePath) -> BTreeSet<(&SitePath, &str)> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![entry]);
        while let Some(path) = open.pop() {
            for (to, suffix) in self.get(path).map_or(&[][..], |publication| &publication.imports) {
                if seen.insert((to, suffix.as_str())) {
                    open.push(to);
                }
            }
        }
        seen
    }
}

/// Decides, dependencies first.
pub fn plan(index: &AssetIndex, graph: &AssetGraph, config: &Config) -> (Plan, Vec<Finding>) {
    let named = layout::fingerprinted(index, config);
    let (tied, mut findings) = tied::find(index, graph, config, &named);
    let (at_home, of_sheets) = sheets::find(index, graph, config);
    findings.extend(of_sheets);
    let (named, tied, at_home) = (&named, &tied, &at_home);
    let mut planner = Planner { index, graph, config, named, tied, at_home, plan: Plan::default() };
    let mut reserved: BTreeMap<SitePath, SitePath> = BTreeMap::new();
    for group in order::groups(graph) {
        planner.publish_group(&group, &mut reserved, &mut findings);
    }
    for path in index.assets.keys() {
        if !planner.plan.publications.contains_key(path) {
            planner.publish_group(std::slice::from_ref(path), &mut reserved, &mut findings);
        }
    }
    (planner.plan, findings)
}

struct Planner<'p> {
    index: &'p AssetIndex,
    graph: &'p AssetGraph,
    config: &'p Config,
    named: &'p BTreeSet<SitePath>,
    tied: &'p BTreeMap<SitePath, Home>,
    at_home: &'p BTreeSet<SitePath>,
    plan: Plan,
}

impl Planner<'_> {
    /// Publishes files that refer to each other, or one that does not.
    fn publish_group(
        &mut self,
        group: &[SitePath],
        reserved: &mut BTreeMap<SitePath, SitePath>,
        findings: &mut Vec<Finding>,
    ) {
        let is_cycle = group.len() > 1 || self.links(&group[0]).iter().any(|link| link.to == group[0]);
        let stays = |path: &SitePath| self.tied.contains_key(path) || self.config.settings.no_fingerprint;
        let names: BTreeMap<SitePath, SitePath> = if is_cycle && !group.iter().any(stays) {
            let group_print = self.group_fingerprint(group);
            group.iter().map(|path| (path.clone(), fingerprinted_name(path, &member(&group_print, path)))).collect()
        } else {
            BTreeMap::new()
        };
        for path in group {
            let Some(asset) = self.index.assets.get(path) else { continue };
            let bytes = if self.tied.contains_key(path) { None } else { self.final_bytes(path, asset, &names) };
            let digests = bytes.as_deref().map_or_else(|| asset.digests.clone(), Digests::of);
            let keeps_name = stays(path) || bytes.is_none() && self.named.contains(path);
            let mut name = match names.get(path) {
                Some(name) => name.clone(),
                None if keeps_name => path.clone(),
                None => fingerprinted_name(path, &digests.fingerprint()),
            };
            let taken = name != *path && (self.is_taken(&name, &digests) || reserved.contains_key(&name));
            if taken {
                findings.push(Finding::of_file(Code::NameTaken, path.as_str(), format!("`{name}` exists already")));
                name = path.clone();
            }
            reserved.insert(name.clone(), path.clone());
            let home = match (&self.config.cdn, self.tied.get(path)) {
                (Some(_), tied) if !taken && asset.kind != Kind::WebManifest && !self.at_home.contains(path) => {
                    tied.copied().unwrap_or(Home::Cdn)
                }
                _ => Home::Origin,
            };
            let imports = self.links(path).iter().filter(|link| link.import == Some(Import::Static));
            let imports: BTreeSet<_> = imports.map(|link| (link.to.clone(), link.suffix.clone())).collect();
            let publication = Publication {
                // Under its own name a file keeps its own bytes.
                bytes: bytes.filter(|_| name != *path || self.config.settings.no_fingerprint),
                size: asset.size,
                home,
                kind: asset.kind,
                media_type: asset.media_type,
                bare: self.graph.linked.get(path).map_or_else(Vec::new, |linked| linked.bare.clone()),
                imports: imports.into_iter().collect(),
                path: name,
                integrity: digests.integrity(),
            };
            self.plan.publications.insert(path.clone(), publication.with_true_size(asset));
        }
    }

    fn links(&self, path: &SitePath) -> &[Link] {
        self.graph.linked.get(path).map_or(&[], |linked| &linked.links)
    }

    /// A file's bytes with every reference naming what is published; `None` when nothing changes.
    fn final_bytes(&self, path: &SitePath, asset: &Asset, cycle: &BTreeMap<SitePath, SitePath>) -> Option<Vec<u8>> {
        let source = asset.source.as_ref()?;
        let edits: Vec<_> = self
            .links(path)
            .iter()
            .filter_map(|link| {
                let target = cycle.get(&link.to).or_else(|| self.plan.get(&link.to).map(|to| &to.path))?;
                let text = std::str::from_utf8(source.get(link.range.clone())?).ok()?;
                // Under its own name already, and right in every home there is: not touched.
                let is_relative = !text.trim_start().starts_with(['/', '\\']) && !text.contains(':');
                let is_as_written =
                    !cycle.contains_key(&link.to) && *target == link.to && (is_relative || self.config.cdn.is_none());
                (!is_as_written).then(|| {
                    let url = target.relative_url(path.dir()) + &link.suffix;
                    Edit::new(link.range.clone(), link.form.escape(&url))
                })
            })
            .collect();
        (!edits.is_empty()).then(|| edit::apply(source, edits))
    }

    /// The fingerprint of a cycle: over every member's path and its bytes, in which the members' own names, which are
    /// not known yet, are their paths. So it is stable, and changes when any member or dependency changes.
    fn group_fingerprint(&self, group: &[SitePath]) -> Fingerprint {
        let own: BTreeMap<_, _> = group.iter().map(|path| (path.clone(), path.clone())).collect();
        let bytes: Vec<_> = group
            .iter()
            .filter_map(|path| {
                let asset = self.index.assets.get(path)?;
                Some(self.final_bytes(path, asset, &own).or_else(|| asset.source.clone()).unwrap_or_default())
            })
            .collect();
        let pieces = group.iter().zip(&bytes);
        Fingerprint::of_pieces(pieces.flat_map(|(path, bytes)| [path.as_str().as_bytes(), bytes]))
    }

    fn is_taken(&self, name: &SitePath, digests: &Digests) -> bool {
        match self.index.assets.get(name) {
            Some(asset) => asset.digests != *digests,
            None => self.index.exists(name),
        }
    }
}

impl Publication {
    fn with_true_size(mut self, asset: &Asset) -> Self {
        self.size = self.bytes.as_ref().map_or(asset.size, |bytes| bytes.len() as u64);
        if self.bytes.is_none() {
            self.integrity = asset.digests.integrity();
        }
        self
    }
}

/// The fingerprint of one member of a cycle.
pub fn member(group: &Fingerprint, path: &SitePath) -> Fingerprint {
    Fingerprint::of_pieces([group.as_str().as_bytes(), path.as_str().as_bytes()])
}

/// `app.js` as `app.3f2a91bc04de.js`; a name that would become too long for a file system is cut.
fn fingerprinted_name(path: &SitePath, fingerprint: &Fingerprint) -> SitePath {
    const NAME_MAX: usize = 255;
    let (stem, extension) = match path.file_name().rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (path.file_name(), String::new()),
    };
    let room = NAME_MAX.saturating_sub(extension.len() + 1 + fingerprint.as_str().len());
    let cut = (0..=stem.len().min(room)).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    let name = format!("{}.{}{extension}", &stem[..cut], fingerprint.as_str());
    path.with_file_name(&name).unwrap_or_else(|| path.clone())
}
