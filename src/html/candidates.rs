//! The prefix cut: one pass over a page's `<` tells which of the wanted elements it can hold, and where the last of
//! them begins. Only that much is parsed; what follows is copied. A false hit costs time; a miss would be a fault, so
//! this errs on the side of seeing too much.

/// The elements the rewriter wants to see, each one bit of [`Candidates::tags`].
pub const TAGS: [&str; 16] = [
    "script", "link", "img", "image", "source", "input", "video", "audio", "track", "style", "base", "svg", "math",
    "template", "frameset", "meta",
];

/// Elements in which the net must not be placed.
pub const HOISTED: [&str; 4] = ["svg", "math", "template", "frameset"];

/// What one pass over a page found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Candidates {
    /// A bit for each of [`TAGS`] that may be there.
    pub tags: u32,
    /// Whether any element may have a `style` attribute with a URL.
    pub style_attributes: bool,
    /// Where the last candidate begins; `None` when there is none and the page can be copied.
    pub last: Option<usize>,
    /// Whether a module script or import map may be there.
    pub modules: bool,
    /// Whether a Content-Security-Policy may be there.
    pub csp: bool,
}

impl Candidates {
    /// Looks through a whole page.
    pub fn of(page: &[u8]) -> Self {
        let mut found = Self { csp: contains(page, b"content-security-policy"), ..Self::default() };
        for at in memchr::memchr_iter(b'<', page) {
            let Some(index) = tag_at(&page[at + 1..]) else { continue };
            match TAGS[index] {
                // `meta` is wanted for a policy alone, and every page has some.
                "meta" if !found.csp => {}
                // These matter only to what comes behind them.
                tag if HOISTED.contains(&tag) => found.tags |= 1 << index,
                _ => {
                    found.tags |= 1 << index;
                    found.last = Some(at);
                }
            }
        }
        if let Some(style) = last_style_attribute(page) {
            found.style_attributes = true;
            found.last = found.last.max(Some(style));
        }
        if found.has("script") {
            found.modules = contains(page, b"module") || contains(page, b"importmap");
        } else if found.has("link") {
            found.modules = contains(page, b"modulepreload");
        }
        found
    }

    /// Everything at once, for a page too large to look through first.
    pub fn all() -> Self {
        Self { tags: u32::MAX, style_attributes: true, last: Some(usize::MAX), modules: true, csp: true }
    }

    /// Whether `tag` may be there.
    pub fn has(&self, tag: &str) -> bool {
        TAGS.iter().position(|known| *known == tag).is_some_and(|index| self.tags >> index & 1 == 1)
    }
}

/// The index in [`TAGS`] of the tag whose name begins here.
fn tag_at(name: &[u8]) -> Option<usize> {
    // The parser takes a name to white space, `/` or `>`; at the end of the page there is no tag.
    let fits = |tag: &str| {
        let end = name.get(tag.len());
        name.len() >= tag.len()
            && name[..tag.len()].eq_ignore_ascii_case(tag.as_bytes())
            && end.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
    };
    match name.first()?.to_ascii_lowercase() {
        b's' | b'l' | b'i' | b'v' | b'a' | b't' | b'b' | b'm' | b'f' => {
            TAGS.iter().position(|tag| fits(tag))
        }
        _ => None,
    }
}

/// The tag before the last `style=` of a page that also holds something like a URL in CSS.
fn last_style_attribute(page: &[u8]) -> Option<usize> {
    // `url(`, `image-set(`, or an escape or character reference that may spell one: all hold one of these.
    if !page.windows(4).any(|bytes| bytes.eq_ignore_ascii_case(b"url(") || bytes.eq_ignore_ascii_case(b"set("))
        && !contains(page, b"\\")
        && !contains(page, b"&#")
        && !contains(page, b"&lpar")
    {
        return None;
    }
    let mut from = page.len();
    while let Some(at) = memchr::memrchr2(b's', b'S', &page[..from]) {
        let rest = &page[at..];
        if rest.len() > 5 && rest[..5].eq_ignore_ascii_case(b"style") && (rest[5] == b'=' || rest[5].is_ascii_whitespace()) {
            return memchr::memrchr(b'<', &page[..at]);
        }
        from = at;
    }
    None
}

fn contains(page: &[u8], word: &[u8]) -> bool {
    let (lower, upper) = (word[0].to_ascii_lowercase(), word[0].to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, page)
        .any(|at| page.len() - at >= word.len() && page[at..at + word.len()].eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_candidate_is_where_parsing_may_stop() {
        let page = b"<p><SCRIPT src=a></script><p><imgx><i>";
        let found = Candidates::of(page);
        assert!(found.has("script") && !found.has("img"));
        assert_eq!(found.last, Some(3));
        assert_eq!(Candidates::of(b"<p>no references<a href=x>").last, None);
    }

    #[test]
    fn a_style_attribute_counts_only_beside_a_url() {
        assert!(!Candidates::of(b"<p style='color:red'>").style_attributes);
        assert_eq!(Candidates::of(b"<b><p style='background:URL(x)'>").last, Some(3));
    }
}
