//! A module imports lower floors only, and each external crate has its room (ARCHITECTURE.md).

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. Rooms of one floor may not import each other, but for the exceptions below.
const FLOORS: &[&[&str]] = &[
    &["model", "error"],
    &["text"],
    &["css", "js", "json", "cdn"],
    &["html"],
    &["contents"],
    &["config", "graph", "site"],
    &["plan"],
    &["fallback", "manifest", "output"],
    &["keep", "page", "report", "serve"],
    &["pipeline", "filter", "verify"],
    &["explain"],
    &["cli"],
    &["lib", "main"],
];

/// `graph::resolve` is what `config` and `graph::link` share; `graph` links what `site` has read.
const NEIGHBOURS: &[(&str, &str)] = &[("config", "graph"), ("graph", "site"), ("site", "config")];

/// Which rooms may name a crate.
const CRATES: &[(&str, &[&str])] = &[
    ("lol_html::", &["html/rewriter/mod.rs"]),
    ("quick_xml::", &["html/xml.rs", "html/xml/"]),
    ("clap::", &["cli/", "config/settings.rs", "html/template/calls.rs"]),
    ("sha2::", &["model/digest.rs", "model/name_digests.rs"]),
    ("sha1::", &["model/name_digests.rs"]),
    ("md5::", &["model/name_digests.rs"]),
    ("base64::", &["model/digest.rs"]),
    ("walkdir::", &["site/", "verify/"]),
    ("cssparser::", &["css/"]),
    ("oxc_", &["js/"]),
    ("icu_normalizer::", &["site/names.rs"]),
    ("RawValue", &["json/"]),
    ("std::fs", &["site/", "output/", "verify/", "serve/", "cli/", "filter.rs", "manifest/private.rs"]),
];

fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("src").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() { walk(&entry, into) } else { into.push(entry) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files
        .into_iter()
        .filter(|file| !file.ends_with("tests.rs"))
        .map(|file| {
            let name = file.strip_prefix(&root).expect("below src").display().to_string();
            let text = fs::read_to_string(&file).expect("a source");
            // Tests may look anywhere, and comments are prose.
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            (name, code)
        })
        .collect()
}

fn room(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

fn floor(room: &str) -> usize {
    FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| panic!("`{room}` has no floor"))
}

#[test]
fn a_module_imports_lower_floors_only() {
    for (name, code) in sources() {
        let here = room(&name).to_owned();
        for there in code
            .split("crate::")
            .skip(1)
            .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
        {
            if there.is_empty() || there == here {
                continue;
            }
            let allowed = floor(there) < floor(&here) || NEIGHBOURS.contains(&(here.as_str(), there));
            assert!(allowed, "src/{name} imports `{there}`, which is not below it");
        }
    }
}

#[test]
fn external_crates_stay_in_their_rooms() {
    for (name, code) in sources() {
        for (external, rooms) in CRATES.iter().filter(|(external, _)| code.contains(external)) {
            let at_home = rooms.iter().any(|room| name.starts_with(room));
            assert!(at_home, "src/{name} names `{external}`, which belongs to {rooms:?}");
        }
    }
}
