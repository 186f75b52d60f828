//! The attributes that a rewritten reference gets besides its URL.

use super::references::Written;
use super::visitor::PageVisitor;
use crate::html::attribute_value::Decoded;
use crate::html::attributes::{Fallback, Row, When};
use crate::html::splice::Change;
use crate::html::visitor::{Attribute, Element};
use crate::model::digest::{Digests, satisfies};
use crate::model::finding::Code;
use crate::model::media_type;
use crate::plan::Publication;

impl PageVisitor<'_> {
    /// `integrity`, `crossorigin` and the net's mark; `None` when the element must be left alone.
    pub(super) fn attributes_for(&mut self, element: &Element, row: &Row, to: &Written<'_>) -> Option<Vec<Change>> {
        let config = self.page.context.config;
        let (mut changes, mut text) = (Vec::new(), String::new());
        if row.integrity {
            let integrity = &to.publication.integrity;
            match element.attribute("integrity") {
                Some(existing) => {
                    let keeps = self.keeps_integrity(element, existing, to)?;
                    if let Some(range) = existing.range.clone().filter(|_| !keeps) {
                        self.seen.repinned.insert((existing.value.clone(), integrity.to_string()));
                        changes.push(Change::Replace(range, integrity.as_str().as_bytes().to_vec()));
                    }
                }
                None if config.integrity() => text += &format!(" integrity=\"{integrity}\""),
                None => {}
            }
        }
        let asks_cors = row.cors || row.when == When::Rel("prefetch") && needs_cors_later(to.publication);
        if to.on_cdn && asks_cors && element.attribute("crossorigin").is_none() {
            text += &format!(" crossorigin=\"{}\"", config.settings.crossorigin.as_str());
        }
        if to.on_cdn && config.net() && row.when == When::Blocking && row.fallback == Fallback::Twin {
            text += " data-tightrope=\"parser\"";
        }
        if !text.is_empty() {
            changes.push(Change::Attributes(0, text));
        }
        Some(changes)
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
