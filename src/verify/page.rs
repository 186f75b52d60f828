//! One published page, read again.

use super::modules::{Modules, PageModules};
use super::{Published, net};
use crate::css;
use crate::error::{Result, io_error};
use crate::html::attribute_value::Decoded;
use crate::html::attributes::{self, Fallback, Form, Kind, Moves, Row, ScriptKind};
use crate::html::base_url::BaseUrl;
use crate::html::candidates::Candidates;
use crate::html::encoding::{self, Syntax};
use crate::html::rewriter;
use crate::html::splice::Change;
use crate::html::srcset;
use crate::html::template;
use crate::html::visitor::{Answer, Element, Visitor};
use crate::html::xml;
use crate::json::import_map;
use crate::json::resolver::Resolver;
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use std::collections::HashMap;
use url::Url;

/// How many references the page has, and what is wrong with them.
pub(super) fn check(path: &SitePath, published: &Published<'_>, modules: &Modules) -> Result<(usize, Vec<Finding>)> {
    let page = published.bytes(path).map_err(io_error("read", path.as_str()))?;
    let sniffed = Syntax::of(path).sniff(&page);
    if !encoding::can_rewrite(sniffed.encoding) {
        return Ok((0, Vec::new()));
    }
    let is_template = template::kind(&page, &path.extension()) == template::Kind::Template;
    let is_part = is_template && template::placement(&page).is_none();
    let mut reader = Reader::new(published, BaseUrl::of_page(published.mount.url_of(path)));
    // A part of a page has its net from the page around it.
    reader.net = is_part;
    reader.may_be_copied = is_part;
    let candidates = Candidates { modules: true, ..Candidates::of(&page, &published.config.attribute_names) };
    let read = match sniffed.syntax {
        Syntax::Html => rewriter::inspect(&page, &candidates, sniffed.encoding, None, &mut reader),
        Syntax::Xml => xml::inspect(&page, &mut reader),
    };
    if read.is_err() {
        // The build copied such a page and said so.
        return Ok((0, Vec::new()));
    }
    reader.finish(modules);
    Ok((reader.references, Finding::all_at(path.as_str(), &page, reader.findings)))
}

/// How deep pages in `srcdoc` are followed, as the build does.
const MAX_DEPTH: usize = 3;

struct Reader<'p> {
    published: &'p Published<'p>,
    base: BaseUrl,
    text: Option<TextKind>,
    /// Whether the net has been seen.
    net: bool,
    /// Whether only browsers without scripts see where we are.
    in_noscript: bool,
    first_on_cdn: Option<usize>,
    /// By URL: where, and with which integrity and CORS mode.
    preloads: HashMap<String, (usize, String, String)>,
    uses: HashMap<String, (usize, String, String)>,
    modules: PageModules,
    /// Pages in `srcdoc`, and where they stand.
    documents: Vec<(usize, Reader<'p>)>,
    /// How many pages this one stands in.
    depth: usize,
    /// Whether anything shows that the build changed this page.
    touched: bool,
    /// Whether its modules may not be pinned: a part of a page, or one with a policy that a template makes.
    may_be_copied: bool,
    references: usize,
    findings: Vec<(usize, Code, String)>,
}

#[derive(Clone, Copy)]
enum TextKind {
    Style,
    Map,
    Module,
    Loader,
}

impl<'p> Reader<'p> {
    fn new(published: &'p Published<'p>, base: BaseUrl) -> Self {
        Self {
            published,
            base,
            text: None,
            net: false,
            in_noscript: false,
            first_on_cdn: None,
            preloads: HashMap::new(),
            uses: HashMap::new(),
            modules: PageModules::default(),
            documents: Vec::new(),
            depth: 0,
            touched: false,
            may_be_copied: false,
            references: 0,
            findings: Vec::new(),
        }
    }

    /// What can be said only when the whole page has been read.
    fn finish(&mut self, modules: &Modules) {
        self.compare_preloads();
        self.check_modules(modules);
        for (at, mut inner) in std::mem::take(&mut self.documents) {
            inner.finish(modules);
            self.references += inner.references;
            self.findings.extend(inner.findings.into_iter().map(|(_, code, reason)| (at, code, reason)));
        }
    }

    /// A page in an attribute, which has a net of its own.
    fn document(&mut self, text: &str, at: usize) {
        let mut inner = Self { depth: self.depth + 1, ..Self::new(self.published, self.base.for_srcdoc()) };
        let candidates = Candidates::of(text.as_bytes(), &self.published.config.attribute_names);
        let candidates = Candidates { modules: true, ..candidates };
        let read = rewriter::inspect(text.as_bytes(), &candidates, encoding_rs::UTF_8, None, &mut inner);
        if read.is_ok() && self.depth < MAX_DEPTH {
            self.documents.push((at, inner));
        }
    }

    fn tell(&mut self, at: usize, code: Code, reason: impl Into<String>) {
        self.findings.push((at, code, reason.into()));
    }

    /// Follows a URL: the file it leads to, and whether by way of the CDN.
    fn follow(&mut self, url: &str, at: usize, row: &Row) -> Option<(SitePath, bool)> {
        self.references += 1;
        let joined = self.base.url().join(url.trim_matches(|c: char| c <= ' ')).ok()?;
        if let Some(below) = self.published.cdn.as_ref().and_then(|cdn| cdn.path_of(&joined)) {
            if row.fallback != Fallback::None {
                self.seen_on_cdn(at);
            }
            let file = below.filter(|path| self.published.files.contains(path));
            if file.is_none() {
                self.tell(at, Code::CdnFileMissing, format!("`{url}` has no local file"));
            }
            return file.map(|path| (path, true));
        }
        let path = self.published.mount.resolve(self.base.url(), url)?.path;
        if self.published.files.contains(&path) {
            return Some((path, false));
        }
        if self.published.is_ours(&path) {
            self.tell(at, Code::ReferenceBroken, format!("`{url}` leads nowhere"));
        } else if path.file_name().contains('.') {
            self.tell(at, Code::MissingAsset, format!("`{url}` does not exist"));
        }
        None
    }

    /// A URL's `?query#fragment`.
    fn suffix(&self, url: &str) -> String {
        let joined = self.base.url().join(url.trim_matches(|c: char| c <= ' '));
        joined.map_or_else(|_| String::new(), |url| url[url::Position::AfterPath..].to_owned())
    }

    fn seen_on_cdn(&mut self, at: usize) {
        if self.in_noscript {
            return;
        }
        if self.first_on_cdn.is_none() && !self.net && self.published.config.net() {
            self.tell(at, Code::NetMissing, "the CDN is used before the net is there");
        }
        self.first_on_cdn.get_or_insert(at);
    }

    fn check_pinned(&mut self, element: &Element, row: &Row, url: &str, at: usize, path: &SitePath, on_cdn: bool) {
        let value = |name: &str| element.value(name).map(|value| Decoded::new(value).text.into_owned());
        let (integrity, cors) = (value("integrity"), value("crossorigin"));
        match &integrity {
            Some(integrity) => match self.published.satisfies(path, integrity) {
                Some(true) => {}
                // As it was in SITE: the build told of it and left it alone.
                _ if !on_cdn => {}
                _ => self.tell(at, Code::IntegrityBroken, format!("`integrity` is not that of `{path}`")),
            },
            None if on_cdn && self.published.config.integrity() => {
                self.tell(at, Code::IntegrityMissing, format!("`{url}` has no `integrity`"));
            }
            None => {}
        }
        if on_cdn && integrity.is_some() && cors.is_none() && !row.is_module() {
            self.tell(at, Code::CrossoriginMissing, format!("`{url}` has `integrity` without `crossorigin`"));
        }
        let mode =
            cors.map_or(String::new(), |cors| if cors == "use-credentials" { cors } else { "anonymous".to_owned() });
        let entry = (at, integrity.unwrap_or_default(), mode);
        let list =
            if row.element == "link" && row.kind != Kind::Stylesheet { &mut self.preloads } else { &mut self.uses };
        list.entry(url.to_owned()).or_insert(entry);
    }

    fn compare_preloads(&mut self) {
        let disagree: Vec<_> = self
            .preloads
            .iter()
            .filter_map(|(url, (at, integrity, mode))| {
                let (_, used_integrity, used_mode) = self.uses.get(url)?;
                let on_cdn = self.published.cdn.as_ref().is_some_and(|cdn| url.starts_with(cdn.as_str()));
                (on_cdn && (integrity != used_integrity || mode != used_mode)).then(|| (*at, url.clone()))
            })
            .collect();
        for (at, url) in disagree {
            self.tell(at, Code::PreloadDisagrees, format!("`{url}` is preloaded otherwise than it is used"));
        }
    }

    /// What modules import must be pinned by an import map.
    fn check_modules(&mut self, modules: &Modules) {
        let was_copied = self.may_be_copied && !self.touched && self.first_on_cdn.is_none();
        if was_copied || !self.published.config.integrity() {
            return;
        }
        for (at, url) in self.modules.unpinned(modules, self.published) {
            self.tell(at, Code::ModuleUnpinned, format!("no import map before this pins `{url}`, which it imports"));
        }
    }

    /// The file of this site that a URL of the CDN or the origin names.
    fn own_file(&self, url: &Url) -> Option<SitePath> {
        let on_cdn = self.published.cdn.as_ref().and_then(|cdn| cdn.path_of(url)).flatten();
        on_cdn.or_else(|| Some(self.published.mount.target_of(url)?.path))
    }

    /// What a map leads to must be there, in the home it names.
    fn check_addresses(&mut self, text: &str, start: usize) {
        let Ok(map) = import_map::parse(text) else { return };
        let resolver = Resolver::new(&map, self.base.url());
        for url in resolver.addresses() {
            let Some(path) = self.own_file(url).filter(|path| !self.published.files.contains(path)) else { continue };
            let on_cdn = self.published.cdn.as_ref().is_some_and(|cdn| cdn.path_of(url).is_some());
            if on_cdn {
                self.tell(
                    start,
                    Code::CdnFileMissing,
                    format!("the import map leads to `{url}`, which has no local file"),
                );
            } else if self.published.is_ours(&path) {
                self.tell(start, Code::ReferenceBroken, format!("the import map leads to `{url}`, which is not there"));
            }
        }
    }

    fn check_map(&mut self, text: &str, start: usize) {
        let map = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
        self.modules.own_map |= !map.as_object().is_some_and(|map| map.keys().all(|key| key == "integrity"));
        self.check_addresses(text, start);
        let Some(pinned) = map.get("integrity").and_then(serde_json::Value::as_object) else { return };
        for (url, integrity) in pinned {
            // Keys of the map are not uses: the net need not be there before it.
            let Ok(joined) = self.base.url().join(url) else { continue };
            self.modules.pin(start, &joined);
            let Some(path) = self.own_file(&joined) else { continue };
            if !self.published.files.contains(&path) {
                self.tell(start, Code::ReferenceBroken, format!("the import map pins `{url}`, which leads nowhere"));
                continue;
            }
            if self.published.satisfies(&path, integrity.as_str().unwrap_or_default()) != Some(true) {
                self.tell(start, Code::IntegrityBroken, format!("the import map's integrity is not that of `{path}`"));
            }
        }
    }
}

impl Visitor for Reader<'_> {
    fn element(&mut self, element: &Element) -> Answer {
        self.in_noscript = element.inside.noscript;
        let marked = element.value("data-tightrope");
        self.touched |= marked.is_some_and(|mark| mark != "skip");
        self.may_be_copied |= element.tag == "meta"
            && attributes::keyword(element, "http-equiv") == "content-security-policy"
            && !element.value("content").is_some_and(template::is_literal);
        let inline = element.attribute("src").is_none();
        self.text = match element.tag.as_str() {
            "base" => {
                self.base.note(element);
                None
            }
            "script" if marked == Some("net") && inline => Some(TextKind::Loader),
            "script" if inline => match attributes::script_kind(element) {
                ScriptKind::ImportMap => Some(TextKind::Map),
                ScriptKind::Module => Some(TextKind::Module),
                _ => None,
            },
            "style" => Some(TextKind::Style),
            _ => None,
        };
        if marked == Some("net") {
            match net::check(element, self.published, &self.base) {
                // What stands in the page is still to be read.
                Ok(()) => self.net |= !inline,
                Err((code, reason)) => self.tell(element.range.start, code, reason),
            }
        }
        if marked == Some("skip") {
            self.text = None;
            return Answer::default();
        }
        for reference in attributes::references(element, true) {
            let at = reference.attribute.range.as_ref().map_or(element.range.start, |range| range.start);
            let value = Decoded::new(&reference.attribute.value);
            match reference.row.form {
                _ if matches!(reference.row.moves, Moves::Untouched(_)) => {}
                Form::Srcset => srcset::urls(&value.text).into_iter().for_each(|url| {
                    self.follow(&value.text[url], at, reference.row);
                }),
                Form::Srcdoc => self.document(&value.text, at),
                Form::Url | Form::AbsoluteUrl => {
                    let led = self.follow(&value.text, at, reference.row);
                    if let Some((path, on_cdn)) = led.filter(|_| reference.row.integrity) {
                        self.check_pinned(element, reference.row, &value.text, at, &path, on_cdn);
                        if reference.row.is_module() && !self.in_noscript {
                            self.modules.element(at, path, on_cdn);
                        }
                    }
                }
            }
        }
        if let Some((style, range)) = element.attribute("style").and_then(|style| Some((style, style.range.clone()?))) {
            for reference in css::declarations(&Decoded::new(&style.value).text) {
                self.follow(&reference.url, range.start, css_row(&reference));
            }
        }
        Answer { changes: Vec::new(), wants_text: self.text.is_some() }
    }

    fn text(&mut self, text: &str, start: usize, _aligned: bool) -> Vec<Change> {
        match self.text.take() {
            Some(TextKind::Loader) if text == self.published.parts().in_page() => self.net = true,
            Some(TextKind::Loader) => self.tell(start, Code::NetMissing, "the loader is not that of this version"),
            Some(TextKind::Map) => self.check_map(text, start),
            Some(TextKind::Style) => {
                for reference in css::references(text) {
                    self.follow(&reference.url, start + reference.range.start, css_row(&reference));
                }
            }
            Some(TextKind::Module) => {
                let script = crate::js::read(text, crate::js::Goal::Module).unwrap_or_default();
                for specifier in script.references.iter().filter(|specifier| !specifier.is_bare()) {
                    let at = start + specifier.range.start;
                    let Some((path, on_cdn)) = self.follow(&specifier.text, at, &attributes::INLINE_IMPORT) else {
                        continue;
                    };
                    if specifier.usage == crate::js::Use::Import {
                        self.modules.import(at, (path, self.suffix(&specifier.text)), on_cdn);
                    }
                }
            }
            None => {}
        }
        Vec::new()
    }

    fn text_too_long(&mut self, _start: usize) {
        // The build left it alone and said so.
        self.text = None;
    }
}

/// What the table says of a reference in a page's own CSS.
fn css_row(reference: &css::Reference) -> &'static Row {
    if reference.usage == css::Use::Import { &attributes::CSS_IMPORT } else { &attributes::CSS_IMAGE }
}
