use serde_json::{Value as Json, json};

use super::*;
use crate::model::Id;
use crate::query::Access;
use crate::query::fixture::{Sample, shape};

#[test]
fn typed_filters_are_the_filters_of_the_wire() {
    // SCH-22
    let wire = |json: Json| Filter::parse(shape(), &json, Access::Full).unwrap();
    let id: Id<Sample> = "x".into();
    for (typed, json) in [
        (Sample::NAME.eq("Ada") & Sample::AGE.gt(18), json!({"name": "Ada", "age": {"$gt": 18}})),
        (
            Sample::NAME.eq("a") | Sample::AGE.lte(Some(1)),
            json!({"$or": [{"name": "a"}, {"age": {"$lte": 1}}]}),
        ),
        (!Sample::NAME.ne(String::from("a")), json!({"$not": {"name": {"$ne": "a"}}})),
        (Sample::AGE.eq(None), json!({"age": null})),
        (Sample::AGE.is_in([Some(1), None]), json!({"age": {"$in": [1, null]}})),
        (Sample::AGE.is_in([1, 2]), json!({"age": {"$in": [1, 2]}})),
        (Sample::AGE.is_in([0_i64; 0]), json!({"age": {"$in": []}})),
        (Sample::NAME.not_in(["a", "b"]), json!({"name": {"$nin": ["a", "b"]}})),
        (Sample::AGE.is_null(), json!({"age": {"$exists": false}})),
        (Sample::AGE.between(1, 9), json!({"age": {"$gte": 1, "$lte": 9}})),
        (Sample::RATIO.lt(1.5), json!({"ratio": {"$lt": 1.5}})),
        (Sample::NAME.contains("a"), json!({"name": {"$contains": "a"}})),
        (Sample::NAME.starts_with("a"), json!({"name": {"$startsWith": "a"}})),
        (Sample::NAME.ends_with("a"), json!({"name": {"$endsWith": "a"}})),
        (Sample::NAME.like("a%"), json!({"name": {"$like": "a%"}})),
        (Sample::TAGS.has("a"), json!({"tags": "a"})),
        (Sample::TAGS.eq(vec!["a".to_owned()]), json!({"tags": ["a"]})),
        (Sample::DATA.eq(json!({"a": [1, true]})), json!({"data": {"a": [1, true]}})),
        (Sample::DATA.eq(json!(true)), json!({"data": true})),
        (Sample::ID.eq(&id), json!({"_id": "x"})),
        (Sample::ID.eq("x") & Sample::VERSION.eq(3), json!({"_id": "x", "_version": 3})),
        (Sample::CREATED_AT.gt(5), json!({"_createdAt": {"$gt": 5}})),
    ] {
        assert_eq!(typed.into_filter().unwrap(), wire(json));
    }
}

#[test]
fn a_value_that_no_column_holds_selects_nothing_and_says_why() {
    let predicate = || !Sample::RATIO.eq(f64::NAN) | Sample::AGE.eq(1);
    assert_eq!(Filter::from(predicate()), Filter::False);
    assert!(predicate().into_filter().is_err_and(|error| error.is(Code::InvalidQuery)));
}

#[test]
fn a_list_is_not_asked_for_nothing() {
    const MARKS: crate::model::Column<Sample, Vec<Option<i64>>> = crate::model::Column::field(7);
    assert!(MARKS.has(1).into_filter().is_ok());
    assert!(MARKS.has(None).into_filter().is_err_and(|error| error.is(Code::InvalidQuery)));
}

#[test]
fn a_change_to_what_no_column_holds_says_so() {
    let fault = Sample::RATIO.set(f64::NAN).into_value().unwrap_err();
    assert_eq!((fault.is(Code::InvalidQuery), fault.field()), (true, Some("ratio")), "{fault}");
    assert!(Sample::DATA.set(json!({"a": null})).into_value().is_ok());
}

#[test]
fn sorts_and_changes_name_their_column() {
    let order = Order::from(Sample::AGE.desc());
    assert_eq!((order.path.column, order.descending), (Sample::AGE.index(), true));
    assert!(!Order::from(Sample::NAME.asc()).descending);
    let change = Sample::AGE.set(None);
    assert_eq!((change.column(), change.into_value().unwrap()), (Sample::AGE.index(), Json::Null));
    assert_eq!(Sample::NAME.set("Ada").into_value().unwrap(), json!("Ada"));
}

#[test]
fn operators_on_columns_are_those_of_the_wire() {
    for (change, operator, value) in [
        (Sample::AGE.inc(-1), "$inc", json!(-1)),
        (Sample::AGE.times(2_i64), "$mul", json!(2)),
        (Sample::RATIO.inc(1), "$inc", json!(1.0)),
        (Sample::AGE.at_most(9), "$min", json!(9)),
        (Sample::NAME.at_least("b"), "$max", json!("b")),
        (Sample::TAGS.push("x"), "$push", json!("x")),
        (Sample::TAGS.pull("x"), "$pull", json!("x")),
        (Sample::TAGS.add_to_set("x"), "$addToSet", json!("x")),
        (Sample::AGE.unset(), "$unset", json!(true)),
    ] {
        assert_eq!((change.operator(), change.into_value().unwrap()), (Some(operator), value));
    }
    assert!(Sample::RATIO.inc(f64::INFINITY).into_value().is_err());
}
