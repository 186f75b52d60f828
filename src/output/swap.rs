//! One directory in the place of another. Where the file system can exchange two names, that is one step; elsewhere it
//! is two renames, and the next build finishes what a kill between them left.

use super::remove;
use crate::error::{Error, Result, io_error};
use std::fs;
use std::path::{Path, PathBuf};

/// OUT with links resolved, checked to be something that can be swapped.
pub(super) fn resolve(out: &Path) -> Result<PathBuf> {
    let fail = |reason| Err(Error::Unswappable { out: out.to_owned(), reason });
    let absolute = std::path::absolute(out).map_err(io_error("resolve", out))?;
    let metadata = match fs::metadata(&absolute) {
        Ok(metadata) => metadata,
        Err(_) if absolute.is_symlink() => {
            return fail("a link that leads nowhere; remove it, or create what it leads to");
        }
        Err(_) => {
            let Some(parent) = absolute.parent() else { return fail("not a directory that can be replaced") };
            fs::create_dir_all(parent).map_err(io_error("create", parent))?;
            let parent = parent.canonicalize().map_err(io_error("resolve", parent))?;
            let Some(name) = absolute.file_name() else { return fail("not a directory that can be replaced") };
            return Ok(parent.join(name));
        }
    };
    if !metadata.is_dir() {
        return fail("a file stands there; remove it, or choose another --out");
    }
    let real = absolute.canonicalize().map_err(io_error("resolve", out))?;
    if is_mount_point(&real, &metadata) {
        return fail("a mount point cannot be replaced as a whole; choose a directory inside it");
    }
    Ok(real)
}

/// Finishes a swap by two renames that was cut short: OUT is gone, and the old one waits.
pub(super) fn recover(out: &Path, state: &Path) -> Result<()> {
    let old = state.join("old");
    if !out.exists() && old.exists() {
        fs::rename(&old, out).map_err(io_error("rename", &old))?;
    }
    remove(&old)
}

/// Puts `tree` in the place of `out`, and removes what stood there.
pub(super) fn swap(tree: &Path, out: &Path, state: &Path) -> Result<()> {
    if !out.exists() {
        return fs::rename(tree, out).map_err(io_error("rename", tree));
    }
    if exchange(tree, out) {
        return remove(tree);
    }
    let old = state.join("old");
    fs::rename(out, &old).map_err(io_error("rename", out))?;
    if let Err(error) = fs::rename(tree, out) {
        // The old site must not stay away because the new one could not come.
        let _ = fs::rename(&old, out);
        return Err(io_error("rename", tree)(error));
    }
    remove(&old)
}

/// One sync for the whole tree, not one a file.
#[cfg(target_os = "linux")]
pub(super) fn sync(tree: &Path) -> Result<()> {
    let dir = fs::File::open(tree).map_err(io_error("open", tree))?;
    rustix::fs::syncfs(&dir).map_err(|error| io_error("sync", tree)(error.into()))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn sync(_tree: &Path) -> Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn exchange(_a: &Path, _b: &Path) -> bool {
    false
}

#[cfg(unix)]
fn is_mount_point(dir: &Path, metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    dir.parent().and_then(|parent| fs::metadata(parent).ok()).is_some_and(|parent| parent.dev() != metadata.dev())
}

#[cfg(not(unix))]
fn is_mount_point(_dir: &Path, _metadata: &fs::Metadata) -> bool {
    false
}
