//! Which errors an operation can give, and how they look.

use serde_json::{Value as Json, json};

use crate::doors::schemas::errors::meaning;
use crate::doors::schemas::names::Shared;
use crate::doors::schemas::reference;
use crate::model::Code;

/// The responses for these codes, by status.
pub(super) fn responses(codes: &[Code], shared: &mut Shared) -> Vec<(String, Json)> {
    let mut statuses: Vec<u16> = codes.iter().map(|code| code.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let one = |status: u16| {
        let mut group: Vec<Code> = codes.iter().copied().filter(|code| code.status() == status).collect();
        // A version that does not fit is a conflict; with `If-Match` it has the status that HTTP has for that.
        if group == [Code::PreconditionFailed] {
            group.insert(0, Code::Conflict);
        }
        (status.to_string(), shared.share(title(status), response(status, &group)))
    };
    statuses.into_iter().map(one).collect()
}

/// The responses of what may fail with codes of its own, too: below 500 the codes are open.
pub(super) fn open_responses(codes: &[Code], shared: &mut Shared) -> Vec<(String, Json)> {
    let (ours, both): (Vec<Code>, Vec<Code>) = codes.iter().partition(|code| code.status() >= 500);
    let mut statuses: Vec<u16> = both.iter().map(|code| code.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let one = |status: u16| {
        let codes = both.iter().filter(|code| code.status() == status);
        let lines = codes.map(|code| format!("`{}`: {}.", code.as_str(), meaning(*code)));
        let lines: Vec<String> = lines.chain(["Or an error of the application's own.".to_owned()]).collect();
        let response = json!({
            "description": lines.join("\n\n"),
            "content": { "application/json": { "schema": reference("Error") } },
        });
        (status.to_string(), response)
    };
    statuses.into_iter().map(one).chain(responses(&ours, shared)).collect()
}

fn response(status: u16, codes: &[Code]) -> Json {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), meaning(*code))).collect();
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let mut response = json!({
        "description": lines.join("\n\n"),
        "content": { "application/json": { "schema": {
            "allOf": [{ "$ref": "#/components/schemas/Error" }],
            "properties": { "code": { "enum": names }, "status": { "const": status } },
        } } },
    });
    if status == 503 {
        response["headers"] = json!({ "Retry-After": {
            "description": "After how many seconds it is worth trying again.",
            "schema": { "type": "integer", "minimum": 0 },
        } });
    }
    response
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        408 => "Timeout",
        409 => "Conflict",
        412 => "PreconditionFailed",
        413 => "PayloadTooLarge",
        415 => "UnsupportedMediaType",
        429 => "TooManyRequests",
        503 => "Unavailable",
        _ => "Failure",
    }
}
