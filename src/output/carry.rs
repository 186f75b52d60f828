//! Files of OUT that the new OUT has too.

use super::{Staging, native};
use crate::error::{Result, io_error};
use crate::model::digest::{Digests, Integrity};
use crate::model::path::SitePath;
use crate::site::read_pieces;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Component, Path, PathBuf};

/// What is said of a file that is not there.
const MISSING: &str = "it is missing";

impl Staging {
    /// A file of OUT as it still is, `None` if it is missing; or why it is not read. No link is followed.
    pub fn read(&self, path: &SitePath) -> std::result::Result<Option<Vec<u8>>, String> {
        match plain_file(&self.out, path) {
            Ok((place, _)) => fs::read(place).map(Some).map_err(|error| unreadable(&error)),
            Err(MISSING) => Ok(None),
            Err(reason) => Err(reason.to_owned()),
        }
    }

    /// Copies a file of OUT as it still is, if it has these bytes and nothing has been written under its name; else says
    /// why not. No link is followed.
    ///
    /// A copy, and never a second name for the old file: who edits that, or has it open for writing, would edit the new
    /// site.
    pub fn carry(&self, path: &SitePath, size: u64, integrity: &Integrity) -> Result<Option<String>> {
        const CHANGED: &str = "its bytes are not those that the manifest lists";
        let (from, metadata) = match plain_file(&self.out, path) {
            Ok(found) => found,
            Err(reason) => return Ok(Some(reason.to_owned())),
        };
        if metadata.len() != size {
            return Ok(Some(CHANGED.to_owned()));
        }
        let Some((to, file)) = self.create_new(path)? else {
            return Ok(Some("the new build has another file in its place".to_owned()));
        };
        let reason = match copy(&from, file, &to)? {
            Ok(digests) if digests.integrity() == *integrity => {
                fs::set_permissions(&to, metadata.permissions()).map_err(io_error("write", &to))?;
                return Ok(None);
            }
            Ok(_) => CHANGED.to_owned(),
            Err(error) => unreadable(&error),
        };
        fs::remove_file(&to).map_err(io_error("remove", &to))?;
        Ok(Some(reason))
    }

    /// A file that is not there yet; `None` if something is, or a file stands where its directory should be.
    fn create_new(&self, path: &SitePath) -> Result<Option<(PathBuf, File)>> {
        let to = self.tree.join(native(path));
        let is_taken = |error: &io::Error| matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory);
        let made = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create_new(&to));
        match made {
            Ok(file) => Ok(Some((to, file))),
            Err(error) if is_taken(&error) => Ok(None),
            Err(error) => Err(io_error("write", to)(error)),
        }
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// A file below `root` that no link leads to, or what stands in its place.
fn plain_file(root: &Path, path: &SitePath) -> std::result::Result<(PathBuf, Metadata), &'static str> {
    let (native, mut place) = (native(path), root.to_owned());
    let mut metadata = None;
    for component in native.components() {
        // Elsewhere a segment may be the name of a drive, or hold separators of its own.
        let Component::Normal(name) = component else { return Err("its path leaves the site") };
        place.push(name);
        let found = fs::symlink_metadata(&place).map_err(|_| MISSING)?;
        if found.is_symlink() {
            return Err("a link stands in its place, or in that of a directory above it");
        }
        metadata = Some(found);
    }
    let metadata = metadata.filter(Metadata::is_file).ok_or("it is no file any more")?;
    Ok((place, metadata))
}

/// Copies a file, and hashes it on the way. That it cannot be read is no reason to stop.
fn copy(from: &Path, mut file: File, to: &Path) -> Result<io::Result<Digests>> {
    let mut written = Ok(());
    let digests = Digests::of_pieces(|take| {
        read_pieces(File::open(from)?, &mut |piece| {
            if written.is_ok() {
                written = file.write_all(piece);
            }
            take(piece);
        })
    });
    written.map_err(io_error("write", to))?;
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OUT with a file, and what becomes of it.
    fn carried(edit: impl FnOnce(&Path), path: &str) -> (Option<String>, bool) {
        let temp = tempfile::tempdir().expect("a directory");
        let out = temp.path().join("out");
        fs::create_dir_all(out.join("dir")).expect("a directory");
        fs::write(out.join("dir/a.js"), "bytes").expect("a file");
        fs::write(temp.path().join("secret"), "bytes").expect("a file");
        edit(&out);
        let staging = Staging::begin(&out).expect("it begins");
        staging.write(Path::new("new.js"), b"new").expect("written");
        let path = SitePath::new(path).expect("a path");
        let reason = staging.carry(&path, 5, &Digests::of(b"bytes").integrity()).expect("it goes on");
        let staged = fs::read(staging.tree.join(native(&path))).is_ok_and(|bytes| bytes == b"bytes");
        assert_eq!(fs::read(staging.tree.join("new.js")).expect("still there"), b"new");
        (reason, staged)
    }

    #[test]
    fn a_file_with_the_right_bytes_comes_along() {
        assert_eq!(carried(|_| {}, "dir/a.js"), (None, true));
    }

    #[test]
    fn other_bytes_of_any_length_stay_behind() {
        for bytes in ["other", "longer than they were", ""] {
            let (reason, staged) = carried(|out| fs::write(out.join("dir/a.js"), bytes).expect("edited"), "dir/a.js");
            assert!(!staged && reason.is_some_and(|reason| reason.contains("bytes are not those")), "{bytes}");
        }
    }

    #[test]
    fn what_is_gone_or_is_no_file_stays_behind() {
        let gone = |out: &Path| fs::remove_file(out.join("dir/a.js")).expect("removed");
        assert_eq!(carried(gone, "dir/a.js"), (Some("it is missing".to_owned()), false));
        assert_eq!(carried(|_| {}, "dir/a.js/b.js"), (Some("it is missing".to_owned()), false));
        assert_eq!(carried(|_| {}, "dir"), (Some("it is no file any more".to_owned()), false));
    }

    #[test]
    fn nothing_of_the_new_build_is_overwritten() {
        for path in ["new.js", "new.js/a.js"] {
            let (reason, staged) = carried(
                |out| {
                    let file = out.join(path);
                    fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
                    fs::write(file, "bytes").expect("a file");
                },
                path,
            );
            assert!(!staged && reason.is_some_and(|reason| reason.contains("the new build")), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed_wherever_it_stands() {
        use std::os::unix::fs::symlink;
        let file: fn(&Path) = |out| {
            fs::remove_file(out.join("dir/a.js")).expect("removed");
            symlink("../../secret", out.join("dir/a.js")).expect("a link");
        };
        let directory: fn(&Path) = |out| {
            fs::rename(out.join("dir"), out.with_file_name("elsewhere")).expect("renamed");
            symlink("../elsewhere", out.join("dir")).expect("a link");
        };
        for edit in [file, directory] {
            let (reason, staged) = carried(edit, "dir/a.js");
            assert!(!staged && reason.is_some_and(|reason| reason.starts_with("a link")));
        }
    }

    /// Nobody writes to the FIFO: whoever opened it would wait for ever.
    #[cfg(unix)]
    #[test]
    fn a_fifo_is_not_opened() {
        let fifo = |out: &Path| {
            fs::remove_file(out.join("dir/a.js")).expect("removed");
            let made = std::process::Command::new("mkfifo").arg(out.join("dir/a.js")).status().expect("mkfifo");
            assert!(made.success());
        };
        assert_eq!(carried(fifo, "dir/a.js"), (Some("it is no file any more".to_owned()), false));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_a_copy_with_the_same_permissions() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let temp = tempfile::tempdir().expect("a directory");
        let out = temp.path().join("out");
        fs::create_dir(&out).expect("a directory");
        fs::write(out.join("a.js"), "bytes").expect("a file");
        fs::set_permissions(out.join("a.js"), fs::Permissions::from_mode(0o604)).expect("permissions");
        let staging = Staging::begin(&out).expect("it begins");
        let path = SitePath::new("a.js").expect("a path");
        assert_eq!(staging.carry(&path, 5, &Digests::of(b"bytes").integrity()).expect("it goes on"), None);
        let (old, new) = (fs::metadata(out.join("a.js")), fs::metadata(staging.tree.join("a.js")));
        let (old, new) = (old.expect("a file"), new.expect("a file"));
        assert_ne!(old.ino(), new.ino());
        assert_eq!(new.mode() & 0o777, 0o604);
    }
}
