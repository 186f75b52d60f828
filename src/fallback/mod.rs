//! The net: what is put into a page so that it survives its CDN. The code itself is in `runtime/`.

use crate::html::attribute_value::escape;
use crate::html::encoding::Syntax;
use crate::html::template;
use crate::html::xml::XHTML;

/// The code that every page carries: one constant per release. What varies is in attributes beside it.
pub const NET: &str = include_str!("../../runtime/dist/net.min.js");

/// The net as a page has it. `local` is how the page spells the local home, relative to its base URL.
pub fn net(cdn: &str, local: &str, nonce: Option<&str>, syntax: Syntax) -> String {
    format!(
        "<script{} data-tightrope=\"net\" data-cdn=\"{}\" data-local=\"{}\"{}>{}</script>",
        namespace(syntax),
        escape(cdn),
        escape(local),
        nonce_attribute(nonce),
        NET.trim_end()
    )
}

/// The text of an import map that pins modules: `keys` are URLs, values integrity metadata (HTML, section 8.1.6.2).
pub fn integrity_map<'k>(keys: impl IntoIterator<Item = (&'k String, &'k String)>) -> String {
    let pinned: serde_json::Map<_, _> =
        keys.into_iter().map(|(url, integrity)| (url.clone(), integrity.clone().into())).collect();
    markup_free(&serde_json::json!({ "integrity": pinned }))
}

/// The import map of this text as a page has it.
pub fn import_map(json: &str, nonce: Option<&str>, syntax: Syntax) -> String {
    let (namespace, nonce) = (namespace(syntax), nonce_attribute(nonce));
    format!("<script{namespace} type=\"importmap\" data-tightrope=\"map\"{nonce}>{json}</script>")
}

/// JSON that means the same in HTML, in XML and in a CDATA section. These signs stand in strings alone.
fn markup_free(json: &serde_json::Value) -> String {
    json.to_string().replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// In XML an element says whose it is: then no prefix that the page uses for its own matters.
fn namespace(syntax: Syntax) -> String {
    match syntax {
        Syntax::Html => String::new(),
        Syntax::Xml => format!(" xmlns=\"{XHTML}\""),
    }
}

/// A nonce that a template makes is copied as it is written.
fn nonce_attribute(nonce: Option<&str>) -> String {
    match nonce {
        None => String::new(),
        Some(nonce) if template::is_literal(nonce) => format!(" nonce=\"{}\"", escape(nonce)),
        Some(nonce) if nonce.contains('"') => format!(" nonce='{nonce}'"),
        Some(nonce) => format!(" nonce=\"{nonce}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_net_needs_no_escaping_in_xml() {
        assert!(!NET.contains(['<', '&']) && !NET.contains("]]>"));
        let net = net("https://c.example/?a&b", "../", Some("a\"b"), Syntax::Xml);
        assert!(net.starts_with("<script xmlns=\"http://www.w3.org/1999/xhtml\" data-tightrope=\"net\""), "{net}");
        assert!(!net.replace("&amp;", "").replace("&#34;", "").contains('&'), "{net}");
    }

    #[test]
    fn an_import_map_is_free_of_markup_and_says_the_same() {
        let (url, integrity) = ("/a.js?x=<1>&y=2".to_owned(), "sha384-x".to_owned());
        let map = import_map(&integrity_map([(&url, &integrity)]), None, Syntax::Xml);
        let text = map.split_once('>').and_then(|(_, rest)| rest.strip_suffix("</script>")).expect("one element");
        assert!(!text.contains(['<', '>', '&']), "{text}");
        let read: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(read["integrity"][&url], integrity);
    }
}
