//! What refers to what, among files.

pub mod link;
pub mod order;
pub mod resolve;
