//! Filters as JSON Schemas: which fields a model can be asked about, and with which operators.

use serde_json::{Map, Value as Json, json};

use super::relations;
use super::search;
use super::{Related, reference};
use crate::model::{ColumnInfo, Kind, Shape};

/// Text without NUL characters, which no store keeps.
pub(crate) const NO_NUL: &str = "^[^\\u0000]*$";

/// How `$like` patterns may look: there are not too many `%`.
const LIKE: &str = r"^([^%\u0000]*%){0,16}[^%\u0000]*$";

/// How a decimal number may be written.
const DECIMAL: &str = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?$";

/// The names of tests, by what they are asked of.
const KINDS: &[(&str, Form)] = &[
    ("Text", Form::Text),
    ("Number", Form::Number),
    ("Boolean", Form::Boolean),
    ("DateTime", Form::DateTime),
    ("Decimal", Form::Decimal),
    ("Any", Form::Any),
];

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Text,
    Number,
    Boolean,
    DateTime,
    Decimal,
    Any,
}

impl Form {
    /// One value to compare with.
    fn value(self) -> Json {
        match self {
            Form::Text => json!({ "type": "string", "pattern": NO_NUL }),
            Form::Number => json!({ "type": "number" }),
            Form::Boolean => json!({ "type": "boolean" }),
            Form::DateTime => date_time(),
            Form::Decimal => json!({ "anyOf": [decimal(), { "type": "number" }] }),
            Form::Any => reference("AnyJson"),
        }
    }

    /// One value to compare with, or `null` for an absent one.
    fn nullable(self) -> Json {
        match self {
            Form::Any => self.value(),
            _ => json!({ "anyOf": [self.value(), { "type": "null" }] }),
        }
    }

    /// A value that comes before or after others.
    fn ordered(self) -> Option<Json> {
        match self {
            Form::Boolean => None,
            Form::Any => Some(json!({ "type": ["number", "string"], "pattern": NO_NUL })),
            _ => Some(self.value()),
        }
    }

    fn is_textual(self) -> bool {
        matches!(self, Form::Text | Form::Any)
    }
}

/// What a date-time can be compared with.
pub(crate) fn date_time() -> Json {
    json!({ "anyOf": [
        { "type": "string", "format": "date-time" },
        {
            "type": "integer",
            "minimum": -62_167_219_200_000_i64,
            "maximum": 253_402_300_799_999_i64,
            "description": "Unix milliseconds.",
        },
    ] })
}

/// What a decimal number can be compared with.
pub(crate) fn decimal() -> Json {
    json!({ "type": "string", "pattern": DECIMAL })
}

/// The schemas that the filters of all models share.
pub(crate) fn shared_schemas() -> Vec<(String, Json)> {
    let any = reference("AnyJson");
    let mut schemas = vec![(
        "AnyJson".to_owned(),
        json!({
            "description": "Any JSON, without NUL characters.",
            "anyOf": [
                { "type": ["number", "boolean", "null"] },
                { "type": "string", "pattern": NO_NUL },
                { "type": "array", "items": any },
                { "type": "object", "propertyNames": { "pattern": NO_NUL }, "additionalProperties": any },
            ],
        }),
    )];
    for (name, form) in KINDS {
        let operators = format!("{name}Operators");
        schemas.push((format!("{name}Test"), test(*form, reference(&operators))));
        schemas.push((operators.clone(), all_operators(*form, &operators)));
        schemas.push((format!("{name}Point"), test(*form, operators_object(point_operators(*form)))));
    }
    schemas
}

/// A value, which stands for equality, or an object of operators.
fn test(form: Form, operators: Json) -> Json {
    let plain = match form {
        // Of an object, the operators decide what it is.
        Form::Any => json!({ "anyOf": [
            { "type": ["number", "boolean", "null"] },
            { "type": "string", "pattern": NO_NUL },
            { "type": "array", "items": reference("AnyJson") },
            {
                "type": "object",
                "propertyNames": { "pattern": "^(?!\\$)[^\\u0000]*$" },
                "additionalProperties": reference("AnyJson"),
            },
        ] }),
        form => form.nullable(),
    };
    let mut forms = plain["anyOf"].as_array().cloned().unwrap_or_default();
    forms.push(operators);
    json!({ "anyOf": forms })
}

fn operators_object(operators: Map<String, Json>) -> Json {
    json!({ "type": "object", "properties": operators, "additionalProperties": false, "minProperties": 1 })
}

/// The operators that never hold for all documents, or for none, whatever their value is.
fn point_operators(form: Form) -> Map<String, Json> {
    let mut operators = Map::new();
    let mut add = |name: &str, mut schema: Json, description: &str| {
        schema["description"] = description.into();
        operators.insert(name.to_owned(), schema);
    };
    add("$eq", form.nullable(), "Equal; with `null`: absent.");
    add("$ne", form.nullable(), "Not equal; with `null`: present.");
    if let Some(value) = form.ordered() {
        add("$gt", value.clone(), "Greater.");
        add("$gte", value.clone(), "Greater or equal.");
        add("$lt", value.clone(), "Less.");
        add("$lte", value, "Less or equal.");
    }
    add("$exists", json!({ "type": "boolean" }), "Present, or absent.");
    if form.is_textual() {
        let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
        add("$contains", text(NO_NUL), "The text has this inside.");
        add("$startsWith", text(NO_NUL), "The text begins with this.");
        add("$endsWith", text(NO_NUL), "The text ends with this.");
        let like = "The text is like this: `%` stands for any characters, `_` for one, `\\` takes the next literally.";
        add("$like", text(LIKE), like);
    }
    operators
}

fn all_operators(form: Form, name: &str) -> Json {
    let mut operators = point_operators(form);
    let list =
        |description: &str| json!({ "type": "array", "items": form.nullable(), "description": description });
    operators.insert("$in".into(), list("Equal to one of these."));
    operators.insert("$nin".into(), list("Equal to none of these."));
    let mut not = reference(name);
    not["description"] = "This does not hold.".into();
    operators.insert("$not".into(), not);
    operators_object(operators)
}

/// What holds for filters of all models. The bounds are far away, so that they stand here and not as keywords: nobody who
/// reads the schema needs them, and what a URL holds ends before.
const DESCRIPTION: &str = "Which documents. All members must hold; a value alone stands for `$eq`. A filter may have 1,000 \
conditions in 32 levels, a list 1,000 values, a text to look for 1,000 characters, \
a pattern 100.";

/// `Filter` and `Which` of a model. A `Which` names documents to write: it always leaves some out, at least in principle.
pub(crate) fn model_schemas(shape: &Shape, base: &str, related: &[Related]) -> [(&'static str, Json); 2] {
    let mut filter = fields(shape, "Test");
    relations::add_to_filter(shape, related, &mut filter);
    filter["description"] = DESCRIPTION.into();
    let itself = reference(&format!("{base}Filter"));
    let list = |description: &str| json!({ "type": "array", "items": itself, "minItems": 1, "description": description });
    filter["properties"]["$and"] = list("All of these hold.");
    filter["properties"]["$or"] = list("At least one of these holds.");
    filter["properties"]["$nor"] = list("None of these holds.");
    let mut not = itself.clone();
    not["description"] = "This does not hold.".into();
    filter["properties"]["$not"] = not;
    if let Some(within) = search::within(shape) {
        filter["properties"]["$geoWithin"] = within;
    }
    let mut which = fields(shape, "Point");
    which["minProperties"] = 1.into();
    which["description"] =
        "Which documents; at least one condition. Any other filter that leaves documents out will do, too."
            .into();
    [("Filter", filter), ("Which", which)]
}

fn fields(shape: &Shape, suffix: &str) -> Json {
    let public = || shape.columns.iter().filter(|column| !column.private);
    let properties: Map<String, Json> = public()
        .map(|column| (column.name.clone(), reference(&format!("{}{suffix}", name_of(column)))))
        .collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let Some(pattern) = paths(shape) {
        let test = reference(&format!("Any{suffix}"));
        object["patternProperties"] = Json::Object(Map::from_iter([(pattern, test)]));
    }
    object
}

/// How paths into JSON look; `None` if no field holds any.
pub(crate) fn paths(shape: &Shape) -> Option<String> {
    let public = shape.columns.iter().filter(|column| !column.private && column.kind == Kind::Json);
    let open: Vec<String> = public.map(|column| escape(&column.name)).collect();
    (!open.is_empty()).then(|| format!("^({})(\\.[A-Za-z0-9_-]+){{1,8}}$", open.join("|")))
}

/// A name, to be taken literally in a pattern.
pub(crate) fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        if r"\^$.|?*+()[]{}/".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

pub(crate) fn name_of(column: &ColumnInfo) -> &'static str {
    match column.kind {
        Kind::Text => "Text",
        Kind::Integer | Kind::Number => "Number",
        Kind::Boolean => "Boolean",
        Kind::DateTime => "DateTime",
        Kind::Decimal => "Decimal",
        Kind::Json => "Any",
    }
}
