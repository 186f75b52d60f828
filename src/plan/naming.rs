//! The names that files are published under.

use crate::model::digest::Fingerprint;
use crate::model::path::SitePath;

/// `app.js` as `app.3f2a91bc04de.js`; a name that would become too long for a file system is cut.
pub(super) fn fingerprinted(path: &SitePath, fingerprint: &Fingerprint) -> SitePath {
    const NAME_MAX: usize = 255;
    let (stem, extension) = match path.file_name().rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (path.file_name(), String::new()),
    };
    let room = NAME_MAX.saturating_sub(extension.len() + 1 + fingerprint.as_str().len());
    let cut = (0..=stem.len().min(room)).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    let name = format!("{}.{}{extension}", &stem[..cut], fingerprint.as_str());
    path.with_file_name(&name).unwrap_or_else(|| path.clone())
}

/// The fingerprint of one member of a cycle.
pub fn member(group: &Fingerprint, path: &SitePath) -> Fingerprint {
    Fingerprint::of_pieces([group.as_str().as_bytes(), path.as_str().as_bytes()])
}
