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
    let script =
        published.into_iter().find(|path| path.display().to_string().ends_with(".js") && !path.ends_with("a.js"));
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
