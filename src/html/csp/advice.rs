//! For a policy that is not in the page: what it must allow.

use super::additions::{TRUSTED_TYPES_POLICY, beacon_source, cdns, quoted};
use super::place::Place;
use super::policy::Kind;
use super::{Edited, Needs, Net};

/// What a policy in a header must allow, by directive, for the report. Where such a directive does not stand,
/// `default-src` decides. Hashes are not for a directive where `'unsafe-inline'` is in force, because they would
/// switch it off, and not needed where the nonce of the page's scripts stands.
pub fn header_advice(needs: &Needs) -> Vec<(&'static str, Vec<String>)> {
    let sources = |kind| cdns(kind, needs).iter().map(Place::source).collect::<Vec<_>>();
    let after = |edited: &[Edited]| edited.iter().map(|edited| quoted(&edited.after)).collect::<Vec<_>>();
    let words = |used: bool, word: &str| used.then(|| word.to_owned()).into_iter().collect::<Vec<_>>();
    let net = needs.net.iter().filter_map(Net::hash);
    let injected = net.chain(&needs.injected).map(|hash| quoted(hash)).collect();
    let is_file = needs.net == Some(Net::File);
    let attributes = &needs.edited_style_attributes;
    let heals_deferred = needs.deferred && needs.net.is_some();
    let lines = [
        ("script-src", vec![sources(Kind::Script), words(is_file, "'self'"), injected, after(&needs.edited_scripts)]),
        (
            "style-src",
            vec![
                sources(Kind::Style),
                after(&needs.edited_styles),
                words(!attributes.is_empty(), "'unsafe-hashes'"),
                after(attributes),
            ],
        ),
        ("img-src", vec![sources(Kind::Image)]),
        ("font-src", vec![sources(Kind::Font)]),
        ("media-src", vec![sources(Kind::Media)]),
        (
            "connect-src",
            vec![sources(Kind::Connect), words(heals_deferred, "'self'"), beacon_source(needs).into_iter().collect()],
        ),
        ("trusted-types", vec![words(needs.net.is_some(), TRUSTED_TYPES_POLICY)]),
    ];
    lines.into_iter().map(|(name, lists)| (name, once_each(lists.concat()))).filter(|(_, l)| !l.is_empty()).collect()
}

fn once_each(list: Vec<String>) -> Vec<String> {
    let mut once = Vec::with_capacity(list.len());
    for source in list {
        if !once.contains(&source) {
            once.push(source);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::*;

    #[test]
    fn a_header_is_told_all_that_the_page_needs_and_nothing_else() {
        let needs = Needs {
            cdns: vec!["https://a.example/".to_owned(), "https://b.example/x/".to_owned()],
            scripts: true,
            images: true,
            deferred: true,
            net: Some(Net::Inline("sha256-net".to_owned())),
            edited_style_attributes: vec![Edited::new("a", "b", None)],
            ..Needs::default()
        };
        let style = format!("'{}'", hash("b"));
        let expected: Vec<(&str, Vec<&str>)> = vec![
            ("script-src", vec!["https://a.example", "'sha256-net'"]),
            ("style-src", vec!["'unsafe-hashes'", &style]),
            ("img-src", vec!["https://a.example", "https://b.example/x/"]),
            ("connect-src", vec!["'self'"]),
            ("trusted-types", vec!["tightrope"]),
        ];
        let advice = header_advice(&needs);
        let advice: Vec<(&str, Vec<&str>)> =
            advice.iter().map(|(name, list)| (*name, list.iter().map(String::as_str).collect())).collect();
        assert_eq!(advice, expected);
        assert!(header_advice(&Needs::default()).is_empty());
    }
}
