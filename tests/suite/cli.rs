//! The command, as people and scripts use it.

use assert_cmd::Command;
use std::fs;
use std::path::Path;

fn tightrope() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tightrope"))
}

fn site(dir: &Path) {
    fs::create_dir(dir.join("site")).expect("a directory");
    fs::write(dir.join("site/index.html"), "<!doctype html>\n<script src=a.js></script><img src=gone.png>\n")
        .expect("a page");
    fs::write(dir.join("site/a.js"), "1\n").expect("a script");
}

fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = tightrope().current_dir(dir).args(args).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

#[test]
fn build_and_verify_end_well_and_say_what_they_did() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    let (status, out, _) = run(temp.path(), &["build", "site", "--out", "out", "--cdn", "https://cdn.example"]);
    assert_eq!(status, 0);
    assert!(out.contains("index.html:2:36: warning[missing-asset]: `gone.png` does not exist\n  hint: "), "{out}");
    assert_eq!(run(temp.path(), &["verify", "out"]).0, 0);
}

#[test]
fn denied_findings_and_broken_promises_end_with_1() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    let build = ["build", "site", "--out", "out", "--cdn", "https://cdn.example"];
    assert_eq!(run(temp.path(), &[&build[..], &["--deny", "missing-asset"]].concat()).0, 1);
    assert_eq!(run(temp.path(), &[&build[..], &["--deny", "warnings"]].concat()).0, 1);
    fs::write(temp.path().join("out/a.js"), "1\n").expect("unchanged");
    let published =
        fs::read_dir(temp.path().join("out")).expect("the output").map(|entry| entry.expect("an entry").path());
    // The fingerprinted copy of a.js, beside which the net's file lies.
    let is_copy = |name: &str| name.starts_with("a.") && name.ends_with(".js") && name != "a.js";
    let script =
        published.into_iter().find(|path| path.file_name().is_some_and(|name| is_copy(&name.to_string_lossy())));
    fs::write(script.expect("a published script"), "2\n").expect("changed");
    let (status, out, _) = run(temp.path(), &["verify", "out"]);
    assert_eq!(status, 1);
    assert!(out.contains("error[integrity-broken]") && out.contains("FAILED"), "{out}");
}

#[test]
fn what_cannot_run_ends_with_2_and_one_message() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    for (args, message) in [
        (&["build", "nowhere", "--out", "out"][..], "nowhere: cannot read"),
        (&["build", "site", "--out", "site"], "may not be the site"),
        (&["build", "site", "--out", "site/out"], "may not be the site"),
        (&["build", "site/", "--out", "."], "may not be the site"),
        (&["build", "site", "--out", "out", "--cdn", "static.example.com"], "--cdn `static.example.com`: not a URL"),
        (&["build", "site", "--out", "out", "--page", "[", "--cdn", "https://x.example"], "--page `[`: not a glob"),
        (&["build", "site", "--out", "site/a.js/out"], "may not be the site"),
        (&["verify", "site"], "tightrope.json: cannot read"),
        (&["explain", "nonsense"], "no finding has this code"),
    ] {
        let (status, _, error) = run(temp.path(), args);
        assert_eq!(status, 2, "{args:?}: {error}");
        assert!(error.contains(message), "{args:?}: {error}");
        assert!(!temp.path().join("out").exists(), "{args:?} left an output");
    }
}

#[test]
fn a_manifest_that_cannot_be_read_ends_with_2_and_its_place() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    for (text, message) in [
        (&b"{\"a.js\":\n  oops}"[..], "m.json:2:3: not a manifest of a build: expected value\n  hint: those of Vite"),
        (b"{\"a\": 1}", "m.json:1:1: not a manifest of a build: its shape is none that is known"),
        (b"{\n \xff}", "m.json:2:2: not a manifest of a build: its bytes are not UTF-8"),
    ] {
        fs::write(temp.path().join("m.json"), text).expect("a manifest");
        for command in [&["build", "site", "--out", "out"][..], &["build", "site", "--dry-run"], &["explain", "site"]] {
            let (status, _, error) = run(temp.path(), &[command, &["--read-manifest", "m.json"]].concat());
            assert_eq!(status, 2, "{command:?}: {error}");
            assert!(error.contains(message), "{error}");
        }
        assert!(!temp.path().join("out").exists());
    }
    let (status, _, error) = run(temp.path(), &["build", "site", "--out", "out", "--read-manifest", "gone.json"]);
    assert!(status == 2 && error.contains("gone.json: cannot read"), "{error}");
}

#[test]
fn an_output_needs_no_manifest_that_was_read_for_it() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    let manifest = temp.path().join("m.json");
    fs::write(&manifest, "{\"source.js\": \"https://old.example/below/a.js\"}").expect("a manifest");
    let options = ["--cdn", "https://cdn.example", "--read-manifest", "m.json"];
    assert_eq!(run(temp.path(), &[&["build", "site", "--out", "once"][..], &options].concat()).0, 0);
    let page = fs::read_to_string(temp.path().join("once/index.html")).expect("the page");
    assert!(page.contains("src=https://cdn.example/a.js "), "{page}");
    let recorded = fs::read_to_string(temp.path().join("once/tightrope.json")).expect("what was recorded");
    assert!(recorded.contains("\"read-manifest\": [\n      \"m.json\"\n    ]"), "{recorded}");

    fs::remove_file(manifest).expect("removed");
    assert_eq!(run(temp.path(), &["verify", "once"]).0, 0);
    assert_eq!(run(temp.path(), &[&["build", "once", "--out", "twice"][..], &options].concat()).0, 0);
    let rewrite = ["rewrite", "--plan", "once/tightrope.json", "--page", "index.html"];
    let page = fs::read(temp.path().join("site/index.html")).expect("the page");
    let output = tightrope().current_dir(temp.path()).args(rewrite).write_stdin(page).output().expect("it runs");
    assert!(output.status.success());
    assert_eq!(output.stdout, fs::read(temp.path().join("once/index.html")).expect("the page"));
}

#[test]
fn a_manifest_may_speak_of_where_the_build_ran_or_of_one_directory_of_the_site() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    let path = |name: &str| temp.path().join(name);
    fs::create_dir_all(path("site/deep/js")).expect("a directory");
    fs::write(path("site/deep/js/app-3KBXQXJC.js"), "2").expect("a script");
    fs::write(path("site/deep/b.1f2e.js"), "3").expect("a script");
    let kept = |manifest: &str| {
        fs::write(path("m.json"), manifest).expect("a manifest");
        let (status, out, _) = run(temp.path(), &["build", "site", "--out", "out", "--read-manifest", "m.json"]);
        assert_eq!(status, 0);
        let names = ["deep/js/app-3KBXQXJC.js", "deep/b.1f2e.js"];
        let published = fs::read_to_string(path("out/tightrope.json")).expect("what was published");
        let kept = names.map(|name| published.contains(&format!("\"path\": \"{name}\"")));
        (kept, out.contains("manifest-entry-missing"))
    };
    // esbuild counts from where it ran, `../dist` became `site/deep`.
    let esbuild =
        |path: &str| format!(r#"{{"inputs": {{}}, "outputs": {{"{path}": {{"entryPoint": "src/app.ts"}}}}}}"#);
    assert_eq!(kept(&esbuild("../dist/js/app-3KBXQXJC.js")), ([true, false], false));
    // Of a map, every directory counts.
    assert_eq!(kept(r#"{"b.js": "b.1f2e.js", "app.js": "js/app-3KBXQXJC.js"}"#), ([true, true], false));
    assert_eq!(kept(r#"{"b.js": "b.1f2e.js", "app.js": "dist/app-3KBXQXJC.js"}"#), ([false, false], true));
    // Two directories would do.
    fs::create_dir(path("site/other")).expect("a directory");
    fs::write(path("site/other/app-3KBXQXJC.js"), "2").expect("a script");
    assert_eq!(kept(&esbuild("../dist/app-3KBXQXJC.js")), ([false, false], true));
}

#[test]
fn other_options_on_an_output_are_refused() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    assert_eq!(run(temp.path(), &["build", "site", "--out", "once", "--cdn", "https://cdn.example"]).0, 0);
    let (status, _, error) = run(temp.path(), &["build", "once", "--out", "twice", "--cdn", "https://other.example"]);
    assert_eq!(status, 2);
    assert!(error.contains("build from the original"), "{error}");
}

#[test]
fn the_output_is_replaced_as_a_whole_and_no_litter_stays() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    let state = temp.path().join(".out.tightrope");
    // What a killed build leaves.
    fs::create_dir_all(state.join("staging/half")).expect("litter");
    fs::create_dir(temp.path().join("out")).expect("an old output");
    fs::write(temp.path().join("out/old.html"), "old").expect("an old page");
    assert_eq!(run(temp.path(), &["build", "site", "--out", "out"]).0, 0);
    assert!(!temp.path().join("out/old.html").exists() && temp.path().join("out/index.html").exists());
    let left: Vec<_> =
        fs::read_dir(state).expect("the state").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn a_second_build_on_one_output_is_refused() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    fs::create_dir(temp.path().join(".out.tightrope")).expect("the state");
    let lock = fs::File::create(temp.path().join(".out.tightrope/lock")).expect("a lock");
    lock.try_lock().expect("locked");
    let (status, _, error) = run(temp.path(), &["build", "site", "--out", "out"]);
    assert_eq!(status, 2);
    assert!(error.contains("another build is writing this output"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_and_special_files_are_findings() {
    use std::os::unix::fs::symlink;
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    fs::write(temp.path().join("secret"), "secret").expect("a file outside");
    symlink("nowhere", temp.path().join("site/dangling.js")).expect("a link");
    symlink("../secret", temp.path().join("site/secret.js")).expect("a link");
    symlink(".", temp.path().join("site/loop")).expect("a link");
    symlink("a.js", temp.path().join("site/same.js")).expect("a link");
    assert!(
        std::process::Command::new("mkfifo").arg(temp.path().join("site/pipe.js")).status().expect("mkfifo").success()
    );
    let (status, out, _) = run(temp.path(), &["build", "site", "--out", "out"]);
    assert_eq!(status, 0);
    for line in [
        "dangling.js: warning[dangling-link]",
        "secret.js: warning[link-not-followed]",
        "loop: warning[link-not-followed]",
        "pipe.js: warning[special-file]",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(!temp.path().join("out/secret.js").exists() && temp.path().join("out/same.js").exists());
}

#[test]
fn the_report_for_programs_is_json() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    let (_, out, _) =
        run(temp.path(), &["build", "site", "--out", "out", "--cdn", "https://cdn.example", "--report", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["references_moved"], 1);
    assert_eq!(report["findings"][0]["code"], "missing-asset");
    assert_eq!(report["findings"][0]["line"], 2);
}

const CDN: [&str; 2] = ["--cdn", "https://cdn.example"];

/// A site with a reference of each fate, and a stylesheet.
fn site_with_all_fates(dir: &Path) {
    site(dir);
    let page = "<!doctype html>\n<script src=a.js></script><img src=gone.png>\n\
                <a href=sub/page.html>x</a><svg><use href='a.svg#x'/></svg>\n";
    fs::write(dir.join("site/index.html"), page).expect("a page");
    fs::create_dir(dir.join("site/sub")).expect("a directory");
    fs::write(dir.join("site/sub/page.html"), "<!doctype html><link rel=stylesheet href=../a.css>\n").expect("a page");
    fs::write(dir.join("site/a.css"), "p { background: url(a.svg) }\n").expect("a sheet");
    fs::write(dir.join("site/a.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>\n").expect("an image");
}

#[test]
fn a_dry_run_writes_nothing_and_tells_the_figures_of_the_build() {
    let temp = tempfile::tempdir().expect("a directory");
    site_with_all_fates(temp.path());
    for format in ["text", "json"] {
        let options = [&["build", "site", "--verbose", "--report", format][..], &CDN].concat();
        let (status, dry, _) = run(temp.path(), &[&options[..], &["--dry-run"]].concat());
        assert_eq!(status, 0);
        let (also, dry_with_out, _) = run(temp.path(), &[&options[..], &["--dry-run", "--out", "out"]].concat());
        assert_eq!((also, &dry_with_out), (0, &dry));
        let names = fs::read_dir(temp.path()).expect("the directory").map(|entry| entry.expect("an entry").file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["site"], "something was written");
        let (_, built, _) = run(temp.path(), &[&options[..], &["--out", "out"]].concat());
        assert_eq!(dry, built);
        fs::remove_dir_all(temp.path().join("out")).expect("the output");
        fs::remove_dir_all(temp.path().join(".out.tightrope")).expect("the state");
    }
    assert_eq!(run(temp.path(), &["build", "site", "--dry-run", "--deny", "missing-asset"]).0, 1);
}

#[test]
fn explain_tells_every_reference_its_fate_and_why() {
    let temp = tempfile::tempdir().expect("a directory");
    site_with_all_fates(temp.path());
    let (status, all, _) = run(temp.path(), &[&["explain", "site"][..], &CDN].concat());
    assert_eq!(status, 0);
    let lines: Vec<_> = all.lines().collect();
    for (line, beginning) in lines.iter().zip([
        "a.css:1:21: url() `a.svg` moves to ./a.",
        "index.html:2:13: script[src] `a.js` moves to https://cdn.example/a.",
        "index.html:2:36: img[src] `gone.png` left alone: what it leads to does not exist",
        "index.html:3:9: a[href] `sub/page.html` left alone: a hyperlink, not an asset",
        "index.html:3:44: use[href] `a.svg#x` stays as a.",
        "sub/page.html:1:42: link[href] `../a.css` moves to https://cdn.example/a.",
        "6 references: 2 are left alone, 3 move, 1 stay",
    ]) {
        assert!(line.starts_with(beginning), "{line}\n{beginning}");
    }
    assert_eq!(lines.len(), 7, "{all}");
    // The reason in the table.
    assert!(lines[4].ends_with(": browsers do not fetch an element of a file from another origin"), "{}", lines[4]);
    for (file, expected) in [("index.html", &lines[1..5]), ("./sub/page.html", &lines[5..6]), ("a.css", &lines[..1])] {
        let (_, one, _) = run(temp.path(), &[&["explain", "site", file][..], &CDN].concat());
        let (references, count) = one.trim_end().rsplit_once('\n').expect("a count");
        assert_eq!(references.lines().collect::<Vec<_>>(), expected, "{file}");
        assert!(count.starts_with(&format!("{} references: ", expected.len())), "{count}");
    }
    assert_eq!(run(temp.path(), &["explain", "site", "a.js"]).1, "0 references\n");
}

#[test]
fn explain_tells_programs_the_same() {
    let temp = tempfile::tempdir().expect("a directory");
    site_with_all_fates(temp.path());
    let (_, out, _) = run(temp.path(), &[&["explain", "site", "index.html", "--report", "json"][..], &CDN].concat());
    let all: Vec<serde_json::Value> = serde_json::from_str(&out).expect("JSON");
    let fates: Vec<_> = all.iter().map(|one| (one["what"].as_str(), one["fate"].as_str())).collect();
    let expected = [("script[src]", "moves"), ("img[src]", "left"), ("a[href]", "left"), ("use[href]", "stays")];
    assert_eq!(fates, expected.map(|(what, fate)| (Some(what), Some(fate))));
    let stays = &all[3];
    assert_eq!((&stays["path"], &stays["line"], &stays["column"]), (&"index.html".into(), &3.into(), &44.into()));
    assert_eq!(stays["reference"], "a.svg#x");
    assert_eq!(stays["why"], "browsers do not fetch an element of a file from another origin");
    assert!(stays["to"].as_str().is_some_and(|to| to.ends_with(".svg#x")), "{stays}");
    assert!(all[0]["why"].is_null() && all[1]["to"].is_null());
}

#[test]
fn a_page_or_a_plan_that_is_not_there_ends_with_2_and_one_message() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    assert_eq!(run(temp.path(), &["build", "site", "--out", "out"]).0, 0);
    for (args, message) in [
        (&["explain", "site", "gone.html"][..], "error: site/gone.html: cannot read: "),
        (&["explain", "site", "../site/index.html"], "error: PAGE `../site/index.html`: not a path inside the site"),
        (&["rewrite", "--plan", "gone.json", "--page", "x.html"], "error: gone.json: cannot read: "),
        (&["rewrite", "--plan", "site/a.js", "--page", "x.html"], "error: site/a.js:1:1: not a manifest"),
        (&["rewrite", "--plan", "out/tightrope.json", "--page", "../x.html"], "error: PAGE `../x.html`: "),
        (&["build", "site", "--out", "new", "--attribute", "img data-src"], "error: --attribute `img data-src`: "),
        (&["build", "site", "--out", "new", "--attribute", "img[]"], "error: --attribute `img[]`: "),
    ] {
        let (status, out, error) = run(temp.path(), args);
        assert_eq!((status, out.as_str()), (2, ""), "{args:?}: {error}");
        assert!(error.starts_with(message) && error.matches("error: ").count() == 1, "{args:?}: {error}");
    }
    let (status, _, error) = run(temp.path(), &["build", "site", "--out", "new", "--templates", "django,smarty"]);
    assert_eq!(status, 2);
    assert!(error.contains("'smarty'") && error.contains("[possible values: django, jinja]"), "{error}");
    assert!(!temp.path().join("new").exists());
}

/// Runs the filter on a page.
fn filter(dir: &Path, page: &str, input: &[u8]) -> (i32, Vec<u8>, String) {
    let mut command = tightrope();
    command.current_dir(dir).args(["rewrite", "--plan", "out/tightrope.json", "--page", page]).write_stdin(input);
    let output = command.output().expect("it runs");
    (output.status.code().expect("no signal"), output.stdout, String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn the_filter_makes_the_built_page_and_tells_what_it_found() {
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    // Longer than what is held in memory.
    let long =
        "<!doctype html>\n".to_owned() + &"<p>text</p><img src=../a.js>\n".repeat(60_000) + "<script src=../a.js>";
    assert!(long.len() > 1024 * 1024);
    fs::create_dir(temp.path().join("site/sub")).expect("a directory");
    fs::write(temp.path().join("site/sub/long.html"), &long).expect("a page");
    assert_eq!(run(temp.path(), &[&["build", "site", "--out", "out"][..], &CDN].concat()).0, 0);
    for (page, finding) in [
        ("index.html", "index.html:2:36: warning[missing-asset]: `gone.png` does not exist\n  hint: "),
        ("sub/long.html", ""),
    ] {
        let input = fs::read(temp.path().join("site").join(page)).expect("a page");
        let built = fs::read(temp.path().join("out").join(page)).expect("a built page");
        let (status, out, error) = filter(temp.path(), page, &input);
        assert_eq!(status, 0);
        assert!(out == built && out != input, "{page}");
        assert!(error.starts_with(finding) && error.is_empty() == finding.is_empty(), "{page}: {error}");
    }
    let (_, unknown, _) = filter(temp.path(), "new/page.html", b"<script src=/a.js></script>");
    assert!(unknown.windows(20).any(|part| part == b"https://cdn.example/"), "a page the build did not know");
    let index = fs::read(temp.path().join("site/index.html")).expect("a page");
    let mut denies = tightrope();
    denies.current_dir(temp.path()).args(["rewrite", "--plan", "out/tightrope.json", "--page", "index.html"]);
    denies.args(["--deny", "warnings"]).write_stdin(index).assert().code(1);
}

/// The kernel is asked for the peak while the filter waits for its reader: most of the last MiB is still to come.
#[cfg(target_os = "linux")]
#[test]
fn the_filter_needs_no_more_memory_for_a_longer_page() {
    use std::io::{Read, copy, sink};
    use std::process::{Command, Stdio};
    const SIZE: usize = 64 * 1024 * 1024;
    let temp = tempfile::tempdir().expect("a directory");
    site(temp.path());
    fs::write(temp.path().join("site/m.js"), "export {}\n").expect("a module");
    assert_eq!(run(temp.path(), &[&["build", "site", "--out", "out"][..], &CDN].concat()).0, 0);
    let block = "<p>text</p>".to_owned()
        + &"text ".repeat(4000)
        + "<script src=a.js></script><script type=module>import './m.js'</script><img src=gone.png>\
           <style>p{background:url(a.js)}</style><noscript><img src=a.js></noscript><p style='background:url(a.js)'></p>\n";
    fs::write(temp.path().join("page"), block.repeat(SIZE / block.len())).expect("a page");
    let page = fs::File::open(temp.path().join("page")).expect("the page");
    let mut filter = Command::new(env!("CARGO_BIN_EXE_tightrope"))
        .current_dir(temp.path())
        .args(["rewrite", "--plan", "out/tightrope.json", "--page", "page.html"])
        .stdin(page)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut out = filter.stdout.take().expect("a pipe");
    copy(&mut out.by_ref().take(SIZE as u64 - (1 << 20)), &mut sink()).expect("a page");
    let status = fs::read_to_string(format!("/proc/{}/status", filter.id())).expect("a process");
    copy(&mut out, &mut sink()).expect("the rest");
    assert!(filter.wait().expect("an end").success());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak: usize = peak.expect("a peak").parse().expect("a number");
    assert!(peak < 32 * 1024, "{peak} KiB");
}
