//! Which modules a page loads by import statements, and whether its import maps pin them: an element's `integrity` covers
//! its own file alone (HTML, section 8.1.4.2, "fetch a single module script").

use super::Published;
use crate::model::path::SitePath;
use std::collections::{BTreeSet, HashMap};
use url::Url;

/// A module as a page loads it: its published path and its `?query#fragment`.
pub(super) type Module = (SitePath, String);

/// The published files, by published path.
#[derive(Default)]
pub(super) struct Modules {
    files: HashMap<SitePath, File>,
}

struct File {
    on_cdn: bool,
    imports: Vec<Module>,
}

impl Modules {
    /// From each file's path, whether pages load it from the CDN, and what it imports by statements.
    pub(super) fn new(files: impl Iterator<Item = (SitePath, bool, Vec<Module>)>) -> Self {
        Self { files: files.map(|(path, on_cdn, imports)| (path, File { on_cdn, imports })).collect() }
    }

    /// All that comes with `start` by import statements and was not `seen` before.
    fn imported_by<'m>(&'m self, start: &'m SitePath, seen: &mut BTreeSet<&'m Module>) -> BTreeSet<&'m Module> {
        let (mut new, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(path) = open.pop() {
            for module in self.files.get(path).map_or(&[][..], |file| &file.imports) {
                if seen.insert(module) {
                    new.insert(module);
                    open.push(&module.0);
                }
            }
        }
        new
    }
}

/// What one page says of its modules.
#[derive(Default)]
pub(super) struct PageModules {
    roots: Vec<Root>,
    /// The keys of the `integrity` of all import maps, as absolute URLs, and where the first map with it stands.
    pinned: HashMap<String, usize>,
    /// Whether an import map names addresses, or is none.
    pub(super) own_map: bool,
}

/// Where a module graph begins.
struct Root {
    at: usize,
    module: Module,
    on_cdn: bool,
    /// Whether it must itself be in a map: what an inline module imports has no attribute.
    imported: bool,
}

impl PageModules {
    /// A `<script type=module src>` or a modulepreload, pinned by its own attribute.
    pub(super) fn element(&mut self, at: usize, path: SitePath, on_cdn: bool) {
        self.roots.push(Root { at, module: (path, String::new()), on_cdn, imported: false });
    }

    /// What an inline module imports.
    pub(super) fn import(&mut self, at: usize, module: Module, on_cdn: bool) {
        self.roots.push(Root { at, module, on_cdn, imported: true });
    }

    /// A key of an import map's `integrity`.
    pub(super) fn pin(&mut self, at: usize, url: &Url) {
        self.pinned.entry(url.as_str().to_owned()).or_insert(at);
    }

    /// The URLs that ought to be in a map and are not, each with the place of the first module that brings it in.
    ///
    /// A page's own map with addresses cannot fall back, so its modules are left alone; those from the CDN were not.
    pub(super) fn unpinned(&self, modules: &Modules, published: &Published<'_>) -> Vec<(usize, String)> {
        let (mut seen, mut unpinned) = (BTreeSet::new(), Vec::new());
        let mut roots: Vec<_> = self.roots.iter().filter(|root| root.on_cdn || !self.own_map).collect();
        // What the first root brings in need not be asked of the others: a map before the first is before all.
        roots.sort_by_key(|root| root.at);
        let mut known = BTreeSet::new();
        for root in roots {
            let own = root.imported.then_some(&root.module);
            for module in modules.imported_by(&root.module.0, &mut known).into_iter().chain(own) {
                let homes = modules.homes(module, published).into_iter().filter(|url| !self.is_pinned(url, root.at));
                unpinned.extend(homes.filter(|url| seen.insert(url.clone())).map(|url| (root.at, url)));
            }
        }
        unpinned
    }

    /// A map counts for what comes after it.
    fn is_pinned(&self, url: &str, before: usize) -> bool {
        self.pinned.get(url).is_some_and(|at| *at < before)
    }
}

impl Modules {
    /// The URLs under which a page may load a module. None for files that the manifest does not list: originals, and
    /// what `--exclude` keeps out.
    fn homes(&self, (path, suffix): &Module, published: &Published<'_>) -> Vec<String> {
        let Some(file) = self.files.get(path) else { return Vec::new() };
        let cdn = published.cdn.as_ref().filter(|_| file.on_cdn).map(|cdn| cdn.url_for(path));
        let local = published.mount.url_of(path).to_string();
        cdn.into_iter().chain([local]).map(|url| url + suffix).collect()
    }
}
