//! What operations answer over HTTP when they succeed.

use serde_json::{Value as Json, json};

use crate::doors::schemas::{ModelSchemas, replies};
use crate::engine::Operation;

/// The successful responses, by status.
pub(super) fn of(operation: Operation, names: &ModelSchemas) -> Vec<(&'static str, Json)> {
    let mut ok = reply(replies::meaning(operation), replies::answer(operation, names));
    if operation.is_write() {
        replayed(&mut ok);
    }
    match operation {
        Operation::Insert => {
            version(&mut ok);
            location(&mut ok);
            vec![("201", ok)]
        }
        Operation::Get => {
            version(&mut ok);
            let same = json!({ "description": "The caller has the newest version already." });
            vec![("200", ok), ("304", same)]
        }
        Operation::Upsert => {
            version(&mut ok);
            let mut created = ok.clone();
            ok["description"] = "The document was there and is updated.".into();
            created["description"] = "The document is new.".into();
            location(&mut created);
            vec![("200", ok), ("201", created)]
        }
        Operation::List => {
            ok["headers"]["Next-Cursor"] = json!({
                "description": "The cursor to the next page, if there is one and the order allows it.",
                "schema": { "type": "string" },
            });
            vec![("200", ok)]
        }
        Operation::Update | Operation::Delete | Operation::Restore => {
            version(&mut ok);
            vec![("200", ok)]
        }
        _ => vec![("200", ok)],
    }
}

pub(super) fn reply(description: &str, schema: Json) -> Json {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

/// Answers with one document carry its version.
fn version(response: &mut Json) {
    response["headers"]["ETag"] = json!({
        "description": "The document's version, for `If-Match`, where the answer is one document.",
        "schema": { "type": "string" },
    });
}

/// Answers with a new document say where it is.
fn location(response: &mut Json) {
    response["headers"]["Location"] = json!({
        "description": "Where the new document is, relative to the request.",
        "schema": { "type": "string", "format": "uri-reference" },
    });
}

pub(super) fn replayed(response: &mut Json) {
    response["headers"]["Idempotent-Replayed"] = json!({
        "description": "The answer is that of an earlier request with the same `Idempotency-Key`.",
        "schema": { "type": "string", "enum": ["true"] },
    });
}
