//! Methods and queries: payload, reply and errors of each.

use serde_json::{Map, Value as Json, json};

use super::operations::{Components, id, too_large_head};
use super::{errors, parameters, replies};
use crate::doors::schemas::called::Called;
use crate::doors::schemas::names::Names;
use crate::doors::schemas::{ModelSchemas, Schemas, reference};
use crate::engine::Operation;
use crate::model::{Code, Shape};
use crate::registry::{BehaviourKind, Registry};

/// The methods and the queries of a model.
pub(super) fn of(
    shape: &'static Shape,
    names: &ModelSchemas,
    registry: &Registry,
    schemas: &mut Schemas,
) -> Vec<Called> {
    Called::of(shape, names, registry, schemas, &[BehaviourKind::Method, BehaviourKind::Query])
}

impl Called {
    /// Adds the path, where the model is served.
    pub(super) fn add(
        &self,
        shape: &Shape,
        place: &str,
        shared: &mut Components,
        ids: &mut Names,
        paths: &mut Map<String, Json>,
    ) {
        let operation = Operation::Invoke(self.behaviour);
        let name = self.behaviour.name;
        let mut described = json!({
            "operationId": ids.claim(&id(place, name)),
            "tags": [shape.path],
            "summary": self.summary(),
        });
        if !self.description().is_empty() {
            described["description"] = self.description().into();
        }
        let mut reply = replies::reply("The answer.", self.reply.clone());
        if operation.is_write() {
            described["parameters"] = json!([parameters::idempotency_key(&mut shared.parameters)]);
            described["requestBody"] = json!({
                "required": !self.may_be_empty,
                "content": { "application/json": { "schema": self.payload.0 } },
            });
            replies::replayed(&mut reply);
        } else {
            let parameters = self.parameters();
            if !parameters.is_empty() {
                described["parameters"] = parameters.into();
            }
        }
        let mut responses = Map::from_iter([("200".to_owned(), reply), ("431".to_owned(), too_large_head())]);
        responses.extend(errors::open_responses(codes(operation), &mut shared.responses));
        responses.insert(
            "default".into(),
            json!({
                "description": "An error of its own.",
                "content": { "application/json": { "schema": reference("Error") } },
            }),
        );
        described["responses"] = responses.into();
        let method = operation.method().to_ascii_lowercase();
        paths.insert(format!("/{place}/{name}"), Json::Object(Map::from_iter([(method, described)])));
    }

    /// What a query takes in its URL: one parameter a field. A payload of several forms is one as a whole.
    fn parameters(&self) -> Vec<Json> {
        let parameter =
            |name: &str, required: bool| json!({ "name": name, "in": "query", "required": required });
        let schema = &self.payload.1;
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
            let mut whole = parameter("payload", !self.may_be_empty);
            whole["content"] = json!({ "application/json": { "schema": self.payload.0 } });
            return vec![whole];
        };
        let required = schema.get("required").and_then(Json::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
        let of = |(name, property): (&String, &Json)| {
            let mut parameter = parameter(name, is_required(name));
            if let Some(description) = property.get("description") {
                parameter["description"] = description.clone();
            }
            let has_type = property.get("type").is_some_and(|kind| kind != "object");
            match has_type {
                true => parameter["schema"] = property.clone(),
                // Whatever may be an object is JSON.
                false => parameter["content"] = json!({ "application/json": { "schema": property } }),
            }
            parameter
        };
        properties.iter().map(of).collect()
    }
}

/// The codes of a call, besides those of its own.
fn codes(operation: Operation) -> &'static [Code] {
    match operation.is_write() {
        true => &[
            Code::InvalidRequest,
            Code::ParseError,
            Code::ValidationError,
            Code::Forbidden,
            Code::Conflict,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
            Code::Timeout,
            Code::Overloaded,
            Code::StoreUnavailable,
        ],
        false => &[
            Code::InvalidRequest,
            Code::InvalidQuery,
            Code::ParseError,
            Code::ValidationError,
            Code::PayloadTooLarge,
            Code::Timeout,
            Code::Overloaded,
            Code::StoreUnavailable,
        ],
    }
}
