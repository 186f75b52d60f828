//! Random sites of stylesheets and modules that refer to each other, with cycles of every shape: their names depend on
//! what they reach, and on nothing else. What is expected is computed here, from the site that was made up.

use crate::trees::cases;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tightrope::config::{Config, settings::Settings};
use tightrope::manifest::{self, Manifest};
use tightrope::model::finding::Finding;
use tightrope::{pipeline, site, verify};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Sheet,
    Module,
    Data,
    Image,
    Font,
}

/// One file of a made-up site.
#[derive(Clone, Debug)]
struct File {
    path: String,
    kind: Kind,
    references: Vec<Reference>,
    /// What its text holds besides.
    extra: String,
}

/// A reference as it is spelled, and what it leads to.
#[derive(Clone, Debug)]
struct Reference {
    to: usize,
    form: Form,
    spelling: Spelling,
    suffix: &'static str,
}

/// The text around a URL. `~` becomes a number, so that no name is declared twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Form(&'static str, &'static str);

#[derive(Clone, Copy, Debug)]
enum Spelling {
    /// `../x/a.css`
    Relative,
    /// `../../a/x/a.css`, although `../x/a.css` would do.
    OverTheRoot,
    /// `/a/x/a.css`
    FromTheRoot,
}

const IMPORTS: &[Form] =
    &[Form("@import \"", "\";"), Form("@import url(", ");"), Form("@import url( '", "' ) screen;")];
const URLS: &[Form] = &[
    Form(".c~ { background: url(", ") }"),
    Form(".c~ { background: url( '", "' ) no-repeat }"),
    Form(".c~ { background: image-set(\"", "\" 1x) }"),
    Form("@font-face { font-family: f~; src: url(\"", "\") format(\"woff2\") }"),
];
const MODULE_IMPORTS: &[Form] = &[
    Form("import \"", "\""),
    Form("import * as n~ from '", "';"),
    Form("export * from \"", "\";"),
    Form("export * as m~ from '", "'"),
    Form("import(\"", "\");"),
    Form("export const l~ = () => import(`", "`);"),
];
const DATA_IMPORTS: &[Form] = &[
    Form("import d~ from \"", "\" with { type: \"json\" };"),
    Form("export const e~ = import('", "', { with: { type: 'json' } });"),
];
const SHEET_IMPORTS: &[Form] = &[Form("import s~ from \"", "\" with { type: \"css\" };")];

/// How a file of one kind can refer to one of another.
fn forms(from: Kind, to: Kind) -> &'static [Form] {
    match (from, to) {
        (Kind::Sheet, Kind::Sheet) => IMPORTS,
        // Whether it is a picture or not: it is fetched, and named by its fingerprint.
        (Kind::Sheet, _) => URLS,
        (Kind::Module, Kind::Module) => MODULE_IMPORTS,
        (Kind::Module, Kind::Data) => DATA_IMPORTS,
        (Kind::Module, Kind::Sheet) => SHEET_IMPORTS,
        _ => &[],
    }
}

type Site = Vec<File>;

/// Sites with files of these kinds. One cycle is always there, of one to four members; others come by chance.
fn site(kinds: &'static [Kind]) -> impl Strategy<Value = Site> {
    let directory = || select(vec!["", "a/", "a/b/", "a b/é/", "b/"]);
    let file = (select(kinds), directory());
    let ring = (
        select(kinds.iter().copied().filter(|kind| matches!(kind, Kind::Sheet | Kind::Module)).collect::<Vec<_>>()),
        prop::collection::vec(directory(), 1..5),
    );
    let reference = || {
        (
            any::<Index>(),
            select(vec![Spelling::Relative, Spelling::OverTheRoot, Spelling::FromTheRoot]),
            select(vec!["", "", "", "?v=1", "#part", "?a=1&b=2#c"]),
        )
    };
    let edges = prop::collection::vec((any::<Index>(), any::<Index>(), reference()), 0..16);
    (prop::collection::vec(file, 1..8), ring, prop::collection::vec(reference(), 4), edges).prop_map(
        |(others, (kind, ring), around, edges)| {
            let members = ring.len();
            let all = ring.into_iter().map(|directory| (kind, directory)).chain(others);
            let mut site: Site =
                all.enumerate().map(|(number, (kind, directory))| File::new(number, kind, directory)).collect();
            for (from, (form, spelling, suffix)) in around.into_iter().enumerate().take(members) {
                refer(&mut site, from, (from + 1) % members, form, spelling, suffix);
            }
            for (from, to, (form, spelling, suffix)) in edges {
                let (from, to) = (from.index(site.len()), to.index(site.len()));
                refer(&mut site, from, to, form, spelling, suffix);
            }
            site
        },
    )
}

/// Adds a reference where one file can refer to the other.
fn refer(site: &mut Site, from: usize, to: usize, form: Index, spelling: Spelling, suffix: &'static str) {
    let forms = forms(site[from].kind, site[to].kind);
    if !forms.is_empty() {
        site[from].references.push(Reference { to, form: forms[form.index(forms.len())], spelling, suffix });
    }
}

impl File {
    fn new(number: usize, kind: Kind, directory: &str) -> Self {
        let extension = match kind {
            Kind::Sheet => "css",
            Kind::Module if number.is_multiple_of(3) => "mjs",
            Kind::Module => "js",
            Kind::Data => "json",
            Kind::Image => "png",
            Kind::Font => "woff2",
        };
        let path = format!("{directory}file {number}.{extension}");
        Self { path, kind, references: Vec::new(), extra: String::new() }
    }

    fn directory(&self) -> Vec<&str> {
        let mut segments: Vec<_> = self.path.split('/').collect();
        segments.pop();
        segments
    }

    /// The file's text, with each reference as `spell` gives it.
    fn text(&self, spell: impl Fn(&Reference) -> String) -> String {
        let mut text = String::new();
        // Imports come first: behind a rule, a browser ignores them.
        let imports = |reference: &&Reference| IMPORTS.contains(&reference.form);
        let (first, rest): (Vec<_>, Vec<_>) = self.references.iter().partition(imports);
        for (number, reference) in first.into_iter().chain(rest).enumerate() {
            let Form(before, after) = reference.form;
            text += &format!("{}{}{after}\n", before.replace('~', &number.to_string()), spell(reference));
        }
        match self.kind {
            Kind::Sheet => text += &format!("/* {}{} */\n", self.path, self.extra),
            Kind::Module => {
                text += &format!("export const here = {:?}; //{}\n", self.path.replace('.', " "), self.extra);
            }
            Kind::Data => text += &format!("{{ \"here\": {:?} }}\n", self.path.clone() + &self.extra),
            Kind::Image | Kind::Font => text += &format!("{}{}", self.path, self.extra),
        }
        text
    }
}

/// What the author wrote.
fn written(site: &Site, from: usize) -> String {
    let file = &site[from];
    file.text(|reference| {
        let to = site[reference.to].path.replace(' ', "%20");
        let url = match reference.spelling {
            Spelling::Relative => relative(&file.directory(), &site[reference.to].path).replace(' ', "%20"),
            Spelling::OverTheRoot if file.directory().is_empty() => format!("./{to}"),
            Spelling::OverTheRoot => "../".repeat(file.directory().len()) + &to,
            Spelling::FromTheRoot => format!("/{to}"),
        };
        url + reference.suffix
    })
}

/// What is published: the same, with each reference by the relative URL of a published name.
fn published(site: &Site, from: usize, names: &BTreeMap<String, String>) -> String {
    let file = &site[from];
    file.text(|reference| {
        let url = relative(&file.directory(), &names[&site[reference.to].path]);
        url.replace(' ', "%20").replace('é', "%C3%A9") + reference.suffix
    })
}

fn relative(directory: &[&str], to: &str) -> String {
    let segments: Vec<_> = to.split('/').collect();
    let directories = &segments[..segments.len() - 1];
    let shared = directory.iter().zip(directories).take_while(|(a, b)| a == b).count();
    let up = if shared == directory.len() { "./".to_owned() } else { "../".repeat(directory.len() - shared) };
    up + &segments[shared..].join("/")
}

/// Every file from which `target` can be reached, itself among them.
fn that_reach(site: &Site, target: usize) -> BTreeSet<usize> {
    let mut reaching = BTreeSet::from([target]);
    loop {
        let more = |from: &usize| site[*from].references.iter().any(|reference| reaching.contains(&reference.to));
        let grown: BTreeSet<usize> = (0..site.len()).filter(|from| reaching.contains(from) || more(from)).collect();
        if grown == reaching {
            return reaching;
        }
        reaching = grown;
    }
}

fn write(site: &Site, root: &Path, number: usize) {
    let path = root.join(&site[number].path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, written(site, number)).expect("a file");
}

fn config() -> Config {
    let cdn = Some("https://static.example.com/site/".to_owned());
    Config::new(Settings { cdn, base_path: Some("/".to_owned()), ..Settings::default() }).expect("good settings")
}

/// The published name of each file, and what was found.
fn names(root: &Path) -> (BTreeMap<String, String>, Vec<Finding>) {
    let (site, findings) = site::walk(root).expect("it can be read");
    let prepared = pipeline::prepare(site, findings, &config()).expect("it is prepared");
    let published = prepared.plan.publications.iter().map(|(path, to)| (path.to_string(), to.path.to_string()));
    (published.collect(), prepared.findings)
}

fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = walkdir::WalkDir::new(root).into_iter().map(|entry| entry.expect("a readable tree"));
    let files = entries.filter(|entry| entry.file_type().is_file());
    let name = |path: &Path| path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").to_owned();
    files.map(|entry| (name(entry.path()), fs::read(entry.path()).expect("a readable file"))).collect()
}

fn build_on(threads: usize, input: &Path, out: &Path) -> BTreeMap<String, Vec<u8>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let report = pool.install(|| pipeline::build(input, out, &config())).expect("it builds");
    assert_eq!(report.findings, [], "every reference leads somewhere");
    tree(out)
}

fn assert_verified(out: &Path) {
    assert_eq!(verify::verify(out).expect("it can be read").findings, []);
}

const ALL: &[Kind] =
    &[Kind::Sheet, Kind::Sheet, Kind::Module, Kind::Module, Kind::Module, Kind::Data, Kind::Image, Kind::Font];

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn the_order_of_files_and_the_number_of_threads_change_no_byte(
        (site, order) in site(ALL).prop_flat_map(|site| {
            let order: Vec<usize> = (0..site.len()).collect();
            (Just(site), Just(order).prop_shuffle())
        }),
    ) {
        let temp = tempfile::tempdir().expect("a directory");
        let at = |name: &str| temp.path().join(name);
        (0..site.len()).for_each(|number| write(&site, &at("in order"), number));
        for number in order {
            write(&site, &at("in another"), number);
        }
        let one = build_on(1, &at("in order"), &at("one"));
        let four = build_on(4, &at("in another"), &at("four"));
        prop_assert!(one == four, "{:?}\n{:?}", one.keys(), four.keys());
        assert_verified(&at("one"));

        let manifest = Manifest::parse(&one[manifest::FILE_NAME], Path::new("")).expect("a manifest");
        let names: BTreeMap<_, _> = manifest.assets.into_iter().map(|(path, entry)| (path, entry.path)).collect();
        let text = |name: &str| String::from_utf8(one[name].clone()).expect("UTF-8");
        for number in 0..site.len() {
            let path = &site[number].path;
            prop_assert_eq!(text(path), written(&site, number), "the original");
            prop_assert_ne!(&names[path], path, "every file gets a name of its own");
            prop_assert_eq!(text(&names[path]), published(&site, number, &names), "what {} is published as", path);
        }
        // Besides, the manifest and the net.
        prop_assert_eq!(one.len(), 2 * site.len() + 2, "nothing else is there");
    }
}

/// Which files get other names when one of them changes. Afterwards all is as it was.
fn renamed_by_a_change(site: &Site, changed: usize, root: &Path, before: &BTreeMap<String, String>) -> BTreeSet<usize> {
    let mut other = site.clone();
    other[changed].extra += " changed";
    write(&other, root, changed);
    let (after, _) = names(root);
    write(site, root, changed);
    let is_renamed = |number: &usize| before[&site[*number].path] != after[&site[*number].path];
    (0..site.len()).filter(is_renamed).collect()
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn a_change_renames_exactly_the_files_that_reach_it(site in site(ALL)) {
        let temp = tempfile::tempdir().expect("a directory");
        (0..site.len()).for_each(|number| write(&site, temp.path(), number));
        let (before, found) = names(temp.path());
        prop_assert_eq!(found, []);
        for (number, file) in site.iter().enumerate() {
            let renamed = renamed_by_a_change(&site, number, temp.path(), &before);
            prop_assert_eq!(renamed, that_reach(&site, number), "{} changed", file.path);
        }
        prop_assert_eq!(names(temp.path()).0, before, "the same files, the same names");
    }

    /// Whoever holds the string asks for that name.
    #[test]
    fn a_string_that_names_a_module_keeps_the_names_and_bytes_of_its_graph(
        mut site in site(&[Kind::Module, Kind::Module, Kind::Data]),
        (holder, named) in any::<(Index, Index)>(),
    ) {
        let graph = module_graph(&site, 0);
        let modules: Vec<_> = graph.iter().copied().filter(|number| site[*number].kind == Kind::Module).collect();
        let (holder, named) = (modules[holder.index(modules.len())], modules[named.index(modules.len())]);
        site[holder].extra = format!("\nexport const preload = [\"/{}\"]; //", site[named].path);
        let temp = tempfile::tempdir().expect("a directory");
        let (input, out) = (temp.path().join("input"), temp.path().join("out"));
        (0..site.len()).for_each(|number| write(&site, &input, number));

        let (before, found) = names(&input);
        let told: BTreeSet<_> = found.iter().map(|finding| finding.code.name()).collect();
        prop_assert_eq!(told, BTreeSet::from(["run-time-names"]));
        for (number, file) in site.iter().enumerate() {
            prop_assert_eq!(before[&file.path] == file.path, graph.contains(&number), "{}", file.path);
            let renamed = renamed_by_a_change(&site, number, &input, &before);
            let expected = if graph.contains(&number) { BTreeSet::new() } else { that_reach(&site, number) };
            prop_assert_eq!(renamed, expected, "{} changed", file.path);
        }
        pipeline::build(&input, &out, &config()).expect("it builds");
        assert_verified(&out);
        for number in graph {
            let bytes = fs::read(out.join(&site[number].path)).expect("the file");
            prop_assert_eq!(String::from_utf8(bytes).expect("UTF-8"), written(&site, number));
        }
    }
}

/// All files that import `start` or are imported by it, directly or not.
fn module_graph(site: &Site, start: usize) -> BTreeSet<usize> {
    let edges: Vec<_> =
        site.iter().enumerate().flat_map(|(from, file)| file.references.iter().map(move |to| (from, to.to))).collect();
    let mut graph = BTreeSet::from([start]);
    for _ in 0..site.len() {
        for (from, to) in &edges {
            if graph.contains(from) || graph.contains(to) {
                graph.extend([*from, *to]);
            }
        }
    }
    graph
}
