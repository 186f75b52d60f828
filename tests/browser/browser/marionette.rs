//! The protocol that Firefox speaks itself: JSON texts behind their lengths, `[0, number, command, parameters]` there and
//! `[1, number, error, result]` back. Its commands are WebDriver's, so no driver is built for it.
//!
//! <https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html>

use super::Waits;
use serde_json::{Value, json};
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// For one command. The longest is a page's `load` event.
const PATIENCE: Duration = Duration::from_mins(1);

/// A session.
pub(super) struct Marionette {
    stream: BufReader<TcpStream>,
    number: u32,
}

impl Marionette {
    pub(super) fn connect(port: u16, waits: Waits) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("Firefox");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        // Commands are short, and each waits for the answer to the one before.
        stream.set_nodelay(true).expect("no delay");
        let mut session = Self { stream: BufReader::new(stream), number: 0 };
        let hello = session.read();
        assert_eq!(hello["marionetteProtocol"], 3, "{hello}");
        session.call("WebDriver:NewSession", &json!({ "pageLoadStrategy": waits.strategy() }));
        session
    }

    /// What a command gives. They wait for it on the test's own thread: the servers run on others.
    pub(super) fn call(&mut self, command: &str, parameters: &Value) -> Value {
        self.try_call(command, parameters).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// The same, or what Firefox has against it.
    pub(super) fn try_call(&mut self, command: &str, parameters: &Value) -> Result<Value, String> {
        self.number += 1;
        let text = json!([0, self.number, command, parameters]).to_string();
        write!(self.stream.get_mut(), "{}:{text}", text.len()).expect("Firefox listens");
        let mut answer = self.read();
        assert_eq!((&answer[0], &answer[1]), (&json!(1), &json!(self.number)), "{command}: {answer}");
        if !answer[2].is_null() {
            return Err(format!("{:#}", answer[2]));
        }
        let mut result = answer[3].take();
        // A value that is no object comes in one.
        Ok(if result.get("value").is_some() { result["value"].take() } else { result })
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("Firefox answers");
            match byte[0] {
                digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
                other => break assert_eq!(other, b':'),
            }
        }
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text).expect("all of the answer");
        serde_json::from_slice(&text).expect("JSON")
    }
}
