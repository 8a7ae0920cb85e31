//! The indexes beside tables, for positions and for words: they find what a look at every row finds.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::connect::tests::scratch;
use super::migrate::migrate;
use super::select::{self, Bind};
use super::table::Tables;
use crate::model::{Row, Shape, Value};
use crate::query::geo::tests::{area, degrees};
use crate::query::{
    Area, BoundingBox, Circle, Filter, Point, Polygon, Search, Select, Within, select as in_memory,
};
use crate::store::{Apply, Rows};
use modeller::Model;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "places", geo(lat, lng), trash = "1d")]
struct Place {
    #[model(searchable)]
    name: Option<String>,
    #[model(searchable)]
    tags: Vec<String>,
    lat: Option<f64>,
    lng: Option<f64>,
}

fn shape() -> &'static Shape {
    Place::descriptor().shape()
}

fn database() -> (Connection, Tables) {
    let mut connection = scratch();
    let (_, tables) = migrate(&mut connection, &[shape()], Apply::Safe).unwrap();
    (connection, tables.unwrap())
}

fn row(at: usize) -> Row {
    let mut row = Row(vec![Value::Null; shape().columns.len()]);
    row[Shape::ID] = Value::Text(format!("{at:04}"));
    for column in [Shape::VERSION, Shape::CREATED_AT, Shape::UPDATED_AT] {
        row[column] = Value::Integer(1);
    }
    row[Place::TAGS.index()] = Value::from("[]");
    row
}

fn fill(connection: &Connection, tables: &Tables, rows: &[Row]) {
    connection.execute("DELETE FROM test_places", []).unwrap();
    let mut insert = connection.prepare(&tables.of(shape()).unwrap().insert).unwrap();
    for row in rows {
        insert.execute(rusqlite::params_from_iter(row.0.iter().map(Bind))).unwrap();
    }
}

fn found(connection: &Connection, tables: &Tables, select: &Select) -> Vec<String> {
    let mut rows = Rows::of(shape());
    select::rows(connection, tables.of(shape()).unwrap(), select, &mut *rows, &AtomicBool::new(false))
        .unwrap();
    rows.rows.iter().map(|row| row[Shape::ID].as_text().unwrap().to_owned()).collect()
}

fn expected<'r>(rows: &'r [Row], select: &Select) -> Vec<&'r str> {
    in_memory(rows, select).iter().filter_map(|row| row[Shape::ID].as_text()).collect()
}

fn within(area: Area) -> Filter {
    let pair = Place::LAT_LNG;
    Filter::Within(Box::new(Within { latitude: pair.latitude(), longitude: pair.longitude(), area }))
}

fn placed(rows: Vec<(Option<f64>, Option<f64>)>) -> Vec<Row> {
    let place = |(at, (lat, lng)): (usize, (Option<f64>, Option<f64>))| {
        let mut row = row(at);
        row[Place::LAT.index()] = lat.map_or(Value::Null, Value::Number);
        row[Place::LNG.index()] = lng.map_or(Value::Null, Value::Number);
        row
    };
    rows.into_iter().enumerate().map(place).collect()
}

fn coordinate(most: f64) -> impl Strategy<Value = Option<f64>> {
    prop_oneof![12 => degrees(most).prop_map(Some), 1 => Just(None), 1 => Just(Some(most * 2.0))]
}

#[test]
fn random_areas_give_the_same_rows_by_index_and_one_by_one() {
    // QRY-24 QRY-07
    let (connection, tables) = database();
    let rows = prop::collection::vec((coordinate(90.0), coordinate(180.0)), 0..40).prop_map(placed);
    let cases = (rows, prop::collection::vec(area(), 1..12));
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    let some = std::cell::Cell::new(0);
    proptest!(config, |((rows, areas) in cases)| {
        fill(&connection, &tables, &rows);
        for area in areas {
            let one = within(area.clone());
            for filter in [
                one.clone(),
                one.clone().negate(),
                one.clone().or(Filter::id("0003")),
                one.clone().and(Filter::id("0004").negate()),
                Filter::Not(Box::new(one.clone().and(Filter::Not(Box::new(one.clone()))))),
                one.clone().negate().or(one),
            ] {
                let select = Select::filtered(shape(), filter);
                let ids = found(&connection, &tables, &select);
                some.set(some.get() + ids.len());
                prop_assert_eq!(ids, expected(&rows, &select), "{:?}", select.filter);
            }
        }
    });
    assert!(some.get() > 5_000, "only {} rows were ever found", some.get());
}

fn plan(connection: &Connection, tables: &Tables, select: &Select) -> String {
    let (text, binds) = select::statement(tables.of(shape()).unwrap(), select);
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
    for at in 1..=binds {
        plan.raw_bind_parameter(at, 1).unwrap();
    }
    let lines: Vec<String> =
        plan.raw_query().mapped(|row| row.get(3)).collect::<rusqlite::Result<_>>().unwrap();
    lines.join("; ")
}

#[test]
fn positions_are_looked_up_in_the_index() {
    // QRY-24
    let (connection, tables) = database();
    let ring = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)].map(|(north, east)| Point::new(north, east));
    let live = Filter::Test(
        crate::query::Path::column(shape().deleted_at.unwrap()),
        crate::query::Op::Exists(false),
    );
    for area in [
        Area::from(Circle::new(48.0, 2.0, 1_000.0)),
        // Two boxes.
        Area::from(Circle::new(0.0, 180.0, 1_000.0)),
        Area::from(BoundingBox::new(Point::new(0.0, 0.0), Point::new(1.0, 1.0))),
        Area::from(Polygon::new(ring)),
    ] {
        for count in [None, Some(20)] {
            let select =
                Select { count, ..Select::filtered(shape(), within(area.clone()).and(live.clone())) };
            let plan = plan(&connection, &tables, &select);
            assert!(
                plan.contains("USING INTEGER PRIMARY KEY") && plan.contains("VIRTUAL TABLE INDEX 2"),
                "{plan}"
            );
        }
    }
}

fn worded(rows: Vec<(Option<String>, Vec<String>)>) -> Vec<Row> {
    let worded = |(at, (name, tags)): (usize, (Option<String>, Vec<String>))| {
        let mut row = row(at);
        row[Place::NAME.index()] = name.map_or(Value::Null, Value::Text);
        row[Place::TAGS.index()] = Value::Text(serde_json::to_string(&tags).unwrap());
        row
    };
    rows.into_iter().enumerate().map(worded).collect()
}

#[test]
fn random_searches_give_the_same_rows_by_index_and_one_by_one() {
    // X-12 QRY-07
    let (connection, tables) = database();
    let word = || {
        proptest::sample::select(vec![
            "rust",
            "Rusty",
            "RÜST",
            "rost",
            "crème",
            "creme",
            "日本",
            "日本語",
            "a",
            "x86",
            "C++",
            "ß",
            "ss",
            "\u{1f980}",
            "don't",
            "\"",
            "f0",
            "NEAR",
            "OR",
            "NOT",
            "हिन्दी",
            "\n",
            "{",
            "^a",
            "λόγος",
            "ΛΌΓΟΣ",
        ])
    };
    let text = || prop::collection::vec(word(), 0..6).prop_map(|words| words.join(" "));
    let rows = prop::collection::vec(
        (prop::option::weighted(0.8, text()), prop::collection::vec(text(), 0..3)),
        0..25,
    )
    .prop_map(worded);
    let piece = prop_oneof![
        6 => word().prop_map(str::to_owned),
        1 => word().prop_map(|word| format!("{word}*")),
        1 => word().prop_map(|word| format!("-{word}")),
        1 => (word(), word()).prop_map(|(one, other)| format!("\"{one} {other}\"")),
        1 => (word(), word()).prop_map(|(one, other)| format!("{one} OR {other}")),
        1 => (word(), word()).prop_map(|(one, other)| format!("{one}-{other}")),
    ];
    let query = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.join(" "));
    let fields = proptest::sample::select(vec![vec![], vec!["name"], vec!["tags"], vec!["tags", "name"]]);
    let cases = (rows, prop::collection::vec((query, fields), 1..20));
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    let some = std::cell::Cell::new(0);
    proptest!(config, |((rows, searches) in cases)| {
        fill(&connection, &tables, &rows);
        for (text, fields) in searches {
            let Ok(search) = Search::parse(shape(), &text) else { continue };
            let search = search.in_fields(shape(), &fields, crate::query::Access::Full).unwrap();
            let one = Filter::Search(Box::new(search));
            for filter in [one.clone(), one.clone().negate(), one.clone().or(Filter::id("0003")), one.and(Filter::id("0001").negate())] {
                let select = Select::filtered(shape(), filter);
                let mut ids = found(&connection, &tables, &select);
                // They come by rank.
                ids.sort();
                some.set(some.get() + ids.len());
                prop_assert_eq!(ids, expected(&rows, &select), "{:?} {:?}", text, select.filter);
            }
        }
    });
    assert!(some.get() > 5_000, "only {} rows were ever found", some.get());
}

#[test]
fn words_are_looked_up_in_the_index_and_ranked() {
    //
    let (connection, tables) = database();
    let names = ["a long text about rust and much else besides", "rust", "zig", "rust rust"];
    fill(
        &connection,
        &tables,
        &worded(names.iter().map(|name| (Some((*name).to_owned()), vec![])).collect()),
    );
    let search = Filter::Search(Box::new(Search::parse(shape(), "rust").unwrap()));
    let select = Select::filtered(shape(), search);
    assert_eq!(found(&connection, &tables, &select), ["0003", "0001", "0000"]);
    let plan = plan(&connection, &tables, &select);
    assert!(plan.contains("VIRTUAL TABLE INDEX") && plan.contains("USING INTEGER PRIMARY KEY"), "{plan}");
}

/// What is wrong with the indexes: nothing, if they have exactly what the tables have.
fn out_of_step(connection: &Connection) -> Vec<String> {
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let mut wrong = Vec::new();
    let geo = "SELECT count(*) FROM \"geo.test_places.lat,lng.boxes\"";
    let placed = "SELECT count(*) FROM test_places WHERE lat BETWEEN -90 AND 90 AND lng BETWEEN -180 AND 180";
    if count(geo) != count(placed) {
        wrong.push(format!("{} of {} positions", count(geo), count(placed)));
    }
    let strangers =
        "SELECT count(*) FROM \"geo.test_places.lat,lng.boxes\" i LEFT JOIN test_places t ON t._rowid = i.id
        WHERE t.lat IS NULL OR t.lat NOT BETWEEN i.south AND i.north OR t.lng NOT BETWEEN i.west AND i.east";
    if count(strangers) > 0 {
        wrong.push(format!("{} positions that are none", count(strangers)));
    }
    let docs = "SELECT count(*) FROM \"fts.test_places.words_docsize\"";
    if count(docs) != count("SELECT count(*) FROM test_places") {
        wrong.push(format!("words of {} rows", count(docs)));
    }
    connection
        .execute(
            "INSERT INTO \"fts.test_places.words\" (\"fts.test_places.words\") VALUES ('integrity-check')",
            [],
        )
        .unwrap();
    wrong
}

#[test]
fn every_way_of_writing_keeps_the_indexes_in_step() {
    // QRY-24 X-12
    let (connection, tables) = database();
    let rows = placed(vec![
        (Some(1.0), Some(1.0)),
        (None, Some(2.0)),
        (Some(3.0), Some(3.0)),
        (Some(100.0), Some(3.0)),
    ]);
    fill(&connection, &tables, &rows);
    assert!(out_of_step(&connection).is_empty(), "{:?}", out_of_step(&connection));
    for (sql, changes) in [
        ("UPDATE test_places SET lat = 2 WHERE _id < '0002'", 2),
        ("UPDATE test_places SET lat = NULL WHERE _id = '0000'", 1),
        ("UPDATE test_places SET name = 'new name', tags = '[\"one\"]'", 4),
        ("UPDATE test_places SET _deleted_at = 5 WHERE _id = '0001'", 1),
        ("UPDATE test_places SET lat = lat, lng = lng", 4),
        ("DELETE FROM test_places WHERE _id IN ('0001', '0003')", 2),
        ("DELETE FROM test_places", 2),
    ] {
        // What a trigger does is not counted: the store looks whether a row was there.
        assert_eq!(connection.execute(sql, []).unwrap(), changes, "{sql}");
        assert!(out_of_step(&connection).is_empty(), "{sql}: {:?}", out_of_step(&connection));
    }
    fill(&connection, &tables, &rows);
    connection
        .execute_batch(
            "BEGIN; SAVEPOINT work; DELETE FROM test_places; ROLLBACK TO work; RELEASE work; COMMIT",
        )
        .unwrap();
    assert!(out_of_step(&connection).is_empty(), "{:?}", out_of_step(&connection));
    // A statement that fails takes back what it did, the index's part too.
    let clash = "UPDATE test_places SET lat = 7, name = 'seven', _id = 'x'";
    assert!(connection.execute(clash, []).is_err());
    assert!(out_of_step(&connection).is_empty(), "{:?}", out_of_step(&connection));
    assert_eq!(
        connection
            .query_row(
                "SELECT count(*) FROM \"fts.test_places.words\" WHERE \"fts.test_places.words\" MATCH 'seven'",
                [],
                |row| row.get::<_, i64>(0)
            )
            .unwrap(),
        0
    );
}

#[test]
fn a_read_that_asks_an_index_beside_the_table_keeps_no_caller_waiting() {
    let words = || Filter::Search(Box::new(Search::parse(shape(), "a*").unwrap()));
    let near = || within(Circle::new(0.0, 0.0, 1.0).into());
    for filter in [words(), near().negate(), words().or(Filter::False).and(Filter::id("x"))] {
        let pinned = filter.and(Filter::id("x"));
        assert!(!super::cost::is_cheap(&Select::filtered(shape(), pinned.clone())), "{pinned:?}");
        assert!(!super::cost::is_cheap_count(shape(), &pinned), "{pinned:?}");
    }
    assert!(super::cost::is_cheap(&Select::filtered(shape(), Filter::id("x"))));
}
