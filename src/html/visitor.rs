//! What a page is made of, for those who look at it, and who they are ([`Visitor`]). The finders (`rewriter` for HTML,
//! `xml` for XHTML) speak in these.

use crate::html::splice::Change;
use std::io;
use std::ops::Range;

/// An attribute as the page has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    /// The name, in lower case; in XML as it is written, but for `xlink:href`, which is called so whatever its prefix.
    pub name: String,
    /// The value, its character references not decoded.
    pub value: String,
    /// The value's bytes, without its quotes; `None` when it was written without a value, or in XML with references
    /// that HTML's decoding would not read: it must be left alone.
    pub range: Option<Range<usize>>,
}

/// A start tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Element {
    /// The tag's name, in lower case.
    pub tag: String,
    /// The bytes of the start tag.
    pub range: Range<usize>,
    /// All attributes, in order. Of duplicates, the first counts.
    pub attributes: Vec<Attribute>,
    /// Whose element it is.
    pub namespace: Namespace,
    /// What is around it.
    pub inside: Inside,
    /// Where a script that must stand before this element goes, when right before it there can be none that runs: at
    /// the outermost `svg`, `math` or `template` around it, or at the first column of a table.
    pub hoist_to: Option<usize>,
}

/// Whose elements a tag stands for. An implied end of `svg` or `math` is not always noticed, so `Svg` may be said of an
/// element that has left it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Namespace {
    /// HTML.
    #[default]
    Html,
    /// SVG.
    Svg,
    /// MathML.
    MathMl,
}

/// What is around an element, as far as it decides what becomes of its references.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Inside {
    /// A `<noscript>`: only browsers that run no scripts see the element.
    pub noscript: bool,
    /// A declarative shadow root: its events do not reach the page.
    pub shadow_root: bool,
}

impl Element {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Its raw value; empty when it is there without one.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.attribute(name).map(|attribute| attribute.value.as_str())
    }

    /// Where something that must stand before this element, seen by a browser with scripts, can go.
    pub fn before(&self) -> usize {
        self.hoist_to.unwrap_or(self.range.start)
    }
}

/// What a visitor says of an element.
#[derive(Debug, Default)]
pub struct Answer {
    /// What to change.
    pub changes: Vec<Change>,
    /// Whether it wants to see the text inside, whole ([`Visitor::text`]).
    pub wants_text: bool,
}

/// Who decides. Offsets are bytes of the page.
pub trait Visitor {
    /// A start tag, in document order.
    fn element(&mut self, element: &Element) -> Answer;

    /// The text of the element last asked for. `aligned` tells whether its bytes and the page's are the same, one for
    /// one, so that offsets into it mean something.
    fn text(&mut self, text: &str, start: usize, aligned: bool) -> Vec<Change>;

    /// The text last asked for, which begins at `start`, is too long to be held: it will not come.
    fn text_too_long(&mut self, _start: usize) {}

    /// The changes to the text that begins at `start` cannot be made: its bytes and characters do not line up.
    fn misaligned(&mut self, _start: usize) {}

    /// A processing instruction in front of an XML document's root, its content beginning at `start`.
    fn instruction(&mut self, _target: &str, _content: &str, _start: usize) -> Vec<Change> {
        Vec::new()
    }

    /// The page is left alone from `at` on: what browsers make of it there cannot be told from its tags alone.
    fn lost(&mut self, _at: usize) {}
}

/// Why a page was not rewritten.
#[derive(Debug)]
pub enum Failure {
    /// The parser gave up.
    Parser(String),
    /// It is XML that is not well-formed, or beyond what is read.
    Xml {
        /// What is wrong.
        what: String,
        /// Byte offset.
        at: usize,
    },
    /// The output could not be written, or the input not read.
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
