//! One page: what HTML says, what the plan decided, and the net, joined.

use crate::config::Config;
use crate::css;
use crate::error::Result;
use crate::fallback;
use crate::graph::resolve::Target;
use crate::html::attribute_value::{Decoded, escape, escape_behind};
use crate::html::attributes::{self, Reference, Role, ScriptKind};
use crate::html::candidates::{Candidates, HOISTED};
use crate::html::encoding::{self, PRESCAN, Sniffed};
use crate::html::rewriter;
use crate::html::splice::Change;
use crate::html::srcset;
use crate::html::visitor::{Answer, Attribute, Element, Failure, Visitor};
use crate::js;
use crate::model::digest::satisfies;
use crate::model::finding::{Code, Finding};
use crate::model::path::{self, SitePath};
use crate::plan::{Home, Plan, Publication};
use crate::site::Site;
use crate::site::index::AssetIndex;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write};
use std::ops::Range;
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
}

/// What became of a page.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The new page; `None` when it stays as it is.
    pub bytes: Option<Vec<u8>>,
    /// How many references were rewritten.
    pub references: usize,
    /// How many of them to the CDN.
    pub moved: usize,
    /// What was left alone, and why.
    pub findings: Vec<Finding>,
}

/// Pages up to this size are read whole; larger ones stream by.
const WHOLE: u64 = 1024 * 1024;

/// Rewrites a page of `size` bytes.
pub fn rewrite(path: &SitePath, size: u64, context: Context<'_>) -> Result<Outcome> {
    if size <= WHOLE {
        let page = context.site.read(path).map_err(crate::error::io_error("read", path.as_str()))?;
        return Ok(rewrite_bytes(path, &page, None, context));
    }
    let open = || context.site.open(path).map_err(crate::error::io_error("read", path.as_str()));
    let mut head = Vec::new();
    open()?.take(PRESCAN as u64).read_to_end(&mut head).map_err(crate::error::io_error("read", path.as_str()))?;
    let pass =
        |visitor: &mut PageVisitor<'_>, out: &mut dyn Write, sniffed: &Sniffed| -> std::result::Result<(), Failure> {
            let mut file = open().map_err(|error| Failure::Parser(error.to_string()))?;
            rewriter::rewrite_stream(&mut file, sniffed.encoding, visitor, out).map(drop)
        };
    let outcome = passes(path, &head, &Candidates::all(), context, pass);
    // Positions are asked for seldom: only then is the page held as a whole.
    Ok(outcome.located(path, || context.site.read(path).unwrap_or_default()))
}

/// Rewrites a page that is in memory. `step` is how many bytes the parser gets at once; it changes nothing.
pub fn rewrite_bytes(path: &SitePath, page: &[u8], step: Option<usize>, context: Context<'_>) -> Outcome {
    let candidates = Candidates::of(page);
    if candidates.last.is_none() {
        return Outcome::default();
    }
    let pass = |visitor: &mut PageVisitor<'_>, out: &mut dyn Write, sniffed: &Sniffed| {
        rewriter::rewrite(page, &candidates, sniffed.encoding, step, visitor, out).map(drop)
    };
    passes(path, &page[..page.len().min(PRESCAN)], &candidates, context, pass).located(path, || page.to_vec())
}

/// What was found on the way, with offsets that are not positions yet.
struct Raw {
    bytes: Option<Vec<u8>>,
    references: usize,
    moved: usize,
    findings: Vec<(Option<usize>, Code, String)>,
}

impl Raw {
    fn copied(code: Code, reason: impl Into<String>) -> Self {
        Self { bytes: None, references: 0, moved: 0, findings: vec![(None, code, reason.into())] }
    }

    fn located(self, path: &SitePath, page: impl FnOnce() -> Vec<u8>) -> Outcome {
        let page = if self.findings.iter().any(|(at, ..)| at.is_some()) { page() } else { Vec::new() };
        let findings = self.findings.into_iter().map(|(at, code, reason)| match at {
            Some(at) => Finding::at(code, path.as_str(), &page, at, reason),
            None => Finding::of_file(code, path.as_str(), reason),
        });
        Outcome { bytes: self.bytes, references: self.references, moved: self.moved, findings: findings.collect() }
    }
}

/// One pass over the page, or two: modules, a nonce, a policy, and elements that the net must be hoisted out of have to
/// be known before the first byte is written.
fn passes(
    path: &SitePath,
    head: &[u8],
    candidates: &Candidates,
    context: Context<'_>,
    mut pass: impl FnMut(&mut PageVisitor<'_>, &mut dyn Write, &Sniffed) -> std::result::Result<(), Failure>,
) -> Raw {
    let sniffed = encoding::sniff(head);
    if matches!(path.extension().as_str(), "xhtml" | "xht") {
        return Raw::copied(Code::XhtmlPage, "a page of XML, which this version does not rewrite");
    }
    if !encoding::can_rewrite(sniffed.encoding) {
        return Raw::copied(Code::PageEncoding, format!("its encoding is {}", sniffed.encoding.name()));
    }
    let twice =
        candidates.modules || candidates.csp || candidates.nonce || HOISTED.iter().any(|tag| candidates.has(tag));
    let mut survey = Survey::default();
    if twice {
        let mut visitor = PageVisitor { surveying: true, ..PageVisitor::new(path, context, &sniffed, head, None) };
        if let Err(failure) = pass(&mut visitor, &mut io::sink(), &sniffed) {
            return failed(failure);
        }
        survey = visitor.seen;
        if let Some(at) = survey.csp {
            let finding = (Some(at), Code::CspMeta, "the policy would forbid what tightrope puts in".to_owned());
            return Raw { bytes: None, references: 0, moved: 0, findings: vec![finding] };
        }
    }
    let mut visitor = PageVisitor::new(path, context, &sniffed, head, twice.then_some(&survey));
    let mut out = Vec::new();
    if let Err(failure) = pass(&mut visitor, &mut out, &sniffed) {
        return failed(failure);
    }
    // A browser looks for the encoding with simpler rules than it parses by: what was put in may be in its way.
    if visitor.changed && encoding::sniff(&out).encoding != sniffed.encoding {
        return Raw::copied(Code::AmbiguousMarkup, "its encoding would be read otherwise");
    }
    let bytes = visitor.changed.then_some(out);
    Raw { bytes, references: visitor.references, moved: visitor.moved, findings: visitor.findings }
}

fn failed(failure: Failure) -> Raw {
    match failure {
        Failure::Parser(message) => Raw::copied(Code::PageNotParsed, message),
        Failure::Io(error) => Raw::copied(Code::Unreadable, error.to_string()),
    }
}

/// What the first of two passes learns.
#[derive(Debug, Default)]
struct Survey {
    /// Where the net goes.
    net_at: Option<usize>,
    /// Where the integrity map goes: before the first module or modulepreload.
    map_at: Option<usize>,
    /// The modules the page begins with.
    entries: BTreeSet<SitePath>,
    /// What its inline modules import, with its `?query`: no attribute can pin that.
    imported: BTreeSet<(SitePath, String)>,
    /// Whether the page has an import map of its own with addresses.
    own_import_map: bool,
    /// How the author spells the first reference that is edited.
    spelled: Option<String>,
    /// The nonce of the page's scripts.
    nonce: Option<String>,
    /// Where a Content-Security-Policy is set.
    csp: Option<usize>,
}

struct PageVisitor<'c> {
    context: Context<'c>,
    /// What relative references start from; a `<base>` changes it.
    base: Url,
    has_base: bool,
    is_not_found_page: bool,
    is_utf8: bool,
    /// A copy of the page's `<meta charset>`, and where that ends.
    charset: Option<(Range<usize>, String)>,
    survey: Option<&'c Survey>,
    /// Whether this is the first pass of two: nothing is changed, only seen.
    surveying: bool,
    seen: Survey,
    /// What the text asked for is.
    text: Option<TextKind>,
    media_cors: bool,
    injected: bool,
    mapped: bool,
    changed: bool,
    references: usize,
    moved: usize,
    findings: Vec<(Option<usize>, Code, String)>,
}

#[derive(Clone, Copy)]
enum TextKind {
    Style { before: usize },
    Module { before: usize },
    ImportMap,
}

/// What is written in place of a reference.
struct Written<'p> {
    url: String,
    publication: &'p Publication,
    on_cdn: bool,
    original: SitePath,
    suffix: String,
}

impl<'c> PageVisitor<'c> {
    fn new(path: &SitePath, context: Context<'c>, sniffed: &Sniffed, head: &[u8], survey: Option<&'c Survey>) -> Self {
        let charset = sniffed.meta.clone().map(|range| {
            // What is put in is ASCII, whatever else the page's own tag says.
            let own = str::from_utf8(&head[range.clone()]).ok().filter(|tag| tag.is_ascii());
            let tag = own.map_or_else(|| format!("<meta charset=\"{}\">", sniffed.encoding.name()), str::to_owned);
            (range, tag)
        });
        Self {
            context,
            base: context.config.mount.url_of(path),
            has_base: false,
            is_utf8: sniffed.encoding == encoding_rs::UTF_8,
            is_not_found_page: path.file_name() == "404.html",
            charset,
            survey,
            surveying: false,
            seen: Survey::default(),
            text: None,
            media_cors: false,
            injected: false,
            mapped: false,
            changed: false,
            references: 0,
            moved: 0,
            findings: Vec::new(),
        }
    }

    /// Whether modules stay as they are, because a page's own import map cannot fall back.
    fn leaves_modules(&self) -> bool {
        self.survey.is_some_and(|survey| survey.own_import_map)
    }

    fn nonce(&self) -> Option<&str> {
        let own = self.survey.and_then(|survey| survey.nonce.as_deref());
        self.context.config.settings.csp_nonce.as_deref().or(own)
    }

    /// What a reference becomes, if it is one that changes.
    fn write(&mut self, reference: &str, role: Role, at: usize) -> Option<Written<'c>> {
        const TEMPLATE: [&str; 7] = ["{{", "{%", "{#", "<%", "<?", "${", "[["];
        if TEMPLATE.iter().any(|mark| reference.contains(mark)) {
            return None;
        }
        // Browsers send a query in the page's own encoding (URL Standard, section 4.4, "query state").
        let query = reference.split('#').next().and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
        if !self.is_utf8 && !query.is_ascii() {
            let reason = format!("`{}` is left alone: its query is in the page's encoding", reference.trim());
            self.findings.push((Some(at), Code::MixedEncoding, reason));
            return None;
        }
        let target = self.context.config.mount.resolve(&self.base, reference)?;
        let Some(publication) = self.context.plan.get(&target.path) else {
            if !self.context.index.exists(&target.path) && target.path.file_name().contains('.') {
                self.findings.push((Some(at), Code::MissingAsset, format!("`{}` does not exist", reference.trim())));
            }
            return None;
        };
        let cdn = self.context.config.cdn.as_ref().filter(|_| publication.home == Home::Cdn && role.stays().is_none());
        let url = match cdn {
            Some(cdn) => cdn.url_for(&publication.path) + &target.suffix,
            None => self.local_url(reference, &target, publication),
        };
        self.note_relative(reference, at);
        Some(Written { url, publication, on_cdn: cdn.is_some(), original: target.path, suffix: target.suffix })
    }

    /// The published file as the author would spell it: the same directory, another name.
    fn local_url(&self, reference: &str, target: &Target, publication: &Publication) -> String {
        let trimmed = reference.trim_matches(|c: char| c <= ' ');
        let is_plain = !trimmed.contains(['\\', '\t', '\n', '\r']);
        let path_end = trimmed.find(['?', '#']).unwrap_or(trimmed.len());
        match trimmed[..path_end].rfind('/') {
            Some(slash) if is_plain => {
                let name = path::encode(publication.path.file_name());
                format!("{}{name}{}", &trimmed[..=slash], target.suffix)
            }
            None if is_plain && !trimmed.contains(':') => path::encode(publication.path.file_name()) + &target.suffix,
            _ => format!("{}{}{}", self.context.config.mount.path(), publication.path.to_url(), target.suffix),
        }
    }

    fn note_relative(&mut self, reference: &str, at: usize) {
        if std::mem::take(&mut self.is_not_found_page) && !self.has_base {
            let is_relative = !reference.trim_start().starts_with(['/', '\\']) && !reference.contains(':');
            if is_relative {
                let reason = format!("`{}` is relative, and this page is served at any depth", reference.trim());
                self.findings.push((Some(at), Code::RelativeNotFoundPage, reason));
            }
            self.is_not_found_page = !is_relative;
        }
    }

    /// How this page spells the site's root: `--base-path` where given, else as its author does.
    fn local_home(&self, reference: &str) -> String {
        let mount = &self.context.config.mount;
        let from_root = reference.trim_start().starts_with(['/', '\\']) || reference.contains("://");
        match mount.dir_of(&self.base) {
            Some(dir) if !mount.is_given() && !from_root => path::relative_root(&dir),
            _ => mount.path().to_owned(),
        }
    }

    /// What goes in before the first edited element, and the map before the first module.
    fn inject(&mut self, before: usize, edited: Option<&str>) -> Vec<Change> {
        let mut changes = Vec::new();
        let surveyed = self.survey.and_then(|survey| survey.spelled.as_deref());
        let home = self.local_home(surveyed.or(edited).unwrap_or_default());
        let due = self.survey.map_or(edited.map(|_| before), |survey| survey.net_at.filter(|at| *at <= before));
        if let Some(at) = due.filter(|_| !self.injected) {
            self.injected = true;
            self.seen.net_at = Some(at);
            let late = self.charset.take().filter(|(range, _)| range.start >= at).map(|(_, tag)| tag);
            let net = self.context.config.cdn.as_ref().filter(|_| self.context.config.net());
            let net = net.map(|cdn| fallback::net(cdn.as_str(), &home, self.nonce()));
            let text = late.unwrap_or_default() + &net.unwrap_or_default();
            changes.extend((!text.is_empty()).then(|| Change::Replace(at..at, text.into_bytes())));
        }
        if let Some(at) = self.survey.and_then(|survey| survey.map_at).filter(|at| !self.mapped && *at <= before) {
            self.mapped = true;
            let map = self.integrity_map(&home);
            changes.extend(map.map(|map| Change::Replace(at..at, map.into_bytes())));
        }
        changes
    }

    /// Integrity for every module that the page's modules import, under its URL in both homes.
    fn integrity_map(&self, home: &str) -> Option<String> {
        let survey = self.survey.filter(|survey| self.context.config.integrity() && !survey.own_import_map)?;
        let plan = self.context.plan;
        let mut keys = BTreeMap::new();
        let inline = survey.imported.iter().map(|(path, suffix)| (path, suffix.as_str()));
        for (path, suffix) in survey.entries.iter().flat_map(|entry| plan.imported_by(entry)).chain(inline) {
            let Some(publication) = plan.get(path) else { continue };
            let integrity = publication.digests.integrity().to_string();
            keys.insert(format!("{home}{}{suffix}", publication.path.to_url()), integrity.clone());
            if let (Some(cdn), Home::Cdn) = (&self.context.config.cdn, publication.home) {
                keys.insert(cdn.url_for(&publication.path) + suffix, integrity);
            }
        }
        (!keys.is_empty()).then(|| fallback::integrity_map(&keys, self.nonce()))
    }

    /// The changes to one element's references. Empty when it stays as it is.
    fn rewrite_element(&mut self, element: &Element) -> (Vec<Change>, Option<String>) {
        let (mut changes, mut spelled) = (Vec::new(), None);
        for reference in attributes::references(element, self.media_cors) {
            let Some(range) = reference.attribute.range.clone() else { continue };
            let value = Decoded::new(&reference.attribute.value);
            if reference.is_srcset {
                changes.extend(self.rewrite_srcset(&value, &range, reference.attribute, &mut spelled));
                continue;
            }
            if reference.role.is_module() {
                if self.leaves_modules() {
                    continue;
                }
                self.note_module(&value.text, element);
            }
            let Some(written) = self.write(&value.text, reference.role, range.start) else { continue };
            let Some(more) = self.attributes_for(element, &reference, &written) else { continue };
            if written.url != value.text {
                changes.push(Change::Replace(range.clone(), escape(&written.url).into_bytes()));
            } else if more.is_empty() {
                continue;
            }
            changes.extend(more.into_iter().map(|more| match more {
                Change::Attributes(_, text) => Change::Attributes(range.end, text),
                replaced @ Change::Replace(..) => replaced,
            }));
            self.count(&written);
            spelled.get_or_insert_with(|| value.text.into_owned());
        }
        if let Some(style) = element.attribute("style") {
            changes.extend(self.rewrite_style_attribute(style, &mut spelled));
        }
        (changes, spelled)
    }

    fn note_module(&mut self, reference: &str, element: &Element) {
        if let Some(target) = self.context.config.mount.resolve(&self.base, reference) {
            self.seen.entries.insert(target.path);
            self.seen.spelled.get_or_insert_with(|| reference.to_owned());
            self.seen.map_at.get_or_insert(element.before());
        }
    }

    fn count(&mut self, written: &Written<'_>) {
        self.references += 1;
        self.moved += usize::from(written.on_cdn);
    }

    fn rewrite_srcset(
        &mut self,
        value: &Decoded<'_>,
        range: &Range<usize>,
        attribute: &Attribute,
        spelled: &mut Option<String>,
    ) -> Vec<Change> {
        let urls = srcset::urls(&value.text);
        self.rewrite_parts(
            value,
            range,
            attribute,
            urls.into_iter().map(|url| (url.clone(), value.text[url].to_owned(), Role::Image)),
            spelled,
            str::to_owned,
        )
    }

    fn rewrite_style_attribute(&mut self, attribute: &Attribute, spelled: &mut Option<String>) -> Vec<Change> {
        let Some(range) = attribute.range.clone() else { return Vec::new() };
        let value = Decoded::new(&attribute.value);
        let found = css::references(&value.text);
        let parts = found.into_iter().map(|reference| (reference.range, reference.url, Role::Image));
        self.rewrite_parts(&value, &range, attribute, parts, spelled, css::escape)
    }

    /// Rewrites the URLs that are parts of an attribute's value.
    fn rewrite_parts(
        &mut self,
        value: &Decoded<'_>,
        range: &Range<usize>,
        attribute: &Attribute,
        parts: impl Iterator<Item = (Range<usize>, String, Role)>,
        spelled: &mut Option<String>,
        quote: impl Fn(&str) -> String,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (part, url, role) in parts {
            let role = self.role_in_css(role, &url);
            let Some(written) = self.write(&url, role, range.start) else { continue };
            // In encodings other than UTF-8, longer and shorter characters may make up for each other.
            if attribute.value.len() != range.len() || !self.is_utf8 && !attribute.value.is_ascii() {
                self.findings.push((
                    Some(range.start),
                    Code::MixedEncoding,
                    format!("`{}` is left alone", attribute.name),
                ));
                return Vec::new();
            }
            if written.url != url {
                let raw = value.raw(part);
                let text = escape_behind(&attribute.value[..raw.start], &quote(&written.url)).into_bytes();
                changes.push(Change::Replace(range.start + raw.start..range.start + raw.end, text));
                self.count(&written);
                spelled.get_or_insert(url);
            }
        }
        changes
    }

    /// Fonts named by a page's own CSS stay: a failing font tells nobody. So do elements of svg files, which browsers
    /// fetch from the document's origin alone.
    fn role_in_css(&self, role: Role, url: &str) -> Role {
        let target = self.context.config.mount.resolve(&self.base, url);
        let stays = target.is_some_and(|target| {
            let is_font =
                self.context.plan.get(&target.path).is_some_and(|to| to.kind == crate::model::media_type::Kind::Font);
            is_font || target.path.extension() == "svg" && target.suffix.contains('#')
        });
        if stays { Role::PreloadFetch } else { role }
    }

    /// The attributes a rewritten reference gets besides its URL; `None` when the element must be left alone.
    fn attributes_for(
        &mut self,
        element: &Element,
        reference: &Reference<'_>,
        to: &Written<'_>,
    ) -> Option<Vec<Change>> {
        let role = reference.role;
        let (mut changes, mut text) = (Vec::new(), String::new());
        if role.takes_integrity() {
            let integrity = to.publication.digests.integrity();
            match element.attribute("integrity") {
                Some(existing) => {
                    let keeps = self.keeps_integrity(existing, to)?;
                    if let Some(range) = existing.range.clone().filter(|_| !keeps) {
                        changes.push(Change::Replace(range, integrity.as_str().as_bytes().to_vec()));
                    }
                }
                None if self.context.config.integrity() => text += &format!(" integrity=\"{integrity}\""),
                None => {}
            }
        }
        let asks_cors = role.needs_cors() || role == Role::Prefetch && needs_cors_later(to.publication);
        if to.on_cdn && asks_cors && element.attribute("crossorigin").is_none() {
            text += &format!(" crossorigin=\"{}\"", self.context.config.settings.crossorigin.as_str());
        }
        if to.on_cdn && role == (Role::ClassicScript { blocking: true }) && self.context.config.net() {
            text += " data-tightrope=\"parser\"";
        }
        if !text.is_empty() {
            changes.push(Change::Attributes(0, text));
        }
        Some(changes)
    }

    /// Whether the `integrity` that stands there is right for what is published. One that never was is not mended.
    fn keeps_integrity(&mut self, existing: &Attribute, to: &Written<'_>) -> Option<bool> {
        let at = existing.range.as_ref().map_or(0, |range| range.start);
        let original = self.context.site.read(&to.original).ok()?;
        match satisfies(&Decoded::new(&existing.value).text, &original) {
            Some(true) => Some(to.publication.bytes.is_none()),
            Some(false) => {
                let reason = format!("`integrity` is not that of `{}`", to.original);
                self.findings.push((Some(at), Code::IntegrityMismatch, reason));
                None
            }
            None => {
                self.findings.push((Some(at), Code::IntegrityUnknown, "`integrity` holds no known hash".to_owned()));
                None
            }
        }
    }

    fn text_kind(&mut self, element: &Element) -> Option<TextKind> {
        let before = element.before();
        match element.tag.as_str() {
            "style" if matches!(attributes::keyword(element, "type").as_str(), "" | "text/css") => {
                Some(TextKind::Style { before })
            }
            "script" if element.attribute("src").is_none() => match attributes::script_kind(element) {
                ScriptKind::Module if !self.leaves_modules() => Some(TextKind::Module { before }),
                ScriptKind::ImportMap => Some(TextKind::ImportMap),
                _ => None,
            },
            _ => None,
        }
    }

    fn rewrite_style(&mut self, text: &str, start: usize) -> (Vec<Change>, Option<String>) {
        let (mut changes, mut spelled) = (Vec::new(), None);
        for reference in css::references(text) {
            let role = if reference.usage == css::Use::Import {
                Role::Image
            } else {
                self.role_in_css(Role::Image, &reference.url)
            };
            let Some(written) = self.write(&reference.url, role, start + reference.range.start) else { continue };
            if written.url != reference.url {
                let range = start + reference.range.start..start + reference.range.end;
                changes.push(Change::Replace(range, css::escape(&written.url).into_bytes()));
                self.count(&written);
                spelled.get_or_insert(reference.url);
            }
        }
        (changes, spelled)
    }

    fn rewrite_module(&mut self, text: &str, start: usize, before: usize) -> (Vec<Change>, Option<String>) {
        let (mut changes, mut spelled) = (Vec::new(), None);
        let script = match js::read(text) {
            Ok(script) => script,
            Err(error) => {
                self.findings.push((Some(start + error.offset), Code::ScriptNotParsed, error.message));
                return (changes, spelled);
            }
        };
        for specifier in script.specifiers.into_iter().filter(|specifier| !specifier.is_bare()) {
            let at = start + specifier.range.start;
            if specifier.dynamic {
                let reason = format!("`{}` is imported by name at run time", specifier.text);
                self.findings.push((Some(at), Code::InlineDynamicImport, reason));
                continue;
            }
            let Some(mut written) = self.write(&specifier.text, Role::ModuleScript, at) else { continue };
            self.seen.entries.insert(written.original.clone());
            self.seen.imported.insert((written.original.clone(), written.suffix.clone()));
            self.seen.map_at.get_or_insert(before);
            if !written.on_cdn && !written.url.starts_with(['/', '.']) && !written.url.contains(':') {
                // A specifier needs its `./`, or it is bare.
                written.url.insert_str(0, "./");
            }
            if written.url != specifier.text {
                let range = at..start + specifier.range.end;
                changes.push(Change::Replace(range, js::escape(&written.url).into_bytes()));
                self.count(&written);
                spelled.get_or_insert(specifier.text);
            }
        }
        (changes, spelled)
    }

    /// `<base href>`: the first one with an address counts, from where it stands on. In svg and templates it does not.
    fn note_base(&mut self, element: &Element) {
        let Some(href) = element.value("href").filter(|_| !self.has_base && element.hoist_to.is_none()) else { return };
        self.has_base = true;
        let joined = self.base.join(Decoded::new(href).text.trim_matches(|c: char| c <= ' '));
        if let Ok(base) = joined
            && !matches!(base.scheme(), "data" | "javascript")
        {
            self.base = base;
        }
    }

    /// Changes to the tags of `html` and `head`, which a script in front of them would rob of their attributes: the net
    /// comes behind. It could do nothing for a `style` attribute, all there is to change.
    fn without_net(&mut self, changes: Vec<Change>) -> Vec<Change> {
        self.changed |= !changes.is_empty();
        if self.surveying { Vec::new() } else { changes }
    }

    /// Puts what must stand before an edit in front of it.
    fn with_injected(&mut self, before: usize, changes: Vec<Change>, spelled: Option<&str>) -> Vec<Change> {
        self.changed |= !changes.is_empty();
        if !changes.is_empty() {
            self.seen.net_at.get_or_insert(before);
            self.seen.spelled = self.seen.spelled.take().or_else(|| spelled.map(str::to_owned));
        }
        if self.surveying {
            return Vec::new();
        }
        let mut all = self.inject(before, spelled.filter(|_| !changes.is_empty()));
        self.changed |= !all.is_empty();
        all.extend(changes);
        all
    }
}

impl Visitor for PageVisitor<'_> {
    fn element(&mut self, element: &Element) -> Answer {
        match element.tag.as_str() {
            "base" => self.note_base(element),
            "video" | "audio" => self.media_cors = element.attribute("crossorigin").is_some(),
            "meta" if attributes::keyword(element, "http-equiv") == "content-security-policy" => {
                self.seen.csp.get_or_insert(element.range.start);
            }
            "script" => {
                let nonce = element.value("nonce").filter(|nonce| !nonce.is_empty());
                self.seen.nonce =
                    self.seen.nonce.take().or_else(|| nonce.map(|nonce| Decoded::new(nonce).text.into_owned()));
            }
            _ => {}
        }
        if element.attribute("data-tightrope").is_some() {
            return Answer::default();
        }
        let (changes, spelled) = self.rewrite_element(element);
        let changes = if matches!(element.tag.as_str(), "html" | "head") {
            self.without_net(changes)
        } else {
            self.with_injected(element.before(), changes, spelled.as_deref())
        };
        self.text = self.text_kind(element);
        Answer { changes, wants_text: self.text.is_some() }
    }

    fn text(&mut self, text: &str, start: usize, aligned: bool) -> Vec<Change> {
        let Some(kind) = self.text.take() else { return Vec::new() };
        if let TextKind::ImportMap = kind {
            self.seen.own_import_map |= has_addresses(text);
            if self.leaves_modules() {
                let reason = "the modules of this page are left as they are".to_owned();
                self.findings.push((Some(start), Code::OwnImportMap, reason));
            }
            return Vec::new();
        }
        let ((changes, spelled), before) = match kind {
            TextKind::Style { before } => (self.rewrite_style(text, start), before),
            TextKind::Module { before } => (self.rewrite_module(text, start, before), before),
            TextKind::ImportMap => return Vec::new(),
        };
        if !aligned && !changes.is_empty() {
            self.findings.push((Some(start), Code::MixedEncoding, "inline text is left alone".to_owned()));
            return Vec::new();
        }
        self.with_injected(before, changes, spelled.as_deref())
    }

    fn lost(&mut self, at: usize) {
        if !self.surveying {
            let reason = "from here on nothing is rewritten".to_owned();
            self.findings.push((Some(at), Code::AmbiguousMarkup, reason));
        }
    }
}

/// Whether an import map names addresses: anything but integrity alone.
fn has_addresses(map: &str) -> bool {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(map) else { return true };
    map.keys().any(|key| key != "integrity")
}

/// Whether what is fetched ahead will be used with CORS.
fn needs_cors_later(publication: &Publication) -> bool {
    use crate::model::media_type::Kind;
    matches!(publication.kind, Kind::Script | Kind::Style | Kind::Font)
}
