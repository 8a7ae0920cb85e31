//! `POST /@transaction`: operations on any models, each as a batch of its model would take it, and with its `model`.

use serde_json::{Map, Value as Json, json};

use super::operations::{Components, too_large_head};
use super::{errors, parameters};
use crate::doors::schemas::names::Names;
use crate::doors::schemas::steps::{on_model, steps, together};
use crate::doors::schemas::{ModelSchemas, errors as schemas, replies};
use crate::engine::{Operation, Transact};
use crate::model::{Code, Shape};

/// Adds the path. `referred` says of each model whether documents refer to its documents.
pub(super) fn add(
    models: &[(&Shape, &ModelSchemas, bool)],
    shared: &mut Components,
    ids: &mut Names,
    paths: &mut Map<String, Json>,
    tags: &mut Vec<Json>,
) {
    if models.is_empty() {
        return;
    }
    tags.push(json!({ "name": "transaction", "description": "Several models at once." }));
    let all = models.iter().map(|(shape, names, _)| {
        let steps = steps(shape, names).into_iter().flat_map(|step| on_model(step, shape));
        json!({ "title": shape.path, "oneOf": steps.collect::<Vec<_>>() })
    });
    let example = models.first().map(|(shape, ..)| {
        json!({ "operations": [{ "op": "count", "model": shape.path }, { "op": "find", "model": shape.path, "query": {} }] })
    });
    let media = json!({ "schema": together(all.collect()), "example": example });
    let parameter = parameters::idempotency_key(&mut shared.parameters);
    let mut data = vec![json!({
        "type": "object",
        "description": "Whether there was something to delete.",
        "properties": { "deleted": { "type": "boolean" } },
        "required": ["deleted"],
        "additionalProperties": false,
    })];
    for answer in models.iter().flat_map(|(_, names, _)| replies::data(names)) {
        if !data.contains(&answer) {
            data.push(answer);
        }
    }
    let mut done =
        super::replies::reply("What each operation answered, in their order.", replies::results(data));
    super::replies::replayed(&mut done);
    let mut responses = Map::from_iter([("200".to_owned(), done), ("431".to_owned(), too_large_head())]);
    responses.extend(errors::responses(&codes(models), &mut shared.responses));
    let described = json!({
        "operationId": ids.claim("transaction"),
        "tags": ["transaction"],
        "summary": "Do several things on any models at once",
        "description": "One to 1,000 operations in one transaction: all of them happen, or none. Each sees what those before it \
                        did. `key` names a document by its `_id`. The error of an operation has its place in `details.index`; a \
                        `version` that is not the document's is a `CONFLICT`.",
        "parameters": [parameter],
        "requestBody": { "required": true, "content": { "application/json": media } },
        "responses": responses,
    });
    paths.insert(Transact::PATH.into(), json!({ "post": described }));
}

/// What batches of all the models can answer, and that there is no such model.
fn codes(models: &[(&Shape, &ModelSchemas, bool)]) -> Vec<Code> {
    let mut codes = vec![Code::ModelNotFound];
    for (shape, _, referred) in models {
        for code in schemas::codes_of(Operation::Batch, shape, *referred) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
    }
    codes
}
