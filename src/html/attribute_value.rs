//! Attribute values: character references decoded to read them, encoded to write them, and the way back from an
//! offset in the decoded text to the bytes of the page.

use std::borrow::Cow;
use std::ops::Range;

/// A value with its character references decoded (HTML, section 13.2.5.73, "attribute" rules).
pub struct Decoded<'a> {
    /// The text a browser sees.
    pub text: Cow<'a, str>,
    /// For each stretch that begins with a reference: where it begins and ends, decoded and raw. Empty when nothing
    /// was decoded.
    stretches: Vec<(Range<usize>, Range<usize>)>,
}

impl<'a> Decoded<'a> {
    /// Decodes `raw`.
    pub fn new(raw: &'a str) -> Self {
        if memchr::memchr(b'&', raw.as_bytes()).is_none() {
            return Self { text: Cow::Borrowed(raw), stretches: Vec::new() };
        }
        let (mut text, mut stretches, mut at) = (String::with_capacity(raw.len()), Vec::new(), 0);
        // A reference never reaches beyond the next `&`, so the text can be decoded from one to the next.
        while at < raw.len() {
            let next = memchr::memchr(b'&', &raw.as_bytes()[at + 1..]).map_or(raw.len(), |found| at + 1 + found);
            let from = text.len();
            text.push_str(&htmlize::unescape_attribute(&raw[at..next]));
            stretches.push((from..text.len(), at..next));
            at = next;
        }
        Self { text: Cow::Owned(text), stretches }
    }

    /// The raw bytes that stand for `range` of the decoded text.
    pub fn raw(&self, range: Range<usize>) -> Range<usize> {
        if self.stretches.is_empty() { range } else { self.raw_start(range.start)..self.raw_end(range.end) }
    }

    fn raw_start(&self, offset: usize) -> usize {
        let found = self.stretches.iter().find(|(decoded, _)| decoded.contains(&offset));
        found.map_or_else(
            || self.stretches.last().map_or(offset, |(_, raw)| raw.end),
            |(decoded, raw)| if offset == decoded.start { raw.start } else { raw.end - (decoded.end - offset) },
        )
    }

    fn raw_end(&self, offset: usize) -> usize {
        let found = self.stretches.iter().find(|(decoded, _)| decoded.start < offset && offset <= decoded.end);
        // What follows the reference in its stretch is the same in both texts, so it is counted from the end.
        found.map_or(0, |(decoded, raw)| raw.end - (decoded.end - offset))
    }
}

/// Text as it may stand in an attribute, whatever its quotes, and without any.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            c if c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '`') => out.push(c),
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out
}

/// The same, for text that comes to stand behind `before`: a character reference there that lacks its `;` must not grow
/// (`url(&quot` and `https:` would be `url(&quothttps:`).
pub fn escape_behind(before: &str, text: &str) -> String {
    let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '#');
    match text.chars().next().filter(|_| name.ends_with('&')) {
        Some(first) => format!("&#{};{}", u32::from(first), escape(&text[first.len_utf8()..])),
        None => escape(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_decode_as_in_an_attribute() {
        for (raw, text) in [("a&amp;b", "a&b"), ("a&copy", "a©"), ("a&copy=1", "a&copy=1"), ("&notit;", "&notit;")] {
            assert_eq!(Decoded::new(raw).text, text);
        }
    }

    #[test]
    fn a_reference_without_its_end_does_not_grow() {
        for before in ["url(&quot", "&#34", "&#x22"] {
            let written = format!("{before}{}", escape_behind(before, "a&b"));
            assert_eq!(Decoded::new(&written).text, format!("{}a&b", Decoded::new(before).text));
        }
        assert_eq!(escape_behind("&quot;", "a"), "a");
        assert_eq!(escape_behind("", "a"), "a");
    }

    #[test]
    fn an_offset_finds_its_way_back_to_the_bytes() {
        let raw = "a.png?x&amp;y, &#98;.png 2x";
        let decoded = Decoded::new(raw);
        assert_eq!(decoded.text, "a.png?x&y, b.png 2x");
        assert_eq!(&raw[decoded.raw(0..9)], "a.png?x&amp;y");
        assert_eq!(&raw[decoded.raw(11..16)], "&#98;.png");
    }
}
