//! The site of a policy: all its pages and what they name, as it is and built for each net.

use super::assets;
use super::axes::{Axis as _, Element, Net, Policy};
use super::page::{self, BASE_PATH, Page};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Where the pages are built for. Each load has a CDN of its own: the server puts that into the pages.
pub(crate) const CDN: &str = "https://static.example.com";

/// A site before it was built and after, until it is dropped.
pub(crate) struct Site {
    policy: Policy,
    dir: TempDir,
}

impl Site {
    pub(crate) fn new(policy: Policy, net: Net) -> Self {
        let site = Self { policy, dir: tempfile::tempdir().expect("a directory") };
        site.write(net);
        site.build(net);
        site
    }

    /// What the origin's root is, before the site was built.
    pub(crate) fn unbuilt(&self) -> PathBuf {
        self.dir.path().join("unbuilt")
    }

    /// What was built.
    pub(crate) fn public(&self) -> PathBuf {
        self.dir.path().join("public")
    }

    fn input(&self) -> PathBuf {
        self.unbuilt().join(self.base_path().trim_matches('/'))
    }

    /// Below which path the origin has the site.
    pub(crate) fn base_path(&self) -> &'static str {
        if self.policy == Policy::BasePath { BASE_PATH } else { "/" }
    }

    fn write(&self, net: Net) {
        let pages = self.input().join("pages");
        fs::create_dir_all(&pages).expect("a directory");
        assets::write(&self.input());
        for element in with_pages() {
            let Page { mut text, .. } = page::page(element, self.policy);
            if net == Net::HangLimit {
                text = page::with_icon(&text);
            }
            let put = |name: &str, text: &str| fs::write(pages.join(name), text).expect("a page");
            put(&self.page_itself(element), &text);
            if self.policy == Policy::Sandbox {
                put(&self.page(element), &page::around(&self.page_itself(element)));
            }
        }
    }

    /// The name of the page that is opened.
    pub(crate) fn page(&self, element: Element) -> String {
        let extension = if self.policy == Policy::Xhtml { "xhtml" } else { "html" };
        format!("{}.{extension}", element.name().replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
    }

    /// The name of the page that holds the element.
    fn page_itself(&self, element: Element) -> String {
        let inside = if self.policy == Policy::Sandbox { "inside-" } else { "" };
        format!("{inside}{}", self.page(element))
    }

    fn build(&self, net: Net) {
        let options: &[&str] = match net {
            Net::Inline => &["--fallback", "inline"],
            Net::External => &["--fallback", "external"],
            Net::HangLimit => &["--hang-limit", "2s"],
            Net::ServiceWorker => &["--service-worker"],
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_tightrope"));
        command.arg("build").arg(self.input()).arg("--out").arg(self.public()).args(["--cdn", CDN]).args(options);
        if self.policy == Policy::BasePath {
            command.args(["--base-path", BASE_PATH]);
        }
        let built = command.output().expect("tightrope runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        for element in with_pages() {
            let page = self.public().join("pages").join(self.page_itself(element));
            assert!(uses_cdn(&page, net), "{} does not use the CDN", page.display());
        }
    }
}

/// The elements that have a page.
fn with_pages() -> impl Iterator<Item = Element> {
    Element::ALL.iter().copied().filter(|element| element.alone().is_none())
}

/// Whether more than the net of a page, and its icon, name the CDN: a page that stays at home would hold for nothing.
fn uses_cdn(page: &Path, net: Net) -> bool {
    let text = fs::read_to_string(page).expect("a page");
    text.matches(&format!("=\"{CDN}/")).count() > 1 + usize::from(net == Net::HangLimit)
}
