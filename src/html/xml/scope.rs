//! Which namespace a prefix stands for (Namespaces in XML 1.0, section 6), and which names a browser knows in it.

use crate::html::visitor::Namespace;
use std::collections::HashMap;

/// The namespaces that mean something to a browser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Space {
    Html,
    Svg,
    MathMl,
    XLink,
    /// Any other, or none.
    Other,
}

impl Space {
    fn of(uri: &str) -> Self {
        match uri {
            super::XHTML => Self::Html,
            "http://www.w3.org/2000/svg" => Self::Svg,
            "http://www.w3.org/1998/Math/MathML" => Self::MathMl,
            "http://www.w3.org/1999/xlink" => Self::XLink,
            _ => Self::Other,
        }
    }
}

/// The prefixes in force. Each has its own stack, so that looking one up costs the same however many there are.
#[derive(Default)]
pub(super) struct Scope {
    bound: HashMap<String, Vec<Space>>,
    /// The prefixes in the order of their declarations.
    declared: Vec<String>,
}

impl Scope {
    /// From here on `prefix` (empty: no prefix) stands for `uri`.
    pub(super) fn declare(&mut self, prefix: &str, uri: &str) {
        self.bound.entry(prefix.to_owned()).or_default().push(Space::of(uri));
        self.declared.push(prefix.to_owned());
    }

    /// Takes the last `count` declarations back.
    pub(super) fn leave(&mut self, count: usize) {
        for prefix in self.declared.drain(self.declared.len().saturating_sub(count)..) {
            if let Some(stack) = self.bound.get_mut(&prefix) {
                stack.pop();
            }
        }
    }

    /// What a prefix stands for; `None` when nothing declares it.
    pub(super) fn resolve(&self, prefix: &str) -> Option<Space> {
        let bound = self.bound.get(prefix).and_then(|stack| stack.last().copied());
        bound.or_else(|| matches!(prefix, "" | "xml").then_some(Space::Other))
    }
}

/// Prefix and local part of a name; the prefix empty when there is none.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// The namespace and name of an element that a browser knows, the name in lower case as HTML's finder has it.
pub(super) fn known(space: Space, local: &str) -> Option<(Namespace, String)> {
    let is_lower = !local.bytes().any(|byte| byte.is_ascii_uppercase());
    let namespace = match space {
        // HTML's parser makes `<image>` an `<img>`; XML's does not.
        Space::Html => (is_lower && local != "image").then_some(Namespace::Html),
        Space::Svg => match local {
            "feImage" | "foreignObject" => Some(Namespace::Svg),
            "feimage" | "foreignobject" => None,
            _ => is_lower.then_some(Namespace::Svg),
        },
        Space::MathMl => is_lower.then_some(Namespace::MathMl),
        Space::XLink | Space::Other => None,
    };
    namespace.map(|namespace| (namespace, local.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_ends_with_its_element() {
        let mut scope = Scope::default();
        scope.declare("", "http://www.w3.org/1999/xhtml");
        scope.declare("s", "http://www.w3.org/2000/svg");
        scope.declare("", "");
        assert_eq!(scope.resolve(""), Some(Space::Other));
        scope.leave(1);
        assert_eq!(scope.resolve(""), Some(Space::Html));
        scope.leave(1);
        assert_eq!((scope.resolve("s"), scope.resolve("")), (None, Some(Space::Html)));
    }
}
