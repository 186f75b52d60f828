//! A page as it is served: the CDN it was built for is replaced by the one that is here, in URLs and in policies, and
//! the hashes by which policies admit inline text are those of the text that is served.

use super::prefix::Move;
use crate::html::attribute_value::{Decoded, escape};
use crate::html::candidates::Candidates;
use crate::html::csp;
use crate::html::encoding::{self, Syntax};
use crate::html::rewriter;
use crate::html::splice::Change;
use crate::html::visitor::{Answer, Attribute, Element, Visitor};
use crate::html::xml;
use crate::model::edit::{self, Edit};
use crate::model::path::SitePath;
use std::ops::Range;

/// The page at `path`, its CDN moved.
pub(super) fn moved(path: &SitePath, page: &[u8], to: &Move) -> Vec<u8> {
    let found = Reader::read(path, page, to);
    let policies: Vec<_> = found.policies.iter().map(|policy| found.amended(policy)).collect();
    let is_apart = |edit: &Edit| policies.iter().all(|policy| !policy.range.contains(&edit.range.start));
    let edits: Vec<_> = to.edits(page).into_iter().filter(is_apart).collect();
    edit::apply(page, edits.into_iter().chain(policies).collect())
}

/// What matters to policies.
struct Reader<'m> {
    to: &'m Move,
    policies: Vec<Policy>,
    /// The hashes of inline text that changes, without their algorithms: before and after.
    renewed: Vec<(String, String)>,
    /// How many pages this one stands in.
    depth: usize,
}

/// How deep pages in `srcdoc` are followed, as the build does.
const MAX_DEPTH: usize = 3;

/// The value of a policy `<meta>`, as it is written.
struct Policy {
    range: Range<usize>,
    raw: String,
}

impl<'m> Reader<'m> {
    fn new(to: &'m Move) -> Self {
        Self { to, policies: Vec::new(), renewed: Vec::new(), depth: 0 }
    }

    /// A page without policies need not be read, and one that cannot be read has none that we know of.
    fn read(path: &SitePath, page: &[u8], to: &'m Move) -> Self {
        let mut reader = Self::new(to);
        let found = Candidates::of(page, &[]);
        let sniffed = Syntax::of(path).sniff(page);
        if found.csp && encoding::can_rewrite(sniffed.encoding) {
            let all = Candidates { every_element: true, misread: found.misread, ..Candidates::all(&[]) };
            let _ = match sniffed.syntax {
                Syntax::Html => rewriter::inspect(page, &all, sniffed.encoding, None, &mut reader),
                Syntax::Xml => xml::inspect_all(page, &mut reader),
            };
        }
        reader
    }

    /// What becomes of a policy.
    fn amended(&self, policy: &Policy) -> Edit {
        let mut raw = self.to.policy(&policy.raw);
        for (before, after) in &self.renewed {
            raw = raw.replace(before, after);
        }
        let (before, after) = (Decoded::new(&policy.raw), Decoded::new(&raw));
        let space = if raw.contains(|c: char| c.is_ascii_whitespace()) { " " } else { "&#32;" };
        let mut out = raw.clone();
        for (at, text) in csp::moved(&before.text, &after.text, &self.to.from, &self.to.to).iter().rev() {
            out.insert_str(after.raw(*at..*at).end, &format!("{space}{}", escape(text.trim_start())));
        }
        Edit::new(policy.range.clone(), out)
    }

    fn see_text(&mut self, before: &str) {
        let after = self.to.text(before);
        if before != after {
            let digest = |hash: String| hash.split_once('-').map_or(String::new(), |(_, digest)| digest.to_owned());
            let hashes = |text| csp::hashes(text).map(digest);
            self.renewed.extend(hashes(before).into_iter().zip(hashes(&after)));
        }
    }

    /// A page in an attribute: its text is under the policies of the page around it, too.
    fn see_document(&mut self, document: &str) {
        let mut inner = Self { depth: self.depth + 1, ..Self::new(self.to) };
        let all = Candidates { every_element: true, ..Candidates::all(&[]) };
        if inner.depth <= MAX_DEPTH
            && rewriter::inspect(document.as_bytes(), &all, encoding_rs::UTF_8, None, &mut inner).is_ok()
        {
            self.renewed.extend(inner.renewed);
        }
    }

    fn see_policy(&mut self, element: &Element) {
        let is_policy = |value: &str| value.trim().eq_ignore_ascii_case("content-security-policy");
        let named = element.value("http-equiv").is_some_and(|value| is_policy(&Decoded::new(value).text));
        if let Some(Attribute { value, range: Some(range), .. }) = element.attribute("content").filter(|_| named) {
            self.policies.push(Policy { range: range.clone(), raw: value.clone() });
        }
    }
}

impl Visitor for Reader<'_> {
    fn element(&mut self, element: &Element) -> Answer {
        if element.tag == "meta" {
            self.see_policy(element);
        }
        if let Some(style) = element.value("style") {
            self.see_text(&Decoded::new(style).text);
        }
        if let Some(document) = element.value("srcdoc").filter(|_| element.tag == "iframe") {
            self.see_document(&Decoded::new(document).text);
        }
        Answer { changes: Vec::new(), wants_text: matches!(element.tag.as_str(), "script" | "style") }
    }

    fn text(&mut self, text: &str, _start: usize, _aligned: bool) -> Vec<Change> {
        self.see_text(text);
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn served(path: &str, page: &str) -> String {
        let from = Url::parse("https://cdn.example/").expect("a URL");
        let to = Move::new(&from, "http://localhost:1").expect("another place");
        let path = SitePath::new(path).expect("a path");
        String::from_utf8(moved(&path, page.as_bytes(), &to)).expect("text")
    }

    #[test]
    fn inline_text_is_admitted_by_the_hash_of_what_is_served() {
        let texts = [
            "\n{\"imports\":{\"a\":\"C/a.js\"}}\r\n",
            "import 'C/b.js';",
            "p{background:url(C/é.png)}",
            "let untouched = 1;",
        ];
        let [map, module, style, classic] = texts;
        let page = |cdn: &str| {
            let hashes = texts.map(|text| csp::hashes(&text.replace('C', cdn)));
            let [map_hash, module_hash, style_hash, classic_hash] = &hashes;
            let [style_attribute, ..] = csp::hashes(&format!("background:url(\"{cdn}/c.png\")"));
            format!(
                "<meta charset=utf-8><meta http-equiv=Content-Security-Policy content=\"script-src '{}' '{}' '{}' {cdn}; \
                 style-src 'unsafe-hashes' '{}' '{style_attribute}' {cdn}\">",
                map_hash[0], module_hash[1], classic_hash[2], style_hash[0]
            ) + &format!("<script type=importmap>{map}</script><script type=module>{module}</script>").replace('C', cdn)
                + &format!("<script>{classic}</script><style>{style}</style>").replace('C', cdn)
                + &format!("<p style=\"background:url(&quot;{cdn}/c.png&quot;)\">")
        };
        assert_eq!(served("a.html", &page("https://cdn.example")), page("http://localhost:1"));
    }

    #[test]
    fn text_of_a_page_in_an_attribute_is_admitted_by_the_policy_around_it() {
        let page = |cdn: &str| {
            let [hash, ..] = csp::hashes(&format!("import \"{cdn}/a.js\""));
            format!(
                "<meta http-equiv=content-security-policy content=\"script-src {cdn} '{hash}'\">\
                 <iframe srcdoc='<script type=module>import &quot;{cdn}/a.js&quot;</script>'></iframe>"
            )
        };
        assert_eq!(served("a.html", &page("https://cdn.example")), page("http://localhost:1"));
    }

    #[test]
    fn in_xhtml_too() {
        let page = |cdn: &str| {
            let [hash, ..] = csp::hashes(&format!("import \"{cdn}/a.js\"; 1 < 2"));
            format!(
                "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><meta http-equiv=\"content-security-policy\" \
                 content=\"script-src {cdn}/ '{hash}'\"/><script type=\"module\">import &quot;{cdn}/a.js&quot;; 1 &lt; 2\
                 </script></head><body/></html>"
            )
        };
        assert_eq!(served("a.xhtml", &page("https://cdn.example")), page("http://localhost:1"));
    }

    #[test]
    fn what_admitted_the_cdn_without_its_url_is_helped_out() {
        let page =
            |list| format!("<meta http-equiv=content-security-policy content=\"script-src {list}\"><script src=a.js>");
        let expected = page("http://localhost:1 https: 'self'");
        assert_eq!(served("a.html", &page("https: 'self'")), expected);
        let unquoted = "<meta http-equiv=content-security-policy content=img-src&#32;https:>";
        assert_eq!(served("a.html", unquoted), unquoted.replace("&#32;", "&#32;http://localhost:1&#32;"));
    }

    #[test]
    fn every_byte_that_is_no_part_of_the_prefix_stays() {
        let page = "\u{feff}<p>https://cdn.example/ \r\n<img src=https://cdn.example/é.png><!-- \0 -->";
        let expected = page.replace("=https://cdn.example", "=http://localhost:1");
        assert_eq!(served("a.html", page), expected);
    }
}
