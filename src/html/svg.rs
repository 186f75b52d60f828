//! What a drawing asks of other files (SVG 2), with the byte ranges to edit. A browser fetches all of it when the file
//! is a document of its own, in an `<object>` or behind a link, and nothing when it is an `<img>`.
//!
//! What names elements of other files without being in the table of what fetches, such as the `href` of a gradient, is
//! left alone, and so are the scripts inside: they ask for the files under their own names.

use crate::css;
use crate::html::attribute_value::{self, Decoded};
use crate::html::attributes::{self, Moves, ScriptKind};
use crate::html::encoding;
use crate::html::splice::Change;
use crate::html::srcset;
use crate::html::visitor::{Answer, Attribute, Element, Failure, Namespace, Visitor};
use crate::html::xml;
use std::ops::Range;

/// One reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The bytes that stand for the URL.
    pub range: Range<usize>,
    /// The URL, its escapes and character references decoded.
    pub url: String,
    /// In what it is written.
    pub form: Form,
}

/// In what a URL of a drawing is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The value of an attribute, or a part of it; or that of a processing instruction's pseudo-attribute.
    Attribute,
    /// CSS: in an attribute, a text or a CDATA section.
    Css,
}

/// Why a drawing could not be read: it is not well-formed, or more than is read here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotRead {
    /// Byte offset.
    pub offset: usize,
    /// What is there.
    pub reason: String,
}

/// A URL as it may stand there. In CSS the escapes are those of CSS alone, which are right in all of XML's places.
pub fn escape(form: Form, url: &str) -> String {
    match form {
        Form::Attribute => attribute_value::escape(url),
        Form::Css => css::escape(url).replace('&', "\\26 ").replace('<', "\\3c ").replace('>', "\\3e "),
    }
}

/// Whether a drawing may refer to other files. Most icons do not, and need no parsing: a cheap look that may see too
/// much, never too little.
pub fn may_refer(svg: &[u8]) -> bool {
    const GZIP: &[u8] = &[0x1F, 0x8B];
    let is_wide = svg.iter().take(4).any(|byte| matches!(byte, 0 | 0xFE | 0xFF));
    // Both can disguise what is looked for.
    let is_escaped = || memchr::memchr(b'\\', svg).is_some() || memchr::memmem::find(svg, b"&#").is_some();
    let refers = |at: usize| {
        let (before, behind) = (&svg[..at], &svg[at + 1..]);
        match svg[at] {
            b'=' => FETCHING.iter().any(|name| before.trim_ascii_end().ends_with(name)) && leads_out(behind),
            b'(' => ends_with(before, b"url") && leads_out(behind) || ends_with(before, b"image-set"),
            _ => behind.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"import")),
        }
    };
    !svg.starts_with(GZIP) && (is_wide || is_escaped() || memchr::memchr3_iter(b'=', b'(', b'@', svg).any(refers))
}

/// How the attributes of the table end that may hold a reference.
const FETCHING: [&[u8]; 6] = [b"href", b"src", b"srcset", b"poster", b"background", b"content"];

fn ends_with(text: &[u8], word: &[u8]) -> bool {
    text.len().checked_sub(word.len()).is_some_and(|at| text[at..].eq_ignore_ascii_case(word))
}

/// Whether a value, behind its quote, is more than a fragment and no `data:`.
fn leads_out(value: &[u8]) -> bool {
    const QUOTES: [&[u8]; 4] = [b"\"", b"'", b"&quot;", b"&apos;"];
    let value = value.trim_ascii_start();
    let value = QUOTES.iter().find_map(|quote| value.strip_prefix(*quote)).unwrap_or(value).trim_ascii_start();
    !value.starts_with(b"#") && !value.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"))
}

/// All references, in order.
pub fn references(svg: &[u8]) -> Result<Vec<Reference>, NotRead> {
    let refuse = |offset: usize, reason: &str| Err(NotRead { offset, reason: reason.to_owned() });
    if encoding::sniff_xml(svg).encoding != encoding_rs::UTF_8 && !svg.is_ascii() {
        return refuse(0, "its encoding is not UTF-8");
    }
    if let Some(at) = memchr::memmem::find(svg, b"xml:base") {
        return refuse(at, "`xml:base` makes its references relative to something else");
    }
    let mut finder = Finder::default();
    let places = xml::inspect_all(svg, &mut finder).map_err(|failure| match failure {
        Failure::Xml { what, at } => NotRead { offset: at, reason: what.trim_end_matches(',').to_owned() },
        Failure::Parser(reason) => NotRead { offset: 0, reason },
        Failure::Io(error) => NotRead { offset: 0, reason: error.to_string() },
    })?;
    match finder.base {
        Some(at) => refuse(at, "a `<base>` makes its references relative to something else"),
        None => Ok(finder.placed(places)),
    }
}

/// What is seen of a drawing.
#[derive(Default)]
struct Finder {
    /// Each reference, and whether it is a module of an element.
    found: Vec<(Reference, bool)>,
    /// Whether it has modules inside, or maps for them.
    has_modules_inside: bool,
    base: Option<usize>,
}

/// Attributes of svg that are properties of CSS and take a `url()` (SVG 2, section 6.6; SVG 1.1's `cursor`).
const PROPERTIES: [&str; 10] =
    ["fill", "stroke", "filter", "mask", "clip-path", "marker", "marker-start", "marker-mid", "marker-end", "cursor"];

impl Finder {
    /// Notes a reference. What stands for its change is its number, by which it is found again when the finder of the
    /// markup has told where in the file it is.
    fn note(&mut self, range: Range<usize>, url: String, form: Form, is_module: bool) -> Change {
        let number = self.found.len().to_string();
        self.found.push((Reference { range: range.clone(), url, form }, is_module));
        Change::Replace(range, number.into_bytes())
    }

    /// The references whose places are known. Modules that modules inside import too must not have two names.
    fn placed(self, places: Vec<Change>) -> Vec<Reference> {
        let place = |change: Change| {
            let Change::Replace(range, number) = change else { return None };
            let number: usize = std::str::from_utf8(&number).ok()?.parse().ok()?;
            let (reference, is_module) = self.found.get(number)?;
            let is_kept = !(*is_module && self.has_modules_inside);
            is_kept.then(|| Reference { range, ..reference.clone() })
        };
        let mut all: Vec<_> = places.into_iter().filter_map(place).collect();
        all.sort_by_key(|reference| reference.range.start);
        all
    }

    fn table(&mut self, element: &Element) -> Vec<Change> {
        let mut changes = Vec::new();
        for attributes::Reference { attribute, row } in attributes::references(element, false) {
            let Some(range) = attribute.range.clone() else { continue };
            let value = Decoded::new(&attribute.value);
            match row.form {
                _ if matches!(row.moves, Moves::Untouched(_)) => {}
                attributes::Form::Url => {
                    changes.push(self.note(range, value.text.into_owned(), Form::Attribute, row.is_module()));
                }
                attributes::Form::Srcset => {
                    let urls = srcset::urls(&value.text).into_iter();
                    let parts = urls.map(|url| (url.clone(), value.text[url].to_owned()));
                    changes.extend(self.parts(range.start, &value, parts, Form::Attribute));
                }
                attributes::Form::AbsoluteUrl | attributes::Form::Srcdoc => {}
            }
        }
        changes
    }

    fn css(&mut self, attribute: &Attribute) -> Vec<Change> {
        let Some(range) = attribute.range.clone() else { return Vec::new() };
        let value = Decoded::new(&attribute.value);
        let found = match attribute.name.as_str() {
            "style" => css::declarations(&value.text),
            property => css::value(property, &value.text),
        };
        let parts = found.into_iter().map(|found| (found.range, found.url));
        self.parts(range.start, &value, parts, Form::Css)
    }

    /// URLs that are parts of the value which begins at `start`.
    fn parts(
        &mut self,
        start: usize,
        value: &Decoded<'_>,
        parts: impl Iterator<Item = (Range<usize>, String)>,
        form: Form,
    ) -> Vec<Change> {
        let place = |part: Range<usize>| {
            let raw = value.raw(part);
            start + raw.start..start + raw.end
        };
        parts.map(|(part, url)| self.note(place(part), url, form, false)).collect()
    }

    fn look_at_script(&mut self, element: &Element) {
        let is_inside = ["src", "href", "xlink:href"].iter().all(|name| element.attribute(name).is_none());
        let kind = attributes::script_kind(element);
        self.has_modules_inside |= is_inside && matches!(kind, ScriptKind::Module | ScriptKind::ImportMap);
    }
}

impl Visitor for Finder {
    fn element(&mut self, element: &Element) -> Answer {
        match element.tag.as_str() {
            "script" => self.look_at_script(element),
            "base" if element.namespace == Namespace::Html && element.attribute("href").is_some() => {
                self.base.get_or_insert(element.range.start);
            }
            _ => {}
        }
        if element.value("data-tightrope") == Some("skip") {
            return Answer::default();
        }
        // What the author has pinned must keep its bytes.
        let is_pinned = element.attribute("integrity").is_some();
        let mut changes = if is_pinned { Vec::new() } else { self.table(element) };
        let is_svg = element.namespace == Namespace::Svg;
        let is_css = |name: &str| name == "style" || is_svg && PROPERTIES.contains(&name);
        for attribute in element.attributes.iter().filter(|attribute| is_css(&attribute.name)) {
            changes.extend(self.css(attribute));
        }
        let is_sheet = element.tag == "style" && is_css_type(&attributes::keyword(element, "type"));
        Answer { changes, wants_text: is_sheet }
    }

    fn text(&mut self, text: &str, start: usize, _aligned: bool) -> Vec<Change> {
        let place = |range: Range<usize>| start + range.start..start + range.end;
        let found = css::references(text).into_iter();
        found.map(|found| self.note(place(found.range), found.url, Form::Css, false)).collect()
    }

    /// `<?xml-stylesheet href="…"?>` (Associating Style Sheets with XML documents).
    fn instruction(&mut self, target: &str, content: &str, start: usize) -> Vec<Change> {
        let named = |name: &str| pseudo_attributes(content).into_iter().find(|(known, _)| *known == name);
        let text = |range: Range<usize>| Decoded::new(&content[range]).text.into_owned();
        let kind = named("type").map_or_else(String::new, |(_, range)| text(range).to_ascii_lowercase());
        let href = named("href").filter(|_| target == "xml-stylesheet" && is_css_type(kind.trim()));
        let note = |(_, range): (_, Range<usize>)| {
            self.note(start + range.start..start + range.end, text(range), Form::Attribute, false)
        };
        href.map(note).into_iter().collect()
    }
}

fn is_css_type(kind: &str) -> bool {
    matches!(kind, "" | "text/css")
}

/// The pseudo-attributes of a processing instruction, and where their values stand; as far as they are well-formed.
fn pseudo_attributes(content: &str) -> Vec<(&str, Range<usize>)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some((name, behind)) = content[at..].split_once('=') {
        let value = behind.trim_ascii_start();
        let Some(quote @ ('"' | '\'')) = value.chars().next() else { break };
        let start = content.len() - value.len() + 1;
        let Some(length) = content[start..].find(quote) else { break };
        found.push((name.trim_ascii(), start..start + length));
        at = start + length + 1;
    }
    found
}

#[cfg(test)]
mod tests;
