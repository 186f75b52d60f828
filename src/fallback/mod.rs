//! The net: what is put into a page so that it survives its CDN. The code itself is in `runtime/`.

mod file;
mod parts;
pub mod service_worker;

use crate::html::attribute_value::escape;
use crate::html::encoding::Syntax;
use crate::html::template;
use crate::html::xml::XHTML;
pub use file::NetFile;
pub use parts::{LOADER, NET, Parts};

/// What the element that holds the loader says.
#[derive(Clone, Copy, Debug)]
pub struct Loader<'l> {
    /// The CDN's base URL.
    pub cdn: &'l str,
    /// How the page spells the local home, relative to its base URL.
    pub local: &'l str,
    /// After how many milliseconds of silence the CDN hangs.
    pub hang_limit: Option<u32>,
    /// Where reports go.
    pub beacon: Option<&'l str>,
    /// What its code consists of.
    pub parts: Parts,
    /// What holds the net.
    pub file: &'l NetFile,
    /// What a policy admits it by.
    pub nonce: Option<&'l str>,
}

/// The loader as a page has it.
pub fn loader(loader: &Loader<'_>, syntax: Syntax) -> String {
    let Loader { cdn, local, hang_limit, beacon, parts, file, nonce } = loader;
    let (name, integrity) = (&file.name, &file.integrity);
    let (source, net, text) = if file.has_loader {
        (format!(" src=\"{}\" integrity=\"{integrity}\"", escape(&format!("{local}{name}"))), String::new(), "")
    } else {
        (String::new(), format!(" data-net=\"{name}\" data-integrity=\"{integrity}\""), parts.in_page())
    };
    format!(
        "<script{} data-tightrope=\"net\"{source} data-cdn=\"{}\" data-local=\"{}\"{net}{}{}{}>{text}</script>",
        namespace(syntax),
        escape(cdn),
        escape(local),
        hang_limit.map_or_else(String::new, |limit| format!(" data-hang-limit=\"{limit}\"")),
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

    fn spelled(config: &Config) -> Loader<'_> {
        Loader {
            cdn: "https://c.example/?a&b",
            local: "../",
            hang_limit: Some(3000),
            beacon: Some("/report?a&b"),
            parts: Parts::default(),
            file: NetFile::of(config, Parts::default()).expect("a file"),
            nonce: Some("a\"b"),
        }
    }

    #[test]
    fn the_loaders_attributes_need_no_escaping_in_xml() {
        let config = settings(settings::Fallback::Inline);
        let loader = loader(&spelled(&config), Syntax::Xml);
        assert!(
            loader.starts_with("<script xmlns=\"http://www.w3.org/1999/xhtml\" data-tightrope=\"net\""),
            "{loader}"
        );
        assert!(!loader.replace("&amp;", "").replace("&#34;", "").contains('&'), "{loader}");
    }

    #[test]
    fn an_inline_loader_names_the_file_that_it_fetches() {
        let config = settings(settings::Fallback::Inline);
        let spelled = spelled(&config);
        let loader = loader(&spelled, Syntax::Html);
        let expected = format!(" data-net=\"{}\" data-integrity=\"{}\"", spelled.file.name, spelled.file.integrity);
        assert!(loader.contains(&expected) && loader.contains(LOADER), "{loader}");
        assert!(loader.contains(" data-hang-limit=\"3000\""), "{loader}");
        assert_eq!(spelled.file.text, NET);
    }

    #[test]
    fn a_loader_in_a_file_leaves_no_code_in_the_page() {
        let config = settings(settings::Fallback::External);
        let spelled = Loader { nonce: None, hang_limit: None, beacon: None, ..spelled(&config) };
        let loader = loader(&spelled, Syntax::Html);
        assert!(loader.contains(&format!(" src=\"../{}\" integrity=\"sha384-", spelled.file.name)), "{loader}");
        assert!(loader.ends_with("data-local=\"../\"></script>"), "{loader}");
        assert_eq!(spelled.file.text, [LOADER, NET].concat());
    }
}
