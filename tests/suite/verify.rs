//! Each promise, broken on purpose: `verify` must notice, and say where.

use std::fs;
use std::path::Path;
use tightrope::config::{Config, settings::Settings};
use tightrope::model::finding::Code;
use tightrope::{pipeline, verify};

const CDN: Option<&str> = Some("https://cdn.example");

/// Builds a small site, breaks it, and returns the codes of what `verify` tells.
fn broken(breaking: impl FnOnce(&Path)) -> Vec<(Code, String)> {
    let files = [
        (
            "index.html",
            "<!doctype html>\n<link rel=preload as=script href=a.js><script src=a.js></script>\n<link rel=stylesheet href=a.css>\n",
        ),
        ("a.js", "1\n"),
        ("a.css", "a { background: url(a.png) }\n"),
        ("a.png", "png"),
    ];
    broken_site(&files, CDN, breaking)
}

/// The same for any site.
fn broken_site(files: &[(&str, &str)], cdn: Option<&str>, breaking: impl FnOnce(&Path)) -> Vec<(Code, String)> {
    broken_with(files, Settings { cdn: cdn.map(str::to_owned), ..Settings::default() }, breaking)
}

/// The same with any settings.
fn broken_with(files: &[(&str, &str)], settings: Settings, breaking: impl FnOnce(&Path)) -> Vec<(Code, String)> {
    let temp = tempfile::tempdir().expect("a directory");
    let (site, out) = (temp.path().join("site"), temp.path().join("out"));
    fs::create_dir(&site).expect("a directory");
    for (name, text) in files {
        fs::write(site.join(name), text).expect("a file");
    }
    pipeline::build(&site, &out, &Config::new(settings).expect("good settings")).expect("it builds");
    breaking(&out);
    let verified = verify::verify(&out).expect("it can be read");
    verified.findings.into_iter().map(|finding| (finding.code, finding.to_string())).collect()
}

fn published(out: &Path, start: &str, end: &str) -> std::path::PathBuf {
    let names = fs::read_dir(out).expect("the output").map(|entry| entry.expect("an entry").path());
    let fits = |name: &str| name.starts_with(start) && name.ends_with(end) && name.len() > start.len() + end.len() + 10;
    names
        .into_iter()
        .find(|path| fits(&path.file_name().unwrap_or_default().to_string_lossy()))
        .expect("a published file")
}

fn edit(out: &Path, change: impl FnOnce(String) -> String) {
    let page = out.join("index.html");
    let text = fs::read_to_string(&page).expect("a page");
    let changed = change(text.clone());
    assert_ne!(text, changed, "nothing was broken");
    fs::write(page, changed).expect("a page");
}

fn codes(found: &[(Code, String)]) -> Vec<Code> {
    found.iter().map(|(code, _)| *code).collect()
}

#[test]
fn a_whole_output_is_fine() {
    assert_eq!(codes(&broken(|_| {})), []);
}

#[test]
fn a_missing_file_is_told_with_its_place() {
    let found = broken(|out| fs::remove_file(published(out, "a.", ".js")).expect("removed"));
    assert!(codes(&found).contains(&Code::CdnFileMissing) && codes(&found).contains(&Code::AssetChanged));
    assert!(
        found.iter().any(|(code, text)| *code == Code::CdnFileMissing && text.starts_with("index.html:2:")),
        "{found:#?}"
    );
}

#[test]
fn changed_bytes_are_told() {
    let found = codes(&broken(|out| fs::write(published(out, "a.", ".js"), "2\n").expect("written")));
    for code in [Code::AssetChanged, Code::FingerprintWrong, Code::IntegrityBroken] {
        assert!(found.contains(&code), "{code}: {found:?}");
    }
}

#[test]
fn a_sheet_that_names_the_cdn_or_nothing_is_told() {
    let found = codes(&broken(|out| {
        fs::write(
            published(out, "a.", ".css"),
            "a { background: url(https://cdn.example/a.png), url(x.0123456789ab.png) }",
        )
        .expect("written");
    }));
    assert!(found.contains(&Code::CdnUrlInside) && found.contains(&Code::ReferenceBroken), "{found:?}");
}

#[test]
fn what_is_taken_from_a_page_is_missed() {
    let without = |part: &'static str| codes(&broken(move |out| edit(out, |page| page.replacen(part, "", 1))));
    assert!(without(" crossorigin=\"anonymous\"").contains(&Code::CrossoriginMissing));
    let no_integrity = broken(|out| {
        edit(out, |page| page.split(' ').filter(|part| !part.starts_with("integrity=")).collect::<Vec<_>>().join(" "));
    });
    assert!(codes(&no_integrity).contains(&Code::IntegrityMissing));
    assert!(without("data-tightrope=\"net\"").contains(&Code::NetMissing));
}

#[test]
fn a_preload_that_differs_from_the_use_is_told() {
    let found = broken(|out| {
        edit(out, |page| page.replacen("crossorigin=\"anonymous\"", "crossorigin=\"use-credentials\"", 1));
    });
    assert!(codes(&found).contains(&Code::PreloadDisagrees), "{found:#?}");
}

/// A page whose modules import others: two deep from an element, one deep from inline text.
const MODULES: [(&str, &str); 6] = [
    (
        "index.html",
        "<!doctype html>\n<link rel=modulepreload href=ahead.js>\n<script type=module src=entry.js></script>\n\
         <script type=module>import './inline.js?v=2'; import('./later.js')</script>\n",
    ),
    ("ahead.js", "import './deep.js'\n"),
    ("entry.js", "import './middle.js'\n"),
    ("middle.js", "export * from './deep.js?v=1#x'\nimport('./later.js')\n"),
    ("deep.js", "export const deep = 1\n"),
    ("inline.js", "export {}\n"),
];

/// Takes the keys that `goes` says out of the page's import map.
fn without_keys(out: &Path, goes: impl Fn(&str) -> bool) {
    edit(out, |page| {
        let start = page.find("{\"integrity\":").expect("a map");
        let end = start + page[start..].find("</script>").expect("its end");
        let mut map: serde_json::Value = serde_json::from_str(&page[start..end]).expect("JSON");
        let pinned = map["integrity"].as_object_mut().expect("keys");
        pinned.retain(|url, _| !goes(url));
        format!("{}{map}{}", &page[..start], &page[end..])
    });
}

/// Of what is told, the URLs that no map pins.
fn unpinned(found: &[(Code, String)]) -> Vec<&str> {
    let texts = found.iter().filter(|(code, _)| *code == Code::ModuleUnpinned).map(|(_, text)| text.as_str());
    texts.map(|text| text.split('`').nth(1).expect("a URL in the reason")).collect()
}

#[test]
fn modules_that_stand_in_the_map_are_fine_with_a_cdn_and_without() {
    for cdn in [CDN, None] {
        assert_eq!(unpinned(&broken_site(&MODULES, cdn, |_| {})), [""; 0]);
    }
}

#[test]
fn each_key_that_is_taken_out_of_the_map_is_missed() {
    for name in ["/middle.", "/deep.", "/inline."] {
        for home in ["https://cdn.example/", "./"] {
            let found = broken_site(&MODULES, CDN, |out| {
                without_keys(out, |url| url.starts_with(home) && format!("/{}", &url[home.len()..]).starts_with(name));
            });
            // deep.js is two modules: by its own name and with a query.
            let expected = if name == "/deep." { 2 } else { 1 };
            let urls = unpinned(&found);
            assert!(urls.len() == expected && urls.iter().all(|url| url.contains(name)), "{name} {home}: {found:#?}");
            assert!(urls.iter().all(|url| url.starts_with("https://cdn.") == home.starts_with("https")), "{urls:?}");
        }
    }
}

#[test]
fn a_key_without_its_query_pins_another_module() {
    let found = broken_site(&MODULES, CDN, |out| without_keys(out, |url| url.contains("?v=1")));
    let urls = unpinned(&found);
    assert!(urls.len() == 2 && urls.iter().all(|url| url.ends_with(".js?v=1#x")), "{found:#?}");
}

#[test]
fn a_map_that_is_taken_out_is_missed_where_each_module_is_asked_for() {
    for (cdn, homes) in [(CDN, 2), (None, 1)] {
        let found = broken_site(&MODULES, cdn, |out| {
            edit(out, |page| {
                let start = page.find("<script type=\"importmap\"").expect("a map");
                let end = start + page[start..].find("</script>").expect("its end") + "</script>".len();
                format!("{}{}", &page[..start], &page[end..])
            });
        });
        assert_eq!(unpinned(&found).len(), 4 * homes, "{found:#?}");
        let lines = |line: &str| {
            found.iter().filter(|(code, text)| *code == Code::ModuleUnpinned && text.starts_with(line)).count()
        };
        let by_line = ["index.html:2:", "index.html:3:", "index.html:4:"].map(lines);
        assert_eq!(by_line, [homes, 2 * homes, homes], "{found:#?}");
    }
}

#[test]
fn a_map_behind_the_modules_pins_nothing() {
    let found = broken_site(&MODULES, CDN, |out| {
        edit(out, |page| {
            let start = page.find("<script type=\"importmap\"").expect("a map");
            let end = start + page[start..].find("</script>").expect("its end") + "</script>".len();
            format!("{}{}{}", &page[..start], &page[end..], &page[start..end])
        });
    });
    assert_eq!(unpinned(&found).len(), 8, "{found:#?}");
}

#[test]
fn modules_that_were_left_alone_need_no_map() {
    // With `--no-fingerprint` names do not tell whether a page was changed.
    let two_maps = "<script type=importmap>{\"imports\":{\"x\":\"./b.js\"}}</script>".repeat(2);
    let policy = "<meta http-equiv=content-security-policy content=\"script-src 'nonce-{{ nonce }}'\">".to_owned();
    for what in [two_maps, policy] {
        let page = format!("<!doctype html>\n{what}<script type=module src=a.js></script>\n");
        let files = [("index.html", page.as_str()), ("a.js", "import './b.js'\n"), ("b.js", "export {}\n")];
        let settings = Settings { no_fingerprint: true, ..Settings::default() };
        let found = broken_with(&files, settings, |out| {
            assert_eq!(fs::read_to_string(out.join("index.html")).expect("a page"), page);
        });
        assert_eq!(unpinned(&found), [""; 0], "{what}");
    }
}

#[test]
fn a_page_in_an_attribute_is_read_too() {
    let page = "<!doctype html>\n<iframe srcdoc=\"<script src=a.js></script>\"></iframe>\n";
    let found = broken_with(&[("index.html", page), ("a.js", "1\n")], with_cdn(), |out| {
        fs::remove_file(published(out, "a.", ".js")).expect("removed");
    });
    assert!(
        found.iter().any(|(code, text)| *code == Code::CdnFileMissing && text.starts_with("index.html:2:17:")),
        "{found:#?}"
    );
    assert!(
        codes(&broken_with(&[("index.html", page), ("a.js", "1\n")], with_cdn(), |out| {
            edit(out, |page| page.replacen("data-tightrope=&#34;net&#34;", "", 1));
        }))
        .contains(&Code::NetMissing)
    );
}

#[test]
fn an_address_of_a_map_that_leads_nowhere_is_told() {
    let page =
        "<script type=importmap>{\"imports\":{\"a\":\"./a.js\"}}</script><script type=module>import 'a'</script>\n";
    let files = [("index.html", page), ("a.js", "export {}\n")];
    let fine = broken_with(&files, with_cdn(), |_| {});
    assert_eq!(codes(&fine), [], "{fine:#?}");
    let found = broken_with(&files, with_cdn(), |out| {
        edit(out, |page| {
            page.replacen(
                "\"https://cdn.example/\":{\"a\":\"https://cdn.example/a.",
                "\"https://cdn.example/\":{\"a\":\"https://cdn.example/b.",
                1,
            )
        });
    });
    assert!(codes(&found).contains(&Code::CdnFileMissing), "{found:#?}");
}

fn with_cdn() -> Settings {
    Settings { cdn: CDN.map(str::to_owned), ..Settings::default() }
}

#[test]
fn drawings_are_followed_and_their_names_computed_anew() {
    let root = "<svg xmlns='http://www.w3.org/2000/svg'>";
    let drawing = |to: &str| format!("{root}<use href='{to}.svg#x'/><g style='fill:url(p.png)'/></svg>");
    let (a, b) = (drawing("b"), drawing("a"));
    let files = [("a.svg", a.as_str()), ("b.svg", b.as_str()), ("p.png", "png")];
    let change = |out: &Path, from: &str, to: &str| {
        let path = published(out, "a.", ".svg");
        let text = fs::read_to_string(&path).expect("a drawing");
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).expect("a drawing");
    };
    assert_eq!(codes(&broken_site(&files, CDN, |_| {})), []);
    let renamed = codes(&broken_site(&files, CDN, |out| change(out, "fill", "mask")));
    // The members of a cycle share what their names stand for.
    assert_eq!(renamed, [Code::AssetChanged, Code::FingerprintWrong, Code::FingerprintWrong]);
    let gone = broken_site(&files, CDN, |out| fs::remove_file(published(out, "p.", ".png")).expect("removed"));
    let places = gone.iter().filter(|(code, text)| *code == Code::ReferenceBroken && text.contains(".svg:1:"));
    assert_eq!(places.count(), 2, "{gone:#?}");
    let absolute = broken_site(&files, CDN, |out| change(out, "url(./", "url(https://cdn.example/"));
    assert!(codes(&absolute).contains(&Code::CdnUrlInside), "{absolute:#?}");
}

#[test]
fn what_a_script_makes_of_its_own_url_and_its_source_map_is_followed() {
    let files = [
        ("index.html", "<!doctype html>\n<script type=module src=a.js></script>\n"),
        ("a.js", "export const url = new URL('b.png', import.meta.url)\n//# sourceMappingURL=a.js.map\n"),
        ("a.js.map", "{}"),
        ("b.png", "png"),
    ];
    assert_eq!(codes(&broken_site(&files, CDN, |_| {})), []);
    for (start, end, place) in [("b.", ".png", ":1:29:"), ("a.js.", ".map", ":2:22:")] {
        let found = broken_site(&files, CDN, |out| fs::remove_file(published(out, start, end)).expect("removed"));
        let is_told = |(code, text): &(Code, String)| *code == Code::ReferenceBroken && text.contains(place);
        assert!(found.iter().any(is_told), "{start}: {found:#?}");
    }
    let found = broken_site(&files, CDN, |out| {
        let path = published(out, "a.js.", ".map");
        fs::write(path, "{ }").expect("a map");
    });
    assert_eq!(codes(&found), [Code::AssetChanged, Code::FingerprintWrong], "{found:#?}");
}

/// A site whose net is a file, broken.
fn broken_net_file(breaking: impl FnOnce(&Path)) -> Vec<(Code, String)> {
    let files = [("index.html", "<!doctype html>\n<script src=a.js></script>\n"), ("a.js", "1\n")];
    let settings = Settings {
        cdn: CDN.map(str::to_owned),
        fallback: tightrope::config::settings::Fallback::External,
        ..Settings::default()
    };
    broken_with(&files, settings, breaking)
}

#[test]
fn a_net_in_a_file_is_held_against_its_promises() {
    let codes = |found: Vec<(Code, String)>| found.into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    let net = |out: &Path| published(out, "tightrope-net.", ".js");
    assert_eq!(codes(broken_net_file(|_| {})), []);
    let changed = codes(broken_net_file(|out| fs::write(net(out), "0\n").expect("a file")));
    assert!(changed.contains(&Code::NetMissing), "{changed:?}");
    let gone = codes(broken_net_file(|out| fs::remove_file(net(out)).expect("a file")));
    assert!(gone.contains(&Code::NetMissing), "{gone:?}");
    let late = codes(broken_net_file(|out| edit(out, |page| page.replace("data-cdn", "async data-cdn"))));
    assert!(late.contains(&Code::NetMissing), "{late:?}");
    let loose = codes(broken_net_file(|out| edit(out, |page| page.replace("integrity", "data-was"))));
    assert!(loose.contains(&Code::IntegrityBroken), "{loose:?}");
    let elsewhere =
        codes(broken_net_file(|out| edit(out, |page| page.replace("./tightrope-net", "./x/tightrope-net"))));
    assert!(elsewhere.contains(&Code::NetMissing), "{elsewhere:?}");
}
