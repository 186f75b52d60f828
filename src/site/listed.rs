//! The manifests of other builds that `--read-manifest` names, and which files of the site they list.

use crate::config::Config;
use crate::error::{Error, Result, io_error};
use crate::json::build_manifest::{self, BuildManifest, Entry};
use crate::model::finding::{Code, Finding, Position, Positions};
use crate::model::path::SitePath;
use crate::site::Site;
use crate::site::index::AssetIndex;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use url::Url;

/// The files whose names carry a fingerprint by what the manifests say. A file that is listed and not there is a
/// finding; a manifest that cannot be read stops the run.
pub fn fingerprinted(site: &Site, index: &AssetIndex, config: &Config) -> Result<(BTreeSet<SitePath>, Vec<Finding>)> {
    let (mut all, mut findings) = (BTreeSet::new(), Vec::new());
    for name in &config.settings.read_manifest {
        let (text, manifest) = read(Path::new(name))?;
        let dir = dir_in_site(Path::new(name), site).unwrap_or_default();
        let places = Places { index, dir: &dir, config }.find(&manifest);
        let (there, gone): (Vec<_>, Vec<_>) =
            manifest.entries.iter().zip(places).partition(|(_, place)| place.is_some());
        let there = there.into_iter().filter(|(entry, _)| entry.is_fingerprinted);
        all.extend(there.filter_map(|(_, place)| place));
        findings.extend(missing(name, &text, gone.into_iter().map(|(entry, _)| entry)));
    }
    Ok((all, findings))
}

fn read(path: &Path) -> Result<(String, BuildManifest)> {
    let bytes = fs::read(path).map_err(io_error("read", path))?;
    let refused = |bytes: &[u8], offset: usize, reason: String| {
        let Position { line, column } = Position::of(bytes, offset);
        Error::BuildManifest { path: path.to_owned(), line, column, reason }
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        refused(error.as_bytes(), at, "its bytes are not UTF-8".to_owned())
    })?;
    let manifest =
        build_manifest::parse(&text).map_err(|error| refused(text.as_bytes(), error.offset, error.message))?;
    Ok((text, manifest))
}

fn missing<'e>(name: &str, text: &str, entries: impl Iterator<Item = &'e Entry> + Clone) -> Vec<Finding> {
    let mut positions = Positions::of(entries.clone().map(|entry| entry.offset));
    positions.feed(text.as_bytes());
    let finding = |entry: &Entry| {
        let reason = format!("`{}` was not found in the site", entry.published);
        Finding::at_position(Code::ManifestEntryMissing, name, positions.get(entry.offset), reason)
    };
    entries.map(finding).collect()
}

/// The directory that a manifest speaks of by lying in it, from the site's root and with its slash. Vite puts its own
/// one level deeper.
fn dir_in_site(manifest: &Path, site: &Site) -> Option<String> {
    let real = manifest.canonicalize().ok()?;
    let dir = real.strip_prefix(site.root()).ok()?.parent()?;
    let dir = if dir.ends_with(".vite") { dir.parent()? } else { dir };
    let names: Option<Vec<_>> = dir.iter().map(|name| name.to_str()).collect();
    // Each name ends in a slash, the last too; of the root there is none.
    Some(names?.into_iter().flat_map(|name| [name, "/"]).collect())
}

/// Where the files of a manifest may lie.
struct Places<'p> {
    index: &'p AssetIndex,
    dir: &'p str,
    config: &'p Config,
}

/// How a name becomes a path: `strip` directories are taken off, and `prefix` is put in front.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Base {
    strip: usize,
    prefix: String,
}

/// The ways to read one published name as a path, without `./`, `../` or `/` in front.
struct Name {
    spellings: Vec<String>,
    /// Whether it may begin with directories that the site does not have: as a URL does, and a path from elsewhere.
    may_begin_outside: bool,
}

impl Places<'_> {
    /// Where each entry lies. One base counts for all of a manifest: the first of the likely ones under which all
    /// files are there, or else any that is the only one; or else the likely one that has most of them.
    fn find(&self, manifest: &BuildManifest) -> Vec<Option<SitePath>> {
        let names: Vec<_> =
            manifest.entries.iter().map(|entry| self.name(&entry.published, manifest.from_outside)).collect();
        let likely = ["", self.dir].map(|prefix| Base { strip: 0, prefix: prefix.to_owned() });
        let count = |base: &Base| names.iter().filter(|name| self.locate(name, base).is_some()).count();
        let counts = likely.each_ref().map(count);
        let best = usize::from(counts[1] > counts[0]);
        let searched = if counts[best] < names.len() { self.search(&names) } else { None };
        let base = searched.as_ref().unwrap_or(&likely[best]);
        names.iter().map(|name| self.locate(name, base)).collect()
    }

    fn name(&self, published: &str, from_outside: bool) -> Name {
        let decoded = |path: &str| percent_decode_str(path).decode_utf8().ok().map(Cow::into_owned);
        let mount = &self.config.mount;
        if published.starts_with('/') || Url::parse(published).is_ok() {
            let url = mount.root().join(published).ok();
            let own = url.as_ref().and_then(|url| mount.target_of(url)).map(|target| target.path.to_string());
            let spelling = own.or_else(|| decoded(url?.path().trim_start_matches('/')));
            return Name { spellings: spelling.into_iter().collect(), may_begin_outside: true };
        }
        let path = &published[..published.find(['?', '#']).unwrap_or(published.len())];
        let spellings = [Some(published.to_owned()), decoded(path)].into_iter().flatten();
        Name { spellings: spellings.map(without_dots).collect(), may_begin_outside: from_outside }
    }

    fn locate(&self, name: &Name, base: &Base) -> Option<SitePath> {
        name.spellings.iter().find_map(|spelling| {
            let path = SitePath::new(&format!("{}{}", base.prefix, without(spelling, base.strip)?))?;
            self.index.exists(&path).then_some(path)
        })
    }

    /// The only base under which all files are there, with as few directories taken off as can be.
    fn search(&self, names: &[Name]) -> Option<Base> {
        let depth = if names.iter().all(|name| name.may_begin_outside) { shared_depth(names) } else { 0 };
        (0..=depth).find_map(|strip| {
            let mut bases = self.bases(names.first()?, strip);
            bases.retain(|base| names.iter().all(|name| self.locate(name, base).is_some()));
            if bases.len() == 1 { bases.pop_first() } else { None }
        })
    }

    /// The bases under which one file is there.
    fn bases(&self, name: &Name, strip: usize) -> BTreeSet<Base> {
        let spellings: Vec<_> = name.spellings.iter().filter_map(|spelling| without(spelling, strip)).collect();
        let prefix = |path: &SitePath| {
            let found = spellings.iter().find_map(|spelling| path.as_str().strip_suffix(spelling))?;
            (found.is_empty() || found.ends_with('/')).then(|| found.to_owned())
        };
        self.index.paths().filter_map(prefix).map(|prefix| Base { strip, prefix }).collect()
    }
}

/// A path without `./` and `../` in front.
fn without_dots(mut path: String) -> String {
    while let Some(rest) = path.strip_prefix("./").or_else(|| path.strip_prefix("../")) {
        path = rest.to_owned();
    }
    path
}

/// A path without its first directories; `None` when it has no more of them.
fn without(path: &str, directories: usize) -> Option<&str> {
    (0..directories).try_fold(path, |path, _| path.split_once('/').map(|(_, rest)| rest))
}

/// How many directories all names begin with.
fn shared_depth(names: &[Name]) -> usize {
    let dirs = |name: &Name| {
        let mut parts: Vec<_> =
            name.spellings.last().map_or("", String::as_str).split('/').map(str::to_owned).collect();
        parts.pop();
        parts
    };
    let Some(first) = names.first().map(dirs) else { return 0 };
    let shared = |name: &Name| first.iter().zip(dirs(name)).take_while(|(a, b)| *a == b).count();
    names.iter().map(shared).min().unwrap_or(0)
}
