//! `fixtures/sites/<a sentence>/`: each is built and compared with its whole expected tree, built again from its own
//! output, with 1 and 8 threads, with its pages given to the parser one byte at a time, and verified.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tightrope::config::{Config, settings::Settings};
use tightrope::error::Error;
use tightrope::fallback::service_worker::Data;
use tightrope::fallback::{NetFile, Parts};
use tightrope::model::digest::Digests;
use tightrope::model::finding::Level;
use tightrope::model::path::SitePath;
use tightrope::page::{Context, rewrite_bytes, rewrite_stream};
use tightrope::{filter, graph, pipeline, plan, site, verify};

/// What stands for the net's code in expected files, so that a change to it does not change all of them.
fn mark(names: &[(bool, &str)]) -> String {
    let names: Vec<_> = names.iter().filter(|(is_there, _)| *is_there).map(|(_, name)| *name).collect();
    format!("/* runtime/dist/: {} */", names.join(", "))
}

/// For the fingerprint of the net's file.
const NAME_MARK: &str = "00000000fe70";

pub(crate) fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sites");
    let entries = fs::read_dir(root).expect("fixtures").map(|entry| entry.expect("a case").path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() > 10, "the fixtures are gone");
    cases
}

pub(crate) fn config(case: &Path) -> Config {
    let text = fs::read_to_string(case.join("case.toml")).expect("case.toml");
    let settings: Settings = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    Config::new(settings).expect("good settings")
}

/// All files of a tree, by relative path.
pub(crate) fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.expect("a readable tree"))
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| {
            let name = entry.path().strip_prefix(root).expect("below the root").display().to_string();
            (name, fs::read(entry.path()).expect("a readable file"))
        })
        .collect()
}

fn marked(tree: BTreeMap<String, Vec<u8>>, config: &Config) -> BTreeMap<String, Vec<u8>> {
    let all = marks(config);
    let mark =
        |bytes: Vec<u8>| all.iter().fold(bytes, |bytes, (from, to)| replace(&bytes, from.as_bytes(), to.as_bytes()));
    tree.into_iter()
        .map(|(name, bytes)| (String::from_utf8(mark(name.into_bytes())).expect("a name"), mark(without_code(bytes))))
        .collect()
}

/// All that is replaced, with what stands for it.
fn marks(config: &Config) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut others = Vec::new();
    for parts in Parts::all() {
        let in_page = mark(&[(parts.hang, "hang"), (true, "loader"), (parts.service_worker, "register")]);
        let fetched = mark(&[(parts.beacon, "beacon"), (true, "net")]);
        for (text, mark) in [(parts.in_page(), in_page), (parts.fetched(), fetched)] {
            texts.extend([text.to_owned(), in_srcdoc(text)].map(|text| (text, mark.clone())));
        }
        others.push((parts.in_page_hash().to_owned(), "sha256-of-the-loader".to_owned()));
        if let Some(file) = NetFile::of(config, parts) {
            let fingerprint = Digests::of(file.text.as_bytes()).fingerprint().as_str().to_owned();
            let integrity = file.integrity.as_str().to_owned();
            others.extend([
                (file.hash.clone(), "sha256-of-the-net".to_owned()),
                (in_srcdoc(&integrity), "sha384-of-the-net".to_owned()),
                (integrity, "sha384-of-the-net".to_owned()),
                (fingerprint, NAME_MARK.to_owned()),
                (format!("\"size\": {},", file.text.len()), "\"size\": 0,".to_owned()),
            ]);
        }
    }
    // The longer ones first: they hold others.
    texts.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    texts.into_iter().chain(others).collect()
}

/// A service worker, with what the build has told it and a mark for its code; and the manifest that lists it.
fn without_code(bytes: Vec<u8>) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&bytes) else { return bytes };
    if let Some(data) = Data::parse(text) {
        let data = serde_json::to_string_pretty(&data).expect("text for keys");
        return format!("/* runtime/dist/service-worker.min.js */ ({data});\n").into_bytes();
    }
    let manifest = serde_json::from_str::<serde_json::Value>(text).ok();
    let Some(worker) = manifest.as_ref().and_then(|manifest| manifest.get("service_worker")) else { return bytes };
    let pinned = [worker["integrity"].as_str(), Some("sha384-of-the-service-worker")].map(Option::unwrap_or_default);
    let size = format!("\"size\": {},", worker["size"]);
    text.replace(pinned[0], pinned[1]).replace(&size, "\"size\": 0,").into_bytes()
}

/// The net as a page in a quoted attribute has it.
fn in_srcdoc(net: &str) -> String {
    let escaped = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '"' | '\'' | '<' | '>' | '`' => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    };
    net.chars().map(escaped).collect()
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(work)
}

fn assert_same(case: &Path, what: &str, expected: &BTreeMap<String, Vec<u8>>, actual: &BTreeMap<String, Vec<u8>>) {
    let names = |tree: &BTreeMap<String, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(expected), names(actual), "{}: {what}: the files differ", case.display());
    for (name, bytes) in expected {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(bytes), text(&actual[name]), "{}: {what}: {name}", case.display());
        assert!(*bytes == actual[name], "{}: {what}: {name} differs in bytes that are not UTF-8", case.display());
    }
}

#[test]
fn every_site_becomes_what_is_expected() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    assert!(!update || std::env::var_os("CI").is_none(), "UPDATE_EXPECT has no place in CI");
    for case in cases() {
        let temp = tempfile::tempdir().expect("a directory");
        let out = temp.path().join("out");
        let report = pipeline::build(&case.join("input"), &out, &config(&case)).expect("it builds");
        let findings = report.to_text(true);
        let mut actual = tree(&out);
        actual.insert("FINDINGS".to_owned(), findings.into_bytes());
        let actual = marked(actual, &config(&case));
        let expected = case.join("expected");
        if update {
            let _ = fs::remove_dir_all(&expected);
            for (name, bytes) in &actual {
                let path = expected.join(name);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                fs::write(path, bytes).expect("a file");
            }
        }
        assert_same(&case, "expected", &tree(&expected), &actual);
    }
}

#[test]
fn building_the_output_again_changes_nothing() {
    for case in cases() {
        let temp = tempfile::tempdir().expect("a directory");
        let (once, twice) = (temp.path().join("once"), temp.path().join("twice"));
        pipeline::build(&case.join("input"), &once, &config(&case)).expect("it builds");
        let report = pipeline::build(&once, &twice, &config(&case)).expect("it builds again");
        assert!(report.already_built);
        assert_same(&case, "again", &tree(&once), &tree(&twice));
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for case in cases() {
        let temp = tempfile::tempdir().expect("a directory");
        let build = |threads: usize| {
            let out = temp.path().join(threads.to_string());
            let report = on_threads(threads, || pipeline::build(&case.join("input"), &out, &config(&case)));
            (tree(&out), report.expect("it builds"))
        };
        let (one, eight) = (build(1), build(8));
        assert_same(&case, "threads", &one.0, &eight.0);
        assert_eq!(one.1, eight.1, "{}", case.display());
    }
}

#[test]
fn pages_given_byte_by_byte_come_out_the_same() {
    for case in cases() {
        let config = config(&case);
        let (site, _) = site::walk(&case.join("input")).expect("it can be read");
        let (index, _) = site::index::index(&site, &config).expect("it is read");
        let (graph, _) = graph::link::link(&index, &config.mount);
        let (plan, _) = plan::plan(&index, &graph, &config);
        let context = Context { config: &config, site: &site, index: &index, plan: &plan, explain: false };
        for path in site.files.iter().filter_map(|file| file.path.as_ref()).filter(|path| config.is_page(path)) {
            let page = site.read(path).expect("a page");
            let whole = rewrite_bytes(path, &page, None, context);
            for step in [1, 7] {
                let cut = rewrite_bytes(path, &page, Some(step), context);
                let text = |outcome: &tightrope::page::Outcome| {
                    outcome.bytes.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                };
                assert_eq!(text(&whole), text(&cut), "{}: {path} in steps of {step}", case.display());
                assert_eq!(whole.findings, cut.findings, "{}: {path}", case.display());
            }
            let mut streamed = Vec::new();
            let open = || -> std::io::Result<Box<dyn std::io::Read>> { Ok(Box::new(site.open(path)?)) };
            let outcome = rewrite_stream(path, &open, &mut streamed, context).expect("it can be read");
            let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let streamed = outcome.changed.then_some(&streamed[..]);
            assert_eq!(text(whole.bytes.as_deref()), text(streamed), "{}: {path} streamed", case.display());
            assert_eq!(whole.findings, outcome.findings, "{}: {path} streamed", case.display());
        }
    }
}

#[test]
fn the_filter_makes_of_each_page_what_the_build_made() {
    for case in cases() {
        let temp = tempfile::tempdir().expect("a directory");
        let out = temp.path().join("out");
        let config = config(&case);
        pipeline::build(&case.join("input"), &out, &config).expect("it builds");
        let (site, _) = site::walk(&case.join("input")).expect("it can be read");
        for path in site.files.iter().filter_map(|file| file.path.as_ref()).filter(|path| config.is_page(path)) {
            let page = site.read(path).expect("a page");
            let mut filtered = Vec::new();
            filter::rewrite(&out.join("tightrope.json"), path, &mut &page[..], &mut filtered).expect("it is rewritten");
            let built = fs::read(out.join(path.as_str())).expect("the built page");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(&built), text(&filtered), "{}: {path}", case.display());
        }
    }
}

#[test]
fn every_output_verifies() {
    for case in cases() {
        let temp = tempfile::tempdir().expect("a directory");
        let out = temp.path().join("out");
        pipeline::build(&case.join("input"), &out, &config(&case)).expect("it builds");
        let verified = verify::verify(&out).expect("it can be read");
        let broken: Vec<_> = verified.findings.iter().filter(|finding| finding.code.level() == Level::Error).collect();
        assert!(broken.is_empty(), "{}: {broken:#?}", case.display());
    }
}

#[test]
fn the_filter_refuses_an_output_whose_net_is_another_versions_file() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sites/the-net-in-a-file-needs-no-inline-code");
    let temp = tempfile::tempdir().expect("a directory");
    let manifest = temp.path().join("out/tightrope.json");
    pipeline::build(&case.join("input"), &temp.path().join("out"), &config(&case)).expect("it builds");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let other = text.replace("tightrope-net.", "tightrope-net.0");
    assert_ne!(text, other);
    fs::write(&manifest, other).expect("a manifest");
    let page = SitePath::new("inline.html").expect("a path");
    let refused = filter::rewrite(&manifest, &page, &mut &b"<script src=a.js></script>"[..], &mut Vec::new());
    assert!(matches!(refused, Err(Error::Setting { setting: "--fallback", .. })), "{refused:?}");
}
