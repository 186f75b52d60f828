//! What the library and the command promise, against whole trees.

mod cli;
#[path = "../dom/mod.rs"]
mod dom;
mod floors;
mod golden;
mod properties;
mod trees;
mod verify;
