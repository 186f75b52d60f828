//! What an engine does otherwise, or by chance, and why. What the net cannot hold is in `matrix/exceptions.rs`.

use crate::browser::Engine;
use tightrope::serve::Fault;

/// Where it is chance whether a page becomes what it was. What it becomes in the end is not: that is always held.
pub(crate) struct Chance {
    engine: Engine,
    fault: Fault,
    /// How the lines of the page begin (`bundles`), without the white space before them.
    lines: &'static [&'static str],
}

pub(crate) const BY_CHANCE: &[Chance] = &[
    // WebKit's `load` event does not wait for a sheet that the net mends after DOMContentLoaded, whether it changes the
    // link's URL or puts in another link, and these lines are what a script finds at that event. Only a sheet that is
    // mended before, while scripts are still on their way, holds it up.
    Chance { engine: Engine::WebKit, fault: Fault::Closed, lines: &["\"sheet: ", "\"behind-background: "] },
];

/// Whether it is chance how this line of a page ends.
pub(crate) fn is_by_chance(engine: Engine, fault: Fault, line: &str) -> bool {
    let mut all = BY_CHANCE.iter().filter(|one| (one.engine, one.fault) == (engine, fault));
    all.any(|one| one.lines.iter().any(|start| line.trim_start().starts_with(start)))
}

/// What an engine does with a sheet of `sheets/cases.rs` that Chromium does otherwise.
pub(crate) struct Sheet {
    pub(crate) engine: Engine,
    /// The case.
    pub(crate) what: &'static str,
    /// Found, but not fetched.
    pub(crate) idle: &'static [&'static str],
    /// Fetched, and yet left alone.
    pub(crate) left: &'static [&'static str],
}

/// Firefox fetches nothing that is idle.
const fn firefox(what: &'static str, idle: &'static [&'static str]) -> Sheet {
    Sheet { engine: Engine::Firefox, what, idle, left: &[] }
}

/// WebKit fetches nothing that is idle.
const fn webkit(what: &'static str, idle: &'static [&'static str]) -> Sheet {
    Sheet { engine: Engine::WebKit, what, idle, left: &[] }
}

pub(crate) const SHEETS: &[Sheet] = &[
    // It knows no modifiers of `url()`, and drops what has one.
    firefox("more modifiers", &["a.png", "b.png"]),
    firefox("a modifier in upper case and two", &["a.png"]),
    firefox("credentials", &[]),
    firefox("a font with a modifier", &["a.woff2"]),
    firefox("integrity", &[]),
    // In a font's sources and in imports neither does WebKit.
    webkit("a font with a modifier", &["a.woff2"]),
    webkit("integrity", &[]),
    // Properties and functions of WebKit's that Firefox lacks, and the unprefixed one that WebKit has.
    firefox("masks and shapes", &["d.png"]),
    firefox("a reflection", &["a.png"]),
    firefox("cross-fade", &["a.png", "b.png", "c.png", "d.png"]),
    firefox("image-set in cross-fade", &["a.png", "b.png"]),
    webkit("cross-fade", &[]),
    // No paint from another file, and in WebKit no filter and no clip path.
    firefox("a filter of svg", &["a.svg", "b.svg"]),
    webkit("a filter of svg", &["a.svg", "b.svg", "c.svg"]),
    webkit("filters and clip paths", &["f.svg", "g.svg", "h.svg"]),
    // Nothing changes by a transition, so nothing is taken from `@starting-style`.
    firefox("groups", &["c.png", "d.png"]),
    webkit("groups", &["c.png", "d.png"]),
    // It fetches both pictures of an animation that stands still.
    webkit("key frames", &[]),
    // Unknown to both.
    firefox("a function of one's own", &["a.png"]),
    webkit("a function of one's own", &["a.png"]),
    firefox("if()", &["a.png", "b.png"]),
    webkit("if()", &["a.png", "b.png"]),
    // A condition that is not valid is true to Firefox, and both are to WebKit.
    firefox("@import with a false condition", &["a.css"]),
    webkit("@import with a false condition", &[]),
    // An unknown rule, behind which an import is one. It is asked for under its own name.
    Sheet { engine: Engine::Firefox, what: "@import behind @view-transition", idle: &[], left: &["a.css"] },
];
