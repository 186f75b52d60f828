//! Sheets that must come from the page's own origin, because they name elements of other files.

use crate::config::Config;
use crate::graph::link::{AssetGraph, Linked};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::site::index::AssetIndex;
use std::collections::{BTreeMap, BTreeSet};

/// The sheets, and those that import them: what a sheet imports comes from where the sheet comes from.
pub(super) fn find(index: &AssetIndex, graph: &AssetGraph, config: &Config) -> (BTreeSet<SitePath>, Vec<Finding>) {
    let with_elements = graph.linked.iter().filter(|(_, linked)| !linked.elements.is_empty());
    let mut open: Vec<_> = with_elements.clone().map(|(path, _)| path).collect();
    let mut found = BTreeSet::new();
    if config.cdn.is_none() || open.is_empty() {
        return (found, Vec::new());
    }
    let findings = with_elements.flat_map(|(path, linked)| findings(path, linked, index)).collect();
    let importers = importers(graph);
    while let Some(path) = open.pop() {
        if found.insert(path.clone()) {
            open.extend(importers.get(path).into_iter().flatten());
        }
    }
    (found, findings)
}

/// The sheets that refer to each file.
fn importers(graph: &AssetGraph) -> BTreeMap<&SitePath, Vec<&SitePath>> {
    let mut importers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (from, linked) in graph.linked.iter().filter(|(from, _)| from.extension() == "css") {
        linked.links.iter().for_each(|link| importers.entry(&link.to).or_default().push(from));
    }
    importers
}

fn findings(path: &SitePath, linked: &Linked, index: &AssetIndex) -> Vec<Finding> {
    let bytes = index.assets.get(path).and_then(|asset| asset.source.as_deref()).unwrap_or_default();
    let of =
        |(at, url): &(usize, String)| (*at, Code::ElementNeedsOrigin, format!("`{url}` is an element of another file"));
    Finding::all_at(path.as_str(), bytes, linked.elements.iter().map(of).collect())
}
