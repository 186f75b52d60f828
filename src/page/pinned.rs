//! The attributes that a rewritten reference gets besides its URL.

use super::references::Written;
use super::survey::Survey;
use super::visitor::PageVisitor;
use crate::html::attribute_value::Decoded;
use crate::html::attributes::{self, Fallback, Row, When};
use crate::html::splice::Change;
use crate::html::visitor::{Attribute, Element};
use crate::model::digest::{Digests, satisfies};
use crate::model::finding::Code;
use crate::model::media_type;
use crate::model::path::SitePath;
use crate::plan::Publication;

/// How an element asks for a file. A preload is used only by an element that asks in the same way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mode {
    integrity: String,
    cors: &'static str,
}

impl Mode {
    fn of(element: &Element) -> Self {
        let integrity = Decoded::new(element.value("integrity").unwrap_or_default()).text.into_owned();
        let cors = match element.attribute("crossorigin") {
            None => "",
            Some(_) if attributes::keyword(element, "crossorigin") == "use-credentials" => "use-credentials",
            Some(_) => "anonymous",
        };
        Self { integrity, cors }
    }
}

/// What an element gets: changes to its attributes, the text of new ones, and how it asks then.
struct Added {
    changes: Vec<Change>,
    text: String,
    mode: Mode,
}

/// How a file is asked for, on one page.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// By the first element that uses it.
    used: Option<Mode>,
    /// By those that fetch it ahead.
    hinted: Vec<Mode>,
}

impl Asked {
    /// What all must say, if they do not: the CORS mode of the use, and integrity where one of them has it.
    pub(super) fn settled(&self) -> Option<Mode> {
        let used = self.used.as_ref().filter(|used| self.hinted.iter().any(|hint| hint != *used))?;
        let pinned = [used].into_iter().chain(&self.hinted).find(|mode| !mode.integrity.is_empty());
        Some(pinned.map_or(used.clone(), |pinned| Mode { integrity: pinned.integrity.clone(), ..used.clone() }))
    }
}

impl Survey {
    fn note_mode(&mut self, path: SitePath, mode: Mode, is_hint: bool) {
        let asked = self.asked.entry(path).or_default();
        if !is_hint {
            asked.used.get_or_insert(mode);
        } else if !asked.hinted.contains(&mode) {
            asked.hinted.push(mode);
        }
    }
}

impl PageVisitor<'_> {
    /// `integrity`, `crossorigin` and the net's mark; `None` when the element must be left alone.
    pub(super) fn attributes_for(&mut self, element: &Element, row: &Row, to: &Written<'_>) -> Option<Vec<Change>> {
        let config = self.page.context.config;
        let mut added = Added { changes: Vec::new(), text: String::new(), mode: Mode::of(element) };
        if row.integrity {
            self.pin(element, to, &mut added)?;
        }
        let asks_cors = row.cors || row.when == When::Rel("prefetch") && needs_cors_later(to.publication);
        if to.on_cdn {
            self.ask_with_cors(element, row.is_hint(), asks_cors, to, &mut added)?;
        }
        if row.integrity && to.on_cdn {
            self.seen.note_mode(to.original.clone(), added.mode, row.is_hint());
        }
        let (mut changes, mut text) = (added.changes, added.text);
        if to.on_cdn && config.net() && row.when == When::Blocking && row.fallback == Fallback::Twin {
            text += " data-tightrope=\"parser\"";
        }
        if !text.is_empty() {
            changes.push(Change::Attributes(0, text));
        }
        Some(changes)
    }

    fn pin(&mut self, element: &Element, to: &Written<'_>, added: &mut Added) -> Option<()> {
        let integrity = to.publication.integrity.to_string();
        let agreed = self.page.agreed.get(&to.original);
        let is_pinned =
            self.page.context.config.integrity() || agreed.is_some_and(|agreed| !agreed.integrity.is_empty());
        if let Some(existing) = element.attribute("integrity") {
            let keeps = self.keeps_integrity(element, existing, to)? && agreed.is_none();
            if let Some(range) = existing.range.clone().filter(|_| !keeps) {
                self.seen.repinned.insert((existing.value.clone(), integrity.clone()));
                added.changes.push(Change::Replace(range, integrity.clone().into_bytes()));
                added.mode.integrity = integrity;
            }
        } else if is_pinned {
            added.text += &format!(" integrity=\"{integrity}\"");
            added.mode.integrity = integrity;
        }
        Some(())
    }

    /// The author's own mode stays, but that of a hint that asks otherwise than its use.
    fn ask_with_cors(
        &self,
        element: &Element,
        is_hint: bool,
        asks_cors: bool,
        to: &Written<'_>,
        added: &mut Added,
    ) -> Option<()> {
        let agreed = self.page.agreed.get(&to.original).filter(|_| is_hint);
        let cors = agreed.map_or(self.page.context.config.settings.crossorigin.as_str(), |agreed| agreed.cors);
        match element.attribute("crossorigin") {
            None if asks_cors => added.text += &format!(" crossorigin=\"{cors}\""),
            // Without a value it has no place to write one: such a hint is left alone.
            Some(existing) if agreed.is_some() && added.mode.cors != cors => {
                added.changes.push(Change::Replace(existing.range.clone()?, cors.as_bytes().to_vec()));
            }
            _ => return Some(()),
        }
        added.mode.cors = cors;
        Some(())
    }

    /// Whether the `integrity` that stands there is right for what is published. One that never was is not mended.
    fn keeps_integrity(&mut self, element: &Element, existing: &Attribute, to: &Written<'_>) -> Option<bool> {
        let at = existing.range.as_ref().map_or(element.range.start, |range| range.start);
        let original = self.page.context.site.read(&to.original).ok()?;
        match satisfies(&Decoded::new(&existing.value).text, &original) {
            Some(true) => Some(Digests::of(&original).integrity() == to.publication.integrity),
            Some(false) => {
                self.tell(at, Code::IntegrityMismatch, format!("`integrity` is not that of `{}`", to.original));
                None
            }
            None => {
                self.tell(at, Code::IntegrityUnknown, "`integrity` holds no known hash");
                None
            }
        }
    }
}

/// Whether what is fetched ahead will be used with CORS.
fn needs_cors_later(publication: &Publication) -> bool {
    use media_type::Kind;
    matches!(publication.kind, Kind::Script | Kind::Style | Kind::Font)
}
