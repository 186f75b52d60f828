//! The net: what is put into a page so that it survives its CDN. The code itself is in `runtime/`.

mod file;

use crate::html::attribute_value::escape;
use crate::html::csp;
use crate::html::encoding::Syntax;
use crate::html::template;
use crate::html::xml::XHTML;
pub use file::NetFile;
use std::sync::LazyLock;

/// What every page carries: one constant per release. What varies is in attributes beside it.
pub const LOADER: &str = include_str!("../../runtime/dist/loader.min.js");

/// What it fetches when a request has failed.
pub const NET: &str = include_str!("../../runtime/dist/net.min.js");

/// What sends reports (`--beacon`); it stands before the net.
pub const BEACON: &str = include_str!("../../runtime/dist/beacon.min.js");

/// By what a policy admits the loader, without quotes.
pub static LOADER_HASH: LazyLock<String> = LazyLock::new(|| csp::hash(LOADER));

/// What the element that holds the loader says.
#[derive(Clone, Copy, Debug)]
pub struct Loader<'l> {
    /// The CDN's base URL.
    pub cdn: &'l str,
    /// How the page spells the local home, relative to its base URL.
    pub local: &'l str,
    /// Where reports go.
    pub beacon: Option<&'l str>,
    /// What holds the net.
    pub file: &'l NetFile,
    /// What a policy admits it by.
    pub nonce: Option<&'l str>,
}

/// The loader as a page has it.
pub fn loader(loader: &Loader<'_>, syntax: Syntax) -> String {
    let Loader { cdn, local, beacon, file, nonce } = loader;
    let (name, integrity) = (&file.name, &file.integrity);
    let (source, net, text) = if file.has_loader {
        (format!(" src=\"{}\" integrity=\"{integrity}\"", escape(&format!("{local}{name}"))), String::new(), "")
    } else {
        (String::new(), format!(" data-net=\"{name}\" data-integrity=\"{integrity}\""), LOADER)
    };
    format!(
        "<script{} data-tightrope=\"net\"{source} data-cdn=\"{}\" data-local=\"{}\"{net}{}{}>{text}</script>",
        namespace(syntax),
        escape(cdn),
        escape(local),
        beacon.map_or_else(String::new, |url| format!(" data-beacon=\"{}\"", escape(url))),
        nonce_attribute(*nonce),
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

    fn settings(fallback: settings::Fallback) -> Config {
        let settings = Settings { cdn: Some("https://c.example".to_owned()), fallback, ..Settings::default() };
        Config::new(settings).expect("good settings")
    }

    fn spelled(file: &NetFile) -> Loader<'_> {
        Loader { cdn: "https://c.example/?a&b", local: "../", beacon: Some("/report?a&b"), file, nonce: Some("a\"b") }
    }

    #[test]
    fn the_loader_needs_no_escaping_in_xml() {
        assert!(!LOADER.contains(['<', '&', '\n']) && !LOADER.contains("]]>"));
        let config = settings(settings::Fallback::Inline);
        let loader = loader(&spelled(NetFile::of(&config).expect("a file")), Syntax::Xml);
        assert!(
            loader.starts_with("<script xmlns=\"http://www.w3.org/1999/xhtml\" data-tightrope=\"net\""),
            "{loader}"
        );
        assert!(!loader.replace("&amp;", "").replace("&#34;", "").contains('&'), "{loader}");
    }

    #[test]
    fn a_report_names_the_version_that_sends_it() {
        assert!(BEACON.contains(concat!("version:\"", env!("CARGO_PKG_VERSION"), "\"")));
    }

    #[test]
    fn an_inline_loader_names_the_file_that_it_fetches() {
        let config = settings(settings::Fallback::Inline);
        let file = NetFile::of(&config).expect("a file");
        let loader = loader(&spelled(file), Syntax::Html);
        let expected = format!(" data-net=\"{}\" data-integrity=\"{}\"", file.name, file.integrity);
        assert!(loader.contains(&expected) && loader.contains(LOADER), "{loader}");
        assert_eq!(file.text, NET);
    }

    #[test]
    fn a_loader_in_a_file_leaves_no_code_in_the_page() {
        let config = settings(settings::Fallback::External);
        let file = NetFile::of(&config).expect("a file");
        let loader = loader(&Loader { nonce: None, beacon: None, ..spelled(file) }, Syntax::Html);
        assert!(loader.contains(&format!(" src=\"../{}\" integrity=\"sha384-", file.name)), "{loader}");
        assert!(loader.ends_with("data-local=\"../\"></script>"), "{loader}");
        assert_eq!(file.text, [LOADER, NET].concat());
    }
}
