//! Manifests in which other builds say under what name they have written each file. They are told apart by their shape.

use crate::json::{ParseError, elements, members, parse as read, start_of};
use std::collections::HashSet;

/// What a manifest says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BuildManifest {
    /// In its order; no published name twice.
    pub entries: Vec<Entry>,
    /// Whether the published names are counted from where the build ran, rather than from its output.
    pub from_outside: bool,
}

/// One file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name in the source.
    pub logical: String,
    /// Under what it was written: a path, or a URL.
    pub published: String,
    /// Where the manifest says so, as a byte offset.
    pub offset: usize,
    /// Whether the published name carries a fingerprint: it is not the one in the source.
    pub is_fingerprinted: bool,
}

/// Reads the manifest of Django (staticfiles.json 1.0 and 1.1), Propshaft, Sprockets, Vite, esbuild (its metafile), or
/// one that maps names to paths or URLs, as those of gulp-rev and of webpack's plugins do.
pub fn parse(text: &str) -> Result<BuildManifest, ParseError> {
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    let all = members(text, json)?;
    let of = |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let mut reader = Reader { text, ..Reader::default() };
    let mut from_outside = false;
    match (of("paths"), of("version"), of("inputs"), of("outputs"), of("files"), of("assets")) {
        (Some(paths), Some(version), ..) => {
            reader.check_version(version)?;
            reader.flat(paths)?;
        }
        (_, _, Some(_), Some(outputs), ..) => {
            from_outside = true;
            reader.esbuild(outputs)?;
        }
        (.., Some(files), Some(assets)) => {
            reader.flat(assets)?;
            reader.sprockets(files)?;
        }
        (.., Some(files), None) => reader.flat(files)?,
        _ => all.iter().for_each(|(name, value)| reader.entry(name, value)),
    }
    if reader.entries.is_empty() && !all.is_empty() {
        return Err(ParseError { offset: start_of(text, json), message: "its shape is none that is known".to_owned() });
    }
    Ok(BuildManifest { entries: reader.entries, from_outside })
}

#[derive(Default)]
struct Reader<'t> {
    text: &'t str,
    entries: Vec<Entry>,
    known: HashSet<String>,
}

impl<'t> Reader<'t> {
    fn string(&self, value: &'t str) -> Option<String> {
        read(self.text, value).ok()
    }

    /// The member `name` of an object, when it is a string.
    fn string_of(&self, object: &[(String, &'t str)], name: &str) -> Option<(String, &'t str)> {
        let (_, value) = object.iter().find(|(known, _)| known == name)?;
        Some((self.string(value)?, value))
    }

    fn push(&mut self, logical: &str, published: String, value: &'t str, is_fingerprinted: bool) {
        if self.known.insert(published.clone()) {
            let (logical, offset) = (logical.to_owned(), start_of(self.text, value));
            self.entries.push(Entry { logical, published, offset, is_fingerprinted });
        }
    }

    /// A name and its path or URL.
    fn pair(&mut self, logical: &str, published: String, value: &'t str) {
        let differs = differ(logical, &published);
        self.push(logical, published, value, differs);
    }

    /// An object of names and their paths or URLs: that of gulp-rev, Django's `paths`.
    fn flat(&mut self, object: &'t str) -> Result<(), ParseError> {
        for (name, value) in members(self.text, object)? {
            if let Some(published) = self.string(value) {
                self.pair(&name, published, value);
            }
        }
        Ok(())
    }

    fn check_version(&self, version: &'t str) -> Result<(), ParseError> {
        match self.string(version).as_deref() {
            Some("1.0" | "1.1") => Ok(()),
            _ => Err(ParseError {
                offset: start_of(self.text, version),
                message: "of Django's manifests, versions 1.0 and 1.1 are known".to_owned(),
            }),
        }
    }

    /// `{"app-1f2e.js": {"logical_path": "app.js"}}`.
    fn sprockets(&mut self, files: &'t str) -> Result<(), ParseError> {
        for (published, value) in members(self.text, files)? {
            let file = members(self.text, value)?;
            if let Some((logical, _)) = self.string_of(&file, "logical_path") {
                self.pair(&logical, published, value);
            }
        }
        Ok(())
    }

    /// `{"dist/app-3KBXQXJC.js": {"entryPoint": "src/app.ts", "inputs": {}}}`. It does not say what of a name is its
    /// hash, but those of esbuild have a form of their own.
    fn esbuild(&mut self, outputs: &'t str) -> Result<(), ParseError> {
        for (published, value) in members(self.text, outputs)? {
            let output = members(self.text, value)?;
            let inputs = output.iter().find(|(known, _)| known == "inputs");
            let inputs = inputs.and_then(|(_, inputs)| members(self.text, inputs).ok()).unwrap_or_default();
            let entry = self.string_of(&output, "entryPoint").map(|(entry, _)| entry);
            let logical = entry.or_else(|| (inputs.len() == 1).then(|| inputs[0].0.clone()));
            let logical = logical.unwrap_or_else(|| "chunk.js".to_owned());
            let is_fingerprinted = differ(&logical, &published) && ends_with_esbuild_hash(&published);
            self.push(&logical, published, value, is_fingerprinted);
        }
        Ok(())
    }

    /// A member of a manifest that has nothing around its files. What is of no known shape is passed over.
    fn entry(&mut self, name: &str, value: &'t str) {
        if let Some(published) = self.string(value) {
            return self.pair(name, published, value);
        }
        let Ok(object) = members(self.text, value) else { return };
        if let Some((file, at)) = self.string_of(&object, "file") {
            self.vite(name, file, at, &object);
        } else if let Some((published, at)) =
            ["digested_path", "src"].iter().find_map(|member| self.string_of(&object, member))
        {
            self.pair(name, published, at);
        } else {
            self.by_kind(name, &object);
        }
    }

    /// `{"file": "assets/main-BxK2_-aZ.js", "name": "main", "css": ["assets/main-DdFPHL9k.css"]}`. The key of a chunk that
    /// has no source is `_` and the name of its file.
    fn vite(&mut self, key: &str, file: String, value: &'t str, object: &[(String, &'t str)]) {
        let chunk = self.string_of(object, "name").map(|(name, _)| name);
        let chunk = chunk.unwrap_or_else(|| key.strip_prefix('_').unwrap_or(key).to_owned());
        let is_fingerprinted = differ(&chunk, &file) && differ(key, &file);
        self.push(key, file, value, is_fingerprinted);
        let css = object.iter().find(|(known, _)| known == "css");
        let css = css.and_then(|(_, css)| elements(self.text, css).ok()).unwrap_or_default();
        for value in css {
            let Some(published) = self.string(value) else { continue };
            // A sheet need not be called as its chunk is; only when it is, the rest of its name is known to be the hash.
            let rest = stem(&published).strip_prefix(stem(&chunk)).map(str::to_owned);
            let is_fingerprinted = rest.is_some_and(|rest| rest.len() > 1 && rest.starts_with(['-', '.', '_']));
            self.push(&format!("{}.css", stem(&chunk)), published, value, is_fingerprinted);
        }
    }

    /// `{"main": {"js": "main.1f2e.js", "css": ["main.3d4c.css"]}}`, of one of webpack's plugins.
    fn by_kind(&mut self, name: &str, object: &[(String, &'t str)]) {
        for (extension, value) in object {
            let all = elements(self.text, value).unwrap_or_else(|_| vec![value]);
            for value in all {
                if let Some(published) = self.string(value) {
                    self.pair(&format!("{name}.{extension}"), published, value);
                }
            }
        }
    }
}

/// Whether a file is not called as it is in the source, whatever became of its extension (`app.ts` and `app.js`).
fn differ(logical: &str, published: &str) -> bool {
    let published = stem(published);
    published != stem(logical) && published != file_name(logical)
}

fn file_name(path: &str) -> &str {
    let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
    path.rsplit('/').next().unwrap_or_default()
}

/// The name of a file without its last extension.
fn stem(path: &str) -> &str {
    let name = file_name(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Eight characters of base32, at the end of the name.
fn ends_with_esbuild_hash(path: &str) -> bool {
    let part = stem(path).rsplit(['-', '.', '_']).next().unwrap_or_default();
    part.len() == 8 && part.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published names; those that carry no fingerprint with a `!`.
    fn names(text: &str) -> Vec<String> {
        let all = parse(text).expect("a manifest").entries.into_iter();
        all.map(|entry| entry.published + if entry.is_fingerprinted { "" } else { "!" }).collect()
    }

    #[test]
    fn django_names_every_file_by_its_path() {
        let text =
            r#"{"paths": {"css/a.css": "css/a.43ccb840f7e5.css", "b.txt": "b.txt"}, "version": "1.1", "hash": "x"}"#;
        assert_eq!(names(text), ["css/a.43ccb840f7e5.css", "b.txt!"]);
        let error = parse(r#"{"paths": {}, "version": "2.0"}"#).expect_err("an unknown version");
        assert_eq!(error.offset, 25);
    }

    #[test]
    fn vite_names_chunks_their_sheets_and_assets() {
        let text = r#"{
            "_shared-B7PI925R.js": {"file": "assets/shared-B7PI925R.js", "name": "shared", "css": ["assets/shared-ChJ_j-JW.css"]},
            "_old-B7PI925R.js": {"file": "assets/old-B7PI925R.js"},
            "src/main.ts": {"file": "assets/main-BRBmoGS9.js", "name": "main", "src": "src/main.ts", "isEntry": true,
                "imports": ["_shared-B7PI925R.js"], "css": ["assets/main.css", "assets/style-5UjPuW-k.css", "assets/shared-ChJ_j-JW.css"]},
            "src/plain.ts": {"file": "assets/plain.js", "name": "plain"},
            "src/jquery.min.js": {"file": "assets/jquery.min.js", "name": "jquery.min"},
            "img/a.svg": {"file": "assets/a-DdFPHL9k.svg", "src": "img/a.svg"}
        }"#;
        let expected = [
            "assets/shared-B7PI925R.js",
            "assets/shared-ChJ_j-JW.css",
            "assets/old-B7PI925R.js!",
            "assets/main-BRBmoGS9.js",
            "assets/main.css!",
            "assets/style-5UjPuW-k.css!",
            "assets/plain.js!",
            "assets/jquery.min.js!",
            "assets/a-DdFPHL9k.svg",
        ];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn rails_names_files_by_their_digested_paths() {
        let propshaft = r#"{"application.css": {"digested_path": "application-abcd1234.css", "integrity": "sha384-x"},
            "plain.css": {"digested_path": "plain.css", "integrity": null}}"#;
        assert_eq!(names(propshaft), ["application-abcd1234.css", "plain.css!"]);
        let sprockets = r#"{"files": {"a-2.js": {"logical_path": "a.js", "size": 1}, "a-1.js": {"logical_path": "a.js"}},
            "assets": {"a.js": "a-2.js"}}"#;
        assert_eq!(names(sprockets), ["a-2.js", "a-1.js"]);
    }

    #[test]
    fn maps_lead_to_paths_and_urls() {
        let rev = r#"{"css/u.css": "css/u.098f6bcd.css", "css/v.css": "css/v.css"}"#;
        assert_eq!(names(rev), ["css/u.098f6bcd.css", "css/v.css!"]);
        let mix = r#"{"/js/app.js": "/js/app.js?id=1f2e"}"#;
        assert_eq!(names(mix), ["/js/app.js?id=1f2e!"]);
        let webpack = r#"{"main.js": "https://cdn.example/s/main.1f2e.js", "x.png": {"src": "/s/x.1f2e.png", "integrity": "y"},
            "main": {"js": "/s/main.js", "css": ["/s/main.3d4c.css"]}, "entrypoints": {"main": {"assets": {"js": ["z"]}}}}"#;
        let expected = ["https://cdn.example/s/main.1f2e.js", "/s/x.1f2e.png", "/s/main.js!", "/s/main.3d4c.css"];
        assert_eq!(names(webpack), expected);
        let react =
            r#"{"files": {"main.js": "/static/js/main.1f2e.js", "index.html": "/index.html"}, "entrypoints": ["x"]}"#;
        assert_eq!(names(react), ["/static/js/main.1f2e.js", "/index.html!"]);
    }

    #[test]
    fn esbuild_is_believed_where_a_name_has_the_form_of_its_hashes() {
        let text = r#"{"inputs": {}, "outputs": {
            "dist/app-3KBXQXJC.js": {"entryPoint": "src/app.ts", "inputs": {"src/app.ts": {}, "src/b.ts": {}}},
            "dist/app.min.js": {"entryPoint": "src/app.ts", "inputs": {}},
            "dist/chunk-ABCDEFGH.js": {"inputs": {"a.ts": {}, "b.ts": {}}},
            "dist/logo-WGLJ6XIV.png": {"inputs": {"src/logo.png": {"bytesInOutput": 1}}},
            "dist/DOWNLOAD.js": {"entryPoint": "src/DOWNLOAD.ts", "inputs": {}}
        }}"#;
        let expected = [
            "dist/app-3KBXQXJC.js",
            "dist/app.min.js!",
            "dist/chunk-ABCDEFGH.js",
            "dist/logo-WGLJ6XIV.png",
            "dist/DOWNLOAD.js!",
        ];
        assert_eq!(names(text), expected);
        assert!(parse(text).is_ok_and(|manifest| manifest.from_outside));
    }

    #[test]
    fn an_entry_tells_where_it_stands() {
        let text = "\u{feff}{\"a.js\": \"a.1f2e.js\"}";
        let entry = parse(text).expect("a manifest").entries.remove(0);
        assert_eq!((&text[entry.offset..entry.offset + 4], entry.logical.as_str()), ("\"a.1", "a.js"));
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_place() {
        let offset = |text: &str| parse(text).map(|manifest| manifest.entries.len()).map_err(|error| error.offset);
        assert_eq!(offset("{\"a.js\": oops}"), Err(9));
        assert_eq!(offset("[]"), Err(0));
        assert_eq!(offset(" {\"a\": [1]}"), Err(0));
        assert_eq!(offset("{\"paths\": [], \"version\": \"1.1\"}"), Err(10));
        assert_eq!(offset("{}"), Ok(0));
    }
}
