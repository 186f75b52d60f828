//! The tokens of a stylesheet, one after the other (CSS Syntax Level 3, section 4).

use cssparser::{Parser, ParserInput, Token};
use std::ops::Range;

/// Shows every token but white space and comments, with its bytes.
///
/// cssparser's own way into a block is a call, and one level of the stack for each level of the sheet. Here it starts
/// anew behind each opening bracket instead, so that depth costs nothing and every block is looked into.
pub(super) fn each<'i>(css: &'i str, mut show: impl FnMut(&Token<'i>, Range<usize>)) {
    let mut from = Some(0);
    while let Some(start) = from {
        from = each_to_block(css, start, &mut show);
    }
}

/// The tokens up to the next opening bracket, and where that ends; `None` at the end of the sheet.
fn each_to_block<'i>(css: &'i str, from: usize, show: &mut impl FnMut(&Token<'i>, Range<usize>)) -> Option<usize> {
    let mut input = ParserInput::new(css.get(from..)?);
    let mut parser = Parser::new(&mut input);
    loop {
        // The parser's own position is before the white space.
        parser.skip_whitespace();
        let start = from + parser.position().byte_index();
        let token = parser.next().ok()?.clone();
        let end = from + parser.position().byte_index();
        show(&token, start..end);
        if opens(&token) {
            return Some(end);
        }
    }
}

fn opens(token: &Token<'_>) -> bool {
    matches!(token, Token::Function(_) | Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock)
}
