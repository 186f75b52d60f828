//! The attributes of a start tag that holds template syntax.

use super::blocks::{Blocks, Role, role};
use super::is_literal_bytes;
use super::region::Regions;
use std::ops::Range;

/// An attribute, as byte ranges of its tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawAttribute {
    /// The name as it is written.
    pub name: Range<usize>,
    /// The value, without its quotes; `None` when it was written without a value.
    pub value: Option<Range<usize>>,
    /// Whether no template has a hand in the name or the value. Only such attributes may be edited.
    pub literal: bool,
    /// Whether it stands between block statements, so that it is there only sometimes. What belongs to its value must
    /// be put right behind it.
    pub conditional: bool,
}

/// The attributes of one start tag, in order, duplicates included: by the attribute states of the tokenizer (HTML,
/// sections 13.2.5.32 to 13.2.5.40), except that a region is one thing wherever it stands. Quotes in a region end no
/// value, white space in it no name, and what is written in it is no attribute.
///
/// `tag` reaches from its `<` to its `>`, wherever the tokenizer saw that; if that was in a region, whatever follows
/// the region's start is part of it.
///
/// ```
/// let tag = br#"<link href="{% static "x.css" %}" rel=stylesheet {% if a %}data-b="c"{% endif %}>"#;
/// let found = tightrope::html::template::attributes(tag);
/// let names: Vec<_> = found.iter().map(|found| str::from_utf8(&tag[found.name.clone()]).unwrap()).collect();
/// assert_eq!(names, ["href", "rel", "data-b"]);
/// assert!(!found[0].literal && found[1].literal && found[2].literal && found[2].conditional);
/// ```
pub fn attributes(tag: &[u8]) -> Vec<RawAttribute> {
    Tokenizer::new(tag).run().0
}

/// Where the start tag ends whose `<` is the first byte, regions taken into account.
pub(super) fn tag_end(text: &[u8]) -> Option<usize> {
    Tokenizer::new(text).run().1
}

struct Tokenizer<'t> {
    tag: &'t [u8],
    at: usize,
    regions: Regions<'t>,
    blocks: Blocks<'t>,
}

/// A name or an unquoted value.
struct Token<'t> {
    range: Range<usize>,
    /// The regions in it.
    regions: Vec<(Range<usize>, Role<'t>)>,
}

impl<'t> Tokenizer<'t> {
    fn new(tag: &'t [u8]) -> Self {
        Self { tag, at: tag.len().min(1), regions: Regions::new(tag), blocks: Blocks::default() }
    }

    /// The attributes, and where the tag ends.
    fn run(mut self) -> (Vec<RawAttribute>, Option<usize>) {
        let mut found = self.read();
        let end = self.peek().map(|_| self.at + 1);
        let between = self.blocks.finish();
        for attribute in &mut found {
            let at = attribute.name.start;
            let next = between.partition_point(|range| range.end <= at);
            attribute.conditional = between.get(next).is_some_and(|range| range.start <= at);
        }
        (found, end)
    }

    /// Everything up to the `>`. What is conditional is not known yet.
    fn read(&mut self) -> Vec<RawAttribute> {
        self.token(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
        let mut found = Vec::new();
        loop {
            self.skip(|byte| byte.is_ascii_whitespace() || byte == b'/');
            if self.peek().is_none_or(|byte| byte == b'>') {
                return found;
            }
            found.extend(self.attribute());
        }
    }

    fn attribute(&mut self) -> Option<RawAttribute> {
        let mut name = self.name();
        name.trim_start();
        self.skip(|byte| byte.is_ascii_whitespace());
        let mut value = None;
        if self.peek() == Some(b'=') {
            self.at += 1;
            self.skip(|byte| byte.is_ascii_whitespace());
            value = self.value();
        } else {
            name.trim_end();
            if name.is_all_regions() {
                return None;
            }
        }
        let literal = |range: &Range<usize>| is_literal_bytes(&self.tag[range.clone()]);
        let literal = literal(&name.range) && value.as_ref().is_none_or(literal);
        Some(RawAttribute { name: name.range, value, literal, conditional: false })
    }

    fn name(&mut self) -> Token<'t> {
        // An `=` where a name must begin is the first character of one.
        let start = self.at;
        if self.peek() == Some(b'=') {
            self.at += 1;
        }
        let token = self.token(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'='));
        Token { range: start..token.range.end, ..token }
    }

    fn value(&mut self) -> Option<Range<usize>> {
        match self.peek()? {
            b'>' => None,
            quote @ (b'"' | b'\'') => {
                self.at += 1;
                let value = self.token(|byte| byte == quote);
                self.at = self.tag.len().min(self.at + 1);
                Some(value.range)
            }
            _ => {
                let mut value = self.token(|byte| byte.is_ascii_whitespace() || byte == b'>');
                // In `{% if a %}src=b.png{% endif %}` the last statement is not part of the value.
                value.trim_end();
                Some(value.range)
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.tag.get(self.at).copied()
    }

    fn skip(&mut self, which: impl Fn(u8) -> bool) {
        self.at += self.tag[self.at..].iter().take_while(|byte| which(**byte)).count();
    }

    /// Everything up to a byte that ends it and stands in no region.
    fn token(&mut self, ends: impl Fn(u8) -> bool) -> Token<'t> {
        let (start, mut regions) = (self.at, Vec::new());
        while let Some(byte) = self.peek() {
            if let Some(end) = self.regions.end(self.at) {
                let range = self.at..end;
                let role = role(&self.tag[range.clone()]);
                self.blocks.take(role, &range);
                regions.push((range, role));
                self.at = end;
            } else if ends(byte) {
                break;
            } else {
                self.at += 1;
            }
        }
        Token { range: start..self.at, regions }
    }
}

impl Token<'_> {
    /// Leaves out what is written in front and leaves no trace: `{% if a %}src` is a name of three letters.
    fn trim_start(&mut self) {
        let start = &mut self.range.start;
        let mut leads = |(range, role): &(Range<usize>, Role<'_>)| {
            let leads = role.is_silent() && range.start == *start;
            *start = if leads { range.end } else { *start };
            leads
        };
        let leading = self.regions.iter().take_while(|region| leads(region)).count();
        self.regions.drain(..leading);
    }

    /// The same at its end.
    fn trim_end(&mut self) {
        while let Some((range, _)) =
            self.regions.pop_if(|(range, role)| role.is_silent() && range.end == self.range.end)
        {
            self.range.end = range.start;
        }
    }

    /// Whether no letter of it is literal.
    fn is_all_regions(&self) -> bool {
        self.regions.iter().map(|(range, _)| range.len()).sum::<usize>() == self.range.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name`, `name=value`; `~` behind the name of what is not literal, `?` behind that of what is conditional.
    fn parts(tag: &str) -> Vec<String> {
        let show = |found: RawAttribute| {
            let marks = [(!found.literal, "~"), (found.conditional, "?")];
            let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
            let value = found.value.map(|value| format!("={}", &tag[value])).unwrap_or_default();
            format!("{}{marks}{value}", &tag[found.name])
        };
        attributes(tag.as_bytes()).into_iter().map(show).collect()
    }

    #[test]
    fn a_tag_without_syntax_is_read_as_html() {
        assert_eq!(parts("<a b c=d e='f g' h=\"\" i = j/ k=>"), ["b", "c=d", "e=f g", "h=", "i=j/", "k"]);
        assert_eq!(parts("<a/b=\"c\"d =e=f =g=h/>"), ["b=c", "d=e=f", "=g=h/"]);
    }

    #[test]
    fn quotes_in_a_region_end_no_value() {
        let rest = "src=\"a.png\"";
        for value in [
            "\"{% static \"x.css\" %}\"",
            "'{{ url_for('static', filename='a') }}'",
            "\"<%= asset \"a\" %>\"",
            "\"<?= url(\"a\") ?>\"",
            "{{ a b }}",
            "x{{ a }}y",
            "\"{{#if a}}b\"c\"{{/if}}\"",
            "[[ a b ]]",
            "${a b}",
        ] {
            let value = value.replace("b\"c\"", "bc");
            let found = parts(&format!("<link href={value} {rest}>"));
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found[0].starts_with("href~=") && found[1] == "src=a.png", "{found:?}");
        }
    }

    #[test]
    fn what_is_written_in_a_region_is_no_attribute() {
        assert_eq!(parts(r#"<img {{ "src=a.png" }} {% b src=c %} <?= "src='d'" ?> alt=e>"#), ["alt=e"]);
        assert_eq!(parts(r#"<img {{ attributes }}src="a.png">"#), [r"{{ attributes }}src~=a.png"]);
        assert_eq!(parts(r#"<img data-{{ a }}="b" {{ c }}="d">"#), ["data-{{ a }}~=b", "{{ c }}~=d"]);
    }

    #[test]
    fn what_is_between_block_statements_is_conditional() {
        assert_eq!(parts("<a {% if b %}c=\"d\"{% endif %} e>"), ["c?=d", "e"]);
        assert_eq!(parts("<a {% if b %}c=d{% endif %} e>"), ["c?=d", "e"]);
        assert_eq!(parts("<a {{#if b}}c{{else}}d='1'{{/if}} e>"), ["c{{else}}d~?=1", "e"]);
        assert_eq!(parts("<a {{#if b}} c {{else}} d='1' {{/if}} e>"), ["c?", "d?=1", "e"]);
        assert_eq!(parts("<a <% if b %>c='d'<% end %> <%# e %> f>"), ["c?=d", "f"]);
        assert_eq!(parts("<a <?php if ($b): ?>c='d'<?php endif; ?> e>"), ["c?=d", "e"]);
        assert_eq!(parts("<a {{ if .B }} c='d' {{ end }} e>"), ["c?=d", "e"]);
        assert_eq!(parts("<a {% cache 5 %} c=d {% endcache %} {% load %} e>"), ["c?=d", "e"]);
    }

    #[test]
    fn a_block_that_begins_or_ends_outside_of_the_tag_counts() {
        assert_eq!(parts("<a b {% endif %} c>"), ["b?", "c"]);
        assert_eq!(parts("<a b {% if c %} d>"), ["b", "d?"]);
        assert_eq!(parts("<a b {% else %} c>"), ["b?", "c?"]);
        assert_eq!(parts("<a b {% else %} c {% endif %} d>"), ["b?", "c?", "d"]);
    }

    #[test]
    fn a_statement_in_a_value_makes_it_a_template_s() {
        assert_eq!(parts("<a b=c{% if d %}e{% endif %} f>"), ["b~=c{% if d %}e", "f"]);
        assert_eq!(parts("<a b=\"{% if d %}e{% endif %}\" f>"), ["b~={% if d %}e{% endif %}", "f"]);
    }

    #[test]
    fn a_tag_cut_in_a_region_shows_what_stood_before_it() {
        assert_eq!(parts("<a b=c {% if d >"), ["b=c"]);
        assert_eq!(parts("<a b=\"{% trans \"c >"), ["b~={% trans \"c >"]);
    }

    #[test]
    fn a_tag_ends_behind_its_regions() {
        assert_eq!(tag_end(b"<head {% if a > b %}c{% endif %}><title>"), Some(33));
        assert_eq!(tag_end(b"<head a='>'>"), Some(12));
        assert_eq!(tag_end(b"<head {{ a >"), None);
    }

    #[test]
    fn no_bait_makes_the_work_more_than_linear() {
        for bait in [
            "${",
            "[[",
            "{{",
            "{% ",
            "{{'}}",
            "{{'}}\"",
            "{{!-- }} ",
            "{{!-- }} --}}",
            "<%--%>",
            "{% if a %}",
            "${}[[",
            "{% comment %} %}",
            "{#'#}",
            "{{/* }}",
            "{{a}}'",
            "={{\"}}",
        ] {
            let tag = format!("<a {}>", bait.repeat(20_000));
            let mut tokenizer = Tokenizer::new(tag.as_bytes());
            tokenizer.read();
            // Each of the eight closers may be found missing once.
            assert!(tokenizer.regions.work <= 10 * tag.len(), "{bait}: {}", tokenizer.regions.work);
        }
    }
}
