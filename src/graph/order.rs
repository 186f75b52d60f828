//! The order in which names can be decided: what is referred to first, and files that refer to each other together.
//!
//! Chains of references are as long as a site has files, so nothing here recurses.

use crate::contents::Use;
use crate::graph::link::{AssetGraph, Link, Linked};
use crate::js::Script;
use crate::model::media_type::{self, Kind};
use crate::model::path::SitePath;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::unionfind::UnionFind;
use std::collections::BTreeMap;

/// Groups of assets, dependencies first. A group of more than one is a cycle.
pub fn groups(graph: &AssetGraph) -> Vec<Vec<SitePath>> {
    let numbers = Numbers::of(graph);
    let mut edges = DiGraph::<(), (), usize>::default();
    let nodes: Vec<_> = numbers.paths.iter().map(|_| edges.add_node(())).collect();
    for (from, to) in numbers.edges(graph, |_, _| true) {
        edges.add_edge(nodes[from], nodes[to], ());
    }
    // Kosaraju's algorithm gives what is referred to first, as Tarjan's does, which here would recurse.
    let groups = kosaraju_scc(&edges).into_iter();
    groups.map(|group| numbers.name(group.into_iter().map(NodeIndex::index).collect())).collect()
}

/// Groups of scripts that have one home each: modules that import each other, directly or not, in either direction; and
/// scripts that find each other's URLs at run time.
pub fn module_graphs(graph: &AssetGraph) -> Vec<Vec<SitePath>> {
    let numbers = Numbers::of(graph);
    let mut joined = UnionFind::new(numbers.paths.len());
    let mut is_module = vec![false; numbers.paths.len()];
    for (path, linked) in &graph.linked {
        is_module[numbers.of_path[path]] = linked.script != Script::default();
    }
    for (from, to) in numbers.edges(graph, |linked, link| joins(&linked.script, link)) {
        joined.union(from, to);
        (is_module[from], is_module[to]) = (true, true);
    }
    for (one, other) in worker_starters(graph) {
        joined.union(numbers.of_path[one], numbers.of_path[other]);
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for number in (0..is_module.len()).filter(|number| is_module[*number]) {
        groups.entry(joined.find(number)).or_default().push(number);
    }
    groups.into_values().map(|group| numbers.name(group)).collect()
}

/// A URL that a script makes may be imported where names are only known at run time.
fn joins(from: &Script, link: &Link) -> bool {
    let may_be_imported = || media_type::of(&link.to).0 == Kind::Script && from.computed_import.is_some();
    link.usage.is_import() || link.usage == Use::Made && may_be_imported()
}

/// A classic script that starts a worker may take the worker's URL from another that knows its own: bundlers put their
/// run-time code, with `document.currentScript` in it, into a file beside the others.
fn worker_starters(graph: &AssetGraph) -> Vec<(&SitePath, &SitePath)> {
    let classic = || graph.linked.iter().filter(|(_, linked)| !linked.script.is_module);
    let starters = classic().filter(|(_, linked)| linked.script.computed_worker.is_some());
    let by_dir: BTreeMap<&str, &SitePath> = starters.map(|(path, _)| (path.dir(), path)).collect();
    let others = classic().filter(|(_, linked)| linked.script.asks_own_url || linked.script.computed_worker.is_some());
    others.filter_map(|(path, _)| Some((path, *by_dir.get(path.dir())?))).collect()
}

/// Paths as numbers, because that is what the graph library works on.
struct Numbers<'g> {
    paths: Vec<&'g SitePath>,
    of_path: BTreeMap<&'g SitePath, usize>,
}

impl<'g> Numbers<'g> {
    fn of(graph: &'g AssetGraph) -> Self {
        let all = graph
            .linked
            .iter()
            .flat_map(|(path, linked)| std::iter::once(path).chain(linked.links.iter().map(|link| &link.to)));
        let mut paths: Vec<_> = all.collect();
        paths.sort();
        paths.dedup();
        let of_path = paths.iter().enumerate().map(|(number, path)| (*path, number)).collect();
        Self { paths, of_path }
    }

    fn edges(&self, graph: &'g AssetGraph, wanted: impl Fn(&Linked, &Link) -> bool) -> Vec<(usize, usize)> {
        let all = graph.linked.iter().flat_map(|(path, from)| from.links.iter().map(move |link| (path, from, link)));
        let wanted = all.filter(|(_, from, link)| wanted(from, link));
        wanted.map(|(path, _, link)| (self.of_path[path], self.of_path[&link.to])).collect()
    }

    fn name(&self, mut group: Vec<usize>) -> Vec<SitePath> {
        group.sort_unstable();
        group.into_iter().map(|number| self.paths[number].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::Form;

    fn path(text: &str) -> SitePath {
        SitePath::new(text).expect("a site path")
    }

    /// Modules by name, each with what it imports.
    fn graph<'n>(modules: impl IntoIterator<Item = (&'n str, Vec<&'n str>)>) -> AssetGraph {
        let link = |to| Link {
            range: 0..0,
            form: Form::JavaScript,
            to: path(to),
            suffix: String::new(),
            is_relative: true,
            usage: Use::Import,
        };
        let linked = |to: Vec<_>| Linked { links: to.into_iter().map(link).collect(), ..Linked::default() };
        AssetGraph { linked: modules.into_iter().map(|(from, to)| (path(from), linked(to))).collect() }
    }

    fn text(groups: &[Vec<SitePath>]) -> Vec<String> {
        groups.iter().map(|group| group.iter().map(SitePath::as_str).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn what_is_referred_to_comes_first_and_a_cycle_together() {
        let graph =
            graph([("a", vec!["b"]), ("b", vec!["c", "d"]), ("c", vec!["b"]), ("d", vec!["z"]), ("e", vec!["e"])]);
        let groups = text(&groups(&graph));
        let place = |name: &str| groups.iter().position(|group| group == name).unwrap_or_else(|| panic!("{groups:?}"));
        assert!(place("z") < place("d") && place("d") < place("b c") && place("b c") < place("a"), "{groups:?}");
        assert_eq!(groups.len(), 5, "{groups:?}");
        assert_eq!(groups.iter().filter(|group| *group == "e").count(), 1);
    }

    #[test]
    fn modules_that_share_an_import_have_one_home() {
        let graph = graph([("a", vec!["m"]), ("b", vec!["m"]), ("c", vec!["n"])]);
        assert_eq!(text(&module_graphs(&graph)), ["a b m", "c n"]);
    }

    #[test]
    fn a_chain_of_any_length_needs_no_deep_stack() {
        let names: Vec<_> = (0..200_000).map(|number| format!("{number:06}")).collect();
        for closed in [false, true] {
            let next = |number: usize| if closed { Some((number + 1) % names.len()) } else { Some(number + 1) };
            let imports = |number| next(number).and_then(|next| names.get(next)).map(String::as_str);
            let modules =
                names.iter().enumerate().map(|(number, name)| (&name[..], imports(number).into_iter().collect()));
            let graph = graph(modules);
            let work = move || (groups(&graph).len(), module_graphs(&graph).len());
            // Half of what a thread gets by default.
            let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(work).expect("a thread");
            assert_eq!(thread.join().expect("it ends"), (if closed { 1 } else { names.len() }, 1), "closed: {closed}");
        }
    }
}
