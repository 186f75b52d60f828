//! From offsets in a decoded text back to the bytes of the file, where the two are not the same: in encodings other than
//! UTF-8, and around bytes that are no text.

use encoding_rs::Encoding;

/// For each place between two characters of a decoded text, where it is in the bytes.
#[derive(Debug)]
pub struct Alignment {
    /// Offsets in the text and in the bytes, ascending.
    places: Vec<(usize, usize)>,
}

impl Alignment {
    /// Of `bytes` that were decoded to `text`. `None` when they decode to something else.
    pub fn of(bytes: &[u8], encoding: &'static Encoding, text: &str) -> Option<Self> {
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let mut places = vec![(0, 0)];
        let mut decoded = String::with_capacity(text.len() + 16);
        for (at, byte) in bytes.iter().enumerate() {
            // One byte completes few characters: what is malformed before it, and its own.
            decoded.reserve(16);
            let before = decoded.len();
            let _ = decoder.decode_to_string(&[*byte], &mut decoded, at + 1 == bytes.len());
            if decoded.len() > before {
                places.push((decoded.len(), at + 1));
            }
        }
        (decoded == text).then_some(Self { places })
    }

    /// Where `offset` of the text is in the bytes; `None` when that is no place between two characters, or cannot be
    /// told.
    pub fn byte(&self, offset: usize) -> Option<usize> {
        let found = self.places.binary_search_by_key(&offset, |(text, _)| *text).ok()?;
        self.places.get(found).map(|(_, byte)| *byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{SHIFT_JIS, UTF_8, WINDOWS_1252};

    fn found(bytes: &[u8], encoding: &'static Encoding, what: &str) -> Option<usize> {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        Alignment::of(bytes, encoding, &text)?.byte(text.find(what)?)
    }

    #[test]
    fn an_offset_finds_its_way_back_to_the_bytes() {
        assert_eq!(found(b"/* \xe9 */ url(a)", WINDOWS_1252, "url"), Some(8));
        // The second byte of this character is an ASCII backslash.
        assert_eq!(found(b"\x95\x5c url(a)", SHIFT_JIS, "url"), Some(3));
        assert_eq!(found(b"\xff\xfe url(a)", UTF_8, "url"), Some(3));
        assert!(Alignment::of(b"a", UTF_8, "b").is_none());
    }
}
