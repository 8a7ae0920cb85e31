//! An example of what an insert takes, where it is easy to make one.

use serde_json::{Map, Value as Json};

use crate::doors::schemas::walk;
use crate::model::Shape;

/// Keywords that need no thought, or that are thought of below. With any other an example might be wrong, so there is none.
const UNDERSTOOD: &[&str] = &[
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "deprecated",
    "description",
    "enum",
    "errorMessage",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "generated",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "model",
    "oneOf",
    "private",
    "properties",
    "readOnly",
    "required",
    "title",
    "type",
    "unique",
    "uniqueItems",
    "writeOnly",
];

/// How deep an example goes.
const DEEPEST: usize = 6;

/// A document that the model's schema accepts; `None` if that takes more than a look at it.
pub(super) fn document(shape: &Shape) -> Option<Json> {
    let properties = shape.schema.get("properties")?.as_object()?;
    let required = required(&shape.schema);
    let mut document = Map::new();
    for (name, property) in properties {
        let needed = required.contains(&name.as_str());
        let hidden = shape.index_of(name).is_some_and(|index| {
            let column = &shape.columns[index];
            column.private || column.generated.is_some() || column.references.is_some()
        });
        if hidden && !needed {
            continue;
        }
        match value(property, &shape.schema, name, 0) {
            Some(Json::Null) if !needed => {}
            Some(value) => {
                document.insert(name.clone(), value);
            }
            None if needed => return None,
            None => {}
        }
    }
    Some(document.into())
}

fn required(schema: &Json) -> Vec<&str> {
    schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect()
}

fn value(schema: &Json, root: &Json, name: &str, depth: usize) -> Option<Json> {
    let object = schema.as_object()?;
    if depth > DEEPEST || object.keys().any(|keyword| !UNDERSTOOD.contains(&keyword.as_str())) {
        return None;
    }
    let first = object.get("examples").and_then(Json::as_array).and_then(|examples| examples.first());
    if let Some(given) = first.or_else(|| object.get("const")).or_else(|| object.get("default"))
        && !given.is_null()
    {
        return Some(given.clone());
    }
    if let Some(name_of) = object.get("$ref").and_then(Json::as_str).and_then(walk::definition_name) {
        return value(root.get("$defs")?.get(&name_of)?, root, name, depth + 1);
    }
    if let Some(choice) = object.get("enum").and_then(Json::as_array).and_then(|choices| choices.first()) {
        return Some(choice.clone());
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(branches) = object.get(union).and_then(Json::as_array) {
            return branches
                .iter()
                .filter(|branch| branch.get("type").and_then(Json::as_str) != Some("null"))
                .find_map(|branch| value(branch, root, name, depth + 1));
        }
    }
    let kind = match object.get("type")? {
        Json::String(kind) => kind.as_str(),
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).find(|kind| *kind != "null")?,
        _ => return None,
    };
    match kind {
        "string" => text(object, name),
        "integer" => whole(object).map(Json::from),
        "number" => whole(object).map(|number| Json::from(number as f64)),
        "boolean" => Some(true.into()),
        "null" => Some(Json::Null),
        "array" => {
            let fewest = object.get("minItems").and_then(Json::as_u64).unwrap_or(0);
            match fewest {
                0 | 1 => {
                    let item = object.get("items").and_then(|items| value(items, root, name, depth + 1));
                    match item {
                        Some(item) => Some(Json::Array(vec![item])),
                        None => (fewest == 0).then(|| Json::Array(Vec::new())),
                    }
                }
                _ => None,
            }
        }
        "object" => {
            let required = required(schema);
            let mut members = Map::new();
            for (name, property) in object.get("properties").and_then(Json::as_object).into_iter().flatten() {
                match value(property, root, name, depth + 1) {
                    Some(value) => {
                        members.insert(name.clone(), value);
                    }
                    None if required.contains(&name.as_str()) => return None,
                    None => {}
                }
            }
            Some(members.into())
        }
        _ => None,
    }
}

fn text(schema: &Map<String, Json>, name: &str) -> Option<Json> {
    let shortest = schema.get("minLength").and_then(Json::as_u64).unwrap_or(0);
    let longest = schema.get("maxLength").and_then(Json::as_u64).unwrap_or(u64::MAX);
    let text = match schema.get("format").and_then(Json::as_str) {
        None => {
            let mut text = name.trim_start_matches('_').to_lowercase();
            while (text.len() as u64) < shortest && text.len() < 64 {
                text.push('x');
            }
            text.truncate(usize::try_from(longest).unwrap_or(usize::MAX).min(text.len()));
            text
        }
        Some("email") => "ada@example.com".into(),
        Some("uri" | "url") => "https://example.com/".into(),
        Some("uuid") => "018f3c5e-7b1a-7c3d-9e2f-1a2b3c4d5e6f".into(),
        Some("date-time") => "2026-01-31T12:00:00Z".into(),
        Some("date") => "2026-01-31".into(),
        Some(_) => return None,
    };
    let length = text.chars().count() as u64;
    (shortest..=longest).contains(&length).then(|| text.into())
}

/// A whole number within the bounds, as near to 1 as they allow.
fn whole(schema: &Map<String, Json>) -> Option<i64> {
    let bound = |keyword: &str| schema.get(keyword).and_then(Json::as_f64);
    let mut least = bound("minimum").unwrap_or(f64::MIN);
    let mut most = bound("maximum").unwrap_or(f64::MAX);
    if let Some(above) = bound("exclusiveMinimum") {
        least = least.max(above + 1.0);
    }
    if let Some(below) = bound("exclusiveMaximum") {
        most = most.min(below - 1.0);
    }
    let number = 1_f64.max(least.ceil()).min(most.floor());
    // Beyond this, floats have gaps.
    (number >= least && number <= most && number.abs() < 9e15).then_some(number as i64)
}
