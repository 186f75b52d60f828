//! [`Form`]: in what a URL is written, and so how a new one must be escaped to stand there.

use crate::css;
use crate::html::svg;
use crate::js;
use crate::json::web_manifest;

/// In what a URL of a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A string or `url()` of CSS.
    Css(css::Width),
    /// A string of JavaScript.
    JavaScript,
    /// A string of JSON.
    Json,
    /// The comment that names a source map.
    Comment,
    /// A drawing.
    Svg(svg::Form),
}

impl Form {
    /// A URL as it may stand there.
    pub fn escape(self, url: &str) -> String {
        match self {
            Self::Css(width) => width.escape(url),
            Self::JavaScript => js::escape(url),
            Self::Json => web_manifest::escape(url),
            // A percent-encoded URL holds nothing that ends it.
            Self::Comment => url.to_owned(),
            Self::Svg(form) => svg::escape(form, url),
        }
    }
}
