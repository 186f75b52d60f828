//! A site that has a worker of its own: ours is imported by it, and both do what they should.

use super::{asked, build, first_visit, until, url_of};
use crate::browser::{Browser, Engine};
use crate::{listener, set_fault};
use serde_json::json;
use std::path::Path;
use tightrope::serve::{Fault, Home, Server};

/// Precaches, and answers from there or from the network: what most workers do.
const WORKER: &str = r"
const heard = [];
addEventListener('install', event => event.waitUntil(
    caches.open('one').then(cache => cache.addAll(['./', 'kept.txt'])).then(() => skipWaiting())));
addEventListener('activate', event => event.waitUntil(clients.claim()));
addEventListener('fetch', event => {
    heard.push(event.request.url);
    event.respondWith(caches.match(event.request).then(kept => kept || fetch(event.request)));
});
addEventListener('message', event => event.source.postMessage(heard));
";

/// How a site registers its worker, and how that begins.
struct Case {
    register: &'static str,
    prologue: &'static str,
    /// Whether ours comes in.
    joins: bool,
}

const CLASSIC: Case = Case { register: "register('sw.js')", prologue: "/* A worker. */ 'use strict'\n", joins: true };
const MODULE: Case = Case {
    register: "register('sw.js', { type: 'module' })",
    prologue: "import { name } from './name.js';\nself.name_ = name;\n",
    joins: true,
};
/// Nothing in its text says that it is a module.
const HIDDEN_MODULE: Case = Case { prologue: "", joins: false, ..MODULE };

fn write_site(dir: &Path, case: &Case) {
    std::fs::create_dir_all(dir).expect("a directory");
    let put = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("a file");
    put(
        "index.html",
        &format!(
            "<!doctype html><meta charset=utf-8><title>.</title><script>window.seen = []; window.healed = 0;
            document.addEventListener('tightrope:fallback', () => healed++);
            navigator.serviceWorker.{}.catch(error => {{ window.refused = String(error); }});
            navigator.serviceWorker.addEventListener('message', event => {{ window.heard = event.data; }});</script>
            <script src=app.js></script><img src=dot.svg>",
            case.register
        ),
    );
    put("app.js", "seen.push('app');");
    put("name.js", "export const name = 'x';");
    put("dot.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='3' height='3'/>");
    put("kept.txt", "as it was");
    put("sw.js", &format!("{}{WORKER}", case.prologue));
}

async fn together(engine: Engine, case: &Case) {
    let browser = Browser::start(engine).await;
    let temp = tempfile::tempdir().expect("a directory");
    let (site, out) = (temp.path().join("site"), temp.path().join("out"));
    let cdn = listener();
    write_site(&site, case);
    build(&site, &out, &url_of(&cdn), &["--service-worker"]);
    let mut server = Server::start(&out, cdn).await.expect("a server");
    first_visit(&browser, &server.origin_url()).await;
    let controller = browser.ask("return new URL(navigator.serviceWorker.controller.scriptURL).pathname;").await;
    assert_eq!(controller, "/sw.js");
    std::fs::write(out.join("kept.txt"), "as it is").expect("a file");
    set_fault(&mut server, Fault::NotFound).await;
    server.clear_requests();
    browser.goto(&server.origin_url()).await;
    let probe = "if (!window.text) { window.text = 1; fetch('kept.txt').then(one => one.text()).then(text => { window.text = text; }); }
        navigator.serviceWorker.controller.postMessage(1);
        return [seen, document.images[0].naturalWidth, window.text, healed > 0,
            (window.heard || []).some(url => url.endsWith('/kept.txt'))];";
    // What ours does not answer, the net heals.
    let expected = json!([["app"], 3, "as it was", !case.joins, true]);
    assert_eq!(until(&browser, probe, |seen| *seen == expected).await, expected);
    // What ours has answered, theirs has not heard of; all else it has.
    let heard = browser.ask("return window.heard;").await;
    let heard: Vec<_> = heard.as_array().expect("a list").iter().filter_map(|url| url.as_str()).collect();
    let of_cdn = heard.iter().any(|url| url.starts_with(&server.cdn_url()));
    assert_eq!(of_cdn, !case.joins, "{heard:?}");
    assert!(heard.iter().any(|url| url.ends_with("/kept.txt")), "{heard:?}");
    assert!(asked(&server, Home::Cdn).iter().any(|path| path.starts_with("/app.")));
}

macro_rules! in_each_engine {
    ($($module:ident $engine:ident,)*) => { $(
        mod $module {
            use super::{CLASSIC, Engine, HIDDEN_MODULE, MODULE, together};

            #[tokio::test(flavor = "multi_thread")]
            async fn a_worker_of_the_sites_own_does_not_hear_of_what_ours_answers() {
                together(Engine::$engine, &CLASSIC).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn neither_does_a_module() {
                together(Engine::$engine, &MODULE).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_that_is_secretly_a_module_goes_on_without_ours() {
                together(Engine::$engine, &HIDDEN_MODULE).await;
            }
        }
    )* };
}

in_each_engine! {
    in_chromium Chromium,
    in_firefox Firefox,
    in_webkit WebKit,
}
