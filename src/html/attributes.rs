//! THE TABLE: which attribute of which element fetches what, and what that means for it.

use crate::html::attribute_value::Decoded;
use crate::html::visitor::{Attribute, Element, Namespace};

/// What a reference is for, and so what it may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `<script src>` that is not a module.
    ClassicScript {
        /// Neither `async` nor `defer`: the parser waits for it.
        blocking: bool,
    },
    /// `<script type=module src>`.
    ModuleScript,
    /// `<link rel=stylesheet>`.
    Stylesheet,
    /// `<link rel=modulepreload>`.
    ModulePreload,
    /// `<link rel=preload as=script>` or `as=style`.
    PreloadPinned,
    /// `<link rel=preload as=font>`.
    PreloadFont,
    /// `<link rel=preload>` of an image or media.
    PreloadMedia,
    /// `<link rel=preload>` of something that a script will fetch by a name of the origin.
    PreloadFetch,
    /// `<link rel=prefetch>`.
    Prefetch,
    /// Icons.
    Icon,
    /// Images of all kinds, and a video's poster.
    Image,
    /// Audio and video.
    Media,
    /// `<track>`.
    Track {
        /// Whether its media element has `crossorigin`.
        cors: bool,
    },
}

impl Role {
    /// Whether `integrity` works there (HTML, section 4.2.4; for preloads it must be that of the use).
    pub fn takes_integrity(self) -> bool {
        matches!(
            self,
            Self::ClassicScript { .. }
                | Self::ModuleScript
                | Self::Stylesheet
                | Self::ModulePreload
                | Self::PreloadPinned
        )
    }

    /// Whether it must be fetched with CORS when it comes from another origin.
    pub fn needs_cors(self) -> bool {
        self.takes_integrity() || matches!(self, Self::PreloadFont)
    }

    /// Why it may not come from another origin, if it may not.
    pub fn stays(self) -> Option<&'static str> {
        match self {
            Self::PreloadFetch => Some("the script that uses it asks the origin"),
            Self::Track { cors: false } => Some("a track of another origin needs `crossorigin` on its media element"),
            _ => None,
        }
    }

    /// Whether a module graph begins here.
    pub fn is_module(self) -> bool {
        matches!(self, Self::ModuleScript | Self::ModulePreload)
    }
}

/// One reference of an element.
#[derive(Debug)]
pub struct Reference<'e> {
    /// Where it is written.
    pub attribute: &'e Attribute,
    /// What it is for.
    pub role: Role,
    /// Whether the attribute is a list by the rules of `srcset`.
    pub is_srcset: bool,
}

/// The references of an element, the one that decides its integrity first. `media_cors` says whether the media element
/// around it has `crossorigin`.
pub fn references(element: &Element, media_cors: bool) -> Vec<Reference<'_>> {
    let url = |name: &str, role: Role| {
        element.attribute(name).map(|attribute| Reference { attribute, role, is_srcset: false })
    };
    let srcset = |name: &str| {
        element.attribute(name).map(|attribute| Reference { attribute, role: Role::Image, is_srcset: true })
    };
    let found = match element.tag.as_str() {
        // svg's has `href`, and its `src` is not fetched.
        "script" if element.namespace != Namespace::Html => vec![],
        "script" => vec![script_role(element).and_then(|role| url("src", role))],
        "link" => vec![link_role(element).and_then(|role| url("href", role)), srcset("imagesrcset")],
        // `<image>` is svg's, or an old name of img.
        "image" if element.namespace == Namespace::Svg => {
            vec![url("href", Role::Image), url("xlink:href", Role::Image)]
        }
        "img" | "image" => vec![url("src", Role::Image), srcset("srcset")],
        "source" => vec![url("src", Role::Media), srcset("srcset")],
        "input" if keyword(element, "type") == "image" => vec![url("src", Role::Image)],
        "video" => vec![url("src", Role::Media), url("poster", Role::Image)],
        "audio" => vec![url("src", Role::Media)],
        "track" => vec![url("src", Role::Track { cors: media_cors })],
        _ => vec![],
    };
    found.into_iter().flatten().filter(|reference| reference.attribute.range.is_some()).collect()
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

fn script_role(element: &Element) -> Option<Role> {
    match script_kind(element) {
        ScriptKind::Classic => {
            let waits = element.attribute("async").is_none() && element.attribute("defer").is_none();
            Some(Role::ClassicScript { blocking: waits })
        }
        ScriptKind::Module => Some(Role::ModuleScript),
        ScriptKind::ImportMap | ScriptKind::Data => None,
    }
}

/// The role of a `<link>` by its rel tokens (HTML, section 4.6.7).
fn link_role(element: &Element) -> Option<Role> {
    if element.attribute("itemprop").is_some() {
        return None;
    }
    let rel = keyword(element, "rel");
    let has = |token: &str| rel.split_ascii_whitespace().any(|known| known == token);
    if has("stylesheet") {
        Some(Role::Stylesheet)
    } else if has("modulepreload") {
        // With `as=worker` and the like it is for something that must not move.
        matches!(keyword(element, "as").as_str(), "" | "script").then_some(Role::ModulePreload)
    } else if has("preload") {
        Some(match keyword(element, "as").as_str() {
            "script" | "style" => Role::PreloadPinned,
            "font" => Role::PreloadFont,
            "image" | "video" | "audio" => Role::PreloadMedia,
            _ => Role::PreloadFetch,
        })
    } else if has("prefetch") {
        Some(Role::Prefetch)
    } else if has("icon") || has("apple-touch-icon") || has("apple-touch-icon-precomposed") {
        Some(Role::Icon)
    } else {
        None
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
