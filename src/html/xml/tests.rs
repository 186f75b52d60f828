//! What the finder shows and writes, and what it refuses.

use super::*;
use crate::html::splice::splice;
use crate::html::visitor::Answer;

/// Writes down what it sees, asks for every text of a style, and puts `&` in place of each `u` there.
#[derive(Default)]
struct Watcher {
    seen: Vec<String>,
    hoisted: Vec<Option<usize>>,
    texts: Vec<String>,
}

impl Visitor for Watcher {
    fn element(&mut self, element: &Element) -> Answer {
        let shown = |attribute: &Attribute| {
            let closed = if attribute.range.is_some() { "" } else { "!" };
            format!(" {}={}{closed}", attribute.name, attribute.value)
        };
        let named = element.attributes.iter().filter(|attribute| !attribute.name.starts_with("xmlns"));
        self.seen.push(element.tag.clone() + &named.map(shown).collect::<String>());
        self.hoisted.push(element.hoist_to);
        Answer { changes: Vec::new(), wants_text: element.tag == "style" }
    }

    fn text(&mut self, text: &str, start: usize, _aligned: bool) -> Vec<Change> {
        self.texts.push(text.to_owned());
        let places = text.match_indices('u').map(|(at, _)| start + at..start + at + 1);
        places.map(|range| Change::Replace(range, b"&".to_vec())).collect()
    }
}

fn watch(page: &str) -> (Watcher, String) {
    let mut watcher = Watcher::default();
    let changes = inspect(page.as_bytes(), &mut watcher).expect("it is well-formed");
    let out = splice(page.as_bytes(), changes);
    (watcher, String::from_utf8(out).expect("UTF-8"))
}

fn refused(page: &str) -> String {
    match inspect(page.as_bytes(), &mut Watcher::default()) {
        Err(Failure::Xml { what, at }) => format!("{what} at byte {at}"),
        other => panic!("{page}: {other:?}"),
    }
}

const ROOT: &str = "<html xmlns='http://www.w3.org/1999/xhtml' xmlns:h='http://www.w3.org/1999/xhtml' \
                    xmlns:s='http://www.w3.org/2000/svg' xmlns:l='http://www.w3.org/1999/xlink' xmlns:xlink='urn:x'>";

#[test]
fn names_count_by_namespace_and_case() {
    let inside = "<h:script src='a'/><SCRIPT src='b'/><script xmlns='' src='c'/><image src='d'/><s:image l:href='e' \
                  xlink:href='f' h:src='g'/><s:feImage/><s:feimage/><x xmlns='urn:x'><h:img SRC='h'/></x>";
    let (watcher, _) = watch(&format!("{ROOT}{inside}</html>"));
    let seen = ["script src=a", "image xlink:href=e _:href=f h:src=g", "feimage", "img SRC=h"];
    assert_eq!(watcher.seen, seen);
}

#[test]
fn values_are_those_of_xml() {
    let page = "<!DOCTYPE html PUBLIC 'x' 'y'><p xmlns='http&#58;//www.w3.org/1999/xhtml'><b a='\n1\t&lt;&eacute;' \
                b='&#x85;' c='&mine;' d=''/></p>";
    assert_eq!(watch(page).0.seen, ["b a= 1 &lt;&eacute; b=&#x85;! c=&mine;! d="]);
}

#[test]
fn the_net_stays_inside_the_root_and_out_of_svg() {
    let page = format!("{ROOT}<s:svg><s:svg><h:img/></s:svg><h:img/></s:svg><img/></html>");
    let svg = page.find("<s:svg>");
    assert_eq!(watch(&page).0.hoisted, [None, svg, svg, svg, None]);
    let drawing = "<svg xmlns='http://www.w3.org/2000/svg'><image/></svg>";
    assert_eq!((watch(drawing).0.seen, watch(drawing).0.hoisted), (vec!["image".to_owned()], vec![None]));
}

#[test]
fn text_is_resolved_and_changed_where_it_is_written() {
    for (text, resolved, changed) in [
        ("a u", "a u", "a &amp;"),
        ("/*<![CDATA[*/ u<&amp; /*]]>*/", "/**/ u<&amp; /**/", "/*<![CDATA[*/ &<&amp; /*]]>*/"),
        ("u&amp;u<!--u--><![CDATA[u]]>&#117;u", "u&uuuu", "&amp;&amp;&amp;<!--u--><![CDATA[&]]>&amp;&amp;"),
    ] {
        let page = |text: &str| format!("{ROOT}<style>{text}</style></html>");
        let (watcher, out) = watch(&page(text));
        assert_eq!((watcher.texts, out), (vec![resolved.to_owned()], page(changed)));
    }
    // With an element inside, what remains is not one text.
    assert!(watch(&format!("{ROOT}<style>u<b/>u</style></html>")).0.texts.is_empty());
}

#[test]
fn what_is_not_well_formed_is_refused_with_its_place() {
    for page in [
        "",
        "text",
        "<p>",
        "<p></q>",
        "<p/><p/>",
        "<p/>text",
        "<p/>&amp;",
        "<p a='&'/>",
        "<p a='?b&c=1'/>",
        "<p>&nbsp;</p>",
        "<p>&#0;</p>",
        "<a:p/>",
        "<p b:c='1'/>",
        "<p><!-- -- --></p>",
        " <?xml version='1.0'?><p/>",
        "<p/><!DOCTYPE p>",
        "<p><![CDATA[</p>",
        "<!doctype html><p/>",
        "\u{feff}\u{feff}<p/>",
    ] {
        assert!(refused(page).contains(" at byte "), "{page}");
    }
    assert_eq!(refused("<p>\n<q a=1/></p>"), "a value without quotes at byte 9");
}

#[test]
fn what_this_finder_cannot_see_is_refused() {
    for prolog in ["<!DOCTYPE p [<!ENTITY s '<q/>'>]>", "<?xml-stylesheet type='text/xsl' href='a.xsl'?>"] {
        refused(&format!("{prolog}<p/>"));
    }
    watch("<!DOCTYPE p [<!ELEMENT p ANY>]><?xml-stylesheet type='text/css' href='a.css'?><p/>");
    let wide: Vec<u8> = "<p/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(inspect(&wide, &mut Watcher::default()).is_err());
}

/// Quadratic time would take hours here, and a recursion its stack.
#[test]
fn depth_and_numbers_cost_no_more_than_their_length() {
    const MANY: usize = 100_000;
    let deep = "<p xmlns:a=''>".repeat(MANY) + &"</p>".repeat(MANY);
    let wide: Vec<_> = (0..MANY).map(|index| format!(" a{index}='&amp;'")).collect();
    let wide = wide.concat();
    let text = "<style>".to_owned() + &"u&amp;<!---->".repeat(MANY) + "</style>";
    watch(&format!("{ROOT}{deep}<p{wide}/>{text}</html>"));
}
