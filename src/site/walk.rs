//! What is there: files, and what looks like files of the site and is none.

use super::names;
use super::{Site, SiteFile};
use crate::error::{Result, io_error};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use std::fs;
use std::io;
use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// How deep followed links to directories may lie in each other. Ten directories that link to each other would
/// otherwise be millions.
const NESTED: usize = 3;

/// [`walk_with`], which follows no link out of the site and none to a directory.
pub fn walk(root: &Path) -> Result<(Site, Vec<Finding>)> {
    walk_with(root, false)
}

/// Walks the site. What cannot be published is a finding; only an unreadable root stops the run.
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
            Err(finding) => {
                findings.push(finding);
                if is_directory {
                    entries.skip_current_dir();
                }
            }
        }
    }
    site.files.sort_by(|a, b| a.relative.cmp(&b.relative));
    findings.extend(names::findings(&site.files));
    Ok((site, findings))
}

fn visit(entry: walkdir::Result<DirEntry>, site: &mut Site) -> std::result::Result<Option<SiteFile>, Finding> {
    let entry = entry.map_err(|error| unreadable(&error, &site.root))?;
    let relative = relative(&site.root, entry.path()).to_owned();
    let finding = |code, reason: String| Finding::of_file(code, relative.display().to_string(), reason);
    let is_followed = entry.path_is_symlink() && !entry.file_type().is_symlink();
    if is_followed {
        let real = entry.path().canonicalize().map_err(|error| finding(Code::Unreadable, error.to_string()))?;
        if entry.file_type().is_dir() {
            check_directory(&entry, &real, &site.root).map_err(|reason| finding(Code::LinkLoop, reason))?;
        }
        site.outside.extend((!real.starts_with(&site.root)).then_some(real));
    } else if entry.file_type().is_symlink() {
        check_link(entry.path(), &site.root).map_err(|(code, reason)| finding(code, reason))?;
    }
    if entry.file_type().is_dir() {
        return Ok(None);
    }
    let metadata = fs::metadata(entry.path()).map_err(|error| finding(Code::Unreadable, error.to_string()))?;
    if !metadata.is_file() {
        return Err(finding(Code::SpecialFile, "neither a file nor a directory".to_owned()));
    }
    let path = relative.to_str().and_then(|text| SitePath::new(&text.replace(std::path::MAIN_SEPARATOR, "/")));
    Ok(Some(SiteFile { path, size: metadata.len(), modified: metadata.modified().ok(), relative }))
}

/// Whether a link that is not followed is a file of the site all the same.
fn check_link(link: &Path, root: &Path) -> std::result::Result<(), (Code, String)> {
    let target = target(link);
    let real = link.canonicalize().map_err(|error| dangling(&target, &error))?;
    if !real.starts_with(root) {
        return Err((Code::LinkNotFollowed, format!("links to `{target}`, which is not in the site")));
    }
    if real.is_dir() {
        return Err((Code::LinkNotFollowed, format!("links to `{target}`, which is a directory")));
    }
    Ok(())
}

/// Whether a directory that a link leads to can be walked through, and ends.
fn check_directory(entry: &DirEntry, real: &Path, root: &Path) -> std::result::Result<(), String> {
    let target = target(entry.path());
    if root.starts_with(real) {
        return Err(format!("links to `{target}`, which holds the site itself"));
    }
    let below = entry.path().ancestors().take_while(|ancestor| *ancestor != root);
    if below.filter(|ancestor| ancestor.is_symlink()).count() > NESTED {
        return Err(format!("links to `{target}`, inside of {NESTED} other links"));
    }
    Ok(())
}

fn unreadable(error: &walkdir::Error, root: &Path) -> Finding {
    let path = error.path().unwrap_or(root);
    let name = relative(root, path).display().to_string();
    if error.loop_ancestor().is_some() {
        return Finding::of_file(Code::LinkLoop, name, format!("links to `{}`, in which it lies", target(path)));
    }
    if let Some(cause) = error.io_error().filter(|_| path.is_symlink() && !path.exists()) {
        let (code, reason) = dangling(&target(path), cause);
        return Finding::of_file(code, name, reason);
    }
    Finding::of_file(Code::Unreadable, name, error.to_string())
}

fn dangling(target: &str, error: &io::Error) -> (Code, String) {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "which does not exist".to_owned(),
        _ => format!("which leads nowhere: {error}"),
    };
    (Code::DanglingLink, format!("links to `{target}`, {reason}"))
}

/// What a link says.
fn target(link: &Path) -> String {
    fs::read_link(link).as_deref().unwrap_or(Path::new("")).display().to_string()
}

fn relative<'p>(root: &Path, path: &'p Path) -> &'p Path {
    path.strip_prefix(root).unwrap_or(path)
}
