//! How much the net costs while the CDN is well: one page, with and without it, loaded in turn in three engines.
//! `scripts/load-time` runs it on a machine that does nothing else, and docs/figures.md has what it prints.

// What is printed are the figures.
#![allow(clippy::print_stdout)]

#[allow(dead_code)]
#[path = "browser/mod.rs"]
mod browser;

use browser::{Browser, Engine};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::{env, fs};
use tempfile::TempDir;
use tightrope::serve::{Rules, Server};

/// How many of each kind the page has: scripts, sheets and pictures.
const FILES: usize = 10;
/// Loads that do not count, of each page: connections are made, and code is compiled.
const WARMING: usize = 3;
/// Counted loads of each page, where RUNS does not say.
const RUNS: usize = 30;

/// A page as it is built without the net, and with it.
const FALLBACKS: [&str; 2] = ["none", "inline"];

fn write(site: &Path) {
    let put = |name: &str, text: &str| fs::write(site.join(name), text).expect("a file");
    let (mut head, mut body) = (String::new(), String::new());
    for number in 0..FILES {
        let long = "so that it is long ".repeat(200);
        put(&format!("{number}.js"), &format!("window.ran = (window.ran || 0) + 1; /* {long} */"));
        put(&format!("{number}.css"), &format!(".rule-{number} {{ color: rgb({number}, 0, 0) }} /* {long} */"));
        put(&format!("{number}.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>");
        let how = ["", " defer", " async"][number % 3];
        head += &format!("<link rel=stylesheet href={number}.css>\n<script src={number}.js{how}></script>\n");
        body += &format!("<p class=rule-{number}><img src={number}.svg alt=\"\"></p>\n");
    }
    put("index.html", &format!("<!doctype html>\n<meta charset=utf-8>\n<title>Page</title>\n{head}<body>\n{body}"));
}

/// The page, built in this way and served.
async fn served(dir: &TempDir, fallback: &str) -> Server {
    let (site, out) = (dir.path().join("site"), dir.path().join(fallback));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    command.arg("build").arg(site).arg("--out").arg(&out).args(["--cdn", "https://static.example.com"]);
    let built = command.args(["--fallback", fallback]).output().expect("tightrope runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Server::of_output(&out, 0, 0, Rules::default()).await.expect("a server")
}

/// Milliseconds from the start of the navigation to the end of the `load` event.
async fn load(browser: &Browser, url: &str) -> f64 {
    browser.goto(url).await;
    loop {
        let asked =
            browser.ask("return [performance.getEntriesByType('navigation')[0].loadEventEnd, window.ran]").await;
        if let Some(end) = asked[0].as_f64().filter(|end| *end > 0.0) {
            assert_eq!(asked[1], Value::from(FILES), "every script ran");
            return end;
        }
    }
}

/// Of sorted values, the one behind which this share of them is.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (at.floor(), at.ceil());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let value = |at: f64| sorted[at as usize];
    value(below) + (value(above) - value(below)) * (at - below)
}

fn told(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let [first, median, third] = [0.25, 0.5, 0.75].map(|share| quantile(&times, share));
    format!("{median:.1} | {first:.1} to {third:.1}")
}

/// The times of both pages.
async fn measure(engine: Engine, urls: [String; 2], runs: usize) -> [Vec<f64>; 2] {
    let browser = Browser::start(engine).await;
    let mut times = [Vec::new(), Vec::new()];
    for run in 0..WARMING + runs {
        // Who goes first has the caches of the machine against it: that is each of them in turn.
        for page in [run % 2, 1 - run % 2] {
            let time = load(&browser, &urls[page]).await;
            if run >= WARMING {
                times[page].push(time);
            }
        }
    }
    times
}

#[tokio::main]
async fn main() {
    let runs = env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("site")).expect("a directory");
    write(&dir.path().join("site"));
    let servers = [served(&dir, FALLBACKS[0]).await, served(&dir, FALLBACKS[1]).await];
    println!(
        "| engine | without the net, median ms | quartiles | with it, median ms | quartiles |\n|---|--:|---|--:|---|"
    );
    for engine in [Engine::Chromium, Engine::Firefox, Engine::WebKit] {
        let [without, with] = measure(engine, [servers[0].site_url(), servers[1].site_url()], runs).await;
        println!("| {engine:?} | {} | {} |", told(without), told(with));
    }
}
