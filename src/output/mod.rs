//! The only writer: a staging directory beside OUT, and one swap at the end. OUT is the old site or the new one, never
//! a mix.

mod carry;
mod swap;

use crate::error::{Error, Result, io_error};
use crate::model::path::SitePath;
use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

/// A site being written. Dropped before [`Staging::commit`], it leaves OUT as it was.
#[derive(Debug)]
pub struct Staging {
    /// OUT with links resolved: what is swapped.
    out: PathBuf,
    /// `.<OUT>.tightrope/`: lock and staging.
    state: PathBuf,
    tree: PathBuf,
    /// Held for as long as this lives.
    _lock: File,
}

impl Staging {
    /// Locks OUT, clears what a killed build left, and begins.
    pub fn begin(out: &Path) -> Result<Self> {
        let out = swap::resolve(out)?;
        let state = state_dir(&out);
        fs::create_dir_all(&state).map_err(io_error("create", &state))?;
        let lock = lock(&state.join("lock"))?;
        swap::recover(&out, &state)?;
        let tree = state.join("staging");
        remove(&tree)?;
        fs::create_dir(&tree).map_err(io_error("create", &tree))?;
        Ok(Self { out, state, tree, _lock: lock })
    }

    /// A file of OUT as it still is.
    pub fn published(&self, path: &Path) -> Option<Vec<u8>> {
        fs::read(self.out.join(path)).ok()
    }

    /// Writes a file.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let to = self.place(path)?;
        fs::write(&to, bytes).map_err(io_error("write", to))
    }

    /// Begins a file, to be written piece by piece.
    pub fn create(&self, path: &Path) -> Result<impl Write + use<>> {
        let to = self.place(path)?;
        let file = File::create(&to).map_err(io_error("create", to))?;
        Ok(BufWriter::with_capacity(256 * 1024, file))
    }

    /// Copies a file of the site.
    pub fn copy(&self, from: &Path, path: &Path) -> Result<()> {
        let to = self.place(path)?;
        fs::copy(from, &to).map(drop).map_err(io_error("copy", from))
    }

    /// Makes what was written the new OUT.
    pub fn commit(self) -> Result<()> {
        swap::sync(&self.tree)?;
        swap::swap(&self.tree, &self.out, &self.state)
    }

    fn place(&self, path: &Path) -> Result<PathBuf> {
        let to = self.tree.join(path);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        }
        Ok(to)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing to be done about a failure here: the next build clears it.
        let _ = fs::remove_dir_all(&self.tree);
    }
}

/// A site path as a path of the file system.
pub fn native(path: &SitePath) -> PathBuf {
    path.as_str().split('/').collect()
}

fn state_dir(out: &Path) -> PathBuf {
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    out.with_file_name(format!(".{name}.tightrope"))
}

fn lock(path: &Path) -> Result<File> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io_error("open", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(Error::Locked { lock: path.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(io_error("lock", path)(source)),
    }
    file.set_len(0).map_err(io_error("write", path))?;
    write!(file, "{}", std::process::id()).map_err(io_error("write", path))?;
    Ok(file)
}

fn remove(tree: &Path) -> Result<()> {
    match fs::remove_dir_all(tree) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error("remove", tree)(error)),
        _ => Ok(()),
    }
}
