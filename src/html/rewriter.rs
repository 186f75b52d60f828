//! lol_html as the finder: it sees the page's bytes, a visitor answers with changes, the splicer makes them. The only
//! file that names lol_html.

use crate::html::alignment::Alignment;
use crate::html::candidates::{Candidates, HOISTED, TAGS};
use crate::html::foreign;
use crate::html::splice::{Change, Splicer};
use crate::html::template;
use crate::html::visitor::{Answer, Attribute, Element, Failure, Inside, Namespace, Visitor};
use encoding_rs::{Encoding, UTF_8};
use lol_html::html_content::{Element as LolElement, TextChunk};
use lol_html::{AsciiCompatibleEncoding, HtmlRewriter, Selector, Settings};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::Range;
use std::rc::Rc;

/// How much is given to the parser at once.
const STEP: usize = 64 * 1024;

/// Looks at a page that is in memory, parsing no further than its last candidate, and returns the changes that the
/// visitor answers with. `step` is how many bytes are given to the parser at once (`None`: as many as is good); it
/// never changes the result.
pub fn inspect(
    page: &[u8],
    candidates: &Candidates<'_>,
    encoding: &'static Encoding,
    step: Option<usize>,
    visitor: &mut dyn Visitor,
) -> Result<Vec<Change>, Failure> {
    let Some(last) = candidates.last else { return Ok(Vec::new()) };
    let target = Collector { page, passed: 0, changes: Vec::new() };
    let state = State::shared(visitor, target, encoding, candidates);
    let mut parser = parser(&state)?;
    let mut fed = 0;
    // Beyond the last candidate in small steps: the parser itself tells when it is past it.
    while fed < page.len() && !(fed > last && state.borrow_mut().is_past(last)) {
        let size = step.unwrap_or(if fed <= last { (last - fed).saturating_add(1).clamp(512, STEP) } else { 512 });
        let end = page.len().min(fed + size);
        parser.write(&page[fed..end]).map_err(|error| Failure::Parser(error.to_string()))?;
        fed = end;
    }
    parser.end().map_err(|error| Failure::Parser(error.to_string()))?;
    Ok(finish(state)?.changes)
}

/// Rewrites a page that streams by, in memory bounded by its largest tag and by [`TEXT_MAX`]. `first` are changes that
/// are known before; the others are what the visitor answers.
pub fn rewrite_stream<W: Write>(
    page: &mut dyn io::Read,
    candidates: &Candidates<'_>,
    encoding: &'static Encoding,
    first: Vec<Change>,
    visitor: &mut dyn Visitor,
    out: W,
) -> Result<W, Failure> {
    let mut target = Streamed { splicer: Splicer::new(out), fed: Vec::new() };
    target.splicer.record(first);
    let state = State::shared(visitor, target, encoding, candidates);
    let mut parser = parser(&state)?;
    let mut buffer = vec![0; STEP];
    loop {
        let read = page.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        state.borrow_mut().target.fed.extend_from_slice(&buffer[..read]);
        parser.write(&buffer[..read]).map_err(|error| Failure::Parser(error.to_string()))?;
    }
    parser.end().map_err(|error| Failure::Parser(error.to_string()))?;
    Ok(finish(state)?.splicer.finish()?)
}

/// What became of the page, when the parser is gone, which held the other owners of the state.
fn finish<T: Target>(state: Shared<'_, T>) -> Result<T, Failure> {
    let state = Rc::into_inner(state).map(RefCell::into_inner);
    let Some(mut state) = state else { return Err(Failure::Parser("the parser outlived its page".to_owned())) };
    state.heed_signals();
    state.target.release();
    state.target.pass_all();
    Ok(state.target)
}

/// Where the page's bytes and the visitor's changes go.
///
/// The parser's own output only tells how far it has come: text that a handler has seen is encoded anew, and bytes that
/// are no text do not survive that.
trait Target {
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
struct Collector<'p> {
    page: &'p [u8],
    passed: usize,
    changes: Vec<Change>,
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
struct Streamed<W> {
    splicer: Splicer<W>,
    /// The bytes that the parser was given, from the first that the splicer has not let go.
    fed: Vec<u8>,
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

type Shared<'v, T> = Rc<RefCell<State<'v, T>>>;

/// What the parser's handlers and its sink share. They never run at the same time.
struct State<'v, T> {
    visitor: &'v mut dyn Visitor,
    target: T,
    /// The text being gathered, and where it began.
    text: Option<Text>,
    /// The elements around that the net must be hoisted out of: where the outermost begins, and for each whether it is
    /// a declarative shadow root.
    hoist: Option<(usize, Vec<bool>)>,
    /// Where the net could go before the first column of a table: any script ends a group of them.
    columns: Option<usize>,
    /// Where the last `svg` or `math` ends.
    foreign_to: usize,
    /// Behind here, what browsers see is for their tree builders to say: everything is left alone.
    lost: Option<Lost>,
    /// Whether, in a text, the parser does not tell how far it has come until the end of it.
    blind: bool,
    encoding: &'static Encoding,
    candidates: Candidates<'v>,
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
    /// Where the end tag begins of an element that holds text.
    text_ended: Cell<Option<usize>>,
    left: Cell<usize>,
}

/// The text of one element. Where it lies is told by the tags around it: the places that the parser gives for the
/// pieces of a text are off by the bytes of a character that was cut in two.
struct Text {
    start: usize,
    gathered: String,
    /// Whether it is markup, to be read as a browser without scripts does.
    is_noscript: bool,
}

/// A text longer than this is left alone: it is held in memory, and no page that works has one.
const TEXT_MAX: usize = 4 * 1024 * 1024;

impl<'v, T: Target> State<'v, T> {
    fn shared(
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
            foreign_to: 0,
            lost: None,
            blind: false,
            encoding,
            candidates: *candidates,
            signals: Rc::default(),
        }))
    }

    /// Whether the parser has dealt with the tag that begins at `offset`, and with its text if that is wanted.
    fn is_past(&mut self, offset: usize) -> bool {
        self.heed_signals();
        self.text.is_none() && self.target.passed() > offset
    }

    fn is_in_shadow_root(&self) -> bool {
        self.hoist.as_ref().is_some_and(|(_, open)| open.contains(&true))
    }

    /// Whether an element is not where a browser sees one, as far as can be said.
    fn is_lost(&mut self, tag: &str, start: usize) -> bool {
        let misread = self.candidates.misread.filter(|at| start >= *at && self.lost.is_none());
        self.lost = self.lost.or(misread.map(Lost::At));
        if self.lost.is_none() {
            // Behind a frameset browsers take hardly any tag, and text is text no more.
            let lost = tag == "frameset" || matches!(tag, "svg" | "math") && !self.trusts_foreign(start);
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

    /// Whether it is certain where the `svg` or `math` that begins here ends. Of a page that streams by it is taken for
    /// granted.
    fn trusts_foreign(&mut self, start: usize) -> bool {
        let Some(page) = self.target.page().filter(|_| start >= self.foreign_to) else { return true };
        let end = foreign::end(page, start);
        self.foreign_to = end.unwrap_or(self.foreign_to);
        end.is_some()
    }

    /// Where what must stand before an element goes, if not right before it.
    fn hoist_to(&mut self, tag: &str, start: usize) -> Option<usize> {
        let outermost = self.hoist.as_ref().map(|(outermost, _)| *outermost);
        if matches!(tag, "col" | "colgroup") {
            self.columns.get_or_insert(outermost.unwrap_or(start));
        }
        let outermost = outermost.or((tag == "col").then_some(start))?;
        Some(self.columns.map_or(outermost, |columns| columns.min(outermost)))
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

    /// The parser lets so many bytes go.
    fn take(&mut self, count: usize) {
        self.heed_signals();
        if !self.blind {
            self.target.pass(count);
        }
    }

    /// The parser is at `offset` of the page, and has dealt with everything before.
    fn come_to(&mut self, offset: usize) {
        self.blind = false;
        self.target.pass(offset.saturating_sub(self.target.passed()));
    }

    /// Tells the visitor of an element.
    fn element(&mut self, element: &Element) {
        self.end_text(None);
        let is_noscript = element.tag == "noscript" && element.namespace == Namespace::Html;
        let answer = if is_noscript { Answer::default() } else { self.visitor.element(element) };
        self.target.record(answer.changes);
        let wants_text = answer.wants_text || is_noscript;
        if wants_text {
            // From the tag on: what is injected because of the text goes in front of it.
            self.target.hold(element.range.start);
            self.text = Some(Text { start: element.range.end, gathered: String::new(), is_noscript });
        }
    }

    fn text(&mut self, chunk: &str) {
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
                self.noscript(text.start..end)
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
    fn noscript(&mut self, range: Range<usize>) -> Vec<Change> {
        let Some(markup) = self.target.bytes(range.clone()).map(<[u8]>::to_vec) else { return Vec::new() };
        let mut candidates = Candidates::of(&markup, self.candidates.named);
        candidates.every_element = self.candidates.every_element;
        let mut inside = Nested { visitor: &mut *self.visitor, offset: range.start, changes: Vec::new() };
        let read = inspect(&markup, &candidates, self.encoding, None, &mut inside);
        if read.is_ok() { inside.changes } else { Vec::new() }
    }

    fn enter(&mut self, at: usize, is_shadow_root: bool) {
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
        element.hoist_to = element.hoist_to.map(|at| at + self.offset);
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

/// The parser of a page.
fn parser<'v, T: Target + 'v>(
    state: &Shared<'v, T>,
) -> Result<HtmlRewriter<'v, impl FnMut(&[u8]) + use<'v, T>>, Failure> {
    let (encoding, candidates) = (state.borrow().encoding, state.borrow().candidates);
    let encoding = AsciiCompatibleEncoding::new(encoding)
        .ok_or_else(|| Failure::Parser(format!("{} is not compatible with ASCII", encoding.name())))?;
    let mut settings = Settings::new().with_strict(false).with_encoding(encoding);
    if let Some(selector) = selector(&element_list(&candidates)) {
        let state = Rc::clone(state);
        let handlers = lol_html::ElementContentHandlers::default()
            .element(move |element: &mut LolElement<'_, '_>| on_element(&state, element));
        settings = settings.append_element_content_handler((Cow::Owned(selector), handlers));
    }
    let texts = [
        candidates.has("style").then_some("style"),
        candidates.modules.then_some("script"),
        candidates.has("noscript").then_some("noscript"),
    ];
    let texts: Vec<_> = texts.into_iter().flatten().collect();
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

fn on_element<T: Target>(state: &Shared<'_, T>, element: &mut LolElement<'_, '_>) -> lol_html::HandlerResult {
    let (tag, range) = (element.tag_name(), element.source_location().bytes());
    {
        let mut state = state.borrow_mut();
        state.heed_signals();
        state.come_to(range.start);
        if state.is_lost(&tag, range.start) {
            return Ok(());
        }
        let found = Element {
            attributes: attributes(&state, element, &range),
            namespace: namespace(element.namespace_uri()),
            inside: Inside { noscript: false, shadow_root: state.is_in_shadow_root() },
            hoist_to: state.hoist_to(&tag, range.start),
            tag: tag.clone(),
            range,
        };
        state.element(&found);
        if is_entered(element) {
            // A declarative shadow root (HTML, section 4.12.3): what fails in it tells nobody outside.
            state.enter(found.range.start, found.attribute("shadowrootmode").is_some());
        }
    }
    watch_end(state, element, tag)
}

/// Whether what stands in the element must be told from what does not.
fn is_entered(element: &LolElement<'_, '_>) -> bool {
    matches!(element.tag_name().as_str(), "svg" | "math" | "template") && element.can_have_content()
}

/// Has the end tag leave word.
fn watch_end<T: Target>(
    state: &Shared<'_, T>,
    element: &mut LolElement<'_, '_>,
    tag: String,
) -> lol_html::HandlerResult {
    // Text that a handler may see: only the end tag tells where it ended.
    let has_text = matches!(tag.as_str(), "script" | "style" | "noscript") && element.can_have_content();
    let is_entered = is_entered(element);
    if !has_text && !is_entered {
        return Ok(());
    }
    let signals = Rc::clone(&state.borrow().signals);
    element.on_end_tag(Box::new(move |end| {
        if has_text {
            signals.text_ended.set(Some(end.source_location().bytes().start));
        }
        // The end tag may be another's that lol_html takes to end this one too. A template is not ended by any.
        signals.left.set(signals.left.get() + usize::from(is_entered && end.name() == tag));
        Ok(())
    }))
}

/// The attributes of an element. Where a template has a hand in the tag, the template's regions are not read as HTML.
fn attributes<T: Target>(state: &State<'_, T>, element: &LolElement<'_, '_>, tag: &Range<usize>) -> Vec<Attribute> {
    if let Some(raw) = state.target.bytes(tag.clone()).filter(|raw| template::tag_has_syntax(raw)) {
        return template_attributes(raw, tag.start, state.encoding);
    }
    let read = |attribute: &lol_html::html_content::Attribute<'_>| Attribute {
        name: attribute.name(),
        value: attribute.value(),
        range: attribute.value_source_location().map(|location| location.bytes()),
    };
    element.attributes().iter().map(read).collect()
}

fn template_attributes(tag: &[u8], offset: usize, encoding: &'static Encoding) -> Vec<Attribute> {
    let decoded = |range: Range<usize>| encoding.decode_without_bom_handling(&tag[range]).0.into_owned();
    let read = |raw: template::RawAttribute| Attribute {
        name: decoded(raw.name).to_ascii_lowercase(),
        value: raw.value.clone().map(decoded).unwrap_or_default(),
        range: raw.value.map(|range| offset + range.start..offset + range.end),
    };
    template::attributes(tag).into_iter().map(read).collect()
}

fn namespace(uri: &str) -> Namespace {
    match uri {
        "http://www.w3.org/2000/svg" => Namespace::Svg,
        "http://www.w3.org/1998/Math/MathML" => Namespace::MathMl,
        _ => Namespace::Html,
    }
}

/// The tag names to ask for, as a selector list.
fn element_list(candidates: &Candidates<'_>) -> String {
    if candidates.every_element {
        return "*".to_owned();
    }
    let tags = TAGS.iter().filter(|tag| candidates.has(tag)).map(|tag| (*tag).to_owned());
    let style = candidates.style_attributes.then(|| "[style]".to_owned());
    tags.chain(style).chain(candidates.named.iter().map(|name| format!("[{name}]"))).collect::<Vec<_>>().join(",")
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
