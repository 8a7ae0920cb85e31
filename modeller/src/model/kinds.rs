//! What a property's JSON Schema says about its column.

use serde_json::Value as Json;

use super::value::Kind;

/// What a property's schema says about its column.
pub(super) struct Types {
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) array: bool,
    /// What an array's elements are, if they are all of one kind.
    pub(super) item: Option<Kind>,
    pub(super) model: Option<String>,
}

/// Reads kind, nullability, and a referenced model off a property.
pub(super) fn kind_of(property: &Json, root: &Json) -> Types {
    types_at(property, root, 0)
}

fn types_at(schema: &Json, root: &Json, depth: usize) -> Types {
    let mut types = Types { kind: Kind::Json, nullable: false, array: false, item: None, model: None };
    let mut kinds = Vec::new();
    look(schema, root, &mut types, &mut kinds, depth);
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
        return match target(reference, root) {
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
    if is_decimal(schema) {
        types.nullable |= names(object).contains(&"null");
        return kinds.push(Kind::Decimal);
    }
    let format = object.get("format").and_then(Json::as_str);
    for name in names(object) {
        kinds.push(match name {
            "null" => {
                types.nullable = true;
                continue;
            }
            "any" => {
                types.nullable = true;
                Kind::Json
            }
            "string" if format == Some("date-time") => Kind::DateTime,
            "string" => Kind::Text,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            "array" => {
                types.array = true;
                if let Some(items) = object.get("items") {
                    // A list of references: what its elements point at, it points at.
                    let inner = types_at(items, root, depth + 1);
                    types.item = match inner.kind {
                        Kind::Json => None,
                        kind => Some(kind),
                    };
                    types.model = types.model.take().or(inner.model.filter(|_| !inner.array));
                }
                Kind::Json
            }
            _ => Kind::Json,
        });
    }
}

/// The definition that a local reference names.
pub(super) fn target<'a>(reference: &str, root: &'a Json) -> Option<&'a Json> {
    root.pointer(reference.strip_prefix('#')?)
}

/// Whether it is what schemars makes of a decimal number: text of digits, or (when decoded) a number.
pub(super) fn is_decimal(schema: &Json) -> bool {
    let pattern = schema.get("pattern").and_then(Json::as_str);
    pattern.is_some_and(|pattern| pattern.starts_with(r"^-?\d+(\.\d+)?")) || pattern == Some(DECIMAL)
}

/// The pattern that we publish for decimal numbers.
pub(super) const DECIMAL: &str = r"^-?[0-9]+(\.[0-9]+)?$";

/// The names of the types of a schema without references and unions.
fn names(object: &serde_json::Map<String, Json>) -> Vec<&str> {
    match object.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => match (object.get("const"), object.get("enum")) {
            (Some(only), _) => vec![name_of(only)],
            (None, Some(Json::Array(values))) if !values.is_empty() => {
                let mut names: Vec<&str> = values.iter().map(name_of).collect();
                names.sort_unstable();
                names.dedup();
                names
            }
            _ => vec!["any"],
        },
    }
}

fn name_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_of_all_sorts_have_their_kind() {
        let decimal = r"^-?\d+(\.\d+)?([eE]\d+)?$";
        for (schema, kind, nullable) in [
            (json!({"type": ["string", "number"], "pattern": decimal}), Kind::Decimal, false),
            (json!({"type": ["string", "number", "null"], "pattern": decimal}), Kind::Decimal, true),
            (json!({"type": "string", "pattern": DECIMAL}), Kind::Decimal, false),
            (json!({"enum": ["a", "b", null]}), Kind::Text, true),
            (json!({"oneOf": [{"const": "a"}, {"type": "string", "const": "b"}]}), Kind::Text, false),
            (json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}), Kind::Json, false),
            (json!({"const": 1}), Kind::Integer, false),
            (json!(true), Kind::Json, true),
            (json!({}), Kind::Json, true),
            (json!({"anyOf": [{"$ref": "#/$defs/R"}, {"type": "null"}]}), Kind::DateTime, true),
            (json!({"$ref": "#/$defs/Loop"}), Kind::Json, false),
        ] {
            let root = json!({"$defs": {"R": {"type": "string", "format": "date-time"}, "Loop": {"$ref": "#/$defs/Loop"}}});
            let types = kind_of(&schema, &root);
            assert_eq!((types.kind, types.nullable), (kind, nullable), "{schema}");
        }
    }
}
