//! Room on the stack for texts that are nested deeply: the parser calls itself for each level.

use super::SyntaxError;

/// The parser's frames for one level of nesting, in bytes; a level takes at least one byte of text. Measured: at most
/// 1.9 KiB, for `${` in templates.
const FRAME: usize = 2 << 10;
/// What is needed besides.
const SPARE: usize = 128 << 10;
/// The largest stack, in bytes. The system gives out its pages only when they are used.
const STACK_MAX: usize = 1 << 30;

/// Does `work` on a stack that has room for all that `source` may nest.
pub(super) fn with_room_for<T>(source: &str, work: impl FnOnce() -> Result<T, SyntaxError>) -> Result<T, SyntaxError> {
    let levels = STACK_MAX / FRAME;
    if source.len() > levels
        && let Some(offset) = deeper_than(source, levels)
    {
        return Err(SyntaxError { offset, message: "it is nested too deeply".to_owned() });
    }
    let room = (source.len().min(levels) * FRAME) + SPARE;
    stacker::maybe_grow(room, room, work)
}

/// Where a text nests deeper than that, as far as can be told without reading it: by brackets that are open, and by signs
/// between two commas, semicolons or closing brackets. Those nest in chains (`a=>b=>c`, `1+2+3`), whose frames are a
/// quarter as large. A text that hides its depth from this is made to do so.
fn deeper_than(source: &str, levels: usize) -> Option<usize> {
    let (mut open, mut chain) = (0_usize, 0_usize);
    source.bytes().position(|byte| {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        chain = match byte {
            b',' | b';' | b')' | b']' | b'}' => 0,
            b' ' | b'\n' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => chain,
            _ => chain + 1,
        };
        open + chain / 4 > levels
    })
}

#[cfg(test)]
mod tests {
    use crate::js::{Goal, read};

    #[test]
    fn no_nesting_overflows_the_stack() {
        let long = 700_000;
        for piece in
            ["(", "[", "{", "`${", "a=>", "!", "a?b:", "function a(){", "if(a);else ", "1+", ".a", "{a:", "x=["]
        {
            for times in [100, 5_000, 200_000, long] {
                // Whether it is an error does not matter: it comes back.
                let _ = read(&format!("import 'a';x{}", piece.repeat(times)), Goal::AsWritten);
            }
        }
    }

    #[test]
    fn long_texts_that_are_not_deep_are_read() {
        let text = "import('a');f({a:[1,(2)]});".repeat(100_000);
        assert_eq!(read(&text, Goal::AsWritten).expect("it parses").references.len(), 100_000);
    }
}
