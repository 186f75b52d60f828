//! The pages of the matrix: one for each element, so that an element that breaks, or hangs, hides no other.

use super::axes::{Element, Policy};
use tightrope::model::digest::policy_hashes;

const OBSERVE: &str = include_str!("observe.js");
/// Below which path the site is, under [`Policy::BasePath`].
pub(crate) const BASE_PATH: &str = "/docs/";

/// How a page in XML begins.
const XHTML: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!DOCTYPE html>\n\
     <html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">";

/// A page that asks for an element, several times over.
pub(crate) struct Page {
    pub(crate) text: String,
    /// What runs, in no particular order: the page is sound when all of it did before it was built.
    pub(crate) runs: &'static [&'static str],
    /// Whether the order in which all that happens is up to the network.
    pub(crate) is_unordered: bool,
}

/// What the pages of an element hold, and [`Page`]'s rest.
struct Parts {
    head: String,
    body: String,
    runs: &'static [&'static str],
}

/// The page around a sandboxed frame: it asks the frame, over and over, what it is.
pub(crate) fn around(frame: &str) -> String {
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Around</title>\n\
         <iframe sandbox=\"allow-scripts\" src=\"{frame}\" width=\"800\" height=\"600\"></iframe>\n<script>\n\
         let last = null;\naddEventListener('message', event => last = event.data);\n\
         setInterval(() => frames[0].postMessage('observe', '*'), 20);\nwindow.observe = () => last;\n</script>\n"
    )
}

pub(crate) fn page(element: Element, policy: Policy) -> Page {
    let Parts { head, body, runs } = Hand { policy }.parts(element);
    let observer = Hand { policy }.inline(OBSERVE);
    let is_unordered = matches!(element, Element::Async | Element::DynamicImport | Element::Inserted);
    let start = if policy == Policy::Xhtml { XHTML } else { "<!doctype html>\n<html lang=\"en\">" };
    let base = if policy == Policy::BaseHref { "<base href=\"../\"/>\n" } else { "" };
    let content = format!("<title>Matrix</title>\n{observer}{head}</head>\n<body>\n{body}</body>\n</html>\n");
    let meta = meta(policy, &content);
    let text = format!("{start}\n<head>\n<meta charset=\"utf-8\"/>\n{meta}{base}{content}");
    Page { text, runs, is_unordered }
}

/// The page with something of the CDN before its observer, so that the net goes in there: what stands before the net hears
/// nothing any more when a page is written again, as docs/fallback.md says.
pub(crate) fn with_icon(page: &str) -> String {
    page.replacen("<title>", "<link rel=\"icon\" href=\"../img/plain.png\"/>\n<title>", 1)
}

/// The policy itself. It stands before all that it is about.
fn meta(policy: Policy, content: &str) -> String {
    let list = match policy {
        Policy::Nonce => {
            "default-src 'self'; script-src 'self' 'nonce-n0nce'; style-src 'self' 'nonce-n0nce'".to_owned()
        }
        Policy::StrictDynamic => "script-src 'nonce-n0nce' 'strict-dynamic'; object-src 'none'".to_owned(),
        Policy::Hashes => format!(
            "default-src 'self'; script-src 'self'{}; style-src 'self'{}",
            hashes(content, "script"),
            hashes(content, "style")
        ),
        // The second is that of a script of the page's own.
        Policy::TrustedTypes => "require-trusted-types-for 'script'; trusted-types tightrope site".to_owned(),
        Policy::None | Policy::Xhtml | Policy::Sandbox | Policy::BaseHref | Policy::BasePath => return String::new(),
    };
    format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{list}\"/>\n")
}

/// The hashes that admit the inline text of all elements of this name.
fn hashes(content: &str, name: &str) -> String {
    let (start, end) = (format!("<{name}"), format!("</{name}>"));
    let texts = content.split(&start).skip(1).filter_map(|rest| rest.split_once('>')?.1.split(&end).next());
    let hash = |text: &str| format!(" '{}'", policy_hashes(text.as_bytes())[0]);
    texts.filter(|text| !text.is_empty()).map(hash).collect::<Vec<_>>().concat()
}

/// Writes elements as the policy demands.
#[derive(Clone, Copy)]
struct Hand {
    policy: Policy,
}

impl Hand {
    /// The URL of a file of the site.
    fn url(self, path: &str) -> String {
        let prefix = match self.policy {
            Policy::BaseHref => "./",
            Policy::BasePath => BASE_PATH,
            _ => "../",
        };
        format!("{prefix}{path}")
    }

    fn nonce(self) -> &'static str {
        if matches!(self.policy, Policy::Nonce | Policy::StrictDynamic) { " nonce=\"n0nce\"" } else { "" }
    }

    fn script(self, name: &str, how: &str) -> String {
        let (url, nonce) = (self.url(&format!("js/{name}.js")), self.nonce());
        format!("<script src=\"{url}\"{nonce}{how}></script>\n")
    }

    fn inline(self, text: &str) -> String {
        format!("<script{}>{text}</script>\n", self.nonce())
    }

    /// An inline script that says that it ran.
    fn says(self, name: &str) -> String {
        self.inline(&format!("trace.push('{name}');"))
    }

    /// An inline module that imports one of the site's.
    fn imports(self, name: &str) -> String {
        let (url, nonce) = (self.url(&format!("js/{name}.js")), self.nonce());
        let text = format!("import {{ name }} from '{url}'; trace.push('importer of ' + name);");
        format!("<script type=\"module\"{nonce}>{text}</script>\n")
    }

    fn sheet(self, name: &str) -> String {
        format!("<link rel=\"stylesheet\" href=\"{}\"/>\n", self.url(&format!("css/{name}.css")))
    }

    fn style(self, text: &str) -> String {
        format!("<style{}>{text}</style>\n", self.nonce())
    }

    /// A picture: `named` by an attribute, and what else.
    fn img(self, name: &str, more: &str) -> String {
        format!("<img src=\"{}\" alt=\"{name}\"{more}/>\n", self.url(&format!("img/{name}.png")))
    }

    fn preload(self, kind: &str, path: &str) -> String {
        format!("<link rel=\"preload\" as=\"{kind}\" href=\"{}\"/>\n", self.url(path))
    }

    fn parts(self, element: Element) -> Parts {
        match element {
            Element::Module | Element::Dependency | Element::InlineModule | Element::DynamicImport => {
                self.module(element)
            }
            Element::Stylesheet | Element::Import | Element::Font | Element::Background => self.sheets(element),
            Element::Img
            | Element::Srcset
            | Element::Picture
            | Element::NewImage
            | Element::Video
            | Element::SvgImage => self.media(element),
            _ => self.classic(element),
        }
    }

    fn classic(self, element: Element) -> Parts {
        let of = |element| self.script(element, "");
        let defer = |name| self.script(name, " defer=\"\"");
        let (head, body, runs): (String, String, &[&str]) = match element {
            Element::Blocking => (
                of("blocking-1") + &self.says("inline-1") + &of("blocking-2"),
                of("blocking-3") + &self.says("inline-2"),
                &["blocking-1", "inline-1", "blocking-2", "blocking-3", "inline-2"],
            ),
            Element::Defer => (
                defer("deferred-1") + &defer("deferred-2"),
                defer("deferred-3") + &self.says("inline"),
                &["deferred-1", "deferred-2", "deferred-3", "inline"],
            ),
            Element::DeferBesideLocal => (
                defer("deferred-1")
                    + &self.script("local", " defer=\"\" data-tightrope=\"skip\"")
                    + &defer("deferred-2"),
                String::new(),
                &["deferred-1", "local", "deferred-2"],
            ),
            Element::Async => (
                self.script("async-1", " async=\"\"") + &self.script("async-2", " async=\"\""),
                String::new(),
                &["async-1", "async-2"],
            ),
            Element::Inserted => (of("inserter"), String::new(), &["inserter", "inserted", "load of inserted"]),
            _ => (
                self.preload("script", "js/preloaded.js")
                    + &self.preload("style", "css/preloaded.css")
                    + &self.preload("image", "img/preloaded.png")
                    + &self.sheet("preloaded")
                    + &of("preloaded"),
                "<p id=\"preloaded\">Preloaded</p>\n".to_owned() + &self.img("preloaded", ""),
                &["preloaded"],
            ),
        };
        Parts { head, body, runs }
    }

    fn module(self, element: Element) -> Parts {
        let of = |name| self.script(name, " type=\"module\"");
        let (head, runs): (String, &[&str]) = match element {
            Element::Module => (of("module-1") + &of("module-2"), &["module-1", "module-2"]),
            Element::Dependency => (of("importer"), &["importer of one with another", "dependency", "deep"]),
            Element::InlineModule => (
                self.imports("imported-1") + &of("module-1") + &self.imports("imported-2"),
                &["imported-1", "importer of imported-1", "module-1", "imported-2", "importer of imported-2"],
            ),
            _ => (of("dynamic"), &["dynamic", "lazy", "then lazy"]),
        };
        Parts { head, body: String::new(), runs }
    }

    fn sheets(self, element: Element) -> Parts {
        let (head, body) = match element {
            Element::Stylesheet => (
                self.sheet("base") + &self.sheet("theme") + &self.style("#cascade { height: 99px; }"),
                "<p id=\"cascade\">The later sheet wins.</p>\n",
            ),
            Element::Import => (
                self.sheet("importing") + &self.style(&format!("@import '{}';", self.url("css/styled.css"))),
                "<p id=\"imported\">From a sheet that a sheet imports</p>\n<p id=\"styled\">And a style</p>\n",
            ),
            Element::Font => (self.sheet("font"), "<p id=\"font\">squares</p>\n"),
            _ => (self.sheet("background"), "<p id=\"background\"></p>\n"),
        };
        Parts { head, body: body.to_owned(), runs: &[] }
    }

    fn media(self, element: Element) -> Parts {
        let (picture, sound) = (|name: &str| self.url(&format!("img/{name}.png")), self.url("media/beep.wav"));
        let mut parts = Parts { head: String::new(), body: String::new(), runs: &[] };
        parts.body = match element {
            Element::Img => self.img("plain", "") + &self.img("lazy", " loading=\"lazy\""),
            Element::Srcset => {
                self.img("small", &format!(" srcset=\"{} 2x, {} 1x\"", picture("large"), picture("source")))
            }
            Element::Picture => {
                let source = format!("<source type=\"image/png\" srcset=\"{}\"/>", picture("source"));
                format!("<picture>{source}{}</picture>\n", self.img("unused", ""))
            }
            Element::SvgImage => format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"99\" height=\"99\">\
                 <image id=\"vector\" href=\"{}\"/></svg>\n",
                picture("vector")
            ),
            Element::Video => format!(
                "<video id=\"video\" preload=\"auto\" src=\"{sound}\"></video>\n\
                 <video id=\"source\" preload=\"auto\"><source type=\"audio/wav\" src=\"{sound}\"/></video>\n"
            ),
            _ => {
                parts.runs = &["painter"];
                self.script("painter", "")
            }
        };
        parts
    }
}
