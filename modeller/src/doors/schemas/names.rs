//! Names that are each given only once.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

/// Hands out names.
#[derive(Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// The name itself, or with the first number behind it that makes it a new one.
    pub(crate) fn claim(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2_u32;
        while !self.taken.insert(name.clone()) {
            name = format!("{wanted}{number}");
            number += 1;
        }
        name
    }

    /// A base with which all these suffixes make new names; all of them are taken then.
    pub(crate) fn claim_family(&mut self, candidates: &[String], suffixes: &[&str]) -> String {
        let numbered = candidates.last().cloned().unwrap_or_default();
        let bases = candidates.iter().cloned().chain((2_u32..).map(|number| format!("{numbered}{number}")));
        for base in bases {
            let family: Vec<String> = suffixes.iter().map(|suffix| format!("{base}{suffix}")).collect();
            if family.iter().all(|name| !self.taken.contains(name)) {
                self.taken.extend(family);
                return base;
            }
        }
        // The numbers above do not end before the memory does.
        numbered
    }
}

/// Components of one kind, each of which is there once however often it is used.
pub(crate) struct Shared {
    kind: &'static str,
    names: Names,
    known: HashMap<String, String>,
    components: Map<String, Json>,
}

impl Shared {
    /// Components under this key.
    pub(crate) fn new(kind: &'static str) -> Self {
        Shared { kind, names: Names::default(), known: HashMap::new(), components: Map::new() }
    }

    /// A `$ref` to the component, which gets this name unless another one has it.
    pub(crate) fn share(&mut self, wanted: &str, content: Json) -> Json {
        let name = self.known.entry(content.to_string()).or_insert_with(|| {
            let name = self.names.claim(&component(wanted));
            self.components.insert(name.clone(), content);
            name
        });
        json!({ "$ref": format!("#/components/{}/{name}", self.kind) })
    }

    pub(crate) fn into_components(self) -> Map<String, Json> {
        self.components
    }
}

/// `orderLines`, `order-lines` and `order_lines` all become `OrderLines`.
pub(crate) fn pascal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = true;
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() {
            upper = true;
        } else if upper {
            out.push(character.to_ascii_uppercase());
            upper = false;
        } else {
            out.push(character);
        }
    }
    if out.is_empty() { "Model".to_owned() } else { out }
}

/// A name that may be a key of `components`: letters, digits, `.`, `-` and `_`.
pub(crate) fn component(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|character| {
            let fits = character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
            if fits { character } else { '_' }
        })
        .collect();
    if clean.is_empty() { "Schema".to_owned() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::default();
        assert_eq!(names.claim("Role"), "Role");
        assert_eq!(names.claim("Role"), "Role2");
        assert_eq!(names.claim("Role"), "Role3");
    }

    #[test]
    fn a_family_is_new_as_a_whole() {
        let mut names = Names::default();
        names.claim("UsersInsert");
        let base = names.claim_family(&["Users".into(), "SystemUsers".into()], &["", "Insert"]);
        assert_eq!(base, "SystemUsers");
        assert_eq!(names.claim("SystemUsersInsert"), "SystemUsersInsert2");
    }

    #[test]
    fn names_of_all_styles_become_pascal_case() {
        for name in ["orderLines", "order-lines", "order_lines", "OrderLines"] {
            assert_eq!(pascal(name), "OrderLines");
        }
        assert_eq!(pascal("名"), "Model");
    }
}
