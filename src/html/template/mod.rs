//! Template languages, as far as a rewriter of HTML must know them: pages that are built, but whose gaps a server fills
//! in later (Jinja, Django, Twig, Nunjucks, Liquid, ERB, EJS, Handlebars, Mustache, Go, PHP, Vue, Angular).
//!
//! No language is parsed. A *region* is what stands between a template's delimiters, a black box; what is outside of
//! regions is literal, and only that is read and edited. Where languages disagree, this errs on the side of seeing too
//! much of a region: what is left alone still works.

mod blocks;
mod calls;
mod comments;
mod page;
mod region;
mod tag;

pub use calls::{Engine, StaticCall, static_call, static_calls};
pub use comments::{Comments, LOOKAHEAD};
pub use page::{Kind, Placement, is_marker_at, kind, placement};
pub use tag::{RawAttribute, attributes};

/// Whether no template has a hand in a value: neither an opening nor a closing delimiter stands in it, so that not even
/// half a region does.
pub fn is_literal(value: &str) -> bool {
    is_literal_bytes(value.as_bytes())
}

fn is_literal_bytes(value: &[u8]) -> bool {
    !value.windows(2).any(|pair| opens(pair[0], pair[1]) || closes(pair[0], pair[1]))
}

/// Whether a tag holds an opening delimiter. If it does not, [`attributes`] sees what any HTML tokenizer sees.
pub fn tag_has_syntax(tag: &[u8]) -> bool {
    tag.windows(2).any(|pair| opens(pair[0], pair[1]))
}

/// Whether a page may hold a template's statements or comments: the gate in front of [`kind`] and [`Comments`], which
/// most pages do not pass.
pub fn page_may_have_syntax(page: &[u8]) -> bool {
    page_may_have_braces(page)
        || ["<%", "<?"].iter().any(|delimiter| memchr::memmem::find(page, delimiter.as_bytes()).is_some())
}

/// The same for delimiters of braces alone. A page has few braces outside of its scripts.
pub fn page_may_have_braces(page: &[u8]) -> bool {
    memchr::memchr_iter(b'{', page).any(|at| matches!(page.get(at + 1), Some(b'{' | b'%' | b'#')))
}

fn opens(first: u8, second: u8) -> bool {
    matches!((first, second), (b'{', b'{' | b'%' | b'#') | (b'<', b'%' | b'?') | (b'$', b'{') | (b'[', b'['))
}

fn closes(first: u8, second: u8) -> bool {
    matches!((first, second), (b'}' | b'%' | b'#', b'}') | (b'%' | b'?', b'>') | (b']', b']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_region_is_not_literal() {
        for value in ["{{ a }}", "x{% if", "b %}c", "{#", "#}", "<%=", "%>", "<?=", "?>", "${a}", "[[a", "a]]", "a}}"] {
            assert!(!is_literal(value), "{value}");
        }
        for value in ["", "a.png?b={c}&d=%20", "a%7B%7B", "a[0]", "$x", "/a/#b", "é{", "a?b>"] {
            assert!(is_literal(value), "{value}");
        }
    }

    #[test]
    fn only_an_opening_delimiter_makes_a_tag_special() {
        assert!(tag_has_syntax(b"<a {% b %}>") && tag_has_syntax(b"<a b='${c}'>") && tag_has_syntax(b"<a [[b]]>"));
        assert!(!tag_has_syntax(br#"<a b='{"c":{"d":1}}' e=f?>"#));
    }
}
