//! Stands in for the schemas of answers and patches until the model room has them.

use serde_json::{Value as Json, json};

use crate::model::Shape;

pub(super) fn doc_schema(shape: &Shape) -> Json {
    let mut schema = shape.schema.clone();
    let mut properties = serde_json::Map::new();
    for column in shape.columns.iter().filter(|column| !column.private) {
        let known = schema["properties"].get(&column.name).cloned();
        properties.insert(
            column.name.clone(),
            known.unwrap_or_else(|| match column.name.as_str() {
                "_id" => json!({"type": "string", "readOnly": true}),
                _ => json!({"type": ["integer", "null"], "readOnly": true}),
            }),
        );
    }
    schema["required"] = properties.keys().cloned().collect();
    schema["properties"] = properties.into();
    schema["additionalProperties"] = false.into();
    schema
}

pub(super) fn patch_schema(shape: &Shape) -> Json {
    let mut schema = shape.schema.clone();
    if let Some(root) = schema.as_object_mut() {
        root.remove("required");
    }
    schema["additionalProperties"] = false.into();
    schema
}
