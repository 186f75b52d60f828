//! Whether a rewritten page is still the page it was, by a parser that is not ours: both are parsed by html5ever, with
//! scripting and without, and the trees are walked in step. They must be equal but for what a rewrite may change, and
//! every changed URL must lead back to the file it named before.

#![allow(unreachable_pub)] // Whoever includes this room decides who sees it.

mod decode;
pub mod site;
mod text;
mod tree;
mod undo;

use std::fmt;
use tightrope::html::template;
use tree::{Element, Node, Tree};
pub use undo::Published;
use undo::{Check, Syntax};
use url::Url;

/// Where two pages differ in a way that no rewrite may cause.
#[derive(Debug)]
pub struct Difference {
    /// The way down from the document: `html > body > p#2`, and how it was parsed.
    pub path: String,
    /// What is wrong there.
    pub why: String,
    /// What the page had, and what it has now.
    pub before: String,
    pub after: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  before: {:?}\n  after:  {:?}", self.path, self.why, self.before, self.after)
    }
}

/// Holds a page against its rewrite. The last tree compared is the one with scripting off.
pub fn compare(before: &[u8], after: &[u8], site: &Published) -> Result<(), Difference> {
    let (old, encoding) = decode::decode(before);
    let (new, its_encoding) = decode::decode(after);
    if encoding != its_encoding {
        return Err(Difference {
            path: "the page".to_owned(),
            why: "a browser reads it in another encoding".to_owned(),
            before: encoding.name().to_owned(),
            after: its_encoding.name().to_owned(),
        });
    }
    let site = site.in_encoding(encoding);
    for scripting in [true, false] {
        let (mut old, mut new) = (Tree::of(&old, scripting), Tree::of(&new, scripting));
        let net = new.remove_injected(&old);
        // What the author marked himself goes out of both, so that it is not missed in one.
        old.remove_marked();
        let root = if scripting { "scripting on" } else { "scripting off" };
        let mut walk =
            Walk { site: &site, base: &site.page, scripting, quiet: false, first_edit: None, needs_net: false };
        walk.trees(root, &old, &new)?;
        // A template has its net where its head is, or in another template around it.
        if template::kind(before, "html") == template::Kind::Template {
            continue;
        }
        walk.net_stands_where_it_must(root, &net)?;
    }
    Ok(())
}

/// Whether browsers with scripts and browsers without see different pages outside of `<noscript>`:
/// `<noscript><!--</noscript><img src=a.png>` is an image to the former only. Such pages are not compared: what is right
/// for one reader is wrong for the other.
pub fn is_two_faced(page: &[u8]) -> bool {
    Tree::of(&decode::decode(page).0, true).is_two_faced()
}

/// The walk through two trees.
struct Walk<'w> {
    site: &'w Published,
    /// What a document without a `<base>` resolves against.
    base: &'w Url,
    scripting: bool,
    /// In templates and `<noscript>`, where an edit does not call for the net.
    quiet: bool,
    /// When the first edited element was made, in the new page.
    first_edit: Option<usize>,
    /// Whether any edited element takes something from the CDN that the net can help with.
    needs_net: bool,
}

/// Whether an element takes something from the CDN and is told when that fails. Hints, icons, posters, backgrounds and
/// what sheets draw are not.
fn tells_of_failure(element: &Element) -> bool {
    let uses = |name: &str| element.attribute(name).is_some_and(|value| value.contains(site::CDN));
    let text = element.only_text().unwrap_or_default();
    match element.name.as_str() {
        "script" => uses("src") || text.contains(site::CDN),
        "style" => text.contains("@import") && text.contains(site::CDN),
        "link" => uses("href") && element.attribute("rel").is_some_and(|rel| rel.to_lowercase().contains("stylesheet")),
        "img" | "image" | "source" | "audio" | "video" | "track" | "input" => {
            ["src", "srcset", "href", "xlink:href"].into_iter().any(uses)
        }
        _ => false,
    }
}

fn differ<T>(
    path: &str,
    why: impl Into<String>,
    before: impl Into<String>,
    after: impl Into<String>,
) -> Result<T, Difference> {
    Err(Difference { path: path.to_owned(), why: why.into(), before: before.into(), after: after.into() })
}

impl Walk<'_> {
    fn trees(&mut self, path: &str, old: &Tree, new: &Tree) -> Result<(), Difference> {
        if old.quirks != new.quirks {
            return differ(path, "quirks mode", &old.quirks, &new.quirks);
        }
        self.lists(path, &old.nodes, &new.nodes, (old, new))
    }

    fn lists(&mut self, path: &str, old: &[Node], new: &[Node], trees: (&Tree, &Tree)) -> Result<(), Difference> {
        let longer = old.len().max(new.len());
        for at in 0..longer {
            let (old, new) = (old.get(at), new.get(at));
            match (old, new) {
                (Some(Node::Element(old)), Some(Node::Element(new))) => {
                    self.element(&format!("{path} > {}#{at}", old.name), old, new, trees)?;
                }
                (Some(old), Some(new)) if old == new => {}
                _ => {
                    let say = |node: Option<&Node>| node.map_or_else(|| "nothing".to_owned(), Node::to_string);
                    return differ(&format!("{path} > #{at}"), "another node", say(old), say(new));
                }
            }
        }
        Ok(())
    }

    fn element(&mut self, path: &str, old: &Element, new: &Element, trees: (&Tree, &Tree)) -> Result<(), Difference> {
        if (&old.namespace, &old.name) != (&new.namespace, &new.name) {
            return differ(path, "another element", old.to_string(), new.to_string());
        }
        let base = trees.0.base_of(old, self.base);
        if base != trees.1.base_of(new, self.base) {
            return differ(path, "another base URL", base, trees.1.base_of(new, self.base));
        }
        if old.attributes != new.attributes {
            // A second `<html>` or `<body>` tag adds its attributes to the first, later than any `<base>` in between.
            let merged = matches!(old.name.as_str(), "html" | "body");
            let last = trees.0.base_at(usize::MAX, self.base);
            self.attributes(path, old, new, &base)
                .or_else(|difference| if merged { self.attributes(path, old, new, &last) } else { Err(difference) })?;
            self.note_edit(new);
        }
        let outer = self.quiet;
        self.quiet |= old.name == "noscript" || old.contents.is_some();
        match (old.only_text(), new.only_text()) {
            (Some(was), Some(is)) if was != is => {
                self.text(path, old, (&was, &is), &base)?;
                self.note_edit(new);
            }
            (Some(_), Some(_)) => {}
            _ => self.lists(path, &old.children, &new.children, trees)?,
        }
        if let (Some(old), Some(new)) = (&old.contents, &new.contents) {
            self.lists(&format!("{path} > contents"), old, new, trees)?;
        }
        self.quiet = outer;
        Ok(())
    }

    /// An edit that the net must stand before. No script can stand before `html`, `head` and `body`, and there is nothing
    /// in their attributes that it could do anything for.
    fn note_edit(&mut self, new: &Element) {
        if !self.quiet && !matches!(new.name.as_str(), "html" | "head" | "body") {
            self.first_edit = Some(self.first_edit.map_or(new.made, |first| first.min(new.made)));
            self.needs_net |= tells_of_failure(new);
        }
    }

    fn attributes(&mut self, path: &str, old: &Element, new: &Element, base: &Url) -> Result<(), Difference> {
        let mut rest = old.attributes.iter().peekable();
        for (name, value) in &new.attributes {
            let was = rest.next_if(|(known, _)| known == name).map(|(_, value)| value.as_str());
            if was == Some(value.as_str()) {
                continue;
            }
            let place = format!("{path}[{name}]");
            let allowed = match was {
                None => self.may_be_added(new, name, value, base),
                Some(was) => match undo::syntax(old, name) {
                    Some(Syntax::Document) => {
                        self.document(&place, was, value, base)?;
                        Ok(())
                    }
                    Some(syntax) => Check { site: self.site, base }.undo(syntax, was, value),
                    None if name == "integrity" => self.may_be_added(new, name, value, base),
                    None => Err("this attribute may not change".to_owned()),
                },
            };
            if let Err(why) = allowed {
                return differ(&place, why, was.unwrap_or("not there"), value);
            }
        }
        match rest.next() {
            Some((name, value)) => differ(&format!("{path}[{name}]"), "an attribute is gone", value, new.to_string()),
            None => Ok(()),
        }
    }

    /// `integrity`, `crossorigin` and our own mark, on scripts and links.
    fn may_be_added(&self, new: &Element, name: &str, value: &str, base: &Url) -> Result<(), String> {
        if !matches!(new.name.as_str(), "script" | "link") {
            return Err("an attribute that was not there".to_owned());
        }
        match name {
            "data-tightrope" => Ok(()),
            "crossorigin" if matches!(value, "anonymous" | "use-credentials") => Ok(()),
            "integrity" => {
                let url = ["src", "href", "xlink:href"].iter().find_map(|name| new.attribute(name)).unwrap_or_default();
                match (Check { site: self.site, base }).integrity_of(url) {
                    Some(integrity) if integrity == value => Ok(()),
                    Some(_) => Err("not the integrity of the published bytes".to_owned()),
                    None => Err(format!("integrity for `{url}`, which is not published")),
                }
            }
            _ => Err("an attribute that was not there".to_owned()),
        }
    }

    fn text(&mut self, path: &str, old: &Element, (was, is): (&str, &str), base: &Url) -> Result<(), Difference> {
        let Some(syntax) = undo::text_syntax(old, self.scripting) else {
            return differ(path, "text that may not change", was, is);
        };
        if syntax == Syntax::Document {
            // What a browser without scripts reads; nothing may be put in there.
            let (old, new) = (Tree::of_noscript(was), Tree::of_noscript(is));
            let mut inner = Walk { base, scripting: false, quiet: true, first_edit: None, needs_net: false, ..*self };
            return inner.trees(&format!("{path} > (as markup)"), &old, &new);
        }
        match (Check { site: self.site, base }).undo(syntax, was, is) {
            Ok(()) => Ok(()),
            Err(why) => differ(path, why, was, is),
        }
    }

    /// A document in an attribute (`srcdoc`): its base is that of the page around it.
    fn document(&self, path: &str, was: &str, is: &str, base: &Url) -> Result<(), Difference> {
        let (mut old, mut new) = (Tree::of(was, self.scripting), Tree::of(is, self.scripting));
        new.remove_injected(&old);
        old.remove_marked();
        Walk { base, quiet: true, first_edit: None, needs_net: false, ..*self }.trees(path, &old, &new)
    }

    /// The net is one script that runs, before everything it is there for.
    fn net_stands_where_it_must(&self, path: &str, nets: &[tree::Net]) -> Result<(), Difference> {
        let places = || format!("{nets:?}");
        match (nets, self.first_edit) {
            _ if !self.scripting => Ok(()),
            ([], Some(_)) if self.site.net && self.needs_net => differ(path, "an edit without the net", "", ""),
            ([net], _) if !net.runs => differ(path, "the net stands where it does not run", "", places()),
            ([net], Some(edit)) if net.made > edit => {
                differ(path, "the net comes after an edited element", "", places())
            }
            ([] | [_], _) => Ok(()),
            _ => differ(path, "more than one net", "", places()),
        }
    }
}
