//! What a policy lacks when a CDN's files come from elsewhere.

use super::place::Place;
use super::policy::{Directive, policies};
use super::source::Sources;

/// What `after` lacks. It is `before`, the decoded value of a policy `<meta>`, in which the CDN's base URL `from` has
/// been replaced by `to` wherever it stood. But other sources may have admitted the CDN as well: its bare host, a
/// wildcard, a scheme. Beside those, `to` is put in.
///
/// Byte offsets in `after`, ascending, and what to insert there: ASCII, beginning with a space.
pub fn moved(before: &str, after: &str, from: &str, to: &str) -> Vec<(usize, String)> {
    let (Some(from), Some(to)) = (Place::parse(from), Place::parse(to)) else { return Vec::new() };
    let (was, is) = (policies(before), policies(after));
    let directives = |policies: &mut dyn Iterator<Item = _>| policies.flat_map(pairs).collect::<Vec<_>>();
    let both = directives(&mut was.iter().zip(&is));
    let lacking = both.iter().filter(|(was, is)| {
        let (was, is) = (Sources(&was.value), Sources(&is.value));
        was.match_place(&from, None) && !is.match_place(&to, None)
    });
    lacking.map(|(_, is)| (is.end, format!(" {}", to.source()))).collect()
}

type Policies<'a, 'p> = (&'a super::policy::Policy<'p>, &'a super::policy::Policy<'p>);

/// The directives that list sources of files, each before and after.
fn pairs<'a, 'p>((was, is): Policies<'a, 'p>) -> Vec<(&'a Directive<'p>, &'a Directive<'p>)> {
    let lists = |name: &str| name.ends_with("-src") || name.ends_with("-src-elem") || name.ends_with("-src-attr");
    let both = was.directives.iter().zip(&is.directives);
    both.filter(|(was, is)| was.name == is.name && lists(&was.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cdn_that_other_sources_admitted_is_admitted_where_it_is_now() {
        let (from, to) = ("https://cdn.example/a/", "http://localhost:8080/a/");
        let inserted = |policy: &str| {
            let after = policy.replace("https://cdn.example", "http://localhost:8080");
            let mut out = after.clone();
            for (at, text) in moved(policy, &after, from, to).iter().rev() {
                out.insert_str(*at, text);
            }
            out
        };
        let now = "http://localhost:8080/a/";
        for (policy, expected) in [
            ("script-src 'self' https://cdn.example/a/", format!("script-src 'self' {now}")),
            ("img-src https:; font-src cdn.example", format!("img-src {now} https:; font-src {now} cdn.example")),
            ("default-src *.example, img-src *", format!("default-src {now} *.example, img-src *")),
            ("frame-ancestors https:; trusted-types *", "frame-ancestors https:; trusted-types *".to_owned()),
            ("style-src 'self' 'none'", "style-src 'self' 'none'".to_owned()),
        ] {
            assert_eq!(inserted(policy), expected);
        }
    }
}
