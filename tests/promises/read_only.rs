//! The input is never written.

use crate::place::{Before, Sites, tree};
use crate::strace::{Call, Request, run};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Calls that leave what they name as it is, whatever their arguments.
const HARMLESS: &[&str] = &[
    "access",
    "close",
    "execve",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fcntl",
    "fstat",
    "getcwd",
    "getdents64",
    "ioctl",
    "lseek",
    "lstat",
    "mmap",
    "newfstatat",
    "pread64",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "stat",
    "statfs",
    "statx",
    "fstatfs",
    "getxattr",
    "lgetxattr",
    "fgetxattr",
    "epoll_ctl",
    "poll",
];

/// Whether a call that names something below `site` cannot have changed it.
fn is_harmless(call: &Call, site: &str) -> bool {
    match call.name.as_str() {
        "openat" | "open" => !["O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC"].iter().any(|flag| call.text.contains(flag)),
        // From the first to the third: `copy_file_range(4</site/a>, NULL, 5</out/a>, NULL, …)`.
        "copy_file_range" => !call.text.split(", ").nth(2).is_some_and(|to| to.contains(site)),
        // To the first, from the second.
        "sendfile" => !call.text.split(", ").next().is_some_and(|to| to.contains(site)),
        // `FICLONE` writes to the first and reads the third, a number.
        "ioctl" => !call.text.contains("FICLONE"),
        name => HARMLESS.contains(&name),
    }
}

#[test]
fn no_call_of_a_build_can_have_written_to_the_site() {
    let sites = Sites::new();
    let place = sites.place("out", Before::Output);
    let request = Request { calls: vec!["%file", "%desc"], ..Request::default() };
    let traced = run(&sites.site(), &place, &request);
    assert_eq!(traced.status, Some(0), "{}", traced.error);
    let site = sites.site().to_str().expect("text").to_owned();
    let (about, rest): (Vec<_>, Vec<_>) = traced.calls.iter().partition(|call| call.text.contains(&site));
    assert!(about.len() > 20, "the site was hardly read: {about:?}");
    // The same eye sees what is written elsewhere.
    assert!(rest.iter().filter(|call| !is_harmless(call, "")).count() > 20, "nothing was written at all");
    let written: Vec<_> = about.iter().filter(|call| !is_harmless(call, &site) && call.name != "execve").collect();
    assert!(written.is_empty(), "{written:#?}");
}

/// What a file is besides its bytes: mode, owner, size, links, and when it and what is known of it changed last.
fn metadata(site: &Path) -> Vec<(PathBuf, [i64; 7])> {
    let all = tree(site).into_keys().chain([PathBuf::new()]);
    all.map(|path| {
        let of = fs::symlink_metadata(site.join(&path)).expect("metadata");
        let (mode, links) = (i64::from(of.mode()), of.nlink().cast_signed());
        let times = [of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()];
        (path, [mode, links, of.size().cast_signed(), times[0], times[1], times[2], times[3]])
    })
    .collect()
}

#[test]
fn a_build_leaves_bytes_modes_and_times_of_the_site_as_they_were() {
    let sites = Sites::new();
    let site = sites.site();
    for (path, mode) in [("a.js", 0o444), ("notes.bin", 0o600), ("plain.html", 0o755), ("img", 0o555)] {
        fs::set_permissions(site.join(path), fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let before = (tree(&site), metadata(&site));
    let place = sites.place("out", Before::Output);
    // The second build removes an output whose files have those modes.
    for _ in 0..2 {
        let (status, _, error) = sites.build(&place);
        assert_eq!(status, Some(0), "{error}");
        assert!((tree(&site), metadata(&site)) == before, "the site is another one: {:?}", metadata(&site));
    }
    assert!(place.tree().as_ref() == Some(&sites.new));
    fs::set_permissions(site.join("img"), fs::Permissions::from_mode(0o755)).expect("a mode");
}
