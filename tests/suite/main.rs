//! What the library and the command promise, against whole trees.

mod cli;
mod floors;
mod golden;
mod import_maps;
mod properties;
mod template;
mod verify;
