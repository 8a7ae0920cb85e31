//! JSON Schema of updates: plain patches, and the operators that change what is stored.

use serde_json::{Map, Value as Json, json};

use super::{ColumnInfo, Kind, Shape, patch_schema};

/// How a decimal number may be written.
const DECIMAL: &str = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?$";

/// The schema of what an update takes: a [patch](patch_schema), or one of the operators.
///
/// An update may have several operators beside plain members, as long as each place is changed by one of them, and paths with dots
/// into fields that hold JSON. That is more than JSON Schema can say well; what it says here is right as far as it goes.
pub fn update_schema(shape: &Shape) -> Json {
    let mut patch = patch_schema(shape);
    let Some(root) = patch.as_object_mut() else { return patch };
    let mut out = Map::new();
    for keyword in ["$schema", "title"] {
        if let Some(value) = root.shift_remove(keyword) {
            out.insert(keyword.into(), value);
        }
    }
    let definitions = root.shift_remove("$defs");
    let forms = std::iter::once(patch).chain(operator_schemas(shape)).collect();
    out.insert("anyOf".into(), Json::Array(forms));
    if let Some(definitions) = definitions {
        out.insert("$defs".into(), definitions);
    }
    out.into()
}

/// The schemas of updates that consist of one operator. They may point at the `$defs` of the model's schema.
pub fn operator_schemas(shape: &Shape) -> Vec<Json> {
    let patch = patch_schema(shape);
    let required = shape.schema.get("required").and_then(Json::as_array);
    // A key can't change.
    let columns =
        || shape.fields().iter().enumerate().filter(|(at, _)| shape.key != Some(Shape::FIELDS + at));
    let property = |column: &ColumnInfo| patch["properties"][column.name.as_str()].clone();
    let members = |of: &dyn Fn(&ColumnInfo) -> Option<Json>| -> Map<String, Json> {
        columns().filter_map(|(_, column)| Some((column.name.clone(), of(column)?))).collect()
    };
    // Callers can set what is private, and nothing more.
    let open = |column: &ColumnInfo| !column.private;
    let amount = |column: &ColumnInfo| match column.kind {
        Kind::Integer if open(column) => {
            Some(json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }))
        }
        Kind::Number if open(column) => Some(json!({ "type": "number" })),
        Kind::Decimal if open(column) => Some(json!({ "type": "string", "pattern": DECIMAL })),
        _ => None,
    };
    let bound = |column: &ColumnInfo| match column.kind {
        Kind::Text | Kind::DateTime if open(column) => Some(without_null(property(column))),
        _ => amount(column),
    };
    let item = |column: &ColumnInfo| property(column).get("items").filter(|_| open(column)).cloned();
    let may_go = |column: &ColumnInfo| {
        let is_needed = required.is_some_and(|names| names.iter().any(|name| *name == column.name));
        (!is_needed).then(|| json!({ "enum": [true, 1, ""] }))
    };
    let unset = members(&may_go);
    let names: Vec<&String> = unset.keys().collect();
    let unset_list =
        json!({ "type": "array", "items": { "enum": names }, "minItems": 1, "uniqueItems": true });
    let forms = [
        ("$set", members(&|column| Some(property(column))), "New values; paths with dots lead into JSON."),
        ("$unset", unset, "No value: a list of names, or an object with `true` for each."),
        ("$inc", members(&amount), "Added to what is stored; what is absent counts as 0."),
        ("$mul", members(&amount), "Times what is stored; what is absent counts as 0."),
        ("$min", members(&bound), "The less of this and what is stored."),
        ("$max", members(&bound), "The greater of this and what is stored."),
        ("$push", members(&item), "One more element at the end of a list."),
        ("$pull", members(&item), "All elements like this are taken out of a list."),
        ("$addToSet", members(&item), "An element at the end of a list, if it is not there."),
    ];
    let form = |(name, members, description): (&str, Map<String, Json>, &str)| {
        let object = json!({
            "type": "object",
            "description": description,
            "properties": members,
            "additionalProperties": false,
            "minProperties": 1,
        });
        let operator = match name {
            "$unset" => json!({ "anyOf": [unset_list, object] }),
            _ => object,
        };
        json!({
            "type": "object",
            "title": name,
            "properties": { name: operator },
            "required": [name],
            "additionalProperties": false,
        })
    };
    forms.into_iter().filter(|(_, members, _)| !members.is_empty()).map(form).collect()
}

/// The schema of a value that is there.
fn without_null(mut property: Json) -> Json {
    if let Some(Json::Array(names)) = property.get_mut("type") {
        names.retain(|name| name != "null");
    }
    if let Some(Json::Array(forms)) = property.get_mut("anyOf") {
        forms.retain(|form| form.get("type").is_none_or(|name| name != "null"));
    }
    property
}
