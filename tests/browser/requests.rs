//! Every URL that the browser asks for on a page before it was built is asked for afterwards, one for one, from where
//! the table says, and no other. The pages are those of `everything-that-is-fetched`.
//!
//! In that site a file whose name begins with `not-` must never be asked for, and every other that a page names must be:
//! so a page that lost its point is noticed.

use crate::browser::{Browser, Engine};
use crate::{listener, set_fault, site};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tightrope::html::attributes::{Fallback, TABLE};
use tightrope::serve::{Fault, Home, Request, Server};
use tokio::sync::OnceCell;
use url::Url;

const SITE: &str = "everything-that-is-fetched";
const OPTIONS: [&str; 4] = ["--attribute", "img[data-src]", "--attribute", "img[data-srcset]"];
const PROBE: &str = include_str!("requests.js");
/// For all that a page asks for. A busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often in a row nothing may happen before nothing is expected any more.
const QUIET: usize = 3;

/// What scripts and import maps put together at run time is in no table: it goes where the module goes that asks.
const BESIDE_MODULES: [&str; 2] = ["/data/beside.json", "/js/mapped/scoped.js"];

/// `csp-limits`: an inline module that a policy admits by its hash cannot be helped.
const BEYOND_HELP: &str = "policy-hash-module.html";

/// A file by its original name, decoded, and the query it is asked for with.
type Asked = (String, String);

/// What the table says of one file on one page.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Verdict {
    home: Home,
    /// Under which name, where it is one that is written in the page or in a file.
    name: Option<String>,
    /// Whether it is asked for at the origin when the CDN fails.
    healed: bool,
}

/// One page of the site and what it fetches.
struct Page {
    name: String,
    verdicts: BTreeMap<Asked, Verdict>,
    /// What it fetches from both homes. It must be nothing.
    split: BTreeSet<Asked>,
}

/// The site, built for a CDN.
struct Built {
    public: PathBuf,
    _dir: tempfile::TempDir,
    originals: BTreeMap<String, String>,
    pages: Vec<Page>,
}

/// What an unbuilt page asks for, how often, and what it becomes.
struct Unbuilt {
    counts: BTreeMap<Asked, usize>,
    state: Value,
}

/// What one load of a page led to.
struct Load {
    requests: Vec<Request>,
    state: Value,
}

fn tightrope(arguments: &[&str], cdn: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    let output = command.args(arguments).args(["--cdn", cdn]).args(OPTIONS).output().expect("tightrope runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

impl Built {
    fn new(cdn: &TcpListener) -> Self {
        let cdn_url = format!("http://localhost:{}", cdn.local_addr().expect("its address").port());
        let dir = tempfile::tempdir().expect("a directory");
        let public = dir.path().join("public");
        let path = |path: &PathBuf| path.to_str().expect("a name in UTF-8").to_owned();
        tightrope(&["build", &path(&site(SITE)), "--out", &path(&public)], &cdn_url);
        let explained = tightrope(&["explain", &path(&site(SITE)), "--report", "json"], &cdn_url).stdout;
        let explained: Vec<Value> = serde_json::from_slice(&explained).expect("a list");
        let manifest = std::fs::read(public.join("tightrope.json")).expect("a manifest");
        let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest");
        let assets = manifest["assets"].as_object().expect("its assets").iter();
        let originals: BTreeMap<_, _> =
            assets.map(|(original, to)| (format!("/{}", text(&to["path"])), format!("/{original}"))).collect();
        let table = Explained::new(&explained, &originals);
        let names: BTreeSet<_> = explained.iter().map(|one| text(&one["path"])).filter(|path| is_page(path)).collect();
        let pages = names.iter().map(|name| table.page(name)).collect();
        Self { public, _dir: dir, originals, pages }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The pages that are opened: those at the top, not those that are only framed.
fn is_page(path: &str) -> bool {
    !path.contains('/') && (path.ends_with("html"))
}

/// What `explain` told, by the file that the references stand in.
struct Explained<'e> {
    by_file: BTreeMap<String, Vec<&'e Value>>,
    originals: &'e BTreeMap<String, String>,
}

impl<'e> Explained<'e> {
    fn new(all: &'e [Value], originals: &'e BTreeMap<String, String>) -> Self {
        let mut by_file: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for one in all {
            by_file.entry(format!("/{}", text(&one["path"]))).or_default().push(one);
        }
        Self { by_file, originals }
    }

    fn page(&self, name: &str) -> Page {
        let mut page = Page { name: name.to_owned(), verdicts: BTreeMap::new(), split: BTreeSet::new() };
        self.follow(&format!("/{name}"), None, &mut page);
        page
    }

    /// Adds what `file` refers to, and what that refers to. `around` is what was said of the file itself.
    fn follow(&self, file: &str, around: Option<&Verdict>, page: &mut Page) {
        for one in self.by_file.get(file).into_iter().flatten() {
            let fate = text(&one["fate"]);
            let written = one["to"].as_str().unwrap_or_else(|| text(&one["reference"]));
            let Some((home, path, query)) = place(file, written) else { continue };
            let asked = (self.originals.get(&path).unwrap_or(&path).clone(), query);
            if !site(SITE).join(&asked.0[1..]).is_file() || is_hyperlink(text(&one["what"])) {
                continue;
            }
            let in_file = around.filter(|_| fate == "moves").map(|around| around.home);
            let healed = around.map_or_else(|| is_healed(text(&one["what"]), &asked.0), |around| around.healed);
            let name = (fate != "left").then_some(path);
            let verdict = Verdict { home: in_file.unwrap_or(home), name, healed };
            let known = page.verdicts.get(&asked);
            if known.is_some_and(|known| known.home != verdict.home) {
                page.split.insert(asked.clone());
            }
            if known.is_some_and(|known| known.healed || !verdict.healed) {
                continue;
            }
            page.verdicts.insert(asked.clone(), verdict.clone());
            // A frame is a page of its own, whatever becomes of it here.
            let around = Some(&verdict).filter(|_| !asked.0.ends_with("html"));
            self.follow(&asked.0, around, page);
        }
    }
}

/// Where a reference in `file` leads: whose file, its path, decoded, and the query.
fn place(file: &str, reference: &str) -> Option<(Home, String, String)> {
    let base = Url::parse("http://origin/").and_then(|root| root.join(file)).expect("a base");
    let url = base.join(reference).ok()?;
    let home = if url.host_str() == Some("localhost") { Home::Cdn } else { Home::Origin };
    Some((home, decoded(url.path()), url.query().unwrap_or_default().to_owned()))
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8().expect("UTF-8").into_owned()
}

fn is_hyperlink(what: &str) -> bool {
    matches!(what, "a[href]" | "a[ping]" | "form[action]" | "button[formaction]" | "meta[content]")
}

/// Whether the net helps when this fails. Of links it is the stylesheets alone.
fn is_healed(what: &str, original: &str) -> bool {
    let (element, attribute) = what.trim_end_matches(']').split_once('[').expect("element[attribute]");
    let rows = || TABLE.iter().filter(|row| row.element == element && row.attribute == attribute);
    match element {
        "link" | "style" => original.ends_with(".css"),
        _ if attribute == "style" => false,
        // Imports of inline modules, and what `--attribute` names.
        _ => rows().next().is_none() || rows().any(|row| row.fallback != Fallback::None),
    }
}

impl Page {
    fn verdict(&self, asked: &Asked) -> Verdict {
        let beside = BESIDE_MODULES.contains(&asked.0.as_str());
        let home = if beside { Home::Cdn } else { Home::Origin };
        self.verdicts.get(asked).cloned().unwrap_or(Verdict { home, name: None, healed: true })
    }

    /// What must be asked for, by the names of the files.
    fn wanted(&self) -> impl Iterator<Item = &Asked> {
        self.verdicts.keys().filter(|(path, _)| !is_unwanted(path))
    }
}

fn is_unwanted(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("not-"))
}

/// Loads a page and waits until it has what it waits for, and for nothing more.
async fn load(browser: &Browser, server: &Server, page: &str, enough: impl Fn(&[Request]) -> bool) -> Load {
    // What the page before still wanted is not this page's.
    browser.goto("about:blank").await;
    browser.settle().await;
    server.clear_requests();
    browser.goto(&format!("{}/{page}", server.origin_url())).await;
    let (deadline, mut quiet, mut known) = (Instant::now() + PATIENCE, 0, None);
    loop {
        let state = browser.ask(PROBE).await;
        let requests = server.requests();
        let is_done = state["complete"] == true && enough(&requests);
        let now = (requests.len(), state);
        quiet = if is_done && known.as_ref() == Some(&now) { quiet + 1 } else { 0 };
        if quiet == QUIET || Instant::now() > deadline {
            let mut state = now.1;
            state.as_object_mut().expect("an object").remove("entries");
            return Load { requests, state };
        }
        known = Some(now);
        browser.settle().await;
    }
}

/// What a page asks for without naming it.
fn is_extra(path: &str) -> bool {
    path == "/favicon.ico" || path.starts_with("/tightrope-net.")
}

/// What was asked for, and how often, by the original names. A page's icon that nobody named does not count, and neither
/// does the net, which comes when something has failed.
fn counted(requests: &[Request], home: Home, originals: &BTreeMap<String, String>) -> BTreeMap<Asked, usize> {
    let mut counts = BTreeMap::new();
    for request in requests.iter().filter(|request| request.home == home && !is_extra(&request.path)) {
        let path = decoded(&request.path);
        let asked = (originals.get(&path).cloned().unwrap_or(path), request.query.clone());
        *counts.entry(asked).or_insert(0) += 1;
    }
    counts
}

/// What the unbuilt pages fetch and become, by their names: both tests hold theirs against it.
async fn unbuilt(browser: &Browser, pages: &[Page]) -> &'static BTreeMap<String, Unbuilt> {
    static ALL: OnceCell<BTreeMap<String, Unbuilt>> = OnceCell::const_new();
    ALL.get_or_init(|| async {
        let server = Server::start(&site(SITE), listener()).await.expect("a server");
        let mut all = BTreeMap::new();
        for page in pages {
            all.insert(page.name.clone(), before(browser, &server, page).await);
        }
        all
    })
    .await
}

/// The unbuilt page, which must fetch what it is there for.
async fn before(browser: &Browser, server: &Server, page: &Page) -> Unbuilt {
    let none = BTreeMap::new();
    let enough = |requests: &[Request]| {
        let counts = counted(requests, Home::Origin, &none);
        page.wanted().all(|asked| counts.contains_key(asked))
    };
    let load = load(browser, server, &page.name, enough).await;
    let counts = counted(&load.requests, Home::Origin, &none);
    for asked in page.wanted() {
        assert!(counts.contains_key(asked), "{} does not fetch {asked:?}, only {counts:#?}", page.name);
    }
    let unwanted = counts.keys().find(|(path, _)| is_unwanted(path));
    assert_eq!(unwanted, None, "{} fetches what it should not", page.name);
    Unbuilt { counts, state: load.state }
}

/// Where the two loads differ, each difference with its page, its URL and both sides.
fn differences(page: &Page, before: &BTreeMap<Asked, usize>, after: &[Request], built: &Built) -> Vec<String> {
    let origin = counted(after, Home::Origin, &built.originals);
    let cdn = counted(after, Home::Cdn, &built.originals);
    let all: BTreeSet<_> = before.keys().chain(origin.keys()).chain(cdn.keys()).collect();
    let mut told: Vec<_> =
        page.split.iter().map(|asked| format!("{}: {asked:?} is named in both homes", page.name)).collect();
    for asked in all {
        let count = |counts: &BTreeMap<Asked, usize>| counts.get(asked).copied().unwrap_or_default();
        let (was, origin, cdn) = (count(before), count(&origin), count(&cdn));
        let Verdict { home, name, .. } = page.verdict(asked);
        let expected = if home == Home::Cdn { (0, was) } else { (was, 0) };
        if (origin, cdn) != expected {
            let (page, (path, query)) = (&page.name, asked);
            told.push(format!(
                "{page}: {path} ?{query}: asked for {was} times before; then {origin} times at the origin and {cdn} \
                 times at the CDN; the table says {home:?}"
            ));
        }
        let names = after.iter().filter(|request| request.query == asked.1).map(|request| decoded(&request.path));
        let other = names.filter(|path| built.originals.get(path).unwrap_or(path) == &asked.0);
        let other: BTreeSet<_> = other.filter(|path| name.as_ref().is_some_and(|name| name != path)).collect();
        if !other.is_empty() {
            told.push(format!("{}: {asked:?} is written as {name:?}, but asked for as {other:?}", page.name));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn every_url_is_asked_for_again_one_for_one_from_where_the_table_says_and_no_other() {
    let cdn = listener();
    let built = Built::new(&cdn);
    let browser = Browser::start(Engine::Chromium).await;
    let unbuilt = unbuilt(&browser, &built.pages).await;
    let server = Server::start(&built.public, cdn).await.expect("a server");
    let mut told = Vec::new();
    for page in &built.pages {
        let Unbuilt { counts, state: was } = &unbuilt[&page.name];
        let as_many = |requests: &[Request]| {
            requests.iter().filter(|request| !is_extra(&request.path)).count() >= counts.values().sum::<usize>()
        };
        let is = load(&browser, &server, &page.name, as_many).await;
        told.extend(differences(page, counts, &is.requests, &built));
        if is.state != *was {
            told.push(format!("{}: it was {was:#}, and is {:#}", page.name, is.state));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_cdns_port_closed_all_that_the_net_can_hear_of_comes_from_the_origin() {
    let cdn = listener();
    let built = Built::new(&cdn);
    let browser = Browser::start(Engine::Chromium).await;
    let unbuilt = unbuilt(&browser, &built.pages).await;
    let mut server = Server::start(&built.public, cdn).await.expect("a server");
    set_fault(&mut server, Fault::Closed).await;
    let mut told = Vec::new();
    for page in built.pages.iter().filter(|page| page.name != BEYOND_HELP) {
        let Unbuilt { counts, state: was } = &unbuilt[&page.name];
        let lost = |asked: &Asked| page.verdict(asked).home == Home::Cdn && !page.verdict(asked).healed;
        let expected: BTreeSet<_> = counts.keys().filter(|asked| !lost(asked)).collect();
        let at_origin = |requests: &[Request]| counted(requests, Home::Origin, &built.originals);
        let enough = |requests: &[Request]| expected.iter().all(|asked| at_origin(requests).contains_key(asked));
        let is = load(&browser, &server, &page.name, enough).await;
        let asked = at_origin(&is.requests);
        let missing = expected.iter().filter(|wanted| !asked.contains_key(wanted));
        told.extend(missing.map(|asked| format!("{}: {asked:?} is not asked for at the origin", page.name)));
        // What has no help of its own may come along with what has: a poster with its film.
        let foreign = asked.keys().filter(|asked| !counts.contains_key(asked));
        told.extend(foreign.map(|asked| format!("{}: {asked:?} is asked for, and was not before", page.name)));
        if is.state != *was {
            told.push(format!("{}: it was {was:#}, and is {:#}", page.name, is.state));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}
