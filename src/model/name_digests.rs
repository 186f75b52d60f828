//! Hashes that build tools put into names, to tell a name that carries one from a name that only looks like it.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The hashes of one file that its name may begin to spell: MD5 (Django, gulp-rev), SHA-1 (Propshaft), SHA-256 (mdBook,
/// Sprockets).
#[derive(Debug)]
pub struct NameDigests([String; 3]);

/// Fewer digits would be right by chance; the longest hash has as many as this.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=64;

impl NameDigests {
    /// The hashes of all that `fill` gives, piece by piece.
    pub fn of_pieces<E>(mut fill: impl FnMut(&mut dyn FnMut(&[u8])) -> Result<(), E>) -> Result<Self, E> {
        let (mut md5, mut sha1, mut sha256) = (Md5::new(), Sha1::new(), Sha256::new());
        fill(&mut |piece| {
            md5.update(piece);
            sha1.update(piece);
            sha256.update(piece);
        })?;
        Ok(Self([hex(&md5.finalize()), hex(&sha1.finalize()), hex(&sha256.finalize())]))
    }

    /// Whether a part of the name is the beginning of one of them.
    pub fn are_in(&self, file_name: &str) -> bool {
        parts(file_name).any(|part| self.0.iter().any(|digest| digest.starts_with(part)))
    }
}

/// Whether a name has a part that may be a hash, and is worth the hashing.
pub fn may_be_in(file_name: &str) -> bool {
    parts(file_name).next().is_some()
}

fn parts(file_name: &str) -> impl Iterator<Item = &str> {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    file_name.split(['.', '-', '_']).filter(move |part| DIGITS.contains(&part.len()) && is_hex(part))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(2 * digest.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_named(name: &str) -> bool {
        let digests = NameDigests::of_pieces(|take| {
            take(b"hel");
            take(b"lo\n");
            Ok::<_, ()>(())
        });
        digests.expect("nothing fails").are_in(name)
    }

    #[test]
    fn a_digest_counts_wherever_it_stands_in_a_name() {
        // printf 'hello\n' | md5sum; | sha1sum; | sha256sum
        for name in [
            "a.b1946ac92492.css",
            "a-b1946ac924.css",
            "a-f572d396.digested.js",
            "f572d396fae9206628714fb2ce00f72e94f2258f.png",
            "a.5891b5b5.lean.js",
            "a-5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03.js",
        ] {
            assert!(may_be_in(name) && is_named(name), "{name}");
        }
        for name in ["a.b1946ac92493.css", "a-20240131.png", "a-b1946ac.css", "a-B1946AC924.css", "deadbeef.css"] {
            assert!(!is_named(name), "{name}");
        }
    }
}
