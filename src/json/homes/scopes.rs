//! Scopes for both homes: the author's, theirs on the CDN, and the one of the whole CDN.

use super::{Home, Homes, Twins};
use crate::json::import_map::{Entries, ImportMap, Value};
use crate::json::resolver::{Name, Table};
use std::collections::{BTreeMap, BTreeSet};

impl Homes<'_> {
    /// The author's scopes in their order, then their twins, the one of the whole CDN among them. `imports` are those of
    /// the new map.
    pub(super) fn scopes(&self, map: &ImportMap, imports: &Entries) -> Vec<(String, Entries)> {
        let mut twins = self.scope_twins(map, imports);
        let (mut list, mut written) = (Vec::new(), BTreeSet::new());
        for (prefix, entries) in &map.scopes {
            let url = self.base.join(prefix).map(String::from).unwrap_or_default();
            let is_there = self.is_at_cdn(&url);
            let moved = if is_there { self.values(entries, Home::Cdn) } else { self.entries(entries, Home::Origin) };
            // A twin of this very prefix counts more, and what it says nothing of stays.
            let both = twins.get(&url).map(|(_, twin)| self.layered(twin, &moved));
            list.push((prefix.clone(), both.unwrap_or(moved)));
            written.insert(url);
        }
        twins.retain(|url, _| !written.contains(url));
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
        for (_, entries) in twins.values_mut() {
            self.keep_last(entries);
        }
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

    /// Takes away what a later key that means the same makes void.
    fn keep_last(&self, entries: &mut Entries) {
        let keys = entries.iter().enumerate().map(|(place, (key, _))| (self.normal(key), place));
        let places: BTreeSet<_> = keys.collect::<BTreeMap<_, _>>().into_values().collect();
        let mut place = 0..;
        entries.retain(|_| place.next().is_some_and(|place| places.contains(&place)));
    }

    /// What counts for each key, by its normalised form.
    fn last(&self, entries: &Entries) -> BTreeMap<String, Value> {
        entries.iter().map(|(key, value)| (self.normal(key), value.clone())).collect()
    }
}
