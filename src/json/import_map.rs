//! Import maps, read and written (HTML, section 8.1.6.2).

use crate::json::{ParseError, compact, members, object, quote, start_of};

/// An import map as its author wrote it: nothing is resolved, and everything keeps its order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImportMap {
    /// What specifiers lead to.
    pub imports: Entries,
    /// What they lead to instead in the modules below a URL, or in the module at one.
    pub scopes: Vec<(String, Entries)>,
    /// Integrity metadata by URL.
    pub integrity: Entries,
    /// The members, in order.
    order: Vec<Member>,
}

/// Keys and values, in order.
pub type Entries = Vec<(String, Value)>;

/// What stands behind a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A string, its escapes decoded.
    Text(String),
    /// Something else, as compact JSON. In `imports` and `scopes` browsers take it for `null`: the key leads nowhere.
    Json(String),
}

impl Value {
    /// The string, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Json(_) => None,
        }
    }

    /// What leads nowhere.
    pub(super) fn nowhere() -> Self {
        Value::Json("null".to_owned())
    }

    fn to_json(&self) -> String {
        match self {
            Value::Text(text) => quote(text),
            Value::Json(json) => json.clone(),
        }
    }
}

/// A member of a map.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Member {
    Imports,
    Scopes,
    Integrity,
    /// One that browsers do not know: its name and its value.
    Other(String, String),
}

/// Reads an import map ("parse an import map string"). Whatever makes a browser refuse the whole map is an error. So is
/// half a surrogate pair, which browsers take and no URL can hold.
pub fn parse(text: &str) -> Result<ImportMap, ParseError> {
    let mut map = ImportMap::default();
    for (name, value) in members(text, text)? {
        map.order.push(match name.as_str() {
            "imports" => {
                map.imports = entries(text, value, &name)?;
                Member::Imports
            }
            "scopes" => {
                for (prefix, entries_there) in object_of(text, value, &name)? {
                    let entries = entries(text, entries_there, "a scope")?;
                    map.scopes.push((prefix, entries));
                }
                Member::Scopes
            }
            "integrity" => {
                map.integrity = entries(text, value, &name)?;
                Member::Integrity
            }
            _ => Member::Other(name, compact(value)),
        });
    }
    Ok(map)
}

fn entries(text: &str, part: &str, what: &str) -> Result<Entries, ParseError> {
    let members = object_of(text, part, what)?;
    let is_text = |value: &str| value.starts_with('"');
    let entry = |(key, value)| {
        let value = if is_text(value) { Value::Text(super::parse(text, value)?) } else { Value::Json(compact(value)) };
        Ok((key, value))
    };
    members.into_iter().map(entry).collect()
}

fn object_of<'t>(text: &'t str, part: &'t str, what: &str) -> Result<Vec<(String, &'t str)>, ParseError> {
    if part.starts_with('{') {
        return members(text, part);
    }
    Err(ParseError { offset: start_of(text, part), message: format!("{what}: not an object") })
}

impl ImportMap {
    /// A map that pins files: keys are URLs, values integrity metadata.
    pub fn pinning<'k>(pins: impl IntoIterator<Item = (&'k String, &'k String)>) -> Self {
        let pins = pins.into_iter().map(|(url, integrity)| (url.clone(), Value::Text(integrity.clone())));
        ImportMap { integrity: pins.collect(), ..ImportMap::default() }.listed()
    }

    /// The same with other contents; members that browsers do not know stay.
    pub(super) fn with(&self, imports: Entries, scopes: Vec<(String, Entries)>, integrity: Entries) -> Self {
        ImportMap { imports, scopes, integrity, order: self.order.clone() }.listed()
    }

    /// What is not empty has its place among the members.
    fn listed(mut self) -> Self {
        let filled = [
            (Member::Imports, !self.imports.is_empty()),
            (Member::Scopes, !self.scopes.is_empty()),
            (Member::Integrity, !self.integrity.is_empty()),
        ];
        for (member, is_filled) in filled {
            if is_filled && !self.order.contains(&member) {
                self.order.push(member);
            }
        }
        self
    }

    /// The map as compact JSON: ASCII, and without `<`, `>` and `&`, so that it may stand in a `<script>` of HTML and
    /// of XHTML.
    pub fn to_json(&self) -> String {
        object(self.order.iter().map(|member| match member {
            Member::Imports => ("imports", entries_to_json(&self.imports)),
            Member::Scopes => {
                let scopes = self.scopes.iter().map(|(prefix, entries)| (prefix, entries_to_json(entries)));
                ("scopes", object(scopes))
            }
            Member::Integrity => ("integrity", entries_to_json(&self.integrity)),
            Member::Other(name, value) => (name.as_str(), value.clone()),
        }))
    }
}

fn entries_to_json(entries: &Entries) -> String {
    object(entries.iter().map(|(key, value)| (key, value.to_json())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_kept_in_its_order() {
        let text = r#"{ "x": {"b": [1, 2]}, "integrity": {"/a.js": "sha384-x", "/b.js": 7}, "imports": {"b": "/b.js",
            "1": null, "a": "./\u0061.js", "b": "/c.js", "c": {"d": 1}, "": "/e.js"}, "scopes": {"/v/": {"b": "/v.js"}} }"#;
        let json = r#"{"x":{"b":[1,2]},"integrity":{"/a.js":"sha384-x","/b.js":7},"imports":{"b":"/c.js","1":null,"#;
        let json = json.to_owned() + r#""a":"./a.js","c":{"d":1},"":"/e.js"},"scopes":{"/v/":{"b":"/v.js"}}}"#;
        let map = parse(text).expect("a map");
        assert_eq!(map.to_json(), json);
        assert_eq!(parse(&json), Ok(map));
    }

    #[test]
    fn what_browsers_refuse_as_a_whole_is_an_error() {
        for (text, offset) in [
            ("", 0),
            ("null", 0),
            ("[]", 0),
            ("{,}", 1),
            (r#"{"imports": null}"#, 12),
            (r#"{"imports": {}, "scopes": []}"#, 26),
            (r#"{"scopes": {"/a/": "x"}}"#, 19),
            (r#"{"integrity": "sha384-x"}"#, 14),
            (r#"{"imports": {"a": "b",}}"#, 22),
            (r#"{"imports": {}} // end"#, 16),
        ] {
            assert_eq!(parse(text).err().map(|error| error.offset), Some(offset), "{text}");
        }
        assert_eq!(parse(r#"{"imports": 1, "imports": {}}"#).map(|map| map.to_json()), Ok(r#"{"imports":{}}"#.into()));
    }

    #[test]
    fn a_map_of_pins_is_integrity_alone() {
        let (url, integrity) = ("https://cdn.example/a.js?a&b".to_owned(), "sha384-x".to_owned());
        let json = ImportMap::pinning([(&url, &integrity)]).to_json();
        assert_eq!(json, r#"{"integrity":{"https://cdn.example/a.js?a\u0026b":"sha384-x"}}"#);
    }
}
