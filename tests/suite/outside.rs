//! References that point out of the site: nothing outside is opened for them, and `serve` opens nothing for others.

use crate::place::Place;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tightrope::graph::resolve::Mount;
use tightrope::model::path::SitePath;

/// Ways to say "the directory above", and what may stand between them.
const CLIMBS: &[&str] = &[
    "..",
    "%2e%2e",
    ".%2E",
    "%2e.",
    "..%2f",
    "..%2F..",
    "..%5c",
    "..%5C..%5c",
    "..\\",
    "%252e%252e",
    ".\t.",
    ".\n.",
    "%c0%ae%c0%ae",
    "..%00",
    "%00",
    "..;",
    "...",
    "",
    ".",
    "sub",
    "C:",
    "c|",
    "%43%3a",
    "%5c%5c",
    "\\\\host\\share",
    "user@host",
    "user:pw@site.invalid",
    "outside",
    "secret.js",
    "secret%2ejs",
    "secret.js%00.png",
    "file:",
    "https:",
    "//host",
    "\u{ff0e}\u{ff0e}",
    "\u{2024}\u{2024}",
    "?",
    "#",
];

const STARTS: &[&str] = &[
    "",
    "/",
    "//",
    "\\",
    "\\\\",
    "\\\\?\\",
    "./",
    "../",
    "file:///",
    "file://localhost/",
    "https:",
    "https:/",
    "https://",
    "//site.invalid/",
    "https://site.invalid/",
    "https://www.example.com/docs/",
    "https://user:pw@www.example.com/docs/",
    "//@www.example.com/docs/",
    "https://:pw@www.example.com/docs/",
    "https://www.example.com:443/docs/",
    "https://www.example.com:444/docs/",
    "javascript:",
    " \u{1}",
];

fn reference() -> impl Strategy<Value = String> {
    let between = select(vec!["/", "/", "/", "\\", "", "%2f", "%5c", "//"]);
    let part = (select(CLIMBS), between).prop_map(|(part, between)| format!("{part}{between}"));
    (select(STARTS), prop::collection::vec(part, 1..8)).prop_map(|(start, parts)| start.to_owned() + &parts.concat())
}

fn mounts() -> [Mount; 3] {
    [(None, None), (Some("/docs/"), None), (Some("/docs/"), Some("https://www.example.com/"))]
        .map(|(path, url)| Mount::new(path, url).expect("good settings"))
}

proptest! {
    #![proptest_config(crate::trees::cases(20_000))]

    #[test]
    fn whatever_a_reference_says_it_leads_below_the_root_or_nowhere(text in reference(), page in select(vec!["p.html", "a/b/p.html"])) {
        let page = SitePath::new(page).expect("a path");
        for mount in mounts() {
            let Some(target) = mount.resolve(&mount.url_of(&page), &text) else { continue };
            let path = Path::new(target.path.as_str());
            let is_name = |component: Component<'_>| matches!(component, Component::Normal(_));
            prop_assert!(path.components().all(is_name) && !target.path.as_str().contains('\0'), "{text:?} -> {path:?}");
            // And a URL of it leads to the same file, so that nothing that was decoded is decoded again.
            let again = mount.resolve(&mount.url_of(&page), &target.path.relative_url(page.dir()));
            prop_assert_eq!(again.map(|again| again.path), Some(target.path));
        }
    }
}

#[test]
fn credentials_in_a_url_make_it_another_one() {
    let mount = Mount::new(None, Some("https://www.example.com/")).expect("good settings");
    let base = mount.url_of(&SitePath::new("p.html").expect("a path"));
    for reference in
        ["https://www.example.com@evil.example/a.js", "//user@www.example.com/a.js", "//:pw@www.example.com/a.js"]
    {
        assert_eq!(mount.resolve(&base, reference), None, "{reference}");
    }
    for reference in ["//www.example.com/a.js", "//@www.example.com/a.js", "//evil.example@www.example.com\\..\\a.js"] {
        let path = mount.resolve(&base, reference).map(|target| target.path.to_string());
        assert_eq!(path.as_deref(), (!reference.contains("evil")).then_some("a.js"), "{reference}");
    }
}

/// References to `outside/secret.js`, from a site that lies beside it.
fn references(to: &Path) -> Vec<String> {
    let absolute = to.display().to_string();
    let mut all: Vec<_> = [
        "../outside/secret.js",
        "../../../../../../../outside/secret.js",
        "%2e%2e/outside/secret.js",
        "..%2foutside%2fsecret.js",
        "..%5coutside%5csecret.js",
        "..\\outside\\secret.js",
        "%2e%2e%5coutside/secret.js",
        "%252e%252e/outside/secret.js",
        "../outside/secret.js%00.js",
        "..;/outside/secret.js",
        "link/secret.js",
        "link.js",
        "sub/../../outside/secret.js",
        "\\\\localhost\\outside\\secret.js",
        "//localhost/outside/secret.js",
    ]
    .map(str::to_owned)
    .into();
    all.extend([absolute.clone(), format!("file://{absolute}"), format!("//{absolute}"), format!("C:{absolute}")]);
    all.push(format!("https://user@site.invalid/..%2f..{absolute}"));
    all
}

/// A site that refers to a file outside in every way and in every kind of file.
fn climbing_site() -> Place {
    let place = Place::with(&[]);
    place.write("outside/secret.js", "'secret'\n//# sourceMappingURL=secret.js.map");
    place.write("outside/secret.js.map", "{}");
    #[cfg(unix)]
    for (target, name) in [("../outside", "site/link"), ("../outside/secret.js", "site/link.js")] {
        place.link(target, name);
    }
    let all = references(&place.path("outside/secret.js"));
    let each = |form: &str| -> String { all.iter().map(|url| form.replace('@', url)).collect() };
    let page = each(
        "<script src='@'></script><link rel=stylesheet href='@'><img srcset='@ 1x'><p style='background:url(\"@\")'>\
         <script type=module>import '@'</script><link rel=manifest href='@'><object data='@'></object><iframe srcdoc=\"<img src='@'>\">\
         </iframe><svg><use href='@'/></svg>\n",
    );
    let imports: Vec<_> = all.iter().enumerate().map(|(number, url)| format!("\"n{number}\":{url:?}")).collect();
    let map = format!("<script type=importmap>{{\"imports\":{{{}}}}}</script>", imports.join(","));
    place.write("site/index.html", format!("<!doctype html><base href='./../'>{page}"));
    place.write("site/sub/map.html", format!("<!doctype html>{map}{page}<link rel=manifest href=../app.webmanifest>"));
    place.write(
        "site/page.xhtml",
        format!("<html xmlns='http://www.w3.org/1999/xhtml'>{}</html>", each("<img src='@'/>")),
    );
    place.write("site/a.css", each("@import '@';") + &each("p{background:url('@'),image-set('@' 1x)}"));
    place.write(
        "site/a.js",
        each("import '@';import('@');new URL('@', import.meta.url);")
            + "\n//# sourceMappingURL=../outside/secret.js.map",
    );
    place.write("site/b.css", "p{}\n/*# sourceMappingURL=..%2foutside/secret.js.map */");
    place.write("site/a.svg", format!("<svg xmlns='http://www.w3.org/2000/svg'>{}</svg>", each("<image href='@'/>")));
    let icons: Vec<_> = all.iter().map(|url| format!("{{\"src\":{url:?}}}")).collect();
    place.write("site/app.webmanifest", format!("{{\"icons\":[{}]}}", icons.join(",")));
    let entries: Vec<_> =
        all.iter().map(|url| format!("{url:?}:{{\"file\":{url:?},\"css\":[{url:?}],\"isEntry\":true}}")).collect();
    place.write("site/.vite/manifest.json", format!("{{{}}}", entries.join(",")));
    place.write(
        "site/a.js.map",
        format!(
            "{{\"version\":3,\"sources\":[{}]}}",
            all.iter().map(|url| format!("{url:?}")).collect::<Vec<_>>().join(",")
        ),
    );
    place
}

/// What a run under `strace` has opened below the directory in which it ran, without links in the way to it. Elsewhere
/// it may open what belongs to the system.
fn opened(place: &Place, args: &[&str]) -> BTreeSet<PathBuf> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-s", "4096", "-e", "trace=open,openat,openat2,creat,execve", "-o", "trace"]);
    let ended = place.run_command(strace.arg(env!("CARGO_BIN_EXE_tightrope")).args(args));
    assert!(matches!(ended.status, 0 | 1), "strace must be there and be allowed to trace: {ended:?}");
    let root = place.root().canonicalize().expect("a directory");
    let trace = place.read("trace");
    assert!(trace.contains("execve("), "nothing was traced: {trace}");
    let tried: Vec<_> = trace.lines().filter(|line| line.contains("open")).collect();
    let for_it: Vec<_> = tried.iter().filter(|line| line.contains("secret")).collect();
    assert!(for_it.is_empty(), "{args:?}: {for_it:#?}");
    // `openat(AT_FDCWD</where>, "name", …) = 3</what/it/is>`: what it is, is what counts.
    let result = |line: &&str| {
        let (_, result) = line.rsplit_once(" = ")?;
        Some(PathBuf::from(result.trim_end_matches('>').split_once('<')?.1))
    };
    let (below, elsewhere): (BTreeSet<_>, BTreeSet<_>) =
        tried.iter().filter_map(result).partition(|path| path.starts_with(&root));
    let is_system = |path: &&PathBuf| {
        ["/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev"].iter().any(|dir| path.starts_with(dir))
    };
    let others: Vec<_> = elsewhere.iter().filter(|path| !is_system(path)).collect();
    assert!(others.is_empty(), "{args:?}: {others:?}");
    below.iter().filter_map(|path| path.strip_prefix(&root).ok()).map(Path::to_owned).collect()
}

#[test]
fn no_file_outside_the_site_is_opened_for_any_reference() {
    let place = climbing_site();
    let build = [
        "build",
        "site",
        "--out",
        "out",
        "--cdn",
        "https://cdn.example",
        "--read-manifest",
        "site/.vite/manifest.json",
    ];
    for args in [&build[..], &["verify", "out"], &["explain", "site"], &["build", "site", "--dry-run"]] {
        let opened = opened(&place, args);
        let is_ours = |path: &&PathBuf| ["site", "out", ".out.tightrope"].iter().any(|dir| path.starts_with(dir));
        let others: Vec<_> = opened.iter().filter(|path| !is_ours(path) && !path.as_os_str().is_empty()).collect();
        assert!(others.is_empty(), "{args:?}: {others:?}");
        assert!(opened.iter().any(|path| path.ends_with("index.html")), "{args:?}: {opened:?}");
    }
    let files = place.names("out").into_iter().filter(|name| place.path("out").join(name).is_file());
    files.for_each(|name| assert!(!place.read(format!("out/{name}")).contains("'secret'"), "{name}"));
}

/// The addresses on which a process listens: `/proc/net/tcp` and `tcp6` by the sockets that it holds.
#[cfg(target_os = "linux")]
fn listens_on(process: u32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{process}/fd")).expect("its files").flatten();
    let sockets: BTreeSet<_> = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect();
    let tables =
        ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/{process}/net/{table}")).expect("a table"));
    let rows =
        tables.iter().flat_map(|table| table.lines().skip(1)).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Local address, state and inode; 0A is LISTEN.
    let own = rows.filter(|row| row[3] == "0A" && sockets.contains(Path::new(&format!("socket:[{}]", row[9]))));
    own.map(|row| row[1].to_owned()).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn serve_listens_on_loopback_alone_and_gives_nothing_from_outside() {
    let place = climbing_site();
    place.build(&[]).well();
    place.link("../outside", "out/up");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    let mut child =
        command.current_dir(place.root()).args(["serve", "out"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let lines =
        BufReader::new(child.stdout.take().expect("its output")).lines().take(2).map(|line| line.expect("text"));
    let ports: Vec<u16> = lines.map(|line| port(&line)).collect();
    let listening = listens_on(child.id());
    let mut told = Vec::new();
    for path in references(&place.path("outside/secret.js"))
        .iter()
        .chain(&["up/secret.js".to_owned(), "/../up/../secret.js".to_owned()])
    {
        for port in &ports {
            told.push((path.clone(), ask(*port, &format!("/{path}")), ask(*port, path)));
        }
    }
    let good = ask(ports[0], "/a.js");
    child.kill().expect("killed");
    child.wait().expect("it ended");

    let mut expected: Vec<_> = ports.iter().map(|port| format!("0100007F:{port:04X}")).collect();
    expected.sort();
    let mut listening = listening;
    listening.sort();
    assert_eq!(listening, expected);
    assert!(good.starts_with("HTTP/1.1 200"), "{good}");
    for (path, first, second) in told {
        for answer in [first, second] {
            let refused =
                ["HTTP/1.1 400", "HTTP/1.1 403", "HTTP/1.1 404"].iter().any(|status| answer.starts_with(status));
            assert!((refused || answer.is_empty()) && !answer.contains("'secret'"), "{path}: {answer}");
        }
    }
}

fn port(line: &str) -> u16 {
    let digits = line.split("://").nth(1).and_then(|rest| rest.split_once(':')).expect("a port").1;
    digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).expect("a number")
}

/// The answer to a request with exactly this target.
fn ask(port: u16, target: &str) -> String {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
