//! What browsers fetch for a stylesheet is what `css::read` finds in it, one for one. The cases say what Chromium does;
//! `exceptions` has what the others do otherwise.
//!
//! Each case is a sheet in a directory of its own, with a page in a frame of its own, so that the cases know nothing of
//! each other. Where the two differ, the case says so and why.

use crate::browser::{Browser, Engine};
use crate::exceptions::SHEETS;
use crate::listener;
use percent_encoding::percent_decode_str;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};
use tightrope::css;
use tightrope::serve::Server;
use url::Url;

#[path = "sheets/cases.rs"]
mod cases;

use cases::CASES;

const PATIENCE: Duration = Duration::from_mins(1);
/// How often in a row nothing may happen before nothing is expected any more.
const QUIET: usize = 4;

/// Something for every property to paint on.
const PAGE: &str = "<!doctype html><meta charset=utf-8><link rel=stylesheet href=sheet.css><p class=c id=i>text<b>bold</b></p>\
    <ul><li>one</ul><svg width=9 height=9><rect width=9 height=9></rect></svg>";

/// A sheet, and where the two differ.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) sheet: &'static [u8],
    /// Found, but not fetched.
    pub(crate) idle: &'static [&'static str],
    /// Fetched, and yet left alone.
    pub(crate) left: &'static [&'static str],
}

/// By the number of the case, the names that are asked for, decoded.
type Names = BTreeMap<usize, BTreeSet<String>>;

fn write(dir: &std::path::Path) {
    let mut page = "<!doctype html><meta charset=utf-8>".to_owned();
    for (number, case) in CASES.iter().enumerate() {
        let below = dir.join(number.to_string());
        fs::create_dir(&below).expect("a directory");
        fs::write(below.join("index.html"), PAGE).expect("a page");
        fs::write(below.join("sheet.css"), case.sheet).expect("a sheet");
        page.push_str(&format!("<iframe width=40 height=40 src={number}/index.html></iframe>"));
    }
    fs::write(dir.join("index.html"), page).expect("a page");
}

/// `/7/a.png` as 7 and `a.png`.
fn placed(path: &str) -> Option<(usize, String)> {
    let (number, name) = path.strip_prefix('/')?.split_once('/')?;
    let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
    Some((number.parse().ok()?, name)).filter(|(_, name)| !matches!(name.as_str(), "" | "index.html" | "sheet.css"))
}

async fn fetched(browser: &Browser, server: &Server) -> Names {
    browser.resize(1600, 3000).await;
    browser.goto(&server.origin_url()).await;
    let (deadline, mut quiet, mut known) = (Instant::now() + PATIENCE, 0, 0);
    while quiet < QUIET && Instant::now() < deadline {
        browser.settle().await;
        let now = server.requests().len();
        quiet = if now == known { quiet + 1 } else { 0 };
        known = now;
    }
    let mut names = Names::new();
    for (number, name) in server.requests().iter().filter_map(|request| placed(&request.path)) {
        names.entry(number).or_default().insert(name);
    }
    names
}

fn found(number: usize, case: &Case) -> BTreeSet<String> {
    let base = Url::parse(&format!("http://origin/{number}/sheet.css")).expect("a URL");
    let references = css::read(case.sheet).references;
    let urls = references.iter().filter_map(|reference| base.join(&reference.url).ok());
    let ours = urls.filter(|url| url.host_str() == Some("origin"));
    ours.filter_map(|url| placed(url.path())).filter(|(at, _)| *at == number).map(|(_, name)| name).collect()
}

/// In what the two differ: found and not fetched, fetched and not found.
fn expected(engine: Engine, case: &Case) -> (&'static [&'static str], &'static [&'static str]) {
    let other = SHEETS.iter().find(|other| other.engine == engine && other.what == case.what);
    other.map_or((case.idle, case.left), |other| (other.idle, other.left))
}

async fn is_what_is_fetched(engine: Engine) {
    let dir = tempfile::tempdir().expect("a directory");
    write(dir.path());
    let server = Server::start(dir.path(), listener()).await.expect("a server");
    let browser = Browser::start(engine).await;
    let fetched = fetched(&browser, &server).await;
    assert!(CASES.len() > 60, "the cases are gone");
    let mut told = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let asked = fetched.get(&number).cloned().unwrap_or_default();
        let found = found(number, case);
        let (idle, left) = (&found - &asked, &asked - &found);
        let expected = expected(engine, case);
        if !idle.iter().eq(expected.0) || !left.iter().eq(expected.1) {
            let sheet = String::from_utf8_lossy(case.sheet);
            told.push(format!(
                "{}: {sheet}\n    found and not fetched: {idle:?}, not {:?}\n    fetched and not found: {left:?}, not {:?}",
                case.what, expected.0, expected.1
            ));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn what_another_engine_does_is_told_of_cases_that_there_are_and_differs() {
    for other in SHEETS {
        let case = CASES.iter().find(|case| case.what == other.what).expect(other.what);
        assert_ne!((case.idle, case.left), (other.idle, other.left), "{}", other.what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_chromium_what_is_found_in_a_sheet_is_what_is_fetched_for_it() {
    is_what_is_fetched(Engine::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_firefox_what_is_found_in_a_sheet_is_what_is_fetched_for_it_but_for_what_it_does_not_know() {
    is_what_is_fetched(Engine::Firefox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_webkit_what_is_found_in_a_sheet_is_what_is_fetched_for_it_but_for_what_it_does_not_know() {
    is_what_is_fetched(Engine::WebKit).await;
}
