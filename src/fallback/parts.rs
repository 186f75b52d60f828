//! Of which parts the net's code consists: what a site did not ask for, its pages do not carry.

use crate::config::Config;
use crate::html::csp;
use std::sync::LazyLock;

/// What every page carries: one constant per release. What varies is in attributes beside it.
pub const LOADER: &str = include_str!("../../runtime/dist/loader.min.js");

/// What that fetches when a request has failed.
pub const NET: &str = include_str!("../../runtime/dist/net.min.js");

const HANG: &str = include_str!("../../runtime/dist/hang.min.js");
const RESCUE: &str = include_str!("../../runtime/dist/rescue.min.js");
const REGISTER: &str = include_str!("../../runtime/dist/register.min.js");
const BEACON: &str = include_str!("../../runtime/dist/beacon.min.js");

/// What a site wants besides the loader and the net. For each choice the texts are constants of the release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parts {
    /// The rescue from a CDN that never answers (`--hang-limit`).
    pub hang: bool,
    /// What sends reports (`--beacon`).
    pub beacon: bool,
    /// What registers the service worker (`--service-worker`, on sites that have none of their own).
    pub service_worker: bool,
}

/// The texts of one choice.
struct Texts {
    in_page: String,
    in_page_hash: String,
    fetched: String,
}

/// By number.
static TEXTS: LazyLock<[Texts; Parts::COUNT]> = LazyLock::new(|| Parts::all().map(Parts::compose));

impl Parts {
    /// How many choices there are.
    pub const COUNT: usize = 8;

    /// Every choice, each at its number.
    pub fn all() -> [Self; Self::COUNT] {
        std::array::from_fn(|number| Self {
            hang: number & 1 != 0,
            beacon: number & 2 != 0,
            service_worker: number & 4 != 0,
        })
    }

    /// What these settings ask for. `joined`: whether a worker of the site's own imports ours.
    pub fn of(config: &Config, joined: bool) -> Self {
        Self {
            hang: config.hang_limit.is_some(),
            beacon: config.settings.beacon.is_some(),
            service_worker: config.settings.service_worker && !joined,
        }
    }

    /// Its place among all.
    pub(super) fn number(self) -> usize {
        usize::from(self.hang) | usize::from(self.beacon) << 1 | usize::from(self.service_worker) << 2
    }

    /// What a page carries.
    pub fn in_page(self) -> &'static str {
        &TEXTS[self.number()].in_page
    }

    /// By what a policy admits that, without quotes.
    pub fn in_page_hash(self) -> &'static str {
        &TEXTS[self.number()].in_page_hash
    }

    /// What is fetched when a request has failed.
    pub fn fetched(self) -> &'static str {
        &TEXTS[self.number()].fetched
    }

    /// Reports come first, to hear of all that the others do; then the rescue, which keeps the net from a page that it takes
    /// for text.
    fn compose(self) -> Texts {
        let joined = |pieces: &[(bool, &str)]| -> String {
            pieces.iter().filter(|(wanted, _)| *wanted).map(|(_, text)| *text).collect()
        };
        let in_page = joined(&[(true, LOADER), (self.hang, HANG), (self.service_worker, REGISTER)]);
        let fetched = joined(&[(self.beacon, BEACON), (self.hang, RESCUE), (true, NET)]);
        Texts { in_page_hash: csp::hash(&in_page), in_page, fetched }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_found_by_its_number_and_has_what_it_asks_for() {
        for (number, parts) in Parts::all().into_iter().enumerate() {
            assert_eq!(parts.number(), number);
            let (in_page, fetched) = (parts.in_page(), parts.fetched());
            assert!(in_page.starts_with(LOADER) && fetched.ends_with(NET), "{parts:?}");
            assert_eq!((in_page.contains(HANG), fetched.contains(RESCUE)), (parts.hang, parts.hang), "{parts:?}");
            assert_eq!(in_page.contains("getRegistration"), parts.service_worker, "{parts:?}");
            assert_eq!(fetched.contains("sendBeacon"), parts.beacon, "{parts:?}");
        }
    }

    #[test]
    fn no_page_carries_more_than_four_kilobytes_of_it() {
        assert!(Parts::all().into_iter().all(|parts| parts.in_page().len() <= 4096));
    }

    #[test]
    fn what_stands_in_pages_needs_no_escaping_in_xml() {
        for text in Parts::all().map(Parts::in_page) {
            assert!(!text.contains(['<', '&', '\n']) && !text.contains("]]>"));
        }
    }

    #[test]
    fn a_report_names_the_version_that_sends_it() {
        assert!(BEACON.contains(concat!("version:\"", env!("CARGO_PKG_VERSION"), "\"")));
    }
}
