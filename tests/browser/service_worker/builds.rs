//! One build after another at the same URLs: what a new page gets under the worker of the build before, and how the worker
//! goes when the site does without.

use super::{asked, build, first_visit, until, url_of};
use crate::browser::{Browser, Engine};
use crate::{PATIENCE, listener, set_fault};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use tightrope::serve::{Fault, Home, Server};

/// A page whose every file says of which build it is.
fn write_site(dir: &Path, number: usize) {
    std::fs::create_dir_all(dir).expect("a directory");
    let put = |name: &str, text: String| std::fs::write(dir.join(name), text).expect("a file");
    put(
        "index.html",
        format!(
            "<!doctype html><meta charset=utf-8><title>Build {number}</title><script>window.seen = ['page {number}'];</script>\
             <link rel=stylesheet href=style.css><script src=classic.js></script><script src=module.js type=module></script><p id=p>.</p>"
        ),
    );
    put("style.css", format!("p {{ width: {number}00px }}"));
    put("classic.js", format!("seen.push('classic {number}');"));
    put("module.js", format!("import {{ deep }} from './deep.js'; seen.push('module {number} over ' + deep);"));
    put("deep.js", format!("export const deep = 'deep {number}';"));
}

async fn becomes(browser: &Browser, url: &str, number: usize) {
    browser.goto(url).await;
    let probe = "return [...seen, getComputedStyle(p).width];";
    let expected = json!([
        format!("page {number}"),
        format!("classic {number}"),
        format!("module {number} over deep {number}"),
        format!("{number}00px")
    ]);
    let seen = until(browser, probe, |seen| *seen == expected).await;
    assert_eq!(seen, expected);
}

/// The page of the second build under the worker of the first.
async fn new_page_under_old_worker(engine: Engine, more: &[&str]) {
    let browser = Browser::start(engine).await;
    for fault in [Fault::None, Fault::Closed, Fault::NotFound, Fault::Tampered] {
        let temp = tempfile::tempdir().expect("a directory");
        let (site, out) = (temp.path().join("site"), temp.path().join("out"));
        let cdn = listener();
        let (url, options) = (url_of(&cdn), [&["--service-worker"], more].concat());
        write_site(&site, 1);
        build(&site, &out, &url, &options);
        let mut server = Server::start(&out, cdn).await.expect("a server");
        first_visit(&browser, &server.origin_url()).await;
        becomes(&browser, &server.origin_url(), 1).await;
        write_site(&site, 2);
        build(&site, &out, &url, &options);
        set_fault(&mut server, fault).await;
        for _ in 0..3 {
            becomes(&browser, &server.origin_url(), 2).await;
        }
    }
}

const REGISTRATIONS: &str = "const done = arguments[arguments.length - 1];
    navigator.serviceWorker.getRegistrations()
        .then(all => Promise.all(all.map(one => one.update().catch(() => 0))).then(() => all.length))
        .then(count => { document.title = count; done(1); }, () => done(1));";

async fn is_gone(browser: &Browser) -> Value {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        browser.wait_for(REGISTRATIONS).await;
        if browser.ask("return document.title;").await == "0" {
            break;
        }
        browser.settle().await;
    }
    browser.ask("return document.title;").await
}

/// The worker goes when the site does without, and stays away.
async fn retired(engine: Engine) {
    let browser = Browser::start(engine).await;
    let temp = tempfile::tempdir().expect("a directory");
    let (site, out) = (temp.path().join("site"), temp.path().join("out"));
    let cdn = listener();
    let url = url_of(&cdn);
    write_site(&site, 1);
    build(&site, &out, &url, &["--service-worker"]);
    let mut server = Server::start(&out, cdn).await.expect("a server");
    first_visit(&browser, &server.origin_url()).await;
    for number in [2, 3] {
        write_site(&site, number);
        build(&site, &out, &url, &[]);
        assert!(out.join("tightrope-service-worker.js").exists(), "build {number} has forgotten it");
        becomes(&browser, &server.origin_url(), number).await;
        assert_eq!(is_gone(&browser).await, "0", "build {number}");
    }
    set_fault(&mut server, Fault::NotFound).await;
    server.clear_requests();
    becomes(&browser, &server.origin_url(), 3).await;
    assert_eq!(browser.ask("return navigator.serviceWorker.controller;").await, Value::Null);
    assert!(asked(&server, Home::Cdn).iter().any(|path| path.starts_with("/classic.")), "the page asks the CDN itself");
}

macro_rules! in_each_engine {
    ($($module:ident $engine:ident,)*) => { $(
        mod $module {
            use super::{Engine, new_page_under_old_worker, retired};

            #[tokio::test(flavor = "multi_thread")]
            async fn a_new_page_gets_its_own_files_under_the_worker_of_the_build_before() {
                new_page_under_old_worker(Engine::$engine, &[]).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn without_fingerprints_too() {
                new_page_under_old_worker(Engine::$engine, &["--no-fingerprint"]).await;
            }

            /// The author says that names stand for their bytes, and they do not: the old table is wrong.
            #[tokio::test(flavor = "multi_thread")]
            async fn even_where_the_old_worker_pins_other_bytes() {
                new_page_under_old_worker(Engine::$engine, &["--fingerprinted", "*.js", "--fingerprinted", "*.css"]).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn the_worker_goes_when_the_site_does_without() {
                retired(Engine::$engine).await;
            }
        }
    )* };
}

in_each_engine! {
    in_chromium Chromium,
    in_firefox Firefox,
    in_webkit WebKit,
}
