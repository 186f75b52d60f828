//! What kind of file a page is, and where a template takes the net.

use super::Comments;
use super::page_may_have_syntax;
use super::region::is_word;
use super::tag::tag_end;
use std::ops::Range;

/// What a file with markup is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// What the browser gets.
    Page,
    /// What a server makes pages of: it may be a part of one, or a frame for many.
    Template,
}

/// Where in a template the net may go: behind these bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Placement {
    /// Behind the comment `<!-- tightrope -->`, or in its place. It wins.
    Marker(Range<usize>),
    /// Behind the start tag of `head`.
    Head(Range<usize>),
}

impl Placement {
    /// The offset behind it.
    pub fn end(&self) -> usize {
        match self {
            Self::Marker(range) | Self::Head(range) => range.end,
        }
    }
}

/// Elements whose text shows code, or is no markup. Statements in them are text to this page, whatever they are
/// elsewhere. Of the first four, everything up to the end tag is text.
const VERBATIM: [&str; 9] = ["script", "style", "textarea", "xmp", "pre", "code", "samp", "kbd", "tt"];
const RAW: usize = 4;

/// The kind of a file, from its bytes and its extension (without the dot, in lower case): a template when the extension
/// is not one of pages, or when it holds statements where a page would show them as text. `{{ a }}` alone makes none:
/// pages of Vue and Angular hold it. Of a page that is too large, its beginning will do.
pub fn kind(page: &[u8], extension: &str) -> Kind {
    if !matches!(extension, "html" | "htm" | "xhtml" | "xht") {
        return Kind::Template;
    }
    if !page_may_have_syntax(page) {
        return Kind::Page;
    }
    let mut pieces = Pieces::new(page);
    let mut from = 0;
    loop {
        let piece = pieces.next();
        let end = piece.as_ref().map_or(page.len(), |piece| piece.text.start);
        if any_statement(page, from..end) {
            return Kind::Template;
        }
        let Some(piece) = piece else { return Kind::Page };
        from = piece.text.end;
    }
}

/// Where the net may go in a template: behind the first literal `<head>` that is in no comment, no code and no text, or
/// where a comment asks for it. `None`: this is a part of a page, and gets none of its own. The whole page is needed.
pub fn placement(page: &[u8]) -> Option<Placement> {
    let comments = if page_may_have_syntax(page) { Comments::of(page) } else { Comments::new() };
    let pieces = || Pieces { comments: Some(&comments), ..Pieces::new(page) };
    let marker = pieces().find(|piece| piece.what == What::Comment && is_marker(&page[piece.text.clone()]));
    if let Some(marker) = marker {
        return Some(Placement::Marker(marker.text));
    }
    let head = pieces().find(|piece| piece.what == What::Head)?.text.start;
    tag_end(&page[head..]).map(|end| Placement::Head(head..head + end))
}

/// Whether the comment that asks for the net begins here.
#[inline]
pub fn is_marker_at(page: &[u8]) -> bool {
    let Some(rest) = page.strip_prefix(b"<!--") else { return false };
    let word = rest.trim_ascii_start().get(..b"tightrope".len());
    word.is_some_and(|word| word.eq_ignore_ascii_case(b"tightrope"))
}

/// Whether a comment, its delimiters included, is the one that asks for the net.
fn is_marker(comment: &[u8]) -> bool {
    let inner = comment.strip_prefix(b"<!--").and_then(|rest| rest.strip_suffix(b"-->"));
    inner.is_some_and(|inner| inner.trim_ascii().eq_ignore_ascii_case(b"tightrope"))
}

/// Whether a statement begins in this part of the page.
fn any_statement(page: &[u8], part: Range<usize>) -> bool {
    let text = page.get(part.clone()).unwrap_or_default();
    memchr::memchr2_iter(b'{', b'<', text).any(|at| is_statement(&page[part.start + at..]))
}

/// Whether this begins with a statement of a template.
fn is_statement(text: &[u8]) -> bool {
    match text {
        [b'{', b'%', rest @ ..] => {
            let rest = rest.strip_prefix(b"-").or(rest.strip_prefix(b"+")).unwrap_or(rest);
            rest.trim_ascii_start().first().is_some_and(u8::is_ascii_alphabetic)
        }
        [b'<', b'%', sign, ..] => sign.is_ascii_whitespace() || sign.is_ascii_alphabetic() || b"=-#@!:_".contains(sign),
        [b'<', b'?', b'=', ..] => true,
        [b'<', b'?', rest @ ..] => {
            let php = rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"php"));
            let rest = if php { &rest[3..] } else { rest };
            rest.first().is_some_and(u8::is_ascii_whitespace)
        }
        [b'{', b'{', rest @ ..] => is_mustache_statement(rest),
        _ => false,
    }
}

/// Handlebars, Mustache and Go. Vue may have a variable of the name `end`, and Go's ends are not alone.
fn is_mustache_statement(rest: &[u8]) -> bool {
    let rest = rest.strip_prefix(b"-").or(rest.strip_prefix(b"~")).unwrap_or(rest);
    if let [b'#' | b'>' | b'/' | b'^', next, ..] = rest {
        return next.is_ascii_alphabetic() || b" *>(\"@.".contains(next);
    }
    let rest = rest.trim_ascii_start();
    let length = rest.iter().take_while(|byte| is_word(**byte)).count();
    let (word, behind) = rest.split_at(length);
    let words: [&[u8]; 8] = [b"if", b"range", b"with", b"block", b"define", b"template", b"partial", b"include"];
    // `{{ block }}`, `{{ block.a }}` and `{{ block | a }}` write a variable.
    let argument = behind.trim_ascii_start().first().is_some_and(|byte| is_word(*byte) || b"\"`.$(".contains(byte));
    words.contains(&word) && behind.first().is_some_and(u8::is_ascii_whitespace) && argument
}

/// What [`Pieces`] finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    Comment,
    Verbatim,
    Head,
}

struct Piece {
    what: What,
    /// A comment, its delimiters included; the content of a verbatim element; the first byte of a `<head`.
    text: Range<usize>,
}

/// The comments of a page, its elements that are not markup inside, and where a `head` begins.
struct Pieces<'p> {
    page: &'p [u8],
    at: usize,
    comments: Option<&'p Comments>,
    /// Names (their places in [`VERBATIM`]) that are not closed in what is left of the page.
    unclosed: u16,
}

impl<'p> Pieces<'p> {
    fn new(page: &'p [u8]) -> Self {
        Self { page, at: 0, comments: None, unclosed: 0 }
    }

    /// What begins at this `<`.
    fn piece(&mut self, at: usize) -> Option<Piece> {
        let rest = &self.page[at..];
        if rest.starts_with(b"<!--") {
            // `<!-->` is a whole one.
            let end = memchr::memmem::find(&rest[2..], b"-->").map_or(self.page.len(), |end| at + 2 + end + 3);
            return Some(Piece { what: What::Comment, text: at..end });
        }
        if is_tag(rest, b"<", "head") {
            return Some(Piece { what: What::Head, text: at..at + 1 });
        }
        let index = VERBATIM.iter().position(|name| is_tag(rest, b"<", name))?;
        let start = at + memchr::memchr(b'>', rest)? + 1;
        let end = self.end_tag(index, start).or((index < RAW).then_some(self.page.len()))?;
        Some(Piece { what: What::Verbatim, text: start..end })
    }

    /// Where the next end tag of that name begins.
    fn end_tag(&mut self, index: usize, from: usize) -> Option<usize> {
        if self.unclosed >> index & 1 == 1 {
            return None;
        }
        let rest = &self.page[from..];
        let found = memchr::memmem::find_iter(rest, b"</").find(|at| is_tag(&rest[*at..], b"</", VERBATIM[index]));
        if found.is_none() {
            self.unclosed |= 1 << index;
        }
        found.map(|at| from + at)
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let at = self.at + memchr::memchr(b'<', self.page.get(self.at..)?)?;
            self.at = at + 1;
            if self.comments.is_some_and(|comments| comments.covers(at)) {
                continue;
            }
            if let Some(piece) = self.piece(at) {
                self.at = piece.text.end;
                return Some(piece);
            }
        }
    }
}

/// Whether a tag of that name begins here, with `<` or `</`.
fn is_tag(text: &[u8], opener: &[u8], name: &str) -> bool {
    let Some(rest) = text.strip_prefix(opener) else { return false };
    rest.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
        && rest.get(name.len()).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_template(page: &str) -> bool {
        kind(page.as_bytes(), "html") == Kind::Template
    }

    #[test]
    fn statements_make_a_template() {
        for statement in [
            "{% extends 'a' %}",
            "{%- if a -%}",
            "{%if a%}",
            "<% a %>",
            "<%= a %>",
            "<%- a %>",
            "<%@ page a %>",
            "<?php a() ?>",
            "<?PHP a ?>",
            "<?= $a ?>",
            "<? a ?>",
            "{{#if a}}",
            "{{> header}}",
            "{{/each}}",
            "{{~#if a}}",
            "{{ define \"a\" }}",
            "{{- template \"a\" . -}}",
            "{{ if .A }}",
            "{{ range $a := .B }}",
            "{{ block \"c\" . }}",
            "{{ partial \"head.html\" . }}",
        ] {
            assert!(is_template(&format!("<p>{statement}</p>")), "{statement}");
            assert!(is_template(&format!("<link rel=a href=\"{statement}\">")), "{statement}");
        }
        assert!(is_template("<script src=\"{% static 'a.js' %}\"></script>"));
        assert!(is_template("<code>a</code>{% if b %}<pre>"));
        assert_eq!(kind(b"<p>", "j2"), Kind::Template);
    }

    #[test]
    fn a_page_that_shows_templates_is_a_page() {
        for page in [
            "<p>{{ message }}</p>",
            "{{ end }}{{ block }}{{ template.name }}",
            "<p>&lt;?php",
            "<p>{ %a}",
            "<pre>{% if a %}</pre>",
            "<code>{{#if}}</code>",
            "<script>a='<% b %>{% c %}'</script>",
            "<style>a{#b{c:d}}</style>",
            "<textarea>{% a %}</textarea>",
            "<!-- {% a %} -->",
            "<?xml version='1.0'?><p>",
            "<svg><?xml version='1.0'?></svg>",
            "<pre><span>{%</span> if</pre>",
            "<script>if(a<b){%",
            "<PRE>{% a %}</PRE>{{ b }}",
            "50{%",
            "a<%",
            "a <?",
            "<p>{{ if }}",
        ] {
            assert!(!is_template(page), "{page}");
        }
    }

    #[test]
    fn the_net_goes_behind_the_first_literal_head() {
        let behind = |page: &str| placement(page.as_bytes()).map(|found| page[..found.end()].to_owned());
        for (before, rest) in [
            ("<!doctype html><html><head>", "<title>"),
            ("{% extends 'a' %}{% block b %}<HEAD class=\"{{ a > b }}\">", "{% endblock %}"),
            ("{# <head> #}<!-- <head> --><script>'<head>'</script><header><head\n>", "<head>"),
            ("<head><script></script><!--tightrope-->", "<!-- tightrope -->"),
            ("{# <!-- tightrope --> #}<?php if ($a > 1) echo '<head>' ?><head {% if a > b %}c{% endif %}>", ""),
            ("{# <!-- #}<head>", "<p>"),
            ("<!-- Tightrope -->", "<p>"),
        ] {
            assert_eq!(behind(&format!("{before}{rest}")).as_deref(), Some(before));
        }
        for part in
            ["<p>", "{% block head %}<link>{% endblock %}", "<header>", "<head", "<!-- tightrope", "<pre><head></pre>"]
        {
            assert_eq!(behind(part), None, "{part}");
        }
    }
}
