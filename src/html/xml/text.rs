//! The text of one element: what a script or style says once its CDATA sections, comments and references are resolved,
//! and the way back from there to the page's bytes.

use super::source::Source;
use crate::html::splice::Change;
use crate::html::visitor::Visitor;
use std::ops::Range;

/// How a stretch of text is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// As it is.
    Text,
    /// As one reference.
    Reference,
    /// In a CDATA section.
    CData,
}

/// One stretch of it.
struct Run {
    kind: Kind,
    /// Its place in the resolved text.
    place: Range<usize>,
    /// The page's bytes.
    page: Range<usize>,
}

/// The text gathered so far.
pub(super) struct Text {
    /// Where the element's start tag ends.
    start: usize,
    resolved: String,
    runs: Vec<Run>,
}

impl Text {
    pub(super) fn new(start: usize) -> Self {
        Self { start, resolved: String::new(), runs: Vec::new() }
    }

    pub(super) fn push(&mut self, kind: Kind, page: Range<usize>, resolved: &str) {
        let from = self.resolved.len();
        self.resolved.push_str(resolved);
        self.runs.push(Run { kind, place: from..self.resolved.len(), page });
    }

    /// Shows the text to the visitor, and makes what it wants changed true in the page.
    pub(super) fn ask(&self, source: &Source<'_>, visitor: &mut dyn Visitor) -> Vec<Change> {
        if self.resolved.is_empty() {
            return Vec::new();
        }
        let start = self.virtual_start();
        let verbatim = self.runs.iter().filter(|run| run.kind != Kind::Reference);
        let aligned = verbatim.clone().all(|run| source.decode(run.page.clone()).len() == run.page.len());
        let changes = visitor.text(&self.resolved, start, aligned);
        changes.into_iter().filter_map(|change| self.translate(change, start, aligned)).collect()
    }

    /// The visitor counts from here. Right for the longest stretch, which is most often all there is; elsewhere places
    /// are near, and [`Text::translate`] finds the true ones.
    fn virtual_start(&self) -> usize {
        let verbatim = self.runs.iter().filter(|run| run.kind != Kind::Reference);
        let longest = verbatim.max_by_key(|run| run.page.len());
        longest.map_or(self.start, |run| run.page.start.saturating_sub(run.place.start)).max(self.start)
    }

    /// A change inside the text, as bytes of the page; one in front of the element is such already. `None` when there
    /// are no bytes of the page that stand for just these: half a reference, or the sides of a CDATA section's end.
    fn translate(&self, change: Change, start: usize, aligned: bool) -> Option<Change> {
        let Change::Replace(range, bytes) = change else { return None };
        if range.start < self.start {
            return Some(Change::Replace(range, bytes));
        }
        if !aligned {
            return None;
        }
        let place = range.start.checked_sub(start)?..range.end.checked_sub(start)?;
        let first = self.runs.partition_point(|run| run.place.end <= place.start).min(self.runs.len().checked_sub(1)?);
        let last = self.runs.partition_point(|run| run.place.end < place.end).max(first);
        let runs = self.runs.get(first..=last)?;
        let is_whole = runs.windows(2).all(|pair| pair[0].page.end == pair[1].page.start);
        let page = runs.first()?.place_of(place.start)?..runs.last()?.place_of(place.end)?;
        is_whole.then(|| Change::Replace(page, runs[0].escape(&bytes)))
    }
}

impl Run {
    /// Where in the page an offset of the resolved text lies.
    fn place_of(&self, offset: usize) -> Option<usize> {
        match self.kind {
            _ if offset == self.place.start => Some(self.page.start),
            _ if offset == self.place.end => Some(self.page.end),
            Kind::Reference => None,
            Kind::Text | Kind::CData => {
                self.place.contains(&offset).then(|| self.page.start + offset - self.place.start)
            }
        }
    }

    /// Text as it may be written here.
    fn escape(&self, bytes: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes);
        let text = match self.kind {
            Kind::CData => text.replace("]]>", "]]]]><![CDATA[>"),
            Kind::Text | Kind::Reference => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        };
        text.into_bytes()
    }
}
