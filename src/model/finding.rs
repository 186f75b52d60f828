//! [`Finding`]: what was left alone or is wrong, where, why, and what to do. Findings are data, never an excuse to
//! stop.

use serde::Serialize;
use std::fmt::{self, Write as _};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; `--deny warnings` does not count it.
    Note,
    /// Something a person should look at.
    Warning,
    /// A broken promise: `verify` fails.
    Error,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident $code:literal $level:ident $hint:literal;)+) => {
        /// The kinds of finding. The documentation of each says what it means.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The name used in reports and by `--deny`.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $code,)+ }
            }

            /// How bad it is.
            pub fn level(self) -> Level {
                match self { $(Code::$variant => Level::$level,)+ }
            }

            /// What it means: its documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// What to do about it.
            pub fn hint(self) -> &'static str {
                match self { $(Code::$variant => $hint,)+ }
            }
        }
    };
}

codes! {
    /// A reference names a file of the site that does not exist. It is left as it is.
    MissingAsset "missing-asset" Warning "check the spelling, or add the file to the site";
    /// A link in the site leads to nothing, so it is not published.
    DanglingLink "dangling-link" Warning "remove the link, or restore what it leads to";
    /// A file or directory could not be read, so it is not published.
    Unreadable "unreadable" Warning "check its permissions";
    /// A FIFO, socket or device: not published.
    SpecialFile "special-file" Warning "remove it from the site";
    /// A link leads out of the site or to a directory: it is not followed and not published. A link to a file of the site
    /// is published as a copy of that file.
    LinkNotFollowed "link-not-followed" Warning "copy what it leads to into the site, or build with --follow-links";
    /// A link leads to a directory in which it lies itself, or lies behind too many other links: it is not followed, not
    /// even with `--follow-links`.
    LinkLoop "link-loop" Warning "remove the link, or copy what it leads to into the site";
    /// A file whose name is not UTF-8: published as it is, and no reference to it is rewritten.
    NameNotUtf8 "name-not-utf8" Warning "rename it: a URL cannot spell it portably";
    /// A file or directory is in the site whose name stands for secrets or history (`.git`, `.env`, `.htpasswd`, `id_rsa`,
    /// `*.pem`). It is copied like any file, but neither renamed nor listed in `tightrope.json`.
    SecretFile "secret-file" Warning "remove it from the site before it is deployed";
    /// The page's encoding cannot be rewritten (UTF-16, ISO-2022-JP): it is copied.
    PageEncoding "page-encoding" Warning "save the page as UTF-8";
    /// The parser gave up on the page, or it is XHTML that is not well-formed or has a DTD of its own: it is copied.
    PageNotParsed "page-not-parsed" Warning "check the markup near the place named";
    /// A frameset, an `<svg>` or `<math>` whose tags do not pair, or a tag like `<title a=>` that the parser misreads:
    /// what browsers see behind it cannot be told from the tags alone, so the rest of the page is left alone.
    AmbiguousMarkup "ambiguous-markup" Warning "close elements of svg and math in the order they were opened; write `src=\"\"` for no value";
    /// The net cannot work under a Content-Security-Policy that the page sets: what it would have to save stays on the
    /// origin. Or the policy is made by a template and cannot be amended: the page is copied.
    CspMeta "csp-meta" Warning "give the policy and the page's scripts a nonce";
    /// The net works under a Content-Security-Policy that the page sets, but not for everything.
    CspLimits "csp-limits" Warning "give the policy and the page's scripts a nonce";
    /// There can be no import map that is right in both homes, or it would be too long: the page's modules stay as they
    /// are, on the origin.
    OwnImportMap "own-import-map" Note "give the page one import map, for modules that all move; bundle a graph of thousands";
    /// An inline script imports a module by `import()`, which loads it from the origin under its own name: a failing
    /// `import()` tells nobody, so it is not moved. The page's other modules stay there too, or those that both import
    /// would run twice.
    InlineDynamicImport "inline-dynamic-import" Note "import by a statement in a module, or from a script in a file of its own";
    /// A `srcset`, a `style` or an inline text in which bytes and characters do not line up: it is not valid in the page's
    /// encoding, or that is not UTF-8 and it holds more than ASCII. It is left alone.
    MixedEncoding "mixed-encoding" Warning "save the page as UTF-8";
    /// A template without a `<head>` uses the CDN: it gets no net of its own. The template around it gets one when it
    /// has assets of its own, or where it says `<!-- tightrope -->`.
    PartWithoutNet "part-without-net" Note "write `<!-- tightrope -->` into the head of the template around it";
    /// A `<style>`, inline module, import map or `<noscript>` too long to be held in memory: left alone.
    TextTooLong "text-too-long" Warning "put it into a file of its own";
    /// `integrity` does not match the file it stands at: the element is left alone.
    IntegrityMismatch "integrity-mismatch" Warning "compute it anew, or remove it: browsers refuse the file as it is";
    /// `integrity` holds no hash that browsers know, so it checks nothing: the element is left alone.
    IntegrityUnknown "integrity-unknown" Warning "use sha384";
    /// A 404 page is served at any depth; relative references on it lead nowhere.
    RelativeNotFoundPage "relative-404" Warning "write its references from the root: `/css/app.css`";
    /// A file that is not UTF-8 and does not say what it is: only the page that uses it decides. What means the same in
    /// every encoding is rewritten; a script in which anything does not, and a single reference in a stylesheet, is left
    /// as it is.
    SourceEncoding "source-encoding" Warning "save it as UTF-8";
    /// A script or stylesheet names a source map that does not exist. Only developers' tools ask for it.
    SourceMapMissing "source-map-missing" Note "publish the map with the site, or build without the comment that names it";
    /// A script that does not parse: published unchanged.
    ScriptNotParsed "script-not-parsed" Warning "browsers will refuse it as well";
    /// A web app manifest that is no JSON: published unchanged.
    WebManifestNotParsed "web-manifest-not-parsed" Warning "browsers will refuse it as well";
    /// A drawing that seems to refer to other files, and is not well-formed, has a DTD with declarations of its own, an
    /// `xml:base` or an encoding other than UTF-8: published unchanged.
    SvgNotRead "svg-not-read" Note "its references lead to the files under their own names; make it well-formed, in UTF-8 and without a DTD, to have them rewritten";
    /// A module graph imports a name that is only known at run time, and its names carry no fingerprint: it stays on
    /// the origin.
    DynamicImportRoot "dynamic-import-root" Warning "let the bundler put a hash into the file names, in a directory of their own";
    /// A string names a module, so the module cannot be renamed, and its name carries no fingerprint: its graph stays
    /// on the origin.
    RunTimeNames "run-time-names" Warning "let the bundler put a hash into the file names, in a directory of their own";
    /// A script starts a worker by a URL that is made from its own. A worker must come from the page's own origin, so the
    /// script and its graph stay there.
    WorkerNeedsOrigin "worker-needs-origin" Note "browsers refuse workers from another origin";
    /// A stylesheet names an element of another file, as in `filter: url(effects.svg#blur)`, which browsers fetch from
    /// the page's own origin alone: the sheet, and those that import it, stay there.
    ElementNeedsOrigin "element-needs-origin" Note "move the rule into a small sheet of its own, or into the page";
    /// A manifest of `--read-manifest` lists a file that was not found: it is not there, or the manifest lies elsewhere and
    /// more than one directory would do.
    ManifestEntryMissing "manifest-entry-missing" Warning "give the manifest of the build that made this site, where possible the copy in it";
    /// A custom property holds a URL from the site's root, and it cannot be told who makes what of it. On a CDN with a path
    /// the root is another: the sheet, and those that use the property, stay on the origin.
    CustomPropertyUrl "custom-property-url" Note "use the property in the directory of the sheet that sets it, or write the URL relative to its users";
    /// The site has a service worker of its own: with `--service-worker` it imports tightrope's, and the site registers it as
    /// before. If nobody registers it, or it unregisters itself, there is none.
    ServiceWorkerJoined "service-worker-joined" Note "if it is of no use any more, remove it from the site";
    /// A file of an earlier build that `--keep` is to carry over is missing in OUT, or has other bytes than `tightrope.json`
    /// there lists, or a link or a file of the new build is in its place; or that manifest cannot be read.
    NotKept "not-kept" Warning "pages of that build that are still in caches miss the file; let nothing else write to OUT";
    /// Two files have names that are the same where case does not count, or where `é` is one name however it is encoded:
    /// on macOS and Windows, and in some archives and buckets.
    NamesCollide "names-collide" Warning "rename one of them: elsewhere one takes the place of the other";
    /// Two files would be published under one name.
    NameTaken "name-taken" Warning "the file is published under its own name only";

    /// A CDN URL has no local file: the page breaks when the CDN is down.
    CdnFileMissing "cdn-file-missing" Error "build again from the original";
    /// A file that the manifest lists is missing or has other bytes.
    AssetChanged "asset-changed" Error "build again from the original";
    /// A name does not stand for its file's bytes.
    FingerprintWrong "fingerprint-wrong" Error "build again from the original";
    /// `integrity` does not match the published file: browsers refuse it.
    IntegrityBroken "integrity-broken" Error "build again from the original";
    /// A script or stylesheet on the CDN without `integrity`.
    IntegrityMissing "integrity-missing" Error "build again from the original";
    /// A module that a page's modules import does not stand in an import map's `integrity` before them: browsers run it
    /// whatever its bytes are, for the `integrity` of an element covers its own file alone.
    ModuleUnpinned "module-unpinned" Error "build again from the original";
    /// `integrity` on another origin without `crossorigin`: browsers refuse the file.
    CrossoriginMissing "crossorigin-missing" Error "build again from the original";
    /// A preload and the element that uses the file differ in `integrity` or `crossorigin`: it is fetched twice.
    PreloadDisagrees "preload-disagrees" Error "build again from the original";
    /// A page uses the CDN but has no net, or has it too late, or it is not this release's.
    NetMissing "net-missing" Error "build again with this version";
    /// The service worker is missing or not this release's, it has wrong hashes, or a worker of the site's own does not
    /// import it.
    ServiceWorkerBroken "service-worker-broken" Error "build again with this version";
    /// A stylesheet or script names the CDN by its absolute URL, so its local copy depends on the CDN.
    CdnUrlInside "cdn-url-inside" Error "references in CSS and JavaScript must be relative";
    /// A rewritten reference leads nowhere.
    ReferenceBroken "reference-broken" Error "build again from the original";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A place in a file: 1-based line and column, the column in characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl Position {
    /// Where byte `offset` of `bytes` stands.
    pub fn of(bytes: &[u8], offset: usize) -> Self {
        let mut positions = Positions::of([offset]);
        positions.feed(bytes);
        positions.get(offset)
    }
}

/// The places of many offsets in a file whose bytes are given piece by piece.
#[derive(Debug, Default)]
pub struct Positions {
    /// Ascending.
    wanted: Vec<usize>,
    found: Vec<Position>,
    /// How many bytes have passed, and where that is, both counted from 0.
    passed: usize,
    line: usize,
    column: usize,
}

impl Positions {
    /// Of these byte offsets.
    pub fn of(offsets: impl IntoIterator<Item = usize>) -> Self {
        let mut wanted: Vec<_> = offsets.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        Self { wanted, ..Self::default() }
    }

    /// Whether all have been found, so that no more bytes are needed.
    pub fn is_complete(&self) -> bool {
        self.found.len() == self.wanted.len()
    }

    /// Takes the file's next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(offset) = self.wanted.get(self.found.len()).copied() {
            let before = (offset - self.passed).min(bytes.len());
            self.pass(&bytes[..before]);
            bytes = &bytes[before..];
            if self.passed < offset {
                return;
            }
            self.found.push(self.here());
        }
    }

    /// The place of an offset. One that the file does not reach is at its end.
    pub fn get(&self, offset: usize) -> Position {
        let found = self.wanted.binary_search(&offset).ok().and_then(|index| self.found.get(index));
        found.copied().unwrap_or_else(|| self.here())
    }

    fn here(&self) -> Position {
        Position { line: self.line + 1, column: self.column + 1 }
    }

    fn pass(&mut self, bytes: &[u8]) {
        let newlines = memchr::memchr_iter(b'\n', bytes).count();
        let line = memchr::memrchr(b'\n', bytes).map_or(bytes, |newline| &bytes[newline + 1..]);
        // UTF-8's continuation bytes are no characters of their own.
        let characters = line.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        self.column = if newlines == 0 { self.column + characters } else { characters };
        self.line += newlines;
        self.passed += bytes.len();
    }
}

/// One finding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// The file, as the report writes it.
    pub path: String,
    /// Where in the file; `None` when it is about the file as a whole.
    pub position: Option<Position>,
    /// What kind.
    pub code: Code,
    /// What was seen, in one sentence.
    pub reason: String,
}

impl Finding {
    /// A finding about a file as a whole.
    pub fn of_file(code: Code, path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), position: None, code, reason: reason.into() }
    }

    /// A finding at a place of a file.
    pub fn at_position(code: Code, path: impl Into<String>, position: Position, reason: impl Into<String>) -> Self {
        Self { position: Some(position), ..Self::of_file(code, path, reason) }
    }

    /// A finding at byte `offset` of a file with these `bytes`.
    pub fn at(code: Code, path: impl Into<String>, bytes: &[u8], offset: usize, reason: impl Into<String>) -> Self {
        Self { position: Some(Position::of(bytes, offset)), ..Self::of_file(code, path, reason) }
    }

    /// Findings at byte offsets of one file with these `bytes`, in the order given. The lines are counted once for all
    /// of them.
    pub fn all_at(path: &str, bytes: &[u8], found: Vec<(usize, Code, String)>) -> Vec<Self> {
        let mut positions = Positions::of(found.iter().map(|(offset, ..)| *offset));
        positions.feed(bytes);
        let place = |(offset, code, reason)| Self::at_position(code, path, positions.get(offset), reason);
        found.into_iter().map(place).collect()
    }
}

impl fmt::Display for Finding {
    /// `path:line:column: level[code]: reason`, then the hint on a line of its own. A file's name may hold anything, and
    /// makes up no lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable(&self.path))?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        let level = match self.code.level() {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, ": {level}[{}]: {}\n  hint: {}", self.code, Printable(&self.reason), self.code.hint())
    }
}

/// A text in one line that commands no terminal: control characters are escaped.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'t>(pub &'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The latter two turn the direction of what is written behind them.
        let is_command = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        self.0
            .chars()
            .try_for_each(|c| if is_command(c) { write!(f, "{}", c.escape_default()) } else { f.write_char(c) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_the_same_however_the_file_is_cut() {
        let text = "a\né b\n\nc".as_bytes();
        let expected =
            [(0, 1, 1), (1, 1, 2), (2, 2, 1), (4, 2, 2), (5, 2, 3), (7, 3, 1), (8, 4, 1), (9, 4, 2), (99, 4, 2)];
        for step in [1, 2, 3, 100] {
            let mut positions = Positions::of(expected.iter().rev().map(|(offset, ..)| *offset));
            text.chunks(step).for_each(|piece| positions.feed(piece));
            for (offset, line, column) in expected {
                assert_eq!(positions.get(offset), Position { line, column }, "{offset} in steps of {step}");
                assert_eq!(Position::of(text, offset), Position { line, column }, "{offset}");
            }
        }
    }

    #[test]
    fn findings_of_one_file_keep_their_order_and_their_places() {
        let text = "a\né b\n\nc".as_bytes();
        let offsets = [8, 0, 5, 0, 99];
        let reason = |offset: usize| format!("at {offset}");
        let found = offsets.map(|offset| (offset, Code::MissingAsset, reason(offset)));
        let one_by_one = offsets.map(|offset| Finding::at(Code::MissingAsset, "x.css", text, offset, reason(offset)));
        assert_eq!(Finding::all_at("x.css", text, found.to_vec()), one_by_one);
    }
}
