//! The service worker: a file at the root of OUT, under a name that never changes.

use crate::cdn::Cdn;
use crate::config::{self, Config};
use crate::js;
use crate::model::media_type::{self, Kind};
use crate::model::path::SitePath;
use crate::plan::{Home, Plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Its name: by it browsers know the worker they have, so it carries no fingerprint.
pub const FILE_NAME: &str = config::SERVICE_WORKER;

/// Its code: one constant per release, which ends with [`CALL`].
const CODE: &str = include_str!("../../runtime/dist/service-worker.min.js");

/// Where the build's data goes.
const CALL: &str = "(DATA);";

/// What is published in its place when the site does without it: it unregisters itself.
pub const RETIRED: &str = include_str!("../../runtime/dist/retired.min.js");

/// What is put into a module worker of the site's own.
const IMPORT: &str = "import \"./tightrope-service-worker.js\";";

/// What is put into a classic one. In a worker that was registered as a module, whatever its text looks like,
/// `importScripts` throws a `TypeError`: then it goes on without ours. A file that does not come must fail the installation,
/// so that the browser tries again.
const IMPORT_SCRIPTS: &str =
    "try{importScripts(\"tightrope-service-worker.js\")}catch(e){if(!(e instanceof TypeError))throw e}";

/// What the worker knows of the build.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The CDN's base URLs.
    pub cdns: Vec<String>,
    /// Whether no worker of the site's own imports it.
    pub alone: bool,
    /// By path below the CDN, percent-encoded: what pins each script, stylesheet, font and data file whose name stands for its bytes.
    /// An old worker may serve a new page, so no other name may stand here.
    pub integrity: BTreeMap<String, String>,
}

impl Data {
    /// What the worker of this build must know. `None` if it is to have none.
    pub fn of(plan: &Plan, config: &Config) -> Option<Self> {
        let cdn = config.cdn.as_ref().filter(|_| config.settings.service_worker)?;
        let published = plan.publications.values().filter(|to| to.fingerprinted);
        let published = published.map(|to| (&to.path, to.home, &to.integrity));
        // Pages of earlier builds are served by the worker of this one.
        let kept = plan.kept.iter().map(|file| (&file.path, file.home, &file.integrity));
        let pinned = published.chain(kept).filter(|(path, home, _)| *home == Home::Cdn && is_pinned(path));
        Some(Self {
            cdns: [cdn].map(Cdn::as_str).map(str::to_owned).to_vec(),
            alone: plan.workers.is_empty(),
            integrity: pinned.map(|(path, _, integrity)| (path.to_url(), integrity.to_string())).collect(),
        })
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        // Maps with text for keys always have a JSON form.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{}({json});\n", code())
    }

    /// Reads the file, if its code is that of this release.
    pub fn parse(text: &str) -> Option<Self> {
        let json = text.strip_prefix(code())?.strip_prefix('(')?.strip_suffix(");\n")?;
        serde_json::from_str(json).ok()
    }
}

/// Whether the table holds such files, where their names stand for their bytes.
pub fn is_pinned(path: &SitePath) -> bool {
    matches!(media_type::of(path).0, Kind::Script | Kind::Style | Kind::Font | Kind::Data)
}

fn code() -> &'static str {
    CODE.strip_suffix(CALL).unwrap_or(CODE)
}

/// A worker of the site's own, with ours imported before its first statement. All else stays byte for byte.
pub fn joined(worker: &[u8]) -> Vec<u8> {
    let beginning = js::beginning(worker);
    let (before, behind) = worker.split_at(beginning.at);
    let semicolon = if beginning.needs_semicolon { ";" } else { "" };
    let import = if beginning.is_module { IMPORT } else { IMPORT_SCRIPTS };
    // A line's end in front of what follows would be one more line for the browser's error messages.
    [before, semicolon.as_bytes(), import.as_bytes(), behind].concat()
}

/// Whether a published worker is one that imports ours first.
pub fn is_joined(worker: &[u8]) -> bool {
    [IMPORT, IMPORT_SCRIPTS].iter().any(|import| {
        memchr::memmem::find(worker, import.as_bytes()).is_some_and(|at| {
            let without = |start: usize| [&worker[..start], &worker[at + import.len()..]].concat();
            joined(&without(at)) == worker || at > 0 && joined(&without(at - 1)) == worker
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_ends_where_the_data_goes() {
        assert!(CODE.ends_with(CALL));
        let data = Data {
            cdns: vec!["https://c.example/\"'/".to_owned()],
            alone: true,
            integrity: [("a%20b.js".to_owned(), "sha384-x".to_owned())].into(),
        };
        assert_eq!(Data::parse(&data.text()), Some(data.clone()));
        assert_eq!(Data::parse(&data.text().replacen('=', "==", 1)), None);
    }

    #[test]
    fn a_worker_keeps_every_byte_and_imports_ours_first() {
        for (worker, expected) in [
            ("a()", "TRYa()"),
            ("'use strict'\nself.a = 1", "'use strict';TRY\nself.a = 1"),
            ("\u{feff}#!x\n'use strict'; a()", "\u{feff}#!x\n'use strict';TRY a()"),
            ("import './b.js'\na()", "IMPORTimport './b.js'\na()"),
        ] {
            let expected = expected.replace("TRY", IMPORT_SCRIPTS).replacen("IMPORT", IMPORT, 1);
            let joined = joined(worker.as_bytes());
            assert_eq!(String::from_utf8_lossy(&joined), expected);
            assert!(is_joined(&joined) && !is_joined(worker.as_bytes()));
            let late = [b"b();", &joined[..]].concat();
            assert!(!is_joined(&late), "{worker}");
        }
    }
}
