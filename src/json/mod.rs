//! JSON in pages and beside them: import maps and web manifests, read with the places of what is in them (RFC 8259).

pub mod build_manifest;
pub mod homes;
pub mod import_map;
pub mod resolver;
pub mod web_manifest;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Why a text could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Byte offset in the text.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
}

/// A text as it stands between the quotes of a JSON string: ASCII alone, so that it is right in every encoding, and
/// without `<`, `>` and `&`, so that it may stand in a `<script>` of HTML and of XHTML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if (c.is_ascii_graphic() || c == ' ') && !matches!(c, '<' | '>' | '&') => out.push(c),
            c => out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    out
}

/// A JSON string with its quotes, [escaped](escape).
fn quote(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

/// An object of members whose values are JSON already.
fn object(members: impl IntoIterator<Item = (impl AsRef<str>, String)>) -> String {
    let members = members.into_iter().map(|(name, value)| format!("{}:{value}", quote(name.as_ref())));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// JSON that parses, without white space between its parts, its strings [escaped](escape).
fn compact(json: &str) -> String {
    let (mut out, mut in_string, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        if !in_string || escaped || matches!(c, '"' | '\\') {
            // White space ends nothing here, and after a backslash the grammar has ASCII alone.
            out.extend((in_string || !c.is_ascii_whitespace()).then_some(c));
        } else {
            out.push_str(&escape(c.encode_utf8(&mut [0; 4])));
        }
        in_string ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    out
}

/// The members of an object, each value as it is written. Of members with one name the last counts, where the first
/// stands, as with `JSON.parse`. `part` is a slice of `text`, which offsets are counted in.
fn members<'t>(text: &'t str, part: &'t str) -> Result<Vec<(String, &'t str)>, ParseError> {
    parse::<Members<'t>>(text, part).map(|members| members.0)
}

/// The elements of an array, each as it is written.
fn elements<'t>(text: &'t str, part: &'t str) -> Result<Vec<&'t str>, ParseError> {
    let raw: Vec<&RawValue> = parse(text, part)?;
    Ok(raw.into_iter().map(RawValue::get).collect())
}

/// Reads `part`, a slice of `text`.
fn parse<'t, T: Deserialize<'t>>(text: &'t str, part: &'t str) -> Result<T, ParseError> {
    serde_json::from_str(part).map_err(|error| {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what).to_owned();
        let inside = match error.classify() {
            Category::Eof => part.len(),
            Category::Data => part.len() - part.trim_ascii_start().len(),
            Category::Syntax | Category::Io => offset(part, error.line(), error.column()),
        };
        ParseError { offset: start_of(text, part) + inside, message }
    })
}

/// Where `part`, a slice of `text`, begins in it.
fn start_of(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr()).min(text.len())
}

/// The byte offset of a line and a column, both counted from 1, the column in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|newline| newline + 1);
    let start = std::iter::once(0).chain(lines).nth(line.saturating_sub(1)).unwrap_or(text.len());
    (start + column.saturating_sub(1)).min(text.len())
}

struct Members<'t>(Vec<(String, &'t str)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'t> Visitor<'t> for MembersVisitor {
    type Value = Members<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Members<'t>, A::Error> {
        let (mut list, mut places) = (Vec::<(String, &str)>::new(), BTreeMap::new());
        while let Some((name, value)) = map.next_entry::<String, &'t RawValue>()? {
            let place = *places.entry(name.clone()).or_insert(list.len());
            match list.get_mut(place) {
                Some(member) => member.1 = value.get(),
                None => list.push((name, value.get())),
            }
        }
        Ok(Members(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_ascii_and_ends_no_script() {
        let text = "</script>&<!--]]>\u{2028}\u{2029}\"\\\u{0}\u{7f}\n\u{e9}\u{1f600}";
        let written = quote(text);
        assert!(written.chars().all(|c| c == ' ' || c.is_ascii_graphic() && !"<>&".contains(c)), "{written}");
        assert_eq!(serde_json::from_str::<String>(&written).ok().as_deref(), Some(text));
    }

    #[test]
    fn json_is_made_compact_and_means_the_same() {
        let json = "{ \"a b\" : [ 1.50 , \"\\\" <\\\\\u{2028}\" ,\ttrue ] ,\n\"\\u003c\":\"\\ud800\", \"x\":1e999 }";
        let compacted = "{\"a b\":[1.50,\"\\\" \\u003c\\\\\\u2028\",true],\"\\u003c\":\"\\ud800\",\"x\":1e999}";
        assert_eq!(compact(json), compacted);
    }

    #[test]
    fn of_members_with_one_name_the_last_counts() {
        let text = r#" {"a": 1, "b": [2 , 3], "\u0061": "x" } "#;
        let read = members(text, text).expect("an object");
        assert_eq!(read, [("a".to_owned(), "\"x\""), ("b".to_owned(), "[2 , 3]")]);
        assert_eq!(start_of(text, read[1].1), 15);
    }

    #[test]
    fn an_error_tells_its_place_in_the_whole_text() {
        let text = "\n{\n \"a\": 1,\n \"b\": oops}";
        assert_eq!(members(text, text).err().map(|error| error.offset), Some(18));
        let text = r#"{"a": ["\q"]}"#;
        assert_eq!(members(text, text).err().map(|error| error.offset), Some(9));
        assert_eq!(members("{", "{").err().map(|error| error.offset), Some(1));
        for not_an_object in ["", "[]", "1", "null", "\"x\"", "{} {}", "\u{feff}{}"] {
            assert!(members(not_an_object, not_an_object).is_err(), "{not_an_object:?}");
        }
    }
}
