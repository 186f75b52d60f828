//! A small site to rewrite pages of.

use super::{Difference, Published, compare};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tightrope::config::{Config, settings::Settings};
use tightrope::model::path::SitePath;
use tightrope::page::{Context, Outcome, rewrite_bytes};
use tightrope::plan::Plan;
use tightrope::site::Site;
use tightrope::site::index::AssetIndex;
use tightrope::{graph, plan, site};

/// The CDN of these sites.
pub const CDN: &str = "https://cdn.example/x/";

const FILES: [(&str, &str); 13] = [
    ("sub/page.html", ""),
    ("sub/a.js", "1"),
    ("sub/m.js", "import './n.js'"),
    ("sub/n.js", "export {}"),
    ("sub/a.css", "p{}"),
    ("sub/a.png", "png"),
    ("sub/b.png", "png 2"),
    ("img/c d.png", "png 3"),
    ("sub/v.mp4", "mp4"),
    ("sub/t.vtt", "WEBVTT"),
    ("sub/f.woff2", "font"),
    ("sub/i.svg", "<svg/>"),
    ("deep/a.png", "png 4"),
];

/// A site in a directory of its own, read and planned.
pub struct SmallSite {
    /// Stays for as long as pages are rewritten.
    dir: TempDir,
    config: Config,
    site: Site,
    index: AssetIndex,
    plan: Plan,
    page: SitePath,
}

impl SmallSite {
    /// The site, with a CDN or without.
    pub fn new(cdn: Option<&str>) -> Self {
        Self::of(&FILES, cdn, "sub/page.html")
    }

    /// A site of these files, seen from one of its pages.
    pub fn of(files: &[(&str, &str)], cdn: Option<&str>, page: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        let settings = Settings { cdn: cdn.map(str::to_owned), ..Settings::default() };
        let config = Config::new(settings).expect("good settings");
        let (site, _) = site::walk(dir.path()).expect("it can be read");
        let (index, _) = site::index::index(&site, &config).expect("it is read");
        let (graph, _) = graph::link::link(&index, &config.mount);
        let (plan, _) = plan::plan(&index, &graph, &config);
        let page = SitePath::new(page).expect("a path");
        Self { dir, config, site, index, plan, page }
    }

    /// Where it lies, and how it is built.
    pub fn source(&self) -> (&Path, &Config) {
        (self.dir.path(), &self.config)
    }

    fn context(&self) -> Context<'_> {
        Context { config: &self.config, site: &self.site, index: &self.index, plan: &self.plan, explain: false }
    }

    /// The site as the comparer needs it.
    pub fn published(&self) -> Published {
        Published::new(self.context(), &self.page)
    }

    /// The page with these bytes, rewritten.
    pub fn rewrite(&self, page: &[u8], step: Option<usize>) -> Outcome {
        rewrite_bytes(&self.page, page, step, self.context())
    }
}

/// A site and what it is compared with.
pub struct Judged {
    pub site: SmallSite,
    published: Published,
}

impl Judged {
    /// The site, with a CDN or without.
    pub fn new(cdn: Option<&str>) -> Self {
        let site = SmallSite::new(cdn);
        let published = site.published();
        Self { site, published }
    }

    /// Rewrites a page and compares; the page afterwards, when it changed.
    pub fn check(&self, page: &[u8]) -> Result<Option<Vec<u8>>, Difference> {
        let Some(after) = self.site.rewrite(page, None).bytes else { return Ok(None) };
        compare(page, &after, &self.published)?;
        Ok(Some(after))
    }
}
