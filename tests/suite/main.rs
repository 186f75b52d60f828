//! What the library and the command promise, against whole trees.

mod cli;
mod collisions;
#[path = "../dom/mod.rs"]
mod dom;
mod floors;
mod golden;
mod graphs;
mod import_maps;
mod keep;
#[cfg(unix)]
mod links;
mod names;
mod outside;
mod place;
mod properties;
mod secrets;
mod serve;
mod service_worker;
mod template;
mod traps;
mod trees;
mod verify;
/// The tests of the walker that holds real sites against their inputs: it must be right before it judges.
#[path = "../corpora/walker.rs"]
mod walker;
