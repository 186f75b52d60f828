//! Who looks at a page: each element and each inline text, in document order, answered with changes.

use super::survey::{Left, Place, Policy, Survey};
use super::{Decision, Page};
use crate::html::attribute_value::Decoded;
use crate::html::attributes::{self, ScriptKind};
use crate::html::base_url::BaseUrl;
use crate::html::splice::Change;
use crate::html::template;
use crate::html::visitor::{Answer, Element, Inside, Visitor};
use crate::model::finding::Code;
use crate::model::path;

/// Looks at one page.
pub(super) struct PageVisitor<'c> {
    pub(super) page: &'c Page<'c>,
    /// What relative references start from, where we are.
    pub(super) base: BaseUrl,
    pub(super) seen: Survey,
    /// What the text asked for is.
    text: Option<InlineText>,
    media_cors: bool,
    /// A 404 page whose references have not shown yet how they are spelled.
    pub(super) is_not_found_page: bool,
    pub(super) references: usize,
    pub(super) moved: usize,
    pub(super) findings: Vec<(Option<usize>, Code, String)>,
    pub(super) decisions: Vec<Decision>,
}

/// An inline text that was asked for.
pub(super) struct InlineText {
    kind: TextKind,
    pub(super) nonce: Option<String>,
    /// In front of its element.
    pub(super) before: usize,
    pub(super) inside: Inside,
}

#[derive(Clone, Copy)]
enum TextKind {
    Style,
    Module,
    ImportMap,
    /// A classic script: only what it imports at run time matters.
    Classic,
}

/// The changes to a piece of a page, and how the author spells what moves in it.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub(super) changes: Vec<Change>,
    /// The first reference that was edited, as it was written.
    pub(super) edited: Option<String>,
    /// Whether one of them leads to the CDN, and the net can help when that fails.
    pub(super) needs_net: bool,
}

impl<'c> PageVisitor<'c> {
    /// At the start of a page. `leaves_modules` when it is known already that they must stay as they are.
    pub(super) fn new(page: &'c Page<'c>, leaves_modules: Option<Left>) -> Self {
        Self {
            page,
            base: BaseUrl::of_page(page.url.clone()),
            seen: Survey { leaves_modules, ..Survey::default() },
            text: None,
            media_cors: false,
            is_not_found_page: page.path.file_name() == "404.html",
            references: 0,
            moved: 0,
            findings: Vec::new(),
            decisions: Vec::new(),
        }
    }

    pub(super) fn tell(&mut self, at: usize, code: Code, reason: impl Into<String>) {
        self.findings.push((Some(at), code, reason.into()));
    }

    /// A place with the local home as the author would spell it: `--base-path` where given, else from the root or
    /// relative, as this reference is.
    pub(super) fn place(&self, at: usize, reference: &str) -> Place {
        let mount = &self.page.context.config.mount;
        let from_root = reference.trim_start().starts_with(['/', '\\']) || reference.contains("://");
        let home = match mount.dir_of(self.base.url()) {
            Some(dir) if !mount.is_given() && !from_root && self.page.static_call(reference).is_none() => {
                path::relative_root(&dir)
            }
            _ => mount.path().to_owned(),
        };
        Place { at, home }
    }

    /// Takes note of what a piece of the page became. The net goes before the first edit that browsers with scripts see:
    /// it keeps the order of all scripts, also of those that stay.
    fn note(&mut self, rewritten: Rewritten, before: usize, inside: Inside) -> Vec<Change> {
        if !rewritten.changes.is_empty() {
            self.seen.first_edit.get_or_insert(before);
        }
        if let Some(reference) = rewritten.edited.filter(|_| !inside.noscript) {
            self.seen.needs_net |= rewritten.needs_net;
            if self.seen.net.is_none() {
                self.seen.net = Some(self.place(before, &reference));
            }
        }
        if let Some((charset, _)) = &self.page.charset {
            let before_it = rewritten.changes.iter().filter(|change| change.start() < charset.start);
            self.seen.growth_before_charset += before_it.map(Change::growth).sum::<usize>();
        }
        rewritten.changes
    }

    /// What decides about other elements.
    fn note_element(&mut self, element: &Element) {
        match element.tag.as_str() {
            "base" => self.base.note(element),
            "video" | "audio" => self.media_cors = element.attribute("crossorigin").is_some(),
            "meta" if attributes::keyword(element, "http-equiv") == "content-security-policy" => {
                let content = element.attribute("content").filter(|_| !element.inside.noscript);
                let policy = content.and_then(|content| Some((content.value.clone(), content.range.clone()?)));
                let before = element.before();
                self.seen.policies.extend(policy.map(|(raw, range)| Policy { raw, range, before }));
            }
            "script" if self.seen.nonce.is_none() => {
                let nonce = element.value("nonce").filter(|nonce| !nonce.is_empty());
                self.seen.nonce = nonce.map(nonce_of);
            }
            _ => {}
        }
    }

    /// Whether what looks like an element stands in a template's comment or code.
    fn is_in_code(&self, element: &Element) -> bool {
        self.page.template.is_some_and(|template| template.comments.covers(element.range.start))
    }

    fn wanted_text(&self, element: &Element) -> Option<InlineText> {
        let kind = match element.tag.as_str() {
            "style" if matches!(attributes::keyword(element, "type").as_str(), "" | "text/css") => TextKind::Style,
            "script" if element.attribute("src").is_none() => match attributes::script_kind(element) {
                ScriptKind::Module if self.seen.leaves_modules.is_none() => TextKind::Module,
                ScriptKind::ImportMap => TextKind::ImportMap,
                ScriptKind::Classic if self.page.may_have_modules && self.seen.leaves_modules.is_none() => {
                    TextKind::Classic
                }
                _ => return None,
            },
            _ => return None,
        };
        let nonce = element.value("nonce").map(nonce_of);
        Some(InlineText { kind, nonce, before: element.before(), inside: element.inside })
    }
}

impl Visitor for PageVisitor<'_> {
    fn element(&mut self, element: &Element) -> Answer {
        if !self.is_in_code(element) {
            self.note_element(element);
        }
        if element.attribute("data-tightrope").is_some() || self.is_in_code(element) {
            return Answer::default();
        }
        let rewritten = self.rewrite_element(element, self.media_cors);
        self.seen.is_edited |= !rewritten.changes.is_empty();
        let changes = if matches!(element.tag.as_str(), "html" | "head") {
            // A script in front of them would rob them of their attributes: the net comes behind. It could do nothing
            // for a `style` attribute, all there is to change.
            rewritten.changes
        } else {
            self.note(rewritten, element.before(), element.inside)
        };
        self.text = self.wanted_text(element);
        Answer { changes, wants_text: self.text.is_some() }
    }

    fn text(&mut self, text: &str, start: usize, aligned: bool) -> Vec<Change> {
        let Some(asked) = self.text.take() else { return Vec::new() };
        let told = self.told();
        let InlineText { kind, before, inside, .. } = asked;
        let rewritten = match kind {
            TextKind::ImportMap => {
                self.read_import_map(text, start, aligned, asked);
                return Vec::new();
            }
            TextKind::Classic => {
                self.note_imports_at_run_time(text, start, inside);
                return Vec::new();
            }
            TextKind::Style => self.rewrite_style(text, start, inside),
            TextKind::Module => self.rewrite_module(text, start, before, inside),
        };
        if rewritten.changes.is_empty() {
            return Vec::new();
        }
        if !aligned {
            self.take_back(told);
            self.tell(start, Code::MixedEncoding, "inline text is left alone");
            return Vec::new();
        }
        self.seen.is_edited = true;
        let edited = self.edited_text(text, start, &rewritten.changes, asked.nonce.as_deref());
        let has_policy = self.has_policy();
        match kind {
            TextKind::Style => self.seen.edited_styles.insert(edited, has_policy),
            TextKind::Module | TextKind::ImportMap | TextKind::Classic => {
                self.seen.edited_scripts.insert(edited, has_policy);
            }
        }
        self.note(rewritten, before, inside)
    }

    fn misaligned(&mut self, start: usize) {
        self.tell(start, Code::MixedEncoding, "inline text is left alone");
    }

    fn lost(&mut self, at: usize) {
        self.tell(at, Code::AmbiguousMarkup, "from here on nothing is rewritten");
    }

    fn text_too_long(&mut self, start: usize) {
        let asked = self.text.take().filter(|asked| !matches!(asked.kind, TextKind::Classic));
        if asked.is_some() {
            self.tell(start, Code::TextTooLong, "inline text of more than 4 MiB is left alone");
        }
    }
}

/// A nonce as the browser has it, or as the template writes it that makes it.
pub(super) fn nonce_of(raw: &str) -> String {
    if template::is_literal(raw) { Decoded::new(raw).text.into_owned() } else { raw.to_owned() }
}
