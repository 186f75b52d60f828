//! Hashes of a file's bytes, and the two texts made of them: [`Integrity`] and [`Fingerprint`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::fmt;
use std::fmt::Write as _;

/// The two hashes of one file: SHA-256 names it, SHA-384 pins it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Digests {
    sha256: [u8; 32],
    sha384: [u8; 48],
}

impl Digests {
    /// The hashes of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: Sha256::digest(bytes).into(), sha384: Sha384::digest(bytes).into() }
    }

    /// The hashes of all that `fill` gives, piece by piece: for files too large to hold.
    pub fn of_pieces<E>(mut fill: impl FnMut(&mut dyn FnMut(&[u8])) -> Result<(), E>) -> Result<Self, E> {
        let (mut sha256, mut sha384) = (Sha256::new(), Sha384::new());
        fill(&mut |piece| {
            sha256.update(piece);
            sha384.update(piece);
        })?;
        Ok(Self { sha256: sha256.finalize().into(), sha384: sha384.finalize().into() })
    }

    /// Whether all that `fill` gives has these hashes. One of them is enough to tell.
    pub fn are_of_pieces<E>(&self, fill: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>) -> Result<bool, E> {
        let mut sha256 = Sha256::new();
        fill(&mut |piece| sha256.update(piece))?;
        Ok(self.sha256[..] == sha256.finalize()[..])
    }

    /// The name's part that stands for these bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_digest(&self.sha256)
    }

    /// What `integrity=""` says of these bytes.
    pub fn integrity(&self) -> Integrity {
        Integrity(format!("sha384-{}", STANDARD.encode(self.sha384)))
    }
}

/// Integrity metadata as an attribute holds it: `sha384-` and padded base64 (Subresource Integrity, section 3.5).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Integrity(String);

impl Integrity {
    /// Reads what was written down before; `None` when it could not stand in an attribute as it is.
    pub fn parse(text: &str) -> Option<Self> {
        let value = text.strip_prefix("sha384-")?;
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        value.bytes().all(is_base64).then(|| Self(text.to_owned()))
    }

    /// The text of the attribute.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `bytes` satisfy integrity metadata that somebody else wrote; `None` when it holds no hash we know.
///
/// As the specification has it (section 3.3.4), only the strongest algorithm counts and any one match of it is
/// enough. Unlike browsers, which let an unknown algorithm pass, this says that nothing was checked.
pub fn satisfies(metadata: &str, bytes: &[u8]) -> Option<bool> {
    let hashes = |algorithm: &str| -> Vec<&str> {
        metadata
            .split_ascii_whitespace()
            .filter_map(|hash| hash.strip_prefix(algorithm)?.strip_prefix('-'))
            .map(|value| value.split('?').next().unwrap_or_default())
            .collect()
    };
    let check = |expected: &[&str], actual: &[u8]| {
        let actual = STANDARD.encode(actual);
        (!expected.is_empty()).then(|| expected.contains(&actual.as_str()))
    };
    check(&hashes("sha512"), &Sha512::digest(bytes))
        .or_else(|| check(&hashes("sha384"), &Sha384::digest(bytes)))
        .or_else(|| check(&hashes("sha256"), &Sha256::digest(bytes)))
}

/// The three hashes of `bytes` as a Content-Security-Policy spells them, without quotes: `sha256-`, `sha384-` and
/// `sha512-`, each with padded base64 (Content Security Policy Level 3, section 2.3.1, "hash-source").
pub fn policy_hashes(bytes: &[u8]) -> [String; 3] {
    [
        format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes))),
        format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes))),
        format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes))),
    ]
}

/// Twelve hex digits that stand for a file's bytes in its name: the length that `WhiteNoise` and Django take for
/// immutable.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fingerprint(String);

/// How many hex digits a fingerprint has.
pub const FINGERPRINT_LEN: usize = 12;

impl Fingerprint {
    /// The fingerprint of a group of files that name each other (see `plan::fingerprint`): hashed over `pieces`.
    pub fn of_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for piece in pieces {
            // The length first, so that no two lists of pieces read the same.
            hash.update((piece.len() as u64).to_be_bytes());
            hash.update(piece);
        }
        Self::of_digest(&hash.finalize())
    }

    fn of_digest(digest: &[u8]) -> Self {
        let mut text = String::with_capacity(FINGERPRINT_LEN);
        for byte in &digest[..FINGERPRINT_LEN / 2] {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrity_and_fingerprint_are_those_of_the_standard_tools() {
        let digests = Digests::of(b"hello\n");
        // printf 'hello\n' | sha256sum; | openssl dgst -sha384 -binary | base64
        assert_eq!(digests.fingerprint().as_str(), "5891b5b522d5");
        assert_eq!(
            digests.integrity().as_str(),
            "sha384-HQ8oTv4+3qS5yjvVFPoTSxfq42HMx6Hu/v+AG5vWYE4B8h9r8knvAwWZ8MIY8rqM"
        );
    }

    #[test]
    fn only_the_strongest_known_algorithm_counts() {
        let good = Digests::of(b"x").integrity().to_string();
        assert_eq!(satisfies(&good, b"x"), Some(true));
        assert_eq!(satisfies(&format!("sha256-AAAA {good}?opt"), b"x"), Some(true));
        assert_eq!(satisfies(&format!("{good} sha512-AAAA"), b"x"), Some(false));
        assert_eq!(satisfies("md5-AAAA", b"x"), None);
    }
}
