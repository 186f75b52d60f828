//! The only reader of the input: what is there ([`walk`]), and what it says (`index`,
//! `listed`).

pub mod index;
pub mod listed;
mod names;
mod walk;

use crate::error::{Result, io_error};
use crate::model::path::SitePath;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
pub use walk::{walk, walk_with};

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
    /// Files and directories outside the root that links lead to and that were read as the site's, without links in
    /// their paths. Empty unless links are followed.
    pub outside: Vec<PathBuf>,
}

impl Site {
    /// The root, with no links in it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it has this file.
    pub fn has(&self, path: &SitePath) -> bool {
        self.place(path).is_ok()
    }

    /// Where a file lies.
    pub fn locate(&self, file: &SiteFile) -> PathBuf {
        self.root.join(&file.relative)
    }

    /// The bytes of a file.
    pub fn read(&self, path: &SitePath) -> io::Result<Vec<u8>> {
        fs::read(self.place(path)?)
    }

    /// A file, open.
    pub fn open(&self, path: &SitePath) -> io::Result<File> {
        File::open(self.place(path)?)
    }

    /// Where a file lies. What the walk has left out is not there: it may be a link out of the site, or a pipe that
    /// would be waited for.
    fn place(&self, path: &SitePath) -> io::Result<PathBuf> {
        let relative = Path::new(path.as_str());
        let found = self.files.binary_search_by(|file| file.relative.as_path().cmp(relative));
        found.map(|_| self.root.join(relative)).map_err(|_| io::ErrorKind::NotFound.into())
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

/// The bytes of a file that was not found by a walk, if it is one: whoever reads a pipe may wait for ever.
pub(crate) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() { fs::read(path) } else { Err(io::Error::other("not a file")) }
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

/// Whether a file may not be read, as opposed to a machine that fails to: another try would end in the same way.
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}
