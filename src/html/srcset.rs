//! `srcset` by the specification's algorithm (HTML, section 4.8.4.3.10), as the byte ranges of its URLs.

use std::ops::Range;

/// One image of a `srcset`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Where its URL stands.
    pub url: Range<usize>,
    /// Whether its descriptors are good. If not, no browser fetches it.
    pub is_valid: bool,
}

/// Where the URLs stand that a browser may fetch.
pub fn urls(srcset: &str) -> Vec<Range<usize>> {
    candidates(srcset).into_iter().filter(|candidate| candidate.is_valid).map(|candidate| candidate.url).collect()
}

/// All candidates, in order.
pub fn candidates(srcset: &str) -> Vec<Candidate> {
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
        let url = start..start + srcset[start..at].trim_end_matches(',').len();
        let mut is_valid = true;
        if url.end == at {
            at = skip_descriptors(bytes, at);
            is_valid = are_valid(&srcset[url.end..at]);
        }
        found.push(Candidate { url, is_valid });
    }
}

/// Descriptors reach to a comma that is not inside parentheses.
fn skip_descriptors(bytes: &[u8], mut at: usize) -> usize {
    let mut inside = false;
    while at < bytes.len() && (inside || bytes[at] != b',') {
        inside = is_inside(inside, bytes[at]);
        at += 1;
    }
    at
}

fn is_inside(inside: bool, byte: u8) -> bool {
    match byte {
        b'(' => true,
        b')' => false,
        _ => inside,
    }
}

/// Whether a candidate's descriptors are good: one width, one density, or a width and a height (the last steps of the
/// algorithm).
fn are_valid(descriptors: &str) -> bool {
    let mut inside = false;
    // White space in parentheses separates nothing.
    let parts = descriptors.split(|c: char| {
        inside = u8::try_from(c).map_or(inside, |byte| is_inside(inside, byte));
        c.is_ascii_whitespace() && !inside
    });
    let (mut widths, mut densities, mut heights) = (0, 0, 0);
    for descriptor in parts.filter(|part| !part.is_empty()) {
        match descriptor.split_at_checked(descriptor.len() - 1) {
            Some((number, "w")) if is_size(number) => widths += 1,
            Some((number, "x")) if is_density(number) => densities += 1,
            Some((number, "h")) if is_size(number) => heights += 1,
            _ => return false,
        }
    }
    matches!((widths, densities, heights), (0 | 1, 0, 0) | (0, 1, 0) | (1, 0, 1))
}

/// A number of pixels that is not 0 (HTML, section 2.3.4.2, "valid non-negative integers").
fn is_size(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit()) && number.bytes().any(|byte| byte != b'0')
}

/// A number that is not negative (HTML, section 2.3.4.3, "valid floating-point numbers").
fn is_density(number: &str) -> bool {
    let is_zero = |number: &str| number.parse::<f64>().is_ok_and(|number| number == 0.0);
    let (sign, unsigned) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let of_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    (whole.is_empty() && mantissa.starts_with('.') || of_digits(whole))
        && of_digits(fraction)
        && of_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
        && (!sign || is_zero(unsigned))
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
        assert_eq!(parts(" , a.png,, b.png 2x,c.png"), ["a.png", "b.png", "c.png"]);
        assert_eq!(parts(",,,"), [""; 0]);
    }

    #[test]
    fn only_candidates_with_good_descriptors_are_fetched() {
        for good in [" ", " 1x", " 0x", " 1.5x", " .5x", " -0x", " 1e3x", " 1E-3x", " 300w", " 010w", "\t3w\n4h "] {
            assert_eq!(parts(&format!("a.png{good},b.png")), ["a.png", "b.png"], "{good}");
        }
        for bad in [
            " x",
            " 1",
            " 1q",
            " 1X",
            " -1x",
            " +1x",
            " 1.x",
            " .x",
            " 1ex",
            " infx",
            " 0w",
            " -1w",
            " 1.5w",
            " 1h",
            " 1x 2x",
            " 1w 2w",
            " 1w 1x",
            " 1x 1h",
            " (1x, 2x)",
            " 1x (",
            " calc(1, 2)x",
            " \u{e9}",
        ] {
            assert_eq!(parts(&format!("b.png,a.png{bad}")), [""; 0], "a comma in a URL: {bad}");
            assert_eq!(parts(&format!("b.png, a.png{bad}")), ["b.png"], "{bad}");
        }
    }
}
