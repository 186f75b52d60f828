//! An import map for a site that is published in two homes.
//!
//! No engine lets a page change its map once a module has been resolved, so one map must serve the page whose CDN is up
//! and the page that fell back. It tells them apart by who asks: modules loaded from the CDN find their addresses in
//! scopes below the CDN's prefix and are led to the CDN; modules loaded from the origin are led to the origin.

mod names;
mod scopes;

use crate::json::import_map::{Entries, ImportMap, Value};
use crate::json::resolver::{Name, Table, url_like};
use names::spellings;
use std::collections::BTreeMap;
use url::Url;

/// How a file of the site is published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// How the page spells the published file on its own origin: a path, absolute or relative to the base URL.
    pub local: String,
    /// Its URL on the CDN, when pages load it from there.
    pub cdn: Option<String>,
}

/// What has to be known to write a map for both homes.
#[derive(Clone, Copy)]
pub struct Homes<'h> {
    /// What the map's relative URLs start from: the page's base URL where the map stands.
    pub base: &'h Url,
    /// The site's root on its origin, ending in a slash.
    pub root: &'h Url,
    /// The CDN's prefix, ending in a slash, as a URL is serialised. `None`: addresses get their published names only.
    pub cdn: Option<&'h str>,
    /// How the file that a URL of the origin names is published, its query and fragment kept; `None` when there is none.
    pub publish: &'h dyn Fn(&Url) -> Option<Published>,
    /// The files in and below a directory of the site that modules may import: their paths from there, not
    /// percent-encoded. `None` when it is no directory of the site.
    pub files_below: &'h dyn Fn(&Url) -> Option<Vec<String>>,
    /// Integrity metadata of the published file, by its original URL, when its bytes were changed.
    pub integrity: &'h dyn Fn(&Url) -> Option<String>,
}

/// Who asks: modules of the origin, or modules of the CDN.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    Origin,
    Cdn,
}

/// Entries and scopes that are added, by their normalised key: as they are written.
type Twins<V> = BTreeMap<String, (String, V)>;

/// A key that counts.
struct Key<'m> {
    spelled: &'m str,
    name: Name,
    value: &'m Value,
    address: Option<&'m Url>,
}

impl ImportMap {
    /// The map for both homes: what leads to a file of the site leads to it as it is published, on the CDN for modules
    /// that come from there. Keys that name files of the site get twins for the published names, which is what importers
    /// write. All the author's keys stay, in their order. `pins` are added to `integrity`: keys are URLs.
    ///
    /// A key that ends in a slash stays, and gets exact keys for the files below. Specifiers that spell such a file in
    /// another way (`lib/./a.js`, `lib/a.js?v=1`) are led to its original name on the origin.
    #[must_use]
    pub fn for_both_homes(&self, homes: &Homes<'_>, pins: &[(String, String)]) -> ImportMap {
        let one_home = homes.cdn == Some(homes.root.as_str());
        let homes = Homes { cdn: homes.cdn.filter(|_| !one_home), ..*homes };
        let imports = homes.entries(&self.imports, Home::Origin);
        let scopes = homes.scopes(self, &imports);
        self.with(imports, scopes, homes.pinned(&self.integrity, pins))
    }
}

impl Homes<'_> {
    /// A specifier map as modules of `home` need it: the author's entries in their order, then their twins.
    fn entries(&self, map: &Entries, home: Home) -> Entries {
        let table = Table::new(map, self.base);
        let mut twins = Twins::new();
        for key in self.keys(map, &table) {
            twins.extend(self.twins(&key, &table, home).into_iter().map(|twin| (self.normal(&twin.0), twin)));
        }
        twins.retain(|name, _| !table.contains(name));
        self.values(map, home).into_iter().chain(twins.into_values()).collect()
    }

    /// The author's entries, leading to `home`.
    fn values(&self, map: &Entries, home: Home) -> Entries {
        map.iter().map(|(key, value)| (key.clone(), self.value(key, value, home))).collect()
    }

    /// The keys that count, the shortest first, so that the twins of longer ones take the place of theirs.
    fn keys<'m>(&self, map: &'m Entries, table: &'m Table) -> Vec<Key<'m>> {
        let named = map.iter().map(|(spelled, value)| (Name::of(spelled, self.base), spelled, value));
        let last: BTreeMap<_, _> =
            named.map(|(name, spelled, value)| (name.text.clone(), (name, spelled, value))).collect();
        let counting = last.into_values().filter(|(name, ..)| table.contains(&name.text));
        let keys = counting.map(|(name, spelled, value)| {
            let address = table.address(&name.text);
            Key { spelled, name, value, address }
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort_by_key(|key| key.name.text.len());
        keys
    }

    fn twins(&self, key: &Key<'_>, table: &Table, home: Home) -> Vec<(String, Value)> {
        if self.is_at_cdn(&key.name.text) {
            return Vec::new();
        }
        match (&key.name.url, key.name.text.ends_with('/')) {
            (None, false) => Vec::new(),
            (None, true) => self.bare_files(key, table, home),
            (Some(url), false) => {
                let names = self.names(url, key.spelled);
                let local = names.local.map(|name| (name, self.value(key.spelled, key.value, home)));
                let cdn = names.cdn.into_iter().map(|name| (name, self.value(key.spelled, key.value, Home::Cdn)));
                local.into_iter().chain(cdn).collect()
            }
            (Some(url), true) => [self.directory(url, key), self.url_files(url, key, table, home)].concat(),
        }
    }

    /// An entry's value: where its address is published. As it was when that is no other place.
    fn value(&self, key: &str, value: &Value, home: Home) -> Value {
        let address = value.text().filter(|_| !key.ends_with('/')).and_then(|text| url_like(text, self.base));
        address.and_then(|address| self.moved(&address, home)).map_or_else(|| value.clone(), Value::Text)
    }

    /// The twins of a directory's URL as a key. It leads where it led: the originals are there.
    fn directory(&self, url: &Url, key: &Key<'_>) -> Vec<(String, Value)> {
        let Some(below) = self.root.as_str().strip_prefix(url.as_str()).filter(|below| !below.is_empty()) else {
            let names = self.names(url, key.spelled);
            return names.local.into_iter().chain(names.cdn).map(|name| (name, key.value.clone())).collect();
        };
        // The directory holds the whole site: all of the CDN is some way below it.
        let like = key.value.text().unwrap_or_default();
        let address = key.address.and_then(|address| address.join(below).ok());
        let value = address.map_or_else(Value::nowhere, |address| Value::Text(self.spell(&address, like)));
        self.cdn.map(|cdn| (cdn.to_owned(), value)).into_iter().collect()
    }

    /// Exact keys for what a bare key that ends in a slash stands for.
    fn bare_files(&self, key: &Key<'_>, table: &Table, home: Home) -> Vec<(String, Value)> {
        let Some(address) = key.address else { return Vec::new() };
        let files = self.files(address);
        let spelled = files.iter().flat_map(|file| spellings(address, file));
        let entries = spelled.filter_map(|(spelled, file)| {
            let name = Name::of(&format!("{}{spelled}", key.spelled), self.base);
            let is_own = name.url.is_none() && owns(key, table, &name);
            Some((name.text, Value::Text(self.moved(&file, home).filter(|_| is_own)?)))
        });
        entries.collect()
    }

    /// Exact keys for what a URL that ends in a slash stands for: for the files that lie below the key, which importers
    /// name as they are published, and for those that lie below the address.
    fn url_files(&self, url: &Url, key: &Key<'_>, table: &Table, home: Home) -> Vec<(String, Value)> {
        let Some(address) = key.address else { return Vec::new() };
        let files = [self.files(url), self.files(address)].concat();
        let owned = files.iter().filter_map(|file| {
            // However it is spelled, its published name is one: the likeliest spelling decides.
            let (spelled, file) = spellings(url, file).pop()?;
            let name = Name { text: file.to_string(), url: Some(file.clone()) };
            Some((file, address.join(&spelled).ok().filter(|_| owns(key, table, &name))?))
        });
        owned.flat_map(|(file, target)| self.url_file(&file, &target, key, home)).collect()
    }

    /// The entries that lead from one file, in all its names, to another.
    fn url_file(&self, file: &Url, target: &Url, key: &Key<'_>, home: Home) -> Vec<(String, Value)> {
        let stays = || self.spell(target, key.value.text().unwrap_or_default());
        let (here, on_cdn) = (self.moved(target, home), self.moved(target, Home::Cdn));
        let names = self.names(file, key.spelled);
        // Where nothing has another name, the key itself is enough, or its twin.
        let is_renamed = names.local.is_some() && (self.publish)(file).is_some();
        let own = here.clone().map(|to| (self.spell(file, key.spelled), to));
        let local = names.local.filter(|_| is_renamed || here.is_some());
        let local = local.map(|name| (name, here.unwrap_or_else(stays)));
        let needed = is_renamed || on_cdn.is_some();
        let on_cdn = on_cdn.unwrap_or_else(stays);
        let cdn = names.cdn.into_iter().filter(|_| needed).map(|name| (name, on_cdn.clone()));
        own.into_iter().chain(local).chain(cdn).map(|(name, to)| (name, Value::Text(to))).collect()
    }

    /// `integrity`: the author's entries in their order, a changed file's for its new bytes, then the twins for published
    /// names, then the pins.
    fn pinned(&self, map: &Entries, pins: &[(String, String)]) -> Entries {
        let mut twins = Twins::new();
        let mut add = |key: String, value: Value| twins.insert(self.normal(&key), (key, value));
        for (key, value) in map.iter().filter(|(_, value)| value.text().is_some()) {
            let Some(url) = url_like(key, self.base).filter(|url| (self.publish)(url).is_some()) else { continue };
            let value = (self.integrity)(&url).map_or_else(|| value.clone(), Value::Text);
            let names = self.names(&url, key);
            for name in names.cdn {
                add(name, value.clone());
            }
            // The original of a renamed file keeps its bytes.
            add(names.local.unwrap_or_else(|| key.clone()), value);
        }
        for (key, value) in pins {
            add(key.clone(), Value::Text(value.clone()));
        }
        let mut list = map.clone();
        for (key, value) in &mut list {
            if let Some((_, new)) = twins.get(&self.normal(key)) {
                value.clone_from(new);
            }
        }
        for (key, _) in map {
            twins.remove(&self.normal(key));
        }
        list.extend(twins.into_values());
        list
    }

    /// Whether the author, or an earlier build, speaks of the CDN himself: that names nothing by an old name.
    fn is_at_cdn(&self, url: &str) -> bool {
        self.cdn.is_some_and(|cdn| url.starts_with(cdn))
    }

    fn normal(&self, key: &str) -> String {
        Name::of(key, self.base).text
    }
}

/// Whether it is this key that decides about `name`.
fn owns(key: &Key<'_>, table: &Table, name: &Name) -> bool {
    table.owner(name).is_some_and(|(owner, _)| owner == key.name.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::import_map::parse;

    /// The map of `https://site.invalid/docs/p.html`, in both homes. `.js` files of `/docs/` are published as `.1.js`,
    /// those below `/docs/stay/` on the origin alone.
    fn moved(map: &str, cdn: Option<&str>) -> String {
        let base = Url::parse("https://site.invalid/docs/p.html").expect("a URL");
        let publish = |url: &Url| {
            let path = url.path().strip_prefix("/docs/").filter(|_| url.host_str() == Some("site.invalid"))?;
            let path = format!("{}.1.js{}", path.strip_suffix(".js")?, &url[url::Position::AfterPath..]);
            let cdn = cdn.filter(|_| !path.starts_with("stay/"));
            Some(Published { cdn: cdn.map(|cdn| format!("{cdn}{path}")), local: path })
        };
        let files_below = |url: &Url| {
            let files = [("/docs/lib/", ["a.js", "b/c.js"]), ("/docs/js/", ["a.js", "d.js"])];
            let found = files.into_iter().find(|(dir, _)| *dir == url.path()).map(|(_, files)| files);
            found.map(|files| files.map(str::to_owned).to_vec())
        };
        let homes = Homes {
            base: &base,
            root: &base.join("./").expect("a URL"),
            cdn,
            publish: &publish,
            files_below: &files_below,
            integrity: &|url| url.path().ends_with("changed.js").then(|| "sha384-new".to_owned()),
        };
        let pins = [("./app.1.js".to_owned(), "sha384-app".to_owned())];
        let pins = if map.contains("integrity") { &pins[..] } else { &[] };
        parse(map).expect("a map").for_both_homes(&homes, pins).to_json()
    }

    const CDN: Option<&str> = Some("https://cdn.example/x/");

    #[test]
    fn modules_of_the_cdn_are_led_to_the_cdn_and_all_others_to_the_origin() {
        let map = r#"{"imports":{"vue":"./js/vue.js","esm":"https://esm.example/x","kept":"/docs/stay/k.js"}}"#;
        let both = r#"{"imports":{"vue":"./js/vue.1.js","esm":"https://esm.example/x","kept":"./stay/k.1.js"},"#;
        let both =
            both.to_owned() + r#""scopes":{"https://cdn.example/x/":{"vue":"https://cdn.example/x/js/vue.1.js"}}}"#;
        assert_eq!(moved(map, CDN), both);
        assert_eq!(moved(map, None), both.split(",\"scopes\"").next().unwrap_or_default().to_owned() + "}");
    }

    #[test]
    fn a_scope_is_kept_and_has_a_twin_on_the_cdn() {
        let map = r#"{"scopes":{"/docs/vendor/":{"vue":"./vendor/vue.js","esm":"https://esm.example/x"},"js/m.js":{"a":null}}}"#;
        let both = r#"{"scopes":{"/docs/vendor/":{"vue":"./vendor/vue.1.js","esm":"https://esm.example/x"},"#
            .to_owned()
            + r#""js/m.js":{"a":null},"https://cdn.example/x/js/m.1.js":{"a":null},"https://cdn.example/x/vendor/":"#
            + r#"{"vue":"https://cdn.example/x/vendor/vue.1.js","esm":"https://esm.example/x"},"./js/m.1.js":{"a":null}}}"#;
        assert_eq!(moved(map, CDN), both);
    }

    #[test]
    fn a_key_that_is_a_url_has_twins_for_the_published_names() {
        let both = r#"{"imports":{"./a.js":"./b.1.js","https://cdn.example/x/a.1.js":"https://cdn.example/x/b.1.js","#
            .to_owned()
            + r#""./a.1.js":"./b.1.js"},"scopes":{"https://cdn.example/x/":{"./a.js":"https://cdn.example/x/b.1.js","#
            + r#""./a.1.js":"https://cdn.example/x/b.1.js"}}}"#;
        assert_eq!(moved(r#"{"imports":{"./a.js":"./b.js"}}"#, CDN), both);
    }

    #[test]
    fn a_key_that_ends_in_a_slash_stays_and_files_below_get_keys_of_their_own() {
        let map = r#"{"imports":{"lib/":"./lib/","lib/b/":"https://esm.example/b/"}}"#;
        let both = r#"{"imports":{"lib/":"./lib/","lib/b/":"https://esm.example/b/","lib/a.js":"./lib/a.1.js"},"#
            .to_owned()
            + r#""scopes":{"https://cdn.example/x/":{"lib/a.js":"https://cdn.example/x/lib/a.1.js"}}}"#;
        assert_eq!(moved(map, CDN), both);
        let away = r#"{"imports":{"./js/":"https://esm.example/"}}"#;
        let both = r#"{"imports":{"./js/":"https://esm.example/","https://cdn.example/x/js/":"https://esm.example/","#
            .to_owned()
            + r#""https://cdn.example/x/js/a.1.js":"https://esm.example/a.js","https://cdn.example/x/js/d.1.js":"#
            + r#""https://esm.example/d.js","./js/a.1.js":"https://esm.example/a.js","./js/d.1.js":"https://esm.example/d.js"}}"#;
        assert_eq!(moved(away, CDN), both);
    }

    #[test]
    fn integrity_holds_for_the_bytes_in_both_homes() {
        let map = r#"{"integrity":{"./same.js":"sha384-1","./changed.js":"sha384-2","https://esm.example/x":"sha384-3","bare":""}}"#;
        let both =
            r#"{"integrity":{"./same.js":"sha384-1","./changed.js":"sha384-2","https://esm.example/x":"sha384-3","#
                .to_owned()
                + r#""bare":"","https://cdn.example/x/changed.1.js":"sha384-new","https://cdn.example/x/same.1.js":"sha384-1","#
                + r#""./app.1.js":"sha384-app","./changed.1.js":"sha384-new","./same.1.js":"sha384-1"}}"#;
        assert_eq!(moved(map, CDN), both);
    }
}
