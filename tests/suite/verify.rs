//! Each promise, broken on purpose: `verify` must notice, and say where.

use std::fs;
use std::path::Path;
use tightrope::config::{Config, settings::Settings};
use tightrope::model::finding::Code;
use tightrope::{pipeline, verify};

/// Builds a small site, breaks it, and returns the codes of what `verify` tells.
fn broken(breaking: impl FnOnce(&Path)) -> Vec<(Code, String)> {
    let temp = tempfile::tempdir().expect("a directory");
    let (site, out) = (temp.path().join("site"), temp.path().join("out"));
    let files = [
        (
            "index.html",
            "<!doctype html>\n<link rel=preload as=script href=a.js><script src=a.js></script>\n<link rel=stylesheet href=a.css>\n",
        ),
        ("a.js", "1\n"),
        ("a.css", "a { background: url(a.png) }\n"),
        ("a.png", "png"),
    ];
    fs::create_dir(&site).expect("a directory");
    for (name, text) in files {
        fs::write(site.join(name), text).expect("a file");
    }
    let settings = Settings { cdn: Some("https://cdn.example".to_owned()), ..Settings::default() };
    pipeline::build(&site, &out, &Config::new(settings).expect("good settings")).expect("it builds");
    breaking(&out);
    let verified = verify::verify(&out).expect("it can be read");
    verified.findings.into_iter().map(|finding| (finding.code, finding.to_string())).collect()
}

fn published(out: &Path, start: &str, end: &str) -> std::path::PathBuf {
    let names = fs::read_dir(out).expect("the output").map(|entry| entry.expect("an entry").path());
    let fits = |name: &str| name.starts_with(start) && name.ends_with(end) && name.len() > start.len() + end.len() + 10;
    names
        .into_iter()
        .find(|path| fits(&path.file_name().unwrap_or_default().to_string_lossy()))
        .expect("a published file")
}

fn edit(out: &Path, change: impl FnOnce(String) -> String) {
    let page = out.join("index.html");
    let text = fs::read_to_string(&page).expect("a page");
    let changed = change(text.clone());
    assert_ne!(text, changed, "nothing was broken");
    fs::write(page, changed).expect("a page");
}

fn codes(found: &[(Code, String)]) -> Vec<Code> {
    found.iter().map(|(code, _)| *code).collect()
}

#[test]
fn a_whole_output_is_fine() {
    assert_eq!(codes(&broken(|_| {})), []);
}

#[test]
fn a_missing_file_is_told_with_its_place() {
    let found = broken(|out| fs::remove_file(published(out, "a.", ".js")).expect("removed"));
    assert!(codes(&found).contains(&Code::CdnFileMissing) && codes(&found).contains(&Code::AssetChanged));
    assert!(
        found.iter().any(|(code, text)| *code == Code::CdnFileMissing && text.starts_with("index.html:2:")),
        "{found:#?}"
    );
}

#[test]
fn changed_bytes_are_told() {
    let found = codes(&broken(|out| fs::write(published(out, "a.", ".js"), "2\n").expect("written")));
    for code in [Code::AssetChanged, Code::FingerprintWrong, Code::IntegrityBroken] {
        assert!(found.contains(&code), "{code}: {found:?}");
    }
}

#[test]
fn a_sheet_that_names_the_cdn_or_nothing_is_told() {
    let found = codes(&broken(|out| {
        fs::write(
            published(out, "a.", ".css"),
            "a { background: url(https://cdn.example/a.png), url(x.0123456789ab.png) }",
        )
        .expect("written");
    }));
    assert!(found.contains(&Code::CdnUrlInside) && found.contains(&Code::ReferenceBroken), "{found:?}");
}

#[test]
fn what_is_taken_from_a_page_is_missed() {
    let without = |part: &'static str| codes(&broken(move |out| edit(out, |page| page.replacen(part, "", 1))));
    assert!(without(" crossorigin=\"anonymous\"").contains(&Code::CrossoriginMissing));
    let no_integrity = broken(|out| {
        edit(out, |page| page.split(' ').filter(|part| !part.starts_with("integrity=")).collect::<Vec<_>>().join(" "));
    });
    assert!(codes(&no_integrity).contains(&Code::IntegrityMissing));
    assert!(without("data-tightrope=\"net\"").contains(&Code::NetMissing));
}

#[test]
fn a_preload_that_differs_from_the_use_is_told() {
    let found = broken(|out| {
        edit(out, |page| page.replacen("crossorigin=\"anonymous\"", "crossorigin=\"use-credentials\"", 1));
    });
    assert!(codes(&found).contains(&Code::PreloadDisagrees), "{found:#?}");
}
