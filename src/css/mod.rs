//! References in CSS, with the byte ranges to edit (CSS Syntax Level 3, CSS Values Level 4, CSS Cascade Level 5).
//!
//! A file is read by [`read`], in whatever encoding it is; what stands in a page is text already, and read by
//! [`references`] and [`declarations`].

mod block;
mod elements;
mod encoding;
mod finder;
mod imports;
mod raw;
mod tokens;

pub use encoding::Width;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// How a reference in CSS comes to be fetched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Use {
    /// `@import`, where a browser honours it.
    Import,
    /// `url()` or a string of `image-set()` anywhere else.
    Url,
    /// An element of another file, for a filter, a clip path, a mask or the like: `url(file.svg#id)`.
    Element,
}

/// One reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The URL's own bytes: inside the quotes, or inside the parentheses.
    pub range: Range<usize>,
    /// The URL, its escapes decoded.
    pub url: String,
    /// What it is for.
    pub usage: Use,
    /// The custom property in whose value it stands, such as `--icon`, or the `@property` or `@function`. What such a
    /// URL is relative to is decided where it is used, by `var(--icon)` or `--function()`: by the sheet, `<style>` or
    /// `style` attribute that says that.
    pub custom_property: Option<Arc<str>>,
}

/// A custom property that is used, such as `--icon` in `var(--icon)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The custom property in whose value it is used: who uses that one uses both.
    pub used_in: Option<Arc<str>>,
}

/// What stands in a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sheet {
    /// All references of which it is certain what they are, in order; ranges are bytes of the file.
    pub references: Vec<Reference>,
    /// The custom properties that `var()` names, and the functions of that kind.
    pub variables: BTreeSet<Variable>,
    /// How wide its characters are.
    pub width: Width,
    /// The first byte at which it is not certain what the file refers to, and why: that reference is left out.
    pub unread: Option<(usize, String)>,
}

/// What a stylesheet refers to, whatever its encoding.
pub fn read(bytes: &[u8]) -> Sheet {
    Sheet { width: Width::of(bytes), ..encoding::read(bytes) }
}

/// All references in a stylesheet that is text already, such as that of a `<style>`, in order.
pub fn references(css: &str) -> Vec<Reference> {
    finder::stylesheet(css).references
}

/// All references in the text of a `style` attribute, in order.
pub fn declarations(css: &str) -> Vec<Reference> {
    finder::declarations(css).references
}

/// All references in the value of a property, such as that of svg's attribute `fill`, in order.
pub fn value(property: &str, value: &str) -> Vec<Reference> {
    let before = property.len() + 1;
    let found = declarations(&format!("{property}:{value}")).into_iter();
    found.map(|one| Reference { range: one.range.start - before..one.range.end - before, ..one }).collect()
}

/// A URL as it may stand in a CSS string or between the parentheses of `url()`.
pub fn escape(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        if c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '(' | ')' | '\\') {
            out.push(c);
        } else {
            out.push_str(&format!("\\{:x} ", u32::from(c)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(css: &str) -> Vec<(String, String)> {
        references(css).into_iter().map(|r| (css[r.range].to_owned(), r.url)).collect()
    }

    fn urls(css: &str) -> Vec<String> {
        references(css).into_iter().map(|r| r.url).collect()
    }

    fn uses(css: &str) -> Vec<Use> {
        let all = if css.ends_with('}') { references(css) } else { declarations(css) };
        all.into_iter().map(|r| r.usage).collect()
    }

    #[test]
    fn a_url_is_found_in_every_spelling() {
        for css in
            ["a{b:url(x.png)}", "a{b:url( 'x.png' )}", "a{b:URL(\"x.png\")}", "a{b:u\\72l(x.png)}", "a{b:url(x.png"]
        {
            assert_eq!(urls(css), ["x.png"], "{css}");
        }
        assert_eq!(found(r"a{b:url(a\.png)}"), [(r"a\.png".into(), "a.png".into())]);
        assert_eq!(found("a{b:url(\n x.png\t)}")[0].0, "x.png");
    }

    #[test]
    fn an_element_of_another_file_is_told_from_a_picture() {
        for css in [
            "a{filter:url(f.svg#x)}",
            "filter: blur(1px) url('f.svg#x')",
            "a{b:c;-WEBKIT-Clip-Path : url(f.svg#x) content-box",
            "@media print{a:hover{color:red;mask:none,url(f.svg#x)}}",
        ] {
            assert_eq!(uses(css), [Use::Element], "{css}");
        }
        for css in [
            "a{filter:none;background:url(f.svg#x)}",
            "a{filter:none}b{background:url(f.svg#x)}",
            "a{transition:filter 1s;background:url(f.svg#x)}",
            "filter:hover{background:url(f.svg#x)}",
            "a{filter:url(f.svg)}",
            "@font-face{src:url(f.svg#x)}",
        ] {
            assert_eq!(uses(css), [Use::Url], "{css}");
        }
    }

    #[test]
    fn an_import_counts_only_where_a_browser_honours_it() {
        assert_eq!(urls("@charset 'utf-8';@layer a;@import 'a.css' layer(x);@import url(b.css);"), ["a.css", "b.css"]);
        assert_eq!(urls("a{}@import 'a.css';"), [""; 0]);
        assert_eq!(urls("@namespace 'x';@import 'a.css';"), [""; 0]);
        assert_eq!(urls("@media print{@import 'a.css';}"), [""; 0]);
    }

    #[test]
    fn comments_and_strings_are_no_references() {
        assert_eq!(urls("/* url(a.png) */ a{content:'url(b.png)'; b:url(c.png)}"), ["c.png"]);
        assert_eq!(urls("a{b:url(\"x\" y)}"), [""; 0]);
    }

    #[test]
    fn image_set_strings_and_nested_blocks_are_looked_into() {
        assert_eq!(urls("@media print{a{b:image-set('a.png' 1x, url(b.png) 2x)}}"), ["a.png", "b.png"]);
        assert_eq!(declarations("background:url(a.png)").len(), 1);
    }

    fn used(css: &str) -> Vec<(String, Option<Arc<str>>)> {
        read(css.as_bytes()).variables.into_iter().map(|used| (used.name, used.used_in)).collect()
    }

    #[test]
    fn what_a_custom_property_names_says_so() {
        let css = "a{--x:url(a.png);b:url(b.png);c:var(--x);d:var( --y, url(c.png))}";
        let named: Vec<_> = references(css).into_iter().map(|r| (r.url, r.custom_property)).collect();
        assert_eq!(named, [("a.png".into(), Some("--x".into())), ("b.png".into(), None), ("c.png".into(), None)]);
        assert_eq!(used(css), [("--x".into(), None), ("--y".into(), None)]);
        assert_eq!(
            used("a{--x:var(--y) var(--z, var(--w))}"),
            ["--w", "--y", "--z"].map(|n| (n.into(), Some("--x".into())))
        );
        let css = "@function --f(--a){@media all{result:url(a.png)}}b{c:url(b.png);d:--f(1)}@property --x;e{f:url(c.png)}\
            @property --y{initial-value:url(d.png)}";
        let named: Vec<_> = references(css).into_iter().filter_map(|r| r.custom_property).collect();
        assert_eq!(named.iter().map(|name| &**name).collect::<Vec<_>>(), ["--f", "--y"]);
        assert_eq!(used(css), [("--f".into(), None)]);
    }

    #[test]
    fn what_every_browser_drops_is_not_seen() {
        for css in [
            "a{b:url(x.png), url(y z)}",
            "a{b:url(x.png) ]}",
            "a{b:url(x.png), 'c\n;d:e}",
            "@supports (b:url(x.png)){}",
            "@namespace url(x.png);",
            "a[b=url(x.png)]{c:d}",
            "a{b:url('x.png' integrity('sha384-x'))}",
            "a{b:url('x.png' cross-origin(use-credentials))}",
            "a{b:url(#x)}",
            "a{b:url()}",
        ] {
            assert_eq!(urls(css), [""; 0], "{css}");
        }
        assert_eq!(urls("a{b:url('x.png' cross-origin(anonymous))}"), ["x.png"]);
    }

    #[test]
    fn a_reference_is_found_however_deep_it_is() {
        for (open, count) in [("a{", 200_000), ("@media all{", 50_000)] {
            assert_eq!(urls(&format!("{}b:url(x.png)", open.repeat(count))), ["x.png"]);
        }
        let css = format!("a{{b:{}url(x.png){}}}", "f(".repeat(200_000), ")".repeat(200_000));
        assert_eq!(urls(&css), ["x.png"]);
        references(&"(".repeat(200_000));
    }
}
