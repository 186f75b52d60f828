//! One page: what HTML says, what the plan decided, and the net, joined.
//!
//! A page in memory is looked through once; a page that streams by is looked through, and then written. Either way,
//! what goes in besides the edits is decided when the whole page has been seen (`inject`).

mod import_map;
mod inject;
mod inline;
mod look;
mod pinned;
mod policy;
mod references;
mod survey;
mod template;
mod visitor;

use crate::config::Config;
use crate::error::{Result, io_error};
use crate::fallback::Parts;
use crate::html::csp::Needs;
use crate::html::encoding::{self, PRESCAN, Sniffed, Syntax};
use crate::html::splice::{self, Change};
use crate::html::template as syntax;
use crate::html::visitor::Failure;
use crate::model::finding::{Code, Finding, Positions};
use crate::model::path::SitePath;
use crate::plan::Plan;
use crate::site::Site;
use crate::site::index::AssetIndex;
use encoding_rs::Encoding;
use look::{rewrite_markup, stream_markup};
use pinned::Mode;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::rc::Rc;
use template::Template;
use url::Url;

/// What pages are rewritten with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// The settings.
    pub config: &'c Config,
    /// The input.
    pub site: &'c Site,
    /// Which files there are.
    pub index: &'c AssetIndex,
    /// How they are published.
    pub plan: &'c Plan,
    /// Whether every reference is told, with what becomes of it ([`Outcome::decisions`]).
    pub explain: bool,
}

impl Context<'_> {
    /// What the net's script holds.
    pub fn parts(&self) -> Parts {
        Parts::of(self.config, !self.plan.workers.is_empty())
    }
}

/// What became of a page.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The new page; `None` when it stays as it is, or was written already.
    pub bytes: Option<Vec<u8>>,
    /// Whether it differs from the input.
    pub changed: bool,
    /// How many references were rewritten.
    pub references: usize,
    /// How many of them to the CDN.
    pub moved: usize,
    /// What was left alone, and why.
    pub findings: Vec<Finding>,
    /// Every reference, if that was asked for.
    pub decisions: Vec<Decision>,
    /// What a Content-Security-Policy must allow.
    pub needs: Needs,
}

/// One reference, and what becomes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Byte offset in the page.
    pub at: usize,
    /// Which attribute of which element: `img[src]`.
    pub what: String,
    /// As it is written, decoded.
    pub reference: String,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It leads to the CDN.
    Moves {
        /// The URL.
        to: String,
    },
    /// It names what is published, on the origin.
    Stays {
        /// The URL.
        to: String,
        /// Why.
        why: String,
    },
    /// It is not touched.
    Left {
        /// Why.
        why: String,
    },
}

/// Pages up to this size are read whole; larger ones stream by.
pub const WHOLE: u64 = 1024 * 1024;

/// How much of a page that streams by is looked at first.
const HEAD: usize = 64 * 1024;

/// Rewrites a page that is in memory. `step` is how many bytes the parser gets at once; it changes nothing.
pub fn rewrite_bytes(path: &SitePath, bytes: &[u8], step: Option<usize>, context: Context<'_>) -> Outcome {
    let made = match Page::new(path, bytes, context) {
        Ok((page, encoding)) => rewrite_markup(&page, bytes, encoding, step),
        Err(reason) => Ok(Made::copied(Code::PageEncoding, reason)),
    };
    let mut made = made.unwrap_or_else(Made::failed);
    let changes = std::mem::take(&mut made.changes);
    let mut new = (!changes.is_empty()).then(|| splice::splice(bytes, changes));
    if new.as_ref().is_some_and(|new| encoding_of(path, new) != encoding_of(path, bytes)) {
        // A browser looks for the encoding with simpler rules than it parses by: what was put in may be in its way.
        made = Made::copied(Code::AmbiguousMarkup, "its encoding would be read otherwise");
        new = None;
    }
    let outcome = made.outcome(path, new.is_some(), |positions| positions.feed(bytes));
    Outcome { bytes: new, ..outcome }
}

fn encoding_of(path: &SitePath, page: &[u8]) -> &'static Encoding {
    Syntax::of(path).sniff(&page[..page.len().min(PRESCAN)]).encoding
}

/// Rewrites a page of any length into `out`, in constant memory; only templates and XHTML are read as a whole. `open`
/// gives it anew: it is read more than once.
///
/// When the outcome tells that the page must be copied ([`Outcome::changed`] is false), nothing was written.
pub fn rewrite_stream(
    path: &SitePath,
    open: &dyn Fn() -> io::Result<Box<dyn Read>>,
    out: &mut dyn Write,
    context: Context<'_>,
) -> Result<Outcome> {
    let fail = |action| io_error(action, path.as_str());
    let mut head = Vec::new();
    open().map_err(fail("read"))?.take(HEAD as u64).read_to_end(&mut head).map_err(fail("read"))?;
    let is_template = syntax::kind(&head, &path.extension()) == syntax::Kind::Template;
    if is_template || Syntax::of(path) == Syntax::Xml {
        // Where a template's net goes, and what in it is no markup, is known only when all of it has been seen. XML
        // that ends badly is no page at all.
        head.clear();
        open().map_err(fail("read"))?.read_to_end(&mut head).map_err(fail("read"))?;
        let mut outcome = rewrite_bytes(path, &head, None, context);
        out.write_all(&outcome.bytes.take().unwrap_or_default()).map_err(fail("write"))?;
        return Ok(outcome);
    }
    let streamed = match Page::new(path, &head, context) {
        Ok((page, encoding)) => stream_markup(&page, open, encoding, out),
        Err(reason) => Ok((Made::copied(Code::PageEncoding, reason), false)),
    };
    let (made, changed) = match streamed {
        Ok(done) => done,
        Err(Failure::Io(error)) => return Err(fail("rewrite")(error)),
        Err(failure) => (Made::failed(failure), false),
    };
    Ok(made.outcome(path, changed, |positions| {
        // Read once already: what fails now fails to name a line, no more.
        let _ = open().and_then(|mut page| feed(&mut page, positions));
    }))
}

fn feed(page: &mut dyn Read, positions: &mut Positions) -> io::Result<()> {
    let mut buffer = vec![0; HEAD];
    while !positions.is_complete() {
        match page.read(&mut buffer)? {
            0 => return Ok(()),
            read => positions.feed(&buffer[..read]),
        }
    }
    Ok(())
}

/// What is known of a page before it is looked through.
#[derive(Clone)]
struct Page<'c> {
    context: Context<'c>,
    path: &'c SitePath,
    /// By whose rules it is parsed.
    syntax: Syntax,
    /// Its own URL.
    url: Url,
    /// In which the queries of its URLs are sent.
    encoding: &'static Encoding,
    /// Its `<meta charset>`, and where that stands.
    charset: Option<(Range<usize>, String)>,
    /// What it is as a template, if it is one.
    template: Option<&'c Template>,
    /// Whether the net can work in it.
    has_net: bool,
    /// How many pages it stands in (`srcdoc`).
    depth: usize,
    /// Whether a Content-Security-Policy may be in it.
    may_have_policy: bool,
    /// Whether modules may be on it.
    may_have_modules: bool,
    /// What it uses from the origin, although it is on the CDN as well: hints must lead to the same copy.
    used_at_home: Rc<BTreeSet<SitePath>>,
    /// How it asks for what it fetches ahead, where the author asked in two ways.
    agreed: Rc<BTreeMap<SitePath, Mode>>,
}

impl<'c> Page<'c> {
    /// Of a page that begins with these bytes; or why such a page must be copied.
    fn new(
        path: &'c SitePath,
        head: &[u8],
        context: Context<'c>,
    ) -> std::result::Result<(Self, &'static Encoding), String> {
        let head = &head[..head.len().min(PRESCAN)];
        let Sniffed { syntax, encoding, meta } = Syntax::of(path).sniff(head);
        if !encoding::can_rewrite(encoding) {
            return Err(format!("its encoding is {}", encoding.name()));
        }
        let charset = meta.map(|range| (range.clone(), charset_tag(&head[range], encoding)));
        let url = context.config.mount.url_of(path);
        Ok((
            Self {
                context,
                path,
                syntax,
                url,
                encoding,
                charset,
                template: None,
                has_net: true,
                depth: 0,
                may_have_policy: true,
                may_have_modules: true,
                used_at_home: Rc::default(),
                agreed: Rc::default(),
            },
            encoding,
        ))
    }
}

/// A page's own `<meta charset>`, to be put in once more. What is put in is ASCII, whatever else that tag says.
fn charset_tag(tag: &[u8], encoding: &'static Encoding) -> String {
    let own = str::from_utf8(tag).ok().filter(|tag| tag.is_ascii());
    own.map_or_else(|| format!("<meta charset=\"{}\">", encoding.name()), str::to_owned)
}

/// What became of a page, with offsets that are not positions yet.
#[derive(Default)]
struct Made {
    changes: Vec<Change>,
    references: usize,
    moved: usize,
    findings: Vec<(Option<usize>, Code, String)>,
    decisions: Vec<Decision>,
    needs: Needs,
}

impl Made {
    fn copied(code: Code, reason: impl Into<String>) -> Self {
        Self { findings: vec![(None, code, reason.into())], ..Self::default() }
    }

    fn without_changes(self) -> Self {
        Self { changes: Vec::new(), ..self }
    }

    /// A page whose policy cannot be amended.
    fn kept(at: usize) -> Self {
        let finding = (Some(at), Code::CspMeta, "the policy is made by a template: the page is copied".to_owned());
        Self { findings: vec![finding], ..Self::default() }
    }

    fn failed(failure: Failure) -> Self {
        match failure {
            Failure::Parser(message) => Self::copied(Code::PageNotParsed, message),
            Failure::Xml { what, at } => Self::copied(Code::PageNotParsed, format!("{what} at byte {at}")),
            Failure::Io(error) => Self::copied(Code::Unreadable, error.to_string()),
        }
    }

    /// With places for offsets. `page` gives the page's bytes, which are asked for seldom.
    fn outcome(self, path: &SitePath, changed: bool, page: impl FnOnce(&mut Positions)) -> Outcome {
        let mut positions = Positions::of(self.findings.iter().filter_map(|(at, ..)| *at));
        if !positions.is_complete() {
            page(&mut positions);
        }
        let findings = self.findings.into_iter().map(|(at, code, reason)| match at {
            Some(at) => Finding::at_position(code, path.as_str(), positions.get(at), reason),
            None => Finding::of_file(code, path.as_str(), reason),
        });
        Outcome {
            bytes: None,
            changed,
            references: self.references,
            moved: self.moved,
            findings: findings.collect(),
            decisions: self.decisions,
            needs: self.needs,
        }
    }
}
