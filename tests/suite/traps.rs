//! `fixtures/sites/README.md` leads from each trap to the page that shows it: what it names must be there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sites")
}

/// The last cell of each row of the tables, as the paths in it.
fn rows(readme: &str) -> Vec<(String, Vec<String>)> {
    let cells =
        |row: &str| row.trim_matches('|').rsplit_once(" | ").map(|(what, paths)| (what.to_owned(), paths.to_owned()));
    let rows = readme.lines().filter(|line| line.starts_with("| ") && line.contains('`')).filter_map(cells);
    rows.map(|(what, paths)| (what, paths.split('`').skip(1).step_by(2).map(str::to_owned).collect())).collect()
}

#[test]
fn every_trap_leads_to_a_page_that_is_built_and_expected() {
    let readme = fs::read_to_string(fixtures().join("README.md")).expect("the table");
    let rows = rows(&readme);
    assert!(rows.len() > 75, "the table is gone: {} rows", rows.len());
    for (what, paths) in rows {
        assert!(!paths.is_empty(), "no fixture for: {what}");
        for path in paths {
            assert!(fixtures().join(&path).exists(), "{what}: {path} does not exist");
            let expected = fixtures().join(path.replacen("/input/", "/expected/", 1));
            assert!(expected.exists(), "{what}: {} does not exist", expected.display());
        }
    }
}

#[test]
fn every_fixture_is_a_sentence_in_whole_words() {
    // Words, not their remains: no vowel, no word; and what is spoken letter by letter is listed.
    let spoken =
        BTreeSet::from(["cdn", "cors", "css", "html", "srcset", "svg", "url", "urls", "utf", "xhtml", "xml", "ascii"]);
    let shortened = BTreeSet::from([
        "attr", "attrs", "elem", "img", "js", "misc", "ref", "refs", "tmpl", "csp", "sri", "enc", "spec",
    ]);
    for entry in fs::read_dir(fixtures()).expect("fixtures").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("UTF-8");
        if !entry.path().is_dir() {
            assert_eq!(name, "README.md", "a fixture is a directory");
            continue;
        }
        let words: Vec<_> = name.split('-').collect();
        assert!(words.len() >= 4, "{name}: a sentence has more words");
        for word in words {
            let is_word =
                word.bytes().all(|byte| byte.is_ascii_lowercase()) && word.contains(['a', 'e', 'i', 'o', 'u', 'y']);
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            assert!(!word.is_empty() && (is_word || is_number || spoken.contains(word)), "{name}: `{word}` is no word");
            assert!(!shortened.contains(word), "{name}: `{word}` is an abbreviation");
        }
        assert!(entry.path().join("case.toml").exists(), "{name} has no case.toml");
    }
}
