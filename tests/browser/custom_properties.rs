//! What a relative URL in a custom property is relative to: in Chromium and Firefox, to whatever says `var()`; in WebKit,
//! to where it stands.

use crate::browser::{Browser, Engine};
use crate::listener;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};
use tightrope::serve::Server;

const PATIENCE: Duration = Duration::from_secs(10);

/// Sheets in directories of their own and a page in another. Each file that is asked for is named after who declares it,
/// where, and who uses it.
const FILES: [(&str, &str); 4] = [
    (
        "a/sheet.css",
        ":root {
            --a-sheet: url(a-sheet.png);
            --a-b: url(a-b.png);
            --a-page: url(a-page.png);
            --a-attribute: url(a-attribute.png);
            --a-script: url(a-script.png);
            --a-by-c: url(a-by-c.png);
            --a-set: image-set('a-set.png' 1x);
        }
        @property --a-registered { syntax: '<image>'; inherits: true; initial-value: url(none.png) }
        @property --a-initial { syntax: '<image>'; inherits: true; initial-value: url(a-initial.png) }
        :root { --a-registered: url(a-registered.png) }
        @function --a-function() { result: url(a-function.png) }
        .a-sheet { background: var(--a-sheet) }",
    ),
    (
        "b/sheet.css",
        ".a-b { background: var(--a-b) }
        .a-set { background: var(--a-set) }
        .page-b { background: var(--page-b) }
        .attribute-b { background: var(--attribute-b) }
        .script-b { background: var(--script-b) }
        .a-by-c { background: var(--by-c) }
        .a-registered { background: var(--a-registered) }
        .a-initial { background: var(--a-initial) }
        .a-function { background: --a-function() }
        .b-fallback { background: var(--none, url(b-fallback.png)) }",
    ),
    ("c/sheet.css", ":root { --by-c: var(--a-by-c) }"),
    (
        "page/index.html",
        "<!doctype html><meta charset=utf-8>
        <link rel=stylesheet href=../a/sheet.css><link rel=stylesheet href=../b/sheet.css>
        <link rel=stylesheet href=../c/sheet.css>
        <style>:root { --page-b: url(page-b.png) } .a-page { background: var(--a-page) }</style>
        <p class=a-sheet>x<p class=a-b>x<p class=a-set>x<p class=a-page>x<p style='background: var(--a-attribute)'>x
        <p class=page-b>x<p class=attribute-b style='--attribute-b: url(attribute-b.png)'>x<p class=a-by-c>x
        <p class=a-registered>x<p class=a-initial>x<p class=a-function>x<p class=b-fallback>x
        <p id=script>x<p id=script-b class=script-b>x
        <script>
            document.getElementById('script').style.background = 'var(--a-script)';
            document.getElementById('script-b').style.setProperty('--script-b', 'url(script-b.png)');
        </script>",
    ),
];

/// From which directory each is asked for in Chromium, Firefox and WebKit; nowhere where one knows no such thing.
///
/// To WebKit such a URL is relative to the sheet or page that it stands in, as the specification has it for registered
/// properties alone (CSS Values 4, section 4.5, and CSS Properties and Values API 1, section 2.4); to Chromium even those
/// are relative to what uses them. Only where both are in one directory do the three agree.
const DIRECTORIES: [(&str, [&str; 3]); 14] = [
    ("a-sheet", ["a", "a", "a"]),
    ("a-b", ["b", "b", "a"]),
    ("a-set", ["b", "b", "a"]),
    ("a-page", ["page", "page", "a"]),
    ("a-attribute", ["page", "page", "a"]),
    ("a-script", ["page", "page", "a"]),
    ("a-by-c", ["b", "b", "a"]),
    ("page-b", ["b", "b", "page"]),
    ("attribute-b", ["b", "b", "page"]),
    ("script-b", ["b", "b", "page"]),
    ("a-registered", ["b", "a", "a"]),
    ("a-initial", ["b", "a", "page"]),
    ("a-function", ["b", "", ""]),
    ("b-fallback", ["b", "b", "b"]),
];

/// Holds what is asked for against the column of the table.
async fn is_relative_as_the_table_says(engine: Engine, column: usize) {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in FILES {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    let server = Server::start(dir.path(), listener()).await.expect("a server");
    let browser = Browser::start(engine).await;
    browser.goto(&format!("{}/page/index.html", server.origin_url())).await;
    let expected = DIRECTORIES.iter().map(|(name, dirs)| (*name, dirs[column])).filter(|(_, dir)| !dir.is_empty());
    let expected: BTreeMap<_, _> = expected.map(|(name, dir)| (name.to_owned(), dir.to_owned())).collect();
    let deadline = Instant::now() + PATIENCE;
    let mut asked = BTreeMap::new();
    while asked != expected && Instant::now() < deadline {
        browser.settle().await;
        let paths = server.requests().into_iter().map(|request| request.path);
        let pictures: Vec<_> = paths.filter(|path| path.ends_with(".png")).collect();
        let placed = pictures.iter().filter_map(|path| path[1..path.len() - 4].split_once('/'));
        asked = placed.map(|(dir, name)| (name.to_owned(), dir.to_owned())).collect();
    }
    assert_eq!(asked, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_chromium_a_url_in_a_custom_property_is_relative_to_what_uses_it() {
    is_relative_as_the_table_says(Engine::Chromium, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_firefox_so_it_is_where_the_property_is_not_registered() {
    is_relative_as_the_table_says(Engine::Firefox, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_webkit_a_url_in_a_custom_property_is_relative_to_what_sets_it() {
    is_relative_as_the_table_says(Engine::WebKit, 2).await;
}
