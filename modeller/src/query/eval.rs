//! The predicate tree and the sort, answered over rows in memory.

use std::cmp::Ordering;

use super::compare::{cells, json_order};
use super::like::like;
use super::{Filter, Neighbours, Op, Operand, Order, Path, Select, json};
use crate::model::{Cell, ColumnInfo, Kind, Row, RowView, Shape, Value};

impl Filter {
    /// Whether the row fulfils the filter. *Unknown* is no; what is asked of rows of other models is unknown here.
    pub fn matches(&self, shape: &Shape, row: &dyn RowView) -> bool {
        self.matches_among(shape, row, &())
    }

    /// Whether the row fulfils the filter, beside rows of other models.
    pub fn matches_among(&self, shape: &Shape, row: &dyn RowView, neighbours: &dyn Neighbours) -> bool {
        self.truth_among(shape, row, neighbours) == Some(true)
    }

    #[cfg(test)]
    pub(crate) fn truth(&self, shape: &Shape, row: &dyn RowView) -> Option<bool> {
        self.truth_among(shape, row, &())
    }

    pub(crate) fn truth_among(
        &self,
        shape: &Shape,
        row: &dyn RowView,
        neighbours: &dyn Neighbours,
    ) -> Option<bool> {
        match self {
            Filter::True => Some(true),
            Filter::False => Some(false),
            Filter::All(all) => until(all, false, shape, row, neighbours),
            Filter::Any(any) => until(any, true, shape, row, neighbours),
            Filter::Not(inner) => inner.truth_among(shape, row, neighbours).map(|truth| !truth),
            Filter::Related(related) => related.truth(row, neighbours),
            Filter::Within(within) => within.truth(row),
            Filter::Search(search) => Some(search.matches(shape, row)),
            Filter::Test(path, op) => {
                let column = shape.columns.get(path.column)?;
                let cell = row.cell(path.column);
                if path.is_json(column) {
                    json::test(&inside(column, cell, path), op)
                } else {
                    plain(column.kind, cell, op)
                }
            }
        }
    }
}

/// Whether one of them is `wanted`; if none is, its opposite, unless one of them is unknown.
fn until(
    filters: &[Filter],
    wanted: bool,
    shape: &Shape,
    row: &dyn RowView,
    neighbours: &dyn Neighbours,
) -> Option<bool> {
    let mut answer = Some(!wanted);
    for filter in filters {
        match filter.truth_among(shape, row, neighbours) {
            Some(truth) if truth == wanted => return Some(wanted),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

impl Path {
    /// Whether it is answered by looking into JSON.
    pub(crate) fn is_json(&self, column: &ColumnInfo) -> bool {
        column.kind == Kind::Json || !self.steps.is_empty()
    }
}

/// The JSON that a path leads to. There is nothing inside a plain column.
fn inside(column: &ColumnInfo, cell: Cell<'_>, path: &Path) -> serde_json::Value {
    match cell {
        Cell::Text(text) if column.kind == Kind::Json => json::find(text, &path.steps),
        _ => serde_json::Value::Null,
    }
}

/// The operand of a test of a plain column, if it is of the column's type. `Null` and NaN are of none.
pub(crate) fn operand(kind: Kind, operand: &Operand) -> Option<Cell<'_>> {
    match (kind, operand) {
        (Kind::Boolean, Operand::Boolean(flag)) => Some(Cell::Integer(i64::from(*flag))),
        (Kind::Integer | Kind::Number | Kind::Boolean, Operand::Cell(value)) => match value {
            Value::Integer(_) => Some(value.view()),
            Value::Number(number) if !number.is_nan() => Some(value.view()),
            _ => None,
        },
        (Kind::Text | Kind::DateTime | Kind::Decimal, Operand::Cell(value @ Value::Text(_))) => {
            Some(value.view())
        }
        _ => None,
    }
}

fn plain(kind: Kind, cell: Cell<'_>, op: &Op) -> Option<bool> {
    let absent = cell == Cell::Null;
    let null = |operand: &Operand| *operand == Operand::Cell(Value::Null);
    let order = |other: &Operand| operand(kind, other).and_then(|other| cells(kind, cell, other));
    // An operand of another type is not equal; an absent value is neither equal nor not.
    let equal = |other: &Operand| (!absent).then(|| order(other) == Some(Ordering::Equal));
    let among = |all: &[Operand]| (!absent).then(|| all.iter().any(|other| equal(other) == Some(true)));
    let text = || match cell {
        Cell::Text(text) if kind.is_textual() => Some(text),
        _ => None,
    };
    match op {
        Op::Exists(expected) => Some(absent != *expected),
        Op::Eq(other) if null(other) => Some(absent),
        Op::Ne(other) if null(other) => Some(!absent),
        Op::Eq(other) => equal(other),
        Op::Ne(other) => equal(other).map(|equal| !equal),
        Op::Gt(other) => order(other).map(Ordering::is_gt),
        Op::Gte(other) => order(other).map(Ordering::is_ge),
        Op::Lt(other) => order(other).map(Ordering::is_lt),
        Op::Lte(other) => order(other).map(Ordering::is_le),
        Op::In(all) => among(all),
        Op::Nin(all) => among(all).map(|among| !among),
        Op::Contains(part) => text().map(|text| text.contains(part)),
        Op::StartsWith(part) => text().map(|text| text.starts_with(part)),
        Op::EndsWith(part) => text().map(|text| text.ends_with(part)),
        Op::Like(pattern) => text().map(|text| like(text, pattern)),
        Op::Stands(place, other) if null(other) => {
            Some(place.is(if absent { Ordering::Equal } else { Ordering::Greater }))
        }
        Op::Stands(place, other) => {
            let order = match operand(kind, other) {
                Some(_) if absent => Some(Ordering::Less),
                Some(other) => cells(kind, cell, other),
                None => None,
            };
            Some(order.is_some_and(|order| place.is(order)))
        }
    }
}

/// Which of two rows comes first. `_id` is the last key, so that no two rows are equal.
pub fn compare(shape: &Shape, order: &[Order], left: &dyn RowView, right: &dyn RowView) -> Ordering {
    for key in order {
        let ordering = by_key(shape, &key.path, left, right);
        let ordering = if key.descending { ordering.reverse() } else { ordering };
        if ordering.is_ne() {
            return ordering;
        }
    }
    by_cells(Kind::Text, left.cell(Shape::ID), right.cell(Shape::ID))
}

fn by_key(shape: &Shape, path: &Path, left: &dyn RowView, right: &dyn RowView) -> Ordering {
    let Some(column) = shape.columns.get(path.column) else { return Ordering::Equal };
    let (left, right) = (left.cell(path.column), right.cell(path.column));
    if path.is_json(column) {
        json_order(&inside(column, left, path), &inside(column, right, path))
    } else {
        by_cells(column.kind, left, right)
    }
}

fn by_cells(kind: Kind, left: Cell<'_>, right: Cell<'_>) -> Ordering {
    match (left == Cell::Null, right == Cell::Null) {
        (false, false) => cells(kind, left, right).unwrap_or(Ordering::Equal),
        (left, right) => right.cmp(&left),
    }
}

/// The value by which a row is sorted: the cell, or what the path finds inside JSON (arrays and objects are empty here,
/// as they only count as such).
#[cfg(feature = "engine")]
pub(crate) fn sort_value(shape: &Shape, path: &Path, row: &dyn RowView) -> Operand {
    let cell = row.cell(path.column);
    match shape.columns.get(path.column) {
        Some(column) if path.is_json(column) => match inside(column, cell, path) {
            serde_json::Value::Array(_) => Operand::Json(serde_json::json!([])),
            serde_json::Value::Object(_) => Operand::Json(serde_json::json!({})),
            json => Operand::from_json(json),
        },
        _ => Operand::Cell(cell.to_value()),
    }
}

/// The selected ones of these rows, in order: what a store that keeps its rows in memory answers with.
///
/// What is asked of rows of other models is unknown here; [`select_among`] knows them.
pub fn select<'a>(rows: impl IntoIterator<Item = &'a Row>, select: &Select) -> Vec<&'a Row> {
    select_among(rows, select, &())
}

/// As [`select`], beside rows of other models.
pub fn select_among<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    select: &Select,
    neighbours: &dyn Neighbours,
) -> Vec<&'a Row> {
    let mut found: Vec<&Row> =
        rows.into_iter().filter(|row| select.filter.matches_among(select.shape, *row, neighbours)).collect();
    found.sort_unstable_by(|left, right| compare(select.shape, &select.order, *left, *right));
    let start = usize::try_from(select.start).unwrap_or(usize::MAX).min(found.len());
    found.drain(..start);
    if let Some(count) = select.count {
        found.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    }
    found
}

#[cfg(test)]
mod tests;
