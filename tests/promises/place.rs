//! A small site in two versions, what they become, and places where builds of them are disturbed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files and directories by their paths from a root; a directory has no bytes.
pub(crate) type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// The options of every build here.
pub(crate) const OPTIONS: [&str; 4] = ["--cdn", "https://cdn.example", "--jobs", "1"];

/// Two versions of a site, and their outputs.
pub(crate) struct Sites {
    /// Goes with the last of it.
    temp: tempfile::TempDir,
    /// What each is built to.
    pub(crate) old: Tree,
    /// The same of the second version.
    pub(crate) new: Tree,
}

/// Where one build is disturbed.
pub(crate) struct Place {
    /// Holds nothing but the output and its state.
    pub(crate) root: PathBuf,
    /// OUT, as it is given to the build.
    pub(crate) out: PathBuf,
    /// The directory itself, where OUT is a link to it.
    pub(crate) real: PathBuf,
}

/// What stands at OUT before the build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Before {
    /// Nothing: it is the first build.
    Nothing,
    /// The output of the first version.
    Output,
    /// A link to it.
    Link,
}

impl Sites {
    /// Writes and builds both.
    pub(crate) fn new() -> Self {
        // In memory where that is possible: a build syncs the file system, which the disk of a busy machine makes slow.
        let shm = Path::new("/dev/shm");
        let temp = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.expect("a directory");
        write_site(&temp.path().join("site-1"), "1");
        write_site(&temp.path().join("site-2"), "2");
        let mut sites = Self { temp, old: Tree::new(), new: Tree::new() };
        for (site, out) in [("site-1", "old"), ("site-2", "new")] {
            let out = sites.temp.path().join(out);
            let (status, _, error) = run(&sites.temp.path().join(site), &out);
            assert_eq!(status, Some(0), "{error}");
        }
        (sites.old, sites.new) = (tree(&sites.temp.path().join("old")), tree(&sites.temp.path().join("new")));
        assert_ne!(sites.old, sites.new);
        sites
    }

    /// The site as it is now.
    pub(crate) fn site(&self) -> PathBuf {
        self.temp.path().join("site-2")
    }

    /// A new place.
    pub(crate) fn place(&self, name: &str, before: Before) -> Place {
        let root = self.temp.path().join(name);
        fs::create_dir(&root).expect("a new place");
        let place = match before {
            Before::Link => Place { out: root.join("out"), real: root.join("really"), root },
            _ => Place { out: root.join("out"), real: root.join("out"), root },
        };
        if before != Before::Nothing {
            write(&place.real, &self.old);
        }
        if before == Before::Link {
            std::os::unix::fs::symlink("really", &place.out).expect("a link");
        }
        place
    }

    /// Builds the site as it is now, undisturbed.
    pub(crate) fn build(&self, place: &Place) -> (Option<i32>, String, String) {
        run(&self.site(), &place.out)
    }
}

impl Place {
    /// OUT; `None` when there is none.
    pub(crate) fn tree(&self) -> Option<Tree> {
        self.out.is_dir().then(|| tree(&self.out))
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        let name = self.real.file_name().expect("a name").to_str().expect("text");
        self.root.join(format!(".{name}.tightrope"))
    }

    /// What lies around besides the output and its lock, which stays.
    pub(crate) fn litter(&self) -> Vec<PathBuf> {
        let state = self.state();
        let all = tree(&self.root).into_keys().map(|path| self.root.join(path));
        let belongs = |path: &PathBuf| {
            path.starts_with(&self.out) || path.starts_with(&self.real) || *path == state || *path == state.join("lock")
        };
        all.filter(|path| !belongs(path)).collect()
    }
}

/// Runs a build: its status (`None` when a signal ended it), standard output and standard error.
pub(crate) fn run(site: &Path, out: &Path) -> (Option<i32>, String, String) {
    let output = command(site, out).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn command(site: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
    command.arg("build").arg(site).arg("--out").arg(out).args(OPTIONS);
    command
}

/// Everything below a directory. Links are not followed, and not expected.
pub(crate) fn tree(root: &Path) -> Tree {
    fn walk(root: &Path, dir: &Path, into: &mut Tree) {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let is_dir = path.symlink_metadata().expect("metadata").is_dir();
            let bytes = (!is_dir).then(|| fs::read(&path).unwrap_or_default());
            into.insert(path.strip_prefix(root).expect("below").to_owned(), bytes);
            if is_dir {
                walk(root, &path, into);
            }
        }
    }
    let mut all = Tree::new();
    walk(root, root, &mut all);
    all
}

fn write(root: &Path, tree: &Tree) {
    fs::create_dir(root).expect("a directory");
    for (path, bytes) in tree {
        match bytes {
            Some(bytes) => fs::write(root.join(path), bytes).expect("a file"),
            None => fs::create_dir(root.join(path)).expect("a directory"),
        }
    }
}

/// A page with references, one without, a sheet, a script, an image, and a file that is no asset.
pub(crate) fn write_site(root: &Path, version: &str) {
    let page = "<!doctype html>\n<title>A</title>\n<link rel=stylesheet href=css/a.css>\n<script src=a.js></script>\n\
                <img src=img/a.png>\n";
    let files = [
        ("index.html", format!("{page}<p>{version}\n")),
        ("plain.html", format!("<!doctype html>\n<p>{version}\n")),
        ("css/a.css", format!("/* {version} */ body {{ background: url(../img/a.png) }}\n")),
        ("a.js", format!("console.log({version});\n")),
        ("img/a.png", format!("an image, version {version}\n")),
        ("notes.bin", format!("no asset, version {version}\n")),
    ];
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
}
