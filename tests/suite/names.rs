//! File names that would be markup, CSS or script if they were written as they are, and names that no URL spells.

use crate::dom::compare;
use crate::dom::site::{CDN, SmallSite};
use crate::place::Place;
use crate::trees::cases;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::sample::select;
use std::fs;
use std::path::Path;
use tightrope::model::finding::Level;
use tightrope::model::path::SitePath;
use tightrope::{pipeline, verify};
use url::Url;

const PIECES: &[&str] = &[
    " ",
    "  ",
    "#",
    "?",
    "?v=1",
    "%",
    "%2e%2e",
    "%00",
    "%zz",
    "&",
    "&amp;",
    "&#x22;",
    "\"",
    "'",
    "<",
    ">",
    "\n",
    "\r",
    "\t",
    "-",
    "--",
    "-->",
    "<!--",
    "</script>",
    "<script>alert(1)",
    "</style>",
    "*/",
    "/*",
    "//",
    "\u{2028}",
    "\u{2029}",
    "\\",
    "\\72 ",
    "\\n",
    ";",
    "(",
    ")",
    "'\")",
    ",",
    ", x.png 2x",
    "`",
    "${x}",
    "{",
    "}",
    "{{ x }}",
    "{% x %}",
    "<?php",
    "]]>",
    ":",
    "x:",
    "@",
    "+",
    "=",
    "|",
    "~",
    "^",
    "$",
    "\u{feff}",
    "\u{202e}",
    "\u{7f}",
    "\u{1}",
    "\u{85}",
    "\u{a0}",
    "é",
    "e\u{301}",
    "漢",
    "😀",
    ".",
    "..",
    "a",
    "B",
    "0",
    "_",
    "javascript:",
    "data:,",
    "https://evil.example/",
    "on=",
    "\u{b}",
    "\u{c}",
    "İ",
    "\u{fffd}",
];

/// The rest of a path, which begins with no dot: such files are no assets.
fn name() -> impl Strategy<Value = String> {
    let piece = prop_oneof![12 => select(PIECES).prop_map(str::to_owned), 1 => "[x]{1,240}", 1 => "\\PC{1,4}"];
    prop::collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat()).prop_filter("a path", |name| {
        let is_segment = |segment: &str| !segment.is_empty() && segment.len() <= 250 && !segment.starts_with('.');
        name.split('/').all(is_segment) && !name.contains('\0')
    })
}

/// How an author writes a path into a URL.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    /// Everything that is not plain is percent-encoded.
    Encoded,
    /// Only what would mean something else is.
    Raw,
}

fn url(path: &str, spelling: Spelling) -> String {
    let must = |byte: u8| byte <= b' ' || byte == 0x7F || b"%?#\\,".contains(&byte);
    let may = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'/';
    let encoded = |byte: u8| if matches!(spelling, Spelling::Raw) { must(byte) } else { may(byte) };
    let bytes =
        path.bytes().flat_map(|byte| if encoded(byte) { format!("%{byte:02X}").into_bytes() } else { vec![byte] });
    String::from_utf8(bytes.collect()).expect("characters stay whole")
}

fn in_html(text: &str) -> String {
    ["&&amp;", "<&lt;", ">&gt;", "\"&quot;", "'&#39;"]
        .iter()
        .fold(text.to_owned(), |text, rule| text.replace(&rule[..1], &rule[1..]))
}

fn in_css(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii();
    text.chars().map(|c| if plain(c) { c.to_string() } else { format!("\\{:x} ", u32::from(c)) }).collect()
}

fn in_script(url: &str) -> String {
    // What would need a backslash is written as URLs write it.
    format!("\"{}\"", url.replace('"', "%22").replace('<', "%3C"))
}

/// A site whose assets have these names, with a reference of every form to each.
fn files(names: &[String; 5], spelling: Spelling) -> Vec<(String, String)> {
    let [image, sheet, module, other, mapped] = names;
    let paths = [
        format!("img/{image}.png"),
        format!("css/{sheet}.css"),
        format!("js/{module}.js"),
        format!("js/x/{other}.js"),
        format!("js/y/{mapped}.js"),
    ];
    let [image, sheet, module, other, mapped] = paths.each_ref().map(|path| url(path, spelling));
    let page = [
        // The first reference has a plain name: a page whose first is a template's has its net further behind.
        "<!doctype html><meta charset=utf-8><title>x</title><script src=plain.js></script>".to_owned(),
        format!("<link rel=stylesheet href=\"{}\">", in_html(&sheet)),
        format!("<script type=importmap>{{\"imports\":{{\"m\":{}}}}}</script>", in_script(&format!("./{mapped}"))),
        format!("<img src='{}' srcset=\"{} 1x, {}?q#f 2x\">", in_html(&image), in_html(&image), in_html(&image)),
        format!("<p style=\"background:url('{}')\">", in_html(&in_css(&image))),
        format!("<style>p{{background:url(\"{}\")}}</style>", in_css(&image)),
        format!("<script type=module src=\"{}\"></script>", in_html(&module)),
        format!("<script type=module>import {}</script>", in_script(&format!("./{other}"))),
    ];
    // How deep a file lies depends on its name.
    let up = |path: &str| "../".repeat(path.matches('/').count());
    let text_of_sheet = format!("p{{background:url(\"{}\")}}", in_css(&format!("{}{image}", up(&paths[1]))));
    let text_of_module = format!("import {}; import \"m\"", in_script(&format!("{}{other}", up(&paths[2]))));
    let [of_image, of_sheet, of_module, of_other, of_mapped] = paths;
    vec![
        ("index.html".to_owned(), page.concat()),
        ("plain.js".to_owned(), "1".to_owned()),
        (of_image, "png".to_owned()),
        (of_sheet, text_of_sheet),
        (of_module, text_of_module),
        (of_other, "export {}".to_owned()),
        (of_mapped, "export default 1".to_owned()),
    ]
}

/// Where a URL that a published file holds leads to in OUT.
fn leads_to(base: &str, url: &str, out: &Path) -> Option<Vec<u8>> {
    let url = Url::parse(CDN).expect("a URL").join(base).expect("a URL").join(url).expect("a URL");
    let below = url.path().strip_prefix("/x/").expect("below the CDN");
    fs::read(out.join(percent_decode_str(below).decode_utf8().expect("UTF-8").as_ref())).ok()
}

/// All that follows `start`, up to what no URL of ours holds.
fn urls<'t>(text: &'t str, start: &'t str) -> impl Iterator<Item = &'t str> {
    let is_ours = |c: char| c.is_ascii_alphanumeric() || "%-._~@/".contains(c);
    text.match_indices(start).map(move |(at, _)| {
        let rest = &text[at + start.len()..];
        &rest[..rest.find(|c| !is_ours(c)).unwrap_or(rest.len())]
    })
}

fn check(names: &[String; 5], spelling: Spelling) -> Result<(), TestCaseError> {
    let files = files(names, spelling);
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let site = SmallSite::of(&files, Some(CDN), "index.html");
    let (source, config) = site.source();
    let temp = tempfile::tempdir().expect("a directory");
    let out = temp.path().join("out");
    let report = pipeline::build(source, &out, config).expect("it builds");
    let said = report.to_text(true);
    prop_assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
    prop_assert_eq!(said.matches("missing-asset").count(), 0, "{}", said);

    let verified = verify::verify(&out).expect("it can be read");
    let broken: Vec<_> = verified.findings.iter().filter(|finding| finding.code.level() == Level::Error).collect();
    prop_assert!(broken.is_empty(), "{broken:#?}");

    let page = fs::read_to_string(out.join("index.html")).expect("the page");
    if let Err(difference) = compare(files[0].1.as_bytes(), page.as_bytes(), &site.published()) {
        return Err(TestCaseError::fail(format!("{difference}\n{page}")));
    }
    for url in urls(&page, CDN).filter(|url| !url.is_empty()) {
        prop_assert!(leads_to("", url, &out).is_some(), "{url}");
    }
    let manifest = fs::read_to_string(out.join("tightrope.json")).expect("the manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    for (path, text) in &files[1..] {
        prop_assert_eq!(fs::read_to_string(out.join(path)).expect("the original"), *text);
        let published = manifest["assets"][path]["path"].as_str().expect("it is listed");
        let segments = published.split('/').all(|segment| segment.len() <= 255);
        prop_assert!(segments && published != *path, "{published}");
        let base = SitePath::new(published).expect("a path").to_url();
        let text = fs::read_to_string(out.join(published)).expect("the file");
        let (start, expected) = if path.ends_with(".css") { ("url(\"", "png") } else { ("import \"", "export {}") };
        for url in urls(&text, start).filter(|url| *url != "m") {
            let bytes = leads_to(&base, url, &out).ok_or_else(|| TestCaseError::fail(format!("{url} in {text}")))?;
            prop_assert_eq!(String::from_utf8_lossy(&bytes), expected);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn whatever_files_are_called_their_urls_lead_to_them_and_pages_keep_their_trees(
        names in [name(), name(), name(), name(), name()],
        spelling in select(vec![Spelling::Encoded, Spelling::Raw]),
    ) {
        check(&names, spelling)?;
    }
}

#[test]
fn each_nasty_piece_alone_is_kept_too() {
    for piece in
        PIECES.iter().filter(|piece| !piece.starts_with(['.', '/']) && !piece.ends_with('/') && !piece.contains("//"))
    {
        for spelling in [Spelling::Encoded, Spelling::Raw] {
            let names = [(); 5].map(|()| format!("{piece}x"));
            check(&names, spelling).unwrap_or_else(|error| panic!("{piece:?} {spelling:?}: {error}"));
        }
    }
}

#[test]
fn a_name_of_255_bytes_is_published_under_one_that_is_no_longer() {
    let name = |character: &str, bytes: usize| format!("{}.png", character.repeat((bytes - 4) / character.len()));
    let names = [name("x", 255), name("é", 254), name("漢", 253)];
    let page = names.each_ref().map(|name| format!("<img src=\"{name}\">")).concat();
    let place = Place::with(&[("index.html", &format!("<meta charset=utf-8>{page}"))]);
    for name in &names {
        place.write(format!("site/{name}"), name);
    }
    place.build_well(&[]);
    for name in &names {
        let published = place.published(name);
        assert!(published.len() <= 255 && published.len() > 250 && published != *name, "{published}");
        assert_eq!(place.read(format!("out/{published}")), *name);
    }
    assert_eq!(place.read("out/index.html").matches("https://cdn.example/").count(), 3 + 1);
}

#[test]
fn both_encodings_of_an_accent_are_two_files() {
    let place = Place::with(&[("index.html", "<meta charset=utf-8><img src='é.png'><img src='e\u{301}.png'>")]);
    place.write("site/é.png", "composed");
    place.write("site/e\u{301}.png", "decomposed");
    place.build_well(&[]);
    let page = place.read("out/index.html");
    for (start, text) in [("%C3%A9", "composed"), ("e%CC%81", "decomposed")] {
        let at = page.find(&format!("https://cdn.example/{start}.")).expect("its URL") + "https://cdn.example/".len();
        let url = page[at..].split('\'').next().expect("its end");
        let name = percent_decode_str(url).decode_utf8().expect("UTF-8");
        assert_eq!(place.read(format!("out/{name}")), text);
    }
}

#[cfg(unix)]
#[test]
fn a_name_cannot_make_up_a_line_of_the_report_or_command_a_terminal() {
    let place = Place::with(&[("index.html", "<p>")]);
    place.link("nowhere", "site/a\nb.js: error[name-taken]: \u{1b}[2J\u{202e}x");
    place.write(
        "site/c\nd/e.css",
        "p { background: url('\\a f.png') }\n@font-face { font-family: f; src: url(g.woff2) }",
    );
    place.write("site/c\nd/g.woff2", "font");
    let said = place.build_well(&[]);
    assert!(said.contains("a\\nb.js: error[name-taken]: \\u{1b}[2J\\u{202e}x: warning[dangling-link]"), "{said}");
    assert!(said.contains("c\\nd/e.css:1:22: warning[missing-asset]"), "{said}");
    assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
    let explained = place.run(&["explain", "site"]).well();
    assert!(explained.starts_with("c\\nd/e.css:2:39: url() `g.woff2` "), "{explained}");
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_utf8_is_copied_with_a_finding() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::with(&[("index.html", "<img src=%FF.png><img src='\u{fffd}.png'>")]);
    let name = OsStr::from_bytes(b"\xff.png");
    place.write(Path::new("site").join(name), "png");
    place.write(Path::new("site/\u{1}").join(OsStr::from_bytes(b"d\xfe")).join("page.html"), "<img src=x>");
    let said = place.build_well(&[]);
    assert_eq!(said.matches("warning[name-not-utf8]: its name is not UTF-8").count(), 2, "{said}");
    assert_eq!(fs::read(place.path("out").join(name)).expect("copied"), b"png");
    assert!(place.read("out/index.html").contains("<img src=%FF.png><img src='\u{fffd}.png'>"));
    assert!(!place.read("out/tightrope.json").contains("png"));
}
