//! The service worker as a file: when it is there, what it knows, and what comes after it.

use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tightrope::config::{Config, settings::Fallback, settings::Settings};
use tightrope::error::Error;
use tightrope::fallback::service_worker::{Data, FILE_NAME, RETIRED};
use tightrope::model::finding::Code;
use tightrope::{pipeline, verify};

fn settings(service_worker: bool) -> Settings {
    Settings { cdn: Some("https://cdn.example".to_owned()), service_worker, ..Settings::default() }
}

fn site(files: &[(&str, &str)]) -> TempDir {
    let temp = tempfile::tempdir().expect("a directory");
    fs::create_dir(temp.path().join("site")).expect("a directory");
    let page = [("index.html", "<script src=a.js></script>"), ("a.js", "1\n"), ("a.png", "png")];
    for (name, text) in page.iter().chain(files) {
        fs::write(temp.path().join("site").join(name), text).expect("a file");
    }
    temp
}

fn build(temp: &TempDir, settings: Settings) -> Result<(), Error> {
    let config = Config::new(settings)?;
    pipeline::build(&temp.path().join("site"), &temp.path().join("out"), &config).map(drop)
}

fn worker(temp: &TempDir) -> Option<String> {
    fs::read_to_string(temp.path().join("out").join(FILE_NAME)).ok()
}

fn broken(temp: &TempDir) -> Vec<String> {
    let verified = verify::verify(&temp.path().join("out")).expect("it can be read");
    verified.findings.into_iter().filter(|one| one.code == Code::ServiceWorkerBroken).map(|one| one.reason).collect()
}

fn edit(temp: &TempDir, name: &str, from: &str, to: &str) {
    let path = temp.path().join("out").join(name);
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).expect("a file");
}

#[test]
fn a_site_that_does_without_unregisters_what_a_build_before_has_left_in_browsers() {
    let temp = site(&[]);
    build(&temp, settings(false)).expect("it builds");
    assert_eq!(worker(&temp), None, "there was none");
    build(&temp, settings(true)).expect("it builds");
    assert!(worker(&temp).is_some_and(|text| Data::parse(&text).is_some()));
    edit(&temp, "tightrope.json", "\"fallback\"", "\"an-option-of-another-version\": true, \"fallback\"");
    for _ in 0..2 {
        build(&temp, Settings::default()).expect("it builds");
        assert_eq!(worker(&temp).as_deref(), Some(RETIRED), "browsers may come back after any number of builds");
        assert_eq!(broken(&temp), [""; 0]);
    }
    build(&temp, settings(true)).expect("it builds");
    assert!(worker(&temp).is_some_and(|text| Data::parse(&text).is_some()));
    fs::remove_file(temp.path().join("out/tightrope.json")).expect("removed");
    build(&temp, settings(false)).expect("it builds");
    assert_eq!(worker(&temp), None, "nobody knows any more");
}

#[test]
fn a_file_of_the_sites_own_under_its_name_is_not_lost() {
    let temp = site(&[(FILE_NAME, "theirs")]);
    let refused = build(&temp, settings(true));
    assert!(matches!(&refused, Err(Error::Reserved { path }) if path.ends_with(FILE_NAME)), "{refused:?}");
    build(&temp, settings(false)).expect("it builds");
    assert_eq!(worker(&temp).as_deref(), Some("theirs"));
}

#[test]
fn it_needs_a_cdn_and_the_net() {
    for settings in [Settings { cdn: None, ..settings(true) }, Settings { fallback: Fallback::None, ..settings(true) }]
    {
        assert!(matches!(Config::new(settings), Err(Error::Setting { setting: "--service-worker", .. })));
    }
}

#[test]
fn whatever_is_wrong_with_it_is_told() {
    type Case = (&'static str, fn(&Path), &'static str);
    let lost = |out: &Path| fs::remove_file(out.join(FILE_NAME)).expect("removed");
    let temp = site(&[]);
    build(&temp, settings(true)).expect("it builds");
    assert_eq!(broken(&temp), [""; 0]);
    let cases: [Case; 1] = [("lost", lost, "it is missing, or not that of this version")];
    for (what, breaking, reason) in cases {
        breaking(&temp.path().join("out"));
        assert_eq!(broken(&temp), [reason], "{what}");
    }
    for (from, to, reason) in [
        ("=>", "=> ", "it is missing, or not that of this version"),
        ("https://cdn.example/", "https://other.example/", "it answers for another CDN"),
        ("\"alone\":true", "\"alone\":false", "it does not know whether the site has a worker of its own"),
        (":\"sha384-", ":\"sha384-A", "is not pinned by its integrity"),
        (".js\":", ".mjs\":", "is not pinned by its integrity"),
    ] {
        build(&temp, settings(true)).expect("it builds");
        edit(&temp, FILE_NAME, from, to);
        let told = broken(&temp);
        assert!(told.iter().any(|one| one.ends_with(reason)), "{from}: {told:?}");
    }
    let pin =
        worker(&temp).expect("it").split_once("\"integrity\":").map(|(_, rest)| rest.to_owned()).expect("a table");
    build(&temp, settings(true)).expect("it builds");
    let pin = pin.replace(".mjs", ".js");
    edit(&temp, FILE_NAME, &pin, "{}});\n");
    assert!(broken(&temp).iter().any(|one| one.ends_with(".js` is not pinned")), "{:?}", broken(&temp));
}

#[test]
fn what_the_manifest_says_of_it_must_be_so() {
    let temp = site(&[]);
    build(&temp, settings(true)).expect("it builds");
    edit(&temp, "tightrope.json", "\"state\": \"active\"", "\"state\": \"retired\"");
    assert_eq!(broken(&temp), ["the manifest and its options disagree about it"]);
    edit(&temp, "tightrope.json", "\"service-worker\": true", "\"service-worker\": false");
    assert_eq!(broken(&temp), ["it does not unregister what was there before"]);
    edit(&temp, "tightrope.json", "\"service_worker\"", "\"gone\"");
    edit(&temp, "tightrope.json", "\"service-worker\": false", "\"service-worker\": true");
    assert_eq!(broken(&temp), ["it was asked for, and the manifest does not list it"]);
}

#[test]
fn a_worker_of_the_sites_own_must_import_it_first() {
    let temp = site(&[("sw.js", "'use strict'; addEventListener('fetch', () => {});")]);
    build(&temp, settings(true)).expect("it builds");
    assert_eq!(broken(&temp), [""; 0]);
    let page = fs::read_to_string(temp.path().join("out/index.html")).expect("a page");
    assert!(!page.contains("getRegistration"), "a site that has a worker registers it itself");
    edit(&temp, "sw.js", "'use strict';", "'use strict'; early();");
    assert_eq!(broken(&temp), ["it does not import the service worker first"]);
}
