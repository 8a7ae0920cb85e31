//! Filters as JSON Schemas: which fields a model can be asked about, and with which operators.

use serde_json::{Map, Value as Json, json};

use super::schemas::reference;
use crate::model::{ColumnInfo, Kind, Shape};

/// The tests that fields of a kind share.
pub(super) fn shared_schemas() -> Vec<(&'static str, Json)> {
    let text = json!({ "type": "string" });
    let pattern = json!({ "type": "string", "maxLength": limits::MAX_PATTERN });
    let like = json!({ "type": "string", "maxLength": limits::MAX_PATTERN, "pattern": LIKE });
    let boolean = json!({ "type": "boolean" });
    let any = json!({});
    let textual = [
        ("$contains", pattern.clone(), "The text has this inside."),
        ("$startsWith", pattern.clone(), "The text begins with this."),
        ("$endsWith", pattern, "The text ends with this."),
        (
            "$like",
            like,
            "The text is like this: `%` stands for any characters, `_` for one, `\\` takes the next literally.",
        ),
    ];
    vec![
        ("TextTest", test(&text, true, &textual)),
        ("IntegerTest", test(&integer(), true, &[])),
        ("NumberTest", test(&json!({ "type": "number" }), true, &[])),
        ("BooleanTest", test(&boolean, false, &[])),
        ("DateTimeTest", test(&date_time(), true, &[])),
        ("DecimalTest", test(&decimal(), true, &[])),
        ("AnyTest", test(&any, true, &textual)),
    ]
}

/// How `$like` patterns may look: a backslash takes a character with it, and there are not too many `%`.
const LIKE: &str = r"^([^%]*%){0,16}[^%]*$";

/// A whole number that a column can hold.
pub(super) fn integer() -> Json {
    json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX })
}

/// An instant.
pub(super) fn date_time() -> Json {
    json!({ "type": "string", "format": "date-time" })
}

/// An exact decimal number.
pub(super) fn decimal() -> Json {
    json!({ "type": "string", "pattern": r"^-?[0-9]{1,20}(\.[0-9]{1,8})?$" })
}

/// A value, which stands for equality, or an object of operators.
fn test(value: &Json, ordered: bool, more: &[(&str, Json, &str)]) -> Json {
    let nullable = match value.as_object() {
        Some(object) if object.is_empty() => json!({}),
        _ => json!({ "anyOf": [value, { "type": "null" }] }),
    };
    let list = json!({ "type": "array", "items": value, "maxItems": limits::MAX_IN });
    let mut operators = Map::new();
    let mut add = |name: &str, mut schema: Json, description: &str| {
        schema["description"] = description.into();
        operators.insert(name.to_owned(), schema);
    };
    add("$eq", nullable.clone(), "Equal; with `null`: absent.");
    add("$ne", nullable.clone(), "Not equal; with `null`: present.");
    if ordered {
        add("$gt", value.clone(), "Greater.");
        add("$gte", value.clone(), "Greater or equal.");
        add("$lt", value.clone(), "Less.");
        add("$lte", value.clone(), "Less or equal.");
    }
    add("$in", list.clone(), "Equal to one of these.");
    add("$nin", list, "Equal to none of these.");
    add("$exists", json!({ "type": "boolean" }), "Present, or absent.");
    for (name, schema, description) in more {
        add(name, schema.clone(), description);
    }
    let operators = json!({
        "type": "object",
        "properties": operators,
        "additionalProperties": false,
        "minProperties": 1,
    });
    let plain = if value.as_object().is_some_and(Map::is_empty) {
        json!({ "type": ["string", "number", "boolean", "null"] })
    } else {
        nullable
    };
    json!({ "anyOf": [plain, operators] })
}

/// `Filter` and `Condition` of a model. A condition is a filter that says something; what `$and`, `$or` and `$not` join are conditions.
pub(super) fn model_schemas(shape: &Shape, condition: &Json) -> [(&'static str, Json); 2] {
    let mut properties = Map::new();
    for column in shape.columns.iter().filter(|column| !column.private) {
        properties.insert(column.name.clone(), reference(test_of(column)));
    }
    let list = |description: &str| json!({ "type": "array", "items": condition, "minItems": 1, "maxItems": 100, "description": description });
    properties.insert("$and".into(), list("All of these hold."));
    properties.insert("$or".into(), list("At least one of these holds."));
    properties.insert("$not".into(), {
        let mut not = condition.clone();
        not["description"] = "This does not hold.".into();
        not
    });
    let open: Vec<&ColumnInfo> =
        shape.columns.iter().filter(|column| !column.private && column.kind == Kind::Json).collect();
    let mut filter = json!({
        "type": "object",
        "description": "Which documents. All members must hold; a value alone stands for `$eq`.",
        "properties": properties,
        "additionalProperties": false,
    });
    if !open.is_empty() {
        let names: Vec<String> = open.iter().map(|column| escape(&column.name)).collect();
        let pattern = format!("^({})(\\.[A-Za-z_][A-Za-z0-9_]*|\\.[0-9]{{1,6}}){{1,8}}$", names.join("|"));
        filter["patternProperties"] = Json::Object(Map::from_iter([(pattern, reference("AnyTest"))]));
    }
    let mut some = filter.clone();
    some["minProperties"] = 1.into();
    some["description"] = "A filter that says something.".into();
    [("Filter", filter), ("Condition", some)]
}

/// A name, to be taken literally in a pattern.
fn escape(name: &str) -> String {
    name.chars()
        .flat_map(|character| {
            let plain = character.is_alphanumeric() || character == '_';
            (!plain).then_some('\\').into_iter().chain([character])
        })
        .collect()
}

fn test_of(column: &ColumnInfo) -> &'static str {
    match column.kind {
        Kind::Text => "TextTest",
        Kind::Integer => "IntegerTest",
        Kind::Number => "NumberTest",
        Kind::Boolean => "BooleanTest",
        Kind::DateTime => "DateTimeTest",
        Kind::Decimal => "DecimalTest",
        Kind::Json => "AnyTest",
    }
}

/// What a filter may ask for at most.
mod limits {
    pub(super) const MAX_PATTERN: usize = 1_000;
    pub(super) const MAX_IN: usize = 1_000;
}
