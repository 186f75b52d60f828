//! The texts that stand in a page itself: sheets, modules, import maps, and whole pages in `srcdoc`.

use super::Page;
use super::look::rewrite_markup;
use super::references::{Spot, Written};
use super::visitor::{PageVisitor, Rewritten};
use crate::css;
use crate::html::attribute_value::{Decoded, escape};
use crate::html::attributes::{self, Row};
use crate::html::encoding::Syntax;
use crate::html::splice::Change;
use crate::html::visitor::{Attribute, Element, Inside};
use crate::js;
use crate::model::finding::Code;
use std::ops::Range;
use url::Url;

/// How deep pages in `srcdoc` are followed.
const MAX_DEPTH: usize = 3;

impl PageVisitor<'_> {
    pub(super) fn rewrite_style(&mut self, text: &str, start: usize, inside: Inside) -> Rewritten {
        let mut all = Rewritten::default();
        for reference in css::references(text) {
            let row = self.row_in_css(&reference);
            let range = start + reference.range.start..start + reference.range.end;
            let spot = Spot { element: "style", attribute: "url()", at: range.start, inside };
            let Some(written) = self.write(&reference.url, row, spot) else { continue };
            let text = css::escape(&written.url);
            self.replace(range, &reference.url, text, &written, row, &mut all);
        }
        all
    }

    pub(super) fn rewrite_module(&mut self, text: &str, start: usize, before: usize, inside: Inside) -> Rewritten {
        let mut all = Rewritten::default();
        let script = match js::read(text, js::Goal::Module) {
            Ok(script) => script,
            Err(error) => {
                self.tell(start + error.offset, Code::ScriptNotParsed, error.message);
                return all;
            }
        };
        self.note_computed_import(&script, start, inside);
        // A URL that is made of the page's own is found where it was.
        let imports = |found: &js::Reference| matches!(found.usage, js::Use::Import | js::Use::DynamicImport);
        for specifier in script.references.into_iter().filter(imports) {
            let Some(url) = self.module_url(&specifier.text, specifier.is_bare()) else { continue };
            let range = start + specifier.range.start..start + specifier.range.end;
            let spot = Spot { element: "script", attribute: "import", at: range.start, inside };
            if specifier.usage == js::Use::DynamicImport {
                self.note_import_at_run_time(&url, &specifier.text, range.start, inside);
                self.left(spot, &specifier.text, "a failing import() would reach nobody");
                continue;
            }
            let row = &attributes::INLINE_IMPORT;
            // What the map leads elsewhere is written as the URL it leads to, or not at all.
            let is_mapped = self.base.url().join(&specifier.text).ok().as_ref() != Some(&url) || specifier.is_bare();
            let reference = if is_mapped { url.as_str() } else { &specifier.text };
            let Some(mut written) = self.write(reference, row, spot) else { continue };
            if !inside.noscript {
                self.note_import(&written, reference, before);
            }
            if is_mapped && !written.on_cdn {
                continue;
            }
            if !written.on_cdn && !written.url.starts_with(['/', '.']) && !written.url.contains(':') {
                // A specifier needs its `./`, or it is bare.
                written.url.insert_str(0, "./");
            }
            let text = js::escape(&written.url);
            self.replace(range, &specifier.text, text, &written, row, &mut all);
        }
        all
    }

    /// A classic script is not edited, but what it imports may be among the page's modules.
    pub(super) fn note_imports_at_run_time(&mut self, text: &str, start: usize, inside: Inside) {
        // One that does not parse does not run.
        let Ok(script) = js::read(text, js::Goal::AsWritten) else { return };
        let imports = script.references.iter().filter(|found| found.usage == js::Use::DynamicImport);
        for js::Reference { range, text, .. } in imports {
            if let Some(url) = self.module_url(text, js::is_bare(text)) {
                self.note_import_at_run_time(&url, text, start + range.start, inside);
            }
        }
        self.note_computed_import(&script, start, inside);
    }

    fn note_import_at_run_time(&mut self, url: &Url, specifier: &str, at: usize, inside: Inside) {
        let context = self.page.context;
        let target = context.config.mount.target_of(url).filter(|_| !inside.noscript);
        if target.is_some_and(|target| context.plan.get(&target.path).is_some()) {
            self.seen.modules.at_run_time.get_or_insert_with(|| (at, format!("`{specifier}`")));
        }
    }

    fn note_computed_import(&mut self, script: &js::Script, start: usize, inside: Inside) {
        if let Some(at) = script.computed_import.filter(|_| !inside.noscript) {
            let what = "modules that only it knows".to_owned();
            self.seen.modules.at_run_time.get_or_insert((start + at, what));
        }
    }

    fn note_import(&mut self, written: &Written<'_>, reference: &str, before: usize) {
        self.seen.modules.entries.insert(written.original.clone());
        self.seen.modules.imported.insert((written.original.clone(), written.suffix.clone()));
        if self.seen.modules.first.is_none() {
            self.seen.modules.first = Some(self.place(before, reference));
        }
    }

    fn replace(
        &mut self,
        range: Range<usize>,
        reference: &str,
        text: String,
        written: &Written<'_>,
        row: &Row,
        all: &mut Rewritten,
    ) {
        if written.url != reference {
            all.changes.push(Change::Replace(range, text.into_bytes()));
            self.count(written, row, reference, all);
        }
    }

    /// A page in an attribute is a page of its own, with its own net; its base is that of the page around it (HTML,
    /// section 2.4.3, "about:srcdoc").
    pub(super) fn rewrite_srcdoc(&mut self, element: &Element, attribute: &Attribute, all: &mut Rewritten) {
        let Some(range) = attribute.range.clone().filter(|range| range.len() == attribute.value.len()) else { return };
        if self.page.depth >= MAX_DEPTH {
            return;
        }
        let value = Decoded::new(&attribute.value);
        let scripts = element.value("sandbox").is_none_or(|sandbox| {
            Decoded::new(sandbox).text.split_ascii_whitespace().any(|token| token.eq_ignore_ascii_case("allow-scripts"))
        });
        let inner = Page {
            url: self.base.for_srcdoc().url().clone(),
            encoding: encoding_rs::UTF_8,
            charset: None,
            has_net: self.page.has_net && scripts && !element.inside.noscript,
            syntax: Syntax::Html,
            depth: self.page.depth + 1,
            may_have_policy: false,
            may_have_modules: true,
            ..self.page.clone()
        };
        let Ok(made) = rewrite_markup(&inner, value.text.as_bytes(), encoding_rs::UTF_8, None) else { return };
        self.references += made.references;
        self.moved += made.moved;
        self.findings.extend(made.findings.into_iter().map(|(_, code, reason)| (Some(range.start), code, reason)));
        self.decisions
            .extend(made.decisions.into_iter().map(|decision| super::Decision { at: range.start, ..decision }));
        all.changes.extend(made.changes.into_iter().map(|change| in_attribute(change, &value, range.start)));
    }
}

/// A change to the page in an attribute as a change to the attribute's own bytes.
fn in_attribute(change: Change, value: &Decoded<'_>, offset: usize) -> Change {
    // White space in the value shows that it stands in quotes.
    let is_quoted = value.raw_text().contains(|c: char| c.is_ascii_whitespace());
    let (range, text) = change.in_text(value.text.as_bytes());
    let text: String = match String::from_utf8_lossy(&text) {
        text if is_quoted => text.split_inclusive([' ', '\n']).map(escape_but_white).collect(),
        text => escape(&text),
    };
    let raw = value.raw(range);
    Change::Replace(offset + raw.start..offset + raw.end, text.into_bytes())
}

fn escape_but_white(word: &str) -> String {
    let text = word.trim_end_matches([' ', '\n']);
    escape(text) + &word[text.len()..]
}
