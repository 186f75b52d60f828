//! Sheets that must come from the page's own origin: they name elements of other files, or what custom properties hold
//! is right only there.

use crate::config::Config;
use crate::graph::link::{AssetGraph, Linked};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::plan::variables::Variables;
use crate::site::index::AssetIndex;
use std::collections::{BTreeMap, BTreeSet};

/// The sheets, and those that import them: what a sheet imports comes from where the sheet comes from.
pub(super) fn find(
    index: &AssetIndex,
    graph: &AssetGraph,
    variables: &Variables<'_>,
    config: &Config,
) -> (BTreeSet<SitePath>, Vec<Finding>) {
    let mut found = BTreeSet::new();
    if config.cdn.is_none() {
        return (found, Vec::new());
    }
    let (mut open, mut findings) = variables.at_home(index, graph, config);
    for (path, linked) in graph.linked.iter().filter(|(_, linked)| !linked.elements.is_empty()) {
        open.push(path);
        findings.extend(of_elements(path, linked, index));
    }
    if open.is_empty() {
        return (found, findings);
    }
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

fn of_elements(path: &SitePath, linked: &Linked, index: &AssetIndex) -> Vec<Finding> {
    let bytes = index.assets.get(path).and_then(|asset| asset.source.as_deref()).unwrap_or_default();
    let of =
        |(at, url): &(usize, String)| (*at, Code::ElementNeedsOrigin, format!("`{url}` is an element of another file"));
    Finding::all_at(path.as_str(), bytes, linked.elements.iter().map(of).collect())
}
