//! Hostile payloads: each gets a typed 4xx, in bounded time and memory.
#![allow(missing_docs)]

mod common;

use std::time::{Duration, Instant};

use common::{Flat, Nested, field, flat, nested, shape};
use modeller::model::{Field, accept, check_json, merge};
use modeller::{Code, Error};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use validator::Validate;

fn refuse(json: &[u8]) -> Error {
    accept(shape::<Flat>(), json).map(drop).expect_err("a refusal")
}

fn flat_with(pointer: &str, raw: &str) -> String {
    let mut payload = flat();
    *payload.pointer_mut(pointer).unwrap() = "@@".into();
    payload.to_string().replace("\"@@\"", raw)
}

#[test]
fn what_is_no_json_is_a_parse_error_with_its_place() {
    let cases: &[&[u8]] = &[
        b"",
        b" ",
        b"{",
        b"{\"a\"",
        b"{\"a\":",
        b"{\"a\":1",
        b"{\"a\":1,}",
        b"{,}",
        b"{\"a\":1 \"b\":2}",
        b"{\"a\":NaN}",
        b"{\"a\":Infinity}",
        b"{\"a\":+1}",
        b"{\"a\":01}",
        b"{\"a\":-}",
        b"{\"a\":1.}",
        b"{\"a\":.5}",
        b"{\"a\":1e}",
        b"{\"a\":0x1}",
        b"{\"a\":1e999}",
        b"{\"a\":-1e999}",
        b"{\"a\":tru}",
        b"{\"a\":nulL}",
        b"{'a':1}",
        b"{a:1}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\\x\"}",
        b"{\"a\":\"\\u12\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\\udc00\"}",
        b"{\"a\":\"\\ud800\\u0041\"}",
        b"{\"a\":\"\\ud800\\ud800\"}",
        b"{\"a\":\"\\u0000\"}",
        b"{\"a\":\"\0\"}",
        b"{\"a\":\"\xff\"}",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"{} x",
        b"// c\n{}",
        b"[1,]",
        b"[1 2]",
        b"[",
        b"\"",
        b"{\"a\":\"\\",
        b"{\"a\":\"\\u",
        b"{\"\\ud800\":1}",
        b"{\"a\":[}",
        b"{\"a\":{]}}",
        b"\xed\xa0\x80",
        b"{\"\0\":1}",
    ];
    for case in cases {
        for error in [refuse(case), check_json(case).expect_err("a refusal")] {
            let shown = String::from_utf8_lossy(case);
            assert_eq!(error.code(), "PARSE_ERROR", "{shown}");
            let details = error.details().expect("details");
            assert!(
                details["line"].is_u64() && details["column"].is_u64() && details["offset"].is_u64(),
                "{shown}"
            );
            assert!(details["offset"].as_u64().unwrap() <= case.len() as u64);
        }
    }
    let error = refuse("{\n  \"é\": x\n}".as_bytes());
    assert_eq!(error.details(), Some(&json!({"line": 2, "column": 8, "offset": 10})));
    assert_eq!(error.message(), "expected a value, found 'x' at line 2, column 8");
}

#[test]
fn what_is_no_object_is_refused_as_ajv_would() {
    for case in ["null", "[]", "\"text\"", "5", "true", "[{}]"] {
        let error = refuse(case.as_bytes());
        let shown = serde_json::to_value(&error.violations()[0]).unwrap();
        let expected = json!({
            "instancePath": "", "keyword": "type", "message": "must be object", "params": {"type": "object"}, "schemaPath": "#/type"
        });
        assert_eq!(shown, expected, "{case}");
    }
}

#[test]
fn duplicate_keys_are_refused_at_every_level_however_they_are_written() {
    let long: String = (0..50).map(|n| format!("\"k{n}\":1,")).collect();
    for case in [
        r#"{"name":"a","name":"b"}"#.to_owned(),
        r#"{"name":"a","n\u0061me":"b"}"#.to_owned(),
        r#"{"unknown":1,"unknown":2}"#.to_owned(),
        r#"{"extra":{"a":1,"a":2}}"#.to_owned(),
        r#"{"extra":[[{"a":1,"\u0061":2}]]}"#.to_owned(),
        format!("{{\"extra\":{{{long}\"k\\u0037\":2}}}}"),
        format!("{{{long}\"k7\":2}}"),
    ] {
        let error = refuse(case.as_bytes());
        assert!(error.is(Code::ParseError) && error.message().contains("is there twice"), "{case}: {error}");
    }
    for fine in [r#"{"a":{"a":1},"b":{"a":1}}"#, r#"[{"a":1},{"a":1}]"#, r#"{"a":1,"A":2,"":3}"#] {
        assert!(check_json(fine.as_bytes()).is_ok(), "{fine}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| flat_with("/extra", &format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    assert!(accept(shape::<Flat>(), nested(63).as_bytes()).is_ok());
    assert_eq!(refuse(nested(64).as_bytes()).code(), "PARSE_ERROR");
    assert_eq!(refuse("[".repeat(100_000).as_bytes()).code(), "PARSE_ERROR");
    assert_eq!(refuse("{\"a\":".repeat(100_000).as_bytes()).code(), "PARSE_ERROR");
}

#[test]
fn integers_are_never_silently_rounded() {
    let row = |pointer: &str, raw: &str| {
        accept(shape::<Flat>(), flat_with(pointer, raw).as_bytes())
            .and_then(|record| record.to_row(shape::<Flat>()))
    };
    let total = shape::<Flat>().index_of("total").unwrap();
    for (raw, stored) in [
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("-0", 0),
        ("-0.0", 0),
        ("1.0", 1),
        ("1e3", 1000),
        ("9007199254740993", 9_007_199_254_740_993),
        ("9007199254740993.0", 9_007_199_254_740_993),
    ] {
        assert_eq!(row("/total", raw).unwrap()[total].as_integer(), Some(stored), "{raw}");
    }
    for raw in ["9223372036854775808", "-9223372036854775809", "1e19", "1e300", "0.5", "18446744073709551616"]
    {
        assert_eq!(row("/total", raw).expect_err(raw).code(), "VALIDATION_ERROR", "{raw}");
    }
    for raw in ["9223372036854775808", "-1"] {
        assert_eq!(row("/size", raw).expect_err(raw).code(), "VALIDATION_ERROR", "{raw}");
    }
}

#[test]
fn a_whole_float_in_an_integer_leaves_the_floats_beside_it_alone() {
    let shape = shape::<Flat>();
    let payload = flat_with("/extra", r#"{"ratio":2.0,"zero":-0.0}"#).replace("\"age\":30", "\"age\":30.0");
    assert!(payload.contains("30.0"));
    let row = accept(shape, payload.as_bytes()).unwrap().to_row(shape).unwrap();
    assert_eq!(row[shape.index_of("age").unwrap()].as_integer(), Some(30));
    assert_eq!(row[shape.index_of("extra").unwrap()].as_text(), Some(r#"{"ratio":2.0,"zero":-0.0}"#));
}

#[test]
fn system_and_unknown_fields_are_refused_by_name() {
    // SCH-13
    for name in [
        "_id",
        "_version",
        "_createdAt",
        "_updatedAt",
        "_expiresAt",
        "_deletedAt",
        "__proto__",
        "constructor",
        "emailAddress",
        "",
    ] {
        let mut payload = flat();
        payload[name] = json!(1);
        let error = refuse(payload.to_string().as_bytes());
        assert_eq!(error.violations()[0].params["additionalProperty"], name);
        let current =
            accept(shape::<Flat>(), flat().to_string().as_bytes()).unwrap().to_row(shape::<Flat>()).unwrap();
        let error =
            merge(shape::<Flat>(), &current, json!({name: 1}).to_string().as_bytes()).map(drop).unwrap_err();
        assert_eq!(error.violations()[0].params["additionalProperty"], name);
    }
}

#[test]
fn nested_unknown_members_are_refused() {
    for (pointer, name) in [
        ("/homeAddress", "x"),
        ("/event", "x"),
        ("/message/c", "x"),
        ("/message", "x"),
        ("/payment/Card", "x"),
        ("/strict/next", "x"),
        ("/byName/a", "x"),
    ] {
        let mut payload = nested();
        payload.pointer_mut(pointer).unwrap()[name] = json!(1);
        let error = accept(shape::<Nested>(), payload.to_string().as_bytes()).map(drop).expect_err(pointer);
        assert!(error.is(Code::ValidationError));
        assert!(
            error.violations().iter().any(|one| one.instance_path.starts_with(pointer)),
            "{pointer}: {error:?}"
        );
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct Patterned {
    #[schemars(regex(pattern = "^(a+)+$"))]
    loop_: Option<String>,
    #[schemars(regex(pattern = r"^\d{3}$"))]
    digits: Option<String>,
    #[schemars(email)]
    mail: Option<String>,
    #[schemars(length(max = 3))]
    short: Option<String>,
}

model!(
    Patterned,
    "tests" / "patterned",
    [Field::new("loop_", "loop_"), field("digits"), field("mail"), field("short")]
);

#[test]
fn patterns_and_formats_take_linear_time() {
    // SCH-09
    let try_one = |payload: Json| {
        let start = Instant::now();
        let result = accept(shape::<Patterned>(), payload.to_string().as_bytes()).map(drop);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        result
    };
    let catastrophe = format!("{}!", "a".repeat(50_000));
    assert!(try_one(json!({"loop_": catastrophe})).is_err());
    assert!(try_one(json!({"mail": format!("{}@{}", "a".repeat(10_000), "b.".repeat(10_000))})).is_err());
    assert!(try_one(json!({"mail": "\"quoted local\"@example.com"})).is_err());
    assert!(try_one(json!({"mail": "ann@bücher.example"})).is_ok());
    // What only the schema says is a rule like any other, and patterns mean what they mean in ECMA-262.
    assert!(try_one(json!({"short": "four"})).is_err());
    assert!(try_one(json!({"digits": "123"})).is_ok());
    assert!(try_one(json!({"digits": "١٢٣"})).is_err());
}

#[test]
fn a_payload_of_many_faults_gets_a_bounded_answer() {
    let many: String = (0..100_000).map(|n| format!("\"k{n}\":1,")).collect();
    let error = refuse(format!("{{{many}\"z\":1}}").as_bytes());
    assert!((1..=100).contains(&error.violations().len()));
    let error = refuse(flat_with("/tags", &format!("[{}1]", "1,".repeat(5_000))).as_bytes());
    assert_eq!(error.violations().len(), 100);
    let error = refuse(flat_with("/tags", &format!("[{}1]", "1,".repeat(500_000))).as_bytes());
    assert!((1..=100).contains(&error.violations().len()));
}

#[test]
fn errors_repeat_no_stored_value() {
    let mut current =
        accept(shape::<Flat>(), flat().to_string().as_bytes()).unwrap().to_row(shape::<Flat>()).unwrap();
    let code = shape::<Flat>().index_of("code").unwrap();
    // The stored private value no longer fits the schema.
    current[code] = modeller::model::Value::from("s3cret");
    let error = merge(shape::<Flat>(), &current, b"{\"age\":31}").map(drop).unwrap_err();
    assert!(!error.to_json().to_string().contains("s3cret"), "{error:?}");
}
