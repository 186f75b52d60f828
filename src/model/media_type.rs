//! Media types by file extension, and which of them are assets.

use crate::model::path::SitePath;

/// What a file is to a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// JavaScript, classic or module.
    Script,
    /// CSS.
    Style,
    /// An image in any format.
    Image,
    /// A font.
    Font,
    /// Audio, video and their text tracks.
    Media,
    /// What scripts load: JSON modules, WebAssembly.
    Data,
    /// A web app manifest: it must come from the page's own origin.
    WebManifest,
    /// A source map: it is published under a name of its own where a script or stylesheet names it.
    SourceMap,
    /// Everything that is not an asset: pages, feeds, archives.
    Other,
}

/// What `path` is, and its media type as a server should send it.
///
/// Only what can be an asset is listed: the rest is published as it is, and its type is the server's business.
pub fn of(path: &SitePath) -> (Kind, &'static str) {
    match path.extension().as_str() {
        "webmanifest" => (Kind::WebManifest, "application/manifest+json"),
        "json" if path.file_name() == "manifest.json" => (Kind::WebManifest, "application/manifest+json"),
        "js" | "mjs" => (Kind::Script, "text/javascript"),
        "css" => (Kind::Style, "text/css"),
        "png" => (Kind::Image, "image/png"),
        "jpg" | "jpeg" | "jfif" => (Kind::Image, "image/jpeg"),
        "gif" => (Kind::Image, "image/gif"),
        "svg" => (Kind::Image, "image/svg+xml"),
        "webp" => (Kind::Image, "image/webp"),
        "avif" => (Kind::Image, "image/avif"),
        "apng" => (Kind::Image, "image/apng"),
        "jxl" => (Kind::Image, "image/jxl"),
        "bmp" => (Kind::Image, "image/bmp"),
        "ico" | "cur" => (Kind::Image, "image/x-icon"),
        "woff2" => (Kind::Font, "font/woff2"),
        "woff" => (Kind::Font, "font/woff"),
        "ttf" => (Kind::Font, "font/ttf"),
        "otf" => (Kind::Font, "font/otf"),
        "eot" => (Kind::Font, "application/vnd.ms-fontobject"),
        "mp4" | "m4v" => (Kind::Media, "video/mp4"),
        "webm" => (Kind::Media, "video/webm"),
        "ogv" => (Kind::Media, "video/ogg"),
        "mov" => (Kind::Media, "video/quicktime"),
        "mp3" => (Kind::Media, "audio/mpeg"),
        "m4a" => (Kind::Media, "audio/mp4"),
        "ogg" | "oga" | "opus" => (Kind::Media, "audio/ogg"),
        "wav" => (Kind::Media, "audio/wav"),
        "flac" => (Kind::Media, "audio/flac"),
        "vtt" => (Kind::Media, "text/vtt"),
        "json" => (Kind::Data, "application/json"),
        "wasm" => (Kind::Data, "application/wasm"),
        "map" => (Kind::SourceMap, "application/json"),
        _ => (Kind::Other, "application/octet-stream"),
    }
}
