//! validator's attributes: only the messages of their own, by the schema keyword that fails. The rules are validator's.

use syn::{Attribute, LitStr};

use crate::meta::{self, Value};
use crate::vocab::RULES;

/// The messages that `#[validate(..)]` gives a field. Where two rules share a keyword, the first one speaks.
pub(crate) fn messages(attributes: &[Attribute]) -> Vec<(String, LitStr)> {
    let mut messages: Vec<(String, LitStr)> = Vec::new();
    for rule in meta::foreign(attributes, "validate") {
        let Value::Listed(tokens) = &rule.value else { continue };
        let arguments = meta::parts(tokens);
        let Some(message) = arguments.iter().find(|item| item.name() == "message") else { continue };
        let Some(message) = meta::text(&message.value) else { continue };
        let given = |name: &str| arguments.iter().any(|item| item.name() == name);
        let name = rule.name();
        let known = RULES.iter().filter(|(rule, ..)| *rule == name);
        let mut keywords: Vec<&str> = known
            .clone()
            .filter(|(_, argument, _)| argument.is_none_or(given))
            .flat_map(|(.., keywords)| keywords.iter().copied())
            .collect();
        if known.count() == 0 {
            keywords.push(&name);
        }
        for keyword in keywords {
            if !messages.iter().any(|(known, _)| known == keyword) {
                messages.push((keyword.to_owned(), message.clone()));
            }
        }
    }
    messages
}
