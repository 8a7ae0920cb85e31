//! Walks over JSON Schemas, knowing what in them is a schema and what only looks like one.

use serde_json::{Map, Value as Json};

/// Keywords whose value is one schema.
const ONE: &[&str] = &[
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is an array of schemas.
const MANY: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value has schemas as members.
const NAMED: &[&str] = &["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// Calls `visit` with every schema inside this one, the innermost first, and at last with itself.
pub(crate) fn each(schema: &mut Json, visit: &mut dyn FnMut(&mut Map<String, Json>)) {
    let Some(object) = schema.as_object_mut() else { return };
    for (keyword, value) in object.iter_mut() {
        let keyword = keyword.as_str();
        if ONE.contains(&keyword) {
            each(value, visit);
        } else if MANY.contains(&keyword) {
            value.as_array_mut().into_iter().flatten().for_each(|schema| each(schema, visit));
        } else if NAMED.contains(&keyword) {
            let members = value.as_object_mut().into_iter().flat_map(|members| members.iter_mut());
            members.for_each(|(_, schema)| each(schema, visit));
        }
    }
    visit(object);
}

/// The names behind `#/$defs/` that this schema refers to.
pub(crate) fn definitions_used(schema: &Json) -> Vec<String> {
    let mut used = Vec::new();
    each(&mut schema.clone(), &mut |object| {
        if let Some(name) = object.get("$ref").and_then(Json::as_str).and_then(definition_name)
            && !used.contains(&name)
        {
            used.push(name);
        }
    });
    used
}

/// `#/$defs/Role` refers to `Role`.
pub(crate) fn definition_name(reference: &str) -> Option<String> {
    let name = reference.strip_prefix("#/$defs/")?;
    Some(name.replace("~1", "/").replace("~0", "~"))
}

/// Adds every `$ref` in a value, wherever it stands.
pub(crate) fn references(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::Object(object) => {
            if let Some(Json::String(target)) = object.get("$ref") {
                found.push(target.clone());
            }
            object.values().for_each(|value| references(value, found));
        }
        Json::Array(all) => all.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_property_called_like_a_keyword_is_no_keyword() {
        let mut schema = json!({
            "properties": { "items": { "type": "string" }, "unique": { "unique": true } },
            "enum": [{ "unique": true }]
        });
        let mut seen = 0;
        each(&mut schema, &mut |object| {
            seen += 1;
            object.remove("unique");
        });
        assert_eq!(seen, 3);
        assert_eq!(schema["properties"]["unique"], json!({}));
        assert_eq!(schema["enum"][0]["unique"], true);
    }
}
