//! What the server says, as frames.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value as Json, json};

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
    let mut said = json!({ "type": "error" });
    if let (Some(said), Json::Object(fault)) = (said.as_object_mut(), fault(error)) {
        said.extend(fault);
    }
    let said = said.to_string();
    // The opening brace makes room for the id.
    frame::text(&[b"{\"id\":", id.as_bytes(), b",", said.get(1..).unwrap_or_default().as_bytes()])
}

/// What went wrong: `{code, message, details?}`.
pub(super) fn fault(error: &Error) -> Json {
    if error.is(Code::InternalError) {
        // Nobody outside learns what went wrong inside.
        return json!({ "code": error.code(), "message": "the server failed; its log says why" });
    }
    let mut fault = json!({ "code": codes::named(error.code()), "message": error.message() });
    if let Some(details) = codes::details(error) {
        fault["details"] = details;
    }
    fault
}

fn message(json: &Json) -> Bytes {
    frame::text(&[json.to_string().as_bytes()])
}
