//! The second story: read an output back, trusting nothing but the CDN and base path that its manifest names. It shares
//! the tokenizers with the build, never the graph, the plan or the page writer.

mod files;
mod modules;
mod net;
mod page;
mod service_worker;

use crate::cdn::Cdn;
use crate::config::OWN_WORKERS;
use crate::error::{Result, io_error};
use crate::fallback::Parts;
use crate::graph::resolve::Mount;
use crate::manifest::{Manifest, private};
use crate::model::digest::satisfies;
use crate::model::finding::{Finding, Level};
use crate::model::media_type;
use crate::model::path::SitePath;
use crate::report;
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use walkdir::WalkDir;

/// What a verification found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// How many pages were read.
    pub pages: usize,
    /// How many assets were hashed again.
    pub assets: usize,
    /// How many files of earlier builds were hashed again.
    pub kept: usize,
    /// How many references were followed.
    pub references: usize,
    /// Broken promises are errors; what led nowhere in SITE already is not.
    pub findings: Vec<Finding>,
}

impl Verified {
    /// For people.
    pub fn to_text(&self, verbose: bool) -> String {
        let broken = self.findings.iter().filter(|finding| finding.code.level() == Level::Error).count();
        let verdict = if broken == 0 { "verified" } else { "FAILED" };
        let kept = if self.kept == 0 { String::new() } else { format!(", {} files of earlier builds", self.kept) };
        format!(
            "{}{verdict}: {} pages, {} assets{kept}, {} references, {broken} broken promises\n{}",
            report::findings_text(&self.findings, verbose),
            self.pages,
            self.assets,
            self.references,
            report::counts(&self.findings)
        )
    }

    /// For programs.
    pub fn to_json(&self) -> String {
        let verified = serde_json::json!({
            "pages": self.pages,
            "assets": self.assets,
            "kept": self.kept,
            "references": self.references,
            "findings": report::findings_json(&self.findings),
        });
        format!("{verified:#}\n")
    }
}

/// Reads OUT again and checks every promise.
pub fn verify(out: &Path) -> Result<Verified> {
    let (path, bytes) = private::read(out)?;
    let manifest = Manifest::parse(&bytes, &path)?;
    let published = Published::read(out, manifest)?;

    let (mut findings, modules) = files::check(&published);
    let pages: Vec<_> = published.files.iter().filter(|path| published.config.is_page(path)).collect();
    let checked: Vec<_> =
        pages.par_iter().map(|path| page::check(path, &published, &modules)).collect::<Result<_>>()?;
    let references = checked.iter().map(|(references, _)| references).sum();
    findings.extend(checked.into_iter().flat_map(|(_, findings)| findings));
    findings.extend(service_worker::check(&published));
    findings.sort();
    let (assets, kept) = (published.manifest.assets.len(), published.manifest.kept.len());
    Ok(Verified { pages: pages.len(), assets, kept, references, findings })
}

/// Whether there is a file that goes along when OUT is taken elsewhere, and does not keep its reader waiting.
fn is_published(entry: &walkdir::DirEntry, root: &Path) -> bool {
    let leads_out = || !entry.path().canonicalize().is_ok_and(|real| real.starts_with(root));
    let is_link = entry.path_is_symlink();
    (entry.file_type().is_file() || is_link && entry.path().is_file()) && !(is_link && leads_out())
}

/// An output as it lies there.
struct Published<'o> {
    root: &'o Path,
    manifest: Manifest,
    config: crate::config::Config,
    cdn: Option<Cdn>,
    mount: Mount,
    files: HashSet<SitePath>,
    /// Published paths, so that a reference to one that is gone is known to be ours.
    listed: HashSet<SitePath>,
    /// Hashes that were checked already: the same sheet stands on every page.
    checked: Mutex<HashMap<(SitePath, String), Option<bool>>>,
}

impl<'o> Published<'o> {
    fn read(root: &'o Path, manifest: Manifest) -> Result<Self> {
        let config = crate::config::Config::new(manifest.options.clone())?;
        let real = root.canonicalize().map_err(io_error("read", root))?;
        let files = WalkDir::new(root).into_iter().filter_map(|entry| {
            let entry = entry.ok().filter(|entry| is_published(entry, &real))?;
            let relative = entry.path().strip_prefix(root).ok()?.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
            SitePath::new(&relative)
        });
        Ok(Self {
            cdn: manifest.cdn.as_deref().map(Cdn::parse).transpose()?,
            mount: Mount::new(Some(&manifest.base_path), manifest.options.site_url.as_deref())?,
            files: files.collect(),
            listed: manifest.files().filter_map(|entry| SitePath::new(&entry.path)).collect(),
            checked: Mutex::default(),
            root,
            config,
            manifest,
        })
    }

    /// What the net's script holds.
    fn parts(&self) -> Parts {
        let has_own_worker =
            OWN_WORKERS.iter().filter_map(|name| SitePath::new(name)).any(|path| self.files.contains(&path));
        Parts::of(&self.config, has_own_worker)
    }

    fn bytes(&self, path: &SitePath) -> std::io::Result<Vec<u8>> {
        if !self.files.contains(path) {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        fs::read(self.root.join(path.as_str()))
    }

    /// Whether `metadata` is right for a file; `None` when it checks nothing.
    fn satisfies(&self, path: &SitePath, metadata: &str) -> Option<bool> {
        let key = (path.clone(), metadata.to_owned());
        if let Some(known) = self.checked.lock().ok().and_then(|checked| checked.get(&key).copied()) {
            return known;
        }
        let answer = satisfies(metadata, &self.bytes(path).unwrap_or_default());
        if let Ok(mut checked) = self.checked.lock() {
            checked.insert(key, answer);
        }
        answer
    }

    /// Whether a path that leads nowhere is one that tightrope wrote.
    fn is_ours(&self, path: &SitePath) -> bool {
        self.listed.contains(path)
            || crate::plan::own_fingerprint(path).is_some() && media_type::of(path).0 != media_type::Kind::Other
    }
}
