//! Module specifiers in JavaScript, with the byte ranges to edit (ECMA-262, section 16.2). Only specifiers are ever
//! edited: no string that merely looks like a path.

use oxc_allocator::Allocator;
use oxc_ast::ast;
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::{SourceType, Span};
use std::ops::Range;

/// What a script asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// Whether it holds `import` or `export` statements, so that it can only be a module.
    pub is_module: bool,
    /// The literal specifiers, in order.
    pub specifiers: Vec<Specifier>,
    /// Where the first `import(x)` stands whose name is only known at run time.
    pub computed_import: Option<usize>,
    /// Where a worker is started.
    pub worker: Option<usize>,
    /// All other string literals that end like a module's name, and where they stand.
    pub names: Vec<(String, usize)>,
}

/// One literal specifier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Specifier {
    /// Inside the quotes.
    pub range: Range<usize>,
    /// The specifier, its escapes decoded.
    pub text: String,
    /// `import()` rather than a statement.
    pub dynamic: bool,
}

impl Specifier {
    /// Neither a path nor a URL: a name that an import map gives a meaning (HTML, "resolve a module specifier").
    pub fn is_bare(&self) -> bool {
        let path = ["/", "./", "../"].iter().any(|start| self.text.starts_with(start));
        !path && url::Url::parse(&self.text).is_err()
    }
}

/// Why a script could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// Byte offset.
    pub offset: usize,
    /// The parser's own words.
    pub message: String,
}

/// Reads a script. Whether it is a module is decided by its own text (`unambiguous`).
pub fn read(source: &str) -> Result<Script, SyntaxError> {
    // Whatever imports or starts a worker says so; most scripts do neither and need no parsing.
    let says = |word: &str| memchr::memmem::find(source.as_bytes(), word.as_bytes()).is_some();
    if !says("import") && !says("export") {
        return Ok(Script::default());
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::unambiguous()).parse();
    if let Some(error) = parsed.diagnostics.first().filter(|_| parsed.panicked) {
        let offset = error.labels.first().map_or(0, |label| label.offset() as usize);
        return Err(SyntaxError { offset, message: error.message.to_string() });
    }
    let mut reader =
        Reader { script: Script { is_module: parsed.module_record.has_module_syntax, ..Script::default() } };
    reader.visit_program(&parsed.program);
    reader.script.specifiers.sort_by_key(|specifier| specifier.range.start);
    Ok(reader.script)
}

/// A URL as it may stand inside any kind of JavaScript quotes, and inside a `<script>` element.
pub fn escape(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '"' | '\'' | '`' | '\\' | '$' | '<' | '>' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_ascii_graphic() => out.push(c),
            c => out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    out
}

struct Reader {
    script: Script,
}

impl Reader {
    fn specifier(&mut self, literal: &ast::StringLiteral<'_>, dynamic: bool) {
        self.push(literal.span, literal.value.as_str(), dynamic);
    }

    fn push(&mut self, quoted: Span, text: &str, dynamic: bool) {
        let range = quoted.start as usize + 1..quoted.end as usize - 1;
        self.script.specifiers.push(Specifier { range, text: text.to_owned(), dynamic });
    }

    fn name(&mut self, text: &str, at: u32) {
        let path = text.split(['?', '#']).next().unwrap_or_default();
        if path.ends_with(".js") || path.ends_with(".mjs") {
            self.script.names.push((path.to_owned(), at as usize));
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_import_declaration(&mut self, it: &ast::ImportDeclaration<'a>) {
        self.specifier(&it.source, false);
    }

    fn visit_export_from_declaration(&mut self, it: &ast::ExportFromDeclaration<'a>) {
        self.specifier(&it.source, false);
    }

    fn visit_export_all_declaration(&mut self, it: &ast::ExportAllDeclaration<'a>) {
        self.specifier(&it.source, false);
    }

    fn visit_import_expression(&mut self, it: &ast::ImportExpression<'a>) {
        match &it.source {
            ast::Expression::StringLiteral(literal) => self.specifier(literal, true),
            ast::Expression::TemplateLiteral(literal) if literal.expressions.is_empty() => {
                let text = literal.quasis.first().and_then(|quasi| quasi.value.cooked);
                self.push(literal.span, text.map_or("", |text| text.as_str()), true);
            }
            computed => {
                self.script.computed_import.get_or_insert(it.span.start as usize);
                self.visit_expression(computed);
            }
        }
    }

    fn visit_new_expression(&mut self, it: &ast::NewExpression<'a>) {
        if matches!(&it.callee, ast::Expression::Identifier(id) if matches!(id.name.as_str(), "Worker" | "SharedWorker"))
        {
            self.script.worker.get_or_insert(it.span.start as usize);
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_string_literal(&mut self, it: &ast::StringLiteral<'a>) {
        self.name(it.value.as_str(), it.span.start);
    }

    fn visit_template_element(&mut self, it: &ast::TemplateElement<'a>) {
        self.name(it.value.raw.as_str(), it.span.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specifiers(source: &str) -> Vec<(String, String)> {
        let script = read(source).expect("it parses");
        script.specifiers.into_iter().map(|s| (source[s.range].to_owned(), s.text)).collect()
    }

    #[test]
    fn every_statement_that_imports_is_found_and_nothing_else() {
        let source = "import './a.js'\nimport x from \"./b.js\";export * from './c.js';export {y} from './d.js'\n\
                      const s = './no.js'; // import './no.js'\nimport('./e.js'); import(`./f.js`)";
        let texts: Vec<_> = specifiers(source).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["./a.js", "./b.js", "./c.js", "./d.js", "./e.js", "./f.js"]);
    }

    #[test]
    fn the_range_is_inside_the_quotes_and_escapes_are_decoded() {
        assert_eq!(specifiers(r"import './\x61.js'"), [(r"./\x61.js".into(), "./a.js".into())]);
    }

    #[test]
    fn names_known_only_at_run_time_are_told() {
        let script = read("const f = n => import('/assets/' + n); const l = ['assets/x.js']").expect("it parses");
        assert_eq!(script.computed_import, Some(15));
        assert_eq!(script.names[0].0, "assets/x.js");
        assert!(read("new Worker(new URL('w.js', import.meta.url))").expect("it parses").worker.is_some());
    }

    #[test]
    fn a_script_that_does_not_parse_says_so() {
        assert!(read("import {").is_err());
    }

    #[test]
    fn a_bare_specifier_is_neither_a_path_nor_a_url() {
        let script = read("import 'vue'; import './a.js'; import 'https://x/y.js'").expect("it parses");
        assert_eq!(script.specifiers.iter().map(Specifier::is_bare).collect::<Vec<_>>(), [true, false, false]);
    }
}
