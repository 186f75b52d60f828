//! What nobody means to publish is said, and the list of what is published can be kept out of it.

use crate::place::Place;
use std::fs;
use std::process::Stdio;

const SECRETS: [&str; 12] = [
    ".git/HEAD",
    ".git/objects/ab/app.js",
    "sub/.svn/entries",
    "_darcs/format.js",
    ".env",
    "app/.env.production",
    "admin/.htpasswd",
    ".ssh/config",
    "tls/server.pem",
    "tls/server.key",
    "id_rsa",
    ".npmrc",
];

#[test]
fn secrets_are_said_once_and_neither_listed_nor_renamed() {
    let page = "<!doctype html><script src=a.js></script><script src=.git/objects/ab/app.js></script><img src=tls/server.pem>\n\
                <script src=_darcs/format.js></script><a href=.env>x</a>\n";
    let place = Place::with(&[("index.html", page), ("a.js", "1"), (".well-known/security.txt", "x"), ("env.js", "2")]);
    for name in SECRETS {
        place.write(format!("site/{name}"), "secret");
    }
    let said = place.build_well(&[]);
    for (name, holds) in [
        (".git", "the history of a repository"),
        ("sub/.svn", "the history of a repository"),
        ("_darcs", "the history of a repository"),
        (".env", "settings, often with passwords"),
        ("app/.env.production", "settings, often with passwords"),
        ("admin/.htpasswd", "passwords"),
        (".ssh", "keys"),
        ("tls/server.pem", "keys, by its extension"),
        ("tls/server.key", "keys, by its extension"),
        ("id_rsa", "a private key"),
        (".npmrc", "credentials"),
    ] {
        let line = format!(
            "{name}: warning[secret-file]: it is published, and such a name stands for {holds}\n  hint: remove it"
        );
        assert!(said.starts_with(&line) || said.contains(&format!("\n{line}")), "{line}\n{said}");
    }
    assert_eq!(said.matches("warning[secret-file]").count(), 11, "{said}");
    let manifest: serde_json::Value = serde_json::from_str(&place.read("out/tightrope.json")).expect("JSON");
    let listed: Vec<_> = manifest["assets"].as_object().expect("a map").keys().collect();
    assert_eq!(listed, ["a.js", "env.js"]);
    for name in SECRETS {
        assert_eq!(place.read(format!("out/{name}")), "secret");
    }
    // Besides them: a page, two scripts under two names each, a text, the net and the manifest.
    let files: Vec<_> = place.names("out").into_iter().filter(|name| place.path("out").join(name).is_file()).collect();
    assert_eq!(files.len(), SECRETS.len() + 8, "{files:?}");
    let published = place.read("out/index.html");
    assert_eq!(published.matches("https://cdn.example/").count(), 2, "the loader's data and a.js: {published}");
    let ended = place.build(&["--deny", "secret-file"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(place.run(&["explain", "secret-file"]).well().contains("neither renamed nor listed"));
}

const FILES: [(&str, &str); 3] = [
    ("index.html", "<!doctype html>\n<script src=a.js></script>\n<link rel=stylesheet href=a.css>\n"),
    ("a.js", "1"),
    ("a.css", "p{}"),
];

#[test]
fn the_manifest_can_be_kept_out_of_the_output_and_is_found_all_the_same() {
    let place = Place::with(&FILES);
    place.build_well(&["--private-manifest"]);
    assert!(place.names("out").iter().all(|name| name != "tightrope.json"), "{:?}", place.names("out"));
    let mut kept = place.names(".out.tightrope");
    kept.retain(|name| name != "lock");
    assert_eq!(kept, ["tightrope.json"]);

    // `verify` has found the right one, for it tells of what is broken, also from within and through a link.
    let manifest: serde_json::Value = serde_json::from_str(&place.read(".out.tightrope/tightrope.json")).expect("JSON");
    let script = manifest["assets"]["a.js"]["path"].as_str().expect("a path").to_owned();
    place.link("out", "link");
    place.run(&["verify", "link"]).well();
    fs::write(place.path("out").join(&script), "2").expect("written");
    let ended = place.run(&["verify", "link"]);
    assert!(ended.status == 1 && ended.out.contains("error[integrity-broken]"), "{ended:?}");
    place.build_well(&["--private-manifest"]);

    // One page by its plan.
    let plan = place.path(".out.tightrope/tightrope.json");
    let mut rewrite = std::process::Command::new(env!("CARGO_BIN_EXE_tightrope"));
    rewrite.args(["rewrite", "--page", "index.html", "--plan"]).arg(plan).current_dir(place.root());
    let page = fs::File::open(place.path("site/index.html")).expect("a page");
    let output = rewrite.stdin(Stdio::from(page)).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), place.read("out/index.html"));
}

#[test]
fn later_builds_find_a_private_manifest() {
    let place = Place::with(&FILES);
    place.build_well(&["--private-manifest", "--service-worker"]);
    // The worker that browsers have is retired.
    place.build_well(&["--private-manifest"]);
    assert!(place.read(".out.tightrope/tightrope.json").contains("\"state\": \"retired\""));

    // An output is no site: with the same options it is copied, with others refused.
    let again = ["--cdn", "https://cdn.example", "--private-manifest"];
    place.run(&[&["build", "out", "--out", "twice"][..], &again].concat()).well();
    assert_eq!(place.names("out"), place.names("twice"));
    place.run(&["verify", "twice"]).well();
    let ended = place.run(&["build", "out", "--out", "other", "--cdn", "https://other.example"]);
    assert!(ended.status == 2 && ended.error.contains("build from the original"), "{ended:?}");

    // Another site in its place is one.
    fs::remove_dir_all(place.path("out")).expect("removed");
    fs::rename(place.path("site"), place.path("out")).expect("moved");
    place.run(&["build", "out", "--out", "other", "--cdn", "https://other.example"]).well();
    place.run(&["verify", "other"]).well();
}

#[test]
fn a_manifest_in_the_output_counts_before_one_beside_it_and_takes_its_place() {
    let place = Place::with(&FILES);
    place.build_well(&["--private-manifest"]);
    place.write("site/a.js", "2");
    place.build_well(&[]);
    assert!(place.path("out/tightrope.json").exists() && !place.path(".out.tightrope/tightrope.json").exists());
    place.build_well(&["--private-manifest"]);
    assert!(!place.path("out/tightrope.json").exists() && place.path(".out.tightrope/tightrope.json").exists());
}
