//! The references in each stylesheet and script, resolved.

use crate::css;
use crate::form::Form;
use crate::graph::resolve::Mount;
use crate::js;
use crate::json::web_manifest;
use crate::model::finding::{Code, Finding};
use crate::model::media_type::Kind;
use crate::model::path::SitePath;
use crate::site::index::{Asset, AssetIndex};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// A reference from one asset to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// Where it is written.
    pub range: Range<usize>,
    /// In what.
    pub form: Form,
    /// What it leads to: an asset of the site.
    pub to: SitePath,
    /// `?query#fragment`.
    pub suffix: String,
    /// Whether it is a module's import, and whether that is `import()`.
    pub import: Option<Import>,
}

/// How a module is imported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Import {
    /// By a statement: the importer fails with it.
    Static,
    /// By `import()`.
    Dynamic,
}

/// What was found in one asset.
#[derive(Clone, Debug, Default)]
pub struct Linked {
    /// References to assets of the site, in order.
    pub links: Vec<Link>,
    /// Why a module graph with this file cannot be renamed, or cannot move: the code, the place, the reason.
    pub ties: Vec<(Code, usize, String)>,
    /// Bare specifiers: a page's import map says what they lead to.
    pub bare: Vec<String>,
    /// Strings that end like a module's name, for the plan to hold against the names there are.
    pub names: Vec<(String, usize)>,
    /// Elements of other files that a sheet names: where, and the URL.
    pub elements: Vec<(usize, String)>,
}

impl Linked {
    fn is_empty(&self) -> bool {
        let Self { links, ties, bare, names, elements } = self;
        links.is_empty() && ties.is_empty() && bare.is_empty() && names.is_empty() && elements.is_empty()
    }
}

/// Every asset's references. Assets without any have no entry.
#[derive(Debug, Default)]
pub struct AssetGraph {
    /// By path.
    pub linked: BTreeMap<SitePath, Linked>,
}

/// Links all stylesheets and scripts.
pub fn link(index: &AssetIndex, mount: &Mount) -> (AssetGraph, Vec<Finding>) {
    let results: Vec<_> = index
        .assets
        .par_iter()
        .filter_map(|(path, asset)| link_asset(path, asset, index, mount).map(|result| (path.clone(), result)))
        .collect();
    let (mut linked, mut findings) = (BTreeMap::new(), Vec::new());
    for (path, (found, told)) in results {
        findings.extend(told);
        if !found.is_empty() {
            linked.insert(path, found);
        }
    }
    (AssetGraph { linked }, findings)
}

fn link_asset(path: &SitePath, asset: &Asset, index: &AssetIndex, mount: &Mount) -> Option<(Linked, Vec<Finding>)> {
    let bytes = asset.source.as_ref()?;
    let Ok(text) = std::str::from_utf8(bytes) else {
        let finding = Finding::of_file(Code::SourceEncoding, path.as_str(), "its bytes are not UTF-8");
        return Some((Linked::default(), vec![finding]));
    };
    Some(match asset.kind {
        Kind::Style => link_style(path, text, index, mount),
        Kind::WebManifest => link_web_manifest(path, text, index, mount),
        _ => link_script(path, text, index, mount),
    })
}

fn link_style(path: &SitePath, text: &str, index: &AssetIndex, mount: &Mount) -> (Linked, Vec<Finding>) {
    let base = mount.url_of(path);
    let (mut linked, mut told) = (Linked::default(), Vec::new());
    for reference in css::references(text) {
        let Some(target) = mount.resolve(&base, &reference.url) else { continue };
        if reference.usage == css::Use::Element && index.exists(&target.path) {
            linked.elements.push((reference.range.start, reference.url.trim().to_owned()));
        }
        if index.assets.contains_key(&target.path) {
            let (range, form) = (reference.range, Form::Css);
            linked.links.push(Link { range, form, to: target.path, suffix: target.suffix, import: None });
        } else {
            told.extend(missing(index, reference.range.start, &target.path, &reference.url));
        }
    }
    (linked, Finding::all_at(path.as_str(), text.as_bytes(), told))
}

/// A web app manifest's pictures. One that is not JSON is published as it is: browsers take nothing from it either.
fn link_web_manifest(path: &SitePath, text: &str, index: &AssetIndex, mount: &Mount) -> (Linked, Vec<Finding>) {
    let (mut linked, mut told) = (Linked::default(), Vec::new());
    let icons = match web_manifest::icons(text) {
        Ok(icons) => icons,
        Err(error) => {
            let finding =
                Finding::at(Code::WebManifestNotParsed, path.as_str(), text.as_bytes(), error.offset, error.message);
            return (linked, vec![finding]);
        }
    };
    let base = mount.url_of(path);
    for web_manifest::Icon { range, url } in icons {
        let Some(target) = mount.resolve(&base, &url) else { continue };
        if index.assets.contains_key(&target.path) {
            linked.links.push(Link { range, form: Form::Json, to: target.path, suffix: target.suffix, import: None });
        } else {
            told.extend(missing(index, range.start, &target.path, &url));
        }
    }
    (linked, Finding::all_at(path.as_str(), text.as_bytes(), told))
}

fn link_script(path: &SitePath, text: &str, index: &AssetIndex, mount: &Mount) -> (Linked, Vec<Finding>) {
    let script = match js::read(text) {
        Ok(script) => script,
        Err(error) => {
            let finding =
                Finding::at(Code::ScriptNotParsed, path.as_str(), text.as_bytes(), error.offset, error.message);
            return (Linked::default(), vec![finding]);
        }
    };
    let base = mount.url_of(path);
    let (mut linked, mut told) = (Linked::default(), Vec::new());
    for specifier in script.specifiers {
        if specifier.is_bare() {
            linked.bare.extend((!specifier.dynamic).then_some(specifier.text));
            continue;
        }
        let Some(target) = mount.resolve(&base, &specifier.text) else { continue };
        let import = Some(if specifier.dynamic { Import::Dynamic } else { Import::Static });
        if index.assets.contains_key(&target.path) {
            let form = Form::JavaScript;
            linked.links.push(Link { range: specifier.range, form, to: target.path, suffix: target.suffix, import });
        } else {
            told.extend(missing(index, specifier.range.start, &target.path, &specifier.text));
        }
    }
    if let Some(at) = script.computed_import {
        linked.ties.push((
            Code::DynamicImportRoot,
            at,
            "imports a module whose name is known at run time only".to_owned(),
        ));
    }
    if script.is_module {
        if let Some(at) = script.worker {
            linked.ties.push((Code::WorkerNeedsOrigin, at, "starts a worker".to_owned()));
        }
        linked.names = script.names;
    }
    (linked, Finding::all_at(path.as_str(), text.as_bytes(), told))
}

fn missing(index: &AssetIndex, at: usize, to: &SitePath, url: &str) -> Option<(usize, Code, String)> {
    (!index.exists(to)).then(|| (at, Code::MissingAsset, format!("`{url}` does not exist")))
}
