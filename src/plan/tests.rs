//! What happens to two files that would have one name.

use super::*;
use crate::config::settings::Settings;
use crate::graph::link;
use crate::site;
use std::fs;

const FILES: [(&str, &str); 6] = [
    ("a.js", "import './b.js'"),
    ("b.js", "import './a.js'"),
    ("c.css", "p { background: url(d.png) }"),
    ("d.png", "png"),
    ("e.png", "another"),
    ("x.png", "taken"),
];

/// The plan of a site whose fingerprinted names are made by `name`, and whose files got none.
fn planned(name: fn(&SitePath, &Fingerprint) -> SitePath) -> (Plan, Vec<String>) {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in FILES {
        fs::write(dir.path().join(name), text).expect("a file");
    }
    let settings = Settings { cdn: Some("https://cdn.example".to_owned()), ..Settings::default() };
    let config = Config::new(settings).expect("good settings");
    let (site, _) = site::walk(dir.path()).expect("it can be read");
    let (index, _) = site::index::index(&site, &config).expect("an index");
    let (graph, _) = link::link(&index, &config.mount);
    let (plan, findings) = plan_named(&index, &graph, &config, name);
    let refused = findings.into_iter().filter(|finding| finding.code == Code::NameTaken);
    (plan, refused.map(|finding| finding.path).collect())
}

#[test]
fn no_two_files_get_one_name_however_their_fingerprints_fall() {
    let one_name: fn(&SitePath, &Fingerprint) -> SitePath =
        |path, _| path.with_file_name(&format!("same.{}", path.extension())).unwrap_or_else(|| path.clone());
    let existing: fn(&SitePath, &Fingerprint) -> SitePath =
        |path, _| path.with_file_name("x.png").unwrap_or_else(|| path.clone());
    for (name, expected) in [
        // One of the pictures and the sheet have theirs, and the cycle has none.
        (one_name, vec!["b.js", "e.png", "x.png"]),
        (existing, vec!["a.js", "b.js", "d.png", "c.css", "e.png"]),
    ] {
        let (plan, mut refused) = planned(name);
        let mut expected = expected;
        expected.sort_unstable();
        refused.sort_unstable();
        assert_eq!(refused, expected);
        let names: BTreeSet<_> = plan.publications.values().map(|publication| &publication.path).collect();
        assert_eq!(names.len(), FILES.len(), "{names:?}");
        for path in ["a.js", "b.js"] {
            let publication = &plan.publications[&SitePath::new(path).expect("a path")];
            assert!(publication.path.as_str() == path && publication.bytes.is_none(), "{publication:?}");
            assert_eq!(publication.home, Home::Origin);
        }
    }
    assert!(planned(naming::fingerprinted).1.is_empty());
}
