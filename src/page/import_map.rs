//! The import map: the author's own, made right for both homes, or one that only pins.

use super::Page;
use super::survey::{Left, OwnMap, Survey};
use super::visitor::{InlineText, PageVisitor};
use crate::html::splice::Change;
use crate::json::homes::{Homes, Published};
use crate::json::import_map::{self, ImportMap};
use crate::json::resolver::{Resolution, Resolver};
use crate::model::digest::Digests;
use crate::model::finding::Code;
use crate::model::media_type::Kind;
use crate::model::path::SitePath;
use crate::plan::{Home, Publication};
use std::collections::BTreeSet;
use url::Url;

/// A map longer than this is not written: the page's modules are left as they are.
const MAX_LEN: usize = 256 * 1024;

/// The least that pinning one module takes in a map: `"":"",` and `sha384-` with 64 digits.
const PIN_LEN: usize = 6 + 71;

/// What becomes of a page's import map.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    /// A map of ours: where it goes, and its text.
    pub(super) new: Option<(usize, String)>,
    /// The author's: the change to its text.
    pub(super) own: Option<(Change, String)>,
    /// Why there can be none that is right in both homes.
    pub(super) fails: Option<Left>,
}

/// Decides what becomes of it.
pub(super) fn decide(page: &Page<'_>, seen: &Survey) -> Mapped {
    if seen.leaves_modules.is_some() {
        return Mapped::default();
    }
    if let Some(left) = at_run_time(seen) {
        return Mapped { fails: Some(left), ..Mapped::default() };
    }
    let Some(reached) = reached(page, seen) else { return too_long(page, seen) };
    let pins = if page.context.config.integrity() { pins(page, seen, &reached) } else { Vec::new() };
    match &seen.own_map {
        Some(own) if !has_one_home(page, seen, &reached) => Mapped::fails(own, "its modules do not all move"),
        Some(own) => own_map(page, seen, own, &pins),
        None if pins.is_empty() => Mapped::default(),
        None => new_map(page, seen, &pins),
    }
}

impl Mapped {
    fn fails(own: &OwnMap, why: &str) -> Self {
        Self { fails: Some(left(own.range.start, why)), ..Self::default() }
    }
}

fn left(at: usize, why: &str) -> Left {
    Left { at, code: Code::OwnImportMap, why: why.to_owned() }
}

/// What an inline script imports at run time comes from the origin under its own name: a failing `import()` tells
/// nobody, so it is not moved. Were the page's other modules elsewhere, what both import would run twice.
fn at_run_time(seen: &Survey) -> Option<Left> {
    let (at, name) = seen.modules.at_run_time.as_ref().filter(|_| seen.modules.first.is_some())?;
    let why = format!("an inline script imports {name} at run time, from the origin");
    Some(Left { at: *at, code: Code::InlineDynamicImport, why })
}

/// A map that only pins, for a page that has none of its own.
fn new_map(page: &Page<'_>, seen: &Survey, pins: &[(String, String)]) -> Mapped {
    let Some(at) = place(page, seen) else { return Mapped::default() };
    let text = ImportMap::pinning(pins.iter().map(|(url, integrity)| (url, integrity))).to_json();
    if text.len() > MAX_LEN {
        return too_long(page, seen);
    }
    Mapped { new: Some((at, text)), ..Mapped::default() }
}

fn too_long(page: &Page<'_>, seen: &Survey) -> Mapped {
    let own = seen.own_map.as_ref().map(|own| own.range.start);
    let Some(at) = own.or(place(page, seen)) else { return Mapped::default() };
    let why = format!("their import map would be longer than {MAX_LEN} bytes");
    Mapped { fails: Some(left(at, &why)), ..Mapped::default() }
}

/// Before the first module. In a part of a page nobody knows what stands before it.
fn place(page: &Page<'_>, seen: &Survey) -> Option<usize> {
    let first = seen.modules.first.as_ref()?;
    page.template.map_or(Some(first.at), |template| template.net_at)
}

/// All modules that the page brings in by import statements, with their `?query`, by original path. Those that its
/// elements name are pinned by attributes and not among them. `None`: more than a map can pin, and every page of the site
/// may name the same thousands.
fn reached(page: &Page<'_>, seen: &Survey) -> Option<BTreeSet<(SitePath, String)>> {
    let pinned = if page.context.config.integrity() { MAX_LEN / PIN_LEN } else { usize::MAX };
    let limit = pinned.saturating_add(seen.modules.entries.len());
    let mut all = seen.modules.imported.clone();
    let mut open: Vec<SitePath> = seen.modules.entries.iter().cloned().collect();
    let mut done = BTreeSet::new();
    while let Some(path) = open.pop() {
        let Some(publication) = page.context.plan.get(&path) else { continue };
        if !done.insert(path.clone()) {
            continue;
        }
        if done.len() > limit {
            return None;
        }
        for to in imports(page, seen, &path, publication) {
            open.push(to.0.clone());
            all.insert(to);
        }
    }
    Some(all)
}

/// What one module imports, under the page's map.
fn imports(page: &Page<'_>, seen: &Survey, path: &SitePath, publication: &Publication) -> Vec<(SitePath, String)> {
    let Some(own) = &seen.own_map else { return publication.imports.clone() };
    let mount = &page.context.config.mount;
    let urls = publication.imports.iter().map(|(to, suffix)| format!("{}{suffix}", mount.url_of(to)));
    let specifiers = urls.chain(publication.bare.iter().cloned());
    let targets = specifiers.filter_map(|specifier| match own.resolver.resolve(&specifier, &mount.url_of(path)) {
        Resolution::Url(url) => mount.target_of(&url),
        Resolution::Blocked | Resolution::None => None,
    });
    targets.map(|target| (target.path, target.suffix)).collect()
}

/// Integrity for every module that is reached, under its URL in both homes.
fn pins(page: &Page<'_>, seen: &Survey, reached: &BTreeSet<(SitePath, String)>) -> Vec<(String, String)> {
    let home = seen.own_map.as_ref().map(|own| &own.home).or(seen.modules.first.as_ref().map(|place| &place.home));
    let Some(home) = home else { return Vec::new() };
    let mut pins = BTreeSet::new();
    for (path, suffix) in reached {
        let Some(publication) = page.context.plan.get(path) else { continue };
        let Published { local, cdn } = published(page, publication, suffix, home);
        let integrity = publication.integrity.to_string();
        pins.extend([Some(local), cdn].into_iter().flatten().map(|url| (url, integrity.clone())));
    }
    pins.into_iter().collect()
}

fn published(page: &Page<'_>, publication: &Publication, suffix: &str, home: &str) -> Published {
    let cdn = page.context.config.cdn.as_ref().filter(|_| publication.home == Home::Cdn);
    Published {
        local: format!("{home}{}{suffix}", publication.path.to_url()),
        cdn: cdn.map(|cdn| cdn.url_for(&publication.path) + suffix),
    }
}

/// Whether all modules that the map can lead to come from one home. A module that is imported from both would exist
/// twice.
fn has_one_home(page: &Page<'_>, seen: &Survey, reached: &BTreeSet<(SitePath, String)>) -> bool {
    let mount = &page.context.config.mount;
    let addresses = seen.own_map.iter().flat_map(|own| own.resolver.addresses()).filter_map(|url| mount.target_of(url));
    let addressed: Vec<_> = addresses.map(|target| target.path).collect();
    let all = seen.modules.entries.iter().chain(reached.iter().map(|(path, _)| path)).chain(&addressed);
    let mut homes = all.filter_map(|path| page.context.plan.get(path)).map(|publication| publication.home);
    let first = homes.next();
    homes.all(|home| Some(home) == first)
}

fn own_map(page: &Page<'_>, seen: &Survey, own: &OwnMap, pins: &[(String, String)]) -> Mapped {
    let (config, plan) = (page.context.config, page.context.plan);
    let publish = |url: &Url| {
        let target = config.mount.target_of(url)?;
        Some(published(page, plan.get(&target.path)?, &target.suffix, &own.home))
    };
    let files_below = |url: &Url| {
        let dir = config.mount.dir_of(url)?;
        let below = plan.publications.iter().filter(|(path, _)| path.as_str().starts_with(&dir));
        let modules = below.filter(|(_, to)| matches!(to.kind, Kind::Script | Kind::Style | Kind::Data));
        Some(modules.map(|(path, _)| path.as_str()[dir.len()..].to_owned()).collect())
    };
    let integrity = |url: &Url| {
        let target = config.mount.target_of(url)?;
        let original = Digests::of(&page.context.site.read(&target.path).ok()?).integrity();
        let to = plan.get(&target.path)?;
        (to.integrity != original).then(|| to.integrity.to_string())
    };
    let root = config.mount.root();
    let homes = Homes {
        base: &own.base,
        root,
        cdn: config.cdn.as_ref().map(crate::cdn::Cdn::as_str),
        publish: &publish,
        files_below: &files_below,
        integrity: &integrity,
    };
    let text = own.map.for_both_homes(&homes, pins).to_json();
    if text.len() > MAX_LEN {
        return too_long(page, seen);
    }
    let changed = text != own.map.to_json();
    let change = changed.then(|| (Change::Replace(own.range.clone(), text.clone().into_bytes()), text));
    Mapped { own: change, ..Mapped::default() }
}

impl PageVisitor<'_> {
    /// Reads a map of the author's. One that cannot be made right for both homes keeps the page's modules as they are.
    pub(super) fn read_import_map(
        &mut self,
        text: &str,
        start: usize,
        aligned: bool,
        InlineText { nonce, before, inside, .. }: InlineText,
    ) {
        if inside.noscript || self.seen.leaves_modules.is_some() {
            return;
        }
        let map = match import_map::parse(text) {
            Ok(_) if self.seen.own_map.is_some() => return self.leave_modules(start, "the page has two import maps"),
            Ok(_) if !aligned => return self.leave_modules(start, "its bytes and characters do not line up"),
            Ok(map) => map,
            Err(error) => return self.leave_modules(start + error.offset, &error.message),
        };
        let base = self.base.url().clone();
        let spelled = map.imports.iter().find_map(|(_, value)| value.text()).unwrap_or_default();
        let home = self.place(start, spelled).home;
        let resolver = Resolver::new(&map, &base);
        let range = start..start + text.len();
        self.seen.own_map = Some(OwnMap { range, text: text.to_owned(), before, map, resolver, base, home, nonce });
    }

    fn leave_modules(&mut self, at: usize, why: &str) {
        self.seen.leaves_modules.get_or_insert_with(|| left(at, why));
    }

    /// The URL that a specifier of an inline module leads to, under the page's map. `None`: to nothing.
    pub(super) fn module_url(&self, specifier: &str, is_bare: bool) -> Option<Url> {
        match &self.seen.own_map {
            Some(own) => match own.resolver.resolve(specifier, self.base.url()) {
                Resolution::Url(url) => Some(url),
                Resolution::Blocked | Resolution::None => None,
            },
            None if is_bare => None,
            None => self.base.url().join(specifier).ok(),
        }
    }
}
