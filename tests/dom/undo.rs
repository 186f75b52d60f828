//! What a rewrite may change in an attribute or a text, and the way back: the file that the new URL names must be the
//! published form of the file that the old one named, with the same query and fragment.

use super::text;
use super::tree::Element;
use base64::Engine as _;
use encoding_rs::{Encoding, UTF_8};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use sha2::{Digest as _, Sha384};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tightrope::model::path::SitePath;
use tightrope::page::Context;
use tightrope::plan::Home;
use url::Url;

/// Where a site is served, and under which names.
#[derive(Clone)]
pub struct Published {
    /// The page's URL on its origin.
    pub page: Url,
    /// Whether a page that uses the CDN has the net.
    pub net: bool,
    root: Url,
    cdn: Option<Url>,
    assets: BTreeMap<String, Asset>,
    encoding: &'static Encoding,
}

#[derive(Clone)]
struct Asset {
    path: String,
    integrity: String,
    on_cdn: bool,
}

impl Published {
    /// The site of a context, seen from one of its pages.
    pub fn new(context: Context<'_>, page: &SitePath) -> Self {
        let Context { config, site, plan, .. } = context;
        let assets = plan.publications.iter().map(|(original, publication)| {
            let bytes = publication.bytes.clone().unwrap_or_else(|| site.read(original).expect("a file of the site"));
            let hash = base64::engine::general_purpose::STANDARD.encode(Sha384::digest(&bytes));
            let asset = Asset {
                path: publication.path.to_string(),
                integrity: format!("sha384-{hash}"),
                on_cdn: publication.home == Home::Cdn,
            };
            (original.to_string(), asset)
        });
        let page = config.mount.url_of(page);
        Self {
            root: page.join(config.mount.path()).expect("a path"),
            page,
            net: config.net(),
            cdn: config.cdn.as_ref().map(|cdn| Url::parse(cdn.as_str()).expect("a URL")),
            assets: assets.collect(),
            encoding: UTF_8,
        }
    }

    /// The same, for a page in that encoding.
    pub fn in_encoding(&self, encoding: &'static Encoding) -> Self {
        Self { encoding, ..self.clone() }
    }
}

/// How an attribute or a text holds URLs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Syntax {
    Url,
    Srcset,
    Css,
    Module,
    ImportMap,
    Policy,
    /// Markup, as in `srcdoc` and `<noscript>`.
    Document,
}

/// How an attribute that may change is to be read; `None` when it may not.
pub fn syntax(element: &Element, attribute: &str) -> Option<Syntax> {
    let lower = |name: &str| element.attribute(name).unwrap_or_default().trim().to_ascii_lowercase();
    let foreign = !element.is_html();
    #[allow(clippy::match_same_arms)] // A row for each kind of element.
    match (element.name.as_str(), attribute) {
        (_, "style") => Some(Syntax::Css),
        ("script", "src") if !foreign => Some(Syntax::Url),
        ("script" | "image" | "feImage", "href" | "xlink:href") if foreign => Some(Syntax::Url),
        _ if foreign => None,
        ("object", "data") | ("video", "poster") => Some(Syntax::Url),
        ("link", "href") => {
            const FETCHED: [&str; 8] = [
                "stylesheet",
                "preload",
                "modulepreload",
                "prefetch",
                "icon",
                "apple-touch-icon",
                "apple-touch-icon-precomposed",
                "mask-icon",
            ];
            lower("rel").split_ascii_whitespace().any(|token| FETCHED.contains(&token)).then_some(Syntax::Url)
        }
        ("img" | "source", "srcset") | ("link", "imagesrcset") => Some(Syntax::Srcset),
        ("img" | "source" | "video" | "audio" | "track" | "embed", "src") => Some(Syntax::Url),
        ("input", "src") => (lower("type") == "image").then_some(Syntax::Url),
        ("body" | "table" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th", "background") => Some(Syntax::Url),
        ("iframe", "srcdoc") => Some(Syntax::Document),
        ("meta", "content") if lower("http-equiv") == "content-security-policy" => Some(Syntax::Policy),
        ("meta", "content") => {
            let name = [lower("property"), lower("name"), lower("itemprop")].concat();
            ["image", "tile", "logo", "video", "audio"].iter().any(|kind| name.contains(kind)).then_some(Syntax::Url)
        }
        _ => None,
    }
}

/// How the text of an element that may change is to be read.
pub fn text_syntax(element: &Element, scripting: bool) -> Option<Syntax> {
    let kind = element.attribute("type").map(|kind| kind.trim().to_ascii_lowercase());
    match element.name.as_str() {
        "style" => Some(Syntax::Css),
        "script" if kind.as_deref() == Some("module") => Some(Syntax::Module),
        "script" if kind.as_deref() == Some("importmap") => Some(Syntax::ImportMap),
        "noscript" if scripting && element.is_html() => Some(Syntax::Document),
        _ => None,
    }
}

/// A judge of changed values. Errors say what is wrong.
pub struct Check<'c> {
    pub site: &'c Published,
    pub base: &'c Url,
}

impl Check<'_> {
    /// Whether the new value is the old one but for URLs that lead back.
    pub fn undo(&self, syntax: Syntax, was: &str, is: &str) -> Result<(), String> {
        match syntax {
            Syntax::Url => self.url(was, is),
            Syntax::Srcset => self.parts(&text::srcset(was), &text::srcset(is)),
            Syntax::Css => self.parts(&text::css(was), &text::css(is)),
            Syntax::Module => self.module(was, is),
            Syntax::ImportMap => self.import_map(was, is),
            Syntax::Policy => self.policy(was, is),
            Syntax::Document => Err("markup".to_owned()),
        }
    }

    fn join(&self, url: &str, encoding: &'static Encoding) -> Option<Url> {
        // What the encoding does not have is a character reference, percent-encoded (URL Standard, section 1.3,
        // "percent-encode after encoding"); the url crate leaves its `&` and `;` as they are.
        let encode_char = |c: char| match encoding.encode(c.encode_utf8(&mut [0; 4])) {
            (_, _, true) => format!("%26%23{}%3B", u32::from(c)).into_bytes(),
            (bytes, ..) => bytes.into_owned(),
        };
        let encode: &dyn Fn(&str) -> Cow<'_, [u8]> = &|query| Cow::Owned(query.chars().flat_map(encode_char).collect());
        Url::options().base_url(Some(self.base)).encoding_override(Some(encode)).parse(url).ok()
    }

    /// The path below a root, and query and fragment.
    fn below(root: &Url, url: &Url) -> Option<(String, String)> {
        let same = root.origin() == url.origin() && url.username().is_empty() && url.password().is_none();
        let path = url.path().strip_prefix(root.path()).filter(|_| same)?;
        let suffix = url.as_str().find(['?', '#']).map_or("", |at| &url.as_str()[at..]);
        Some((percent_decode_str(path).decode_utf8().ok()?.into_owned(), suffix.to_owned()))
    }

    /// The published path that a URL of the output names, with its suffix, and whether on the CDN.
    fn published(&self, url: &str) -> Option<(String, String, bool)> {
        let url = self.join(url, self.site.encoding)?;
        if let Some((path, suffix)) = self.site.cdn.as_ref().and_then(|cdn| Self::below(cdn, &url)) {
            return Some((path, suffix, true));
        }
        Self::below(&self.site.root, &url).map(|(path, suffix)| (path, suffix, false))
    }

    /// The integrity of what a URL of the output names.
    pub fn integrity_of(&self, url: &str) -> Option<String> {
        let (path, ..) = self.published(url)?;
        self.site.assets.values().find(|asset| asset.path == path).map(|asset| asset.integrity.clone())
    }

    fn url(&self, was: &str, is: &str) -> Result<(), String> {
        if was == is {
            return Ok(());
        }
        let old = self.join(was, self.site.encoding).and_then(|url| Self::below(&self.site.root, &url));
        let (path, suffix) = old.ok_or_else(|| format!("`{was}` is no file of this site, and became `{is}`"))?;
        let asset =
            self.site.assets.get(&path).ok_or_else(|| format!("`{was}` is not published, and became `{is}`"))?;
        let (to, its_suffix, on_cdn) = self.published(is).ok_or_else(|| format!("`{is}` is in neither home"))?;
        if to != asset.path {
            return Err(format!("`{was}` is published as `{}`, not `{to}`", asset.path));
        }
        if its_suffix != suffix {
            return Err(format!("`{suffix}` became `{its_suffix}`"));
        }
        if on_cdn && !asset.on_cdn { Err(format!("`{path}` is not on the CDN")) } else { Ok(()) }
    }

    /// Texts cut into what must be equal and what may be URLs.
    fn parts(&self, was: &[text::Part], is: &[text::Part]) -> Result<(), String> {
        if was.len() != is.len() {
            return Err("it is cut into other pieces".to_owned());
        }
        was.iter().zip(is).try_for_each(|pair| match pair {
            (text::Part::Url(was), text::Part::Url(is)) => self.url(was, is),
            (was, is) if was == is => Ok(()),
            (was, is) => Err(format!("{was:?} became {is:?}")),
        })
    }

    /// Statements of a module: only strings behind `from` and `import` may change. Their URLs are in UTF-8.
    fn module(&self, was: &str, is: &str) -> Result<(), String> {
        let site = self.site.in_encoding(UTF_8);
        let check = Check { site: &site, base: self.base };
        let (mut was, mut is) = (was, is);
        while was != is {
            let (old, new) = text::next_specifier(was, is).ok_or("code that may not change")?;
            check.url(&text::unescape_js(old.text), &text::unescape_js(new.text))?;
            (was, is) = (old.rest, new.rest);
        }
        Ok(())
    }

    fn import_map(&self, was: &str, is: &str) -> Result<(), String> {
        let parse = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
        let (was, is) = (parse(was)?, parse(is)?);
        let (was, is) = was.as_object().zip(is.as_object()).ok_or("not an import map")?;
        let empty = Value::Object(serde_json::Map::new());
        for (key, old) in was {
            let new = is.get(key).ok_or_else(|| format!("`{key}` is gone"))?;
            match key.as_str() {
                "imports" => self.addresses(old, new)?,
                "scopes" => {
                    let (old, new) = old.as_object().zip(new.as_object()).ok_or("scopes")?;
                    for (scope, addresses) in new {
                        let home = self.same_scope(old, scope).ok_or_else(|| format!("a new scope `{scope}`"))?;
                        self.addresses(home, addresses)?;
                    }
                    if let Some(gone) = old.keys().find(|scope| !new.contains_key(*scope)) {
                        return Err(format!("the scope `{gone}` is gone"));
                    }
                }
                "integrity" => self.pins(old, new)?,
                _ if old == new => {}
                _ => return Err(format!("`{key}` changed")),
            }
        }
        is.iter().filter(|(key, _)| !was.contains_key(*key)).try_for_each(|(key, new)| match key.as_str() {
            "integrity" => self.pins(&empty, new),
            "scopes" => self.scope_of_the_cdn(was.get("imports").unwrap_or(&empty), new),
            _ => Err(format!("`{key}` is new")),
        })
    }

    /// The one scope that may be new: what the page's names mean to modules that came from the CDN.
    fn scope_of_the_cdn(&self, imports: &Value, scopes: &Value) -> Result<(), String> {
        let cdn = self.site.cdn.as_ref().map(Url::as_str);
        for (scope, addresses) in scopes.as_object().ok_or("scopes")? {
            if Some(scope.as_str()) != cdn {
                return Err(format!("a new scope `{scope}`"));
            }
            for (name, is) in addresses.as_object().ok_or("not a map of addresses")? {
                let was = imports[name].as_str().ok_or_else(|| format!("`{name}` is new"))?;
                self.url(was, is.as_str().ok_or("not an address")?)?;
            }
        }
        Ok(())
    }

    fn same_scope<'v>(&self, old: &'v serde_json::Map<String, Value>, scope: &str) -> Option<&'v Value> {
        let directory = |url: &str| self.published(url).map(|(path, ..)| path);
        old.get(scope).or_else(|| old.iter().find(|(known, _)| directory(known) == directory(scope)).map(|(_, to)| to))
    }

    fn addresses(&self, old: &Value, new: &Value) -> Result<(), String> {
        let (old, new) = old.as_object().zip(new.as_object()).ok_or("not a map of addresses")?;
        for (name, address) in new {
            let was =
                old.get(name).or_else(|| old.iter().find(|(known, _)| self.url(known, name).is_ok()).map(|(_, to)| to));
            match (was.ok_or_else(|| format!("`{name}` is new"))?, address) {
                (Value::String(was), Value::String(is)) => self.url(was, is)?,
                (was, is) if was == is => {}
                (was, is) => return Err(format!("{was} became {is}")),
            }
        }
        let kept: Vec<_> = new.keys().filter(|name| old.contains_key(*name)).collect();
        if old.keys().eq(kept) { Ok(()) } else { Err("names are gone or in another order".to_owned()) }
    }

    fn pins(&self, old: &Value, new: &Value) -> Result<(), String> {
        let (old, new) = old.as_object().zip(new.as_object()).ok_or("not a map of pins")?;
        for (url, integrity) in new.iter().filter(|(url, integrity)| old.get(*url) != Some(integrity)) {
            if self.integrity_of(url).as_deref() != integrity.as_str() {
                return Err(format!("`{url}` is pinned to {integrity}"));
            }
        }
        old.keys()
            .find(|url| !new.contains_key(*url))
            .map_or(Ok(()), |gone| Err(format!("the pin of `{gone}` is gone")))
    }

    /// A policy may only grow, by the CDN, hashes, nonces and our own Trusted Types policy.
    fn policy(&self, was: &str, is: &str) -> Result<(), String> {
        let cut = |text: &str| -> Vec<Vec<String>> {
            let directives = text.split(';').map(|part| part.split_ascii_whitespace().map(str::to_owned).collect());
            directives.filter(|words: &Vec<String>| !words.is_empty()).collect()
        };
        let (old, new) = (cut(was), cut(is));
        let cdn = self.site.cdn.as_ref().map(Url::as_str).unwrap_or_default();
        let ours = |word: &String| {
            let bare = word.trim_end_matches('/');
            !bare.is_empty() && cdn.starts_with(bare)
                || ["'sha256-", "'sha384-", "'sha512-", "'nonce-"].iter().any(|start| word.starts_with(start))
                || matches!(word.as_str(), "tightrope" | "'self'")
        };
        let default = old.iter().find(|words| words[0].eq_ignore_ascii_case("default-src"));
        for words in &new {
            let known = old.iter().find(|known| known[0].eq_ignore_ascii_case(&words[0]));
            let known = known
                .or(default.filter(|_| words[0].contains("-src")))
                .ok_or_else(|| format!("a new `{}`", words[0]))?;
            let added = words[1..].iter().filter(|word| !known[1..].contains(*word)).collect::<Vec<_>>();
            let kept = known[1..].iter().all(|word| words.contains(word) || word == "'none'");
            if !kept || !added.into_iter().all(ours) {
                return Err(format!("{known:?} became {words:?}"));
            }
        }
        let gone = old.iter().find(|words| !new.iter().any(|known| known[0] == words[0]));
        gone.map_or(Ok(()), |words| Err(format!("`{}` is gone", words[0])))
    }
}
