//! Import maps hold in both homes: what a map led to before the build, its successor leads to afterwards, whoever asks.

use proptest::prelude::*;
use std::collections::BTreeMap;
use tightrope::json::homes::{Homes, Published};
use tightrope::json::import_map::{ImportMap, Value, parse};
use tightrope::json::resolver::{Resolution, Resolver, url_like};
use url::Url;

const FILES: [&str; 10] = [
    "app.js",
    "js/a.js",
    "js/b.js",
    "js/sub/c.js",
    "lib/a.js",
    "lib/sub/c.js",
    "vendor/v.js",
    "vendor/deep/w.js",
    "a+b/z z.js",
    "lib/x/y/a.js",
];

/// A site, and how it is published.
#[derive(Clone, Debug)]
struct Site {
    root: Url,
    base: Url,
    cdn: String,
    from_root: bool,
    renamed: [bool; FILES.len()],
    on_cdn: [bool; FILES.len()],
}

impl Site {
    fn url(&self, path: &str) -> Url {
        self.root.join(path).expect("a URL")
    }

    /// The file that a URL names.
    fn file(&self, url: &Url) -> Option<usize> {
        let path = url.as_str().strip_prefix(self.root.as_str())?.split('?').next()?.replace("%2B", "+");
        FILES.iter().position(|file| file.replace(' ', "%20") == path)
    }

    fn published_path(&self, file: usize) -> String {
        let path = FILES[file].replace('+', "%2B").replace(' ', "%20");
        if self.renamed[file] { path.replace(".js", ".1234.js") } else { path }
    }

    fn query(url: &Url) -> String {
        url.query().map(|query| format!("?{query}")).unwrap_or_default()
    }

    fn publish(&self, url: &Url) -> Option<Published> {
        let file = self.file(url)?;
        let path = self.published_path(file) + &Self::query(url);
        let full = self.url(&path);
        let local =
            if self.from_root { full.path().to_owned() + &Self::query(url) } else { self.base.make_relative(&full)? };
        Some(Published { local, cdn: self.on_cdn[file].then(|| format!("{}{path}", self.cdn)) })
    }

    fn local(&self, url: &Url) -> Url {
        self.file(url).map_or(url.clone(), |file| self.url(&(self.published_path(file) + &Self::query(url))))
    }

    /// The same path below the CDN's prefix.
    fn at_cdn(&self, url: &Url) -> Url {
        let below =
            self.local(url).as_str().strip_prefix(self.root.as_str()).map(|below| format!("{}{below}", self.cdn));
        below.map_or(url.clone(), |url| Url::parse(&url).expect("a URL"))
    }

    /// Where modules on the CDN are to find a file.
    fn home(&self, url: &Url) -> Url {
        if self.file(url).is_some_and(|file| self.on_cdn[file]) { self.at_cdn(url) } else { self.local(url) }
    }

    /// As `publish`, on a site that is the output already: published files are published as they are.
    fn publish_again(&self, url: &Url) -> Option<Published> {
        let originals = FILES.iter().map(|file| self.url(&format!("{file}{}", Self::query(url))));
        let original = originals.into_iter().find(|file| self.local(file) == *url);
        self.publish(&original.unwrap_or_else(|| url.clone()))
    }

    fn moved(&self, map: &ImportMap) -> ImportMap {
        self.moved_by(map, &|url| self.publish(url))
    }

    fn moved_by(&self, map: &ImportMap, publish: &dyn Fn(&Url) -> Option<Published>) -> ImportMap {
        let files_below = |dir: &Url| {
            let below = dir.as_str().strip_prefix(self.root.as_str())?;
            Some(FILES.iter().filter_map(|file| file.strip_prefix(below)).map(str::to_owned).collect())
        };
        let integrity = |url: &Url| self.file(url).filter(|file| file % 2 == 0).map(|file| format!("sha384-new{file}"));
        let homes = Homes {
            base: &self.base,
            root: &self.root,
            cdn: Some(&self.cdn),
            publish,
            files_below: &files_below,
            integrity: &integrity,
        };
        map.for_both_homes(&homes, &[])
    }
}

fn sites() -> impl Strategy<Value = Site> {
    let root =
        prop::sample::select(vec!["https://site.invalid/", "https://site.invalid/docs/", "https://site.invalid/d/e/"]);
    let page = prop::sample::select(vec!["p.html", "js/p.html", "pages/deep/p.html"]);
    let cdn =
        prop::sample::select(vec!["https://cdn.example/", "https://cdn.example/assets/", "https://cdn.example/docs/"]);
    (root, page, cdn, any::<bool>(), any::<[bool; FILES.len()]>(), any::<[bool; FILES.len()]>()).prop_map(
        |(root, page, cdn, from_root, renamed, on_cdn)| {
            let root = Url::parse(root).expect("a URL");
            Site { base: root.join(page).expect("a URL"), root, cdn: cdn.to_owned(), from_root, renamed, on_cdn }
        },
    )
}

/// What keys, addresses and specifiers are made of; `R` stands for the site's root, `B` for the way to it from the page.
const BARE: [&str; 15] = [
    "x",
    "x/",
    "x/sub/",
    "x/sub",
    "x/a.js",
    "x/sub/c.js",
    "lib/",
    "lib/a.js",
    "js/",
    "@s/p",
    "@s/p/",
    "@s/",
    "",
    "z/",
    "r/",
];
const URLS: [&str; 24] = [
    "Rjs/a.js",
    "Bjs/a.js",
    "Rjs/b.js",
    "Rjs/",
    "Bjs/",
    "Rjs/sub/",
    "Rlib/",
    "Blib/",
    "Rlib/sub/c.js",
    "Rlib/x/",
    "Rvendor/",
    "Rvendor/deep/w.js",
    "R",
    "/",
    "Ra+b/",
    "Ra+b/z z.js",
    "Rgone/",
    "Bgone/a.js",
    "Rgone/sub/c.js",
    "https://esm.example/",
    "https://esm.example/x.js",
    "data:text/javascript,1",
    "foo:bar/",
    "https://site.invalid/js/a.js",
];
const NOWHERE: [&str; 5] = ["null", "1", "{\"a\":[]}", "\"bare\"", "\"\""];
const PREFIXES: [&str; 15] = [
    "/",
    "R",
    "Rjs/",
    "Bjs/",
    "js/",
    "Rjs/a.js",
    "Bjs/b.js",
    "Rjs/sub/",
    "Rvendor/",
    "Rvendor/deep/",
    "Ra+b/",
    "Ra+b/z z.js",
    "https://esm.example/",
    "Rp.html",
    "https://[",
];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(BARE.to_vec()), prop::sample::select(URLS.to_vec())].prop_map(str::to_owned)
}

/// An address, as JSON.
fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(FILES.to_vec()).prop_map(|file| format!("\"R{file}\"")),
        1 => prop::sample::select(FILES.to_vec()).prop_map(|file| format!("\"B{file}?v=1\"")),
        4 => prop::sample::select(URLS.to_vec()).prop_map(|url| format!("\"{url}\"")),
        1 => prop::sample::select(NOWHERE.to_vec()).prop_map(str::to_owned),
    ]
}

/// Entries as JSON. A key that ends in a slash mostly has an address that does.
fn entries() -> impl Strategy<Value = String> {
    let dirs: Vec<_> = URLS.into_iter().filter(|url| url.ends_with('/') || *url == "R").collect();
    let dir = prop::sample::select(dirs).prop_map(|url| format!("\"{url}\""));
    let entry = (key(), address(), dir, 0..8).prop_map(|(key, address, dir, chance)| {
        let is_prefix = key.ends_with('/') || key == "R";
        let address = if is_prefix && chance > 0 { dir } else { address };
        format!("\"{key}\":{address}")
    });
    prop::collection::vec(entry, 0..9).prop_map(|entries| format!("{{{}}}", entries.join(",")))
}

fn maps() -> impl Strategy<Value = String> {
    let scope = (prop::sample::select(PREFIXES.to_vec()), entries());
    let scopes = prop::collection::vec(scope.prop_map(|(prefix, entries)| format!("\"{prefix}\":{entries}")), 0..6);
    (entries(), scopes, entries()).prop_map(|(imports, scopes, integrity)| {
        format!(
            "{{\"imports\":{imports},\"scopes\":{{{}}},\"integrity\":{integrity},\"other\":[{{}}]}}",
            scopes.join(",")
        )
    })
}

/// The map as the page of a site writes it.
fn on_page(map: &str, site: &Site) -> ImportMap {
    let up = "../".repeat(site.base.as_str()[site.root.as_str().len()..].matches('/').count());
    let up = if up.is_empty() { "./".to_owned() } else { up };
    parse(&map.replace("\"R", &format!("\"{}", site.root.path())).replace("\"B", &format!("\"{up}"))).expect("a map")
}

/// Every specifier of interest in a module at `importer`: the map's own keys and what is below them, and every file.
fn specifiers(map: &ImportMap, site: &Site) -> Vec<String> {
    const BELOW: [&str; 10] =
        ["", "a.js", "sub/c.js", "c.js", "z%20z.js", "../a.js", "x/y/a.js", "docs/js/a.js", "none.js", "https://["];
    let all = [&map.imports].into_iter().chain(map.scopes.iter().map(|(_, entries)| entries)).flatten();
    let keys = all.flat_map(|(key, _)| {
        // Below a URL, `https://[` is a directory at one length of the key and no URL at another.
        let url = url_like(key, &site.base).map(String::from);
        let is_bare = url.is_none();
        let below = BELOW.iter().filter(|below| key.ends_with('/') && (is_bare || !below.contains(':')));
        let key = url.unwrap_or_else(|| key.clone());
        below.map(|below| format!("{key}{below}")).chain([key.clone()]).collect::<Vec<_>>()
    });
    let files = FILES.iter().map(|file| site.url(file).to_string());
    let queries = FILES[..2].iter().map(|file| site.url(file).to_string() + "?v=1");
    let mut all: Vec<_> = keys.chain(files).chain(queries).chain(BARE.map(str::to_owned)).collect();
    all.sort();
    all.dedup();
    all
}

/// The standard's algorithm ("resolve a module specifier"), step by step.
fn by_the_book(map: &ImportMap, specifier: &str, importer: &Url, base: &Url) -> Resolution {
    type Sorted = Vec<(String, Option<Url>)>;
    fn sort<T>(entries: BTreeMap<String, T>) -> Vec<(String, T)> {
        let mut list: Vec<_> = entries.into_iter().collect();
        list.sort_by(|a, b| b.0.encode_utf16().cmp(a.0.encode_utf16()));
        list
    }
    let normalised = |entries: &[(String, Value)]| -> Sorted {
        let mut sorted = BTreeMap::new();
        for (key, value) in entries.iter().filter(|(key, _)| !key.is_empty()) {
            let name = url_like(key, base).map_or(key.clone(), String::from);
            let address = value.text().and_then(|text| url_like(text, base));
            sorted.insert(name, address.filter(|url| !key.ends_with('/') || url.as_str().ends_with('/')));
        }
        sort(sorted)
    };
    let url = url_like(specifier, importer);
    let name = url.as_ref().map_or(specifier, Url::as_str);
    let matching = |sorted: &Sorted| -> Option<Resolution> {
        for (key, address) in sorted {
            if key == name {
                return Some(address.clone().map_or(Resolution::Blocked, Resolution::Url));
            }
            if key.ends_with('/') && name.starts_with(key) && url.as_ref().is_none_or(Url::is_special) {
                let Some(address) = address else { return Some(Resolution::Blocked) };
                let below = address.join(&name[key.len()..]).ok();
                let below = below.filter(|below| below.as_str().starts_with(address.as_str()));
                return Some(below.map_or(Resolution::Blocked, Resolution::Url));
            }
        }
        None
    };
    let mut scopes = BTreeMap::new();
    for (prefix, entries) in &map.scopes {
        if let Ok(prefix) = base.join(prefix) {
            scopes.insert(prefix.to_string(), normalised(entries));
        }
    }
    let applies =
        |prefix: &str| prefix == importer.as_str() || prefix.ends_with('/') && importer.as_str().starts_with(prefix);
    let scopes = sort(scopes).into_iter().filter(|(prefix, _)| applies(prefix)).map(|(_, entries)| entries);
    let found = scopes.chain([normalised(&map.imports)]).find_map(|entries| matching(&entries));
    found.unwrap_or_else(|| url.map_or(Resolution::None, Resolution::Url))
}

/// Everyone who may ask: files, pages, and modules of other sites.
fn importers(site: &Site) -> Vec<Url> {
    let own = FILES.iter().chain(&["p.html", "js/"]).map(|path| site.url(path));
    own.chain([Url::parse("https://esm.example/m.js").expect("a URL"), site.base.clone()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn specifiers_resolve_by_the_book(map in maps(), site in sites()) {
        let map = on_page(&map, &site);
        for map in [&map, &site.moved(&map)] {
            let resolver = Resolver::new(map, &site.base);
            for importer in importers(&site) {
                for specifier in specifiers(map, &site).iter().step_by(17) {
                    let book = by_the_book(map, specifier, &importer, &site.base);
                    prop_assert_eq!(resolver.resolve(specifier, &importer), book, "{} in {}", specifier, importer);
                }
            }
        }
    }

    #[test]
    fn what_a_map_led_to_it_leads_to_in_both_homes(map in maps(), site in sites()) {
        let map = on_page(&map, &site);
        let moved = site.moved(&map);
        let (before, after) = (Resolver::new(&map, &site.base), Resolver::new(&moved, &site.base));
        let entries = [&map.imports].into_iter().chain(map.scopes.iter().map(|(_, entries)| entries)).flatten();
        let urls = entries.filter_map(|(key, _)| url_like(key, &site.base).map(String::from));
        let prefixes: Vec<_> = urls.filter(|url| url.ends_with('/')).collect();
        for importer in importers(&site) {
            for specifier in specifiers(&map, &site) {
                let told = || format!("{specifier} in {importer}\n{}\n{}", map.to_json(), moved.to_json());
                let was = before.resolve(&specifier, &importer);
                let named = url_like(&specifier, &importer);
                // An importer names a file as it is published, on its own home.
                let here = named.as_ref().map_or(specifier.clone(), |url| site.local(url).into());
                let there = named.as_ref().map_or(specifier.clone(), |url| site.at_cdn(url).into());
                // What a key with a query, below a key that ends in a slash, leads to has no exact key.
                let below_a_key = |url: &Url| url.query().is_some() && prefixes.iter().any(|key| url.as_str().starts_with(key));
                let by_map = was != named.clone().map_or(Resolution::None, Resolution::Url);
                if named.as_ref().is_some_and(below_a_key) {
                    continue;
                }
                // Nor has a name below such a key that is spelled in another way: it leads to the original.
                if named.is_none() && specifier.contains("/..") {
                    prop_assert_eq!(after.resolve(&specifier, &site.local(&importer)), was.clone(), "{}", told());
                    continue;
                }
                let expected = match &was {
                    Resolution::Url(url) => Resolution::Url(site.local(url)),
                    other => other.clone(),
                };
                prop_assert_eq!(after.resolve(&here, &site.local(&importer)), expected.clone(), "on the origin: {}", told());
                let to_cdn = match was {
                    Resolution::Url(url) => Resolution::Url(site.home(&url)),
                    other => other,
                };
                // A URL that no key matches leads to itself.
                let by_itself = |found: &Resolution| !by_map && Url::parse(&there).is_ok_and(|url| *found == Resolution::Url(url));
                let on_site = importer.as_str().starts_with(site.root.as_str());
                let at_cdn = site.at_cdn(&importer);
                if on_site {
                    let found = after.resolve(&there, &at_cdn);
                    prop_assert!(found == to_cdn || by_itself(&found), "on the CDN: {:?}, not {:?}: {}", found, to_cdn, told());
                    // It may also name a file on the origin.
                    if site.file(&importer).is_some() && named.is_some() && by_map {
                        prop_assert_eq!(after.resolve(&here, &at_cdn), to_cdn.clone(), "named at the origin: {}", told());
                    }
                }
                // An inline module names files on the CDN.
                if on_site && here != there {
                    let found = after.resolve(&there, &site.local(&importer));
                    prop_assert!(found == to_cdn || by_itself(&found), "on a page: {:?}, not {:?}: {}", found, to_cdn, told());
                }
            }
        }
    }

    #[test]
    fn what_the_author_wrote_keeps_its_order_and_the_rest_comes_behind(map in maps(), site in sites()) {
        let map = on_page(&map, &site);
        let moved = site.moved(&map);
        let keys = |entries: &[(String, Value)]| entries.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        prop_assert!(keys(&moved.imports).starts_with(&keys(&map.imports)));
        prop_assert!(keys(&moved.integrity).starts_with(&keys(&map.integrity)));
        prop_assert!(moved.scopes.len() >= map.scopes.len());
        for ((prefix, before), (kept, after)) in map.scopes.iter().zip(&moved.scopes) {
            prop_assert_eq!(prefix, kept);
            prop_assert!(keys(after).starts_with(&keys(before)));
        }
        let starts = moved.to_json().starts_with("{\"imports\":{");
        prop_assert!(starts, "the members moved");
    }

    #[test]
    fn a_map_for_both_homes_stays_when_it_is_built_again(map in maps(), site in sites()) {
        // A directory that is encoded in two ways has its last twins after the second time; they say the same.
        let once = site.moved(&on_page(&map.replace('+', "-"), &site));
        let twice = site.moved_by(&once, &|url| site.publish_again(url));
        prop_assert_eq!(twice.to_json(), once.to_json());
    }

    #[test]
    fn integrity_counts_in_both_homes(map in maps(), site in sites()) {
        let map = on_page(&map, &site);
        let (before, after) = (Resolver::new(&map, &site.base), Resolver::new(&site.moved(&map), &site.base));
        for (file, url) in FILES.iter().map(|file| site.url(file)).enumerate() {
            let was = before.integrity(&url);
            // The test's site changes every other file.
            let new = format!("sha384-new{file}");
            let expected = was.map(|was| if file % 2 == 0 { new.as_str() } else { was });
            prop_assert_eq!(after.integrity(&site.local(&url)), expected);
            prop_assert_eq!(after.integrity(&site.at_cdn(&url)), expected);
            if site.renamed[file] {
                prop_assert_eq!(after.integrity(&url), was, "the original keeps its bytes");
            }
        }
    }

    #[test]
    fn a_map_that_is_written_reads_the_same(map in maps(), site in sites()) {
        let map = on_page(&map, &site);
        for map in [site.moved(&map), map] {
            prop_assert_eq!(parse(&map.to_json()), Ok(map));
        }
    }

    #[test]
    fn any_json_that_reads_is_written_so_that_it_reads_the_same(text in "[\\[\\]{}:,\"\\\\ a/u0<&\u{2028}1.e-]{0,40}") {
        for text in [format!("{{\"imports\":{{{text}}}}}"), format!("{{\"x\":{text}}}"), text] {
            if let Ok(map) = parse(&text) {
                let json = map.to_json();
                prop_assert!(json.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic() && !b"<>&".contains(&byte)));
                prop_assert_eq!(parse(&json), Ok(map));
            } else if let Err(error) = parse(&text) {
                prop_assert!(error.offset <= text.len());
            }
        }
    }
}

/// A page would carry the hashes of all of them, twice.
#[test]
fn a_graph_of_thousands_stays_at_home_rather_than_fill_its_pages() {
    // A map that turns out too long, and one that is not even begun.
    [1500, 4000].into_iter().for_each(assert_stays_at_home);
}

fn assert_stays_at_home(count: usize) {
    let temp = tempfile::tempdir().expect("a directory");
    let (site, out) = (temp.path().join("site"), temp.path().join("out"));
    std::fs::create_dir(&site).expect("a directory");
    let page = "<script type=module src=main.js></script>\n";
    std::fs::write(site.join("index.html"), page).expect("a page");
    let imports: Vec<_> = (0..count).map(|number| format!("import './m{number}.js'")).collect();
    std::fs::write(site.join("main.js"), imports.join("\n")).expect("a module");
    for number in 0..count {
        std::fs::write(site.join(format!("m{number}.js")), "export {}\n").expect("a module");
    }
    let settings = tightrope::config::settings::Settings {
        cdn: Some("https://cdn.example".to_owned()),
        ..tightrope::config::settings::Settings::default()
    };
    let config = tightrope::config::Config::new(settings).expect("good settings");
    let report = tightrope::pipeline::build(&site, &out, &config).expect("it builds");
    assert_eq!(std::fs::read_to_string(out.join("index.html")).expect("a page"), page);
    let told: Vec<_> = report.findings.iter().map(|finding| finding.code.name()).collect();
    assert_eq!(told, ["own-import-map"]);
    let broken = tightrope::verify::verify(&out).expect("it can be read").findings;
    assert_eq!(broken, []);
}
