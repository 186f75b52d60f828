//! [`Error`]: what stops a run. Everything else is a [`Finding`](crate::model::finding::Finding).

use std::io;
use std::path::PathBuf;

/// What stops a run. Every variant names the file or setting at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading, writing or moving a file failed.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    Io {
        /// What was being done: `read`, `write`, `rename`.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A setting that means nothing.
    #[error("{setting} `{value}`: {reason}")]
    Setting {
        /// The option, as it is typed.
        setting: &'static str,
        /// What was given.
        value: String,
        /// Why it will not do, and what would.
        reason: String,
    },
    /// SITE and OUT may not be each other, nor contain each other.
    #[error("{out}: the output may not be the site, lie in it or hold it\n  hint: choose another --out", out = out.display())]
    Overlap {
        /// OUT.
        out: PathBuf,
    },
    /// OUT cannot be swapped as a whole.
    #[error("{out}: {reason}", out = out.display())]
    Unswappable {
        /// OUT.
        out: PathBuf,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// Another build holds OUT.
    #[error("{lock}: another build is writing this output (process {holder})\n  hint: wait for it to end", lock = lock.display())]
    Locked {
        /// The lock file.
        lock: PathBuf,
        /// The process that holds it, as far as known.
        holder: String,
    },
    /// SITE is an output of tightrope, but not of this version with these options.
    #[error("{}: this site was built by tightrope already, with other options or other files\n  hint: build from the original", path.display())]
    AlreadyBuilt {
        /// The manifest that says so.
        path: PathBuf,
    },
    /// A manifest that cannot be read.
    #[error("{path}:{line}:{column}: not a manifest of tightrope: {reason}\n  hint: build again from the original", path = path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Counted from 1; 0 when it is about the whole.
        line: usize,
        /// Counted from 1; 0 when it is about the whole.
        column: usize,
        /// What the parser said.
        reason: String,
    },
    /// A manifest of another build that cannot be read.
    #[error("{path}:{line}:{column}: not a manifest of a build: {reason}\n  hint: those of Vite, webpack's plugins, esbuild, Django, Propshaft, Sprockets and gulp-rev are known", path = path.display())]
    BuildManifest {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A file changed while the build ran.
    #[error("{path}: changed while the build was running\n  hint: build again when nothing writes to the site", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The site has a file where the output must have its own.
    #[error("{path}: the site has a file of this name, which tightrope needs for its own\n  hint: rename it", path = path.display())]
    Reserved {
        /// The file.
        path: PathBuf,
    },
}

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// For `map_err`: an I/O error with its file.
pub(crate) fn io_error(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { action, path, source }
}
