//! SQL, memory and a naive reading give the same answers to filters through relations: random filters over random tables, with
//! absent, dangling and broken references among them.

use std::ops::ControlFlow;

use modeller::Model;
use proptest::prelude::*;
use proptest::test_runner::Config;
use rusqlite::{Connection, params_from_iter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use validator::Validate;

use super::agreement::native;
use super::{DIALECT, Sql, install};
use crate::model::{Link, Ref, Row, RowView, Shape, Value};
use crate::query::{Filter, Neighbours, Op, Operand, Path, Related};

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "people", crate = crate)]
struct Person {
    name: Option<String>,
    // The names of what SQLite's function for lists answers.
    value: Option<i64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[model(unique)]
    code: Option<i64>,
    boss: Option<Ref<Person>>,
    friends: Vec<Ref<Person>>,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "notes", crate = crate)]
struct Note {
    text: Option<String>,
    stars: Option<i64>,
    author: Option<Ref<Person>>,
    readers: Option<Vec<Ref<Person>>>,
    #[model(references = Person::CODE)]
    code: Option<i64>,
    #[model(references = Person::CODE)]
    codes: Vec<i64>,
}

/// All that a model's rows are linked by, along references and against them.
fn links(shape: &'static Shape) -> Vec<Link> {
    let to = Person::descriptor().shape();
    let mut links = Vec::new();
    for from in [to, Note::descriptor().shape()] {
        for (column, info) in from.columns.iter().enumerate() {
            let Some(target) = &info.references else { continue };
            let link = Link { from, column, to, target: to.index_of(&target.field).unwrap() };
            links.extend([link, link.turned()].into_iter().filter(|link| std::ptr::eq(link.from, shape)));
        }
    }
    links
}

/// What a filter is built from, whatever model it is for.
#[derive(Clone, Debug)]
enum Recipe {
    Test(usize, usize, usize),
    Not(Box<Recipe>),
    All(Vec<Recipe>),
    Any(Vec<Recipe>),
    Related { which: usize, among: Option<Box<Recipe>>, filter: Box<Recipe>, fulfils: bool },
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let test =
        (0..20_usize, 0..6_usize, 0..6_usize).prop_map(|(column, op, value)| Recipe::Test(column, op, value));
    test.prop_recursive(6, 14, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new).boxed();
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Recipe::All),
            1 => prop::collection::vec(inner, 0..3).prop_map(Recipe::Any),
            1 => boxed.clone().prop_map(Recipe::Not),
            4 => (0..20_usize, prop::option::weighted(0.3, boxed.clone()), boxed, any::<bool>()).prop_map(
                |(which, among, filter, fulfils)| Recipe::Related { which, among, filter, fulfils }
            ),
        ]
    })
}

fn filter(recipe: &Recipe, shape: &'static Shape) -> Filter {
    let all = |recipes: &[Recipe]| recipes.iter().map(|recipe| filter(recipe, shape)).collect();
    match recipe {
        Recipe::Test(column, op, value) => {
            let columns: Vec<usize> =
                [Shape::ID].into_iter().chain(Shape::FIELDS..shape.columns.len()).collect();
            let column = columns[column % columns.len()];
            let value = match shape.columns[column].kind {
                crate::model::Kind::Integer => Value::Integer(*value as i64),
                _ => Value::Text(["p0", "p1", "p2", "a", "b", "p9"][*value].into()),
            };
            let operand = Operand::Cell(value);
            let op = match op {
                0 => Op::Eq(operand),
                1 => Op::Ne(operand),
                2 => Op::Lt(operand),
                3 => Op::Gte(operand),
                4 => Op::Exists(true),
                _ => Op::In(vec![operand, Operand::Cell(Value::from("p1"))]),
            };
            Filter::Test(Path::column(column), op)
        }
        Recipe::Not(inner) => Filter::Not(Box::new(filter(inner, shape))),
        Recipe::All(recipes) => Filter::All(all(recipes)),
        Recipe::Any(recipes) => Filter::Any(all(recipes)),
        Recipe::Related { which, among, filter: inner, fulfils } => {
            let links = links(shape);
            let link = links[which % links.len()];
            let among = among.as_ref().map_or(Filter::True, |among| filter(among, link.to));
            let filter = filter(inner, link.to);
            Filter::Related(Box::new(Related { link, among, filter, fulfils: *fulfils }))
        }
    }
}

/// A cell of a reference, or of anything else: absent, right, dangling, and now and then nonsense.
fn cell(shape: &'static Shape, column: usize) -> BoxedStrategy<Value> {
    let info = &shape.columns[column];
    let texts = |texts: &'static [&'static str]| prop::sample::select(texts).prop_map(Value::from).boxed();
    let some = match (info.references.is_some(), info.kind) {
        (_, crate::model::Kind::Integer) => (0..6_i64).prop_map(Value::Integer).boxed(),
        (true, crate::model::Kind::Json) => texts(&[
            "[]",
            "[\"p1\"]",
            "[\"p0\",\"p1\",\"p1\"]",
            "[\"p9\",\"p2\"]",
            "[1]",
            "[0,1,2,1]",
            "[7]",
            "[\"1\",\"p1\"]",
            "[null,[\"p0\"],{\"a\":\"p1\"}]",
            "{\"a\":\"p1\",\"b\":1}",
            "\"p1\"",
            "1",
            "null",
            "[\"p1\"",
            "[1.0,2.5]",
        ]),
        (true, _) => texts(&["p0", "p1", "p2", "p9", "1"]),
        (false, _) => texts(&["a", "b", "p1", "1"]),
    };
    prop_oneof![1 => Just(Value::Null), 4 => some].boxed()
}

fn rows(shape: &'static Shape, prefix: &'static str) -> impl Strategy<Value = Vec<Row>> {
    let row: Vec<BoxedStrategy<Value>> = (0..shape.columns.len()).map(|column| cell(shape, column)).collect();
    prop::collection::vec(row.prop_map(Row), 0..6).prop_map(move |mut rows| {
        for (at, row) in rows.iter_mut().enumerate() {
            row[Shape::ID] = Value::Text(format!("{prefix}{at}"));
        }
        rows
    })
}

/// The rows of both models.
struct Tables {
    people: Vec<Row>,
    notes: Vec<Row>,
}

impl Tables {
    fn of(&self, shape: &Shape) -> &[Row] {
        if shape.path == "test/people" { &self.people } else { &self.notes }
    }
}

impl Neighbours for Tables {
    fn visit(
        &self,
        link: &Link,
        _: &dyn RowView,
        visit: &mut dyn FnMut(&dyn RowView) -> ControlFlow<()>,
    ) -> bool {
        let _ = self.of(link.to).iter().try_for_each(|row| visit(row));
        true
    }
}

/// All that a cell can be matched by.
fn values(shape: &Shape, column: usize, row: &Row) -> Vec<Json> {
    let text = row[column].as_text().unwrap_or_default();
    match &row[column] {
        Value::Text(_) if shape.columns[column].array => match serde_json::from_str(text) {
            Ok(Json::Array(elements)) => {
                elements.into_iter().filter(|one| one.is_string() || one.is_i64()).collect()
            }
            _ => Vec::new(),
        },
        Value::Text(text) => vec![text.as_str().into()],
        Value::Integer(number) => vec![(*number).into()],
        _ => Vec::new(),
    }
}

/// A filter read naively: row by row, everything with everything.
fn naive(filter: &Filter, shape: &'static Shape, row: &Row, tables: &Tables) -> Option<bool> {
    match filter {
        Filter::Related(related) => {
            let Related { link, among, filter, fulfils } = &**related;
            let mine = values(shape, link.column, row);
            let found = tables.of(link.to).iter().any(|other| {
                values(link.to, link.target, other).iter().any(|value| mine.contains(value))
                    && naive(among, link.to, other, tables) == Some(true)
                    && (naive(filter, link.to, other, tables) == Some(true)) == *fulfils
            });
            Some(found)
        }
        Filter::Not(inner) => naive(inner, shape, row, tables).map(|truth| !truth),
        Filter::All(all) => {
            let truths: Vec<_> = all.iter().map(|filter| naive(filter, shape, row, tables)).collect();
            if truths.contains(&Some(false)) {
                Some(false)
            } else {
                (!truths.contains(&None)).then_some(true)
            }
        }
        Filter::Any(any) => {
            let truths: Vec<_> = any.iter().map(|filter| naive(filter, shape, row, tables)).collect();
            if truths.contains(&Some(true)) { Some(true) } else { (!truths.contains(&None)).then_some(false) }
        }
        plain => plain.truth(shape, row),
    }
}

fn create(connection: &Connection, shape: &Shape) {
    let columns: Vec<String> = shape
        .columns
        .iter()
        .map(|column| match column.kind {
            crate::model::Kind::Integer => format!("\"{}\" INTEGER", column.column),
            _ => format!("\"{}\" TEXT", column.column),
        })
        .collect();
    let table = (DIALECT.table)(shape);
    connection.execute(&format!("CREATE TABLE \"{table}\" ({})", columns.join(", ")), []).unwrap();
}

fn fill(connection: &Connection, shape: &Shape, rows: &[Row]) {
    let table = (DIALECT.table)(shape);
    connection.execute(&format!("DELETE FROM \"{table}\""), []).unwrap();
    let marks = vec!["?"; shape.columns.len()].join(", ");
    let mut insert = connection.prepare(&format!("INSERT INTO \"{table}\" VALUES ({marks})")).unwrap();
    for row in rows {
        insert.execute(params_from_iter(row.0.iter().map(native))).unwrap();
    }
}

fn truths(connection: &Connection, shape: &Shape, filter: &Filter) -> Vec<Option<bool>> {
    let mut sql = Sql::new("SELECT ");
    sql.condition(shape, filter);
    sql.text.push_str(&format!(" FROM \"{}\" ORDER BY _id", (DIALECT.table)(shape)));
    let mut statement = connection.prepare(&sql.text).unwrap_or_else(|error| panic!("{error}: {}", sql.text));
    let truths =
        statement.query_map(params_from_iter(sql.binds.iter().map(native)), |row| row.get(0)).unwrap();
    truths.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}: {}", sql.text))
}

#[test]
fn random_filters_through_relations_give_the_same_in_sql_in_memory_and_naively() {
    // QRY-18 QRY-20
    let (people, notes) = (Person::descriptor().shape(), Note::descriptor().shape());
    assert_eq!((links(people).len(), links(notes).len()), (8, 4));
    let connection = Connection::open_in_memory().unwrap();
    install(&connection).unwrap();
    create(&connection, people);
    create(&connection, notes);
    let asked = std::env::var("MODELLER_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = Config { cases: asked.unwrap_or(400), failure_persistence: None, ..Config::default() };
    let cases = (rows(people, "p"), rows(notes, "n"), prop::collection::vec((any::<bool>(), recipe()), 4));
    proptest!(config, |((people_rows, note_rows, questions) in cases)| {
        let tables = Tables { people: people_rows, notes: note_rows };
        fill(&connection, people, &tables.people);
        fill(&connection, notes, &tables.notes);
        for (which, recipe) in &questions {
            let shape = if *which { people } else { notes };
            let filter = filter(recipe, shape);
            let rows = tables.of(shape);
            let memory: Vec<_> = rows.iter().map(|row| filter.truth_among(shape, row, &tables)).collect();
            let naive: Vec<_> = rows.iter().map(|row| naive(&filter, shape, row, &tables)).collect();
            prop_assert_eq!(&memory, &naive, "{:?}", filter);
            prop_assert_eq!(truths(&connection, shape, &filter), memory, "{:?}", filter);
        }
    });
}

#[test]
fn a_filter_through_relations_is_unknown_to_whom_they_are_unknown() {
    let shape = Note::descriptor().shape();
    let link = links(shape)[0];
    let row = Row(vec![Value::Null; shape.columns.len()]);
    for filter in [Filter::some_related(link, Filter::True), Filter::no_related(link, Filter::True)] {
        assert_eq!(filter.truth(shape, &row), None);
        assert!(!filter.matches(shape, &row));
    }
}

#[test]
fn related_rows_are_found_by_an_index() {
    let (people, notes) = (Person::descriptor().shape(), Note::descriptor().shape());
    let connection = Connection::open_in_memory().unwrap();
    install(&connection).unwrap();
    create(&connection, people);
    create(&connection, notes);
    for sql in
        ["CREATE UNIQUE INDEX by_id ON test_people (_id)", "CREATE INDEX by_author ON test_notes (author)"]
    {
        connection.execute(sql, []).unwrap();
    }
    let plan = |link: Link| {
        let mut sql = Sql::new(format!("EXPLAIN QUERY PLAN SELECT * FROM {}", (DIALECT.table)(link.from)));
        sql.where_clause(link.from, &Filter::some_related(link, Filter::True));
        let mut statement = connection.prepare(&sql.text).unwrap();
        let lines = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        lines.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    };
    let along = |shape: &'static Shape, name: &str| {
        let column = shape.index_of(name);
        links(shape).into_iter().find(|link| Some(link.column) == column && link.target == Shape::ID).unwrap()
    };
    for (link, index) in [
        (along(notes, "author"), "by_id"),
        (along(notes, "readers"), "by_id"),
        (along(notes, "author").turned(), "by_author"),
        (along(people, "boss"), "by_id"),
    ] {
        let plan = plan(link);
        assert!(plan.contains("SEARCH") && plan.contains(index), "{link:?}: {plan}");
    }
}
