//! The parameters of operations.

use serde_json::{Value as Json, json};

use crate::doors::schemas::arguments::{count, fields, object, pin_schema, some_fields, start};
use crate::doors::schemas::names::Shared;
use crate::doors::schemas::{ModelSchemas, aggregates, errors, reference, relations, search};
use crate::engine::{Argument, BodyKind, Operation};
use crate::model::Shape;

/// All parameters of an operation, those of the URL's query first.
pub(super) fn of(
    operation: Operation,
    shape: &Shape,
    names: &ModelSchemas,
    shared: &mut Shared,
) -> Vec<Json> {
    let share = |parameter: Json| {
        let name = parameter.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        // Headers are the same for all models.
        let wanted = match parameter.get("in").and_then(Json::as_str) {
            Some("header") => name,
            _ => format!("{}.{name}", names.base()),
        };
        shared.share(&wanted, parameter)
    };
    all(operation, shape, names).into_iter().map(share).collect()
}

fn all(operation: Operation, shape: &Shape, names: &ModelSchemas) -> Vec<Json> {
    let mut parameters = Vec::new();
    if operation.method() == "GET" {
        reads(operation, shape, names, &mut parameters);
    } else if operation == Operation::Upsert {
        parameters.extend(pin(shape));
    } else if operation.arguments().contains(&Argument::Query) && operation.body() != BodyKind::Query {
        parameters.push(which(shape));
    }
    if errors::takes_version(operation) {
        parameters.push(header(
            "If-Match",
            "The version that the document must have: the `ETag` of the answer it came with.",
            json!({ "type": "string", "pattern": r#"^(\*|(W/)?"[0-9]{1,18}"|[0-9]{1,18})$"#, "examples": ["\"1\""] }),
        ));
    }
    if operation == Operation::Get {
        parameters.push(header(
            "If-None-Match",
            "The `ETag` of what the caller has already: the answer is 304 if that is still the newest.",
            json!({ "type": "string", "examples": ["\"1\""] }),
        ));
    }
    if operation.is_write() {
        parameters.push(idempotent());
    }
    parameters
}

fn idempotent() -> Json {
    header(
        "Idempotency-Key",
        "Makes a retry have its effect only once: the same key gets the first answer again.",
        json!({ "type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$" }),
    )
}

/// The parameter that all writes have.
pub(super) fn idempotency_key(shared: &mut Shared) -> Json {
    shared.share("Idempotency-Key", idempotent())
}

fn header(name: &str, description: &str, schema: Json) -> Json {
    json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema })
}

fn query(name: &str, description: &str, schema: Json) -> Json {
    json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
}

fn reads(operation: Operation, shape: &Shape, names: &ModelSchemas, parameters: &mut Vec<Json>) {
    for argument in operation.arguments_of(shape) {
        parameters.push(match argument {
            Argument::Query => json!({
                "name": "query",
                "in": "query",
                "required": false,
                "description": "A filter as JSON text; together with `field=value` pairs both must hold.",
                "content": { "application/json": { "schema": names.filter() } },
            }),
            Argument::Sort => list(
                "sort",
                "In this order: names of fields, separated by commas, a `-` before one for largest first.",
                names.sort(),
            ),
            Argument::Fields => list(
                "fields",
                "Only these fields, separated by commas; `_id` is always there.",
                some_fields(shape),
            ),
            Argument::Start => query("start", "How many documents to leave out first.", start()),
            Argument::Count => query("count", "How many documents at most.", count(operation)),
            Argument::After => cursor(),
            Argument::Search => {
                let words = search::words();
                let description = words["description"].as_str().unwrap_or_default().to_owned();
                query("search", &description, words)
            }
            Argument::Snippet => query(
                "snippet",
                "Whether `_score` and `_snippet` go with each document that the search finds.",
                json!({ "type": "boolean" }),
            ),
            Argument::Field => query(
                "field",
                "Count the values of this field instead of documents.",
                aggregates::any_field(shape),
            ),
            Argument::Distinct => {
                query("distinct", "With `field`: equal values count once.", json!({ "type": "boolean" }))
            }
            // They have no place in a URL.
            Argument::GroupBy | Argument::Aggregates => continue,
            Argument::With => match with_parameter(names, operation) {
                Some(parameter) => parameter,
                None => continue,
            },
        });
    }
    let own = |name: &str| operation.arguments().iter().any(|argument| argument.name() == name);
    for (name, schema) in fields(shape).into_iter().filter(|(name, _)| !own(name)) {
        let schema = or_null(schema);
        let mut parameter = query(name, &format!("Only documents with this `{name}`."), schema);
        parameter["x-filter"] = true.into();
        parameters.push(parameter);
    }
}

fn list(name: &str, description: &str, schema: Json) -> Json {
    let mut parameter = query(name, description, schema);
    parameter["style"] = "form".into();
    parameter["explode"] = false.into();
    parameter
}

/// The cursor. It is not the caller's to make, which OpenAPI can say of the member of an object only (`readOnly`); so
/// it is the one member of an exploded object, which looks the same in a URL.
fn cursor() -> Json {
    json!({
        "name": "cursor",
        "in": "query",
        "required": false,
        "description": "Where to go on.",
        "style": "form",
        "explode": true,
        "schema": {
            "type": "object",
            "properties": { "after": {
                "type": "string",
                "readOnly": true,
                "description": "The cursor as it came with the page before, for the same question. Empty to begin with.",
            } },
            "additionalProperties": false,
        },
    })
}

/// Where a value is no text, `null` asks for an absent one.
fn or_null(mut schema: Json) -> Json {
    match schema.get_mut("anyOf").and_then(Json::as_array_mut) {
        Some(forms) => forms.push(json!({ "type": "null" })),
        None => {
            let kind = schema["type"].as_str().unwrap_or_default().to_owned();
            if kind == "string" && schema.get("pattern").is_none() {
                return schema;
            }
            schema["type"] = json!([kind, "null"]);
        }
    }
    schema
}

/// Which documents a write is for: at least one pair. OpenAPI can only say so of an exploded object, which looks the
/// same in a URL as parameters of their own.
fn which(shape: &Shape) -> Json {
    let schema = object(fields(shape));
    exploded(
        schema,
        true,
        "Which documents, as `field=value` pairs in the URL; at least one. With `_id` or a unique field it is one document, \
         and there must be one. A filter as JSON text (`query=..`) may stand in their place.",
    )
}

/// The one document that an upsert is for.
fn pin(shape: &Shape) -> Option<Json> {
    let (schema, required) = pin_schema(shape)?;
    let description = "The document to update, by its `_id` or a unique field; without it, the one that the body's unique \
                       fields point at.";
    Some(exploded(schema, required, description))
}

fn exploded(schema: Json, required: bool, description: &str) -> Json {
    json!({
        "name": "where",
        "in": "query",
        "required": required,
        "description": description,
        "style": "form",
        "explode": true,
        "schema": schema,
    })
}

/// `with` in a URL, for models that have relations.
fn with_parameter(names: &ModelSchemas, operation: Operation) -> Option<Json> {
    if operation == Operation::Count {
        return Some(json!({
            "name": "with",
            "in": "query",
            "required": false,
            "description": "Which related documents there must be, as JSON text.",
            "content": { "application/json": { "schema": relations::constraint(names)? } },
        }));
    }
    (!names.related().is_empty()).then(|| {
        json!({
            "name": "with",
            "in": "query",
            "required": false,
            "description": "Which related documents to answer with each document, as JSON text; the names of relations with \
                            commas between will do, too (`author,comments.author`).",
            "content": { "application/json": { "schema": reference(&format!("{}With", names.base())) } },
        })
    })
}
