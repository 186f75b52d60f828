//! The files that the manifest lists, and what stylesheets and scripts among them refer to.

use super::Published;
use super::modules::Modules;
use crate::contents::{self, Contents, Form, Goal, Use};
use crate::manifest::AssetEntry;
use crate::model::digest::{Digests, Fingerprint};
use crate::model::edit::{self, Edit};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::plan;
use petgraph::algo::kosaraju_scc;
use petgraph::graphmap::DiGraphMap;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

/// One published file, read again.
struct Read<'p> {
    original: &'p str,
    path: SitePath,
    bytes: Vec<u8>,
    fingerprint: String,
    references: Vec<Reference>,
    /// Whether it says itself that it is a module.
    is_module: bool,
}

/// A reference from one published file to another.
struct Reference {
    range: Range<usize>,
    /// In what it is written.
    form: Form,
    to: SitePath,
    /// `?query#fragment`.
    suffix: String,
    /// How it comes to be fetched.
    usage: Use,
}

/// What is wrong with the files, and which modules they import.
pub(super) fn check(published: &Published<'_>) -> (Vec<Finding>, Modules) {
    let assets = &published.manifest.assets;
    let mut checked: HashMap<&str, _> = assets
        .par_iter()
        .map(|(original, entry)| (original.as_str(), read(original, entry, published, Goal::AsWritten)))
        .collect();
    let mut modules = BTreeSet::new();
    loop {
        let found: Vec<_> = imported(checked.values()).difference(&modules).copied().collect();
        if found.is_empty() {
            break;
        }
        let again = found
            .par_iter()
            .filter_map(|original| Some((*original, read(original, assets.get(*original)?, published, Goal::Module))));
        checked.par_extend(again);
        modules.extend(found);
    }
    let (mut findings, mut files) = (Vec::new(), Vec::new());
    for original in assets.keys() {
        let Some((file, told)) = checked.remove(original.as_str()) else { continue };
        findings.extend(told);
        files.extend(file);
    }
    findings.extend(check_names(&files));
    findings.extend(
        published.manifest.kept.par_iter().filter_map(|kept| check_kept(&kept.file, published)).collect::<Vec<_>>(),
    );
    (findings, as_modules(files, published))
}

/// A file of an earlier build. What it refers to was followed when that build was verified.
fn check_kept(entry: &AssetEntry, published: &Published<'_>) -> Option<Finding> {
    let bytes = SitePath::new(&entry.path).ok_or("the manifest lists a path that leaves the site");
    let bytes = bytes.and_then(|path| published.bytes(&path).map_err(|_| "it is missing"));
    let reason = match bytes {
        Ok(bytes) if Digests::of(&bytes).integrity().as_str() == entry.integrity => return None,
        Ok(_) => "its bytes are not those that the manifest lists",
        Err(reason) => reason,
    };
    Some(Finding::of_file(Code::AssetChanged, entry.path.clone(), reason))
}

/// The originals of what is imported without saying itself that it is a module.
fn imported<'r, 'p: 'r>(checked: impl Iterator<Item = &'r Checked<'p>>) -> BTreeSet<&'p str> {
    let files: Vec<_> = checked.filter_map(|(file, _)| file.as_ref()).collect();
    let imports = files.iter().flat_map(|file| &file.references).filter(|found| found.usage.is_import());
    let to: HashSet<_> = imports.map(|found| &found.to).collect();
    files.iter().filter(|file| !file.is_module && to.contains(&file.path)).map(|file| file.original).collect()
}

fn as_modules(files: Vec<Read<'_>>, published: &Published<'_>) -> Modules {
    Modules::new(files.into_iter().map(|file| {
        let on_cdn = published.manifest.assets.get(file.original).is_some_and(|entry| entry.on_cdn);
        let imports = file.references.into_iter().filter(|found| found.usage == Use::Import);
        (file.path, on_cdn, imports.map(|found| (found.to, found.suffix)).collect())
    }))
}

type Checked<'p> = (Option<Read<'p>>, Vec<Finding>);

fn read<'p>(original: &'p str, entry: &AssetEntry, published: &Published<'_>, goal: Goal) -> Checked<'p> {
    let changed = |reason: String| vec![Finding::of_file(Code::AssetChanged, entry.path.clone(), reason)];
    let Some(path) = SitePath::new(&entry.path) else {
        return (None, changed("the manifest lists a path that leaves the site".to_owned()));
    };
    let Ok(bytes) = published.bytes(&path) else { return (None, changed("it is missing".to_owned())) };
    let digests = Digests::of(&bytes);
    let mut findings = Vec::new();
    if bytes.len() as u64 != entry.size || digests.integrity().as_str() != entry.integrity {
        findings.extend(changed("its bytes are not those that the manifest lists".to_owned()));
    }
    let contents = contents::read(&path, &bytes, goal);
    let is_module = contents.script.is_module;
    let (references, told) = references(contents, &path, &bytes, published);
    findings.extend(told);
    let fingerprint = digests.fingerprint().as_str().to_owned();
    // Only files that refer to others can be in a cycle, and only those are needed again.
    let bytes = if references.is_empty() { Vec::new() } else { bytes };
    (Some(Read { original, path, bytes, fingerprint, references, is_module }), findings)
}

type Found = (Vec<Reference>, Vec<Finding>);

/// What a file refers to. An absolute URL of the CDN would tie the local copy to it.
fn references(contents: Contents, path: &SitePath, bytes: &[u8], published: &Published<'_>) -> Found {
    let (mut found, mut told) = (Vec::new(), Vec::new());
    let base = published.mount.url_of(path);
    for contents::Reference { range, form, url, usage } in contents.references {
        let mut tell = |code, reason| told.push((range.start, code, reason));
        let on_cdn = base.join(&url).ok().zip(published.cdn.as_ref()).and_then(|(url, cdn)| cdn.path_of(&url));
        if on_cdn.is_some() {
            tell(Code::CdnUrlInside, format!("`{url}` is an absolute URL of the CDN"));
            continue;
        }
        let Some(target) = published.mount.resolve(&base, &url) else { continue };
        if published.files.contains(&target.path) {
            found.push(Reference { range, form, to: target.path, suffix: target.suffix, usage });
        } else if published.is_ours(&target.path) {
            tell(Code::ReferenceBroken, format!("`{url}` leads nowhere"));
        } else {
            let code = if usage == Use::SourceMap { Code::SourceMapMissing } else { Code::MissingAsset };
            tell(code, format!("`{url}` does not exist"));
        }
    }
    (found, Finding::all_at(path.as_str(), bytes, told))
}

/// Every name that carries a fingerprint must stand for its bytes; in a cycle, for the bytes of all.
fn check_names(files: &[Read<'_>]) -> Vec<Finding> {
    let by_path: HashMap<&SitePath, usize> =
        files.iter().enumerate().map(|(number, file)| (&file.path, number)).collect();
    let mut edges = DiGraphMap::<usize, ()>::new();
    for (from, file) in files.iter().enumerate() {
        edges.add_node(from);
        for reference in &file.references {
            if let Some(to) = by_path.get(&reference.to) {
                edges.add_edge(from, *to, ());
            }
        }
    }
    let mut findings = Vec::new();
    for mut group in kosaraju_scc(&edges) {
        group.sort_by_key(|number| files[*number].original);
        let is_cycle = group.len() > 1 || edges.contains_edge(group[0], group[0]);
        let group_print = is_cycle.then(|| group_fingerprint(&group, files));
        for file in group.iter().map(|number| &files[*number]) {
            // A file under its own name makes no promise about it.
            let Some(named) = plan::own_fingerprint(&file.path).filter(|_| file.path.as_str() != file.original) else {
                continue;
            };
            let expected = match (&group_print, SitePath::new(file.original)) {
                (Some(group), Some(original)) => plan::member(group, &original).as_str().to_owned(),
                _ => file.fingerprint.clone(),
            };
            if named != expected {
                let reason = format!("its bytes have the fingerprint {expected}");
                findings.push(Finding::of_file(Code::FingerprintWrong, file.path.as_str(), reason));
            }
        }
    }
    findings
}

/// As the build computes it: over each member's path and its bytes, in which members are named by their paths.
fn group_fingerprint(group: &[usize], files: &[Read<'_>]) -> Fingerprint {
    let originals: BTreeMap<&SitePath, SitePath> = group
        .iter()
        .filter_map(|number| Some((&files[*number].path, SitePath::new(files[*number].original)?)))
        .collect();
    let bytes: Vec<_> = group
        .iter()
        .map(|number| {
            let file = &files[*number];
            let edits = file.references.iter().filter_map(|found| {
                let url = originals.get(&found.to)?.relative_url(file.path.dir()) + &found.suffix;
                Some(Edit::new(found.range.clone(), found.form.escape(&url)))
            });
            edit::apply(&file.bytes, edits.collect())
        })
        .collect();
    let pieces = group.iter().zip(&bytes);
    Fingerprint::of_pieces(pieces.flat_map(|(number, bytes)| [files[*number].original.as_bytes(), bytes]))
}
