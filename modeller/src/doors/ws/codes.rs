//! Errors by the names that this protocol has for them.

use serde_json::{Map, Value as Json};

use crate::model::Error;

/// Names that only this protocol has.
pub(super) const UNKNOWN_OPERATION: &str = "UNKNOWN_OPERATION";
pub(super) const RULES_NOT_AVAILABLE: &str = "RULES_NOT_AVAILABLE";

/// The codes of the protocol, as RWS-12 lists them.
pub(super) const ALL: [&str; 15] = [
    "PARSE_ERROR",
    "INVALID_REQUEST",
    UNKNOWN_OPERATION,
    "VALIDATION_ERROR",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "CONFLICT",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "RATE_LIMITED",
    "BACKPRESSURE",
    "INTERNAL_ERROR",
    "BUCKET_NOT_DEFINED",
    "QUERY_NOT_DEFINED",
    RULES_NOT_AVAILABLE,
];

/// The protocol's name for a code of ours. An application's own codes stay as they are.
pub(super) fn named(code: &str) -> &str {
    match code {
        "UNIQUE_VIOLATION" => "ALREADY_EXISTS",
        "MODEL_NOT_FOUND" => "BUCKET_NOT_DEFINED",
        "METHOD_NOT_FOUND" => "QUERY_NOT_DEFINED",
        "EVENT_NOT_FOUND" => "NOT_FOUND",
        "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED" => UNKNOWN_OPERATION,
        "REFERENCED" | "PRECONDITION_FAILED" => "CONFLICT",
        "INVALID_QUERY" | "INVALID_CURSOR" => "VALIDATION_ERROR",
        "PAYLOAD_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" => "INVALID_REQUEST",
        "OVERLOADED" | "TIMEOUT" => "BACKPRESSURE",
        "STORE_UNAVAILABLE" => "INTERNAL_ERROR",
        same => same,
    }
}

/// What an error says beside its code and its words: its own details, the field, the faults of a payload, and the code's own name if the
/// protocol has another for it.
pub(super) fn details(error: &Error) -> Option<Json> {
    let mut members = match error.details() {
        Some(Json::Object(members)) => members.clone(),
        Some(other) => Map::from_iter([("details".to_owned(), other.clone())]),
        None => Map::new(),
    };
    if let Some(field) = error.field() {
        members.insert("field".into(), field.into());
    }
    if !error.violations().is_empty() {
        members.insert("errors".into(), serde_json::to_value(error.violations()).unwrap_or_default());
    }
    if named(error.code()) != error.code() {
        members.insert("code".into(), error.code().into());
    }
    (!members.is_empty()).then(|| members.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    #[test]
    fn every_code_has_a_name_in_the_protocol() {
        // RWS-12
        for code in Code::ALL {
            assert!(ALL.contains(&named(code.as_str())), "{code}");
        }
        assert_eq!(named("OUT_OF_STOCK"), "OUT_OF_STOCK");
    }

    #[test]
    fn what_is_translated_can_still_be_told_apart() {
        let error = Error::new(Code::UniqueViolation, "taken").with_field("email");
        assert_eq!(details(&error), Some(serde_json::json!({"field": "email", "code": "UNIQUE_VIOLATION"})));
        assert_eq!(details(&Error::new(Code::NotFound, "gone")), None);
        let listed = Error::new(Code::Conflict, "no").with_details(serde_json::json!([1]));
        assert_eq!(details(&listed), Some(serde_json::json!({"details": [1]})));
    }
}
