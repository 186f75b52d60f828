//! A policy as text: its directives, where their names end, and which of them decides about a kind of resource.

/// What fetches or runs, each with its own chain of directives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Scripts, external and inline.
    Script,
    /// Stylesheets and `<style>`.
    Style,
    /// `style=""`.
    StyleAttribute,
    /// Images, icons too.
    Image,
    /// Fonts.
    Font,
    /// Audio, video and text tracks.
    Media,
    /// `fetch()` and `XMLHttpRequest`.
    Connect,
    /// Workers, service workers too.
    Worker,
}

impl Kind {
    /// The directives that may decide, the most specific first (CSP 3, section 6.8.3, "Get fetch directive fallback
    /// list"). The first that stands in the policy decides alone.
    fn chain(self) -> &'static [&'static str] {
        match self {
            Self::Script => &["script-src-elem", "script-src", "default-src"],
            Self::Style => &["style-src-elem", "style-src", "default-src"],
            Self::StyleAttribute => &["style-src-attr", "style-src", "default-src"],
            Self::Image => &["img-src", "default-src"],
            Self::Font => &["font-src", "default-src"],
            Self::Media => &["media-src", "default-src"],
            Self::Connect => &["connect-src", "default-src"],
            Self::Worker => &["worker-src", "child-src", "script-src", "default-src"],
        }
    }
}

/// One directive (CSP 3, section 2.3).
pub(super) struct Directive<'p> {
    /// In lower case.
    pub(super) name: String,
    /// Where the name ends: a byte offset in the whole content value.
    pub(super) end: usize,
    /// The tokens of the value.
    pub(super) value: Vec<&'p str>,
}

/// One policy. A name stands for its first directive: browsers ignore later ones of the same name.
pub(super) struct Policy<'p> {
    pub(super) directives: Vec<Directive<'p>>,
}

impl<'p> Policy<'p> {
    /// Reads the policy that begins `at` bytes into the content value (CSP 3, section 2.2.1, "Parse a serialized CSP").
    fn parse(at: usize, text: &'p str) -> Self {
        let mut directives: Vec<Directive<'p>> = Vec::new();
        for directive in pieces(text, ';').filter_map(|(offset, token)| Directive::parse(at + offset, token)) {
            if directives.iter().all(|earlier| earlier.name != directive.name) {
                directives.push(directive);
            }
        }
        Self { directives }
    }

    /// The directive of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Directive<'p>> {
        self.directives.iter().find(|directive| directive.name == name)
    }

    /// The directive that decides about `kind`; `None` when nothing restricts it.
    pub(super) fn deciding(&self, kind: Kind) -> Option<&Directive<'p>> {
        kind.chain().iter().find_map(|name| self.get(name))
    }
}

impl<'p> Directive<'p> {
    fn parse(at: usize, token: &'p str) -> Option<Self> {
        // What is not ASCII is ignored as a whole.
        if !token.is_ascii() {
            return None;
        }
        let mut words = token.split_ascii_whitespace();
        let name = words.next()?;
        let start = token.len() - token.trim_ascii_start().len();
        Some(Self { name: name.to_ascii_lowercase(), end: at + start + name.len(), value: words.collect() })
    }
}

/// The policies in a content value.
///
/// HTML (section 4.2.5.3, "Content security policy state") reads the value as one policy, where a comma is a character
/// like any other; Chromium reads it like a header (measured), where a comma ends a policy and every policy must allow.
/// So it is split here. What is inserted stands directly behind a directive's name, never beside a comma, and so is
/// a source of its own in both readings.
pub(super) fn policies(content: &str) -> Vec<Policy<'_>> {
    let policies = pieces(content, ',').map(|(at, text)| Policy::parse(at, text));
    policies.filter(|policy| !policy.directives.is_empty()).collect()
}

/// The pieces of `text` between separators, with their offsets.
fn pieces(text: &str, separator: char) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    text.split(separator).map(move |piece| {
        let at = next;
        next += piece.len() + separator.len_utf8();
        (at, piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_found_in_any_case_and_with_any_white_space() {
        let text = " \n;;Script-SRC\t'self'\x0c https://a.example ; IMG-src * ;upgrade-insecure-requests";
        let found = policies(text);
        let names: Vec<_> = found[0].directives.iter().map(|directive| directive.name.as_str()).collect();
        assert_eq!(names, ["script-src", "img-src", "upgrade-insecure-requests"]);
        assert_eq!(found[0].directives[0].value, ["'self'", "https://a.example"]);
        assert!(text[..found[0].directives[1].end].ends_with("; IMG-src"));
    }

    #[test]
    fn of_two_directives_with_one_name_the_first_counts() {
        let found = policies("img-src 'self'; IMG-SRC *");
        assert_eq!(found[0].directives.len(), 1);
        assert_eq!(found[0].deciding(Kind::Image).map(|directive| &directive.value[..]), Some(&["'self'"][..]));
    }

    #[test]
    fn a_directive_that_is_not_ascii_is_as_good_as_absent() {
        let found = policies("img-src https://bücher.example; default-src 'self'");
        assert_eq!(found[0].deciding(Kind::Image).map(|directive| directive.name.as_str()), Some("default-src"));
    }

    #[test]
    fn the_most_specific_directive_of_a_chain_decides_alone() {
        let deciding = |text, kind| policies(text)[0].deciding(kind).map(|directive| directive.name.clone());
        let all = "default-src a; style-src-attr b; script-src c; script-src-elem d; style-src e";
        assert_eq!(deciding(all, Kind::Script).as_deref(), Some("script-src-elem"));
        assert_eq!(deciding(all, Kind::Style).as_deref(), Some("style-src"));
        assert_eq!(deciding(all, Kind::StyleAttribute).as_deref(), Some("style-src-attr"));
        for kind in [Kind::Image, Kind::Font, Kind::Media, Kind::Connect] {
            assert_eq!(deciding(all, kind).as_deref(), Some("default-src"));
        }
        assert_eq!(deciding("script-src c", Kind::Image), None);
    }

    #[test]
    fn a_comma_ends_a_policy_and_offsets_count_from_the_start_of_the_value() {
        let text = "img-src a, ,font-src b";
        let found = policies(text);
        assert_eq!(found.len(), 2);
        assert!(text[..found[1].directives[0].end].ends_with(",font-src"));
    }
}
