//! `tightrope explain SITE`: every reference, what becomes of it, and why.

use crate::config::Config;
use crate::contents::{Form, Use};
use crate::error::{Error, Result};
use crate::graph::link::Link;
use crate::html::svg;
use crate::model::finding::{Position, Positions, Printable};
use crate::model::path::SitePath;
use crate::page::{Context, Fate};
use crate::pipeline::{self, Prepared};
use crate::plan::Home;
use crate::site;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// One reference of the site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    /// The file it stands in.
    pub path: SitePath,
    /// Where in the file.
    pub position: Position,
    /// What it is: `img[src]`, `url()`, `import`.
    pub what: String,
    /// As it is written.
    pub reference: String,
    /// What becomes of it.
    pub fate: Fate,
}

/// The references of all pages, stylesheets and scripts, or of one of them, by path and position.
pub fn explain(site: &Path, page: Option<&SitePath>, config: &Config) -> Result<Vec<Explained>> {
    let root = site;
    let (site, findings) = site::walk_with(site, config.settings.follow_links)?;
    let prepared = pipeline::prepare(site, findings, config)?;
    if let Some(page) = page.filter(|page| !prepared.index.exists(page)) {
        let source = std::io::ErrorKind::NotFound.into();
        return Err(Error::Io { action: "read", path: root.join(page.as_str()), source });
    }
    let context = Context { explain: true, ..prepared.context(config) };
    let of_pages = pipeline::each_page(context, |file, path| {
        if page.is_some_and(|wanted| wanted != path) {
            return Ok(Vec::new());
        }
        let bytes = prepared.site.read(path).map_err(crate::error::io_error("read", &file.relative))?;
        let decisions = pipeline::look_at_page(file, path, context)?.decisions;
        Ok(decisions
            .into_iter()
            .map(|decision| Explained {
                path: path.clone(),
                position: Position::of(&bytes, decision.at),
                what: decision.what,
                reference: decision.reference,
                fate: decision.fate,
            })
            .collect())
    })?;
    let mut all: Vec<_> = of_pages.into_iter().flatten().collect();
    let of_files = of_files(&prepared, config).into_iter();
    all.extend(of_files.filter(|one| page.is_none_or(|wanted| *wanted == one.path)));
    all.sort_by(|a, b| (&a.path, a.position).cmp(&(&b.path, b.position)));
    Ok(all)
}

/// The references in stylesheets, scripts and the like, which are always relative: they go where their file goes.
fn of_files(prepared: &Prepared, config: &Config) -> Vec<Explained> {
    let linked = prepared.graph.linked.iter();
    linked.flat_map(|(path, linked)| of_file(path, &linked.links, prepared, config).unwrap_or_default()).collect()
}

fn of_file(path: &SitePath, links: &[Link], prepared: &Prepared, config: &Config) -> Option<Vec<Explained>> {
    let from = prepared.plan.get(path)?;
    let source = prepared.index.assets.get(path)?.source.as_deref()?;
    let mut positions = Positions::of(links.iter().map(|link| link.range.start));
    positions.feed(source);
    let of_link = |link: &Link| {
        let reference = String::from_utf8_lossy(source.get(link.range.clone())?).into_owned();
        let to = match from.bytes {
            Some(_) => prepared.plan.get(&link.to)?.path.relative_url(path.dir()) + &link.suffix,
            None => reference.clone(),
        };
        let fate = match config.cdn {
            Some(_) if from.home == Home::Cdn => Fate::Moves { to },
            _ => Fate::Stays {
                to,
                why: "it goes where its file goes, and that is published on the origin alone".to_owned(),
            },
        };
        let what = what(link).to_owned();
        Some(Explained { path: path.clone(), position: positions.get(link.range.start), what, reference, fate })
    };
    Some(links.iter().filter_map(of_link).collect())
}

fn what(link: &Link) -> &'static str {
    match (&link.usage, link.form) {
        (Use::Import, _) => "import",
        (Use::DynamicImport, _) => "import()",
        (Use::Made, _) => "import.meta",
        (Use::SourceMap, _) => "sourceMappingURL",
        (Use::Fetch, Form::Json) => "icon",
        (Use::Fetch, Form::Svg(svg::Form::Attribute)) => "attribute",
        (Use::Element | Use::Fetch | Use::CustomProperty { .. }, _) => "url()",
    }
}

/// For people: a line each, and how many there are of each fate.
pub fn to_text(all: &[Explained]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut text = String::new();
    for Explained { path, position: Position { line, column }, what, reference, fate } in all {
        let (name, told) = match fate {
            Fate::Moves { to } => ("move", format!("moves to {to}")),
            Fate::Stays { to, why } => ("stay", format!("stays as {to}: {why}")),
            Fate::Left { why } => ("are left alone", format!("left alone: {why}")),
        };
        *counts.entry(name).or_default() += 1;
        let told = format!("{path}:{line}:{column}: {what} `{reference}` {told}");
        text += &format!("{}\n", Printable(&told));
    }
    let counts: Vec<_> = counts.into_iter().map(|(name, count)| format!("{count} {name}")).collect();
    let counts = if all.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
    text + &format!("{} references{counts}\n", all.len())
}

/// For programs.
pub fn to_json(all: &[Explained]) -> String {
    let all: Vec<_> = all
        .iter()
        .map(|one| {
            let (fate, to, why) = match &one.fate {
                Fate::Moves { to } => ("moves", Some(to), None),
                Fate::Stays { to, why } => ("stays", Some(to), Some(why)),
                Fate::Left { why } => ("left", None, Some(why)),
            };
            json!({
                "path": one.path.as_str(),
                "line": one.position.line,
                "column": one.position.column,
                "what": one.what,
                "reference": one.reference,
                "fate": fate,
                "to": to,
                "why": why,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(all))
}
