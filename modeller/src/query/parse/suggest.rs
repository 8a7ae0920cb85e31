//! "Did you mean": the closest of the names that there are.

use serde_json::json;

use super::{invalid, shown};
use crate::model::{Error, nearest};

/// How many expected names an error lists.
const LISTED: usize = 100;

/// `INVALID_QUERY` for a name that does not exist, with those that do.
pub(super) fn unknown(mut message: String, field: &str, name: &str, expected: &[&str]) -> Error {
    let suggestion = nearest(name, expected.iter().copied());
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
