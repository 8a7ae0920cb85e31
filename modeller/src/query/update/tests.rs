//! What operators make of a document.

use serde_json::{Value as Json, json};

use super::Update;
use super::apply::Applied;
use crate::model::{Error, Row, Shape, Value, operator_schemas, update_schema};
use crate::query::Access;
use crate::query::fixture::{column, shape};

fn parse(patch: &Json) -> Result<Update, Error> {
    Update::parse(shape(), patch.to_string().as_bytes(), Access::Full)
        .map(|update| update.expect("operators"))
}

fn row() -> Row {
    let mut row = Row(vec![Value::Null; shape().columns.len()]);
    row[Shape::ID] = "id".into();
    row[column("name")] = "Ada".into();
    row[column("age")] = Value::Integer(36);
    row[column("ratio")] = Value::Number(0.5);
    row[column("price")] = "1.50".into();
    row[column("at")] = "2026-01-02T03:04:05.000000000Z".into();
    row[column("data")] = r#"{"n":1,"f":0.5,"list":[1,2],"in":{"x":"y"}}"#.into();
    row[column("tags")] = r#"["a","b","a"]"#.into();
    row
}

fn applied(patch: Json) -> Result<Json, Error> {
    let Applied { patch, unset } = parse(&patch)?.apply(shape(), &row())?;
    let mut json: Json = serde_json::from_slice(&patch).unwrap();
    for column in unset {
        json[&shape().columns[column].name] = "unset".into();
    }
    Ok(json)
}

#[test]
fn operators_change_what_is_stored() {
    for (patch, expected) in [
        (json!({"$inc": {"age": -1}}), json!({"age": 35})),
        (json!({"$inc": {"age": 2.0}, "name": "Bob"}), json!({"name": "Bob", "age": 38})),
        (json!({"$mul": {"age": 2, "ratio": 3}}), json!({"age": 72, "ratio": 1.5})),
        (json!({"$inc": {"price": "0.25"}}), json!({"price": "1.75"})),
        (json!({"$mul": {"price": "-2"}}), json!({"price": "-3"})),
        (
            json!({"$inc": {"data.n": 1, "data.f": 1, "data.new.deep": 5}}),
            json!({"data": {"n": 2, "f": 1.5, "list": [1, 2], "in": {"x": "y"}, "new": {"deep": 5}}}),
        ),
        (json!({"$min": {"age": 30}, "$max": {"name": "Bob"}}), json!({"age": 30, "name": "Bob"})),
        (json!({"$min": {"age": 40}}), json!({"age": 36})),
        (json!({"$max": {"at": "2026-01-02T04:04:05+01:00"}}), json!({"at": "2026-01-02T03:04:05Z"})),
        (json!({"$max": {"price": "1.6", "note": "x"}}), json!({"price": "1.6", "note": "x"})),
        (json!({"$push": {"tags": "c"}}), json!({"tags": ["a", "b", "a", "c"]})),
        (json!({"$pull": {"tags": "a"}}), json!({"tags": ["b"]})),
        (
            json!({"$addToSet": {"tags": "b", "data.list": 1.0}}),
            json!({"tags": ["a", "b", "a"], "data": {"n": 1, "f": 0.5, "list": [1, 2], "in": {"x": "y"}}}),
        ),
        (
            json!({"$push": {"data.list": [3]}, "$unset": ["data.in.x", "note"]}),
            json!({"data": {"n": 1, "f": 0.5, "list": [1, 2, [3]], "in": {}}, "note": "unset"}),
        ),
        (json!({"$pull": {"data.none": 1}}), json!({})),
        (json!({"$unset": {"age": true}}), json!({"age": "unset"})),
        (
            json!({"$set": {"data.list.0": 9, "data.in.z": null, "age": 1}}),
            json!({"data": {"n": 1, "f": 0.5, "list": [9, 2], "in": {"x": "y", "z": null}}, "age": 1}),
        ),
        (
            json!({"$set": {"data.list.2": "end"}}),
            json!({"data": {"n": 1, "f": 0.5, "list": [1, 2, "end"], "in": {"x": "y"}}}),
        ),
    ] {
        assert_eq!(applied(patch.clone()).unwrap(), expected, "{patch}");
    }
}

#[test]
fn what_can_not_be_done_names_the_operator_and_the_path() {
    for (patch, path, keyword) in [
        (json!({"$incr": {"age": 1}}), "/$incr", "additionalProperties"),
        (json!({"$inc": {"agee": 1}}), "/$inc", "additionalProperties"),
        (json!({"$inc": {"_version": 1}}), "/$inc", "additionalProperties"),
        (json!({"$set": {"_id": "x"}}), "/$set", "additionalProperties"),
        (json!({"$inc": {"age": "1"}}), "/$inc/age", "type"),
        (json!({"$inc": {"age": 1.5}}), "/$inc/age", "type"),
        (json!({"$inc": {"age": null}}), "/$inc/age", "type"),
        (json!({"$inc": {"name": 1}}), "/$inc/name", "type"),
        (json!({"$inc": {"price": "much"}}), "/$inc/price", "type"),
        (json!({"$inc": {"age": i64::MAX}}), "/$inc/age", "overflow"),
        (json!({"$mul": {"age": i64::MIN}}), "/$mul/age", "overflow"),
        (json!({"$mul": {"ratio": 1e308, "age": 1e300}}), "/$mul/age", "type"),
        (json!({"$inc": {"data.n": u64::MAX}}), "/$inc/data.n", "overflow"),
        (json!({"$inc": {"data.in": 1}}), "/$inc/data.in", "type"),
        (json!({"$inc": {"age.x": 1}}), "/$inc/age.x", "path"),
        (json!({"$inc": {"data..n": 1}}), "/$inc/data..n", "path"),
        (json!({"$max": {"active": true}}), "/$max/active", "type"),
        (json!({"$max": {"at": "yesterday"}}), "/$max/at", "type"),
        (json!({"$max": {"data.n": "x"}}), "/$max/data.n", "type"),
        (json!({"$push": {"name": "x"}}), "/$push/name", "type"),
        (json!({"$push": {"data.n": "x"}}), "/$push/data.n", "type"),
        (json!({"$set": {"data.n.x": 1}}), "/$set/data.n.x", "path"),
        (json!({"$set": {"data.list.9": 1}}), "/$set/data.list.9", "path"),
        (json!({"$unset": ["data.list.0"]}), "/$unset/data.list.0", "path"),
        (json!({"$unset": {"note": false}}), "/$unset/note", "type"),
        (json!({"$unset": "note"}), "/$unset", "type"),
        (json!({"$inc": 5}), "/$inc", "type"),
        (json!({"$inc": {}}), "/$inc", "minProperties"),
        (json!({"$inc": {"age": 1}, "age": 5}), "/$inc/age", "conflict"),
        (json!({"$inc": {"age": 1}, "$mul": {"age": 5}}), "/$mul/age", "conflict"),
        (json!({"$set": {"data": {}}, "$inc": {"data.n": 1}}), "/$inc/data.n", "conflict"),
    ] {
        let error = applied(patch.clone()).unwrap_err();
        let found: Vec<_> =
            error.violations().iter().map(|one| (&*one.instance_path, &*one.keyword)).collect();
        assert_eq!(found, [(path, keyword)], "{patch}: {error}");
    }
    let error = parse(&json!({"$incc": {"age": 1}})).unwrap_err();
    assert!(error.message().contains("did you mean `$inc`?"), "{error}");
}

#[test]
fn a_caller_can_set_what_is_private_and_nothing_more() {
    let public = |patch: Json| Update::parse(shape(), patch.to_string().as_bytes(), Access::Public);
    assert!(public(json!({"$set": {"password": "x"}})).is_ok());
    assert!(public(json!({"$unset": ["password"]})).is_ok());
    let error = public(json!({"$max": {"password": "x"}})).unwrap_err();
    assert_eq!(error.violations()[0].keyword, "private");
}

#[test]
fn a_patch_without_operators_is_none() {
    for plain in [r#"{"name":"$5"}"#, r#"{"name":"\u0024"}"#, "{}", "[\"$inc\"]", r#"{"a":{"$inc":1}}"#] {
        assert!(Update::parse(shape(), plain.as_bytes(), Access::Full).unwrap().is_none(), "{plain}");
    }
    let escaped = br#"{"\u0024inc":{"age":1}}"#;
    assert!(Update::parse(shape(), escaped, Access::Full).unwrap().is_some());
    assert!(Update::parse(shape(), br#"{"$inc":{"age":1,"age":2}}"#, Access::Full).is_err());
}

#[test]
fn where_there_is_no_document_operators_make_one() {
    let update =
        parse(&json!({"name": "n", "$inc": {"age": 5}, "$push": {"tags": "a"}, "$unset": ["note"]})).unwrap();
    let document: Json = serde_json::from_slice(&update.document(shape()).unwrap()).unwrap();
    assert_eq!(document, json!({"name": "n", "age": 5, "tags": ["a"]}));
}

#[test]
fn operators_are_offered_for_what_they_fit() {
    let forms = operator_schemas(shape());
    let of = |operator: &str| {
        let form = forms.iter().find(|form| form["title"] == operator).expect(operator);
        let schema = &form["properties"][operator];
        let members = schema["properties"].as_object().or(schema["anyOf"][1]["properties"].as_object());
        members.unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(of("$inc"), ["age", "ratio", "price"]);
    assert!(of("$set").contains(&"password".to_owned()));
    assert!(of("$unset").contains(&"password".to_owned()) && !of("$unset").contains(&"name".to_owned()));
    assert!(!of("$max").contains(&"password".to_owned()) && of("$max").contains(&"name".to_owned()));
    assert_eq!(of("$push"), ["tags"]);
}

#[cfg(feature = "engine")]
#[test]
fn an_update_is_a_patch_or_an_operator() {
    let validator = jsonschema::validator_for(&update_schema(shape())).unwrap();
    for good in [
        json!({}),
        json!({"name": "x", "age": 1}),
        json!({"$inc": {"age": -1}}),
        json!({"$unset": ["note"]}),
        json!({"$unset": {"note": true}}),
        json!({"$push": {"tags": "x"}}),
    ] {
        assert!(validator.is_valid(&good), "{good}");
    }
    for bad in [
        json!({"$inc": {"name": 1}}),
        json!({"$inc": {}}),
        json!({"$incc": {"age": 1}}),
        json!({"$unset": ["name"]}),
        json!({"$unset": ["note", "note"]}),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}
