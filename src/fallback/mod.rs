//! The net: what is put into a page so that it survives its CDN. The code itself is in `runtime/`.

use crate::html::attribute_value::escape;
use crate::json::import_map::ImportMap;

/// The code that every page carries: one constant per release. What varies is in attributes beside it.
pub const NET: &str = include_str!("../../runtime/dist/net.min.js");

/// The net as a page has it. `local` is how the page spells the local home, relative to its base URL.
pub fn net(cdn: &str, local: &str, nonce: Option<&str>) -> String {
    format!(
        "<script data-tightrope=\"net\" data-cdn=\"{}\" data-local=\"{}\"{}>{}</script>",
        escape(cdn),
        escape(local),
        nonce_attribute(nonce),
        NET.trim_end()
    )
}

/// An import map that pins modules: `keys` are URLs, values integrity metadata (HTML, section 8.1.6.2).
pub fn integrity_map<'k>(keys: impl IntoIterator<Item = (&'k String, &'k String)>, nonce: Option<&str>) -> String {
    let json = ImportMap::pinning(keys).to_json();
    format!("<script type=\"importmap\" data-tightrope=\"map\"{}>{json}</script>", nonce_attribute(nonce))
}

fn nonce_attribute(nonce: Option<&str>) -> String {
    nonce.map(|nonce| format!(" nonce=\"{}\"", escape(nonce))).unwrap_or_default()
}
