//! What operations do, in a few words, and what they answer when they succeed.

use serde_json::{Value as Json, json};

use super::{ModelSchemas, aggregates};
use crate::engine::{Argument, Operation};

/// What an operation does, in a few words.
pub(crate) fn summary(operation: Operation) -> &'static str {
    match operation {
        Operation::Insert => "Add a document",
        Operation::Get => "Get one document",
        Operation::List => "List documents, page by page",
        Operation::Find => "Find all documents that fulfil a query",
        Operation::Paginate => "Page through documents with a cursor",
        Operation::First => "Get the first documents",
        Operation::Last => "Get the last documents",
        Operation::Count => "Count documents, or values of a field",
        Operation::Aggregate => "Count, add up, average, and find the least and the greatest",
        Operation::Update => "Change documents",
        Operation::Upsert => "Change a document, or add it",
        Operation::Delete => "Delete documents",
        Operation::Restore => "Bring documents back from the trash",
        Operation::Clear => "Delete all documents",
        Operation::Batch => "Do several things at once",
        Operation::Invoke(behaviour) => behaviour.name,
    }
}

/// What an answer is, in words.
pub(crate) fn meaning(operation: Operation) -> &'static str {
    match operation {
        Operation::Insert => "The document as it was stored.",
        Operation::Get => "The first document that fulfils the query, or `null`.",
        Operation::List => "One page of documents.",
        Operation::Paginate => "One page of documents, and where it goes on.",
        Operation::Find => "All documents that fulfil the query.",
        Operation::First => "The documents that were inserted first.",
        Operation::Last => "The documents that were inserted last, newest first.",
        Operation::Count => "How many documents fulfil the query, or how many values they have.",
        Operation::Aggregate => "The figures; an array of groups if there is a `groupBy`.",
        Operation::Update => {
            "The document as it is now; an array of them if the query names none in particular."
        }
        Operation::Upsert => "The document, updated or new.",
        Operation::Delete => {
            "The document as it was; an array of them if the query names none in particular."
        }
        Operation::Restore => {
            "The document that is back; an array of them if the query names none in particular."
        }
        Operation::Clear => "How many documents there were.",
        Operation::Batch => "What each operation answered, in their order.",
        Operation::Invoke(_) => "The answer.",
    }
}

/// The schema of an answer.
pub(crate) fn answer(operation: Operation, names: &ModelSchemas) -> Json {
    let document = if operation.arguments().contains(&Argument::Fields) {
        let loaded = names.loaded().filter(|_| operation.arguments().contains(&Argument::With));
        let forms: Vec<Json> = [names.document(), names.partial()].into_iter().chain(loaded).collect();
        json!({ "anyOf": forms })
    } else {
        names.document()
    };
    let many = json!({ "type": "array", "items": document });
    match operation {
        Operation::Insert | Operation::Upsert => document,
        Operation::Get => json!({ "anyOf": [document, { "type": "null" }] }),
        Operation::List | Operation::Find | Operation::First | Operation::Last => many,
        Operation::Paginate => json!({
            "type": "object",
            "properties": {
                "records": many,
                "hasMore": { "type": "boolean" },
                "nextCursor": { "type": ["string", "null"], "description": "Give it as `after` for the next page." },
            },
            "required": ["records", "hasMore", "nextCursor"],
            "additionalProperties": false,
        }),
        Operation::Count => json!({ "type": "integer", "minimum": 0 }),
        Operation::Aggregate => {
            json!({ "anyOf": [aggregates::answer(), { "type": "array", "items": aggregates::answer() }] })
        }
        Operation::Update | Operation::Delete | Operation::Restore => {
            json!({ "anyOf": [document, { "type": "array", "items": document }] })
        }
        Operation::Clear => json!({
            "type": "object",
            "properties": { "deleted": { "type": "integer", "minimum": 0 } },
            "required": ["deleted"],
            "additionalProperties": false,
        }),
        Operation::Invoke(_) => Json::Bool(true),
        Operation::Batch => results(data(names)),
    }
}

/// What operations on a model answer.
pub(crate) fn data(names: &ModelSchemas) -> Vec<Json> {
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
pub(crate) fn results(data: Vec<Json>) -> Json {
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
