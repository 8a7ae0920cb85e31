//! Bodies that say what is asked: a query with its page, and the steps of batches and transactions.

use serde_json::{Map, Value as Json, json};

use super::{ModelSchemas, aggregates, arguments, filter, relations, search};
use crate::engine::{MAX_OPERATIONS, Operation};
use crate::model::Shape;

pub(crate) fn find(operation: Operation, shape: &Shape, names: &ModelSchemas) -> Json {
    let mut body = json!({
        "type": "object",
        "properties": {
            "query": names.filter(),
            "sort": arguments::sort_of_body(shape, names.sort()),
            "start": arguments::start(),
            "count": arguments::count(operation),
            "fields": arguments::fields_of_body(shape),
        },
        "additionalProperties": false,
    });
    if !shape.searchable.is_empty() {
        body["properties"]["search"] = search::search(shape);
        body["properties"]["snippet"] = search::snippet(shape);
    }
    if !names.related().is_empty() {
        body["properties"]["with"] = relations::of_body(names);
    }
    body
}

/// What may stand in a batch, one schema each.
pub(crate) fn steps(shape: &Shape, names: &ModelSchemas) -> Vec<Json> {
    let step = |op: &str, members: &[(&str, Json)], required: &[&str]| {
        let mut properties = Map::from_iter([("op".to_owned(), json!({ "const": op }))]);
        properties.extend(members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
        json!({
            "type": "object",
            "title": op,
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    };
    let derived = arguments::pin_schema(shape).is_none_or(|(_, required)| !required);
    let some = || ("query", names.which());
    let document = || ("data", names.insert());
    let version = || {
        (
            "version",
            json!({
                "type": "integer",
                "description": "The version that the document must have.",
                "minimum": i64::MIN,
                "maximum": i64::MAX,
            }),
        )
    };
    let mut steps = vec![
        step("insert", &[document()], &["op", "data"]),
        step("update", &[some(), ("data", names.update()), version()], &["op", "query", "data"]),
        step(
            "upsert",
            &upsert(shape, document()),
            if derived { &["op", "data"] } else { &["op", "query", "data"] },
        ),
        step("delete", &[some(), version()], &["op", "query"]),
    ];
    if Operation::Restore.is_offered(shape) {
        steps.push(step("restore", &[some()], &["op", "query"]));
    }
    let any = json!({ "anyOf": [names.filter(), { "type": "null" }] });
    steps.extend(["get", "find"].map(|op| step(op, &[("query", any.clone())], &["op"])));
    let values = ("field", aggregates::any_field(shape));
    steps.push(step(
        "count",
        &[("query", any.clone()), values, ("distinct", json!({ "type": "boolean" }))],
        &["op"],
    ));
    steps.extend(aggregates::steps(shape, names, any));
    steps
}

/// `{operations: [..]}` of these steps.
pub(crate) fn together(steps: Vec<Json>) -> Json {
    json!({
        "type": "object",
        "properties": { "operations": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_OPERATIONS,
            "items": { "oneOf": steps },
        } },
        "required": ["operations"],
        "additionalProperties": false,
    })
}

/// What an upsert of a batch takes: a query for one document, if the body does not always name one.
fn upsert<'a>(shape: &Shape, document: (&'a str, Json)) -> Vec<(&'a str, Json)> {
    let pin = arguments::pin_schema(shape).filter(|(_, required)| *required);
    pin.map(|(schema, _)| ("query", schema)).into_iter().chain([document]).collect()
}

/// Names that an operation has beside its own.
const ALIASES: &[(&str, &str)] = &[("get", "findOne"), ("find", "where")];

/// A step of a batch as one of a transaction: by a query, and by a key where it takes a query.
pub(crate) fn on_model(mut step: Json, shape: &Shape) -> Vec<Json> {
    let op = step["properties"]["op"]["const"].as_str().unwrap_or_default().to_owned();
    if let Some((_, alias)) = ALIASES.iter().find(|(name, _)| *name == op) {
        step["properties"]["op"] = json!({ "enum": [op, alias] });
    }
    step["properties"]["model"] = json!({ "const": shape.path });
    require(&mut step, None, "model");
    if step["properties"].get("query").is_none() {
        return vec![step];
    }
    let mut by_key = step.clone();
    by_key["title"] = format!("{op} by key").into();
    if let Some(properties) = by_key["properties"].as_object_mut() {
        properties.shift_remove("query");
        properties.insert("key".into(), json!({ "type": "string", "pattern": filter::NO_NUL }));
    }
    require(&mut by_key, Some("query"), "key");
    vec![step, by_key]
}

/// Makes one member required, in the place of another.
fn require(step: &mut Json, instead: Option<&str>, name: &str) {
    if let Some(required) = step["required"].as_array_mut() {
        required.retain(|other| other.as_str() != instead);
        required.push(name.into());
    }
}
