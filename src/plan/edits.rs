//! A file's bytes with every reference naming what is published.

use super::Planner;
use crate::config::settings::SourceMaps;
use crate::contents::Use;
use crate::graph::link::Link;
use crate::model::digest::Fingerprint;
use crate::model::edit::{self, Edit};
use crate::model::path::SitePath;
use crate::site::index::Asset;
use std::collections::BTreeMap;

/// The names of the members of a cycle, by their paths.
pub(super) type Names = BTreeMap<SitePath, SitePath>;

impl Planner<'_> {
    /// The bytes as they are published; `None` when nothing changes. The names of a cycle are not in the plan yet.
    pub(super) fn final_bytes(&self, path: &SitePath, asset: &Asset, cycle: &Names) -> Option<Vec<u8>> {
        let source = asset.source.as_ref()?;
        let edits: Vec<_> = self.links(path).iter().filter_map(|link| self.edit(path, link, cycle)).collect();
        (!edits.is_empty()).then(|| edit::apply(source, edits))
    }

    fn edit(&self, path: &SitePath, link: &Link, cycle: &Names) -> Option<Edit> {
        if self.variables.leaves(path, link) {
            return None;
        }
        let target = cycle.get(&link.to).or_else(|| self.plan.get(&link.to).map(|to| &to.path))?;
        let url = if link.usage == Use::SourceMap && self.config.settings.source_maps == SourceMaps::Origin {
            self.config.mount.url_of(target).to_string() + &link.suffix
        } else {
            // Under its own name already, and right in every home there is: not touched.
            let is_right = *target == link.to && (link.is_relative || self.config.cdn.is_none());
            if is_right && !cycle.contains_key(&link.to) {
                return None;
            }
            target.relative_url(path.dir()) + &link.suffix
        };
        Some(Edit::new(link.range.clone(), link.form.escape(&url)))
    }

    /// The fingerprint of a cycle: over every member's path and its bytes, in which the members' own names, which are
    /// not known yet, are their paths. So it is stable, and changes when any member or dependency changes.
    pub(super) fn group_fingerprint(&self, group: &[SitePath]) -> Fingerprint {
        let own: Names = group.iter().map(|path| (path.clone(), path.clone())).collect();
        let bytes: Vec<_> = group
            .iter()
            .filter_map(|path| {
                let asset = self.index.assets.get(path)?;
                Some(self.final_bytes(path, asset, &own).or_else(|| asset.source.clone()).unwrap_or_default())
            })
            .collect();
        let pieces = group.iter().zip(&bytes);
        Fingerprint::of_pieces(pieces.flat_map(|(path, bytes)| [path.as_str().as_bytes(), bytes]))
    }
}
