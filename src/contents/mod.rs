//! What a file refers to, whatever it is: the one list that `graph` links and `verify` follows.

mod form;
mod source_map;

pub use crate::js::Goal;
pub use form::Form;

use crate::css;
use crate::html::svg;
use crate::js;
use crate::json::web_manifest;
use crate::model::finding::Code;
use crate::model::media_type::{self, Kind};
use crate::model::path::SitePath;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What was found in a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contents {
    /// What it refers to, in order. Bare specifiers are not among them.
    pub references: Vec<Reference>,
    /// Bare specifiers in `import` statements: a page's import map says what they lead to.
    pub bare: Vec<String>,
    /// What is to be known of a script besides. Its references have been taken out.
    pub script: js::Script,
    /// The custom properties that a sheet takes values from, such as `--icon`.
    pub variables: BTreeSet<css::Variable>,
    /// What could not be read: the file, or a part of it.
    pub unread: Option<Unread>,
}

/// One reference from a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// Where the URL stands, in bytes.
    pub range: Range<usize>,
    /// In what it is written.
    pub form: Form,
    /// The URL, decoded.
    pub url: String,
    /// How it comes to be fetched.
    pub usage: Use,
}

/// How a reference comes to be fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Use {
    /// A module's `import` or `export` statement: the importer fails with it.
    Import,
    /// `import()`.
    DynamicImport,
    /// A URL that a script makes of its own: `new URL('x', import.meta.url)`.
    Made,
    /// An element of another file, as in `filter: url(effects.svg#blur)`.
    Element,
    /// The source map that the file's last comment names.
    SourceMap,
    /// Whatever `var()` makes of a custom property: what the URL is relative to is decided there.
    CustomProperty {
        /// Its name, such as `--icon`.
        name: Arc<str>,
        /// Whether it may name an element of another file.
        is_element: bool,
    },
    /// `@import`, a picture, a font: whatever the file's own kind fetches.
    Fetch,
}

impl Use {
    /// Whether what is referred to becomes part of the module graph.
    pub fn is_import(&self) -> bool {
        matches!(self, Self::Import | Self::DynamicImport)
    }
}

/// Why a file was not read, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// What kind of finding that is.
    pub code: Code,
    /// Byte offset.
    pub offset: usize,
    /// In one sentence.
    pub reason: String,
}

/// Reads a file. `goal` is for scripts.
pub fn read(path: &SitePath, bytes: &[u8], goal: Goal) -> Contents {
    match media_type::of(path) {
        (Kind::Style, _) => with_source_map(sheet(bytes), bytes),
        (Kind::Script, _) => with_source_map(script(bytes, goal), bytes),
        (Kind::WebManifest, _) => manifest(bytes),
        (_, "image/svg+xml") => drawing(bytes),
        _ => Contents::default(),
    }
}

fn unread(code: Code, offset: usize, reason: String) -> Contents {
    Contents { unread: Some(Unread { code, offset, reason }), ..Contents::default() }
}

fn sheet(bytes: &[u8]) -> Contents {
    let css::Sheet { references, variables, width, unread } = css::read(bytes);
    let reference = |css::Reference { range, url, usage, custom_property }| {
        let usage = match (custom_property, usage) {
            (Some(name), usage) => Use::CustomProperty { name, is_element: usage == css::Use::Element },
            (None, css::Use::Element) => Use::Element,
            (None, css::Use::Import | css::Use::Url) => Use::Fetch,
        };
        Reference { range, form: Form::Css(width), url, usage }
    };
    Contents {
        references: references.into_iter().map(reference).collect(),
        variables,
        unread: unread.map(|(offset, reason)| Unread { code: Code::SourceEncoding, offset, reason }),
        ..Contents::default()
    }
}

/// A web app manifest's pictures. One that is not JSON is published as it is: browsers take nothing from it either.
fn manifest(bytes: &[u8]) -> Contents {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return unread(Code::SourceEncoding, error.valid_up_to(), "its bytes are not UTF-8".to_owned()),
    };
    let reference = |web_manifest::Icon { range, url }| Reference { range, form: Form::Json, url, usage: Use::Fetch };
    match web_manifest::icons(text) {
        Ok(icons) => Contents { references: icons.into_iter().map(reference).collect(), ..Contents::default() },
        Err(error) => unread(Code::WebManifestNotParsed, error.offset, error.message),
    }
}

/// What a drawing asks for. One that cannot be read is published as it is.
fn drawing(bytes: &[u8]) -> Contents {
    let reference =
        |svg::Reference { range, url, form }| Reference { range, form: Form::Svg(form), url, usage: Use::Fetch };
    match svg::references(bytes) {
        Ok(references) => {
            Contents { references: references.into_iter().map(reference).collect(), ..Contents::default() }
        }
        Err(svg::NotRead { offset, reason }) => unread(Code::SvgNotRead, offset, reason),
    }
}

fn script(bytes: &[u8], goal: Goal) -> Contents {
    let mut script = match js::read_file(bytes, goal) {
        Ok(script) => script,
        Err(js::NotRead::Syntax(error)) => return unread(Code::ScriptNotParsed, error.offset, error.message),
        Err(js::NotRead::Encoding(offset)) => {
            let reason = "it is not UTF-8, so its page decides what this is".to_owned();
            return unread(Code::SourceEncoding, offset, reason);
        }
    };
    let (bare, named): (Vec<_>, Vec<_>) =
        std::mem::take(&mut script.references).into_iter().partition(js::Reference::is_bare);
    let reference = |js::Reference { range, text, usage }| {
        let usage = match usage {
            js::Use::Import => Use::Import,
            js::Use::DynamicImport => Use::DynamicImport,
            js::Use::Resolve | js::Use::Url => Use::Made,
        };
        Reference { range, form: Form::JavaScript, url: text, usage }
    };
    let imported = bare.into_iter().filter(|reference| reference.usage == js::Use::Import);
    Contents {
        bare: imported.map(|reference| reference.text).collect(),
        references: named.into_iter().map(reference).collect(),
        script,
        ..Contents::default()
    }
}

/// A file that cannot be read otherwise may have a source map all the same.
fn with_source_map(mut contents: Contents, bytes: &[u8]) -> Contents {
    contents.references.extend(source_map::comment(bytes).map(|(range, url)| {
        let url = url.to_owned();
        Reference { range, form: Form::Comment, url, usage: Use::SourceMap }
    }));
    contents
}
