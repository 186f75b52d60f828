//! How each engine is started. Each has a profile of its own, and reaches the CDN by the name `localhost` at 127.0.0.1,
//! the only address at which it listens.

use super::marionette::Marionette;
use super::program::{Farewell, Program, on_path};
use super::{Browser, Engine, Session, Waits};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::Mutex;
use tempfile::TempDir;

fn profile() -> TempDir {
    tempfile::tempdir().expect("a directory for the browser's profile")
}

async fn session(port: u16, waits: Waits, mut capabilities: Map<String, Value>) -> Client {
    capabilities.insert("pageLoadStrategy".to_owned(), json!(waits.strategy()));
    let mut builder = ClientBuilder::new(HttpConnector::new());
    let session = builder.capabilities(capabilities).connect(&format!("http://127.0.0.1:{port}")).await;
    session.expect("a browser session")
}

pub(super) async fn chromium(waits: Waits) -> Browser {
    let (mut driver, port) =
        Program::start_and_hear(Command::new(on_path(&["chromedriver"])).arg("--port=0"), "successfully on port ");
    driver.end_by(Farewell { port, request: "GET /shutdown".to_owned(), ends_driver: true });
    let profile = profile();
    let options = json!({
        "binary": on_path(&["chromium", "chromium-browser", "google-chrome"]),
        "args": [
            "--headless=new",
            // The sandbox does not start for root, which is who one is in most containers. The pages are ours.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Another program may be on the IPv6 loopback address.
            "--host-resolver-rules=MAP localhost 127.0.0.1",
            format!("--user-data-dir={}", profile.path().display()),
        ],
    });
    let capabilities = Map::from_iter([
        ("goog:chromeOptions".to_owned(), options),
        // Kept for those who ask for them.
        ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" })),
    ]);
    let client = session(port, waits, capabilities).await;
    Browser {
        engine: Engine::Chromium,
        session: Session::WebDriver(client),
        _programs: vec![driver],
        _profile: profile,
    }
}

/// Firefox's preferences. The protocol sets those that keep it quiet by itself, but not at once.
const PREFERENCES: &str = r#"
user_pref("marionette.port", 0);
// Another program may be on the IPv6 loopback address.
user_pref("network.dns.disableIPv6", true);
user_pref("network.proxy.type", 0);
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.startup.page", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("nimbus.rollouts.enabled", false);
user_pref("services.settings.server", "data:,#nothing");
user_pref("toolkit.telemetry.server", "data:,#nothing");
"#;

pub(super) fn firefox(waits: Waits) -> Browser {
    let profile = profile();
    fs::write(profile.path().join("user.js"), PREFERENCES).expect("the preferences");
    let mut command = Command::new(on_path(&["firefox-esr", "firefox"]));
    command.args(["--marionette", "--headless", "--no-remote", "--profile"]).arg(profile.path());
    // Killing it ends its other processes, which live by their connections to it.
    let (firefox, port) = Program::start_and_hear(&mut command, "Listening on port ");
    let session = Session::Marionette(Mutex::new(Marionette::connect(port, waits)));
    Browser { engine: Engine::Firefox, session, _programs: vec![firefox], _profile: profile }
}

/// WebKit has no headless mode: it gets a display of its own, without a screen. The system's resolver leads `localhost`
/// to both loopback addresses, and nothing can be said to it: where nobody is at the IPv6 one, it takes the other.
pub(super) async fn webkit(waits: Waits) -> Browser {
    let mut command = Command::new(on_path(&["Xvfb"]));
    command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1700x3100x24"]);
    let (screen, display) = Program::start_and_hear(&mut command, "");
    let profile = profile();
    let (mut driver, port) = webkit_driver(display, &profile);
    let client = session(port, waits, Map::from_iter([("browserName".to_owned(), json!("MiniBrowser"))])).await;
    let id = client.session_id().await.expect("its state").expect("its name");
    driver.end_by(Farewell { port, request: format!("DELETE /session/{id}"), ends_driver: false });
    // The driver first: a browser that it did not end does not outlive its display.
    Browser {
        engine: Engine::WebKit,
        session: Session::WebDriver(client),
        _programs: vec![driver, screen],
        _profile: profile,
    }
}

/// It does not say which port it took: it gets one that was free a moment ago, and another where that is no longer so.
fn webkit_driver(display: u16, profile: &TempDir) -> (Program, u16) {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let mut command = Command::new(on_path(&["WebKitWebDriver"]));
        command.arg(format!("--port={port}")).env("DISPLAY", format!(":{display}")).env("GDK_BACKEND", "x11");
        for variable in ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            command.env(variable, profile.path());
        }
        // Neither a graphics card nor the services of a desktop.
        command.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1").env("LIBGL_ALWAYS_SOFTWARE", "1");
        command.env("NO_AT_BRIDGE", "1").env("GTK_A11Y", "none").env("GSETTINGS_BACKEND", "memory");
        if let Some(driver) = Program::start_and_reach(&mut command, port) {
            return (driver, port);
        }
    }
}
