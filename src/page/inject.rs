//! What goes into a page besides its edits: the net, the import map, a copy of `<meta charset>`.

use super::Page;
use super::import_map::{self, Mapped};
use super::policy;
use super::survey::{Left, Place, Survey};
use crate::fallback::{self, Loader, NetFile};
use crate::html::csp::{Needs, Problem};
use crate::html::encoding::PRESCAN;
use crate::html::splice::Change;

/// What is put in.
#[derive(Debug, Default)]
pub(super) struct Injected {
    pub(super) changes: Vec<Change>,
    /// Where a part of a page uses the CDN without a net.
    pub(super) lacks_net: Option<usize>,
    /// Why there can be no import map that is right in both homes.
    pub(super) map_fails: Option<Left>,
    /// What a policy must allow.
    pub(super) needs: Needs,
    /// What does not work under the page's own policies.
    pub(super) problems: Vec<(usize, Problem)>,
}

/// Decides what goes into a page that turned out to hold this.
pub(super) fn decide(page: &Page<'_>, seen: &Survey) -> Injected {
    let config = page.context.config;
    let nonce = policy::nonce(page, seen);
    let net = net_place(page, seen).zip(config.cdn.as_ref());
    let net = net.and_then(|(place, cdn)| {
        let beacon = config.settings.beacon.as_deref();
        let parts = page.context.parts();
        let file = NetFile::of(config, parts)?;
        let hang_limit = config.hang_limit;
        let loader = Loader { cdn: cdn.as_str(), local: &place.home, hang_limit, beacon, parts, file, nonce };
        Some((place.at, fallback::loader(&loader, page.syntax)))
    });
    let Mapped { new, own, fails } = import_map::decide(page, seen);
    let mut needs = policy::needs(page, seen, net.is_some(), new.as_ref().map(|(_, text)| text.as_str()));
    needs.edited_scripts.extend(own.as_ref().zip(seen.own_map.as_ref()).map(|((_, after), own)| own.edited(after)));
    let amended = policy::amend(seen, &needs, nonce);
    let map = new.map(|(at, text)| (at, fallback::import_map(&text, nonce, page.syntax)));
    let first = [net.as_ref(), map.as_ref()].into_iter().flatten().map(|(at, _)| *at).min();
    let mut changes = Vec::new();
    let edits: Vec<_> = amended.changes.into_iter().chain(own.map(|(change, _)| change)).collect();
    if let Some((at, text)) = charset_copy(page, seen, first, &edits) {
        changes.push(insert(at, text));
    }
    changes.extend([net, map].into_iter().flatten().map(|(at, text)| insert(at, text)));
    changes.extend(edits);
    Injected { map_fails: fails, changes, lacks_net: net_is_missing(page, seen), needs, problems: amended.problems }
}

/// Where the CDN is used first in a part of a page, which gets no net of its own.
fn net_is_missing(page: &Page<'_>, seen: &Survey) -> Option<usize> {
    let is_part = page.template.is_some_and(|template| template.net_at.is_none());
    let used = seen.net.as_ref().filter(|_| is_part && seen.needs_net && page.context.config.net());
    used.map(|place| place.at)
}

/// Where the net goes, if the page gets one.
fn net_place(page: &Page<'_>, seen: &Survey) -> Option<Place> {
    let config = page.context.config;
    let wanted = seen.needs_net || page.template.is_some_and(|template| template.is_marked);
    if !wanted || !config.net() || !page.has_net {
        return None;
    }
    let home = seen.net.as_ref().map_or_else(|| config.mount.path().to_owned(), |place| place.home.clone());
    let at = match page.template {
        Some(template) => template.net_at,
        None => seen.net.as_ref().map(|place| place.at),
    };
    Some(Place { at: at?, home })
}

fn insert(at: usize, text: String) -> Change {
    Change::Replace(at..at, text.into_bytes())
}

/// A copy of the page's own `<meta charset>` in front of everything, where what goes in would push the original out of
/// the bytes in which a browser looks for it.
fn charset_copy(page: &Page<'_>, seen: &Survey, injected: Option<usize>, edits: &[Change]) -> Option<(usize, String)> {
    let (charset, tag) = page.charset.as_ref()?;
    let before = injected.filter(|at| *at <= charset.start);
    let growth = edits.iter().filter(|change| change.start() < charset.start).map(Change::growth).sum::<usize>();
    let is_pushed_out = charset.end + seen.growth_before_charset + growth > PRESCAN;
    let policies = seen.policies.iter().map(|policy| policy.before);
    let amended = policies.chain(seen.own_map.iter().map(|own| own.before)).filter(|_| !edits.is_empty());
    let edited = seen.first_edit.into_iter().chain(amended).filter(|at| is_pushed_out && *at <= charset.start);
    let at = before.into_iter().chain(edited).min()?;
    Some((at, tag.clone()))
}
