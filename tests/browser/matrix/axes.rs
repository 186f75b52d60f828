//! The axes of the matrix: which engine, how the CDN fails, what element asks it, where the net is, under which policy.

use crate::browser::Engine;
use tightrope::serve::Fault;

/// The values of an axis, and what each is called in tables and on the command line.
pub(crate) trait Axis: Copy + Eq + 'static {
    const ALL: &'static [Self];

    fn name(self) -> &'static str;
}

/// An axis of its own values.
macro_rules! axis {
    ($(#[$about:meta])* $axis:ident { $($(#[$what:meta])* $value:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum $axis { $($(#[$what])* $value,)* }

        impl Axis for $axis {
            const ALL: &'static [Self] = &[$(Self::$value,)*];

            fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)* }
            }
        }
    };
}

axis! {
    /// What asks the CDN. Each has a page of its own.
    Element {
        Blocking = "blocking",
        Defer = "defer",
        DeferBesideLocal = "defer beside a local defer",
        Async = "async",
        Module = "module",
        Dependency = "module dependency",
        InlineModule = "inline module",
        DynamicImport = "dynamic import",
        /// A script that code inserts, as webpack does it.
        Inserted = "inserted script",
        Stylesheet = "stylesheet",
        Import = "@import",
        Font = "font",
        Background = "CSS image",
        Img = "img",
        Srcset = "srcset",
        Picture = "picture",
        /// `new Image()` in a script of the CDN.
        NewImage = "new Image()",
        Video = "video",
        SvgImage = "svg image",
        Preload = "preload+use",
        DependencyAlone = "module dependency, alone",
        DynamicImportAlone = "dynamic import, alone",
        InsertedAlone = "inserted script, alone",
        ImportAlone = "@import, alone",
        FontAlone = "font, alone",
        BackgroundAlone = "CSS image, alone",
        NewImageAlone = "new Image(), alone",
    }
}

impl Element {
    /// The one file that fails, and what has it on its page, where it is not the CDN as a whole that does. With that, what
    /// names the file has failed as well, and was made local before the file was asked for.
    pub(crate) fn alone(self) -> Option<(&'static str, Self)> {
        Some(match self {
            Self::DependencyAlone => ("dependency.js", Self::Dependency),
            Self::DynamicImportAlone => ("lazy.js", Self::DynamicImport),
            Self::InsertedAlone => ("inserted.js", Self::Inserted),
            Self::ImportAlone => ("imported.css", Self::Import),
            Self::FontAlone => ("squares.ttf", Self::Font),
            Self::BackgroundAlone => ("background.png", Self::Background),
            Self::NewImageAlone => ("made.png", Self::NewImage),
            _ => return None,
        })
    }
}

axis! {
    /// Where the net is.
    Net {
        Inline = "inline",
        External = "external",
        /// Inline, with a limit on how long the CDN may be silent.
        HangLimit = "inline + hang limit",
        /// And inline on the first visit: what counts is the second.
        ServiceWorker = "service worker",
    }
}

axis! {
    /// What else the page says, that the net must bear.
    Policy {
        None = "none",
        Nonce = "nonce",
        StrictDynamic = "nonce + strict-dynamic",
        Hashes = "'self' + hashes",
        TrustedTypes = "Trusted Types",
        Xhtml = "XHTML",
        Sandbox = "sandbox",
        BaseHref = "base href",
        BasePath = "base path",
    }
}

impl Axis for Engine {
    const ALL: &'static [Self] = &[Self::Chromium, Self::Firefox, Self::WebKit];

    fn name(self) -> &'static str {
        match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
            Self::WebKit => "WebKit",
        }
    }
}

impl Axis for Fault {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

/// What is loaded with one browser: all else may vary from load to load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub(crate) engine: Engine,
    pub(crate) net: Net,
    pub(crate) policy: Policy,
}

/// One cell of the matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) group: Group,
    pub(crate) fault: Fault,
    pub(crate) element: Element,
}

/// Why a combination means nothing, where it does not: then it is no cell.
pub(crate) fn why_no_cell(cell: Cell) -> Option<&'static str> {
    use Element::{Dependency, DynamicImport, Font, InlineModule, Module};
    let Group { engine, net, policy } = cell.group;
    if cell.element.alone().is_some() {
        let is_whole = matches!(cell.fault, Fault::Closed | Fault::Unresolvable);
        let why_not = "a port that is closed and a name that nobody knows fail for all files";
        let elsewhere = "what one file does is measured without a policy";
        return if is_whole { Some(why_not) } else { (policy != Policy::None).then_some(elsewhere) };
    }
    let is_module = matches!(cell.element, Module | Dependency | InlineModule | DynamicImport);
    match policy {
        Policy::Sandbox if net == Net::External => {
            Some("a file that is pinned by its integrity needs CORS, and a sandboxed frame's own site grants it none")
        }
        Policy::Sandbox if net == Net::ServiceWorker => Some("a sandboxed frame has no service worker"),
        Policy::Sandbox if is_module || cell.element == Font => {
            Some("modules and fonts need CORS, which the site grants its sandboxed frames as little before it is built")
        }
        Policy::Xhtml if engine != Engine::Firefox && is_module => Some("Chromium and WebKit run no modules in XHTML"),
        _ => None,
    }
}
