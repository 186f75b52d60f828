//! One published page, read again.

use super::Published;
use crate::css;
use crate::error::{Result, io_error};
use crate::fallback::NET;
use crate::html::attribute_value::Decoded;
use crate::html::attributes::{self, Role, ScriptKind};
use crate::html::candidates::Candidates;
use crate::html::encoding;
use crate::html::rewriter;
use crate::html::splice::Change;
use crate::html::srcset;
use crate::html::visitor::{Answer, Element, Visitor};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use std::collections::HashMap;
use std::io;
use url::Url;

/// How many references the page has, and what is wrong with them.
pub(super) fn check(path: &SitePath, published: &Published<'_>) -> Result<(usize, Vec<Finding>)> {
    let page = published.bytes(path).map_err(io_error("read", path.as_str()))?;
    let sniffed = encoding::sniff(&page);
    if !encoding::can_rewrite(sniffed.encoding) {
        return Ok((0, Vec::new()));
    }
    let mut reader = Reader {
        published,
        base: published.mount.url_of(path),
        has_base: false,
        text: None,
        net: false,
        too_early: false,
        first_on_cdn: None,
        preloads: HashMap::new(),
        uses: HashMap::new(),
        references: 0,
        findings: Vec::new(),
    };
    let candidates = Candidates { modules: true, ..Candidates::of(&page) };
    if rewriter::rewrite(&page, &candidates, sniffed.encoding, None, &mut reader, io::sink()).is_err() {
        // The build copied such a page and said so.
        return Ok((0, Vec::new()));
    }
    reader.compare_preloads();
    let findings =
        reader.findings.into_iter().map(|(at, code, reason)| Finding::at(code, path.as_str(), &page, at, reason));
    Ok((reader.references, findings.collect()))
}

struct Reader<'p> {
    published: &'p Published<'p>,
    base: Url,
    has_base: bool,
    text: Option<TextKind>,
    /// Whether the net has been seen.
    net: bool,
    /// In the tag of `html` or `head`, in front of which no net can be.
    too_early: bool,
    first_on_cdn: Option<usize>,
    /// By URL: where, and with which integrity and CORS mode.
    preloads: HashMap<String, (usize, String, String)>,
    uses: HashMap<String, (usize, String, String)>,
    references: usize,
    findings: Vec<(usize, Code, String)>,
}

#[derive(Clone, Copy)]
enum TextKind {
    Style,
    Map,
    Module,
    Net,
}

impl Reader<'_> {
    fn tell(&mut self, at: usize, code: Code, reason: impl Into<String>) {
        self.findings.push((at, code, reason.into()));
    }

    /// Follows a URL: the file it leads to, and whether by way of the CDN.
    fn follow(&mut self, url: &str, at: usize) -> Option<(SitePath, bool)> {
        self.references += 1;
        let joined = self.base.join(url.trim_matches(|c: char| c <= ' ')).ok()?;
        if let Some(below) = self.published.cdn.as_ref().and_then(|cdn| cdn.path_of(&joined)) {
            self.seen_on_cdn(at);
            let file = below.filter(|path| self.published.files.contains(path));
            if file.is_none() {
                self.tell(at, Code::CdnFileMissing, format!("`{url}` has no local file"));
            }
            return file.map(|path| (path, true));
        }
        let path = self.published.mount.resolve(&self.base, url)?.path;
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

    fn seen_on_cdn(&mut self, at: usize) {
        if self.too_early {
            return;
        }
        if self.first_on_cdn.is_none() && !self.net && self.published.config.net() {
            self.tell(at, Code::NetMissing, "the CDN is used before the net is there");
        }
        self.first_on_cdn.get_or_insert(at);
    }

    fn check_pinned(&mut self, element: &Element, role: Role, url: &str, at: usize, path: &SitePath, on_cdn: bool) {
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
        if on_cdn && integrity.is_some() && cors.is_none() && !role.is_module() {
            self.tell(at, Code::CrossoriginMissing, format!("`{url}` has `integrity` without `crossorigin`"));
        }
        let mode =
            cors.map_or(String::new(), |cors| if cors == "use-credentials" { cors } else { "anonymous".to_owned() });
        let entry = (at, integrity.unwrap_or_default(), mode);
        let list =
            if matches!(role, Role::PreloadPinned | Role::ModulePreload) { &mut self.preloads } else { &mut self.uses };
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

    fn note_base(&mut self, element: &Element) {
        let Some(href) = element.value("href").filter(|_| !self.has_base && element.hoist_to.is_none()) else { return };
        self.has_base = true;
        if let Ok(base) = self.base.join(&Decoded::new(href).text) {
            self.base = base;
        }
    }

    fn check_map(&mut self, text: &str, start: usize) {
        let Ok(map) = serde_json::from_str::<serde_json::Value>(text) else { return };
        let Some(pinned) = map.get("integrity").and_then(serde_json::Value::as_object) else { return };
        for (url, integrity) in pinned {
            // Keys of the map are not uses: the net need not be there before it.
            let Ok(joined) = self.base.join(url) else { continue };
            let below = self.published.cdn.as_ref().and_then(|cdn| cdn.path_of(&joined));
            let path = below.unwrap_or_else(|| self.published.mount.target_of(&joined).map(|target| target.path));
            let Some(path) = path.filter(|path| self.published.files.contains(path)) else {
                self.tell(start, Code::ReferenceBroken, format!("the import map pins `{url}`, which leads nowhere"));
                continue;
            };
            if self.published.satisfies(&path, integrity.as_str().unwrap_or_default()) != Some(true) {
                self.tell(start, Code::IntegrityBroken, format!("the import map's integrity is not that of `{path}`"));
            }
        }
    }
}

impl Visitor for Reader<'_> {
    fn element(&mut self, element: &Element) -> Answer {
        let marked = element.value("data-tightrope");
        let inline = element.attribute("src").is_none();
        self.too_early = matches!(element.tag.as_str(), "html" | "head");
        self.text = match element.tag.as_str() {
            "base" => {
                self.note_base(element);
                None
            }
            "script" if marked == Some("net") => Some(TextKind::Net),
            "script" if inline => match attributes::script_kind(element) {
                ScriptKind::ImportMap => Some(TextKind::Map),
                ScriptKind::Module => Some(TextKind::Module),
                _ => None,
            },
            "style" => Some(TextKind::Style),
            _ => None,
        };
        if marked == Some("skip") {
            self.text = None;
            return Answer::default();
        }
        for reference in attributes::references(element, true) {
            let at = reference.attribute.range.as_ref().map_or(element.range.start, |range| range.start);
            let value = Decoded::new(&reference.attribute.value);
            if reference.is_srcset {
                for url in srcset::urls(&value.text) {
                    self.follow(&value.text[url], at);
                }
            } else if let Some((path, on_cdn)) = self.follow(&value.text, at)
                && reference.role.takes_integrity()
            {
                self.check_pinned(element, reference.role, &value.text, at, &path, on_cdn);
            }
        }
        if let Some((style, range)) = element.attribute("style").and_then(|style| Some((style, style.range.clone()?))) {
            for reference in css::references(&Decoded::new(&style.value).text) {
                self.follow(&reference.url, range.start);
            }
        }
        Answer { changes: Vec::new(), wants_text: self.text.is_some() }
    }

    fn text(&mut self, text: &str, start: usize, _aligned: bool) -> Vec<Change> {
        match self.text.take() {
            Some(TextKind::Net) if text == NET.trim_end() => self.net = true,
            Some(TextKind::Net) => self.tell(start, Code::NetMissing, "the net is not that of this version"),
            Some(TextKind::Map) => self.check_map(text, start),
            Some(TextKind::Style) => {
                for reference in css::references(text) {
                    self.follow(&reference.url, start + reference.range.start);
                }
            }
            Some(TextKind::Module) => {
                let script = crate::js::read(text).unwrap_or_default();
                for specifier in script.specifiers.iter().filter(|specifier| !specifier.is_bare()) {
                    self.follow(&specifier.text, start + specifier.range.start);
                }
            }
            None => {}
        }
        Vec::new()
    }
}
