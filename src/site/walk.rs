//! What is there: files, and what looks like files of the site and is none.

use super::names;
use super::{Site, SiteFile, is_forbidden};
use crate::error::{Error, Result, io_error};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use std::fs;
use std::io;
use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// How deep followed links to directories may lie in each other. Ten directories that link to each other would
/// otherwise be millions.
const NESTED: usize = 3;

/// Why an entry is no file of the site.
enum Stop {
    /// It cannot be published, and the rest can.
    Finding(Finding),
    /// The machine failed: what there is to publish is not known.
    Error(Error),
}

/// [`walk_with`], which follows no link out of the site and none to a directory.
pub fn walk(root: &Path) -> Result<(Site, Vec<Finding>)> {
    walk_with(root, false)
}

/// Walks the site. What cannot be published is a finding; an unreadable root stops the run, and so does a machine that fails.
///
/// A link to a file inside the site is read as that file. Any other link is followed only with `follow_links`: what
/// lies outside the site was not meant to be published. A link that leads back to where it lies is never followed.
pub fn walk_with(root: &Path, follow_links: bool) -> Result<(Site, Vec<Finding>)> {
    let root = root.canonicalize().map_err(io_error("read", root))?;
    fs::read_dir(&root).map_err(io_error("read", &root))?;
    let mut site = Site { root, files: Vec::new(), outside: Vec::new() };
    let mut findings = Vec::new();
    let walk = WalkDir::new(&site.root).min_depth(1).follow_links(follow_links).sort_by_file_name();
    let mut entries = walk.into_iter();
    while let Some(entry) = entries.next() {
        let is_directory = entry.as_ref().is_ok_and(|entry| entry.file_type().is_dir());
        match visit(entry, &mut site) {
            Ok(file) => site.files.extend(file),
            Err(Stop::Finding(finding)) => {
                findings.push(finding);
                if is_directory {
                    entries.skip_current_dir();
                }
            }
            Err(Stop::Error(error)) => return Err(error),
        }
    }
    site.files.sort_by(|a, b| a.relative.cmp(&b.relative));
    findings.extend(names::findings(&site.files));
    Ok((site, findings))
}

fn visit(entry: walkdir::Result<DirEntry>, site: &mut Site) -> std::result::Result<Option<SiteFile>, Stop> {
    let entry = entry.map_err(|error| not_walked(error, &site.root))?;
    let path = entry.path();
    let relative = relative(&site.root, path).to_owned();
    let finding = |code, reason: String| Stop::Finding(Finding::of_file(code, relative.display().to_string(), reason));
    let unreadable = |error: io::Error| match error {
        error if leads_nowhere(&error) => finding(Code::Unreadable, error.to_string()),
        error => Stop::Error(io_error("read", path)(error)),
    };
    let is_followed = entry.path_is_symlink() && !entry.file_type().is_symlink();
    if is_followed {
        let real = path.canonicalize().map_err(unreadable)?;
        if entry.file_type().is_dir()
            && let Some(reason) = why_not_walked(&entry, &real, &site.root)?
        {
            return Err(finding(Code::LinkLoop, reason));
        }
        site.outside.extend((!real.starts_with(&site.root)).then_some(real));
    } else if entry.file_type().is_symlink()
        && let Some((code, reason)) = why_not_read(path, &site.root)?
    {
        return Err(finding(code, reason));
    }
    if entry.file_type().is_dir() {
        return Ok(None);
    }
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(finding(Code::SpecialFile, "neither a file nor a directory".to_owned()));
    }
    let path = relative.to_str().and_then(|text| SitePath::new(&text.replace(std::path::MAIN_SEPARATOR, "/")));
    Ok(Some(SiteFile { path, size: metadata.len(), modified: metadata.modified().ok(), relative }))
}

/// Why a link that is not followed is no file of the site.
fn why_not_read(link: &Path, root: &Path) -> std::result::Result<Option<(Code, String)>, Stop> {
    let target = target(link)?;
    match link.canonicalize() {
        Ok(real) if !real.starts_with(root) => {
            Ok(Some((Code::LinkNotFollowed, format!("links to `{target}`, which is not in the site"))))
        }
        Ok(real) if real.is_dir() => {
            Ok(Some((Code::LinkNotFollowed, format!("links to `{target}`, which is a directory"))))
        }
        Ok(_) => Ok(None),
        Err(error) if leads_nowhere(&error) => Ok(Some(dangling(&target, &error))),
        Err(error) => Err(Stop::Error(io_error("read", link)(error))),
    }
}

/// Why a directory that a link leads to is not walked through: it would not end.
fn why_not_walked(entry: &DirEntry, real: &Path, root: &Path) -> std::result::Result<Option<String>, Stop> {
    let target = target(entry.path())?;
    if root.starts_with(real) {
        return Ok(Some(format!("links to `{target}`, which holds the site itself")));
    }
    let below = entry.path().ancestors().take_while(|ancestor| *ancestor != root);
    let is_deep = below.filter(|ancestor| ancestor.is_symlink()).count() > NESTED;
    Ok(is_deep.then(|| format!("links to `{target}`, inside of {NESTED} other links")))
}

fn not_walked(error: walkdir::Error, root: &Path) -> Stop {
    let path = error.path().unwrap_or(root).to_owned();
    let name = relative(root, &path).display().to_string();
    if error.loop_ancestor().is_some() {
        let reason = |target| Finding::of_file(Code::LinkLoop, name, format!("links to `{target}`, in which it lies"));
        return target(&path).map_or_else(|stop| stop, |target| Stop::Finding(reason(target)));
    }
    let Some(cause) = error.io_error() else {
        return Stop::Finding(Finding::of_file(Code::Unreadable, name, error.to_string()));
    };
    if path.is_symlink() && leads_nowhere(cause) && !is_forbidden(cause) {
        let (code, reason) = match target(&path) {
            Ok(target) => dangling(&target, cause),
            Err(stop) => return stop,
        };
        return Stop::Finding(Finding::of_file(code, name, reason));
    }
    if is_forbidden(cause) {
        return Stop::Finding(Finding::of_file(Code::Unreadable, name, error.to_string()));
    }
    Stop::Error(io_error("read", path)(error.into()))
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

fn dangling(target: &str, error: &io::Error) -> (Code, String) {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "which does not exist".to_owned(),
        _ => format!("which leads nowhere: {error}"),
    };
    (Code::DanglingLink, format!("links to `{target}`, {reason}"))
}

/// What a link says.
fn target(link: &Path) -> std::result::Result<String, Stop> {
    let target = fs::read_link(link).map_err(|error| Stop::Error(io_error("read", link)(error)))?;
    Ok(target.display().to_string())
}

fn relative<'p>(root: &Path, path: &'p Path) -> &'p Path {
    path.strip_prefix(root).unwrap_or(path)
}
