//! `--keep`: the fingerprinted files of the last builds come along, so that cached pages and open tabs live on.

use crate::config::{Config, SERVICE_WORKER};
use crate::error::Result;
use crate::fallback::NetFile;
use crate::manifest::{self, earlier, private};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::output::Staging;
use crate::plan::{self, Kept, NewNames, Plan};
use crate::site::Site;
use crate::site::index::AssetIndex;
use rayon::prelude::*;
use std::path::Path;

/// Copies what is kept of OUT into the new site, behind all files of the new build but tightrope's own. What should come
/// along and cannot is told.
pub fn carry(
    site: &Site,
    index: &AssetIndex,
    plan: &Plan,
    net: Option<&NetFile>,
    config: &Config,
    staging: &Staging,
    out: &Path,
) -> Result<(Vec<Kept>, Vec<Finding>)> {
    if config.settings.keep == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let (files, mut findings) = earlier_files(staging, out);
    let (files, told) = plan::keep(files, &names(site, index, plan, net), config);
    findings.extend(told);
    let carried: Vec<_> = files
        .into_par_iter()
        .map(|file| Ok((staging.carry(&file.path, file.size, &file.integrity)?, file)))
        .collect::<Result<_>>()?;
    let (kept, lost): (Vec<_>, Vec<_>) = carried.into_iter().partition(|(reason, _)| reason.is_none());
    findings.extend(
        lost.into_iter()
            .filter_map(|(reason, file)| Some(Finding::of_file(Code::NotKept, file.path.as_str(), reason?))),
    );
    Ok((kept.into_iter().map(|(_, file)| file).collect(), findings))
}

/// What OUT's manifest lists. Where there is none, this is the first build.
fn earlier_files(staging: &Staging, out: &Path) -> (Vec<Kept>, Vec<Finding>) {
    match SitePath::new(manifest::FILE_NAME).map_or(Ok(None), |path| staging.read(&path)) {
        Ok(Some(manifest)) => earlier::fingerprinted(&manifest),
        // Or it is kept beside OUT.
        Ok(None) => private::find(out).map_or_else(
            |error| (Vec::new(), vec![Finding::of_file(Code::NotKept, manifest::FILE_NAME, error.to_string())]),
            |found| found.map(|(_, manifest)| earlier::fingerprinted(&manifest)).unwrap_or_default(),
        ),
        Err(reason) => (Vec::new(), vec![Finding::of_file(Code::NotKept, manifest::FILE_NAME, reason)]),
    }
}

/// Every name of the new build.
fn names(site: &Site, index: &AssetIndex, plan: &Plan, net: Option<&NetFile>) -> NewNames {
    let mut names = NewNames::of(plan);
    for path in site.files.iter().filter_map(|file| file.path.as_ref()) {
        let integrity = || index.assets.get(path).map(|asset| asset.digests.integrity());
        names.all.entry(path.clone()).or_insert_with(integrity);
    }
    let own = [manifest::FILE_NAME, SERVICE_WORKER].into_iter().filter_map(SitePath::new);
    names.all.extend(own.map(|path| (path, None)));
    if let Some((path, net)) = net.and_then(|net| Some((SitePath::new(&net.name)?, net))) {
        names.all.insert(path.clone(), Some(net.integrity.clone()));
        names.fingerprinted.insert((path, net.integrity.clone()));
    }
    names
}
