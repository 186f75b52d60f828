//! The comment by which a script or stylesheet names its source map (ECMA-426, section 11.1, "Linking generated code to
//! source maps").

use std::ops::Range;

const KEY: &[u8] = b"sourceMappingURL=";

/// Where the URL stands that the last comment of a file names, and the URL.
///
/// Only white space and comments may follow it (ECMA-426, "extraction with parsing"). So it needs no parser: a string or
/// a template that holds such a text must still be closed behind it.
pub(super) fn comment(bytes: &[u8]) -> Option<(Range<usize>, &str)> {
    let key = memchr::memmem::rfind(bytes, KEY)?;
    let is_block = opens(&bytes[..key])?;
    let start = key + KEY.len();
    let len = bytes[start..].iter().position(|byte| ends_url(*byte)).unwrap_or(bytes.len() - start);
    let behind = &bytes[start + len..];
    let is_last = if is_block {
        is_blank(behind.trim_ascii_start().strip_prefix(b"*/")?)
    } else {
        let line = memchr::memchr2(b'\n', b'\r', behind).unwrap_or(behind.len());
        behind[..line].trim_ascii().is_empty() && is_blank(&behind[line..])
    };
    let url = std::str::from_utf8(&bytes[start..start + len]).ok()?;
    (is_last && !url.is_empty()).then_some((start..start + len, url))
}

/// Whether what comes before the key opens a comment for it, and whether that is a block.
fn opens(before: &[u8]) -> Option<bool> {
    let sign = before.trim_ascii_end();
    if before[sign.len()..].iter().any(|byte| !matches!(byte, b' ' | b'\t')) {
        return None;
    }
    let open = sign.strip_suffix(b"#").or_else(|| sign.strip_suffix(b"@"))?;
    if open.ends_with(b"//") { Some(false) } else { open.ends_with(b"/*").then_some(true) }
}

fn ends_url(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'*')
}

/// Whether there is nothing but white space and whole comments.
fn is_blank(text: &[u8]) -> bool {
    let mut rest = text.trim_ascii();
    loop {
        rest = if let Some(line) = rest.strip_prefix(b"//") {
            &line[memchr::memchr2(b'\n', b'\r', line).unwrap_or(line.len())..]
        } else if let Some(block) = rest.strip_prefix(b"/*") {
            let Some(end) = memchr::memmem::find(block, b"*/") else { return false };
            &block[end + 2..]
        } else {
            return rest.is_empty();
        }
        .trim_ascii();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Option<&str> {
        let (range, url) = comment(text.as_bytes())?;
        assert_eq!(&text[range], url);
        Some(url)
    }

    #[test]
    fn the_last_comment_names_the_map() {
        for text in [
            "a()\n//# sourceMappingURL=a.js.map",
            "a()\n//# sourceMappingURL=a.js.map\n",
            "a()//@\tsourceMappingURL=a.js.map \r\n\r\n",
            "a()\n//#sourceMappingURL=a.js.map",
            "a{}/*# sourceMappingURL=a.js.map */",
            "a{}/*# sourceMappingURL=a.js.map*/\n",
            "//# sourceMappingURL=old.map\na()\n//# sourceMappingURL=a.js.map\n// the end\n/* truly */",
        ] {
            assert_eq!(url(text), Some("a.js.map"), "{text}");
        }
        assert_eq!(
            url("//# sourceMappingURL=data:application/json;base64,e30="),
            Some("data:application/json;base64,e30=")
        );
    }

    #[test]
    fn what_only_looks_like_it_names_none() {
        for text in [
            "a()\n//# sourceMappingURL=",
            "a()\n// sourceMappingURL=a.js.map",
            "a()\n//#\nsourceMappingURL=a.js.map",
            "//# sourceMappingURL=a.js.map\na()",
            "s = '//# sourceMappingURL=a.js.map'",
            "s = `\n//# sourceMappingURL=a.js.map\n`",
            "/*\n//# sourceMappingURL=a.js.map\n*/",
            "s = \"/*# sourceMappingURL=a.js.map */\"",
            "a{}/*# sourceMappingURL=a.js.map",
            "//# sourceMappingURL=a b.map",
        ] {
            assert_eq!(url(text), None, "{text}");
        }
    }
}
