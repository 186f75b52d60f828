//! The order in which names can be decided: what is referred to first, and files that refer to each other together.

use crate::graph::link::AssetGraph;
use crate::model::path::SitePath;
use petgraph::algo::tarjan_scc;
use petgraph::graphmap::{DiGraphMap, UnGraphMap};
use std::collections::BTreeMap;

/// Groups of assets, dependencies first. A group of more than one is a cycle.
pub fn groups(graph: &AssetGraph) -> Vec<Vec<SitePath>> {
    let numbers = Numbers::of(graph);
    let mut edges = DiGraphMap::<usize, ()>::new();
    (0..numbers.paths.len()).for_each(|number| {
        edges.add_node(number);
    });
    for (from, to) in numbers.edges(graph, |_| true) {
        edges.add_edge(from, to, ());
    }
    tarjan_scc(&edges).into_iter().map(|group| numbers.name(group)).collect()
}

/// Groups of modules that import each other, directly or not, in either direction: each has one home.
pub fn module_graphs(graph: &AssetGraph) -> Vec<Vec<SitePath>> {
    let numbers = Numbers::of(graph);
    let mut edges = UnGraphMap::<usize, ()>::new();
    let tied = graph.linked.iter().filter(|(_, linked)| !linked.ties.is_empty() || !linked.names.is_empty());
    tied.for_each(|(path, _)| {
        edges.add_node(numbers.of_path[path]);
    });
    for (from, to) in numbers.edges(graph, |link| link.import.is_some()) {
        edges.add_edge(from, to, ());
    }
    // Of an undirected graph, the strongly connected components are the connected ones.
    tarjan_scc(&edges).into_iter().map(|group| numbers.name(group)).collect()
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

    fn edges(&self, graph: &'g AssetGraph, wanted: impl Fn(&crate::graph::link::Link) -> bool) -> Vec<(usize, usize)> {
        let all = graph.linked.iter().flat_map(|(path, linked)| linked.links.iter().map(move |link| (path, link)));
        all.filter(|(_, link)| wanted(link)).map(|(path, link)| (self.of_path[path], self.of_path[&link.to])).collect()
    }

    fn name(&self, mut group: Vec<usize>) -> Vec<SitePath> {
        group.sort_unstable();
        group.into_iter().map(|number| self.paths[number].clone()).collect()
    }
}
