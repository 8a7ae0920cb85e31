//! "Did you mean": the closest of the names that there are.

use serde_json::json;

use super::{invalid, shown};
use crate::model::Error;

/// Longer names are not compared: nobody mistypes them, and the comparison costs their product.
const LONGEST: usize = 64;

/// How many expected names an error lists.
const LISTED: usize = 100;

/// `INVALID_QUERY` for a name that does not exist, with those that do.
pub(super) fn unknown(mut message: String, field: &str, name: &str, expected: &[&str]) -> Error {
    let suggestion = closest(name, expected);
    if let Some(suggestion) = suggestion {
        message.push_str("; did you mean `");
        message.push_str(suggestion);
        message.push_str("`?");
    }
    let listed = &expected[..expected.len().min(LISTED)];
    let mut details = json!({ "field": shown(field), "expected": listed });
    if let Some(suggestion) = suggestion {
        details["suggestion"] = suggestion.into();
    }
    invalid(message).with_field(shown(field)).with_details(details)
}

fn closest<'a>(name: &str, expected: &[&'a str]) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let allowed = (name.chars().count() / 3).max(1);
    let distances = expected.iter().filter(|other| other.len() <= LONGEST).map(|other| {
        // Wrong case is the smallest mistake.
        let distance = if name.eq_ignore_ascii_case(other) { 0 } else { distance(name, other) };
        (distance, *other)
    });
    distances.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How many characters have to be put in, left out, replaced, or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 0..from.len() {
        let mut row = Vec::with_capacity(to.len() + 1);
        row.push(i + 1);
        for j in 0..to.len() {
            let mut cost = (last[j] + usize::from(from[i] != to[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j] {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_suggested() {
        let names = ["email", "name", "_createdAt"];
        assert_eq!(closest("emial", &names), Some("email"));
        assert_eq!(closest("Email", &names), Some("email"));
        assert_eq!(closest("createdAt", &names), Some("_createdAt"));
        assert_eq!(closest("password", &names), None);
        assert_eq!(closest("", &names), None);
        assert_eq!(closest(&"e".repeat(10_000), &names), None);
    }

    #[test]
    fn distances_count_the_keystrokes() {
        for (from, to, expected) in [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("äb", "ab", 1)] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }
}
