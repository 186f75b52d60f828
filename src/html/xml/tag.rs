//! A tag's name and attributes, by their places.

use super::fail;
use crate::html::visitor::Failure;
use std::ops::Range;

/// A start tag or an empty element's tag. All ranges are bytes of the page.
pub(super) struct Tag {
    pub(super) range: Range<usize>,
    pub(super) name: Range<usize>,
    /// Each attribute's name, and its value without the quotes.
    pub(super) attributes: Vec<(Range<usize>, Range<usize>)>,
}

impl Tag {
    /// Reads the tag that stands at `range` (XML 1.0, section 3.1, productions 40, 41 and 44).
    pub(super) fn read(markup: &str, range: Range<usize>) -> Result<Self, Failure> {
        let mut cursor = Cursor { bytes: &markup.as_bytes()[..range.end], at: range.start + 1 };
        let name = cursor.name()?;
        let mut attributes = Vec::new();
        loop {
            let had_space = cursor.skip_space();
            match cursor.peek() {
                Some(b'>') if cursor.at + 1 == range.end => break,
                Some(b'/') if cursor.at + 2 == range.end => break,
                Some(_) if had_space => attributes.push((cursor.name()?, cursor.value()?)),
                _ => return fail("a malformed tag", cursor.at),
            }
        }
        check_unique(markup, &attributes)?;
        Ok(Self { range, name, attributes })
    }
}

fn check_unique(markup: &str, attributes: &[(Range<usize>, Range<usize>)]) -> Result<(), Failure> {
    let mut names: Vec<_> = attributes.iter().map(|(name, _)| (&markup[name.clone()], name.start)).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => fail("the same attribute again", pair[1].1),
        None => Ok(()),
    }
}

struct Cursor<'m> {
    bytes: &'m [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.at > from
    }

    /// A name: what is ASCII in it is judged (production 5), the rest is let pass.
    fn name(&mut self) -> Result<Range<usize>, Failure> {
        let from = self.at;
        while self.peek().is_some_and(is_name_byte) {
            self.at += 1;
        }
        let starts_well = self.bytes.get(from).is_some_and(|byte| !matches!(byte, b'-' | b'.' | b'0'..=b'9'));
        if self.at == from || !starts_well { fail("a malformed name", from) } else { Ok(from..self.at) }
    }

    /// `=` and a quoted value.
    fn value(&mut self) -> Result<Range<usize>, Failure> {
        self.skip_space();
        if self.peek() != Some(b'=') {
            return fail("an attribute without a value", self.at);
        }
        self.at += 1;
        self.skip_space();
        let Some(quote @ (b'"' | b'\'')) = self.peek() else { return fail("a value without quotes", self.at) };
        let from = self.at + 1;
        let Some(length) = memchr::memchr(quote, &self.bytes[from..]) else { return fail("an open quote", self.at) };
        self.at = from + length + 1;
        match memchr::memchr(b'<', &self.bytes[from..from + length]) {
            Some(found) => fail("a `<` in a value", from + found),
            None => Ok(from..from + length),
        }
    }
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_by_the_grammar() {
        let markup = "<a:b c='1>'\n d = \"\" />";
        let tag = Tag::read(markup, 0..markup.len()).expect("a tag");
        let read: Vec<_> =
            tag.attributes.iter().map(|(name, value)| (&markup[name.clone()], &markup[value.clone()])).collect();
        assert_eq!((&markup[tag.name], read), ("a:b", vec![("c", "1>"), ("d", "")]));
        for bad in
            ["<>", "<1>", "<a b>", "<a b=c>", "<a b='1'c='2'>", "<a b='<'>", "<a b='1' b='2'>", "<a / >", "<a b=\">"]
        {
            assert!(Tag::read(bad, 0..bad.len()).is_err(), "{bad}");
        }
    }
}
