use super::*;

fn script(source: &str) -> Script {
    read(source, Goal::AsWritten).expect("it parses")
}

/// Each reference's bytes and text.
fn references(source: &str) -> Vec<(String, String)> {
    script(source).references.into_iter().map(|found| (source[found.range].to_owned(), found.text)).collect()
}

fn texts(source: &str) -> Vec<String> {
    references(source).into_iter().map(|(_, text)| text).collect()
}

fn uses(source: &str) -> Vec<Use> {
    script(source).references.into_iter().map(|found| found.usage).collect()
}

#[test]
fn every_statement_that_imports_is_found_and_nothing_else() {
    let source = "import './a.js'\nimport x from \"./b.js\";export * from './c.js';export {y} from './d.js'\n\
                  const s = './no.js'; // import './no.js'\nimport('./e.js'); import(`./f.js`)";
    assert_eq!(texts(source), ["./a.js", "./b.js", "./c.js", "./d.js", "./e.js", "./f.js"]);
}

#[test]
fn the_range_is_inside_the_quotes_and_escapes_are_decoded() {
    assert_eq!(references(r"import './\x61.js'"), [(r"./\x61.js".into(), "./a.js".into())]);
}

#[test]
fn import_attributes_and_options_do_not_hide_a_specifier() {
    let source = "import a from './a.json' with { type: 'json' };export { b } from './b.css' with { 'type': \"css\" };\n\
                  import('./c.json', { with: { type: 'json' } }); import('./d.js', await import('./e.js'))";
    assert_eq!(texts(source), ["./a.json", "./b.css", "./c.json", "./d.js", "./e.js"]);
}

#[test]
fn what_may_import_is_parsed_however_it_is_written() {
    for source in [
        "import\"./a.js\"",
        "x;import'./a.js'",
        "{}import{a}from'./a.js'",
        "/**/import*as a from'./a.js'",
        "import/**/a from'./a.js'",
        "import\u{a0}'./a.js'",
        "import\u{b}'./a.js'",
        "export*from'./a.js'",
        "export{a}from'./a.js'",
        "export/**/*from'./a.js'",
        "x=`${import('./a.js')}`",
        "x=-import('./a.js')",
        "é=import('./a.js')",
    ] {
        assert_eq!(texts(source), ["./a.js"], "{source}");
    }
    for source in ["x={\"import\":1,import:2,exports:3}", "important = 1", "$import = exported"] {
        assert!(!asks(source.as_bytes()), "{source}");
    }
}

#[test]
fn urls_beside_the_module_are_found_in_every_spelling() {
    let source = "new URL('a.png', import.meta.url); new URL(`./b.png`, import.meta.url).href;\n\
                  new window.URL('c.png', import.meta.url); import.meta.resolve('./d.js');\n\
                  new URL(`/e.png`, `` + import.meta.url); new URL(new URL('f.png', import.meta.url).href, '' + import.meta.url)";
    assert_eq!(texts(source), ["a.png", "./b.png", "c.png", "./d.js", "/e.png", "f.png"]);
    assert_eq!(uses(source), [Use::Url, Use::Url, Use::Url, Use::Resolve, Use::Url, Use::Url]);
}

#[test]
fn urls_with_another_base_are_strings_like_any_other() {
    for source in [
        "import './x.js'; new URL('a.png', location)",
        "import './x.js'; new URL('a.png', document.currentScript.src)",
        "import './x.js'; new URL('a.png')",
        "import './x.js'; new URL(name, import.meta.url)",
        "import './x.js'; new URL(`${name}.png`, import.meta.url)",
        "import './x.js'; URL('a.png', import.meta.url)",
        "import './x.js'; new Url('a.png', import.meta.url)",
    ] {
        assert_eq!(texts(source), ["./x.js"], "{source}");
    }
}

#[test]
fn an_import_of_a_url_beside_the_module_has_a_known_name() {
    for source in ["import(new URL('./a.js', import.meta.url))", "import(new URL('a.js', import.meta.url).href)"] {
        let script = script(source);
        assert_eq!((script.references.len(), script.computed_import), (1, None), "{source}");
    }
    assert_eq!(script("import(new URL(name, import.meta.url))").computed_import, Some(0));
}

#[test]
fn workers_are_told_by_where_their_url_comes_from() {
    let own = |source| script(source).own_worker.is_some();
    let computed = |source| script(source).computed_worker.is_some();
    for source in [
        "new Worker(new URL('w.js', import.meta.url), {type:'module'})",
        "new SharedWorker(new URL('w.js', import.meta.url).href)",
        "new self.Worker(import.meta.url)",
        "new Worker(new URL(new URL(`w.js`, import.meta.url).href, `` + import.meta.url))",
        "navigator.serviceWorker.register(new URL('sw.js', import.meta.url))",
        "navigator?.serviceWorker?.register(new URL('sw.js', import.meta.url))",
    ] {
        assert!(own(source) && !computed(source), "{source}");
    }
    for source in ["new Worker(url)", "new Worker('a' + b)", "new Worker(new URL(p + 'w.js', document.baseURI))"] {
        assert!(computed(source) && !own(source), "{source}");
    }
    for source in [
        "new Worker('/w.js')",
        "new Worker(`w.js`)",
        "new Worker(URL.createObjectURL(blob))",
        "navigator.serviceWorker.register('/sw.js')",
        "import.meta; x.register(new URL('sw.js', import.meta.url))",
        "class Worker {}",
    ] {
        assert!(!own(source) && !computed(source), "{source}");
    }
}

#[test]
fn a_worker_beside_the_module_is_a_reference_and_a_service_worker_is_none() {
    assert_eq!(texts("new Worker(new URL('w.js', import.meta.url))"), ["w.js"]);
    assert_eq!(texts("navigator.serviceWorker.register(new URL('sw.js', import.meta.url))"), [""; 0]);
    assert_eq!(texts("navigator?.serviceWorker?.register(new URL('sw.js', import.meta.url))"), [""; 0]);
    assert_eq!(texts("importScripts('a.js', './b.js'); import('./c.js')"), ["./c.js"]);
}

#[test]
fn names_known_only_at_run_time_are_told() {
    let script = script("const f = n => import('/assets/' + n); const l = ['assets/x.js']");
    assert_eq!(script.computed_import, Some(15));
    assert_eq!(script.names[0].text, "x.js");
}

#[test]
fn a_text_is_read_as_what_browsers_run_it_as() {
    // In a module these are errors, or read otherwise.
    for source in
        ["with(a){import('./x.js')}", "import('./x.js');a=010", "<!-- '\nimport('./x.js')", "await/import('x.js')/g"]
    {
        let script = script(source);
        assert!(!script.is_module && script.references.len() == 1, "{source}");
    }
    assert_eq!(read("await/import('x.js')/g", Goal::Module).expect("it parses").references, []);
    // In a script these are errors.
    for source in ["await import('./x.js')", "import.meta.url;import('./x.js')", "export{};import('./x.js')"] {
        assert_eq!((texts(source), script(source).is_module), (vec!["./x.js".to_owned()], true), "{source}");
    }
    // Known to be a module, it is read although it says nothing of importing.
    assert_eq!(read("list = ['x.js']", Goal::Module).expect("it parses").names.len(), 1);
    assert_eq!(script("list = ['x.js']").names.len(), 0);
}

#[test]
fn a_script_that_does_not_parse_says_where() {
    let error = read("let a;\nimport {", Goal::AsWritten).expect_err("an error");
    assert_eq!(error.offset, 15);
    assert!(read("import('./a.js');)", Goal::AsWritten).is_err());
}

#[test]
fn a_bare_specifier_is_neither_a_path_nor_a_url() {
    let script = script("import 'vue'; import './a.js'; import 'https://x/y.js'; new URL('a.png', import.meta.url)");
    assert_eq!(script.references.iter().map(Reference::is_bare).collect::<Vec<_>>(), [true, false, false, false]);
}
