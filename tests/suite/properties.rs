//! What holds for any bytes.

use proptest::prelude::*;
use tightrope::html::candidates::Candidates;
use tightrope::html::rewriter::rewrite;
use tightrope::html::splice::Change;
use tightrope::html::srcset;
use tightrope::html::visitor::{Answer, Element, Visitor};
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

fn mark(page: &[u8], candidates: &Candidates, step: Option<usize>) -> Option<Vec<u8>> {
    rewrite(page, candidates, encoding_rs::UTF_8, step, &mut Marker, Vec::new()).ok()
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_prefix_cut_and_the_steps_change_nothing(page in markup()) {
        let cut = Candidates::of(page.as_bytes());
        let candidates = Candidates { misread: cut.misread, ..Candidates::all() };
        let whole = mark(page.as_bytes(), &candidates, None);
        prop_assert_eq!(&mark(page.as_bytes(), &cut, None), &whole, "cut");
        prop_assert_eq!(&mark(page.as_bytes(), &cut, Some(1)), &whole, "cut, byte by byte");
        prop_assert_eq!(&mark(page.as_bytes(), &candidates, Some(3)), &whole, "in threes");
    }

    #[test]
    fn what_is_not_edited_stays(page in markup()) {
        let marked = mark(page.as_bytes(), &Candidates::of(page.as_bytes()), None);
        // Without `style` nothing is taken away, so what was there is still there, in order.
        if let Some(marked) = marked.filter(|_| !page.to_lowercase().contains("style")) {
            let mut rest = marked.iter();
            prop_assert!(page.bytes().all(|byte| rest.any(|kept| *kept == byte)));
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
        if let Ok(script) = js::read(&format!("import './x.js';{text}")) {
            prop_assert_eq!(&script.specifiers[0].text, "./x.js");
        }
    }

    #[test]
    fn css_built_of_its_own_parts_is_read_without_panic(parts in prop::collection::vec(prop::sample::select(vec![
        "url(", "url('a", "')", ")", "@import ", "\"x\"", ";", "{", "}", "/*", "*/", "\\", "\\72 ", "image-set(", "a.png", "\n", "@layer x", "'",
    ]), 0..30)) {
        let text = parts.concat();
        for reference in css::references(&text) {
            prop_assert!(text.get(reference.range).is_some());
        }
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
    let unaware = Candidates { misread: None, ..Candidates::of(page) };
    assert_ne!(mark(page, &unaware, None), mark(page, &Candidates::of(page), None));
}
