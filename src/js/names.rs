//! File names in strings: with them a script may name, at run time, a module that other modules import.

use super::Name;
use percent_encoding::percent_decode_str;

/// What ends the name of a file that would run twice if it were imported by two names.
const EXTENSIONS: [&str; 2] = ["js", "mjs"];

/// The file names that a string holds: of a path, of a URL, of a list, of JSON. Prose that mentions a file names none.
pub(super) fn in_string(text: &str) -> impl Iterator<Item = Name> {
    let is_relative = text.starts_with("./") || text.starts_with("../");
    let is_list = text.split_whitespace().all(|word| is_file_name(last_segment(word)));
    let in_path = |c: char| !matches!(c, '/' | '\\' | '?' | '#' | '&' | '=');
    let in_text = |c: char| !matches!(c, '"' | '\'' | '`' | ',' | ';' | ':' | '|' | '[' | ']' | '{' | '}' | '(' | ')');
    let parts = text.split(move |c: char| !in_path(c) || !in_text(c)).map(str::trim);
    let names = parts.flat_map(move |part| {
        // A name may have spaces in it, and so does a list of names.
        let whole = (!is_list).then_some(part);
        let words = is_list.then(|| part.split_whitespace());
        whole.into_iter().chain(words.into_iter().flatten())
    });
    names.filter(|name| is_file_name(name)).map(move |name| {
        let text = percent_decode_str(name).decode_utf8_lossy().into_owned();
        Name { text, offset: 0, is_relative }
    })
}

fn last_segment(word: &str) -> &str {
    let path = word.split(['?', '#']).next().unwrap_or_default();
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

fn is_file_name(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_paths_lists_and_json_but_not_in_prose() {
        let found = |text| in_string(text).map(|name| name.text).collect::<Vec<_>>();
        assert_eq!(found("assets/x.js"), ["x.js"]);
        assert_eq!(found("https://a.example/b/x.mjs?v=1#y"), ["x.mjs"]);
        assert_eq!(found("../x.js"), ["x.js"]);
        assert_eq!(found("../x.css"), [""; 0]);
        assert_eq!(found("{\"a\":\"x.1.js\", \"b\": \"y.js\"}"), ["x.1.js", "y.js"]);
        assert_eq!(found("x.js y.js\tz/w.mjs"), ["x.js", "y.js", "w.mjs"]);
        assert_eq!(found("loaded x.js"), ["loaded x.js"]);
        assert_eq!(found("cannot find x.js, sorry"), ["cannot find x.js"]);
        assert_eq!(found("x.json.txt"), [""; 0]);
        assert_eq!(found("vue.js is a framework"), [""; 0]);
        assert_eq!(found("a/my x.js"), ["my x.js"]);
        assert_eq!(found("a/my%20x.js"), ["my x.js"]);
    }
}
