//! HTML: bytes to bytes, asking a visitor. Knows HTML, no policy.

pub mod attribute_value;
pub mod attributes;
pub mod base_url;
pub mod candidates;
pub mod csp;
pub mod encoding;
pub mod foreign;
pub mod rewriter;
pub mod splice;
pub mod srcset;
pub mod svg;
pub mod template;
pub mod visitor;
pub mod xml;
