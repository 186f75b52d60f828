//! What is known while the parser runs: where it is, what is around, and the text that is being gathered.

use super::inspect;
use super::target::Target;
use crate::html::candidates::{Candidates, HOISTED};
use crate::html::foreign;
use crate::html::splice::Change;
use crate::html::visitor::{Answer, Element, Namespace, Visitor};
use crate::text::alignment::Alignment;
use encoding_rs::{Encoding, UTF_8};
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

/// The state as all who use it have it.
pub(super) type Shared<'v, T> = Rc<RefCell<State<'v, T>>>;

/// What the parser's handlers and its sink share. They never run at the same time.
pub(super) struct State<'v, T> {
    visitor: &'v mut dyn Visitor,
    pub(super) target: T,
    /// The text being gathered, and where it began.
    text: Option<Text>,
    /// The elements around that the net must be hoisted out of: where the outermost begins, and for each whether it is
    /// a declarative shadow root.
    pub(super) hoist: Option<(usize, Vec<bool>)>,
    /// Where the net could go before the first column of a table: any script ends a group of them.
    columns: Option<usize>,
    /// Where the last `<template>` begins, and the last `<colgroup>`.
    template: Option<usize>,
    column_group: Option<usize>,
    /// Where the last `svg` or `math` ends.
    foreign_to: usize,
    /// Behind here, what browsers see is for their tree builders to say: everything is left alone.
    lost: Option<Lost>,
    /// Whether, in a text, the parser does not tell how far it has come until the end of it.
    blind: bool,
    pub(super) encoding: &'static Encoding,
    pub(super) candidates: Candidates<'v>,
    pub(super) signals: Rc<Signals>,
}

/// Where the finder stopped.
#[derive(Clone, Copy)]
enum Lost {
    /// Nothing has been left alone yet.
    At(usize),
    /// The visitor knows.
    Told,
}

/// What end tags tell. Their handlers may not borrow from the state, so they leave word here; it is read before
/// anything else happens.
#[derive(Default)]
pub(super) struct Signals {
    /// Where the end tag begins of an element that holds text.
    pub(super) text_ended: Cell<Option<usize>>,
    pub(super) left: Cell<usize>,
}

/// The text of one element. Where it lies is told by the tags around it: the places that the parser gives for the
/// pieces of a text are off by the bytes of a character that was cut in two.
struct Text {
    /// In front of the element.
    before: usize,
    start: usize,
    gathered: String,
    /// Whether it is markup, to be read as a browser without scripts does.
    is_noscript: bool,
}

/// A text longer than this is left alone: it is held in memory, and no page that works has one.
const TEXT_MAX: usize = 4 * 1024 * 1024;

impl<'v, T: Target> State<'v, T> {
    pub(super) fn shared(
        visitor: &'v mut dyn Visitor,
        target: T,
        encoding: &'static Encoding,
        candidates: &Candidates<'v>,
    ) -> Shared<'v, T> {
        Rc::new(RefCell::new(Self {
            visitor,
            target,
            text: None,
            hoist: None,
            columns: None,
            template: None,
            column_group: None,
            foreign_to: 0,
            lost: None,
            blind: false,
            encoding,
            candidates: *candidates,
            signals: Rc::default(),
        }))
    }

    /// Whether the parser has dealt with the tag that begins at `offset`, and with its text if that is wanted.
    pub(super) fn is_past(&mut self, offset: usize) -> bool {
        self.heed_signals();
        self.text.is_none() && self.target.passed() > offset
    }

    pub(super) fn is_in_shadow_root(&self) -> bool {
        self.hoist.as_ref().is_some_and(|(_, open)| open.contains(&true))
    }

    /// Whether an element is not where a browser sees one, as far as can be said.
    pub(super) fn is_lost(&mut self, tag: &str, start: usize) -> bool {
        let misread = self.candidates.misread.filter(|at| start >= *at && self.lost.is_none());
        self.lost = self.lost.or(misread.map(Lost::At));
        if self.lost.is_none() {
            // Behind a frameset browsers take hardly any tag, and text is text no more.
            let lost = tag == "frameset"
                || tag == "col" && self.is_alone_in_template()
                || matches!(tag, "svg" | "math") && !self.trusts_foreign(start);
            self.lost = lost.then_some(Lost::At(start));
            return false;
        }
        if let Some(Lost::At(at)) = self.lost
            && !HOISTED.contains(&tag)
        {
            self.lost = Some(Lost::Told);
            self.visitor.lost(at);
        }
        true
    }

    /// Whether a `<col>` may be right in a template: then browsers take nothing but columns there, and text is text no
    /// more. With a `<colgroup>` before it, it is in a table.
    fn is_alone_in_template(&self) -> bool {
        self.hoist.is_some() && self.template.is_some_and(|template| self.column_group.is_none_or(|at| at < template))
    }

    /// Whether it is certain where the `svg` or `math` that begins here ends.
    fn trusts_foreign(&mut self, start: usize) -> bool {
        if start < self.foreign_to {
            return true;
        }
        let end = self.target.rest(start).and_then(|rest| foreign::end(rest, 0));
        self.foreign_to = end.map_or(self.foreign_to, |end| start + end);
        end.is_some()
    }

    /// Where what must stand before an element goes, if not right before it.
    pub(super) fn hoist_to(&mut self, tag: &str, start: usize) -> Option<usize> {
        match tag {
            "template" => self.template = Some(start),
            "colgroup" => self.column_group = Some(start),
            _ => {}
        }
        let outermost = self.hoist.as_ref().map(|(outermost, _)| *outermost);
        if matches!(tag, "col" | "colgroup") {
            self.columns.get_or_insert(outermost.unwrap_or(start));
        }
        let outermost = outermost.or((tag == "col").then_some(start))?;
        Some(self.columns.map_or(outermost, |columns| columns.min(outermost)))
    }

    pub(super) fn heed_signals(&mut self) {
        if let Some(end) = self.signals.text_ended.take() {
            self.end_text(Some(end));
            self.come_to(end);
        }
        for _ in 0..self.signals.left.take() {
            self.leave();
        }
    }

    /// The parser lets so many bytes go.
    pub(super) fn take(&mut self, count: usize) {
        self.heed_signals();
        if !self.blind {
            self.target.pass(count);
        }
    }

    /// The parser is at `offset` of the page, and has dealt with everything before.
    pub(super) fn come_to(&mut self, offset: usize) {
        self.blind = false;
        self.target.pass(offset.saturating_sub(self.target.passed()));
    }

    /// Tells the visitor of an element.
    pub(super) fn element(&mut self, element: &Element) {
        self.end_text(None);
        let is_noscript = element.tag == "noscript" && element.namespace == Namespace::Html;
        let answer = if is_noscript { Answer::default() } else { self.visitor.element(element) };
        self.target.record(answer.changes);
        let wants_text = answer.wants_text || is_noscript;
        if wants_text {
            // From the tag on: what is injected because of the text goes in front of it.
            self.target.hold(element.range.start);
            let (before, start) = (element.before(), element.range.end);
            self.text = Some(Text { before, start, gathered: String::new(), is_noscript });
        }
    }

    pub(super) fn text(&mut self, chunk: &str) {
        self.blind = true;
        let Some(text) = &mut self.text else { return };
        if text.gathered.len() + chunk.len() > TEXT_MAX {
            self.visitor.text_too_long(text.start);
            self.text = None;
            self.target.release();
        } else {
            text.gathered.push_str(chunk);
        }
    }

    /// The element whose text is gathered has ended, its end tag beginning at `end`; without one its text stays as it
    /// is.
    fn end_text(&mut self, end: Option<usize>) {
        let Some(text) = self.text.take() else { return };
        if let Some(end) = end.filter(|end| *end > text.start) {
            let changes = if text.is_noscript {
                self.noscript(text.before, text.start..end)
            } else {
                self.text_changes(&text.gathered, text.start..end)
            };
            self.target.record(changes);
        }
        self.target.release();
    }

    /// What the visitor makes of a text, which stands at `range`.
    fn text_changes(&mut self, text: &str, range: Range<usize>) -> Vec<Change> {
        // In encodings other than UTF-8, longer and shorter characters may make up for each other.
        let is_plain = self.encoding == UTF_8 || text.is_ascii();
        if is_plain && text.len() == range.len() {
            return self.visitor.text(text, range.start, true);
        }
        let bytes = self.target.bytes(range.clone());
        let Some(alignment) = bytes.and_then(|bytes| Alignment::of(bytes, self.encoding, text)) else {
            return self.visitor.text(text, range.start, false);
        };
        let changes = self.visitor.text(text, range.start, true);
        let moved = changes
            .into_iter()
            .map(|change| change.moved(|at| Some(range.start + alignment.byte(at.checked_sub(range.start)?)?)));
        // All or nothing: half of an edit would be worse than none.
        moved.collect::<Option<Vec<_>>>().unwrap_or_else(|| {
            self.visitor.misaligned(range.start);
            Vec::new()
        })
    }

    /// What stands in a `<noscript>` is text to the parser, because it is to a browser with scripts: it is read anew.
    fn noscript(&mut self, before: usize, range: Range<usize>) -> Vec<Change> {
        let Some(markup) = self.target.bytes(range.clone()).map(<[u8]>::to_vec) else { return Vec::new() };
        let mut candidates = Candidates::of(&markup, self.candidates.named);
        candidates.every_element = self.candidates.every_element;
        let mut inside = Nested { visitor: &mut *self.visitor, before, offset: range.start, changes: Vec::new() };
        let read = inspect(&markup, &candidates, self.encoding, None, &mut inside);
        if read.is_ok() { inside.changes } else { Vec::new() }
    }

    pub(super) fn enter(&mut self, at: usize, is_shadow_root: bool) {
        self.hoist.get_or_insert((at, Vec::new())).1.push(is_shadow_root);
    }

    fn leave(&mut self) {
        let Some((_, open)) = &mut self.hoist else { return };
        open.pop();
        if open.is_empty() {
            self.hoist = None;
        }
    }
}

/// Passes on what is seen in markup that stands inside the page from `offset` on, and keeps the changes, which belong
/// to the page.
struct Nested<'v> {
    visitor: &'v mut dyn Visitor,
    /// Where something can go that a browser with scripts must see, too.
    before: usize,
    offset: usize,
    changes: Vec<Change>,
}

impl Visitor for Nested<'_> {
    fn element(&mut self, element: &Element) -> Answer {
        let shifted = |range: &Range<usize>| range.start + self.offset..range.end + self.offset;
        let mut element = element.clone();
        element.range = shifted(&element.range);
        for range in element.attributes.iter_mut().filter_map(|attribute| attribute.range.as_mut()) {
            *range = shifted(range);
        }
        element.hoist_to = Some(self.before);
        element.inside.noscript = true;
        let answer = self.visitor.element(&element);
        self.changes.extend(answer.changes);
        Answer { changes: Vec::new(), wants_text: answer.wants_text }
    }

    fn text(&mut self, text: &str, start: usize, aligned: bool) -> Vec<Change> {
        self.changes.extend(self.visitor.text(text, start + self.offset, aligned));
        Vec::new()
    }

    fn text_too_long(&mut self, start: usize) {
        self.visitor.text_too_long(start + self.offset);
    }

    fn misaligned(&mut self, start: usize) {
        self.visitor.misaligned(start + self.offset);
    }

    fn lost(&mut self, at: usize) {
        self.visitor.lost(at + self.offset);
    }
}
