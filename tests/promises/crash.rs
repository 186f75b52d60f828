//! A build that is killed at any call leaves the old output or the new one, and the next build succeeds.

use crate::place::{Before, Place, Sites};
use crate::strace::{Call, Point, Request, WRITING, changes, points, run};
use crate::{all, for_each};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The file system cannot exchange two names.
const NO_EXCHANGE: &str = "renameat2:error=EINVAL";

/// A build over `before`, with `inject` befalling it in any case, killed at each call that `wanted` is true of.
fn kill_at_each(before: Before, inject: &[&str], wanted: impl Fn(&[Call], usize) -> bool) {
    let (old, new) = kill_at_each_after(|_, _| {}, before, inject, wanted);
    // Otherwise the kills did not reach to both sides of the swap. A first build has nothing to remove afterwards.
    assert!(old > 0 && (new > 0 || before == Before::Nothing));
}

/// The same after `prepare` has been at work in the place. How many kills left the old output, and how many the new one.
fn kill_at_each_after(
    prepare: impl Fn(&Sites, &Place) + Sync,
    before: Before,
    inject: &[&str],
    wanted: impl Fn(&[Call], usize) -> bool,
) -> (usize, usize) {
    let sites = Sites::new();
    let prepared = |name: &str| {
        let place = sites.place(name, before);
        prepare(&sites, &place);
        place
    };
    let request = |more: Option<String>| Request {
        calls: WRITING.to_vec(),
        inject: inject.iter().map(ToString::to_string).chain(more).collect(),
        ..Request::default()
    };
    let counted = run(&sites.site(), &prepared("count"), &request(None));
    assert_eq!(counted.status, Some(0), "{}", counted.error);
    let first = |call: &Call| counted.calls.iter().position(|other| other.text == call.text).unwrap_or_default();
    let points = points(&counted.calls, |call| changes(call) && wanted(&counted.calls, first(call)));
    assert!(points.len() > 5, "hardly anything was counted: {points:?}");

    let (old, new) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for_each(&points, |at, point| {
        let place = prepared(&format!("kill-{at}"));
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
    (old.into_inner(), new.into_inner())
}

/// Whether a killed build left the old output; it must be that or the new one.
fn is_old(sites: &Sites, place: &Place, before: Before, point: &Point) -> bool {
    match (place.tree(), before) {
        (Some(tree), _) if tree == sites.new => false,
        (Some(tree), Before::Output | Before::Link) if tree == sites.old => true,
        (None, Before::Nothing) => true,
        // Between two renames: what stood there waits, whole.
        (None, _) => comes_back(sites, place, point),
        (tree, _) => panic!("killed at {point:?}, OUT is neither the old output nor the new one: {tree:?}"),
    }
}

/// The next build brings back what waits before it begins: one that fails leaves it. Whether that is the old output.
fn comes_back(sites: &Sites, place: &Place, point: &Point) -> bool {
    let waiting = crate::place::tree(&place.state().join("old"));
    assert!(waiting == sites.old || waiting == sites.new, "killed at {point:?}, OUT is lost");
    let inject = vec!["syncfs:error=ENOSPC".to_owned()];
    let traced = run(&sites.site(), place, &Request { calls: vec!["syncfs"], inject, ..Request::default() });
    assert_eq!(traced.status, Some(2), "{}", traced.error);
    assert!(place.tree().as_ref() == Some(&waiting), "killed at {point:?}, what waits does not come back");
    waiting == sites.old
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

/// The next build is killed as well, wherever it is in bringing back the old output and clearing up.
#[test]
fn a_build_that_is_killed_while_it_clears_up_after_a_killed_one_loses_nothing() {
    let request = |more: Option<String>| {
        let inject = [NO_EXCHANGE.to_owned()].into_iter().chain(more).collect();
        Request { calls: WRITING.to_vec(), inject, ..Request::default() }
    };
    // Killed between the two renames: `old` waits, and the new one is staged. Killed before the third: both are there.
    for renames in [1, 2] {
        let prepare = |sites: &Sites, place: &Place| {
            let counted =
                run(&sites.site(), &sites.place(&format!("{}-count", name(place)), Before::Output), &request(None));
            let points = points(&counted.calls, |call| call.name.starts_with("rename") && call.name != "renameat2");
            let kill = format!("{}:signal=KILL:when={}", points[renames].name, points[renames].nth);
            assert_eq!(run(&sites.site(), place, &request(Some(kill))).signal, Some(9));
            assert!(place.state().join("old").is_dir() && place.out.is_dir() == (renames == 2));
        };
        let (old, new) =
            kill_at_each_after(prepare, Before::Output, &[NO_EXCHANGE], |calls, at| all() || !is_staging(calls, at));
        // Before the third rename the new one was there already.
        assert!(new > 0 && (old > 0) == (renames == 1));
    }
}

fn name(place: &Place) -> &str {
    place.root.file_name().and_then(|name| name.to_str()).expect("a name")
}

/// Whether a call only fills the staging directory.
fn is_staging(calls: &[Call], at: usize) -> bool {
    calls[at].text.contains("/staging/") && !calls[at].name.starts_with("unlink") && !is_swap(calls, at)
}

/// Whether a call belongs to the swap: the sync before it, and all that comes after.
fn is_swap(calls: &[Call], at: usize) -> bool {
    calls.iter().position(|call| call.name == "syncfs").is_none_or(|sync| at >= sync)
}
