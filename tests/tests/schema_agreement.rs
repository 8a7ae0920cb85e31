//! Typed decode accepts exactly what the published schema accepts, and says why not as AJV would.
#![allow(missing_docs)]

mod common;

use common::{Flat, Nested, flat, nested, shape};
use modeller::model::{PayloadShape, accept};
use modeller::{Model, Result};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use validator::Validate;

/// One change of a payload: which node, and what happens to it.
#[derive(Clone, Debug)]
enum Change {
    Replace(usize, Json),
    Remove(usize),
    Add(usize, &'static str, Json),
    Swap(usize, usize),
}

fn scalar() -> impl Strategy<Value = Json> {
    let strings = prop::sample::select(vec![
        "",
        "a",
        "ab",
        "abc",
        "x",
        "user",
        "admin",
        "Low",
        "High",
        "Cash",
        "Text",
        "Ping",
        "moved",
        "gone",
        "ann@example.com",
        "a b@c.de",
        "no-at",
        "2000-02-30",
        "2024-02-29",
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05+02:00",
        "2026-13-02T03:04:05Z",
        "https://example.com",
        "not a uri",
        "0190f5c6-7b1a-7c3d-8e4f-5a6b7c8d9e0f",
        "0190f5c67b1a",
        "ééééééééééééééééééééé",
        "\u{1f600}",
        "\n\"\\",
    ])
    .prop_map(Json::from);
    let integers = prop_oneof![
        prop::sample::select(vec![
            0_i64,
            1,
            -1,
            5,
            127,
            128,
            -128,
            -129,
            150,
            151,
            255,
            256,
            65535,
            65536,
            1 << 31,
            1 << 32,
            -(1 << 31) - 1
        ]),
        -(1_i64 << 53)..(1 << 53),
    ]
    .prop_map(Json::from);
    let floats =
        prop::sample::select(vec![0.5, -0.0, 1.0, -1.0, 200.0, 1e10, 1e38, 4e38, -4e38, 1e300, 0.1, 1e15])
            .prop_map(Json::from);
    prop_oneof![strings, integers, floats, Just(Json::Null), any::<bool>().prop_map(Json::from)]
}

fn value() -> impl Strategy<Value = Json> {
    scalar().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map(
                prop::sample::select(vec![
                    "street", "number", "tags", "type", "t", "c", "on", "next", "Card", "Voucher", "5", "x"
                ]),
                inner,
                0..3
            )
            .prop_map(|map| map
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

fn change() -> impl Strategy<Value = Change> {
    let names = prop::sample::select(vec![
        "extra2", "_id", "_version", "street", "number", "type", "on", "5", "x", "to", "c",
    ]);
    prop_oneof![
        4 => (any::<usize>(), value()).prop_map(|(at, value)| Change::Replace(at, value)),
        2 => any::<usize>().prop_map(Change::Remove),
        2 => (any::<usize>(), names, value()).prop_map(|(at, name, value)| Change::Add(at, name, value)),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Change::Swap(a, b)),
    ]
}

fn pointers(value: &Json, at: String, out: &mut Vec<String>) {
    match value {
        Json::Object(map) => map.iter().for_each(|(key, value)| {
            pointers(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
        }),
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{at}/{index}"), out));
        }
        _ => {}
    }
    out.push(at);
}

fn apply(payload: &mut Json, change: &Change) {
    let mut all = Vec::new();
    pointers(payload, String::new(), &mut all);
    let pick = |at: usize| all[at % all.len()].clone();
    match change {
        Change::Replace(at, value) => {
            // The root is replaced too, now and then.
            if let Some(place) = payload.pointer_mut(&pick(*at)) {
                *place = value.clone();
            }
        }
        Change::Remove(at) => {
            let pointer = pick(*at);
            let Some((parent, key)) = pointer.rsplit_once('/') else { return };
            match payload.pointer_mut(parent) {
                Some(Json::Object(map)) => drop(map.remove(key)),
                Some(Json::Array(items)) => drop(items.remove(key.parse().unwrap())),
                _ => {}
            }
        }
        Change::Add(at, name, value) => match payload.pointer_mut(&pick(*at)) {
            Some(Json::Object(map)) => drop(map.insert((*name).into(), value.clone())),
            Some(Json::Array(items)) => items.push(value.clone()),
            _ => {}
        },
        Change::Swap(a, b) => {
            let other = payload.pointer(&pick(*b)).cloned().unwrap_or_default();
            if let Some(place) = payload.pointer_mut(&pick(*a)) {
                *place = other;
            }
        }
    }
}

fn payload(valid: fn() -> Json) -> impl Strategy<Value = Json> {
    prop::collection::vec(change(), 0..4).prop_map(move |changes| {
        let mut payload = valid();
        changes.iter().for_each(|change| apply(&mut payload, change));
        payload
    })
}

fn agrees<M: Model>(valid: fn() -> Json, cases: u32) {
    let shape = shape::<M>();
    agree(&shape.schema, |json| accept(shape, json).map(drop), valid, cases);
}

fn agree(schema: &Json, accept: impl Fn(&[u8]) -> Result<()>, valid: fn() -> Json, cases: u32) {
    let validator = jsonschema::options().should_validate_formats(true).build(schema).expect("a schema");
    accept(valid().to_string().as_bytes()).expect("the valid payload");
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let accepted = std::cell::Cell::new(0_u32);
    runner
        .run(&payload(valid), |payload| {
            let ours = accept(payload.to_string().as_bytes());
            accepted.set(accepted.get() + u32::from(ours.is_ok()));
            let valid = validator.is_valid(&payload);
            prop_assert_eq!(ours.is_ok(), valid, "{} {:?}", &payload, ours.err());
            if let Err(error) = ours {
                prop_assert_eq!(error.code(), "VALIDATION_ERROR");
                prop_assert!(!error.violations().is_empty());
                prop_assert!(error.violations().iter().all(|one| one.keyword != "decode"), "{:?}", error);
            }
            Ok(())
        })
        .unwrap();
    assert!(accepted.get() > cases / 20, "too few valid payloads: {}", accepted.get());
}

#[test]
fn decoding_accepts_what_the_schema_accepts() {
    // SCH-01, SCH-02, SCH-17
    agrees::<Flat>(flat, 3000);
    agrees::<Nested>(nested, 3000);
}

/// The same structs as payloads of methods: nobody has listed their fields.
fn agrees_as_payload<P: JsonSchema + DeserializeOwned + Validate + Send + 'static>(valid: fn() -> Json) {
    let shape = PayloadShape::build(|generator| generator.subschema_for::<P>(), &[]).unwrap();
    agree(&shape.schema, |json| shape.accept::<P>(json).map(drop), valid, 2000);
}

#[test]
fn a_payload_accepts_what_its_schema_accepts() {
    // SCH-17, SCH-20, RTE-07
    agrees_as_payload::<Flat>(flat);
    agrees_as_payload::<Nested>(nested);
}

/// A payload of several forms.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Order {
    Book { pages: u16 },
    Pen { colour: String, tip: Option<f32> },
    Nothing,
}

impl Validate for Order {
    fn validate(&self) -> std::result::Result<(), validator::ValidationErrors> {
        Ok(())
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Unit;

impl Validate for Unit {
    fn validate(&self) -> std::result::Result<(), validator::ValidationErrors> {
        Ok(())
    }
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct Everything {}

#[test]
fn payloads_of_other_forms_accept_what_their_schemas_accept() {
    agrees_as_payload::<Order>(|| json!({ "kind": "pen", "colour": "x", "tip": 0.5 }));
    agrees_as_payload::<Unit>(|| json!({}));
    agrees_as_payload::<Everything>(|| json!({}));
}

#[test]
fn what_is_no_object_is_no_payload() {
    fn fault<P: JsonSchema>() -> String {
        PayloadShape::build(|generator| generator.subschema_for::<P>(), &[]).unwrap_err()
    }
    for fault in
        [fault::<String>(), fault::<Vec<u8>>(), fault::<Json>(), fault::<(u8, u8)>(), fault::<Option<Unit>>()]
    {
        assert!(fault.contains("a payload is a struct with named fields"), "{fault}");
    }
}

fn samples(valid: fn() -> Json, count: usize) -> Vec<String> {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let strategy = payload(valid);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current().to_string()).collect()
}

#[test]
fn ajv_gives_the_same_verdicts() {
    // SCH-01, SCH-02
    for (shape, valid) in [(shape::<Flat>(), flat as fn() -> Json), (shape::<Nested>(), nested)] {
        let payloads = samples(valid, 2000);
        let Some(verdicts) = common::ajv(&shape.schema, &payloads) else { return };
        for (payload, verdict) in payloads.iter().zip(verdicts) {
            let ours = accept(shape, payload.as_bytes());
            assert_eq!(ours.is_ok(), verdict["valid"], "{payload}\n{:?}\n{verdict}", ours.err());
        }
    }
}

/// Sorted, so that the order in which keywords are tried does not count.
fn sorted(errors: &Json) -> Vec<String> {
    let mut all: Vec<String> = errors.as_array().unwrap().iter().map(ToString::to_string).collect();
    all.sort();
    all
}

fn ordered(errors: Vec<Json>) -> Json {
    let keys = ["instancePath", "keyword", "message", "params", "schemaPath"];
    errors
        .iter()
        .map(|error| {
            keys.iter().map(|key| ((*key).to_owned(), error[*key].clone())).collect::<serde_json::Map<_, _>>()
        })
        .map(Json::from)
        .collect()
}

fn same_errors<M: Model>(valid: fn() -> Json, faults: &[(&str, Json)]) {
    let shape = shape::<M>();
    let payloads: Vec<String> = faults
        .iter()
        .map(|(pointer, value)| {
            let mut payload = valid();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let parent = payload.pointer_mut(parent).unwrap();
            match (value.as_str(), parent) {
                (Some("REMOVED"), parent) => drop(parent.as_object_mut().unwrap().remove(key)),
                (_, Json::Array(items)) => items[key.parse::<usize>().unwrap()] = value.clone(),
                (_, parent) => parent[key] = value.clone(),
            }
            payload.to_string()
        })
        .collect();
    let Some(verdicts) = common::ajv(&shape.schema, &payloads) else { return };
    for (payload, verdict) in payloads.iter().zip(verdicts) {
        let error = accept(shape, payload.as_bytes()).map(drop).expect_err(payload);
        let mut ours = ordered(error.to_json()["errors"].as_array().unwrap().clone());
        // AJV compiles a recursive definition by itself, and its paths then forget which one it is. Ours don't.
        for error in ours.as_array_mut().unwrap() {
            let path = error["schemaPath"]
                .as_str()
                .unwrap()
                .replace("#/$defs/Payment/", "#/")
                .replace("#/$defs/Strict/", "#/");
            error["schemaPath"] = path.into();
        }
        let theirs = ordered(verdict["errors"].as_array().unwrap().clone());
        assert_eq!(sorted(&ours), sorted(&theirs), "{payload}\n{ours:#}\n{theirs:#}");
    }
}

#[test]
fn the_errors_of_a_fault_are_those_of_ajv() {
    // SCH-06, SCH-07, SCH-08, SCH-09, SCH-18
    same_errors::<Flat>(
        flat,
        &[
            ("/email", json!("REMOVED")),
            ("/email", json!("no-at")),
            ("/email", json!(5)),
            ("/email", json!(null)),
            ("/name", json!("ab")),
            ("/name", json!("abcdefghijklmnopqrstuvwxyz")),
            ("/nick", json!(5)),
            ("/nick", json!("elevenchars")),
            ("/role", json!("boss")),
            ("/role", json!(1)),
            ("/level", json!("Middle")),
            ("/age", json!(151)),
            ("/age", json!(-1)),
            ("/age", json!(1.5)),
            ("/age", json!("30")),
            ("/small", json!(-129)),
            ("/count", json!(-1)),
            ("/count", json!(4294967296_i64)),
            ("/price", json!(-0.5)),
            ("/ratio", json!(4e38)),
            ("/active", json!("true")),
            ("/tags", json!({})),
            ("/tags/1", json!(7)),
            ("/scores/x", json!("1")),
            ("/scores", json!([])),
            ("/born", json!("2000-02-30")),
            ("/seen", json!("2026-13-02T03:04:05Z")),
            ("/token", json!("0190f5c67b1a")),
            ("/site", json!("not a uri")),
            ("/code", json!("abc")),
            ("/letter", json!("ab")),
            ("/letter", json!("")),
            ("/completelyUnknown", json!(1)),
            ("/_version", json!(1)),
            ("/odd~1 name%é", json!(1)),
        ],
    );
    same_errors::<Nested>(
        nested,
        &[
            ("/homeAddress/street", json!("REMOVED")),
            ("/homeAddress/street", json!(1)),
            ("/homeAddress/number", json!(65536)),
            ("/homeAddress/planet", json!(65536)),
            ("/homeAddress", json!([])),
            ("/all/1/street", json!(null)),
            ("/byName/a/street", json!(null)),
            ("/bytes/0", json!(256)),
            ("/set", json!([1, 2, 1])),
            ("/three", json!([true, true])),
            ("/three/0", json!(1)),
            ("/nonzero", json!(0)),
            ("/pair/0", json!("a")),
            ("/pair", json!([1])),
            ("/either", json!(true)),
            ("/payment", json!("Free")),
            ("/strict/on", json!(1)),
            ("/strict/off", json!(1)),
            ("/work", json!(5)),
        ],
    );
}

#[test]
fn every_fault_of_a_payload_is_told_at_once() {
    // SCH-18
    let mut payload = flat();
    payload["email"] = json!("x");
    payload["age"] = json!(300);
    payload["emial"] = json!("y");
    payload.as_object_mut().unwrap().remove("name");
    let error = accept(shape::<Flat>(), payload.to_string().as_bytes()).map(drop).unwrap_err();
    let mut found: Vec<_> =
        error.violations().iter().map(|one| (one.instance_path.as_str(), one.keyword.as_str())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [("", "additionalProperties"), ("", "required"), ("/age", "maximum"), ("/email", "format")]
    );
    let unknown = error.violations().iter().find(|one| one.keyword == "additionalProperties").unwrap();
    assert_eq!(unknown.params, json!({"additionalProperty": "emial", "didYouMean": "email"}));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused_with_a_typed_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let error = accept(shape::<Flat>(), &bytes).map(drop).unwrap_err();
        prop_assert!(error.status() == 400, "{error}");
    }

    #[test]
    fn damaged_payloads_are_decided_without_a_panic(at in any::<usize>(), byte in any::<u8>(), cut in any::<bool>()) {
        for (shape, valid) in [(shape::<Flat>(), flat()), (shape::<Nested>(), nested())] {
            let mut bytes = valid.to_string().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if cut {
                bytes.truncate(at);
            }
            if let Err(error) = accept(shape, &bytes) {
                prop_assert!(error.status() == 400, "{error}");
            }
        }
    }
}
