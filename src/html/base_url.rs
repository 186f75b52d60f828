//! What relative references of a page start from (HTML, section 2.4.3, "document base URL").

use crate::html::attribute_value::Decoded;
use crate::html::visitor::{Element, Namespace};
use url::Url;

/// The base URL in force at a place of the page: that of the page until a `<base>` counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BaseUrl {
    url: Url,
    from_element: bool,
}

impl BaseUrl {
    /// At the start of a page whose URL is this.
    pub fn of_page(url: Url) -> Self {
        Self { url, from_element: false }
    }

    /// That of a page in an attribute of this one (HTML, section 2.4.3, "about:srcdoc").
    #[must_use]
    pub fn for_srcdoc(&self) -> Self {
        Self::of_page(self.url.clone())
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether a `<base>` has been seen.
    pub fn is_from_element(&self) -> bool {
        self.from_element
    }

    /// Takes note of an element: the first `<base>` with an address counts, from where it stands on. In svg, templates
    /// and noscript it does not, and one that cannot be a base (`data:`, `javascript:`, no URL) leaves the page's own.
    pub fn note(&mut self, element: &Element) {
        let is_base = element.tag == "base" && element.namespace == Namespace::Html && !element.inside.noscript;
        let Some(href) = element.value("href").filter(|_| is_base && !self.from_element && element.hoist_to.is_none())
        else {
            return;
        };
        self.from_element = true;
        let joined = self.url.join(Decoded::new(href).text.trim_matches(|c: char| c <= ' '));
        if let Ok(url) = joined
            && !matches!(url.scheme(), "data" | "javascript")
        {
            self.url = url;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::visitor::{Attribute, Inside};

    fn base(href: &str, inside: Inside) -> Element {
        Element {
            tag: "base".to_owned(),
            range: 0..0,
            attributes: vec![Attribute { name: "href".to_owned(), value: href.to_owned(), range: Some(0..0) }],
            namespace: Namespace::Html,
            inside,
            hoist_to: None,
        }
    }

    fn after(elements: &[Element]) -> String {
        let mut url = BaseUrl::of_page(Url::parse("https://site.invalid/docs/page.html").expect("a URL"));
        for element in elements {
            url.note(element);
        }
        url.url().to_string()
    }

    #[test]
    fn the_first_base_counts_and_what_cannot_be_one_leaves_the_page() {
        let seen = |href: &str| base(href, Inside::default());
        assert_eq!(after(&[seen("../a/"), seen("../b/")]), "https://site.invalid/a/");
        assert_eq!(after(&[seen("data:,x"), seen("../b/")]), "https://site.invalid/docs/page.html");
        assert_eq!(after(&[seen(" ")]), "https://site.invalid/docs/page.html");
        let hidden = base("/x/", Inside { noscript: true, ..Inside::default() });
        assert_eq!(after(&[hidden, seen("/y/")]), "https://site.invalid/y/");
    }
}
