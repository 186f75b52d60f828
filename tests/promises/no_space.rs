//! A call that fails, whichever it is and for whatever reason, ends the build with one message that names the file and
//! the cause, and the old output stays; or it did not matter, and the output is what it would have been.

use crate::place::{Before, Place, Sites};
use crate::strace::{Call, Point, READING, Request, Traced, WRITING, changes, points, run};
use crate::{all, for_each};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the system says of each error.
const ERRORS: &[(&str, &str)] = &[
    ("ENOSPC", "No space left on device"),
    ("EDQUOT", "Disk quota exceeded"),
    ("EIO", "Input/output error"),
    ("EMFILE", "Too many open files"),
    ("ENFILE", "Too many open files in system"),
    ("EROFS", "Read-only file system"),
    ("ENOMEM", "Cannot allocate memory"),
];

/// A build over `before`, each of whose calls that `wanted` is true of fails with `error`.
fn fail_at_each(error: &str, calls: &[&'static str], before: Before, wanted: impl Fn(&Call) -> bool) {
    let sites = Sites::new();
    let request = |place: &Place, inject| Request {
        calls: calls.to_vec(),
        inject,
        // What the program's own start reads is not ours, and the message must get through.
        paths: paths(&sites, place),
    };
    let place = sites.place("count", before);
    let whole = run(&sites.site(), &place, &request(&place, Vec::new()));
    assert_eq!(whole.status, Some(0), "{}", whole.error);
    let points = points(&whole.calls, wanted);
    assert!(points.len() > 5, "hardly anything was counted: {points:?}");

    let (stopped, harmless) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for_each(&points, |at, point| {
        let place = sites.place(&format!("fail-{at}"), before);
        let fail = format!("{}:error={error}:when={}", point.name, point.nth);
        let traced = run(&sites.site(), &place, &request(&place, vec![fail]));
        assert!(traced.calls.iter().any(|call| call.text.contains("INJECTED")), "{point:?} was not made to fail");
        if traced.status == Some(0) {
            assert_eq!(traced.out, whole.out, "{error} at {point:?} is passed over, and the report is another");
            assert!(
                place.tree().as_ref() == Some(&sites.new),
                "{error} at {point:?} is passed over: {:?}",
                place.tree()
            );
            harmless.fetch_add(1, Ordering::Relaxed);
        } else {
            says_why_and_leaves_the_old(&sites, &place, before, error, point, &traced);
            stopped.fetch_add(1, Ordering::Relaxed);
        }
        succeeds_next_time(&sites, &place, error, point);
    });
    println!("| {error} over {before:?} | {} | {stopped:?} said, {harmless:?} did not matter |", points.len());
    assert!(stopped.into_inner() > 0);
}

fn says_why_and_leaves_the_old(sites: &Sites, place: &Place, old: Before, error: &str, at: &Point, traced: &Traced) {
    let message = traced.error.trim_end();
    assert_eq!(traced.status, Some(2), "{error} at {at:?}: {message}");
    let cause = ERRORS.iter().find(|(name, _)| *name == error).expect("a known error").1;
    assert!(message.starts_with("error: ") && message.contains(cause), "{error} at {at:?}: {message}");
    assert_eq!(message.matches("error: ").count(), 1, "{error} at {at:?}: {message}");
    let names_a_file =
        [&place.root, &sites.site()].into_iter().any(|root| message.contains(root.to_str().expect("text")));
    // A page goes by its path in the site.
    let names_a_page = message.contains("error: index.html: ") || message.contains("error: long.html: ");
    assert!(names_a_file || names_a_page, "{error} at {at:?} names no file: {message}");
    let expected = (old != Before::Nothing).then_some(&sites.old);
    assert!(place.tree().as_ref() == expected, "{error} at {at:?} has changed OUT: {message}");
    assert_eq!(place.litter(), Vec::<PathBuf>::new(), "{error} at {at:?} leaves this: {message}");
}

fn succeeds_next_time(sites: &Sites, place: &Place, error: &str, point: &Point) {
    let (status, _, message) = sites.build(place);
    assert_eq!(status, Some(0), "after {error} at {point:?}: {message}");
    assert!(place.tree().as_ref() == Some(&sites.new), "after {error} at {point:?}");
    assert_eq!(place.litter(), Vec::<PathBuf>::new(), "after {error} at {point:?}");
}

/// Everything that the build may read or write.
fn paths(sites: &Sites, place: &Place) -> Vec<PathBuf> {
    let site = sites.site();
    let state = place.state();
    let staging = state.join("staging");
    let site_files = crate::place::tree(&site).into_keys().map(|path| site.join(path)).collect::<Vec<_>>();
    let old = sites.old.keys().flat_map(|path| [place.out.join(path), staging.join(path)]);
    let staged = sites.new.keys().map(|path| staging.join(path));
    let more = [&site, &place.root, &place.out, &place.real, &staging, &state];
    let more = more.into_iter().cloned().chain([state.join("lock"), state.join("old"), state.join("page")]);
    site_files.into_iter().chain(old).chain(staged).chain(more).collect()
}

#[test]
fn a_full_disk_at_any_call_leaves_the_old_output_and_says_so() {
    fail_at_each("ENOSPC", WRITING, Before::Output, changes);
}

#[test]
fn a_full_disk_in_the_first_build_leaves_no_output() {
    fail_at_each("ENOSPC", WRITING, Before::Nothing, |call| changes(call) && (all() || call.name != "mkdir"));
}

#[test]
fn no_file_descriptor_left_at_any_call_leaves_the_old_output_and_says_so() {
    fail_at_each("EMFILE", READING, Before::Output, |call| call.name == "openat");
}

#[test]
fn a_disk_that_cannot_be_read_at_any_call_leaves_the_old_output_and_says_so() {
    fail_at_each("EIO", READING, Before::Output, |call| all() || call.name != "openat" && call.name != "statx");
}

#[test]
fn every_error_at_every_call_leaves_the_old_output_and_says_so() {
    // The part that takes minutes; the other tests here have the most telling of it.
    let errors: &[&str] = if all() { &["EDQUOT", "EIO", "EROFS", "ENOMEM"] } else { &["EDQUOT"] };
    for error in errors {
        fail_at_each(error, WRITING, Before::Output, |call| {
            changes(call) && (all() || matches!(call.name.as_str(), "write" | "openat"))
        });
    }
    for error in ["ENFILE", "EIO", "ENOMEM"].into_iter().filter(|_| all()) {
        fail_at_each(error, READING, Before::Output, |_| true);
    }
}

/// Pages that stream by are written through a buffer, whose last part must not be lost in silence.
#[test]
fn a_disk_that_is_full_at_the_end_of_a_long_page_stops_the_build() {
    let mut sites = Sites::new();
    let script = "<!doctype html>\n<script src=a.js></script>\n";
    fs::write(sites.site().join("long.html"), script.to_owned() + &"<p>text</p>\n".repeat(100_000)).expect("a page");
    let place = sites.place("whole", Before::Nothing);
    let request = |place: &Place, inject| {
        let paths = vec![place.state().join("staging/long.html")];
        Request { calls: vec!["write"], inject, paths }
    };
    let whole = run(&sites.site(), &place, &request(&place, Vec::new()));
    assert_eq!(whole.status, Some(0), "{}", whole.error);
    sites.new = place.tree().expect("an output");
    let points = points(&whole.calls, |call| call.text.contains("long.html"));
    assert!(points.len() > 3, "it is written in pieces: {points:?}");
    for_each(&points, |at, point| {
        let place = sites.place(&format!("long-{at}"), Before::Output);
        let traced =
            run(&sites.site(), &place, &request(&place, vec![format!("write:error=ENOSPC:when={}", point.nth)]));
        says_why_and_leaves_the_old(&sites, &place, Before::Output, "ENOSPC", point, &traced);
        succeeds_next_time(&sites, &place, "ENOSPC", point);
    });
}

#[test]
fn a_report_that_cannot_be_written_is_told_and_so_is_that_the_output_is_new() {
    let sites = Sites::new();
    let place = sites.place("out", Before::Output);
    let full = fs::File::options().write(true).open("/dev/full").expect("a device that is always full");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tightrope"));
    command.arg("build").arg(sites.site()).arg("--out").arg(&place.out).args(crate::place::OPTIONS).stdout(full);
    let output = command.output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let message = "standard output: cannot write the report (the site itself is complete): No space left on device";
    assert!(error.contains(message), "{error}");
    assert!(place.tree().as_ref() == Some(&sites.new));
}

/// What the build before has left in browsers is known from its manifest alone.
#[test]
fn an_old_manifest_that_cannot_be_read_is_not_taken_for_none() {
    let sites = Sites::new();
    let place = sites.place("out", Before::Nothing);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tightrope"));
    command.arg("build").arg(sites.site()).arg("--out").arg(&place.out).args(crate::place::OPTIONS);
    assert!(command.arg("--service-worker").output().expect("it runs").status.success());
    let before = place.tree();
    let manifest = place.out.join("tightrope.json");
    let inject = vec!["openat:error=EMFILE:when=1".to_owned()];
    let request = Request { calls: vec!["openat"], inject, paths: vec![manifest.clone()] };
    let traced = run(&sites.site(), &place, &request);
    assert_eq!(traced.status, Some(2), "{}", traced.error);
    assert!(traced.error.contains(manifest.to_str().expect("text")), "{}", traced.error);
    assert!(place.tree() == before);
    assert_eq!(sites.build(&place).0, Some(0));
    assert!(place.out.join("tightrope-service-worker.js").exists(), "the service worker is not retired");
}
