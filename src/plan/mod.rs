//! The decisions: every asset's final bytes, name, hash and home. Afterwards nothing is decided any more.

mod edits;
mod kept;
mod layout;
mod naming;
mod sheets;
mod tied;
mod variables;

pub use kept::{Kept, NewNames, keep};
pub use layout::own_fingerprint;
pub use naming::member;

use crate::config::settings::SourceMaps;
use crate::config::{Config, OWN_WORKERS, SERVICE_WORKER};
use crate::contents::Use;
use crate::graph::link::{AssetGraph, Link};
use crate::graph::order;
use crate::model::digest::{Digests, Fingerprint, Integrity};
use crate::model::finding::{Code, Finding};
use crate::model::media_type::Kind;
use crate::model::path::SitePath;
use crate::site::index::AssetIndex;
use edits::Names;
use std::collections::{BTreeMap, BTreeSet};
use tied::Tied;
use variables::Variables;

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
    /// Whether its name stands for these bytes, for ever.
    pub fingerprinted: bool,
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
    /// The site's own service workers, which import ours.
    pub workers: Vec<SitePath>,
    /// Files of earlier builds that are published on, sorted by path.
    pub kept: Vec<Kept>,
}

impl Plan {
    /// How an asset is published; `None` for what is no asset.
    pub fn get(&self, path: &SitePath) -> Option<&Publication> {
        self.publications.get(path)
    }
}

/// Decides, dependencies first.
pub fn plan(index: &AssetIndex, graph: &AssetGraph, config: &Config) -> (Plan, Vec<Finding>) {
    plan_named(index, graph, config, naming::fingerprinted)
}

fn plan_named(
    index: &AssetIndex,
    graph: &AssetGraph,
    config: &Config,
    name: fn(&SitePath, &Fingerprint) -> SitePath,
) -> (Plan, Vec<Finding>) {
    let named = layout::fingerprinted(index, config);
    let (tied, mut findings) = tied::find(index, graph, config, &named);
    let variables = Variables::of(graph);
    let (at_home, of_sheets) = sheets::find(index, graph, &variables, config);
    findings.extend(of_sheets);
    let mut planner = Planner { index, graph, config, named, tied, at_home, variables, name, plan: Plan::default() };
    let mut reserved = BTreeSet::new();
    for group in order::groups(graph) {
        planner.publish_group(&group, &mut reserved, &mut findings);
    }
    for (path, asset) in &index.assets {
        // A source map that no file names is published under its own name alone.
        if !planner.plan.publications.contains_key(path) && asset.kind != Kind::SourceMap {
            planner.publish_group(std::slice::from_ref(path), &mut reserved, &mut findings);
        }
    }
    planner.plan.workers = workers(index, config);
    findings.extend(planner.plan.workers.iter().map(|path| {
        let reason = format!("it imports `{SERVICE_WORKER}`, as its first statement");
        Finding::of_file(Code::ServiceWorkerJoined, path.as_str(), reason)
    }));
    (planner.plan, findings)
}

/// The workers at the root are those that control the whole site. They are published under their names: by these,
/// browsers know them.
fn workers(index: &AssetIndex, config: &Config) -> Vec<SitePath> {
    let names = OWN_WORKERS.iter().filter(|_| config.settings.service_worker).filter_map(|name| SitePath::new(name));
    names.filter(|path| index.exists(path)).collect()
}

struct Planner<'p> {
    index: &'p AssetIndex,
    graph: &'p AssetGraph,
    config: &'p Config,
    named: BTreeSet<SitePath>,
    tied: BTreeMap<SitePath, Tied>,
    at_home: BTreeSet<SitePath>,
    variables: Variables<'p>,
    /// How a file is called that has this fingerprint.
    name: fn(&SitePath, &Fingerprint) -> SitePath,
    plan: Plan,
}

/// A file whose bytes are known, before it is known whether it can have its name.
struct Made<'g> {
    path: &'g SitePath,
    name: SitePath,
    bytes: Option<Vec<u8>>,
    /// Of the bytes, or the original's where there are none.
    digests: Digests,
}

impl Planner<'_> {
    /// Publishes files that refer to each other, or one that does not. Where a name is taken, its file keeps its own; so
    /// do all of a cycle, whose bytes name each other.
    fn publish_group(&mut self, group: &[SitePath], reserved: &mut BTreeSet<SitePath>, findings: &mut Vec<Finding>) {
        let names = self.names_in_cycle(group);
        let made: Vec<_> = group.iter().filter_map(|path| self.make(path, &names)).collect();
        let mut seen = BTreeSet::new();
        let mut is_taken = |made: &Made<'_>| {
            let Made { path, name, digests, .. } = made;
            name != *path && (self.is_taken(name, digests) || reserved.contains(name) || !seen.insert(name.clone()))
        };
        let taken: Vec<_> = made.iter().map(&mut is_taken).collect();
        findings.extend(made.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(made, _)| {
            Finding::of_file(Code::NameTaken, made.path.as_str(), format!("`{}` exists already", made.name))
        }));
        let of_cycle = !names.is_empty() && taken.contains(&true);
        for (made, taken) in made.into_iter().zip(taken) {
            let publication = self.publication(made, taken || of_cycle);
            reserved.insert(publication.1.path.clone());
            self.plan.publications.insert(publication.0, publication.1);
        }
    }

    /// The bytes of a file as they would be published, and under which name.
    fn make<'g>(&self, path: &'g SitePath, names: &Names) -> Option<Made<'g>> {
        let asset = self.index.assets.get(path)?;
        let bytes = if self.keeps_bytes(path) { None } else { self.final_bytes(path, asset, names) };
        let digests = bytes.as_deref().map_or_else(|| asset.digests.clone(), Digests::of);
        let keeps_name = self.keeps_name(path) || bytes.is_none() && self.named.contains(path);
        let name = match names.get(path) {
            Some(name) => name.clone(),
            None if keeps_name => path.clone(),
            None => (self.name)(path, &digests.fingerprint()),
        };
        Some(Made { path, name, bytes, digests })
    }

    /// How a file is published: as it was made, or where that cannot be, under its own name.
    fn publication(&self, made: Made<'_>, taken: bool) -> (SitePath, Publication) {
        let Made { path, name, bytes, digests } = made;
        let asset = &self.index.assets[path];
        let name = if taken { path.clone() } else { name };
        // Under its own name a file keeps its own bytes.
        let bytes = bytes.filter(|_| name != *path || self.config.settings.no_fingerprint);
        let digests = if bytes.is_some() { digests } else { asset.digests.clone() };
        let publication = Publication {
            fingerprinted: name != *path || bytes.is_none() && self.named.contains(path),
            size: bytes.as_ref().map_or(asset.size, |bytes| bytes.len() as u64),
            integrity: digests.integrity(),
            home: if taken { Home::Origin } else { self.home(path, asset.kind) },
            kind: asset.kind,
            media_type: asset.media_type,
            imports: self.imports(path),
            bare: self.graph.linked.get(path).map_or_else(Vec::new, |linked| linked.bare.clone()),
            path: name,
            bytes,
        };
        (path.clone(), publication)
    }

    /// The names of a cycle's members, whose bytes name each other; none for a file that is in no cycle.
    fn names_in_cycle(&self, group: &[SitePath]) -> Names {
        let is_cycle = group.len() > 1 || self.links(&group[0]).iter().any(|link| link.to == group[0]);
        if !is_cycle || group.iter().any(|path| self.keeps_name(path)) {
            return Names::new();
        }
        let group_print = self.group_fingerprint(group);
        group.iter().map(|path| (path.clone(), (self.name)(path, &member(&group_print, path)))).collect()
    }

    fn keeps_bytes(&self, path: &SitePath) -> bool {
        self.tied.get(path).is_some_and(|tied| tied.keeps_name)
    }

    fn keeps_name(&self, path: &SitePath) -> bool {
        self.keeps_bytes(path) || self.config.settings.no_fingerprint
    }

    fn home(&self, path: &SitePath, kind: Kind) -> Home {
        let stays = match kind {
            Kind::WebManifest => true,
            Kind::SourceMap => self.config.settings.source_maps == SourceMaps::Origin,
            _ => self.at_home.contains(path),
        };
        if self.config.cdn.is_none() || stays {
            return Home::Origin;
        }
        self.tied.get(path).map_or(Home::Cdn, |tied| tied.home)
    }

    fn links(&self, path: &SitePath) -> &[Link] {
        self.graph.linked.get(path).map_or(&[], |linked| &linked.links)
    }

    fn imports(&self, path: &SitePath) -> Vec<(SitePath, String)> {
        let imports = self.links(path).iter().filter(|link| link.usage == Use::Import);
        let imports: BTreeSet<_> = imports.map(|link| (link.to.clone(), link.suffix.clone())).collect();
        imports.into_iter().collect()
    }

    fn is_taken(&self, name: &SitePath, digests: &Digests) -> bool {
        match self.index.assets.get(name) {
            Some(asset) => asset.digests != *digests,
            None => self.index.exists(name),
        }
    }
}

#[cfg(test)]
mod tests;
