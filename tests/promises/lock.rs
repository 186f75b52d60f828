//! Two builds into one output, and an output that somebody else has changed.

use crate::place::{Before, Sites, run, tree};
use crate::strace::stop_at;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;

#[test]
fn the_second_build_says_who_holds_the_output_and_a_killed_holder_frees_it() {
    let sites = Sites::new();
    for before in [Before::Output, Before::Nothing, Before::Link] {
        let place = sites.place(&format!("{before:?}"), before);
        let was = place.tree();
        let holder = stop_at(&sites.site(), &place, "syncfs", None);
        let process = holder.process();
        let (status, _, error) = sites.build(&place);
        assert_eq!(status, Some(2), "{error}");
        assert!(error.contains(&format!("(process {process})")), "{process} holds it: {error}");
        assert!(error.contains("another build is writing this output"), "{error}");
        assert!(place.tree() == was, "the second build has changed OUT");

        holder.send("KILL");
        assert!(place.tree() == was, "the killed build has changed OUT");
        let (status, _, error) = sites.build(&place);
        assert_eq!(status, Some(0), "the holder was killed, and still: {error}");
        assert!(place.tree().as_ref() == Some(&sites.new));
        assert_eq!(place.litter(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_second_build_that_is_refused_leaves_the_first_ones_work_alone() {
    let sites = Sites::new();
    let place = sites.place("out", Before::Output);
    let holder = stop_at(&sites.site(), &place, "syncfs", None);
    assert_eq!(sites.build(&place).0, Some(2));
    let (status, error) = holder.send("CONT");
    assert_eq!(status, Some(0), "{error}");
    assert!(place.tree().as_ref() == Some(&sites.new));
    assert_eq!(place.litter(), Vec::<PathBuf>::new());
}

#[test]
fn a_lock_that_a_build_which_is_gone_left_behind_holds_nobody() {
    let sites = Sites::new();
    let place = sites.place("out", Before::Output);
    fs::create_dir(place.state()).expect("a directory");
    fs::write(place.state().join("lock"), "1").expect("a file");
    assert_eq!(sites.build(&place).0, Some(0));
}

/// The inode and the number of names of each file.
#[test]
fn a_link_in_the_place_of_the_lock_is_not_written_through() {
    let sites = Sites::new();
    let place = sites.place("out", Before::Output);
    let (state, outside) = (place.root.join(".out.tightrope"), sites.site().with_file_name("outside"));
    fs::write(&outside, "precious\n").expect("a file");
    fs::create_dir_all(&state).expect("a directory");
    symlink(&outside, state.join("lock")).expect("a link");
    let (status, _, error) = sites.build(&place);
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("lock"), "{error}");
    assert_eq!(fs::read_to_string(&outside).expect("the file"), "precious\n");
}

fn inodes(root: &std::path::Path) -> BTreeMap<PathBuf, (u64, u64)> {
    let files = tree(root).into_iter().filter(|(_, bytes)| bytes.is_some());
    files
        .map(|(path, _)| {
            let metadata = fs::metadata(root.join(&path)).expect("metadata");
            (path, (metadata.ino(), metadata.nlink()))
        })
        .collect()
}

#[test]
fn an_output_that_was_edited_in_place_is_written_anew_and_never_linked_to() {
    let sites = Sites::new();
    let place = sites.place("out", Before::Nothing);
    assert_eq!(run(&sites.site(), &place.out).0, Some(0));
    let edited = sites.new.iter().filter(|(_, bytes)| bytes.is_some()).map(|(path, _)| place.out.join(path));
    let edited: Vec<_> = edited.collect();
    // Held open, so that no inode is given to a second file.
    let held: Vec<File> = edited.iter().map(|path| File::open(path).expect("a file")).collect();
    for path in &edited {
        let modified = path.metadata().expect("metadata").modified().expect("a time");
        let bytes = fs::read(path).expect("a file").iter().map(|byte| byte ^ 1).collect::<Vec<_>>();
        fs::write(path, bytes).expect("a file");
        // As long, and as old, as what was written: only the bytes tell.
        File::options().write(true).open(path).expect("a file").set_modified(modified).expect("a time");
    }
    fs::write(place.out.join("more.js"), "put there by somebody").expect("a file");
    let before = inodes(&place.out);
    assert_eq!(run(&sites.site(), &place.out).0, Some(0));
    assert!(place.tree().as_ref() == Some(&sites.new), "an edit survives the build");
    for (path, (inode, names)) in inodes(&place.out) {
        assert!(before.get(&path).is_none_or(|(old, _)| *old != inode), "{} is the edited file", path.display());
        assert_eq!(names, 1, "{} has a second name", path.display());
    }
    drop(held);
}
