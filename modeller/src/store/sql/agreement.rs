//! SQL and memory give the same rows in the same order: random filters and sorts over random tables.

use proptest::prelude::*;
use proptest::test_runner::Config;
use rusqlite::{Connection, params_from_iter};

use super::{Sql, install};
use crate::model::{Kind, Row, Shape, Value};
use crate::query::fixture::{filter, order, row, rows, shape};
use crate::query::{Access, Cursor, Filter, Op, Operand, Order, Path, Seal, Select, compare, select};

/// `MODELLER_CASES=20000 cargo test -p modeller agreement` looks longer.
pub(super) fn config(cases: u32) -> Config {
    let asked = std::env::var("MODELLER_CASES").ok().and_then(|cases| cases.parse().ok());
    Config { cases: asked.unwrap_or(cases), failure_persistence: None, ..Config::default() }
}

pub(super) fn native(value: &Value) -> rusqlite::types::Value {
    match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Integer(integer) => rusqlite::types::Value::Integer(*integer),
        Value::Number(float) => rusqlite::types::Value::Real(*float),
        Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
    }
}

pub(super) fn table(indexed: bool) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    install(&connection).unwrap();
    let mut sql = Sql::new("CREATE TABLE samples (");
    for (at, column) in shape().columns.iter().enumerate() {
        sql.text.push_str(if at == 0 { "" } else { ", " });
        sql.quoted(&column.column);
        sql.text.push_str(match column.kind {
            Kind::Integer | Kind::Boolean => " INTEGER",
            Kind::Number => " REAL",
            _ => " TEXT",
        });
        sql.text.push_str(if at == 0 { " PRIMARY KEY NOT NULL" } else { "" });
    }
    sql.text.push(')');
    connection.execute(&sql.text, []).unwrap();
    for (at, column) in shape().columns.iter().enumerate().filter(|_| indexed) {
        let mut sql = Sql::new(format!("CREATE INDEX index_{at} ON samples ("));
        sql.column(column);
        sql.text.push_str(", _id)");
        connection.execute(&sql.text, []).unwrap();
    }
    connection
}

pub(super) fn insert(connection: &Connection, rows: &[Row]) {
    let marks = vec!["?"; shape().columns.len()].join(", ");
    let mut insert = connection.prepare(&format!("INSERT INTO samples VALUES ({marks})")).unwrap();
    for row in rows {
        insert.execute(params_from_iter(row.0.iter().map(native))).unwrap();
    }
}

fn ids(connection: &Connection, filter: &Filter, order: &[Order], limit: i64) -> Vec<String> {
    let mut sql = Sql::new("SELECT _id FROM samples");
    sql.where_clause(shape(), filter);
    sql.order_clause(shape(), order);
    sql.text.push_str(" LIMIT ");
    sql.bind(Value::Integer(limit));
    let mut statement = connection.prepare(&sql.text).unwrap_or_else(|error| panic!("{error}: {}", sql.text));
    let ids = statement.query_map(params_from_iter(sql.binds.iter().map(native)), |row| row.get(0)).unwrap();
    ids.collect::<Result<_, _>>().unwrap()
}

/// True, false or unknown, row by row.
fn truths(connection: &Connection, filter: &Filter) -> Vec<Option<bool>> {
    let mut sql = Sql::new("SELECT ");
    sql.condition(shape(), filter);
    sql.text.push_str(" FROM samples ORDER BY _id");
    let mut statement = connection.prepare(&sql.text).unwrap_or_else(|error| panic!("{error}: {}", sql.text));
    let truths =
        statement.query_map(params_from_iter(sql.binds.iter().map(native)), |row| row.get(0)).unwrap();
    truths.collect::<Result<_, _>>().unwrap()
}

fn in_memory<'a>(rows: &'a [Row], filter: &Filter, order: &[Order]) -> Vec<&'a str> {
    let mut selected = Select::filtered(shape(), filter.clone());
    selected.order = order.to_vec();
    select(rows, &selected).iter().filter_map(|row| row[Shape::ID].as_text()).collect()
}

#[test]
fn random_filters_give_the_same_rows_in_sql_and_in_memory() {
    // QRY-07
    let tables = [table(false), table(true)];
    let cases = (rows(12), prop::collection::vec((filter(), order()), 4));
    proptest!(config(600), |((rows, questions) in cases)| {
        for connection in &tables {
            connection.execute("DELETE FROM samples", []).unwrap();
            insert(connection, &rows);
            for (filter, order) in &questions {
                let expected: Vec<_> = rows.iter().map(|row| filter.truth(shape(), row)).collect();
                prop_assert_eq!(truths(connection, filter), expected, "{:?}", filter);
                prop_assert_eq!(ids(connection, filter, order, -1), in_memory(&rows, filter, order), "{:?}", order);
            }
        }
    });
}

#[test]
fn filters_from_the_wire_give_the_same_rows_in_sql_and_in_memory() {
    // QRY-07 QRY-08
    use crate::query::fixture::{any_json, value};
    use proptest::sample::select;
    use serde_json::{Value as Json, json};

    let fields = [
        "_id", "_version", "name", "note", "age", "ratio", "active", "at", "price", "data", "data.a",
        "data.0", "data.a.b", "tags", "tags.1",
    ];
    let operators = [
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$exists",
        "$contains",
        "$startsWith",
        "$endsWith",
        "$like",
        "gt",
        "in",
    ];
    // What the column takes, as the wire has it; now and then something else.
    let right = |field: &str| match shape().index_of(field).map(|column| shape().columns[column].kind) {
        Some(Kind::Boolean) => any::<bool>().prop_map(Json::from).boxed(),
        Some(kind @ (Kind::Integer | Kind::Number)) => {
            prop_oneof![value(kind), value(Kind::Integer), value(Kind::Number)]
                .prop_map(|value| Operand::Cell(value).to_json().unwrap())
                .boxed()
        }
        None | Some(Kind::Json) => any_json(),
        Some(kind) => value(kind).prop_map(|value| Operand::Cell(value).to_json().unwrap()).boxed(),
    };
    let test =
        (select(fields.to_vec()), select(operators.to_vec())).prop_flat_map(move |(field, operator)| {
            let usual = match operator {
                "$in" | "in" | "$nin" => {
                    prop::collection::vec(right(field), 0..4).prop_map(Json::from).boxed()
                }
                "$exists" => any::<bool>().prop_map(Json::from).boxed(),
                "$contains" | "$startsWith" | "$endsWith" | "$like" => {
                    value(Kind::Text).prop_map(|value| Operand::Cell(value).to_json().unwrap()).boxed()
                }
                _ => right(field),
            };
            prop_oneof![15 => usual, 1 => any_json()].prop_map(move |json| match operator {
                "$eq" => json!({ field: json }),
                operator => json!({ field: { operator: json } }),
            })
        });
    let wire = test.prop_recursive(3, 8, 3, |inner| {
        (select(&["$and", "$or", "$nor"][..]), prop::collection::vec(inner, 1..3))
            .prop_map(|(connective, inner)| json!({ connective: inner }))
    });
    let connection = table(true);
    let parsed = std::cell::Cell::new(0);
    proptest!(config(1_200), |(rows in rows(8), wire in wire)| {
        if let Ok(filter) = Filter::parse(shape(), &wire, Access::Full) {
            parsed.set(parsed.get() + 1);
            connection.execute("DELETE FROM samples", []).unwrap();
            insert(&connection, &rows);
            let expected: Vec<_> = rows.iter().map(|row| filter.truth(shape(), row)).collect();
            prop_assert_eq!(truths(&connection, &filter), expected, "{}", wire);
        }
    });
    assert!(parsed.get() > 500, "only {} filters were valid", parsed.get());
}

#[test]
fn pages_by_cursor_visit_each_row_once_while_others_are_inserted() {
    // QRY-14
    let connection = table(true);
    let cases = (rows(20), prop::collection::vec(row(), 0..6), filter(), order(), 1..5_usize);
    proptest!(config(400), |((rows, new, filter, order, count) in cases)| {
        connection.execute("DELETE FROM samples", []).unwrap();
        insert(&connection, &rows);
        let mut all = rows.clone();
        let mut new = new.into_iter().enumerate();
        let seal = Seal { key: &[7; 32], shape: shape(), filter: &filter, order: &order, identity: "" };
        let (mut seen, mut after) = (Vec::new(), Filter::True);
        loop {
            let page_filter = filter.clone().and(after);
            let page = ids(&connection, &page_filter, &order, count as i64);
            let memory = in_memory(&all, &page_filter, &order);
            prop_assert_eq!(&page, &memory[..page.len()], "{:?}", page_filter);
            prop_assert!(page.len() == count || page.len() == memory.len());
            let Some(last) = page.last() else { break };
            let last = all.iter().find(|row| row[Shape::ID].as_text() == Some(last)).unwrap();
            let text = Cursor::of(shape(), &order, last).encode(&seal);
            after = Cursor::decode(&text, &seal).unwrap().after(shape(), &order);
            seen.extend(page);
            if let Some((at, mut row)) = new.next() {
                row[Shape::ID] = Value::Text(format!("id-0{at:02}-new"));
                insert(&connection, std::slice::from_ref(&row));
                all.push(row);
            }
        }
        let stable: Vec<&String> = seen.iter().filter(|id| !id.ends_with("-new")).collect();
        prop_assert_eq!(stable, in_memory(&rows, &filter, &order));
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), seen.len());
        // What was seen is in order.
        let place = |id: &String| all.iter().find(|row| row[Shape::ID].as_text() == Some(id)).unwrap();
        prop_assert!(seen.is_sorted_by(|a, b| compare(shape(), &order, place(a), place(b)).is_lt()));
    });
}

fn text_of(filter: &Filter) -> String {
    let mut sql = Sql::new("");
    sql.where_clause(shape(), filter);
    sql.text
}

fn test(name: &str, op: Op) -> Filter {
    Filter::Test(Path::column(crate::query::fixture::column(name)), op)
}

#[test]
fn the_text_does_not_depend_on_the_values() {
    let one =
        test("name", Op::Eq(Value::from("a").into())).and(test("age", Op::Gt(Value::Integer(1).into())));
    let other =
        test("name", Op::Eq(Value::from("'\"").into())).and(test("age", Op::Gt(Value::Number(0.5).into())));
    assert_eq!(text_of(&one), text_of(&other));
    assert_eq!(text_of(&one), " WHERE \"select\" = ? AND \"age\" > ?");
    let list = |length: i64| {
        test("age", Op::In((0..length).map(|number| Operand::from(Value::Integer(number))).collect()))
    };
    assert_eq!(text_of(&list(5)), text_of(&list(8)));
    assert_eq!(text_of(&list(3)), " WHERE \"age\" IN (?, ?, ?, ?)");
    assert_eq!(text_of(&test("note", Op::Exists(false))), " WHERE \"no\"\"te\" IS NULL");
    assert_eq!(text_of(&Filter::True), "");
}

#[test]
fn a_sort_ends_with_the_id() {
    let clause = |order: &[Order]| {
        let mut sql = Sql::new("");
        sql.order_clause(shape(), order);
        sql.text
    };
    let key = |name: &str, descending| Order {
        path: Path::column(crate::query::fixture::column(name)),
        descending,
    };
    assert_eq!(clause(&[]), " ORDER BY \"_id\"");
    assert_eq!(clause(&[key("age", true)]), " ORDER BY \"age\" DESC, \"_id\"");
    assert_eq!(clause(&[key("_id", true), key("age", false)]), " ORDER BY \"_id\" DESC");
}

#[test]
fn equality_ranges_and_prefixes_use_an_index() {
    // SCH-25
    let connection = table(true);
    let order = [Order { path: Path::column(crate::query::fixture::column("age")), descending: false }];
    let mut row = Row(vec![Value::Null; shape().columns.len()]);
    row[Shape::ID] = Value::from("x");
    row[order[0].path.column] = Value::Integer(7);
    for filter in [
        test("name", Op::Eq(Value::from("a").into())),
        test("name", Op::StartsWith("a".into())),
        test("age", Op::Gte(Value::Integer(1).into())),
        test("age", Op::In(vec![Value::Integer(1).into(), Value::Integer(2).into()])),
        test("price", Op::Eq(Value::from("1.0").into())),
        Cursor::of(shape(), &order, &row).after(shape(), &order),
    ] {
        let mut sql = Sql::new("EXPLAIN QUERY PLAN SELECT * FROM samples");
        sql.where_clause(shape(), &filter);
        if matches!(filter, Filter::All(_)) {
            sql.order_clause(shape(), &order);
        }
        let mut statement = connection.prepare(&sql.text).unwrap();
        let plan: Vec<String> = statement
            .query_map(params_from_iter(sql.binds.iter().map(native)), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(plan[0].starts_with("SEARCH samples USING INDEX"), "{} {plan:?}", sql.text);
    }
}

#[test]
fn the_widest_filter_is_still_a_statement() {
    let wide: Vec<Filter> =
        (0..990).map(|number| test("age", Op::Eq(Value::Integer(number).into()))).collect();
    let connection = table(false);
    assert!(ids(&connection, &Filter::Any(wide), &[], 1).is_empty());
    let numbers: Vec<Operand> = (0..1_000).map(|number| Value::Integer(number).into()).collect();
    let lists = vec![test("age", Op::In(numbers)); 4];
    assert!(ids(&connection, &Filter::All(lists), &[], 1).is_empty());
    let deep = (0..32).fold(test("age", Op::Exists(true)), |filter, _| Filter::Not(Box::new(filter)));
    assert!(ids(&connection, &deep, &[], 1).is_empty());
}

#[test]
fn a_statement_is_used_again_with_other_values() {
    let connection = table(false);
    let mut row = Row(vec![Value::Null; shape().columns.len()]);
    row[Shape::ID] = Value::from("x");
    row[crate::query::fixture::column("data")] = Value::from("{\"a\":1}");
    insert(&connection, &[row]);
    let question = |number: i64| {
        let mut sql = Sql::new("SELECT count(*) FROM samples");
        let path = Path {
            column: crate::query::fixture::column("data"),
            steps: vec![crate::query::Step::Key("a".into())],
        };
        sql.where_clause(shape(), &Filter::Test(path, Op::Eq(Value::Integer(number).into())));
        sql
    };
    let mut statement = connection.prepare(&question(1).text).unwrap();
    for (number, expected) in [(1, 1), (2, 0), (1, 1)] {
        let sql = question(number);
        let found: i64 =
            statement.query_row(params_from_iter(sql.binds.iter().map(native)), |row| row.get(0)).unwrap();
        assert_eq!(found, expected);
    }
}

#[test]
fn integers_that_are_no_float_are_not_rounded_beside_floats() {
    let ratio = crate::query::fixture::column("ratio");
    for connection in [table(false), table(true)] {
        let rows: Vec<Row> =
            [9_007_199_254_740_992.0, 9_007_199_254_740_994.0, -9_007_199_254_740_992.0, 1.8e16]
                .iter()
                .enumerate()
                .map(|(at, float)| {
                    let mut row = Row(vec![Value::Null; shape().columns.len()]);
                    row[Shape::ID] = Value::Text(format!("{at}"));
                    row[ratio] = Value::Number(*float);
                    row
                })
                .collect();
        insert(&connection, &rows);
        for integer in [(1 << 53) + 1, (1 << 53) + 3, -(1 << 53) - 1, i64::MAX] {
            let one = || Operand::from(Value::Integer(integer));
            let list = || vec![one(), Value::Integer(1).into(), Value::Integer(2).into()];
            for op in [
                Op::Eq(one()),
                Op::Ne(one()),
                Op::Gt(one()),
                Op::Gte(one()),
                Op::Lt(one()),
                Op::Lte(one()),
                Op::In(list()),
                Op::In(vec![one()]),
                Op::Nin(list()),
            ] {
                let filter = test("ratio", op);
                assert_eq!(ids(&connection, &filter, &[], -1), in_memory(&rows, &filter, &[]), "{filter:?}");
            }
        }
    }
}
