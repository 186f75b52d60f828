//! What is found in drawings, and what is not.

use super::*;
use crate::model::edit::{self, Edit};

const ROOT: &str = "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' \
                    xmlns:h='http://www.w3.org/1999/xhtml'>";

/// The raw bytes and the URL of each reference. Whatever is found, the cheap look must have seen.
fn found(svg: &str) -> Vec<(&str, String)> {
    let all = references(svg.as_bytes()).expect("it can be read");
    assert!(all.is_empty() || may_refer(svg.as_bytes()), "{svg}");
    all.into_iter().map(|one| (&svg[one.range], one.url)).collect()
}

fn urls(inside: &str) -> Vec<String> {
    found(&format!("{ROOT}{inside}</svg>")).into_iter().map(|(_, url)| url).collect()
}

fn refused(svg: &str) -> (usize, String) {
    let NotRead { offset, reason } = references(svg.as_bytes()).expect_err(svg);
    (offset, reason)
}

#[test]
fn what_elements_fetch_is_found_by_the_table() {
    for inside in [
        "<image href='x'/>",
        "<image xlink:href='x'/>",
        "<filter><feImage href='x'/></filter>",
        "<g><use xlink:href='x'></use></g>",
        "<script href='x'/>",
        "<foreignObject><h:img src='x'/></foreignObject>",
        "<foreignObject><img xmlns='http://www.w3.org/1999/xhtml' srcset='x 2x, data:,y 1x, z w'/></foreignObject>",
    ] {
        assert_eq!(urls(inside).first().map(String::as_str), Some("x"), "{inside}");
    }
    for inside in
        ["<a href='x'/>", "<image src='x'/>", "<Image href='x'/>", "<script src='x'/>", "<x xmlns='' href='x'/>"]
    {
        assert_eq!(urls(inside), [""; 0], "{inside}");
    }
}

#[test]
fn css_is_found_in_sheets_styles_and_presentation_attributes() {
    for inside in [
        "<style>a{fill:url(x)}</style>",
        "<style type='text/css'><![CDATA[ a > b {background:url('x')} ]]></style>",
        "<style>@import 'x';</style>",
        "<g style='mask:url(x)'/>",
        "<g fill='url(x)'/>",
        "<g fill='url(&quot;x&quot;) red'/>",
        "<g marker-end='u\\72l(x)'/>",
        "<g clip-path='&#117;rl( x )'/>",
    ] {
        assert_eq!(urls(inside), ["x"], "{inside}");
    }
    for inside in ["<style type='text/x'>a{fill:url(x)}</style>", "<desc fill2='url(x)'>url(x)</desc>"] {
        assert_eq!(urls(inside), [""; 0], "{inside}");
    }
}

#[test]
fn a_reference_finds_its_way_back_to_the_bytes() {
    let svg = format!(
        "\u{feff}{ROOT}é<style>/*é*/a{{fill:url(a.svg?x&amp;y#g)}}<![CDATA[b{{fill:url(b&c)}}]]></style>\
         <use href=' d&#46;svg '/><g style='fill:url(&quot;e&amp;&quot;)'/></svg>"
    );
    let expected = [("a.svg?x&amp;y#g", "a.svg?x&y#g"), ("b&c", "b&c"), (" d&#46;svg ", " d.svg "), ("e&amp;", "e&")];
    assert_eq!(found(&svg), expected.map(|(raw, url)| (raw, url.to_owned())));
}

#[test]
fn the_root_and_instructions_in_front_of_it_are_read() {
    let svg = "<?xml version='1.0'?><?xml-stylesheet type=\"text/css\" href='a.css?x&amp;y'?><?other href='b'?>\
               <svg xmlns='http://www.w3.org/2000/svg' fill='url(c.svg#g)'><?xml-stylesheet href='d.css'?></svg>";
    assert_eq!(found(svg), [("a.css?x&amp;y", "a.css?x&y".to_owned()), ("c.svg#g", "c.svg#g".to_owned())]);
}

#[test]
fn a_standard_doctype_is_read_and_one_with_declarations_is_not() {
    let public =
        "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\"";
    assert_eq!(found(&format!("{public}>{ROOT}<image href='x'/></svg>"))[0].0, "x");
    let (offset, reason) = refused(&format!("{public} [<!ENTITY e 'y'>]>{ROOT}<image href='&e;'/></svg>"));
    assert!(offset == 0 && reason.contains("DTD"), "{reason}");
}

#[test]
fn what_has_another_base_or_encoding_or_is_no_xml_is_refused() {
    let inside = |inside: &str| refused(&format!("{ROOT}{inside}</svg>")).1;
    assert!(inside("<g xml:base='y/'><image href='x'/></g>").contains("xml:base"));
    assert!(inside("<h:base href='y/'/><image href='x'/>").contains("<base>"));
    assert!(inside("<g><image href='x'/>").contains(' '));
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><svg xmlns='http://www.w3.org/2000/svg'>\xe9</svg>";
    assert!(references(latin).is_err());
    assert!(references(&[latin.split(|byte| *byte == 0xe9).next().expect("its start"), b"</svg>"].concat()).is_ok());
    assert!(references(b"\xff\xfe<\0s\0v\0g\0/\0>\0").is_err());
}

#[test]
fn what_is_skipped_pinned_or_imported_inside_keeps_its_name() {
    for inside in [
        "<image href='x' data-tightrope='skip'/>",
        "<foreignObject><h:script src='x' integrity='sha384-y'/></foreignObject>",
        "<script type='module' href='x'/><script type='module'>import './y.js'</script>",
    ] {
        assert_eq!(urls(inside), [""; 0], "{inside}");
    }
    assert_eq!(urls("<script type='module' href='x'/><script>1</script>"), ["x"]);
}

#[test]
fn icons_need_no_parsing() {
    for svg in [
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'><path d='M0 0'/></svg>",
        "<svg><use xlink:href=\"#a\"/><g fill='url(#b)' style='fill: url( &quot;#c&quot; )'/></svg>",
        "<svg><image href=\" DATA:image/png;base64,AA==\"/><style>@media print{a{fill:URL('#a')}}</style></svg>",
        "\u{1f}\u{8b}href='x'",
    ] {
        let is_gzip = svg.starts_with('\u{1f}');
        let bytes = if is_gzip { [&[0x1f, 0x8b][..], b"href='x'"].concat() } else { svg.as_bytes().to_vec() };
        assert!(!may_refer(&bytes), "{svg}");
    }
    for svg in ["<svg href='x'/>", "\u{feff}<a href = x", "@IMPORT", "image-set('x'", "\\", "&#"] {
        assert!(may_refer(svg.as_bytes()), "{svg}");
    }
}

#[test]
fn a_url_is_escaped_for_every_place_of_its_form() {
    assert_eq!(escape(Form::Attribute, "a?x&y'<"), "a?x&amp;y&#39;&#60;");
    let css = escape(Form::Css, "a?x&y'<]]>");
    assert_eq!(css, "a?x\\26 y\\27 \\3c ]]\\3e ");
    for inside in [
        format!("<style>a{{fill:url({css})}}</style>"),
        format!("<style><![CDATA[a{{fill:url('{css}')}}]]></style>"),
        format!("<g fill='url({css})'/>"),
    ] {
        assert_eq!(urls(&inside), ["a?x&y'<]]>"], "{inside}");
    }
}

/// Holds what XML and CSS use.
const URL: &str = "./a%20b.svg?x&y;\\'#z\">)]]>";

/// Whether any is more than a fragment and no `data:`.
fn lead_out(svg: &str) -> bool {
    references(svg.as_bytes()).unwrap_or_default().iter().any(|one| {
        let url = one.url.trim().to_ascii_lowercase();
        !url.is_empty() && !url.starts_with('#') && !url.starts_with("data:")
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(8192))]
    #[test]
    fn the_cheap_look_never_sees_too_little_and_what_is_written_reads_back_the_same(
        element in "g|use|image|feImage|script|style|h:(img|link rel='icon'|video|input type='image'|body|source)",
        name in "style|fill|href|xlink:href|src|srcset|poster|background|mask",
        equals in "[ \n]{0,2}=[ \n]{0,2}",
        before in "[ \n]{0,2}((url|URL|image-set)\\([ ]{0,2})?(')?",
        url in "[x#]|data:,|DATA:,|&apos;[x#]&apos;|&#120;|\\\\78 |@import 'x'",
        after in "(')?[)]?",
    ) {
        let inside = format!("<{element} {name}{equals}\"{before}{url}{after}\"/>");
        let sheet = format!("<style>{url};a{{{name}:{before}{url}{after}}}</style>");
        for svg in [inside, sheet].map(|part| format!("{ROOT}{part}</svg>")) {
            proptest::prop_assert!(!lead_out(&svg) || may_refer(svg.as_bytes()), "{}", svg);
            let all = references(svg.as_bytes()).unwrap_or_default();
            let edits = all.iter().map(|one| Edit::new(one.range.clone(), escape(one.form, URL)));
            let edited = edit::apply(svg.as_bytes(), edits.collect());
            let again: Vec<_> = references(&edited).unwrap_or_default().into_iter().map(|one| one.url).collect();
            proptest::prop_assert_eq!(again, vec![URL; all.len()], "{}", svg);
        }
    }
}
