//! `--keep`: what of earlier builds is in OUT, for how long, and what never gets there.

use crate::golden::tree;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tightrope::config::{Config, settings::Settings};
use tightrope::error::Error;
use tightrope::fallback::service_worker::{Data, FILE_NAME};
use tightrope::manifest::Manifest;
use tightrope::model::finding::Code;
use tightrope::model::path::SitePath;
use tightrope::report::Report;
use tightrope::{pipeline, plan, verify};

/// A site and what is made of it.
struct Place {
    temp: TempDir,
}

impl Place {
    /// A page with a script, whose text is `1`, and a picture that never changes.
    fn new() -> Self {
        let place = Self { temp: tempfile::tempdir().expect("a directory") };
        place.write("index.html", "<!doctype html><script src=a.js></script><img src=same.png>");
        place.write("a.js", "1\n");
        place.write("same.png", "png");
        place
    }

    fn site(&self) -> PathBuf {
        self.temp.path().join("site")
    }

    fn out(&self) -> PathBuf {
        self.temp.path().join("out")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.site().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn build(&self, keep: u32) -> Report {
        self.build_with(Settings { keep, ..with_cdn() })
    }

    fn build_with(&self, settings: Settings) -> Report {
        pipeline::build(&self.site(), &self.out(), &Config::new(settings).expect("good settings")).expect("it builds")
    }

    /// Builds with this script, and returns the name it is published under.
    fn script(&self, text: &str, keep: u32) -> String {
        self.write("a.js", text);
        self.build(keep);
        self.manifest().assets["a.js"].path.clone()
    }

    fn manifest(&self) -> Manifest {
        let path = self.out().join("tightrope.json");
        Manifest::parse(&fs::read(&path).expect("a manifest"), &path).expect("a manifest")
    }

    /// What is kept, and of how many builds ago.
    fn kept(&self) -> Vec<(String, u32)> {
        self.manifest().kept.into_iter().map(|kept| (kept.file.path, kept.builds_ago)).collect()
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.out().join(name)).ok()
    }

    /// Edits the manifest in OUT.
    fn edit_manifest(&self, edit: impl FnOnce(&mut serde_json::Value)) {
        let path = self.out().join("tightrope.json");
        let mut manifest = serde_json::from_slice(&fs::read(&path).expect("a manifest")).expect("JSON");
        edit(&mut manifest);
        fs::write(path, manifest.to_string()).expect("a manifest");
    }

    /// What `verify` finds broken.
    fn broken(&self) -> Vec<String> {
        let verified = verify::verify(&self.out()).expect("it can be read");
        verified.findings.iter().map(ToString::to_string).collect()
    }
}

fn with_cdn() -> Settings {
    Settings { cdn: Some("https://cdn.example".to_owned()), ..Settings::default() }
}

fn not_kept(report: &Report) -> Vec<(&str, &str)> {
    let findings = report.findings.iter().filter(|finding| finding.code == Code::NotKept);
    findings.map(|finding| (finding.path.as_str(), finding.reason.as_str())).collect()
}

#[test]
fn the_files_of_the_last_n_builds_are_there_and_older_ones_are_not() {
    for keep in 0..3 {
        let place = Place::new();
        let [first, second, third] = ["1\n", "2\n", "3\n"].map(|text| place.script(text, keep));
        assert_eq!(place.text(&third).as_deref(), Some("3\n"));
        assert_eq!(place.text(&second).as_deref(), Some("2\n").filter(|_| keep >= 1), "keep {keep}");
        assert_eq!(place.text(&first).as_deref(), Some("1\n").filter(|_| keep >= 2), "keep {keep}");
        let mut listed = vec![(second, 1), (first, 2)];
        listed.truncate(keep as usize);
        listed.sort();
        assert_eq!(place.kept(), listed, "keep {keep}");
        assert_eq!(place.broken(), [""; 0]);
    }
}

#[test]
fn the_report_and_verify_say_how_many_files_are_kept() {
    let place = Place::new();
    place.script("1\n", 1);
    let none = verify::verify(&place.out()).expect("it can be read");
    assert!(!none.to_text(false).contains("earlier"), "{}", none.to_text(false));
    place.write("a.js", "2\n");
    let report = place.build(1);
    assert!(report.to_text(false).contains("\n1 files of earlier builds kept\n"), "{}", report.to_text(false));
    let verified = verify::verify(&place.out()).expect("it can be read");
    assert!(verified.to_text(false).contains(" 2 assets, 1 files of earlier builds, "), "{}", verified.to_text(false));
    assert!(report.to_json().contains("\"kept\": 1") && verified.to_json().contains("\"kept\": 1"));
}

#[test]
fn the_same_assets_again_are_the_same_build_and_nothing_becomes_older() {
    let place = Place::new();
    let first = place.script("1\n", 1);
    place.script("2\n", 1);
    for page in ["one", "two", "three"] {
        place.write("index.html", &format!("<!doctype html><script src=a.js></script><img src=same.png>{page}"));
        place.build(1);
        assert_eq!(place.kept(), [(first.clone(), 1)], "{page}");
    }
    place.script("3\n", 1);
    assert_eq!(place.text(&first), None);
}

#[test]
fn what_was_kept_is_of_an_earlier_build_whatever_the_manifest_says() {
    let place = Place::new();
    let [first, second, _] = ["1\n", "2\n", "3\n"].map(|text| place.script(text, 2));
    place.edit_manifest(|manifest| {
        let kept = manifest["kept"].as_array_mut().expect("kept files");
        for one in kept {
            one["builds_ago"] = u64::from(one["path"] == *first).into();
        }
    });
    place.build(2);
    let mut expected = [(first, 1), (second, 1)];
    expected.sort();
    assert_eq!(place.kept(), expected, "the same build makes nothing older");
}

#[test]
fn a_name_that_both_builds_have_is_a_file_of_the_new_one() {
    let place = Place::new();
    let first = place.script("1\n", 2);
    let same = place.manifest().assets["same.png"].path.clone();
    place.script("2\n", 2);
    assert_eq!(place.kept(), [(first.clone(), 1)]);
    // Back to what it was: nothing is kept twice, and it is new again.
    let second = place.manifest().assets["a.js"].path.clone();
    assert_eq!(place.script("1\n", 2), first);
    assert_eq!(place.kept(), [(second.clone(), 1)]);
    assert_eq!(place.manifest().assets["same.png"].path, same);
}

#[test]
fn without_keep_the_output_does_not_depend_on_what_was_there() {
    let place = Place::new();
    place.script("1\n", 2);
    place.script("2\n", 2);
    place.build(0);
    let fresh = Place::new();
    fresh.script("2\n", 0);
    assert!(tree(&place.out()) == tree(&fresh.out()));
    let manifest = place.text("tightrope.json").expect("a manifest");
    assert!(!manifest.contains("\"kept\"") && !manifest.contains("\"keep\""), "{manifest}");
}

#[test]
fn what_was_edited_in_out_is_told_and_stays_behind_and_the_rest_comes_along() {
    type Case = (fn(&Path), &'static str);
    let edits: [Case; 3] = [
        (|file| fs::write(file, "!\n").expect("edited"), "its bytes are not those that the manifest lists"),
        (
            |file| fs::write(file, "longer than it was").expect("edited"),
            "its bytes are not those that the manifest lists",
        ),
        (|file| fs::remove_file(file).expect("removed"), "it is missing"),
    ];
    for (edit, reason) in edits {
        let place = Place::new();
        place.write("b.js", "b 1\n");
        let first = place.script("1\n", 3);
        let other = place.manifest().assets["b.js"].path.clone();
        edit(&place.out().join(&first));
        place.write("a.js", "2\n");
        place.write("b.js", "b 2\n");
        let report = place.build(3);
        assert_eq!(not_kept(&report), [(first.as_str(), reason)]);
        assert_eq!(place.text(&first), None, "{reason}");
        assert_eq!(place.kept(), [(other, 1)]);
        assert_eq!(place.broken(), [""; 0]);
        assert_eq!(not_kept(&place.build(3)), [], "it is told once");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_out_is_not_followed_even_to_the_right_bytes() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    let first = place.script("1\n", 1);
    fs::rename(place.out().join(&first), place.temp.path().join("elsewhere")).expect("moved");
    symlink("../elsewhere", place.out().join(&first)).expect("a link");
    place.write("a.js", "2\n");
    let report = place.build(1);
    assert_eq!(not_kept(&report).len(), 1, "{report:#?}");
    assert!(place.out().join(&first).symlink_metadata().is_err(), "the link came along");

    fs::rename(place.out().join("tightrope.json"), place.temp.path().join("plan.json")).expect("moved");
    symlink("../plan.json", place.out().join("tightrope.json")).expect("a link");
    place.write("a.js", "3\n");
    assert_eq!(not_kept(&place.build(1))[0].0, "tightrope.json");
    assert_eq!(place.kept(), []);
}

#[cfg(unix)]
#[test]
fn a_kept_file_is_a_copy_and_not_the_old_file_under_a_second_name() {
    use std::os::unix::fs::MetadataExt as _;
    let place = Place::new();
    let first = place.script("1\n", 1);
    let old = fs::File::open(place.out().join(&first)).expect("a file");
    place.script("2\n", 1);
    let new = fs::metadata(place.out().join(&first)).expect("it is kept");
    assert_ne!(old.metadata().expect("a file").ino(), new.ino());
    assert_eq!(new.nlink(), 1);
}

#[test]
fn no_manifest_leads_out_of_out_or_brings_back_what_is_no_asset() {
    let place = Place::new();
    let first = place.script("1\n", 9);
    fs::write(place.temp.path().join("secret.0123456789ab.js"), "1\n").expect("a secret");
    fs::write(place.out().join("gone.html"), "1\n").expect("a page");
    fs::write(place.out().join("sw.js"), "1\n").expect("a worker");
    fs::create_dir(place.out().join(".git")).expect("a directory");
    fs::write(place.out().join(".git/a.js"), "1\n").expect("a file");
    let absolute = place.temp.path().join("secret.0123456789ab.js").display().to_string();
    let hostile = [
        "../secret.0123456789ab.js",
        "a/../../secret.0123456789ab.js",
        "./a.js",
        absolute.as_str(),
        "",
        "..",
        "a//b.js",
        "nul\0.js",
        "gone.html",
        "sw.js",
        ".git/a.js",
        "tightrope.json",
        "index.html",
        "tightrope-service-worker.js",
    ];
    place.edit_manifest(|manifest| {
        let entry = manifest["assets"]["a.js"].clone();
        let with = |path: &str| {
            let mut entry = entry.clone();
            entry["path"] = path.into();
            entry["builds_ago"] = 1.into();
            entry
        };
        manifest["kept"] = hostile.iter().map(|path| with(path)).collect::<Vec<_>>().into();
        for path in hostile {
            manifest["assets"][format!("of {path}")] = with(path);
        }
        manifest["net"] = with("../secret.0123456789ab.js");
    });
    place.write("a.js", "2\n");
    let before = tree(place.temp.path()).into_keys().filter(|name| !name.starts_with("out/")).collect::<Vec<_>>();
    let report = place.build(9);
    let after = tree(place.temp.path()).into_keys().filter(|name| !name.starts_with("out/")).collect::<Vec<_>>();
    assert_eq!(before, after, "something was written elsewhere");
    assert_eq!(place.kept(), [(first, 1)], "what is fine comes along");
    let told: std::collections::BTreeSet<_> = not_kept(&report).into_iter().map(|(path, _)| path).collect();
    assert_eq!(told, hostile.into_iter().collect());
    for name in ["gone.html", "sw.js", ".git", "secret.0123456789ab.js", "tightrope-service-worker.js"] {
        assert!(!place.out().join(name).exists(), "{name}");
    }
    assert_eq!(place.broken(), [""; 0]);
}

#[test]
fn a_manifest_that_cannot_be_read_is_told_and_nothing_is_kept() {
    let place = Place::new();
    for text in ["", "{", "null", "[1]", "{\"kept\": 1}", "\u{0}"] {
        place.script("1\n", 1);
        fs::write(place.out().join("tightrope.json"), text).expect("a manifest");
        place.write("a.js", "2\n");
        let report = place.build(1);
        assert_eq!(not_kept(&report).iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["tightrope.json"], "{text}");
        assert_eq!(place.kept(), []);
        fs::write(place.out().join("tightrope.json"), text).expect("a manifest");
        assert_eq!(not_kept(&place.build(0)), [], "nothing was to be kept");
    }
    fs::remove_file(place.out().join("tightrope.json")).expect("removed");
    assert_eq!(not_kept(&place.build(1)), [], "a directory that tightrope has not written is no earlier build");
}

#[test]
fn the_net_of_an_earlier_build_is_kept_with_its_bytes() {
    let place = Place::new();
    place.build(1);
    let net = place.manifest().net.expect("a net").path;
    let text = place.text(&net).expect("the net");
    place.build_with(Settings { keep: 1, beacon: Some("/reports".to_owned()), ..with_cdn() });
    assert_ne!(place.manifest().net.expect("a net").path, net, "the other build has the same net");
    assert_eq!(place.text(&net), Some(text));
    assert_eq!(place.kept(), [(net, 1)]);
    assert_eq!(place.broken(), [""; 0]);
}

#[test]
fn the_service_worker_pins_the_kept_files_for_the_pages_that_name_them() {
    let place = Place::new();
    let settings = || Settings { keep: 1, service_worker: true, ..with_cdn() };
    place.build_with(settings());
    let first = place.manifest().assets["a.js"].clone();
    place.write("a.js", "2\n");
    place.build_with(settings());
    let data = |place: &Place| place.text(FILE_NAME).and_then(|text| Data::parse(&text)).expect("the worker");
    assert_eq!(data(&place).integrity.get(&first.path), Some(&first.integrity));
    assert_eq!(place.broken(), [""; 0]);
    let mut without = data(&place);
    without.integrity.remove(&first.path);
    fs::write(place.out().join(FILE_NAME), without.text()).expect("written");
    let broken = place.broken();
    assert!(broken.iter().any(|one| one.contains(&format!("`{}` is not pinned", first.path))), "{broken:?}");
}

#[test]
fn a_name_of_the_new_build_is_never_overwritten() {
    let place = Place::new();
    place.write("lib/b.js", "b\n");
    let first = place.script("1\n", 1);
    let nested = place.manifest().assets["lib/b.js"].path.clone();
    // The site has other files now where the earlier build had its own: by name, and by directory.
    place.write(&first, "theirs\n");
    fs::remove_dir_all(place.site().join("lib")).expect("removed");
    place.write("lib", "a file\n");
    place.write("a.js", "2\n");
    let report = place.build(1);
    assert_eq!(place.text(&first).as_deref(), Some("theirs\n"));
    assert_eq!(place.text("lib").as_deref(), Some("a file\n"));
    assert_eq!(not_kept(&report).iter().map(|(path, _)| *path).collect::<Vec<_>>(), [first, nested]);
    assert_eq!(place.kept(), []);
}

#[test]
fn names_that_carried_a_fingerprint_in_the_site_are_kept_as_well() {
    let place = Place::new();
    let settings = || Settings { keep: 2, fingerprinted: vec!["x-*.js".to_owned()], ..with_cdn() };
    for number in 1..=3 {
        place.write(&format!("x-{number}.js"), &format!("{number}\n"));
        place.build_with(settings());
        fs::remove_file(place.site().join(format!("x-{number}.js"))).expect("removed");
    }
    assert_eq!(place.kept(), [("x-1.js".to_owned(), 2), ("x-2.js".to_owned(), 1)]);
    assert_eq!(place.text("x-1.js").as_deref(), Some("1\n"));
    place.build_with(settings());
    assert_eq!(place.text("x-1.js"), None);
    assert_eq!(place.broken(), [""; 0]);
}

#[test]
fn verify_tells_a_kept_file_that_was_changed_or_is_gone() {
    let place = Place::new();
    let first = place.script("1\n", 1);
    place.script("2\n", 1);
    let told = |reason: &str| format!("{first}: error[asset-changed]: {reason}\n  hint: build again from the original");
    fs::write(place.out().join(&first), "!\n").expect("edited");
    assert_eq!(place.broken(), [told("its bytes are not those that the manifest lists")]);
    fs::remove_file(place.out().join(&first)).expect("removed");
    assert_eq!(place.broken(), [told("it is missing")]);
    place.edit_manifest(|manifest| manifest["kept"][0]["path"] = "../index.html".into());
    assert!(place.broken()[0].contains("leaves the site"), "{:?}", place.broken());
}

#[test]
fn an_output_that_is_built_again_keeps_what_it_has_and_refuses_what_was_edited() {
    let place = Place::new();
    let first = place.script("1\n", 1);
    place.script("2\n", 1);
    let config = Config::new(Settings { keep: 1, ..with_cdn() }).expect("good settings");
    let again = place.temp.path().join("again");
    assert!(pipeline::build(&place.out(), &again, &config).expect("it builds").already_built);
    assert!(tree(&place.out()) == tree(&again));
    fs::write(place.out().join(&first), "!\n").expect("edited");
    let refused = pipeline::build(&place.out(), &again, &config);
    assert!(matches!(refused, Err(Error::AlreadyBuilt { .. })), "{refused:?}");
}

/// The files whose names tightrope has made.
fn fingerprinted(tree: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let is_ours = |name: &str| SitePath::new(name).is_some_and(|path| plan::own_fingerprint(&path).is_some());
    tree.iter().filter(|(name, _)| is_ours(name)).map(|(name, bytes)| (name.clone(), bytes.clone())).collect()
}

/// What one build does: files get another text or go, and the net is another or the same.
type Edits = (Vec<(usize, Option<u8>)>, bool);

const FILES: [&str; 6] = ["a.js", "b.mjs", "c.mjs", "css/d.css", "css/e.png", "f/g.json"];

/// Each names others, so that one edit changes the names of several; b and c name each other.
fn text(file: usize, number: u8) -> String {
    match file {
        1 => format!("import './c.mjs'; export const b = {number};\n"),
        2 => format!("import './b.mjs'; import '../a.js'; export const c = {number};\n"),
        3 => format!("p {{ background: url(e.png); order: {number} }}\n"),
        _ => format!("{number}\n"),
    }
}

fn edits() -> impl Strategy<Value = Vec<Edits>> {
    let edit = (0..FILES.len(), prop_oneof![4 => (0..3_u8).prop_map(Some), 1 => Just(None)]);
    prop::collection::vec((prop::collection::vec(edit, 0..3), prop::bool::weighted(0.3)), 2..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The oracle is a build into an empty place.
    #[test]
    fn out_is_the_new_build_and_the_fingerprinted_files_of_the_last_n(builds in edits(), keep in 0..4_u32) {
        let (place, mut before) = (Place::new(), Vec::<BTreeMap<_, _>>::new());
        for (file, name) in FILES.iter().enumerate() {
            place.write(name, &text(file, 0));
        }
        for (edits, beacon) in builds {
            for (file, number) in edits {
                match number {
                    Some(number) => place.write(FILES[file], &text(file, number)),
                    None => drop(fs::remove_file(place.site().join(FILES[file]))),
                }
            }
            let settings = Settings { keep, beacon: beacon.then(|| "/reports".to_owned()), ..with_cdn() };
            let report = place.build_with(settings.clone());
            prop_assert_eq!(not_kept(&report), vec![]);

            let fresh = place.temp.path().join("fresh");
            let config = Config::new(Settings { keep: 0, ..settings }).expect("good settings");
            pipeline::build(&place.site(), &fresh, &config).expect("it builds");
            let mut expected = tree(&fresh);
            let files = fingerprinted(&expected);
            if before.last() != Some(&files) {
                before.push(files);
            }
            expected.extend(before.iter().rev().take(keep as usize + 1).flatten().map(|(name, bytes)| (name.clone(), bytes.clone())));
            expected.remove("tightrope.json");
            let mut actual = tree(&place.out());
            actual.remove("tightrope.json");
            prop_assert_eq!(expected.keys().collect::<Vec<_>>(), actual.keys().collect::<Vec<_>>());
            prop_assert!(expected == actual);
            let broken = verify::verify(&place.out()).expect("it can be read").findings;
            prop_assert!(broken.iter().all(|finding| finding.code == Code::MissingAsset), "{:#?}", broken);
        }
    }
}
