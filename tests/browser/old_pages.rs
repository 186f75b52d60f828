//! A page out of a cache: it is of the first build, and OUT and the CDN are of the third, with `--keep 2`. In every engine,
//! with the CDN healthy and refusing, it must become what it was.
//!
//! The builds between change every asset and then remove them all, and change the net, so that the page lives on what
//! is kept alone.

use crate::browser::{Browser, Engine};
use crate::faults::{SITE, becomes};
use crate::{listener, set_fault, site};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tightrope::serve::{Fault, Home, Server};

/// Left alone by `data-tightrope="skip"`: what stays under its own name is the newest build's.
const SKIPPED: &str = "js/deferred-local.js";

/// The assets of a site, relative to it, without the one that is left alone.
fn assets(root: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(root).into_iter().map(|entry| entry.expect("an entry"));
    let files = files.filter(|entry| entry.file_type().is_file());
    let names = files.map(|entry| entry.path().strip_prefix(root).expect("below it").to_owned());
    names.filter(|name| name.components().count() > 1 && *name != Path::new(SKIPPED)).collect()
}

fn copy(from: &Path, to: &Path) {
    for name in assets(from).into_iter().chain(["index.html", SKIPPED].map(PathBuf::from)) {
        fs::create_dir_all(to.join(&name).parent().expect("a directory")).expect("a directory");
        fs::copy(from.join(&name), to.join(&name)).expect("a file");
    }
}

/// Every asset says or shows something else.
fn change_all(root: &Path) {
    let picture = fs::read(root.join("img/unused.png")).expect("a picture");
    for name in assets(root) {
        let changed = match name.extension().and_then(|extension| extension.to_str()) {
            Some("js") => b"trace.push('of build 2');\n".to_vec(),
            Some("css") => b"#cascade, #imported { width: 1px; height: 2px; color: red }\n".to_vec(),
            Some("json") => b"{}\n".to_vec(),
            _ => [&picture[..], name.as_os_str().as_encoded_bytes()].concat(),
        };
        fs::write(root.join(name), changed).expect("a file");
    }
}

fn build(site: &Path, out: &Path, cdn: &str, more: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    command.arg("build").arg(site).arg("--out").arg(out).args(["--cdn", cdn, "--keep", "2"]).args(more);
    let built = command.output().expect("tightrope runs");
    let told = String::from_utf8_lossy(&built.stdout);
    assert!(built.status.success() && !told.contains("not-kept"), "{told}{}", String::from_utf8_lossy(&built.stderr));
}

/// Three builds into `out`. The page of the first lies there as `cached.html` in the end.
fn three_builds(temp: &Path, out: &Path, cdn: &str, fallback: &str) {
    let changing = temp.join("site");
    copy(&site(SITE), &changing);
    let options = ["--fallback", fallback];
    build(&changing, out, cdn, &options);
    let cached = fs::read(out.join("index.html")).expect("a page");
    let names = published(out);
    // With reports, the net is another.
    let options = [&options[..], &["--beacon", "/reports"]].concat();
    change_all(&changing);
    build(&changing, out, cdn, &options);
    for name in assets(&changing) {
        fs::remove_file(changing.join(name)).expect("removed");
    }
    fs::write(changing.join("index.html"), "<!doctype html><title>Build 3</title>\n").expect("a page");
    build(&changing, out, cdn, &options);
    assert!(names.is_subset(&kept(out)), "something is of the new build, and not kept: {names:#?} {:#?}", kept(out));
    fs::write(out.join("cached.html"), cached).expect("a page");
}

fn manifest(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("tightrope.json")).expect("a manifest")).expect("JSON")
}

fn path(entry: &Value) -> String {
    entry["path"].as_str().expect("a path").to_owned()
}

/// What the page of this build may ask for: its assets, and its net.
fn published(out: &Path) -> BTreeSet<String> {
    let manifest = manifest(out);
    let assets = manifest["assets"].as_object().expect("assets").iter();
    let assets = assets.filter(|(original, _)| *original != SKIPPED).map(|(_, entry)| path(entry));
    assets.chain([path(&manifest["net"])]).collect()
}

fn kept(out: &Path) -> BTreeSet<String> {
    manifest(out)["kept"].as_array().expect("kept files").iter().map(path).collect()
}

fn asked(server: &Server, home: Home) -> BTreeSet<String> {
    let mut paths: BTreeSet<_> =
        server.requests().into_iter().filter(|request| request.home == home).map(|request| request.path).collect();
    paths.retain(|path| !["/cached.html", "/favicon.ico", "/js/deferred-local.js"].contains(&path.as_str()));
    paths
}

/// Loads the cached page under this fault, and holds it against the page before it was ever built.
async fn lives_on(browser: &Browser, expected: &Value, fallback: &str, fault: Fault) {
    let temp = tempfile::tempdir().expect("a directory");
    let (out, cdn) = (temp.path().join("out"), listener());
    let url = format!("http://localhost:{}", cdn.local_addr().expect("its address").port());
    three_builds(temp.path(), &out, &url, fallback);
    let mut server = Server::start(&out, cdn).await.expect("a server");
    set_fault(&mut server, fault).await;
    let seen = becomes(browser, &format!("{}/cached.html", server.origin_url()), Some(expected)).await;
    assert_eq!(seen, *expected, "--fallback {fallback}, {fault:?}");
    let (at_origin, at_cdn) = (asked(&server, Home::Origin), asked(&server, Home::Cdn));
    let is_net = |path: &String| path.starts_with("/tightrope-net.");
    if fault == Fault::None {
        assert!(at_cdn.len() > 15, "{at_cdn:?}");
        assert!(at_origin.iter().all(is_net), "{at_origin:?}");
    } else {
        assert_eq!(at_cdn, BTreeSet::new());
        assert!(at_origin.len() > 15 && at_origin.iter().any(is_net), "{at_origin:?}");
    }
    // Nothing was asked for in vain, or under a name that is not kept.
    let kept: BTreeSet<_> = kept(&out).into_iter().map(|path| format!("/{path}")).collect();
    assert!(at_origin.union(&at_cdn).all(|path| kept.contains(path)), "{at_origin:?} {at_cdn:?}");
}

async fn old_page_lives_on(engine: Engine, fallback: &str) {
    let browser = Browser::start(engine).await;
    let original = Server::start(&site(SITE), listener()).await.expect("a server");
    let expected = becomes(&browser, &original.origin_url(), None).await;
    assert!(crate::faults::is_sound(&expected), "{expected:#}");
    for fault in [Fault::None, Fault::Closed] {
        lives_on(&browser, &expected, fallback, fault).await;
    }
}

macro_rules! in_each_engine {
    ($($module:ident $engine:ident,)*) => { $(
        mod $module {
            use super::{Engine, old_page_lives_on};

            #[tokio::test(flavor = "multi_thread")]
            async fn a_page_of_the_first_build_lives_on_what_the_third_has_kept() {
                old_page_lives_on(Engine::$engine, "inline").await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn so_does_one_whose_net_stands_in_a_file_from_the_start() {
                old_page_lives_on(Engine::$engine, "external").await;
            }
        }
    )* };
}

in_each_engine! {
    in_chromium Chromium,
    in_firefox Firefox,
    in_webkit WebKit,
}
