//! lol_html as the finder: it sees the page's bytes, a visitor answers with changes, the splicer makes them. The only
//! file that names lol_html.

use crate::html::candidates::{Candidates, HOISTED, TAGS};
use crate::html::foreign;
use crate::html::splice::Splicer;
use crate::html::visitor::{Attribute, Element, Failure, Inside, Namespace, Visitor};
use encoding_rs::{Encoding, UTF_8};
use lol_html::html_content::{Element as LolElement, TextChunk};
use lol_html::{AsciiCompatibleEncoding, HtmlRewriter, Selector, Settings};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, Write};
use std::rc::Rc;

/// How much is given to the parser at once.
const STEP: usize = 64 * 1024;

/// Rewrites a page that is in memory, parsing no further than its last candidate. `step` is how many bytes are given
/// to the parser at once (`None`: as many as is good); it never changes the result.
pub fn rewrite<V: Visitor, W: Write>(
    page: &[u8],
    candidates: &Candidates,
    encoding: &'static Encoding,
    step: Option<usize>,
    visitor: &mut V,
    out: W,
) -> Result<W, Failure> {
    let state = Rc::new(RefCell::new(State::new(visitor, Some(page), encoding, out)));
    // From there on the parser cannot be believed.
    state.borrow_mut().misread = candidates.misread.unwrap_or(usize::MAX);
    let mut fed = 0;
    if let Some(last) = candidates.last {
        let mut parser = parser(candidates, encoding, &state)?;
        // Beyond the last candidate in small steps: the parser itself tells when it is past it.
        while fed < page.len() && !(fed > last && state.borrow_mut().is_past(last)) {
            let size = step.unwrap_or(if fed <= last { (last - fed).saturating_add(1).clamp(512, STEP) } else { 512 });
            let end = page.len().min(fed + size);
            state.borrow_mut().feed(&page[fed..end]);
            parser.write(&page[fed..end]).map_err(|error| Failure::Parser(error.to_string()))?;
            fed = end;
        }
        parser.end().map_err(|error| Failure::Parser(error.to_string()))?;
    }
    finish(state, &page[fed..])
}

/// Rewrites a page that streams by, in memory bounded by its largest tag, `<style>` or inline module.
pub fn rewrite_stream<V: Visitor, W: Write>(
    page: &mut dyn io::Read,
    encoding: &'static Encoding,
    visitor: &mut V,
    out: W,
) -> Result<W, Failure> {
    let state = Rc::new(RefCell::new(State::new(visitor, None, encoding, out)));
    let everything = Candidates::all();
    let mut parser = parser(&everything, encoding, &state)?;
    let mut buffer = vec![0; STEP];
    loop {
        let read = page.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        state.borrow_mut().feed(&buffer[..read]);
        parser.write(&buffer[..read]).map_err(|error| Failure::Parser(error.to_string()))?;
    }
    parser.end().map_err(|error| Failure::Parser(error.to_string()))?;
    finish(state, &[])
}

fn finish<V: Visitor, W: Write>(state: Shared<'_, V, W>, rest: &[u8]) -> Result<W, Failure> {
    // The parser held the other owners, and it is gone.
    let state = Rc::into_inner(state).map(RefCell::into_inner);
    let Some(mut state) = state else { return Err(Failure::Parser("the parser outlived its page".to_owned())) };
    state.heed_signals();
    state.splicer.release();
    state.splicer.take(&state.fed[state.fed_on..]);
    state.splicer.take(rest);
    Ok(state.splicer.finish()?)
}

type Shared<'v, V, W> = Rc<RefCell<State<'v, V, W>>>;

/// What the parser's handlers and its sink share. They never run at the same time.
struct State<'v, V, W> {
    visitor: &'v mut V,
    /// The whole page, where it is in memory.
    page: Option<&'v [u8]>,
    is_utf8: bool,
    splicer: Splicer<W>,
    /// What the parser was given and the splicer was not yet. The parser's output only tells how far it has come: text
    /// that a handler has seen is encoded anew, and bytes that are no text do not survive that.
    fed: Vec<u8>,
    /// How much of `fed` the splicer has by now.
    fed_on: usize,
    /// Whether it does not even tell that, in a text, until its end.
    blind: bool,
    /// The text being gathered, and where it began.
    text: Option<Text>,
    /// The outermost element that the net must be hoisted out of, and how many such elements are open.
    hoist: Option<(usize, usize)>,
    /// Where the net could go before the first column of a table: any script ends a group of them.
    columns: Option<usize>,
    /// Where the last `<template>` begins, and the last `<colgroup>`.
    template: Option<usize>,
    column_group: Option<usize>,
    /// Where the last `svg` or `math` ends.
    foreign_to: usize,
    /// Where the parser starts to take text for elements.
    misread: usize,
    /// Behind here, what browsers see is for the tree builder to say: everything is left alone.
    lost: Option<Lost>,
    signals: Rc<Signals>,
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
struct Signals {
    /// Where the end tag of a script or style begins.
    text_ended: Cell<Option<usize>>,
    left: Cell<usize>,
}

/// The text of one element. Where it lies is told by the tags around it: the places that the parser gives for the
/// pieces of a text are off by the bytes of a character that was cut in two.
struct Text {
    start: usize,
    gathered: String,
}

impl<'v, V: Visitor, W: Write> State<'v, V, W> {
    fn new(visitor: &'v mut V, page: Option<&'v [u8]>, encoding: &'static Encoding, out: W) -> Self {
        Self {
            visitor,
            page,
            is_utf8: encoding == UTF_8,
            splicer: Splicer::new(out),
            fed: Vec::new(),
            fed_on: 0,
            blind: false,
            text: None,
            hoist: None,
            columns: None,
            template: None,
            column_group: None,
            foreign_to: 0,
            misread: usize::MAX,
            lost: None,
            signals: Rc::default(),
        }
    }

    /// Whether an element is where a browser sees one, as far as can be said.
    fn is_lost(&mut self, tag: &str, start: usize) -> bool {
        if self.lost.is_none() && start >= self.misread {
            self.lost = Some(Lost::At(self.misread));
        }
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
        let Some(page) = self.page.filter(|_| start >= self.foreign_to) else { return true };
        let end = foreign::end(page, start);
        self.foreign_to = end.unwrap_or(self.foreign_to);
        end.is_some()
    }

    /// Where what must stand before an element goes, if not right before it.
    fn hoist_to(&mut self, tag: &str, start: usize) -> Option<usize> {
        match tag {
            "template" => self.template = Some(start),
            "colgroup" => self.column_group = Some(start),
            _ => {}
        }
        let outermost = self.hoist.map(|(outermost, _)| outermost);
        if matches!(tag, "col" | "colgroup") {
            self.columns.get_or_insert(outermost.unwrap_or(start));
        }
        let outermost = outermost.or((tag == "col").then_some(start))?;
        Some(self.columns.map_or(outermost, |columns| columns.min(outermost)))
    }

    /// Whether the parser has dealt with the tag that begins at `offset`, and with its text if that is wanted.
    fn is_past(&mut self, offset: usize) -> bool {
        self.heed_signals();
        self.text.is_none() && self.splicer.taken() > offset
    }

    fn heed_signals(&mut self) {
        if let Some(end) = self.signals.text_ended.take() {
            self.end_text(Some(end));
            self.come_to(end);
        }
        for _ in 0..self.signals.left.take() {
            self.leave();
        }
    }

    /// The page's next bytes, before the parser gets them.
    fn feed(&mut self, bytes: &[u8]) {
        self.fed.drain(..std::mem::take(&mut self.fed_on));
        self.fed.extend_from_slice(bytes);
    }

    /// The parser lets so many bytes go.
    fn take(&mut self, count: usize) {
        self.heed_signals();
        if !self.blind {
            self.pass(count);
        }
    }

    fn pass(&mut self, count: usize) {
        let to = self.fed.len().min(self.fed_on + count);
        self.splicer.take(&self.fed[self.fed_on..to]);
        self.fed_on = to;
    }

    /// The parser is at `offset` of the page, and has dealt with everything before.
    fn come_to(&mut self, offset: usize) {
        self.blind = false;
        self.pass(offset.saturating_sub(self.splicer.taken()));
    }

    fn element(&mut self, element: &Element) {
        self.end_text(None);
        let answer = self.visitor.element(element);
        self.splicer.record(answer.changes);
        if answer.wants_text {
            // From the tag on: what is injected because of the text goes in front of it.
            self.splicer.hold(element.range.start);
            self.text = Some(Text { start: element.range.end, gathered: String::new() });
        }
    }

    fn text(&mut self, chunk: &str) {
        self.blind = true;
        if let Some(text) = &mut self.text {
            text.gathered.push_str(chunk);
        }
    }

    /// The element whose text is gathered has ended, its end tag beginning at `end`; without one its text stays as it
    /// is.
    fn end_text(&mut self, end: Option<usize>) {
        let Some(text) = self.text.take() else { return };
        if let Some(end) = end.filter(|end| *end > text.start) {
            // In encodings other than UTF-8, longer and shorter characters may make up for each other.
            let aligned = text.gathered.len() == end - text.start && (self.is_utf8 || text.gathered.is_ascii());
            let changes = self.visitor.text(&text.gathered, text.start, aligned);
            self.splicer.record(changes);
        }
        self.splicer.release();
    }

    fn enter(&mut self, at: usize) {
        self.hoist = Some(self.hoist.map_or((at, 1), |(outermost, depth)| (outermost, depth + 1)));
    }

    fn leave(&mut self) {
        self.hoist = self.hoist.and_then(|(outermost, depth)| (depth > 1).then_some((outermost, depth - 1)));
    }
}

/// The parser for pages with these candidates.
fn parser<'v, V, W>(
    candidates: &Candidates,
    encoding: &'static Encoding,
    state: &Shared<'v, V, W>,
) -> Result<HtmlRewriter<'v, impl FnMut(&[u8]) + use<'v, V, W>>, Failure>
where
    V: Visitor + 'v,
    W: Write + 'v,
{
    let encoding = AsciiCompatibleEncoding::new(encoding)
        .ok_or_else(|| Failure::Parser(format!("{} is not compatible with ASCII", encoding.name())))?;
    let mut settings = Settings::new().with_strict(false).with_encoding(encoding);
    if let Some(selector) = selector(&element_list(candidates)) {
        let state = Rc::clone(state);
        let handlers = lol_html::ElementContentHandlers::default()
            .element(move |element: &mut LolElement<'_, '_>| on_element(&state, element));
        settings = settings.append_element_content_handler((Cow::Owned(selector), handlers));
    }
    let texts: Vec<_> = [candidates.has("style").then_some("style"), candidates.modules.then_some("script")]
        .into_iter()
        .flatten()
        .collect();
    if let Some(selector) = selector(&texts.join(",")) {
        let state = Rc::clone(state);
        let handlers = lol_html::ElementContentHandlers::default().text(move |text: &mut TextChunk<'_>| {
            state.borrow_mut().text(text.as_str());
            Ok(())
        });
        settings = settings.append_element_content_handler((Cow::Owned(selector), handlers));
    }
    let sink = Rc::clone(state);
    Ok(HtmlRewriter::new(settings, move |bytes: &[u8]| sink.borrow_mut().take(bytes.len())))
}

fn on_element<V: Visitor, W: Write>(
    state: &Shared<'_, V, W>,
    element: &mut LolElement<'_, '_>,
) -> lol_html::HandlerResult {
    state.borrow_mut().heed_signals();
    let (tag, range) = (element.tag_name(), element.source_location().bytes());
    state.borrow_mut().come_to(range.start);
    if state.borrow_mut().is_lost(&tag, range.start) {
        return Ok(());
    }
    let hoist_to = state.borrow_mut().hoist_to(&tag, range.start);
    let found = Element {
        tag,
        range,
        attributes: element
            .attributes()
            .iter()
            .map(|attribute| Attribute {
                name: attribute.name(),
                // The tokenizer's own replacement, which lol_html leaves undone (HTML, section 13.2.5.37 and others).
                value: attribute.value().replace('\0', "\u{FFFD}"),
                range: attribute.value_source_location().map(|location| location.bytes()),
            })
            .collect(),
        namespace: namespace(element.namespace_uri()),
        inside: Inside::default(),
        hoist_to,
    };
    state.borrow_mut().element(&found);
    let hoisted = matches!(found.tag.as_str(), "svg" | "math" | "template") && element.can_have_content();
    if hoisted {
        state.borrow_mut().enter(found.range.start);
    }
    // Text that a handler may see: only the end tag tells where it ended.
    let has_text = matches!(found.tag.as_str(), "script" | "style") && element.can_have_content();
    if hoisted || has_text {
        let signals = Rc::clone(&state.borrow().signals);
        element.on_end_tag(Box::new(move |end| {
            if has_text {
                signals.text_ended.set(Some(end.source_location().bytes().start));
            }
            // The end tag may be another's that lol_html takes to end this one too. A template is not ended by any.
            signals.left.set(signals.left.get() + usize::from(hoisted && end.name() == found.tag));
            Ok(())
        }))?;
    }
    Ok(())
}

fn namespace(uri: &str) -> Namespace {
    match uri {
        "http://www.w3.org/2000/svg" => Namespace::Svg,
        "http://www.w3.org/1998/Math/MathML" => Namespace::MathMl,
        _ => Namespace::Html,
    }
}

/// The tag names to ask for, as a selector list.
fn element_list(candidates: &Candidates) -> String {
    let tags = TAGS.iter().filter(|tag| candidates.has(tag)).copied();
    tags.chain(candidates.style_attributes.then_some("[style]")).collect::<Vec<_>>().join(",")
}

/// The selector, parsed once a thread; `None` for the empty list.
fn selector(list: &str) -> Option<Selector> {
    thread_local! {
        static PARSED: RefCell<HashMap<String, Selector>> = RefCell::default();
    }
    if list.is_empty() {
        return None;
    }
    PARSED.with_borrow_mut(|parsed| {
        if let Some(selector) = parsed.get(list) {
            return Some(selector.clone());
        }
        let selector: Selector = list.parse().ok()?;
        parsed.insert(list.to_owned(), selector.clone());
        Some(selector)
    })
}
