//! What holds for templates, whatever their bytes.

use proptest::prelude::*;
use std::ops::Range;
use tightrope::html::candidates::Candidates;
use tightrope::html::rewriter::inspect;
use tightrope::html::splice::Change;
use tightrope::html::template::{self, Comments, Engine};
use tightrope::html::visitor::{Answer, Element, Visitor};

/// Keeps the first element.
#[derive(Default)]
struct First(Option<Element>);

impl Visitor for First {
    fn element(&mut self, element: &Element) -> Answer {
        self.0.get_or_insert_with(|| element.clone());
        Answer::default()
    }

    fn text(&mut self, _: &str, _: usize, _: bool) -> Vec<Change> {
        Vec::new()
    }
}

/// The first element as lol_html sees it.
fn first(page: &[u8]) -> Option<Element> {
    let mut visitor = First::default();
    let rewritten = inspect(page, &Candidates::all(&[]), encoding_rs::UTF_8, None, &mut visitor);
    rewritten.ok().and(visitor.0)
}

fn concat(pieces: Vec<&'static str>, most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..most).prop_map(|pieces| pieces.concat())
}

/// What a tag may hold when no template has a hand in it.
fn plain_tag() -> impl Strategy<Value = String> {
    let pieces = vec![
        " ", "\t", "\n", "\x0C", "\r", "/", "=", "\"", "'", ">", "<", "a", "SRC", "b=c", "d='e'", "f=\"g\"", "h = i",
        "&amp;", "é", "{", "}", "%", "#", "$", "[", "?", "=\"\"", "='", "\0", "`",
    ];
    concat(pieces, 16).prop_map(|inner| format!("<img {inner}>"))
}

/// Text full of delimiters.
fn bait() -> impl Strategy<Value = String> {
    let pieces = vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "<%",
        "%>",
        "<?",
        "?>",
        "<?php",
        "${",
        "}",
        "[[",
        "]]",
        "{{!--",
        "--}}",
        "--~}}",
        "{{!",
        "{{/*",
        "*/",
        "-",
        "~",
        "{% comment",
        "endcomment",
        " ",
        "<%--",
        "--%>",
        "\"",
        "'",
        "=",
        ">",
        "/",
        "a",
        "src",
        "if ",
        "endif",
        "else",
        "static",
        "url_for(",
        "(",
        ")",
        ",",
        "\\",
        "é",
        "<!--",
        "-->",
        "<head",
        "<pre>",
        "</pre>",
        "tightrope",
        "<script>",
        "</script",
        "\n",
    ];
    concat(pieces, 40)
}

/// One part of a tag, and how many attributes it is.
fn part() -> impl Strategy<Value = (&'static str, usize)> {
    prop::sample::select(vec![
        ("alt=a", 1),
        ("id='b > c'", 1),
        ("title=\"d\"", 1),
        ("hidden", 1),
        ("{{ attributes }}", 0),
        ("{{ \"src='a'\" }}", 0),
        ("{{{ f 'src=b' }}}", 0),
        ("{% if a > b and c == 'src=d' %}", 0),
        ("{% endif %}", 0),
        ("{# it's src=e #}", 0),
        ("{{!-- }} src=f --}}", 0),
        ("<% if a > 1 && b = \"src=g\" %>", 0),
        ("<?php echo ' src=h ' ?>", 0),
        ("[[ src=i ]]", 0),
        ("${ src = j }", 0),
    ])
}

fn inside(range: &Range<usize>, length: usize) -> bool {
    range.start <= range.end && range.end <= length
}

/// A candidate of a `srcset`.
fn candidate() -> impl Strategy<Value = String> {
    let url = prop::sample::select(vec![
        "{% static 'a, b.png' %}",
        "{{ static('a, b.png') }}",
        "{{ url_for('static', filename='a, b.png') }}",
        "{% static 'a, b.png' %}?c,d",
        "{{ x }}{% static 'a, b.png' %}",
        "c.png?d,e",
        "{{ f 'g, h' }}",
    ]);
    let descriptor = prop::sample::select(vec!["", " 1x", " 100w", " calc(1, 2)x", " {{ density }}x"]);
    (url, descriptor).prop_map(|(url, descriptor)| format!("{url}{descriptor}"))
}

const BOTH: [Engine; 2] = [Engine::Django, Engine::Jinja];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_tag_without_syntax_is_read_as_lol_html_reads_it(tag in plain_tag()) {
        let Some(element) = first(tag.as_bytes()) else { return Ok(()) };
        let tag = &tag.as_bytes()[element.range.clone()];
        prop_assume!(!template::tag_has_syntax(tag));
        let found = template::attributes(tag);
        prop_assert!(found.iter().all(|attribute| !attribute.conditional));
        let names = found.iter().map(|found| String::from_utf8_lossy(&tag[found.name.clone()]).to_ascii_lowercase());
        let ours: Vec<_> = names.zip(found.iter().map(|found| found.value.clone())).collect();
        let theirs: Vec<_> = element.attributes.into_iter().map(|known| (known.name, known.range)).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn what_is_in_a_region_is_no_attribute(parts in prop::collection::vec(part(), 0..12), glue in "[ \n/]{1,2}") {
        let texts: Vec<_> = parts.iter().map(|(text, _)| *text).collect();
        let tag = format!("<img {}{glue}>", texts.join(&glue).replace("=a/", "=a /"));
        let found = template::attributes(tag.as_bytes());
        let names: Vec<_> = found.iter().map(|found| &tag[found.name.clone()]).collect();
        let count: usize = parts.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(names.len(), count, "{:?} in {}", &names, &tag);
        prop_assert!(found.iter().all(|found| found.literal) && !names.contains(&"src"));
    }

    #[test]
    fn no_bytes_make_it_panic_and_ranges_are_in_them(text in prop_oneof![bait(), any::<String>()]) {
        let bytes = text.as_bytes();
        let tag = format!("<img {text}>").into_bytes();
        let mut before = 0;
        for found in template::attributes(&tag).into_iter().chain(template::attributes(bytes)) {
            prop_assert!(inside(&found.name, tag.len()) && found.value.is_none_or(|value| inside(&value, tag.len())));
        }
        for found in template::attributes(&tag) {
            prop_assert!(before <= found.name.start);
            before = found.value.map_or(found.name.end, |value| value.end);
        }
        for call in template::static_calls(&text, &BOTH).into_iter().chain(template::static_call(&text, &BOTH)) {
            prop_assert!(text.get(call.range).is_some());
        }
        template::kind(bytes, "html");
        if let Some(found) = template::placement(bytes) {
            prop_assert!(found.end() <= bytes.len());
        }
    }

    #[test]
    fn random_bytes_are_no_worse(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        for found in template::attributes(&bytes) {
            prop_assert!(inside(&found.name, bytes.len()));
        }
        template::kind(&bytes, "html");
        template::placement(&bytes);
    }

    #[test]
    fn comments_are_the_same_however_a_page_is_cut(page in bait(), step in 1..9_usize) {
        let whole = Comments::of(page.as_bytes());
        let mut cut = Comments::new();
        page.as_bytes().chunks(step).for_each(|chunk| cut.feed(chunk));
        for at in 0..page.len() {
            prop_assert_eq!(cut.covers(at), whole.covers(at), "at {} of {}", at, &page);
        }
    }

    #[test]
    fn the_calls_of_a_srcset_are_its_urls_that_are_calls(candidates in prop::collection::vec(candidate(), 0..6)) {
        let srcset = candidates.join(", ");
        let expected: Vec<_> =
            candidates.iter().filter(|text| text.contains("static")).filter(|text| !text.starts_with("{{ x")).collect();
        let found = template::static_calls(&srcset, &BOTH);
        prop_assert_eq!(found.len(), expected.len(), "{}", &srcset);
        for (call, text) in found.iter().zip(expected) {
            prop_assert!(text.starts_with(&srcset[call.range.clone()]));
            prop_assert_eq!(&call.path, "a, b.png");
        }
    }
}
