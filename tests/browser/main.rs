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
mod hang;
mod matrix;
mod old_pages;
mod requests;
mod serve;
mod service_worker;
mod sheets;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tightrope::serve::{Fault, Server};

/// For a page to become what it should be. It takes a fraction of a second; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(20);

fn site(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sites-browser").join(name)
}

fn listener() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// Makes the CDN fail in this way from now on.
///
/// For a moment its port is closed and taken anew. A program that another test starts just then holds all that is open
/// here until it has come up: then the port is not free yet.
async fn set_fault(server: &mut Server, fault: Fault) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = server.set_fault(fault).await {
        assert!(error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
