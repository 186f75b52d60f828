//! Two files for one name: an error or another name, never one in the place of the other.

use crate::place::Place;
use std::fs;

const MODULES: [(&str, &str); 6] = [
    ("index.html", "<!doctype html>\n<script type=module src=entry.js></script><link rel=stylesheet href=a.css>\n"),
    ("entry.js", "import './one.js'; import './leaf.js'"),
    ("one.js", "import './two.js'; import './leaf.js'; export const one = 1"),
    ("two.js", "import './one.js'; export const two = 2"),
    ("leaf.js", "export {}"),
    ("a.css", "p{}"),
];

#[test]
fn names_that_are_one_on_other_systems_are_told() {
    let place = Place::with(&[("index.html", "<img src=A.png><img src=a.png>"), ("A.png", "1"), ("a.png", "2")]);
    place.write("site/e\u{301}.css", "p{}");
    place.write("site/É.css", "q{}");
    let said = place.build_well(&[]);
    for line in
        ["a.png: warning[names-collide]: `A.png` differs", "É.css: warning[names-collide]: `e\u{301}.css` differs"]
    {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(said.matches("[names-collide]").count(), 2, "{said}");
    assert_eq!(["out/A.png", "out/a.png"].map(|name| place.read(name)), ["1", "2"]);
    assert_ne!(place.published("A.png").to_lowercase(), place.published("a.png").to_lowercase());
}

#[test]
fn a_published_name_that_the_site_has_with_other_bytes_is_left_to_the_site() {
    for taken in ["entry.js", "one.js", "two.js", "leaf.js", "a.css"] {
        let place = Place::with(&MODULES);
        place.build_well(&[]);
        let name = place.published(taken);
        place.write(format!("site/{name}"), "0 // the site's own");
        let said = place.build_well(&[]);
        assert!(said.contains(&format!("{taken}: warning[name-taken]: `{name}` exists already")), "{said}");
        assert_eq!(place.read(format!("out/{name}")), "0 // the site's own");
        for (original, text) in MODULES.into_iter().skip(1) {
            assert_eq!(place.read(format!("out/{original}")), text);
            let published = place.read(format!("out/{}", place.published(original)));
            assert!(!published.contains(&name), "{taken}: {original} refers to the site's own file: {published}");
        }
        assert!(!place.read("out/index.html").contains(&name));
    }
}

#[test]
fn a_published_name_that_the_site_has_with_the_same_bytes_stays_what_it_is() {
    let place = Place::with(&MODULES);
    place.build_well(&[]);
    let names = ["a.css", "leaf.js", "entry.js", "one.js"].map(|name| place.published(name));
    let texts = names.each_ref().map(|name| place.read(format!("out/{name}")));
    for name in &names {
        fs::copy(place.path("out").join(name), place.path("site").join(name)).expect("copied");
    }
    place.build_well(&[]);
    assert_eq!(names.each_ref().map(|name| place.read(format!("out/{name}"))), texts);
    assert_eq!(place.read("out/one.js"), MODULES[2].1);
}

#[test]
fn names_that_are_one_when_they_are_cut_stay_two() {
    let long = |end: &str| format!("{}{end}.png", "x".repeat(250));
    let page = format!("<img src={}><img src={}>", long("a"), long("b"));
    let place = Place::with(&[("index.html", &page), (&long("a"), "same"), (&long("b"), "same")]);
    let said = place.build_well(&[]);
    assert!(said.contains(&format!("{}: warning[name-taken]", long("b"))), "{said}");
    let (a, b) = (place.published(&long("a")), place.published(&long("b")));
    assert!(a != b && a.len() == 255 && b == long("b"), "{a} {b}");
}

#[test]
fn what_tightrope_writes_of_its_own_takes_no_file_of_the_site() {
    let place = Place::with(&MODULES);
    place.build_well(&["--service-worker"]);
    let own = place.names("out").into_iter().filter(|name| name.starts_with("tightrope"));
    let own: Vec<_> = own.collect();
    assert_eq!(own.len(), 3, "the net, the service worker and the manifest: {own:?}");
    for name in own {
        let place = Place::with(&MODULES);
        place.write(format!("site/{name}"), "the site's own");
        let ended = place.build(&["--service-worker"]);
        assert_eq!(ended.status, 2, "{name}: {ended:?}");
        assert!(ended.error.contains(&format!("{name}: the site has a file of this name")), "{ended:?}");
        assert!(!place.path("out").exists());
    }
}
