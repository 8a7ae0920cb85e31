//! What tests mean, case by case. That SQL means the same is proven beside the SQL.

use serde_json::{Value as Json, json};

use super::*;
use crate::query::Access;
use crate::query::fixture::{column, shape};

fn row(values: Json) -> Row {
    let mut row = Row(vec![Value::Null; shape().columns.len()]);
    row[Shape::ID] = Value::from("id");
    for (name, json) in values.as_object().unwrap() {
        let at = column(name);
        row[at] = match (shape().columns[at].kind, json) {
            (_, Json::Null) => Value::Null,
            (Kind::Json, json) => Value::Text(json.to_string()),
            (Kind::Boolean, json) => Value::Integer(i64::from(json.as_bool().unwrap())),
            (_, Json::String(text)) => Value::from(text.as_str()),
            (Kind::Number, json) => Value::Number(json.as_f64().unwrap()),
            (_, json) => Value::Integer(json.as_i64().unwrap()),
        };
    }
    row
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);
const UNKNOWN: Option<bool> = None;

fn check(values: Json, cases: &[(Json, Option<bool>)]) {
    let row = row(values);
    for (filter, expected) in cases {
        let parsed = Filter::parse(shape(), filter, Access::Full).unwrap();
        assert_eq!(parsed.truth(shape(), &row), *expected, "{filter}");
        assert_eq!(parsed.negate().truth(shape(), &row), expected.map(|truth| !truth), "not {filter}");
    }
}

#[test]
fn absent_values_are_neither_equal_nor_unequal() {
    // QRY-07
    check(
        json!({"age": null, "data": null}),
        &[
            (json!({"age": 1}), UNKNOWN),
            (json!({"age": {"$ne": 1}}), UNKNOWN),
            (json!({"age": {"$gt": 1}}), UNKNOWN),
            (json!({"age": {"$in": [1, 2]}}), UNKNOWN),
            (json!({"age": {"$nin": [1, 2]}}), UNKNOWN),
            (json!({"age": {"$in": [1, null]}}), YES),
            (json!({"age": null}), YES),
            (json!({"age": {"$ne": null}}), NO),
            (json!({"age": {"$exists": false}}), YES),
            (json!({"note": {"$contains": ""}}), UNKNOWN),
            (json!({"data.a": 1}), UNKNOWN),
            (json!({"data.a": null}), YES),
            (json!({"data": {"$exists": true}}), NO),
            (json!({"$or": [{"age": 1}, {"_id": "id"}]}), YES),
            (json!({"$or": [{"age": 1}, {"_id": "x"}]}), UNKNOWN),
            (json!({"age": 1, "_id": "x"}), NO),
            (json!({"age": 1, "_id": "id"}), UNKNOWN),
        ],
    );
}

#[test]
fn plain_columns_compare_by_their_kind() {
    // QRY-07 QRY-08
    check(
        json!({"name": "Ada\u{20}L%", "age": 3, "ratio": 0.5, "active": true, "price": "1.50",
               "at": "2026-01-02T00:00:00.000000000Z"}),
        &[
            (json!({"name": "ada L%"}), NO),
            (json!({"name": {"$contains": "a L"}}), YES),
            (json!({"name": {"$contains": "A L"}}), NO),
            (json!({"name": {"$startsWith": "Ada"}}), YES),
            (json!({"name": {"$startsWith": "ada"}}), NO),
            (json!({"name": {"$endsWith": "%"}}), YES),
            (json!({"name": {"$endsWith": ""}}), YES),
            (json!({"name": {"$like": "A__ L\\%"}}), YES),
            (json!({"name": {"$like": "A_ L%"}}), NO),
            (json!({"name": {"$gt": "Ad"}}), YES),
            (json!({"age": {"gte": 3, "lt": 4}}), YES),
            (json!({"age": 3.0}), YES),
            (json!({"age": {"$gt": 2.5}}), YES),
            (json!({"age": {"$lt": 1e30}}), YES),
            (json!({"age": {"$gt": u64::MAX}}), NO),
            (json!({"age": {"$eq": 3.5}}), NO),
            (json!({"ratio": {"$lt": 1}}), YES),
            (json!({"active": true}), YES),
            (json!({"active": {"$ne": false}}), YES),
            (json!({"price": "1.5"}), YES),
            (json!({"price": {"$lt": 10}}), YES),
            (json!({"at": "2026-01-02T01:00:00+01:00"}), YES),
            (json!({"at": {"$gt": "2026-01-01T23:59:59.999999999Z"}}), YES),
        ],
    );
}

#[test]
fn arrays_are_asked_for_members() {
    // QRY-07
    check(
        json!({"tags": ["a", "bc", null], "data": {"n": [1, 5], "deep": [[1], {"x": 1}], "empty": []}}),
        &[
            (json!({"tags": "a"}), YES),
            (json!({"tags": "b"}), NO),
            (json!({"tags": {"$ne": "a"}}), NO),
            (json!({"tags": {"$ne": "b"}}), YES),
            (json!({"tags": {"$in": ["x", "bc"]}}), YES),
            (json!({"tags": {"$nin": ["x", "bc"]}}), NO),
            (json!({"tags": ["a", "bc", null]}), YES),
            (json!({"tags": ["bc", "a", null]}), NO),
            (json!({"tags.1": "bc"}), YES),
            (json!({"tags.3": "bc"}), UNKNOWN),
            (json!({"tags.length": 3}), UNKNOWN),
            (json!({"tags": {"$contains": "c"}}), YES),
            (json!({"tags": {"$like": "_c"}}), YES),
            (json!({"tags": null}), NO),
            (json!({"data.n": {"$gt": 4}}), YES),
            (json!({"data.n": {"$gt": 5}}), NO),
            (json!({"data.deep": [1]}), YES),
            (json!({"data.deep": {"$eq": {"x": 1.0}}}), YES),
            (json!({"data.deep": 1}), NO),
            (json!({"data.empty": "a"}), NO),
            (json!({"data.empty": {"$ne": "a"}}), YES),
            (json!({"data.empty": []}), YES),
            (json!({"data.empty": {"$exists": true}}), YES),
        ],
    );
}

#[test]
fn types_inside_json_are_kept_apart() {
    // QRY-07
    check(
        json!({"data": {"one": 1, "float": 1.0, "text": "1", "true": true, "null": null, "hundred": 1e2, "0": "zero",
                        "a\"b": "quoted", "big": u64::MAX, "minus": -0.0}}),
        &[
            (json!({"data.one": 1}), YES),
            (json!({"data.one": 1.0}), YES),
            (json!({"data.float": 1}), YES),
            (json!({"data.one": "1"}), NO),
            (json!({"data.one": true}), NO),
            (json!({"data.text": 1}), NO),
            (json!({"data.text": "1"}), YES),
            (json!({"data.true": true}), YES),
            (json!({"data.true": 1}), NO),
            (json!({"data.true": {"$ne": 1}}), YES),
            (json!({"data.null": null}), YES),
            (json!({"data.null": {"$exists": true}}), NO),
            (json!({"data.hundred": 100}), YES),
            (json!({"data.minus": 0}), YES),
            (json!({"data.0": "zero"}), YES),
            (json!({"data.a\"b": "quoted"}), YES),
            (json!({"data.big": u64::MAX}), YES),
            (json!({"data.big": {"$gt": i64::MAX}}), YES),
            (json!({"data.one": {"$gt": "0"}}), UNKNOWN),
            (json!({"data.text": {"$gt": 0}}), UNKNOWN),
            (json!({"data.one": {"$contains": "1"}}), UNKNOWN),
            (json!({"data.text": {"$contains": "1"}}), YES),
            (json!({"data.text.x": 1}), UNKNOWN),
            (json!({"data.nothing": {"$ne": 1}}), UNKNOWN),
        ],
    );
    check(
        json!({"data": {"city": "Rome", "zip": 1}}),
        &[
            (json!({"data": {"zip": 1.0, "city": "Rome"}}), YES),
            (json!({"data": {"city": "Rome"}}), NO),
            (json!({"data": {"$ne": {"city": "Rome"}}}), YES),
            (json!({"data": {"$in": [1, {"city": "Rome", "zip": 1}]}}), YES),
        ],
    );
}

#[test]
fn a_sort_has_null_first_and_the_id_last() {
    // QRY-03
    let rows: Vec<Row> = [
        ("d", json!({"age": 2, "data": {"k": "x"}})),
        ("b", json!({"age": null, "data": {"k": 2}})),
        ("c", json!({"age": 2, "data": {"k": true}})),
        ("e", json!({"age": -1, "data": {}})),
        ("f", json!({"age": 9, "data": {"k": [1]}})),
        ("a", json!({"age": 9, "data": {"k": [0]}})),
        ("g", json!({"age": 10, "data": {"k": 1.5}})),
    ]
    .into_iter()
    .map(|(id, values)| {
        let mut row = row(values);
        row[Shape::ID] = Value::from(id);
        row
    })
    .collect();
    let sorted = |order: &str, start, count| {
        let mut chosen = Select::all(shape());
        chosen.order = crate::query::parse_order(shape(), &order.into(), Access::Full).unwrap();
        (chosen.start, chosen.count) = (start, count);
        select(&rows, &chosen).iter().filter_map(|row| row[Shape::ID].as_text()).collect::<String>()
    };
    assert_eq!(sorted("", 0, None), "abcdefg");
    assert_eq!(sorted("-_id", 0, None), "gfedcba");
    assert_eq!(sorted("age", 0, None), "becdafg");
    assert_eq!(sorted("-age", 0, None), "gafcdeb");
    assert_eq!(sorted("age,-_id", 0, None), "bedcfag");
    assert_eq!(sorted("data.k", 0, None), "egbdcaf");
    assert_eq!(sorted("", 2, Some(3)), "cde");
    assert_eq!(sorted("", 6, Some(3)), "g");
    assert_eq!(sorted("", u64::MAX, Some(u64::MAX)), "");
    assert_eq!(sorted("", 0, Some(0)), "");
}
