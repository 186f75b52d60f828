//! Under a policy that knows the CDN alone, and is amended: what the service worker answers is let in, whatever it was taken
//! from, and its own requests are not under the page's policy.

use super::{asked, build, first_visit, until, url_of};
use crate::browser::{Browser, Engine};
use crate::{listener, set_fault};
use serde_json::json;
use tightrope::serve::{Fault, Home, Server};

async fn under_a_policy(browser: &Browser, scripts: &str) {
    let temp = tempfile::tempdir().expect("a directory");
    let (site, out) = (temp.path().join("site"), temp.path().join("out"));
    let cdn = listener();
    let url = url_of(&cdn);
    let scripts = scripts.replace("CDN", &url);
    std::fs::create_dir(&site).expect("a directory");
    let put = |name: &str, text: &str| std::fs::write(site.join(name), text).expect("a file");
    put(
        "index.html",
        &format!(
            "<!doctype html><meta charset=utf-8><meta http-equiv=Content-Security-Policy content=\"default-src 'none'; \
             script-src {scripts}; style-src {url}; img-src {url}; worker-src https://other.example\">\
             <title>.</title><script nonce=abc>window.seen = []; window.healed = 0; window.blocked = [];
             document.addEventListener('tightrope:fallback', () => healed++);
             document.addEventListener('securitypolicyviolation', event => /favicon/.test(event.blockedURI) || blocked.push(event.blockedURI));</script>\
             <link rel=stylesheet href=style.css><script src=app.js nonce=abc></script><script src=module.js type=module nonce=abc></script>\
             <img src=dot.svg><p id=p>.</p>"
        ),
    );
    put("style.css", "p { width: 77px }");
    put("app.js", "seen.push('app');");
    put("module.js", "import { deep } from './deep.js'; seen.push(deep);");
    put("deep.js", "export const deep = 'deep';");
    put("dot.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='3' height='3'/>");
    build(&site, &out, &url, &["--service-worker"]);
    let mut server = Server::start(&out, cdn).await.expect("a server");
    first_visit(browser, &server.origin_url()).await;
    for fault in [Fault::None, Fault::NotFound, Fault::Closed] {
        set_fault(&mut server, fault).await;
        server.clear_requests();
        browser.goto(&server.origin_url()).await;
        let probe = "return [seen, getComputedStyle(p).width, document.images[0].naturalWidth, healed, blocked];";
        let expected = json!([["app", "deep"], "77px", 3, 0, []]);
        assert_eq!(until(browser, probe, |seen| *seen == expected).await, expected, "{fault:?}");
        let from_site = asked(&server, Home::Origin).iter().any(|path| path.starts_with("/deep."));
        assert_eq!(from_site, fault != Fault::None, "{fault:?}");
    }
}

async fn in_an_engine(engine: Engine) {
    let browser = Browser::start(engine).await;
    for scripts in ["CDN 'nonce-abc'", "'nonce-abc' 'strict-dynamic'"] {
        under_a_policy(&browser, scripts).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_chromium() {
    in_an_engine(Engine::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_firefox() {
    in_an_engine(Engine::Firefox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_webkit() {
    in_an_engine(Engine::WebKit).await;
}
