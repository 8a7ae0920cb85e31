//! What the document says of relations: in filters, as `with`, and in answers.

use serde_json::{Map, Value as Json, json};

use super::arguments;
use super::filter::name_of;
use super::{ModelSchemas, Related, reference};
use crate::model::{Kind, Shape};
use crate::query::limits::MAX_COUNT;

/// Adds the conditions on related documents to the schema of a filter: whole filters of them, and paths to their fields.
pub(crate) fn add_to_filter(shape: &Shape, related: &[Related], filter: &mut Json) {
    for Related { relation, base } in related {
        let whole = reference(&format!("{base}Filter"));
        let quantified = |description: &str| {
            let mut schema = whole.clone();
            schema["description"] = description.into();
            schema
        };
        let name = relation.name.as_str();
        let quantifiers = json!({
            "type": "object",
            "properties": {
                "$some": quantified("Some related document fulfils this."),
                "$every": quantified("Every related document fulfils this; there may be none."),
                "$none": quantified("No related document fulfils this."),
            },
            "additionalProperties": false,
            "minProperties": 1,
        });
        let is_field = shape.columns.iter().any(|column| column.name == name);
        let properties = &mut filter["properties"];
        properties[name] = match is_field {
            true => json!({ "anyOf": [properties[name].clone(), quantifiers] }),
            false => quantifiers,
        };
        for column in arguments::public(relation.to) {
            let mut test = reference(&format!("{}Test", name_of(column)));
            test["description"] = "Some related document has such a value.".into();
            properties[format!("{name}.{}", column.name)] = test;
        }
    }
}

/// The schema of a whole `with`: a member for each relation.
pub(crate) fn with_schema(shape: &Shape, related: &[Related]) -> Option<Json> {
    if related.is_empty() {
        return None;
    }
    let members: Map<String, Json> = related
        .iter()
        .map(|related| {
            let options = json!({ "anyOf": [{ "type": "boolean" }, options(related)] });
            (related.relation.name.clone(), options)
        })
        .collect();
    Some(json!({
        "type": "object",
        "description": format!("What to answer with documents of `{}`: a member for each relation. Up to 20 in all, nested up to \
                                5 levels deep.", shape.path),
        "properties": members,
        "additionalProperties": false,
    }))
}

fn options(related: &Related) -> Json {
    let Related { relation, base } = related;
    let filter = || reference(&format!("{base}Filter"));
    let mut properties = Map::from_iter([
        ("query".to_owned(), filter()),
        ("where".to_owned(), filter()),
        ("fields".to_owned(), arguments::fields_of_body(relation.to)),
        ("with".to_owned(), reference(&format!("{base}With"))),
    ]);
    if relation.many {
        let sort = arguments::sort_of_body(relation.to, reference(&format!("{base}Sort")));
        properties.insert("sort".into(), sort);
        let count = "How many for each document; all of them unless it is given.";
        properties.insert(
            "count".into(),
            json!({ "type": "integer", "minimum": 0, "maximum": MAX_COUNT, "description": count }),
        );
        properties
            .insert("_count".into(), json!({ "type": "boolean", "description": "How many there are." }));
        for (name, what, numeric) in [
            ("_avg", "The average of these fields; 0 of nothing.", true),
            ("_sum", "The sum of these fields.", true),
            ("_min", "The least value of these fields.", false),
            ("_max", "The greatest value of these fields.", false),
        ] {
            let fits = |kind: Kind| match numeric {
                true => matches!(kind, Kind::Integer | Kind::Number),
                false => kind.is_ordered(),
            };
            let columns = arguments::public(relation.to).filter(|column| fits(column.kind));
            let members: Map<String, Json> =
                columns.map(|column| (column.name.clone(), json!({ "type": "boolean" }))).collect();
            properties.insert(
                name.into(),
                json!({
                    "type": "object", "properties": members, "additionalProperties": false, "description": what,
                }),
            );
        }
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// `with` as a condition: which related documents there must be.
pub(crate) fn constraint(names: &ModelSchemas) -> Option<Json> {
    let one = |Related { relation, base }: &Related| {
        let filter = reference(&format!("{base}Filter"));
        let object = json!({
            "type": "object",
            "properties": { "query": filter, "where": filter },
            "additionalProperties": false,
        });
        (relation.name.clone(), json!({ "anyOf": [{ "type": "boolean" }, object] }))
    };
    let members: Map<String, Json> = names.related().iter().map(one).collect();
    (!members.is_empty()).then(|| {
        json!({
            "type": "object",
            "description": "Only documents that have such related ones count.",
            "properties": members,
            "additionalProperties": false,
        })
    })
}

/// `with` in a body: names, or an object.
pub(crate) fn of_body(names: &ModelSchemas) -> Json {
    let related = names.related().iter();
    let one: Vec<&str> =
        [""].into_iter().chain(related.map(|related| related.relation.name.as_str())).collect();
    json!({ "anyOf": [
        reference(&format!("{}With", names.base())),
        { "type": "array", "items": { "type": "string", "enum": &one[1..] } },
        { "type": "string", "enum": one },
        { "type": "null" },
    ] })
}

/// The members that `with` may add to a document, or put in the place of a field.
pub(crate) fn add_to_answer(names: &ModelSchemas, document: &mut Json) {
    document["title"] = format!("{}Loaded", names.base()).into();
    document["description"] = "The document with related ones, as `with` asked for them.".into();
    for Related { relation, base } in names.related() {
        let other = json!({ "anyOf": [reference(base), reference(&format!("{base}Loaded"))] });
        let name = relation.name.as_str();
        let loaded = match relation.many {
            true => json!({ "type": "array", "items": other }),
            false => json!({ "anyOf": [other, { "type": "null" }] }),
        };
        let Some(properties) = document.get_mut("properties").and_then(Json::as_object_mut) else { continue };
        let member = match properties.get(name) {
            Some(field) => json!({ "anyOf": [field, loaded] }),
            None => loaded,
        };
        properties.insert(name.into(), member);
        if relation.many {
            let totals = json!({
                "type": "object",
                "description": format!("What the documents of `{name}` come to, if `with` asks."),
            });
            properties.insert(format!("{name}Aggregate"), totals);
        }
    }
}
