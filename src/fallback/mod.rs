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

/// The import map of this text as a page has it.
pub fn import_map(json: &str, nonce: Option<&str>, syntax: Syntax) -> String {
    let (namespace, nonce) = (namespace(syntax), nonce_attribute(nonce));
    format!("<script{namespace} type=\"importmap\" data-tightrope=\"map\"{nonce}>{json}</script>")
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
}
