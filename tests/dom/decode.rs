//! Bytes to text as a browser does it (HTML, section 13.2.3.2), written from the standard and not from `html::encoding`.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// The page's text and its encoding: by byte order mark, else by `<meta>`, else UTF-8, which is what servers say.
pub fn decode(page: &[u8]) -> (String, &'static Encoding) {
    let (encoding, skip) =
        Encoding::for_bom(page).unwrap_or_else(|| (prescan(&page[..page.len().min(1024)]).unwrap_or(UTF_8), 0));
    (encoding.decode_without_bom_handling(&page[skip..]).0.into_owned(), encoding)
}

/// The encoding that the first 1,024 bytes declare.
fn prescan(head: &[u8]) -> Option<&'static Encoding> {
    let mut at = 0;
    while at < head.len() {
        let rest = &head[at..];
        if rest.starts_with(b"<!--") {
            at += 2 + find(&rest[2..], b"-->")? + 3;
        } else if is_tag(rest, b"<meta") && matches!(rest.get(5), Some(b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b'/')) {
            let (found, end) = meta(head, at + 5)?;
            if found.is_some() {
                return found;
            }
            at = end;
        } else if rest[0] == b'<'
            && rest.len() > 1
            && (rest[1].is_ascii_alphabetic() || rest[1] == b'/' && rest.get(2).is_some_and(u8::is_ascii_alphabetic))
        {
            at += rest.iter().position(|byte| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b'>'))?;
            while attribute(head, &mut at)?.is_some() {}
        } else if rest[0] == b'<' && matches!(rest.get(1), Some(b'!' | b'/' | b'?')) {
            at += rest.iter().position(|byte| *byte == b'>')? + 1;
        } else {
            at += 1;
        }
    }
    None
}

fn is_tag(rest: &[u8], tag: &[u8]) -> bool {
    rest.len() >= tag.len() && rest[..tag.len()].eq_ignore_ascii_case(tag)
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

/// One `<meta>`: what it declares, if anything, and where to go on. `None` at the end of the bytes.
fn meta(head: &[u8], mut at: usize) -> Option<(Option<&'static Encoding>, usize)> {
    let (mut seen, mut got_pragma, mut need_pragma, mut charset) = (Vec::new(), false, None, None);
    while let Some((name, value)) = attribute(head, &mut at)? {
        if seen.contains(&name) {
            continue;
        }
        match name.as_slice() {
            b"http-equiv" => got_pragma |= value == b"content-type",
            b"content" if charset.is_none() => {
                if let Some(found) = from_content(&value) {
                    charset = Some(Some(found));
                    need_pragma = Some(true);
                }
            }
            b"charset" => {
                charset = Some(Encoding::for_label(&value));
                need_pragma = Some(false);
            }
            _ => {}
        }
        seen.push(name);
    }
    let counts = need_pragma.is_some_and(|need| !need || got_pragma);
    let encoding = charset.flatten().filter(|_| counts).map(|encoding| match encoding {
        encoding if encoding == UTF_16BE || encoding == UTF_16LE => UTF_8,
        encoding if encoding == X_USER_DEFINED => WINDOWS_1252,
        encoding => encoding,
    });
    Some((encoding, at))
}

fn from_content(content: &[u8]) -> Option<&'static Encoding> {
    let mut at = 0;
    loop {
        at += find(&content[at..], b"charset")? + 7;
        let white = content[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        at += white;
        if content.get(at) == Some(&b'=') {
            break;
        }
    }
    at += 1;
    at += content[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let rest = &content[at..];
    match rest.first()? {
        quote @ (b'"' | b'\'') => Encoding::for_label(
            rest[1..].split(|byte| byte == quote).next().filter(|label| label.len() + 1 < rest.len())?,
        ),
        _ => Encoding::for_label(rest.split(|byte| byte.is_ascii_whitespace() || *byte == b';').next()?),
    }
}

/// "Get an attribute": `Some(None)` at the tag's end (`at` past its `>`), `None` at the end of the bytes.
#[allow(clippy::option_option, clippy::type_complexity)]
fn attribute(head: &[u8], at: &mut usize) -> Option<Option<(Vec<u8>, Vec<u8>)>> {
    let white = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
    while white(*head.get(*at)?) || head[*at] == b'/' {
        *at += 1;
    }
    if head[*at] == b'>' {
        *at += 1;
        return Some(None);
    }
    let mut name = Vec::new();
    loop {
        match *head.get(*at)? {
            b'=' if !name.is_empty() => break,
            byte if white(byte) => {
                while white(*head.get(*at)?) {
                    *at += 1;
                }
                break;
            }
            b'/' | b'>' => return Some(Some((name, Vec::new()))),
            byte => name.push(byte.to_ascii_lowercase()),
        }
        *at += 1;
    }
    if *head.get(*at)? != b'=' {
        return Some(Some((name, Vec::new())));
    }
    *at += 1;
    while white(*head.get(*at)?) {
        *at += 1;
    }
    let mut value = Vec::new();
    let first = head[*at];
    if matches!(first, b'"' | b'\'') {
        loop {
            *at += 1;
            match *head.get(*at)? {
                byte if byte == first => {
                    *at += 1;
                    return Some(Some((name, value)));
                }
                byte => value.push(byte.to_ascii_lowercase()),
            }
        }
    }
    loop {
        match *head.get(*at)? {
            byte if white(byte) || byte == b'>' => return Some(Some((name, value))),
            byte => value.push(byte.to_ascii_lowercase()),
        }
        *at += 1;
    }
}
