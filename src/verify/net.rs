//! The file that holds the net: it must be this version's, on the origin, pinned, and the element that names it in time.

use super::Published;
use crate::fallback::NetFile;
use crate::html::attribute_value::Decoded;
use crate::html::base_url::BaseUrl;
use crate::html::visitor::Element;
use crate::model::finding::Code;

/// What is wrong with the loader's element, if anything is, besides the text in it.
pub(super) fn check(element: &Element, published: &Published<'_>, base: &BaseUrl) -> Result<(), (Code, &'static str)> {
    let value = |name: &str| element.value(name).map(|value| Decoded::new(value).text.into_owned());
    let file = NetFile::of(&published.config, published.parts()).ok_or((Code::NetMissing, "no net was asked for"))?;
    let (url, integrity) = if file.has_loader {
        (value("src"), value("integrity"))
    } else {
        let url = value("data-local").zip(value("data-net")).map(|(local, name)| local + &name);
        (url, value("data-integrity"))
    };
    let target = url.and_then(|url| published.mount.resolve(base.url(), &url));
    let path = target.map(|target| target.path).filter(|path| path.as_str() == file.name);
    let bytes = path.and_then(|path| published.bytes(&path).ok());
    if bytes.is_none_or(|bytes| bytes != file.text.as_bytes()) {
        return Err((Code::NetMissing, "the file that holds the net is missing, or not that of this version"));
    }
    if integrity.as_deref() != Some(file.integrity.as_str()) {
        return Err((Code::IntegrityBroken, "`integrity` is not that of the net"));
    }
    let is_late = ["async", "defer", "type"].iter().any(|name| element.attribute(name).is_some());
    if is_late { Err((Code::NetMissing, "the net would come too late")) } else { Ok(()) }
}
