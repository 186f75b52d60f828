//! A page with every kind of asset together, in every engine, with a CDN that fails: what it becomes, and who is asked for
//! what. Each kind alone, with every fault, is in `matrix`.

use crate::browser::{Browser, Engine};
use crate::{PATIENCE, listener, set_fault, site};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tightrope::serve::{Fault, Home, Server};

pub(crate) const PROBE: &str = include_str!("probe.js");
pub(crate) const SITE: &str = "every-kind-of-asset";
/// Left alone by `data-tightrope="skip"`.
const SKIPPED: &str = "/js/deferred-local.js";
/// Names and bytes that nothing pins: the browser cannot tell that they are not the published ones.
const UNPINNED: [&str; 2] = ["/img/", "/css/imported."];

/// The page, loaded once before it was built and once after.
struct Story {
    expected: Value,
    seen: Value,
    /// The paths that the unbuilt page asks for, without those that never move.
    assets: BTreeSet<String>,
    from_origin: BTreeSet<String>,
    from_cdn: BTreeSet<String>,
}

fn asked(server: &Server, home: Home) -> BTreeSet<String> {
    server.requests().into_iter().filter(|request| request.home == home).map(|request| request.path).collect()
}

/// Without those that never move.
fn moving(mut paths: BTreeSet<String>) -> BTreeSet<String> {
    paths.retain(|path| !["/", "/favicon.ico", SKIPPED].contains(&path.as_str()));
    paths
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

fn is_pinned(asset: &str) -> bool {
    !UNPINNED.iter().any(|prefix| asset.starts_with(prefix))
}

/// Loads the page until it is what was expected, and for as long as it then stays so.
pub(crate) async fn becomes(browser: &Browser, url: &str, expected: Option<&Value>) -> Value {
    browser.goto(url).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = browser.ask(PROBE).await;
        let done = expected.map_or_else(|| seen["settled"] == true && seen["background"] != 0, |other| seen == *other);
        browser.settle().await;
        if done || Instant::now() > deadline {
            return browser.ask(PROBE).await;
        }
    }
}

/// The fixture itself must be sound, or an equally broken copy would pass.
pub(crate) fn is_sound(page: &Value) -> bool {
    page["async"] == 1
        && page["images"].as_array().is_some_and(|images| images.len() == 3)
        && !page.to_string().contains(" 0\"")
}

fn build(out: &Path, cdn_url: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    command.arg("build").arg(site(SITE)).arg("--out").arg(out).args(["--cdn", cdn_url]);
    let built = command.output().expect("tightrope runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

/// Loads the page, builds it, breaks its CDN and loads it again.
async fn story(engine: Engine, fault: Fault) -> Story {
    let browser = Browser::start(engine).await;
    let original = Server::start(&site(SITE), listener()).await.expect("a server");
    let expected = becomes(&browser, &original.origin_url(), None).await;
    assert!(is_sound(&expected), "{expected:#}");

    let out = tempfile::tempdir().expect("a directory");
    let public = out.path().join("public");
    let cdn = listener();
    let port = cdn.local_addr().expect("its address").port();
    build(&public, &format!("http://localhost:{port}"));
    let mut server = Server::start(&public, cdn).await.expect("a server");
    set_fault(&mut server, fault).await;
    let seen = becomes(&browser, &server.origin_url(), Some(&expected)).await;
    let from_origin = asked(&server, Home::Origin);
    assert!(from_origin.contains(SKIPPED), "{from_origin:?}");
    Story {
        expected,
        seen,
        assets: moving(asked(&original, Home::Origin)),
        from_origin: moving(from_origin),
        from_cdn: asked(&server, Home::Cdn),
    }
}

impl Story {
    /// In what the page is not what it was.
    fn changes(&self) -> Vec<String> {
        let keys = self.expected.as_object().expect("an object").keys();
        let changed = keys.filter(|key| self.expected[*key] != self.seen[*key]);
        changed.map(|key| format!("{key}: it was {}, and is {}", self.expected[key], self.seen[key])).collect()
    }

    fn not_in(&self, requests: &BTreeSet<String>, home: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let missing = self.assets.iter().filter(|asset| wanted(asset) && !has(requests, asset));
        missing.map(|asset| format!("{asset} is not asked for at the {home}")).collect()
    }

    fn not_at_origin(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        self.not_in(&self.from_origin, "origin", wanted)
    }
}

/// Nothing may be told.
async fn holds(engine: Engine, fault: Fault, differences: fn(&Story) -> Vec<String>) {
    let story = story(engine, fault).await;
    let mut told = story.changes();
    told.extend(differences(&story));
    assert_eq!(told, Vec::<String>::new(), "what the page is not, and what is not asked for where it should be");
}

fn healthy(story: &Story) -> Vec<String> {
    let mut told = story.not_in(&story.from_cdn, "CDN", |_| true);
    told.extend(story.from_origin.iter().map(|path| format!("{path} is asked for at the origin")));
    if told.is_empty() && story.from_cdn.len() != story.assets.len() {
        told.push(format!("the CDN is asked for {:?}", story.from_cdn));
    }
    told
}

fn closed(story: &Story) -> Vec<String> {
    assert_eq!(story.from_cdn, BTreeSet::new());
    story.not_at_origin(|_| true)
}

fn lost(story: &Story) -> Vec<String> {
    assert!(has(&story.from_cdn, "/js/head-first.js"), "{:#?}", story.from_cdn);
    story.not_at_origin(|_| true)
}

/// A sheet that came from the origin takes what it refers to from there, whether pinned or not.
fn tampered(story: &Story) -> Vec<String> {
    story.not_at_origin(is_pinned)
}

fn without_cors(story: &Story) -> Vec<String> {
    let mut told = story.not_at_origin(is_pinned);
    if has(&story.from_origin, "/img/plain.png") {
        told.push("/img/plain.png is asked for at the origin".to_owned());
    }
    told
}

fn reset(story: &Story) -> Vec<String> {
    story.not_at_origin(|asset| asset.starts_with("/js/"))
}

/// One test for each engine and fault.
macro_rules! in_each_engine {
    ($($module:ident $engine:ident,)*) => { $(
        mod $module {
            use super::{Engine, Fault, closed, healthy, holds, lost, reset, tampered, without_cors};

            #[tokio::test(flavor = "multi_thread")]
            async fn a_healthy_cdn_serves_every_asset_and_the_origin_none() {
                holds(Engine::$engine, Fault::None, healthy).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_closed_port_sends_every_asset_to_the_origin() {
                holds(Engine::$engine, Fault::Closed, closed).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_cdn_that_has_lost_every_file_is_asked_first_then_the_origin() {
                holds(Engine::$engine, Fault::NotFound, lost).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_wrong_byte_sends_every_pinned_asset_to_the_origin() {
                holds(Engine::$engine, Fault::Tampered, tampered).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_cdn_without_cors_loses_what_is_pinned_and_keeps_the_pictures() {
                holds(Engine::$engine, Fault::NoCors, without_cors).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_connection_that_breaks_in_the_middle_is_a_failure_like_any_other() {
                holds(Engine::$engine, Fault::Reset, reset).await;
            }
        }
    )* };
}

in_each_engine! {
    in_chromium Chromium,
    in_firefox Firefox,
    in_webkit WebKit,
}
