//! Content-Security-Policies: what a page's own must allow in addition, and what one in a header would have to.

use super::Page;
use super::survey::{OwnMap, Survey};
use super::visitor::PageVisitor;
use crate::fallback::NetFile;
use crate::html::attribute_value::{Decoded, escape};
use crate::html::csp::{self, Edited, Needs, Problem};
use crate::html::splice::{self, Change};
use crate::html::template;
use crate::model::finding::Code;

/// The net as policies see it.
fn net(page: &Page<'_>) -> Option<csp::Net> {
    let parts = page.context.parts();
    let file = NetFile::of(page.context.config, parts)?;
    Some(if file.has_loader {
        csp::Net::File
    } else {
        csp::Net::Inline { loader: parts.in_page_hash().to_owned(), net: file.hash.clone() }
    })
}

/// The nonce that injected scripts carry.
///
/// Where the page's own policy admits scripts by other means too, the net must not carry a nonce that some of the
/// rewritten scripts lack: it heals only scripts with its own. Then it is admitted by its hash.
pub(super) fn nonce<'s>(page: &'s Page<'_>, seen: &'s Survey) -> Option<&'s str> {
    let given = page.context.config.settings.csp_nonce.as_deref();
    let is_strict = seen.policies.iter().any(|policy| policy.raw.to_ascii_lowercase().contains("strict-dynamic"));
    let is_shared = seen.policies.is_empty() || is_strict || !seen.moves_without_nonce;
    given.or(seen.nonce.as_deref().filter(|_| is_shared))
}

/// What the rewritten page needs. `has_net` and `map`: what is put in, the map by its text.
pub(super) fn needs(page: &Page<'_>, seen: &Survey, has_net: bool, map: Option<&str>) -> Needs {
    let (config, uses) = (page.context.config, seen.uses);
    Needs {
        cdns: config.cdn.iter().map(|cdn| cdn.as_str().to_owned()).collect(),
        site: config.settings.site_url.clone(),
        scripts: uses.scripts || uses.modules,
        styles: uses.styles,
        // A sheet may name images and fonts, and goes where they go; a script may make images by its own URL.
        images: uses.images || uses.styles || uses.scripts || uses.modules,
        fonts: uses.fonts || uses.styles,
        media: uses.media,
        // Whether the CDN hangs is found out by a request for what it holds back.
        fetches: uses.modules || has_net && config.hang_limit.is_some(),
        net: has_net.then(|| net(page)).flatten(),
        beacon: config.beacon_origin().filter(|_| has_net),
        service_worker: config.settings.service_worker && has_net,
        deferred: uses.deferred,
        injected: map.map(csp::hash).into_iter().collect(),
        edited_scripts: seen.edited_scripts.to_vec(),
        edited_styles: seen.edited_styles.to_vec(),
        edited_style_attributes: seen.edited_style_attributes.to_vec(),
        repinned: seen.repinned.iter().cloned().collect(),
    }
}

/// What has to be done about the page's own policies.
#[derive(Debug, Default)]
pub(super) struct Amended {
    pub(super) changes: Vec<Change>,
    pub(super) problems: Vec<(usize, Problem)>,
}

/// Amends every policy of the page.
pub(super) fn amend(seen: &Survey, needs: &Needs, nonce: Option<&str>) -> Amended {
    let mut all = Amended::default();
    for policy in &seen.policies {
        let (value, start) = (Decoded::new(&policy.raw), policy.range.start);
        let amended = csp::amend(&value.text, needs, nonce);
        all.problems.extend(amended.problems.into_iter().map(|problem| (start, problem)));
        all.changes.extend(amended.insertions.into_iter().map(|(at, text)| {
            let at = start + value.raw(at..at).end;
            Change::Replace(at..at, quoted(&policy.raw, &text))
        }));
    }
    all
}

/// Sources as they may stand in an attribute. A policy with white space in it stands in quotes; one with an apostrophe
/// besides, in double ones.
fn quoted(raw: &str, text: &str) -> Vec<u8> {
    let is_quoted = raw.contains(|c: char| c.is_ascii_whitespace());
    let words: Vec<_> = text.split(' ').map(escape).collect();
    let text = words.join(if is_quoted { " " } else { "&#32;" });
    if is_quoted && raw.contains('\'') { text.replace("&#39;", "'").into_bytes() } else { text.into_bytes() }
}

/// Why the net cannot run under the page's policies, if it cannot.
pub(super) fn forbids_net(problems: &[(usize, Problem)], seen: &Survey) -> Option<(usize, &'static str)> {
    let is_strict = |at: usize| {
        let policy = seen.policies.iter().find(|policy| policy.range.start == at);
        policy.is_some_and(|policy| policy.raw.to_ascii_lowercase().contains("strict-dynamic"))
    };
    problems.iter().find_map(|(at, problem)| match problem {
        Problem::ScriptsForbidden | Problem::NothingAllowed => Some((*at, "it lets no script run")),
        Problem::TrustedByHash => Some((*at, "with 'strict-dynamic' and no nonce, only inline scripts run")),
        Problem::NonceNotLent if is_strict(*at) => Some((*at, "no script of the page has its nonce")),
        _ => None,
    })
}

/// What works with a limit.
pub(super) fn limit(problem: Problem) -> Option<&'static str> {
    match problem {
        Problem::NothingAllowed | Problem::ScriptsForbidden | Problem::TrustedByHash | Problem::NonceNotLent => None,
        Problem::LocalFetchForbidden => {
            Some("`connect-src` lacks 'self', so a deferred script that fails first runs late")
        }
        Problem::InlineNotHealed => Some("an inline module admitted by its hash cannot fall back"),
        Problem::WorkerForbidden => {
            Some("no directive admits workers of the own origin: the service worker is not registered")
        }
        Problem::Comma => Some("its comma is read as two policies by some browsers"),
    }
}

/// A text that begins at `start`, with these changes made.
fn edited(text: &str, start: usize, changes: &[Change]) -> String {
    let moved = changes.iter().filter_map(|change| match change {
        Change::Replace(range, new) => {
            Some(Change::Replace(range.start.checked_sub(start)?..range.end.checked_sub(start)?, new.clone()))
        }
        Change::Attributes(..) => None,
    });
    String::from_utf8_lossy(&splice::splice(text.as_bytes(), moved)).into_owned()
}

impl OwnMap {
    /// The map as a policy sees it, when it has become this.
    pub(super) fn edited(&self, after: &str) -> Edited {
        Edited::new(&self.text, after, self.nonce.as_deref())
    }
}

impl PageVisitor<'_> {
    /// An inline text that was edited, for the policies that admitted it by its hash.
    pub(super) fn edited_text(&self, text: &str, start: usize, changes: &[Change], nonce: Option<&str>) -> Edited {
        self.as_edited(text, &edited(text, start, changes), nonce)
    }

    /// The same for a `style` attribute, whose raw value this is.
    pub(super) fn edited_attribute(&self, raw: &str, start: usize, changes: &[Change]) -> Edited {
        self.as_edited(&Decoded::new(raw).text, &Decoded::new(&edited(raw, start, changes)).text, None)
    }

    fn as_edited(&self, before: &str, after: &str, nonce: Option<&str>) -> Edited {
        if self.has_policy() {
            return Edited::new(before, after, nonce);
        }
        // A policy further down does not apply to it (HTML, section 4.2.5.3): there is none to hold the old text against.
        Edited { before: Default::default(), after: csp::hash(after), nonce: nonce.map(str::to_owned) }
    }

    /// Whether the page has set a policy so far.
    pub(super) fn has_policy(&self) -> bool {
        !self.seen.policies.is_empty()
    }

    /// Whether a policy cannot be read, because a template makes it.
    pub(super) fn unreadable_policy(&self) -> Option<usize> {
        let mut policies = self.seen.policies.iter();
        policies.find(|policy| !template::is_literal(&policy.raw)).map(|policy| policy.range.start)
    }

    pub(super) fn tell_limits(&mut self, problems: &[(usize, Problem)]) {
        for (at, problem) in problems {
            if let Some(why) = limit(*problem) {
                self.tell(*at, Code::CspLimits, why);
            }
        }
    }
}
