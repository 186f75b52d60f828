//! Real sites: built, verified, and every page held against its input byte by byte; and one of them, a VitePress site,
//! in a real browser.
//!
//! Not part of `cargo test`: `scripts/heavy` brings the sites and runs it. It prints what it measured as rows of the
//! tables in docs/figures.md.

// What is printed are the figures.
#![allow(clippy::print_stdout)]

// The sites are walked through in Chromium alone.
#[allow(dead_code)]
#[path = "../browser/browser/mod.rs"]
mod browser;
mod navigation;
mod walker;

use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tightrope::config::{Config, settings::Settings};
use tightrope::model::finding::{Level, Position};
use tightrope::report::Report;
use tightrope::{pipeline, verify};

const CDN: &str = "https://static.example.com";

/// A site of the corpora. `inside` is where its package keeps it.
fn corpus(name: &str, inside: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/corpora").join(name).join(inside);
    let found = root.canonicalize();
    found.unwrap_or_else(|_| panic!("{} is missing: run benches/corpora.sh target/corpora", root.display()))
}

fn vitepress() -> PathBuf {
    corpus("vitepress", "docs/.vitepress/dist")
}

/// A directory for an output, in memory where that is possible: some of the sites are large.
fn room() -> TempDir {
    let shm = Path::new("/dev/shm");
    let made = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
    made.expect("a directory")
}

/// Builds and verifies; a broken promise is a failure.
fn build(site: &Path, out: &Path, cdn: &str) -> Report {
    let settings = Settings { cdn: Some(cdn.to_owned()), ..Settings::default() };
    let report = pipeline::build(site, out, &Config::new(settings).expect("good settings")).expect("it builds");
    let verified = verify::verify(out).expect("it can be read");
    let broken: Vec<_> = verified.findings.iter().filter(|finding| finding.code.level() == Level::Error).collect();
    assert!(broken.is_empty(), "{} broken promises: {:#?}", broken.len(), &broken[..broken.len().min(20)]);
    report
}

/// All files of a site, relative to it, without links: those are the build's to judge.
fn files(site: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(site).into_iter().map(|entry| entry.expect("a readable site"));
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.path().strip_prefix(site).expect("below the site").to_owned()).collect()
}

fn is_page(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "html" || extension == "htm" || extension == "xhtml")
}

/// What came of comparing one file.
#[derive(Clone, Copy, Default)]
struct Compared {
    pages: usize,
    changed: usize,
    bytes: usize,
    tags: usize,
    texts: usize,
    injected: usize,
    others: usize,
}

impl Compared {
    fn and(self, other: Self) -> Self {
        Self {
            pages: self.pages + other.pages,
            changed: self.changed + other.changed,
            bytes: self.bytes + other.bytes,
            tags: self.tags + other.tags,
            texts: self.texts + other.texts,
            injected: self.injected + other.injected,
            others: self.others + other.others,
        }
    }
}

/// A page may differ where the walker allows it, any other file nowhere.
fn compare(file: &Path, site: &Path, out: &Path) -> Result<Compared, String> {
    let input = fs::read(site.join(file)).map_err(|error| format!("{}: {error}", file.display()))?;
    let output = fs::read(out.join(file)).map_err(|error| format!("{}: not in the output: {error}", file.display()))?;
    if !is_page(file) {
        let other = Compared { others: 1, ..Compared::default() };
        return if input == output { Ok(other) } else { Err(format!("{}: changed", file.display())) };
    }
    let walked = walker::compare(&input, &output).map_err(|difference| {
        let Position { line, column } = Position::of(&input, difference.at);
        format!("{}:{line}:{column}: {}", file.display(), difference.what)
    })?;
    Ok(Compared {
        pages: 1,
        changed: usize::from(input != output),
        bytes: input.len(),
        tags: walked.tags,
        texts: walked.texts,
        injected: walked.injected,
        others: 0,
    })
}

/// Builds a corpus and compares all of it.
fn holds(name: &str, inside: &str, at_least: usize) {
    let site = corpus(name, inside);
    let room = room();
    let out = room.path().join("out");
    let report = build(&site, &out, CDN);
    let results: Vec<_> = files(&site).par_iter().map(|file| compare(file, &site, &out)).collect();
    let told: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(told.is_empty(), "{} files differ where they must not: {:#?}", told.len(), &told[..told.len().min(20)]);
    let all = results.into_iter().flatten().fold(Compared::default(), Compared::and);
    assert!(all.pages >= at_least, "only {} pages: this is not the whole of {name}", all.pages);
    assert_eq!((all.pages, all.changed), (report.pages, report.rewritten_pages), "not all pages were compared");
    assert!(all.tags > 0 && all.injected > 0, "nothing was edited, so nothing was shown");
    println!(
        "\n| {name} | {} | {} | {:.1} | {} | {} | {} | {} |",
        all.pages,
        all.changed,
        f64::from(u32::try_from(all.bytes / 1000).unwrap_or(u32::MAX)) / 1000.0,
        all.tags,
        all.texts,
        all.injected,
        all.others
    );
}

#[test]
fn postgresql_differs_only_in_edits() {
    holds("postgresql-doc-15", "usr/share/doc/postgresql-doc-15/html", 1_000);
}

#[test]
fn python_differs_only_in_edits() {
    holds("python3.11-doc", "usr/share/doc/python3.11/html", 500);
}

#[test]
fn openjdk_differs_only_in_edits() {
    holds("openjdk-17-doc", "usr/share/doc/openjdk-17-jre-headless", 10_000);
}

#[test]
fn rust_doc_differs_only_in_edits() {
    holds("rust-doc", "usr/share/doc/rust-doc/html", 20_000);
}

#[test]
fn vitepress_differs_only_in_edits() {
    holds("vitepress", "docs/.vitepress/dist", 400);
}
