//! The references in each file that can hold some, resolved.

use crate::contents::{self, Contents, Form, Goal, Unread, Use};
use crate::css;
use crate::graph::resolve::{self, Mount};
use crate::js::Script;
use crate::model::finding::{Code, Finding};
use crate::model::media_type::Kind;
use crate::model::path::SitePath;
use crate::site::index::{Asset, AssetIndex};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Whether it starts from where the file is, so that it leads there in every home.
    pub is_relative: bool,
    /// How it comes to be fetched.
    pub usage: Use,
}

/// What was found in one asset.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Linked {
    /// References to assets of the site, in order.
    pub links: Vec<Link>,
    /// Bare specifiers: a page's import map says what they lead to.
    pub bare: Vec<String>,
    /// Elements of other files that a sheet names: where, and the URL.
    pub elements: Vec<(usize, String)>,
    /// The custom properties that a sheet takes values from, such as `--icon`.
    pub variables: BTreeSet<css::Variable>,
    /// What ties a script to its name or to the origin. It holds no references.
    pub script: Script,
}

/// Every asset's references. Assets without any, and with nothing else to say, have no entry.
#[derive(Debug, Default)]
pub struct AssetGraph {
    /// By path.
    pub linked: BTreeMap<SitePath, Linked>,
}

type Result = (Linked, Vec<Finding>);

/// Links all assets.
pub fn link(index: &AssetIndex, mount: &Mount) -> (AssetGraph, Vec<Finding>) {
    let read = |path: &SitePath, goal| {
        let asset = index.assets.get(path)?;
        Some((path.clone(), link_asset(path, asset, index, mount, goal)?))
    };
    let mut results: BTreeMap<_, _> =
        index.assets.par_iter().filter_map(|(path, _)| read(path, Goal::AsWritten)).collect();
    // What is imported is a module, whether it says so or not; and only now is that known.
    let mut modules = BTreeSet::new();
    loop {
        let found: Vec<_> = imported(&results, index).difference(&modules).cloned().collect();
        if found.is_empty() {
            break;
        }
        results.par_extend(found.par_iter().filter_map(|path| read(path, Goal::Module)));
        modules.extend(found);
    }
    let (mut linked, mut findings) = (BTreeMap::new(), Vec::new());
    for (path, (found, told)) in results {
        findings.extend(told);
        if found != Linked::default() {
            linked.insert(path, found);
        }
    }
    (AssetGraph { linked }, findings)
}

/// The scripts that are imported and do not say themselves that they are modules.
fn imported(results: &BTreeMap<SitePath, Result>, index: &AssetIndex) -> BTreeSet<SitePath> {
    let links = results.values().flat_map(|(linked, _)| &linked.links);
    let to = links.filter(|link| link.usage.is_import()).map(|link| &link.to);
    let is_script = |path: &&SitePath| index.assets.get(path).is_some_and(|asset| asset.kind == Kind::Script);
    let says_so = |path: &SitePath| results.get(path).is_some_and(|(linked, _)| linked.script.is_module);
    to.filter(is_script).filter(|path| !says_so(path)).cloned().collect()
}

fn link_asset(path: &SitePath, asset: &Asset, index: &AssetIndex, mount: &Mount, goal: Goal) -> Option<Result> {
    let bytes = asset.source.as_ref()?;
    let Contents { references, bare, script, variables, unread } = contents::read(path, bytes, goal);
    let mut linked = Linked { bare, variables, script, ..Linked::default() };
    let mut told: Vec<_> = unread.map(|Unread { code, offset, reason }| (offset, code, reason)).into_iter().collect();
    let base = mount.url_of(path);
    for contents::Reference { range, form, url, usage } in references {
        let Some(target) = mount.resolve(&base, &url) else { continue };
        if usage == Use::Element && index.exists(&target.path) {
            linked.elements.push((range.start, url.trim().to_owned()));
        }
        if index.assets.contains_key(&target.path) {
            let is_relative = resolve::is_relative(&url);
            linked.links.push(Link { range, form, to: target.path, suffix: target.suffix, is_relative, usage });
        } else if !index.exists(&target.path) && !matches!(usage, Use::CustomProperty { .. }) {
            let code = if usage == Use::SourceMap { Code::SourceMapMissing } else { Code::MissingAsset };
            told.push((range.start, code, format!("`{url}` does not exist")));
        }
    }
    // Names matter in modules, and in scripts that import some.
    if goal == Goal::AsWritten && !linked.script.is_module && !linked.links.iter().any(|link| link.usage.is_import()) {
        linked.script.names.clear();
    }
    Some((linked, Finding::all_at(path.as_str(), bytes, told)))
}
