//! One directory in the place of another. Where the file system can exchange two names, that is one step; elsewhere it
//! is two renames, and the next build finishes what a kill between them left.

use super::{create_dirs, discard, state_dir};
use crate::error::{Error, Result, io_error};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// OUT with links resolved, checked to be something that can be swapped.
pub(super) fn resolve(out: &Path) -> Result<PathBuf> {
    let fail = |reason| Err(Error::Unswappable { out: out.to_owned(), reason });
    let absolute = std::path::absolute(out).map_err(io_error("resolve", out))?;
    let metadata = match fs::metadata(&absolute) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("read", out)(error)),
        Err(_) if absolute.is_symlink() => {
            let waiting = link_target(&absolute).filter(|real| state_dir(real).join(OLD).exists());
            return waiting.map_or_else(
                || fail("a link that leads nowhere; remove it, or create what it leads to"),
                // A swap by two renames was cut short: [`recover`] brings back what it leads to.
                Ok,
            );
        }
        Err(_) => {
            let Some(parent) = absolute.parent() else { return fail("not a directory that can be replaced") };
            create_dirs(parent)?;
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

/// What a link leads to, which need not exist.
fn link_target(link: &Path) -> Option<PathBuf> {
    /// As many as Linux follows (path_resolution(7)).
    const MOST: usize = 40;
    let mut at = link.to_owned();
    for _ in 0..MOST {
        if !at.is_symlink() {
            return Some(at);
        }
        let target = at.parent()?.join(fs::read_link(&at).ok()?);
        at = target.parent()?.canonicalize().ok()?.join(target.file_name()?);
    }
    None
}

/// Under which name the old site waits between two renames. It is whole as long as it has this name.
const OLD: &str = "old";

/// Undoes a swap by two renames that was cut short: OUT is gone, and the old one waits.
pub(super) fn recover(out: &Path, state: &Path) -> Result<()> {
    let old = state.join(OLD);
    if !exists(&old)? {
        return Ok(());
    }
    // Where the new one came, the old one only had to be removed.
    let to = if exists(out)? { &state.join("discarded") } else { out };
    fs::rename(&old, to).map_err(io_error("rename", &old))
}

/// Puts `tree` in the place of `out`, and removes what stood there.
pub(super) fn swap(tree: &Path, out: &Path, state: &Path) -> Result<()> {
    if !exists(out)? {
        return fs::rename(tree, out).map_err(io_error("rename", tree));
    }
    if !exchange(tree, out)? {
        return swap_by_renames(tree, out, state);
    }
    discard(tree);
    Ok(())
}

/// The same where two names cannot be exchanged. Between the two renames there is no OUT: [`recover`] knows of that.
fn swap_by_renames(tree: &Path, out: &Path, state: &Path) -> Result<()> {
    let old = state.join(OLD);
    fs::rename(out, &old).map_err(io_error("rename", out))?;
    if let Err(error) = fs::rename(tree, out) {
        // The old site must not stay away because the new one could not come.
        let _ = fs::rename(&old, out);
        return Err(io_error("rename", tree)(error));
    }
    // By another name, so that no half of it is ever taken for the old site.
    let discarded = fs::rename(&old, tree).map_or(old, |()| tree.to_owned());
    discard(&discarded);
    Ok(())
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(io_error("read", path))
}

/// A tree that is open since before the first write to it. A sync through it tells of every write that failed since; one
/// through a directory that is opened at the end would not.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(super) struct Root(fs::File);

/// A tree that is not synced.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Root;

#[cfg(target_os = "linux")]
impl Root {
    pub(super) fn open(tree: &Path) -> Result<Self> {
        fs::File::open(tree).map(Self).map_err(io_error("open", tree))
    }

    /// One sync for the whole tree, not one a file.
    pub(super) fn sync(&self, tree: &Path) -> Result<()> {
        rustix::fs::syncfs(&self.0).map_err(|error| io_error("sync", tree)(error.into()))
    }
}

#[cfg(not(target_os = "linux"))]
impl Root {
    pub(super) fn open(_tree: &Path) -> Result<Self> {
        Ok(Self)
    }

    pub(super) fn sync(&self, _tree: &Path) -> Result<()> {
        Ok(())
    }
}

/// Whether the two names were exchanged; false where the file system cannot do that.
#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => Ok(false),
        Err(error) => Err(io_error("exchange", b)(error.into())),
    }
}

#[cfg(not(target_os = "linux"))]
fn exchange(_a: &Path, _b: &Path) -> Result<bool> {
    Ok(false)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// OUT, its state directory with `old` in it, and a staged tree, as far as each is asked for.
    struct Place {
        _temp: tempfile::TempDir,
        out: PathBuf,
        state: PathBuf,
        tree: PathBuf,
    }

    fn place(out: Option<&str>, old: Option<&str>, staged: Option<&str>) -> Place {
        let temp = tempfile::tempdir().expect("a directory");
        let state = temp.path().join(".out.tightrope");
        fs::create_dir(&state).expect("a directory");
        let place = Place { out: temp.path().join("out"), tree: state.join("staging"), state, _temp: temp };
        for (dir, page) in [(&place.out, out), (&place.state.join("old"), old), (&place.tree, staged)] {
            if let Some(page) = page {
                fs::create_dir(dir).expect("a directory");
                fs::write(dir.join("index.html"), page).expect("a page");
            }
        }
        place
    }

    impl Place {
        fn page(&self) -> Option<String> {
            fs::read_to_string(self.out.join("index.html")).ok()
        }

        fn state_is_empty(&self) -> bool {
            fs::read_dir(&self.state).expect("the state").next().is_none()
        }
    }

    #[test]
    fn a_swap_that_was_cut_between_its_renames_gets_the_old_site_back() {
        let place = place(None, Some("old"), Some("new"));
        recover(&place.out, &place.state).expect("it recovers");
        assert_eq!(place.page().as_deref(), Some("old"));
        assert!(!place.state.join("old").exists());
    }

    #[test]
    fn a_swap_that_was_cut_before_its_last_step_keeps_the_new_site() {
        let place = place(Some("new"), Some("old"), None);
        recover(&place.out, &place.state).expect("it recovers");
        assert_eq!(place.page().as_deref(), Some("new"));
        crate::output::clear(&place.state).expect("it clears");
        assert!(place.state_is_empty());
    }

    #[test]
    fn where_nothing_was_cut_short_there_is_nothing_to_recover() {
        for out in [None, Some("site")] {
            let place = place(out, None, None);
            recover(&place.out, &place.state).expect("it recovers");
            assert_eq!(place.page().as_deref(), out);
        }
    }

    #[test]
    fn the_next_build_recovers_before_it_begins() {
        let place = place(None, Some("old"), Some("half of the new"));
        let staging = crate::output::Staging::begin(&place.out).expect("it begins");
        assert_eq!(place.page().as_deref(), Some("old"));
        assert!(!place.tree.join("index.html").exists(), "what the killed build staged is still there");
        drop(staging);
        assert_eq!(place.page().as_deref(), Some("old"));
    }

    #[test]
    fn both_ways_put_the_new_site_in_the_place_of_the_old_one_and_leave_nothing() {
        for way in [swap, swap_by_renames] {
            let place = place(Some("old"), None, Some("new"));
            way(&place.tree, &place.out, &place.state).expect("it swaps");
            assert_eq!(place.page().as_deref(), Some("new"));
            assert!(place.state_is_empty());
        }
    }

    #[test]
    fn a_new_site_that_cannot_come_puts_the_old_one_back() {
        // Nothing is staged, so the second rename fails.
        let place = place(Some("old"), None, None);
        let failure = swap_by_renames(&place.tree, &place.out, &place.state).expect_err("nothing to put there");
        assert!(failure.to_string().contains("staging"), "{failure}");
        assert_eq!(place.page().as_deref(), Some("old"));
        assert!(place.state_is_empty());
    }
}
