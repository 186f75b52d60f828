//! The prefix cut: one pass over a page's `<` tells which of the wanted elements it can hold, and where the last of
//! them begins. Only that much is parsed; what follows is copied. A false hit costs time; a miss would be a fault, so
//! this errs on the side of seeing too much.

use crate::html::template;
use std::io::{self, Read};

/// The elements the rewriter wants to see, each one bit of [`Candidates::tags`], by their first letters.
pub const TAGS: [&str; 30] = [
    "audio", "base", "body", "col", "colgroup", "feimage", "frameset", "iframe", "image", "img", "input", "link",
    "math", "meta", "noscript", "script", "source", "style", "svg", "table", "tbody", "td", "template", "tfoot", "th",
    "thead", "tr", "track", "use", "video",
];

/// How much of a page that streams by is looked at at once.
const PIECE: usize = 256 * 1024;

/// Of a tag longer than this, in a page that streams by, only the beginning tells whether it is wanted.
const LONGEST_TAG: usize = 32 * 1024;

/// Elements in which the net must not be placed: a script there is none, or does not run, or ends them.
pub const HOISTED: [&str; 6] = ["svg", "math", "template", "frameset", "colgroup", "col"];

/// What a tag must say to be wanted, where not every one is: a `<meta>` a policy or an image, a cell its background, a
/// frame its document.
fn condition(tag: &str) -> &'static [&'static str] {
    match tag {
        "meta" => &["content-security-policy", "image", "logo"],
        "iframe" => &["srcdoc"],
        "body" | "table" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th" => &["background"],
        _ => &[],
    }
}

/// What one pass over a page found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Candidates<'n> {
    /// A bit for each of [`TAGS`] that may be there.
    pub tags: u32,
    /// Whether every element is wanted, references in it or not.
    pub every_element: bool,
    /// Whether any element may have a `style` attribute with a URL.
    pub style_attributes: bool,
    /// More attributes that hold URLs, if any of them may be there.
    pub named: &'n [String],
    /// Where the last candidate begins; `None` when there is none and the page can be copied.
    pub last: Option<usize>,
    /// Whether a module script or import map may be there.
    pub modules: bool,
    /// Whether a Content-Security-Policy may be there.
    pub csp: bool,
    /// Whether a template's statements may be there.
    pub template: bool,
    /// Where the first tag begins that lol_html 3.0.3 misreads: `</<p>` is a comment, which it takes for a tag. Behind `<title a=>` comes text, which it takes for
    /// elements. `None` when there is none.
    pub misread: Option<usize>,
}

impl<'n> Candidates<'n> {
    /// Looks through a whole page. `named` are more attributes that hold URLs, in lower case.
    pub fn of(page: &[u8], named: &'n [String]) -> Self {
        let (mut found, mut has_angles) = (Self::default(), false);
        for at in memchr::memchr_iter(b'<', page) {
            // Half of all tags are end tags, and most start tags are of elements that fetch nothing.
            match page.get(at + 1) {
                Some(b'/') if page.get(at + 2) == Some(&b'<') => found.misread = found.misread.or(Some(at)),
                Some(b'%' | b'?') => has_angles = true,
                Some(b'!') if template::is_marker_at(&page[at..]) => found.last = Some(at),
                Some(letter) if letter.is_ascii_alphabetic() => found.see(page, at),
                _ => {}
            }
        }
        if let Some(style) = last_style_attribute(page) {
            found.style_attributes = true;
            found.last = found.last.max(Some(style));
        }
        found.template = found.last.is_some() && (has_angles || template::page_may_have_braces(page));
        if let Some(last) = named.iter().filter_map(|name| last_of(name, page)).max() {
            found.named = named;
            found.last = found.last.max(Some(last));
        }
        found
    }

    /// Takes note of what may be a start tag.
    fn see(&mut self, page: &[u8], at: usize) {
        if self.misread.is_none() && begins_text(page, at + 1) {
            self.misread = Some(at);
        }
        let Some(index) = tag_at(&page[at + 1..]) else { return };
        let name = TAGS[index];
        let name_end = at + 1 + name.len();
        // The commonest tags of all are closed at once.
        let tag = || match page.get(name_end) {
            Some(b'>') => &[],
            _ => &page[at..tag_end(page, name_end).end.unwrap_or(page.len())],
        };
        let words = condition(name);
        if !words.is_empty() && !may_say(tag(), words) {
            return;
        }
        match name {
            "meta" => self.csp |= may_say(tag(), &["content-security-policy"]),
            "script" => self.modules |= may_say(tag(), &["module", "importmap"]),
            "link" => self.modules |= may_say(tag(), &["modulepreload"]),
            _ => {}
        }
        self.tags |= 1 << index;
        // What the net is hoisted out of matters only to what comes behind it.
        if !HOISTED.contains(&name) {
            self.last = Some(at);
        }
    }

    /// Everything at once, for a page that is not looked through first.
    pub fn all(named: &'n [String]) -> Self {
        Self {
            tags: u32::MAX,
            every_element: false,
            style_attributes: true,
            named,
            last: Some(usize::MAX),
            modules: true,
            csp: true,
            template: true,
            misread: None,
        }
    }

    /// Looks through a page that streams by. `last` says no more than whether there is a candidate at all.
    pub fn of_stream(page: &mut dyn Read, named: &'n [String]) -> io::Result<Self> {
        let (mut found, mut window, mut start) = (Self::default(), Vec::new(), 0);
        loop {
            let read = page.take(PIECE as u64).read_to_end(&mut window)?;
            found.add(Self::of(&window, named), start);
            if read == 0 {
                return Ok(found);
            }
            // A tag that is cut in two is looked at again, as a whole: what looks like its start may be a `<` in a value
            // of it, so the bytes before are kept, too.
            let tail = window.len().saturating_sub(LONGEST_TAG);
            start += tail;
            window.drain(..tail);
        }
    }

    /// What was found in a piece that begins at `start`, besides.
    fn add(&mut self, piece: Self, start: usize) {
        self.tags |= piece.tags;
        self.style_attributes |= piece.style_attributes;
        self.modules |= piece.modules;
        self.csp |= piece.csp;
        self.template |= piece.template;
        if !piece.named.is_empty() {
            self.named = piece.named;
        }
        self.last = self.last.or(piece.last.map(|_| usize::MAX));
        self.misread = self.misread.or(piece.misread.map(|at| start + at));
    }

    /// Whether `tag` may be there.
    pub fn has(&self, tag: &str) -> bool {
        TAGS.iter().position(|known| *known == tag).is_some_and(|index| self.tags >> index & 1 == 1)
    }
}

/// The index in [`TAGS`] of the tag whose name begins here.
fn tag_at(name: &[u8]) -> Option<usize> {
    // The parser takes a name to white space, `/` or `>`; at the end of the page there is no tag.
    let fits = |tag: &&str| {
        let end = name.get(tag.len());
        name.len() >= tag.len()
            && name[..tag.len()].eq_ignore_ascii_case(tag.as_bytes())
            && end.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
    };
    // Which of them begin with this letter: a page has many tags, and few of them are wanted.
    let (from, to) = match name.first()?.to_ascii_lowercase() {
        b'a' => (0, 1),
        b'b' => (1, 3),
        b'c' => (3, 5),
        b'f' => (5, 7),
        b'i' => (7, 11),
        b'l' => (11, 12),
        b'm' => (12, 14),
        b'n' => (14, 15),
        b's' => (15, 19),
        b't' => (19, 28),
        b'u' => (28, 29),
        b'v' => (29, 30),
        _ => return None,
    };
    TAGS[from..to].iter().position(fits).map(|index| from + index)
}

/// The tag that may hold the last attribute of this name.
fn last_of(name: &str, page: &[u8]) -> Option<usize> {
    let first = *name.as_bytes().first()?;
    let mut before = page.len();
    while let Some(at) = memchr::memrchr2(first.to_ascii_lowercase(), first.to_ascii_uppercase(), &page[..before]) {
        before = at;
        if page.get(at..at + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) {
            return memchr::memrchr(b'<', &page[..at]);
        }
    }
    None
}

/// Whether the tag whose name begins at `at` is one of an element that holds text, and ends behind an `=`.
fn begins_text(page: &[u8], at: usize) -> bool {
    let names: &[&str] = match page.get(at).map(u8::to_ascii_lowercase) {
        Some(b'i') => &["iframe"],
        Some(b'n') => &["noembed", "noframes", "noscript"],
        Some(b'p') => &["plaintext"],
        Some(b's') => &["script", "style"],
        Some(b't') => &["title", "textarea"],
        Some(b'x') => &["xmp"],
        _ => return false,
    };
    let name = &page[at..];
    let fits = |tag: &&&str| {
        name.len() > tag.len()
            && name[..tag.len()].eq_ignore_ascii_case(tag.as_bytes())
            && (name[tag.len()].is_ascii_whitespace() || name[tag.len()] == b'/')
    };
    names.iter().find(fits).is_some_and(|tag| tag_end(page, at + tag.len()).without_value)
}

/// The end of a tag.
pub(crate) struct Tag {
    /// Past its `>`; `None` when the page ends before.
    pub(crate) end: Option<usize>,
    /// Whether a `/` stands before the `>`, and is not part of a value.
    pub(crate) self_closing: bool,
    /// Whether an `=` stands before the `>`, and no value.
    without_value: bool,
}

/// Where a tag ends whose name ended at `at`, by the attribute states of the tokenizer (HTML, sections 13.2.5.32 to
/// 13.2.5.39).
pub(crate) fn tag_end(page: &[u8], mut at: usize) -> Tag {
    enum State {
        BeforeName,
        Name,
        BeforeValue,
        Unquoted,
    }
    const OPEN: Tag = Tag { end: None, self_closing: false, without_value: false };
    let mut state = State::BeforeName;
    while let Some(byte) = page.get(at) {
        let white = byte.is_ascii_whitespace();
        state = match (state, byte) {
            (state, b'>') => {
                let self_closing = matches!(state, State::BeforeName) && page[at - 1] == b'/';
                return Tag { end: Some(at + 1), self_closing, without_value: matches!(state, State::BeforeValue) };
            }
            (State::BeforeValue, b'"' | b'\'') => {
                let Some(close) = memchr::memchr(*byte, &page[at + 1..]) else { return OPEN };
                at += close + 1;
                State::BeforeName
            }
            (State::BeforeValue, _) if white => State::BeforeValue,
            (State::BeforeValue | State::Unquoted, _) => {
                if white {
                    State::BeforeName
                } else {
                    State::Unquoted
                }
            }
            (State::Name, b'=') => State::BeforeValue,
            (State::Name | State::BeforeName, b'/') => State::BeforeName,
            (State::BeforeName, _) if white => State::BeforeName,
            // White space may stand between a name and its `=`: only the next name ends it.
            (State::Name, _) if white => {
                let next = page[at..].iter().position(|byte| !byte.is_ascii_whitespace());
                let Some(next) = next else { return OPEN };
                at += next - 1;
                if page[at + 1] == b'=' { State::Name } else { State::BeforeName }
            }
            // An `=` where a name must begin is the first character of one.
            (State::BeforeName | State::Name, _) => State::Name,
        };
        at += 1;
    }
    OPEN
}

/// Whether a tag holds one of these words, or a character reference that may spell it.
fn may_say(tag: &[u8], words: &[&str]) -> bool {
    let says = |word: &&str| {
        let first = word.as_bytes()[0];
        memchr::memchr2_iter(first, first.to_ascii_uppercase(), tag)
            .any(|at| tag.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes())))
    };
    words.iter().any(says) || memchr::memchr_iter(b'&', tag).any(|at| tag.get(at + 1) == Some(&b'#'))
}

/// The tag of the last `style` attribute whose value may hold a URL: with a parenthesis, an escape or a character
/// reference in it.
fn last_style_attribute(page: &[u8]) -> Option<usize> {
    let mut before = page.len();
    // By its rarest letter.
    while let Some(y) = memchr::memrchr2(b'y', b'Y', &page[..before]) {
        before = y;
        let Some(word) = y.checked_sub(2).and_then(|from| page.get(from..from + 5)) else { continue };
        if word.eq_ignore_ascii_case(b"style") && value_may_hold_url(&page[y + 3..]) {
            return memchr::memrchr(b'<', &page[..y]);
        }
    }
    None
}

/// Whether this is what follows an attribute's name, and the value may hold a URL.
fn value_may_hold_url(rest: &[u8]) -> bool {
    let white = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let Some(value) = rest[white(rest)..].strip_prefix(b"=") else { return false };
    let value = &value[white(value)..];
    let end = match value.first() {
        Some(quote @ (b'"' | b'\'')) => memchr::memchr(*quote, &value[1..]).map(|end| end + 1),
        _ => value.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'>'),
    };
    value[..end.unwrap_or(value.len())].iter().any(|byte| matches!(byte, b'(' | b'\\' | b'&'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_candidate_is_where_parsing_may_stop() {
        let page = b"<p><SCRIPT src=a></script><p><imgx><i>";
        let found = Candidates::of(page, &[]);
        assert!(found.has("script") && !found.has("img"));
        assert_eq!(found.last, Some(3));
        assert_eq!(Candidates::of(b"<p>no references<a href=x>", &[]).last, None);
    }

    #[test]
    fn a_tag_ends_where_the_tokenizer_says() {
        for tag in [
            "<p>",
            "<p a='>' b=\">\">",
            "<p =\"x b=\"y>z\">",
            "<p a = '>'>",
            "<p a'b>",
            "<p a=b'>",
            "<p/a=c>",
            "<p/>",
            "<p a='/'/>",
        ] {
            let end = tag_end(format!("{tag}<q a='>'>").as_bytes(), 2);
            assert_eq!((end.end, end.self_closing), (Some(tag.len()), tag.ends_with("/>")), "{tag}");
        }
        assert!(Candidates::of(b"<script data-a='>' TYPE=Module>", &[]).modules);
        assert!(!Candidates::of(b"<script src=a></script> a module", &[]).modules);
    }

    #[test]
    fn every_wanted_tag_is_found_by_its_letter() {
        for (index, tag) in TAGS.iter().enumerate() {
            assert_eq!(tag_at(format!("{}>", tag.to_uppercase()).as_bytes()), Some(index), "{tag}");
            assert_eq!(
                tag_at(format!("{tag}x>").as_bytes()),
                TAGS.iter().position(|other| *other == format!("{tag}x"))
            );
        }
    }

    #[test]
    fn some_tags_are_wanted_only_for_what_they_say() {
        for (page, wanted) in [
            (&b"<td>"[..], false),
            (b"<td class=background>", true),
            (b"<TD\nBACKGROUND=x>", true),
            (b"<meta charset=utf-8>", false),
            (b"<meta property=og:image content=x>", true),
            (b"<iframe src=x>", false),
            (b"<iframe srcdoc=x>", true),
        ] {
            assert_eq!(Candidates::of(page, &[]).last.is_some(), wanted, "{}", String::from_utf8_lossy(page));
        }
        let named = ["data-src".to_owned()];
        assert_eq!(Candidates::of(b"<b><i DATA-SRC=x>", &named).last, Some(3));
    }

    #[test]
    fn a_tag_that_is_misread_is_found() {
        for page in ["<b><title a=>", "<b><SCRIPT src =\n>", "<b><style a=b c= >", "<b></<p>"] {
            assert_eq!(Candidates::of(page.as_bytes(), &[]).misread, Some(3), "{page}");
        }
        for page in ["<script>a=>b", "<title a==>", "<p a=>", "<script a='='>", "<script a='=>", "<titles a=>"] {
            assert_eq!(Candidates::of(page.as_bytes(), &[]).misread, None, "{page}");
        }
    }

    #[test]
    fn a_style_attribute_counts_only_beside_a_url() {
        assert!(!Candidates::of(b"<p style='color:red'>", &[]).style_attributes);
        assert_eq!(Candidates::of(b"<b><p style='background:URL(x)'>", &[]).last, Some(3));
    }
}
