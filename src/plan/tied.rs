//! Scripts that are tied to their names or to the origin. One graph, one home.
//!
//! A module graph whose members are also named at run time keeps names and bytes; where those names carry no
//! fingerprint, it stays on the origin. One that starts workers by its own URL stays there under names of its own.

use crate::config::Config;
use crate::graph::link::AssetGraph;
use crate::graph::order;
use crate::js::{Name, Script};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::plan::Home;
use crate::site::index::AssetIndex;
use std::collections::{BTreeMap, BTreeSet};

/// What a file's graph asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tied {
    /// Where pages load it from.
    pub(super) home: Home,
    /// Whether it keeps its name and bytes.
    pub(super) keeps_name: bool,
}

/// The files that are tied.
pub(super) fn find(
    index: &AssetIndex,
    graph: &AssetGraph,
    config: &Config,
    named: &BTreeSet<SitePath>,
) -> (BTreeMap<SitePath, Tied>, Vec<Finding>) {
    let (mut tied, mut findings) = (BTreeMap::new(), Vec::new());
    for group in order::module_graphs(graph) {
        let (names, workers) = (names(&group, graph), workers(&group, graph));
        if names.is_empty() && workers.is_empty() {
            continue;
        }
        let from_root = names.iter().any(|tie| tie.from_root);
        let names_hold =
            names.is_empty() || group.iter().all(|path| named.contains(path)) && (!from_root || config.has_same_root());
        let may_move = names_hold && workers.is_empty();
        if config.cdn.is_some() {
            let reasons = names.iter().filter(|_| !names_hold).chain(&workers);
            findings.extend(reasons.filter_map(|tie| tie.finding(index)));
        }
        let home = if may_move { Home::Cdn } else { Home::Origin };
        let keeps_name = !names.is_empty();
        tied.extend(group.iter().map(|path| (path.clone(), Tied { home, keeps_name })));
    }
    (tied, findings)
}

/// Why a graph is tied.
struct Tie<'g> {
    path: &'g SitePath,
    code: Code,
    offset: usize,
    reason: String,
    /// Whether it may name files from some root, rather than from where the script is.
    from_root: bool,
}

impl Tie<'_> {
    fn finding(&self, index: &AssetIndex) -> Option<Finding> {
        let bytes = index.assets.get(self.path)?.source.as_deref()?;
        Some(Finding::at(self.code, self.path.as_str(), bytes, self.offset, self.reason.clone()))
    }
}

/// How the members of a graph are named at run time: by what is only known then, or by strings.
fn names<'g>(group: &'g [SitePath], graph: &AssetGraph) -> Vec<Tie<'g>> {
    let members: BTreeSet<&str> = group.iter().map(SitePath::file_name).collect();
    let mut ties = Vec::new();
    for path in group {
        let Some(linked) = graph.linked.get(path) else { continue };
        ties.extend(linked.script.computed_import.map(|offset| {
            let reason = "imports a module whose name is known at run time only".to_owned();
            Tie { path, code: Code::DynamicImportRoot, offset, reason, from_root: true }
        }));
        let mut named = linked.script.names.iter().filter(|name| members.contains(name.text.as_str())).peekable();
        let first = named.peek().copied();
        let from_root = named.any(|name| !name.is_relative);
        ties.extend(first.map(|Name { text, offset, .. }| {
            let reason = format!("the string names the module `{text}`");
            Tie { path, code: Code::RunTimeNames, offset: *offset, reason, from_root }
        }));
    }
    ties
}

/// Where the members of a graph start workers whose URLs are, or may be, made from a member's own.
fn workers<'g>(group: &'g [SitePath], graph: &AssetGraph) -> Vec<Tie<'g>> {
    let scripts = || group.iter().filter_map(|path| Some((path, &graph.linked.get(path)?.script)));
    let knows_urls = scripts().any(|(_, script)| script.asks_own_url);
    let of = |(path, script): (&'g SitePath, &Script)| {
        let offset = script.own_worker.or(script.computed_worker.filter(|_| knows_urls))?;
        let reason = "starts a worker".to_owned();
        Some(Tie { path, code: Code::WorkerNeedsOrigin, offset, reason, from_root: false })
    };
    scripts().filter_map(of).collect()
}
