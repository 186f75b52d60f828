//! Links and what is neither file nor directory: what is let in, and that nothing is written through one.

use crate::place::Place;
use std::fs;
use std::os::unix::net::UnixListener;

const PAGE: &str = "<!doctype html>\n<script src=a.js></script>\n<script src=secret.js></script>\n\
                    <img src=up/secret.png><link rel=stylesheet href=latest/a.css>\n";

/// A site of which a link leads out, one up, one to a directory of its own and one to a file of its own.
fn site_with_links() -> Place {
    let place = Place::with(&[("index.html", PAGE), ("a.js", "1\n"), ("v2/a.css", "p { background: url(b.png) }")]);
    place.write("site/v2/b.png", "png");
    place.write("outside/secret.js", "'secret'\n");
    place.write("outside/secret.png", "secret");
    place.link("../outside/secret.js", "site/secret.js");
    place.link("../outside", "site/up");
    place.link("v2", "site/latest");
    place.link("a.js", "site/same.js");
    place
}

#[test]
fn links_out_of_the_site_and_to_directories_are_left_out_and_no_reference_leads_through_them() {
    let place = site_with_links();
    let said = place.build_well(&[]);
    for line in [
        "secret.js: warning[link-not-followed]: links to `../outside/secret.js`, which is not in the site",
        "up: warning[link-not-followed]: links to `../outside`, which is not in the site",
        "latest: warning[link-not-followed]: links to `v2`, which is a directory",
        "index.html:3:13: warning[missing-asset]: `secret.js` does not exist",
        "index.html:4:10: warning[missing-asset]: `up/secret.png` does not exist",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(said.contains("or build with --follow-links"), "{said}");
    let names = place.names("out");
    assert!(names.iter().all(|name| !name.contains("secret") && !name.starts_with("latest")), "{names:?}");
    let of_links = names.iter().filter(|name| place.path("out").join(name).is_symlink());
    assert_eq!(of_links.count(), 0, "{names:?}");
    // A link to a file of the site is a file like it.
    assert_eq!(place.read("out/same.js"), "1\n");
    assert!(place.read("out/index.html").contains("<script src=secret.js></script>"));
}

#[test]
fn followed_links_are_published_as_what_they_lead_to() {
    let place = site_with_links();
    let said = place.build_well(&["--follow-links"]);
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(place.read("out/secret.js"), "'secret'\n");
    assert_eq!(place.read("out/up/secret.png"), "secret");
    assert_eq!(place.read("out/latest/a.css"), place.read("out/v2/a.css"));
    assert!(place.read("out/index.html").contains(&format!("https://cdn.example/{}", place.published("latest/a.css"))));
    assert!(place.names("out").iter().all(|name| !place.path("out").join(name).is_symlink()));
}

#[test]
fn loops_end_with_a_finding_whether_links_are_followed_or_not() {
    let place = Place::with(&[("index.html", "<p>"), ("sub/a.js", "1")]);
    place.link(".", "site/self");
    place.link("..", "site/sub/up");
    place.link("../..", "site/sub/above");
    place.link("b", "site/a");
    place.link("a", "site/b");
    let followed = place.build_well(&["--follow-links"]);
    for line in [
        "self: warning[link-loop]: links to `.`, in which it lies",
        "sub/up: warning[link-loop]: links to `..`, in which it lies",
        "sub/above: warning[link-loop]: links to `../..`, which holds the site itself",
        "a: warning[dangling-link]: links to `b`, which leads nowhere: ",
        "b: warning[dangling-link]: links to `a`, which leads nowhere: ",
    ] {
        assert!(followed.contains(line), "{line}\n{followed}");
    }
    let left = place.build_well(&[]);
    assert_eq!(left.matches("link-not-followed]").count(), 3, "{left}");
    assert_eq!(left.matches("dangling-link]").count(), 2, "{left}");
}

#[test]
fn directories_that_all_link_to_each_other_do_not_multiply_without_end() {
    let place = Place::with(&[("index.html", "<p>")]);
    let all: Vec<_> = (0..7).map(|number| format!("d{number}")).collect();
    for from in &all {
        place.write(format!("site/{from}/a.js"), "1");
        for to in all.iter().filter(|to| *to != from) {
            place.link(format!("../{to}"), &format!("site/{from}/{to}"));
        }
    }
    let said = place.build_well(&["--follow-links", "--no-fingerprint"]);
    assert!(said.contains("d0/d1/d2/d3/d4: warning[link-loop]: links to `../d4`, inside of 3 other links"), "{said}");
    let files = place.names("out").iter().filter(|name| name.ends_with("a.js")).count();
    // Of seven, each with six others, each with five others, each with four others.
    assert_eq!(files, 7 * (1 + 6 * (1 + 5 * (1 + 4))));
}

#[test]
fn followed_links_may_not_lead_to_the_output() {
    for (target, name) in [("../out", "site/old"), ("../around", "site/around"), ("../out/a.js", "site/a.js")] {
        let place = Place::with(&[("index.html", "<p>")]);
        place.write("out/a.js", "old");
        place.write("around/x", "x");
        place.link(target, name);
        let out = if target == "../around" { "around/out" } else { "out" };
        let ended = place.run(&["build", "site", "--out", out, "--follow-links"]);
        assert_eq!(ended.status, 2, "{target}: {ended:?}");
        assert!(ended.error.contains("the output may not be the site, lie in it or hold it"), "{ended:?}");
        assert_eq!(place.read("out/a.js"), "old");
        place.run(&["build", "site", "--out", out]).well();
    }
}

#[test]
fn a_link_planted_in_the_output_is_never_written_through() {
    let place = Place::with(&[("index.html", "<script src=app.js></script>"), ("app.js", "1"), ("sub/a.css", "p{}")]);
    place.write("outside/file", "outside");
    place.write("outside/dir/keep", "outside");
    place.build_well(&[]);
    let published = place.published("app.js");
    for name in ["app.js", published.as_str(), "index.html", "tightrope.json"] {
        fs::remove_file(place.path("out").join(name)).expect("removed");
        place.link(place.path("outside/file"), &format!("out/{name}"));
    }
    fs::remove_dir_all(place.path("out/sub")).expect("removed");
    place.link(place.path("outside/dir"), "out/sub");
    // And where the build keeps what it has not finished.
    place.link(place.path("outside/dir"), ".out.tightrope/staging");
    place.link(place.path("outside/dir"), ".out.tightrope/old");
    place.build_well(&[]);
    assert_eq!(place.read("outside/file"), "outside");
    assert_eq!(place.names("outside"), ["dir", "dir/keep", "file"]);
    for name in place.names("out") {
        assert!(!place.path("out").join(&name).is_symlink(), "{name} is still a link");
    }
    assert_eq!(place.read("out/app.js"), "1");
}

#[test]
fn pipes_sockets_and_devices_are_skipped_with_a_finding_and_nothing_waits_for_them() {
    let place = Place::with(&[("index.html", "<script src=pipe.js></script><img src=linked.png>")]);
    place.pipe("site/pipe.js");
    place.pipe("site/page.html");
    place.pipe("site/tightrope.json");
    place.pipe("outside");
    place.link("../outside", "site/linked.png");
    place.link("/dev/zero", "site/zero.js");
    let _socket = UnixListener::bind(place.path("site/socket.js")).expect("a socket");
    for more in [&[][..], &["--follow-links"]] {
        let said = place.build_well(more);
        for name in ["pipe.js", "page.html", "tightrope.json", "socket.js"] {
            let line = format!("{name}: warning[special-file]: neither a file nor a directory");
            assert!(said.contains(&line), "{line}\n{said}");
        }
        let code = if more.is_empty() { "link-not-followed" } else { "special-file" };
        for name in ["linked.png", "zero.js"] {
            assert!(said.contains(&format!("{name}: warning[{code}]")), "{name}\n{said}");
        }
        assert!(said.contains("index.html:1:13: warning[missing-asset]: `pipe.js` does not exist"), "{said}");
    }
    place.run(&["explain", "site", "--follow-links"]).well();
}

#[test]
fn a_manifest_in_the_site_does_not_lead_through_a_link_or_a_pipe() {
    let place = Place::with(&[("index.html", "<script src=a.js></script>"), ("a.js", "1")]);
    place.build_well(&[]);
    fs::rename(place.path("out"), place.path("built")).expect("moved");
    let manifest = place.read("built/tightrope.json");
    let published = manifest.split('"').find(|part| part.starts_with("a.") && part.len() > 8);
    let script = place.path("built").join(published.expect("a name"));
    for is_pipe in [false, true] {
        fs::remove_file(&script).expect("removed");
        let name = script.strip_prefix(place.root()).expect("below").display().to_string();
        if is_pipe {
            place.pipe(&name);
        } else {
            place.link("../site/a.js", &name);
        }
        let ended = place.run(&["build", "built", "--out", "twice", "--cdn", "https://cdn.example"]);
        assert_eq!(ended.status, 2, "{ended:?}");
        assert!(ended.error.contains("build from the original"), "{ended:?}");
    }
}

#[test]
fn what_is_verified_or_served_may_hold_pipes_and_links_out_and_neither_counts_as_a_file() {
    let place = Place::with(&[("index.html", "<script src=a.js></script><link rel=stylesheet href=a.css>")]);
    place.write("site/a.js", "1");
    place.write("site/a.css", "p{}");
    place.build_well(&[]);
    let (script, sheet) = (place.published("a.js"), place.published("a.css"));
    fs::rename(place.path("out").join(&script), place.path("moved.js")).expect("moved");
    place.link("../moved.js", &format!("out/{script}"));
    fs::remove_file(place.path("out").join(&sheet)).expect("removed");
    place.pipe(&format!("out/{sheet}"));
    place.pipe("out/page.html");
    let ended = place.run(&["verify", "out"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    for name in [&script, &sheet] {
        assert!(ended.out.contains(&format!("{name}: error[asset-changed]: it is missing")), "{ended:?}");
    }
    fs::remove_file(place.path("out/tightrope.json")).expect("removed");
    place.pipe("out/tightrope.json");
    for command in ["verify", "serve"] {
        let ended = place.run(&[command, "out"]);
        assert_eq!(ended.status, 2, "{ended:?}");
        assert!(ended.error.contains("tightrope.json: cannot read"), "{ended:?}");
    }
}
