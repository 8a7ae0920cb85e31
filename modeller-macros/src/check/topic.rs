//! The topics that a rule is for: a pattern, in the grammar that the framework has for them when it runs.

use syn::LitStr;

use crate::diag::Diag;
use crate::{messages, vocab};

/// The pattern, as it was written.
pub(super) fn check(literal: &LitStr, diag: &Diag) -> String {
    let pattern = literal.value();
    if let Some(message) = fault(&pattern) {
        diag.error(literal, message);
    }
    pattern
}

/// What is wrong with a pattern.
pub(crate) fn fault(pattern: &str) -> Option<String> {
    if pattern.len() > vocab::LONGEST_PATTERN {
        return Some(messages::long_topic());
    }
    if pattern.chars().any(char::is_control) {
        return Some(messages::topic_with_controls());
    }
    let parts: Vec<&str> = pattern.split('.').collect();
    if parts.contains(&"") {
        return Some(messages::topic_with_a_gap(pattern));
    }
    let last = parts.len() - 1;
    parts.iter().enumerate().find_map(|(at, part)| match *part {
        "*" => None,
        "**" if at == last => None,
        "**" => Some(messages::rest_before_the_end(pattern)),
        part if part.contains('*') => Some(messages::piece_of_a_part(part)),
        _ => None,
    })
}
