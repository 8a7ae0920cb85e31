use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::query::fixture::{any_json, column, shape};
use crate::query::{Order, parse_fields, parse_order};

fn parse(json: Json) -> Result<Filter> {
    Filter::parse(shape(), &json, Access::Public)
}

fn error(json: Json) -> Error {
    let error = parse(json.clone()).expect_err(&json.to_string());
    assert!(error.is(Code::InvalidQuery), "{error}");
    error
}

fn test(name: &str, op: Op) -> Filter {
    Filter::Test(Path::column(column(name)), op)
}

fn inside(steps: Vec<Step>, op: Op) -> Filter {
    Filter::Test(Path { column: column("data"), steps }, op)
}

fn cell(value: impl Into<Value>) -> Operand {
    Operand::Cell(value.into())
}

#[test]
fn operators_are_read_with_and_without_a_dollar() {
    // QRY-07 QRY-08 QRY-10
    let adult = test("age", Op::Gte(cell(18))).and(test("age", Op::Lt(cell(65))));
    assert_eq!(parse(json!({"age": {"$gte": 18, "$lt": 65}})).unwrap(), adult);
    assert_eq!(parse(json!({"age": {"gte": 18, "lt": 65}})).unwrap(), adult);
    assert_eq!(
        parse(json!({"name": "x", "age": 3})).unwrap(),
        test("name", Op::Eq(cell("x"))).and(test("age", Op::Eq(cell(3))))
    );
    assert_eq!(parse(json!({})).unwrap(), Filter::True);
    assert_eq!(parse(json!({"_createdAt": {"$lt": 5}})).unwrap(), test("_createdAt", Op::Lt(cell(5))));
    assert_eq!(parse(json!({"name": {"$like": "a%"}})).unwrap(), test("name", Op::StartsWith("a".into())));
    assert_eq!(parse(json!({"active": true})).unwrap(), test("active", Op::Eq(cell(1))));
}

#[test]
fn connectives_nest() {
    // QRY-07
    let (one, two) = (test("age", Op::Eq(cell(1))), test("age", Op::Eq(cell(2))));
    assert_eq!(
        parse(json!({"$or": [{"age": 1}, {"age": 2}]})).unwrap(),
        Filter::Any(vec![one.clone(), two.clone()])
    );
    assert_eq!(
        parse(json!({"$and": [{"age": 1}, {"age": 2}]})).unwrap(),
        Filter::All(vec![one.clone(), two.clone()])
    );
    assert_eq!(parse(json!({"$nor": [{"age": 1}, {"age": 2}]})).unwrap(), one.clone().or(two).negate());
    assert_eq!(parse(json!({"$not": {"age": 1}})).unwrap(), one.clone().negate());
    assert_eq!(parse(json!({"age": {"$not": {"$eq": 1}}})).unwrap(), one.negate());
}

#[test]
fn null_is_an_absent_value() {
    let absent = test("age", Op::Eq(Value::Null.into()));
    assert_eq!(parse(json!({"age": null})).unwrap(), absent);
    assert_eq!(parse(json!({"age": {"$ne": null}})).unwrap(), test("age", Op::Ne(Value::Null.into())));
    assert_eq!(
        parse(json!({"age": {"$in": [null, 1]}})).unwrap(),
        absent.clone().or(test("age", Op::In(vec![cell(1)])))
    );
    assert_eq!(parse(json!({"age": {"$in": [null]}})).unwrap(), absent);
    assert_eq!(parse(json!({"age": {"$in": []}})).unwrap(), Filter::False);
    assert_eq!(parse(json!({"age": {"$nin": []}})).unwrap(), Filter::True);
    error(json!({"age": {"$gt": null}}));
    error(json!({"name": {"$contains": null}}));
}

#[test]
fn json_columns_are_asked_by_path_by_member_or_as_a_whole() {
    // QRY-07
    let key = |key: &str| Step::Key(key.into());
    assert_eq!(
        parse(json!({"data.a.0": 1})).unwrap(),
        inside(vec![key("a"), Step::Index(0)], Op::Eq(cell(1)))
    );
    assert_eq!(
        parse(json!({"data.01": true})).unwrap(),
        inside(vec![key("01")], Op::Eq(Operand::Boolean(true)))
    );
    assert_eq!(parse(json!({"data": "a"})).unwrap(), test("data", Op::Eq(cell("a"))));
    let whole = json!({"eq": 1, "city": "x"});
    assert_eq!(parse(json!({"data": whole.clone()})).unwrap(), test("data", Op::Eq(Operand::Json(whole))));
    assert_eq!(parse(json!({"data": []})).unwrap(), test("data", Op::Eq(Operand::Json(json!([])))));
    assert_eq!(parse(json!({"data": {}})).unwrap(), test("data", Op::Eq(Operand::Json(json!({})))));
    assert_eq!(
        parse(json!({"data.__proto__.constructor": 1})).unwrap(),
        inside(vec![key("__proto__"), key("constructor")], Op::Eq(cell(1)))
    );
    error(json!({"data": {"$gt": 1, "b": 2}}));
    error(json!({"data..a": 1}));
    error(json!({"data.": 1}));
    error(json!({"data": {"$gt": true}}));
    let scalar = error(json!({"age.x": 1}));
    assert_eq!(scalar.message(), "`age` holds an integer: there is nothing inside it");
}

#[test]
fn unknown_names_are_answered_with_those_that_exist() {
    let field = error(json!({"nmae": 1}));
    assert_eq!(field.message(), "`test/samples` has no field `nmae`; did you mean `name`?");
    assert_eq!(field.field(), Some("nmae"));
    let details = field.details().unwrap();
    assert_eq!(details["field"], "nmae");
    assert_eq!(details["suggestion"], "name");
    assert_eq!(details["expected"][4], "name");

    let operator = error(json!({"age": {"$gtt": 1}}));
    assert_eq!(operator.message(), "there is no operator `$gtt` of `age`; did you mean `$gt`?");
    assert_eq!(operator.details().unwrap()["field"], "age");
    assert_eq!(error(json!({"age": {"gtt": 1}})).details().unwrap()["suggestion"], "gt");
    assert_eq!(error(json!({"$ro": []})).details().unwrap()["suggestion"], "$or");
    for json in [
        json!({"$where": "1"}),
        json!({"name": {"$regex": "a+"}}),
        json!({"__proto__": 1}),
        json!({"constructor": 1}),
        json!({"": 1}),
        json!({"name\" = '' OR 1=1 --": 1}),
        json!({"age": {"not": {"gt": 1}, "$gt": 1}}),
    ] {
        error(json);
    }
    let long = error(json!({ "x".repeat(10_000): 1 }));
    assert!(long.message().len() < 300);
}

#[test]
fn private_columns_are_answered_like_unknown_ones() {
    // SCH-04
    let ask = |name: &str| {
        let errors = [
            error(json!({ name: "x" })),
            error(json!({ name: {"$exists": true} })),
            error(json!({ format!("{name}.a"): "x" })),
            Filter::parse_pairs(shape(), &[(name, "x")], Access::Public).unwrap_err(),
            parse_order(shape(), &name.into(), Access::Public).unwrap_err(),
            parse_fields(shape(), &name.into(), Access::Public).unwrap_err(),
        ];
        errors.map(|error| error.to_json().to_string().replace(name, "?"))
    };
    assert_eq!(ask("password"), ask("qqqqqqqq"));
    // Nor is it suggested.
    assert!(!error(json!({"passwort": 1})).to_json().to_string().contains("password"));
    assert!(Filter::parse(shape(), &json!({"password": "x"}), Access::Full).is_ok());
    let full = Filter::parse(shape(), &json!({"passwort": "x"}), Access::Full).unwrap_err();
    assert_eq!(full.details().unwrap()["suggestion"], "password");
}

#[test]
fn values_have_the_type_of_their_column() {
    let wrong = error(json!({"age": "18"}));
    assert_eq!(wrong.message(), "`age` takes an integer, not a string");
    assert_eq!(wrong.details().unwrap(), &json!({"field": "age", "expected": ["integer"]}));
    for json in [
        json!({"name": 1}),
        json!({"name": ["a"]}),
        json!({"name": {}}),
        json!({"ratio": "1"}),
        json!({"active": 1}),
        json!({"active": {"$gt": false}}),
        json!({"age": {"$contains": "1"}}),
        json!({"at": "yesterday"}),
        json!({"at": "2026-02-30T00:00:00Z"}),
        json!({"at": 1e300}),
        json!({"at": {"$like": "2026%"}}),
        json!({"price": "a"}),
        json!({"age": {"$in": 1}}),
        json!({"age": {"$in": ["a"]}}),
        json!({"age": {"$exists": 1}}),
        json!({"age": {"$not": 1}}),
        json!({"age": {"$not": {}}}),
        json!({"$or": {}}),
        json!({"$or": []}),
        json!({"$and": [1]}),
        json!({"$not": []}),
        json!(null),
        json!([]),
        json!("x"),
    ] {
        error(json);
    }
    assert_eq!(parse(json!({"age": 1.0})).unwrap(), test("age", Op::Eq(cell(1))));
    assert_eq!(
        parse(json!({"age": {"$lt": 1e30}})).unwrap(),
        test("age", Op::Lt(Value::Number(1e30).into()))
    );
    assert_eq!(parse(json!({"price": 1.5})).unwrap(), test("price", Op::Eq(cell("1.5"))));
    let noon = test("at", Op::Eq(cell("1970-01-01T12:00:00.000000000Z")));
    assert_eq!(parse(json!({"at": "1970-01-01T13:00:00+01:00"})).unwrap(), noon);
    assert_eq!(parse(json!({"at": 43_200_000})).unwrap(), noon);
}

#[test]
fn filters_are_bounded() {
    let nested = |levels| (0..levels).fold(json!({"age": 1}), |inner, _| json!({"$not": inner}));
    assert!(parse(nested(limits::MAX_DEPTH)).is_ok());
    error(nested(limits::MAX_DEPTH + 1));
    error(nested(1_000));
    let nested = |levels| (0..levels).fold(json!({"$gt": 1}), |inner, _| json!({"$not": inner}));
    error(json!({"age": nested(1_000)}));
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(parse(json!({"data": nested(30)})).is_ok());
    error(json!({"data": nested(1_000)}));

    let wide = |width: usize| json!({"$or": vec![json!({"age": 1}); width]});
    assert!(parse(wide(limits::MAX_NODES - 1)).is_ok());
    error(wide(limits::MAX_NODES));
    error(wide(10_000));
    let list = |length: usize| json!({"age": {"$in": vec![1; length]}});
    assert!(parse(list(limits::MAX_IN)).is_ok());
    error(list(limits::MAX_IN + 1));
    error(json!({"$or": vec![list(limits::MAX_IN); 5]}));
    error(json!({"data": vec![1; limits::MAX_VALUES + 1]}));

    assert!(parse(json!({"name": {"$contains": "ä".repeat(limits::MAX_PATTERN)}})).is_ok());
    error(json!({"name": {"$contains": "ä".repeat(limits::MAX_PATTERN + 1)}}));
    error(json!({"name": {"$like": "%a".repeat(limits::MAX_WILDCARDS + 1)}}));
    let like = |length: usize| json!({"name": {"$like": format!("{}%b", "ä".repeat(length - 2))}});
    assert!(parse(like(limits::MAX_LIKE)).is_ok());
    error(like(limits::MAX_LIKE + 1));
    assert!(parse(json!({"name": {"$like": format!("{}%", "a".repeat(limits::MAX_LIKE))}})).is_ok());
    error(json!({ format!("data{}", ".a".repeat(limits::MAX_DEPTH + 1)): 1 }));
    error(json!({ format!("data.{}", "a".repeat(limits::MAX_PATH)): 1 }));
}

#[test]
fn pairs_are_read_by_the_kind_of_their_column() {
    let pairs = |pairs: &[(&str, &str)]| Filter::parse_pairs(shape(), pairs, Access::Public);
    assert_eq!(
        pairs(&[("age", "18"), ("name", "18"), ("active", "true")]).unwrap(),
        test("age", Op::Eq(cell(18)))
            .and(test("name", Op::Eq(cell("18"))))
            .and(test("active", Op::Eq(cell(1))))
    );
    assert_eq!(
        pairs(&[("age[$gte]", "18"), ("age[lt]", "65")]).unwrap(),
        test("age", Op::Gte(cell(18))).and(test("age", Op::Lt(cell(65))))
    );
    assert_eq!(pairs(&[("age", "null")]).unwrap(), test("age", Op::Eq(Value::Null.into())));
    assert_eq!(pairs(&[("note", "null")]).unwrap(), test("note", Op::Eq(cell("null"))));
    assert_eq!(pairs(&[("note[$exists]", "false")]).unwrap(), test("note", Op::Exists(false)));
    assert_eq!(pairs(&[("name", "")]).unwrap(), test("name", Op::Eq(cell(""))));
    assert_eq!(pairs(&[("name[$in]", "a,b")]).unwrap(), test("name", Op::In(vec![cell("a"), cell("b")])));
    assert_eq!(pairs(&[("name[$in]", "")]).unwrap(), Filter::False);
    assert_eq!(pairs(&[("data", "a")]).unwrap(), test("data", Op::Eq(cell("a"))));
    assert_eq!(pairs(&[("data.0", "12")]).unwrap(), inside(vec![Step::Index(0)], Op::Eq(cell(12))));
    assert_eq!(pairs(&[("data.0", "\"12\"")]).unwrap(), inside(vec![Step::Index(0)], Op::Eq(cell("12"))));
    assert_eq!(pairs(&[("price", "1.50")]).unwrap(), test("price", Op::Eq(cell("1.50"))));
    assert_eq!(pairs(&[("at", "0")]).unwrap(), test("at", Op::Eq(cell("1970-01-01T00:00:00.000000000Z"))));
    for pair in [
        ("age", ""),
        ("age", "x"),
        ("age", "\"1\""),
        ("active", "1"),
        ("age[$not]", "1"),
        ("age[$gtt]", "1"),
        ("age[]", "1"),
        ("age[$contains]", "1"),
        ("password", "x"),
        ("note[$exists]", "yes"),
        ("$or", "[]"),
        ("", ""),
        ("]", ""),
        ("[", ""),
        ("[]", ""),
    ] {
        assert!(pairs(&[pair]).is_err_and(|error| error.is(Code::InvalidQuery)), "{pair:?}");
    }
}

#[test]
fn a_sort_has_three_forms() {
    let sort = |json: Json| parse_order(shape(), &json, Access::Public);
    let key = |name: &str, descending| Order { path: Path::column(column(name)), descending };
    let expected = vec![key("name", false), key("age", true)];
    for json in [
        json!("name,-age"),
        json!(" name , -age "),
        json!({"name": 1, "age": -1}),
        json!("{\"name\": 1, \"age\": -1}"),
        json!([["name", "asc"], ["age", "DESC"]]),
        json!(["+name", "-age"]),
    ] {
        assert_eq!(sort(json.clone()).unwrap(), expected, "{json}");
    }
    assert_eq!(sort(json!("")).unwrap(), []);
    assert_eq!(sort(json!("-data.a")).unwrap()[0].path.steps, [Step::Key("a".into())]);
    for json in [
        json!("data"),
        json!("nmae"),
        json!("password"),
        json!("age,-age"),
        json!("age,,name"),
        json!("age; DROP TABLE x"),
        json!({"age": 0}),
        json!({"age": "up"}),
        json!([["age"]]),
        json!([1]),
        json!(1),
        json!("{"),
        json!("data.a,data.b,data.c,data.d,data.e,data.f,data.g,data.h,data.i"),
    ] {
        assert!(sort(json.clone()).is_err_and(|error| error.is(Code::InvalidQuery)), "{json}");
    }
}

#[test]
fn fields_are_columns_that_the_caller_may_see() {
    // SCH-04
    let fields = |json: Json| parse_fields(shape(), &json, Access::Public);
    assert_eq!(fields(json!("name, age,name")).unwrap(), [column("name"), column("age")]);
    assert_eq!(fields(json!(["age"])).unwrap(), [column("age")]);
    assert_eq!(fields(json!("[\"age\"]")).unwrap(), [column("age")]);
    assert_eq!(fields(json!("")).unwrap(), [0_usize; 0]);
    for json in
        [json!("password"), json!("nmae"), json!("data.a"), json!("a,,b"), json!([1]), json!({}), json!(7)]
    {
        assert!(fields(json.clone()).is_err_and(|error| error.is(Code::InvalidQuery)), "{json}");
    }
}

#[test]
fn json_in_a_text_means_the_same_to_everybody() {
    for text in [r#"{"age":1,"age":-1}"#, r#"[{"a":1,"a":1}]"#, "[\"name\"", "{\"na\\u0000me\":1}"] {
        for result in [
            parse_order(shape(), &text.into(), Access::Public).map(drop),
            parse_fields(shape(), &text.into(), Access::Public).map(drop),
        ] {
            assert!(result.is_err_and(|error| error.is(Code::InvalidQuery)), "{text}");
        }
    }
    assert_eq!(parse_order(shape(), &r#"{"age":-1}"#.into(), Access::Public).unwrap().len(), 1);
}

/// JSON that looks like a filter often enough to get far.
fn nearly_a_filter() -> impl Strategy<Value = Json> {
    let key = proptest::sample::select(
        &[
            "name",
            "age",
            "ratio",
            "active",
            "at",
            "price",
            "data",
            "data.a.0",
            "data.",
            ".",
            "$and",
            "$or",
            "$nor",
            "$not",
            "$eq",
            "$gt",
            "$in",
            "$nin",
            "$exists",
            "$like",
            "$contains",
            "eq",
            "lt",
            "in",
            "like",
            "$",
            "",
        ][..],
    );
    any_json().prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|members| Json::Object(
                members.into_iter().map(|(key, json)| (key.to_owned(), json)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_json_comes_is_a_filter_or_an_error(json in nearly_a_filter(), name in "\\PC{0,12}", text in ".{0,12}") {
        for json in [json.clone(), json!({ name.clone(): json.clone() }), json!({ "age": json.clone() })] {
            if let Err(error) = parse(json.clone()) {
                prop_assert!(error.is(Code::InvalidQuery), "{}", error);
            }
            let _ = parse_order(shape(), &json, Access::Public);
            let _ = parse_fields(shape(), &json, Access::Public);
        }
        let _ = Filter::parse_pairs(shape(), &[(&name, &text), (&format!("age[{name}]"), &text)], Access::Public);
        let _ = parse_order(shape(), &text.as_str().into(), Access::Public);
    }
}
