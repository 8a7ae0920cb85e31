//! One path and one operation for everything that can be done with a model.

use serde_json::{Map, Value as Json, json};

use super::{errors, example, parameters, replies};
use crate::doors::schemas::errors::codes_of;
use crate::doors::schemas::names::{Names, Shared};
use crate::doors::schemas::{ModelSchemas, aggregates, replies as schemas, steps};
use crate::engine::{BodyKind, Operation};
use crate::model::Shape;

/// What operations have in common.
pub(super) struct Components {
    /// Parameters.
    pub(super) parameters: Shared,
    /// Responses.
    pub(super) responses: Shared,
}

/// Adds the paths of one model, where it is served: at its own path, or below one that it extends.
pub(super) fn add(
    shape: &Shape,
    place: &str,
    names: &ModelSchemas,
    referred: bool,
    shared: &mut Components,
    ids: &mut Names,
    paths: &mut Map<String, Json>,
) {
    for &operation in Operation::ALL.iter().filter(|operation| operation.is_offered(shape)) {
        let mut described = json!({
            "operationId": ids.claim(&id(place, operation.name())),
            "tags": [shape.path],
            "summary": schemas::summary(operation),
            "description": description(operation),
        });
        let parameters = parameters::of(operation, shape, names, &mut shared.parameters);
        if !parameters.is_empty() {
            described["parameters"] = parameters.into();
        }
        if let Some(body) = body(operation, shape, names) {
            described["requestBody"] = body;
        }
        let mut responses = Map::new();
        for (status, mut response) in replies::of(operation, names) {
            if matches!(operation, Operation::Insert | Operation::Upsert) {
                response["links"]["get"] = json!({
                    "operationRef": format!("#/paths/~1{}~1get/get", place.replace('~', "~0").replace('/', "~1")),
                    "parameters": { "_id": "$response.body#/_id" },
                    "description": "The document can be read by its `_id`.",
                });
            }
            responses.insert(status.to_owned(), response);
        }
        responses.insert("431".into(), too_large_head());
        responses.extend(errors::responses(&codes_of(operation, shape, referred), &mut shared.responses));
        described["responses"] = responses.into();
        let method = operation.method().to_ascii_lowercase();
        let path = format!("/{place}/{}", operation.name());
        paths.insert(path, Json::Object(Map::from_iter([(method, described)])));
    }
}

/// The answer that hyper gives.
pub(super) fn too_large_head() -> Json {
    json!({ "description": "The URL or the headers are larger than the server takes." })
}

/// `system_users_insert`.
pub(super) fn id(place: &str, name: &str) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let path: String = place.chars().map(plain).collect();
    format!("{path}_{name}")
}

fn description(operation: Operation) -> &'static str {
    match operation {
        Operation::Insert => "The framework adds `_id`, `_version`, `_createdAt` and `_updatedAt`.",
        Operation::Get => "Answers the first document that fulfils the query, and `null` if there is none.",
        Operation::List => {
            "Answers 20 documents unless `count` says otherwise. `after` goes on from a cursor, and stays right while \
             others insert and delete."
        }
        Operation::Find => {
            "Answers up to 10,000 documents; a query that more fulfil is refused with `INVALID_QUERY`."
        }
        Operation::Paginate => {
            "Give the answer's `nextCursor` as `after` to get the next page. It stays right while others insert and delete."
        }
        Operation::First => "In the order of insertion.",
        Operation::Last => "In the order of insertion, newest first.",
        Operation::Count => {
            "All documents count if there is no query. With `field` the values of that field are counted; absent ones are none."
        }
        Operation::Aggregate => {
            "Figures over all documents that fulfil the query, or, with `groupBy`, over each group of them: 10,000 groups at \
             most. Sums are exact: one that its type can't hold is refused with `INVALID_QUERY`."
        }
        Operation::Update => {
            "Each member of the body replaces that field, and operators such as `$inc` and `$push` change what is stored, safe from \
             what others do at the same time. A query with `_id` or a unique field changes that document and \
             answers it, or 404; any other query changes all that fulfil it and answers an array."
        }
        Operation::Upsert => {
            "Merges the body into the document that is pinned down by a unique field, or adds the body if there is none."
        }
        Operation::Delete => {
            "A query with `_id` or a unique field deletes that document and answers it, or 404; any other query deletes all \
             that fulfil it and answers an array."
        }
        Operation::Restore => "Deleted documents stay in the trash for a time.",
        Operation::Clear => "All of them, without asking twice.",
        Operation::Batch => "One to 1,000 operations in one transaction: all of them happen, or none.",
        Operation::Invoke(behaviour) => behaviour.docs,
    }
}

fn body(operation: Operation, shape: &Shape, names: &ModelSchemas) -> Option<Json> {
    let (schema, example) = match operation.body() {
        BodyKind::None | BodyKind::Payload => return None,
        BodyKind::Document => (names.insert(), example::document(shape)),
        BodyKind::Patch => (names.update(), None),
        BodyKind::Query if operation == Operation::Aggregate => {
            (aggregates::body(shape, names), Some(aggregates::example()))
        }
        BodyKind::Query => (steps::find(operation, shape, names), Some(json!({ "query": {}, "count": 10 }))),
        BodyKind::Batch => (steps::together(steps::steps(shape, names)), None),
    };
    let mut media = json!({ "schema": schema });
    if let Some(example) = example {
        media["example"] = example;
    }
    let required = operation != Operation::Find;
    Some(json!({ "required": required, "content": { "application/json": media } }))
}
