//! What Vite, webpack, Rollup, esbuild and Parcel emit for one app (`fixtures/bundles`) runs from a CDN, at its root
//! and below a path, and without it: the same console, the same page, every module once.
//!
//! What is expected is not written down: each test first runs the bundler's output as it is. All of them run in Chromium,
//! those of Vite and webpack at the CDN's root in Firefox and WebKit as well.

use crate::browser::{Browser, Engine};
use crate::exceptions::is_by_chance;
use crate::{PATIENCE, listener, set_fault};
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;
use tightrope::model::finding::Level;
use tightrope::serve::{Fault, Home, Server};
use tightrope::verify::verify;

const PROBE: &str = include_str!("bundles.js");
/// Where the CDN has the files.
const CDN_PATHS: [&str; 2] = ["/", "/some/path/"];
/// What the app is made of, without the worker and the module that starts it.
const MODULES: [&str; 6] = ["first", "main", "second", "shared", "show", "trace"];

/// A bundler's output, built for a CDN.
struct Built {
    public: PathBuf,
    /// The original names by the published ones.
    originals: Value,
    _dir: TempDir,
}

/// What one load led to.
struct Run {
    settled: bool,
    /// The names of the modules, in the order in which they ran.
    evaluated: Vec<String>,
    /// The page, line by line.
    dom: Vec<String>,
    /// What scripts wrote to the console.
    console: Vec<String>,
    /// All else that the browser wrote there: files that did not come, exceptions that nobody caught.
    complaints: Vec<String>,
}

/// Asks chromedriver for what is in the browser's console since it was last asked.
#[derive(Debug)]
struct TakeLog;

impl WebDriverCompatibleCommand for TakeLog {
    fn endpoint(&self, base_url: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base_url.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (hyper::Method, Option<String>) {
        (hyper::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// The others keep no such log for anybody: there the page and its modules must tell.
async fn take_log(browser: &Browser) -> Vec<Value> {
    if browser.engine != Engine::Chromium {
        return Vec::new();
    }
    let log = browser.webdriver().issue_cmd(TakeLog).await.expect("the browser's log");
    log.as_array().expect("a list").clone()
}

fn bundle(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles").join(name)
}

/// Builds and verifies.
fn built(name: &str, cdn_url: &str) -> Built {
    let dir = tempfile::tempdir().expect("a directory");
    let public = dir.path().join("public");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    let output = command.arg("build").arg(bundle(name)).arg("--out").arg(&public).args(["--cdn", cdn_url]).output();
    let output = output.expect("tightrope runs");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));

    let mut verified = verify(&public).expect("it can be read");
    verified.findings.retain(|finding| finding.code.level() == Level::Error);
    assert!(verified.findings.is_empty(), "{name} on {cdn_url}: {}", verified.to_text(true));

    let manifest = fs::read(public.join("tightrope.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest");
    let assets = manifest["assets"].as_object().expect("its assets").iter();
    let originals = assets.map(|(original, to)| (to["path"].as_str().expect("a path").to_owned(), json!(original)));
    Built { public, originals: originals.collect::<serde_json::Map<_, _>>().into(), _dir: dir }
}

/// Runs the page to its end, or as long as patience lasts.
async fn run(browser: &Browser, server: &Server, originals: &Value) -> Run {
    browser.goto("about:blank").await;
    take_log(browser).await;
    server.clear_requests();
    browser.goto(&server.origin_url()).await;
    let homes = json!([format!("{}/", server.cdn_url()), format!("{}/", server.origin_url())]);
    let deadline = Instant::now() + PATIENCE;
    loop {
        browser.settle().await;
        let arguments = vec![homes.clone(), originals.clone()];
        let page = browser.ask_with(PROBE, arguments).await;
        if page["settled"] == true || Instant::now() > deadline {
            let (console, complaints) = told(&take_log(browser).await);
            let (evaluated, dom) = (texts(&page["evaluated"]), texts(&page["dom"]));
            return Run { settled: page["settled"] == true, evaluated, dom, console, complaints };
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// The texts that scripts wrote, and what the browser wrote.
fn told(log: &[Value]) -> (Vec<String>, Vec<String>) {
    let is_by_script = |entry: &&Value| entry["source"] == "console-api" || entry["source"] == "worker";
    let (mut by_scripts, by_browser): (Vec<_>, Vec<_>) = log.iter().partition(is_by_script);
    // When the browser hears of what a worker wrote is chance; the order among its lines is not.
    by_scripts.sort_by_key(|entry| entry["source"] == "worker");
    let message = |entry: &&Value| entry["message"].as_str().expect("a text").to_owned();
    // URL, line and column, and then the text.
    let text = |entry: &&Value| message(entry).splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
    let complaint = |entry: &&Value| format!("{}: {}", entry["source"], message(entry));
    (by_scripts.iter().map(text).collect(), by_browser.iter().map(complaint).collect())
}

/// The page as its bundler made it. It must be sound, or an equally broken copy would pass.
async fn before(browser: &Browser, name: &str) -> Run {
    let server = Server::start(&bundle(name), listener()).await.expect("a server");
    let run = run(browser, &server, &json!({})).await;
    assert!(run.settled, "{name}: {:#?}", run.dom);
    let ran: BTreeSet<_> = run.evaluated.iter().map(String::as_str).filter(|module| *module != "ask").collect();
    assert_eq!(ran, BTreeSet::from(MODULES), "{name}");
    assert_eq!(run.evaluated.iter().collect::<BTreeSet<_>>().len(), run.evaluated.len(), "{name}: {:?}", run.evaluated);
    assert!(run.console.is_empty() == (browser.engine != Engine::Chromium));
    assert!(!run.console.join("\n").contains("Error"), "{:#?}", run.console);
    assert_eq!(run.complaints, [""; 0]);
    run
}

/// How the page differs from what it was.
fn differences(engine: Engine, before: &Run, after: &Run, fault: Fault) -> Vec<String> {
    let certain = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !is_by_chance(engine, fault, line)).cloned().collect()
    };
    let mut told = Vec::new();
    if !after.settled {
        told.push("it did not come to its end".to_owned());
    }
    told.extend(changed("modules", &before.evaluated, &after.evaluated));
    told.extend(changed("page", &certain(&before.dom), &certain(&after.dom)));
    told.extend(changed("console", &before.console, &after.console));
    // That nobody answers is what the browser must complain of when the CDN is down, and of nothing else.
    let expected = |complaint: &&String| fault == Fault::Closed && complaint.contains("net::ERR_CONNECTION_REFUSED");
    told.extend(after.complaints.iter().filter(|complaint| !expected(complaint)).cloned());
    told
}

/// In what two lists of lines differ.
fn changed(what: &str, was: &[String], is: &[String]) -> Option<String> {
    let only_in = |one: &[String], other: &[String]| -> Vec<String> {
        one.iter().filter(|line| !other.contains(line)).cloned().collect()
    };
    let (lost, new) = (only_in(was, is), only_in(is, was));
    let moved = lost.is_empty() && new.is_empty();
    let how = if moved { format!("was {was:#?}, is {is:#?}") } else { format!("lost {lost:#?}, new {new:#?}") };
    (was != is).then(|| format!("{what}: {how}"))
}

/// Runs what the bundler made as it is, and then built for each CDN, with that up and down.
async fn runs_as_before(engine: Engine, bundler: &str, cdn_paths: &[&str]) {
    let browser = Browser::start(engine).await;
    let mut told = Vec::new();
    for app in ["with-worker", "without-worker"] {
        let name = format!("{app}/{bundler}");
        let before = before(&browser, &name).await;
        for cdn_path in cdn_paths {
            let differences = on_cdn(&browser, &name, cdn_path, &before).await;
            told.extend(differences.iter().map(|one| format!("{name}, CDN at {cdn_path}, {one}")));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Builds an output for a CDN and tells how it differs then, with that up and down.
async fn on_cdn(browser: &Browser, name: &str, cdn_path: &str, before: &Run) -> Vec<String> {
    let cdn = listener();
    let port = cdn.local_addr().expect("its address").port();
    let built = built(name, &format!("http://localhost:{port}{cdn_path}"));
    let mut server = Server::start_below(&built.public, cdn, cdn_path).await.expect("a server");
    let mut told = Vec::new();
    for fault in [Fault::None, Fault::Closed] {
        set_fault(&mut server, fault).await;
        let after = run(browser, &server, &built.originals).await;
        told.extend(differences(browser.engine, before, &after, fault).iter().map(|one| format!("{fault:?}: {one}")));
        if fault == Fault::None && server.requests().iter().all(|request| request.home == Home::Origin) {
            told.push(format!("{fault:?}: nothing came from the CDN"));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vite_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::Chromium, "vite", &CDN_PATHS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vite_emits_with_a_relative_base_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::Chromium, "vite-relative", &CDN_PATHS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_webpack_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::Chromium, "webpack", &CDN_PATHS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rollup_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::Chromium, "rollup", &CDN_PATHS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_esbuild_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::Chromium, "esbuild", &CDN_PATHS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_parcel_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::Chromium, "parcel", &CDN_PATHS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_firefox_what_vite_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::Firefox, "vite", &CDN_PATHS[..1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_firefox_what_webpack_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::Firefox, "webpack", &CDN_PATHS[..1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_webkit_what_vite_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::WebKit, "vite", &CDN_PATHS[..1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_webkit_what_webpack_emits_runs_from_a_cdn_and_without_it() {
    runs_as_before(Engine::WebKit, "webpack", &CDN_PATHS[..1]).await;
}
