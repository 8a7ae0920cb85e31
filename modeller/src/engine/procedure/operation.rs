//! The operations of a procedure, checked before they have their values.

use serde_json::{Map, Value as Json, json};

use super::faults::{Faults, below};
use super::reference::{Form, Names};
use super::values::{check as check_value, has_references, reference};
use crate::engine::arguments::Request;
use crate::engine::{Call, Operation, aggregate, batch, write};
use crate::model::{self, Error, Result, Shape};
use crate::query::{Access, Filter};
use crate::registry::Registry;

/// Where references may stand in an operation: where there are values. Names of models, fields and figures are written out.
const VALUES: [&str; 6] = ["key", "query", "data", "version", "start", "count"];

/// Notes what is wrong with an operation, and says what its answer is.
pub(super) fn check(
    registry: &Registry,
    members: &Map<String, Json>,
    at: &str,
    names: &Names<'_>,
    faults: &mut Faults,
) -> Form {
    for (name, value) in members {
        if VALUES.contains(&name.as_str()) {
            check_value(value, &below(at, name), names, faults);
        } else if has_references(value) {
            let message =
                format!("`{name}` is written out: references stand for values, in {}", VALUES.join(", "));
            faults.add(&below(at, name), "$ref", message);
        }
    }
    let call = match batch::one(registry, &Json::Object(bare(members)).to_string()) {
        Ok(call) => call,
        Err(error) => {
            faults.error(at, "op", &error);
            return Form::Any;
        }
    };
    let (shape, operation) = (call.shape, call.operation);
    if let Err(error) = arguments(registry, call) {
        faults.error(at, "op", &error);
    }
    if let Some(query) = members.get("query").filter(|query| !query.is_null()) {
        self::query(registry, shape, query, &below(at, "query"), faults);
    }
    let is_for_some = matches!(operation, Operation::Update | Operation::Delete | Operation::Restore);
    let names_none = |query: Option<&Json>| query.and_then(Json::as_object).is_none_or(Map::is_empty);
    if is_for_some && !members.contains_key("key") && names_none(members.get("query")) {
        let message = format!("`{operation}` needs a `key`, or a `query` that says which documents");
        faults.add(at, "op", message);
    }
    if let Some(given) = members.get("data") {
        data(shape, operation, given, &below(at, "data"), faults);
    }
    let by_key = members.contains_key("key");
    match operation {
        Operation::Get | Operation::Insert | Operation::Upsert => Form::Document(shape),
        Operation::Update | Operation::Restore if by_key => Form::Document(shape),
        Operation::Find => Form::Documents(shape),
        Operation::Delete => Form::Deleted,
        Operation::Count => Form::Number,
        _ => Form::Any,
    }
}

/// The operation with something in the place of each reference, and without what is checked by itself.
fn bare(members: &Map<String, Json>) -> Map<String, Json> {
    let stand_in = |(name, value): (&String, &Json)| {
        let value = match name.as_str() {
            "query" if !value.is_null() => json!({}),
            "data" => json!({}),
            "key" if reference(value).is_some() => json!("key"),
            "version" | "start" | "count" if reference(value).is_some() => json!(1),
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    members.iter().map(stand_in).collect()
}

/// Whether the operation takes the arguments it is given.
fn arguments(registry: &Registry, call: Call) -> Result<()> {
    let Call { shape, operation, arguments, .. } = call;
    match operation {
        Operation::Count | Operation::Aggregate => aggregate::check(registry, shape, operation, arguments),
        _ => Request::parse(registry, shape, operation, arguments).map(drop),
    }
}

/// Notes what is wrong with a filter. References have no type: whatever could stand there is tried.
fn query(registry: &Registry, shape: &Shape, json: &Json, at: &str, faults: &mut Faults) {
    let Some(members) = json.as_object().filter(|_| reference(json).is_none()) else {
        return faults.add(at, "query", "a query is an object; references stand for the values in it");
    };
    for (name, value) in members {
        let at = below(at, name);
        match (name.as_str(), value) {
            ("$and" | "$or" | "$nor", Json::Array(parts)) if !parts.is_empty() => {
                for (index, part) in parts.iter().enumerate() {
                    query(registry, shape, part, &format!("{at}/{index}"), faults);
                }
            }
            ("$not", Json::Object(_)) => query(registry, shape, value, &at, faults),
            _ => {
                let fits = |json: Json| {
                    let filter = json!({ name.as_str(): json });
                    Filter::parse_among(shape, &filter, Access::Public, registry).map(drop)
                };
                if let Err(error) = part(value, &fits) {
                    faults.error(&at, "query", &error);
                }
            }
        }
    }
}

/// Whether a part of a filter can be parsed, whatever its references stand for.
fn part(value: &Json, fits: &dyn Fn(Json) -> Result<()>) -> Result<()> {
    if !has_references(value) {
        return fits(value.clone());
    }
    let text = || json!("2024-01-01T00:00:00Z");
    let stand_ins =
        [text(), json!("1"), json!(1), json!(true), Json::Null, json!([text()]), json!([1]), json!(["1"])];
    let mut first = None;
    for stand_in in &stand_ins {
        match fits(filled(value, stand_in)) {
            Ok(()) => return Ok(()),
            Err(error) => drop(first.get_or_insert(error)),
        }
    }
    // Not all of them can stand for the same: each member by itself.
    match value.as_object().filter(|members| reference(value).is_none() && members.len() <= 100) {
        Some(members) => {
            for (name, value) in members {
                part(value, &|json| fits(json!({ name.as_str(): json })))?;
            }
            Ok(())
        }
        None => first.map_or(Ok(()), Err),
    }
}

fn filled(value: &Json, stand_in: &Json) -> Json {
    match value {
        _ if reference(value).is_some() => stand_in.clone(),
        Json::Object(members) => Json::Object(
            members.iter().map(|(name, value)| (name.clone(), filled(value, stand_in))).collect(),
        ),
        Json::Array(list) => Json::Array(list.iter().map(|value| filled(value, stand_in)).collect()),
        plain => plain.clone(),
    }
}

/// Notes what is wrong with a document or a patch: all of it if it is written out, else its names.
fn data(shape: &'static Shape, operation: Operation, json: &Json, at: &str, faults: &mut Faults) {
    let is_patch = operation != Operation::Insert;
    if !has_references(json) {
        let bytes = json.to_string().into_bytes();
        let checked: Result<(), Error> = match operation {
            Operation::Insert => model::accept(shape, &bytes).map(drop),
            _ => write::Patch::parse(shape, bytes, Access::Public).map(drop),
        };
        if let Err(error) = checked {
            faults.error(at, "data", &error);
        }
        return;
    }
    let Some(members) = json.as_object() else {
        return faults.add(at, "data", "`data` is an object");
    };
    if reference(json).is_some() {
        return;
    }
    for (name, value) in members {
        let at = below(at, name);
        match value {
            _ if !name.starts_with('$') || !is_patch => field(shape, name, &at, faults),
            Json::Object(paths) if reference(value).is_none() => {
                paths.keys().for_each(|path| field(shape, path, &below(&at, path), faults));
            }
            _ if has_references(value) => {
                faults.add(&at, "data", "which fields an operator changes is written out")
            }
            _ => {}
        }
    }
    let required = shape.schema.get("required").and_then(Json::as_array);
    let missing =
        required.into_iter().flatten().filter_map(Json::as_str).filter(|name| !members.contains_key(*name));
    if operation == Operation::Insert {
        missing.for_each(|name| faults.add(at, "required", format!("must have required property '{name}'")));
    }
}

/// Notes a field that there is none of.
fn field(shape: &Shape, path: &str, at: &str, faults: &mut Faults) {
    let name = path.split('.').next().unwrap_or_default();
    let mut fields = shape.descriptor.fields.iter();
    if !fields.any(|field| field.name == name) {
        let known = shape.descriptor.fields.iter().map(|field| field.name);
        faults.unknown(at, "data", &format!("field of `{}`", shape.path), name, known);
    }
}
