//! THE TABLE: which attribute of which element fetches what, and what that means for it. What must never move is in it
//! too, with its reason.

use crate::html::attribute_value::Decoded;
use crate::html::visitor::{Attribute, Element, Namespace};

/// One row: an attribute of an element, under a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The element, in lower case; `*` is any.
    pub element: &'static str,
    /// The attribute.
    pub attribute: &'static str,
    /// Whose element.
    pub namespace: Namespace,
    /// When the attribute counts.
    pub when: When,
    /// How the value is read.
    pub form: Form,
    /// What is fetched.
    pub kind: Kind,
    /// Whether it may come from another origin.
    pub moves: Moves,
    /// Whether it must be fetched with CORS when it comes from another origin.
    pub cors: bool,
    /// Whether `integrity` works there (HTML, section 4.2.4; for preloads it must be that of the use).
    pub integrity: bool,
    /// Who helps when the CDN fails.
    pub fallback: Fallback,
}

/// When an attribute counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Whenever it is there.
    Always,
    /// A classic script that the parser waits for.
    Blocking,
    /// A classic script with `async` or `defer`.
    Deferred,
    /// `type=module`.
    Module,
    /// A `<link>` whose rel has this token, and none that stands above it in the table.
    Rel(&'static str),
    /// The same, and `as` is one of these; the empty text stands for none.
    RelAs(&'static str, &'static [&'static str]),
    /// `type=image`.
    TypeImage,
    /// The media element around it has `crossorigin`.
    MediaCors,
    /// `name` or `property` is one of these.
    Named(&'static [&'static str]),
    /// A meta refresh.
    Refresh,
}

/// How a value is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// One URL.
    Url,
    /// One URL that crawlers read: it must be absolute.
    AbsoluteUrl,
    /// A list by the rules of `srcset`.
    Srcset,
    /// A page of its own.
    Srcdoc,
}

/// What a reference fetches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A classic script.
    Script,
    /// A module, and so its graph.
    Module,
    /// A stylesheet.
    Stylesheet,
    /// Something that is fetched ahead of its use.
    Hint,
    /// An image.
    Image,
    /// Audio, video, or a text track.
    Media,
    /// A font.
    Font,
    /// The web application manifest.
    WebManifest,
    /// Another document, inside this one or behind a link.
    Document,
}

/// Whether a reference may move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moves {
    /// To the CDN.
    Yes,
    /// It names what is published, on the origin. Why.
    Never(&'static str),
    /// It is not touched at all. Why.
    Untouched(&'static str),
}

/// Who helps when the CDN fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fallback {
    /// The net inserts a twin of the element.
    Twin,
    /// The net changes the element's attributes in place.
    InPlace,
    /// Nobody hears of the failure: the page does without a hint, an icon or a decoration.
    None,
}

const BLANK: Row = Row {
    element: "",
    attribute: "",
    namespace: Namespace::Html,
    when: When::Always,
    form: Form::Url,
    kind: Kind::Image,
    moves: Moves::Yes,
    cors: false,
    integrity: false,
    fallback: Fallback::None,
};

const fn row(element: &'static str, attribute: &'static str, when: When, kind: Kind) -> Row {
    Row { element, attribute, when, kind, ..BLANK }
}

impl Row {
    /// Whether this is fetched ahead of its use, and in vain unless it is fetched from where its use fetches it.
    pub fn is_hint(&self) -> bool {
        match self.when {
            RelAs(..) => true,
            Rel(token) => matches!(token, "preload" | "modulepreload" | "prefetch"),
            _ => false,
        }
    }

    const fn svg(self) -> Self {
        Self { namespace: Namespace::Svg, ..self }
    }

    const fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Cross-origin `integrity` is an error without CORS (Subresource Integrity, section 3.4).
    const fn pinned(self) -> Self {
        Self { cors: true, integrity: true, ..self }
    }

    const fn cors(self) -> Self {
        Self { cors: true, ..self }
    }

    const fn twin(self) -> Self {
        Self { fallback: Fallback::Twin, ..self }
    }

    const fn in_place(self) -> Self {
        Self { fallback: Fallback::InPlace, ..self }
    }

    const fn never(self, why: &'static str) -> Self {
        Self { moves: Moves::Never(why), ..self }
    }

    const fn untouched(self, why: &'static str) -> Self {
        Self { moves: Moves::Untouched(why), ..self }
    }

    /// Whether a module graph begins here.
    pub fn is_module(&self) -> bool {
        self.kind == Kind::Module
    }
}

const NO_CORS_SCRIPT: &str = "an svg script is fetched without CORS, so nothing can pin it on another origin";
const NO_TWIN: &str = "the net makes no twin of an svg module";
const OTHER_FILE: &str = "browsers do not fetch an element of a file from another origin";
const SAME_ORIGIN: &str = "a web app manifest must come from the page's own origin";
const NO_CORS: &str = "a track of another origin needs `crossorigin` on its media element";
const BY_SCRIPT: &str = "the script that uses it asks for it under its own name";
const WORKER: &str = "a worker must come from the page's own origin";
const UNHEARD: &str = "its failure would reach nobody";
const DOCUMENT: &str = "a document, not an asset";
const LINK: &str = "a hyperlink, not an asset";

const PREVIEWS: &[&str] = &["og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"];
const TILES: &[&str] = &[
    "msapplication-tileimage",
    "msapplication-square70x70logo",
    "msapplication-square150x150logo",
    "msapplication-wide310x150logo",
    "msapplication-square310x310logo",
];

use Kind::{Document, Font, Hint, Image, Media, Module, Script, Stylesheet, WebManifest};
use When::{Always, Blocking, Deferred, MediaCors, Named, Refresh, Rel, RelAs, TypeImage};

/// All rows. Of several that fit an attribute, the first counts; of an element's, the first decides its integrity.
pub const TABLE: &[Row] = &[
    row("script", "src", Blocking, Script).pinned().twin(),
    row("script", "src", Deferred, Script).pinned().twin(),
    row("script", "src", When::Module, Module).pinned().twin(),
    row("script", "href", Blocking, Script).svg().never(NO_CORS_SCRIPT),
    row("script", "href", Deferred, Script).svg().never(NO_CORS_SCRIPT),
    row("script", "href", When::Module, Module).svg().never(NO_TWIN),
    row("script", "xlink:href", Blocking, Script).svg().never(NO_CORS_SCRIPT),
    row("script", "xlink:href", Deferred, Script).svg().never(NO_CORS_SCRIPT),
    row("script", "xlink:href", When::Module, Module).svg().never(NO_TWIN),
    row("link", "href", Rel("stylesheet"), Stylesheet).pinned().in_place(),
    row("link", "href", RelAs("modulepreload", &["", "script"]), Module).pinned(),
    row("link", "href", Rel("modulepreload"), Hint).untouched(WORKER),
    row("link", "href", RelAs("preload", &["script", "style"]), Hint).pinned(),
    row("link", "href", RelAs("preload", &["font"]), Font).cors(),
    row("link", "href", RelAs("preload", &["image"]), Hint),
    row("link", "href", RelAs("preload", &["video", "audio"]), Hint),
    row("link", "href", Rel("preload"), Hint).untouched(BY_SCRIPT),
    row("link", "href", Rel("prefetch"), Hint),
    row("link", "href", Rel("icon"), Image),
    row("link", "href", Rel("apple-touch-icon"), Image),
    row("link", "href", Rel("apple-touch-icon-precomposed"), Image),
    row("link", "href", Rel("apple-touch-startup-image"), Image),
    row("link", "href", Rel("mask-icon"), Image),
    row("link", "href", Rel("manifest"), WebManifest).never(SAME_ORIGIN),
    row("link", "href", Rel("canonical"), Document).untouched(LINK),
    row("link", "href", Rel("alternate"), Document).untouched(LINK),
    row("link", "href", Rel("next"), Document).untouched(LINK),
    row("link", "href", Rel("prev"), Document).untouched(LINK),
    row("link", "imagesrcset", Rel("preload"), Image).form(Form::Srcset),
    row("img", "src", Always, Image).in_place(),
    row("img", "srcset", Always, Image).form(Form::Srcset).in_place(),
    row("image", "href", Always, Image).svg().in_place(),
    row("image", "xlink:href", Always, Image).svg().in_place(),
    // An old name of img.
    row("image", "src", Always, Image).in_place(),
    row("image", "srcset", Always, Image).form(Form::Srcset).in_place(),
    row("feimage", "href", Always, Image).svg().never(UNHEARD),
    row("feimage", "xlink:href", Always, Image).svg().never(UNHEARD),
    row("use", "href", Always, Image).svg().never(OTHER_FILE),
    row("use", "xlink:href", Always, Image).svg().never(OTHER_FILE),
    row("source", "src", Always, Media).in_place(),
    row("source", "srcset", Always, Image).form(Form::Srcset).in_place(),
    row("input", "src", TypeImage, Image).in_place(),
    row("video", "src", Always, Media).in_place(),
    row("video", "poster", Always, Image),
    row("audio", "src", Always, Media).in_place(),
    row("track", "src", MediaCors, Media).in_place(),
    row("track", "src", Always, Media).never(NO_CORS),
    row("body", "background", Always, Image),
    row("table", "background", Always, Image),
    row("thead", "background", Always, Image),
    row("tbody", "background", Always, Image),
    row("tfoot", "background", Always, Image),
    row("tr", "background", Always, Image),
    row("td", "background", Always, Image),
    row("th", "background", Always, Image),
    row("meta", "content", Named(PREVIEWS), Image).form(Form::AbsoluteUrl),
    row("meta", "content", Named(TILES), Image),
    row("meta", "content", Refresh, Document).untouched(LINK),
    row("iframe", "srcdoc", Always, Document).form(Form::Srcdoc),
    row("iframe", "src", Always, Document).untouched(DOCUMENT),
    row("frame", "src", Always, Document).untouched(DOCUMENT),
    row("embed", "src", Always, Document).untouched(DOCUMENT),
    row("object", "data", Always, Document).untouched(DOCUMENT),
    row("a", "href", Always, Document).untouched(LINK),
    row("a", "ping", Always, Document).untouched(LINK),
    row("area", "href", Always, Document).untouched(LINK),
    row("form", "action", Always, Document).untouched(LINK),
    row("button", "formaction", Always, Document).untouched(LINK),
    row("input", "formaction", Always, Document).untouched(LINK),
];

/// What an attribute that `--attribute` names is. Images and media are moved, as far as their elements tell when they
/// fail; scripts and sheets that other scripts load later cannot be pinned.
pub const NAMED: Row = row("*", "", Always, Image).in_place();
/// The same, of something that only scripts could pin.
pub const NAMED_CODE: Row = row("*", "", Always, Script).never("only the script that loads it could pin it");

/// `@import` in a page's own CSS. Its `<style>` tells when it fails, but not when the CDN sends other bytes, or none.
pub const CSS_IMPORT: Row =
    row("style", "", Always, Stylesheet).never("nothing can pin it: @import knows no integrity");
/// `url()` of an image in a page's own CSS.
pub const CSS_IMAGE: Row = row("*", "style", Always, Image);
/// `url()` of a font there.
pub const CSS_FONT: Row = row("*", "style", Always, Font).never(UNHEARD);
/// `url(file.svg#id)`: a filter, a clip path, a mask.
pub const CSS_ELEMENT: Row = row("*", "style", Always, Image).never(OTHER_FILE);
/// What an inline module imports.
pub const INLINE_IMPORT: Row = row("script", "", When::Module, Module).twin();

/// One reference of an element.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'e> {
    /// Where it is written.
    pub attribute: &'e Attribute,
    /// What the table says of it.
    pub row: &'static Row,
}

/// The references of an element, in the order of the table. `media_cors` says whether the media element around it has
/// `crossorigin`.
pub fn references(element: &Element, media_cors: bool) -> Vec<Reference<'_>> {
    let mut found: Vec<Reference<'_>> = Vec::new();
    for row in TABLE.iter().filter(|row| row.element == element.tag) {
        let Some(attribute) = element.attribute(row.attribute).filter(|attribute| attribute.range.is_some()) else {
            continue;
        };
        let is_new = found.iter().all(|known| known.row.attribute != row.attribute);
        if is_new && is_of(row, element) && holds(row.when, element, media_cors) {
            found.push(Reference { attribute, row });
        }
    }
    found
}

/// Whether the row is about this element's namespace. What HTML and SVG have in common by name alone is told apart; other
/// rows of HTML do no harm in SVG, where nothing is fetched for them.
fn is_of(row: &Row, element: &Element) -> bool {
    match row.namespace {
        Namespace::Svg => element.namespace == Namespace::Svg,
        _ if matches!(row.element, "script" | "image") => element.namespace == Namespace::Html,
        _ => true,
    }
}

fn holds(when: When, element: &Element, media_cors: bool) -> bool {
    let rel = |token: &str| has_rel(element, token);
    match when {
        Always => true,
        Blocking => script_kind(element) == ScriptKind::Classic && !is_deferred(element),
        Deferred => script_kind(element) == ScriptKind::Classic && is_deferred(element),
        When::Module => script_kind(element) == ScriptKind::Module,
        Rel(token) => rel(token),
        RelAs(token, types) => rel(token) && types.contains(&keyword(element, "as").as_str()),
        TypeImage => keyword(element, "type") == "image",
        MediaCors => media_cors,
        Named(names) => {
            let is = |attribute: &str| names.contains(&keyword(element, attribute).as_str());
            is("name") || is("property")
        }
        Refresh => keyword(element, "http-equiv") == "refresh",
    }
}

/// Whether a `<link>` has a rel token (HTML, section 4.6.7). `itemprop` beside it is an error, and changes nothing.
fn has_rel(element: &Element, token: &str) -> bool {
    keyword(element, "rel").split_ascii_whitespace().any(|known| known == token)
}

fn is_deferred(element: &Element) -> bool {
    element.attribute("async").is_some() || element.attribute("defer").is_some()
}

/// What kind of script an element is (HTML, section 4.12.1.1, "prepare the script element").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScriptKind {
    /// Run as it is.
    Classic,
    /// `type=module`.
    Module,
    /// `type=importmap`.
    ImportMap,
    /// Anything else: never fetched, never run.
    Data,
}

/// The kind of a `<script>`.
pub fn script_kind(element: &Element) -> ScriptKind {
    if element.attribute("type").is_none() {
        // `language` decides only where there is no type.
        let language = keyword(element, "language");
        let classic = language.is_empty() || is_javascript(&format!("text/{language}"));
        return if classic { ScriptKind::Classic } else { ScriptKind::Data };
    }
    match keyword(element, "type").as_str() {
        "" => ScriptKind::Classic,
        "module" => ScriptKind::Module,
        "importmap" => ScriptKind::ImportMap,
        other if is_javascript(other) => ScriptKind::Classic,
        _ => ScriptKind::Data,
    }
}

/// An attribute that holds a keyword: decoded, trimmed, in lower case; empty when it is not there.
pub fn keyword(element: &Element, name: &str) -> String {
    let value = element.value(name).unwrap_or_default();
    Decoded::new(value).text.trim_matches(|c: char| c.is_ascii_whitespace()).to_ascii_lowercase()
}

/// The JavaScript MIME types (MIME Sniffing, section 4.6).
fn is_javascript(essence: &str) -> bool {
    matches!(
        essence,
        "application/ecmascript"
            | "application/javascript"
            | "application/x-ecmascript"
            | "application/x-javascript"
            | "text/ecmascript"
            | "text/javascript"
            | "text/javascript1.0"
            | "text/javascript1.1"
            | "text/javascript1.2"
            | "text/javascript1.3"
            | "text/javascript1.4"
            | "text/javascript1.5"
            | "text/jscript"
            | "text/livescript"
            | "text/x-ecmascript"
            | "text/x-javascript"
    )
}
