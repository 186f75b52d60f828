//! References in CSS, with the byte ranges to edit (CSS Syntax Level 3, CSS Values Level 4, CSS Cascade Level 5).

use cssparser::{ParseError, Parser, ParserInput, Token};
use std::ops::Range;

/// How a reference in CSS comes to be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// `@import`, where a browser honours it.
    Import,
    /// `url()` or a string of `image-set()` anywhere else.
    Url,
    /// An element of another file, for a filter, a clip path, a mask or the like: `url(file.svg#id)`.
    Element,
}

/// One reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The URL's own bytes: inside the quotes, or inside the parentheses.
    pub range: Range<usize>,
    /// The URL, its escapes decoded.
    pub url: String,
    /// What it is for.
    pub usage: Use,
}

/// Blocks nested deeper than this are not looked into; no stylesheet that works is.
const MAX_DEPTH: usize = 128;

/// All references in a stylesheet, or in the text of a `style` attribute, in order.
pub fn references(css: &str) -> Vec<Reference> {
    let mut input = ParserInput::new(css);
    let mut parser = Parser::new(&mut input);
    let mut finder = Finder { css, found: Vec::new(), name: Name::Other };
    finder.stylesheet(&mut parser);
    finder.found
}

/// A URL as it may stand in a CSS string or between the parentheses of `url()`.
pub fn escape(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        if c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '(' | ')' | '\\') {
            out.push(c);
        } else {
            out.push_str(&format!("\\{:x} ", u32::from(c)));
        }
    }
    out
}

struct Finder<'a> {
    css: &'a str,
    found: Vec<Reference>,
    name: Name,
}

/// What the last name was, to know whose value a `url()` stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Other,
    /// A property that takes an element of another file; no colon has followed yet.
    Element,
    /// The same, and we are in its value.
    ElementValue,
}

/// Properties whose `url()` may name an element (Filter Effects 1, CSS Masking 1, SVG 2).
const OF_ELEMENTS: [&str; 10] = [
    "filter",
    "backdrop-filter",
    "clip-path",
    "mask",
    "marker",
    "marker-start",
    "marker-mid",
    "marker-end",
    "fill",
    "stroke",
];

impl Finder<'_> {
    /// The top level: `@import` counts until the first rule that is neither `@import`, `@charset` nor a `@layer`
    /// statement.
    fn stylesheet(&mut self, parser: &mut Parser<'_, '_>) {
        let mut imports = true;
        loop {
            let start = parser.position().byte_index();
            let Ok(token) = parser.next().cloned() else { return };
            self.note_name(&token);
            match &token {
                Token::AtKeyword(name) if name.eq_ignore_ascii_case("import") => {
                    self.prelude(parser, if imports { Prelude::Import } else { Prelude::Ignored });
                }
                Token::AtKeyword(name) if name.eq_ignore_ascii_case("charset") => {
                    self.prelude(parser, Prelude::Ignored);
                }
                Token::AtKeyword(name) if name.eq_ignore_ascii_case("layer") => {
                    let block = self.prelude(parser, Prelude::Ignored);
                    imports &= !block;
                }
                Token::AtKeyword(name) if name.eq_ignore_ascii_case("namespace") => {
                    imports = false;
                    self.prelude(parser, Prelude::Ignored);
                }
                Token::CDO | Token::CDC => {}
                _ => {
                    imports = false;
                    self.token(parser, &token, start, 0);
                }
            }
        }
    }

    /// The rest of an at-rule, to its `;` or block. Whether it had a block.
    fn prelude(&mut self, parser: &mut Parser<'_, '_>, prelude: Prelude) -> bool {
        let mut first = matches!(prelude, Prelude::Import);
        loop {
            let start = token_start(parser);
            let Ok(token) = parser.next().cloned() else { return false };
            match &token {
                Token::Semicolon => return false,
                Token::CurlyBracketBlock => {
                    self.token(parser, &token, start, 0);
                    return true;
                }
                Token::QuotedString(url) if first => self.string(parser, start, url, Use::Import),
                Token::UnquotedUrl(url) if first => self.unquoted(parser, start, url, Use::Import),
                Token::Function(name) if first && name.eq_ignore_ascii_case("url") => {
                    self.url_function(parser, Use::Import);
                }
                _ => {}
            }
            first = false;
        }
    }

    fn note_name(&mut self, token: &Token<'_>) {
        self.name = match token {
            Token::Colon if self.name == Name::Element => Name::ElementValue,
            Token::Ident(name) if self.name != Name::ElementValue && is_of_elements(name) => Name::Element,
            Token::Colon | Token::Ident(_) | Token::Function(_) | Token::UnquotedUrl(_) => match self.name {
                Name::ElementValue => Name::ElementValue,
                Name::Element | Name::Other => Name::Other,
            },
            Token::Semicolon | Token::CurlyBracketBlock => Name::Other,
            _ => self.name,
        };
    }

    /// One token of a rule or value, and what is inside it.
    fn token(&mut self, parser: &mut Parser<'_, '_>, token: &Token<'_>, start: usize, depth: usize) {
        match token {
            Token::UnquotedUrl(url) => self.unquoted(parser, start, url, Use::Url),
            Token::Function(name) if name.eq_ignore_ascii_case("url") => self.url_function(parser, Use::Url),
            Token::Function(name) => {
                let strings = name.eq_ignore_ascii_case("image-set") || name.eq_ignore_ascii_case("-webkit-image-set");
                self.block(parser, strings, depth);
            }
            Token::CurlyBracketBlock | Token::ParenthesisBlock | Token::SquareBracketBlock => {
                self.block(parser, false, depth);
            }
            _ => {}
        }
    }

    /// What is inside a block or function. In `image-set()`, a string is a reference.
    fn block(&mut self, parser: &mut Parser<'_, '_>, strings: bool, depth: usize) {
        if depth >= MAX_DEPTH {
            return;
        }
        // The error type is only there to satisfy the parser: nothing in here fails.
        let _ = parser.parse_nested_block(|inner| -> Result<(), ParseError<'_, ()>> {
            loop {
                let start = token_start(inner);
                let Ok(token) = inner.next().cloned() else { return Ok(()) };
                self.note_name(&token);
                match &token {
                    Token::QuotedString(url) if strings => self.string(inner, start, url, Use::Url),
                    _ => self.token(inner, &token, start, depth + 1),
                }
            }
        });
    }

    /// `url("x")`. With anything behind the string it is no URL, and the declaration is dead.
    fn url_function(&mut self, parser: &mut Parser<'_, '_>, usage: Use) {
        let _ = parser.parse_nested_block(|inner| -> Result<(), ParseError<'_, ()>> {
            let start = token_start(inner);
            if let Ok(Token::QuotedString(url)) = inner.next().cloned() {
                let end = inner.position().byte_index();
                if inner.is_exhausted() {
                    self.quoted(start, end, &url, usage);
                }
            }
            Ok(())
        });
    }

    fn string(&mut self, parser: &Parser<'_, '_>, start: usize, url: &str, usage: Use) {
        self.quoted(start, parser.position().byte_index(), url, usage);
    }

    fn quoted(&mut self, start: usize, end: usize, url: &str, usage: Use) {
        let raw = &self.css[start..end];
        let Some(quote) = raw.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return };
        // At the end of the file the closing quote may be missing.
        let closed = raw.len() > 1 && raw.ends_with(quote);
        self.push(start + 1..end - usize::from(closed), url, usage);
    }

    fn unquoted(&mut self, parser: &Parser<'_, '_>, start: usize, url: &str, usage: Use) {
        let raw = &self.css[start..parser.position().byte_index()];
        let Some(open) = raw.find('(') else { return };
        let inside = &raw[open + 1..];
        // At the end of the file the parenthesis may be missing; a browser fetches it all the same.
        let inside = inside.strip_suffix(')').unwrap_or(inside);
        let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0C');
        let from = start + open + 1 + (inside.len() - inside.trim_start_matches(white).len());
        self.push(from..from + inside.trim_matches(white).len(), url, usage);
    }

    fn push(&mut self, range: Range<usize>, url: &str, usage: Use) {
        let is_element = usage == Use::Url && self.name == Name::ElementValue && url.contains('#');
        let usage = if is_element { Use::Element } else { usage };
        self.found.push(Reference { range, url: url.to_owned(), usage });
    }
}

fn is_of_elements(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OF_ELEMENTS.contains(&name.strip_prefix("-webkit-").unwrap_or(&name))
}

#[derive(Clone, Copy)]
enum Prelude {
    Import,
    Ignored,
}

/// Where the next token starts: the tokenizer's own position is before the white space.
fn token_start(parser: &mut Parser<'_, '_>) -> usize {
    parser.skip_whitespace();
    parser.position().byte_index()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(css: &str) -> Vec<(String, String)> {
        references(css).into_iter().map(|r| (css[r.range].to_owned(), r.url)).collect()
    }

    fn urls(css: &str) -> Vec<String> {
        references(css).into_iter().map(|r| r.url).collect()
    }

    #[test]
    fn a_url_is_found_in_every_spelling() {
        for css in
            ["a{b:url(x.png)}", "a{b:url( 'x.png' )}", "a{b:URL(\"x.png\")}", "a{b:u\\72l(x.png)}", "a{b:url(x.png"]
        {
            assert_eq!(urls(css), ["x.png"], "{css}");
        }
        assert_eq!(found(r"a{b:url(a\.png)}"), [(r"a\.png".into(), "a.png".into())]);
        assert_eq!(found("a{b:url(\n x.png\t)}")[0].0, "x.png");
    }

    #[test]
    fn an_element_of_another_file_is_told_from_a_picture() {
        let uses = |css: &str| references(css).into_iter().map(|r| r.usage).collect::<Vec<_>>();
        for css in [
            "a{filter:url(f.svg#x)}",
            "filter: blur(1px) url('f.svg#x')",
            "a{b:c;-WEBKIT-Clip-Path : url(f.svg#x) content-box",
            "@media print{a:hover{color:red;mask:none,url(f.svg#x)}}",
        ] {
            assert_eq!(uses(css), [Use::Element], "{css}");
        }
        for css in [
            "a{filter:none;background:url(f.svg#x)}",
            "a{filter:none}b{background:url(f.svg#x)}",
            "a{transition:filter 1s;background:url(f.svg#x)}",
            "filter:hover{background:url(f.svg#x)}",
            "a{filter:url(f.svg)}",
            "@font-face{src:url(f.svg#x)}",
        ] {
            assert_eq!(uses(css), [Use::Url], "{css}");
        }
    }

    #[test]
    fn an_import_counts_only_where_a_browser_honours_it() {
        assert_eq!(urls("@charset 'utf-8';@layer a;@import 'a.css' layer(x);@import url(b.css);"), ["a.css", "b.css"]);
        assert_eq!(urls("a{}@import 'a.css';"), [""; 0]);
        assert_eq!(urls("@namespace 'x';@import 'a.css';"), [""; 0]);
        assert_eq!(urls("@media print{@import 'a.css';}"), [""; 0]);
    }

    #[test]
    fn comments_and_strings_are_no_references() {
        assert_eq!(urls("/* url(a.png) */ a{content:'url(b.png)'; b:url(c.png)}"), ["c.png"]);
        assert_eq!(urls("a{b:url(\"x\" y)}"), [""; 0]);
    }

    #[test]
    fn image_set_strings_and_nested_blocks_are_looked_into() {
        assert_eq!(urls("@media print{a{b:image-set('a.png' 1x, url(b.png) 2x)}}"), ["a.png", "b.png"]);
        assert_eq!(urls("background:url(a.png)"), ["a.png"]);
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        references(&"(".repeat(200_000));
        references(&"a{".repeat(200_000));
    }
}
