//! Real browsers, a real build and a CDN that fails: the page must become what it was before it was built.
//!
//! What is expected is not written down: each test first loads the unbuilt site in the same browser.
//!
//! Needs what `scripts/test` installs: Chromium, Firefox and WebKitGTK, the drivers of the first and the last, and Xvfb.

mod browser;
mod bundles;
mod custom_properties;
mod exceptions;
mod faults;
mod requests;
mod serve;
mod sheets;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// For a page to become what it should be. It takes a fraction of a second; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(20);

fn site(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sites-browser").join(name)
}

fn listener() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a free port")
}
