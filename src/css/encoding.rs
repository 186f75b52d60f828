//! The bytes of a stylesheet as text (CSS Syntax Level 3, section 3.2), and what was found in the text as bytes.

use super::{Reference, Sheet, escape, finder};
use crate::text::alignment::Alignment;
use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, ISO_2022_JP, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252,
};
use std::ops::Range;

/// In place of the page's encoding, which decides where a sheet declares none: one of each kind. All encodings of one
/// byte a character put the same bytes into the same tokens.
const READINGS: [&Encoding; 8] = [UTF_8, WINDOWS_1252, SHIFT_JIS, EUC_JP, ISO_2022_JP, GB18030, BIG5, EUC_KR];

/// What a stylesheet refers to. A declaration in an HTTP header, which would come first, is not known here.
pub(super) fn read(bytes: &[u8]) -> Sheet {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return read_as(encoding, bytes, length);
    }
    match declared(bytes) {
        Some(encoding) => read_as(encoding, bytes, 0),
        None if std::str::from_utf8(bytes).is_ok() => read_as(UTF_8, bytes, 0),
        None => read_as_any(bytes),
    }
}

/// How wide the characters of a stylesheet are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Width {
    /// ASCII is what it is in all encodings but UTF-16.
    #[default]
    Ascii,
    /// UTF-16, the lower byte first.
    LittleEndian,
    /// UTF-16, the higher byte first.
    BigEndian,
}

impl Width {
    pub(super) fn of(file: &[u8]) -> Self {
        match Encoding::for_bom(file) {
            Some((encoding, _)) if encoding == UTF_16LE => Self::LittleEndian,
            Some((encoding, _)) if encoding == UTF_16BE => Self::BigEndian,
            _ => Self::Ascii,
        }
    }

    /// A URL as it may stand in such a stylesheet. ASCII in UTF-16 is valid UTF-8, if one that only a machine reads.
    pub fn escape(self, url: &str) -> String {
        let ascii = escape(url);
        match self {
            Self::Ascii => ascii,
            Self::LittleEndian => ascii.chars().flat_map(|c| [c, '\0']).collect(),
            Self::BigEndian => ascii.chars().flat_map(|c| ['\0', c]).collect(),
        }
    }
}

/// What `@charset "x";` declares, written exactly like that at the very beginning. A sheet that says in ASCII that it
/// is UTF-16 is UTF-8.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    const MARK: &[u8] = b"@charset \"";
    const FAR: usize = 1024;
    let rest = bytes[..bytes.len().min(FAR)].strip_prefix(MARK)?;
    let label = &rest[..memchr::memmem::find(rest, b"\";")?];
    let encoding = Encoding::for_label(label).filter(|_| !label.contains(&b'"'))?;
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

/// `start` is where the text begins, behind a byte order mark.
fn read_as(encoding: &'static Encoding, bytes: &[u8], start: usize) -> Sheet {
    if encoding == ISO_2022_JP && bytes.contains(&0x1b) {
        // What stands between two escape sequences means something else without them.
        return Sheet { unread: Some((0, "it is in ISO-2022-JP".to_owned())), ..Sheet::default() };
    }
    let mut sheet = reading(encoding, bytes, start);
    sheet.references.retain(|reference| encoding.output_encoding() == UTF_8 || has_plain_query(reference));
    sheet
}

/// Reads a sheet in an encoding that only pages know: what all readings agree upon is certain.
fn read_as_any(bytes: &[u8]) -> Sheet {
    let [mut sheet, others @ ..] = READINGS.map(|encoding| reading(encoding, bytes, 0));
    let is_certain = |reference: &Reference| {
        others.iter().all(|other| other.references.binary_search_by(|one| order(one, reference)).is_ok())
    };
    let mut all: Vec<_> = others.iter().flat_map(|other| other.references.iter().cloned()).collect();
    all.append(&mut sheet.references);
    all.sort_by(order);
    all.dedup();
    let (certain, doubtful): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|one| is_certain(one) && has_plain_query(one));
    let first = doubtful.first().map(|reference| reference.range.start);
    let reason = "it is not UTF-8 and declares no encoding, so its page decides what this is".to_owned();
    Sheet { references: certain, unread: first.map(|at| (at, reason)), ..sheet }
}

fn order(one: &Reference, other: &Reference) -> std::cmp::Ordering {
    let key = |one: &Reference| (one.range.start, one.range.end);
    key(one).cmp(&key(other)).then_with(|| one.url.cmp(&other.url)).then_with(|| one.usage.cmp(&other.usage))
}

/// The query of a URL is sent in the sheet's encoding, everything else in UTF-8 (URL Standard, section 4.4).
fn has_plain_query(reference: &Reference) -> bool {
    let query = reference.url.split('#').next().and_then(|url| url.split_once('?'));
    query.is_none_or(|(_, query)| query.is_ascii())
}

fn reading(encoding: &'static Encoding, bytes: &[u8], start: usize) -> Sheet {
    let body = &bytes[start..];
    if let Some(text) = std::str::from_utf8(body).ok().filter(|_| encoding == UTF_8) {
        return aligned(text, |at| Some(start + at));
    }
    let (text, _) = encoding.decode_without_bom_handling(body);
    match Alignment::of(body, encoding, &text) {
        Some(alignment) => aligned(&text, |at| Some(start + alignment.byte(at)?)),
        None => {
            Sheet { unread: Some((start, "its bytes do not line up with its text".to_owned())), ..Sheet::default() }
        }
    }
}

/// What is in a text, by where it is in the bytes.
fn aligned(text: &str, byte: impl Fn(usize) -> Option<usize>) -> Sheet {
    let found = finder::stylesheet(text);
    let place = |range: &Range<usize>| Some(byte(range.start)?..byte(range.end)?);
    let mut sheet = Sheet { variables: found.variables, ..Sheet::default() };
    for reference in found.references {
        let Some(range) = place(&reference.range) else {
            let near = (0..=reference.range.start).rev().find_map(&byte).unwrap_or_default();
            let reason = format!("`{}` is beside a byte that is no text", reference.url);
            sheet.unread.get_or_insert((near, reason));
            continue;
        };
        sheet.references.push(Reference { range, ..reference });
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(bytes: &[u8]) -> Vec<String> {
        read(bytes).references.into_iter().map(|reference| reference.url).collect()
    }

    fn raw(bytes: &[u8]) -> Vec<&[u8]> {
        read(bytes).references.into_iter().map(|reference| &bytes[reference.range]).collect()
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_sheet() {
        assert_eq!(raw(b"\xef\xbb\xbf@import 'a.css';"), [b"a.css"]);
        assert_eq!(urls("\u{feff}@charset \"gbk\";@import 'é.css';".as_bytes()), ["é.css"], "the mark comes first");
        let little = utf16("\u{feff}@import 'é.css';");
        assert_eq!(raw(&little), [utf16("é.css")]);
        let big: Vec<u8> = little.chunks(2).flat_map(|unit| [unit[1], unit[0]]).collect();
        assert_eq!(urls(&big), ["é.css"]);
        assert_eq!(urls(&utf16("@import 'a.css';")), [""; 0], "without the mark nobody knows");
    }

    #[test]
    fn what_is_written_into_utf_16_is_utf_16() {
        let little = utf16("\u{feff}@import 'a.css';");
        assert_eq!(Width::of(&little).escape("b c").as_bytes(), utf16("b\\20 c"));
        assert_eq!(Width::of(b"\xfe\xff").escape("b").as_bytes(), b"\0b");
        assert_eq!(Width::of(b"\xef\xbb\xbf").escape("b"), "b");
    }

    #[test]
    fn a_declared_encoding_counts() {
        assert_eq!(urls(b"@charset \"windows-1252\";a{b:url(\xe9.png)}"), ["é.png"]);
        assert_eq!(raw(b"@charset \"shift_jis\";a{b:'\x95\x5c';c:url('\x95\x5c.png')}"), [b"\x95\x5c.png"]);
        assert_eq!(urls("@charset \"utf-16\";a{b:url(é.png)}".as_bytes()), ["é.png"]);
        assert!(read(b"@charset \"iso-2022-jp\";a{b:url(\x1b$B)}").unread.is_some());
    }

    #[test]
    fn a_query_that_is_sent_in_the_sheets_encoding_is_left_alone() {
        assert_eq!(urls(b"@charset \"gbk\";a{b:url(a.png?\\e9);c:url(\\e9?x#\\e9)}"), ["é?x#é"]);
        assert_eq!(urls("a{b:url(a.png?é)}".as_bytes()), ["a.png?é"]);
    }

    #[test]
    fn of_a_sheet_in_an_unknown_encoding_that_counts_which_is_the_same_in_all() {
        let sheet = read(b"/* \xe9 */a{b:url(a.png);c:'\xe9'}");
        assert_eq!((sheet.references.len(), sheet.unread), (1, None));
        let sheet = read(b"a{b:url(a.png);c:url(\xe9.png);d:url(b.png)}");
        assert_eq!(sheet.references.len(), 2, "{sheet:?}");
        assert_eq!(sheet.unread.map(|(at, _)| at), Some(21));
        // In Shift_JIS the quote is still open behind this.
        let sheet = read(b"a{b:url(a.png)}c{d:'\x95\x5c';e:url(b.png)}f{g:'\\';h:url(c.png)}");
        assert_eq!(sheet.references.len(), 1, "{sheet:?}");
        assert!(sheet.unread.is_some());
    }

    #[test]
    fn a_url_beside_a_broken_byte_is_left_alone() {
        let sheet = read(b"@charset \"shift_jis\";a{b:url('a.png\x95');c:url(b.png)}");
        assert_eq!(sheet.references.len(), 1, "{sheet:?}");
        assert!(sheet.unread.is_some());
    }
}
