//! Any bytes as a stylesheet: every reference can be replaced, and nothing else is read differently then.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tightrope::css;
use tightrope::model::edit::{self, Edit};

const URL: &str = "https://x.example/a (1).png";

fuzz_target!(|bytes: &[u8]| {
    let found = css::read(bytes);
    let edits = found.references.iter().map(|one| Edit::new(one.range.clone(), found.width.escape(URL)));
    let edited = edit::apply(bytes, edits.collect());
    let again = css::read(&edited);
    assert_eq!(again.references.len(), found.references.len(), "{edited:?}");
    assert!(again.references.iter().all(|one| one.url == URL), "{edited:?}: {again:?}");
    assert_eq!(again.variables, found.variables, "{edited:?}");
    if let Ok(text) = std::str::from_utf8(bytes) {
        css::declarations(text);
    }
});
