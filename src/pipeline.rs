//! The whole story on one screen: read, index, link, plan, rewrite, write, report.

use crate::config::Config;
use crate::error::{Error, Result, io_error};
use crate::fallback::service_worker::{self, Data, RETIRED};
use crate::fallback::{NetFile, Parts};
use crate::graph::link::{self, AssetGraph};
use crate::html::csp;
use crate::keep;
use crate::manifest::{self, AssetEntry, Manifest, ServiceWorker, WorkerState, private};
use crate::model::digest::{self, Digests};
use crate::model::finding::Finding;
use crate::model::path::SitePath;
use crate::output::{Staging, native};
use crate::page::{self, Context, Outcome};
use crate::plan::{self, Home, Plan};
use crate::report::Report;
use crate::site::index::{self, AssetIndex};
use crate::site::{self, Site, SiteFile, listed, read_pieces};
use rayon::prelude::*;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Builds SITE into OUT.
///
/// What cannot be rewritten is copied and told in the report; an error means that OUT is what it was before.
pub fn build(site: &Path, out: &Path, config: &Config) -> Result<Report> {
    let (site, findings) = site::walk_with(site, config.settings.follow_links)?;
    refuse_overlap(&site, out)?;
    if let Some((path, manifest)) = already_built(&site, config)? {
        return copy(&site, out, &path, &manifest, findings, config);
    }

    let mut prepared = prepare(site, findings, config)?;
    let context = prepared.context(config);
    let staging = Staging::begin(out)?;
    write_assets(context, &staging)?;
    let outcomes = each_page(context, |file, path| write_page(file, path, context, &staging))?;
    let net = write_net(context, &staging)?;
    let (kept, lost) =
        keep::carry(&prepared.site, &prepared.index, &prepared.plan, net_file(context), config, &staging, out)?;
    prepared.plan.kept = kept;
    prepared.findings.extend(lost);
    let context = prepared.context(config);
    let service_worker = write_service_worker(context, &staging, out)?;
    let manifest = Manifest { net, service_worker, ..Manifest::new(&prepared.plan, config) };
    commit(staging, out, &manifest.to_json(), config)?;
    Ok(report(&prepared.plan, outcomes, prepared.findings))
}

/// Puts what was written and its manifest in their places.
fn commit(staging: Staging, out: &Path, manifest: &str, config: &Config) -> Result<()> {
    if config.settings.private_manifest {
        private::prepare(out, manifest)?;
        staging.commit()?;
        return private::settle(out);
    }
    staging.write(Path::new(manifest::FILE_NAME), manifest.as_bytes())?;
    staging.commit()?;
    private::forget(out);
    Ok(())
}

/// What a build of SITE would do. Nothing is written.
pub fn dry_run(site: &Path, config: &Config) -> Result<Report> {
    let (site, findings) = site::walk_with(site, config.settings.follow_links)?;
    if let Some((path, manifest)) = already_built(&site, config)? {
        if !is_intact(&manifest, |path| Ok(site.read(path).ok()))? {
            return Err(Error::AlreadyBuilt { path });
        }
        return Ok(Report { already_built: true, findings, ..Report::default() });
    }
    let prepared = prepare(site, findings, config)?;
    let context = prepared.context(config);
    let outcomes = each_page(context, |file, path| look_at_page(file, path, context))?;
    Ok(report(&prepared.plan, outcomes, prepared.findings))
}

/// A site that was read, and what was decided about its assets.
#[derive(Debug)]
pub struct Prepared {
    /// The input.
    pub site: Site,
    /// What there is.
    pub index: AssetIndex,
    /// What refers to what.
    pub graph: AssetGraph,
    /// How each asset is published.
    pub plan: Plan,
    /// What was left alone so far.
    pub findings: Vec<Finding>,
}

impl Prepared {
    /// What its pages are rewritten with.
    pub fn context<'p>(&'p self, config: &'p Config) -> Context<'p> {
        Context { config, site: &self.site, index: &self.index, plan: &self.plan, explain: false }
    }
}

/// Indexes, links and plans a site that was walked.
pub fn prepare(site: Site, mut findings: Vec<Finding>, config: &Config) -> Result<Prepared> {
    let (mut index, unreadable) = index::index(&site, config)?;
    let (names, not_there) = listed::fingerprinted(&site, &index, config)?;
    index.listed = names;
    let (graph, in_files) = link::link(&index, &config.mount);
    let (plan, decided) = plan::plan(&index, &graph, config);
    findings.extend([unreadable, not_there, in_files, decided].into_iter().flatten());
    Ok(Prepared { site, index, graph, plan, findings })
}

/// Every file that is no page: the original under its own name, and what is published under another.
fn write_assets(context: Context<'_>, staging: &Staging) -> Result<()> {
    let Context { config, site, plan, .. } = context;
    site.files.par_iter().try_for_each(|file| {
        let publication = file.path.as_ref().and_then(|path| plan.get(path));
        let Some((path, publication)) = file.path.as_ref().zip(publication) else {
            let is_page = file.path.as_ref().is_some_and(|path| config.is_page(path));
            let worker = file.path.as_ref().filter(|path| plan.workers.contains(path));
            return match worker {
                Some(path) => join_worker(site, file, path, staging),
                None if is_page => Ok(()),
                None => copy_file(site, file, staging),
            };
        };
        let renamed = publication.path != *path;
        if renamed || publication.bytes.is_none() {
            copy_asset(context, file, path, staging)?;
        }
        // The site has this name already, with the same bytes, or another would have been chosen. A file that is written twice
        // may be read half-written: it is published under a name of its own at the same time.
        if renamed && site.has(&publication.path) {
            return Ok(());
        }
        match &publication.bytes {
            Some(bytes) => staging.write(&native(&publication.path), bytes),
            // Not from the site once more: both names must stand for the same bytes.
            None if renamed => staging.copy_staged(&file.relative, &native(&publication.path)),
            None => Ok(()),
        }
    })
}

/// A service worker of the site's own, which imports ours.
fn join_worker(site: &Site, file: &SiteFile, path: &SitePath, staging: &Staging) -> Result<()> {
    let bytes = site.read(path).map_err(io_error("read", site.locate(file)))?;
    unchanged(site, file)?;
    staging.write(&native(path), &service_worker::joined(&bytes))
}

fn net_file(context: Context<'_>) -> Option<&'static NetFile> {
    NetFile::of(context.config, Parts::of(context.config, !context.plan.workers.is_empty()))
}

/// The net's file, where it has one.
fn write_net(context: Context<'_>, staging: &Staging) -> Result<Option<AssetEntry>> {
    let Some(file) = net_file(context) else { return Ok(None) };
    let own = SitePath::new(&file.name).filter(|path| context.site.has(path));
    if own.is_some_and(|path| context.site.read(&path).ok().as_deref() != Some(file.text.as_bytes())) {
        return Err(Error::Reserved { path: context.site.root().join(&file.name) });
    }
    staging.write(Path::new(&file.name), file.text.as_bytes())?;
    Ok(Some(AssetEntry::of_own(&file.name, &file.text)))
}

/// The service worker, or what unregisters that of the build before.
fn write_service_worker(context: Context<'_>, staging: &Staging, out: &Path) -> Result<Option<ServiceWorker>> {
    let Context { config, site, plan, .. } = context;
    let name = service_worker::FILE_NAME;
    let is_taken = SitePath::new(name).is_some_and(|path| site.has(&path));
    let (state, text) = match Data::of(plan, config) {
        Some(_) if is_taken => return Err(Error::Reserved { path: site.root().join(name) }),
        Some(data) => (WorkerState::Active, data.text()),
        None if !is_taken && had_service_worker(out)? => (WorkerState::Retired, RETIRED.to_owned()),
        None => return Ok(None),
    };
    staging.write(Path::new(name), text.as_bytes())?;
    let imported_by = plan.workers.iter().map(ToString::to_string).collect();
    Ok(Some(ServiceWorker { state, imported_by, file: AssetEntry::of_own(name, &text) }))
}

/// Whether the build before has left a service worker in browsers: it had one, or its successor.
fn had_service_worker(out: &Path) -> Result<bool> {
    Ok(private::find(out)?.is_some_and(|(_, manifest)| manifest::lists_service_worker(&manifest)))
}

/// Copies a file of which nothing is known but its name.
fn copy_file(site: &Site, file: &SiteFile, staging: &Staging) -> Result<()> {
    staging.copy(&site.locate(file), &file.relative)?;
    unchanged(site, file)
}

/// Copies an asset whose hashes were taken: those of the copy must be the same.
fn copy_asset(context: Context<'_>, file: &SiteFile, path: &SitePath, staging: &Staging) -> Result<()> {
    let copy = staging.copy(&context.site.locate(file), &file.relative)?;
    let is_same = |digests: &Digests| digests.are_of_pieces(|take| read_pieces(copy, take));
    match context.index.assets.get(path).map_or(Ok(true), |asset| is_same(&asset.digests)) {
        Ok(true) => unchanged(context.site, file),
        Ok(false) => Err(Error::Changed { path: file.relative.clone() }),
        Err(error) => Err(io_error("read the copy of", context.site.locate(file))(error)),
    }
}

/// A file that was written to while it was read may be half of one and half of the other.
fn unchanged(site: &Site, file: &SiteFile) -> Result<()> {
    if site.is_unchanged(file)? { Ok(()) } else { Err(Error::Changed { path: file.relative.clone() }) }
}

/// Does something with every page, the largest first so that no thread is left with one at the end.
pub fn each_page<T: Send>(
    context: Context<'_>,
    work: impl Fn(&SiteFile, &SitePath) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let files = context.site.files.iter().filter_map(|file| Some((file, file.path.as_ref()?)));
    let mut pages: Vec<_> = files.filter(|(_, path)| context.config.is_page(path)).collect();
    pages.sort_by_key(|(file, _)| std::cmp::Reverse(file.size));
    pages.into_par_iter().map(|(file, path)| work(file, path)).collect()
}

/// Writes a page, rewritten or as it is.
fn write_page(file: &SiteFile, path: &SitePath, context: Context<'_>, staging: &Staging) -> Result<Outcome> {
    let (site, from) = (context.site, context.site.locate(file));
    if file.size > page::WHOLE {
        return write_long_page(file, path, context, staging);
    }
    let bytes = site.read(path).map_err(io_error("read", &from))?;
    let mut outcome = page::rewrite_bytes(path, &bytes, None, context);
    match outcome.bytes.take() {
        Some(bytes) => staging.write(&file.relative, &bytes)?,
        None => copy_page(&bytes, file, site, staging)?,
    }
    unchanged(site, file)?;
    Ok(outcome)
}

/// Copies a page that was looked at and stays as it is: another one might need rewriting.
fn copy_page(bytes: &[u8], file: &SiteFile, site: &Site, staging: &Staging) -> Result<()> {
    let mut copied = Vec::with_capacity(bytes.len());
    let mut copy = staging.copy(&site.locate(file), &file.relative)?;
    copy.read_to_end(&mut copied).map_err(io_error("read the copy of", site.locate(file)))?;
    if copied == bytes { Ok(()) } else { Err(Error::Changed { path: file.relative.clone() }) }
}

/// The same for a page that streams by. It is read more than once, so a copy is read that nobody else can change.
fn write_long_page(file: &SiteFile, path: &SitePath, context: Context<'_>, staging: &Staging) -> Result<Outcome> {
    let kept = staging.keep(&context.site.locate(file))?;
    unchanged(context.site, file)?;
    let open = || -> io::Result<Box<dyn io::Read>> { Ok(Box::new(kept.open()?)) };
    let outcome = staging.write_pieces(&file.relative, |out| page::rewrite_stream(path, &open, out, context))?;
    if !outcome.changed {
        staging.copy_kept(&kept, &file.relative)?;
    }
    Ok(outcome)
}

/// What would become of a page.
pub fn look_at_page(file: &SiteFile, path: &SitePath, context: Context<'_>) -> Result<Outcome> {
    let bytes = context.site.read(path).map_err(io_error("read", &file.relative))?;
    Ok(page::rewrite_bytes(path, &bytes, None, context))
}

fn report(plan: &Plan, outcomes: Vec<Outcome>, findings: Vec<Finding>) -> Report {
    let moved = plan.publications.values().filter(|publication| publication.home == Home::Cdn);
    let mut report = Report {
        pages: outcomes.len(),
        assets: plan.publications.len(),
        kept: plan.kept.len(),
        bytes_moved: moved.map(|publication| publication.size).sum(),
        findings,
        ..Report::default()
    };
    for outcome in outcomes {
        report.rewritten_pages += usize::from(outcome.changed);
        for (directive, sources) in csp::header_advice(&outcome.needs) {
            report.policy.entry(directive.to_owned()).or_default().extend(sources);
        }
        report.references += outcome.references;
        report.references_moved += outcome.moved;
        report.findings.extend(outcome.findings);
    }
    report.findings.sort();
    report
}

/// The manifest of SITE and where it lies, if SITE is this version's own output with these options. With others it is
/// refused: names would be made of names, and integrity of integrity.
fn already_built(site: &Site, config: &Config) -> Result<Option<(PathBuf, Manifest)>> {
    let Some((file, manifest)) = manifest_of(site)? else { return Ok(None) };
    // What is kept beside a directory may tell of another that was there before.
    if !file.starts_with(site.root()) && !is_intact(&manifest, |path| Ok(site.read(path).ok()))? {
        return Ok(None);
    }
    let same = manifest.version == env!("CARGO_PKG_VERSION") && manifest.options == config.settings;
    if same { Ok(Some((file, manifest))) } else { Err(Error::AlreadyBuilt { path: file }) }
}

/// The manifest of a site that is an output, and where it lies.
fn manifest_of(site: &Site) -> Result<Option<(PathBuf, Manifest)>> {
    let published = site.root().join(manifest::FILE_NAME);
    if !SitePath::new(manifest::FILE_NAME).is_some_and(|path| site.has(&path)) {
        let private = private::read(site.root()).ok().filter(|(file, _)| *file != published);
        return Ok(private.and_then(|(file, bytes)| Some((file.clone(), Manifest::parse(&bytes, &file).ok()?))));
    }
    let bytes = site::read_regular(&published).map_err(io_error("read", &published))?;
    let manifest = Manifest::parse(&bytes, &published).map_err(|_| Error::Reserved { path: published.clone() })?;
    Ok(Some((published, manifest)))
}

/// Whether every file that a manifest lists has the bytes that it was listed with.
fn is_intact(manifest: &Manifest, read: impl Fn(&SitePath) -> Result<Option<Vec<u8>>>) -> Result<bool> {
    for entry in manifest.files() {
        let bytes = SitePath::new(&entry.path).map_or(Ok(None), |path| read(&path))?;
        if bytes.is_none_or(|bytes| digest::satisfies(&entry.integrity, &bytes) != Some(true)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Copies a site that was built already. It is the copy that must be intact.
fn copy(
    site: &Site,
    out: &Path,
    path: &Path,
    manifest: &Manifest,
    findings: Vec<Finding>,
    config: &Config,
) -> Result<Report> {
    let staging = Staging::begin(out)?;
    site.files.par_iter().try_for_each(|file| copy_file(site, file, &staging))?;
    if !is_intact(manifest, |path| staging.staged(&native(path)))? {
        return Err(Error::AlreadyBuilt { path: path.to_owned() });
    }
    let bytes = site::read_regular(path).map_err(io_error("read", path))?;
    commit(staging, out, &String::from_utf8_lossy(&bytes), config)?;
    Ok(Report { already_built: true, findings, ..Report::default() })
}

/// SITE in OUT, OUT in SITE, SITE = OUT: each would lose or feed back files. So would what links of SITE lead to.
fn refuse_overlap(site: &Site, out: &Path) -> Result<()> {
    let absolute = std::path::absolute(out).map_err(io_error("resolve", out))?;
    // OUT need not exist yet: its nearest ancestor that does decides.
    let real = absolute
        .ancestors()
        .find_map(|ancestor| {
            let below = absolute.strip_prefix(ancestor).ok()?;
            Some(ancestor.canonicalize().ok()?.join(below))
        })
        .unwrap_or(absolute);
    let mut read = site.outside.iter().map(PathBuf::as_path).chain([site.root()]);
    let overlaps = read.any(|place| real.starts_with(place) || place.starts_with(&real));
    if overlaps { Err(Error::Overlap { out: out.to_owned() }) } else { Ok(()) }
}
