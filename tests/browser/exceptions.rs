//! What does not hold in an engine, and why.

use crate::browser::Engine;
use tightrope::serve::Fault;

/// What never holds. A line that comes to hold must go: its test fails until it does.
pub(crate) struct Exception {
    pub(crate) engine: Engine,
    pub(crate) fault: Fault,
    /// What `faults` tells.
    pub(crate) told: &'static str,
}

/// Nothing: the page with every kind of asset survives every fault in every engine.
pub(crate) const EXCEPTIONS: &[Exception] = &[];

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
