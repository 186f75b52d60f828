//! From offsets in a decoded text back to the bytes of the file, where the two are not the same: in encodings other than
//! UTF-8, and around bytes that are no text.

use encoding_rs::Encoding;

/// For each place between two characters of a decoded text, where it is in the bytes.
#[derive(Debug)]
pub struct Alignment {
    /// Ascending.
    runs: Vec<Run>,
}

/// A place and those behind it, as long as each byte is one byte of the text.
#[derive(Debug)]
struct Run {
    text: usize,
    byte: usize,
    length: usize,
}

/// One byte completes few characters: what is malformed before it, and its own.
const ENOUGH: usize = 32;

impl Alignment {
    /// Of `bytes` that were decoded to `text`. `None` when they decode to something else.
    pub fn of(bytes: &[u8], encoding: &'static Encoding, text: &str) -> Option<Self> {
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let mut runs = vec![Run { text: 0, byte: 0, length: 0 }];
        let (mut decoded, mut buffer) = (0, [0; ENOUGH]);
        for (at, byte) in bytes.iter().enumerate() {
            let is_last = at + 1 == bytes.len();
            let (_, _, written, _) = decoder.decode_to_utf8(&[*byte], &mut buffer, is_last);
            if text.as_bytes().get(decoded..decoded + written) != Some(&buffer[..written]) {
                return None;
            }
            decoded += written;
            match runs.last_mut() {
                Some(run) if written == 1 && run.byte + run.length == at => run.length += 1,
                _ if written > 0 => runs.push(Run { text: decoded, byte: at + 1, length: 0 }),
                _ => {}
            }
        }
        (decoded == text.len()).then_some(Self { runs })
    }

    /// Where `offset` of the text is in the bytes; `None` when that is no place between two characters, or cannot be
    /// told.
    pub fn byte(&self, offset: usize) -> Option<usize> {
        let after = self.runs.partition_point(|run| run.text <= offset);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let into = offset - run.text;
        (into <= run.length).then_some(run.byte + into)
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
        assert!(Alignment::of(b"ab", UTF_8, "a").is_none());
        // What is broken and what comes behind it become text at the same moment.
        assert_eq!(found(b"\x95\" url(a)", SHIFT_JIS, "\""), None);
        assert_eq!(found(b"\x95\" url(a)", SHIFT_JIS, " url"), Some(2));
    }
}
