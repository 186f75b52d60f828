//! A site built for a CDN elsewhere, served from here; and the control page.

use crate::browser::{Browser, Engine};
use crate::faults::{SITE as EVERY_KIND, becomes};
use crate::{PATIENCE, listener, site};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tightrope::serve::{Fault, Home, Rules, Server};

fn build(site: &Path, out: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    let built = command.arg("build").arg(site).arg("--out").arg(out).args(["--cdn", "https://static.example.com/x/"]);
    let built = built.output().expect("tightrope runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

async fn serve(out: &Path) -> Server {
    Server::of_output(out, 0, 0, Rules::default()).await.expect("a server")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_built_for_a_cdn_elsewhere_works_and_survives_here() {
    let browser = Browser::start(Engine::Chromium).await;
    let original = Server::start(&site(EVERY_KIND), listener()).await.expect("a server");
    let expected = becomes(&browser, &original.origin_url(), None).await;
    let temp = tempfile::tempdir().expect("a directory");
    build(&site(EVERY_KIND), &temp.path().join("out"));
    let mut server = serve(&temp.path().join("out")).await;
    for fault in
        [Fault::None, Fault::Unresolvable, Fault::Reset, Fault::ServerError, Fault::HtmlError, Fault::WrongType]
    {
        server.set_fault(fault).await.expect("the fault");
        server.clear_requests();
        let seen = becomes(&browser, &server.site_url(), Some(&expected)).await;
        assert_eq!(seen, expected, "with {fault:?}; requests: {:#?}", server.requests());
        let asked =
            server.requests().iter().any(|request| request.home == Home::Cdn && request.path.starts_with("/x/js/"));
        assert_eq!(asked, fault != Fault::Unresolvable, "with {fault:?}");
    }
}

/// The policy admits scripts and styles by their hashes alone, and those that are served must be the right ones.
const PAGE: &str = "<!doctype html><meta charset=utf-8>
<meta http-equiv=Content-Security-Policy content=\"upgrade-insecure-requests; default-src 'none'; img-src 'self'; connect-src 'self'; script-src 'self' 'MODULE'; style-src 'STYLE'\">
<style>p { background: url(bar.svg); width: 7px }</style>
<p id=ran>no</p><img src=bar.svg>
<script type=module>import { word } from './word.js'; ran.textContent = word;</script>
";

#[tokio::test(flavor = "multi_thread")]
async fn inline_text_runs_under_a_policy_of_hashes() {
    let temp = tempfile::tempdir().expect("a directory");
    let path = |name: &str| temp.path().join("site").join(name);
    std::fs::create_dir(temp.path().join("site")).expect("a directory");
    let inline = |tag: &str, end: &str| {
        let text = PAGE.split_once(tag).and_then(|(_, rest)| rest.split_once(end)).expect("a text").0;
        tightrope::html::csp::hash(text)
    };
    let page = PAGE.replace("MODULE", &inline("<script type=module>", "</script>"));
    std::fs::write(path("index.html"), page.replace("STYLE", &inline("<style>", "</style>"))).expect("a page");
    std::fs::write(path("word.js"), "export { word } from './deep.js';").expect("a module");
    std::fs::write(path("deep.js"), "export const word = 'yes';").expect("a module");
    let image = "<svg xmlns='http://www.w3.org/2000/svg' width='3' height='3'></svg>";
    std::fs::write(path("bar.svg"), image).expect("an image");
    build(&temp.path().join("site"), &temp.path().join("out"));
    let built = std::fs::read_to_string(temp.path().join("out/index.html")).expect("the page");
    assert!(built.contains("from 'https://static.example.com/x/word."), "{built}");
    let server = serve(&temp.path().join("out")).await;
    let browser = Browser::start(Engine::Chromium).await;
    browser.goto(&server.site_url()).await;
    let now = "return [ran.textContent, getComputedStyle(ran).width, document.images[0].naturalWidth];";
    let seen = eventually(&browser, now, |seen| seen[0] == "yes" && seen[2] == 3).await;
    assert_eq!(seen, serde_json::json!(["yes", "7px", 3]), "{:#?}", server.requests());
    let from_cdn = |name: &str| {
        let requests = server.requests();
        requests.iter().any(|request| request.home == Home::Cdn && request.path.starts_with(&format!("/x/{name}.")))
    };
    assert!(from_cdn("word") && from_cdn("deep") && from_cdn("bar"), "{:#?}", server.requests());
}

/// Asks the page until the answer is as wanted, or patience ends.
async fn eventually(browser: &Browser, question: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = browser.ask(question).await;
        if is_wanted(&seen) || Instant::now() > deadline {
            return seen;
        }
        browser.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_page_switches_the_fault_and_lists_what_is_asked() {
    let temp = tempfile::tempdir().expect("a directory");
    build(&site(EVERY_KIND), &temp.path().join("out"));
    let server = serve(&temp.path().join("out")).await;
    let browser = Browser::start(Engine::Chromium).await;
    browser.goto(&server.control_url()).await;
    let faults = "return [fault.value, [...document.querySelectorAll('#rules li')].map(rule => rule.firstChild.data)];";
    eventually(&browser, faults, |seen| seen[0] == "none").await;
    browser.ask("fault.value = '404'; fault.dispatchEvent(new Event('change'));").await;
    let seen = eventually(&browser, faults, |seen| seen[0] == "404").await;
    assert_eq!(seen, serde_json::json!(["404", []]));
    browser.ask("glob.value = '*.css'; mode.value = 'none'; document.querySelector('#more button').click();").await;
    let seen = eventually(&browser, faults, |seen| seen[1][0].is_string()).await;
    assert_eq!(seen, serde_json::json!(["404", ["*.css=none "]]));

    browser
        .ask(&format!(
            "const frame = document.createElement('iframe'); frame.src = '{}'; document.body.append(frame);",
            server.site_url()
        ))
        .await;
    let rows = "return [...document.querySelectorAll('#requests tr')].map(row => [...row.cells].slice(1).map(cell => cell.textContent));";
    let has = |rows: &Value, home: &str, path: &str, outcome: &str| {
        let cell = |row: &Value, at: usize| row[at].as_str().unwrap_or_default().to_owned();
        let mut rows = rows.as_array().expect("rows").iter();
        rows.any(|row| cell(row, 0) == home && cell(row, 1).starts_with(path) && cell(row, 2).starts_with(outcome))
    };
    let is_told = |rows: &Value| {
        has(rows, "cdn", "/x/js/", "404, 10 bytes (404)")
            && has(rows, "cdn", "/x/css/", "200, ")
            && has(rows, "origin", "/js/", "200, ")
    };
    let seen = eventually(&browser, rows, is_told).await;
    assert!(is_told(&seen), "{seen:#}");
    assert_eq!(browser.ask("return trouble.textContent;").await, "");

    browser.ask("document.querySelector('#rules button').click();").await;
    let seen = eventually(&browser, faults, |seen| seen[1] == serde_json::json!([])).await;
    assert_eq!(seen, serde_json::json!(["404", []]));
}
