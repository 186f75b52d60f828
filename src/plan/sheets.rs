//! Sheets that must come from the page's own origin, because they name elements of other files.

use crate::config::Config;
use crate::graph::link::{AssetGraph, Linked};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::site::index::AssetIndex;
use std::collections::BTreeSet;

/// The sheets, and those that import them: what a sheet imports comes from where the sheet comes from.
pub(super) fn find(index: &AssetIndex, graph: &AssetGraph, config: &Config) -> (BTreeSet<SitePath>, Vec<Finding>) {
    let mut found = BTreeSet::new();
    if config.cdn.is_none() {
        return (found, Vec::new());
    }
    let mut open: Vec<_> = graph.linked.iter().filter(|(_, linked)| !linked.elements.is_empty()).collect();
    let findings = open.iter().flat_map(|(path, linked)| findings(path, linked, index)).collect();
    while let Some((path, _)) = open.pop() {
        if found.insert(path.clone()) {
            let importers = graph
                .linked
                .iter()
                .filter(|(from, linked)| from.extension() == "css" && linked.links.iter().any(|link| link.to == *path));
            open.extend(importers);
        }
    }
    (found, findings)
}

fn findings(path: &SitePath, linked: &Linked, index: &AssetIndex) -> Vec<Finding> {
    let bytes = index.assets.get(path).and_then(|asset| asset.source.as_deref()).unwrap_or_default();
    let of = |(at, url): &(usize, String)| {
        let reason = format!("`{url}` is an element of another file");
        Finding::at(Code::ElementNeedsOrigin, path.as_str(), bytes, *at, reason)
    };
    linked.elements.iter().map(of).collect()
}
