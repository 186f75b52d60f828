//! What the manifest of the build before lists, whichever version of tightrope wrote it. It lies in OUT, where anybody may
//! have edited it.

use super::{AssetEntry, FILE_NAME, KeptEntry};
use crate::model::digest::Integrity;
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::plan::{Home, Kept};
use serde::Deserialize;
use std::collections::BTreeMap;

/// As much of a manifest as is needed.
#[derive(Deserialize)]
struct Earlier {
    #[serde(default)]
    net: Option<AssetEntry>,
    #[serde(default)]
    kept: Vec<KeptEntry>,
    assets: BTreeMap<String, AssetEntry>,
}

/// The files whose names stand for their bytes. A manifest or an entry that cannot be read is told.
pub fn fingerprinted(manifest: &[u8]) -> (Vec<Kept>, Vec<Finding>) {
    let earlier: Earlier = match serde_json::from_slice(manifest) {
        Ok(earlier) => earlier,
        Err(error) => {
            let reason = format!("the build before cannot be read, so nothing of it is kept: {error}");
            return (Vec::new(), vec![Finding::of_file(Code::NotKept, FILE_NAME, reason)]);
        }
    };
    let published = earlier.assets.iter().filter(|(original, entry)| entry.is_fingerprinted(original));
    let current = earlier.net.iter().chain(published.map(|(_, entry)| entry)).map(|entry| kept(entry, 0));
    // What was kept is not of that build itself, whatever is written there.
    let older = earlier.kept.iter().map(|entry| kept(&entry.file, entry.builds_ago.max(1)));
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    for file in current.chain(older) {
        match file {
            Ok(file) => files.push(file),
            Err(finding) => findings.push(finding),
        }
    }
    (files, findings)
}

fn kept(entry: &AssetEntry, builds_ago: u32) -> Result<Kept, Finding> {
    let tell = |reason| Finding::of_file(Code::NotKept, entry.path.clone(), reason);
    Ok(Kept {
        path: SitePath::new(&entry.path).ok_or_else(|| tell("the manifest lists a path that leaves the site"))?,
        integrity: Integrity::parse(&entry.integrity).ok_or_else(|| tell("the manifest lists no integrity for it"))?,
        size: entry.size,
        home: if entry.on_cdn { Home::Cdn } else { Home::Origin },
        builds_ago,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_of_another_version_is_read_as_far_as_it_is_known() {
        let entry = |path: &str| {
            format!(
                r#"{{"path":"{path}","size":1,"content_type":"","integrity":"sha384-x","on_cdn":true,"future":[1]}}"#
            )
        };
        let text = format!(
            r#"{{"future":{{}},"options":{{"future":1}},"net":{},"assets":{{"a.js":{},"b.js":{}}}}}"#,
            entry("net.0.js"),
            entry("a.0.js"),
            entry("b.js")
        );
        let (files, findings) = fingerprinted(text.as_bytes());
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!((paths, findings.len()), (vec!["net.0.js", "a.0.js"], 0), "b.js has no fingerprint");
    }

    #[test]
    fn what_is_no_manifest_is_one_finding() {
        let deep = "[".repeat(100_000);
        for text in ["", "null", "[]", "{", "{\"assets\":[]}", "{\"kept\":[{}]}", &deep] {
            let (files, findings) = fingerprinted(text.as_bytes());
            assert_eq!((files.len(), findings.len()), (0, 1), "{text:.40}");
        }
    }
}
