//! `POST /@procedures/{name}`: stored procedures, which come and go while the application runs.

use serde_json::{Map, Value as Json, json};

use super::operations::{Components, too_large_head};
use super::{errors, parameters, replies};
use crate::doors::schemas::names::Names;
use crate::doors::schemas::reference;
use crate::engine::Procedures;
use crate::model::Code;

/// What every procedure can answer, besides its own errors.
const CODES: &[Code] = &[
    Code::InvalidRequest,
    Code::InvalidQuery,
    Code::ParseError,
    Code::ValidationError,
    Code::Forbidden,
    Code::MethodNotFound,
    Code::NotFound,
    Code::Timeout,
    Code::Conflict,
    Code::UniqueViolation,
    Code::Referenced,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::Overloaded,
    Code::StoreUnavailable,
];

/// Adds the path.
pub(super) fn add(
    shared: &mut Components,
    ids: &mut Names,
    paths: &mut Map<String, Json>,
    tags: &mut Vec<Json>,
) {
    tags.push(json!({ "name": "procedures", "description": "What the application keeps as steps." }));
    let name = json!({
        "name": "name",
        "in": "path",
        "required": true,
        "description": "Which procedure.",
        "schema": { "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$" },
    });
    let mut done = replies::reply("What the procedure answers.", Json::Bool(true));
    replies::replayed(&mut done);
    let mut responses = Map::from_iter([("200".to_owned(), done), ("431".to_owned(), too_large_head())]);
    responses.extend(errors::open_responses(CODES, &mut shared.responses));
    let own = json!({
        "description": "An error of its own.",
        "content": { "application/json": { "schema": reference("Error") } },
    });
    responses.insert("default".into(), own);
    let described = json!({
        "operationId": ids.claim("procedure"),
        "tags": ["procedures"],
        "summary": "Call a stored procedure",
        "description": "Its steps are carried out in one transaction: all of them take effect, or none. Without a body its input is \
                        an empty object. The error of a step has its place in `details.step`.",
        "parameters": [name, parameters::idempotency_key(&mut shared.parameters)],
        "requestBody": {
            "required": false,
            "content": { "application/json": { "schema": { "type": "object" }, "example": {} } },
        },
        "responses": responses,
    });
    paths.insert(format!("{}{{name}}", Procedures::PATH), json!({ "post": described }));
}
