//! A site under its service worker, in every engine.

mod builds;
mod faults;
mod own_worker;
mod policy;

use crate::PATIENCE;
use crate::browser::Browser;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tightrope::serve::{Home, Server};

fn build(site: &Path, out: &Path, cdn: &str, more: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    command.arg("build").arg(site).arg("--out").arg(out).args(["--cdn", cdn]).args(more);
    let built = command.output().expect("tightrope runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let verified = Command::new(env!("CARGO_BIN_EXE_tightrope")).arg("verify").arg(out).output().expect("it runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

fn url_of(cdn: &std::net::TcpListener) -> String {
    format!("http://localhost:{}", cdn.local_addr().expect("its address").port())
}

/// Asks until the answer is as wanted, or patience ends.
async fn until(browser: &Browser, question: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = browser.ask(question).await;
        if is_wanted(&seen) || Instant::now() > deadline {
            return seen;
        }
        browser.settle().await;
    }
}

/// A first visit, until the worker answers for the page.
async fn first_visit(browser: &Browser, url: &str) {
    browser.goto(url).await;
    let controlled = "const { controller } = navigator.serviceWorker; return controller && controller.scriptURL;";
    let seen = until(browser, controlled, Value::is_string).await;
    assert!(seen.is_string(), "no worker has come");
}

fn asked(server: &Server, home: Home) -> BTreeSet<String> {
    server.requests().into_iter().filter(|request| request.home == home).map(|request| request.path).collect()
}
