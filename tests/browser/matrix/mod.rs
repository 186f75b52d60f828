//! The matrix: every way to fail, every element, every net and every policy, in three engines. `main.rs` runs all of it
//! (`scripts/matrix`), `slice.rs` a part that is quick enough for every change.

mod assets;
mod axes;
mod exceptions;
mod font;
mod load;
mod page;
mod run;
mod site;
mod slice;
