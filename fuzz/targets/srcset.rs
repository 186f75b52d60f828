//! Any text as `srcset`: the URLs are those that a second reading of the standard finds.
#![no_main]

#[path = "../../tests/dom/text.rs"]
#[expect(dead_code, reason = "only its reading of srcset is used here")]
mod text;

use libfuzzer_sys::fuzz_target;
use tightrope::html::srcset;

fuzz_target!(|value: &str| {
    let ours: Vec<_> = srcset::urls(value).into_iter().map(|range| &value[range]).collect();
    let parts = text::srcset(value);
    let theirs = parts.iter().filter_map(|part| match part {
        text::Part::Url(url) => Some(url.as_str()),
        text::Part::Text(_) => None,
    });
    assert_eq!(ours, theirs.collect::<Vec<_>>());
});
