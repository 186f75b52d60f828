//! `--hang-limit`: a CDN that takes requests and never answers, in every engine.

use crate::browser::{Browser, Engine, Waits};
use crate::faults::{PROBE, SITE, becomes};
use crate::{PATIENCE, listener, set_fault, site};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tightrope::serve::{Fault, Home, Request, Rules, Server};

/// Short enough for a test, long enough for a busy machine.
const LIMIT: &str = "1s";

/// A site that was built for a CDN here.
struct Site {
    server: Server,
    public: PathBuf,
    _temp: TempDir,
}

impl Site {
    async fn build(from: &Path) -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let (public, cdn) = (temp.path().join("public"), listener());
        let url = format!("http://localhost:{}", cdn.local_addr().expect("its address").port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
        command.arg("build").arg(from).arg("--out").arg(&public).args(["--cdn", &url, "--hang-limit", LIMIT]);
        let built = command.output().expect("tightrope runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { server: Server::start(&public, cdn).await.expect("a server"), public, _temp: temp }
    }

    /// A site of these files.
    async fn of(files: &[(&str, &str)]) -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            std::fs::write(temp.path().join(name), text).expect("a file");
        }
        Self::build(temp.path()).await
    }

    /// How often the origin is asked for a page by GET.
    fn loads(&self, page: &str) -> usize {
        let requests = self.server.requests();
        let is_load =
            |request: &&Request| request.home == Home::Origin && request.method == "GET" && request.path == page;
        requests.iter().filter(is_load).count()
    }

    async fn fail(&self, rules: &[&str]) {
        let rules = Rules::parse(rules).expect("rules");
        self.server.set_rules(rules).await.expect("the CDN fails");
    }
}

/// A script that the page begins with: nothing is painted yet, and engines keep other scripts back.
const HEAD: &str = "<!doctype html><script>window.ran = ''</script><script src=a.js></script><p>A page.";

/// A page that stands still before anything is painted is rescued. (That Firefox does it at once shows in the matrix, which
/// waits for five seconds.)
async fn is_rescued_blank(engine: Engine) {
    let site = Site::of(&[("a.js", "ran += 'yes'"), ("index.html", HEAD)]).await;
    site.fail(&["hang"]).await;
    let browser = Browser::start_that_waits(engine, Waits::Never).await;
    browser.goto(&site.server.origin_url()).await;
    let (start, mut ran) = (Instant::now(), Value::Null);
    while ran != "yes" && start.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
        ran = browser.try_ask("return window.ran").await.unwrap_or_default();
    }
    assert_eq!(ran, "yes", "{:#?}", site.server.requests());
    assert_eq!(site.loads("/"), 2, "loaded, and loaded anew");
    // The CDN was asked twice in the first load: by the page, and by the rescue at half its time.
    let asked = site.server.requests().iter().filter(|request| request.home == Home::Cdn).count();
    assert!(asked >= 2, "{:#?}", site.server.requests());
}

/// Opens a page without waiting for its `load` event, from another one of its origin.
async fn leads_to(browser: &Browser, site: &Site, path: &str) {
    browser.goto(&(site.server.origin_url() + "/nothing.txt")).await;
    site.server.clear_requests();
    browser.ask(&lead(path)).await;
}

fn lead(path: &str) -> String {
    format!("setTimeout(() => location.assign('{path}')); return 1")
}

/// Asks until the answer is as expected, and still is when all that was pending has come.
async fn answers(browser: &Browser, question: &str, expected: &Value) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = browser.try_ask(question).await.unwrap_or_default();
        if seen == *expected || Instant::now() > deadline {
            browser.settle().await;
            return browser.try_ask(question).await.unwrap_or_default();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The page with every kind of asset becomes what it was, by being loaded anew, once; the next one is local at once.
async fn is_rescued(engine: Engine, rules: &[&str]) {
    let browser = Browser::start(engine).await;
    let original = Server::start(&site(SITE), listener()).await.expect("a server");
    let expected = becomes(&browser, &original.origin_url(), None).await;
    let built = Site::build(&site(SITE)).await;
    built.fail(rules).await;
    leads_to(&browser, &built, "/").await;
    let seen = answers(&browser, PROBE, &expected).await;
    assert_eq!(seen, expected, "{:#?}", built.server.requests());
    assert_eq!(built.loads("/"), 2, "loaded, and loaded anew");
    leads_to(&browser, &built, "/?second").await;
    let seen = answers(&browser, PROBE, &expected).await;
    assert_eq!(seen, expected, "the second page; {:#?}", built.server.requests());
    assert_eq!(built.loads("/"), 1, "the second page is local at once");
}

/// A page that a script holds up for four seconds of a slow CDN's time.
fn slow_page() -> Vec<(&'static str, String)> {
    let script = format!("ran = 'yes'; /* {} */", "tightrope ".repeat(4000));
    let page = "<!doctype html><script src=slow.js></script><p>A page.".to_owned();
    vec![("index.html", page), ("slow.js", script)]
}

/// A file that comes slowly, for longer than the limit, is waited for.
async fn is_patient(engine: Engine) {
    let files = slow_page();
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut site = Site::of(&files).await;
    set_fault(&mut site.server, Fault::Slow).await;
    let browser = Browser::start(engine).await;
    let before = Instant::now();
    browser.goto(&site.server.origin_url()).await;
    assert!(before.elapsed() > Duration::from_secs(3), "the file came too fast to show anything");
    assert_eq!(browser.ask(RAN).await, json!(["yes", 0]));
    assert_eq!(site.loads("/"), 1);
}

const RAN: &str = "return [window.ran, sessionStorage.length]";

/// Three times the limit after it began, it asks the origin for `waited.txt`.
const TELLS: &str = "<script>setTimeout(() => fetch('/waited.txt').catch(() => 0), 3000);
    setTimeout(() => { const x = new XMLHttpRequest; x.open('GET', '/waited.txt'); x.send(); }, 3000);</script>";

/// Opens a page that hangs, and lets the CDN recover when the page has told that it was not loaded anew.
async fn opens_at_last(browser: &Browser, site: Site, path: &str) -> Site {
    browser.goto(&(site.server.origin_url() + "/nothing.txt")).await;
    site.server.clear_requests();
    let waiting = tokio::spawn(async move {
        let deadline = Instant::now() + PATIENCE;
        while site.loads("/waited.txt") == 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let waited = site.loads("/waited.txt");
        site.fail(&["none"]).await;
        assert!(waited > 0, "the page did not stay: {:#?}", site.server.requests());
        site
    });
    // Chromium's driver answers when the page has loaded.
    browser.ask(&lead(path)).await;
    waiting.await.expect("the page stayed")
}

/// A page that stands still is left to whoever has begun to use it.
async fn respects_use(engine: Engine) {
    let page = format!(
        "<!doctype html>{TELLS}<script src=a.js></script>
        <script>setTimeout(() => document.body.dispatchEvent(new Event('EVENT', {{ bubbles: true }})), 100)</script>
        <p>A page.<script defer src=b.js></script>"
    );
    let [typed, clicked] = ["keydown", "pointerdown"].map(|event| page.replace("EVENT", event));
    let quiet = page.replace("EVENT", "unknown");
    let site = Site::of(&[
        ("a.js", ""),
        ("b.js", "ran = 'yes'"),
        ("waited.txt", ""),
        ("typed.html", &typed),
        ("clicked.html", &clicked),
        ("quiet.html", &quiet),
    ])
    .await;
    let browser = Browser::start(engine).await;
    let mut site = site;
    for page in ["/typed.html", "/clicked.html"] {
        site.fail(&["b.*=hang"]).await;
        site = opens_at_last(&browser, site, page).await;
        let seen = answers(&browser, RAN, &json!(["yes", 0])).await;
        assert_eq!(seen, json!(["yes", 0]), "{page}");
        assert_eq!(site.loads(page), 1, "{page}");
    }
    // Without such an event, the same page is rescued.
    site.fail(&["b.*=hang"]).await;
    leads_to(&browser, &site, "/quiet.html").await;
    assert_eq!(answers(&browser, "return window.ran", &json!("yes")).await, "yes");
    assert_eq!(site.loads("/quiet.html"), 2);
}

/// What holds nothing up falls back in the page as it is, once, and nothing is loaded anew.
async fn is_mended(engine: Engine) {
    let image = "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'/>";
    let page =
        "<!doctype html><script>window.ran = 0</script><script async src=a.js></script><img src=a.svg><p>A page.";
    let site = Site::of(&[("a.js", "ran += 1"), ("a.svg", image), ("index.html", page)]).await;
    site.fail(&["hang"]).await;
    // The `load` event never comes: the script that hangs, and that nobody waits for any more, keeps it back.
    let browser = Browser::start_that_waits(engine, Waits::Never).await;
    browser.goto(&site.server.origin_url()).await;
    let (expected, deadline) = (json!([1, 40]), Instant::now() + PATIENCE);
    let mut seen = Value::Null;
    while seen != expected && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
        seen = browser.try_ask("return [ran, document.images[0].naturalWidth]").await.unwrap_or_default();
    }
    assert_eq!(seen, expected, "{:#?}", site.server.requests());
    assert_eq!(site.loads("/"), 1);
}

/// An origin that takes POST requests: what it was asked, in order, without the assets.
struct Origin {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    fn start(public: PathBuf) -> Self {
        let listener = listener();
        let (address, asked) = (listener.local_addr().expect("its address"), Arc::default());
        let log = Arc::clone(&asked);
        thread::spawn(move || Self::serve(&listener, &public, &log));
        Self { address, asked }
    }

    fn serve(listener: &TcpListener, public: &Path, log: &Arc<Mutex<Vec<String>>>) {
        for stream in listener.incoming().flatten() {
            let (public, log) = (public.to_owned(), Arc::clone(log));
            thread::spawn(move || Self::answer(stream, &public, &log));
        }
    }

    /// One request a connection.
    fn answer(stream: TcpStream, public: &Path, log: &Mutex<Vec<String>>) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).ok()?;
        let (method, path) = line.split_once(' ').and_then(|(method, rest)| Some((method, rest.split_once(' ')?.0)))?;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if header.trim().is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let is_page = path.ends_with(".html");
        if is_page || path == "/waited.txt" {
            log.lock().expect("the log").push(format!("{method} {path}"));
        }
        let body = if is_page { std::fs::read(public.join(&path[1..])).unwrap_or_default() } else { Vec::new() };
        let kind = if is_page { "text/html" } else { "text/javascript" };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let body = if method == "HEAD" { &[] } else { body.as_slice() };
        reader.get_mut().write_all(&[head.as_bytes(), body].concat()).ok()
    }
}

/// What a form's POST led to is not posted again, and not replaced by what a GET would give.
async fn posts_once(engine: Engine) {
    let form =
        "<!doctype html><script src=a.js></script><form method=post action=answer.html><input name=a value=1></form>";
    let answer = format!("<!doctype html>{TELLS}<p>The answer.<script defer src=b.js></script>");
    let site = Site::of(&[("a.js", ""), ("b.js", ""), ("form.html", form), ("answer.html", &answer)]).await;
    let origin = Origin::start(site.public.clone());
    let browser = Browser::start(engine).await;
    let url = format!("http://{}", origin.address);
    browser.goto(&(url.clone() + "/form.html")).await;
    site.fail(&["b.*=hang"]).await;
    let log = Arc::clone(&origin.asked);
    let asked = move || log.lock().expect("the log").clone();
    let waiting = tokio::spawn(async move {
        let deadline = Instant::now() + PATIENCE;
        let has_waited = || asked().iter().any(|asked| asked.contains("waited"));
        while !has_waited() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let asked = asked();
        site.fail(&["none"]).await;
        asked
    });
    browser.ask("setTimeout(() => document.forms[0].submit()); return 1").await;
    let asked = waiting.await.expect("what was asked");
    // It asks in two ways, for one of them waits in Firefox.
    assert_eq!(asked[..3], ["GET /form.html", "POST /answer.html", "GET /waited.txt"], "{asked:?}");
    assert!(!asked[3..].iter().any(|asked| asked.contains("answer")), "{asked:?}");
}

/// One test for each engine and promise.
macro_rules! in_each_engine {
    ($($module:ident $engine:ident,)*) => { $(
        mod $module {
            use super::{Engine, is_mended, is_patient, is_rescued, is_rescued_blank, posts_once, respects_use};

            #[tokio::test(flavor = "multi_thread")]
            async fn a_page_whose_cdn_never_answers_is_rescued_and_the_next_one_is_local_at_once() {
                is_rescued(Engine::$engine, &["hang"]).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn so_is_one_whose_cdn_falls_silent_in_the_middle_of_every_file() {
                is_rescued(Engine::$engine, &["hang-in-body"]).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_script_that_hangs_is_enough() {
                is_rescued(Engine::$engine, &["body-first.*=hang"]).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn so_is_one_sheet() {
                is_rescued(Engine::$engine, &["theme.*=hang-in-body"]).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn so_is_one_deferred_script() {
                is_rescued(Engine::$engine, &["deferred-first.*=hang"]).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn so_is_what_an_inline_module_imports() {
                is_rescued(Engine::$engine, &["imported.*=hang"]).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn so_is_one_script_before_anything_is_painted() {
                is_rescued_blank(Engine::$engine).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn what_holds_nothing_up_falls_back_in_the_page_as_it_is() {
                is_mended(Engine::$engine).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_slow_cdn_is_waited_for() {
                is_patient(Engine::$engine).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_page_that_somebody_uses_is_not_taken_away() {
                respects_use(Engine::$engine).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn the_answer_to_a_post_is_left_alone() {
                posts_once(Engine::$engine).await;
            }
        }
    )* };
}

in_each_engine! {
    in_chromium Chromium,
    in_firefox Firefox,
    in_webkit WebKit,
}
