//! Small readers of `srcset`, CSS and module text, written from the standards, so that tightrope's own do not judge
//! themselves.

/// A piece of a text.
#[derive(Clone, PartialEq, Debug)]
pub enum Part {
    /// What may not change.
    Text(String),
    /// What may be a URL, escapes decoded.
    Url(String),
}

/// `srcset`, cut at its URLs (HTML, section 4.8.4.3.10).
pub fn srcset(text: &str) -> Vec<Part> {
    let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\x0c' | '\r');
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let start = rest.find(|c| !white(c) && c != ',').unwrap_or(rest.len());
        parts.push(Part::Text(rest[..start].to_owned()));
        rest = &rest[start..];
        if rest.is_empty() {
            return parts;
        }
        let run = &rest[..rest.find(white).unwrap_or(rest.len())];
        let url = run.trim_end_matches(',');
        parts.push(Part::Url(url.to_owned()));
        rest = &rest[url.len()..];
        if url.len() == run.len() {
            let (mut depth, mut end) = (false, rest.len());
            for (at, c) in rest.char_indices() {
                match c {
                    '(' => depth = true,
                    ')' => depth = false,
                    ',' if !depth => {
                        end = at;
                        break;
                    }
                    _ => {}
                }
            }
            parts.push(Part::Text(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
}

/// CSS, cut at its strings and at the insides of `url()` (CSS Syntax, section 4.3).
pub fn css(text: &str) -> Vec<Part> {
    let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("/*") {
            let end = rest[2..].find("*/").map_or(rest.len(), |at| at + 4);
            plain.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if matches!(c, '"' | '\'') {
            let (inside, length) = until(&rest[1..], |next| next == c || matches!(next, '\n' | '\r' | '\x0c'));
            let fetched = may_fetch(&plain);
            plain.push(c);
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(if fetched { Part::Url(inside) } else { Part::Text(inside) });
            rest = &rest[1 + length..];
            if let Some(close) = rest.chars().next() {
                plain.push(close);
                rest = &rest[close.len_utf8()..];
            }
        } else if c == '(' && name_before(&plain) == "url" {
            let start = rest[1..].find(|c: char| !c.is_ascii_whitespace()).map_or(rest.len(), |at| at + 1);
            plain.push_str(&rest[..start]);
            rest = &rest[start..];
            if !rest.starts_with(['"', '\'']) {
                let (inside, length) = until(rest, |next| next == ')');
                parts.push(Part::Text(std::mem::take(&mut plain)));
                let kept = inside.trim_end_matches(|c: char| c.is_ascii_whitespace());
                parts.push(Part::Url(kept.to_owned()));
                plain.push_str(&inside[kept.len()..]);
                rest = &rest[length..];
            }
        } else {
            let end =
                if c == '\\' { rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at) } else { c.len_utf8() };
            plain.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    parts.push(Part::Text(plain));
    parts
}

/// Whether a string behind this text is a URL: in `url(`, behind `@import`, in `image-set(`.
fn may_fetch(before: &str) -> bool {
    let trimmed = before.trim_end().to_ascii_lowercase();
    let statement = trimmed.rsplit([';', '{', '}']).next().unwrap_or_default();
    trimmed.ends_with('(') && name_before(trimmed.strip_suffix('(').unwrap_or_default()) == "url"
        || statement.trim_start().starts_with("@import")
        || trimmed.contains("image-set(")
}

/// The identifier that a text ends with, escapes decoded, in lower case.
fn name_before(text: &str) -> String {
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\\' | ' ');
    let start = text.rfind(|c| !letter(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let (name, _) = until(&text[start..], |_| false);
    name.rsplit(' ').next().unwrap_or_default().to_ascii_lowercase()
}

/// Text up to an unescaped character, its escapes decoded, and how long it was.
fn until(text: &str, stop: impl Fn(char) -> bool) -> (String, usize) {
    let (mut out, mut chars) = (String::new(), text.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        if c != '\\' {
            if stop(c) {
                return (out, at);
            }
            out.push(c);
            continue;
        }
        let mut code = String::new();
        while code.len() < 6
            && let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_hexdigit())
        {
            code.push(digit);
        }
        if code.is_empty() {
            out.extend(chars.next().map(|(_, c)| c).filter(|c| !matches!(c, '\n' | '\r' | '\x0c')));
        } else {
            let value = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).filter(|c| *c != '\0');
            out.push(value.unwrap_or('\u{fffd}'));
            chars.next_if(|(_, c)| c.is_ascii_whitespace());
        }
    }
    (out, text.len())
}

/// A string of a script, and what comes behind it.
pub struct Specifier<'t> {
    pub text: &'t str,
    pub rest: &'t str,
}

/// The string that holds the first difference between two scripts. `None` when that is no specifier.
pub fn next_specifier<'t>(was: &'t str, is: &'t str) -> Option<(Specifier<'t>, Specifier<'t>)> {
    let same: usize = was.chars().zip(is.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    let open = was[..same].rfind(['"', '\''])?;
    let quote = was[open..].chars().next()?;
    let before = was[..open].trim_end();
    let before = before.strip_suffix('(').unwrap_or(before).trim_end();
    if !before.ends_with("from") && !before.ends_with("import") {
        return None;
    }
    let cut = |text: &'t str| {
        let inside = &text[open + 1..];
        let end = inside.find(quote)?;
        Some(Specifier { text: &inside[..end], rest: &inside[end + 1..] })
    };
    Some((cut(was)?, cut(is)?))
}

/// The escapes of a JavaScript string decoded, as far as URLs need them.
pub fn unescape_js(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (digits, skip) = match rest.chars().next() {
            Some('x') => (rest.get(1..3), 3),
            Some('u') => (rest.get(1..5), 5),
            _ => (None, 0),
        };
        if let Some(c) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32) {
            out.push(c);
            rest = &rest[skip..];
        } else {
            let mut chars = rest.chars();
            out.extend(chars.next());
            rest = chars.as_str();
        }
    }
    out + rest
}
