//! The grammar of stylesheets, as far as references need it (CSS Syntax Level 3, section 5): which tokens are the value
//! of a declaration, and which a selector or the prelude of a rule.

use super::block::Block;
use super::elements;
use super::imports::{self, Place, Shape};
use super::{Reference, Use, Variable, raw, tokens};
use cssparser::Token;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What stands in a text of CSS.
#[derive(Default)]
pub(super) struct Found {
    pub(super) references: Vec<Reference>,
    pub(super) variables: BTreeSet<Variable>,
}

/// Everything in a stylesheet.
pub(super) fn stylesheet(css: &str) -> Found {
    Finder::new(css, true).read()
}

/// Everything in a list of declarations, as it stands in a `style` attribute.
pub(super) fn declarations(css: &str) -> Found {
    Finder::new(css, false).read()
}

/// What is being read: the innermost declaration or rule. When a rule's block opens, nothing of the rule is needed any
/// more, so there is only ever one.
enum Item {
    /// Between two of them.
    Start,
    /// A name, which may become a declaration or a nested rule.
    Name(Arc<str>),
    /// The value of a property.
    Declaration(Arc<str>),
    /// The prelude of an at-rule with this name in lower case.
    AtRule(String),
    /// The prelude of a style rule, or what is none and is skipped like one.
    Rule,
}

/// `url("x" …)`, while it is open.
struct UrlFunction {
    /// How many blocks are open within its parentheses.
    depth: usize,
    usage: Use,
    string: Option<(Range<usize>, String)>,
    /// It is fetched in a way that another file or another home would not stand.
    is_tied: bool,
    is_dead: bool,
}

struct Finder<'a> {
    css: &'a str,
    is_sheet: bool,
    blocks: Vec<Block>,
    item: Item,
    /// How many blocks were open, and how many references found, when the item began.
    depth: usize,
    first: usize,
    /// The declaration holds something that makes every browser drop it.
    is_dead: bool,
    url: Option<UrlFunction>,
    /// The name of the `@property` or `@function` around, and how many blocks are open within its block.
    custom: Option<(usize, Arc<str>)>,
    place: Place,
    shape: Shape,
    found: Found,
}

impl<'a> Finder<'a> {
    fn new(css: &'a str, is_sheet: bool) -> Self {
        Self {
            css,
            is_sheet,
            blocks: Vec::new(),
            item: Item::Start,
            depth: 0,
            first: 0,
            is_dead: false,
            url: None,
            custom: None,
            place: if is_sheet { Place::Layers } else { Place::Body },
            shape: Shape::default(),
            found: Found::default(),
        }
    }

    fn read(mut self) -> Found {
        tokens::each(self.css, |token, range| self.token(token, range));
        // At the end of the file, everything that is open is closed.
        self.close_url();
        self.end(false);
        self.found
    }

    fn token(&mut self, token: &Token<'_>, range: Range<usize>) {
        if self.blocks.len() == self.depth { self.in_item(token, range) } else { self.in_brackets(token, range) }
    }

    /// A token that is in no brackets but those around the item.
    fn in_item(&mut self, token: &Token<'_>, range: Range<usize>) {
        let is_top = self.blocks.is_empty();
        if *token == Token::CloseCurlyBracket && !is_top {
            self.close_contents();
            return;
        }
        match (&mut self.item, token) {
            (Item::Start, _) => self.begin(token, &range, is_top),
            (Item::Name(name), Token::Colon) => self.item = Item::Declaration(Arc::clone(name)),
            (Item::Name(_) | Item::Declaration(_) | Item::AtRule(_), Token::Semicolon) => self.end(false),
            // At the top of a sheet a semicolon is part of a selector, and makes it none.
            (Item::Rule, Token::Semicolon) if !is_top || !self.is_sheet => self.end(false),
            (Item::Name(_), _) => {
                self.item = Item::Rule;
                self.prelude(token, &range);
            }
            (Item::Declaration(name), Token::CurlyBracketBlock) if !name.starts_with("--") => self.open_contents(),
            (Item::Declaration(_), _) => self.value(token, &range),
            (Item::AtRule(_), _) => self.at_rule(token, &range),
            (Item::Rule, _) => self.prelude(token, &range),
        }
    }

    fn begin(&mut self, token: &Token<'_>, range: &Range<usize>, is_top: bool) {
        let in_sheet = is_top && self.is_sheet;
        self.item = match token {
            Token::Semicolon if !in_sheet => return,
            Token::CDO | Token::CDC if in_sheet => return,
            Token::AtKeyword(name) => Item::AtRule(name.to_ascii_lowercase()),
            Token::Ident(name) if !in_sheet => Item::Name(Arc::from(&**name)),
            _ => {
                self.item = Item::Rule;
                self.prelude(token, range);
                return;
            }
        };
    }

    fn prelude(&mut self, token: &Token<'_>, range: &Range<usize>) {
        if *token == Token::CurlyBracketBlock {
            self.open_contents();
            return;
        }
        self.note_shape(token, range);
        self.blocks.extend(Block::of(token).map(Block::unread));
    }

    fn at_rule(&mut self, token: &Token<'_>, range: &Range<usize>) {
        let may_import = self.place != Place::Body && self.blocks.is_empty() && self.shape.is_empty();
        let is_import = may_import && matches!(&self.item, Item::AtRule(name) if name == "import");
        match token {
            Token::QuotedString(url) if is_import => self.push_string(range, url, Use::Import),
            Token::UnquotedUrl(url) if is_import => self.push_unquoted(range, url, Use::Import),
            Token::Function(name) if is_import && name.eq_ignore_ascii_case("url") => self.open_url(Use::Import),
            Token::Ident(name) | Token::Function(name) if self.is_custom_rule() && name.starts_with("--") => {
                self.custom = Some((self.blocks.len() + 1, Arc::from(&**name)));
                return self.prelude(token, range);
            }
            _ => return self.prelude(token, range),
        }
        self.note_shape(token, range);
    }

    fn is_custom_rule(&self) -> bool {
        self.custom.is_none() && matches!(&self.item, Item::AtRule(name) if name == "property" || name == "function")
    }

    /// A token of a declaration's value.
    fn value(&mut self, token: &Token<'_>, range: &Range<usize>) {
        match token {
            Token::UnquotedUrl(url) => self.push_unquoted(range, url, Use::Url),
            Token::QuotedString(url) if self.blocks.last() == Some(&Block::ImageSet) => {
                self.push_string(range, url, Use::Url);
            }
            Token::Ident(name) if self.blocks.last() == Some(&Block::Variable) && name.starts_with("--") => {
                self.use_variable(name);
            }
            Token::BadUrl(_)
            | Token::BadString(_)
            | Token::CloseParenthesis
            | Token::CloseSquareBracket
            | Token::CloseCurlyBracket => self.is_dead = true,
            _ => self.open(token),
        }
    }

    fn open(&mut self, token: &Token<'_>) {
        if let Token::Function(name) = token
            && name.starts_with("--")
        {
            self.use_variable(name);
        }
        match Block::of(token) {
            Some(Block::Url) => self.open_url(Use::Url),
            block => self.blocks.extend(block),
        }
    }

    /// A token in brackets within an item.
    fn in_brackets(&mut self, token: &Token<'_>, range: Range<usize>) {
        let Some(block) = self.blocks.last().copied() else { return };
        if block.is_closed_by(token) {
            if block == Block::Url {
                self.close_url();
            }
            self.blocks.pop();
        } else if self.url.is_some() {
            self.in_url(token, range);
        } else if matches!(self.item, Item::Declaration(_)) {
            self.value(token, &range);
        } else {
            self.blocks.extend(Block::of(token).map(Block::unread));
        }
    }

    fn open_url(&mut self, usage: Use) {
        self.blocks.push(Block::Url);
        let depth = self.blocks.len();
        self.url = Some(UrlFunction { depth, usage, string: None, is_tied: false, is_dead: false });
    }

    /// The string, and what says how it is fetched (CSS Values Level 5, section "URL request modifiers").
    fn in_url(&mut self, token: &Token<'_>, range: Range<usize>) {
        let depth = self.blocks.len();
        self.blocks.extend(Block::of(token).map(Block::unread));
        let Some(url) = &mut self.url else { return };
        let is_direct = depth == url.depth;
        match token {
            Token::QuotedString(string) if is_direct && url.string.is_none() => {
                url.string = Some((range, (**string).to_owned()));
            }
            Token::Function(name) if is_direct && url.string.is_some() => {
                let is = |known: &str| name.eq_ignore_ascii_case(known);
                url.is_tied |= is("integrity");
                url.is_dead |= !(is("cross-origin") || is("referrer-policy") || is("integrity"));
            }
            Token::Ident(name) if !is_direct => url.is_tied |= name.eq_ignore_ascii_case("use-credentials"),
            Token::QuotedString(_) if !is_direct => {}
            _ => url.is_dead = true,
        }
    }

    fn close_url(&mut self) {
        let Some(url) = self.url.take() else { return };
        match url.string {
            Some((range, text)) if !url.is_dead && !url.is_tied => self.push_string(&range, &text, url.usage),
            Some(_) if !url.is_dead => {}
            _ => self.is_dead = true,
        }
    }

    /// The `{` of a rule.
    fn open_contents(&mut self) {
        self.end(true);
        self.blocks.push(Block::Contents);
        self.start();
    }

    fn close_contents(&mut self) {
        self.end(false);
        self.custom.take_if(|(depth, _)| *depth == self.blocks.len());
        self.blocks.pop();
        self.start();
    }

    /// The item is over; `has_block` when a rule's block follows.
    fn end(&mut self, has_block: bool) {
        let is_top = self.blocks.is_empty();
        match &self.item {
            Item::AtRule(name) if name == "import" => {
                // With a block it is no import. One without a URL is none either.
                self.is_dead = has_block;
                if !has_block && self.place == Place::Layers && self.found.references.len() > self.first {
                    self.place = Place::Imports;
                }
            }
            Item::AtRule(name) if is_top && self.place != Place::Body => {
                self.place = imports::after_at_rule(self.place, name, &self.shape, has_block);
            }
            Item::Rule if is_top && has_block && self.place != Place::Body => {
                self.place = imports::after_style_rule(self.place, &self.shape);
            }
            _ => {}
        }
        if self.is_dead {
            self.found.references.truncate(self.first);
        }
        if !has_block && matches!(self.item, Item::AtRule(_)) {
            self.custom.take_if(|(depth, _)| *depth > self.blocks.len());
        }
        self.start();
    }

    fn start(&mut self) {
        self.item = Item::Start;
        self.is_dead = false;
        self.depth = self.blocks.len();
        self.first = self.found.references.len();
        self.shape.clear();
    }

    fn note_shape(&mut self, token: &Token<'_>, range: &Range<usize>) {
        if self.place != Place::Body {
            self.shape.push(token, range);
        }
    }

    fn push_string(&mut self, range: &Range<usize>, url: &str, usage: Use) {
        let inside = raw::inside_quotes(&self.css[range.clone()]);
        self.push(range.start + inside.start..range.start + inside.end, url, usage);
    }

    fn push_unquoted(&mut self, range: &Range<usize>, url: &str, usage: Use) {
        let inside = raw::inside_parentheses(&self.css[range.clone()]);
        self.push(range.start + inside.start..range.start + inside.end, url, usage);
    }

    fn use_variable(&mut self, name: &str) {
        self.found.variables.insert(Variable { name: name.to_owned(), used_in: self.custom_property() });
    }

    /// The custom property, or what is like one, whose value is being read.
    fn custom_property(&self) -> Option<Arc<str>> {
        match (&self.custom, &self.item) {
            (Some((_, name)), _) => Some(Arc::clone(name)),
            (None, Item::Declaration(name)) => Some(name).filter(|name| name.starts_with("--")).cloned(),
            _ => None,
        }
    }

    fn push(&mut self, range: Range<usize>, url: &str, usage: Use) {
        // A mere fragment is an element of the page itself, wherever the sheet is.
        let bare = url.trim_matches(|c: char| c <= ' ');
        if bare.is_empty() || bare.starts_with('#') {
            return;
        }
        let property = if let Item::Declaration(name) = &self.item { Some(name) } else { None };
        let custom_property = self.custom_property();
        let may_be_element = custom_property.is_some() || property.is_some_and(|name| elements::may_be_named_by(name));
        let usage = if usage == Use::Url && may_be_element && url.contains('#') { Use::Element } else { usage };
        self.found.references.push(Reference { range, url: url.to_owned(), usage, custom_property });
    }
}
