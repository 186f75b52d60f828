//! What is open around a token.

use cssparser::Token;

/// What an opening bracket has opened. One byte each: a sheet may nest as deep as it is long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// `{}` of a rule: declarations and rules.
    Contents,
    Curly,
    Parenthesis,
    Square,
    /// `url("x")`
    Url,
    /// `image-set()`, in which a string is a reference.
    ImageSet,
    /// `var()`
    Variable,
}

impl Block {
    pub(super) fn of(token: &Token<'_>) -> Option<Self> {
        Some(match token {
            Token::CurlyBracketBlock => Self::Curly,
            Token::ParenthesisBlock => Self::Parenthesis,
            Token::SquareBracketBlock => Self::Square,
            Token::Function(name) => Self::of_function(name),
            _ => return None,
        })
    }

    fn of_function(name: &str) -> Self {
        const NAMES: [(&str, Block); 5] = [
            ("url", Block::Url),
            ("image-set", Block::ImageSet),
            ("-webkit-image-set", Block::ImageSet),
            ("var", Block::Variable),
            ("inherit", Block::Variable),
        ];
        let known = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        known.map_or(Self::Parenthesis, |(_, block)| *block)
    }

    pub(super) fn is_closed_by(self, token: &Token<'_>) -> bool {
        match self {
            Self::Contents | Self::Curly => *token == Token::CloseCurlyBracket,
            Self::Square => *token == Token::CloseSquareBracket,
            Self::Parenthesis | Self::Url | Self::ImageSet | Self::Variable => *token == Token::CloseParenthesis,
        }
    }

    /// As a part of what holds no references.
    pub(super) fn unread(self) -> Self {
        match self {
            Self::Url | Self::ImageSet | Self::Variable => Self::Parenthesis,
            other => other,
        }
    }
}
