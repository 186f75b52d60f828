//! Where an `@import` counts: before every other rule that is valid, but for `@charset` and statements of `@layer` (CSS
//! Cascade Level 5, section 2). What is not valid does not end that place, so each rule's prelude must be judged.
//!
//! Where that cannot be told here, `@import` is taken to count still: to edit one that does not count changes nothing.

use cssparser::Token;
use std::ops::Range;

/// What has been read of the sheet so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Nothing but `@charset` and statements of `@layer`.
    Layers,
    /// `@import`s as well. A statement of `@layer` ends this.
    Imports,
    /// Another rule: no `@import` counts any more.
    Body,
}

/// Of what kind the tokens of a prelude are, in brief, one letter each. What is in brackets does not count.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    letters: String,
    end: usize,
}

/// A longer prelude is a selector, and nobody's business here.
const LONG: usize = 1000;

impl Shape {
    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.letters.clear();
    }

    pub(super) fn push(&mut self, token: &Token<'_>, range: &Range<usize>) {
        if self.letters.len() >= LONG {
            return;
        }
        // Between a point and a class's name there is nothing.
        if self.letters.ends_with('.') && self.end != range.start {
            self.letters.push('?');
        }
        self.end = range.end;
        self.letters.push(match token {
            Token::Ident(_) => 'i',
            Token::QuotedString(_) => 's',
            Token::UnquotedUrl(_) => 'u',
            Token::Function(name) if name.eq_ignore_ascii_case("url") => 'u',
            Token::Function(_) => 'f',
            Token::ParenthesisBlock => '(',
            Token::IDHash(_) => '#',
            Token::Comma => ',',
            Token::Delim(c @ ('.' | '*' | '>' | '+' | '~')) => *c,
            _ => '?',
        });
    }
}

/// Where the sheet is after an at-rule with this name in lower case, whose prelude looks like that.
pub(super) fn after_at_rule(place: Place, name: &str, shape: &Shape, has_block: bool) -> Place {
    let shape = shape.letters.as_str();
    match name {
        "layer" if !has_block && is_list_of_names(shape) => match place {
            Place::Layers => Place::Layers,
            Place::Imports | Place::Body => Place::Body,
        },
        "namespace" if !has_block && matches!(shape, "s" | "u" | "is" | "iu") => Place::Body,
        _ if has_block && is_valid_group(name, shape) => Place::Body,
        _ => place,
    }
}

/// Where it is after a style rule with such a selector.
pub(super) fn after_style_rule(place: Place, shape: &Shape) -> Place {
    if shape.letters.split(',').all(is_plain_selector) { Place::Body } else { place }
}

fn is_list_of_names(shape: &str) -> bool {
    shape.split(',').all(is_layer_name)
}

/// `a.b.c`
fn is_layer_name(shape: &str) -> bool {
    shape.split('.').all(|part| part == "i")
}

/// Whether this is a rule that browsers know, and surely one that they keep.
fn is_valid_group(name: &str, shape: &str) -> bool {
    match name {
        "media" | "starting-style" => true,
        "font-face" | "view-transition" | "page" | "scope" => shape.is_empty(),
        "layer" => shape.is_empty() || is_layer_name(shape),
        "keyframes" | "-webkit-keyframes" => matches!(shape, "i" | "s"),
        "counter-style" => shape == "i",
        "supports" | "container" => shape.starts_with(['(', 'i', 'f']) && !shape.contains('?'),
        _ => false,
    }
}

/// Names, classes, ids and combinators: every browser keeps such a rule.
fn is_plain_selector(shape: &str) -> bool {
    let (mut is_begun, mut letters) = (false, shape.chars());
    while let Some(letter) = letters.next() {
        is_begun = match letter {
            'i' | '*' | '#' => true,
            '.' => letters.next() == Some('i'),
            '>' | '+' | '~' if is_begun => false,
            _ => return false,
        };
        if letter == '.' && !is_begun {
            return false;
        }
    }
    is_begun
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_plain_or_left_to_the_browsers() {
        for shape in ["i", "*", "#", ".i", "i.i>i+i", "#~*", "ii", "i.i.i"] {
            assert!(is_plain_selector(shape), "{shape}");
        }
        for shape in ["", ">i", "i>", "i>>i", "i..i", ".", "i.", "?", "i?", "if", "i("] {
            assert!(!is_plain_selector(shape), "{shape}");
        }
    }
}
