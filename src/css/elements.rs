//! Properties that take elements of other files: `filter: url(effects.svg#blur)`.

/// Properties whose `url()` may name an element (Filter Effects 1, CSS Masking 1, SVG 2).
const OF_ELEMENTS: [&str; 10] = [
    "filter",
    "backdrop-filter",
    "clip-path",
    "mask",
    "marker",
    "marker-start",
    "marker-mid",
    "marker-end",
    "fill",
    "stroke",
];

/// Whether the `url()` of a property may name an element.
pub(super) fn may_be_named_by(name: &str) -> bool {
    // Read once for every URL: what is longer is none of these.
    const LONGEST: usize = 32;
    if name.len() > LONGEST {
        return false;
    }
    let name = name.to_ascii_lowercase();
    OF_ELEMENTS.contains(&name.strip_prefix("-webkit-").unwrap_or(&name))
}
