//! `tightrope serve`, as a process: what it prints, serves and switches.

use crate::golden::{cases, config, tree};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tightrope::config::{Config, settings::Settings};
use tightrope::fallback::service_worker::FILE_NAME;
use tightrope::model::digest::policy_hashes;
use tightrope::model::path::{SitePath, encode};
use tightrope::pipeline;
use tightrope::serve::{Rules, Server};

const CDN: &str = "https://static.example.com/some;path/";

/// Ends with the test, also when that panics.
struct Process {
    child: Child,
    site: String,
    cdn: String,
    control: String,
}

impl Process {
    fn start(dir: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
        let command = command.current_dir(dir).args(["serve", "out"]).args(more).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let said = BufReader::new(child.stdout.take().expect("its standard output"));
        let mut process = Self { child, site: String::new(), cdn: String::new(), control: String::new() };
        let mut lines = said.lines().map(|line| line.expect("text"));
        let mut url = |name: &str| {
            let line = lines.next().expect("a line");
            line.strip_prefix(name)
                .unwrap_or_else(|| panic!("{line} is not the {name}"))
                .split_whitespace()
                .next()
                .expect("a URL")
                .to_owned()
        };
        (process.site, process.cdn, process.control) = (url("site"), url("cdn"), url("control"));
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer, whole.
fn send(url: &str, method: &str, more: &str) -> String {
    String::from_utf8(send_bytes(url, method, more)).expect("text")
}

fn send_bytes(url: &str, method: &str, more: &str) -> Vec<u8> {
    let (host, path) = url.strip_prefix("http://").and_then(|url| url.split_once('/')).expect("a URL");
    let mut stream = TcpStream::connect(host.replace("localhost", "127.0.0.1")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    write!(stream, "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

fn get(url: &str) -> String {
    send(url, "GET", "\r\n")
}

/// The texts of inline scripts and styles.
fn inline(page: &str) -> Vec<&str> {
    let texts = |tag: &'static str| {
        page.split(tag).skip(1).filter_map(move |rest| {
            let (attributes, rest) = rest.split_once('>')?;
            let text = rest.split_once(&tag.replace('<', "</"))?.0;
            (!attributes.contains("src=")).then_some(text)
        })
    };
    texts("<script").chain(texts("<style")).collect()
}

fn policy(page: &str) -> &str {
    page.split_once("Policy content=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a policy").0
}

fn is_admitted(text: &str, page: &str) -> bool {
    policy_hashes(text.as_bytes()).iter().any(|hash| policy(page).contains(&format!("'{hash}'")))
}

const MODULE: &str = "import './b.js'; window.ran = 1;";
const STYLE: &str = "body { background: url(p.png) }";

/// A site with a policy by hashes, built for a CDN elsewhere.
fn build(dir: &Path) {
    fs::create_dir(dir.join("site")).expect("a directory");
    let [[module, ..], [style, ..], [classic, ..]] = [MODULE, STYLE, "1"].map(|text| policy_hashes(text.as_bytes()));
    let page = format!(
        "<!doctype html><meta charset=utf-8><meta http-equiv=Content-Security-Policy content=\"script-src 'self' \
         '{module}' '{classic}'; style-src https: '{style}'; img-src 'self'\"><link rel=stylesheet href=c.css>\
         <style>{STYLE}</style><script>1</script><script type=module>{MODULE}</script><script src=a.js></script>\
         <img src=p.png srcset=\"p.png 1x, p.png?2 2x\"><a href=\"/x?u={CDN}a.js\">a</a>"
    );
    for (name, text) in [
        ("index.html", page.as_str()),
        ("a.js", "1"),
        ("b.js", "import './d.js'"),
        ("d.js", "2"),
        ("c.css", "p{}"),
        ("p.png", "PNG"),
    ] {
        fs::write(dir.join("site").join(name), text).expect("a file");
    }
    let mut build = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    build.current_dir(dir).args(["build", "site", "--out", "out", "--cdn", CDN, "--base-path", "/docs/", "--quiet"]);
    assert!(build.status().expect("it runs").success());
}

#[test]
fn a_page_built_for_a_real_cdn_is_served_with_every_prefix_and_hash_right() {
    let temp = tempfile::tempdir().expect("a directory");
    build(temp.path());
    let process = Process::start(temp.path(), &[]);
    assert!(process.site.starts_with("http://127.0.0.1:") && process.site.ends_with("/docs/"), "{}", process.site);
    assert!(process.cdn.starts_with("http://localhost:") && process.cdn.ends_with("/some;path/"), "{}", process.cdn);

    let built = fs::read_to_string(temp.path().join("out/index.html")).expect("the page");
    let served = get(&process.site);
    let (head, served) = served.split_once("\r\n\r\n").expect("headers");
    assert!(head.contains(&format!("content-length: {}\r\n", served.len())), "{head}");
    // What only speaks of the CDN stays.
    assert!(served.contains(&format!("?u={CDN}a.js")), "{served}");
    assert_eq!(served.matches("static.example.com").count(), 1, "{served}");
    assert_eq!(served.matches(&process.cdn).count(), built.matches(CDN).count() - 1, "{served}");

    let texts: Vec<_> = inline(&built).into_iter().zip(inline(served)).collect();
    assert_eq!(texts.len(), 5, "net, map, module, classic and style: {built}");
    for (before, after) in &texts {
        assert_eq!(*after, before.replace(CDN, &process.cdn));
        assert_eq!(is_admitted(before, &built), is_admitted(after, served), "{after}");
    }
    let changed = texts.iter().filter(|(before, after)| before != after && is_admitted(after, served));
    assert!(changed.count() >= 2, "the map and the module: {served}");
    // `https:` admitted the CDN, and does not admit the one that is here.
    let here = process.cdn.replace(';', "%3B");
    assert!(policy(served).contains(&format!("style-src {here} '")), "{}", policy(served));
    assert!(policy(served).contains(&format!("img-src {here} 'self'")), "{}", policy(served));
}

#[test]
fn the_root_leads_to_the_site_and_files_are_in_both_homes() {
    let temp = tempfile::tempdir().expect("a directory");
    build(temp.path());
    let process = Process::start(temp.path(), &["--fault", "a.js=404"]);
    let root = process.site.replace("/docs/", "/");
    assert!(get(&root).starts_with("HTTP/1.1 302") && get(&root).contains("location: /docs/\r\n"), "{}", get(&root));
    assert!(get(&format!("{root}docs")).contains("location: /docs/\r\n"));
    assert!(get(&format!("{root}c.css")).starts_with("HTTP/1.1 404"));
    for home in [&process.site, &process.cdn] {
        assert!(get(&format!("{home}c.css")).ends_with("\r\n\r\np{}"), "{home}");
    }
    // A rule means a file under its published name, too.
    let built = fs::read_to_string(temp.path().join("out/index.html")).expect("the page");
    let at = built.find(&format!("{CDN}a.")).expect("the script") + CDN.len();
    let published = built[at..].split(['"', ' ', '>']).next().expect("a name");
    assert_ne!(published, "a.js");
    assert!(get(&format!("{}{published}", process.cdn)).starts_with("HTTP/1.1 404"), "{published}");
    assert!(get(&format!("{}{published}", process.site)).starts_with("HTTP/1.1 200"));
}

#[test]
fn the_fault_is_switched_while_it_runs() {
    let temp = tempfile::tempdir().expect("a directory");
    build(temp.path());
    let process = Process::start(temp.path(), &["--fault", "500"]);
    let sheet = format!("{}c.css", process.cdn);
    assert!(get(&sheet).starts_with("HTTP/1.1 500"));
    let body = r#"{"faults":["none","*.js=empty"]}"#;
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert!(send(&format!("{}faults", process.control), "POST", &more).starts_with("HTTP/1.1 200"));
    assert!(get(&sheet).ends_with("\r\n\r\np{}"));
    assert!(get(&format!("{}a.js", process.cdn)).contains("content-length: 0\r\n"));
    let state = get(&format!("{}state", process.control));
    assert!(state.contains(r#""fault":"500","#) && state.contains(r#""path":"/some;path/c.css""#), "{state}");
}

#[test]
fn what_cannot_be_served_ends_with_2_and_one_message() {
    let temp = tempfile::tempdir().expect("a directory");
    build(temp.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    for (args, message) in [
        (&["site"][..], "error: site/tightrope.json: cannot read: "),
        (&["out", "--port", &port], &format!("error: --port `{port}`: cannot listen on it: ")),
        (&["out", "--cdn-port", &port], &format!("error: --cdn-port `{port}`: cannot listen on it: ")),
        (&["out", "--fault", "nonsense"], "error: --fault `nonsense`: no fault is called `nonsense`; there are none, "),
        (&["out", "--fault", "*.js=refuse"], "error: --fault `*.js=refuse`: `refuse` is for the whole CDN, "),
    ] {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_tightrope"));
        let output = command.current_dir(temp.path()).arg("serve").args(args).output().expect("it runs");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}: {error}");
        assert!(error.starts_with(message) && error.matches("error: ").count() == 1, "{args:?}: {error}");
    }
}

/// Its pages are about lengths, and the two CDNs have not the same.
const OF_ONE_LENGTH: &str = "meta-charset-stays-within-the-first-1024-bytes";

/// The pieces of a page: an import map's keys are in the order of the URLs that they stand for, which is another.
fn pieces(page: &[u8]) -> Vec<&[u8]> {
    let mut pieces: Vec<_> = page.split(|byte| b",{}".contains(byte)).collect();
    pieces.sort_unstable();
    pieces
}

/// Builds every site of the fixtures for its CDN and serves its pages and service worker, and builds it for the CDN that is here.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_served_as_if_it_had_been_built_for_the_cdn_that_is_here() {
    let (mut told, mut compared) = (Vec::new(), 0);
    for case in cases() {
        let config = config(&case);
        if config.cdn.is_none() || case.ends_with(OF_ONE_LENGTH) {
            continue;
        }
        let temp = tempfile::tempdir().expect("a directory");
        let (there, here) = (temp.path().join("there"), temp.path().join("here"));
        pipeline::build(&case.join("input"), &there, &config).expect("it builds");
        let server = Server::of_output(&there, 0, 0, Rules::default()).await.expect("it starts");
        let settings = Settings { cdn: Some(server.cdn_url()), ..config.settings.clone() };
        let config = Config::new(settings).expect("good settings");
        pipeline::build(&case.join("input"), &here, &config).expect("it builds");
        for (name, expected) in tree(&here) {
            let path = SitePath::new(&name).expect("a path");
            if !config.is_page(&path) && name != FILE_NAME {
                continue;
            }
            let answer = send_bytes(&format!("{}{}", server.site_url(), encode(&name)), "GET", "\r\n");
            let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers") + 4;
            compared += 1;
            if pieces(&answer[end..]) != pieces(&expected) {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                told.push(format!("{} {name}:\n{}\n---\n{}", case.display(), text(&answer[end..]), text(&expected)));
            }
        }
    }
    assert!(compared > 100, "only {compared} pages");
    assert!(told.is_empty(), "{} pages:\n{}", told.len(), told.join("\n\n"));
}
