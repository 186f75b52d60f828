//! The bytes of a script as text, and what was found in the text as bytes.

use super::{Goal, Name, Reference, Script, SyntaxError, asks, read};
use crate::text::alignment::Alignment;
use encoding_rs::{BIG5, EUC_KR, Encoding, GB18030, SHIFT_JIS, UTF_8, WINDOWS_1252};

/// In place of the page's encoding, which decides what a classic script is that is not UTF-8: one of each kind.
const READINGS: [&Encoding; 5] = [WINDOWS_1252, SHIFT_JIS, GB18030, BIG5, EUC_KR];

/// Why a file could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotRead {
    /// It does not parse.
    Syntax(SyntaxError),
    /// At this byte it depends on an encoding that only its pages know.
    Encoding(usize),
}

/// Reads a file. A module is UTF-8, whatever is in it; a classic script may be what its page is (HTML, sections 8.1.4.2
/// and 8.1.4.3, "fetch a single module script" and "fetch a classic script"). There only that counts which is the same
/// in every encoding that a page may have.
pub fn read_file(bytes: &[u8], goal: Goal) -> Result<Script, NotRead> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return read(text, goal).map_err(NotRead::Syntax);
    }
    if goal == Goal::AsWritten && !asks(bytes) {
        return Ok(Script::default());
    }
    let script = reading(UTF_8, bytes, goal)?;
    if goal == Goal::Module || script.is_module {
        return Ok(script);
    }
    for encoding in READINGS {
        let other = reading(encoding, bytes, goal)?;
        if other.references != script.references {
            let mut differs = script.references.iter().zip(&other.references).filter(|(one, other)| one != other);
            let first = differs.next().map_or(0, |(one, _)| one.range.start);
            return Err(NotRead::Encoding(first));
        }
    }
    Ok(script)
}

fn reading(encoding: &'static Encoding, bytes: &[u8], goal: Goal) -> Result<Script, NotRead> {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let alignment = Alignment::of(bytes, encoding, &text).ok_or(NotRead::Encoding(0))?;
    let place = |at: usize| (0..=at).rev().find_map(|at| alignment.byte(at)).unwrap_or_default();
    let script = read(&text, goal)
        .map_err(|error| NotRead::Syntax(SyntaxError { offset: place(error.offset), message: error.message }))?;
    let references = script.references.into_iter().map(|one| {
        let range = alignment.byte(one.range.start).zip(alignment.byte(one.range.end));
        let (start, end) = range.ok_or(NotRead::Encoding(place(one.range.start)))?;
        Ok(Reference { range: start..end, ..one })
    });
    let names = script.names.into_iter().map(|name| Name { offset: place(name.offset), ..name });
    Ok(Script {
        references: references.collect::<Result<_, _>>()?,
        names: names.collect(),
        computed_import: script.computed_import.map(place),
        own_worker: script.own_worker.map(place),
        computed_worker: script.computed_worker.map(place),
        ..script
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(bytes: &[u8]) -> Vec<&[u8]> {
        let script = read_file(bytes, Goal::AsWritten).expect("it is read");
        script.references.into_iter().map(|one| &bytes[one.range]).collect()
    }

    #[test]
    fn a_module_is_utf_8_whatever_is_in_it() {
        assert_eq!(raw(b"import './a.js'; s = '\xe9'; import './b.js'"), [b"./a.js", b"./b.js"]);
        assert_eq!(raw("\u{feff}import './é.js'".as_bytes()), ["./é.js".as_bytes()]);
        assert_eq!(
            read_file(b"import './\xe9.js'", Goal::AsWritten),
            Ok(Script {
                is_module: true,
                references: vec![Reference {
                    range: 8..14,
                    text: "./\u{fffd}.js".to_owned(),
                    usage: crate::js::Use::Import
                }],
                ..Script::default()
            })
        );
    }

    #[test]
    fn of_a_classic_script_in_an_unknown_encoding_that_counts_which_is_the_same_in_all() {
        assert_eq!(raw(b"s = '\xe9t\xe9'; import('./a.js')"), [b"./a.js"]);
        assert_eq!(raw(b"s = '\xe9t\xe9'"), [b""; 0]);
        assert_eq!(read_file(b"import('./\xe9.js')", Goal::AsWritten), Err(NotRead::Encoding(8)));
        // In Shift_JIS the second byte of the character is no backslash, and so the string ends elsewhere.
        let told = read_file(b"s = '\x95\x5c'; import('./a.js') // '", Goal::AsWritten);
        assert!(matches!(told, Err(NotRead::Encoding(_) | NotRead::Syntax(_))), "{told:?}");
    }
}
