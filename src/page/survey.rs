//! What is learned of a page while it is looked through, and needed to say what goes in where.

use super::pinned::Asked;
use crate::html::attributes::Kind;
use crate::html::csp::Edited;
use crate::json::import_map::ImportMap;
use crate::json::resolver::Resolver;
use crate::model::finding::Code;
use crate::model::path::SitePath;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use url::Url;

/// What a page turned out to hold.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Where the net goes, and how the page spells its local home there.
    pub(super) net: Option<Place>,
    /// Whether anything comes from the CDN that browsers with scripts see, and the net can help with.
    pub(super) needs_net: bool,
    /// Whether anything is edited.
    pub(super) is_edited: bool,
    /// Before the first element that is edited in any way, and that something can be put in front of.
    pub(super) first_edit: Option<usize>,
    /// By how many bytes the edits before the page's `<meta charset>` make it longer.
    pub(super) growth_before_charset: usize,
    /// The modules the page begins with, and what its inline modules import.
    pub(super) modules: Modules,
    /// The page's own import map.
    pub(super) own_map: Option<OwnMap>,
    /// Why the modules of this page are left as they are, if they are.
    pub(super) leaves_modules: Option<Left>,
    /// The nonce of the page's scripts.
    pub(super) nonce: Option<String>,
    /// The Content-Security-Policies it sets.
    pub(super) policies: Vec<Policy>,
    /// What it takes from the CDN.
    pub(super) uses: Uses,
    /// What it names on the origin, although it is on the CDN as well.
    pub(super) used_at_home: BTreeSet<SitePath>,
    /// What its hints fetch from the CDN.
    pub(super) hinted: BTreeSet<SitePath>,
    /// How its scripts and sheets on the CDN are asked for.
    pub(super) asked: BTreeMap<SitePath, Asked>,
    /// Whether a script that has not the page's nonce comes from the CDN.
    pub(super) moves_without_nonce: bool,
    /// Inline scripts whose text was edited.
    pub(super) edited_scripts: EditedTexts,
    /// Inline sheets.
    pub(super) edited_styles: EditedTexts,
    /// `style` attributes.
    pub(super) edited_style_attributes: EditedTexts,
    /// Integrity that was replaced: the old value and the new one.
    pub(super) repinned: BTreeSet<(String, String)>,
}

/// Why something is left as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Left {
    pub(super) at: usize,
    pub(super) code: Code,
    pub(super) why: String,
}

/// A place between elements, and the local home as it is spelled there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) home: String,
}

/// The modules of a page.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// Where an import map must stand: before the first module and modulepreload.
    pub(super) first: Option<Place>,
    /// What module scripts and modulepreloads name: their attributes pin them.
    pub(super) entries: BTreeSet<SitePath>,
    /// What inline modules import, with its `?query`: no attribute can pin that.
    pub(super) imported: BTreeSet<(SitePath, String)>,
    /// The first `import()` of an inline script that leads to the site, or may: where it stands, and what it names.
    pub(super) at_run_time: Option<(usize, String)>,
}

/// An import map that the author wrote.
#[derive(Debug)]
pub(super) struct OwnMap {
    /// Where its text stands.
    pub(super) range: Range<usize>,
    pub(super) text: String,
    /// In front of its element.
    pub(super) before: usize,
    pub(super) map: ImportMap,
    pub(super) resolver: Resolver,
    /// What its addresses are relative to.
    pub(super) base: Url,
    /// How the site's root is spelled there.
    pub(super) home: String,
    pub(super) nonce: Option<String>,
}

/// A Content-Security-Policy in a `<meta>`.
#[derive(Debug)]
pub(super) struct Policy {
    /// The attribute's value, as it is written.
    pub(super) raw: String,
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// In front of its element.
    pub(super) before: usize,
}

/// How many edited texts are told of a page without a policy of its own: more hashes fit into no header.
const MAX_TEXTS: usize = 4096;

/// Inline texts that were edited, each once: a page may have the same one everywhere.
#[derive(Debug, Default)]
pub(super) struct EditedTexts {
    /// With their places in the order of the page.
    texts: HashMap<Edited, usize>,
}

impl EditedTexts {
    pub(super) fn insert(&mut self, text: Edited, has_policy: bool) {
        let place = self.texts.len();
        if has_policy || place < MAX_TEXTS {
            self.texts.entry(text).or_insert(place);
        }
    }

    /// In the order of the page.
    pub(super) fn to_vec(&self) -> Vec<Edited> {
        let mut texts: Vec<_> = self.texts.iter().collect();
        texts.sort_by_key(|(_, place)| **place);
        texts.into_iter().map(|(text, _)| text.clone()).collect()
    }
}

/// What a page takes from the CDN.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Uses {
    pub(super) scripts: bool,
    pub(super) deferred: bool,
    pub(super) modules: bool,
    pub(super) styles: bool,
    pub(super) images: bool,
    pub(super) fonts: bool,
    pub(super) media: bool,
}

impl Uses {
    pub(super) fn note(&mut self, kind: Kind) {
        match kind {
            Kind::Script => self.scripts = true,
            Kind::Module => self.modules = true,
            Kind::Stylesheet => self.styles = true,
            Kind::Image => self.images = true,
            Kind::Font => self.fonts = true,
            Kind::Media => self.media = true,
            Kind::Hint | Kind::WebManifest | Kind::Document => {}
        }
    }
}
