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
    /// The page's bytes from here on, as far as they have been read.
    fn rest(&self, from: usize) -> Option<&[u8]>;
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

    fn rest(&self, from: usize) -> Option<&[u8]> {
        self.page.get(from..)
    }
}

/// Makes the changes to a page as it streams by, and keeps its bytes for as long as they may be asked for.
pub(super) struct Streamed<W> {
    pub(super) splicer: Splicer<W>,
    /// The bytes that were read, from `start` on: at least those that the splicer has not let go.
    pub(super) fed: Vec<u8>,
    start: usize,
}

/// How many bytes may wait to be forgotten: to forget them one tag after the other would move all others each time.
const STALE: usize = 64 * 1024;

impl<W: Write> Streamed<W> {
    pub(super) fn new(splicer: Splicer<W>) -> Self {
        Self { splicer, fed: Vec::new(), start: 0 }
    }

    /// Forgets what the splicer has let go.
    fn forget(&mut self) {
        let gone = self.splicer.passed() - self.start;
        if gone > STALE {
            self.fed.drain(..gone);
            self.start += gone;
        }
    }
}

impl<W: Write> Target for Streamed<W> {
    fn record(&mut self, changes: Vec<Change>) {
        self.splicer.record(changes);
    }

    fn pass(&mut self, count: usize) {
        let from = self.splicer.taken() - self.start;
        let end = self.fed.len().min(from.saturating_add(count));
        self.splicer.take(&self.fed[from..end]);
        self.forget();
    }

    fn pass_all(&mut self) {
        self.pass(usize::MAX);
    }

    fn passed(&self) -> usize {
        self.splicer.taken()
    }

    fn hold(&mut self, offset: usize) {
        self.splicer.hold(offset);
    }

    fn release(&mut self) {
        self.splicer.release();
        self.forget();
    }

    fn bytes(&self, range: Range<usize>) -> Option<&[u8]> {
        self.fed.get(range.start.checked_sub(self.start)?..range.end.checked_sub(self.start)?)
    }

    fn rest(&self, from: usize) -> Option<&[u8]> {
        self.fed.get(from.checked_sub(self.start)?..)
    }
}
