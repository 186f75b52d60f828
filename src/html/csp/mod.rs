//! Content-Security-Policy in a `<meta>`: what it must allow in addition, so that a rewritten page works.
//!
//! A page is rewritten so that what ran and loaded before does so after, and nothing else. So nothing is added where
//! the page's own files were not admitted either, and an edited inline text gets a new hash only where a hash admitted
//! the old one. Section numbers are those of Content Security Policy Level 3 (CSP 3).
//!
//! The site's workers, the web app manifest, frames, objects and prefetched pages stay on the page's own origin, so `worker-src`,
//! `manifest-src`, `frame-src` and `object-src` need nothing.

mod additions;
mod advice;
mod moved;
mod place;
mod policy;
mod problems;
mod source;

use crate::model::digest::policy_hashes;
use place::Place;
use std::borrow::Cow;

pub use advice::header_advice;
pub use moved::moved;
pub use problems::Problem;

/// What the rewritten page uses.
#[derive(Clone, Default, Debug)]
pub struct Needs {
    /// The base URLs of the CDNs, as `Cdn::as_str` has them. Scripts, styles, fonts and what modules fetch are on the
    /// first; images and media may be on any.
    pub cdns: Vec<String>,
    /// The site's own base URL, when it is known.
    pub site: Option<String>,
    /// Scripts, modules or preloads of them are on the CDN.
    pub scripts: bool,
    /// Stylesheets are on the CDN.
    pub styles: bool,
    /// Images are on the CDN, be it because a stylesheet there names them.
    pub images: bool,
    /// Fonts are on the CDN.
    pub fonts: bool,
    /// Audio, video or text tracks are on the CDN.
    pub media: bool,
    /// Modules are on the CDN, and may `fetch()` what lies beside them; or the net does, to see whether the CDN hangs.
    pub fetches: bool,
    /// The net, when the page has it.
    pub net: Option<Net>,
    /// The origin that the net sends its reports to, with its slash, or a path on the page's own.
    pub beacon: Option<String>,
    /// Whether the page registers a service worker, or stands under one.
    pub service_worker: bool,
    /// Whether deferred scripts are on the CDN.
    pub deferred: bool,
    /// The [`hash`] of each other inline script that is injected: import maps.
    pub injected: Vec<String>,
    /// Inline scripts whose text was edited, import maps too.
    pub edited_scripts: Vec<Edited>,
    /// `<style>` elements whose text was edited.
    pub edited_styles: Vec<Edited>,
    /// `style=""` attributes that were edited.
    pub edited_style_attributes: Vec<Edited>,
    /// External scripts whose `integrity` was replaced: the old value and the new one.
    pub repinned: Vec<(String, String)>,
}

/// The net, as a policy sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Net {
    /// The loader stands in the page, and runs a file of the page's own origin: as a script with that URL where the
    /// parser waits for it, as inline text elsewhere. These are the [`hash`]es of both texts.
    Inline {
        /// Of the loader.
        loader: String,
        /// Of the net.
        net: String,
    },
    /// It is a file on the page's own origin.
    File,
}

impl Net {
    fn hashes(&self) -> impl Iterator<Item = &String> {
        let both = match self {
            Self::Inline { loader, net } => Some([loader, net]),
            Self::File => None,
        };
        both.into_iter().flatten()
    }
}

/// An inline text before and after, by its hashes (without quotes).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Edited {
    /// The old text by each algorithm that a policy may use.
    pub before: [String; 3],
    /// The new text by SHA-256.
    pub after: String,
    /// The element's `nonce`. It does not count for attributes.
    pub nonce: Option<String>,
}

impl Edited {
    /// Takes both texts as they stand in the page, decoded from its encoding.
    pub fn new(before: &str, after: &str, nonce: Option<&str>) -> Self {
        let before = policy_hashes(as_parsed(before).as_bytes());
        Self { before, after: hash(after), nonce: nonce.map(str::to_owned) }
    }
}

/// What to do to a policy.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Amended {
    /// Byte offsets in the policy's text, ascending, and what to insert there: ASCII, beginning with a space.
    pub insertions: Vec<(usize, String)>,
    /// What will not work all the same, each once.
    pub problems: Vec<Problem>,
}

/// What `content`, the decoded value of a policy `<meta>`, lacks. `nonce` is what the injected scripts carry.
pub fn amend(content: &str, needs: &Needs, nonce: Option<&str>) -> Amended {
    let policies = policy::policies(content);
    Amended {
        insertions: policies.iter().flat_map(|policy| additions::insertions(policy, needs, nonce)).collect(),
        problems: problems::problems(&policies, needs, nonce),
    }
}

/// The hash of an inline text, without quotes: `sha256-` and base64 (section 6.7.3, "Does element match source list").
/// `text` is what stands in the page, decoded from its encoding.
pub fn hash(text: &str) -> String {
    let [sha256, ..] = policy_hashes(as_parsed(text).as_bytes());
    sha256
}

/// All the hashes that may admit an inline text, without quotes, each by another algorithm.
pub fn hashes(text: &str) -> [String; 3] {
    policy_hashes(as_parsed(text).as_bytes())
}

/// The text as browsers hash it: after the parser has made all newlines `\n` and NUL a replacement character (HTML,
/// sections 13.2.3.5 and 13.2.5).
fn as_parsed(text: &str) -> Cow<'_, str> {
    if !text.contains(['\r', '\0']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{FFFD}"))
}

/// The CDNs that can be read.
fn places(bases: &[String]) -> Vec<Place<'_>> {
    bases.iter().filter_map(|base| Place::parse(base)).collect()
}

#[cfg(test)]
mod tests {
    use super::policy::{Kind, policies};
    use super::source::{Inline, Sources};
    use super::*;
    use proptest::prelude::*;

    /// What policies are made of, also the parts of it that must not be mistaken for something else.
    const PARTS: &[&str] = &[
        "\t",
        ";",
        ";",
        ";",
        "; default-src",
        "; script-src",
        ";style-src",
        ",",
        "default-src",
        "script-src",
        "STYLE-src",
        "img-src",
        "connect-src",
        "trusted-types",
        "'self'",
        "'none'",
        "*",
        "https:",
        "data:",
        "a.example",
        "https://a.example/x/",
        "'unsafe-inline'",
        "'strict-dynamic'",
        "'unsafe-hashes'",
        "'nonce-abc'",
        "'sha256-abc='",
        "ü",
        "'",
        "{{ nonce }}",
    ];

    fn everything() -> Needs {
        let edited = vec![Edited { before: ["sha256-abc=", "", ""].map(str::to_owned), after: hash("b"), nonce: None }];
        Needs {
            cdns: vec!["https://a.example/x;y/".to_owned(), "https://b.example/".to_owned()],
            scripts: true,
            styles: true,
            images: true,
            fetches: true,
            net: Some(Net::Inline { loader: hash("loader"), net: hash("net") }),
            beacon: Some("https://c.example/".to_owned()),
            edited_scripts: edited.clone(),
            edited_style_attributes: edited.clone(),
            edited_styles: edited,
            ..Needs::default()
        }
    }

    fn applied(content: &str, nonce: Option<&str>) -> String {
        let mut out = content.to_owned();
        for (at, text) in amend(content, &everything(), nonce).insertions.iter().rev() {
            out.insert_str(*at, text);
        }
        out
    }

    /// For each policy, whether all inline styles, and scripts, may run.
    fn inline_rules(content: &str) -> Vec<[Option<bool>; 2]> {
        let allows = |policy: &policy::Policy<'_>, kind, inline| {
            policy.deciding(kind).map(|directive| Sources(&directive.value).allows_all_inline(inline))
        };
        let both = |policy: &policy::Policy<'_>| {
            [allows(policy, Kind::Style, Inline::Style), allows(policy, Kind::Script, Inline::Script)]
        };
        policies(content).iter().map(both).collect()
    }

    proptest! {
        #[test]
        fn an_amended_policy_needs_nothing_more_and_allows_inline_text_as_before(
            parts in prop::collection::vec(prop::sample::select(PARTS), 0..40),
            nonce in prop::sample::select(&[None, Some("abc")][..]),
        ) {
            let content = parts.join(" ");
            let once = applied(&content, nonce);
            prop_assert_eq!(applied(&once, nonce), once.clone());
            prop_assert_eq!(inline_rules(&once), inline_rules(&content));
        }
    }

    #[test]
    fn a_hash_is_that_of_the_standard_tools_whatever_the_newlines() {
        // printf 'a\nb\n' | openssl dgst -sha256 -binary | base64
        let expected = "sha256-kRFp3arxRq/1OfWMJsSJrzuJLf8P4oPBwmTGWuWqWaI=";
        for text in ["a\nb\n", "a\r\nb\r\n", "a\rb\r"] {
            assert_eq!(hash(text), expected);
        }
        assert_eq!(Edited::new("a\r\nb\n", "x", None).before[0], expected);
    }
}
