//! Models for the tests of `model/`, written out by hand, and AJV.
#![allow(dead_code, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use modeller::Model;
use modeller::model::{Descriptor, Field, Shape, Site};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use validator::Validate;

pub const SITE: Site = Site { package: "tests", module: "common", file: "common/mod.rs", line: 1 };

#[macro_export]
macro_rules! model {
    ($type:ident, $scope:literal / $name:literal, [$($field:expr),* $(,)?] $($more:tt)*) => {
        impl modeller::Model for $type {
            fn descriptor() -> &'static modeller::model::Descriptor {
                static FIELDS: &[modeller::model::Field] = &[$($field),*];
                static DESCRIPTOR: modeller::model::Descriptor =
                    modeller::model::Descriptor::new::<$type>($scope, $name, stringify!($type), FIELDS, $crate::common::SITE) $($more)*;
                &DESCRIPTOR
            }
        }
    };
}

pub const fn field(name: &'static str) -> Field {
    Field::new(name, name)
}

pub fn shape<M: Model>() -> &'static Shape {
    let descriptor: &'static Descriptor = M::descriptor();
    descriptor.shape()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    #[default]
    User,
    Admin,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Level {
    /// Not much.
    Low,
    /// A lot.
    High,
}

/// Only scalars: the fast path decides alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Flat {
    #[validate(email)]
    pub email: String,
    #[validate(length(min = 3, max = 20))]
    pub name: String,
    #[validate(length(max = 10))]
    pub nick: Option<String>,
    #[serde(default)]
    pub role: Role,
    pub level: Option<Level>,
    #[validate(range(min = 0, max = 150))]
    pub age: u8,
    pub small: i8,
    pub count: u32,
    pub total: i64,
    pub size: u64,
    #[validate(range(min = 0.0))]
    pub price: f64,
    pub ratio: Option<f32>,
    pub active: bool,
    pub tags: Vec<String>,
    pub scores: BTreeMap<String, Option<i32>>,
    pub born: Option<jiff::civil::Date>,
    pub seen: jiff::Timestamp,
    pub token: Option<uuid::Uuid>,
    #[validate(url)]
    pub site: Option<String>,
    #[validate(contains(pattern = "x"))]
    pub code: Option<String>,
    pub letter: char,
    #[serde(default)]
    pub extra: Json,
}

model!(
    Flat,
    "tests" / "flats",
    [
        field("email").unique(),
        field("name"),
        field("nick"),
        field("role"),
        field("level"),
        field("age"),
        field("small"),
        field("count"),
        field("total"),
        field("size"),
        field("price"),
        field("ratio"),
        field("active"),
        field("tags"),
        field("scores"),
        field("born"),
        field("seen"),
        field("token"),
        field("site"),
        field("code").private(),
        field("letter"),
        field("extra"),
    ]
);

pub fn flat() -> Json {
    json!({
        "email": "ann@example.com", "name": "Ann Lee", "nick": null, "role": "admin", "level": "High", "age": 30,
        "small": -5, "count": 7, "total": -12345678901_i64, "size": 3, "price": 9.5, "ratio": 0.25, "active": true,
        "tags": ["a", "b"], "scores": {"x": 1, "y": null}, "born": "2000-02-29", "seen": "2026-01-02T03:04:05.5Z",
        "token": "0190f5c6-7b1a-7c3d-8e4f-5a6b7c8d9e0f", "site": "https://example.com/a?b=c", "code": "x1",
        "letter": "é", "extra": {"any": [1, "two", null]}
    })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    pub street: String,
    pub number: Option<u16>,
    #[serde(default)]
    pub tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Payment {
    Cash,
    Card { number: String, year: u16 },
    Voucher(String),
    Split(Box<Payment>, f64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Event {
    Moved(Address),
    Renamed { from: String, to: String },
    Gone,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
pub enum Message {
    Text(String),
    Place(Address),
    Ping,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NumberOrText {
    Number(i32),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Strict {
    pub on: bool,
    pub next: Option<Box<Strict>>,
}

/// Everything that can be nested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct Nested {
    pub home_address: Address,
    pub work: Option<Address>,
    pub all: Vec<Address>,
    pub by_name: BTreeMap<String, Address>,
    pub payment: Payment,
    pub event: Option<Event>,
    pub message: Message,
    pub either: NumberOrText,
    pub strict: Option<Strict>,
    pub pair: (i32, String),
    pub bytes: Vec<u8>,
    pub set: BTreeSet<i16>,
    pub three: [bool; 3],
    pub codes: BTreeMap<u32, f32>,
    pub nonzero: std::num::NonZeroI32,
}

model!(
    Nested,
    "tests" / "nested",
    [
        Field::new("home_address", "homeAddress"),
        field("work"),
        field("all"),
        Field::new("by_name", "byName"),
        field("payment"),
        field("event"),
        field("message"),
        field("either"),
        field("strict"),
        field("pair"),
        field("bytes"),
        field("set"),
        field("three"),
        field("codes"),
        field("nonzero"),
    ]
);

pub fn nested() -> Json {
    let address = json!({"street": "Long", "number": 5, "tags": ["x"]});
    json!({
        "homeAddress": address, "work": null, "all": [address, {"street": "Short"}], "byName": {"a": address},
        "payment": {"Card": {"number": "1", "year": 2030}},
        "event": {"type": "moved", "street": "S", "number": null, "tags": []},
        "message": {"t": "Place", "c": {"street": "S"}}, "either": 5, "strict": {"on": true, "next": {"on": false}},
        "pair": [1, "a"], "bytes": [0, 255], "set": [1, 2], "three": [true, false, true], "codes": {"5": 1.5},
        "nonzero": 3
    })
}

/// What AJV says of payloads, in order; `None` (and a loud word) if there is no node here.
pub fn ajv(schema: &Json, payloads: &[String]) -> Option<Vec<Json>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ajv");
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        missing("node");
        eprintln!("\n!!! node IS MISSING: AJV, the second judge, was NOT asked !!!\n");
        return None;
    }
    install(&folder);
    let mut child = Command::new("node")
        .arg(folder.join("judge.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut input = child.stdin.take().expect("stdin");
    let mut lines = String::new();
    for (at, payload) in payloads.iter().enumerate() {
        match at {
            0 => lines.push_str(&format!("{{\"schema\":{schema},\"payload\":{payload}}}\n")),
            _ => lines.push_str(&format!("{{\"payload\":{payload}}}\n")),
        }
    }
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).expect("node reads"));
    let output = BufReader::new(child.stdout.take().expect("stdout"));
    let verdicts: Vec<Json> =
        output.lines().map(|line| serde_json::from_str(&line.expect("utf-8")).expect("JSON")).collect();
    writer.join().expect("written");
    assert!(child.wait().expect("node ends").success());
    assert_eq!(verdicts.len(), payloads.len());
    Some(verdicts)
}

/// A program that tests need is not here. Where all tests are asked for, none passes for that reason.
fn missing(program: &str) {
    assert!(
        std::env::var_os("MODELLER_TEST_ALL").is_none(),
        "{program} is missing, and all tests are to run"
    );
}

/// `npm ci`, once: tests of several binaries may come here at the same time.
fn install(folder: &Path) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        if folder.join("node_modules/ajv-errors/package.json").exists() {
            return;
        }
        let status = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--silent"])
            .current_dir(folder)
            .status()
            .expect("npm starts");
        assert!(status.success(), "npm ci in tests/ajv failed");
    });
}
