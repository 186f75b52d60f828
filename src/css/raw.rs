//! Where in a token's own bytes its URL stands. At the end of the file, what closes it may be missing.

use std::ops::Range;

/// Of a string.
pub(super) fn inside_quotes(raw: &str) -> Range<usize> {
    let closed =
        raw.len() > 1 && raw.chars().next() == raw.chars().next_back() && !ends_in_escape(&raw[..raw.len() - 1]);
    1.min(raw.len())..raw.len() - usize::from(closed)
}

/// Of `url(x)`, without the white space around it.
pub(super) fn inside_parentheses(raw: &str) -> Range<usize> {
    let open = raw.find('(').map_or(raw.len(), |at| at + 1);
    let inside = match raw[open..].strip_suffix(')') {
        Some(whole) if !ends_in_escape(whole) => whole,
        _ => &raw[open..],
    };
    let trimmed = inside.trim_start_matches(WHITE);
    let start = open + inside.len() - trimmed.len();
    start..start + trim_end(trimmed).len()
}

const WHITE: [char; 5] = [' ', '\t', '\n', '\r', '\x0C'];

/// Whether the last character is a backslash that escapes what comes next.
fn ends_in_escape(raw: &str) -> bool {
    (raw.len() - raw.trim_end_matches('\\').len()) % 2 == 1
}

/// Without the white space behind; that which is escaped belongs to the URL.
fn trim_end(raw: &str) -> &str {
    let trimmed = raw.trim_end_matches(WHITE);
    if ends_in_escape(trimmed) && trimmed.len() < raw.len() { &raw[..=trimmed.len()] } else { trimmed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_the_url_alone() {
        for (raw, inside) in
            [("'a'", "a"), ("''", ""), ("'", ""), ("'a", "a"), (r"'a\'", r"a\'"), (r"'a\\'", r"a\\"), (r#""a\"#, r"a\")]
        {
            assert_eq!(&raw[inside_quotes(raw)], inside, "{raw}");
        }
        for (raw, inside) in [
            ("url(a)", "a"),
            ("url( a\n)", "a"),
            ("url(", ""),
            ("u\\72 l(a", "a"),
            (r"url(a\)", r"a\)"),
            (r"url(a\ )", r"a\ "),
            (r"url(a\\ )", r"a\\"),
            (r"url(\61  )", r"\61"),
        ] {
            assert_eq!(&raw[inside_parentheses(raw)], inside, "{raw}");
        }
    }
}
