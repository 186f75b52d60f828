//! SVG and MathML in a page, looked through before they are entered.
//!
//! Inside them the tokenizer has other rules, and where they end is for the tree builder to say, which the finder does
//! not have: `<div><svg></div><title><img>` is text in a title to a browser, and an image to a parser that believes
//! itself in SVG still. So an `<svg>` or `<math>` is trusted only when its tags pair: then there is no doubt where it
//! ends. Nearly all do; behind one that does not, a page is left alone.

use crate::html::candidates::{Tag, tag_end};

/// Elements that stay open until their end tag in HTML, or need none because they hold nothing.
const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];

/// HTML elements whose content is text (HTML, section 13.2.6.2).
const TEXT: [&str; 7] = ["script", "style", "textarea", "xmp", "iframe", "noembed", "noframes"];

/// HTML start tags that close what is around them or change the rules, wherever they stand.
const UNRULY: [&str; 18] = [
    "body",
    "caption",
    "col",
    "colgroup",
    "frame",
    "frameset",
    "head",
    "html",
    "image",
    "malignmark",
    "mglyph",
    "noscript",
    "option",
    "optgroup",
    "plaintext",
    "select",
    "template",
    "input",
];

/// Parts of tables: at home in a table of their own only.
const TABLE_PARTS: [&str; 6] = ["tbody", "td", "tfoot", "th", "thead", "tr"];

/// Start tags that end SVG and MathML (HTML, section 13.2.6.5).
const BREAKOUT: [&str; 45] = [
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "i",
    "img",
    "li",
    "listing",
    "menu",
    "meta",
    "nobr",
    "ol",
    "p",
    "pre",
    "ruby",
    "s",
    "small",
    "span",
    "strong",
    "strike",
    "sub",
    "sup",
    "table",
    "tt",
    "u",
    "ul",
    "var",
];

/// Whose content it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Svg,
    MathMl,
    Html,
}

/// What a start tag does.
enum Opens {
    /// An element that holds this.
    Holding(Content),
    /// An element that holds nothing.
    Nothing,
    /// It does not belong where it stands.
    Havoc,
}

/// Where the `<svg>` or `<math>` that begins at `at` ends, past its end tag. `None` when its tags do not pair.
pub fn end(page: &[u8], mut at: usize) -> Option<usize> {
    let mut open: Vec<(&[u8], Content)> = Vec::new();
    loop {
        let content = open.last().map_or(Content::Html, |(_, content)| *content);
        let rest = &page[at..];
        match rest.get(1)? {
            b'!' | b'?' => at += skip_markup(rest, content)?,
            b'/' => {
                let name = name(&rest[2..])?;
                open.pop().filter(|(known, _)| known.eq_ignore_ascii_case(name))?;
                at = tag_end(page, at + 2 + name.len()).end?;
            }
            first if first.is_ascii_alphabetic() => {
                let name = name(&rest[1..])?;
                let tag = tag_end(page, at + 1 + name.len());
                at = tag.end?;
                match opens(name, content, &tag, &open) {
                    Opens::Holding(inside) => open.push((name, inside)),
                    Opens::Nothing => {}
                    Opens::Havoc => return None,
                }
                if content == Content::Html && is_one_of(name, &TEXT) {
                    at += text_end(&page[at..], name)?;
                }
                if open.is_empty() {
                    return is_left(&page[at..]).then_some(at);
                }
            }
            _ => at += 1,
        }
        if open.is_empty() {
            return Some(at);
        }
        at += memchr::memchr(b'<', &page[at..])?;
    }
}

/// What a start tag does, in content of that kind.
fn opens(name: &[u8], around: Content, tag: &Tag, open: &[(&[u8], Content)]) -> Opens {
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    if around == Content::Html {
        return opens_in_html(name, tag, open);
    }
    // A `<svg/>` in SVG opens and ends nothing, but lol_html believes that it opens; whether `<annotation-xml>` holds
    // HTML is for its attributes to say.
    let misread = match around {
        Content::Svg => is("math") || is("svg") && tag.self_closing,
        _ => is("svg") || is("math") || is("annotation-xml"),
    };
    if misread || is_one_of(name, &BREAKOUT) {
        return Opens::Havoc;
    }
    if tag.self_closing {
        return Opens::Nothing;
    }
    let html = match around {
        Content::Svg => is_one_of(name, &["foreignobject", "desc", "title"]),
        _ => is_one_of(name, &["mi", "mo", "mn", "ms", "mtext"]),
    };
    Opens::Holding(if html { Content::Html } else { around })
}

fn opens_in_html(name: &[u8], tag: &Tag, open: &[(&[u8], Content)]) -> Opens {
    let is_table =
        |(name, content): &(&[u8], Content)| *content == Content::Html && name.eq_ignore_ascii_case(b"table");
    let foreign = [("svg", Content::Svg), ("math", Content::MathMl)];
    let foreign = foreign.iter().find(|(word, _)| name.eq_ignore_ascii_case(word.as_bytes()));
    if is_one_of(name, &UNRULY) || is_one_of(name, &TABLE_PARTS) && !open.iter().any(is_table) {
        return Opens::Havoc;
    }
    match foreign {
        Some(_) if tag.self_closing && !open.is_empty() => Opens::Havoc,
        Some(_) if tag.self_closing => Opens::Nothing,
        Some((_, content)) => Opens::Holding(*content),
        None if is_one_of(name, &VOID) => Opens::Nothing,
        None => Opens::Holding(Content::Html),
    }
}

/// Whether lol_html, which believes a `<svg/>` to be open, is put right by the next start tag, before it does harm.
fn is_left(mut rest: &[u8]) -> bool {
    loop {
        let Some(next) = memchr::memchr(b'<', rest) else { return true };
        rest = &rest[next..];
        match rest.get(1) {
            Some(b'/') => rest = &rest[2..],
            Some(first) if first.is_ascii_alphabetic() => {
                return name(&rest[1..]).is_some_and(|name| is_one_of(name, &BREAKOUT) && !is_one_of(name, &["font"]));
            }
            Some(b'!' | b'?') => return false,
            _ => rest = &rest[1..],
        }
    }
}

/// Comments, CDATA sections where they are ones, and what counts as a comment.
fn skip_markup(rest: &[u8], content: Content) -> Option<usize> {
    let find = |from: usize, word: &[u8]| memchr::memmem::find(&rest[from..], word).map(|at| from + at + word.len());
    if rest.starts_with(b"<!--") {
        // `<!-->` is a whole comment; `--!>` ends one as well.
        let (plain, odd) = (find(2, b"-->")?, find(4, b"--!>"));
        return Some(odd.map_or(plain, |odd| odd.min(plain)));
    }
    if rest.starts_with(b"<![CDATA[") && content != Content::Html { find(9, b"]]>") } else { find(2, b">") }
}

/// A tag's name, which begins here.
fn name(rest: &[u8]) -> Option<&[u8]> {
    rest.first().filter(|byte| byte.is_ascii_alphabetic())?;
    let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))?;
    Some(&rest[..end])
}

fn is_one_of(name: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
}

/// Where the end tag of an element that holds text begins. A script that holds `<!--` has rules of its own.
fn text_end(rest: &[u8], name: &[u8]) -> Option<usize> {
    let found = memchr::memmem::find_iter(rest, b"</").find(|at| {
        let (tag, next) = (rest.get(at + 2..at + 2 + name.len()), rest.get(at + 2 + name.len()));
        tag.is_some_and(|tag| tag.eq_ignore_ascii_case(name))
            && next.is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
    })?;
    memchr::memmem::find(&rest[..found], b"<!--").is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_pair_say_where_svg_ends() {
        for whole in [
            "<svg></svg>",
            "<SVG a='>'><g><path d=x/></path></g><svg></svg></svg >",
            "<svg><title>a &amp; b</title><foreignObject><div><img><style></div></style></div></foreignObject></svg>",
            "<svg><!-- </svg> --><![CDATA[</svg>]]><style>a</style></svg>",
            "<math><mi>x</mi><mtext><svg><g/></svg></mtext></math>",
            "<svg><desc><table><tr><td></td></tr></table></desc></svg>",
        ] {
            assert_eq!(end(format!("{whole}</svg><title>").as_bytes(), 0), Some(whole.len()), "{whole}");
        }
    }

    #[test]
    fn an_empty_svg_is_trusted_where_what_follows_ends_it() {
        for after in ["", " text</b><p>", "<div>"] {
            assert_eq!(end(format!("<svg/>{after}").as_bytes(), 0), Some(6), "{after}");
        }
        for after in ["<title><img></title>", "<!-- -->", "<font>"] {
            assert_eq!(end(format!("<svg/>{after}").as_bytes(), 0), None, "{after}");
        }
    }

    #[test]
    fn tags_that_do_not_are_not_trusted() {
        for broken in [
            "<svg>",
            "<svg><g></svg>",
            "<svg></div></svg>",
            "<svg><p></p></svg>",
            "<svg></p></svg>",
            "<svg><desc></svg></desc></svg>",
            "<svg><desc><tr></tr></desc></svg>",
            "<svg><desc><script><!-- </script></desc></svg>",
            "<math><svg></svg></math>",
            "<math><annotation-xml encoding=text/html></annotation-xml></math>",
            "<svg a='",
            "<svg><!--</svg>",
        ] {
            assert_eq!(end(broken.as_bytes(), 0), None, "{broken}");
        }
    }
}
