//! A build that is killed at any call leaves the old output or the new one, and the next build succeeds.

use crate::place::{Before, Place, Sites};
use crate::strace::{Call, Point, Request, WRITING, changes, points, run};
use crate::{all, for_each};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The file system cannot exchange two names.
const NO_EXCHANGE: &str = "renameat2:error=EINVAL";

/// A build over `before`, with `inject` befalling it in any case, killed at each call that `wanted` is true of.
fn kill_at_each(before: Before, inject: &[&str], wanted: impl Fn(&[Call], usize) -> bool) {
    let sites = Sites::new();
    let request = |more: Option<String>| Request {
        calls: WRITING.to_vec(),
        inject: inject.iter().map(ToString::to_string).chain(more).collect(),
        ..Request::default()
    };
    let counted = run(&sites.site(), &sites.place("count", before), &request(None));
    assert_eq!(counted.status, Some(0), "{}", counted.error);
    let first = |call: &Call| counted.calls.iter().position(|other| other.text == call.text).unwrap_or_default();
    let points = points(&counted.calls, |call| changes(call) && wanted(&counted.calls, first(call)));
    assert!(points.len() > 5, "hardly anything was counted: {points:?}");

    let (old, new) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for_each(&points, |at, point| {
        let place = sites.place(&format!("kill-{at}"), before);
        let kill = format!("{}:signal=KILL:when={}", point.name, point.nth);
        let traced = run(&sites.site(), &place, &request(Some(kill)));
        assert_eq!(traced.signal, Some(9), "{point:?} did not kill it: {}", traced.error);
        let left = if is_old(&sites, &place, before, point) { &old } else { &new };
        left.fetch_add(1, Ordering::Relaxed);
        let (status, _, error) = sites.build(&place);
        assert_eq!(status, Some(0), "killed at {point:?}, the next build fails: {error}");
        assert!(place.tree().as_ref() == Some(&sites.new), "killed at {point:?}, the next build makes something else");
        assert_eq!(place.litter(), Vec::<std::path::PathBuf>::new(), "killed at {point:?}, the next build leaves this");
    });
    println!("| killed over {before:?} {inject:?} | {} | {old:?} old, {new:?} new |", points.len());
    // Otherwise the kills did not reach to both sides of the swap. A first build has nothing to remove afterwards.
    assert!(old.into_inner() > 0 && (new.into_inner() > 0 || before == Before::Nothing));
}

/// Whether a killed build left the old output; it must be that or the new one.
fn is_old(sites: &Sites, place: &Place, before: Before, point: &Point) -> bool {
    match (place.tree(), before) {
        (Some(tree), _) if tree == sites.new => false,
        (Some(tree), Before::Output | Before::Link) if tree == sites.old => true,
        (None, Before::Nothing) => true,
        // Between two renames: the old one waits, whole.
        (None, _) => {
            assert!(crate::place::tree(&place.state().join("old")) == sites.old, "killed at {point:?}, OUT is lost");
            comes_back(sites, place, point);
            true
        }
        (tree, _) => panic!("killed at {point:?}, OUT is neither the old output nor the new one: {tree:?}"),
    }
}

/// The next build brings the old output back before it begins: one that fails leaves it.
fn comes_back(sites: &Sites, place: &Place, point: &Point) {
    let inject = vec!["syncfs:error=ENOSPC".to_owned()];
    let traced = run(&sites.site(), place, &Request { calls: vec!["syncfs"], inject, ..Request::default() });
    assert_eq!(traced.status, Some(2), "{}", traced.error);
    assert!(place.tree().as_ref() == Some(&sites.old), "killed at {point:?}, the old output does not come back");
}

#[test]
fn a_build_that_is_killed_at_any_call_leaves_the_old_output_or_the_new_one() {
    kill_at_each(Before::Output, &[], |_, _| true);
}

#[test]
fn a_first_build_that_is_killed_at_any_call_leaves_nothing_or_all_of_it() {
    kill_at_each(Before::Nothing, &[], |_, _| true);
}

#[test]
fn where_names_cannot_be_exchanged_a_killed_swap_is_finished_by_the_next_build() {
    kill_at_each(Before::Output, &[NO_EXCHANGE], |calls, at| all() || is_swap(calls, at));
}

#[test]
fn an_output_behind_a_link_survives_a_kill_as_well() {
    kill_at_each(Before::Link, &[], |calls, at| all() || is_swap(calls, at));
    kill_at_each(Before::Link, &[NO_EXCHANGE], |calls, at| all() || is_swap(calls, at));
}

/// Whether a call belongs to the swap: the sync before it, and all that comes after.
fn is_swap(calls: &[Call], at: usize) -> bool {
    calls.iter().position(|call| call.name == "syncfs").is_none_or(|sync| at >= sync)
}
