//! Any text as CSS: every reference can be replaced, and nothing else is read differently then.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tightrope::css;

fuzz_target!(|text: &str| {
    let found = css::references(text);
    let mut edited = text.to_owned();
    for reference in found.iter().rev() {
        edited.replace_range(reference.range.clone(), &css::escape("https://x.example/a (1).png"));
    }
    let again = css::references(&edited);
    assert_eq!(again.len(), found.len(), "{edited:?}");
    assert!(again.iter().all(|reference| reference.url == "https://x.example/a (1).png"), "{edited:?}: {again:?}");
});
