//! Holds a built page against its input, byte by byte. It shares nothing with the crate: a scanner of its own, no parser
//! of HTML, so that a mistake of the one is not the mistake of the other.
//!
//! What may differ: the values of attributes that name assets, added `integrity`, `crossorigin` and `data-tightrope`,
//! the text of `<style>`, of inline modules and of import maps, and what was put in: one script a kind, marked by
//! `data-tightrope`, and a copy of the page's own `<meta charset>` before it. Everything else is the input's.

use std::ops::Range;

/// What a comparison went through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Walked {
    /// Start tags that differ.
    pub(crate) tags: usize,
    /// Texts of styles, inline modules and import maps that differ.
    pub(crate) texts: usize,
    /// Scripts that were put in.
    pub(crate) injected: usize,
}

/// The first byte that is not the input's and may not differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Difference {
    /// Where it stands in the input.
    pub(crate) at: usize,
    /// What was there, in both.
    pub(crate) what: String,
}

/// Attributes that may be added.
const ADDED: [&[u8]; 3] = [b"integrity", b"crossorigin", b"data-tightrope"];
/// Attributes whose values may name assets, besides `href` and `data-…`.
const EDITED: [&[u8]; 11] = [
    b"src",
    b"xlink:href",
    b"srcset",
    b"imagesrcset",
    b"poster",
    b"style",
    b"content",
    b"background",
    b"data",
    b"integrity",
    b"crossorigin",
];
/// Elements whose `href` leads to a page.
const HYPERLINKS: [&[u8]; 3] = [b"a", b"area", b"base"];
/// Elements whose content is text, whatever it looks like (HTML, section 13.1.2, and those that are no longer in use).
const RAW: [&[u8]; 8] = [b"script", b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes"];

/// Compares a page before and after.
pub(crate) fn compare(input: &[u8], output: &[u8]) -> Result<Walked, Difference> {
    let mut walk = Walk { input, output, at: 0, to: 0, marks: Vec::new(), walked: Walked::default() };
    while walk.at < input.len() || walk.to < output.len() {
        walk.step()?;
    }
    Ok(walk.walked)
}

struct Walk<'w> {
    input: &'w [u8],
    output: &'w [u8],
    /// How far it has come in the input.
    at: usize,
    /// How far it has come in the output.
    to: usize,
    /// The marks of what was put in so far.
    marks: Vec<&'w [u8]>,
    walked: Walked,
}

impl Walk<'_> {
    fn step(&mut self) -> Result<(), Difference> {
        let rest = &self.input[self.at..];
        if is_start_tag(rest) && self.take_injected()? {
            return Ok(());
        }
        if is_start_tag(rest) {
            return self.tag();
        }
        self.same(verbatim_len(rest))
    }

    /// The next bytes of the input must be those of the output.
    fn same(&mut self, len: usize) -> Result<(), Difference> {
        let (before, after) = (&self.input[self.at..self.at + len], &self.output[self.to..]);
        let equal = before.iter().zip(after).take_while(|(x, y)| x == y).count();
        if equal < len || len == 0 {
            return Err(self.differ(equal));
        }
        (self.at, self.to) = (self.at + len, self.to + len);
        Ok(())
    }

    fn differ(&self, skip: usize) -> Difference {
        let excerpt = |bytes: &[u8], at: usize| {
            let rest = &bytes[at.min(bytes.len())..];
            String::from_utf8_lossy(&rest[..rest.len().min(80)]).into_owned()
        };
        let (at, to) = (self.at + skip, self.to + skip);
        Difference { at, what: format!("{:?} became {:?}", excerpt(self.input, at), excerpt(self.output, to)) }
    }

    /// Passes by a script that was put in, and the copy of the `<meta charset>` before it.
    fn take_injected(&mut self) -> Result<bool, Difference> {
        let Some(copied) = self.copied_charset() else { return Ok(false) };
        let script = &self.output[self.to + copied..];
        let Some(tag) = Tag::read(script).filter(|tag| tag.is(script, b"script")) else { return Ok(false) };
        let Some(mark) = tag.value(script, b"data-tightrope").filter(|mark| matches!(*mark, b"net" | b"map")) else {
            return Ok(false);
        };
        let end = raw_text_len(&script[tag.len..], b"script") + tag.len;
        let close = b"</script>";
        if self.marks.contains(&mark) || !script[end..].starts_with(close) {
            return Err(self.differ(0));
        }
        self.marks.push(mark);
        self.walked.injected += 1;
        self.to += copied + end + close.len();
        Ok(true)
    }

    /// The length of a copy of a `<meta>` of the input that stands further down there; nothing when there is none.
    /// `None` when the next thing in the output is neither that nor a script.
    fn copied_charset(&self) -> Option<usize> {
        let rest = &self.output[self.to..];
        let tag = Tag::read(rest)?;
        if tag.is(rest, b"script") {
            return Some(0);
        }
        let copy = &rest[..tag.len];
        let below = &self.input[self.at..];
        // Where the input has it right here as well, it is no copy.
        let is_copy = tag.is(rest, b"meta") && !below.starts_with(copy) && memchr::memmem::find(below, copy).is_some();
        is_copy.then_some(tag.len)
    }

    fn tag(&mut self) -> Result<(), Difference> {
        let (before, after) = (&self.input[self.at..], &self.output[self.to..]);
        let (Some(old), Some(new)) = (Tag::read(before), Tag::read(after)) else {
            // Cut off by the end of the page.
            return self.same(before.len());
        };
        if before[..old.len] != after[..new.len] {
            same_tag((before, &old), (after, &new)).map_err(|skip| self.differ_in_tag(skip, &old))?;
            self.walked.tags += 1;
        }
        (self.at, self.to) = (self.at + old.len, self.to + new.len);
        let raw = RAW.into_iter().find(|name| old.is(before, name));
        raw.map_or(Ok(()), |name| self.raw_text(name, may_change(before, &old)))
    }

    /// The whole tag is shown: an attribute alone says little.
    fn differ_in_tag(&self, skip: usize, old: &Tag) -> Difference {
        Difference { at: self.at + skip.min(old.len), ..self.differ(0) }
    }

    fn raw_text(&mut self, name: &[u8], may_change: bool) -> Result<(), Difference> {
        let (before, after) = (&self.input[self.at..], &self.output[self.to..]);
        let (old, new) = (raw_text_len(before, name), raw_text_len(after, name));
        if !may_change || before[..old] == after[..new] {
            return if old == 0 { Ok(()) } else { self.same(old) };
        }
        self.walked.texts += 1;
        (self.at, self.to) = (self.at + old, self.to + new);
        Ok(())
    }
}

/// Whether the text of an element may name assets.
fn may_change(bytes: &[u8], tag: &Tag) -> bool {
    let kind = tag.value(bytes, b"type").unwrap_or_default().to_ascii_lowercase();
    tag.is(bytes, b"style") || tag.is(bytes, b"script") && matches!(&*kind, b"module" | b"importmap")
}

/// Whether a `<` and a letter come next.
fn is_start_tag(rest: &[u8]) -> bool {
    rest.first() == Some(&b'<') && rest.get(1).is_some_and(u8::is_ascii_alphabetic)
}

/// How much of what comes next, which is no start tag, belongs together: a comment, an end tag, a text.
fn verbatim_len(rest: &[u8]) -> usize {
    let upto = |end: &[u8], from: usize| {
        memchr::memmem::find(&rest[from..], end).map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with(b"<!-->") || rest.starts_with(b"<!--->") {
        return upto(b">", 4);
    }
    if rest.starts_with(b"<!--") {
        let end = upto(b"-->", 4);
        return memchr::memmem::find(&rest[..end], b"--!>").map_or(end, |at| at + 4);
    }
    if matches!(rest, [b'<', b'!' | b'?' | b'/', ..]) {
        return upto(b">", 2);
    }
    // A text, which may begin with a `<` that means nothing.
    rest.get(1..).and_then(|more| memchr::memchr(b'<', more)).map_or(rest.len(), |at| at + 1)
}

/// The length of a raw text: up to its own end tag.
fn raw_text_len(rest: &[u8], name: &[u8]) -> usize {
    let ends_here = |at: &usize| {
        let tail = &rest[*at..];
        let named = tail.get(2..2 + name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
        tail.starts_with(b"</")
            && named
            && tail.get(2 + name.len()).is_none_or(|byte| is_space(*byte) || b"/>".contains(byte))
    };
    memchr::memchr_iter(b'<', rest).find(ends_here).unwrap_or(rest.len())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

/// A start tag, in offsets from its `<`.
struct Tag {
    name: Range<usize>,
    attributes: Vec<Attribute>,
    /// With its `>`.
    len: usize,
}

struct Attribute {
    name: Range<usize>,
    /// Inside the quotes; empty, at the end of the name, where there is none.
    value: Range<usize>,
    /// Behind the closing quote.
    end: usize,
}

impl Tag {
    /// `None` where no tag begins, or where it has no end (HTML, section 13.2.5, the states from "tag open" on).
    fn read(bytes: &[u8]) -> Option<Self> {
        let skip =
            |from: usize, more: &dyn Fn(u8) -> bool| from + bytes[from..].iter().take_while(|b| more(**b)).count();
        if !is_start_tag(bytes) {
            return None;
        }
        let name = 1..skip(1, &|b| !is_space(b) && !b"/>".contains(&b));
        let (mut attributes, mut at) = (Vec::new(), name.end);
        loop {
            at = skip(at, &|b| is_space(b) || b == b'/');
            if *bytes.get(at)? == b'>' {
                return Some(Self { name, attributes, len: at + 1 });
            }
            // A `=` at the start belongs to the name.
            let name = at..skip(at + 1, &|b| !is_space(b) && !b"/>=".contains(&b));
            let equals = skip(name.end, &is_space);
            let (value, end) = match bytes.get(equals)? {
                b'=' => {
                    let start = skip(equals + 1, &is_space);
                    let quote = Some(*bytes.get(start)?).filter(|byte| b"\"'".contains(byte));
                    let first = start + usize::from(quote.is_some());
                    let last = skip(first, &|b| quote.map_or(!is_space(b) && b != b'>', |quote| b != quote));
                    (first..last, last + usize::from(quote.is_some()))
                }
                _ => (name.end..name.end, name.end),
            };
            at = end;
            if at > bytes.len() {
                return None;
            }
            attributes.push(Attribute { name, value, end });
        }
    }

    fn is(&self, bytes: &[u8], name: &[u8]) -> bool {
        bytes[self.name.clone()].eq_ignore_ascii_case(name)
    }

    fn value<'b>(&self, bytes: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
        let named = self.attributes.iter().find(|found| bytes[found.name.clone()].eq_ignore_ascii_case(name));
        named.map(|found| &bytes[found.value.clone()])
    }
}

/// Whether two tags differ only where they may; else how far into the first one they are the same.
fn same_tag((before, old): (&[u8], &Tag), (after, new): (&[u8], &Tag)) -> Result<(), usize> {
    let equal = |x: Range<usize>, y: Range<usize>| if before[x.clone()] == after[y] { Ok(()) } else { Err(x.start) };
    equal(0..old.name.end, 0..new.name.end)?;
    let mut rest = new.attributes.iter();
    let (mut x, mut y) = (old.name.end, new.name.end);
    for kept in &old.attributes {
        let other = next_kept(&mut rest, &mut y, (before, old), after).ok_or(x)?;
        equal(x..kept.name.end, y..other.name.end)?;
        equal(kept.name.end..kept.value.start, other.name.end..other.value.start)?;
        if !may_be_edited(before, old, kept) {
            equal(kept.value.clone(), other.value.clone())?;
        }
        equal(kept.value.end..kept.end, other.value.end..other.end)?;
        (x, y) = (kept.end, other.end);
    }
    if next_kept(&mut rest, &mut y, (before, old), after).is_some() {
        return Err(x);
    }
    equal(x..old.len, y..new.len)
}

/// The next attribute that is not one of those that may be added, each of which must be written ` name="value"`.
fn next_kept<'a>(
    rest: &mut std::slice::Iter<'a, Attribute>,
    from: &mut usize,
    (before, old): (&[u8], &Tag),
    after: &[u8],
) -> Option<&'a Attribute> {
    rest.find(|found| {
        let name = &after[found.name.clone()];
        let plain = [b" ", name, b"=\"", &after[found.value.clone()], b"\""].concat();
        let added = ADDED.contains(&name) && old.value(before, name).is_none() && after[*from..found.end] == plain;
        if added {
            *from = found.end;
        }
        !added
    })
}

fn may_be_edited(bytes: &[u8], tag: &Tag, attribute: &Attribute) -> bool {
    let name = bytes[attribute.name.clone()].to_ascii_lowercase();
    let leads_to_a_page = HYPERLINKS.iter().any(|link| tag.is(bytes, link));
    EDITED.contains(&name.as_slice()) || name.starts_with(b"data-") || name == b"href" && !leads_to_a_page
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &str = "<!DOCTYPE html>\n<html><head><title>A <b> & c</title>\n<meta charset=utf-8>\n\
        <!-- <img src=a.png> --><link rel=stylesheet href='a.css' class=\"x\"><style>a { b: url(c.png) }</style>\n\
        <script src=a.js></script><script>if (a < b) '<img src=a.png>'</script></head>\n\
        <body class=y><p>1 < 2<br/><img alt=\"a > b\" src=a.png /><a href=b.html>x</a></p>\n</body></html>\n";

    const OUTPUT: &str = "<!DOCTYPE html>\n<html><head><title>A <b> & c</title>\n<meta charset=utf-8>\n\
        <!-- <img src=a.png> --><script data-tightrope=\"net\" data-cdn=\"https://c/\">net(1 < 2)</script>\
        <link rel=stylesheet href='https://c/a.1.css' integrity=\"sha384-x\" crossorigin=\"anonymous\" class=\"x\">\
        <style>a { b: url(https://c/c.1.png) }</style>\n\
        <script src=https://c/a.1.js integrity=\"sha384-y\" crossorigin=\"anonymous\" data-tightrope=\"parser\"></script>\
        <script>if (a < b) '<img src=a.png>'</script></head>\n\
        <body class=y><p>1 < 2<br/><img alt=\"a > b\" src=https://c/a.1.png /><a href=b.html>x</a></p>\n</body></html>\n";

    fn walk(input: &str, output: &str) -> Result<Walked, Difference> {
        compare(input.as_bytes(), output.as_bytes())
    }

    #[test]
    fn a_page_that_was_only_moved_is_fine() {
        assert_eq!(walk(INPUT, OUTPUT), Ok(Walked { tags: 3, texts: 1, injected: 1 }));
        assert_eq!(walk(INPUT, INPUT), Ok(Walked::default()));
    }

    /// The output with one thing changed in it.
    fn changed(from: &str, to: &str) -> Result<Walked, Difference> {
        assert_eq!(OUTPUT.matches(from).count(), 1, "{from:?} stands there once");
        walk(INPUT, &OUTPUT.replace(from, to))
    }

    #[test]
    fn every_byte_that_is_dropped_doubled_or_changed_outside_of_edits_is_told() {
        // What lies between two edits, each byte of it.
        for between in ["<!DOCTYPE html>\n<html><head><title>A <b> & c</title>\n<meta charset=utf-8>\n", "</head>\n"] {
            let start = OUTPUT.find(between).expect("it is there");
            for at in start..start + between.len() {
                let (before, after) = (&OUTPUT[..at], &OUTPUT[at + 1..]);
                let byte = &OUTPUT[at..=at];
                for wrong in [String::new(), byte.repeat(2), "~".to_owned()] {
                    let output = format!("{before}{wrong}{after}");
                    assert!(walk(INPUT, &output).is_err(), "byte {at}, {byte:?}, became {wrong:?}");
                }
            }
        }
    }

    #[test]
    fn changes_in_the_wrong_place_are_told() {
        for (from, to) in [
            ("1 < 2<br/>", "1 < 3<br/>"),
            ("class=y", "class=z"),
            ("class=\"x\"", "class='x'"),
            ("alt=\"a > b\"", "alt=\"a > c\""),
            ("<a href=b.html>", "<a href=https://c/b.html>"),
            (" class=\"x\"", ""),
            ("<a href", "<a id=\"n\" href"),
            ("<a href", "<a  href"),
            (" integrity=\"sha384-x\"", "  integrity=\"sha384-x\""),
            (" integrity=\"sha384-x\"", " integrity='sha384-x'"),
            ("png /><a", "png/><a"),
            ("<!-- <img src=a.png>", "<!-- <img src=b.png>"),
            ("'<img src=a.png>'", "'<img src=b.png>'"),
            ("A <b>", "A <i>"),
            ("</body>", "</BODY>"),
            ("<br/>", ""),
            ("</html>\n", "</html>"),
            ("</html>\n", "</html>\n\n"),
            ("</title>", "</title><script>1</script>"),
        ] {
            assert!(changed(from, to).is_err(), "{from:?} became {to:?}");
        }
    }

    #[test]
    fn what_is_put_in_is_put_in_once() {
        let net = "<script data-tightrope=\"net\" data-cdn=\"https://c/\">net(1 < 2)</script>";
        assert!(changed(net, &net.repeat(2)).is_err());
        let map = "<script type=\"importmap\" data-tightrope=\"map\">{}</script>";
        assert_eq!(changed(net, &format!("{net}{map}")).map(|walked| walked.injected), Ok(2));
    }

    #[test]
    fn a_copy_of_the_charset_may_stand_before_what_is_put_in_and_nowhere_else() {
        let input = "<p><img src=a><meta charset=latin1></p>";
        let net = "<script data-tightrope=\"net\"></script>";
        let page = |copy: &str, net: &str| format!("<p>{copy}{net}<img src=b><meta charset=latin1></p>");
        assert!(walk(input, &page("<meta charset=latin1>", net)).is_ok());
        assert!(walk(input, &page("<meta charset=latin1>", "")).is_err());
        assert!(walk(input, &page("<meta charset=latin2>", net)).is_err());
    }

    #[test]
    fn a_difference_has_the_place_where_it_begins() {
        assert_eq!(walk("<p>one</p>", "<p>onE</p>").expect_err("it differs").at, 5);
        assert_eq!(walk("<p class=a id=b>", "<p class=a id=c>").expect_err("it differs").at, 14);
        assert_eq!(walk("<p>", "<p>more").expect_err("it differs").at, 3);
    }

    #[test]
    fn odd_markup_does_not_lose_the_place() {
        for page in
            ["<", "<a", "<a b", "<a b=", "<a b='", "<!--", "<!-->x", "</", "<?x", "a<1>b", "<a =b/=c>", "<script>"]
        {
            assert_eq!(walk(page, page), Ok(Walked::default()), "{page:?}");
            assert!(walk(page, &format!("{page}~")).is_err(), "{page:?}");
        }
    }
}
