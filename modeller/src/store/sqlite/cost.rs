//! Whether a read is quick enough to run where it is asked for. It only looks; when in doubt, the answer is no.

use super::select::is_live;
use crate::model::{Kind, Shape, Value};
use crate::query::{Filter, Op, Operand, Order, Select};

/// How many rows a quick read may walk over.
const FEW: u64 = 1000;

/// Whether the rows are found through an index, and few.
pub(super) fn is_cheap(select: &Select) -> bool {
    // How many rows are related nobody knows.
    if select.filter.is_relational() || looks_beside(select.shape, &select.filter) {
        return false;
    }
    let parts = conjuncts(&select.filter);
    if pins_one(select.shape, parts) {
        return true;
    }
    let span = select.count.map(|count| count.saturating_add(select.start));
    if span.is_none_or(|span| span > FEW) {
        return false;
    }
    let rest = || parts.iter().filter(|part| !is_neutral(select.shape, part));
    match order(select.shape, &select.order) {
        // In the order of ids, or of one index, the first rows are the answer: nothing is sorted.
        Some(None) => {
            let pinned = |index: &Vec<usize>| {
                index
                    .iter()
                    .all(|&column| rest().any(|part| equals(select.shape, part, column) == Some(true)))
                    && rest().all(|part| {
                        index.iter().any(|&column| equals(select.shape, part, column) == Some(true))
                    })
            };
            rest().all(|part| ranges(select.shape, part, Shape::ID))
                || select.shape.indexes.iter().any(pinned)
        }
        Some(Some(column)) => rest().all(|part| ranges(select.shape, part, column)),
        None => false,
    }
}

/// Whether a count looks at few rows.
pub(super) fn is_cheap_count(shape: &Shape, filter: &Filter) -> bool {
    !filter.is_relational() && !looks_beside(shape, filter) && pins_one(shape, conjuncts(filter))
}

/// Whether the filter asks an index of words or of positions, which may find many before another condition leaves few.
fn looks_beside(shape: &Shape, filter: &Filter) -> bool {
    // Most models have neither.
    if shape.searchable.is_empty() && shape.geo.is_empty() {
        return false;
    }
    match filter {
        Filter::Search(_) | Filter::Within(_) => true,
        Filter::All(parts) | Filter::Any(parts) => parts.iter().any(|part| looks_beside(shape, part)),
        Filter::Not(inner) => looks_beside(shape, inner),
        _ => false,
    }
}

fn conjuncts(filter: &Filter) -> &[Filter] {
    match filter {
        Filter::All(parts) => parts,
        one => std::slice::from_ref(one),
    }
}

/// Whether the filter leaves one document, or a short list of them.
fn pins_one(shape: &Shape, parts: &[Filter]) -> bool {
    if parts.iter().any(|part| matches!(part, Filter::False) || equals(shape, part, Shape::ID).is_some()) {
        return true;
    }
    // The unique indexes of models with a trash hold live documents only.
    let live = shape.deleted_at.is_none() || parts.iter().any(|part| is_live(shape, part));
    live && shape.unique.iter().any(|set| match set.as_slice() {
        [column] => parts.iter().any(|part| equals(shape, part, *column).is_some()),
        set => set.iter().all(|&column| parts.iter().any(|part| equals(shape, part, column) == Some(true))),
    })
}

/// The test of a column that an index can answer.
fn indexable<'f>(shape: &Shape, filter: &'f Filter, column: usize) -> Option<&'f Op> {
    match filter {
        // A test of an array looks at its elements.
        Filter::Test(path, op)
            if path.column == column && path.steps.is_empty() && shape.columns[column].kind != Kind::Json =>
        {
            Some(op)
        }
        _ => None,
    }
}

/// Whether the filter allows a column one value (`Some(true)`) or a few (`Some(false)`).
fn equals(shape: &Shape, filter: &Filter, column: usize) -> Option<bool> {
    match indexable(shape, filter, column)? {
        Op::Eq(Operand::Cell(value)) if *value != Value::Null => Some(true),
        Op::In(list) if list.len() as u64 <= FEW => Some(false),
        _ => None,
    }
}

/// Whether the filter is a range of the column.
fn ranges(shape: &Shape, filter: &Filter, column: usize) -> bool {
    matches!(
        indexable(shape, filter, column),
        Some(Op::Eq(Operand::Cell(_)) | Op::Gt(_) | Op::Gte(_) | Op::Lt(_) | Op::Lte(_))
    )
}

/// Whether the filter lets nearly all documents through: it leaves out the trash and what has expired.
fn is_neutral(shape: &Shape, filter: &Filter) -> bool {
    match filter {
        Filter::True => true,
        Filter::Any(parts) => parts.iter().all(|part| match part {
            Filter::Test(
                path,
                Op::Exists(false) | Op::Eq(Operand::Cell(Value::Null)) | Op::Gt(_) | Op::Gte(_),
            ) => Some(path.column) == shape.expires_at,
            _ => false,
        }),
        filter => is_live(shape, filter),
    }
}

/// What the rows are sorted by, if an index has them in that order: `None` is the id.
fn order(shape: &Shape, order: &[Order]) -> Option<Option<usize>> {
    let first = match order {
        [] => return Some(None),
        [first] => first,
        [first, id] if id.path.column == Shape::ID && id.descending == first.descending => first,
        _ => return None,
    };
    if !first.path.steps.is_empty() {
        return None;
    }
    match first.path.column {
        Shape::ID => Some(None),
        // A single key that is not the id is followed by the id, ascending.
        column if order.len() == 1 && first.descending => {
            let unique = shape.unique.iter().any(|set| *set == [column]);
            (unique && !shape.columns[column].sparse && shape.deleted_at.is_none()).then_some(Some(column))
        }
        column => {
            let starts = shape.indexes.iter().any(|index| *index == [column]);
            let unique = shape.unique.iter().any(|set| *set == [column])
                && !shape.columns[column].sparse
                && shape.deleted_at.is_none();
            (starts || unique).then_some(Some(column))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use rusqlite::Connection;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use validator::Validate;

    use super::*;
    use crate::query::Path;
    use crate::store::Apply;
    use crate::store::sqlite::connect::tests::scratch;
    use crate::store::sqlite::migrate::migrate;
    use crate::store::sqlite::select;
    use crate::store::sqlite::table::Tables;
    use modeller::Model;

    #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "test", name = "costs", unique(team, number))]
    struct Plain {
        #[model(unique)]
        email: String,
        #[model(unique)]
        nick: Option<String>,
        #[model(index)]
        age: i64,
        team: String,
        number: i64,
        #[model(index)]
        tags: Vec<String>,
    }

    #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "test", name = "kept", trash = "1d", ttl = "1d")]
    struct Kept {
        #[model(unique)]
        email: String,
        #[model(index)]
        age: i64,
    }

    fn database() -> (Connection, Tables) {
        let mut connection = scratch();
        let models = [Plain::descriptor().shape(), Kept::descriptor().shape()];
        let (_, tables) = migrate(&mut connection, &models, Apply::Safe).unwrap();
        (connection, tables.unwrap())
    }

    fn test(shape: &Shape, name: &str, op: Op) -> Filter {
        Filter::Test(Path::column(shape.index_of(name).unwrap()), op)
    }

    fn equal(shape: &Shape, name: &str, value: impl Into<Value>) -> Filter {
        test(shape, name, Op::Eq(value.into().into()))
    }

    fn by(shape: &Shape, keys: &[(&str, bool)]) -> Vec<Order> {
        keys.iter()
            .map(|(name, descending)| Order {
                path: Path::column(shape.index_of(name).unwrap()),
                descending: *descending,
            })
            .collect()
    }

    /// What a model's doors add to each filter.
    fn visible(shape: &Shape, filter: Filter) -> Filter {
        filter.and(test(shape, "_deletedAt", Op::Exists(false))).and(Filter::Any(vec![
            test(shape, "_expiresAt", Op::Exists(false)),
            test(shape, "_expiresAt", Op::Gt(Value::Integer(5).into())),
        ]))
    }

    #[test]
    fn what_is_called_cheap_is_answered_by_an_index_without_sorting() {
        let (connection, tables) = database();
        let plain = Plain::descriptor().shape();
        let kept = Kept::descriptor().shape();
        let few = |filter: Filter, order: &[(&str, bool)]| Select {
            filter,
            order: by(plain, order),
            count: Some(20),
            ..Select::all(plain)
        };
        let live =
            |filter: Filter| Select { count: Some(20), ..Select::filtered(kept, visible(kept, filter)) };
        let after = test(plain, "age", Op::Gt(Value::Integer(3).into()));
        let cheap = [
            Select::filtered(plain, Filter::id("x")),
            Select::filtered(
                plain,
                test(plain, "_id", Op::In(vec![Value::from("a").into(), Value::from("b").into()])),
            ),
            Select::filtered(plain, equal(plain, "email", "x").and(equal(plain, "age", 1))),
            Select::filtered(plain, equal(plain, "nick", "x")),
            Select::filtered(plain, equal(plain, "team", "x").and(equal(plain, "number", 1))),
            few(Filter::True, &[]),
            few(Filter::True, &[("_id", true)]),
            few(test(plain, "_id", Op::Gt(Value::from("x").into())), &[]),
            few(equal(plain, "age", 1), &[]),
            few(Filter::True, &[("age", false)]),
            few(after.clone(), &[("age", false)]),
            few(Filter::True, &[("email", true)]),
            few(Filter::True, &[("email", false), ("_id", false)]),
            live(Filter::True),
            live(Filter::id("x")),
            live(equal(kept, "email", "x")),
            live(equal(kept, "age", 3)),
        ];
        for select in cheap {
            assert!(is_cheap(&select), "{select:?}");
            let text = select::statement(tables.of(select.shape).unwrap(), &select).0;
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
            let lines: Vec<String> =
                plan.raw_query().mapped(|row| row.get(3)).collect::<rusqlite::Result<_>>().unwrap();
            let all = lines.join("; ");
            assert!(all.contains("USING INDEX") || all.contains("USING COVERING INDEX"), "{text}: {all}");
            let one = all.contains("SEARCH") && pins_one(select.shape, conjuncts(&select.filter));
            assert!(one || !all.contains("TEMP B-TREE"), "{text}: {all}");
        }
        let dear = [
            Select::all(plain),
            Select { count: Some(100_000), ..Select::all(plain) },
            Select { start: 100_000, count: Some(1), ..Select::all(plain) },
            few(equal(plain, "team", "x"), &[]),
            few(equal(plain, "age", 1), &[("email", false)]),
            few(after, &[]),
            few(Filter::True, &[("nick", false)]),
            few(Filter::True, &[("age", true)]),
            few(Filter::True, &[("team", false)]),
            few(equal(plain, "tags", "x"), &[]),
            few(Filter::Not(Box::new(Filter::id("x"))), &[]),
            Select::filtered(kept, equal(kept, "email", "x")),
        ];
        for select in dear {
            assert!(!is_cheap(&select), "{select:?}");
        }
        assert!(is_cheap_count(plain, &Filter::id("x")) && !is_cheap_count(plain, &Filter::True));
    }

    #[test]
    fn rows_are_found_by_id_with_the_ready_statement() {
        let (connection, tables) = database();
        let kept = Kept::descriptor().shape();
        let table = tables.of(kept).unwrap();
        let live = test(kept, "_deletedAt", Op::Exists(false));
        for (filter, ready) in [
            (Filter::id("x"), &table.get),
            (Filter::id("x").and(live.clone()), table.get_live.as_ref().unwrap()),
            (live.and(Filter::id("x")), table.get_live.as_ref().unwrap()),
        ] {
            let select = Select { count: Some(1), ..Select::filtered(kept, filter) };
            assert_eq!(select::statement(table, &select).0, *ready);
            let mut rows = crate::store::Rows::of(kept);
            select::rows(&connection, table, &select, &mut *rows, &AtomicBool::new(false)).unwrap();
        }
    }
}
