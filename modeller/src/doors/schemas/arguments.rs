//! What arguments of operations look like: sort keys, fields, pages, and values that fields are compared with.

use serde_json::{Map, Value as Json, json};

#[cfg(feature = "live")]
use super::{ModelSchemas, aggregates, relations, search};
use super::{filter, walk};
#[cfg(feature = "live")]
use crate::engine::Argument;
use crate::engine::{Operation, least_count};
use crate::model::{ColumnInfo, Kind, Shape};
use crate::query::limits;

/// The schema of `start`.
pub(crate) fn start() -> Json {
    json!({ "type": "integer", "minimum": 0, "maximum": limits::MAX_START, "default": 0 })
}

/// The schema of `count`.
pub(crate) fn count(operation: Operation) -> Json {
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
pub(crate) fn sort(shape: &Shape) -> Json {
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
pub(crate) fn some_fields(shape: &Shape) -> Json {
    let names: Vec<&str> = public(shape).map(|column| column.name.as_str()).collect();
    json!({ "type": "array", "items": { "type": "string", "enum": names } })
}

/// The schema of `sort` in a body: one key as text, several as an array or as an object with directions, or nothing.
pub(crate) fn sort_of_body(shape: &Shape, keys: Json) -> Json {
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
pub(crate) fn fields_of_body(shape: &Shape) -> Json {
    let one: Vec<&str> = [""].into_iter().chain(public(shape).map(|column| column.name.as_str())).collect();
    json!({ "anyOf": [some_fields(shape), { "type": "string", "enum": one }, { "type": "null" }] })
}

/// The columns that doors show.
pub(crate) fn public(shape: &Shape) -> impl Iterator<Item = &ColumnInfo> {
    shape.columns.iter().filter(|column| !column.private)
}

/// The fields that can be asked for as `field=value`, and how the value looks.
pub(crate) fn fields(shape: &Shape) -> Vec<(&str, Json)> {
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

/// The first of a field's choices, where it has only some.
fn first_choice(shape: &Shape, name: &str) -> Option<Json> {
    let mut property = shape.schema.get("properties")?.get(name)?;
    if let Some(target) = property.get("$ref").and_then(Json::as_str).and_then(walk::definition_name) {
        property = shape.schema.get("$defs")?.get(&target)?;
    }
    property.get("enum")?.as_array()?.iter().find(|choice| choice.is_string()).cloned()
}

/// How to name one document by a field, and whether an upsert needs that: it does not if every body points at one.
pub(crate) fn pin_schema(shape: &Shape) -> Option<(Json, bool)> {
    let unique: Vec<&str> =
        public(shape).filter(|column| column.unique).map(|column| column.name.as_str()).collect();
    let pins: Vec<_> = fields(shape).into_iter().filter(|(name, _)| unique.contains(name)).collect();
    let key = shape.key.map(|key| vec![key]);
    let mut sets = shape.unique.iter().chain(key.as_ref());
    let derived = sets.any(|set| set.iter().all(|&index| !shape.columns[index].nullable));
    (!pins.is_empty()).then(|| (object(pins), !derived))
}

pub(crate) fn object(fields: Vec<(&str, Json)>) -> Json {
    let properties: Map<String, Json> =
        fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1 })
}

/// What an argument takes in a body; `None` if it means nothing for the model, or has no schema by itself (what belongs together in
/// figures is in [`aggregates`]).
#[cfg(feature = "live")]
pub(crate) fn argument(
    argument: Argument,
    operation: Operation,
    shape: &Shape,
    names: &ModelSchemas,
) -> Option<Json> {
    if !argument.is_of(shape) {
        return None;
    }
    Some(match argument {
        Argument::Query => match operation {
            Operation::Update | Operation::Delete | Operation::Restore => names.which(),
            Operation::Upsert => pin_schema(shape)?.0,
            _ => names.filter(),
        },
        Argument::Sort => sort_of_body(shape, names.sort()),
        Argument::Start => start(),
        Argument::Count => count(operation),
        Argument::After => {
            json!({ "type": "string", "description": "The cursor that the page before came with." })
        }
        Argument::Fields => fields_of_body(shape),
        Argument::Search if operation == Operation::Count => search::words(),
        Argument::Search => search::search(shape),
        Argument::Snippet => search::snippet(shape),
        Argument::Field => aggregates::any_field(shape),
        Argument::Distinct => json!({ "type": "boolean" }),
        Argument::With if matches!(operation, Operation::Count | Operation::Aggregate) => {
            relations::constraint(names)?
        }
        Argument::With if names.related().is_empty() => return None,
        Argument::With => relations::of_body(names),
        Argument::GroupBy | Argument::Aggregates => return None,
    })
}

/// The id that makes a write happen once.
#[cfg(feature = "live")]
pub(crate) fn mutation_id() -> Json {
    json!({
        "type": "string",
        "pattern": "^[ -~]{1,255}$",
        "description": "Repeated with the same one, a write has its effect once.",
    })
}

/// The version that a document must have.
#[cfg(feature = "live")]
pub(crate) fn version() -> Json {
    json!({
        "type": "integer",
        "minimum": i64::MIN,
        "maximum": i64::MAX,
        "description": "The `_version` that the document must have, else `CONFLICT`.",
    })
}

/// The `_id` of a document.
#[cfg(feature = "live")]
pub(crate) fn key() -> Json {
    json!({ "type": "string", "pattern": filter::NO_NUL, "description": "The `_id` of the document." })
}

/// Says of the arguments among an object's members which of them mean something only beside another one.
#[cfg(feature = "live")]
pub(crate) fn say_what_goes_together(operation: Operation, schema: &mut Json) {
    const BESIDE: &[(Argument, Argument)] =
        &[(Argument::Snippet, Argument::Search), (Argument::Distinct, Argument::Field)];
    // What is found by rank has no order that a cursor could go on in.
    let by_cursor = (operation == Operation::Paginate).then_some(&(Argument::Search, Argument::Sort));
    let has = |argument: Argument| schema["properties"].get(argument.name()).is_some();
    let needed = BESIDE.iter().chain(by_cursor).filter(|(one, other)| has(*one) && has(*other));
    let needed: Map<String, Json> =
        needed.map(|(one, other)| (one.name().to_owned(), json!([other.name()]))).collect();
    if !needed.is_empty() {
        schema["dependentRequired"] = needed.into();
    }
}
