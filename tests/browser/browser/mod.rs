//! A browser of each engine, without a window that anybody sees: Chromium and WebKitGTK through the drivers that come
//! with them, Firefox through its own protocol.

mod marionette;
mod program;
mod start;

use fantoccini::{Client, Locator};
use marionette::Marionette;
use program::Program;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// Which browser.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Engine {
    Chromium,
    Firefox,
    WebKit,
}

/// Ends with the test, also when that panics.
pub(crate) struct Browser {
    pub(crate) engine: Engine,
    session: Session,
    // In this order: the profile is deleted when the browser has ended.
    _programs: Vec<Program>,
    _profile: TempDir,
}

/// How one talks to it.
enum Session {
    WebDriver(Client),
    Marionette(Mutex<Marionette>),
}

/// What `goto` waits for: a page load strategy of WebDriver.
#[derive(Clone, Copy)]
pub(crate) enum Waits {
    /// The page's `load` event.
    ForLoad,
    /// Nothing: for pages that may never have loaded.
    #[allow(dead_code)]
    Never,
}

impl Waits {
    fn strategy(self) -> &'static str {
        match self {
            Self::ForLoad => "normal",
            Self::Never => "none",
        }
    }
}

impl Browser {
    pub(crate) async fn start(engine: Engine) -> Self {
        Self::start_that_waits(engine, Waits::ForLoad).await
    }

    pub(crate) async fn start_that_waits(engine: Engine, waits: Waits) -> Self {
        match engine {
            Engine::Chromium => start::chromium(waits).await,
            Engine::Firefox => start::firefox(waits),
            Engine::WebKit => start::webkit(waits).await,
        }
    }

    /// Opens a page and waits as it was started to.
    pub(crate) async fn goto(&self, url: &str) {
        match &self.session {
            Session::WebDriver(client) => client.goto(url).await.expect("the page"),
            Session::Marionette(firefox) => {
                call(firefox, "WebDriver:Navigate", &json!({ "url": url }));
            }
        }
    }

    /// Runs a function's body in the page.
    pub(crate) async fn ask(&self, body: &str) -> Value {
        self.ask_with(body, Vec::new()).await
    }

    /// Runs a function's body in the page, with these arguments.
    pub(crate) async fn ask_with(&self, body: &str, arguments: Vec<Value>) -> Value {
        match &self.session {
            Session::WebDriver(client) => client.execute(body, arguments).await.expect("an answer from the page"),
            Session::Marionette(firefox) => {
                call(firefox, "WebDriver:ExecuteScript", &json!({ "script": body, "args": arguments }))
            }
        }
    }

    /// As [`ask`](Self::ask), of a page that may be going away just now.
    #[allow(dead_code)]
    pub(crate) async fn try_ask(&self, body: &str) -> Result<Value, String> {
        match &self.session {
            Session::WebDriver(client) => client.execute(body, Vec::new()).await.map_err(|error| error.to_string()),
            Session::Marionette(firefox) => {
                let mut firefox = firefox.lock().unwrap_or_else(PoisonError::into_inner);
                firefox.try_call("WebDriver:ExecuteScript", &json!({ "script": body, "args": [] }))
            }
        }
    }

    /// Runs a function's body in the page and waits until it calls its last argument.
    pub(crate) async fn wait_for(&self, body: &str) {
        match &self.session {
            Session::WebDriver(client) => {
                client.execute_async(body, Vec::new()).await.expect("an answer from the page");
            }
            Session::Marionette(firefox) => {
                call(firefox, "WebDriver:ExecuteAsyncScript", &json!({ "script": body, "args": [] }));
            }
        }
    }

    /// Lets all that was pending have its turn: timers, events and inserted scripts that were due have run by then.
    pub(crate) async fn settle(&self) {
        // Two frames and an idle moment. WebKit knows of none: there, a timer that comes after those that are due.
        let idle = "const done = arguments[arguments.length - 1];
            const idle = window.requestIdleCallback || (then => setTimeout(then, 50));
            requestAnimationFrame(() => requestAnimationFrame(() => idle(() => done(1), { timeout: 2000 })));";
        self.wait_for(idle).await;
    }

    /// Makes room for a large page.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        match &self.session {
            Session::WebDriver(client) => client.set_window_size(width, height).await.expect("a large window"),
            Session::Marionette(firefox) => {
                call(firefox, "WebDriver:SetWindowRect", &json!({ "width": width, "height": height }));
            }
        }
    }

    /// Clicks what the CSS selector finds, as a person would. For `tests/corpora`.
    #[allow(dead_code)]
    pub(crate) async fn click(&self, selector: &str) {
        let client = self.webdriver();
        client.find(Locator::Css(selector)).await.expect("a link").click().await.expect("a click");
    }

    /// For what only one of them knows.
    pub(crate) fn webdriver(&self) -> &Client {
        match &self.session {
            Session::WebDriver(client) => client,
            Session::Marionette(_) => panic!("Firefox is not driven through WebDriver"),
        }
    }
}

fn call(firefox: &Mutex<Marionette>, command: &str, parameters: &Value) -> Value {
    firefox.lock().unwrap_or_else(PoisonError::into_inner).call(command, parameters)
}
