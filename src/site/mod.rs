//! The only reader of the input: what is there ([`walk`]), and what it says (`index`,
//! `listed`).

pub mod index;
pub mod listed;

use crate::error::{Result, io_error};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use walkdir::WalkDir;

/// One file of the site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SiteFile {
    /// Relative to the site's root, as the file system spells it.
    pub relative: PathBuf,
    /// The same as a site path; `None` when it is not UTF-8.
    pub path: Option<SitePath>,
    /// In bytes.
    pub size: u64,
    /// To notice a change while the build runs.
    pub modified: Option<SystemTime>,
}

/// The site as it was found.
#[derive(Debug)]
pub struct Site {
    root: PathBuf,
    /// All files, sorted.
    pub files: Vec<SiteFile>,
}

/// Walks the site. What cannot be published is a finding; only an unreadable root stops the run.
///
/// A link to a file inside the site is read as that file. Any other link is not followed: what lies outside the site
/// was not meant to be published.
pub fn walk(root: &Path) -> Result<(Site, Vec<Finding>)> {
    let root = root.canonicalize().map_err(io_error("read", root))?;
    fs::read_dir(&root).map_err(io_error("read", &root))?;
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    for entry in WalkDir::new(&root).min_depth(1).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => match site_file(&root, entry.path()) {
                Ok(file) => {
                    findings.extend(name_finding(&file));
                    files.push(file);
                }
                Err(finding) => findings.push(finding),
            },
            Err(error) => {
                let path = error.path().map_or_else(String::new, |path| relative(&root, path).display().to_string());
                findings.push(Finding::of_file(Code::Unreadable, path, error.to_string()));
            }
        }
    }
    files.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok((Site { root, files }, findings))
}

impl Site {
    /// The root, with no links in it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file lies.
    pub fn locate(&self, file: &SiteFile) -> PathBuf {
        self.root.join(&file.relative)
    }

    /// The bytes of a file.
    pub fn read(&self, path: &SitePath) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(path.as_str()))
    }

    /// A file, open.
    pub fn open(&self, path: &SitePath) -> io::Result<File> {
        File::open(self.root.join(path.as_str()))
    }

    /// Whether a file is still what it was when the site was walked.
    pub fn is_unchanged(&self, file: &SiteFile) -> bool {
        fs::metadata(self.locate(file)).is_ok_and(|now| now.len() == file.size && now.modified().ok() == file.modified)
    }
}

/// Gives a file to `take` piece by piece.
pub(crate) fn read_pieces(mut file: File, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => take(&buffer[..read]),
        }
    }
}

fn relative<'p>(root: &Path, path: &'p Path) -> &'p Path {
    path.strip_prefix(root).unwrap_or(path)
}

fn site_file(root: &Path, path: &Path) -> std::result::Result<SiteFile, Finding> {
    let relative = relative(root, path).to_owned();
    let finding = |code, reason: String| Finding::of_file(code, relative.display().to_string(), reason);
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_symlink());
    if is_link {
        let target = fs::read_link(path).map(|target| target.display().to_string()).unwrap_or_default();
        let Ok(real) = path.canonicalize() else {
            return Err(finding(Code::DanglingLink, format!("links to `{target}`, which does not exist")));
        };
        if !real.starts_with(root) || real.is_dir() {
            return Err(finding(Code::LinkNotFollowed, format!("links to `{target}`")));
        }
    }
    let metadata = fs::metadata(path).map_err(|error| finding(Code::Unreadable, error.to_string()))?;
    if !metadata.is_file() {
        return Err(finding(Code::SpecialFile, "neither a file nor a directory".to_owned()));
    }
    let path = relative.to_str().and_then(|text| SitePath::new(&text.replace(std::path::MAIN_SEPARATOR, "/")));
    Ok(SiteFile { path, size: metadata.len(), modified: metadata.modified().ok(), relative })
}

fn name_finding(file: &SiteFile) -> Option<Finding> {
    let text = file.relative.display().to_string();
    match &file.path {
        None => Some(Finding::of_file(Code::NameNotUtf8, text, "its name is not UTF-8")),
        // One finding for a whole `.git`: every repository has exactly one HEAD.
        Some(path) if matches!(path.as_str(), ".git/HEAD" | ".env") => {
            Some(Finding::of_file(Code::HiddenFile, text, "it would be published"))
        }
        Some(_) => None,
    }
}
