//! A model with every kind of column, and random rows, filters and sorts of it, for tests.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

use super::{Filter, Op, Operand, Order, Path, Place, Step};
use crate::model::{Column, Descriptor, Field, Kind, Model, Row, Shape, Value};

/// Its struct.
#[derive(
    Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema, validator::Validate,
)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) age: Option<i64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) active: Option<bool>,
    #[schemars(extend("format" = "date-time"))]
    pub(crate) at: Option<String>,
    #[schemars(extend("pattern" = r"^-?[0-9]+(\.[0-9]+)?$"))]
    pub(crate) price: Option<String>,
    pub(crate) data: Json,
    pub(crate) tags: Vec<String>,
    pub(crate) password: Option<String>,
}

impl Sample {
    pub(crate) const NAME: Column<Sample, String> = Column::field(0);
    pub(crate) const AGE: Column<Sample, Option<i64>> = Column::field(2);
    pub(crate) const RATIO: Column<Sample, Option<f64>> = Column::field(3);
    pub(crate) const DATA: Column<Sample, Json> = Column::field(7);
    pub(crate) const TAGS: Column<Sample, Vec<String>> = Column::field(8);
}

const FIELDS: &[Field] = &[
    // The names of these two columns need their quotes.
    Field::new("select", "name"),
    Field::new("no\"te", "note"),
    Field::new("age", "age"),
    Field::new("ratio", "ratio"),
    Field::new("active", "active"),
    Field::new("at", "at"),
    Field::new("price", "price"),
    Field::new("data", "data"),
    Field::new("tags", "tags"),
    Field::new("password", "password").private(),
];

impl Model for Sample {
    fn descriptor() -> &'static Descriptor {
        static DESCRIPTOR: Descriptor =
            Descriptor::new::<Sample>("test", "samples", "Sample", FIELDS, crate::__site!());
        &DESCRIPTOR
    }
}

pub(crate) fn shape() -> &'static Shape {
    Sample::descriptor().shape()
}

/// The same columns, in another model.
#[cfg(feature = "engine")]
pub(crate) fn other_shape() -> &'static Shape {
    static OTHER: Descriptor = Descriptor::new::<Sample>("test", "others", "Other", FIELDS, crate::__site!());
    OTHER.shape()
}

/// Kind of each column, and whether it is nullable.
const COLUMNS: [(Kind, bool); 14] = [
    (Kind::Text, false),
    (Kind::Integer, false),
    (Kind::Integer, false),
    (Kind::Integer, false),
    (Kind::Text, false),
    (Kind::Text, true),
    (Kind::Integer, true),
    (Kind::Number, true),
    (Kind::Boolean, true),
    (Kind::DateTime, true),
    (Kind::Decimal, true),
    (Kind::Json, true),
    (Kind::Json, false),
    (Kind::Text, true),
];

#[test]
fn the_columns_are_of_all_kinds() {
    let columns: Vec<_> = shape().columns.iter().map(|column| (column.kind, column.nullable)).collect();
    assert_eq!(columns, COLUMNS);
}

/// A column of the shape, by its name.
pub(crate) fn column(name: &str) -> usize {
    shape().index_of(name).unwrap()
}

const TEXTS: [&str; 24] = [
    "",
    "a",
    "A",
    "ab",
    "abc",
    "abd",
    "b",
    "a%b",
    "a_b",
    "a\\",
    "\\%",
    "é",
    "e\u{301}",
    "ß",
    "\u{10FFFF}",
    "a\u{10FFFF}b",
    "x\0y",
    "x\0",
    "x",
    "日本",
    "'; DROP TABLE samples; --",
    "\"",
    "null",
    "1",
];
const INTEGERS: [i64; 12] = [
    0,
    1,
    -1,
    2,
    100,
    i64::MAX,
    i64::MIN,
    i64::MAX - 1,
    1 << 53,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    1_700_000_000_000,
];
const FLOATS: [f64; 15] = [
    0.0,
    -0.0,
    1.0,
    1.5,
    -1.5,
    100.0,
    9_007_199_254_740_992.0,
    9_007_199_254_740_994.0,
    -9_007_199_254_740_992.0,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    f64::MAX,
    f64::MIN_POSITIVE,
    5e-324,
    0.1,
];
const TIMES: [&str; 4] = [
    "0000-01-01T00:00:00.000000000Z",
    "1970-01-01T00:00:00.000000000Z",
    "2026-01-02T03:04:05.500000000Z",
    "9999-12-31T23:59:59.999999999Z",
];
const DECIMALS: [&str; 10] = ["0", "-0.0", "1", "1.0", "1.00", "10", "9.5", "1e2", "-3", "100"];

pub(crate) fn value(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Text => select(&TEXTS[..]).prop_map(Value::from).boxed(),
        Kind::Integer => select(&INTEGERS[..]).prop_map(Value::Integer).boxed(),
        Kind::Number => select(&FLOATS[..]).prop_map(Value::Number).boxed(),
        Kind::Boolean => (0..=1_i64).prop_map(Value::Integer).boxed(),
        Kind::DateTime => select(&TIMES[..]).prop_map(Value::from).boxed(),
        Kind::Decimal => select(&DECIMALS[..]).prop_map(Value::from).boxed(),
        Kind::Json => prop_oneof![
            20 => any_json().prop_map(|json| Value::Text(json.to_string())),
            1 => Just(Value::from("{\"a\":1")),
        ]
        .boxed(),
    }
}

pub(crate) fn any_json() -> BoxedStrategy<Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        select(&TEXTS[..]).prop_map(Json::from),
        select(&INTEGERS[..]).prop_map(Json::from),
        select(&FLOATS[..]).prop_map(Json::from),
        Just(json!(u64::MAX)),
        Just(json!([])),
        Just(json!({})),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((select(&KEYS[..]), inner), 0..4).prop_map(|members| {
                Json::Object(members.into_iter().map(|(key, json)| (key.to_owned(), json)).collect())
            }),
        ]
    })
    .boxed()
}

pub(crate) const KEYS: [&str; 8] = ["a", "b", "0", "1", "a\"b", "é", "x\0", "$.a[0]"];

pub(crate) fn row() -> impl Strategy<Value = Row> {
    let cells: Vec<BoxedStrategy<Value>> = COLUMNS
        .iter()
        .map(|&(kind, nullable)| match nullable {
            true => prop_oneof![1 => Just(Value::Null), 3 => value(kind)].boxed(),
            false => value(kind),
        })
        .collect();
    cells.prop_map(Row)
}

/// Rows with different ids.
pub(crate) fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..most).prop_map(|mut rows| {
        for (at, row) in rows.iter_mut().enumerate() {
            row[Shape::ID] = Value::Text(format!("id-{at:03}"));
        }
        rows
    })
}

pub(crate) fn path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![
        2 => select(&KEYS[..]).prop_map(|key| Step::Key(key.into())),
        1 => (0..3_u32).prop_map(Step::Index),
    ];
    let data = column("data");
    prop_oneof![
        8 => (0..COLUMNS.len()).prop_map(Path::column),
        1 => Just(Path::column(data)),
        5 => prop::collection::vec(step.clone(), 1..3).prop_map(move |steps| Path { column: data, steps }),
        // Into a plain column, where there is nothing.
        1 => ((0..COLUMNS.len()), step).prop_map(|(column, step)| Path { column, steps: vec![step] }),
    ]
}

fn operand(path: &Path) -> BoxedStrategy<Operand> {
    let kind = COLUMNS[path.column].0;
    let number = prop_oneof![value(Kind::Integer), value(Kind::Number)].prop_map(Operand::Cell);
    let inside = any_json().prop_map(Operand::from_json);
    let usual = match kind {
        Kind::Json => inside.clone().boxed(),
        Kind::Integer | Kind::Number => number.boxed(),
        kind => value(kind).prop_map(Operand::Cell).boxed(),
    };
    let odd = prop_oneof![
        inside,
        Just(Operand::Cell(Value::Null)),
        Just(Operand::Boolean(true)),
        select(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY][..])
            .prop_map(|float| Operand::Cell(Value::Number(float))),
    ];
    prop_oneof![9 => usual, 1 => odd].boxed()
}

fn op(path: &Path) -> BoxedStrategy<Op> {
    let one = operand(path);
    let several = prop::collection::vec(operand(path), 0..6);
    let text = select(&TEXTS[..]).prop_map(str::to_owned);
    let pattern =
        select(&["%", "a%", "%b", "%a%", "_", "a_b", "a\\%b", "a\\_b", "%\\", "", "abc", "x_y", "_%_"][..]);
    let place = select(&[Place::Before, Place::Same, Place::After][..]);
    prop_oneof![
        2 => one.clone().prop_map(Op::Eq),
        2 => one.clone().prop_map(Op::Ne),
        1 => one.clone().prop_map(Op::Gt),
        1 => one.clone().prop_map(Op::Gte),
        1 => one.clone().prop_map(Op::Lt),
        1 => one.clone().prop_map(Op::Lte),
        1 => several.clone().prop_map(Op::In),
        1 => several.prop_map(Op::Nin),
        1 => any::<bool>().prop_map(Op::Exists),
        1 => text.clone().prop_map(Op::Contains),
        1 => text.clone().prop_map(Op::StartsWith),
        1 => text.prop_map(Op::EndsWith),
        1 => pattern.clone().prop_map(|pattern| Op::Like(pattern.into())),
        1 => pattern.prop_map(Op::like),
        2 => (place, one).prop_map(|(place, operand)| Op::Stands(place, operand)),
    ]
    .boxed()
}

pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    let test = path().prop_flat_map(|path| op(&path).prop_map(move |op| Filter::Test(path.clone(), op)));
    let leaf = prop_oneof![1 => Just(Filter::True), 1 => Just(Filter::False), 30 => test];
    leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

pub(crate) fn order() -> impl Strategy<Value = Vec<Order>> {
    let key = (path(), any::<bool>()).prop_map(|(path, descending)| Order { path, descending });
    prop::collection::vec(key, 0..4)
}
