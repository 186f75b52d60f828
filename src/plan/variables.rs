//! URLs in custom properties: what they are relative to is decided by who uses them.
//!
//! `--icon: url(a.png)` in one sheet and `var(--icon)` in another is relative to the other in Chromium and Firefox, and to
//! the first in WebKit (`tests/browser/custom_properties.rs`). So such a URL is edited only where all sheets that use the
//! property lie in one directory with the one that sets it: then it does not matter who is asked. Elsewhere it stays, and
//! finds the file under its own name, which is published as well.

use crate::config::Config;
use crate::contents::Use;
use crate::graph::link::{AssetGraph, Link};
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::site::index::AssetIndex;
use std::collections::{BTreeMap, BTreeSet};

/// Which sheets use which custom property.
#[derive(Debug, Default)]
pub(super) struct Variables<'g> {
    properties: BTreeMap<&'g str, Property<'g>>,
}

/// What is known of one custom property.
#[derive(Debug, Default)]
struct Property<'g> {
    /// The sheets that use it for properties of CSS.
    users: Vec<&'g SitePath>,
    /// The custom properties that it is used in.
    used_in: BTreeSet<&'g str>,
    /// Where its users are.
    users_are: Users<'g>,
}

/// Where the sheets are that use a property, by itself or through others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Users<'g> {
    /// No sheet does: pages or scripts might.
    #[default]
    Nowhere,
    /// All in this directory.
    In(&'g str),
    /// In several directories, or nobody knows.
    Anywhere,
}

impl Users<'_> {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nowhere, users) | (users, Self::Nowhere) => users,
            (Self::In(one), Self::In(other)) if one == other => self,
            _ => Self::Anywhere,
        }
    }
}

impl<'g> Variables<'g> {
    pub(super) fn of(graph: &'g AssetGraph) -> Self {
        let mut variables = Self::default();
        for (path, linked) in &graph.linked {
            for used in &linked.variables {
                let property = variables.properties.entry(&used.name).or_default();
                match &used.used_in {
                    Some(other) => drop(property.used_in.insert(other)),
                    None => property.users.push(path),
                }
            }
        }
        for property in variables.properties.values_mut() {
            property.users_are = property.users.iter().fold(Users::Nowhere, |all, user| all.and(Users::In(user.dir())));
        }
        variables.follow(|users| users);
        // What is used in a property that no sheet uses might be used by anybody.
        variables.follow(|users| if users == Users::Nowhere { Users::Anywhere } else { users });
        variables
    }

    /// Lets every property know of the users of those that it is used in, until nothing is new. That ends soon: what is
    /// known of a property changes twice at most.
    fn follow(&mut self, as_seen: impl Fn(Users<'g>) -> Users<'g>) {
        let mut used: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, property) in &self.properties {
            property.used_in.iter().for_each(|other| used.entry(other).or_default().push(name));
        }
        let mut open: Vec<&str> = used.keys().copied().collect();
        while let Some(other) = open.pop() {
            let seen = as_seen(self.users_of(other));
            for name in used.get(other).into_iter().flatten() {
                let Some(property) = self.properties.get_mut(name) else { continue };
                let users = property.users_are.and(seen);
                if std::mem::replace(&mut property.users_are, users) != users {
                    open.push(name);
                }
            }
        }
    }

    fn users_of(&self, name: &str) -> Users<'g> {
        self.properties.get(name).map_or(Users::Nowhere, |property| property.users_are)
    }

    /// Whether a reference of `from` stays as it is written.
    pub(super) fn leaves(&self, from: &SitePath, link: &Link) -> bool {
        match &link.usage {
            Use::CustomProperty { name, .. } => self.users_of(name) != Users::In(from.dir()),
            _ => false,
        }
    }

    /// The sheets that must stay on the origin: what they set or use names an element of another file, or is written
    /// from the root and left like that, and the root is elsewhere on the CDN.
    pub(super) fn at_home(
        &self,
        index: &AssetIndex,
        graph: &'g AssetGraph,
        config: &Config,
    ) -> (Vec<&'g SitePath>, Vec<Finding>) {
        let (mut at_home, mut findings, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (path, linked) in &graph.linked {
            let mut told = Vec::new();
            for link in &linked.links {
                let Use::CustomProperty { name, is_element } = &link.usage else { continue };
                let finding = if *is_element {
                    (Code::ElementNeedsOrigin, format!("`{name}` may name an element of another file"))
                } else if !link.is_relative && !config.has_same_root() && self.leaves(path, link) {
                    (Code::CustomPropertyUrl, format!("`{name}` holds a URL from the root"))
                } else {
                    continue;
                };
                told.push((link.range.start, finding.0, finding.1));
                names.insert(&**name);
            }
            at_home.extend((!told.is_empty()).then_some(path));
            let bytes = index.assets.get(path).and_then(|asset| asset.source.as_deref()).unwrap_or_default();
            findings.extend(Finding::all_at(path.as_str(), bytes, told));
        }
        at_home.extend(self.all_users(names));
        (at_home, findings)
    }

    /// The sheets that use any of these properties, by itself or through others.
    fn all_users(&self, names: BTreeSet<&str>) -> BTreeSet<&'g SitePath> {
        let (mut users, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<_> = names.into_iter().collect();
        while let Some(property) = open.pop() {
            if let Some(property) = self.properties.get(property).filter(|_| seen.insert(property.to_owned())) {
                users.extend(&property.users);
                open.extend(&property.used_in);
            }
        }
        users
    }
}
