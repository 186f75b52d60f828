//! The net: what is put into a page so that it survives its CDN. The code itself is in `runtime/`.

mod file;

use crate::html::attribute_value::escape;
use crate::html::encoding::Syntax;
use crate::html::template;
use crate::html::xml::XHTML;
pub use file::NetFile;

/// The code that every page carries: one constant per release. What varies is in attributes beside it.
pub const NET: &str = include_str!("../../runtime/dist/net.min.js");

/// The same on a site that wants reports (`--beacon`).
pub const NET_WITH_BEACON: &str =
    concat!(include_str!("../../runtime/dist/net.min.js"), include_str!("../../runtime/dist/beacon.min.js"));

/// The net's code, with what sends reports or without.
pub fn text(with_beacon: bool) -> &'static str {
    if with_beacon { NET_WITH_BEACON } else { NET }
}

/// What the element that holds the net says.
#[derive(Clone, Copy, Debug)]
pub struct Net<'n> {
    /// The CDN's base URL.
    pub cdn: &'n str,
    /// How the page spells the local home, relative to its base URL.
    pub local: &'n str,
    /// Where reports go.
    pub beacon: Option<&'n str>,
    /// The file that holds the code, if it does not stand in the page.
    pub file: Option<&'n NetFile>,
    /// What a policy admits it by.
    pub nonce: Option<&'n str>,
}

/// The net as a page has it.
pub fn net(net: &Net<'_>, syntax: Syntax) -> String {
    let source = net.file.map_or_else(String::new, |file| {
        let url = format!("{}{}", net.local, file.name);
        format!(" src=\"{}\" integrity=\"{}\"", escape(&url), file.integrity)
    });
    format!(
        "<script{} data-tightrope=\"net\"{source} data-cdn=\"{}\" data-local=\"{}\"{}{}>{}</script>",
        namespace(syntax),
        escape(net.cdn),
        escape(net.local),
        net.beacon.map_or_else(String::new, |url| format!(" data-beacon=\"{}\"", escape(url))),
        nonce_attribute(net.nonce),
        if net.file.is_some() { "" } else { text(net.beacon.is_some()) }
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
    use crate::config::Config;
    use crate::config::settings::{self, Settings};

    #[test]
    fn the_net_needs_no_escaping_in_xml() {
        for text in [NET, NET_WITH_BEACON] {
            assert!(!text.contains(['<', '&', '\n']) && !text.contains("]]>"));
        }
        let spelled = Net {
            cdn: "https://c.example/?a&b",
            local: "../",
            beacon: Some("/report?a&b"),
            file: None,
            nonce: Some("a\"b"),
        };
        let net = net(&spelled, Syntax::Xml);
        assert!(net.starts_with("<script xmlns=\"http://www.w3.org/1999/xhtml\" data-tightrope=\"net\""), "{net}");
        assert!(!net.replace("&amp;", "").replace("&#34;", "").contains('&'), "{net}");
    }

    #[test]
    fn a_report_names_the_version_that_sends_it() {
        assert!(NET_WITH_BEACON.contains(concat!("version:\"", env!("CARGO_PKG_VERSION"), "\"")));
    }

    #[test]
    fn a_net_in_a_file_leaves_no_code_in_the_page() {
        let settings = Settings {
            cdn: Some("https://c.example".to_owned()),
            fallback: settings::Fallback::External,
            ..Settings::default()
        };
        let config = Config::new(settings).expect("good settings");
        let file = NetFile::of(&config);
        let name = &file.expect("a file").name;
        let spelled = Net { cdn: "https://c.example/", local: "../", beacon: None, file, nonce: None };
        let net = net(&spelled, Syntax::Html);
        assert!(net.contains(&format!(" src=\"../{name}\" integrity=\"sha384-")), "{net}");
        assert!(net.ends_with("data-local=\"../\"></script>"), "{net}");
    }
}
