//! The walk through a parsed script.

use super::{Name, Reference, Script, Use, names};
use oxc_ast::ast;
use oxc_ast::ast::{Argument, Expression};
use oxc_ast_visit::{Visit, walk};
use oxc_span::Span;

#[derive(Default)]
pub(super) struct Reader {
    pub(super) script: Script,
    /// Whether it says `await` outside of functions.
    pub(super) awaits: bool,
    /// How many functions are around.
    functions: usize,
}

impl<'a> Visit<'a> for Reader {
    fn visit_function_body(&mut self, it: &ast::FunctionBody<'a>) {
        self.functions += 1;
        walk::walk_function_body(self, it);
        self.functions -= 1;
    }

    fn visit_await_expression(&mut self, it: &ast::AwaitExpression<'a>) {
        self.awaits |= self.functions == 0;
        walk::walk_await_expression(self, it);
    }

    fn visit_import_declaration(&mut self, it: &ast::ImportDeclaration<'a>) {
        self.literal(&it.source, Use::Import);
    }

    fn visit_export_from_declaration(&mut self, it: &ast::ExportFromDeclaration<'a>) {
        self.literal(&it.source, Use::Import);
    }

    fn visit_export_all_declaration(&mut self, it: &ast::ExportAllDeclaration<'a>) {
        self.literal(&it.source, Use::Import);
    }

    fn visit_import_expression(&mut self, it: &ast::ImportExpression<'a>) {
        if let Some((span, text)) = own_url(&it.source) {
            // What `import()` makes of the object is its text: the URL.
            self.push(span, text, Use::Url);
        } else if let Some((span, text)) = text_of(&it.source) {
            self.push(span, text, Use::DynamicImport);
        } else {
            self.script.computed_import.get_or_insert(it.span.start as usize);
            self.visit_expression(&it.source);
        }
        if let Some(options) = &it.options {
            self.visit_expression(options);
        }
    }

    fn visit_new_expression(&mut self, it: &ast::NewExpression<'a>) {
        if let Some((span, text)) = own_url_of(it) {
            return self.push(span, text, Use::Url);
        }
        if is_named(&it.callee, &["Worker", "SharedWorker"]) {
            self.worker(it.arguments.first(), it.span);
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &ast::CallExpression<'a>) {
        let argument = it.arguments.first().and_then(Argument::as_expression);
        if is_resolve(&it.callee)
            && let Some((span, text)) = argument.and_then(text_of)
        {
            return self.push(span, text, Use::Resolve);
        }
        if is_register(&it.callee) {
            return self.register(it);
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_string_literal(&mut self, it: &ast::StringLiteral<'a>) {
        self.names(it.value.as_str(), it.span.start);
    }

    fn visit_template_element(&mut self, it: &ast::TemplateElement<'a>) {
        self.names(it.value.raw.as_str(), it.span.start);
    }
}

impl Reader {
    fn literal(&mut self, literal: &ast::StringLiteral<'_>, usage: Use) {
        self.push(literal.span, literal.value.as_str(), usage);
    }

    fn push(&mut self, quoted: Span, text: &str, usage: Use) {
        let range = quoted.start as usize + 1..quoted.end as usize - 1;
        self.script.references.push(Reference { range, text: text.to_owned(), usage });
    }

    fn names(&mut self, text: &str, at: u32) {
        self.script.names.extend(names::in_string(text).map(|name| Name { offset: at as usize, ..name }));
    }

    /// A literal is resolved against the page, and an object's URL is of the page's origin: both are fine wherever the
    /// script came from (HTML, section 10.2.6.3).
    fn worker(&mut self, url: Option<&Argument<'_>>, span: Span) {
        let Some(url) = url.and_then(Argument::as_expression) else { return };
        let at = span.start as usize;
        if own_url(url).is_some() || is_import_meta_url(url) {
            self.script.own_worker.get_or_insert(at);
        } else if text_of(url).is_none() && !is_object_url(url) {
            self.script.computed_worker.get_or_insert(at);
        }
    }

    /// `navigator.serviceWorker.register()`: its name is its identity, so it is not a reference to edit.
    fn register(&mut self, it: &ast::CallExpression<'_>) {
        let Some(url) = it.arguments.first().and_then(Argument::as_expression) else { return };
        if own_url(url).is_some() || is_import_meta_url(url) {
            self.script.own_worker.get_or_insert(it.span.start as usize);
        }
    }
}

/// The text of a literal that says all of it.
fn text_of<'e>(expression: &'e Expression<'_>) -> Option<(Span, &'e str)> {
    match expression {
        Expression::StringLiteral(literal) => Some((literal.span, literal.value.as_str())),
        Expression::TemplateLiteral(literal) if literal.expressions.is_empty() => {
            let text = literal.quasis.first()?.value.cooked.as_ref()?;
            Some((literal.span, text.as_str()))
        }
        _ => None,
    }
}

/// `new URL('x', import.meta.url)`, and the `.href` and `.toString()` of it.
fn own_url<'e>(expression: &'e Expression<'_>) -> Option<(Span, &'e str)> {
    match expression {
        Expression::NewExpression(new) => own_url_of(new),
        Expression::StaticMemberExpression(member) if member.property.name == "href" => own_url(&member.object),
        Expression::CallExpression(call) if call.arguments.is_empty() => match &call.callee {
            Expression::StaticMemberExpression(member) if member.property.name == "toString" => own_url(&member.object),
            _ => None,
        },
        Expression::ParenthesizedExpression(inner) => own_url(&inner.expression),
        _ => None,
    }
}

/// What is absolute already has no use for the second base: `new URL(new URL('x', import.meta.url).href, …)`.
fn own_url_of<'e>(new: &'e ast::NewExpression<'_>) -> Option<(Span, &'e str)> {
    let [url, base] = &new.arguments[..] else { return None };
    let (url, base) = (url.as_expression()?, base.as_expression()?);
    if !is_named(&new.callee, &["URL"]) || !is_import_meta_url(base) {
        return None;
    }
    text_of(url).or_else(|| own_url(url))
}

/// `import.meta.url`; also behind an empty string, by which bundlers keep each other from reading it.
fn is_import_meta_url(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::StaticMemberExpression(member) => {
            member.property.name == "url" && matches!(member.object, Expression::ImportMeta(_))
        }
        Expression::BinaryExpression(sum) => {
            sum.operator == ast::BinaryOperator::Addition
                && text_of(&sum.left).is_some_and(|(_, text)| text.is_empty())
                && is_import_meta_url(&sum.right)
        }
        Expression::ParenthesizedExpression(inner) => is_import_meta_url(&inner.expression),
        _ => false,
    }
}

/// A global by its name alone, or as a property of the global object.
fn is_named(callee: &Expression<'_>, names: &[&str]) -> bool {
    match callee {
        Expression::Identifier(id) => names.contains(&id.name.as_str()),
        Expression::StaticMemberExpression(member) => {
            names.contains(&member.property.name.as_str())
                && matches!(&member.object, Expression::Identifier(id)
                    if matches!(id.name.as_str(), "window" | "self" | "globalThis" | "top" | "parent"))
        }
        _ => false,
    }
}

fn is_resolve(callee: &Expression<'_>) -> bool {
    matches!(callee, Expression::StaticMemberExpression(member)
        if member.property.name == "resolve" && matches!(member.object, Expression::ImportMeta(_)))
}

/// `….serviceWorker.register`, also behind `?.`.
fn is_register(callee: &Expression<'_>) -> bool {
    matches!(callee, Expression::StaticMemberExpression(member)
        if member.property.name == "register"
            && matches!(&member.object, Expression::StaticMemberExpression(container)
                if container.property.name == "serviceWorker"))
}

/// `URL.createObjectURL(…)`.
fn is_object_url(expression: &Expression<'_>) -> bool {
    matches!(expression, Expression::CallExpression(call)
        if matches!(&call.callee, Expression::StaticMemberExpression(member)
            if member.property.name == "createObjectURL"))
}
