//! A file that changes while the build runs has the hash of what was written, or stops the build with its name.

use crate::all;
use crate::place::{Before, Place, Sites, run, write_site};
use crate::strace::stop_at;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// Files of every kind, by what they are to a build: rewritten, published under two names, copied.
const FILES: &[&str] = &["img/a.png", "a.js", "css/a.css", "index.html", "plain.html", "notes.bin"];

/// Whether `verify` finds nothing in OUT.
fn is_clean(place: &Place) -> Result<(), String> {
    let verify = Command::new(env!("CARGO_BIN_EXE_tightrope")).arg("verify").arg(&place.out).output().expect("it runs");
    let text = String::from_utf8_lossy(&verify.stdout).into_owned();
    if verify.status.code() == Some(0) { Ok(()) } else { Err(text) }
}

/// An image that stands under two names holds the same bytes under both.
fn both_copies_agree(place: &Place) {
    let tree = place.tree().expect("an output");
    let images: Vec<_> = tree.iter().filter(|(path, bytes)| path.starts_with("img") && bytes.is_some()).collect();
    assert_eq!(images.len(), 2, "an image is published under two names");
    assert!(images[0].1 == images[1].1, "the two copies of an image differ");
}

/// Either the build ended with a message that names the file, or its output is right.
fn holds(place: &Place, path: &str, status: Option<i32>, error: &str) -> bool {
    if status == Some(2) {
        assert!(error.contains(path), "`{path}` has changed, and the message is: {error}");
        return false;
    }
    assert_eq!(status, Some(0), "{error}");
    if let Err(findings) = is_clean(place) {
        panic!("`{path}` has changed while the build ran: {findings}");
    }
    both_copies_agree(place);
    true
}

/// As many bytes, other ones, and the time of the change is taken back: nothing but the bytes can tell.
fn change_in_secret(file: &Path) {
    let modified = file.metadata().expect("metadata").modified().expect("a time");
    let mut bytes = fs::read(file).expect("a file");
    let digits: Vec<_> = bytes.iter_mut().filter(|byte| matches!(byte, b'1' | b'2')).collect();
    assert!(!digits.is_empty(), "{}: nothing to change", file.display());
    for digit in digits {
        *digit = b'7';
    }
    fs::write(file, bytes).expect("a file");
    File::options().write(true).open(file).expect("a file").set_modified(modified).expect("a time");
}

/// The moments: before anything is staged, before the first file is closed and copied again, and before the swap.
const MOMENTS: &[&str] = &["flock", "copy_file_range", "fchmod", "syncfs"];

#[test]
fn a_file_that_changes_in_secret_between_reading_and_copying_has_the_hash_of_what_was_written() {
    for moment in MOMENTS.iter().copied() {
        for path in FILES.iter().filter(|path| all() || moment == "flock" || **path == "img/a.png") {
            let sites = Sites::new();
            let place = sites.place("out", Before::Output);
            let stopped = stop_at(&sites.site(), &place, moment, None);
            change_in_secret(&sites.site().join(path));
            let (status, error) = stopped.send("CONT");
            holds(&place, path, status, &error);
        }
    }
}

/// Says so when it goes, even in a test that fails.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_file_that_is_written_anew_all_the_time_has_the_hash_of_what_was_written_or_stops_the_build() {
    let sites = Sites::new();
    let (site, place) = (sites.site(), sites.place("out", Before::Output));
    let image = site.join("img/a.png");
    let rounds = if all() { 400 } else { 40 };
    let is_over = AtomicBool::new(false);
    let right = std::thread::scope(|scope| {
        // However the builds end, so does the writer.
        let over = Over(&is_over);
        scope.spawn(|| {
            for round in 0_usize.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                // Every other time of the same length, and in place: a reader may see the half of it.
                let length = 200_000 + 1000 * (round / 2 % 7);
                fs::write(&image, vec![b'a' + u8::try_from(round % 26).unwrap_or(0); length]).expect("a file");
            }
        });
        let right = (0..rounds).filter(|_| {
            let (status, _, error) = run(&site, &place.out);
            holds(&place, "img/a.png", status, &error)
        });
        let right = right.count();
        drop(over);
        right
    });
    println!("| builds beside a writer | {rounds} | {right} right, {} said so |", rounds - right);
    write_site(&site, "2");
    assert_eq!(sites.build(&place).0, Some(0));
    assert!(place.tree().as_ref() == Some(&sites.new));
}

/// A page that streams by is read more than once, and written while it is read.
#[test]
fn a_long_page_that_changes_while_it_is_written_is_the_one_or_the_other() {
    let sites = Sites::new();
    let text = "<p>text</p>\n".repeat(100_000);
    let page = format!("<!doctype html>\n<title>2</title><script src=a.js></script>\n{text}<p>2</p>\n");
    fs::write(sites.site().join("long.html"), page).expect("a page");
    let place = sites.place("out", Before::Output);
    let stopped = stop_at(&sites.site(), &place, "write", Some(place.state().join("staging/long.html")));
    change_in_secret(&sites.site().join("long.html"));
    let (status, error) = stopped.send("CONT");
    if holds(&place, "long.html", status, &error) {
        let page = fs::read_to_string(place.out.join("long.html")).expect("a page");
        let (start, end) = (page.contains("<title>2<"), page.ends_with("<p>2</p>\n"));
        assert_eq!(start, end, "its start and its end are of two versions");
    }
}

/// Such a site is checked and copied as it is: what is copied must be what was checked.
#[test]
fn an_output_that_is_built_again_while_a_file_of_it_changes_is_refused() {
    let sites = Sites::new();
    let built = sites.place("built", Before::Output);
    let asset =
        sites.old.keys().find(|path| path.starts_with("img") && path.to_string_lossy().matches('.').count() == 2);
    for moment in ["flock", "syncfs"] {
        let place = sites.place(moment, Before::Nothing);
        let stopped = stop_at(&built.out, &place, moment, None);
        let file = built.out.join(asset.expect("an asset"));
        let before = fs::read(&file).expect("a file");
        change_in_secret(&file);
        let (status, error) = stopped.send("CONT");
        assert_eq!(status, Some(if moment == "flock" { 2 } else { 0 }), "{error}");
        assert!(status == Some(0) || error.contains("with other options or other files"), "{error}");
        assert!(
            status == Some(2) || place.tree().as_ref() == Some(&sites.old),
            "what was checked is not what is there"
        );
        fs::write(&file, before).expect("a file");
    }
}
