//! Regions: how they begin, how they end, and where one ends that begins in a tag.

/// How much white space may stand between a delimiter and the word that tells what it is.
const SPACE: usize = 64;

/// What begins with a delimiter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Syntax {
    /// `{{ … }}`
    Expression,
    /// `{{! … }}`
    MustacheComment,
    /// `{{!-- … --}}`
    HandlebarsComment,
    /// `{{/* … */}}`
    GoComment,
    /// `{% … %}`
    Statement,
    /// `{% comment %} … {% endcomment %}`
    CommentTag,
    /// `{# … #}`
    JinjaComment,
    /// `<% … %>`
    Percent,
    /// `<%-- … --%>`
    PercentComment,
    /// `<?php … ?>`
    Php,
    /// `<? … ?>`
    Instruction,
}

/// How many kinds of [`Syntax`] there are.
pub(super) const SYNTAXES: usize = Syntax::Instruction as usize + 1;

/// What the bytes at a place begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opening {
    /// No region.
    None,
    /// Too few bytes to tell.
    Undecided,
    /// This.
    Of(Syntax),
}

/// What `text` begins with. Never undecided about more than 80 bytes.
pub(super) fn opening(text: &[u8]) -> Opening {
    match text {
        [b'{', b'#', ..] => Opening::Of(Syntax::JinjaComment),
        [b'{', b'%', rest @ ..] => statement(rest),
        [b'{', b'{', rest @ ..] => mustache(rest),
        [b'<', b'%', b'-', b'-', ..] => Opening::Of(Syntax::PercentComment),
        [b'<', b'%'] | [b'<', b'%', b'-'] | [b'{' | b'<'] => Opening::Undecided,
        [b'<', b'%', ..] => Opening::Of(Syntax::Percent),
        [b'<', b'?', rest @ ..] => word(rest, b"php", Syntax::Php, Syntax::Instruction),
        _ => Opening::None,
    }
}

fn statement(rest: &[u8]) -> Opening {
    let rest = skip_space(rest.strip_prefix(b"-").or(rest.strip_prefix(b"+")).unwrap_or(rest));
    match word(rest, b"comment", Syntax::CommentTag, Syntax::Statement) {
        Opening::Of(Syntax::CommentTag) if rest.len() == b"comment".len() => Opening::Undecided,
        Opening::Of(Syntax::CommentTag) if is_word(rest[b"comment".len()]) => Opening::Of(Syntax::Statement),
        other => other,
    }
}

fn mustache(rest: &[u8]) -> Opening {
    let rest = rest.strip_prefix(b"-").or(rest.strip_prefix(b"~")).unwrap_or(rest);
    match rest {
        [b'!', b'-', b'-', ..] => Opening::Of(Syntax::HandlebarsComment),
        [] | [b'!'] | [b'!', b'-'] => Opening::Undecided,
        [b'!', ..] => Opening::Of(Syntax::MustacheComment),
        _ => word(skip_space(rest), b"/*", Syntax::GoComment, Syntax::Expression),
    }
}

/// Whether `rest` begins with `word`, in any case.
fn word(rest: &[u8], word: &[u8], then: Syntax, otherwise: Syntax) -> Opening {
    let length = rest.len().min(word.len());
    if !rest[..length].eq_ignore_ascii_case(&word[..length]) {
        Opening::Of(otherwise)
    } else if length < word.len() {
        Opening::Undecided
    } else {
        Opening::Of(then)
    }
}

fn skip_space(text: &[u8]) -> &[u8] {
    &text[text.iter().take(SPACE).take_while(|byte| byte.is_ascii_whitespace()).count()..]
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Syntax {
    /// What it ends with.
    pub(super) fn closer(self) -> &'static [u8] {
        match self {
            Self::Expression | Self::MustacheComment | Self::HandlebarsComment | Self::GoComment => b"}}",
            Self::Statement | Self::CommentTag => b"%}",
            Self::JinjaComment => b"#}",
            Self::Percent => b"%>",
            Self::PercentComment => b"--%>",
            Self::Php | Self::Instruction => b"?>",
        }
    }

    /// Whether a closer ends it that stands behind `before`.
    pub(super) fn closes_behind(self, before: &[u8]) -> bool {
        match self {
            Self::HandlebarsComment => before.strip_suffix(b"~").unwrap_or(before).ends_with(b"--"),
            Self::GoComment => trim(before).ends_with(b"*/"),
            Self::CommentTag => trim(before).strip_suffix(b"endcomment").is_some_and(|tag| trim(tag).ends_with(b"{%")),
            _ => true,
        }
    }

    /// Whether a string in it may hold its closer.
    fn has_strings(self) -> bool {
        matches!(self, Self::Expression | Self::Statement)
    }
}

/// Without the white space at its end, and a `-` or `+` that trims it in the output.
fn trim(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_end();
    text.strip_suffix(b"-").or(text.strip_suffix(b"+")).unwrap_or(text).trim_ascii_end()
}

/// The regions of one tag. Places are asked for in ascending order, so that the work is linear.
pub(super) struct Regions<'t> {
    tag: &'t [u8],
    /// Closers that do not stand in what is left of the tag.
    missing: Vec<&'static [u8]>,
    /// How many bytes were looked at.
    #[cfg(test)]
    pub(super) work: usize,
}

impl<'t> Regions<'t> {
    pub(super) fn new(tag: &'t [u8]) -> Self {
        Self {
            tag,
            missing: Vec::new(),
            #[cfg(test)]
            work: 0,
        }
    }

    /// Where the region ends that begins at `at`, if one does. The end of the tag when its closer is missing: the tag
    /// was cut by a `>` in the region. `${` and `[[` stand in pages that are no templates too; without a closer they
    /// are text.
    pub(super) fn end(&mut self, at: usize) -> Option<usize> {
        match self.tag[at..] {
            [b'$', b'{', ..] => self.find(b"}", at + 2),
            [b'[', b'[', ..] => self.find(b"]]", at + 2),
            [b'{', b'{' | b'%' | b'#', ..] | [b'<', b'%' | b'?', ..] => {
                let Opening::Of(syntax) = opening(&self.tag[at..]) else { return Some(self.tag.len()) };
                Some(self.close(syntax, at).unwrap_or(self.tag.len()))
            }
            _ => None,
        }
    }

    fn close(&mut self, syntax: Syntax, at: usize) -> Option<usize> {
        if syntax.has_strings() {
            let end = self.behind_strings(syntax.closer(), at + 2)?;
            // `{{{` wants as many braces at its end.
            let braces = self.tag[at..].iter().take_while(|byte| **byte == b'{').count().saturating_sub(2);
            return Some(end + self.tag[end..].iter().take(braces).take_while(|byte| **byte == b'}').count());
        }
        let mut from = at + 2;
        loop {
            let end = self.find(syntax.closer(), from)?;
            if syntax.closes_behind(&self.tag[at..end - syntax.closer().len()]) {
                return Some(end);
            }
            from = end;
        }
    }

    /// The end of the first `closer` that is in no string. A quote may be an apostrophe: if the next region begins
    /// before that closer is found, the first one counts.
    fn behind_strings(&mut self, closer: &[u8], mut at: usize) -> Option<usize> {
        let (mut quote, mut first) = (None, None);
        while let Some(byte) = self.tag.get(at) {
            let rest = &self.tag[at..];
            #[cfg(test)]
            {
                self.work += 1;
            }
            if first.is_some() && (rest.starts_with(b"{{") || rest.starts_with(b"{%")) {
                return first;
            }
            match (quote, byte) {
                (Some(_), b'\\') => at += 1,
                (Some(open), byte) if open == byte => quote = None,
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, _) if rest.starts_with(closer) => return Some(at + closer.len()),
                (Some(_), _) if rest.starts_with(closer) => first = first.or(Some(at + closer.len())),
                _ => {}
            }
            at += 1;
        }
        first
    }

    /// The end of the first `closer` from here on.
    fn find(&mut self, closer: &'static [u8], from: usize) -> Option<usize> {
        if self.missing.contains(&closer) {
            return None;
        }
        let found = memchr::memmem::find(&self.tag[from..], closer);
        #[cfg(test)]
        {
            self.work += found.unwrap_or(self.tag.len() - from);
        }
        if found.is_none() {
            self.missing.push(closer);
        }
        found.map(|at| from + at + closer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_ends_where_its_language_says() {
        for region in [
            "{{ a }}",
            "{{{ a }}}",
            "{{{{raw}}}}",
            "{{ \"}}\" }}",
            "{{ 'a\\'}}' }}",
            "{% a '%}' b %}",
            "{# it's #}",
            "{{!-- }} --}}",
            "{{! it's }}",
            "{{- /* }} */ -}}",
            "{% comment 'x' %} %} {% endcomment %}",
            "{%- comment -%}{{ a }}{%- endcomment -%}",
            "<% a > b %>",
            "<%-- %> --%>",
            "<%= \"x\" %>",
            "<?php a() ?>",
            "<?= $a ?>",
            "${a}",
            "[[${a}]]",
            "{{ it's }}",
            "{%}%}",
            "{% comments %}",
        ] {
            let text = format!("{region} b='c' {{{{ d }}}} e>");
            assert_eq!(Regions::new(text.as_bytes()).end(0), Some(region.len()), "{region}");
        }
    }

    #[test]
    fn what_a_tag_cuts_off_reaches_to_its_end() {
        for cut in ["{% if a >", "{{ b >", "{#", "<%= c >", "<?php $a->", "{{!-- }} >", "{% comment %} %}>"] {
            assert_eq!(Regions::new(cut.as_bytes()).end(0), Some(cut.len()), "{cut}");
        }
        for text in ["${ a", "[[ a ]", "{a}", "<a", "{", "$", "["] {
            assert_eq!(Regions::new(text.as_bytes()).end(0), None, "{text}");
        }
    }
}
