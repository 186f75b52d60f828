//! One load of one page, and what became of it.
//!
//! Each load has an origin and a CDN at ports of their own, and no browser sees a port twice: so caches, what a session
//! remembers and service workers are new each time, as in a new profile, while the browser itself may stay.

use super::axes::{Cell, Element, Group, Net};
use super::exceptions::exception;
use super::page::{Page, page};
use super::site::Site;
use crate::browser::{Browser, Waits};
use serde_json::Value;
use std::collections::HashSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tightrope::serve::{Fault, Home, Rules, Server};
use url::Url;

/// For a page to become what it was, at the most.
const PATIENCE: Duration = Duration::from_secs(30);
/// When nothing has happened for so long, neither in the page nor between it and the servers, nothing will. More than
/// any limit of the net's own.
const QUIET: Duration = Duration::from_secs(5);
/// The same for a cell that is listed: it will not hold, or not count.
const SHORT_QUIET: Duration = Duration::from_millis(800);
/// Between two looks at a page: at first, and at the most.
const PAUSE: Duration = Duration::from_millis(15);
const LONG_PAUSE: Duration = Duration::from_millis(120);

/// A cell, and in what its page is not what it was. It holds when that is nothing.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) cell: Cell,
    pub(crate) told: Vec<String>,
}

impl Outcome {
    pub(crate) fn holds(&self) -> bool {
        self.told.is_empty()
    }
}

/// A browser and a site, for the cells of a group.
pub(crate) struct Loader {
    group: Group,
    browser: Browser,
    site: Site,
    /// The ports that the browser has seen.
    seen: HashSet<u16>,
    /// The pages before they were built.
    expected: Vec<(Element, Value)>,
}

impl Loader {
    pub(crate) async fn start(group: Group) -> Self {
        let site = Site::new(group.policy, group.net);
        let browser = Browser::start_that_waits(group.engine, Waits::Never).await;
        Self { group, browser, site, seen: HashSet::new(), expected: Vec::new() }
    }

    /// Loads the cell's page.
    pub(crate) async fn outcome(&mut self, cell: Cell) -> Outcome {
        let (file, element) = cell.element.alone().map_or((None, cell.element), |(file, on)| (Some(file), on));
        let expected = match self.expected(element).await {
            Ok(expected) => expected,
            Err(unsound) => return Outcome { cell, told: vec![unsound] },
        };
        let rules = rules(cell.fault, file);
        let server = self.server(&rules).await;
        let url = format!("{}pages/{}", server.site_url(), self.site.page(element));
        let quiet = if exception(cell).is_some() { SHORT_QUIET } else { QUIET };
        if self.group.net == Net::ServiceWorker
            && let Err(why) = self.visit_first(&server, &rules, &url).await
        {
            return Outcome { cell, told: vec![why] };
        }
        let seen = self.view(&url, &server, element, quiet, |view| *view == expected).await;
        let mut told = changes(&expected, &seen);
        told.extend(not_asked(&server, cell.fault));
        Outcome { cell, told }
    }

    /// The page before it was built, which must be sound: or an equally broken copy would pass. Where it is not, what it
    /// is.
    async fn expected(&mut self, element: Element) -> Result<Value, String> {
        if let Some((_, view)) = self.expected.iter().find(|(known, _)| *known == element) {
            return Ok(view.clone());
        }
        let server = loop {
            let cdn = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let server = Server::start(&self.site.unbuilt(), cdn).await.expect("a server");
            if self.is_new(&server) {
                break server;
            }
        };
        let (base, name) = (self.site.base_path(), self.site.page(element));
        let url = format!("{}{base}pages/{name}", server.origin_url());
        let page = page(element, self.group.policy);
        let view = self.view(&url, &server, element, QUIET, |view| is_sound(view, &page)).await;
        if !is_sound(&view, &page) {
            return Err(format!("before it is built it is {view}"));
        }
        self.expected.push((element, view.clone()));
        Ok(view)
    }

    /// Waits until the service worker rules the page, on a visit on which all is well. Where it never does, says so.
    async fn visit_first(&self, server: &Server, rules: &Rules, url: &str) -> Result<(), String> {
        // A name that cannot be resolved is another CDN than the one that can, to the worker as to the page.
        if rules.texts() != [Fault::Unresolvable.name()] {
            server.set_rules(Rules::default()).await.expect("a healthy CDN");
        }
        let start = Instant::now();
        self.browser.goto(url).await;
        while self.browser.try_ask("return Boolean(navigator.serviceWorker.controller)").await != Ok(Value::Bool(true))
        {
            if start.elapsed() > PATIENCE {
                return Err("no service worker rules the page".to_owned());
            }
            tokio::time::sleep(PAUSE).await;
        }
        while server.set_rules(rules.clone()).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
        server.clear_requests();
        // The second visit is to the same URL.
        let _ = self.browser.try_ask("window.isFirst = true").await;
        Ok(())
    }

    fn is_new(&mut self, server: &Server) -> bool {
        let port = |url: String| Url::parse(&url).ok().and_then(|url| url.port()).expect("a port");
        let ports = [port(server.origin_url()), port(server.cdn_url())];
        let is_new = ports.iter().all(|port| !self.seen.contains(port));
        self.seen.extend(ports);
        is_new
    }

    /// The built site, its CDN failing.
    async fn server(&mut self, rules: &Rules) -> Server {
        loop {
            // For a moment the CDN's port is closed and taken anew. A program that another test starts just then holds
            // all that is open here until it has come up: then the port is not free, and another does as well.
            let server = Server::of_output(&self.site.public(), 0, 0, rules.clone()).await;
            if let Ok(server) = server
                && self.is_new(&server)
            {
                return server;
            }
        }
    }

    /// What the page is when it is done, or when nothing will happen any more.
    async fn view(
        &self,
        url: &str,
        server: &Server,
        element: Element,
        quiet: Duration,
        is_done: impl Fn(&Value) -> bool,
    ) -> Value {
        let is_unordered = page(element, self.group.policy).is_unordered;
        self.browser.goto(url).await;
        let start = Instant::now();
        let (mut last, mut since, mut pause) = ((Value::Null, 0, 0), start, PAUSE);
        loop {
            let view = self.look(url, is_unordered).await;
            if is_done(&view) {
                self.browser.settle().await;
                return self.look(url, is_unordered).await;
            }
            let (requests, bytes) = traffic(server);
            let now = (view, requests, bytes);
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if since.elapsed() > quiet || start.elapsed() > PATIENCE {
                return last.0;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 5 / 4).min(LONG_PAUSE);
        }
    }

    /// What the page is now; null while it is not there.
    async fn look(&self, url: &str, is_unordered: bool) -> Value {
        let asked =
            self.browser.try_ask("return window.observe && !window.isFirst ? [location.href, observe()] : null").await;
        let Ok(mut asked) = asked else { return Value::Null };
        if asked[0] != url {
            return Value::Null;
        }
        let mut view = asked[1].take();
        if let Some(trace) = view.get_mut("trace").and_then(Value::as_array_mut)
            && is_unordered
        {
            trace.sort_by_key(ToString::to_string);
        }
        view
    }
}

/// The CDN fails as a whole, or in one file.
fn rules(fault: Fault, file: Option<&str>) -> Rules {
    file.map_or_else(
        || Rules::all(fault),
        |file| Rules::parse(&[format!("{file}={}", fault.name())]).expect("a fault that a file can have"),
    )
}

/// How much has been asked for and sent.
fn traffic(server: &Server) -> (usize, u64) {
    let requests = server.requests();
    (requests.len(), requests.iter().map(|request| request.bytes).sum())
}

fn texts(view: &Value, key: &str) -> Vec<String> {
    let list = view[key].as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether all ran, and all that has a size has one.
fn is_sound(view: &Value, page: &Page) -> bool {
    let mut ran = texts(view, "trace");
    ran.retain(|name| name != "DOMContentLoaded");
    ran.sort();
    let mut runs = page.runs.to_vec();
    runs.sort_unstable();
    let sizes = ["images", "drawings", "videos", "fonts"].map(|key| texts(view, key)).concat();
    view["complete"] == true
        && ran == runs
        && texts(view, "wrong").is_empty()
        && !sizes.iter().any(|size| size.ends_with(" 0") || size.ends_with("loading"))
        && !texts(view, "styles").iter().any(|style| style.contains(" 0px") || style.contains("rgb(0, 0, 0) auto"))
}

/// In what the page is not what it was.
fn changes(expected: &Value, seen: &Value) -> Vec<String> {
    let keys = expected.as_object().expect("an object").keys();
    let changed = keys.filter(|key| expected[*key] != seen[*key]);
    changed.map(|key| format!("{key}: it was {}, and is {}", expected[key], seen[key])).collect()
}

/// A page that asks nothing of the CDN would hold for nothing. Of one that cannot be reached nobody can tell.
fn not_asked(server: &Server, fault: Fault) -> Option<String> {
    let cannot_tell = matches!(fault, Fault::Closed | Fault::Unresolvable);
    let is_asked = server.requests().iter().any(|request| request.home == Home::Cdn && request.fault == fault);
    (!cannot_tell && !is_asked).then(|| "the CDN is not asked for anything".to_owned())
}
