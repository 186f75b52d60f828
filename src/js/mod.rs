//! References in JavaScript, with the byte ranges to edit (ECMA-262, section 16.2; HTML, sections 8.1.5 and 8.1.6). Only
//! specifiers, and URLs that are resolved against the module's own, are ever edited: no string that merely looks like a
//! path.

mod depth;
mod encoding;
mod names;
mod prologue;
mod reader;

pub use encoding::{NotRead, read_file};
pub use prologue::{Beginning, beginning};

use oxc_allocator::Allocator;
use oxc_ast_visit::Visit;
use oxc_parser::{Parser, ParserReturn};
use oxc_span::SourceType;
use reader::Reader;
use std::ops::Range;

/// As what a browser runs a text: that decides how it is read, and which texts are errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// As a module: it is imported, or stands in a `<script type=module>`.
    Module,
    /// Not known: as a module if it holds what only modules may hold, else as a script.
    AsWritten,
}

/// What a script asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// Whether it holds `import` or `export` statements or `import.meta`, so that it can only be a module.
    pub is_module: bool,
    /// The literal references, in order.
    pub references: Vec<Reference>,
    /// Where the first `import(x)` stands whose name is only known at run time.
    pub computed_import: Option<usize>,
    /// Where the first worker or service worker is started whose URL is the script's own or made from it.
    pub own_worker: Option<usize>,
    /// Where the first worker is started whose URL is only known at run time.
    pub computed_worker: Option<usize>,
    /// Whether it may ask for its own URL, by `import.meta` or `document.currentScript`.
    pub asks_own_url: bool,
    /// File names in all other strings.
    pub names: Vec<Name>,
}

/// A file name in a string.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The name, without its directory and percent-decoded.
    pub text: String,
    /// Where the string begins, in bytes.
    pub offset: usize,
    /// Whether the string begins with `./` or `../`, so that it means a file beside the script and not one at some root.
    pub is_relative: bool,
}

/// One literal reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// Inside the quotes.
    pub range: Range<usize>,
    /// The specifier or URL, its escapes decoded.
    pub text: String,
    /// How it comes to be fetched.
    pub usage: Use,
}

/// How a reference in JavaScript comes to be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// `import … from 'x'`, `import 'x'`, `export … from 'x'`.
    Import,
    /// `import('x')`, or `import(new URL('x', import.meta.url))`.
    DynamicImport,
    /// `import.meta.resolve('x')`: the URL that an import would lead to.
    Resolve,
    /// `new URL('x', import.meta.url)`.
    Url,
}

impl Reference {
    /// Whether it is a [bare](is_bare) specifier.
    pub fn is_bare(&self) -> bool {
        self.usage != Use::Url && is_bare(&self.text)
    }
}

/// Neither a path nor a URL: a name that an import map gives a meaning (HTML, "resolve a module specifier").
pub fn is_bare(specifier: &str) -> bool {
    let path = ["/", "./", "../"].iter().any(|start| specifier.starts_with(start));
    !path && url::Url::parse(specifier).is_err()
}

/// Why a script could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// Byte offset.
    pub offset: usize,
    /// The parser's own words.
    pub message: String,
}

/// Whether a script may import something or start a worker. Most do neither and need no parsing. This may see too much,
/// never too little.
fn asks(source: &[u8]) -> bool {
    says(source, "Worker") || has_keyword(source, b"import", b"\"'({*./") || has_keyword(source, b"export", b"{*/")
}

/// Whether a keyword may be there: a word of its own, and behind it white space or one of these. Keywords cannot be
/// escaped (ECMA-262, section 12.7.2), and none stands right behind a string.
fn has_keyword(source: &[u8], word: &[u8], signs: &[u8]) -> bool {
    memchr::memmem::find_iter(source, word).any(|at| {
        let (before, behind) = (at.checked_sub(1).map(|at| source[at]), source.get(at + word.len()));
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'"' | b'\'' | b'`');
        !before.is_some_and(is_word)
            && behind.is_some_and(|byte| {
                byte.is_ascii_whitespace() || *byte == 0x0b || !byte.is_ascii() || signs.contains(byte)
            })
    })
}

fn says(source: &[u8], word: &str) -> bool {
    memchr::memmem::find(source, word.as_bytes()).is_some()
}

/// Reads a script that is text already.
pub fn read(source: &str, goal: Goal) -> Result<Script, SyntaxError> {
    let says = |word: &str| says(source.as_bytes(), word);
    let asks_own_url = ["import.meta", "currentScript"].into_iter().any(says);
    if !asks(source.as_bytes()) && goal == Goal::AsWritten {
        return Ok(Script { asks_own_url, ..Script::default() });
    }
    let script = depth::with_room_for(source, || parse(source, goal))?;
    // A script also finds its own URL in a stack trace, and in the list of the page's scripts.
    let finds_own_url = asks_own_url || [".stack", ".scripts", "TagName"].into_iter().any(says);
    let own_worker = script.own_worker.or(script.computed_worker.filter(|_| finds_own_url));
    Ok(Script { own_worker, asks_own_url, ..script })
}

/// A URL as it may stand inside any kind of JavaScript quotes, and inside a `<script>` element.
pub fn escape(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '"' | '\'' | '`' | '\\' | '$' | '<' | '>' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_ascii_graphic() => out.push(c),
            c => out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    out
}

/// A text that only a module may hold is a module, whatever it is run as: a browser that runs it as a script refuses it.
/// Any other is a script, where it can be one.
fn parse(source: &str, goal: Goal) -> Result<Script, SyntaxError> {
    let allocator = Allocator::default();
    let module = Parser::new(&allocator, source, SourceType::mjs()).parse();
    let (says_so, is_sound) = (module.module_record.has_module_syntax, module.diagnostics.is_empty());
    if goal == Goal::Module || says_so && is_sound {
        return found(&module, says_so).map(|(script, _)| script);
    }
    // What is right in a module means the same in a script, but for `await` and the comments that look like HTML's.
    if is_sound && !["<!--", "-->"].into_iter().any(|word| says(source.as_bytes(), word)) {
        let (script, awaits) = found(&module, false)?;
        if !awaits {
            return Ok(script);
        }
    }
    let script = Parser::new(&allocator, source, SourceType::script()).parse();
    let can_be_script = script.diagnostics.is_empty() || !is_sound && !says_so && !script.panicked;
    let read = if can_be_script { found(&script, false) } else { found(&module, says_so || is_sound) };
    read.map(|(script, _)| script)
}

/// What a parsed text asks for, and whether it says `await` outside of functions. Mistakes that the parser got over do not
/// hide what the rest asks for.
fn found(parsed: &ParserReturn<'_>, is_module: bool) -> Result<(Script, bool), SyntaxError> {
    if let Some(error) = parsed.diagnostics.first().filter(|_| parsed.panicked) {
        let offset = error.labels.first().map_or(0, |label| label.offset() as usize);
        return Err(SyntaxError { offset, message: error.message.to_string() });
    }
    let mut reader = Reader::default();
    reader.visit_program(&parsed.program);
    reader.script.references.sort_by_key(|reference| reference.range.start);
    Ok((Script { is_module, ..reader.script }, reader.awaits))
}

#[cfg(test)]
mod tests;
