//! The nouns: pure values that every other room speaks in.

pub mod digest;
pub mod edit;
pub mod finding;
pub mod media_type;
pub mod name_digests;
pub mod path;
pub mod secret;
