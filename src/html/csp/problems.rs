//! Policies under which a page, or the net, works with limits.

use super::additions::is_admitted_by_hash;
use super::additions::{admits_worker, beacon_source};
use super::place::Place;
use super::policy::{Kind, Policy};
use super::source::{Inline, Sources};
use super::{Needs, Net};

/// What does not work under a policy, although it was amended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Problem {
    /// `default-src 'none'` and nothing beside it that allows anything: the page loads no script, style or image, from
    /// the CDN or its own origin. Nothing is inserted.
    NothingAllowed,
    /// No script of the site can run: `script-src 'none'`, an empty one, `'strict-dynamic'` without any nonce or hash,
    /// schemes like `data:` alone, or `default-src` to that effect. The net does not run either: sheets and images
    /// that the CDN fails to deliver are lost. Nothing is inserted for scripts.
    ScriptsForbidden,
    /// Hashes and `'strict-dynamic'` without a nonce: external scripts in the markup are blocked, on the CDN as on
    /// the page's own origin, and so are the imports of inline modules. The net is not given a hash, because it
    /// would be trusted to insert the scripts that the policy blocks: it does not run, and nothing falls back.
    TrustedByHash,
    /// The policy has nonces, but the injected scripts carry none of them. Without `'strict-dynamic'` the net is
    /// admitted by its hash. With it the net does not run, as in [`Problem::TrustedByHash`].
    NonceNotLent,
    /// `connect-src` does not admit the page's own origin, as far as can be told, so the loader cannot read the net at the
    /// moment when a script fails: the net comes as a script, in its own time. A deferred script that is the first to
    /// fail then runs behind those that follow it.
    LocalFetchForbidden,
    /// An inline module that names the CDN is admitted by its hash. When what it imports fails, the net replaces its text
    /// by one with local URLs, which has another hash and is blocked.
    InlineNotHealed,
    /// What decides about workers admits none of the page's own origin, and decides about scripts as well, so that nothing
    /// is inserted: the service worker is not registered.
    WorkerForbidden,
    /// The value holds a comma and reads as several policies. Chromium takes it so; the HTML standard takes it for a
    /// part of the source it stands at, which then matches nothing. The policies are amended one by one.
    Comma,
}

/// The problems of all policies, each once.
pub(super) fn problems(policies: &[Policy<'_>], needs: &Needs, nonce: Option<&str>) -> Vec<Problem> {
    let mut all: Vec<_> = policies.iter().flat_map(|policy| of_policy(policy, needs, nonce)).collect();
    if policies.len() > 1 {
        all.push(Problem::Comma);
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn of_policy(policy: &Policy<'_>, needs: &Needs, nonce: Option<&str>) -> Vec<Problem> {
    if allows_nothing(policy) {
        return vec![Problem::NothingAllowed];
    }
    let scripts = policy.deciding(Kind::Script).map(|directive| Sources(&directive.value));
    let trust = scripts.filter(|_| needs.scripts || needs.net.is_some()).and_then(|list| of_trust(list, nonce));
    let net = needs.net.iter().flat_map(|_| of_net(policy, scripts, needs, nonce));
    trust.into_iter().chain(net).collect()
}

/// Whether `default-src` decides about every kind, and forbids it.
fn allows_nothing(policy: &Policy<'_>) -> bool {
    let forbids = policy.get("default-src").is_some_and(|directive| Sources(&directive.value).is_none());
    forbids && policy.directives.iter().filter(|directive| directive.name.contains("-src")).count() == 1
}

/// Which scripts are trusted at all.
fn of_trust(list: Sources<'_>, nonce: Option<&str>) -> Option<Problem> {
    if list.admits_no_script() {
        Some(Problem::ScriptsForbidden)
    } else if list.has_nonces() && !list.has_nonce(nonce) {
        Some(Problem::NonceNotLent)
    } else if list.is_strict() && !list.has_nonces() {
        Some(Problem::TrustedByHash)
    } else {
        None
    }
}

/// What the net cannot do. Where it does not run, [`of_trust`] has said so.
fn of_net(policy: &Policy<'_>, scripts: Option<Sources<'_>>, needs: &Needs, nonce: Option<&str>) -> Vec<Problem> {
    let by_nonce = |list: Sources<'_>| list.has_nonce(nonce);
    let runs = scripts.is_none_or(|list| by_nonce(list) || !(list.admits_no_script() || list.is_strict()));
    let fetches = matches!(needs.net, Some(Net::Inline { .. }));
    let checks = [
        (Problem::LocalFetchForbidden, needs.deferred && fetches && !admits_local_fetch(policy, needs)),
        (Problem::InlineNotHealed, has_module_by_hash(policy, needs)),
        (Problem::WorkerForbidden, needs.service_worker && forbids_worker(policy, needs)),
    ];
    checks.into_iter().filter(|(_, holds)| runs && *holds).map(|(problem, _)| problem).collect()
}

fn admits_local_fetch(policy: &Policy<'_>, needs: &Needs) -> bool {
    let site = needs.site.as_deref().and_then(Place::parse);
    let list = policy.deciding(Kind::Connect).map(|directive| Sources(&directive.value));
    // Reports to the own origin have let it in already.
    let is_added = beacon_source(needs).is_some_and(|source| source == "'self'");
    list.is_none_or(|list| list.match_site(site.as_ref()) || is_added && !list.is_none())
}

fn forbids_worker(policy: &Policy<'_>, needs: &Needs) -> bool {
    policy.deciding(Kind::Worker).is_some_and(|directive| {
        let is_added = matches!(&*directive.name, "worker-src" | "child-src") && !Sources(&directive.value).is_none();
        !is_added && !admits_worker(directive, needs)
    })
}

fn has_module_by_hash(policy: &Policy<'_>, needs: &Needs) -> bool {
    let list = policy.deciding(Kind::Script).map(|directive| Sources(&directive.value));
    list.is_some_and(|list| needs.edited_scripts.iter().any(|edited| is_admitted_by_hash(list, Inline::Script, edited)))
}

#[cfg(test)]
mod tests {
    use super::super::{Edited, Needs, Net, amend};
    use super::Problem::{self, *};

    fn needs() -> Needs {
        Needs {
            cdns: vec!["https://static.example.com/".to_owned()],
            scripts: true,
            styles: true,
            net: Some(Net::Inline { loader: "sha256-loader=".to_owned(), net: "sha256-net=".to_owned() }),
            deferred: true,
            ..Needs::default()
        }
    }

    fn check(needs: &Needs, nonce: Option<&str>, cases: &[(&str, &[Problem])]) {
        for (content, expected) in cases {
            assert_eq!(&amend(content, needs, nonce).problems, expected, "{content}");
        }
    }

    #[test]
    fn a_policy_that_lets_the_net_work_has_no_problems() {
        check(
            &needs(),
            Some("abc"),
            &[
                ("img-src 'self'", &[]),
                ("default-src 'self' 'unsafe-inline'", &[]),
                ("script-src 'nonce-abc'; connect-src *", &[]),
                ("script-src 'strict-dynamic' 'nonce-abc' 'sha256-a='", &[]),
            ],
        );
    }

    #[test]
    fn a_policy_that_forbids_scripts_or_everything_is_told_apart() {
        check(
            &needs(),
            None,
            &[
                ("default-src 'none'", &[NothingAllowed]),
                ("default-src; base-uri 'none'", &[NothingAllowed]),
                ("default-src 'none'; img-src 'self'", &[ScriptsForbidden]),
                ("script-src 'none'", &[ScriptsForbidden]),
                ("script-src", &[ScriptsForbidden]),
                ("script-src data: 'unsafe-eval'; connect-src 'none'", &[ScriptsForbidden]),
                ("script-src 'strict-dynamic' https: 'unsafe-inline'", &[ScriptsForbidden]),
            ],
        );
    }

    #[test]
    fn trust_by_hash_or_by_a_nonce_that_is_not_lent_keeps_the_net_from_working() {
        check(
            &needs(),
            None,
            &[
                ("script-src 'strict-dynamic' 'sha256-a='", &[TrustedByHash]),
                ("script-src 'strict-dynamic' 'nonce-abc'", &[NonceNotLent]),
                ("script-src 'self' 'nonce-abc'", &[NonceNotLent]),
            ],
        );
    }

    #[test]
    fn deferred_scripts_run_late_where_the_net_may_not_be_fetched() {
        check(
            &needs(),
            None,
            &[
                ("script-src 'self' 'sha256-a='", &[]),
                ("script-src 'self'; connect-src 'none'", &[LocalFetchForbidden]),
                ("connect-src https://api.example.com", &[LocalFetchForbidden]),
                ("default-src 'unsafe-inline' *; connect-src 'none'", &[LocalFetchForbidden]),
            ],
        );
        let file = Needs { net: Some(Net::File), ..needs() };
        check(&file, None, &[("script-src 'self'; connect-src 'none'", &[])]);
        let none = Needs { deferred: false, ..needs() };
        check(&none, None, &[("script-src 'self' 'sha256-a='; connect-src 'none'", &[])]);
    }

    #[test]
    fn where_the_site_is_known_its_host_admits_local_fetches() {
        let known = Needs { site: Some("https://www.example.org/docs/".to_owned()), ..needs() };
        check(
            &known,
            None,
            &[("connect-src www.example.org", &[]), ("connect-src api.example.org", &[LocalFetchForbidden])],
        );
    }

    #[test]
    fn a_module_admitted_by_its_hash_is_not_healed() {
        let edited = Edited::new("old", "new", None);
        let by_hash = format!("script-src 'self' '{}'", edited.before[0]);
        let needs = Needs { edited_scripts: vec![edited], ..needs() };
        check(&needs, None, &[(&by_hash, &[InlineNotHealed]), ("script-src 'self' 'unsafe-inline' *", &[])]);
    }

    #[test]
    fn a_service_worker_that_no_directive_admits_is_said() {
        let worker = Needs { service_worker: true, deferred: false, ..needs() };
        check(
            &worker,
            Some("abc"),
            &[
                ("script-src 'nonce-abc'", &[WorkerForbidden]),
                ("worker-src 'none'", &[WorkerForbidden]),
                ("worker-src https://a.example", &[]),
                ("script-src 'nonce-abc' 'strict-dynamic'", &[]),
                ("script-src 'nonce-abc' 'self'", &[]),
                ("script-src 'nonce-abc'; worker-src 'self'", &[]),
            ],
        );
    }

    #[test]
    fn trusted_types_and_commas_are_said() {
        check(
            &needs(),
            None,
            &[
                ("require-trusted-types-for 'script'; trusted-types a", &[]),
                ("trusted-types a", &[]),
                ("img-src *, font-src *", &[Comma]),
                ("img-src *,", &[]),
            ],
        );
    }

    #[test]
    fn a_page_without_net_and_without_scripts_on_the_cdn_has_no_problem_with_scripts() {
        let only = Needs { scripts: false, net: None, ..needs() };
        check(&only, None, &[("script-src 'none'; require-trusted-types-for 'script'", &[])]);
    }
}
