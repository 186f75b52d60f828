//! What is added to which directive.

use super::place::Place;
use super::policy::{Directive, Kind, Policy};
use super::source::{Inline, Sources};
use super::{Edited, Needs, Net, places};
use std::collections::BTreeMap;

const KINDS: [Kind; 8] = [
    Kind::Script,
    Kind::Style,
    Kind::StyleAttribute,
    Kind::Image,
    Kind::Font,
    Kind::Media,
    Kind::Connect,
    Kind::Worker,
];

/// The Trusted Types policy of the net.
pub(super) const TRUSTED_TYPES_POLICY: &str = "tightrope";

/// The insertions for one policy, by offset. One directive may decide about several kinds.
pub(super) fn insertions(policy: &Policy<'_>, needs: &Needs, nonce: Option<&str>) -> Vec<(usize, String)> {
    let mut added: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for kind in KINDS {
        let Some(directive) = policy.deciding(kind) else { continue };
        let at = added.entry(directive.end).or_default();
        let own_worker = service_worker(kind, directive, needs);
        for source in lacking(kind, Sources(&directive.value), needs, nonce).into_iter().chain(own_worker) {
            if !at.contains(&source) {
                at.push(source);
            }
        }
    }
    added.extend(trusted_types(policy, needs));
    added.retain(|_, list| !list.is_empty());
    added.into_iter().map(|(at, list)| (at, format!(" {}", list.join(" ")))).collect()
}

/// What a list lacks for one kind. `'none'` stays: what it forbids was not loaded before either.
fn lacking(kind: Kind, list: Sources<'_>, needs: &Needs, nonce: Option<&str>) -> Vec<String> {
    if list.is_none() {
        return Vec::new();
    }
    let mut lacking = hosts(kind, list, needs);
    lacking.extend(own_origin(kind, list, needs, nonce));
    lacking.extend(beacon(kind, list, needs));
    lacking.extend(by_worker(kind, list, needs));
    lacking.extend(hashes(kind, list, needs, nonce).iter().map(|hash| quoted(hash)));
    lacking
}

/// The CDNs, where the page's own files are admitted by their URLs and the CDNs are not yet. Under `'strict-dynamic'`
/// no host admits a script.
fn hosts(kind: Kind, list: Sources<'_>, needs: &Needs) -> Vec<String> {
    let site = needs.site.as_deref().and_then(Place::parse);
    let by_url = list.may_match_site(site.as_ref()) && !(kind == Kind::Script && list.is_strict());
    let cdns = if by_url { cdns(kind, needs) } else { Vec::new() };
    cdns.iter().filter(|cdn| !list.match_place(cdn, site.as_ref())).map(Place::source).collect()
}

/// The page's own origin, where neither a nonce nor the list admits the file that holds the net. Under
/// `'strict-dynamic'` no host admits a script. A list that admits no script by its URL lets none fail whose place in the
/// parser must be kept: there an inline loader needs the file's text only.
fn own_origin(kind: Kind, list: Sources<'_>, needs: &Needs, nonce: Option<&str>) -> Option<String> {
    let site = needs.site.as_deref().and_then(Place::parse);
    let is_needed = match needs.net {
        Some(Net::File) => true,
        Some(Net::Inline { .. }) => list.may_match_site(site.as_ref()),
        None => false,
    };
    let is_admitted = list.has_nonce(nonce) || list.match_site(site.as_ref()) || list.admits_no_script();
    (kind == Kind::Script && is_needed && !list.is_strict() && !is_admitted).then(|| "'self'".to_owned())
}

/// Where reports go, if the list does not let them through. A list that admits no host at all stays so.
fn beacon(kind: Kind, list: Sources<'_>, needs: &Needs) -> Option<String> {
    let url = needs.beacon.as_deref().filter(|_| kind == Kind::Connect && list.may_match_site(None))?;
    let site = needs.site.as_deref().and_then(Place::parse);
    match Place::parse(url) {
        Some(place) => (!list.match_place(&place, site.as_ref())).then(|| place.source()),
        None => (!list.match_site(site.as_ref())).then(|| "'self'".to_owned()),
    }
}

/// The page's own origin, where the CDN is admitted by its URL and a service worker answers for it. Firefox takes what a
/// worker has made for a file at the worker's own URL (measured). It admits no other files: both homes hold the same. A
/// worker does not answer for media.
fn by_worker(kind: Kind, list: Sources<'_>, needs: &Needs) -> Option<String> {
    let site = needs.site.as_deref().and_then(Place::parse);
    let cdns = cdns(kind, needs);
    let has_cdn = !hosts(kind, list, needs).is_empty() || cdns.iter().any(|cdn| list.match_place(cdn, site.as_ref()));
    let is_apart = kind == Kind::Media || kind == Kind::Script && list.is_strict();
    let has_worker = site.as_ref().map_or_else(|| list.match_site(None), |own| list.match_place(own, Some(own)));
    (needs.service_worker && has_cdn && !is_apart && !has_worker).then(|| "'self'".to_owned())
}

/// The page's own origin, where a directive speaks of workers alone. In one that decides about scripts as well it would let
/// in more than the service worker.
fn service_worker(kind: Kind, directive: &Directive<'_>, needs: &Needs) -> Option<String> {
    let is_wanted = kind == Kind::Worker && needs.service_worker && !admits_worker(directive, needs);
    let list = Sources(&directive.value);
    (is_wanted && !list.is_none() && matches!(&*directive.name, "worker-src" | "child-src"))
        .then(|| "'self'".to_owned())
}

/// Whether a directive that decides about workers admits those of the own origin. Under `'strict-dynamic'` in `script-src`
/// every worker is admitted that a script starts (CSP 3, section 6.7.1.1).
pub(super) fn admits_worker(directive: &Directive<'_>, needs: &Needs) -> bool {
    let (list, site) = (Sources(&directive.value), needs.site.as_deref().and_then(Place::parse));
    let is_strict = list.is_strict() && matches!(&*directive.name, "script-src" | "default-src");
    is_strict || list.match_site(site.as_ref())
}

/// The source that lets reports through.
pub(super) fn beacon_source(needs: &Needs) -> Option<String> {
    let url = needs.beacon.as_deref()?;
    Some(Place::parse(url).map_or_else(|| "'self'".to_owned(), |place| place.source()))
}

/// The CDNs that serve a kind.
pub(super) fn cdns(kind: Kind, needs: &Needs) -> Vec<Place<'_>> {
    let (used, all) = match kind {
        Kind::Script => (needs.scripts, false),
        Kind::Style => (needs.styles, false),
        Kind::StyleAttribute | Kind::Worker => (false, false),
        Kind::Image => (needs.images, true),
        Kind::Font => (needs.fonts, false),
        Kind::Media => (needs.media, true),
        Kind::Connect => (needs.fetches, false),
    };
    let count = match (used, all) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => needs.cdns.len(),
    };
    places(&needs.cdns[..count.min(needs.cdns.len())])
}

/// The hashes that inline text, and scripts pinned anew, lack.
fn hashes(kind: Kind, list: Sources<'_>, needs: &Needs, nonce: Option<&str>) -> Vec<String> {
    let all = match kind {
        Kind::Script => {
            let mut all = injected(list, needs, nonce);
            all.extend(renewed(list, Inline::Script, &needs.edited_scripts));
            all.extend(repinned(list, &needs.repinned));
            all
        }
        Kind::Style => renewed(list, Inline::Style, &needs.edited_styles),
        // A hash admits an attribute only beside this keyword, and a nonce never does.
        Kind::StyleAttribute if list.has("'unsafe-hashes'") => {
            let attributes = needs.edited_style_attributes.iter().cloned();
            renewed(list, Inline::Style, &attributes.map(|edited| Edited { nonce: None, ..edited }).collect::<Vec<_>>())
        }
        _ => Vec::new(),
    };
    all.into_iter().filter(|hash| !list.has_hash(hash)).collect()
}

/// The hashes of what is injected, where neither `'unsafe-inline'` nor the nonce admits it.
///
/// Under `'strict-dynamic'` the net gets none: what a trusted script inserts is trusted, so the net would bring scripts
/// to life that the policy blocks (measured in Chromium: a blocked script fires the same `error` as a failed one).
fn injected(list: Sources<'_>, needs: &Needs, nonce: Option<&str>) -> Vec<String> {
    if list.allows_all_inline(Inline::Script) || list.has_nonce(nonce) || list.admits_no_script() {
        return Vec::new();
    }
    let net = needs.net.iter().flat_map(Net::hashes).filter(|_| !list.is_strict());
    net.chain(&needs.injected).cloned().collect()
}

/// The new hashes of edited texts whose old ones admitted them.
fn renewed(list: Sources<'_>, inline: Inline, edited: &[Edited]) -> Vec<String> {
    let by_hash = edited.iter().filter(|edited| is_admitted_by_hash(list, inline, edited));
    by_hash.map(|edited| edited.after.clone()).collect()
}

/// Whether the text as it was is admitted, and by its hash alone.
pub(super) fn is_admitted_by_hash(list: Sources<'_>, inline: Inline, edited: &Edited) -> bool {
    !list.allows_all_inline(inline)
        && !list.has_nonce(edited.nonce.as_deref())
        && edited.before.iter().any(|hash| list.has_hash(hash))
}

/// The hashes of external scripts that were admitted by those of their old integrity, which takes all of them
/// (section 6.7.1, "Script directives pre-request check").
fn repinned(list: Sources<'_>, pins: &[(String, String)]) -> Vec<String> {
    let admitted = pins.iter().filter(|(old, _)| {
        let mut old = items(old).peekable();
        old.peek().is_some() && old.all(|hash| list.has_hash(hash))
    });
    admitted.flat_map(|(_, new)| items(new)).map(str::to_owned).collect()
}

/// The hashes of integrity metadata, without their options.
fn items(integrity: &str) -> impl Iterator<Item = &str> {
    integrity.split_ascii_whitespace().map(|item| item.split_once('?').map_or(item, |(hash, _)| hash))
}

/// `trusted-types` where a list stands. An empty one and a lone `'none'` can be extended: only alone does `'none'`
/// count (Trusted Types, "Should Trusted Type policy creation be blocked by Content Security Policy"; measured in
/// Chromium).
fn trusted_types(policy: &Policy<'_>, needs: &Needs) -> Option<(usize, Vec<String>)> {
    let directive = policy.get("trusted-types").filter(|_| needs.net.is_some())?;
    let has_it = directive.value.iter().any(|name| ["*", TRUSTED_TYPES_POLICY].contains(name));
    (!has_it).then(|| (directive.end, vec![TRUSTED_TYPES_POLICY.to_owned()]))
}

/// As a source.
pub(super) fn quoted(hash: &str) -> String {
    format!("'{hash}'")
}

#[cfg(test)]
mod tests {
    use super::super::{Edited, Needs, Net, amend, hash};

    const CDN: &str = "https://static.example.com/";

    fn needs() -> Needs {
        Needs {
            cdns: vec![CDN.to_owned()],
            scripts: true,
            styles: true,
            images: true,
            fonts: true,
            media: true,
            fetches: true,
            net: Some(Net::Inline { loader: "sha256-loader=".to_owned(), net: "sha256-net=".to_owned() }),
            ..Needs::default()
        }
    }

    fn applied(content: &str, needs: &Needs, nonce: Option<&str>) -> String {
        let mut out = content.to_owned();
        for (at, text) in amend(content, needs, nonce).insertions.iter().rev() {
            out.insert_str(*at, text);
        }
        out
    }

    /// Each policy with what becomes of it.
    fn check(needs: &Needs, nonce: Option<&str>, cases: &[(&str, &str)]) {
        for (content, expected) in cases {
            assert_eq!(&applied(content, needs, nonce), expected, "{content}");
            assert_eq!(&applied(expected, needs, nonce), expected, "{expected} a second time");
        }
    }

    #[test]
    fn reports_are_let_through_where_anything_is() {
        let to = |beacon: &str| Needs { beacon: Some(beacon.to_owned()), ..Needs::default() };
        check(
            &to("https://stats.example/"),
            None,
            &[
                ("connect-src 'self'", "connect-src https://stats.example 'self'"),
                ("connect-src https://stats.example/", "connect-src https://stats.example/"),
                ("connect-src 'none'", "connect-src 'none'"),
                ("connect-src data:", "connect-src data:"),
                ("script-src 'self'", "script-src 'self'"),
            ],
        );
        check(&to("/reports"), None, &[("connect-src https://a.example", "connect-src 'self' https://a.example")]);
    }

    #[test]
    fn what_a_service_worker_answers_is_let_in_as_the_own_origins() {
        let worker = Needs { service_worker: true, net: None, ..needs() };
        check(
            &worker,
            None,
            &[
                ("img-src https://a.example", "img-src https://static.example.com 'self' https://a.example"),
                ("img-src https://static.example.com", "img-src 'self' https://static.example.com"),
                ("img-src 'self'", "img-src https://static.example.com 'self'"),
                ("img-src https:", "img-src https:"),
                ("img-src data:", "img-src data:"),
                ("img-src 'none'", "img-src 'none'"),
                ("script-src 'strict-dynamic' 'nonce-abc'", "script-src 'strict-dynamic' 'nonce-abc'"),
            ],
        );
        let known = Needs { site: Some("https://www.example.org/".to_owned()), ..worker };
        check(
            &known,
            None,
            &[
                ("font-src www.example.org", "font-src https://static.example.com www.example.org"),
                ("font-src www.example.org/f/", "font-src https://static.example.com 'self' www.example.org/f/"),
            ],
        );
    }

    #[test]
    fn a_service_worker_is_let_in_where_a_directive_speaks_of_workers_alone() {
        let worker = Needs { service_worker: true, ..Needs::default() };
        check(
            &worker,
            None,
            &[
                ("worker-src https://a.example", "worker-src 'self' https://a.example"),
                ("child-src blob:; script-src *", "child-src 'self' blob:; script-src *"),
                ("worker-src 'self'; child-src blob:", "worker-src 'self'; child-src blob:"),
                ("worker-src *", "worker-src *"),
                ("worker-src 'none'", "worker-src 'none'"),
                ("script-src 'nonce-abc'", "script-src 'nonce-abc'"),
                ("default-src https://a.example", "default-src https://a.example"),
            ],
        );
    }

    #[test]
    fn a_net_in_a_file_needs_the_own_origin_or_a_nonce() {
        let file = Needs { net: Some(Net::File), ..Needs::default() };
        check(
            &file,
            Some("abc"),
            &[
                ("script-src 'self'", "script-src 'self'"),
                ("script-src https://a.example", "script-src 'self' https://a.example"),
                ("script-src 'nonce-abc'", "script-src 'nonce-abc'"),
                ("script-src 'nonce-abc' 'strict-dynamic'", "script-src 'nonce-abc' 'strict-dynamic'"),
                ("script-src 'none'", "script-src 'none'"),
            ],
        );
    }

    #[test]
    fn only_the_directives_that_decide_are_amended() {
        let all = "https://static.example.com 'sha256-loader=' 'sha256-net='";
        check(
            &needs(),
            None,
            &[
                ("default-src 'self'", &format!("default-src {all} 'self'")),
                (
                    "default-src 'self'; script-src 'self'; object-src 'self'",
                    &format!(
                        "default-src https://static.example.com 'self'; script-src {all} 'self'; object-src 'self'"
                    ),
                ),
                (
                    "script-src 'self'; script-src-elem 'self'",
                    &format!("script-src 'self'; script-src-elem {all} 'self'"),
                ),
                ("base-uri 'self'; form-action 'self'", "base-uri 'self'; form-action 'self'"),
                // A list of hashes alone admits no file, and is not made to.
                ("default-src 'sha256-a='", "default-src 'sha256-loader=' 'sha256-net=' 'sha256-a='"),
                ("", ""),
            ],
        );
    }

    #[test]
    fn every_other_byte_stays_and_a_later_duplicate_is_not_touched() {
        check(
            &needs(),
            None,
            &[(
                ";\n IMG-src  'self' data: ;img-src 'self';\tfoo",
                ";\n IMG-src https://static.example.com  'self' data: ;img-src 'self';\tfoo",
            )],
        );
    }

    #[test]
    fn nothing_is_added_where_the_cdn_is_admitted_or_the_sites_own_files_are_not() {
        for content in [
            "img-src *",
            "img-src 'self' https:",
            "img-src *.example.com",
            "img-src 'none'",
            "img-src",
            "img-src data: blob:",
            "style-src 'nonce-abc'",
            "connect-src wss:",
        ] {
            check(&needs(), None, &[(content, content)]);
        }
    }

    #[test]
    fn where_the_site_is_known_another_host_is_not_taken_for_it() {
        let known = Needs { site: Some("https://www.example.org/".to_owned()), ..needs() };
        let other = "img-src https://images.example.net";
        check(&known, None, &[(other, other)]);
        check(&needs(), None, &[(other, "img-src https://static.example.com https://images.example.net")]);
        let own = "img-src www.example.org/pictures/";
        check(&known, None, &[(own, "img-src https://static.example.com www.example.org/pictures/")]);
    }

    #[test]
    fn images_and_media_may_be_on_any_cdn_and_the_rest_is_on_the_first() {
        let two = Needs { cdns: vec![CDN.to_owned(), "https://b.example/x/".to_owned()], net: None, ..needs() };
        check(
            &two,
            None,
            &[(
                "default-src 'self'; img-src 'self'; script-src 'self'; media-src 'none'",
                "default-src https://static.example.com 'self'; \
                 img-src https://static.example.com https://b.example/x/ 'self'; \
                 script-src https://static.example.com 'self'; media-src 'none'",
            )],
        );
    }

    #[test]
    fn a_hash_is_not_added_where_unsafe_inline_is_in_force_and_is_where_it_is_not() {
        check(
            &needs(),
            None,
            &[
                ("script-src * 'unsafe-inline'", "script-src * 'unsafe-inline'"),
                (
                    "script-src * 'unsafe-inline' 'sha256-a='",
                    "script-src 'sha256-loader=' 'sha256-net=' * 'unsafe-inline' 'sha256-a='",
                ),
                (
                    "script-src * 'unsafe-inline' 'nonce-a'",
                    "script-src 'sha256-loader=' 'sha256-net=' * 'unsafe-inline' 'nonce-a'",
                ),
                ("script-src *", "script-src 'sha256-loader=' 'sha256-net=' *"),
            ],
        );
    }

    #[test]
    fn scripts_that_carry_the_nonce_need_no_hash() {
        let content = "script-src * 'nonce-abc'";
        check(&needs(), Some("abc"), &[(content, content)]);
        check(&needs(), Some("ABC"), &[(content, "script-src 'sha256-loader=' 'sha256-net=' * 'nonce-abc'")]);
    }

    #[test]
    fn under_strict_dynamic_no_host_is_added_for_scripts_and_the_net_is_not_trusted_by_hash() {
        let map = Needs { injected: vec!["sha256-map=".to_owned()], ..needs() };
        check(
            &map,
            Some("abc"),
            &[
                ("script-src 'strict-dynamic' 'nonce-abc' 'self'", "script-src 'strict-dynamic' 'nonce-abc' 'self'"),
                (
                    "default-src 'strict-dynamic' 'nonce-abc' 'self'",
                    "default-src https://static.example.com 'strict-dynamic' 'nonce-abc' 'self'",
                ),
                (
                    "script-src 'strict-dynamic' 'sha256-a=' https:",
                    "script-src 'sha256-map=' 'strict-dynamic' 'sha256-a=' https:",
                ),
                (
                    "default-src 'strict-dynamic' 'unsafe-inline' https:",
                    "default-src 'strict-dynamic' 'unsafe-inline' https:",
                ),
            ],
        );
    }

    #[test]
    fn edited_text_gets_a_new_hash_where_a_hash_admitted_the_old_one() {
        let edited = Edited::new("old", "new", Some("abc"));
        let needs =
            Needs { edited_scripts: vec![edited.clone()], edited_styles: vec![edited.clone()], ..Needs::default() };
        let (old, new) = (&edited.before[2], hash("new"));
        check(
            &needs,
            None,
            &[
                (&format!("script-src '{old}'"), &format!("script-src '{new}' '{old}'")),
                (&format!("style-src '{old}'"), &format!("style-src '{new}' '{old}'")),
                (&format!("script-src '{old}' 'nonce-abc'"), &format!("script-src '{old}' 'nonce-abc'")),
                ("default-src 'self' 'sha256-other='", "default-src 'self' 'sha256-other='"),
                ("default-src 'unsafe-inline'", "default-src 'unsafe-inline'"),
            ],
        );
    }

    #[test]
    fn an_edited_style_attribute_gets_a_hash_only_beside_unsafe_hashes() {
        let edited = Edited::new("old", "new", Some("abc"));
        let needs = Needs { edited_style_attributes: vec![edited.clone()], ..Needs::default() };
        let (old, new) = (&edited.before[0], hash("new"));
        let with = format!("style-src-attr 'unsafe-hashes' '{old}' 'nonce-abc'");
        let without = format!("style-src-attr '{old}'");
        check(
            &needs,
            None,
            &[
                (&with, &format!("style-src-attr '{new}' 'unsafe-hashes' '{old}' 'nonce-abc'")),
                (&without, &without),
                ("style-src 'unsafe-inline'", "style-src 'unsafe-inline'"),
            ],
        );
    }

    #[test]
    fn a_script_admitted_by_its_integrity_keeps_being_so_when_it_is_pinned_anew() {
        let pins = vec![("sha256-a= sha384-b=?x".to_owned(), "sha384-c=".to_owned())];
        let needs = Needs { repinned: pins, ..Needs::default() };
        let both = "script-src 'sha256-a=' 'sha384-b='";
        let one = "script-src 'sha256-a='";
        check(&needs, None, &[(both, "script-src 'sha384-c=' 'sha256-a=' 'sha384-b='"), (one, one)]);
    }

    #[test]
    fn the_nets_policy_joins_a_list_of_trusted_types_also_an_empty_one() {
        check(
            &needs(),
            None,
            &[
                ("trusted-types a b", "trusted-types tightrope a b"),
                ("trusted-types 'none'", "trusted-types tightrope 'none'"),
                ("trusted-types", "trusted-types tightrope"),
                ("trusted-types a *", "trusted-types a *"),
                ("trusted-types a tightrope", "trusted-types a tightrope"),
                ("require-trusted-types-for 'script'", "require-trusted-types-for 'script'"),
            ],
        );
        check(&Needs::default(), None, &[("trusted-types a", "trusted-types a")]);
    }

    #[test]
    fn with_commas_each_policy_is_amended_and_no_comma_touches_a_new_source() {
        check(
            &Needs { net: None, ..needs() },
            None,
            &[(
                "img-src 'self', default-src 'self',font-src *",
                "img-src https://static.example.com 'self', default-src https://static.example.com 'self',font-src *",
            )],
        );
    }

    #[test]
    fn a_page_that_needs_nothing_keeps_its_policy() {
        let content = "default-src 'self'; trusted-types a";
        check(&Needs::default(), None, &[(content, content)]);
    }
}
