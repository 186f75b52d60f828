//! Block statements in a tag (`{% if a %} … {% endif %}`): which parts of the tag are there only sometimes.

use super::region::is_word;
use std::collections::HashMap;
use std::ops::Range;

/// Statements of `{% %}` that open a block, in any of the languages. An unknown word opens one where its `end…` follows.
const OPENERS: [&[u8]; 14] = [
    b"if",
    b"unless",
    b"for",
    b"case",
    b"with",
    b"block",
    b"ifequal",
    b"ifnotequal",
    b"ifchanged",
    b"filter",
    b"autoescape",
    b"spaceless",
    b"blocktrans",
    b"blocktranslate",
];

/// Statements between an opener and its end.
const SWITCHES: [&[u8]; 8] = [b"else", b"elif", b"elsif", b"elseif", b"empty", b"when", b"in", b"plural"];

/// What a region does to the text around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role<'t> {
    /// It may write anything.
    Output,
    /// It writes nothing.
    Comment,
    /// A block begins; a statement of the same name ends it.
    Opens(&'t [u8]),
    /// A block begins, if its end follows.
    MayOpen(&'t [u8]),
    /// The other part of a block begins.
    Switches,
    /// A block ends.
    Closes(&'t [u8]),
}

impl Role<'_> {
    /// Whether nothing is written in its place.
    pub(super) fn is_silent(self) -> bool {
        !matches!(self, Self::Output | Self::MayOpen(_))
    }
}

/// The name of blocks that end in a plain `end`, `}` or `{{/…}}`.
const UNNAMED: &[u8] = b"";

/// The role of a region, its delimiters included.
pub(super) fn role(region: &[u8]) -> Role<'_> {
    let inner = region.get(2..region.len().saturating_sub(2)).unwrap_or_default();
    match region {
        [b'{', b'#', ..] | [b'<', b'%', b'#', ..] | [b'<', b'%', b'-', b'-', ..] => Role::Comment,
        [b'{', b'%', ..] => statement(bare(inner)),
        [b'{', b'{', ..] => mustache(bare(inner)),
        [b'<', b'%', ..] => code(inner, true),
        [b'<', b'?', ..] => code(inner.strip_prefix(b"php").unwrap_or(inner), false),
        _ => Role::Output,
    }
}

/// Without the white space and the signs that trim it.
fn bare(inner: &[u8]) -> &[u8] {
    let sign = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'-' | b'+' | b'~' | b'_');
    let start = inner.iter().take_while(|byte| sign(byte)).count();
    let end = inner[start..].iter().rev().take_while(|byte| sign(byte)).count();
    &inner[start..inner.len() - end]
}

fn first_word(text: &[u8]) -> &[u8] {
    &text[..text.iter().take_while(|byte| is_word(**byte)).count()]
}

fn statement(inner: &[u8]) -> Role<'_> {
    let word = first_word(inner);
    if word == b"comment" {
        Role::Comment
    } else if SWITCHES.contains(&word) {
        Role::Switches
    } else if let Some(name) = word.strip_prefix(b"end") {
        Role::Closes(name)
    } else if OPENERS.contains(&word) {
        Role::Opens(word)
    } else {
        Role::MayOpen(word)
    }
}

/// Handlebars, Mustache and Go.
fn mustache(inner: &[u8]) -> Role<'_> {
    match inner {
        [b'!', ..] | [b'/', b'*', ..] => return Role::Comment,
        [b'#', ..] | [b'^', _, ..] => return Role::Opens(UNNAMED),
        [b'/', ..] => return Role::Closes(UNNAMED),
        [b'^'] => return Role::Switches,
        _ => {}
    }
    match (first_word(inner), inner.len()) {
        (b"else", _) => Role::Switches,
        (b"end", 3) => Role::Closes(UNNAMED),
        (word @ (b"if" | b"range" | b"with" | b"block" | b"define"), length) if length > word.len() => {
            Role::Opens(UNNAMED)
        }
        _ => Role::Output,
    }
}

/// ERB, EJS and PHP. Ruby has no sign behind a condition that opens a block; without one, PHP's opens none.
fn code(inner: &[u8], ruby: bool) -> Role<'_> {
    let inner = bare(inner);
    let inner = inner.strip_suffix(b";").unwrap_or(inner);
    let opens = [&b"{"[..], b":", b"|", b" do"].iter().any(|end| inner.ends_with(end));
    match first_word(inner) {
        b"end" | b"endif" | b"endforeach" | b"endfor" | b"endwhile" | b"endswitch" => Role::Closes(UNNAMED),
        b"else" | b"elsif" | b"elseif" | b"when" => Role::Switches,
        b"if" | b"unless" | b"case" | b"while" | b"for" if opens || ruby => Role::Opens(UNNAMED),
        b"" if inner.starts_with(b"}") && opens => Role::Switches,
        b"" if inner.starts_with(b"}") => Role::Closes(UNNAMED),
        word if opens && !word.is_empty() => Role::Opens(UNNAMED),
        _ => Role::Output,
    }
}

/// Gathers the regions of a tag, in order, and tells what is between block statements.
#[derive(Default)]
pub(super) struct Blocks<'t> {
    /// By name, where blocks begin that have not ended, and whether they surely are blocks.
    open: HashMap<&'t [u8], Vec<(usize, bool)>>,
    /// How many of them surely are.
    sure: usize,
    between: Vec<Range<usize>>,
    /// Where the other part begins of a block that began before the tag.
    switched: Option<usize>,
}

impl<'t> Blocks<'t> {
    /// Takes the next region's role, and where it stands.
    pub(super) fn take(&mut self, role: Role<'t>, range: &Range<usize>) {
        match role {
            Role::Output | Role::Comment => {}
            Role::Opens(name) => {
                self.sure += 1;
                self.open.entry(name).or_default().push((range.end, true));
            }
            Role::MayOpen(name) => self.open.entry(name).or_default().push((range.end, false)),
            Role::Switches if self.sure > 0 => {}
            Role::Switches => {
                self.between.push(0..range.start);
                self.switched = Some(range.end);
            }
            Role::Closes(name) => self.close(name, range.start),
        }
    }

    fn close(&mut self, name: &[u8], end: usize) {
        if let Some((start, sure)) = self.open.get_mut(name).and_then(Vec::pop) {
            self.between.push(start..end);
            self.sure -= usize::from(sure);
        } else {
            // It began before the tag.
            self.between.push(0..end);
            self.switched = None;
        }
    }

    /// The parts of the tag that are between block statements: in order, none touching another.
    pub(super) fn finish(self) -> Vec<Range<usize>> {
        // Blocks that end behind the tag.
        let left = self.open.into_values().flatten().filter(|(_, sure)| *sure).map(|(start, _)| start);
        let left = left.chain(self.switched).min().map(|start| start..usize::MAX);
        let mut between: Vec<_> = self.between.into_iter().chain(left).collect();
        between.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in between {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_statements_are_told_from_output() {
        for region in [
            "{% if a %}",
            "{%- for b in c -%}",
            "{{#if a}}",
            "{{~#each b}}",
            "{{^c}}",
            "{{ if .A }}",
            "{{- with .B -}}",
            "<% if a %>",
            "<% if (a) { %>",
            "<% b.each do |c| %>",
            "<?php if ($a): ?>",
            "<?php foreach ($a as $b) { ?>",
        ] {
            assert!(matches!(role(region.as_bytes()), Role::Opens(_)), "{region}");
        }
        for region in ["{% endif %}", "{{/if}}", "{{ end }}", "<% end %>", "<% } %>", "<?php endif; ?>", "<?php } ?>"] {
            assert!(matches!(role(region.as_bytes()), Role::Closes(_)), "{region}");
        }
        for region in
            ["{% else %}", "{% elif a %}", "{{else}}", "{{^}}", "<% else %>", "<% } else { %>", "<?php else: ?>"]
        {
            assert_eq!(role(region.as_bytes()), Role::Switches, "{region}");
        }
        for region in ["{{ a }}", "{{ if }}", "<%= a %>", "<?= $a ?>", "<?php if ($a) echo 'b'; ?>", "${a}", "[[a]]"] {
            assert_eq!(role(region.as_bytes()), Role::Output, "{region}");
        }
        assert_eq!(role(b"{% static 'a' %}"), Role::MayOpen(b"static"));
    }

    #[test]
    fn no_region_is_too_short_for_a_role() {
        for region in ["{{", "{%}", "<%", "<?", "<?php", "{#", "", "{", "{{}", "<%-", "{%%}"] {
            role(region.as_bytes());
        }
    }
}
