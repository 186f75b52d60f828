//! A CDN's prefix in a text, replaced by another wherever it begins a URL.

use crate::css;
use crate::html::attribute_value::escape;
use crate::js;
use crate::model::edit::Edit;
use std::ops::Range;
use url::{Position, Url};

/// From where to where a CDN has moved. Its path stays as it is, in whatever way a page spells it.
#[derive(Debug)]
pub(super) struct Move {
    /// The base URLs, ending in a slash.
    pub(super) from: String,
    pub(super) to: String,
    /// Scheme, host and port, without the first letter, which is an `h` in both.
    from_tail: String,
    to_tail: String,
    /// The spellings of the path that may follow, each with its slash at the end.
    paths: Vec<String>,
}

impl Move {
    /// `from` is a base URL of HTTP, ending in a slash; `to_origin` is another's scheme, host and port. `None` when the
    /// two are the same place.
    pub(super) fn new(from: &Url, to_origin: &str) -> Option<Self> {
        let from_origin = &from[..Position::BeforePath];
        let path = from.path();
        let mut paths = vec![path.to_owned(), css::escape(path), js::escape(path), policy_path(path)];
        paths.extend(paths.iter().map(|path| escape(path)).collect::<Vec<_>>());
        paths.sort();
        paths.dedup();
        let (from_tail, to_tail) = (from_origin.strip_prefix('h')?, to_origin.strip_prefix('h')?);
        let to = format!("{to_origin}{path}");
        (from_origin != to_origin).then(|| Self {
            from: from.as_str().to_owned(),
            to,
            from_tail: from_tail.to_owned(),
            to_tail: to_tail.to_owned(),
            paths,
        })
    }

    /// The edits that make each URL below the prefix one of the new place.
    pub(super) fn edits(&self, text: &[u8]) -> Vec<Edit> {
        self.found(text).filter(|range| self.is_followed(&text[range.end..])).map(|range| self.edit(range)).collect()
    }

    /// The text with these edits made.
    pub(super) fn text(&self, text: &str) -> String {
        splice(text, self.edits(text.as_bytes()))
    }

    /// The same for the value of a policy, in which the CDN may stand without its slash or path.
    pub(super) fn policy(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        let ends = |at: usize| bytes.get(at).is_none_or(|byte| byte.is_ascii_whitespace() || b";,&/".contains(byte));
        let is_bare =
            |at: usize| bytes.get(at) != Some(&b'/') || bytes.get(at + 1).is_none_or(|byte| b" ;,".contains(byte));
        let fits =
            |range: &Range<usize>| ends(range.end) && (is_bare(range.end) || self.is_followed(&bytes[range.end..]));
        splice(text, self.found(bytes).filter(fits).map(|range| self.edit(range)).collect())
    }

    /// Where scheme, host and port stand at a URL's beginning, without their first letter.
    fn found(&self, text: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let found = memchr::memmem::find_iter(text, self.from_tail.as_bytes());
        let first = |at: usize| ["h", "&#104;"].iter().find_map(|first| text[..at].strip_suffix(first.as_bytes()));
        let begins = move |at: &usize| first(*at).is_some_and(begins_url);
        let starts: Vec<_> = found.filter(begins).collect();
        starts.into_iter().map(|at| at..at + self.from_tail.len())
    }

    fn is_followed(&self, rest: &[u8]) -> bool {
        self.paths.iter().any(|path| rest.starts_with(path.as_bytes()))
    }

    fn edit(&self, range: Range<usize>) -> Edit {
        Edit::new(range, self.to_tail.as_str())
    }
}

fn splice(text: &str, mut edits: Vec<Edit>) -> String {
    let mut out = text.to_owned();
    edits.sort_by_key(|edit| edit.range.start);
    for edit in edits.iter().rev() {
        out.replace_range(edit.range.clone(), &edit.text);
    }
    out
}

/// As a policy spells it: what would end a directive or a policy is encoded.
fn policy_path(path: &str) -> String {
    path.replace(';', "%3B").replace(',', "%2C")
}

/// Whether a URL can begin behind `before`: a text begins there, or it stands behind white space, a comma (srcset), a
/// quote or a parenthesis, be it written as a character reference, or behind the `=` of an attribute. A URL inside
/// another (`?u=https://...`) does not begin there, and neither does one that visitors read right behind a tag.
fn begins_url(before: &[u8]) -> bool {
    let Some((last, rest)) = before.split_last() else { return true };
    match last {
        b'=' => ends_with_attribute(rest),
        b';' => ends_with_reference(rest),
        last => last.is_ascii_whitespace() || b",'\"`(".contains(last),
    }
}

/// Whether `text` ends with an attribute's name, with nothing in front of it that an URL could hold.
fn ends_with_attribute(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-:_.".contains(byte);
    let name = text.iter().rev().take_while(|byte| is_name(byte)).count();
    let before = text[..text.len() - name].last();
    name > 0 && before.is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\''))
}

/// Whether `text` ends with a character reference that lacks its semicolon, and stands for one of those characters.
fn ends_with_reference(text: &[u8]) -> bool {
    const NAMES: [&str; 14] =
        ["quot", "apos", "lpar", "comma", "Tab", "NewLine", "#34", "#39", "#40", "#44", "#32", "#x22", "#x27", "#x20"];
    NAMES.iter().any(|name| text.strip_suffix(name.as_bytes()).is_some_and(|rest| rest.ends_with(b"&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(base: &str, text: &str) -> String {
        let from = Url::parse(base).expect("a URL");
        Move::new(&from, "http://localhost:1").expect("another place").text(text)
    }

    #[test]
    fn the_prefix_is_replaced_wherever_a_url_begins() {
        for text in [
            "C/a.js",
            "<script src=C/a.js>",
            "<script src = \"C/a.js\">",
            "<img srcset='C/a.png 1x,C/b.png 2x, C/c.png 3x'>",
            "<p style=\"background:url(C/a.png)\">",
            "<p style='background:url(&quot;C/a.png&quot;)'>",
            "<iframe srcdoc=\"<img src=C/a.png><img src=&#34;C/b.png&#34;>\">",
            "<style>@import 'C/a.css';</style><script type=module>import \"C/a.js\"; import(`C/a.js`)</script>",
            "{\"integrity\":{\"C/a.js\":\"sha384-x\"}}",
        ] {
            let expected = text.replace('C', "http://localhost:1");
            assert_eq!(moved("https://cdn.example/", &text.replace('C', "https://cdn.example")), expected);
        }
        assert_eq!(
            moved("https://cdn.example/", "url(&quot&#104;ttps://cdn.example/a"),
            "url(&quot&#104;ttps://cdn.example/a"
        );
        assert_eq!(moved("https://cdn.example/", "'&#104;ttps://cdn.example/a"), "'&#104;ttp://localhost:1/a");
    }

    #[test]
    fn what_only_looks_like_the_prefix_stays() {
        for text in [
            "<a href=\"/x?u=https://cdn.example/a\">",
            "<a href=\"/x?a=b&amp;u=https://cdn.example/a\">",
            "<a href=\"/x?a;https://cdn.example/a\">",
            "<p>https://cdn.example/a</p>",
            "<img src=https://cdn.example.org/a>",
            "<img src=https://cdn.example:8443/a>",
            "<img src=https://cdn.example>",
            "<img src=xhttps://cdn.example/a>",
        ] {
            assert_eq!(moved("https://cdn.example/", text), text);
        }
        let elsewhere = "<img src=https://cdn.example/other/a.png>";
        assert_eq!(moved("https://cdn.example/some/", elsewhere), elsewhere);
    }

    #[test]
    fn a_path_is_known_in_every_spelling_and_kept_in_it() {
        let base = "https://cdn.example/a&b'(c)/";
        for path in [
            "/a&b'(c)/",
            "/a&amp;b&#39;(c)/",
            "/a&b\\27 \\28 c\\29 /",
            "/a&amp;b\\27&#32;\\28&#32;c\\29&#32;/",
            "/a&b\\x27(c)/",
        ] {
            let spelled = format!("\"https://cdn.example{path}x.js\"");
            assert_eq!(moved(base, &spelled), format!("\"http://localhost:1{path}x.js\""));
        }
    }

    #[test]
    fn a_place_that_stays_needs_no_edits() {
        let base = Url::parse("http://localhost:1/a/").expect("a URL");
        assert!(Move::new(&base, "http://localhost:1").is_none());
    }
}
