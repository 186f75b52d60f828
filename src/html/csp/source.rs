//! Source lists: what they admit (CSP 3, sections 2.3.1 and 6.7).

use super::place::{Place, is_host_source, match_source, matches_any_site};

/// The algorithms a hash may have (CSP 3, section 2.3.1, "hash-algorithm").
const ALGORITHMS: [&str; 3] = ["sha256", "sha384", "sha512"];

/// What has its own rule about inline text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inline {
    /// The text of a script.
    Script,
    /// The text of a `<style>`, or a `style=""`.
    Style,
}

/// The value of a directive.
#[derive(Clone, Copy)]
pub(super) struct Sources<'s>(pub(super) &'s [&'s str]);

impl Sources<'_> {
    /// Whether nothing stands here, or `'none'` alone: beside anything else, browsers ignore `'none'`
    /// (section 6.7.2, "Does url match source list").
    pub(super) fn is_none(self) -> bool {
        self.0.is_empty() || (self.0.len() == 1 && self.has("'none'"))
    }

    /// Whether a keyword, with its quotes, stands here.
    pub(super) fn has(self, keyword: &str) -> bool {
        self.0.iter().any(|source| source.eq_ignore_ascii_case(keyword))
    }

    /// Whether there is any nonce.
    pub(super) fn has_nonces(self) -> bool {
        self.0.iter().any(|source| nonce(source).is_some())
    }

    /// Whether there is any hash.
    pub(super) fn has_hashes(self) -> bool {
        self.0.iter().any(|source| hash(source).is_some())
    }

    /// Whether an element with this nonce is admitted by it.
    pub(super) fn has_nonce(self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.0.iter().any(|source| nonce(source) == Some(value)))
    }

    /// Whether this hash, without quotes, stands here.
    pub(super) fn has_hash(self, value: &str) -> bool {
        let wanted = normal_hash(value);
        wanted.is_some() && self.0.iter().any(|source| hash(source) == wanted)
    }

    /// Whether `'unsafe-inline'` is in force: a nonce or a hash switches it off, and for scripts `'strict-dynamic'`
    /// (section 6.7.3, "Does a source list allow all inline behavior").
    pub(super) fn allows_all_inline(self, inline: Inline) -> bool {
        self.has("'unsafe-inline'")
            && !self.has_nonces()
            && !self.has_hashes()
            && (inline == Inline::Style || !self.is_strict())
    }

    /// Whether scripts are trusted by nonce and hash only, so that hosts, schemes and `'self'` are void for them
    /// (section 6.7.1, "Script directives pre-request check").
    pub(super) fn is_strict(self) -> bool {
        self.has("'strict-dynamic'")
    }

    /// Whether everything at `place` is admitted by its URL. `site` is what `'self'` stands for, when it is known.
    pub(super) fn match_place(self, place: &Place<'_>, site: Option<&Place<'_>>) -> bool {
        self.0.iter().any(|source| match_source(source, place, site, true))
    }

    /// Whether files of the page's own origin may be admitted by their URLs. Where the origin is not known, any host
    /// may be it.
    pub(super) fn may_match_site(self, site: Option<&Place<'_>>) -> bool {
        self.match_site(site) || (site.is_none() && self.0.iter().any(|source| is_host_source(source)))
    }

    /// Whether files of the page's own origin are known to be admitted by their URLs, some of them at least.
    pub(super) fn match_site(self, site: Option<&Place<'_>>) -> bool {
        self.0.iter().any(|source| match site {
            Some(site) => match_source(source, site, Some(site), false),
            None => matches_any_site(source),
        })
    }

    /// Whether no script of the site can run: no URL, no nonce, no hash and no `'unsafe-inline'` admits one.
    pub(super) fn admits_no_script(self) -> bool {
        let by_url = !self.is_strict() && self.may_match_site(None);
        !(by_url || self.has_nonces() || self.has_hashes() || self.allows_all_inline(Inline::Script))
    }
}

/// The value of a nonce source. What is no base64 is a placeholder that a server fills in, if it looks like one.
fn nonce(source: &str) -> Option<&str> {
    let value = quoted(source, "nonce-")?;
    (is_base64(value) || value.contains(['{', '<', '%', '$', '@'])).then_some(value)
}

/// A hash source in its normal form: the algorithm in lower case, base64 with `+` and `/`.
fn hash(source: &str) -> Option<String> {
    normal_hash(quoted(source, "")?)
}

fn normal_hash(text: &str) -> Option<String> {
    let (algorithm, value) = text.split_once('-')?;
    let algorithm = ALGORITHMS.into_iter().find(|known| algorithm.eq_ignore_ascii_case(known))?;
    is_base64(value).then(|| format!("{algorithm}-{}", value.replace('-', "+").replace('_', "/")))
}

/// What stands between quotes behind `prefix`.
fn quoted<'s>(source: &'s str, prefix: &str) -> Option<&'s str> {
    let inner = source.strip_prefix('\'')?.strip_suffix('\'')?;
    let (head, rest) = inner.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Section 2.3.1, "base64-value".
fn is_base64(value: &str) -> bool {
    let digits = value.strip_suffix("==").or_else(|| value.strip_suffix('=')).unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_counts_only_when_it_stands_alone() {
        assert!(Sources(&[]).is_none());
        assert!(Sources(&["'NONE'"]).is_none());
        assert!(!Sources(&["'none'", "'self'"]).is_none());
    }

    #[test]
    fn a_nonce_or_a_hash_switches_unsafe_inline_off_and_strict_dynamic_does_for_scripts() {
        let allows =
            |sources: &[&str]| [Inline::Script, Inline::Style].map(|inline| Sources(sources).allows_all_inline(inline));
        assert_eq!(allows(&["'Unsafe-Inline'", "'self'"]), [true, true]);
        assert_eq!(allows(&["'unsafe-inline'", "'nonce-abc'"]), [false, false]);
        assert_eq!(allows(&["'unsafe-inline'", "'SHA256-abc='"]), [false, false]);
        assert_eq!(allows(&["'unsafe-inline'", "'strict-dynamic'"]), [false, true]);
        assert_eq!(allows(&["'self'"]), [false, false]);
    }

    #[test]
    fn a_nonce_or_hash_that_breaks_the_grammar_switches_nothing_off() {
        for broken in ["'nonce-'", "'nonce-a!b'", "nonce-abc", "'sha256-'", "'sha1-abc'", "'sha256-a b'"] {
            assert!(Sources(&["'unsafe-inline'", broken]).allows_all_inline(Inline::Script), "{broken}");
        }
        assert!(Sources(&["'nonce-{{nonce}}'"]).has_nonce(Some("{{nonce}}")));
    }

    #[test]
    fn hashes_are_the_same_in_both_alphabets_of_base64() {
        let sources = Sources(&["'SHA256-a-b_c='"]);
        assert!(sources.has_hash("sha256-a+b/c="));
        assert!(!sources.has_hash("sha256-A+b/c="));
        assert!(!sources.has_hash("sha384-a+b/c="));
    }
}
