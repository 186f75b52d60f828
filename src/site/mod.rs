//! The only reader of the input: what is there ([`walk`]), and what it says (`index`,
//! `listed`).

pub mod index;
pub mod listed;

use crate::error::{Error, Result, io_error};
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
        match entry.map_err(|error| not_walked(&root, error)).and_then(|entry| site_file(&root, &entry)) {
            Ok(None) => {}
            Ok(Some(file)) => {
                findings.extend(name_finding(&file));
                files.push(file);
            }
            Err(Stop::Finding(finding)) => findings.push(finding),
            Err(Stop::Error(error)) => return Err(error),
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

    /// Whether a file is still what it was when the site was walked, as far as its length and time tell.
    pub fn is_unchanged(&self, file: &SiteFile) -> Result<bool> {
        let path = self.locate(file);
        match fs::metadata(&path) {
            Ok(now) => Ok(now.len() == file.size && now.modified().ok() == file.modified),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_error("read", path)(error)),
        }
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

/// Why an entry is no file of the site.
enum Stop {
    /// It cannot be published, and the rest can.
    Finding(Finding),
    /// The machine failed: what there is to publish is not known.
    Error(Error),
}

/// Whether a file may not be read, as opposed to a machine that fails to: another try would end in the same way.
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn not_walked(root: &Path, error: walkdir::Error) -> Stop {
    let path = error.path().unwrap_or(root).to_owned();
    if error.io_error().is_none_or(is_forbidden) {
        let name = relative(root, &path).display().to_string();
        return Stop::Finding(Finding::of_file(Code::Unreadable, name, error.to_string()));
    }
    Stop::Error(io_error("read", path)(error.into()))
}

/// The file that an entry is; `None` for a directory.
fn site_file(root: &Path, entry: &walkdir::DirEntry) -> std::result::Result<Option<SiteFile>, Stop> {
    let path = entry.path();
    let relative = relative(root, path).to_owned();
    let finding = |code, reason: String| Stop::Finding(Finding::of_file(code, relative.display().to_string(), reason));
    if entry.file_type().is_dir() {
        return Ok(None);
    }
    if entry.path_is_symlink() {
        check_link(root, path)?.map_or(Ok(()), |(code, reason)| Err(finding(code, reason)))?;
    }
    let metadata = fs::metadata(path).map_err(|error| {
        let forbidden = is_forbidden(&error).then(|| finding(Code::Unreadable, error.to_string()));
        forbidden.unwrap_or_else(|| Stop::Error(io_error("read", path)(error)))
    })?;
    if !metadata.is_file() {
        return Err(finding(Code::SpecialFile, "neither a file nor a directory".to_owned()));
    }
    let path = relative.to_str().and_then(|text| SitePath::new(&text.replace(std::path::MAIN_SEPARATOR, "/")));
    Ok(Some(SiteFile { path, size: metadata.len(), modified: metadata.modified().ok(), relative }))
}

/// Why a link is not followed, unless it leads to a file of the site.
fn check_link(root: &Path, path: &Path) -> std::result::Result<Option<(Code, String)>, Stop> {
    let target = fs::read_link(path).map_err(|error| Stop::Error(io_error("read", path)(error)))?;
    let target = target.display();
    match path.canonicalize() {
        Ok(real) if !real.starts_with(root) || real.is_dir() => {
            Ok(Some((Code::LinkNotFollowed, format!("links to `{target}`"))))
        }
        Ok(_) => Ok(None),
        Err(error) if leads_nowhere(&error) => {
            Ok(Some((Code::DanglingLink, format!("links to `{target}`, which does not exist"))))
        }
        Err(error) => Err(Stop::Error(io_error("read", path)(error))),
    }
}

/// Whether a link could not be followed because of what it says, as opposed to a machine that fails.
fn leads_nowhere(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    #[cfg(unix)]
    let is_circle = rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP);
    #[cfg(not(unix))]
    let is_circle = false;
    is_circle || is_forbidden(error) || matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
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
