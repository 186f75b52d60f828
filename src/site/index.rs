//! Every asset's bytes, read once and hashed in parallel.

use crate::config::Config;
use crate::error::{Result, io_error};
use crate::html::svg;
use crate::model::digest::Digests;
use crate::model::finding::{Code, Finding};
use crate::model::media_type::{self, Kind};
use crate::model::name_digests::{self, NameDigests};
use crate::model::path::SitePath;
use crate::site::{Site, SiteFile, is_forbidden, read_pieces};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;

/// An asset as it was found.
#[derive(Clone, Debug)]
pub struct Asset {
    /// What it is.
    pub kind: Kind,
    /// Its media type.
    pub media_type: &'static str,
    /// In bytes.
    pub size: u64,
    /// Of its bytes.
    pub digests: Digests,
    /// Whether a hash of its bytes is in its name already.
    pub is_named_by_digest: bool,
    /// The bytes themselves, where references may be in them.
    pub source: Option<Vec<u8>>,
}

/// All assets, by path, and the names of all other files.
#[derive(Debug, Default)]
pub struct AssetIndex {
    /// Sorted by path, so that nothing depends on the order of a directory.
    pub assets: BTreeMap<SitePath, Asset>,
    /// Names that carry a fingerprint, by the manifest of an earlier build.
    pub listed: BTreeSet<SitePath>,
    files: HashSet<SitePath>,
}

impl AssetIndex {
    /// The names alone, with nothing read.
    pub fn of_names(site: &Site) -> Self {
        let files = site.files.iter().filter_map(|file| file.path.clone()).collect();
        Self { files, ..Self::default() }
    }

    /// All files, assets or not, in no order.
    pub fn paths(&self) -> impl Iterator<Item = &SitePath> {
        self.files.iter()
    }

    /// Whether the site has a file of that name, asset or not.
    pub fn exists(&self, path: &SitePath) -> bool {
        self.files.contains(path)
    }
}

/// Reads and hashes the assets. One that may not be read is a finding.
pub fn index(site: &Site, config: &Config) -> Result<(AssetIndex, Vec<Finding>)> {
    let files: HashSet<_> = site.files.iter().filter_map(|file| file.path.clone()).collect();
    let mut wanted: Vec<(&SiteFile, &SitePath)> = site
        .files
        .iter()
        .filter_map(|file| file.path.as_ref().map(|path| (file, path)))
        .filter(|(_, path)| config.is_asset(path))
        .collect();
    // The largest first, so that no thread is left with one at the end.
    wanted.sort_by_key(|(file, _)| std::cmp::Reverse(file.size));
    let read: Vec<_> = wanted.into_par_iter().map(|(_, path)| (path, asset(site, path))).collect();
    let (mut assets, mut findings) = (BTreeMap::new(), Vec::new());
    for result in read {
        match result {
            (path, Ok(asset)) => drop(assets.insert(path.clone(), asset)),
            (path, Err(error)) if is_forbidden(&error) => {
                findings.push(Finding::of_file(Code::Unreadable, path.as_str(), error.to_string()));
            }
            (path, Err(error)) => return Err(io_error("read", site.root().join(path.as_str()))(error)),
        }
    }
    Ok((AssetIndex { assets, files, listed: BTreeSet::new() }, findings))
}

fn asset(site: &Site, path: &SitePath) -> io::Result<Asset> {
    let (kind, media_type) = media_type::of(path);
    let is_svg = path.extension() == "svg";
    if is_svg || matches!(kind, Kind::Script | Kind::Style | Kind::WebManifest) {
        let bytes = site.read(path)?;
        let (size, digests) = (bytes.len() as u64, Digests::of(&bytes));
        let is_named_by_digest = is_named_by_digest(path, |take| {
            take(&bytes);
            Ok(())
        })?;
        let may_refer = !is_svg || svg::may_refer(&bytes);
        let source = may_refer.then_some(bytes);
        return Ok(Asset { kind, media_type, size, digests, is_named_by_digest, source });
    }
    let mut size = 0;
    let digests = Digests::of_pieces(|take| {
        read_pieces(site.open(path)?, &mut |piece| {
            size += piece.len() as u64;
            take(piece);
        })
    })?;
    let is_named_by_digest = is_named_by_digest(path, |take| read_pieces(site.open(path)?, take))?;
    Ok(Asset { kind, media_type, size, digests, is_named_by_digest, source: None })
}

/// Few names look as if they carried a digest: only those files are hashed once more.
fn is_named_by_digest(path: &SitePath, fill: impl FnMut(&mut dyn FnMut(&[u8])) -> io::Result<()>) -> io::Result<bool> {
    let name = path.file_name();
    Ok(name_digests::may_be_in(name) && NameDigests::of_pieces(fill)?.are_in(name))
}
