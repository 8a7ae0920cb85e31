//! Schemas in the dialect of AsyncAPI: JSON Schema, draft 07, where models have 2020-12.

use serde_json::{Map, Value as Json, json};

use crate::doors::schemas::walk;

/// Says the same in draft 07, as far as it can be said there; what can't be is left out, so that nothing right is refused.
pub(super) fn draft_07(schema: &mut Json) {
    walk::each(schema, &mut |object| {
        tuples(object);
        dependencies(object);
        beside_references(object);
        for unknown in ["$schema", "unevaluatedItems", "unevaluatedProperties", "minContains", "maxContains"]
        {
            object.shift_remove(unknown);
        }
    });
}

/// `prefixItems` was called `items`, and what is behind them `additionalItems`.
fn tuples(object: &mut Map<String, Json>) {
    let Some(first) = object.shift_remove("prefixItems") else { return };
    if let Some(rest) = object.shift_remove("items") {
        object.insert("additionalItems".into(), rest);
    }
    object.insert("items".into(), first);
}

/// `dependentRequired` and `dependentSchemas` were one.
fn dependencies(object: &mut Map<String, Json>) {
    let mut all = Map::new();
    for keyword in ["dependentSchemas", "dependentRequired"] {
        if let Some(Json::Object(some)) = object.shift_remove(keyword) {
            all.extend(some);
        }
    }
    if !all.is_empty() {
        object.insert("dependencies".into(), all.into());
    }
}

/// Nothing stood beside a `$ref`.
fn beside_references(object: &mut Map<String, Json>) {
    if object.len() > 1
        && let Some(target) = object.shift_remove("$ref")
    {
        let reference = json!({ "$ref": target });
        match object.get_mut("allOf").and_then(Json::as_array_mut) {
            Some(all) => all.push(reference),
            None => drop(object.insert("allOf".into(), json!([reference]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(schema: Json, good: &[Json], bad: &[Json]) {
        let mut old = schema.clone();
        draft_07(&mut old);
        let old = jsonschema::draft7::new(&old).unwrap();
        let new = jsonschema::draft202012::new(&schema).unwrap();
        for instance in good {
            assert!(new.is_valid(instance) && old.is_valid(instance), "{instance}");
        }
        for instance in bad {
            assert!(!new.is_valid(instance) && !old.is_valid(instance), "{instance}");
        }
    }

    #[test]
    fn tuples_mean_the_same() {
        let schema = json!({
            "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "items": false,
        });
        agree(schema, &[json!(["a", 1]), json!([])], &[json!([1, "a"]), json!(["a", 1, 2])]);
    }

    #[test]
    fn what_stands_beside_a_reference_counts() {
        let schema = json!({
            "$ref": "#/definitions/text", "maxLength": 2, "definitions": { "text": { "type": "string" } },
        });
        agree(schema, &[json!("ab")], &[json!("abc"), json!(1)]);
    }

    #[test]
    fn what_depends_on_another_member_still_does() {
        let schema = json!({ "dependentRequired": { "start": ["count"] } });
        agree(schema, &[json!({ "count": 1 }), json!({ "start": 1, "count": 1 })], &[json!({ "start": 1 })]);
    }
}
