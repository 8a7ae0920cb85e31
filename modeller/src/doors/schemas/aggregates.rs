//! Aggregations: what can be asked, and how the answers look.

use serde_json::{Map, Value as Json, json};

use super::{ModelSchemas, reference};
use super::{arguments, filter, relations};
use crate::engine::Operation;
use crate::model::{ColumnInfo, Kind, Shape};
use crate::query::limits;

/// How the name of a figure looks.
const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";

fn is_numeric(column: &ColumnInfo) -> bool {
    matches!(column.kind, Kind::Integer | Kind::Number | Kind::Decimal)
}

/// The names of these fields, and the paths into all that hold JSON.
fn field(shape: &Shape, fits: impl Fn(&ColumnInfo) -> bool) -> Option<Json> {
    let names: Vec<&str> =
        arguments::public(shape).filter(|column| fits(column)).map(|column| column.name.as_str()).collect();
    let names = (!names.is_empty()).then(|| json!({ "type": "string", "enum": names }));
    let paths = filter::paths(shape).map(|pattern| json!({ "type": "string", "pattern": pattern }));
    match (names, paths) {
        (Some(names), Some(paths)) => Some(json!({ "anyOf": [names, paths] })),
        (names, paths) => names.or(paths),
    }
}

/// Any field.
pub(crate) fn any_field(shape: &Shape) -> Json {
    field(shape, |_| true).unwrap_or(Json::Bool(false))
}

/// What the functions of figures are of, for this model, and what they are.
fn functions(shape: &Shape) -> [(&'static str, Option<Json>, &'static str); 6] {
    let count = json!({ "anyOf": [{ "const": true }, any_field(shape)] });
    let exact = |column: &ColumnInfo| is_numeric(column) && column.kind != Kind::Decimal;
    let ordered = |column: &ColumnInfo| column.kind.is_ordered();
    [
        ("count", Some(count), "How many documents, or how many values the field has."),
        ("sum", field(shape, is_numeric), "The exact sum; 0 of nothing."),
        ("avg", field(shape, exact), "The average; `null` of nothing."),
        ("min", field(shape, ordered), "The least value; `null` of nothing."),
        ("max", field(shape, ordered), "The greatest value; `null` of nothing."),
        ("distinct", Some(any_field(shape)), "All different values, in their order."),
    ]
}

/// What one function is of: fields of this model.
#[cfg(feature = "live")]
pub(crate) fn field_of(function: &str, shape: &Shape) -> Option<Json> {
    functions(shape).into_iter().find(|(name, ..)| *name == function)?.1
}

/// The schema of `aggregates`: figures by name.
pub(crate) fn figures(shape: &Shape) -> Json {
    let distinct = json!({ "type": "boolean", "description": "Equal values count once." });
    let form = |function: &str, of: Json, description: &str| {
        let mut properties = Map::from_iter([(function.to_owned(), of)]);
        if function != "distinct" {
            properties.insert("distinct".into(), distinct.clone());
        }
        json!({
            "type": "object",
            "title": function,
            "description": description,
            "properties": properties,
            "required": [function],
            "additionalProperties": false,
        })
    };
    let forms: Vec<Json> =
        functions(shape).into_iter().filter_map(|(name, of, say)| Some(form(name, of?, say))).collect();
    json!({
        "type": "object",
        "description": "Figures, each under a name of your choice. What is absent does not count.",
        "propertyNames": { "pattern": NAME },
        "additionalProperties": { "anyOf": forms },
        "minProperties": 1,
        "maxProperties": limits::MAX_FIGURES,
    })
}

/// The schema of `groupBy`.
pub(crate) fn group_by(shape: &Shape) -> Json {
    let one = any_field(shape);
    json!({
        "description": "Documents with the same values in these fields are a group.",
        "anyOf": [
            one,
            { "type": "array", "items": one, "minItems": 1, "maxItems": limits::MAX_KEYS, "uniqueItems": true },
        ],
    })
}

/// What figures over the documents of a query take, and what figures over groups of them do.
fn members(shape: &Shape, names: &ModelSchemas, query: Json) -> (Map<String, Json>, Map<String, Json>) {
    let alone = Map::from_iter([("query".to_owned(), query), ("aggregates".to_owned(), names.aggregates())]);
    let mut grouped = alone.clone();
    grouped.insert("groupBy".into(), group_by(shape));
    (alone, grouped)
}

fn object(properties: &Map<String, Json>, required: &[&str]) -> Json {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schemas of an aggregation as a step of a batch.
pub(crate) fn steps(shape: &Shape, names: &ModelSchemas, query: Json) -> [Json; 2] {
    let (mut alone, mut grouped) = members(shape, names, query);
    grouped.shift_remove("query");
    for properties in [&mut alone, &mut grouped] {
        properties.insert("op".into(), json!({ "const": "aggregate" }));
    }
    [(alone, "aggregates"), (grouped, "groupBy")].map(|(properties, needed)| {
        let mut step = object(&properties, &["op", needed]);
        step["title"] = "aggregate".into();
        step
    })
}

/// The schema of an aggregation as a body.
///
/// A sort names groups and figures, which JSON Schema can't say of names that a caller makes up: what is said here is how to sort
/// by the one field that is grouped by. The forms with a query say nothing of pages and sorts, so that who tries all that is said need
/// not try each with every filter.
pub(crate) fn body(shape: &Shape, names: &ModelSchemas) -> Json {
    let (mut alone, mut grouped) = members(shape, names, names.filter());
    if let Some(with) = relations::constraint(names) {
        alone.insert("with".into(), with.clone());
        grouped.insert("with".into(), with);
    }
    let mut all = vec![object(&alone, &["aggregates"]), object(&grouped, &["groupBy"])];
    grouped.shift_remove("query");
    grouped.shift_remove("with");
    grouped.insert("start".into(), arguments::start());
    grouped.insert("count".into(), arguments::count(Operation::Aggregate));
    // In no order of its own.
    grouped.insert("sort".into(), json!({ "enum": [null, "", [], {}] }));
    all.push(object(&grouped, &["groupBy"]));
    for column in arguments::public(shape) {
        let name = &column.name;
        let mut sorted = grouped.clone();
        sorted.insert("groupBy".into(), json!({ "enum": [name, [name]] }));
        sorted.insert("sort".into(), json!({ "enum": [name, format!("-{name}"), [name], { name: -1 }] }));
        all.push(object(&sorted, &["groupBy", "sort"]));
    }
    json!({
        "description": "Figures over all documents that fulfil the `query`. With `groupBy` the answer is an array of groups, each \
                        with its keys and figures, in the order of the keys, or as `sort` says: by names of keys and figures, a `-` \
                        before one for largest first. `start` and `count` cut a page out of the groups. All of them go together.",
        "anyOf": all,
    })
}

/// An example of a body.
pub(crate) fn example() -> Json {
    json!({ "aggregates": { "documents": { "count": true }, "newest": { "max": "_createdAt" } } })
}

/// One group, or all documents together: keys and figures by name.
pub(crate) fn answer() -> Json {
    json!({ "type": "object", "additionalProperties": reference("AnyJson") })
}
