//! The page's bytes, as text of the same length that an XML parser can read, whatever their encoding.

use super::fail;
use super::tag::is_name_byte;
use crate::html::attribute_value::Decoded;
use crate::html::encoding::{can_rewrite, sniff_xml};
use crate::html::visitor::Failure;
use encoding_rs::{Encoding, UTF_8};
use std::borrow::Cow;
use std::ops::Range;

pub(super) struct Source<'p> {
    page: &'p [u8],
    encoding: &'static Encoding,
    /// The page, byte for byte; in encodings other than UTF-8, `_` stands for each byte that is not ASCII.
    pub(super) markup: Cow<'p, str>,
    /// Where it begins: behind the byte order mark.
    pub(super) start: usize,
}

/// How the references in a stretch of text are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum References {
    /// As HTML reads them, or there are none.
    AsInHtml,
    /// There is one that only a DTD explains, or that HTML reads otherwise.
    Otherwise,
}

impl<'p> Source<'p> {
    pub(super) fn new(page: &'p [u8]) -> Result<Self, Failure> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let encoding = sniff_xml(page).encoding;
        if !can_rewrite(encoding) {
            return fail(&format!("{}, which is not compatible with ASCII,", encoding.name()), 0);
        }
        let start = if page.starts_with(MARK) { MARK.len() } else { 0 };
        if page[start..].starts_with(MARK) {
            return fail("text outside of the root", start);
        }
        Ok(Self { page, encoding, markup: markup(page, encoding)?, start })
    }

    /// The text at `range`.
    pub(super) fn decode(&self, range: Range<usize>) -> Cow<'_, str> {
        if self.encoding == UTF_8 {
            Cow::Borrowed(&self.markup[range])
        } else {
            self.encoding.decode_without_bom_handling(&self.page[range]).0
        }
    }

    /// Judges the references in an attribute's value or a text (XML 1.0, section 4.1). Names other than XML's own five
    /// are HTML's, which browsers know when the page has a DOCTYPE.
    pub(super) fn check_references(&self, range: Range<usize>, has_doctype: bool) -> Result<References, Failure> {
        let (text, start) = (&self.markup[range.clone()], range.start);
        let mut all = References::AsInHtml;
        for at in memchr::memchr_iter(b'&', text.as_bytes()) {
            let rest = &text[at + 1..];
            // A reference reaches to the next `;`, without another `&` before it.
            let end = memchr::memchr2(b';', b'&', rest.as_bytes()).filter(|end| rest.as_bytes()[*end] == b';');
            let reference = end.and_then(|end| judge(&rest[..end], has_doctype));
            match reference {
                Some(References::AsInHtml) => {}
                Some(References::Otherwise) => all = References::Otherwise,
                None => return fail("a malformed or undeclared reference", start + at),
            }
        }
        Ok(all)
    }

    /// What the one reference at `range` stands for.
    pub(super) fn resolve(&self, range: Range<usize>) -> String {
        let written = &self.markup[range];
        match judge(written.trim_matches(['&', ';']), true) {
            Some(References::AsInHtml) => Decoded::new(written).text.into_owned(),
            // Never longer than what is written.
            _ => "\u{fffd}".to_owned(),
        }
    }
}

/// One reference, without its `&` and `;`; `None` when a browser would stop at it.
fn judge(reference: &str, has_doctype: bool) -> Option<References> {
    if let Some(number) = reference.strip_prefix('#') {
        let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
        let is_number = digits.bytes().all(|byte| char::from(byte).is_digit(radix));
        let c = char::from_u32(u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?)?;
        let is_char = !matches!(c, '\0'..'\t' | '\x0b' | '\x0c' | '\x0e'..' ' | '\u{fffe}' | '\u{ffff}');
        // HTML takes these for windows-1252.
        let differs = matches!(c, '\u{80}'..='\u{9f}');
        return is_char.then_some(if differs { References::Otherwise } else { References::AsInHtml });
    }
    if matches!(reference, "amp" | "lt" | "gt" | "quot" | "apos") {
        return Some(References::AsInHtml);
    }
    let is_name = !reference.is_empty() && reference.bytes().all(is_name_byte);
    let is_html = || Decoded::new(&format!("&{reference};")).text.chars().count() <= 2;
    (is_name && has_doctype).then(|| if is_html() { References::AsInHtml } else { References::Otherwise })
}

/// The page as text with a byte for each of its bytes.
fn markup<'p>(page: &'p [u8], encoding: &'static Encoding) -> Result<Cow<'p, str>, Failure> {
    if encoding == UTF_8 {
        let text = std::str::from_utf8(page).map(Cow::Borrowed);
        return text.or_else(|error| fail("bytes that are not UTF-8", error.valid_up_to()));
    }
    let decoded = encoding.decode_without_bom_handling_and_without_replacement(page);
    // The second byte of a character may be a `]`, the only one of XML's signs for which that is so: where that makes a
    // `]]>` that is none, masking is not enough.
    let ends = |bytes: &[u8]| memchr::memmem::find_iter(bytes, b"]]>").count();
    if decoded.is_none_or(|decoded| ends(decoded.as_bytes()) != ends(page)) {
        return fail(&format!("bytes that cannot be read as {}", encoding.name()), 0);
    }
    Ok(page.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '_' }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_judged_as_browsers_do() {
        for (reference, expected) in [
            ("amp", Some(References::AsInHtml)),
            ("#233", Some(References::AsInHtml)),
            ("#xE9", Some(References::AsInHtml)),
            ("#x80", Some(References::Otherwise)),
            ("eacute", Some(References::AsInHtml)),
            ("mine", Some(References::Otherwise)),
            ("#0", None),
            ("#", None),
            ("#XE9", None),
            ("#+5", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(judge(reference, true), expected, "{reference}");
        }
        assert_eq!((judge("eacute", false), judge("lt", false)), (None, Some(References::AsInHtml)));
    }

    #[test]
    fn other_encodings_are_masked_byte_for_byte() {
        let page = b"<?xml version='1.0' encoding='Shift_JIS'?><p>\x83\x5d</p>";
        let source = Source::new(page).expect("Shift_JIS");
        assert_eq!(source.markup.len(), page.len());
        assert_eq!(source.decode(45..47), "ゾ");
        let treacherous = b"<?xml version='1.0' encoding='Shift_JIS'?><p><![CDATA[\x83\x5d]>]]></p>";
        assert!(Source::new(treacherous).is_err());
    }
}
