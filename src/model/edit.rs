//! [`Edit`]: bytes that take the place of other bytes.

use std::ops::Range;

/// One change to a file: what stands at `range` becomes `text`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// Byte offsets in the original.
    pub range: Range<usize>,
    /// What stands there afterwards. ASCII, so that it is right in every encoding a page may have.
    pub text: String,
}

impl Edit {
    /// Replaces `range` by `text`.
    pub fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }
}

/// `bytes` with every edit made. Edits may come in any order; one that overlaps an earlier one is left out.
pub fn apply(bytes: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.range.start);
    let mut out = Vec::with_capacity(bytes.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut copied = 0;
    for edit in edits.iter().filter(|edit| edit.range.end <= bytes.len()) {
        if edit.range.start >= copied {
            out.extend_from_slice(&bytes[copied..edit.range.start]);
            out.extend_from_slice(edit.text.as_bytes());
            copied = edit.range.end;
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out
}
