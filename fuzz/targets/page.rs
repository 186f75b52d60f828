//! Any bytes as a page: rewritten with a CDN and without, the tree must stay (`tests/dom`), and the size of the parser's
//! steps must change nothing.
#![no_main]

#[path = "../../tests/dom/mod.rs"]
mod dom;

use dom::site::{CDN, Judged};
use libfuzzer_sys::fuzz_target;
use std::cell::LazyCell;

thread_local! {
    static JUDGES: LazyCell<[Judged; 2]> = LazyCell::new(|| [Judged::new(Some(CDN)), Judged::new(None)]);
}

fuzz_target!(|page: &[u8]| {
    if dom::is_two_faced(page) {
        return;
    }
    JUDGES.with(|judges| {
        for judge in judges.iter() {
            let after = judge.check(page).unwrap_or_else(|difference| panic!("{difference}"));
            assert_eq!(after, judge.site.rewrite(page, Some(1)).bytes, "byte by byte");
        }
    });
});
