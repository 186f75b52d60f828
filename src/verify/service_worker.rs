//! The service worker: this version's code, what it knows is true, and a worker of the site's own imports it.

use super::Published;
use crate::config::OWN_WORKERS;
use crate::fallback::service_worker::{self, Data, FILE_NAME, RETIRED};
use crate::manifest::{ServiceWorker, WorkerState};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::plan;

/// What is wrong with it.
pub(super) fn check(published: &Published<'_>) -> Vec<Finding> {
    let tell = |path: &str, reason: &str| Finding::of_file(Code::ServiceWorkerBroken, path, reason);
    let wanted = published.config.settings.service_worker;
    match &published.manifest.service_worker {
        None if wanted => vec![tell(FILE_NAME, "it was asked for, and the manifest does not list it")],
        None => Vec::new(),
        Some(ServiceWorker { state: WorkerState::Active, .. }) if wanted => {
            let data = text(published).and_then(|text| Data::parse(&text));
            let Some(data) = data else { return vec![tell(FILE_NAME, "it is missing, or not that of this version")] };
            let reasons = of_data(&data, published);
            let workers = own_workers(published).filter(|path| !imports_it(path, published));
            let stray = workers.map(|path| tell(path.as_str(), "it does not import the service worker first"));
            reasons.iter().map(|reason| tell(FILE_NAME, reason)).chain(stray).collect()
        }
        Some(ServiceWorker { state: WorkerState::Retired, .. }) if !wanted => {
            let is_right = text(published).is_some_and(|text| text == RETIRED);
            if is_right { Vec::new() } else { vec![tell(FILE_NAME, "it does not unregister what was there before")] }
        }
        Some(_) => vec![tell(FILE_NAME, "the manifest and its options disagree about it")],
    }
}

fn text(published: &Published<'_>) -> Option<String> {
    String::from_utf8(published.bytes(&SitePath::new(FILE_NAME)?).ok()?).ok()
}

/// The workers that control the whole site.
fn own_workers<'p>(published: &'p Published<'_>) -> impl Iterator<Item = SitePath> + 'p {
    OWN_WORKERS.iter().filter_map(|name| SitePath::new(name)).filter(|path| published.files.contains(path))
}

fn imports_it(path: &SitePath, published: &Published<'_>) -> bool {
    published.bytes(path).is_ok_and(|bytes| service_worker::is_joined(&bytes))
}

/// What the worker believes, and is not so.
fn of_data(data: &Data, published: &Published<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    if data.cdns.iter().map(String::as_str).ne(published.cdn.iter().map(crate::cdn::Cdn::as_str)) {
        wrong.push("it answers for another CDN".to_owned());
    }
    if data.alone != own_workers(published).next().is_none() {
        wrong.push("it does not know whether the site has a worker of its own".to_owned());
    }
    let is_right = |url: &str, integrity: &str| {
        SitePath::from_url_path(url).is_some_and(|path| published.satisfies(&path, integrity) == Some(true))
    };
    let pins = data.integrity.iter().filter(|(url, integrity)| !is_right(url, integrity));
    wrong.extend(pins.map(|(url, _)| format!("`{url}` is not pinned by its integrity")));
    let lacking = pinnable(published).filter(|path| !data.integrity.contains_key(&path.to_url()));
    wrong.extend(lacking.map(|path| format!("`{path}` is not pinned")));
    wrong
}

/// What the table must hold at least: names that tightrope has made stand for their bytes.
fn pinnable<'p>(published: &'p Published<'_>) -> impl Iterator<Item = SitePath> + 'p {
    let renamed = published.manifest.assets.iter().filter(|(original, entry)| **original != entry.path);
    let renamed = renamed.map(|(_, entry)| entry);
    let moved = renamed.chain(published.manifest.kept.iter().map(|kept| &kept.file)).filter(|entry| entry.on_cdn);
    moved
        .filter_map(|entry| SitePath::new(&entry.path))
        .filter(|path| plan::own_fingerprint(path).is_some() && service_worker::is_pinned(path))
}
