//! Any text as a script: every reference can be replaced, and nothing else is read differently then.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tightrope::js;

fuzz_target!(|text: &str| {
    let Ok(script) = js::read(text, js::Goal::AsWritten) else { return };
    let mut edited = text.to_owned();
    for reference in script.references.iter().rev() {
        edited.replace_range(reference.range.clone(), &js::escape("https://x.example/it's.js"));
    }
    let again = js::read(&edited, js::Goal::AsWritten).expect("it could be read before").references;
    assert_eq!(again.len(), script.references.len(), "{edited:?}");
    assert!(again.iter().all(|reference| reference.text == "https://x.example/it's.js"), "{edited:?}: {again:?}");
});
