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

/// Those that nothing survives without help that is pinned by its integrity: all but a slow CDN and a silent one.
pub(crate) const LOST: &[Fault] = &[
    Fault::Closed,
    Fault::Unresolvable,
    Fault::Reset,
    Fault::Short,
    Fault::Empty,
    Fault::NotFound,
    Fault::ServerError,
    Fault::HtmlError,
    Fault::WrongType,
    Fault::NoCors,
    Fault::Tampered,
];

/// Without a service worker.
const PAGE: &[Net] = &[Net::Inline, Net::External, Net::HangLimit];

/// The page's net waits for ever.
const NO_LIMIT: &[Net] = &[Net::Inline, Net::External];

const SILENT: &[Fault] = &[Fault::Hang, Fault::HangInBody];

/// Static, so that each has an address of its own.
pub(crate) static EXCEPTIONS: &[Exception] = &[
    Exception {
        faults: &[Fault::HangInBody],
        elements: &[Element::BackgroundAlone],
        nets: PAGE,
        is_by_chance: true,
        reason: "Half a picture may be enough for its size to be known; the rest never comes.",
        ..ANY
    },
    Exception {
        faults: SILENT,
        nets: NO_LIMIT,
        reason: "A CDN that never answers is no failure that a browser tells of.",
        ..ANY
    },
    Exception {
        faults: SILENT,
        elements: &[Element::DynamicImportAlone, Element::FontAlone, Element::BackgroundAlone],
        nets: &[Net::HangLimit],
        reason: "It holds nothing up, and is no element that could fall back in the page as it is.",
        ..ANY
    },
    Exception {
        faults: SILENT,
        elements: &[Element::Async, Element::InsertedAlone],
        nets: &[Net::HangLimit],
        reason: "It falls back, once; but the page's `load` event waits for the script that hangs.",
        ..ANY
    },
    Exception {
        faults: SILENT,
        elements: &[
            Element::Blocking,
            Element::Defer,
            Element::DeferBesideLocal,
            Element::Module,
            Element::Dependency,
            Element::InlineModule,
            Element::DynamicImport,
            Element::Inserted,
            Element::Stylesheet,
            Element::Import,
            Element::Font,
            Element::Background,
            Element::NewImage,
            Element::Preload,
        ],
        nets: &[Net::HangLimit],
        policies: &[Policy::Xhtml, Policy::Sandbox],
        reason: "XHTML cannot be written again, and a frame is not loaded anew.",
        ..ANY
    },
    // What cannot be noticed.
    Exception {
        faults: &[Fault::Empty],
        elements: &[Element::ImportAlone],
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
        engines: &[Engine::WebKit],
        faults: &[Fault::HtmlError],
        elements: &[Element::InsertedAlone],
        nets: PAGE,
        reason: "The others turn away HTML that is asked for as a script; WebKit tries to run it.",
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
    Exception {
        faults: SILENT,
        elements: &[Element::Video],
        nets: &[Net::ServiceWorker],
        reason: "The service worker leaves media alone, and nothing tells that they are silent.",
        ..ANY
    },
    Exception {
        faults: &[
            Fault::Reset,
            Fault::Short,
            Fault::Empty,
            Fault::NotFound,
            Fault::ServerError,
            Fault::HtmlError,
            Fault::WrongType,
            Fault::NoCors,
        ],
        elements: &[Element::DynamicImportAlone],
        nets: PAGE,
        reason: "An `import()` that fails tells its caller and nobody else.",
        ..ANY
    },
    Exception {
        faults: &[Fault::Reset, Fault::Short, Fault::Empty, Fault::NotFound, Fault::ServerError, Fault::HtmlError],
        elements: &[Element::FontAlone],
        nets: PAGE,
        reason: "A font that fails gives no event at an element.",
        ..ANY
    },
    Exception {
        engines: &[Engine::Chromium, Engine::Firefox],
        faults: &[Fault::NoCors],
        elements: &[Element::FontAlone],
        nets: PAGE,
        reason: "They refuse such a font, and tell nobody; WebKit takes it.",
        ..ANY
    },
    Exception {
        faults: &[Fault::Reset, Fault::Empty, Fault::NotFound, Fault::ServerError, Fault::HtmlError],
        elements: &[Element::BackgroundAlone],
        nets: PAGE,
        reason: "A picture of a sheet that fails gives no event.",
        ..ANY
    },
    Exception {
        engines: &[Engine::Chromium],
        faults: &[Fault::WrongType],
        elements: &[Element::BackgroundAlone],
        nets: PAGE,
        reason: "It refuses a picture of a sheet that says it is text, and tells nobody; the others take it.",
        ..ANY
    },
    Exception {
        engines: &[Engine::WebKit],
        faults: &[Fault::Short],
        elements: &[Element::BackgroundAlone],
        nets: PAGE,
        reason: "It shows half a picture of a sheet as none; the others as half a one of the right size.",
        ..ANY
    },
    Exception {
        faults: &[
            Fault::Reset,
            Fault::Short,
            Fault::Empty,
            Fault::NotFound,
            Fault::ServerError,
            Fault::HtmlError,
            Fault::WrongType,
        ],
        elements: &[Element::NewImageAlone],
        nets: PAGE,
        is_by_chance: true,
        reason: "A picture that fails before it is put into the page tells its maker and nobody else.",
        ..ANY
    },
    // What policies forbid.
    Exception {
        faults: LOST,
        elements: &[Element::DeferBesideLocal],
        nets: PAGE,
        policies: &[Policy::Sandbox],
        reason: "A sandboxed frame may not read its site's files: the net comes too late for the first deferred script.",
        ..ANY
    },
    Exception {
        faults: LOST,
        elements: &[Element::InlineModule],
        nets: PAGE,
        policies: &[Policy::Hashes],
        reason: "With its URLs changed the module has another hash, which the policy does not know.",
        ..ANY
    },
    // Order.
    Exception {
        engines: &[Engine::Chromium, Engine::WebKit],
        faults: LOST,
        elements: &[Element::Defer, Element::DeferBesideLocal],
        nets: PAGE,
        policies: &[Policy::Xhtml],
        reason: "Their XML parsers know no `defer` and run such a script on the spot. One that falls back runs when the page \
                 is parsed.",
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
