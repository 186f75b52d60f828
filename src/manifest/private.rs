//! A manifest that is not published: it lies in `.<OUT>.tightrope/`, where `verify`, `serve` and later builds look for
//! it when OUT has none.

use super::FILE_NAME;
use crate::error::{Error, Result, io_error};
use crate::site::read_regular;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What it is called until the output that it speaks of is in its place.
const NEXT: &str = "tightrope.next.json";

/// The manifest of an output: where it lies, and its bytes. One in OUT itself counts first.
pub fn read(out: &Path) -> Result<(PathBuf, Vec<u8>)> {
    let published = out.join(FILE_NAME);
    let private = state_dir(out).map(|state| state.join(FILE_NAME));
    match (read_regular(&published), private) {
        (Err(error), Ok(private)) if error.kind() == io::ErrorKind::NotFound && private.exists() => {
            let bytes = read_regular(&private).map_err(io_error("read", &private))?;
            Ok((private, bytes))
        }
        (bytes, _) => Ok((published.clone(), bytes.map_err(io_error("read", published))?)),
    }
}

/// The same, if there is one: what is no file is none.
pub fn find(out: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let lies = |path: &Path| path.metadata().is_ok_and(|metadata| !metadata.is_file());
    match read(out) {
        Err(Error::Io { path, source, .. }) if source.kind() == io::ErrorKind::NotFound || lies(&path) => Ok(None),
        found => found.map(Some),
    }
}

/// The output that a manifest speaks of: the directory it lies in, or that beside which it is kept.
pub fn out_of(manifest: &Path) -> PathBuf {
    let dir = manifest.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = dir.canonicalize().ok().and_then(|dir| dir.file_name()?.to_str().map(str::to_owned));
    let of_state = name.as_deref().and_then(|name| name.strip_prefix('.')?.strip_suffix(".tightrope"));
    of_state.map_or_else(|| dir.to_owned(), |out| dir.join("..").join(out))
}

/// Writes the manifest of an output that is about to be put in its place.
pub fn prepare(out: &Path, text: &str) -> Result<()> {
    let next = state_dir(out).map_err(io_error("resolve", out))?.join(NEXT);
    fs::write(&next, text).map_err(io_error("write", next))
}

/// The output that was prepared for is in its place.
pub fn settle(out: &Path) -> Result<()> {
    let state = state_dir(out).map_err(io_error("resolve", out))?;
    let next = state.join(NEXT);
    fs::rename(&next, state.join(FILE_NAME)).map_err(io_error("rename", next))
}

/// The output has its manifest in it, so that another beside it is an older one's. A failure is none of the build's: the
/// output is in its place, and the manifest in it counts first.
pub fn forget(out: &Path) {
    if let Ok(state) = state_dir(out) {
        let _ = fs::remove_file(state.join(FILE_NAME));
    }
}

/// `.<OUT>.tightrope/`, beside where OUT is or will be.
fn state_dir(out: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(out)?;
    let real = absolute.canonicalize().or_else(|error| {
        let (parent, name) = absolute.parent().zip(absolute.file_name()).ok_or(error)?;
        Ok::<_, io::Error>(parent.canonicalize()?.join(name))
    })?;
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(real.with_file_name(format!(".{name}.tightrope")))
}
