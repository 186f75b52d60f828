//! What is served: the files of one directory, and where the two homes have them.

use super::Home;
use crate::config::settings::{Crossorigin, Settings};
use crate::config::{Config, SERVICE_WORKER};
use crate::error::Result;
use crate::manifest::{Manifest, private};
use crate::model::path::SitePath;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use url::Url;

/// The files, and where they are.
#[derive(Debug)]
pub(super) struct Site {
    dir: PathBuf,
    /// Below which path the origin has the tree; it begins and ends with a slash.
    pub(super) base_path: String,
    /// The same for the CDN.
    pub(super) cdn_path: String,
    /// The CDN's base URL as the pages have it.
    pub(super) cdn: Option<Url>,
    /// Whether the CDN is asked with credentials.
    pub(super) with_credentials: bool,
    config: Config,
    /// The names that published files had before.
    originals: HashMap<String, String>,
}

/// What a path leads to.
pub(super) enum Found {
    File(Vec<u8>),
    Directory,
    Nothing,
}

impl Site {
    /// Any directory, its CDN at `cdn`.
    pub(super) fn of_directory(dir: &Path, cdn: Url) -> Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            base_path: "/".to_owned(),
            cdn_path: cdn.path().to_owned(),
            cdn: Some(cdn),
            with_credentials: false,
            config: Config::new(Settings::default())?,
            originals: HashMap::new(),
        })
    }

    /// An output of `tightrope build`, by its manifest.
    pub(super) fn of_output(out: &Path) -> Result<Self> {
        let (file, bytes) = private::read(out)?;
        let manifest = Manifest::parse(&bytes, &file)?;
        let config = Config::new(manifest.options)?;
        // What a manifest holds that is no URL, or no path, is as good as absent.
        let cdn = manifest.cdn.and_then(|cdn| Url::parse(&cdn).ok()).filter(|cdn| cdn.path().ends_with('/'));
        Ok(Self {
            dir: out.to_owned(),
            base_path: format!("/{}/", manifest.base_path.trim_matches('/')).replace("//", "/"),
            cdn_path: cdn.as_ref().map_or("/", Url::path).to_owned(),
            cdn,
            with_credentials: config.settings.crossorigin == Crossorigin::UseCredentials,
            config,
            originals: manifest.assets.into_iter().map(|(original, asset)| (asset.path, original)).collect(),
        })
    }

    /// Below which path a home has the tree.
    pub(super) fn root(&self, home: Home) -> &str {
        if home == Home::Cdn { &self.cdn_path } else { &self.base_path }
    }

    /// The file that a URL's path names; of a directory, its `index.html`.
    pub(super) fn path_of(&self, url_path: &str, home: Home) -> Option<SitePath> {
        let below = url_path.strip_prefix(self.root(home))?;
        let index = if url_path.ends_with('/') { "index.html" } else { "" };
        SitePath::from_url_path(&format!("{below}{index}"))
    }

    /// The names by which a rule may mean a file.
    pub(super) fn names<'a>(&'a self, path: &'a SitePath) -> Vec<&'a str> {
        let original = self.originals.get(path.as_str()).map(String::as_str);
        [path.as_str()].into_iter().chain(original).collect()
    }

    /// Whether a file may hold the CDN's URL: pages and the service worker alone, as `verify` promises.
    pub(super) fn may_name_cdn(&self, path: &SitePath) -> bool {
        self.config.is_page(path) || path.as_str() == SERVICE_WORKER
    }

    /// Reads a file. Links out of the directory are not followed; the directory itself may be one.
    pub(super) async fn read(&self, path: &SitePath) -> Found {
        match self.try_read(path).await {
            Ok(bytes) => Found::File(bytes),
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => Found::Directory,
            Err(_) => Found::Nothing,
        }
    }

    async fn try_read(&self, path: &SitePath) -> io::Result<Vec<u8>> {
        let root = tokio::fs::canonicalize(&self.dir).await?;
        let file = tokio::fs::canonicalize(root.join(path.as_str())).await?;
        if !file.starts_with(&root) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let kind = tokio::fs::metadata(&file).await?;
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // Reading anything else, such as a pipe, could wait for ever.
        if kind.is_file() { tokio::fs::read(&file).await } else { Err(io::ErrorKind::NotFound.into()) }
    }
}
