//! The parameters of operations.

use serde_json::{Map, Value as Json, json};

use super::names::Shared;
use super::relations;
use super::schemas::ModelSchemas;
use super::search;
use super::walk;
use super::{aggregates, filter};
use crate::engine::{Argument, BodyKind, Operation, least_count};
use crate::model::{ColumnInfo, Kind, Shape};
use crate::query::limits;

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
    if super::errors::takes_version(operation) {
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
            Argument::With => match relations::parameter(names, operation) {
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

/// The schema of `start`.
pub(super) fn start() -> Json {
    json!({ "type": "integer", "minimum": 0, "maximum": limits::MAX_START, "default": 0 })
}

/// The schema of `count`.
pub(super) fn count(operation: Operation) -> Json {
    let least = least_count(operation);
    let most = if operation == Operation::Aggregate { limits::MAX_GROUPS as u64 } else { limits::MAX_COUNT };
    let mut schema = json!({ "type": "integer", "minimum": least, "maximum": most });
    match operation {
        Operation::List | Operation::Paginate => schema["default"] = limits::DEFAULT_COUNT.into(),
        Operation::First | Operation::Last => schema["default"] = 1.into(),
        _ => {}
    }
    schema
}

/// The schema of `sort`: no field comes twice.
pub(super) fn sort(shape: &Shape) -> Json {
    let names: Vec<&str> =
        public(shape).filter(|column| column.kind != Kind::Json).map(|column| column.name.as_str()).collect();
    let keys: Vec<String> = names.iter().flat_map(|name| [(*name).to_owned(), format!("-{name}")]).collect();
    let both = |name: &&str| {
        let there = |key: String| json!({ "contains": { "const": key } });
        json!({ "not": { "allOf": [there((*name).to_owned()), there(format!("-{name}"))] } })
    };
    json!({
        "type": "array",
        "description": "Names of fields, a `-` before one for largest first; none twice.",
        "items": { "type": "string", "enum": keys },
        "maxItems": limits::MAX_SORT,
        "uniqueItems": true,
        "allOf": names.iter().map(both).collect::<Vec<_>>(),
    })
}

/// The schema of `fields`.
pub(super) fn some_fields(shape: &Shape) -> Json {
    let names: Vec<&str> = public(shape).map(|column| column.name.as_str()).collect();
    json!({ "type": "array", "items": { "type": "string", "enum": names } })
}

/// The schema of `sort` in a body: one key as text, several as an array or as an object with directions, or nothing.
pub(super) fn sort_of_body(shape: &Shape, keys: Json) -> Json {
    let names = || public(shape).filter(|column| column.kind != Kind::Json).map(|column| &column.name);
    let one: Vec<String> = [String::new()]
        .into_iter()
        .chain(names().flat_map(|name| [name.clone(), format!("-{name}")]))
        .collect();
    let direction = json!({ "enum": [1, -1, "asc", "desc"] });
    let directions: Map<String, Json> = names().map(|name| (name.clone(), direction.clone())).collect();
    let object = json!({
        "type": "object",
        "properties": directions,
        "additionalProperties": false,
        "maxProperties": limits::MAX_SORT,
    });
    json!({ "anyOf": [keys, object, { "type": "string", "enum": one }, { "type": "null" }] })
}

/// The schema of `fields` in a body: one name as text, several as an array, or nothing.
pub(super) fn fields_of_body(shape: &Shape) -> Json {
    let one: Vec<&str> = [""].into_iter().chain(public(shape).map(|column| column.name.as_str())).collect();
    json!({ "anyOf": [some_fields(shape), { "type": "string", "enum": one }, { "type": "null" }] })
}

/// The columns that doors show.
pub(super) fn public(shape: &Shape) -> impl Iterator<Item = &ColumnInfo> {
    shape.columns.iter().filter(|column| !column.private)
}

/// The fields that can be asked for as `field=value`, and how the value looks.
fn fields(shape: &Shape) -> Vec<(&str, Json)> {
    public(shape)
        .filter(|column| !is_argument(shape, &column.name))
        .map(|column| (column.name.as_str(), pair(shape, column)))
        .collect()
}

/// Names that mean an argument do not mean a field.
fn is_argument(shape: &Shape, name: &str) -> bool {
    ["query", "sort", "start", "count", "after", "fields", "with"].contains(&name)
        || (!shape.searchable.is_empty() && ["search", "snippet"].contains(&name))
}

fn pair(shape: &Shape, column: &ColumnInfo) -> Json {
    let mut schema = match column.kind {
        // A value of JSON may be JSON, or text that is none.
        Kind::Text | Kind::Json => json!({ "type": "string" }),
        Kind::Integer | Kind::Number => json!({ "type": "number" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::DateTime => filter::date_time(),
        Kind::Decimal => filter::decimal(),
    };
    if let Some(first) = first_choice(shape, &column.name) {
        schema["examples"] = json!([first]);
    }
    schema
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

/// The first of a field's choices, where it has only some.
fn first_choice(shape: &Shape, name: &str) -> Option<Json> {
    let mut property = shape.schema.get("properties")?.get(name)?;
    if let Some(target) = property.get("$ref").and_then(Json::as_str).and_then(walk::definition_name) {
        property = shape.schema.get("$defs")?.get(&target)?;
    }
    property.get("enum")?.as_array()?.iter().find(|choice| choice.is_string()).cloned()
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

/// How to name one document by a field, and whether an upsert needs that: it does not if every body points at one.
pub(super) fn pin_schema(shape: &Shape) -> Option<(Json, bool)> {
    let unique: Vec<&str> =
        public(shape).filter(|column| column.unique).map(|column| column.name.as_str()).collect();
    let pins: Vec<_> = fields(shape).into_iter().filter(|(name, _)| unique.contains(name)).collect();
    let key = shape.key.map(|key| vec![key]);
    let mut sets = shape.unique.iter().chain(key.as_ref());
    let derived = sets.any(|set| set.iter().all(|&index| !shape.columns[index].nullable));
    (!pins.is_empty()).then(|| (object(pins), !derived))
}

fn object(fields: Vec<(&str, Json)>) -> Json {
    let properties: Map<String, Json> =
        fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1 })
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
