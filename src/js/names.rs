//! File names in strings: with them a script may name, at run time, a module that other modules import.

/// What ends the name of a file that can be a module, or that a module graph brings along.
const EXTENSIONS: [&str; 6] = ["js", "mjs", "cjs", "css", "json", "wasm"];

/// The file names that a string holds: of a path, of a URL, of a list, of JSON. Prose that mentions a file names none.
pub(super) fn in_string(text: &str) -> impl Iterator<Item = &str> {
    let is_list = text.split_whitespace().all(|word| is_file_name(last_segment(word)));
    let in_path = |c: char| !matches!(c, '/' | '\\' | '?' | '#' | '&' | '=');
    let in_text = |c: char| !matches!(c, '"' | '\'' | '`' | ',' | ';' | ':' | '|' | '[' | ']' | '{' | '}' | '(' | ')');
    text.split(move |c: char| !in_path(c) || !in_text(c)).flat_map(move |part| {
        // A part with white space in it is prose, unless all of the string is a list of files.
        let words = (is_list || !part.trim().contains(char::is_whitespace)).then(|| part.split_whitespace());
        words.into_iter().flatten().filter(|word| is_file_name(word))
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
        let found = |text| in_string(text).collect::<Vec<_>>();
        assert_eq!(found("assets/x.js"), ["x.js"]);
        assert_eq!(found("https://a.example/b/x.mjs?v=1#y"), ["x.mjs"]);
        assert_eq!(found("../x.css"), ["x.css"]);
        assert_eq!(found("{\"a\":\"x.1.js\", \"b\": \"y.js\"}"), ["x.1.js", "y.js"]);
        assert_eq!(found("x.js y.js\tz/w.css"), ["x.js", "y.js", "w.css"]);
        assert_eq!(found("loaded x.js"), [""; 0]);
        assert_eq!(found("cannot find x.js, sorry"), [""; 0]);
        assert_eq!(found("x.json.txt"), [""; 0]);
        assert_eq!(found("vue.js is a framework"), [""; 0]);
    }
}
