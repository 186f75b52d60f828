//! Any text as a script: every specifier can be replaced, and nothing else is read differently then.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tightrope::js;

fuzz_target!(|text: &str| {
    let Ok(script) = js::read(text) else { return };
    let mut edited = text.to_owned();
    for specifier in script.specifiers.iter().rev() {
        edited.replace_range(specifier.range.clone(), &js::escape("https://x.example/it's.js"));
    }
    let again = js::read(&edited).expect("it could be read before").specifiers;
    assert_eq!(again.len(), script.specifiers.len(), "{edited:?}");
    assert!(again.iter().all(|specifier| specifier.text == "https://x.example/it's.js"), "{edited:?}: {again:?}");
});
