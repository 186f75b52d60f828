//! An import map for a site that is published in two homes.
//!
//! No engine lets a page change its map once a module has been resolved, so one map must serve the page whose CDN is up
//! and the page that fell back. It tells them apart by who asks: modules loaded from the CDN find their addresses in
//! scopes below the CDN's prefix and are led to the CDN; modules loaded from the origin are led to the origin.

use crate::json::import_map::{Entries, ImportMap, Value};
use crate::json::resolver::{Name, Table, url_like};
use crate::model::path;
use percent_encoding::percent_decode_str;
use std::collections::{BTreeMap, BTreeSet};
use url::{Position, Url};

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

/// The other names of a URL.
struct Names {
    /// Published on the origin, where that is another.
    local: Option<String>,
    /// On the CDN.
    cdn: Vec<String>,
}

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
        twins.retain(|name, _| table.get(name).is_none());
        let moved = map.iter().map(|(key, value)| (key.clone(), self.value(key, value, home)));
        moved.chain(twins.into_values()).collect()
    }

    /// The keys that count, the shortest first, so that the twins of longer ones take the place of theirs.
    fn keys<'m>(&self, map: &'m Entries, table: &'m Table) -> Vec<Key<'m>> {
        let named = map.iter().map(|(spelled, value)| (Name::of(spelled, self.base), spelled, value));
        let last: BTreeMap<_, _> =
            named.map(|(name, spelled, value)| (name.text.clone(), (name, spelled, value))).collect();
        let keys = last.into_values().filter_map(|(name, spelled, value)| {
            let address = table.get(&name.text)?;
            Some(Key { spelled, name, value, address })
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort_by_key(|key| key.name.text.len());
        keys
    }

    fn twins(&self, key: &Key<'_>, table: &Table, home: Home) -> Vec<(String, Value)> {
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

    /// Where the file at `address` is published; `None` when just there, or when it is no file of the site.
    fn moved(&self, address: &Url, home: Home) -> Option<String> {
        let published = (self.publish)(address)?;
        match published.cdn.filter(|_| home == Home::Cdn && self.cdn.is_some()) {
            Some(cdn) => Some(cdn),
            None => self.renamed(address, &published.local).map(|_| as_specifier(&published.local)),
        }
    }

    /// The URL of the published file, when it is another than `url`.
    fn renamed(&self, url: &Url, local: &str) -> Option<Url> {
        self.base.join(local).ok().filter(|local| local != url)
    }

    /// The other names that a URL of the site has: a file's published ones, a directory's and a missing file's place on
    /// the CDN. What they are spelled like is `like`.
    fn names(&self, url: &Url, like: &str) -> Names {
        let Some(published) = (self.publish)(url) else {
            let local = self.canonical(self.root.as_str(), url).and_then(|local| self.renamed(url, &local));
            let local = local.map(|local| self.spell(&local, like));
            // No importer was edited for it, so on the CDN it may be written either way.
            let as_written = |cdn: &str| Some(format!("{cdn}{}", url.as_str().strip_prefix(self.root.as_str())?));
            let cdn = self.cdn.map(|cdn| [self.canonical(cdn, url), as_written(cdn)]);
            let mut cdn: Vec<_> = cdn.into_iter().flatten().flatten().collect();
            cdn.dedup();
            return Names { local, cdn };
        };
        let local = self.renamed(url, &published.local);
        let cdn = self.cdn.and_then(|cdn| {
            let same_path = || self.canonical(cdn, local.as_ref().unwrap_or(url));
            published.cdn.or_else(same_path)
        });
        Names { local: local.map(|_| as_specifier(&published.local)), cdn: cdn.into_iter().collect() }
    }

    /// A URL of the site below another prefix, its path encoded as published names are.
    fn canonical(&self, prefix: &str, url: &Url) -> Option<String> {
        let below = url[..Position::AfterPath].strip_prefix(self.root.as_str())?;
        let path: Vec<_> = below.split('/').map(encode_segment).collect();
        Some(format!("{prefix}{}{}", path.join("/"), &url[Position::AfterPath..]))
    }

    /// A URL as the author would write it: from the root, relative, or whole, like the text he wrote.
    fn spell(&self, url: &Url, like: &str) -> String {
        if url.origin() != self.base.origin() || Url::parse(like).is_ok() {
            return url.to_string();
        }
        let from_root = || url[Position::BeforePath..].to_owned();
        let relative = self.base.make_relative(url).filter(|_| !like.starts_with('/')).map(|path| as_specifier(&path));
        relative.filter(|path| self.base.join(path).as_ref() == Ok(url)).unwrap_or_else(from_root)
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
        let mut entries = Vec::new();
        for (spelled, file) in self.files(url).iter().chain(&self.files(address)).flat_map(|file| spellings(url, file))
        {
            let name = Name { text: file.to_string(), url: Some(file.clone()) };
            let Some(target) = address.join(&spelled).ok().filter(|_| owns(key, table, &name)) else { continue };
            entries.extend(self.url_file(&file, &target, key, home));
        }
        entries
    }

    /// The entries that lead from one file, in all its names, to another.
    fn url_file(&self, file: &Url, target: &Url, key: &Key<'_>, home: Home) -> Vec<(String, Value)> {
        let stays = || self.spell(target, key.value.text().unwrap_or_default());
        let (here, on_cdn) = (self.moved(target, home), self.moved(target, Home::Cdn));
        let names = self.names(file, key.spelled);
        let is_renamed = names.local.is_some();
        // Where nothing has another name, the key itself is enough.
        let own = here.clone().map(|to| (self.spell(file, key.spelled), to));
        let local = names.local.map(|name| (name, here.unwrap_or_else(stays)));
        let needed = is_renamed || on_cdn.is_some();
        let on_cdn = on_cdn.unwrap_or_else(stays);
        let cdn = names.cdn.into_iter().filter(|_| needed).map(|name| (name, on_cdn.clone()));
        own.into_iter().chain(local).chain(cdn).map(|(name, to)| (name, Value::Text(to))).collect()
    }

    /// The files below a directory, also when that lies above the site's root.
    fn files(&self, dir: &Url) -> Vec<String> {
        let above = || {
            let below = self.root.as_str().strip_prefix(dir.as_str())?;
            let below = percent_decode_str(below).decode_utf8().ok()?;
            Some((self.files_below)(self.root)?.iter().map(|file| format!("{below}{file}")).collect())
        };
        (self.files_below)(dir).or_else(above).unwrap_or_default()
    }

    /// The author's scopes in their order, then their twins, the one of the whole CDN among them. `imports` are those of
    /// the new map.
    fn scopes(&self, map: &ImportMap, imports: &Entries) -> Vec<(String, Entries)> {
        let mut twins = self.scope_twins(map, imports);
        let mut scopes: Vec<_> = map
            .scopes
            .iter()
            .map(|(prefix, entries)| {
                let url = self.base.join(prefix).map(String::from).unwrap_or_default();
                let home = if self.cdn.is_some_and(|cdn| url.starts_with(cdn)) { Home::Cdn } else { Home::Origin };
                let moved = self.entries(entries, home);
                // A twin of this very prefix counts more, and what it says nothing of stays.
                let both = twins.get(&url).map(|(_, twin)| self.layered(twin, &moved));
                (url, prefix.clone(), both.unwrap_or(moved))
            })
            .collect();
        scopes.iter().for_each(|(url, ..)| drop(twins.remove(url)));
        let mut list: Vec<_> = scopes.drain(..).map(|(_, prefix, entries)| (prefix, entries)).collect();
        list.extend(twins.into_values());
        list
    }

    fn scope_twins(&self, map: &ImportMap, imports: &Entries) -> Twins<Entries> {
        let prefixes = map.scopes.iter().filter_map(|(prefix, entries)| {
            let url = self.base.join(prefix).ok()?;
            Some((url.to_string(), (url, prefix, entries)))
        });
        // Of scopes with the same prefix the last counts.
        let prefixes: BTreeMap<_, _> = prefixes.collect();
        let (above, below): (Vec<_>, Vec<_>) = prefixes
            .into_values()
            .partition(|(url, ..)| url.as_str().ends_with('/') && self.root.as_str().starts_with(url.as_str()));
        let mut twins = Twins::new();
        for (url, prefix, entries) in below {
            let names = self.names(&url, prefix);
            let local = names.local.map(|name| (name, self.entries(entries, Home::Origin)));
            let cdn = names.cdn.into_iter().map(|name| (name, self.entries(entries, Home::Cdn)));
            let made = local.into_iter().chain(cdn).filter(|(_, entries)| !entries.is_empty());
            twins.extend(made.filter_map(|twin| Some((self.base.join(&twin.0).ok()?.into(), twin))));
        }
        let above: Vec<_> = above.into_iter().map(|(_, _, entries)| entries).collect();
        let whole = self.cdn.map(|cdn| (cdn.to_owned(), self.whole_cdn(map, &above, imports)));
        twins.extend(whole.filter(|(_, entries)| !entries.is_empty()).map(|twin| (twin.0.clone(), twin)));
        twins
    }

    /// The scope of all modules on the CDN: the page's own entries, but for those that say the same there, below the
    /// scopes that hold the whole site. `above` has these, the widest first.
    fn whole_cdn(&self, map: &ImportMap, above: &[&Entries], imports: &Entries) -> Entries {
        let mut own = self.entries(&map.imports, Home::Cdn);
        let (here, there) = (self.last(imports), self.last(&own));
        own.retain(|(key, _)| {
            let key = self.normal(key);
            here.get(&key) != there.get(&key)
        });
        above.iter().fold(own, |outer, inner| self.layered(&self.entries(inner, Home::Cdn), &outer))
    }

    /// One map that resolves as `inner` does and, where that says nothing, as `outer` does.
    fn layered(&self, inner: &Entries, outer: &Entries) -> Entries {
        let table = Table::new(inner, self.base);
        let last = self.last(inner);
        let kept = outer.iter().filter_map(|(key, value)| {
            let name = Name::of(key, self.base);
            match last.get(&name.text) {
                Some(value) => Some((key.clone(), value.clone())),
                None => table.owner(&name).is_none().then(|| (key.clone(), value.clone())),
            }
        });
        let mut list: Entries = kept.collect();
        let there: BTreeSet<_> = list.iter().map(|(key, _)| self.normal(key)).collect();
        list.extend(inner.iter().filter(|(key, _)| !there.contains(&self.normal(key))).cloned());
        list
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
            names.cdn.into_iter().for_each(|name| drop(add(name, value.clone())));
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
        map.iter().for_each(|(key, _)| drop(twins.remove(&self.normal(key))));
        list.extend(twins.into_values());
        list
    }

    /// What counts for each key, by its normalised form.
    fn last(&self, entries: &Entries) -> BTreeMap<String, Value> {
        entries.iter().map(|(key, value)| (self.normal(key), value.clone())).collect()
    }

    fn normal(&self, key: &str) -> String {
        Name::of(key, self.base).text
    }
}

/// Whether it is this key that decides about `name`.
fn owns(key: &Key<'_>, table: &Table, name: &Name) -> bool {
    table.owner(name).is_some_and(|(owner, _)| owner == key.name.text)
}

/// A relative path as an import map must write it: `a.js` alone would be a bare specifier.
fn as_specifier(url: &str) -> String {
    let is_path = ["/", "./", "../"].iter().any(|start| url.starts_with(start));
    if is_path || Url::parse(url).is_ok() { url.to_owned() } else { format!("./{url}") }
}

/// A segment of a URL's path, encoded as published names are.
fn encode_segment(segment: &str) -> String {
    match percent_decode_str(segment).decode_utf8() {
        Ok(name) if !name.contains('/') => path::encode(&name),
        _ => segment.to_owned(),
    }
}

/// The ways in which importers may write a file's path below a directory, and the URLs they lead to: as it is, as browsers
/// encode it, and as published names are encoded.
fn spellings(dir: &Url, file: &str) -> Vec<(String, Url)> {
    let named = |url: &Url| percent_decode_str(url.path()).collect::<Vec<_>>();
    let wanted = [named(dir), file.as_bytes().to_vec()].concat();
    let by_browser = dir.join(file).ok().and_then(|url| url.as_str().strip_prefix(dir.as_str()).map(str::to_owned));
    let mut spelled: Vec<_> =
        [Some(file.to_owned()), by_browser, Some(path::encode(file))].into_iter().flatten().collect();
    spelled.dedup();
    let joined = spelled.into_iter().filter_map(|spelled| Some((dir.join(&spelled).ok()?, spelled)));
    let same = joined.filter(|(url, _)| named(url) == wanted && url.query().is_none() && url.fragment().is_none());
    same.map(|(url, spelled)| (spelled, url)).collect()
}
