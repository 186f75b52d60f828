//! Which files of earlier builds are published on (`--keep`).

use super::{Home, Plan};
use crate::config::Config;
use crate::model::digest::Integrity;
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use std::collections::{BTreeMap, BTreeSet};

/// A file of an earlier build whose name stands for its bytes, for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Under which name.
    pub path: SitePath,
    /// What pins its bytes.
    pub integrity: Integrity,
    /// In bytes.
    pub size: u64,
    /// From where the pages of its build load it.
    pub home: Home,
    /// How many builds ago it was last published for its own sake; 0 for a file of the build that OUT holds.
    pub builds_ago: u32,
}

/// What the new build publishes.
#[derive(Debug)]
pub struct NewNames {
    /// Every name, with its integrity as far as that is known.
    pub all: BTreeMap<SitePath, Option<Integrity>>,
    /// Those that stand for their bytes: by them one build is told from another.
    pub fingerprinted: BTreeSet<(SitePath, Integrity)>,
}

impl NewNames {
    /// The names of a plan's publications. Those of other files are still to be added.
    pub fn of(plan: &Plan) -> Self {
        let published = || plan.publications.values().map(|to| (to, (to.path.clone(), to.integrity.clone())));
        Self {
            all: published().map(|(_, (path, integrity))| (path, Some(integrity))).collect(),
            fingerprinted: published().filter(|(to, _)| to.fingerprinted).map(|(_, name)| name).collect(),
        }
    }
}

/// What is carried over of an earlier build's files, sorted by path. What should be and cannot is told.
///
/// A build that publishes the same fingerprinted files as the one before is the same build: nothing becomes older by it.
pub fn keep(earlier: Vec<Kept>, names: &NewNames, config: &Config) -> (Vec<Kept>, Vec<Finding>) {
    let current: BTreeSet<_> = earlier.iter().filter(|file| file.builds_ago == 0).map(name).collect();
    let builds = u32::from(current != names.fingerprinted);
    let (mut kept, mut findings) = (Vec::new(), Vec::new());
    for file in youngest(earlier) {
        let builds_ago = file.builds_ago.saturating_add(builds);
        if builds_ago > config.settings.keep {
            continue;
        }
        match obstacle(&file, names, config) {
            Ok(true) => kept.push(Kept { builds_ago, ..file }),
            Ok(false) => {}
            Err(reason) => findings.push(Finding::of_file(Code::NotKept, file.path.as_str(), reason)),
        }
    }
    (kept, findings)
}

fn name(file: &Kept) -> (SitePath, Integrity) {
    (file.path.clone(), file.integrity.clone())
}

/// One for each name: a manifest may have been written by anybody.
fn youngest(earlier: Vec<Kept>) -> impl Iterator<Item = Kept> {
    let mut by_path = BTreeMap::<SitePath, Kept>::new();
    for file in earlier {
        let is_older = by_path.get(&file.path).is_some_and(|other| other.builds_ago <= file.builds_ago);
        if !is_older {
            by_path.insert(file.path.clone(), file);
        }
    }
    by_path.into_values()
}

/// Whether a file must be carried over, or is there already; or why it cannot be.
fn obstacle(file: &Kept, names: &NewNames, config: &Config) -> Result<bool, &'static str> {
    match names.all.get(&file.path) {
        Some(Some(integrity)) if *integrity == file.integrity => Ok(false),
        Some(_) => Err("the new build has another file of this name"),
        None if config.may_be_asset(&file.path) => Ok(true),
        None => Err("no asset has such a name"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Settings;
    use crate::model::digest::Digests;

    fn file(path: &str, bytes: &str, builds_ago: u32) -> Kept {
        Kept {
            path: SitePath::new(path).expect("a path"),
            integrity: Digests::of(bytes.as_bytes()).integrity(),
            size: bytes.len() as u64,
            home: Home::Cdn,
            builds_ago,
        }
    }

    fn names(files: &[(&str, &str)]) -> NewNames {
        let files = files.iter().map(|(path, bytes)| name(&file(path, bytes, 0)));
        NewNames {
            all: files.clone().map(|(path, integrity)| (path, Some(integrity))).collect(),
            fingerprinted: files.collect(),
        }
    }

    /// What is kept, with its age, and how many findings there are.
    fn kept(keep: u32, earlier: Vec<Kept>, new: &[(&str, &str)]) -> (Vec<(String, u32)>, usize) {
        let config = Config::new(Settings { keep, ..Settings::default() }).expect("good settings");
        let (kept, findings) = super::keep(earlier, &names(new), &config);
        (kept.into_iter().map(|file| (file.path.to_string(), file.builds_ago)).collect(), findings.len())
    }

    #[test]
    fn a_build_with_other_files_makes_those_before_older_and_drops_the_oldest() {
        let earlier = vec![file("a.1.js", "a", 0), file("b.1.js", "b", 1), file("c.1.js", "c", 2)];
        let aged = vec![("a.1.js".to_owned(), 1), ("b.1.js".to_owned(), 2)];
        assert_eq!(kept(2, earlier.clone(), &[("new.js", "new")]), (aged, 0));
        assert_eq!(kept(0, earlier, &[("new.js", "new")]), (vec![], 0));
    }

    #[test]
    fn the_same_files_again_make_nothing_older() {
        let earlier = vec![file("a.1.js", "a", 0), file("b.1.js", "b", 1), file("c.1.js", "c", 2)];
        assert_eq!(kept(1, earlier, &[("a.1.js", "a")]), (vec![("b.1.js".to_owned(), 1)], 0));
    }

    #[test]
    fn a_file_that_comes_back_is_new_again() {
        let earlier = vec![file("a.1.js", "a", 0), file("b.1.js", "b", 1)];
        assert_eq!(kept(3, earlier, &[("b.1.js", "b")]), (vec![("a.1.js".to_owned(), 1)], 0));
    }

    #[test]
    fn of_a_name_that_is_listed_twice_the_younger_counts() {
        for ages in [[1, 5], [5, 1]] {
            let earlier = ages.map(|age| file("a.1.js", "a", age)).to_vec();
            assert_eq!(kept(2, earlier, &[("new.js", "new")]), (vec![("a.1.js".to_owned(), 2)], 0));
        }
    }

    #[test]
    fn a_name_that_the_new_build_has_for_other_bytes_is_told_and_not_kept() {
        assert_eq!(kept(1, vec![file("a.1.js", "a", 0)], &[("a.1.js", "other")]), (vec![], 1));
    }

    #[test]
    fn what_can_be_no_asset_is_told_and_not_kept() {
        for path in ["index.html", "sw.js", ".well-known/a.js", "tightrope-service-worker.js", "robots.txt"] {
            assert_eq!(kept(1, vec![file(path, "a", 0)], &[("new.js", "new")]), (vec![], 1), "{path}");
        }
    }

    #[test]
    fn no_age_is_too_great_to_grow() {
        let all = kept(u32::MAX, vec![file("a.1.js", "a", u32::MAX)], &[("new.js", "new")]);
        assert_eq!(all, (vec![("a.1.js".to_owned(), u32::MAX)], 0));
    }
}
