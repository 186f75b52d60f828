//! A page that is a template: a server fills its gaps in later, and may make one page of many of them.

use super::Page;
use crate::html::template::{self, Comments, Kind, StaticCall};
use crate::model::path::{self, SitePath};
use std::borrow::Cow;

/// What is known of a template before it is looked through.
#[derive(Debug)]
pub(super) struct Template {
    /// Where the net goes; `None` in a part of a page, which gets none of its own.
    pub(super) net_at: Option<usize>,
    /// Whether the author asked for the net there, whatever is edited here.
    pub(super) is_marked: bool,
    /// What is no markup.
    pub(super) comments: Comments,
}

impl Template {
    /// `None` for a page that is none. The whole page is needed.
    pub(super) fn of(path: &SitePath, page: &[u8]) -> Option<Self> {
        if template::kind(page, &path.extension()) == Kind::Page {
            return None;
        }
        let placement = template::placement(page);
        Some(Self {
            net_at: placement.as_ref().map(template::Placement::end),
            is_marked: matches!(placement, Some(template::Placement::Marker(_))),
            comments: Comments::of(page),
        })
    }
}

impl Page<'_> {
    /// A reference as a browser will see it; `None` when that is known only when the template runs.
    pub(super) fn literal<'r>(&self, reference: &'r str) -> Option<Cow<'r, str>> {
        if template::is_literal(reference) {
            return Some(Cow::Borrowed(reference));
        }
        let call = self.static_call(reference)?;
        let file = self.static_file(&call.path)?;
        let root = self.context.config.mount.path();
        Some(Cow::Owned(format!("{root}{}{}", path::encode(file.as_str()), call.suffix)))
    }

    /// The call for a static file that a reference consists of.
    pub(super) fn static_call(&self, reference: &str) -> Option<StaticCall> {
        let engines = &self.context.config.settings.templates;
        if engines.is_empty() { None } else { template::static_call(reference, engines) }
    }

    /// The file that such a call names: below `static/`, where both Django and Flask serve them from, or the site's root.
    fn static_file(&self, path: &str) -> Option<SitePath> {
        let below = SitePath::new(&format!("static/{path}")).filter(|path| self.context.index.exists(path));
        below.or_else(|| SitePath::new(path))
    }
}
