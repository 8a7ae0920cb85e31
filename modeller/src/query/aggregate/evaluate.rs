//! Figures over rows in memory, and what all stores do with groups: count them, sort them, cut a page out.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::ControlFlow;

use super::canonical::canonical;
use super::tally::{Key, Tally, order};
use super::{Aggregate, Aggregation, Function, column_of, row, too_many_groups};
use crate::model::{Code, Error, Kind, Result, Row, RowView, Value};
use crate::query::Neighbours;
use crate::query::limits::{MAX_ANSWER, MAX_GROUPS};

/// The figures of these rows: what a store that keeps its rows in memory answers with.
///
/// # Errors
/// As [`Evaluation::finish`].
pub fn evaluate<'a>(rows: impl IntoIterator<Item = &'a Row>, aggregation: &Aggregation) -> Result<Vec<Row>> {
    evaluate_among(rows, aggregation, &())
}

/// As [`evaluate`], beside rows of other models.
///
/// # Errors
/// As [`Evaluation::finish`].
pub fn evaluate_among<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    aggregation: &Aggregation,
    neighbours: &dyn Neighbours,
) -> Result<Vec<Row>> {
    let mut evaluation = Evaluation::new(aggregation.clone());
    for row in rows {
        let is_asked = aggregation.filter.matches_among(aggregation.shape, row, neighbours);
        if is_asked && evaluation.row(row).is_break() {
            break;
        }
    }
    evaluation.finish()
}

/// An aggregation under way, fed with one row after the other.
#[derive(Debug)]
pub struct Evaluation {
    aggregation: Aggregation,
    groups: HashMap<Vec<Key>, Vec<Tally>>,
}

impl Evaluation {
    /// One that has seen no rows.
    pub fn new(aggregation: Aggregation) -> Self {
        let mut groups = HashMap::new();
        if aggregation.group_by.is_empty() {
            groups.insert(Vec::new(), tallies(&aggregation));
        }
        Evaluation { aggregation, groups }
    }

    /// What is worked out.
    pub fn aggregation(&self) -> &Aggregation {
        &self.aggregation
    }

    /// Takes a row into account, whether or not it fulfils the filter. After [`ControlFlow::Break`] there are too many groups for
    /// an answer, so that the others make no difference.
    pub fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        let Aggregation { shape, group_by, aggregates, .. } = &self.aggregation;
        let value = |path| match column_of(shape, path) {
            Some(column) => canonical(column, path, row.cell(path.column)),
            None => Value::Null,
        };
        let keys: Vec<Key> = group_by.iter().map(|path| value(path).into()).collect();
        if self.groups.len() > MAX_GROUPS && !self.groups.contains_key(&keys) {
            return ControlFlow::Break(());
        }
        let group = self.groups.entry(keys).or_insert_with(|| tallies(&self.aggregation));
        for (aggregate, tally) in aggregates.iter().zip(group) {
            match aggregate {
                Aggregate::Rows => tally.count_row(),
                Aggregate::Of { path, .. } => tally.add(value(path)),
            }
        }
        ControlFlow::Continue(())
    }

    /// The answers, in order: for each group its keys, then its figures.
    ///
    /// # Errors
    /// `INVALID_QUERY` if there are more groups, or more different values, than an answer holds, or if a sum is beyond what its type
    /// holds.
    pub fn finish(self) -> Result<Vec<Row>> {
        let mut groups = Groups::new(&self.aggregation);
        for (keys, tallies) in self.groups {
            let mut figures = Vec::with_capacity(tallies.len());
            for (at, tally) in tallies.into_iter().enumerate() {
                figures.push(tally.finish().map_err(|fault| fault.into_error(&self.aggregation, at))?);
            }
            groups.push(row(keys.into_iter().map(Value::from).collect(), figures))?;
        }
        Ok(groups.finish())
    }
}

fn tallies(aggregation: &Aggregation) -> Vec<Tally> {
    let tally = |aggregate: &Aggregate| match aggregate {
        Aggregate::Rows => Tally::new(Function::Count, Kind::Integer, false),
        Aggregate::Of { function, path, distinct } => {
            Tally::new(*function, path.kind(aggregation.shape), *distinct)
        }
    };
    aggregation.aggregates.iter().map(tally).collect()
}

/// A key or figure in the form that all answers have.
pub(super) fn settle(kind: Kind, value: &mut Value) {
    // The sum of no floats is a float, and of no decimal numbers one of those.
    match (kind, &*value) {
        (Kind::Number, Value::Integer(integer)) => *value = Value::Number(*integer as f64),
        (Kind::Decimal, Value::Integer(integer)) => *value = Value::Text(integer.to_string()),
        (_, Value::Number(float)) => *value = Value::Number(float + 0.0),
        _ => {}
    }
}

/// By which columns groups are sorted, whether the largest come first, and what they hold.
pub(super) fn order_by(aggregation: &Aggregation) -> Vec<(usize, bool, Kind)> {
    let keys = (0..aggregation.group_by.len()).map(|key| (key, false));
    (aggregation.order.iter().copied())
        .filter(|(column, _)| *column < aggregation.columns())
        .chain(keys)
        .map(|(column, descending)| (column, descending, aggregation.kind(column)))
        .collect()
}

/// Which of two groups comes first.
pub(super) fn compare(order_by: &[(usize, bool, Kind)], left: &Row, right: &Row) -> Ordering {
    let by = |&(column, descending, kind): &(usize, bool, Kind)| {
        let ordering = order(kind, &left[column], &right[column]);
        if descending { ordering.reverse() } else { ordering }
    };
    order_by.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

/// Collects groups in no order, and puts them into it.
pub(crate) struct Groups<'a> {
    aggregation: &'a Aggregation,
    rows: Vec<Row>,
    bytes: usize,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(aggregation: &'a Aggregation) -> Self {
        Groups { aggregation, rows: Vec::new(), bytes: 0 }
    }

    /// Adds a group: its keys in their one form, and its figures.
    pub(crate) fn push(&mut self, mut group: Row) -> Result<()> {
        if self.rows.len() == MAX_GROUPS {
            return Err(too_many_groups());
        }
        for (at, value) in group.0.iter_mut().enumerate() {
            settle(self.aggregation.kind(at), value);
            self.bytes += 32 + value.as_text().map_or(0, str::len);
        }
        if self.bytes > MAX_ANSWER {
            let message =
                "the groups are too large for one answer: narrow the query, or ask for less of each";
            return Err(Error::new(Code::InvalidQuery, message));
        }
        self.rows.push(group);
        Ok(())
    }

    /// The page of groups that was asked for.
    pub(crate) fn finish(self) -> Vec<Row> {
        let Groups { aggregation, mut rows, .. } = self;
        let order_by = order_by(aggregation);
        rows.sort_unstable_by(|left, right| compare(&order_by, left, right));
        let start = usize::try_from(aggregation.start).unwrap_or(usize::MAX).min(rows.len());
        rows.drain(..start);
        if let Some(count) = aggregation.count {
            rows.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        }
        rows
    }
}
