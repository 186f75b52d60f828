//! What the names of a site's files give away.

use super::SiteFile;
use crate::model::finding::{Code, Finding};
use crate::model::path::SitePath;
use crate::model::secret::{self, Secret};
use icu_normalizer::ComposingNormalizerBorrowed;
use std::collections::{BTreeSet, HashMap};

/// Names that no URL can spell, secrets, and names that fall together elsewhere.
pub(super) fn findings(files: &[SiteFile]) -> Vec<Finding> {
    let nameless = files
        .iter()
        .filter(|file| file.path.is_none())
        .map(|file| Finding::of_file(Code::NameNotUtf8, file.relative.display().to_string(), "its name is not UTF-8"));
    let paths: Vec<_> = files.iter().filter_map(|file| file.path.as_ref()).collect();
    nameless.chain(secrets(&paths)).chain(collisions(&paths)).collect()
}

/// One finding for a directory, whatever is in it.
fn secrets(paths: &[&SitePath]) -> Vec<Finding> {
    let mut told = BTreeSet::new();
    let found = paths.iter().filter_map(|path| secret::of(path)).filter(|secret| told.insert(secret.place));
    let finding = |Secret { place, holds }: Secret<'_>| {
        Finding::of_file(Code::SecretFile, place, format!("it is published, and such a name stands for {holds}"))
    };
    found.map(finding).collect()
}

fn collisions(paths: &[&SitePath]) -> Vec<Finding> {
    let mut first: HashMap<String, &SitePath> = HashMap::new();
    let mut found = Vec::new();
    for path in paths {
        if let Some(other) = first.get(folded(path.as_str()).as_str()) {
            let reason =
                format!("`{other}` differs from it in case or in how its accents are encoded, and in nothing else");
            found.push(Finding::of_file(Code::NamesCollide, path.as_str(), reason));
        } else {
            first.insert(folded(path.as_str()), path);
        }
    }
    found
}

/// What all the names have in common that are one file where case and composition do not count.
fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    // By way of upper case: `ſ` and `ς` are lower case already.
    nfc.normalize(&nfc.normalize(name).to_uppercase().to_lowercase()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_together_that_differ_in_case_or_composition_alone() {
        for (a, b) in [("A.png", "a.PNG"), ("é.js", "e\u{301}.js"), ("É", "e\u{301}"), ("ſ", "S"), ("Σας", "σΑΣ")]
        {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
        for (a, b) in [("a.png", "b.png"), ("é", "e"), ("a/b", "a-b")] {
            assert_ne!(folded(a), folded(b), "{a} {b}");
        }
    }
}
