//! Between the text that a browser reads and the bytes it came as.

pub mod alignment;
