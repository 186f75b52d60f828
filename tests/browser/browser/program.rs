//! A program that a test starts, and that ends with it.

use std::env;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// For a program to come up, and to go. It takes a second or two; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Program {
    process: Child,
    farewell: Option<Farewell>,
}

/// What ends a driver's browser: killing the driver would leave it behind.
pub(super) struct Farewell {
    pub(super) port: u16,
    /// A method and a path.
    pub(super) request: String,
    /// Whether the driver ends as well.
    pub(super) ends_driver: bool,
}

/// The first of these programs that is installed.
pub(super) fn on_path(names: &[&str]) -> PathBuf {
    let dirs: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let found = names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name))).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no {} on PATH: scripts/test installs it or says how", names.join(" or ")))
}

impl Program {
    pub(super) fn start(command: &mut Command) -> Self {
        let process = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { process: process.expect("it starts"), farewell: None }
    }

    /// Starts it and waits until it says a number (of a port, of a display), behind `marker`.
    pub(super) fn start_and_hear(command: &mut Command, marker: &str) -> (Self, u16) {
        let mut program = Self::start(command.stdout(Stdio::piped()));
        let mut said = BufReader::new(program.process.stdout.take().expect("its standard output"));
        let mut heard = String::new();
        loop {
            let start = heard.len();
            let read = said.read_line(&mut heard).expect("its text");
            assert_ne!(read, 0, "{command:?} did not say \"{marker}\" and a number, but:\n{heard}");
            let number = heard[start..].split_once(marker).map(|(_, rest)| rest);
            let digits = number.map(|rest| rest.trim_end_matches(|c: char| !c.is_ascii_digit()));
            if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
                // It must be able to go on talking.
                thread::spawn(move || said.read_to_end(&mut Vec::new()));
                return (program, number);
            }
        }
    }

    /// Starts one that says nothing and takes connections at this port. None when it ends instead.
    pub(super) fn start_and_reach(command: &mut Command, port: u16) -> Option<Self> {
        let mut program = Self::start(command.stdout(Stdio::null()));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "{command:?} is not to be reached");
            if matches!(program.process.try_wait(), Ok(Some(_))) {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Some(program)
    }

    pub(super) fn end_by(&mut self, farewell: Farewell) {
        self.farewell = Some(farewell);
    }

    fn has_ended(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Farewell {
    fn say(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", self.request)?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Nothing here may panic: a test may be panicking already.
        if let Some(farewell) = self.farewell.take()
            && farewell.say().is_ok()
            && farewell.ends_driver
            && self.has_ended(Duration::from_secs(10))
        {
            return;
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
