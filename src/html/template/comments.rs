//! Which parts of a page are a template's comments and code: what looks like an element there is none.

use super::region::{Opening, SYNTAXES, Syntax, opening};
use std::collections::VecDeque;
use std::ops::Range;

/// How far from its start a comment may end, in bytes. `{#` begins one in Jinja, and nothing in minified CSS
/// (`@media print{#nav{…}}`): without its closer within this, it is text.
pub const LOOKAHEAD: usize = 64 * 1024;

/// How far from its start `{{ … }}` may end: braces are not rare in scripts and styles.
const EXPRESSION: usize = 1024;

/// The comments and code of a page whose bytes are fed to it.
///
/// Covered are `{# … #}`, `{% comment %} … {% endcomment %}`, `{{! … }}`, `{{!-- … --}}`, `{{/* … */}}`, `<%# … %>`,
/// `<%-- … --%>`, and code that may hold markup in its strings: `{% … %}`, `<% … %>`, `<? … ?>`, `{{ … }}`. A
/// `<?php` without its closer covers all that follows, as it does in PHP.
///
/// # Feeding
/// The answer for an offset is final once [`LOOKAHEAD`] bytes behind it have been fed (for any offset when the page is
/// fed to its end). So a page in memory is fed at once; one that streams by is fed one chunk ahead of the parser, in
/// chunks of at least [`LOOKAHEAD`] bytes (the last one may be smaller). What is behind the parser is given to
/// [`Comments::forget_before`]; then the memory needed is that of a few chunks.
#[derive(Debug, Default)]
pub struct Comments {
    /// Bytes that are still needed; those before `at` go when there are many.
    buffer: Vec<u8>,
    /// The offset of the buffer's first byte.
    base: usize,
    /// Everything before this offset is decided.
    at: usize,
    /// Where the PHP begins whose end has not come.
    php: Option<usize>,
    closers: [Closer; SYNTAXES],
    /// What is covered, in order.
    ranges: VecDeque<Range<usize>>,
    #[cfg(test)]
    work: usize,
}

/// What is known of a syntax's closers. Each byte is searched for each of them once.
#[derive(Clone, Copy, Debug, Default)]
struct Closer {
    /// The end of the last one that was found.
    found: Option<usize>,
    /// The offset up to which none but the found one begins, from where it was asked for.
    searched: usize,
}

impl Comments {
    /// For a page's first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of a whole page.
    pub fn of(page: &[u8]) -> Self {
        let mut comments = Self::new();
        comments.feed(page);
        comments
    }

    /// Takes the page's next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while self.advance() {}
        if self.at - self.base >= LOOKAHEAD {
            self.buffer.drain(..self.at - self.base);
            self.base = self.at;
        }
    }

    /// Whether the byte at `offset` belongs to a comment or to code, as far as is known.
    pub fn covers(&self, offset: usize) -> bool {
        let next = self.ranges.partition_point(|range| range.end <= offset);
        let found = self.ranges.get(next).is_some_and(|range| range.start <= offset);
        found || self.php.is_some_and(|start| start <= offset)
    }

    /// Drops what is known of the bytes before `offset`: nobody will ask.
    pub fn forget_before(&mut self, offset: usize) {
        while self.ranges.front().is_some_and(|range| range.end <= offset) {
            self.ranges.pop_front();
        }
    }

    fn fed(&self) -> usize {
        self.base + self.buffer.len()
    }

    /// Decides about the next place; false when more bytes are needed.
    fn advance(&mut self) -> bool {
        if let Some(start) = self.php {
            return self.end_php(start);
        }
        let ahead = &self.buffer[self.at - self.base..];
        let Some(skip) = memchr::memchr2(b'{', b'<', ahead) else {
            self.at = self.fed();
            return false;
        };
        self.at += skip;
        #[cfg(test)]
        {
            self.work += skip + 1;
        }
        match opening(&self.buffer[self.at - self.base..]) {
            Opening::None => self.at += 1,
            Opening::Undecided => return false,
            Opening::Of(Syntax::Php) => self.php = Some(self.at),
            Opening::Of(syntax) => return self.close(syntax),
        }
        true
    }

    /// A region begins here: takes it, waits for its end, or gives it up.
    fn close(&mut self, syntax: Syntax) -> bool {
        let limit = if syntax == Syntax::Expression { EXPRESSION } else { LOOKAHEAD };
        match self.find(syntax, self.at + 2) {
            Some(end) if end - self.at <= limit => {
                self.ranges.push_back(self.at..end);
                self.at = end;
            }
            None if self.fed() - self.at < limit => return false,
            _ => self.at += 1,
        }
        true
    }

    fn end_php(&mut self, start: usize) -> bool {
        let found = self.find(Syntax::Php, self.at.max(start + 2));
        if let Some(end) = found {
            self.ranges.push_back(start..end);
            self.php = None;
            self.at = end;
        } else {
            // Its closer may have begun.
            self.at = self.at.max(self.fed() - 1);
        }
        found.is_some()
    }

    /// The end of the first closer that begins at `from` or behind it. `from` never gets less.
    fn find(&mut self, syntax: Syntax, from: usize) -> Option<usize> {
        let needle = syntax.closer();
        let closer = &mut self.closers[syntax as usize];
        if closer.found.is_some_and(|end| end >= from + needle.len()) {
            return closer.found;
        }
        let start = closer.searched.max(from);
        let text = self.buffer.get(start - self.base..).unwrap_or_default();
        let before = |hit: usize| &self.buffer[..start + hit - self.base];
        let hit = memchr::memmem::find_iter(text, needle).find(|hit| syntax.closes_behind(before(*hit)));
        #[cfg(test)]
        {
            self.work += hit.unwrap_or(text.len());
        }
        let fed = self.base + self.buffer.len();
        closer.found = hit.map(|hit| start + hit + needle.len());
        closer.searched = hit.map_or(start.max((fed + 1).saturating_sub(needle.len())), |hit| start + hit + 1);
        closer.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(page: &str) -> Vec<&str> {
        Comments::of(page.as_bytes()).ranges.into_iter().map(|range| &page[range]).collect()
    }

    #[test]
    fn comments_of_all_languages_are_known() {
        for comment in [
            "{# <b> #}",
            "{% comment %} <b> %} {% if a %} {% endcomment %}",
            "{% comment \"a note\" %}<b>{% endcomment %}",
            "{%- comment -%}<b>{%- endcomment -%}",
            "{{! it's }}",
            "{{!-- {{ a }} <b> --}}",
            "{{~!-- <b> --~}}",
            "{{/* <b> {{ a }} */}}",
            "{{- /* <b> */ -}}",
            "<%# <b> %>",
            "<%-- <b> %> --%>",
            "<?php /* <b> */ ?>",
            "<?php\n echo '<b>'; ?>",
            "<?= \"<b>\" ?>",
            "{% trans '<b>' %}",
            "{{ '<b>'|safe }}",
            "<% a > 1 ? '<b>' : b %>",
        ] {
            assert_eq!(covered(&format!("<p>{comment}<p> #}} %}} }} --%>")), [comment], "{comment}");
        }
    }

    #[test]
    fn an_opener_without_its_closer_in_reach_is_text() {
        let css = format!("<style>@media print{{#nav{{a:b}}}}</style>{}#}}", "x".repeat(LOOKAHEAD));
        assert_eq!(covered(&css), [""; 0]);
        let comment = format!("{{#{}#}}", "x".repeat(LOOKAHEAD - 4));
        assert_eq!(covered(&comment), [&comment]);
        assert_eq!(covered(&comment.replacen('x', "xx", 1)), [""; 0]);
        assert_eq!(covered(&format!("{{{{{}}}}}", "x".repeat(EXPRESSION))), [""; 0]);
        assert_eq!(covered("{# a {{ b }}"), [""; 0]);
    }

    #[test]
    fn php_without_an_end_covers_the_rest() {
        let page = format!("<p><?php echo '<b>';{}<img>", " ".repeat(2 * LOOKAHEAD));
        let comments = Comments::of(page.as_bytes());
        assert!(!comments.covers(0) && comments.covers(3) && comments.covers(page.len() - 5));
        assert!(comments.buffer.len() < 10, "and needs no memory");
    }

    #[test]
    fn a_stream_fed_one_chunk_ahead_gives_the_answers_of_the_whole() {
        let piece = format!("<p>{}{{#{}#}}{{#", "a".repeat(50_000), "b".repeat(60_000));
        let page = piece.repeat(20).into_bytes();
        let whole = Comments::of(&page);
        let (mut ahead, mut most) = (Comments::new(), 0);
        let chunks: Vec<_> = page.chunks(LOOKAHEAD).collect();
        ahead.feed(chunks[0]);
        for (index, chunk) in chunks.iter().enumerate() {
            ahead.feed(chunks.get(index + 1).unwrap_or(&&[][..]));
            let start = index * LOOKAHEAD;
            assert!((start..start + chunk.len()).all(|at| ahead.covers(at) == whole.covers(at)));
            ahead.forget_before(start + chunk.len());
            most = most.max(ahead.buffer.len());
        }
        assert!(ahead.ranges.len() <= 1 && most <= 4 * LOOKAHEAD, "{most}");
    }

    #[test]
    fn no_bait_makes_the_work_more_than_linear() {
        for bait in
            ["{#", "{%", "{{", "{{!--", "<%--", "<?", "<%", "{% comment %}", "{{/*", "{{!-- }} ", "{ <", "<?php"]
        {
            let page = bait.repeat(1 << 20 >> 2);
            let whole = Comments::of(page.as_bytes());
            assert!(whole.work <= (SYNTAXES + 2) * page.len(), "{bait}: {} for {}", whole.work, page.len());
            let mut chunks = Comments::new();
            page.as_bytes().chunks(1000).for_each(|chunk| chunks.feed(chunk));
            assert!(chunks.work <= 2 * (SYNTAXES + 2) * page.len(), "{bait}: {} for {}", chunks.work, page.len());
            assert!(chunks.buffer.len() <= 2 * LOOKAHEAD + 1000, "{bait}: {}", chunks.buffer.len());
        }
    }
}
