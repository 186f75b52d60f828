//! Where a script's own statements begin.

use super::depth;
use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::SourceType;

/// Where a statement can be put that is to be the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beginning {
    /// In bytes: behind a byte order mark, a hashbang and the directives (ECMA-262, sections 11.2.1 and 12.5).
    pub at: usize,
    /// Whether a directive without a semicolon may end there.
    pub needs_semicolon: bool,
    /// Whether the text holds `import` or `export` statements, so that it can only be a module.
    pub is_module: bool,
}

/// Where the statements of a script begin. Of one that does not parse, or is not UTF-8, that is known as far as its
/// first line tells.
pub fn beginning(source: &[u8]) -> Beginning {
    let mark = if source.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let text = std::str::from_utf8(&source[mark..]).unwrap_or_default();
    let found =
        depth::with_room_for(text, || parsed(text).ok_or(super::SyntaxError { offset: 0, message: String::new() }));
    let first_line = || Beginning { at: hashbang(&source[mark..]), needs_semicolon: false, is_module: false };
    let found = found.unwrap_or_else(|_| first_line());
    Beginning { at: mark + found.at, ..found }
}

fn hashbang(source: &[u8]) -> usize {
    let line = source.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.starts_with(b"#!") { line.len() } else { 0 }
}

fn parsed(text: &str) -> Option<Beginning> {
    let allocator = Allocator::default();
    let module = Parser::new(&allocator, text, SourceType::mjs()).parse();
    let is_module = module.module_record.has_module_syntax && module.diagnostics.is_empty();
    let script = Parser::new(&allocator, text, SourceType::script()).parse();
    let program = if is_module { module } else { script };
    if program.panicked {
        return None;
    }
    let directive = program.program.directives.last().map(|directive| directive.span.end as usize);
    let at = directive.unwrap_or_else(|| hashbang(text.as_bytes()));
    Some(Beginning { at, needs_semicolon: directive.is_some_and(|end| !text[..end].ends_with(';')), is_module })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_begin_behind_the_mark_the_hashbang_and_the_directives() {
        for (text, first) in [
            ("", ""),
            ("a()", "a()"),
            ("// one\n/* two */ a()", "// one\n/* two */ a()"),
            ("#!/usr/bin/env node\na()", "a()"),
            ("\u{feff}a()", "a()"),
            ("/* x */ 'use strict'; a()", " a()"),
            ("'use strict'\na()", "\na()"),
            ("#!x\n\"use strict\"; 'use other' // why\na()", " // why\na()"),
            ("'no directive'.length; a()", "'no directive'.length; a()"),
            ("#!x\na(", "a("),
        ] {
            let beginning = beginning(text.as_bytes());
            assert_eq!(&text[beginning.at..], first, "{text}");
            assert_eq!(beginning.needs_semicolon, first.starts_with('\n') || first.starts_with(" //"), "{text}");
            assert!(!beginning.is_module, "{text}");
        }
    }

    #[test]
    fn import_and_export_make_a_module_and_import_at_run_time_does_not() {
        for (text, is_module) in [("import './a.js'", true), ("export {}", true), ("import('./a.js')", false)] {
            assert_eq!(beginning(text.as_bytes()).is_module, is_module, "{text}");
        }
    }

    #[test]
    fn what_is_not_utf_8_begins_at_its_beginning() {
        assert_eq!(beginning(b"// \xe9\na()").at, 0);
    }
}
