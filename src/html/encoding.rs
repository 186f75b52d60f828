//! A page's encoding, from its first bytes (HTML, section 13.2.3.2, "prescan a byte stream"; XML 1.0, appendix F).

use crate::model::path::SitePath;
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use std::borrow::Cow;
use std::ops::Range;

/// How far a browser looks for `<meta charset>`.
pub const PRESCAN: usize = 1024;

/// By whose rules a page is parsed: the extension decides, as servers let it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Syntax {
    /// HTML's.
    #[default]
    Html,
    /// XML's: served as `application/xhtml+xml`.
    Xml,
}

impl Syntax {
    /// That of the page at `path`.
    pub fn of(path: &SitePath) -> Self {
        if matches!(path.extension().as_str(), "xhtml" | "xht") { Self::Xml } else { Self::Html }
    }

    /// Looks at `head`, the page's first bytes ([`PRESCAN`] are enough).
    pub fn sniff(self, head: &[u8]) -> Sniffed {
        match self {
            Self::Html => sniff(head),
            Self::Xml => sniff_xml(head),
        }
    }
}

/// What the first bytes of a page say.
pub struct Sniffed {
    /// By whose rules the page is parsed.
    pub syntax: Syntax,
    /// The encoding; UTF-8 when nothing is said.
    pub encoding: &'static Encoding,
    /// The `<meta>` tag that says it, if one does and no byte order mark overrules it.
    pub meta: Option<Range<usize>>,
}

/// Looks at `head`, the first bytes of a page of HTML ([`PRESCAN`] are enough).
pub fn sniff(head: &[u8]) -> Sniffed {
    let syntax = Syntax::Html;
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return Sniffed { syntax, encoding, meta: None };
    }
    let found = prescan(&head[..head.len().min(PRESCAN)]);
    let (encoding, meta) = found.map_or((UTF_8, None), |(encoding, meta)| (encoding, Some(meta)));
    Sniffed { syntax, encoding, meta }
}

/// The first `<meta>` that declares an encoding, as a browser looks for it: comments and attributes are skipped, what
/// stands in scripts and titles is not.
fn prescan(head: &[u8]) -> Option<(&'static Encoding, Range<usize>)> {
    let mut at = 0;
    loop {
        let start = at + memchr::memchr(b'<', &head[at..])?;
        let rest = &head[start..];
        if rest.starts_with(b"<!--") {
            // `<!-->` is a whole comment: its end may overlap its start.
            at = start + 2 + memchr::memmem::find(&rest[2..], b"-->")? + 3;
        } else if rest.len() > 5 && rest[..5].eq_ignore_ascii_case(b"<meta") && (is_white(rest[5]) || rest[5] == b'/') {
            let mut attributes = Attributes { head, at: start + 5 };
            let declared = declared(&mut attributes)?;
            at = attributes.at;
            if let Some(encoding) = declared {
                return Some((encoding, start..at));
            }
        } else if rest.get(1 + usize::from(rest.get(1) == Some(&b'/'))).is_some_and(u8::is_ascii_alphabetic) {
            let name = rest.iter().position(|byte| is_white(*byte) || *byte == b'>')?;
            let mut attributes = Attributes { head, at: start + name };
            while let Step::Attribute(..) = attributes.step()? {}
            at = attributes.at;
        } else if matches!(rest.get(1), Some(b'!' | b'/' | b'?')) {
            at = start + memchr::memchr(b'>', rest)? + 1;
        } else {
            at = start + 1;
        }
    }
}

/// What one `<meta>` declares, if anything. `None` when the bytes end before it does.
#[expect(clippy::option_option, reason = "that the bytes end, and that nothing is declared, are two answers")]
fn declared(attributes: &mut Attributes<'_>) -> Option<Option<&'static Encoding>> {
    let (mut seen, mut is_pragma) = (Vec::new(), false);
    let (mut by_charset, mut by_content) = (None, None);
    while let Step::Attribute(name, value) = attributes.step()? {
        if seen.contains(&name) {
            continue;
        }
        match name.as_slice() {
            b"http-equiv" => is_pragma = value == b"content-type",
            b"charset" => by_charset = Some(Encoding::for_label(&value)),
            b"content" if by_content.is_none() => by_content = of_content(&value),
            _ => {}
        }
        seen.push(name);
    }
    let found = by_charset.unwrap_or(by_content.filter(|_| is_pragma));
    // A page that can say so in ASCII is not UTF-16: a browser takes it for UTF-8.
    Some(found.map(|encoding| if encoding == X_USER_DEFINED { WINDOWS_1252 } else { encoding.output_encoding() }))
}

/// The encoding that `text/html; charset=x` names (HTML, section 2.5.4).
fn of_content(content: &[u8]) -> Option<&'static Encoding> {
    let skip = |bytes: &[u8]| bytes.iter().take_while(|byte| is_white(**byte)).count();
    let mut rest = content;
    let value = loop {
        rest = &rest[memchr::memmem::find(rest, b"charset")? + b"charset".len()..];
        if let Some(value) = rest[skip(rest)..].strip_prefix(b"=") {
            break value;
        }
    };
    let value = &value[skip(value)..];
    let end = match value.first()? {
        quote @ (b'"' | b'\'') => return Encoding::for_label(&value[1..=memchr::memchr(*quote, &value[1..])?]),
        _ => value.iter().position(|byte| is_white(*byte) || *byte == b';'),
    };
    Encoding::for_label(&value[..end.unwrap_or(value.len())])
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0C' | b'\r' | b' ')
}

/// A tag's attributes, as the prescan reads them ("get an attribute"): in lower case, nothing decoded.
struct Attributes<'h> {
    head: &'h [u8],
    at: usize,
}

enum Step {
    Attribute(Vec<u8>, Vec<u8>),
    /// The tag is over, its `>` passed.
    End,
}

impl Attributes<'_> {
    /// `None` when the bytes end first.
    fn step(&mut self) -> Option<Step> {
        self.skip(|byte| is_white(byte) || byte == b'/')?;
        if self.head[self.at] == b'>' {
            self.at += 1;
            return Some(Step::End);
        }
        let start = self.at;
        // An `=` where a name must begin is the first character of one.
        self.at += usize::from(self.head[self.at] == b'=');
        self.skip(|byte| !is_white(byte) && !matches!(byte, b'=' | b'/' | b'>'))?;
        let name = self.head[start..self.at].to_ascii_lowercase();
        self.skip(is_white)?;
        if self.head[self.at] != b'=' {
            return Some(Step::Attribute(name, Vec::new()));
        }
        self.at += 1;
        self.skip(is_white)?;
        let value = self.value()?.to_ascii_lowercase();
        Some(Step::Attribute(name, value))
    }

    fn value(&mut self) -> Option<&[u8]> {
        let quote = self.head[self.at];
        let start = self.at;
        if matches!(quote, b'"' | b'\'') {
            self.at += 1;
            self.skip(|byte| byte != quote)?;
            self.at += 1;
            return Some(&self.head[start + 1..self.at - 1]);
        }
        self.skip(|byte| !is_white(byte) && byte != b'>')?;
        Some(&self.head[start..self.at])
    }

    /// Passes bytes while they are like that; there must be one that is not.
    fn skip(&mut self, like: impl Fn(u8) -> bool) -> Option<()> {
        self.at += self.head.get(self.at..)?.iter().position(|byte| !like(*byte))?;
        Some(())
    }
}

/// Looks at `head`, the first bytes of a page of XML: a byte order mark or the XML declaration decides, never a `<meta>`.
pub fn sniff_xml(head: &[u8]) -> Sniffed {
    let encoding = match head {
        [b'<', 0, ..] => UTF_16LE,
        [0, b'<', ..] => UTF_16BE,
        _ => match Encoding::for_bom(head) {
            Some((encoding, _)) => encoding,
            None => declared_in_xml(head).unwrap_or(UTF_8),
        },
    };
    Sniffed { syntax: Syntax::Xml, encoding, meta: None }
}

/// The encoding that an XML declaration names (XML 1.0, section 4.3.3).
fn declared_in_xml(head: &[u8]) -> Option<&'static Encoding> {
    let declaration = head.strip_prefix(b"<?xml").filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace))?;
    let declaration = &declaration[..memchr::memmem::find(declaration, b"?>")?];
    let after = &declaration[memchr::memmem::find(declaration, b"encoding")? + b"encoding".len()..];
    let value = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, rest) = value.split_first()?;
    let label = &rest[..memchr::memchr(*quote, rest)?];
    Encoding::for_label(label).map(Encoding::output_encoding)
}

/// A URL whose query is percent-encoded as a page in this encoding sends it; everything else in it is UTF-8 on every
/// page (URL Standard, section 4.4, "query state").
pub fn encode_query<'u>(url: &'u str, encoding: &'static Encoding) -> Cow<'u, str> {
    let before_fragment = url.find('#').unwrap_or(url.len());
    let Some(query) = url[..before_fragment].find('?').filter(|_| encoding.output_encoding() != UTF_8) else {
        return Cow::Borrowed(url);
    };
    if url[query..before_fragment].is_ascii() {
        return Cow::Borrowed(url);
    }
    let encoded: String = url[query..before_fragment].chars().map(|c| encode_char(c, encoding)).collect();
    Cow::Owned(format!("{}{encoded}{}", &url[..query], &url[before_fragment..]))
}

/// What is percent-encoded in the query of a special URL (URL Standard, section 1.3), besides all that is not ASCII.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\'');

fn encode_char(c: char, encoding: &'static Encoding) -> String {
    if c.is_ascii() {
        return c.to_string();
    }
    let text = c.to_string();
    let (bytes, _, is_lost) = encoding.encode(&text);
    if is_lost {
        // What the encoding does not have is written as a character reference.
        return format!("%26%23{}%3B", u32::from(c));
    }
    percent_encode(&bytes, QUERY).to_string()
}

/// Whether lol_html can read the encoding, and ASCII edits are right in it.
pub fn can_rewrite(encoding: &'static Encoding) -> bool {
    encoding != UTF_16LE && encoding != UTF_16BE && encoding != ISO_2022_JP && encoding.is_ascii_compatible()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meta_is_found_and_named() {
        let page = b"<!doctype html><!--<meta charset=x>--><head><META charset='windows-1252'><title>";
        let sniffed = sniff(page);
        assert_eq!(sniffed.encoding.name(), "windows-1252");
        assert_eq!(&page[sniffed.meta.expect("a meta")], b"<META charset='windows-1252'>");
        assert_eq!(sniff(b"<meta http-equiv=content-type content='text/html; charset=gbk'>").encoding.name(), "GBK");
        assert_eq!(sniff(b"<p>").encoding, UTF_8);
        assert_eq!(sniff(b"<meta content='text/html; charset=gbk'>").encoding, UTF_8, "no http-equiv");
        assert_eq!(sniff(b"<p a='<meta charset=gbk>'>").encoding, UTF_8, "in an attribute");
        assert_eq!(sniff(b"<script>'<meta charset=gbk>'").encoding.name(), "GBK", "in a script");
        assert_eq!(sniff(b"<meta charset=utf-16>").encoding, UTF_8);
        assert_eq!(sniff(b"<meta charset=gbk").encoding, UTF_8, "unfinished");
        assert!(!can_rewrite(sniff(b"\xff\xfe<\0").encoding));
    }

    #[test]
    fn a_query_is_in_the_pages_encoding_and_nothing_else_is() {
        let old = encoding_rs::WINDOWS_1252;
        assert_eq!(encode_query("é.png?é=1&€#é", old), "é.png?%E9=1&%80#é");
        // The second byte of a character may be a letter.
        assert_eq!(encode_query("a?ア", encoding_rs::SHIFT_JIS), "a?%83A");
        assert_eq!(encode_query("a?ш", old), "a?%26%231096%3B");
        assert_eq!(encode_query("é#?é", old), "é#?é");
        assert_eq!(encode_query("a?é", UTF_8), "a?é");
    }

    #[test]
    fn a_page_of_xml_declares_its_encoding() {
        let encoding = |head: &[u8]| sniff_xml(head).encoding.name();
        assert_eq!(encoding(b"<?xml version='1.0' encoding = \"koi8-r\"?><meta charset='gbk'/>"), "KOI8-R");
        assert_eq!(encoding(b"<?xml version='1.0'?><html><meta charset='gbk'/>"), "UTF-8");
        assert_eq!(encoding(b"<\0?\0x\0"), "UTF-16LE");
        assert_eq!(encoding(b"\xef\xbb\xbf<?xml version='1.0' encoding='gbk'?>"), "UTF-8");
    }
}
