//! What becomes of one reference, and of all the references of an element.

use super::survey::Left;
use super::visitor::{PageVisitor, Rewritten, nonce_of};
use super::{Decision, Fate};
use crate::css;
use crate::graph::resolve::Target;
use crate::html::attribute_value::{Decoded, escape, escape_behind};
use crate::html::attributes::{self, Fallback, Form, Kind, Moves, Reference, Row};
use crate::html::encoding::encode_query;
use crate::html::splice::Change;
use crate::html::srcset;
use crate::html::template;
use crate::html::visitor::{Attribute, Element, Inside};
use crate::model::finding::Code;
use crate::model::media_type;
use crate::model::path::{self, SitePath};
use crate::plan::{Home, Publication};
use std::ops::Range;

/// What is written in place of a reference.
pub(super) struct Written<'p> {
    pub(super) url: String,
    pub(super) publication: &'p Publication,
    pub(super) on_cdn: bool,
    pub(super) original: SitePath,
    pub(super) suffix: String,
}

/// What has been said at some moment.
#[derive(Clone, Copy)]
pub(super) struct Told {
    decisions: usize,
    references: usize,
    moved: usize,
}

/// Where a reference stands.
#[derive(Clone, Copy)]
pub(super) struct Spot<'e> {
    pub(super) element: &'e str,
    pub(super) attribute: &'e str,
    pub(super) at: usize,
    pub(super) inside: Inside,
}

impl<'e> Spot<'e> {
    fn of(element: &'e Element, attribute: &'e Attribute) -> Self {
        let at = attribute.range.as_ref().map_or(element.range.start, |range| range.start);
        Self { element: &element.tag, attribute: &attribute.name, at, inside: element.inside }
    }
}

impl<'c> PageVisitor<'c> {
    /// The changes to one element's references. Empty when it stays as it is.
    pub(super) fn rewrite_element(&mut self, element: &Element, media_cors: bool) -> Rewritten {
        let mut all = Rewritten::default();
        let references = attributes::references(element, media_cors);
        for Reference { attribute, row } in &references {
            match row.form {
                Form::Url | Form::AbsoluteUrl => self.rewrite_url(element, attribute, row, &mut all),
                Form::Srcset => self.rewrite_srcset(element, attribute, row, &mut all),
                Form::Srcdoc => self.rewrite_srcdoc(element, attribute, &mut all),
            }
        }
        for attribute in self.page.context.config.named_attributes(element) {
            let is_new = references.iter().all(|known| known.attribute.name != attribute.name);
            if is_new && attribute.name.ends_with("srcset") {
                self.rewrite_srcset(element, attribute, &attributes::NAMED, &mut all);
            } else if is_new {
                self.rewrite_url(element, attribute, self.row_of_named(attribute), &mut all);
            }
        }
        if let Some(style) = element.attribute("style") {
            self.rewrite_style_attribute(element, style, &mut all);
        }
        all
    }

    fn rewrite_url(&mut self, element: &Element, attribute: &Attribute, row: &'static Row, all: &mut Rewritten) {
        let Some(range) = attribute.range.clone() else { return };
        let value = Decoded::new(&attribute.value);
        if row.is_module() {
            if let Some(Left { why, .. }) = self.seen.leaves_modules.clone() {
                return self.left(Spot::of(element, attribute), &value.text, &why);
            }
            self.note_module(&value.text, element);
        }
        let Some(written) = self.write(&value.text, row, Spot::of(element, attribute)) else { return };
        let Some(more) = self.attributes_for(element, row, &written) else { return };
        if written.url != value.text {
            all.changes.push(Change::Replace(range.clone(), escape(&written.url).into_bytes()));
        } else if more.is_empty() {
            return;
        }
        all.changes.extend(more.into_iter().map(|more| match more {
            Change::Attributes(_, text) => Change::Attributes(range.end, text),
            replaced @ Change::Replace(..) => replaced,
        }));
        self.count(&written, row, &value.text, all);
        if element.tag == "script" && written.on_cdn {
            self.seen.moves_without_nonce |= element.value("nonce").map(nonce_of) != self.seen.nonce;
        }
    }

    fn note_module(&mut self, reference: &str, element: &Element) {
        let Some(literal) = self.page.literal(reference) else { return };
        let target = self.page.context.config.mount.resolve(self.base.url(), &literal);
        let Some(target) = target.filter(|_| !element.inside.noscript) else { return };
        self.seen.modules.entries.insert(target.path);
        if self.seen.modules.first.is_none() {
            self.seen.modules.first = Some(self.place(element.before(), reference));
        }
    }

    pub(super) fn count(&mut self, written: &Written<'_>, row: &Row, reference: &str, all: &mut Rewritten) {
        self.references += 1;
        all.edited.get_or_insert_with(|| reference.to_owned());
        if written.on_cdn {
            self.moved += 1;
            self.seen.uses.note(row.kind);
            self.seen.uses.deferred |= row.kind == Kind::Script && row.when == attributes::When::Deferred;
            all.needs_net |= row.fallback != Fallback::None;
        }
    }

    fn rewrite_srcset(&mut self, element: &Element, attribute: &Attribute, row: &'static Row, all: &mut Rewritten) {
        let Some(range) = attribute.range.clone() else { return };
        let value = Decoded::new(&attribute.value);
        let calls = template::static_calls(&value.text, &self.page.context.config.settings.templates);
        let urls = if !calls.is_empty() {
            calls.into_iter().map(|call| call.range.start..call.range.end + call.suffix.len()).collect()
        } else if template::is_literal(&attribute.value) {
            self.fetched(element, attribute, &value.text)
        } else {
            // Where its parts begin and end is known only when the template runs.
            return self.left(Spot::of(element, attribute), &value.text, "it is made by a template");
        };
        let parts: Vec<_> = urls.into_iter().map(|url| (url.clone(), value.text[url].to_owned(), row)).collect();
        self.rewrite_parts(element, attribute, &value, &range, parts, str::to_owned, all);
    }

    /// The URLs of a `srcset` that browsers fetch. Candidates that they drop stay byte for byte.
    fn fetched(&mut self, element: &Element, attribute: &Attribute, srcset: &str) -> Vec<Range<usize>> {
        let (fetched, dropped): (Vec<_>, Vec<_>) = srcset::candidates(srcset).into_iter().partition(|one| one.is_valid);
        for candidate in dropped {
            let spot = Spot::of(element, attribute);
            self.left(spot, &srcset[candidate.url], "its descriptors are not valid, so browsers drop it");
        }
        fetched.into_iter().map(|candidate| candidate.url).collect()
    }

    fn rewrite_style_attribute(&mut self, element: &Element, attribute: &Attribute, all: &mut Rewritten) {
        let Some(range) = attribute.range.clone() else { return };
        let value = Decoded::new(&attribute.value);
        let parts: Vec<_> = css::declarations(&value.text)
            .into_iter()
            .map(|reference| {
                let row = self.row_in_css(&reference);
                (reference.range, reference.url, row)
            })
            .collect();
        let before = all.changes.len();
        self.rewrite_parts(element, attribute, &value, &range, parts, css::escape, all);
        if all.changes.len() > before && self.page.may_have_policy {
            let edited = self.edited_attribute(&attribute.value, range.start, &all.changes[before..]);
            let has_policy = self.has_policy();
            self.seen.edited_style_attributes.insert(edited, has_policy);
        }
    }

    /// Rewrites the URLs that are parts of an attribute's value.
    #[expect(clippy::too_many_arguments, reason = "what an attribute is, and what is found in it")]
    fn rewrite_parts(
        &mut self,
        element: &Element,
        attribute: &Attribute,
        value: &Decoded<'_>,
        range: &Range<usize>,
        parts: Vec<(Range<usize>, String, &'static Row)>,
        quote: impl Fn(&str) -> String,
        all: &mut Rewritten,
    ) {
        let told = self.told();
        for (part, url, row) in parts {
            let Some(written) = self.write(&url, row, Spot::of(element, attribute)) else { continue };
            // In encodings other than UTF-8, longer and shorter characters may make up for each other.
            let is_plain = self.page.encoding == encoding_rs::UTF_8 || attribute.value.is_ascii();
            if !is_plain || attribute.value.len() != range.len() {
                self.take_back(told);
                self.tell(range.start, Code::MixedEncoding, format!("`{}` is left alone", attribute.name));
                return;
            }
            if written.url != url {
                let raw = value.raw(part);
                let text = escape_behind(&attribute.value[..raw.start], &quote(&written.url)).into_bytes();
                all.changes.push(Change::Replace(range.start + raw.start..range.start + raw.end, text));
                self.count(&written, row, &url, all);
            }
        }
    }

    /// What a reference becomes, if it is one that changes.
    pub(super) fn write(&mut self, reference: &str, row: &Row, spot: Spot<'_>) -> Option<Written<'c>> {
        if let Moves::Untouched(why) = row.moves {
            self.left(spot, reference, why);
            return None;
        }
        let (target, publication) = self.find(reference, spot)?;
        let context = self.page.context;
        let absolute = row.form == Form::AbsoluteUrl;
        if absolute && context.config.settings.site_url.is_none() {
            self.left(spot, reference, "crawlers need an absolute URL; say --site-url");
            return None;
        }
        let used_at_home = row.is_hint() && self.page.used_at_home.contains(&target.path);
        let stays = self.why_it_stays(row, publication, spot.inside);
        let stays = stays.or(used_at_home.then_some("what uses it on this page stays on the origin"));
        self.note_home(row, &target.path, publication, stays.is_some());
        let cdn = context.config.cdn.as_ref().filter(|_| stays.is_none());
        let url = match cdn {
            Some(cdn) => cdn.url_for(&publication.path) + &target.suffix,
            None if absolute => format!("{}{}", context.config.mount.url_of(&publication.path), target.suffix),
            None => self.local_url(reference, &target, publication),
        };
        self.note_relative(reference, spot.at);
        let fate = match stays {
            Some(why) => Fate::Stays { to: url.clone(), why: why.to_owned() },
            None => Fate::Moves { to: url.clone() },
        };
        self.decide(spot, reference, fate);
        Some(Written { url, publication, on_cdn: cdn.is_some(), original: target.path, suffix: target.suffix })
    }

    fn note_home(&mut self, row: &Row, path: &SitePath, publication: &Publication, stays: bool) {
        if row.is_hint() && !stays {
            self.seen.hinted.insert(path.clone());
        } else if !row.is_hint() && stays && publication.home == Home::Cdn {
            self.seen.used_at_home.insert(path.clone());
        }
    }

    /// The file that a reference leads to, and how it is published.
    fn find(&mut self, reference: &str, spot: Spot<'_>) -> Option<(Target, &'c Publication)> {
        let context = self.page.context;
        let Some(literal) = self.page.literal(reference) else {
            self.left(spot, reference, "it is made by a template");
            return None;
        };
        // Modules and style attributes are UTF-8 on every page, as browsers have it.
        let is_unicode = matches!(spot.attribute, "import" | "style");
        let encoding = if is_unicode { encoding_rs::UTF_8 } else { self.page.encoding };
        let literal = encode_query(&literal, encoding);
        let Some(target) = context.config.mount.resolve(self.base.url(), &literal) else {
            self.left(spot, reference, "it leads to no file of this site");
            return None;
        };
        if let Some(publication) = context.plan.get(&target.path) {
            return Some((target, publication));
        }
        if context.index.exists(&target.path) {
            self.left(spot, reference, "what it leads to is published under its own name alone");
        } else if target.path.file_name().contains('.') {
            self.tell(spot.at, Code::MissingAsset, format!("`{}` does not exist", trimmed(reference)));
            self.left(spot, reference, "what it leads to does not exist");
        }
        None
    }

    /// Why a reference does not lead to the CDN, if it does not.
    fn why_it_stays(&self, row: &Row, publication: &Publication, inside: Inside) -> Option<&'static str> {
        let config = self.page.context.config;
        // What fails in a shadow root, or in a document that runs no scripts, is heard by nobody.
        let unheard = config.net() && (inside.shadow_root || !self.page.has_net) && row.fallback != Fallback::None;
        match row.moves {
            Moves::Never(why) | Moves::Untouched(why) => Some(why),
            Moves::Yes if config.cdn.is_none() => Some("no CDN was given"),
            Moves::Yes if publication.home == Home::Origin => Some("it is published on the origin alone"),
            Moves::Yes if unheard => Some("its failure would reach nobody"),
            Moves::Yes => None,
        }
    }

    /// The published file as the author would spell it: the same directory, another name.
    fn local_url(&self, reference: &str, target: &Target, publication: &Publication) -> String {
        let trimmed = reference.trim_matches(|c: char| c <= ' ');
        let is_plain = !trimmed.contains(['\\', '\t', '\n', '\r']) && self.page.static_call(reference).is_none();
        let path_end = trimmed.find(['?', '#']).unwrap_or(trimmed.len());
        match trimmed[..path_end].rfind('/') {
            Some(slash) if is_plain => {
                let name = path::encode(publication.path.file_name());
                format!("{}{name}{}", &trimmed[..=slash], target.suffix)
            }
            None if is_plain && !trimmed.contains(':') => path::encode(publication.path.file_name()) + &target.suffix,
            _ => format!("{}{}{}", self.page.context.config.mount.path(), publication.path.to_url(), target.suffix),
        }
    }

    fn note_relative(&mut self, reference: &str, at: usize) {
        if std::mem::take(&mut self.is_not_found_page) && !self.base.is_from_element() {
            let is_relative = !reference.trim_start().starts_with(['/', '\\']) && !reference.contains(':');
            if is_relative {
                let reason = format!("`{}` is relative, and this page is served at any depth", trimmed(reference));
                self.tell(at, Code::RelativeNotFoundPage, reason);
            }
            self.is_not_found_page = !is_relative;
        }
    }

    /// What the table says of a `url()` in the page's own CSS.
    pub(super) fn row_in_css(&self, reference: &css::Reference) -> &'static Row {
        let url = self.page.literal(&reference.url);
        let target = url.and_then(|url| self.page.context.config.mount.resolve(self.base.url(), &url));
        match target {
            _ if reference.usage == css::Use::Import => &attributes::CSS_IMPORT,
            Some(target) if media_type::of(&target.path).0 == media_type::Kind::Font => &attributes::CSS_FONT,
            Some(target) if target.path.extension() == "svg" && target.suffix.contains('#') => &attributes::CSS_ELEMENT,
            _ => &attributes::CSS_IMAGE,
        }
    }

    fn row_of_named(&self, attribute: &Attribute) -> &'static Row {
        let target = self.page.context.config.mount.resolve(self.base.url(), &Decoded::new(&attribute.value).text);
        let kind = target.map(|target| media_type::of(&target.path).0);
        match kind {
            Some(media_type::Kind::Script | media_type::Kind::Style) => &attributes::NAMED_CODE,
            _ => &attributes::NAMED,
        }
    }

    /// How much has been said so far.
    pub(super) fn told(&self) -> Told {
        Told { decisions: self.decisions.len(), references: self.references, moved: self.moved }
    }

    /// Takes back what has been said since: it is not written.
    pub(super) fn take_back(&mut self, told: Told) {
        for decision in &mut self.decisions[told.decisions..] {
            decision.fate = Fate::Left { why: "its bytes and characters do not line up".to_owned() };
        }
        (self.references, self.moved) = (told.references, told.moved);
    }

    pub(super) fn left(&mut self, spot: Spot<'_>, reference: &str, why: &str) {
        self.decide(spot, reference, Fate::Left { why: why.to_owned() });
    }

    fn decide(&mut self, spot: Spot<'_>, reference: &str, fate: Fate) {
        if self.page.context.explain {
            let what = format!("{}[{}]", spot.element, spot.attribute);
            self.decisions.push(Decision { at: spot.at, what, reference: trimmed(reference).to_owned(), fate });
        }
    }
}

/// A reference without the white space around it that browsers drop. A no-break space is none.
fn trimmed(reference: &str) -> &str {
    reference.trim_matches(|c: char| c <= ' ')
}
