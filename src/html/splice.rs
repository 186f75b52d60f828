//! The output side of the rewriter: the page's own bytes stream by, and the recorded edits are spliced into them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::Range;

/// One change to a page, recorded while its bytes are still to come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// What stands at the range becomes these bytes; an empty range inserts.
    Replace(Range<usize>, Vec<u8>),
    /// Attributes (with a leading space) behind the value that ends here.
    Attributes(usize, String),
}

impl Change {
    /// By how many bytes it makes the page longer; 0 when it makes it shorter.
    pub fn growth(&self) -> usize {
        match self {
            Self::Replace(range, text) => text.len().saturating_sub(range.len()),
            // A space may have to follow.
            Self::Attributes(_, text) => text.len() + 1,
        }
    }

    /// The same at another place; `None` when that is none.
    pub fn moved(self, to: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        Some(match self {
            Self::Replace(range, text) => Self::Replace(to(range.start)?..to(range.end)?, text),
            Self::Attributes(at, text) => Self::Attributes(to(at)?, text),
        })
    }

    /// The same for a text that is there: which bytes of it become what.
    pub fn in_text(self, text: &[u8]) -> (Range<usize>, Vec<u8>) {
        match self {
            Self::Replace(range, new) => (range, new),
            Self::Attributes(at, new) => {
                let at = at + usize::from(matches!(text.get(at), Some(b'"' | b'\'')));
                let touches = text.get(at).is_some_and(|next| !next.is_ascii_whitespace() && !b"/>".contains(next));
                (at..at, (new + if touches { " " } else { "" }).into_bytes())
            }
        }
    }

    /// Where it begins.
    pub fn start(&self) -> usize {
        match self {
            Self::Replace(range, _) => range.start,
            Self::Attributes(at, _) => *at,
        }
    }
}

/// Copies a page to `out`, making the recorded changes as their places come by.
pub struct Splicer<W> {
    out: W,
    changes: VecDeque<Change>,
    /// How many of the page's bytes have been taken.
    passed: usize,
    /// Bytes up to here are dropped: they were replaced.
    dropped_to: usize,
    /// Attributes that wait for the byte at their place: if it is a quote, they go behind it.
    pending: Option<String>,
    /// Whether attributes were just written, so that the next byte must not touch them.
    touching: bool,
    /// Bytes from here on wait until [`Splicer::release`].
    held_from: Option<usize>,
    held: Vec<u8>,
    error: Option<io::Error>,
}

/// A page in memory, with all changes made.
pub fn splice(page: &[u8], changes: impl IntoIterator<Item = Change>) -> Vec<u8> {
    let mut splicer = Splicer::new(Vec::with_capacity(page.len() + page.len() / 8));
    splicer.record(changes);
    splicer.take(page);
    // A Vec takes everything.
    splicer.finish().unwrap_or_default()
}

impl<W: Write> Splicer<W> {
    /// A splicer at the page's first byte.
    pub fn new(out: W) -> Self {
        Self {
            out,
            changes: VecDeque::new(),
            passed: 0,
            dropped_to: 0,
            pending: None,
            touching: false,
            held_from: None,
            held: Vec::new(),
            error: None,
        }
    }

    /// Records changes. Their places must not have been passed yet; they may come in any order.
    pub fn record(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            debug_assert!(change.start() >= self.passed, "a change at {} is behind {}", change.start(), self.passed);
            let at = self.changes.partition_point(|known| known.start() <= change.start());
            self.changes.insert(at, change);
        }
    }

    /// Lets no byte from `offset` on pass until [`Splicer::release`].
    pub fn hold(&mut self, offset: usize) {
        self.held_from.get_or_insert(offset);
    }

    /// Ends [`Splicer::hold`].
    pub fn release(&mut self) {
        self.held_from = None;
        let held = std::mem::take(&mut self.held);
        self.pass(&held);
    }

    /// How many of the page's bytes have passed: nothing changes them any more.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// How many of the page's bytes have been taken, those held included.
    pub fn taken(&self) -> usize {
        self.passed + self.held.len()
    }

    /// Takes the page's next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let free = match self.held_from {
            Some(from) => from.saturating_sub(self.passed).min(bytes.len()),
            None => bytes.len(),
        };
        // Once something is held, everything behind it is.
        let free = if self.held.is_empty() { free } else { 0 };
        self.pass(&bytes[..free]);
        self.held.extend_from_slice(&bytes[free..]);
    }

    /// The end of the page: everything held goes out.
    pub fn finish(mut self) -> io::Result<W> {
        self.release();
        let end = self.passed;
        // Changes at the very end of the page, or behind an attribute value that ends it.
        while let Some(change) = self.changes.pop_front() {
            if let Change::Replace(range, text) = change
                && range == (end..end)
            {
                self.write(&text);
            }
        }
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.changes.front().map(Change::start) {
                Some(at) if at < self.passed => drop(self.changes.pop_front()),
                Some(at) if at == self.passed && self.pending.is_none() => self.make(),
                next => {
                    // While attributes are pending or touching, the next byte decides; otherwise run to the next edit.
                    let run = if self.pending.is_some() || self.touching { 1 } else { usize::MAX };
                    let run = run.min(next.map_or(usize::MAX, |at| at - self.passed)).max(1).min(bytes.len());
                    self.copy(&bytes[..run]);
                    bytes = &bytes[run..];
                }
            }
        }
    }

    /// Makes the change whose place has come.
    fn make(&mut self) {
        match self.changes.pop_front() {
            Some(Change::Replace(range, text)) => {
                self.separate(text.first().copied());
                self.write(&text);
                self.dropped_to = self.dropped_to.max(range.end);
            }
            Some(Change::Attributes(_, text)) => self.pending = Some(text),
            None => {}
        }
    }

    /// Copies bytes of the page, but for those that were replaced.
    fn copy(&mut self, bytes: &[u8]) {
        let dropped = self.dropped_to.saturating_sub(self.passed).min(bytes.len());
        self.passed += bytes.len();
        let kept = &bytes[dropped..];
        let Some(first) = kept.first().copied() else { return };
        match self.pending.take() {
            Some(text) if matches!(first, b'"' | b'\'') => {
                self.write(kept);
                self.write(text.as_bytes());
                self.touching = true;
            }
            Some(text) => {
                self.write(text.as_bytes());
                self.touching = true;
                self.separate(Some(first));
                self.write(kept);
            }
            None => {
                self.separate(Some(first));
                self.write(kept);
            }
        }
    }

    /// Puts a space between attributes just written and a byte that would become part of them.
    fn separate(&mut self, next: Option<u8>) {
        if std::mem::take(&mut self.touching)
            && next.is_some_and(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>'))
        {
            self.write(b" ");
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.out.write_all(bytes).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splice(page: &str, changes: &[Change], step: usize) -> String {
        let mut splicer = Splicer::new(Vec::new());
        splicer.record(changes.to_vec());
        page.as_bytes().chunks(step).for_each(|chunk| splicer.take(chunk));
        String::from_utf8(splicer.finish().expect("a Vec takes everything")).expect("UTF-8")
    }

    #[test]
    fn edits_and_attributes_are_the_same_however_the_page_is_cut() {
        let page = "<a src=\"x\"b=c><b src=y><c src='z' >";
        let changes = [
            Change::Replace(8..9, b"XX".to_vec()),
            Change::Attributes(9, " i=1".to_owned()),
            Change::Replace(21..22, b"YY".to_vec()),
            Change::Attributes(22, " i=2".to_owned()),
            Change::Replace(23..23, b"<!>".to_vec()),
            Change::Attributes(32, " i=3".to_owned()),
        ];
        for step in [1, 2, 3, 7, 100] {
            let expected = "<a src=\"XX\" i=1 b=c><b src=YY i=2><!><c src='z' i=3 >";
            assert_eq!(splice(page, &changes, step), expected, "step {step}");
        }
    }

    #[test]
    fn held_bytes_wait_for_their_edits() {
        let mut splicer = Splicer::new(Vec::new());
        splicer.hold(2);
        splicer.take(b"abcdef");
        splicer.record([Change::Replace(3..4, b"D".to_vec())]);
        splicer.release();
        splicer.take(b"g");
        assert_eq!(splicer.finish().expect("a Vec takes everything"), b"abcDefg");
    }
}
