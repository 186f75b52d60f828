//! A real browser, a real build and a CDN that fails: the page must become what it was before it was built.
//!
//! What is expected is not written down: each test first loads the unbuilt site in the same browser.
//!
//! Needs `chromium` and `chromedriver` on PATH.

mod browser;
mod bundles;
mod custom_properties;
mod requests;
mod serve;
mod sheets;

use browser::Browser;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tightrope::serve::{Fault, Home, Server};

const PROBE: &str = include_str!("probe.js");
/// For a page to become what it should be. It takes a fraction of a second; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Left alone by `data-tightrope="skip"`.
const SKIPPED: &str = "/js/deferred-local.js";
/// Names and bytes that nothing pins: the browser cannot tell that they are not the published ones.
const UNPINNED: [&str; 2] = ["/img/", "/css/imported."];

/// One page, loaded once before it was built and once after.
struct Story {
    /// The paths that the unbuilt page asks for, without those that never move.
    assets: BTreeSet<String>,
    from_origin: BTreeSet<String>,
    from_cdn: BTreeSet<String>,
}

fn site(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sites-browser").join(name)
}

fn listener() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a free port")
}

fn asked(server: &Server, home: Home) -> BTreeSet<String> {
    server.requests().into_iter().filter(|request| request.home == home).map(|request| request.path).collect()
}

/// Whether `published` is `asset`, or that under its fingerprinted name.
fn is_published(asset: &str, published: &str) -> bool {
    let Some((stem, extension)) = asset.rsplit_once('.') else { return false };
    let middle = published.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension));
    middle.is_some_and(|middle| {
        let print = middle.trim_matches('.');
        middle == "." || print.len() == 12 && print.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn has(requests: &BTreeSet<String>, asset: &str) -> bool {
    requests.iter().any(|published| is_published(asset, published))
}

/// What the page is now.
async fn look(browser: &Browser) -> Value {
    browser.ask(PROBE).await
}

/// Lets all that was pending have its turn: a script that runs twice does so late.
async fn settle(browser: &Browser) {
    // Two frames and an idle moment: timers, events and inserted scripts that were due have run by then.
    let idle = "const done = arguments[arguments.length - 1];
        requestAnimationFrame(() => requestAnimationFrame(() => requestIdleCallback(() => done(1), { timeout: 2000 })));";
    browser.client.execute_async(idle, Vec::new()).await.expect("an idle moment");
}

/// Loads the page until it is what was expected, and for as long as it then stays so.
async fn becomes(browser: &Browser, url: &str, expected: Option<&Value>) -> Value {
    browser.client.goto(url).await.expect("the page");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look(browser).await;
        let done = expected.map_or_else(|| seen["settled"] == true && seen["background"] != 0, |other| seen == *other);
        if done || Instant::now() > deadline {
            settle(browser).await;
            return look(browser).await;
        }
        settle(browser).await;
    }
}

/// Builds the site, breaks its CDN and compares.
async fn survives(name: &str, fault: Fault) -> Story {
    let browser = Browser::start().await;

    let original = Server::start(&site(name), listener()).await.expect("a server");
    let expected = becomes(&browser, &original.origin_url(), None).await;
    // The fixture itself must be sound, or an equally broken copy would pass.
    assert_eq!(expected["async"], 1, "{expected:#}");
    assert!(expected["images"].as_array().is_some_and(|images| images.len() == 3), "{expected:#}");
    assert!(!expected.to_string().contains(" 0\""), "an image of the fixture is missing: {expected:#}");
    let still = ["/", "/favicon.ico", SKIPPED];
    let mut assets = asked(&original, Home::Origin);
    assets.retain(|path| !still.contains(&path.as_str()));

    let out = tempfile::tempdir().expect("a directory");
    let public = out.path().join("public");
    let cdn = listener();
    let port = cdn.local_addr().expect("its address").port();
    let built = Command::new(env!("CARGO_BIN_EXE_tightrope"))
        .arg("build")
        .arg(site(name))
        .arg("--out")
        .arg(&public)
        .args(["--cdn", &format!("http://localhost:{port}")])
        .output()
        .expect("tightrope runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let mut server = Server::start(&public, cdn).await.expect("a server");
    server.set_fault(fault).await.expect("the fault");
    let seen = becomes(&browser, &server.origin_url(), Some(&expected)).await;
    assert_eq!(seen, expected, "with {fault:?}; requests: {:#?}", server.requests());

    let mut from_origin = asked(&server, Home::Origin);
    assert!(from_origin.contains(SKIPPED), "{from_origin:?}");
    from_origin.retain(|path| !still.contains(&path.as_str()));
    Story { assets, from_origin, from_cdn: asked(&server, Home::Cdn) }
}

const EVERY_KIND: &str = "every-kind-of-asset";

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_cdn_serves_every_asset_and_the_origin_none() {
    let story = survives(EVERY_KIND, Fault::None).await;
    assert_eq!(story.from_origin, BTreeSet::new());
    for asset in &story.assets {
        assert!(has(&story.from_cdn, asset), "{asset} is not in {:#?}", story.from_cdn);
    }
    assert_eq!(story.from_cdn.len(), story.assets.len(), "{:#?}", story.from_cdn);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_sends_every_asset_to_the_origin() {
    let story = survives(EVERY_KIND, Fault::Closed).await;
    assert_eq!(story.from_cdn, BTreeSet::new());
    for asset in &story.assets {
        assert!(has(&story.from_origin, asset), "{asset} is not in {:#?}", story.from_origin);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdn_that_has_lost_every_file_is_asked_first_then_the_origin() {
    let story = survives(EVERY_KIND, Fault::NotFound).await;
    for asset in &story.assets {
        assert!(has(&story.from_origin, asset), "{asset} is not in {:#?}", story.from_origin);
    }
    assert!(has(&story.from_cdn, "/js/head-first.js"), "{:#?}", story.from_cdn);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_byte_sends_every_pinned_asset_to_the_origin() {
    let story = survives(EVERY_KIND, Fault::Tampered).await;
    for asset in &story.assets {
        let pinned = !UNPINNED.iter().any(|prefix| asset.starts_with(prefix));
        // A sheet that came from the origin takes what it refers to from there, whether pinned or not.
        assert!(!pinned || has(&story.from_origin, asset), "{asset} is not in {:#?}", story.from_origin);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdn_without_cors_loses_what_is_pinned_and_keeps_the_pictures() {
    let story = survives(EVERY_KIND, Fault::NoCors).await;
    for asset in &story.assets {
        let pinned = !UNPINNED.iter().any(|prefix| asset.starts_with(prefix));
        assert!(!pinned || has(&story.from_origin, asset), "{asset} is not in {:#?}", story.from_origin);
    }
    assert!(!has(&story.from_origin, "/img/plain.png"), "{:#?}", story.from_origin);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_in_the_middle_is_a_failure_like_any_other() {
    let story = survives(EVERY_KIND, Fault::Short).await;
    for asset in story.assets.iter().filter(|asset| asset.starts_with("/js/")) {
        assert!(has(&story.from_origin, asset), "{asset} is not in {:#?}", story.from_origin);
    }
}
