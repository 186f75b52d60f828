//! What a web app manifest fetches that may move: its pictures (Web Application Manifest, "icons", "screenshots" and
//! "shortcuts"). `start_url`, `scope` and the like are addresses of pages.

use crate::json::{ParseError, elements, members, parse, start_of};
use std::ops::Range;

pub use crate::json::escape;

/// A picture that a manifest names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Icon {
    /// Byte offsets of the URL, inside the quotes.
    pub range: Range<usize>,
    /// The URL, its escapes decoded.
    pub url: String,
}

/// The `src` of `icons`, `screenshots` and the icons of `shortcuts`, by their place in `text`, the manifest. What has
/// another type than the standard asks for is left out, as browsers do.
pub fn icons(text: &str) -> Result<Vec<Icon>, ParseError> {
    // A manifest is decoded as UTF-8, which takes a byte order mark away.
    let manifest = members(text, text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let pictures = ["icons", "screenshots"].into_iter().flat_map(|name| list(text, &manifest, name));
    let shortcuts = list(text, &manifest, "shortcuts").into_iter();
    let of_shortcuts = shortcuts.flat_map(|shortcut| list(text, &members(text, shortcut).unwrap_or_default(), "icons"));
    let mut found: Vec<_> = pictures.chain(of_shortcuts).filter_map(|picture| source(text, picture)).collect();
    found.sort_by_key(|icon| icon.range.start);
    Ok(found)
}

/// The elements of the member `name`.
fn list<'t>(text: &'t str, members: &[(String, &'t str)], name: &str) -> Vec<&'t str> {
    let value = members.iter().find(|(key, _)| key == name);
    value.and_then(|(_, value)| elements(text, value).ok()).unwrap_or_default()
}

/// The `src` of an image resource.
fn source(text: &str, picture: &str) -> Option<Icon> {
    let members = members(text, picture).ok()?;
    let (_, value) = members.into_iter().find(|(key, _)| key == "src")?;
    let url = parse(text, value).ok()?;
    let start = start_of(text, value) + 1;
    Some(Icon { range: start..start + value.len() - 2, url })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(&str, String)> {
        let icons = icons(text).expect("a manifest");
        icons.into_iter().map(|icon| (&text[icon.range], icon.url)).collect()
    }

    #[test]
    fn pictures_are_found_where_they_stand() {
        let text = "\u{feff}{\"name\": \"\u{e9}\", \"shortcuts\": [{\"url\": \"/x\", \"icons\": [{\"src\": \"s.png\"}]}, 1],
            \"icons\" : [ { \"src\" : \"a\\/b\\u002epng\" , \"sizes\": \"1x1\" }, {\"src\": \"\"} ],
            \"screenshots\": [{\"src\": \"\u{e9}.png?a&b\"}], \"start_url\": \"/\", \"related_applications\": [{\"src\": \"no\"}]}";
        let found =
            [("s.png", "s.png"), ("a\\/b\\u002epng", "a/b.png"), ("", ""), ("\u{e9}.png?a&b", "\u{e9}.png?a&b")];
        assert_eq!(parts(text), found.map(|(raw, url)| (raw, url.to_owned())));
    }

    #[test]
    fn what_has_another_type_is_left_out() {
        let text = r#"{"icons": [1, {"src": 2}, null, {"src": "\ud800"}, ["src"], {"sizes": "1x1"}, {"src": "a.png", "src": "b.png"}],
            "screenshots": {"src": "c.png"}, "shortcuts": [{"icons": "d.png"}, {"icons": [{"src": null}]}]}"#;
        assert_eq!(parts(text), [("b.png", "b.png".to_owned())]);
        let twice = r#"{"icons": [{"src": "a.png"}], "icons": [{"src": "b.png"}]}"#;
        assert_eq!(parts(twice), [("b.png", "b.png".to_owned())]);
    }

    #[test]
    fn json_that_is_broken_anywhere_is_an_error_with_its_place() {
        let offset = |text| icons(text).err().map(|error| error.offset);
        assert_eq!(offset(r#"{"icons": [{"src": "a.png"}], "x": [1,]}"#), Some(38));
        assert_eq!(offset("\u{feff}{\"icons\": [}"), Some(14));
        assert_eq!(offset("{\"icons\": []"), Some(12));
    }

    #[test]
    fn a_url_is_escaped_so_that_it_stays_inside_its_quotes() {
        assert_eq!(escape("https://cdn.example/a\"b\\c\u{e9}.png"), r#"https://cdn.example/a\"b\\c\u00e9.png"#);
    }
}
