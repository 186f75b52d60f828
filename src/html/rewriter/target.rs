//! Where the finder's changes go: kept, for a page in memory, or made, for one that streams by.

use crate::html::splice::{Change, Splicer};
use std::io::Write;
use std::ops::Range;

/// Where the page's bytes and the visitor's changes go.
///
/// The parser's own output only tells how far it has come: text that a handler has seen is encoded anew, and bytes that
/// are no text do not survive that.
pub(super) trait Target {
    fn record(&mut self, changes: Vec<Change>);
    /// The handlers are done with so many more bytes.
    fn pass(&mut self, count: usize);
    /// The end of the page.
    fn pass_all(&mut self);
    /// With how many bytes they are done.
    fn passed(&self) -> usize;
    /// From here on bytes must wait: changes among them are still to come.
    fn hold(&mut self, offset: usize);
    fn release(&mut self);
    /// The page's own bytes, if they are still there.
    fn bytes(&self, range: Range<usize>) -> Option<&[u8]>;
    /// The whole page, if it is in memory.
    fn page(&self) -> Option<&[u8]>;
}

/// Keeps the changes to a page that is in memory as a whole.
pub(super) struct Collector<'p> {
    pub(super) page: &'p [u8],
    pub(super) passed: usize,
    pub(super) changes: Vec<Change>,
}

impl Target for Collector<'_> {
    fn record(&mut self, changes: Vec<Change>) {
        self.changes.extend(changes);
    }

    fn pass(&mut self, count: usize) {
        self.passed += count;
    }

    fn pass_all(&mut self) {}

    fn passed(&self) -> usize {
        self.passed
    }

    fn hold(&mut self, _offset: usize) {}

    fn release(&mut self) {}

    fn bytes(&self, range: Range<usize>) -> Option<&[u8]> {
        self.page.get(range)
    }

    fn page(&self) -> Option<&[u8]> {
        Some(self.page)
    }
}

/// Makes the changes to a page as it streams by, and keeps its bytes for as long as they may be asked for.
pub(super) struct Streamed<W> {
    pub(super) splicer: Splicer<W>,
    /// The bytes that the parser was given, from the first that the splicer has not let go.
    pub(super) fed: Vec<u8>,
}

impl<W: Write> Streamed<W> {
    /// Forgets what the splicer has let go since it was at `before`.
    fn forget(&mut self, before: usize) {
        self.fed.drain(..(self.splicer.passed() - before).min(self.fed.len()));
    }
}

impl<W: Write> Target for Streamed<W> {
    fn record(&mut self, changes: Vec<Change>) {
        self.splicer.record(changes);
    }

    fn pass(&mut self, count: usize) {
        let (before, held) = (self.splicer.passed(), self.splicer.taken() - self.splicer.passed());
        let end = self.fed.len().min(held + count);
        self.splicer.take(&self.fed[held..end]);
        self.forget(before);
    }

    fn pass_all(&mut self) {
        self.pass(self.fed.len());
    }

    fn passed(&self) -> usize {
        self.splicer.taken()
    }

    fn hold(&mut self, offset: usize) {
        self.splicer.hold(offset);
    }

    fn release(&mut self) {
        let before = self.splicer.passed();
        self.splicer.release();
        self.forget(before);
    }

    fn bytes(&self, range: Range<usize>) -> Option<&[u8]> {
        let passed = self.splicer.passed();
        self.fed.get(range.start.checked_sub(passed)?..range.end.checked_sub(passed)?)
    }

    fn page(&self) -> Option<&[u8]> {
        None
    }
}
