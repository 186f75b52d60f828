//! quick-xml as the finder for XHTML pages, by the rules of XML: the counterpart of `rewriter`. What is not well-formed
//! is not rewritten: browsers show an error in its place.
//!
//! What differs from HTML, as measured in Chromium: the contents of `<noscript>` are elements like any other, fetched
//! and run; a declarative shadow root is a mere template; names count by their namespace and case, so that `<SCRIPT>`,
//! a `<script>` in no namespace and an `<image>` that is not svg's fetch nothing.

mod scope;
mod source;
mod tag;
mod text;

use crate::html::attribute_value::Decoded;
use crate::html::candidates::HOISTED;
use crate::html::splice::Change;
use crate::html::visitor::{Attribute, Element, Failure, Inside, Visitor};
use quick_xml::Reader;
use quick_xml::events::Event;
use scope::{Scope, Space, known, split};
use source::{References, Source};
use std::ops::Range;
use tag::Tag;
use text::{Kind, Text};

/// The namespace of HTML's elements (Namespaces in XML; Infra, section 8).
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Looks at a page that is in memory, and returns the changes that the visitor answers with. Those inside an element's
/// text are escaped here as the place asks for; what is inserted elsewhere must be well-formed XML with its namespace
/// declared. The root is not shown: nothing can be put in front of it.
pub fn inspect(page: &[u8], visitor: &mut dyn Visitor) -> Result<Vec<Change>, Failure> {
    find(&Source::new(page)?, visitor, false)
}

/// The same for a document into which nothing is inserted: its root is shown, too.
pub fn inspect_all(document: &[u8], visitor: &mut dyn Visitor) -> Result<Vec<Change>, Failure> {
    find(&Source::new(document)?, visitor, true)
}

/// All that the visitor wants to change.
fn find(source: &Source<'_>, visitor: &mut dyn Visitor, shows_root: bool) -> Result<Vec<Change>, Failure> {
    let mut reader = Reader::from_str(&source.markup[source.start..]);
    reader.config_mut().check_comments = true;
    let mut finder = Finder::new(source, visitor, shows_root);
    let place = |offset: u64| source.start + usize::try_from(offset).unwrap_or(usize::MAX - source.start);
    loop {
        let start = place(reader.buffer_position());
        let event = match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => event,
            Err(error) => return fail(&error.to_string(), place(reader.error_position())),
        };
        finder.heed(&event, start..place(reader.buffer_position()))?;
    }
    if !finder.open.is_empty() || !finder.has_root {
        return fail("the page ends too early,", source.markup.len());
    }
    Ok(finder.changes)
}

/// The page is not well-formed at this byte, or beyond what this finder reads.
fn fail<T>(what: &str, at: usize) -> Result<T, Failure> {
    Err(Failure::Xml { what: what.to_owned(), at })
}

/// Where the parser is.
struct Finder<'f> {
    source: &'f Source<'f>,
    visitor: &'f mut dyn Visitor,
    changes: Vec<Change>,
    scope: Scope,
    /// For each open element, how many prefixes it has declared.
    open: Vec<usize>,
    shows_root: bool,
    has_root: bool,
    has_doctype: bool,
    /// The outermost element that the net must be hoisted out of: where it begins, and how many are open in it.
    hoist: Option<(usize, usize)>,
    /// The text that is being gathered, of the innermost element.
    text: Option<Text>,
}

impl<'f> Finder<'f> {
    fn new(source: &'f Source<'f>, visitor: &'f mut dyn Visitor, shows_root: bool) -> Self {
        Self {
            source,
            visitor,
            changes: Vec::new(),
            scope: Scope::default(),
            open: Vec::new(),
            shows_root,
            has_root: false,
            has_doctype: false,
            hoist: None,
            text: None,
        }
    }

    fn heed(&mut self, event: &Event<'_>, range: Range<usize>) -> Result<(), Failure> {
        match event {
            Event::Start(_) => self.start(range, false)?,
            Event::Empty(_) => self.start(range, true)?,
            Event::End(_) => self.end(),
            Event::Text(text) if self.open.is_empty() && text.trim_ascii().is_empty() => {}
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if self.open.is_empty() => {
                return fail("text outside of the root", range.start);
            }
            Event::Text(_) => self.gather(Kind::Text, range),
            Event::CData(_) => self.gather(Kind::CData, range.start + "<![CDATA[".len()..range.end - "]]>".len()),
            Event::GeneralRef(_) => self.reference(range)?,
            Event::Decl(_) if range.start > self.source.start => {
                return fail("an XML declaration that is not first", range.start);
            }
            Event::PI(instruction) => self.instruction(instruction.target(), instruction.content(), range.start)?,
            Event::DocType(_) => self.doctype(range)?,
            Event::Decl(_) | Event::Comment(_) | Event::Eof => {}
        }
        Ok(())
    }

    /// A start tag, or an empty element's tag.
    fn start(&mut self, range: Range<usize>, is_empty: bool) -> Result<(), Failure> {
        // A text is whole only without elements in it.
        self.text = None;
        let is_root = self.open.is_empty();
        if is_root && std::mem::replace(&mut self.has_root, true) {
            return fail("a second root", range.start);
        }
        let tag = Tag::read(&self.source.markup, range)?;
        let declared = self.declare(&tag)?;
        let element = self.element(&tag)?;
        if is_empty {
            self.scope.leave(declared);
        } else {
            self.open.push(declared);
        }
        if let Some(element) = element.filter(|_| self.shows_root || !is_root) {
            self.show(&element, is_empty);
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some(text) = self.text.take() {
            self.changes.extend(text.ask(self.source, self.visitor));
        }
        if let Some(declared) = self.open.pop() {
            self.scope.leave(declared);
        }
        self.hoist = self.hoist.filter(|(_, depth)| self.open.len() > *depth);
    }

    fn show(&mut self, element: &Element, is_empty: bool) {
        let answer = self.visitor.element(element);
        self.changes.extend(answer.changes);
        if is_empty {
            return;
        }
        self.text = answer.wants_text.then(|| Text::new(element.range.end));
        if self.hoist.is_none() && HOISTED.contains(&element.tag.as_str()) {
            self.hoist = Some((element.range.start, self.open.len() - 1));
        }
    }

    /// Declares the namespaces that a tag names, and tells how many.
    fn declare(&mut self, tag: &Tag) -> Result<usize, Failure> {
        let mut declared = 0;
        for (name, value) in &tag.attributes {
            let name = &self.source.markup[name.clone()];
            let Some(prefix) = name.strip_prefix("xmlns:").or((name == "xmlns").then_some("")) else { continue };
            let (uri, _) = self.value(value)?;
            self.scope.declare(prefix, &Decoded::new(&uri).text);
            declared += 1;
        }
        Ok(declared)
    }

    /// The element as a visitor sees it; `None` when it is nothing to a browser.
    fn element(&self, tag: &Tag) -> Result<Option<Element>, Failure> {
        let mut attributes = Vec::with_capacity(tag.attributes.len());
        for (name, value) in &tag.attributes {
            let name = self.attribute_name(name)?;
            let (text, references) = self.value(value)?;
            let range = (references == References::AsInHtml).then(|| value.clone());
            attributes.push(Attribute { name, value: text, range });
        }
        let (prefix, local) = split(&self.source.markup[tag.name.clone()]);
        let Some(space) = self.scope.resolve(prefix) else { return fail("an unknown prefix", tag.name.start) };
        let Some((namespace, name)) = known(space, local) else { return Ok(None) };
        let hoist_to = self.hoist.map(|(outermost, _)| outermost);
        let (inside, range) = (Inside::default(), tag.range.clone());
        Ok(Some(Element { tag: name, range, attributes, namespace, inside, hoist_to }))
    }

    /// The name by which HTML knows an attribute: `xlink:href` whatever its prefix, and nothing else is called that.
    fn attribute_name(&self, name: &Range<usize>) -> Result<String, Failure> {
        let written = &self.source.markup[name.clone()];
        let (prefix, local) = split(written);
        if matches!(prefix, "" | "xmlns" | "xml") {
            return Ok(written.to_owned());
        }
        match self.scope.resolve(prefix) {
            Some(Space::XLink) => Ok(format!("xlink:{local}")),
            Some(_) if prefix == "xlink" => Ok(format!("_:{local}")),
            Some(_) => Ok(written.to_owned()),
            None => fail("an unknown prefix", name.start),
        }
    }

    /// An attribute's value, its references not decoded. Literal tabs and newlines are spaces (XML 1.0, section 3.3.3):
    /// around a URL that makes no difference, inside of one it does, for there HTML drops them.
    fn value(&self, range: &Range<usize>) -> Result<(String, References), Failure> {
        let references = self.source.check_references(range.clone(), self.has_doctype)?;
        Ok((self.source.decode(range.clone()).replace(['\t', '\n', '\r'], " "), references))
    }

    /// A page that XSLT transforms is not what a browser shows.
    fn instruction(&mut self, target: &str, content: &str, at: usize) -> Result<(), Failure> {
        if target == "xml-stylesheet" && ["xsl", "xml"].iter().any(|kind| content.contains(kind)) {
            return fail("a page that is made by XSLT", at);
        }
        if !self.has_root {
            let start = at + "<?".len() + target.len();
            self.changes.extend(self.visitor.instruction(target, content, start));
        }
        Ok(())
    }

    fn gather(&mut self, kind: Kind, range: Range<usize>) {
        if let Some(text) = &mut self.text {
            text.push(kind, range.clone(), &self.source.decode(range));
        }
    }

    fn reference(&mut self, range: Range<usize>) -> Result<(), Failure> {
        self.source.check_references(range.clone(), self.has_doctype)?;
        if let Some(text) = &mut self.text {
            text.push(Kind::Reference, range.clone(), &self.source.resolve(range));
        }
        Ok(())
    }

    /// A DTD may give attributes that no tag has, and entities that hold any markup: browsers heed both.
    fn doctype(&mut self, range: Range<usize>) -> Result<(), Failure> {
        let written = &self.source.markup[range.clone()];
        if self.has_root || std::mem::replace(&mut self.has_doctype, true) || !written.starts_with("<!DOCTYPE") {
            return fail("a misplaced DOCTYPE", range.start);
        }
        if ["<!ENTITY", "<!ATTLIST"].iter().any(|declaration| written.contains(declaration)) {
            return fail("a DTD with declarations of its own, which are not read,", range.start);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
