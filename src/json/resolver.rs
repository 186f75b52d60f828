//! What a specifier leads to under an import map (HTML, section 8.1.6.1, "resolve a module specifier").
//!
//! The standard goes through sorted keys and takes the first that matches. Sorting only sees to it that of two keys the
//! longer one is tried first, so here the keys that can match are looked up, the longest first.

use crate::json::import_map::{Entries, ImportMap, Value};
use std::collections::BTreeMap;
use url::Url;

/// What a specifier leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resolution {
    /// A URL.
    Url(Url),
    /// The map forbids it: an entry that leads nowhere, or one that the specifier would climb out of.
    Blocked,
    /// It is neither a URL nor in the map.
    None,
}

/// An import map whose keys and addresses have been resolved.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    imports: Table,
    scopes: BTreeMap<String, Table>,
    integrity: BTreeMap<String, String>,
}

impl ImportMap {
    /// What `specifier` leads to in the module at `importer`. `base` is what the map's relative URLs start from. Whoever
    /// asks often keeps a [`Resolver`].
    pub fn resolve(&self, specifier: &str, importer: &Url, base: &Url) -> Resolution {
        Resolver::new(self, base).resolve(specifier, importer)
    }
}

impl Resolver {
    /// `base` is what the map's relative URLs start from: the page's base URL where the map stands.
    pub fn new(map: &ImportMap, base: &Url) -> Self {
        let scopes = map.scopes.iter().filter_map(|(prefix, entries)| {
            // A prefix is any URL: unlike a key, `vendor/` is one.
            Some((base.join(prefix).ok()?.into(), Table::new(entries, base)))
        });
        let integrity = map.integrity.iter().filter_map(|(key, value)| {
            let url = url_like(key, base)?;
            Some((url.into(), value.text()?.to_owned()))
        });
        Self { imports: Table::new(&map.imports, base), scopes: scopes.collect(), integrity: integrity.collect() }
    }

    /// What `specifier` leads to in the module, or on the page, at `importer`.
    pub fn resolve(&self, specifier: &str, importer: &Url) -> Resolution {
        let name = Name::of(specifier, importer);
        let scopes = specific(importer.as_str(), true).filter_map(|prefix| self.scopes.get(prefix));
        let found = scopes.chain([&self.imports]).find_map(|table| table.resolve(&name));
        found.unwrap_or_else(|| name.url.map_or(Resolution::None, Resolution::Url))
    }

    /// The integrity metadata that a module at `url` must satisfy.
    pub fn integrity(&self, url: &Url) -> Option<&str> {
        self.integrity.get(url.as_str()).map(String::as_str)
    }

    /// Every address that the map leads to. One that ends in a slash stands for all below it.
    pub fn addresses(&self) -> impl Iterator<Item = &Url> {
        [&self.imports].into_iter().chain(self.scopes.values()).flat_map(|table| table.addresses.values().flatten())
    }
}

/// "Resolve a URL-like module specifier": `None` for a bare one.
pub fn url_like(specifier: &str, base: &Url) -> Option<Url> {
    let is_path = ["/", "./", "../"].iter().any(|start| specifier.starts_with(start));
    if is_path { base.join(specifier).ok() } else { Url::parse(specifier).ok() }
}

/// A specifier or a key, normalised.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// A URL as it is serialised, or the bare specifier.
    pub(super) text: String,
    /// The URL; `None` when it is bare.
    pub(super) url: Option<Url>,
}

impl Name {
    pub(super) fn of(specifier: &str, base: &Url) -> Self {
        let url = url_like(specifier, base);
        Self { text: url.as_ref().map_or(specifier, Url::as_str).to_owned(), url }
    }

    /// Only bare specifiers and URLs of the web's own schemes match keys that end in a slash.
    fn takes_prefixes(&self) -> bool {
        self.url.as_ref().is_none_or(Url::is_special)
    }
}

/// The keys that can match `name`: itself, then whatever ends in a slash before it, the longest first.
fn specific(name: &str, prefixes: bool) -> impl Iterator<Item = &str> {
    let prefixes = name.rmatch_indices('/').map(|(at, _)| &name[..=at]).filter(move |_| prefixes);
    std::iter::once(name).chain(prefixes)
}

/// Keys and what they lead to ("sort and normalize a module specifier map").
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    addresses: BTreeMap<String, Option<Url>>,
}

impl Table {
    pub(super) fn new(entries: &Entries, base: &Url) -> Self {
        let named = entries.iter().filter(|(key, _)| !key.is_empty());
        let addresses = named.map(|(key, value)| (Name::of(key, base).text, address(key, value, base)));
        Self { addresses: addresses.collect() }
    }

    /// The key that decides about `name`, and where it leads.
    pub(super) fn owner(&self, name: &Name) -> Option<(&str, Option<&Url>)> {
        let mut keys = specific(&name.text, name.takes_prefixes());
        keys.find_map(|key| self.addresses.get_key_value(key)).map(|(key, address)| (key.as_str(), address.as_ref()))
    }

    /// Whether `name` itself is a key.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.addresses.contains_key(name)
    }

    /// Where the key `name` itself leads.
    pub(super) fn address(&self, name: &str) -> Option<&Url> {
        self.addresses.get(name)?.as_ref()
    }

    /// "Resolve an imports match".
    fn resolve(&self, name: &Name) -> Option<Resolution> {
        let (key, address) = self.owner(name)?;
        let Some(address) = address else { return Some(Resolution::Blocked) };
        if key == name.text {
            return Some(Resolution::Url(address.clone()));
        }
        let below = address.join(&name.text[key.len()..]).ok();
        let below = below.filter(|url| url.as_str().starts_with(address.as_str()));
        Some(below.map_or(Resolution::Blocked, Resolution::Url))
    }
}

/// Where an entry leads; `None` when nowhere.
fn address(key: &str, value: &Value, base: &Url) -> Option<Url> {
    let url = url_like(value.text()?, base)?;
    (!key.ends_with('/') || url.as_str().ends_with('/')).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::import_map::parse;

    /// Resolves in a module at `importer`, under a map on `https://site.example/pages/p.html`.
    fn resolve(map: &str, importer: &str, specifier: &str) -> String {
        let base = Url::parse("https://site.example/pages/p.html").expect("a URL");
        let importer = base.join(importer).expect("a URL");
        match parse(map).expect("a map").resolve(specifier, &importer, &base) {
            Resolution::Url(url) => url.as_str().replace("https://site.example", ""),
            Resolution::Blocked => "blocked".to_owned(),
            Resolution::None => "none".to_owned(),
        }
    }

    #[test]
    fn without_a_map_urls_lead_to_themselves_and_names_nowhere() {
        for (specifier, to) in [
            ("./a.js", "/js/a.js"),
            ("../a.js?x#y", "/a.js?x#y"),
            ("/a.js", "/a.js"),
            ("//other.example/a.js", "https://other.example/a.js"),
            ("https:a.js", "https://a.js/"),
            ("data:text/javascript,1", "data:text/javascript,1"),
            ("a.js", "none"),
            (".a.js", "none"),
            ("..", "none"),
            ("\\a.js", "none"),
            ("", "none"),
            ("https://[", "none"),
        ] {
            assert_eq!(resolve("{}", "/js/main.js", specifier), to, "{specifier}");
        }
    }

    #[test]
    fn of_keys_that_match_the_longest_counts() {
        let map = r#"{"imports": {"a": "/1.js", "a/": "/2/", "a/b": "/3.js", "a/b/": "/4/", "a/b/c/": null, "a/b/c/d": "/5.js"}}"#;
        for (specifier, to) in [
            ("a", "/1.js"),
            ("a/", "/2/"),
            ("a/x", "/2/x"),
            ("a/b", "/3.js"),
            ("a/bc", "/2/bc"),
            ("a/b/", "/4/"),
            ("a/b/x?q", "/4/x?q"),
            ("a/b/c", "/4/c"),
            ("a/b/c/", "blocked"),
            ("a/b/c/x", "blocked"),
            ("a/b/c/d", "/5.js"),
            ("aa", "none"),
        ] {
            assert_eq!(resolve(map, "/js/main.js", specifier), to, "{specifier}");
        }
    }

    #[test]
    fn keys_that_are_urls_are_compared_as_urls() {
        let map = r#"{"imports": {"./a.js": "/1.js", "/js/%2e/b.js": "/2.js", "HTTPS://Other.Example:443/x": "/3.js",
            "../lib/": "https://esm.example/lib/", "c.js": "/4.js", "%2e/d.js": "/5.js"}}"#;
        for (specifier, to) in [
            ("../pages/a.js", "/1.js"),
            ("./a.js", "/js/a.js"),
            ("https://site.example/pages/a.js", "/1.js"),
            ("./b.js", "/2.js"),
            ("https://other.example/x", "/3.js"),
            ("/lib/a.js", "https://esm.example/lib/a.js"),
            ("./c.js", "/js/c.js"),
            ("c.js", "/4.js"),
            ("%2e/d.js", "/5.js"),
        ] {
            assert_eq!(resolve(map, "/js/main.js", specifier), to, "{specifier}");
        }
    }

    #[test]
    fn of_scopes_the_nearest_is_asked_first_and_the_page_last() {
        let map = r#"{"imports": {"a": "/a.js", "b": "/b.js", "c": "/c.js"}, "scopes": {
            "/": {"c": "/root-c.js"}, "/js/": {"a": "/js-a.js", "b": "/js-b.js"}, "/js/x/": {"a": "/x-a.js", "b": null},
            "/js/x": {"a": "/no-prefix.js"}, "/js/x/m.js": {"a": "/m-a.js"}, "pages-like/": {"a": "/rel.js"}, "https://[": {}}}"#;
        for (importer, specifier, to) in [
            ("/js/x/m.js", "a", "/m-a.js"),
            ("/js/x/m.js?v", "a", "/x-a.js"),
            ("/js/x/n.js", "a", "/x-a.js"),
            ("/js/x/n.js", "b", "blocked"),
            ("/js/x/n.js", "c", "/root-c.js"),
            ("/js/xx.js", "a", "/js-a.js"),
            ("/js/x", "a", "/no-prefix.js"),
            ("/m.js", "a", "/a.js"),
            ("/pages/pages-like/m.js", "a", "/rel.js"),
            ("https://other.example/m.js", "c", "/c.js"),
        ] {
            assert_eq!(resolve(map, importer, specifier), to, "{specifier} in {importer}");
        }
    }

    #[test]
    fn entries_that_lead_nowhere_block() {
        let map = r#"{"imports": {"a": null, "b": 1, "c": "bare", "d": "", "e/": "/no-slash", "f/": "/f/", "g": "https://[",
            "data:x/": "/g/", "f/g/": "data:x/", "": "/h.js", "i": ["/i.js"]}}"#;
        for name in ["a", "b", "c", "d", "e/x", "e/", "f/../x", "f//x", "f/https://x.example/", "g", "f/g/x", "i"] {
            assert_eq!(resolve(map, "/js/main.js", name), "blocked", "{name}");
        }
        assert_eq!(resolve(map, "/js/main.js", "f/./x/../y"), "/f/y");
        assert_eq!(resolve(map, "/js/main.js", "data:x/y"), "data:x/y", "prefixes are for the web's own schemes");
        assert_eq!(resolve(map, "/js/main.js", "data:x/"), "/g/");
        assert_eq!(resolve(map, "/js/main.js", ""), "none");
    }

    #[test]
    fn of_keys_that_mean_the_same_the_last_counts() {
        let map = r#"{"imports": {"./a.js": "/1.js", "/pages/a.js": "/2.js"}, "scopes": {"/js/": {"a": "/1.js"}, "../js/": {}}}"#;
        assert_eq!(resolve(map, "/js/main.js", "/pages/a.js"), "/2.js");
        assert_eq!(resolve(map, "/js/main.js", "a"), "none", "a scope replaces one of the same prefix");
    }

    #[test]
    fn integrity_is_found_by_exact_url() {
        let base = Url::parse("https://site.example/pages/p.html").expect("a URL");
        let map = parse(r#"{"integrity": {"../a.js": "sha384-a", "b.js": "sha384-b", "/c.js": 1}}"#).expect("a map");
        let resolver = Resolver::new(&map, &base);
        let integrity = |url: &str| resolver.integrity(&base.join(url).expect("a URL")).map(str::to_owned);
        assert_eq!(integrity("/a.js").as_deref(), Some("sha384-a"));
        assert_eq!((integrity("/a.js?1"), integrity("b.js"), integrity("/c.js")), (None, None, None));
    }
}
