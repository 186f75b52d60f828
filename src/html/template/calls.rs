//! Calls whose answer is known before the template runs: the URL of a file named by a literal path.

use super::is_literal;
use super::region::Regions;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A template language whose calls are resolved ahead of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Engine {
    /// `{% static 'css/a.css' %}`
    Django,
    /// `{{ url_for('static', filename='css/a.css') }}` and `{{ static('css/a.css') }}`
    Jinja,
}

/// A call that asks for the URL of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StaticCall {
    /// The path as it is written: of a file (nothing in it is percent-encoded), below the directory of static files.
    pub path: String,
    /// Whose call it is.
    pub engine: Engine,
    /// The bytes of the call in the value, its delimiters included.
    pub range: Range<usize>,
    /// The query and fragment that follow it literally; empty when none do.
    pub suffix: String,
}

/// The call that a value consists of, but for a query and fragment behind it and white space around. `value` is the
/// attribute's, raw.
pub fn static_call(value: &str, engines: &[Engine]) -> Option<StaticCall> {
    let start = value.len() - value.trim_ascii_start().len();
    let end = start + region(&value[start..])?;
    let suffix = value[end..].trim_ascii_end();
    let suffix_is_one = suffix.is_empty() || suffix.starts_with(['?', '#']);
    if !suffix_is_one || !is_literal(suffix) || suffix.contains(|c: char| c.is_ascii_whitespace()) {
        return None;
    }
    let (path, engine) = engines.iter().find_map(|engine| Some((call(&value[start..end], *engine)?, *engine)))?;
    Some(StaticCall { path: path.to_owned(), engine, range: start..end, suffix: suffix.to_owned() })
}

/// The calls of a `srcset`, each of which is the URL of a candidate (HTML, section 4.8.4.3.10, a region being one
/// thing).
pub fn static_calls(srcset: &str, engines: &[Engine]) -> Vec<StaticCall> {
    let mut found = Vec::new();
    let mut regions = Regions::new(srcset.as_bytes());
    let mut at = 0;
    while at < srcset.len() {
        at += srcset[at..].len() - srcset[at..].trim_start_matches([',', ' ', '\t', '\n', '\r', '\x0C']).len();
        let end = walk(srcset, at, &mut regions, |byte| byte.is_ascii_whitespace());
        let url = srcset[at..end].trim_end_matches(',');
        found.extend(static_call(url, engines).map(|call| moved(call, at)));
        // A comma behind the URL ends the candidate; descriptors reach to the next one.
        let ended = at + url.len() < end;
        at = if ended { end } else { walk(srcset, end, &mut regions, |byte| byte == b',') };
    }
    found
}

fn moved(call: StaticCall, by: usize) -> StaticCall {
    StaticCall { range: call.range.start + by..call.range.end + by, ..call }
}

/// The first place from `at` on that is in no region and no parentheses, and where `ends` says so.
fn walk(text: &str, mut at: usize, regions: &mut Regions<'_>, ends: impl Fn(u8) -> bool) -> usize {
    let mut inside = false;
    while let Some(byte) = text.as_bytes().get(at) {
        if let Some(end) = regions.end(at) {
            at = end;
            continue;
        }
        if ends(*byte) && (!inside || *byte != b',') {
            return at;
        }
        inside = *byte == b'(' || inside && *byte != b')';
        at += 1;
    }
    at
}

/// The length of the region that `value` begins with.
fn region(value: &str) -> Option<usize> {
    let begins = value.starts_with("{%") || value.starts_with("{{");
    begins.then(|| Regions::new(value.as_bytes()).end(0)).flatten()
}

/// The path in a region, if it is one call.
fn call(region: &str, engine: Engine) -> Option<&str> {
    match engine {
        Engine::Django => {
            let inner = region.strip_prefix("{%")?.strip_suffix("%}")?;
            let argument = inner.trim_ascii().strip_prefix("static")?;
            argument.starts_with(|c: char| c.is_ascii_whitespace()).then(|| string(argument))?
        }
        Engine::Jinja => {
            let inner = region.strip_prefix("{{")?.strip_suffix("}}")?;
            let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
            let inner = inner.strip_suffix(['-', '+']).unwrap_or(inner).trim_ascii();
            arguments(inner, "static").and_then(string).or_else(|| url_for(arguments(inner, "url_for")?))
        }
    }
}

/// What is between the parentheses of a call to `name`.
fn arguments<'t>(call: &'t str, name: &str) -> Option<&'t str> {
    call.strip_prefix(name)?.trim_ascii_start().strip_prefix('(')?.strip_suffix(')')
}

/// Flask's: the endpoint `static` and a file name, nothing else.
fn url_for(arguments: &str) -> Option<&str> {
    let (endpoint, filename) = arguments.split_once(',')?;
    let value = filename.trim_ascii_start().strip_prefix("filename")?.trim_ascii_start().strip_prefix('=')?;
    if string(endpoint)? == "static" { string(value) } else { None }
}

/// The content of a literal, when the text is nothing else. One with an escape is left to its own language.
fn string(text: &str) -> Option<&str> {
    let text = text.trim_ascii();
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let inner = text[1..].strip_suffix(quote)?;
    (!inner.is_empty() && !inner.contains([quote, '\\']) && is_literal(inner)).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Engine; 2] = [Engine::Django, Engine::Jinja];

    fn path(value: &str) -> Option<String> {
        static_call(value, &BOTH).map(|call| call.path)
    }

    #[test]
    fn a_call_with_a_literal_path_is_known() {
        for value in [
            "{% static 'css/a.css' %}",
            "{% static \"css/a.css\" %}",
            "{%static 'css/a.css'%}",
            "{{ url_for('static', filename='css/a.css') }}",
            "{{url_for(\"static\",filename=\"css/a.css\")}}",
            "{{- url_for( 'static' , filename = 'css/a.css' ) -}}",
            "{{ static('css/a.css') }}",
            " {% static 'css/a.css' %}\n",
        ] {
            assert_eq!(path(value).as_deref(), Some("css/a.css"), "{value}");
        }
        let call = static_call("{% static 'a.css' %}?v=1#x", &BOTH).expect("a call");
        assert_eq!((call.path.as_str(), call.suffix.as_str(), call.range), ("a.css", "?v=1#x", 0..20));
    }

    #[test]
    fn any_other_call_is_left_to_its_language() {
        for value in [
            "{% static a %}",
            "{% static 'a' as b %}",
            "{% static 'a'|add:'b' %}",
            "{% static 'a' 'b' %}",
            "{% static '' %}",
            "{% static'a' %}",
            "{% statics 'a' %}",
            "{% static 'a\\'b' %}",
            "{% static \"{{ a }}\" %}",
            "x{% static 'a' %}",
            "{% static 'img/' %}a.png",
            "{% static 'a' %}?{{ b }}",
            "{% static 'a' %}{% static 'b' %}",
            "{% static 'a' %} b",
            "{{ url_for('static', filename='a', _external=True) }}",
            "{{ url_for('static', filename=a) }}",
            "{{ url_for('static', _external=True, filename='a') }}",
            "{{ url_for('blog.static', filename='a') }}",
            "{{ url_for('static') }}",
            "{{ static('a')|b }}",
            "{{ static('a', 'b') }}",
            "{{ static 'a' }}",
            "{{ a }}",
            "a",
            "",
        ] {
            assert_eq!(path(value), None, "{value}");
        }
        assert_eq!(static_call("{% static 'a' %}", &[Engine::Jinja]), None);
        assert_eq!(static_call("{{ static('a') }}", &[Engine::Django]), None);
    }

    #[test]
    fn each_candidate_of_a_srcset_may_be_a_call() {
        let calls = |srcset: &str| {
            let found = static_calls(srcset, &BOTH).into_iter();
            found.map(|call| format!("{}{} {}", call.path, call.suffix, &srcset[call.range])).collect::<Vec<_>>()
        };
        assert_eq!(
            calls("{% static 'a, b.png' %} 1x,{% static 'c.png' %}?d,e 2x, {{ static('f') }}"),
            ["a, b.png {% static 'a, b.png' %}", "c.png?d,e {% static 'c.png' %}", "f {{ static('f') }}"]
        );
        assert_eq!(calls("{% static 'a' %}, b.png 2x, {% static 'c' %}"), ["a {% static 'a' %}", "c {% static 'c' %}"]);
        assert_eq!(calls("{{ a }}{% static 'b' %} 1x, c {% static 'd' %}"), [""; 0]);
    }
}
