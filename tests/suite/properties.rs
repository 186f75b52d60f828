//! What holds for any bytes.

use proptest::prelude::*;
use tightrope::html::candidates::Candidates;
use tightrope::html::rewriter::{inspect, rewrite_stream};
use tightrope::html::splice::{Change, splice};
use tightrope::html::visitor::{Answer, Element, Visitor};
use tightrope::html::xml;
use tightrope::html::{srcset, svg};
use tightrope::json::build_manifest;
use tightrope::model::edit::{self, Edit};
use tightrope::model::path::SitePath;
use tightrope::{css, js};

/// Puts `!` in front of every `src` and behind every tag it sees, so that a change in what is seen shows.
struct Marker;

impl Visitor for Marker {
    fn element(&mut self, element: &Element) -> Answer {
        let changes = element.attribute("src").and_then(|src| src.range.clone()).map_or(Vec::new(), |range| {
            vec![
                Change::Replace(range.start..range.start, b"!".to_vec()),
                Change::Attributes(range.end, " x".to_owned()),
            ]
        });
        Answer { changes, wants_text: element.tag == "style" }
    }

    fn text(&mut self, text: &str, start: usize, aligned: bool) -> Vec<Change> {
        if aligned { vec![Change::Replace(start..start + text.len(), b"?".to_vec())] } else { Vec::new() }
    }
}

/// Gives a few bytes at a time.
struct Drops<'p>(&'p [u8], usize);

impl std::io::Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = self.1.min(self.0.len()).min(into.len());
        let (now, later) = self.0.split_at(end);
        into[..end].copy_from_slice(now);
        self.0 = later;
        Ok(end)
    }
}

fn mark(page: &[u8], candidates: &Candidates<'_>, step: Option<usize>) -> Option<Vec<u8>> {
    let changes = inspect(page, candidates, encoding_rs::UTF_8, step, &mut Marker).ok()?;
    Some(splice(page, changes))
}

/// The same page as it streams by.
fn mark_stream(page: &[u8], step: usize) -> Option<Vec<u8>> {
    let found = Candidates::of_stream(&mut Drops(page, step), &[]).ok()?;
    rewrite_stream(&mut Drops(page, step), &found, encoding_rs::UTF_8, Vec::new(), &mut Marker, Vec::new()).ok()
}

/// Markup as it is found, and as it is not.
fn markup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<script src=a.js>",
        "</script>",
        "<img src='b.png'",
        ">",
        "<style>",
        "a{b:url(c)}",
        "</style>",
        "<!--",
        "-->",
        "<svg>",
        "</svg>",
        "<template>",
        "</template>",
        "<p style=\"background:url(x)\">",
        "<",
        "/",
        "\"",
        "'",
        "text &amp; ",
        "<title>",
        "</title>",
        "<link rel=stylesheet href=x>",
        "<video src = v ",
        "<table>",
        "<select>",
        "<textarea>",
        "</textarea>",
        "\n",
        "é",
        "<math><style>",
        "<script src",
        "=",
        "<![CDATA[",
        "]]>",
        "<IMG\tSRC=x\t>",
        "<image src=i/>",
        "</p",
        "<noscript>",
        "</noscript>",
        "<plaintext>",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Elements, texts and all else that XML can hold, well-formed.
fn content() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "",
        "u",
        "text",
        " ",
        "\r\n",
        "é",
        ">",
        "\"",
        "&amp;",
        "&#117;",
        "&#xe9;",
        "&eacute;",
        "<!-- u -->",
        "<!---->",
        "<?pi u?>",
        "<?a?>",
        "<![CDATA[]]>",
        "<![CDATA[u<&'é]]]>",
        "<br/>",
        "<img src='a.png' alt=\"a>b\"/>",
        "<script src = 'a.js?x&amp;y'\n/>",
        "<h:script src='a'></h:script >",
        "<SCRIPT src='a'/>",
        "<style>u</style>",
        "<script type='module'>u&lt;<![CDATA[u]]></script>",
        "<s:image l:href='i'/>",
        "<p xmlns='' id='é'/>",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(6, 60, 6, |inner| {
        let names = prop::sample::select(vec!["p", "style", "h:template", "s:svg", "noscript", "style", "other"]);
        (names, prop::collection::vec(inner, 0..6))
            .prop_map(|(name, inside)| format!("<{name}>{}</{name}>", inside.concat()))
    })
}

/// A whole page of XML.
fn xml_page() -> impl Strategy<Value = String> {
    let prolog = prop::sample::select(vec![
        "",
        "\u{feff}",
        "<?xml version='1.0'?>\n",
        "\u{feff}<?xml version='1.0' encoding='utf-8'?><!-- u -->",
    ]);
    let namespaces = "xmlns='http://www.w3.org/1999/xhtml' xmlns:h='http://www.w3.org/1999/xhtml' \
                      xmlns:s='http://www.w3.org/2000/svg' xmlns:l='http://www.w3.org/1999/xlink'";
    (prolog, content()).prop_map(move |(prolog, content)| {
        format!("{prolog}<!DOCTYPE html PUBLIC '>' \"[\" [<!-- ]> -->]>\n<html {namespaces}>{content}</html>\n<!---->")
    })
}

/// Sees all, checks each place against the page, and puts `with` for every `u` in the texts of styles and scripts.
struct Places<'p> {
    page: &'p [u8],
    with: Option<&'p str>,
    texts: Vec<String>,
}

impl<'p> Places<'p> {
    /// The texts, and the page as it is written; `None` when it is refused.
    fn of(page: &'p [u8], with: Option<&'p str>) -> Option<(Vec<String>, Vec<u8>)> {
        let mut places = Self { page, with, texts: Vec::new() };
        let changes = xml::inspect(page, &mut places).ok()?;
        Some((places.texts, splice(page, changes)))
    }
}

impl Visitor for Places<'_> {
    fn element(&mut self, element: &Element) -> Answer {
        let tag = &self.page[element.range.clone()];
        assert!(tag.starts_with(b"<") && tag.ends_with(b">"), "{tag:?}");
        for attribute in &element.attributes {
            let Some(range) = attribute.range.clone() else { continue };
            assert!(
                matches!(self.page[range.start - 1], b'"' | b'\'')
                    && self.page[range.start - 1] == self.page[range.end]
            );
            assert_eq!(attribute.value.len(), range.len());
        }
        Answer { changes: Vec::new(), wants_text: matches!(element.tag.as_str(), "style" | "script") }
    }

    fn text(&mut self, text: &str, start: usize, aligned: bool) -> Vec<Change> {
        assert!(aligned);
        self.texts.push(text.to_owned());
        let Some(with) = self.with else { return Vec::new() };
        let places = text.match_indices('u').map(|(at, _)| start + at..start + at + 1);
        places.map(|range| Change::Replace(range, with.as_bytes().to_vec())).collect()
    }
}

/// Stylesheets and what looks like them, in any encoding.
fn sheet() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        &b"url("[..],
        b"url('a",
        b"url(\"b",
        b"')",
        b"')}",
        b")",
        b"@import ",
        b"\"x.css\"",
        b"'y.css'",
        b";",
        b"{",
        b"}",
        b"a{b:",
        b"/*",
        b"*/",
        b"\\",
        b"\\72 ",
        b"image-set(",
        b"a.png",
        b"\n",
        b"@layer x",
        b"'",
        b"--x:",
        b"var(--x)",
        b"filter:",
        b"#x",
        b"?q",
        b" ",
        b"!",
        b"\0",
        b"@property --p{",
        b"@function --f(",
        b"cross-origin(anonymous)",
        b"]",
        b"\xe9",
        b"\x95\x5c",
        b"\x81",
        b"\xd6\xd0",
        b"\x1b$B",
        b"\xc3\xa9",
    ]);
    let start = prop::sample::select(vec![
        &b""[..],
        b"",
        b"",
        b"\xef\xbb\xbf",
        b"@charset \"shift_jis\";",
        b"@charset \"gb18030\";",
        b"@charset \"windows-1252\";",
        b"@charset \"utf-16\";",
        b"@charset \"replacement\";",
        b"\xff\xfe",
        b"\xfe\xff",
    ]);
    let noise = prop::collection::vec(any::<u8>(), 0..4);
    (start, prop::collection::vec(prop_oneof![8 => part.prop_map(<[u8]>::to_vec), 1 => noise], 0..25)).prop_map(
        |(start, parts)| {
            let body = parts.concat();
            let wide = |pair: fn(u8) -> [u8; 2]| body.iter().flat_map(|byte| pair(*byte)).collect();
            let body = match start {
                b"\xff\xfe" => wide(|byte| [byte, 0]),
                b"\xfe\xff" => wide(|byte| [0, byte]),
                _ => body,
            };
            [start, &body].concat()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_prefix_cut_and_the_steps_change_nothing(page in markup()) {
        let cut = Candidates::of(page.as_bytes(), &[]);
        let candidates = Candidates { misread: cut.misread, ..Candidates::all(&[]) };
        let whole = mark(page.as_bytes(), &candidates, None);
        prop_assert_eq!(&mark(page.as_bytes(), &cut, None), &whole, "cut");
        prop_assert_eq!(&mark(page.as_bytes(), &cut, Some(1)), &whole, "cut, byte by byte");
        prop_assert_eq!(&mark(page.as_bytes(), &candidates, Some(3)), &whole, "in threes");
        prop_assert_eq!(&mark_stream(page.as_bytes(), 1), &whole, "streamed, byte by byte");
        prop_assert_eq!(&mark_stream(page.as_bytes(), 1000), &whole, "streamed");
    }

    #[test]
    fn what_is_not_edited_stays(page in markup()) {
        let marked = mark(page.as_bytes(), &Candidates::of(page.as_bytes(), &[]), None);
        // Without `style` nothing is taken away, so what was there is still there, in order.
        if let Some(marked) = marked.filter(|_| !page.to_lowercase().contains("style")) {
            let mut rest = marked.iter();
            prop_assert!(page.bytes().all(|byte| rest.any(|kept| *kept == byte)));
        }
    }

    #[test]
    fn a_page_of_xml_comes_out_as_it_went_in(page in xml_page()) {
        let (_, out) = Places::of(page.as_bytes(), None).expect("it is well-formed");
        prop_assert_eq!(String::from_utf8(out).expect("UTF-8"), page);
    }

    #[test]
    fn what_is_written_into_text_of_xml_reads_back_the_same(page in xml_page()) {
        const NEW: &str = "1 < 2 && ]]> v";
        let (texts, out) = Places::of(page.as_bytes(), Some(NEW)).expect("it is well-formed");
        let (again, _) = Places::of(&out, None).expect("it is still well-formed");
        prop_assert_eq!(again, texts.iter().map(|text| text.replace('u', NEW)).collect::<Vec<_>>());
    }

    #[test]
    fn mutated_xml_is_refused_or_comes_out_as_it_went_in(
        page in xml_page(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, prop::sample::select(vec![
            "", "<", ">", "&", ";", "'", "\"", "/", "=", " ", "<!", "<!-", "<!--", "-->", "<!-->", "<!--->", "<?", "?>", "<![CDATA[", "]]>", "]",
            "<!DOCTYPE", "[", "<!ENTITY", "xmlns", ":", "\u{feff}", "\0", "é", "</html>", "<p>", "&#", "<!N", "--",
        ])), 1..6),
    ) {
        let mut bytes = page.into_bytes();
        for (index, length, text) in cuts {
            let at = index.index(bytes.len());
            let end = bytes.len().min(at + length);
            bytes.splice(at..end, text.bytes());
        }
        if let Some((_, out)) = Places::of(&bytes, None) {
            prop_assert_eq!(out, bytes);
        }
    }

    #[test]
    fn no_text_makes_a_tokenizer_panic_and_ranges_are_in_it(text in any::<String>()) {
        for reference in css::references(&text) {
            prop_assert!(text.get(reference.range).is_some());
        }
        for range in srcset::urls(&text) {
            prop_assert!(text.get(range).is_some_and(|url| !url.is_empty()));
        }
        if let Ok(script) = js::read(&format!("import './x.js';{text}"), js::Goal::AsWritten) {
            prop_assert_eq!(&script.references[0].text, "./x.js");
        }
        for start in ["<svg fill='url(", "<svg xmlns='http://www.w3.org/2000/svg'><style>", ""] {
            let drawing = format!("{start}{text}");
            for reference in svg::references(drawing.as_bytes()).unwrap_or_default() {
                prop_assert!(drawing.get(reference.range).is_some());
            }
        }
        for manifest in [format!("{{\"x\": {text:?}}}"), text] {
            let offsets = build_manifest::parse(&manifest).map(|read| read.entries.first().map_or(0, |entry| entry.offset));
            prop_assert!(offsets.unwrap_or_else(|error| error.offset) <= manifest.len());
        }
    }

    #[test]
    fn a_url_that_is_written_into_css_comes_back(url in "[^\0]{1,20}") {
        prop_assume!(!url.trim_matches(|c: char| c <= ' ').is_empty() && !url.trim_matches(|c: char| c <= ' ').starts_with('#'));
        let text = css::escape(&url);
        for around in ["a{b:url(@)}", "a{b:url('@')}", "a{b:url(\"@\")}", "a{b:image-set('@' 1x)}", "a{b:url( @ )", "a{b:url('@"] {
            let found = css::references(&around.replace('@', &text));
            prop_assert_eq!(found.into_iter().map(|one| one.url).collect::<Vec<_>>(), [&*url], "{}", around);
        }
        for around in ["@import url($)", "@import '$';", "@import \"$\" all;"] {
            let found = css::references(&around.replace('$', &text));
            prop_assert_eq!(found.into_iter().map(|one| one.url).collect::<Vec<_>>(), [&*url], "{}", around);
        }
    }

    #[test]
    fn no_bytes_change_the_meaning_of_a_sheet_when_its_own_urls_are_written_back(bytes in sheet()) {
        let found = css::read(&bytes);
        let written = found.references.iter().map(|one| Edit::new(one.range.clone(), found.width.escape(&one.url)));
        prop_assert!(found.references.iter().all(|one| bytes.get(one.range.clone()).is_some()));
        let again = css::read(&edit::apply(&bytes, written.collect()));
        let plain = |all: &[css::Reference]| {
            all.iter().map(|one| (one.url.clone(), one.usage, one.custom_property.clone())).collect::<Vec<_>>()
        };
        prop_assert_eq!(plain(&again.references), plain(&found.references));
        prop_assert_eq!(again.variables, found.variables);
    }

    #[test]
    fn a_site_path_survives_its_url(text in "[^\0]{1,30}") {
        if let Some(path) = SitePath::new(&text) {
            prop_assert_eq!(SitePath::from_url_path(&path.to_url()), Some(path));
        }
    }
}

/// If this fails, lol_html has mended it: `Candidates::misread` can go.
#[test]
fn the_parser_takes_text_for_elements_behind_an_empty_value() {
    let page = b"<style a=><img src=b></style>";
    let unaware = Candidates { misread: None, ..Candidates::of(page, &[]) };
    assert_ne!(mark(page, &unaware, None), mark(page, &Candidates::of(page, &[]), None));
}
