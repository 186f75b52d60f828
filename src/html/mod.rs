//! HTML: bytes to bytes, asking a visitor. Knows HTML, no policy.

pub mod attribute_value;
pub mod attributes;
pub mod candidates;
pub mod encoding;
pub mod foreign;
pub mod rewriter;
pub mod splice;
pub mod srcset;
pub mod visitor;
