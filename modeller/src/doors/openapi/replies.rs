//! What operations answer when they succeed.

use serde_json::{Value as Json, json};

use super::aggregates;
use super::schemas::ModelSchemas;
use crate::engine::{Argument, Operation};

/// The successful responses, by status.
pub(super) fn of(operation: Operation, names: &ModelSchemas) -> Vec<(&'static str, Json)> {
    let document = if operation.arguments().contains(&Argument::Fields) {
        let loaded = names.loaded().filter(|_| operation.arguments().contains(&Argument::With));
        let forms: Vec<Json> = [names.document(), names.partial()].into_iter().chain(loaded).collect();
        json!({ "anyOf": forms })
    } else {
        names.document()
    };
    let many = json!({ "type": "array", "items": document });
    let mut ok = match operation {
        Operation::Insert => {
            let mut created = reply("The document as it was stored.", names.document());
            version(&mut created);
            location(&mut created);
            replayed(&mut created);
            return vec![("201", created)];
        }
        Operation::Get => {
            let either = json!({ "anyOf": [document, { "type": "null" }] });
            let mut found = reply("The first document that fulfils the query, or `null`.", either);
            version(&mut found);
            let same = json!({ "description": "The caller has the newest version already." });
            return vec![("200", found), ("304", same)];
        }
        Operation::List => {
            let mut page = reply("One page of documents.", many);
            page["headers"]["Next-Cursor"] = json!({
                "description": "The cursor to the next page, if there is one and the order allows it.",
                "schema": { "type": "string" },
            });
            page
        }
        Operation::Paginate => reply(
            "One page of documents, and where it goes on.",
            json!({
                "type": "object",
                "properties": {
                    "records": many,
                    "hasMore": { "type": "boolean" },
                    "nextCursor": { "type": ["string", "null"], "description": "Give it as `after` for the next page." },
                },
                "required": ["records", "hasMore", "nextCursor"],
                "additionalProperties": false,
            }),
        ),
        Operation::Find => reply("All documents that fulfil the query.", many),
        Operation::First => reply("The documents that were inserted first.", many),
        Operation::Last => reply("The documents that were inserted last, newest first.", many),
        Operation::Count => reply(
            "How many documents fulfil the query, or how many values they have.",
            json!({ "type": "integer", "minimum": 0 }),
        ),
        Operation::Aggregate => reply(
            "The figures; an array of groups if there is a `groupBy`.",
            json!({ "anyOf": [aggregates::answer(), { "type": "array", "items": aggregates::answer() }] }),
        ),
        Operation::Update => one_or_many(
            "The document as it is now; an array of them if the query names none in particular.",
            names,
        ),
        Operation::Delete => one_or_many(
            "The document as it was; an array of them if the query names none in particular.",
            names,
        ),
        Operation::Restore => one_or_many(
            "The document that is back; an array of them if the query names none in particular.",
            names,
        ),
        Operation::Upsert => {
            let mut updated = reply("The document was there and is updated.", names.document());
            let mut created = reply("The document is new.", names.document());
            for reply in [&mut updated, &mut created] {
                version(reply);
                replayed(reply);
            }
            location(&mut created);
            return vec![("200", updated), ("201", created)];
        }
        Operation::Clear => reply(
            "How many documents there were.",
            json!({
                "type": "object",
                "properties": { "deleted": { "type": "integer", "minimum": 0 } },
                "required": ["deleted"],
                "additionalProperties": false,
            }),
        ),
        Operation::Invoke(_) => reply("The answer.", Json::Bool(true)),
        Operation::Batch => reply("What each operation answered, in their order.", results(data(names))),
    };
    if matches!(operation, Operation::Update | Operation::Delete | Operation::Restore) {
        version(&mut ok);
    }
    if operation.is_write() {
        replayed(&mut ok);
    }
    vec![("200", ok)]
}

pub(super) fn reply(description: &str, schema: Json) -> Json {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn one_or_many(description: &str, names: &ModelSchemas) -> Json {
    let document = names.document();
    reply(description, json!({ "anyOf": [document, { "type": "array", "items": document }] }))
}

/// What operations on a model answer.
pub(super) fn data(names: &ModelSchemas) -> Vec<Json> {
    let document = names.document();
    vec![
        document.clone(),
        json!({ "type": "array", "items": document }),
        json!({ "type": "integer", "minimum": 0 }),
        aggregates::answer(),
        json!({ "type": "array", "items": aggregates::answer() }),
        json!({ "type": "null" }),
    ]
}

/// `{results: [{index, data}]}`, where the data is one of these.
pub(super) fn results(data: Vec<Json>) -> Json {
    json!({
        "type": "object",
        "properties": { "results": { "type": "array", "items": {
            "type": "object",
            "properties": {
                "index": { "type": "integer", "minimum": 0, "description": "Which operation, from 0." },
                "data": { "description": "As the operation alone would have answered.", "anyOf": data },
            },
            "required": ["index", "data"],
            "additionalProperties": false,
        } } },
        "required": ["results"],
        "additionalProperties": false,
    })
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
