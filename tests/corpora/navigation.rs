//! The VitePress site in a real browser: a page is loaded, and two links are followed without leaving it, with the CDN
//! healthy and failing. Needs `chromium` and `chromedriver` on PATH.
//!
//! What is expected is not written down: the unbuilt site is walked in the same browser first.

use crate::browser::{Browser, Engine};
use crate::{build, files, room, vitepress};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tightrope::serve::{Fault, Home, Server};

/// What each module does first: it writes down where it was loaded from. In one list for the whole page, so that a
/// second evaluation of the same file is seen, wherever it came from.
const RECORD: &str = "(globalThis.evaluated ??= []).push(import.meta.url);\n";
/// The first page and those that the links lead to.
const PAGES: [(&str, &str); 3] = [
    ("/guide/section-0/page-0.html", "Page 0"),
    ("/guide/section-1/page-1.html", "Page 1"),
    ("/guide/section-2/page-2.html", "Page 2"),
];
/// For a page to become what it should be. It takes a fraction of a second; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The site with modules that record themselves.
fn recording_copy(site: &Path, to: &Path) {
    for file in files(site) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().expect("a directory")).expect("a directory");
        let mut bytes = fs::read(site.join(&file)).expect("a file");
        if file.extension().is_some_and(|extension| extension == "js") {
            bytes.splice(0..0, RECORD.bytes());
        }
        fs::write(target, bytes).expect("a file");
    }
}

/// What was seen on the way through the pages.
struct Walk {
    /// The headings, one for each page.
    headings: Vec<String>,
    /// Whether the document was the same one from the first page to the last.
    kept: bool,
    /// The URLs of all modules, in the order in which they ran.
    evaluated: Vec<String>,
}

impl Walk {
    /// The modules' paths, in the order in which they ran.
    fn paths(&self) -> Vec<&str> {
        let path = |url: &'_ String| url.split('/').take(3).map(|part| part.len() + 1).sum::<usize>() - 1;
        self.evaluated.iter().map(|url| &url[path(url)..]).collect()
    }

    fn homes(&self) -> BTreeSet<String> {
        self.evaluated.iter().map(|url| url.split('/').take(3).collect::<Vec<_>>().join("/")).collect()
    }

    fn twice(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.paths().into_iter().filter(|path| !seen.insert(*path)).collect()
    }
}

/// Waits until an expression is true in the page.
async fn until(browser: &Browser, expression: &str) {
    let deadline = Instant::now() + PATIENCE;
    while browser.ask(&format!("return !!({expression})")).await != true {
        if Instant::now() > deadline {
            let state = "return document.title + ' ' + location + ' ' + document.querySelector('h1')?.textContent
                + ' ' + JSON.stringify(globalThis.evaluated)";
            panic!("never true: {expression}; the page: {}", browser.ask(state).await);
        }
        browser.settle().await;
    }
    browser.settle().await;
}

/// Loads the first page and follows the links.
async fn walk(browser: &Browser, origin: &str) -> Walk {
    browser.goto(&format!("{origin}{}", PAGES[0].0)).await;
    // Until then a click would load a page.
    until(browser, "document.querySelector('#app')?.__vue_app__").await;
    browser.ask("window.marker = 'kept'").await;
    let heading = "document.querySelector('.vp-doc h1')?.firstChild?.data.trim()";
    let mut headings = Vec::new();
    for (path, title) in PAGES {
        if path != PAGES[0].0 {
            let link = format!(".vp-doc a[href='{path}']");
            browser.click(&link).await;
        }
        until(browser, &format!("location.pathname == '{path}' && {heading} == '{title}'")).await;
        headings.push(browser.ask(&format!("return {heading}")).await.as_str().expect("text").to_owned());
    }
    let kept = browser.ask("return window.marker == 'kept'").await == true;
    let evaluated = browser.ask("return globalThis.evaluated").await;
    let urls = evaluated.as_array().expect("a list").iter().map(|url| url.as_str().expect("a URL").to_owned());
    Walk { headings, kept, evaluated: urls.collect() }
}

fn listener() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// How many modules were asked of a home, the same one again counted again.
fn asked(server: &Server, home: Home) -> usize {
    server.requests().iter().filter(|request| request.home == home && request.path.ends_with(".js")).count()
}

/// Walks through the unbuilt and the built site: the same headings, the same modules, each once, and all from the home
/// that is there.
async fn survives(fault: Fault) {
    let room = room();
    let (site, out) = (room.path().join("site"), room.path().join("out"));
    recording_copy(&vitepress(), &site);
    let browser = Browser::start(Engine::Chromium).await;

    let original = Server::start(&site, listener()).await.expect("a server");
    let expected = walk(&browser, &original.origin_url()).await;
    // The site itself must be sound, or an equally broken copy would pass.
    assert!(expected.kept, "the unbuilt site loads a page for each link");
    assert!(expected.evaluated.len() > 5, "{:#?}", expected.evaluated);

    let cdn = listener();
    build(&site, &out, &format!("http://localhost:{}", cdn.local_addr().expect("its address").port()));
    let mut server = Server::start(&out, cdn).await.expect("a server");
    server.set_fault(fault).await.expect("the fault");
    let seen = walk(&browser, &server.origin_url()).await;

    assert_eq!(seen.headings, PAGES.map(|(_, title)| title), "{fault:?}");
    assert!(seen.kept, "{fault:?}: a link loaded a page");
    assert_eq!(seen.twice(), [""; 0], "{fault:?}: modules ran twice: {:#?}", seen.evaluated);
    let sorted = |walk: &Walk| walk.paths().into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&seen), sorted(&expected), "{fault:?}: other modules ran");
    let home = if fault == Fault::None { server.cdn_url() } else { server.origin_url() };
    assert_eq!(seen.homes(), BTreeSet::from([home]), "{fault:?}: {:#?}", seen.evaluated);
    let order = if seen.paths() == expected.paths() { "the same" } else { "another" };
    let spare = asked(&server, Home::Origin);
    println!("\n| {fault:?} | {} | {} | {order} | {spare} |", seen.headings.join(", "), seen.evaluated.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn vitepress_navigates_with_a_healthy_cdn() {
    survives(Fault::None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vitepress_navigates_with_a_closed_port() {
    survives(Fault::Closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vitepress_navigates_with_a_cdn_that_has_lost_every_file() {
    survives(Fault::NotFound).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vitepress_navigates_with_one_wrong_byte_in_every_file() {
    survives(Fault::Tampered).await;
}
