//! A page is looked through, and what goes into it is decided; sometimes what is seen means looking again.

use super::inject::{self, Injected};
use super::policy;
use super::survey::{Left, Survey};
use super::template::Template;
use super::visitor::PageVisitor;
use super::{Decision, Made, Page};
use crate::html::candidates::Candidates;
use crate::html::encoding::Syntax;
use crate::html::rewriter;
use crate::html::splice::Change;
use crate::html::visitor::Failure;
use crate::html::xml;
use crate::model::finding::Code;
use encoding_rs::Encoding;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::rc::Rc;

/// Looks through markup in memory and returns all changes to it.
pub(super) fn rewrite_markup(
    page: &Page<'_>,
    bytes: &[u8],
    encoding: &'static Encoding,
    step: Option<usize>,
) -> Result<Made, Failure> {
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
    let page = &Page {
        template: template.as_ref(),
        may_have_policy: candidates.csp,
        may_have_modules: candidates.modules,
        ..page.clone()
    };
    let look = |page: &Page<'_>, leaves_modules| {
        let mut visitor = PageVisitor::new(page, leaves_modules);
        let changes = match page.syntax {
            Syntax::Html => rewriter::inspect(bytes, &candidates, encoding, step, &mut visitor),
            Syntax::Xml => xml::inspect(bytes, &mut visitor),
        }?;
        Ok::<_, Failure>((Looked::of(page, visitor), changes))
    };
    let (mut looked, mut changes) = look(page, None)?;
    let (mut page, mut why) = (page.clone(), None);
    for _ in 0..MORE_LOOKS {
        let Some(again) = looked.again(&page) else { break };
        (page, why) = (again.page, why.or(again.why));
        (looked, changes) = look(&page, again.leaves_modules)?;
    }
    looked.findings.extend(why);
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

/// How often a page is looked through again at most: what one look keeps at home may leave hints that lead elsewhere.
const MORE_LOOKS: usize = 2;

/// How a page must be looked through again, because of what was seen.
struct Again<'c> {
    page: Page<'c>,
    leaves_modules: Option<Left>,
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
        if let Some(Left { at, code, why }) = visitor.seen.leaves_modules.clone() {
            visitor.tell(at, code, format!("the modules of this page are left as they are: {why}"));
        }
        let unreadable_policy = visitor.unreadable_policy();
        let PageVisitor { seen, references, moved, findings, decisions, .. } = visitor;
        Self { seen, injected, references, moved, findings, decisions, unreadable_policy }
    }

    /// `None` when the last look was right. What was learned before is kept.
    fn again<'c>(&self, page: &Page<'c>) -> Option<Again<'c>> {
        let map_fails = self.injected.map_fails.clone();
        let leaves_modules = self.seen.leaves_modules.clone().or(map_fails.clone());
        let forbids = policy::forbids_net(&self.injected.problems, &self.seen).filter(|_| page.has_net);
        let forbids = forbids.filter(|_| page.context.config.net());
        let modules_were_seen = map_fails.is_some() || leaves_modules.is_some() && self.seen.modules.first.is_some();
        let is_hinted_in_vain = !self.seen.hinted.is_disjoint(&self.seen.used_at_home);
        let agreed: BTreeMap<_, _> =
            self.seen.asked.iter().filter_map(|(path, asked)| Some((path.clone(), asked.settled()?))).collect();
        if forbids.is_none() && !modules_were_seen && !is_hinted_in_vain && agreed.is_empty() {
            return None;
        }
        let used_at_home = Rc::new(&*page.used_at_home | &self.seen.used_at_home);
        let agreed = page.agreed.iter().map(|(path, mode)| (path.clone(), mode.clone())).chain(agreed).collect();
        let has_net = page.has_net && forbids.is_none();
        let page = Page { has_net, used_at_home, agreed: Rc::new(agreed), ..page.clone() };
        let why =
            forbids.map(|(at, why)| (Some(at), Code::CspMeta, format!("the net cannot work under this policy: {why}")));
        Some(Again { page, leaves_modules, why })
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
pub(super) fn stream_markup(
    page: &Page<'_>,
    open: &dyn Fn() -> io::Result<Box<dyn Read>>,
    encoding: &'static Encoding,
    out: &mut dyn Write,
) -> Result<(Made, bool), Failure> {
    let candidates = Candidates::of_stream(&mut *open()?, &page.context.config.attribute_names)?;
    if candidates.last.is_none() {
        return Ok((Made::default(), false));
    }
    let page = &Page { may_have_policy: candidates.csp, may_have_modules: candidates.modules, ..page.clone() };
    let pass = |page: &Page<'_>, leaves_modules, first: Vec<Change>, out: &mut dyn Write| {
        let mut visitor = PageVisitor::new(page, leaves_modules);
        rewriter::rewrite_stream(&mut *open()?, &candidates, encoding, first, &mut visitor, out)?;
        Ok::<_, Failure>(Looked::of(page, visitor))
    };
    let mut looked = pass(page, None, Vec::new(), &mut io::sink())?;
    let (mut page, mut leaves_modules, mut why) = (page.clone(), None, None);
    for _ in 0..MORE_LOOKS {
        let Some(again) = looked.again(&page) else { break };
        (page, leaves_modules, why) = (again.page, again.leaves_modules, why.or(again.why));
        looked = pass(&page, leaves_modules.clone(), Vec::new(), &mut io::sink())?;
    }
    looked.findings.extend(why);
    let is_kept = looked.unreadable_policy.is_some();
    if is_kept || !looked.seen.is_edited && looked.injected.changes.is_empty() {
        return Ok((looked.made(Vec::new()).without_changes(), false));
    }
    let first = std::mem::take(&mut looked.injected.changes);
    pass(&page, leaves_modules, first, out)?;
    Ok((looked.made(Vec::new()), true))
}
