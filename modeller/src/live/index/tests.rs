//! That no filter is missed, whatever it asks, and that there is no way to make the index slow.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::plan::branches;
use super::*;
use crate::model::Value;
use crate::query::fixture::{self, column, shape};
use crate::query::{Access, Area, BoundingBox, Circle, Op, Path, Point, Within};

fn parse(json: &serde_json::Value) -> Filter {
    Filter::parse(shape(), json, Access::Full).unwrap()
}

fn candidates<K: Copy + Ord>(index: &Index<K>, row: &Row) -> BTreeSet<K> {
    let mut found = BTreeSet::new();
    index.candidates([((), row)], |(), key| {
        found.insert(key);
    });
    found
}

fn row(values: &[(&str, Value)]) -> Row {
    let mut row = Row(vec![Value::Null; shape().columns.len()]);
    for (name, value) in values {
        row[column(name)] = value.clone();
    }
    row
}

/// Filters as people write them: conditions on few columns, all of which the index makes something of.
fn usual() -> impl Strategy<Value = Filter> {
    let values = prop::sample::select(vec![
        json!({"name": "a"}),
        json!({"name": {"$in": ["a", "ab", "b"]}}),
        json!({"name": {"$startsWith": "a"}}),
        json!({"note": {"$gt": "a", "$lte": "b"}}),
        json!({"note": null}),
        json!({"age": {"$gte": 1, "$lt": 100.5}}),
        json!({"age": {"$gt": (1_i64 << 53) + 1}}),
        json!({"age": {"$in": [0, 1, 2, null]}}),
        json!({"age": 100}),
        json!({"ratio": {"$lt": 1}}),
        json!({"ratio": 1}),
        json!({"active": true}),
        json!({"active": {"$ne": true}}),
        json!({"at": {"$gt": "1970-01-01T00:00:00Z", "$lte": "2026-01-02T03:04:05.5Z"}}),
        json!({"price": "1"}),
        json!({"price": {"$gte": "1.0", "$lt": "10"}}),
        json!({"data.a": 1}),
        json!({"data.a": {"$in": ["a", true, 0]}}),
        json!({"data.b": {"$gt": 0}}),
        json!({"data.0": "a"}),
        json!({"tags": "a"}),
        json!({"tags": {"$in": ["a", "b"]}}),
    ]);
    let test = values.prop_map(|json| parse(&json));
    let and =
        prop::collection::vec(test, 1..4).prop_map(|all| all.into_iter().fold(Filter::True, Filter::and));
    let or = prop::collection::vec(and, 1..4).prop_map(|any| any.into_iter().fold(Filter::False, Filter::or));
    (or.clone(), or, any::<bool>()).prop_map(|(left, right, both)| if both { left.and(right) } else { left })
}

/// Within latitudes and longitudes that these columns are taken for.
fn area() -> impl Strategy<Value = Filter> {
    let degrees = || prop::sample::select(&[-90.0, -1.5, 0.0, 0.1, 1.0, 1.5, 60.0][..]);
    let circle = (degrees(), degrees()).prop_map(|(lat, lng)| Area::from(Circle::new(lat, lng, 200_000.0)));
    let area = (degrees(), degrees()).prop_map(|(one, other)| {
        let (south, north) = (f64::min(one, other), f64::max(one, other));
        Area::from(BoundingBox::new(Point::new(south, 179.0), Point::new(north, 2.0)))
    });
    prop_oneof![circle, area].prop_map(|area| {
        let (latitude, longitude) = (column("ratio"), column("age"));
        Filter::Within(Box::new(Within { latitude, longitude, area }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_filter_that_matches_is_found(
        filters in prop::collection::vec(
            (prop_oneof![2 => fixture::filter(), 3 => usual(), 1 => (usual(), area()).prop_map(|(a, b)| a.and(b))],
             any::<bool>()),
            1..60,
        ),
        rows in fixture::rows(12),
    ) {
        let mut index = Index::new(shape());
        for (key, (filter, _)) in filters.iter().enumerate() {
            index.insert(key, filter);
        }
        let check = |index: &Index<usize>, keys: &BTreeMap<usize, &Filter>| {
            for row in &rows {
                let found = candidates(index, row);
                for (key, filter) in keys {
                    let missed = filter.matches(shape(), row) && !found.contains(key);
                    prop_assert!(!missed, "{filter:?} was not found for {row:?}");
                }
                prop_assert!(found.iter().all(|key| keys.contains_key(key)), "what was taken out is found");
            }
            // All together are as each by itself.
            let mut found: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
            index.candidates(rows.iter().enumerate(), |row, key| {
                found.entry(row).or_default().insert(key);
            });
            for (at, row) in rows.iter().enumerate() {
                prop_assert_eq!(found.remove(&at).unwrap_or_default(), candidates(index, row));
            }
            Ok(())
        };
        let mut keys: BTreeMap<usize, &Filter> =
            filters.iter().map(|(filter, _)| filter).enumerate().collect();
        check(&index, &keys)?;
        // Some go, some come back, and all go.
        for (key, (filter, _)) in filters.iter().enumerate().filter(|(_, (_, goes))| *goes) {
            index.remove(key, filter);
            index.remove(key, filter);
            keys.remove(&key);
        }
        check(&index, &keys)?;
        for (key, (filter, _)) in filters.iter().enumerate().filter(|(key, (_, goes))| *goes && key % 2 == 0) {
            index.insert(key, filter);
            keys.insert(key, filter);
        }
        check(&index, &keys)?;
        for (key, filter) in &keys {
            index.remove(*key, filter);
        }
        prop_assert_eq!(index.len(), 0);
        prop_assert!(index.forms.is_empty() && index.others.is_empty());
    }
}

/// Whether the filter is found for the row.
fn finds(filter: serde_json::Value, values: &[(&str, Value)]) -> bool {
    let mut index = Index::new(shape());
    index.insert(1_u32, &parse(&filter));
    !candidates(&index, &row(values)).is_empty()
}

#[test]
fn only_filters_whose_values_the_row_has_are_found() {
    let text = |text: &str| Value::from(text);
    let room = |name: &str, age| vec![("name", text(name)), ("age", Value::Integer(age))];
    for (filter, yes, no) in [
        (json!({"name": "a"}), room("a", 1), room("b", 1)),
        (json!({"name": "a", "age": 1.0}), room("a", 1), room("a", 2)),
        (json!({"name": {"$in": ["a", "b"]}, "age": {"$in": [1, 2]}}), room("b", 1), room("b", 3)),
        (json!({"name": "a", "age": {"$gt": 3, "$lt": 9}}), room("a", 4), room("a", 10)),
        (json!({"age": {"$gte": 3}}), room("a", 3), room("a", 2)),
        (json!({"$or": [{"name": "a"}, {"age": 7}]}), room("b", 7), room("b", 6)),
        (json!({"name": "a", "$or": [{"age": 6}, {"age": 7}]}), room("a", 7), room("a", 8)),
        (
            json!({"active": true, "age": {"$gt": 3}}),
            [room("a", 4), vec![("active", Value::Integer(1))]].concat(),
            room("a", 9),
        ),
        (json!({"note": {"$startsWith": "ab"}}), vec![("note", text("abc"))], vec![("note", text("ac"))]),
        (json!({"note": null}), vec![], vec![("note", text(""))]),
        (json!({"tags": "x"}), vec![("tags", text("[\"y\",\"x\"]"))], vec![("tags", text("[\"y\"]"))]),
        (
            json!({"data.a.b": 1}),
            vec![("data", text("{\"a\":{\"b\":[2,1.0]}}"))],
            vec![("data", text("{\"a\":{\"b\":\"1\"}}"))],
        ),
        (json!({"data.a": true}), vec![("data", text("{\"a\":true}"))], vec![("data", text("{\"a\":1}"))]),
        (json!({"price": "1.50"}), vec![("price", text("1.5"))], vec![("price", text("1.51"))]),
        (
            json!({"at": {"$gt": "2026-01-02T03:04:05Z", "$lt": "2026-01-02T03:04:06Z"}}),
            vec![("at", text("2026-01-02T03:04:05.100000000Z"))],
            vec![("at", text("2026-01-02T03:04:06.100000000Z"))],
        ),
        (json!({"age": {"$gt": 3}}), vec![("age", Value::Number(f64::MAX))], vec![]),
    ] {
        assert!(finds(filter.clone(), &yes), "{filter} {yes:?}");
        assert!(!finds(filter.clone(), &no), "{filter} {no:?}");
    }
}

#[test]
fn what_no_row_fulfils_is_not_kept() {
    let mut index = Index::new(shape());
    for filter in [
        json!({"age": {"$gt": 3, "$lt": 1}}),
        json!({"age": {"$in": []}}),
        json!({"tags": {"$in": []}, "name": "a"}),
        json!({"$or": []}),
    ] {
        index.insert(1_u32, &Filter::parse(shape(), &filter, Access::Full).unwrap_or(Filter::False));
    }
    assert!(index.is_empty() && index.forms.is_empty() && index.others.is_empty());
}

#[test]
fn what_is_stored_in_no_known_form_is_found_by_all_ranges() {
    let filter = json!({"at": {"$gt": "2026-01-02T03:04:05Z"}});
    assert!(finds(filter.clone(), &[("at", Value::from("2026-01-02T04"))]));
    assert!(finds(filter, &[("at", Value::from("x"))]));
}

#[test]
fn a_filter_without_a_value_is_found_for_every_row() {
    for filter in
        [json!({}), json!({"name": {"$contains": "x"}}), json!({"$or": [{"age": 1}, {"name": {"$ne": "x"}}]})]
    {
        let mut index = Index::new(shape());
        index.insert(1_u32, &parse(&filter));
        assert_eq!((index.others.len(), index.forms.len(), index.len()), (1, 0, 1), "{filter}");
    }
}

#[test]
fn a_flood_of_forms_stays_bounded() {
    let columns: Vec<usize> =
        ["name", "note", "age", "ratio", "price", "_version", "_createdAt", "_updatedAt"].map(column).into();
    let is = |column: usize| {
        let value = match shape().columns[column].kind {
            crate::model::Kind::Text | crate::model::Kind::Decimal => Value::from("1"),
            _ => Value::Integer(1),
        };
        Filter::Test(Path::column(column), Op::Eq(value.into()))
    };
    let mut filters: Vec<Filter> = Vec::new();
    for &one in &columns {
        for &two in &columns {
            for &three in &columns {
                let more = Filter::Test(
                    Path::column(column("at")),
                    Op::Gt(Value::from("1970-01-01T00:00:00.000000000Z").into()),
                );
                filters.push(is(one).and(is(two)).and(is(three)));
                filters.push(is(one).and(is(two)).and(is(three)).and(more));
            }
        }
    }
    filters.extend((0..1_000).map(|at| parse(&json!({format!("data.k{at}"): 1}))));
    let mut index = Index::new(shape());
    for (key, filter) in filters.iter().enumerate() {
        index.insert(key, filter);
    }
    assert_eq!(index.len(), filters.len());
    let inside = |group: &&Group<usize>| matches!(group.form.by, By::Inside(_));
    assert!(index.forms.iter().filter(|group| !group.form.is_plain()).count() <= FORMS);
    assert!(index.forms.iter().filter(inside).count() <= INSIDE);
    assert!(index.forms.len() <= FORMS + 2 * shape().columns.len());
    // All of them are found all the same.
    let mut row = row(&[("at", Value::from("2026-01-02T03:04:05.000000000Z"))]);
    for &at in &columns {
        row[at] = match shape().columns[at].kind {
            crate::model::Kind::Text | crate::model::Kind::Decimal => Value::from("1"),
            _ => Value::Integer(1),
        };
    }
    let data: serde_json::Map<_, _> = (0..1_000).map(|at| (format!("k{at}"), json!(1))).collect();
    row[column("data")] = Value::Text(serde_json::Value::from(data).to_string());
    assert_eq!(candidates(&index, &row).len(), filters.len());
    for (key, filter) in filters.iter().enumerate() {
        index.remove(key, filter);
    }
    assert!(index.is_empty() && index.forms.is_empty() && index.others.is_empty());
    // What was given up is there for others.
    index.insert(0, &filters[1]);
    assert!(!index.forms[0].form.is_plain());
}

#[test]
fn a_filter_is_not_multiplied_beyond_its_size() {
    let seed = Seed::new();
    let size = |filter: &Filter| -> usize {
        branches(shape(), filter, &seed)
            .iter()
            .filter_map(|places| places.first())
            .map(|place| place.hashes.len())
            .sum()
    };
    let list = |column: &str, count: usize| json!({column: {"$in": Vec::from_iter(0..count)}});
    let or =
        |column: &str, count: usize| json!({"$or": Vec::from_iter((0..count).map(|at| json!({column: at})))});
    // Two lists: one of them is enough.
    assert_eq!(size(&parse(&json!({"$and": [list("age", 500), list("ratio", 500)]}))), 500);
    assert_eq!(size(&parse(&json!({"$and": [list("age", 8), list("ratio", 8)]}))), 64);
    // A list and many branches.
    assert_eq!(size(&parse(&json!({"$and": [list("age", 500), or("ratio", 200)]}))), 200);
    assert_eq!(size(&parse(&json!({"$and": [list("age", 8), or("ratio", 200)]}))), 8);
    assert_eq!(size(&parse(&json!({"$and": [or("age", 100), or("ratio", 100), or("_version", 9)]}))), 100);
    assert_eq!(size(&parse(&or("age", 900))), 900);
}

/// More of them, over more rows, than are looked at side by side: each row's are as a look at all filters says.
#[test]
fn many_ranges_that_overlap_are_found_for_many_rows_together() {
    let mut index = Index::new(shape());
    let filter = |low: i64, width: i64| parse(&json!({ "age": { "$gte": low, "$lte": low + width } }));
    let mut filters: Vec<Filter> =
        (0..2_000).map(|at| filter(at * 37 % 1_000, 1 + at * at % 91 * (1 + at % 7 * 20))).collect();
    filters.extend((0..50).map(|at| parse(&json!({ "age": { "$gte": at * 20 } }))));
    filters.extend((0..50).map(|at| parse(&json!({ "age": at, "name": "n" }))));
    (0_u32..).zip(&filters).for_each(|(key, filter)| index.insert(key, filter));
    let rows: Vec<Row> = (0..120)
        .map(|at| row(&[("age", Value::Integer(at * 13 % 1_100 - 20)), ("name", Value::from("n"))]))
        .collect();
    let mut found = vec![BTreeSet::new(); rows.len()];
    index.candidates(rows.iter().enumerate(), |row, key| {
        found[row].insert(key);
    });
    for (row, found) in rows.iter().zip(found) {
        let matches = |filter: &Filter| filter.matches(shape(), row);
        let expected = (0_u32..).zip(&filters).filter(|(_, filter)| matches(filter)).map(|(key, _)| key);
        assert_eq!(found, expected.collect::<BTreeSet<_>>(), "{row:?}");
        assert_eq!(found, candidates(&index, row));
    }
    for (key, filter) in (0_u32..).zip(&filters) {
        index.remove(key, filter);
    }
    assert!(index.is_empty() && candidates(&index, &rows[5]).is_empty());
}
