//! One page: what HTML says, what the plan decided, and the net, joined.
//!
//! A page in memory is looked through once; a page that streams by is looked through, and then written. Either way,
//! what goes in besides the edits is decided when the whole page has been seen ([`inject`]).

mod import_map;
mod inject;
mod inline;
mod pinned;
mod policy;
mod references;
mod survey;
mod template;
mod visitor;

use crate::config::Config;
use crate::error::{Result, io_error};
use crate::html::candidates::Candidates;
use crate::html::csp::Needs;
use crate::html::encoding::{self, PRESCAN, Sniffed, Syntax};
use crate::html::rewriter;
use crate::html::splice::{self, Change};
use crate::html::template as syntax;
use crate::html::visitor::Failure;
use crate::html::xml;
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::plan::Plan;
use crate::site::Site;
use crate::site::index::AssetIndex;
use encoding_rs::Encoding;
use inject::Injected;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::rc::Rc;
use survey::Survey;
use template::Template;
use url::Url;
use visitor::PageVisitor;

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
const HEAD: u64 = 64 * 1024;

/// Rewrites a page that is in memory. `step` is how many bytes the parser gets at once; it changes nothing.
pub fn rewrite_bytes(path: &SitePath, bytes: &[u8], step: Option<usize>, context: Context<'_>) -> Outcome {
    let made = match Page::new(path, bytes, context) {
        Ok((page, encoding)) => rewrite_markup(&page, bytes, encoding, step),
        Err(reason) => Ok(Made::copied(Code::PageEncoding, reason)),
    };
    let mut made = made.unwrap_or_else(Made::failed);
    let changes = std::mem::take(&mut made.changes);
    let changed = !changes.is_empty();
    Outcome { bytes: changed.then(|| splice::splice(bytes, changes)), ..made.outcome(path, changed, || bytes.to_vec()) }
}

/// Rewrites a page of any length into `out`, in constant memory; only templates and XHTML are read as a
/// whole. `open` gives it
/// anew: it is read more than once.
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
    open().map_err(fail("read"))?.take(HEAD).read_to_end(&mut head).map_err(fail("read"))?;
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
    // Positions are asked for seldom: only then is the page held as a whole.
    Ok(made.outcome(path, changed, || {
        let mut bytes = Vec::new();
        let read = open().and_then(|mut page| page.read_to_end(&mut bytes));
        if read.is_ok() { bytes } else { Vec::new() }
    }))
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
    /// What it uses from the origin, although it is on the CDN as well: hints must lead to the same copy.
    used_at_home: Rc<BTreeSet<SitePath>>,
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
        let charset = meta.map(|range| (range.clone(), String::from_utf8_lossy(&head[range]).into_owned()));
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
                used_at_home: Rc::default(),
            },
            encoding,
        ))
    }
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
            Failure::Io(error) => Self::copied(Code::Unreadable, error.to_string()),
        }
    }

    fn outcome(self, path: &SitePath, changed: bool, page: impl FnOnce() -> Vec<u8>) -> Outcome {
        let page = if self.findings.iter().any(|(at, ..)| at.is_some()) { page() } else { Vec::new() };
        let findings = self.findings.into_iter().map(|(at, code, reason)| match at {
            Some(at) => Finding::at(code, path.as_str(), &page, at, reason),
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

/// Looks through markup in memory and returns all changes to it.
fn rewrite_markup(
    page: &Page<'_>,
    bytes: &[u8],
    encoding: &'static Encoding,
    step: Option<usize>,
) -> std::result::Result<Made, Failure> {
    let config = page.context.config;
    let mut candidates = Candidates::of(bytes, &config.attribute_names);
    if page.syntax == Syntax::Xml {
        candidates = Candidates::all(&config.attribute_names);
    } else if page.context.explain {
        candidates = Candidates { every_element: true, ..Candidates::all(&config.attribute_names) };
    }
    if candidates.last.is_none() {
        return Ok(Made::default());
    }
    let template = if candidates.template && page.depth == 0 { Template::of(page.path, bytes) } else { None };
    let page = &Page { template: template.as_ref(), may_have_policy: candidates.csp, ..page.clone() };
    let look = |page: &Page<'_>, leaves_modules| {
        let mut visitor = PageVisitor::new(page, leaves_modules);
        let changes = match page.syntax {
            Syntax::Html => rewriter::inspect(bytes, &candidates, encoding, step, &mut visitor),
            Syntax::Xml => xml::inspect(bytes, &mut visitor),
        }?;
        Ok::<_, Failure>((Looked::of(page, visitor), changes))
    };
    let (mut looked, mut changes) = look(page, None)?;
    if let Some(second) = looked.second(page) {
        (looked, changes) = look(&second.page, second.leaves_modules)?;
        looked.findings.extend(second.why);
    }
    Ok(looked.made(changes))
}

/// A page that was looked through, and what goes into it.
struct Looked {
    seen: Survey,
    injected: Injected,
    references: usize,
    moved: usize,
    findings: Vec<(Option<usize>, Code, String)>,
    decisions: Vec<Decision>,
    unreadable_policy: Option<usize>,
}

/// How a page must be looked through again, because of what was seen the first time.
struct Second<'c> {
    page: Page<'c>,
    leaves_modules: Option<(usize, String)>,
    why: Option<(Option<usize>, Code, String)>,
}

impl Looked {
    fn of(page: &Page<'_>, mut visitor: PageVisitor<'_>) -> Self {
        let injected = inject::decide(page, &visitor.seen);
        if let Some(at) = injected.lacks_net {
            visitor.tell(at, Code::PartWithoutNet, "it has no `<head>`, so the net must come from the page around it");
        }
        if injected.needs.net.is_some() {
            visitor.tell_limits(&injected.problems);
        }
        if let Some((at, why)) = visitor.seen.leaves_modules.clone() {
            visitor.tell_left_modules(at, &why);
        }
        let unreadable_policy = visitor.unreadable_policy();
        let PageVisitor { seen, references, moved, findings, decisions, .. } = visitor;
        Self { seen, injected, references, moved, findings, decisions, unreadable_policy }
    }

    /// `None` when the first look was right.
    fn second<'c>(&self, page: &Page<'c>) -> Option<Second<'c>> {
        let map_fails = self.injected.map_fails.clone();
        let leaves_modules = self.seen.leaves_modules.clone().or(map_fails.clone());
        let forbids = policy::forbids_net(&self.injected.problems, &self.seen).filter(|_| page.has_net);
        let forbids = forbids.filter(|_| page.context.config.net());
        let modules_were_seen = map_fails.is_some() || leaves_modules.is_some() && self.seen.modules.first.is_some();
        let is_hinted_in_vain = !self.seen.hinted.is_disjoint(&self.seen.used_at_home);
        if forbids.is_none() && !modules_were_seen && !is_hinted_in_vain {
            return None;
        }
        let used_at_home = Rc::new(self.seen.used_at_home.clone());
        let page = Page { has_net: page.has_net && forbids.is_none(), used_at_home, ..page.clone() };
        let why =
            forbids.map(|(at, why)| (Some(at), Code::CspMeta, format!("the net cannot work under this policy: {why}")));
        Some(Second { page, leaves_modules, why })
    }

    fn made(self, changes: Vec<Change>) -> Made {
        if let Some(at) = self.unreadable_policy {
            return Made::kept(at);
        }
        let changes = self.injected.changes.into_iter().chain(changes).collect();
        let Self { references, moved, findings, decisions, .. } = self;
        Made { changes, references, moved, findings, decisions, needs: self.injected.needs }
    }
}

/// The same for markup that streams by, written to `out`. Whether it changed; if it did not, nothing was written.
fn stream_markup(
    page: &Page<'_>,
    open: &dyn Fn() -> io::Result<Box<dyn Read>>,
    encoding: &'static Encoding,
    out: &mut dyn Write,
) -> std::result::Result<(Made, bool), Failure> {
    let candidates = Candidates::all(&page.context.config.attribute_names);
    let pass = |page: &Page<'_>, leaves_modules, first: Vec<Change>, out: &mut dyn Write| {
        let mut visitor = PageVisitor::new(page, leaves_modules);
        rewriter::rewrite_stream(&mut *open()?, &candidates, encoding, first, &mut visitor, out)?;
        Ok::<_, Failure>(Looked::of(page, visitor))
    };
    let mut looked = pass(page, None, Vec::new(), &mut io::sink())?;
    let second = looked.second(page);
    let looks_again = second.is_some();
    let (page, leaves_modules, why) = match second {
        Some(second) => (second.page, second.leaves_modules, second.why),
        None => (page.clone(), None, None),
    };
    if looks_again {
        looked = pass(&page, leaves_modules.clone(), Vec::new(), &mut io::sink())?;
        looked.findings.extend(why);
    }
    let is_kept = looked.unreadable_policy.is_some();
    if is_kept || looked.seen.first_edit.is_none() && looked.injected.changes.is_empty() {
        return Ok((looked.made(Vec::new()).without_changes(), false));
    }
    let first = std::mem::take(&mut looked.injected.changes);
    pass(&page, leaves_modules, first, out)?;
    Ok((looked.made(Vec::new()), true))
}
