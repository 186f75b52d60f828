//! A page as html5ever understands it, in plain values.

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{Attribute, ExpandedName, LocalName, ParseOpts, QualName, ns};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use tightrope::fallback::LOADER;
use url::Url;

/// A document.
#[derive(Debug)]
pub struct Tree {
    pub nodes: Vec<Node>,
    pub quirks: String,
    /// Every `<base href>` that counts, in tree order: when it was made, and its address.
    bases: Vec<(usize, String)>,
}

/// A node. Text beside text is one node.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    Element(Box<Element>),
    Text(String),
    Comment(String),
    Doctype(String),
}

/// An element.
#[derive(Clone, PartialEq, Debug)]
pub struct Element {
    pub namespace: String,
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Node>,
    /// What a `<template>` holds.
    pub contents: Option<Vec<Node>>,
    /// The how-manieth element the parser made: which came first in the page, wherever they ended up.
    pub made: usize,
}

/// A net that was put in.
#[derive(Debug)]
pub struct Net {
    pub made: usize,
    /// Whether it is a script of the page that runs, and whole.
    pub runs: bool,
}

impl Tree {
    /// Parses a document.
    pub fn of(text: &str, scripting: bool) -> Self {
        let options = options(scripting);
        let sink = html5ever::parse_document(Sink::default(), options).one(StrTendril::from(text));
        let document = sink.dom.document.clone();
        sink.tree(&document)
    }

    /// Parses what a `<noscript>` holds, as a browser without scripts does.
    pub fn of_noscript(text: &str) -> Self {
        let context = QualName::new(None, ns!(html), LocalName::from("div"));
        let sink = html5ever::parse_fragment(Sink::default(), options(false), context, Vec::new(), false);
        let sink = sink.one(StrTendril::from(text));
        let document = sink.dom.document.clone();
        sink.tree(&document)
    }

    /// The base URL that the references of an element are resolved against: that of the first `<base href>` in the
    /// tree, of those that were there before it.
    pub fn base_of(&self, element: &Element, page: &Url) -> Url {
        self.base_at(element.made, page)
    }

    /// The base URL when that many elements had been made.
    pub fn base_at(&self, made: usize, page: &Url) -> Url {
        let found = self.bases.iter().find(|(known, _)| *known <= made);
        let joined = found.and_then(|(_, href)| page.join(href).ok());
        joined.filter(|base| !matches!(base.scheme(), "data" | "javascript")).unwrap_or_else(|| page.clone())
    }

    /// Whether a `<noscript>` reaches further for a browser without scripts than for one with them, or moves its base:
    /// then they see two different pages.
    pub fn is_two_faced(&self) -> bool {
        let mut found = false;
        each(&self.nodes, &mut |element| {
            if element.is_html() && element.name == "noscript" {
                let text = element.only_text().unwrap_or_default();
                let inside = Self::of_noscript(&format!("{text}<behind-it>"));
                // Columns and framesets leave the parser in a state that only the page around shows.
                let lower = text.to_ascii_lowercase();
                let lasting = ["<frameset", "<col"].iter().any(|tag| lower.contains(tag));
                found |= lasting || !inside.bases.is_empty() || !shows(&inside.nodes, "behind-it");
            }
        });
        found
    }

    /// Takes out what was put in: the net, the map, and the copy of the page's `<meta charset>`.
    pub fn remove_injected(&mut self, old: &Tree) -> Vec<Net> {
        let mine = declarations(&self.nodes);
        let theirs = declarations(&old.nodes);
        let copy = if mine.len() == theirs.len() + 1 { copy_of(&mine, &theirs) } else { None };
        let mut nets = Vec::new();
        let ours = nets_of(&old.nodes);
        find_nets(&self.nodes, false, &mut nets);
        nets.truncate(nets.len().saturating_sub(ours));
        remove(&mut self.nodes, &|element| is_marked(element) || Some(element.made) == copy);
        nets
    }

    /// Takes out what looks as if it had been put in.
    pub fn remove_marked(&mut self) {
        remove(&mut self.nodes, &is_marked);
    }
}

fn options(scripting: bool) -> ParseOpts {
    let tree_builder = TreeBuilderOpts { scripting_enabled: scripting, ..TreeBuilderOpts::default() };
    ParseOpts { tree_builder, ..ParseOpts::default() }
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn is_html(&self) -> bool {
        self.namespace.ends_with("xhtml")
    }

    /// Its text, when it holds nothing else.
    pub fn only_text(&self) -> Option<String> {
        match self.children.as_slice() {
            [] => Some(String::new()),
            [Node::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }
}

/// Whether this is a script that tightrope puts in.
fn is_marked(element: &Element) -> bool {
    element.is_html()
        && element.name == "script"
        && matches!(element.attribute("data-tightrope"), Some("net" | "map"))
        && element.attribute("src").is_none()
}

fn each<'n>(nodes: &'n [Node], visit: &mut dyn FnMut(&'n Element)) {
    for node in nodes {
        if let Node::Element(element) = node {
            visit(element);
            each(&element.children, visit);
            each(element.contents.as_deref().unwrap_or_default(), visit);
        }
    }
}

/// Whether there is such an element, in HTML and outside templates.
fn shows(nodes: &[Node], name: &str) -> bool {
    nodes.iter().any(|node| match node {
        Node::Element(element) => element.is_html() && (element.name == name || shows(&element.children, name)),
        _ => false,
    })
}

/// The `<meta>` elements that declare an encoding, in the order they were made.
fn declarations(nodes: &[Node]) -> Vec<&Element> {
    let mut found = Vec::new();
    each(nodes, &mut |element| {
        let declares = element.attribute("charset").is_some()
            || element.attribute("content").is_some_and(|content| content.to_ascii_lowercase().contains("charset"));
        if element.is_html() && element.name == "meta" && declares {
            found.push(element);
        }
    });
    found.sort_by_key(|element| element.made);
    found
}

/// When the copy of a declaration was made: the first of those that there are more of now. A browser looks for
/// declarations in titles and scripts as well, so there may have been none.
fn copy_of(now: &[&Element], before: &[&Element]) -> Option<usize> {
    let count = |list: &[&Element], like: &Element| list.iter().filter(|one| one.attributes == like.attributes).count();
    now.iter().find(|one| count(now, one) > count(before, one)).map(|copy| copy.made)
}

fn nets_of(nodes: &[Node]) -> usize {
    let mut nets = Vec::new();
    find_nets(nodes, false, &mut nets);
    nets.len()
}

fn find_nets(nodes: &[Node], inert: bool, nets: &mut Vec<Net>) {
    for node in nodes {
        let Node::Element(element) = node else { continue };
        if is_marked(element) && element.attribute("data-tightrope") == Some("net") {
            let whole = element.only_text().is_some_and(|text| text == LOADER);
            nets.push(Net { made: element.made, runs: whole && !inert });
        }
        find_nets(&element.children, inert, nets);
        find_nets(element.contents.as_deref().unwrap_or_default(), true, nets);
    }
}

fn remove(nodes: &mut Vec<Node>, unwanted: &dyn Fn(&Element) -> bool) {
    nodes.retain(|node| !matches!(node, Node::Element(element) if unwanted(element)));
    merge(nodes);
    for node in nodes {
        if let Node::Element(element) = node {
            remove(&mut element.children, unwanted);
            if let Some(contents) = &mut element.contents {
                remove(contents, unwanted);
            }
        }
    }
}

/// Makes text beside text one node.
fn merge(nodes: &mut Vec<Node>) {
    nodes.dedup_by(|next, kept| match (kept, next) {
        (Node::Text(kept), Node::Text(next)) => {
            kept.push_str(next);
            true
        }
        _ => false,
    });
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        self.attributes.iter().try_for_each(|(name, value)| write!(f, " {name}={value:?}"))?;
        write!(f, "> ({})", self.namespace.rsplit('/').next().unwrap_or_default())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Element(element) => element.fmt(f),
            Self::Text(text) => write!(f, "text {text:?}"),
            Self::Comment(text) => write!(f, "comment {text:?}"),
            Self::Doctype(text) => write!(f, "doctype {text}"),
        }
    }
}

/// rcdom, and the order in which elements were made.
#[derive(Default)]
struct Sink {
    dom: RcDom,
    made: RefCell<HashMap<*const markup5ever_rcdom::Node, usize>>,
    /// Keeps every element, so that no two have the same address.
    kept: RefCell<Vec<Handle>>,
}

impl Sink {
    fn tree(&self, document: &Handle) -> Tree {
        let mut bases = Vec::new();
        let nodes = self.nodes(document, Some(&mut bases));
        Tree { nodes, quirks: format!("{:?}", self.dom.quirks_mode.get()), bases }
    }

    /// The children of a node. Bases count unless they are in a template.
    fn nodes(&self, parent: &Handle, mut bases: Option<&mut Vec<(usize, String)>>) -> Vec<Node> {
        let mut nodes = Vec::new();
        for child in parent.children.borrow().iter() {
            nodes.push(match &child.data {
                NodeData::Text { contents } => Node::Text(contents.borrow().to_string()),
                NodeData::Comment { contents } => Node::Comment(contents.to_string()),
                NodeData::Doctype { name, public_id, system_id } => {
                    Node::Doctype(format!("{name} {public_id:?} {system_id:?}"))
                }
                NodeData::Element { name, attrs, template_contents, .. } => {
                    let element = self.element(child, name, &attrs.borrow());
                    if let (Some(bases), true, Some(href)) =
                        (bases.as_deref_mut(), element.is_html() && element.name == "base", element.attribute("href"))
                    {
                        bases.push((element.made, href.to_owned()));
                    }
                    let children = self.nodes(child, bases.as_deref_mut());
                    let contents = template_contents.borrow().as_ref().map(|contents| self.nodes(contents, None));
                    Node::Element(Box::new(Element { children, contents, ..element }))
                }
                other => Node::Comment(format!("{other:?}")),
            });
        }
        merge(&mut nodes);
        nodes
    }

    fn element(&self, handle: &Handle, name: &QualName, attributes: &[Attribute]) -> Element {
        let attributes = attributes.iter().map(|attribute| {
            let prefix = attribute.name.prefix.as_ref().map(|prefix| format!("{prefix}:")).unwrap_or_default();
            (format!("{prefix}{}", attribute.name.local), attribute.value.to_string())
        });
        Element {
            namespace: name.ns.to_string(),
            name: name.local.to_string(),
            attributes: attributes.collect(),
            children: Vec::new(),
            contents: None,
            made: self.made.borrow().get(&Rc::as_ptr(handle)).copied().unwrap_or_default(),
        }
    }
}

impl TreeSink for Sink {
    type Handle = Handle;
    type Output = Self;
    type ElemName<'a> = ExpandedName<'a>;

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> Handle {
        let handle = self.dom.create_element(name, attrs, flags);
        let mut kept = self.kept.borrow_mut();
        kept.push(handle.clone());
        self.made.borrow_mut().insert(Rc::as_ptr(&handle), kept.len());
        handle
    }

    fn finish(self) -> Self {
        self
    }
    fn parse_error(&self, _: Cow<'static, str>) {}
    fn get_document(&self) -> Handle {
        self.dom.get_document()
    }
    fn elem_name<'a>(&'a self, target: &'a Handle) -> ExpandedName<'a> {
        self.dom.elem_name(target)
    }
    fn create_comment(&self, text: StrTendril) -> Handle {
        self.dom.create_comment(text)
    }
    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.dom.create_pi(target, data)
    }
    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.dom.append(parent, child);
    }
    fn append_based_on_parent_node(&self, element: &Handle, previous: &Handle, child: NodeOrText<Handle>) {
        self.dom.append_based_on_parent_node(element, previous, child);
    }
    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        self.dom.append_doctype_to_document(name, public, system);
    }
    fn get_template_contents(&self, target: &Handle) -> Handle {
        self.dom.get_template_contents(target)
    }
    fn same_node(&self, x: &Handle, y: &Handle) -> bool {
        self.dom.same_node(x, y)
    }
    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.dom.set_quirks_mode(mode);
    }
    fn append_before_sibling(&self, sibling: &Handle, node: NodeOrText<Handle>) {
        self.dom.append_before_sibling(sibling, node);
    }
    fn add_attrs_if_missing(&self, target: &Handle, attrs: Vec<Attribute>) {
        self.dom.add_attrs_if_missing(target, attrs);
    }
    fn remove_from_parent(&self, target: &Handle) {
        self.dom.remove_from_parent(target);
    }
    fn reparent_children(&self, node: &Handle, parent: &Handle) {
        self.dom.reparent_children(node, parent);
    }
    fn is_mathml_annotation_xml_integration_point(&self, handle: &Handle) -> bool {
        self.dom.is_mathml_annotation_xml_integration_point(handle)
    }
}
