//! The only writer: a staging directory beside OUT, and one swap at the end. OUT is the old site or the new one, never
//! a mix.

mod carry;
mod swap;

use crate::error::{Error, Result, io_error};
use crate::model::path::SitePath;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Read as _, Seek as _, Write};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use swap::Root;

/// A site being written. Dropped before [`Staging::commit`], it leaves OUT as it was.
#[derive(Debug)]
pub struct Staging {
    /// OUT with links resolved: what is swapped.
    out: PathBuf,
    /// `.<OUT>.tightrope/`: lock and staging.
    state: PathBuf,
    tree: PathBuf,
    /// `tree`, to be synced.
    root: Root,
    /// Held for as long as this lives.
    _lock: File,
}

impl Staging {
    /// Locks OUT, clears what a killed build left, and begins.
    pub fn begin(out: &Path) -> Result<Self> {
        let out = swap::resolve(out)?;
        let state = state_dir(&out);
        create_dirs(&state)?;
        let lock = lock(&state.join("lock"))?;
        swap::recover(&out, &state)?;
        clear(&state)?;
        let tree = state.join("staging");
        fs::create_dir(&tree).map_err(io_error("create", &tree))?;
        // From here on, whatever fails takes the directory away with it.
        let root = Root::open(&tree).inspect_err(|_| discard(&tree))?;
        Ok(Self { out, state, tree, root, _lock: lock })
    }

    /// A file as it was written, if it was.
    pub fn staged(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        read(&self.tree.join(path))
    }

    /// Writes a file.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let to = self.place(path)?;
        fs::write(&to, bytes).map_err(io_error("write", to))
    }

    /// Writes a file piece by piece, as `fill` gives them.
    pub fn write_pieces<T>(&self, path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
        let to = self.place(path)?;
        let file = File::create(&to).map_err(io_error("create", &to))?;
        let mut file = BufWriter::with_capacity(256 * 1024, file);
        let filled = fill(&mut file)?;
        // Dropped, it would write the last piece as well, and tell nobody if that fails.
        file.flush().map_err(io_error("write", to))?;
        Ok(filled)
    }

    /// Copies a file of the site. What comes back is the copy, to be read from its start: the site's file may be another
    /// one by now.
    pub fn copy(&self, from: &Path, path: &Path) -> Result<File> {
        let source = File::open(from).map_err(io_error("read", from))?;
        self.copy_open(source, from, path)
    }

    /// Copies a file that was written before.
    pub fn copy_staged(&self, from: &Path, path: &Path) -> Result<()> {
        self.copy(&self.tree.join(from), path).map(drop)
    }

    /// Writes what was kept.
    pub fn copy_kept(&self, kept: &Kept, path: &Path) -> Result<()> {
        let source = kept.open().map_err(io_error("read", &kept.from))?;
        self.copy_open(source, &kept.from, path).map(drop)
    }

    /// Copies a file that is open; `from` is its name for messages.
    fn copy_open(&self, mut source: File, from: &Path, path: &Path) -> Result<File> {
        let to = self.place(path)?;
        let copy = File::options().read(true).write(true).create(true).truncate(true).open(&to);
        let copy = copy.map_err(io_error("create", &to))?;
        copy_bytes(&mut source, copy).map_err(io_error("copy", from))
    }

    /// Keeps a copy of a file of the site, to be read more than once.
    pub fn keep(&self, from: &Path) -> Result<Kept> {
        let mut source = File::open(from).map_err(io_error("read", from))?;
        let kept = tempfile::tempfile_in(&self.state).map_err(io_error("create a file in", &self.state))?;
        let file = copy_bytes(&mut source, kept).map_err(io_error("copy", from))?;
        Ok(Kept { file, from: from.to_owned() })
    }

    /// Makes what was written the new OUT.
    pub fn commit(self) -> Result<()> {
        self.root.sync(&self.tree)?;
        swap::swap(&self.tree, &self.out, &self.state)
    }

    fn place(&self, path: &Path) -> Result<PathBuf> {
        let to = self.tree.join(path);
        if let Some(dir) = to.parent().filter(|dir| **dir != self.tree) {
            create_dirs(dir)?;
        }
        Ok(to)
    }
}

/// A copy of a file that nobody else can change. It has no name, and is gone with this.
#[derive(Debug)]
pub struct Kept {
    file: File,
    from: PathBuf,
}

impl Kept {
    /// The file, at its start. Two that are open at once would move each other.
    pub fn open(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        discard(&self.tree);
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
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    // A link that somebody put there would have a file of theirs written to.
    #[cfg(unix)]
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    let mut file = options.open(path).map_err(io_error("open", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::Locked { lock: path.to_owned(), holder: holder(&mut file) });
        }
        Err(TryLockError::Error(source)) => return Err(io_error("lock", path)(source)),
    }
    // Over what is there, and cut then: whoever reads meanwhile finds one number or the other on the first line.
    let holder = format!("{}\n", std::process::id());
    file.write_all(holder.as_bytes()).map_err(io_error("write", path))?;
    file.set_len(holder.len() as u64).map_err(io_error("write", path))?;
    Ok(file)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    // Empty while a first build is between taking the lock and writing its number.
    text.lines().next().unwrap_or("which has only just begun").to_owned()
}

/// A directory and those that it lies in. One that is there is not looked at: if that fails, the standard library says
/// that the file exists, and not what failed.
fn create_dirs(dir: &Path) -> Result<()> {
    let create = || match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    };
    match (create(), dir.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            create_dirs(parent)?;
            create()
        }
        (created, _) => created,
    }
    .map_err(io_error("create", dir))
}

/// Clears what a killed build left in the state directory: all but the lock.
fn clear(state: &Path) -> Result<()> {
    for entry in fs::read_dir(state).map_err(io_error("read", state))? {
        let entry = entry.map_err(io_error("read", state))?;
        // A manifest that is not published is no litter.
        if entry.file_name() != "lock" && entry.file_name() != "tightrope.json" {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let is_dir = path.symlink_metadata().map_err(io_error("read", path))?.is_dir();
    let removed = if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(io_error("remove", path))
}

/// Removes a directory that nobody needs any more. A failure is no reason to fail: the next build clears it.
fn discard(tree: &Path) {
    let _ = fs::remove_dir_all(tree);
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path)(error)),
    }
}

/// Copies bytes and permissions. The copy comes back rewound.
fn copy_bytes(source: &mut File, mut copy: File) -> io::Result<File> {
    io::copy(source, &mut copy)?;
    copy.set_permissions(source.metadata()?.permissions())?;
    copy.rewind()?;
    Ok(copy)
}
