//! For a policy that is not in the page: what it must allow.

use super::additions::{TRUSTED_TYPES_POLICY, beacon_source, cdns, quoted};
use super::place::Place;
use super::policy::Kind;
use super::{Edited, Needs, Net, places};

/// What a policy in a header must allow, by directive, for the report. Where such a directive does not stand,
/// `default-src` decides. Hashes are not for a directive where `'unsafe-inline'` is in force, because they would
/// switch it off, and not needed where the nonce of the page's scripts stands.
pub fn header_advice(needs: &Needs) -> Vec<(&'static str, Vec<String>)> {
    let sources = |kind| {
        let cdns: Vec<_> = cdns(kind, needs).iter().map(Place::source).collect();
        // Firefox takes what a service worker answers for a file of the worker's own origin.
        let own = (needs.service_worker && !cdns.is_empty() && kind != Kind::Media).then(|| "'self'".to_owned());
        cdns.into_iter().chain(own).collect::<Vec<_>>()
    };
    let after = |edited: &[Edited]| edited.iter().map(|edited| quoted(&edited.after)).collect::<Vec<_>>();
    let words = |used: bool, word: &str| used.then(|| word.to_owned()).into_iter().collect::<Vec<_>>();
    let net = needs.net.iter().flat_map(Net::hashes);
    let injected = net.chain(&needs.injected).map(|hash| quoted(hash)).collect();
    let attributes = &needs.edited_style_attributes;
    let has_net = needs.net.is_some();
    let lines = [
        ("script-src", vec![sources(Kind::Script), words(has_net, "'self'"), injected, after(&needs.edited_scripts)]),
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
            vec![
                sources(Kind::Connect),
                // The worker's own requests are under the policy that comes with its file.
                if needs.service_worker { places(&needs.cdns).iter().map(Place::source).collect() } else { Vec::new() },
                words(has_net, "'self'"),
                beacon_source(needs).into_iter().collect(),
            ],
        ),
        ("worker-src", vec![words(needs.service_worker, "'self'")]),
        ("trusted-types", vec![words(has_net, TRUSTED_TYPES_POLICY)]),
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
            net: Some(Net::Inline { loader: "sha256-loader".to_owned(), net: "sha256-net".to_owned() }),
            edited_style_attributes: vec![Edited::new("a", "b", None)],
            ..Needs::default()
        };
        let style = format!("'{}'", hash("b"));
        let expected: Vec<(&str, Vec<&str>)> = vec![
            ("script-src", vec!["https://a.example", "'self'", "'sha256-loader'", "'sha256-net'"]),
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
