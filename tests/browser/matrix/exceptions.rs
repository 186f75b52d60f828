//! What the net cannot hold, and why: the one list of the matrix.

use super::axes::{Cell, Element, Net, Policy};
use crate::browser::Engine;
use tightrope::serve::Fault;

/// Cells that do not hold: all that have one of these values on each axis, where no value is any.
///
/// Each cell that it names must fail: one that comes to hold must be taken off.
pub(crate) struct Exception {
    pub(crate) engines: &'static [Engine],
    pub(crate) faults: &'static [Fault],
    pub(crate) elements: &'static [Element],
    pub(crate) nets: &'static [Net],
    pub(crate) policies: &'static [Policy],
    /// Whether they hold by chance, now and then. They count as not held.
    pub(crate) is_by_chance: bool,
    pub(crate) reason: &'static str,
}

/// Nothing is named: what an exception begins with.
const ANY: Exception =
    Exception { engines: &[], faults: &[], elements: &[], nets: &[], policies: &[], is_by_chance: false, reason: "" };

const HANG: &[Fault] = &[Fault::Hang, Fault::HangInBody];

/// Without a service worker.
const PAGE: &[Net] = &[Net::Inline, Net::External];

pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        faults: HANG,
        nets: PAGE,
        reason: "A CDN that never answers is no failure that a browser tells of.",
        ..ANY
    },
    Exception {
        faults: &[Fault::Empty],
        elements: &[Element::Import, Element::ImportAlone],
        nets: PAGE,
        reason: "`@import` knows no integrity, and a sheet with nothing in it is one.",
        ..ANY
    },
    Exception {
        faults: &[Fault::Empty],
        elements: &[Element::InsertedAlone],
        nets: PAGE,
        reason: "What code inserts has no integrity unless the code gives it, and a script with nothing in it is one.",
        ..ANY
    },
    Exception {
        engines: &[Engine::Firefox, Engine::WebKit],
        faults: &[Fault::Short],
        elements: &[Element::Video],
        nets: PAGE,
        reason: "Neither tells of media that end too early.",
        ..ANY
    },
];

fn has<T: PartialEq>(values: &[T], value: &T) -> bool {
    values.is_empty() || values.contains(value)
}

impl Exception {
    pub(crate) fn names(&self, cell: Cell) -> bool {
        has(self.engines, &cell.group.engine)
            && has(self.faults, &cell.fault)
            && has(self.elements, &cell.element)
            && has(self.nets, &cell.group.net)
            && has(self.policies, &cell.group.policy)
    }
}

/// The exception that names the cell.
pub(crate) fn exception(cell: Cell) -> Option<&'static Exception> {
    EXCEPTIONS.iter().find(|exception| exception.names(cell))
}
