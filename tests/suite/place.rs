//! A directory with a site in it, and the command run there.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// What has not ended by then hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// `site/` and whatever lies beside it; gone with the test.
pub(crate) struct Place {
    temp: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Ended {
    /// What it printed; it must have ended with 0.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert_eq!(self.status, 0, "{}{}", self.out, self.error);
        self.out
    }
}

impl Place {
    /// With these files in `site/`.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let place = Self { temp: tempfile::tempdir().expect("a directory") };
        fs::create_dir(place.path("site")).expect("a directory");
        for (name, text) in files {
            place.write(format!("site/{name}"), text);
        }
        place
    }

    pub(crate) fn root(&self) -> &Path {
        self.temp.path()
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.temp.path().join(name)
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    }

    #[track_caller]
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path(name)).expect("a text")
    }

    /// A link `name` that says `target`.
    #[cfg(unix)]
    pub(crate) fn link(&self, target: impl AsRef<Path>, name: &str) {
        let name = self.path(name);
        fs::create_dir_all(name.parent().expect("a parent")).expect("a directory");
        std::os::unix::fs::symlink(target, name).expect("a link");
    }

    /// A pipe that nobody writes to: who reads it waits for ever.
    #[cfg(unix)]
    pub(crate) fn pipe(&self, name: &str) {
        assert!(Command::new("mkfifo").arg(self.path(name)).status().expect("mkfifo").success());
    }

    /// All names below a directory, links and directories too, sorted.
    pub(crate) fn names(&self, dir: &str) -> Vec<String> {
        let dir = self.path(dir);
        let entries = walkdir::WalkDir::new(&dir).min_depth(1).sort_by_file_name();
        let relative = |path: &Path| path.strip_prefix(&dir).expect("below").display().to_string();
        entries.into_iter().map(|entry| relative(entry.expect("a readable tree").path())).collect()
    }

    /// The name that a build gave to a file, by the manifest of `out`.
    #[track_caller]
    pub(crate) fn published(&self, original: &str) -> String {
        let manifest: serde_json::Value = serde_json::from_str(&self.read("out/tightrope.json")).expect("JSON");
        manifest["assets"][original]["path"].as_str().unwrap_or_else(|| panic!("{original} is not listed")).to_owned()
    }

    /// `tightrope build site --out out --cdn … <more>`
    pub(crate) fn build(&self, more: &[&str]) -> Ended {
        self.run(&[&["build", "site", "--out", "out", "--cdn", "https://cdn.example", "--verbose"], more].concat())
    }

    /// Builds, and verifies what came out; what the build printed.
    #[track_caller]
    pub(crate) fn build_well(&self, more: &[&str]) -> String {
        let said = self.build(more).well();
        self.run(&["verify", "out"]).well();
        said
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
        self.run_command(command.args(args))
    }

    /// Any command, here. One that hangs is killed, and fails the test.
    pub(crate) fn run_command(&self, command: &mut Command) -> Ended {
        let command =
            command.current_dir(self.root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
        let (out, error) = (all_of(child.stdout.take()), all_of(child.stderr.take()));
        let (out, error) = (wait_for(&out, &mut child), wait_for(&error, &mut child));
        Ended { status: child.wait().expect("it ended").code().expect("no signal"), out, error }
    }
}

fn all_of(mut pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = pipe.as_mut().map(|pipe| pipe.read_to_end(&mut text));
        let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    receiver
}

fn wait_for(text: &Receiver<String>, child: &mut Child) -> String {
    text.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let _ = child.kill();
        let _ = child.wait();
        panic!("it hangs")
    })
}
