//! `srcset` by the specification's algorithm (HTML, section 4.8.4.3.10), as the byte ranges of its URLs.

use std::ops::Range;

/// Where the URLs of `srcset` stand. Descriptors are not judged: a candidate with a bad one stays as it is written.
pub fn urls(srcset: &str) -> Vec<Range<usize>> {
    let bytes = srcset.as_bytes();
    let white = |at: usize| bytes[at].is_ascii_whitespace();
    let (mut found, mut at) = (Vec::new(), 0);
    loop {
        while at < bytes.len() && (white(at) || bytes[at] == b',') {
            at += 1;
        }
        if at == bytes.len() {
            return found;
        }
        let start = at;
        while at < bytes.len() && !white(at) {
            at += 1;
        }
        let url = srcset[start..at].trim_end_matches(',');
        found.push(start..start + url.len());
        if start + url.len() == at {
            at = skip_descriptors(bytes, at);
        }
    }
}

/// Descriptors reach to a comma that is not inside parentheses.
fn skip_descriptors(bytes: &[u8], mut at: usize) -> usize {
    let mut inside = false;
    while at < bytes.len() && (inside || bytes[at] != b',') {
        inside = match bytes[at] {
            b'(' => true,
            b')' => false,
            _ => inside,
        };
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(srcset: &str) -> Vec<&str> {
        urls(srcset).into_iter().map(|range| &srcset[range]).collect()
    }

    #[test]
    fn urls_end_where_the_specification_says() {
        assert_eq!(parts("a.png 1x, b.png 2x"), ["a.png", "b.png"]);
        assert_eq!(parts("a.png?1,a.png?2 2x"), ["a.png?1,a.png?2"]);
        assert_eq!(parts("data:image/png;base64,AA== 1x,b.png"), ["data:image/png;base64,AA==", "b.png"]);
        assert_eq!(parts(" , a.png,, b.png calc(1, 2)x,c.png"), ["a.png", "b.png", "c.png"]);
        assert_eq!(parts(",,,"), [""; 0]);
    }
}
