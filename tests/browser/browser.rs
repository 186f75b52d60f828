//! A headless Chromium, driven through `chromedriver`.

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::env;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Ends with the test, also when that panics.
pub(crate) struct Browser {
    pub(crate) client: Client,
    // In this order: the profile is deleted when the browser has ended.
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let driver = Driver::start();
        let profile = tempfile::tempdir().expect("a directory for the browser's profile");
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
                // The CDN is on the IPv4 loopback address only, and another program may be on the other one.
                "--host-resolver-rules=MAP localhost 127.0.0.1",
                format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        let capabilities = serde_json::Map::from_iter([
            ("goog:chromeOptions".to_owned(), options),
            // Kept for those who ask for them.
            ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" })),
        ]);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("a browser session");
        Self { client, _driver: driver, _profile: profile }
    }

    /// Runs a function's body in the page.
    pub(crate) async fn ask(&self, body: &str) -> Value {
        self.client.execute(body, Vec::new()).await.expect("an answer from the page")
    }
}

/// The first of these programs that is installed.
fn on_path(names: &[&str]) -> PathBuf {
    let dirs: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let found = names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name))).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no {} on PATH: install chromium and chromium-driver", names.join(" or ")))
}

struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let mut process = Command::new(on_path(&["chromedriver"]))
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts: install chromium and chromium-driver");
        let mut said = BufReader::new(process.stdout.take().expect("its standard output"));
        // The guard first: what follows may panic.
        let mut driver = Self { process, port: 0 };
        let mut heard = String::new();
        while driver.port == 0 {
            let start = heard.len();
            let read = said.read_line(&mut heard).expect("its text");
            assert_ne!(read, 0, "chromedriver did not name its port; it said:\n{heard}");
            let port = heard[start..].split_once("successfully on port ").map(|(_, port)| port);
            let digits = port.map(|port| port.trim_end_matches(|c: char| !c.is_ascii_digit()));
            driver.port = digits.and_then(|digits| digits.parse().ok()).unwrap_or_default();
        }
        // It must be able to go on talking.
        thread::spawn(move || said.read_to_end(&mut Vec::new()));
        driver
    }

    /// Killing the driver would leave its browser behind: ask it to end both.
    fn ask_to_end(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Nothing here may panic: a test may be panicking already.
        if self.port != 0 && self.ask_to_end().is_ok() {
            let deadline = Instant::now() + Duration::from_secs(10);
            while Instant::now() < deadline {
                if matches!(self.process.try_wait(), Ok(Some(_))) {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
