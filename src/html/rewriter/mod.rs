//! lol_html as the finder: it sees the page's bytes, a visitor answers with changes, the splicer makes them. The only
//! room that names lol_html.

mod state;
mod target;

use crate::html::candidates::{Candidates, TAGS};
use crate::html::splice::{Change, Splicer};
use crate::html::template;
use crate::html::visitor::{Attribute, Element, Failure, Inside, Namespace, Visitor};
use encoding_rs::Encoding;
use lol_html::html_content::{Element as LolElement, TextChunk};
use lol_html::{AsciiCompatibleEncoding, HtmlRewriter, MemorySettings, Selector, Settings};
use state::{Shared, State};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::Range;
use std::rc::Rc;
use target::{Collector, Streamed, Target};

/// How much is given to the parser at once.
const STEP: usize = 64 * 1024;

/// How far a page that streams by is read ahead of the parser. In an `<svg>` or `<math>` longer than this, it is not known
/// where it ends.
const AHEAD: usize = 64 * 1024;

/// What the parser may need for a page that streams by. It remembers each element that is open, and one whose end tag is
/// left out stays open to it (`<p>` in a page without `</p>`): about 100 bytes each. A page of more than a hundred
/// thousand of them at once is given up.
const PARSER_MEMORY: usize = 16 * 1024 * 1024;

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
    let mut parser = parser(&state, usize::MAX)?;
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

/// Rewrites a page that streams by, in memory bounded by its largest tag and inline text (4 MiB). `first` are changes that
/// are known before; the others are what the visitor answers.
pub fn rewrite_stream<W: Write>(
    page: &mut dyn io::Read,
    candidates: &Candidates<'_>,
    encoding: &'static Encoding,
    first: Vec<Change>,
    visitor: &mut dyn Visitor,
    out: W,
) -> Result<W, Failure> {
    let mut target = Streamed::new(Splicer::new(out));
    target.splicer.record(first);
    let state = State::shared(visitor, target, encoding, candidates);
    let mut parser = parser(&state, PARSER_MEMORY)?;
    let (mut buffer, mut read, mut written, mut ended) = (vec![0; STEP], 0, 0, false);
    loop {
        // Read ahead of the parser: where an svg ends is asked when it begins.
        while !ended && read - written < STEP + AHEAD {
            let more = page.read(&mut buffer)?;
            ended = more == 0;
            read += more;
            state.borrow_mut().target.fed.extend_from_slice(&buffer[..more]);
        }
        let Some(piece) = state.borrow().target.bytes(written..read.min(written + STEP)).map(<[u8]>::to_vec) else {
            break;
        };
        if piece.is_empty() {
            break;
        }
        written += piece.len();
        parser.write(&piece).map_err(|error| Failure::Parser(error.to_string()))?;
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

/// The parser of a page, and how many bytes it may need.
fn parser<'v, T: Target + 'v>(
    state: &Shared<'v, T>,
    memory: usize,
) -> Result<HtmlRewriter<'v, impl FnMut(&[u8]) + use<'v, T>>, Failure> {
    let (encoding, candidates) = (state.borrow().encoding, state.borrow().candidates);
    let encoding = AsciiCompatibleEncoding::new(encoding)
        .ok_or_else(|| Failure::Parser(format!("{} is not compatible with ASCII", encoding.name())))?;
    let memory = MemorySettings::new().with_max_allowed_memory_usage(memory);
    let mut settings = Settings::new().with_strict(false).with_encoding(encoding).with_memory_settings(memory);
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
        // The tokenizer's own replacement, which lol_html leaves undone (HTML, section 13.2.5.37 and others).
        value: attribute.value().replace('\0', "\u{FFFD}"),
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
