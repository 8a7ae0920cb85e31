//! What the server says, as frames.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::{VERSION, codes, frame};
use crate::model::{Code, Error};

/// The first message of all.
pub(super) fn welcome(now: i64, requires_auth: bool) -> Bytes {
    message(&json!({
        "type": "welcome", "version": VERSION, "serverTime": now, "requiresAuth": requires_auth,
    }))
}

/// Whether anybody is there.
pub(super) fn ping(now: i64) -> Bytes {
    message(&json!({ "type": "ping", "timestamp": now }))
}

/// The server is about to stop.
pub(super) fn shutdown(grace: Duration) -> Bytes {
    let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    message(&json!({ "type": "system", "event": "shutdown", "gracePeriodMs": grace }))
}

/// The answer to a request, both as JSON text.
pub(super) fn result(id: &str, data: &[u8]) -> Bytes {
    // An answer is always JSON; one of nothing would break the message.
    let data = if data.is_empty() { b"null" } else { data };
    frame::text(&[b"{\"id\":", id.as_bytes(), b",\"type\":\"result\",\"data\":", data, b"}"])
}

/// Why a request has no answer. The `id` is JSON text; that of a request that can't be read is `null`.
pub(super) fn error(id: &str, error: &Error) -> Bytes {
    let (code, text) = match error.is(Code::InternalError) {
        // Nobody outside learns what went wrong inside.
        true => (error.code(), "the server failed; its log says why"),
        false => (codes::named(error.code()), error.message()),
    };
    let mut rest = json!({ "type": "error", "code": code, "message": text });
    if let Some(details) = codes::details(error).filter(|_| !error.is(Code::InternalError)) {
        rest["details"] = details;
    }
    let rest = rest.to_string();
    // The opening brace makes room for the id.
    frame::text(&[b"{\"id\":", id.as_bytes(), b",", rest.get(1..).unwrap_or_default().as_bytes()])
}

fn message(json: &serde_json::Value) -> Bytes {
    frame::text(&[json.to_string().as_bytes()])
}
