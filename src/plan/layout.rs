//! Which names carry a fingerprint already. Never by looks alone: `icon-download.svg` looks like one of Vite's.

use crate::config::Config;
use crate::model::digest::FINGERPRINT_LEN;
use crate::model::media_type::Kind;
use crate::model::path::SitePath;
use crate::site::index::{Asset, AssetIndex};
use std::collections::{BTreeMap, BTreeSet};

/// The assets whose names stand for their bytes already: by a manifest, by `--fingerprinted`, by a digest that verifies, or because
/// the layout of a known bundler proves it for a whole directory.
pub(super) fn fingerprinted(index: &AssetIndex, config: &Config) -> BTreeSet<SitePath> {
    let mut by_root: BTreeMap<&str, Vec<(&SitePath, &Asset)>> = BTreeMap::new();
    for (path, asset) in &index.assets {
        if let Some(root) = bundler_root(path) {
            by_root.entry(root).or_default().push((path, asset));
        }
    }
    let proven = by_root.into_values().filter(|files| is_bundler_output(files)).flatten().map(|(path, _)| path);
    let told = index.assets.iter().filter(|(path, asset)| {
        index.listed.contains(path) || config.fingerprinted.is_match(path.as_str()) || asset.is_named_by_digest
    });
    proven.chain(told.map(|(path, _)| path)).cloned().collect()
}

/// The twelve digits that tightrope puts before the extension, if a name has them.
pub fn own_fingerprint(path: &SitePath) -> Option<&str> {
    let stem = path.file_name().rsplit_once('.')?.0;
    let (_, digits) = stem.rsplit_once('.')?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == FINGERPRINT_LEN && digits.bytes().all(hex)).then_some(digits)
}

/// The directory, with its slash, in which a known bundler puts nothing but fingerprinted files.
fn bundler_root(path: &SitePath) -> Option<&str> {
    ["_next/static/", "_astro/", "immutable/", "assets/"]
        .iter()
        .filter_map(|root| {
            let at = path.dir().find(root)?;
            (at == 0 || path.dir().as_bytes()[at - 1] == b'/').then(|| &path.as_str()[..at + root.len()])
        })
        .min_by_key(|root| root.len())
}

/// Whether the files of a directory can only come from a bundler: every name has a part of the right form, nine in ten
/// of those parts mix letters as hashes do and words do not, and there is a script or stylesheet.
fn is_bundler_output(files: &[(&SitePath, &Asset)]) -> bool {
    let hashes: Option<Vec<_>> = files.iter().map(|(path, _)| hash_part(path)).collect();
    let Some(hashes) = hashes else { return false };
    let mixed = hashes.iter().filter(|hash| is_mixed(hash)).count();
    let has_code = files.iter().any(|(_, asset)| matches!(asset.kind, Kind::Script | Kind::Style));
    has_code && files.len() > 1 && mixed * 10 >= hashes.len() * 9
}

/// `name-XXXXXXXX.ext`, `name.XXXXXXXX.ext` or `name.XXXXXXXX.lean.ext`: eight characters of base64url, or 8 to 20 hex
/// digits. A source map is named for its file: `name-XXXXXXXX.js.map`.
fn hash_part(path: &SitePath) -> Option<&str> {
    let name = path.file_name();
    let name = name.strip_suffix(".map").unwrap_or(name).rsplit_once('.')?.0;
    let name = name.strip_suffix(".lean").unwrap_or(name);
    let base64url = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if name.len() > 9 && name.is_char_boundary(name.len() - 8) {
        let (before, part) = name.split_at(name.len() - 8);
        if base64url(part) && before.ends_with(['-', '.']) {
            return Some(part);
        }
    }
    let part = name.rsplit(['-', '.']).next()?;
    let is_hex = (8..=20).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && part.len() < name.len()).then_some(part)
}

/// Whether at least two of lower case, upper case, digits and the rest occur.
fn is_mixed(part: &str) -> bool {
    let classes: [fn(&u8) -> bool; 4] =
        [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit, |byte| matches!(byte, b'-' | b'_')];
    classes.iter().filter(|class| part.bytes().any(|byte| class(&byte))).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_parts_are_found_by_form_and_words_are_not_mixed() {
        let part = |name: &str| hash_part(&SitePath::new(name).expect("a name")).map(str::to_owned);
        assert_eq!(part("app.DdFPHL9k.js").as_deref(), Some("DdFPHL9k"));
        assert_eq!(part("p.md.BxK2_-aZ.lean.js").as_deref(), Some("BxK2_-aZ"));
        assert_eq!(part("main.0123456789abcdef0123.js").as_deref(), Some("0123456789abcdef0123"));
        assert_eq!(part("app-DdFPHL9k.js.map").as_deref(), Some("DdFPHL9k"));
        assert_eq!(part("logo.svg"), None);
        assert!(!is_mixed("download") && !is_mixed("20240131") && is_mixed("DdFPHL9k"));
    }
}
