//! Module graphs whose members are also named at run time: they keep their names and bytes. Where those names carry no
//! fingerprint, the graph stays on the origin. One graph, one home.

use crate::config::Config;
use crate::graph::link::AssetGraph;
use crate::graph::order;
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::plan::Home;
use crate::site::index::AssetIndex;
use std::collections::{BTreeMap, BTreeSet};

/// The files that keep names and bytes, and the home of each.
pub(super) fn find(
    index: &AssetIndex,
    graph: &AssetGraph,
    config: &Config,
    named: &BTreeSet<SitePath>,
) -> (BTreeMap<SitePath, Home>, Vec<Finding>) {
    let (mut tied, mut findings) = (BTreeMap::new(), Vec::new());
    for group in order::module_graphs(graph) {
        let ties = ties(&group, graph);
        if ties.is_empty() {
            continue;
        }
        let by_name_alone =
            ties.iter().all(|(_, (code, _, _))| matches!(code, Code::DynamicImportRoot | Code::RunTimeNames));
        let may_move = by_name_alone && group.iter().all(|path| named.contains(path)) && same_place(config);
        if !may_move && config.cdn.is_some() {
            findings.extend(ties.iter().map(|(path, (code, at, reason))| {
                let bytes = index.assets.get(*path).and_then(|asset| asset.source.as_deref()).unwrap_or_default();
                Finding::at(*code, path.as_str(), bytes, *at, reason.clone())
            }));
        }
        let home = if may_move { Home::Cdn } else { Home::Origin };
        tied.extend(group.into_iter().map(|path| (path, home)));
    }
    (tied, findings)
}

type Tie = (Code, usize, String);

/// What ties the members of a graph: what was found in them, and strings in them that name a member.
fn ties<'g>(group: &'g [SitePath], graph: &AssetGraph) -> Vec<(&'g SitePath, Tie)> {
    let names: BTreeSet<&str> = group.iter().map(SitePath::file_name).collect();
    let mut found = Vec::new();
    for path in group {
        let Some(linked) = graph.linked.get(path) else { continue };
        found.extend(linked.ties.iter().map(|tie| (path, tie.clone())));
        let named = linked.names.iter().find(|(text, _)| names.contains(text.rsplit('/').next().unwrap_or_default()));
        found.extend(
            named.map(|(text, at)| (path, (Code::RunTimeNames, *at, format!("the string `{text}` names a module")))),
        );
    }
    found
}

/// Whether a name from the root (`/assets/x.js`) means the same file on the CDN as on the origin.
fn same_place(config: &Config) -> bool {
    config.cdn.as_ref().is_none_or(|cdn| cdn.path() == config.mount.path())
}
