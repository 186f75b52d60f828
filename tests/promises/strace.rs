//! A build under strace: which calls it makes, and what becomes of it when one of them kills it or fails.

use crate::place::{OPTIONS, Place};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The calls that change a file system. strace does not mind those which the machine does not have.
pub(crate) const WRITING: &[&str] = &[
    "chmod",
    "copy_file_range",
    "creat",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fdatasync",
    "flock",
    "fsync",
    "ftruncate",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "open",
    "openat",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "splice",
    "symlink",
    "symlinkat",
    "syncfs",
    "truncate",
    "unlink",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
];

/// The calls that read one.
pub(crate) const READING: &[&str] = &[
    "copy_file_range",
    "getdents64",
    "lstat",
    "newfstatat",
    "openat",
    "pread64",
    "read",
    "readlink",
    "readlinkat",
    "stat",
    "statx",
];

/// One call, as strace writes it down.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Who called.
    thread: u32,
    /// What.
    pub(crate) name: String,
    /// The whole line, without the thread.
    pub(crate) text: String,
}

/// The `nth` call of that name in its thread, counted from 1: strace counts in the same way.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The call's name.
    pub(crate) name: String,
    /// Which of them.
    pub(crate) nth: usize,
    /// What it was when it was counted, for messages.
    #[expect(dead_code, reason = "it is read by Debug alone")]
    pub(crate) text: String,
}

/// What strace is asked for.
#[derive(Clone, Default)]
pub(crate) struct Request {
    /// Calls that are traced.
    pub(crate) calls: Vec<&'static str>,
    /// What befalls them, in strace's words: `write:signal=KILL:when=3`.
    pub(crate) inject: Vec<String>,
    /// Only calls that concern these paths, where there are any.
    pub(crate) paths: Vec<PathBuf>,
}

/// How a build ended.
pub(crate) struct Traced {
    /// The exit status.
    pub(crate) status: Option<i32>,
    /// Or what ended it.
    pub(crate) signal: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) error: String,
    /// What it called.
    pub(crate) calls: Vec<Call>,
}

/// Runs a build of `site` into the place.
pub(crate) fn run(site: &Path, place: &Place, request: &Request) -> Traced {
    let log = place.root.with_extension("strace");
    let output = command(site, place, request, Some(&log)).output().expect(MISSING);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let calls = fs::read_to_string(&log).unwrap_or_default();
    let (out, error) = (text(output.stdout), text(output.stderr));
    assert!(!error.contains("strace: "), "strace cannot do it, so nothing was shown: {error}");
    Traced { status: output.status.code(), signal: output.status.signal(), out, error, calls: parse(&calls) }
}

/// A build that was stopped before a call, and stands.
pub(crate) struct Stopped {
    child: Child,
    /// The process that stands.
    pub(crate) thread: u32,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

/// Starts a build that stops at the first call of that name, or the first that concerns `path`.
pub(crate) fn stop_at(site: &Path, place: &Place, call: &'static str, path: Option<PathBuf>) -> Stopped {
    let inject = vec![format!("{call}:signal=STOP:when=1")];
    let request = Request { calls: vec![call], inject, paths: path.into_iter().collect() };
    let mut command = command(site, place, &request, None);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect(MISSING);
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("--- stopped by SIGSTOP")));
    let line = line.expect("the build stops").expect("UTF-8");
    // `[pid 123] --- stopped by SIGSTOP ---`
    let thread = line.split(|c: char| !c.is_ascii_digit()).find_map(|number| number.parse().ok());
    Stopped { child, thread: thread.expect("a process"), lines }
}

impl Stopped {
    /// Lets it go on, or ends it. The exit status, and standard error with strace's own lines.
    pub(crate) fn send(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill").args(["-s", signal, &self.thread.to_string()]).status().expect("kill runs");
        assert!(sent.success());
        let rest: Vec<String> = self.lines.by_ref().map(|line| line.expect("UTF-8")).collect();
        (self.child.wait().expect("it ends").code(), rest.join("\n"))
    }

    /// The process that the thread belongs to.
    pub(crate) fn process(&self) -> u32 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.thread)).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
        line.expect("a process").trim().parse().expect("a number")
    }
}

/// The calls of `calls` that `wanted` is true of, each once.
pub(crate) fn points(calls: &[Call], wanted: impl Fn(&Call) -> bool) -> Vec<Point> {
    let mut counts: HashMap<(u32, &str), usize> = HashMap::new();
    let mut points = BTreeMap::new();
    for call in calls {
        let count = counts.entry((call.thread, &call.name)).or_default();
        *count += 1;
        if wanted(call) {
            let point = Point { name: call.name.clone(), nth: *count, text: call.text.clone() };
            points.entry((call.name.clone(), *count)).or_insert(point);
        }
    }
    points.into_values().collect()
}

/// Whether a call of [`WRITING`] changes anything: opening to read does not.
pub(crate) fn changes(call: &Call) -> bool {
    let opens = matches!(call.name.as_str(), "open" | "openat");
    !opens || ["O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC"].iter().any(|flag| call.text.contains(flag))
}

const MISSING: &str = "strace is missing, so nothing was shown. scripts/test installs it, or: apt-get install strace";

fn command(site: &Path, place: &Place, request: &Request, log: Option<&Path>) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "64"]);
    let calls: Vec<_> = request.calls.iter().map(|call| format!("?{call}")).collect();
    command.arg(format!("--trace={}", calls.join(",")));
    command.args(request.inject.iter().map(|inject| format!("--inject={inject}")));
    for path in &request.paths {
        command.arg("-P").arg(path);
    }
    if let Some(log) = log {
        command.arg("-o").arg(log);
    }
    command.arg(env!("CARGO_BIN_EXE_tightrope")).arg("build").arg(site).arg("--out").arg(&place.out).args(OPTIONS);
    command
}

fn parse(log: &str) -> Vec<Call> {
    log.lines()
        .filter_map(|line| {
            let (thread, text) = line.split_once(' ')?;
            let text = text.trim_start();
            let (name, _) = text.split_once('(')?;
            let is_call = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            is_call.then(|| Call { thread: thread.parse().unwrap_or(0), name: name.to_owned(), text: text.to_owned() })
        })
        .collect()
}
