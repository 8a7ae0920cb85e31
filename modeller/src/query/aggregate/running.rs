//! Figures that are kept right while rows come and go, without a look at the other rows.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::canonical::canonical;
use super::evaluate::{order_by, settle};
use super::tally::{Key, Total, addend, listed, order};
use super::{Aggregate, Aggregation, Fault, Function, column_of, row, too_many_groups};
use crate::model::{Code, Error, Kind, Row, RowView, Value};
use crate::query::limits::{MAX_ANSWER, MAX_GROUPS};

/// How many different values and keys are kept at most, and how many bytes of them.
const MOST_VALUES: usize = 100_000;
const MOST_BYTES: usize = 16 << 20;

/// How many of the values next to the least or the greatest are kept, so that there is another one when it goes.
const SPARE: usize = if cfg!(test) { 1 } else { 64 };

/// Why a figure is not known.
#[derive(Debug)]
pub(crate) enum Unsettled {
    /// The rows have to be read anew.
    Lost,
    /// There is no answer, as there would be none to who asks once.
    Refused(Error),
}

/// An aggregation whose rows come and go.
#[derive(Debug)]
pub(crate) struct Running {
    aggregation: Aggregation,
    groups: HashMap<Vec<Key>, Group>,
    kept: Weight,
}

/// What is kept, so that it stays within bounds.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    values: usize,
    bytes: usize,
}

impl Weight {
    fn add(&mut self, value: &Value) {
        self.values += 1;
        self.bytes += value.as_text().map_or(0, str::len);
    }

    fn subtract(&mut self, value: &Value) {
        self.values -= 1;
        self.bytes -= value.as_text().map_or(0, str::len);
    }
}

#[derive(Debug)]
struct Group {
    rows: u64,
    figures: Vec<Figure>,
}

/// One figure of one group.
#[derive(Debug)]
enum Figure {
    /// How many rows.
    Rows,
    /// How many values.
    Count(u64),
    /// A sum or an average.
    Total(Total),
    /// The least or the greatest.
    Extreme(Extremes),
    /// Something of different values: how often each is there.
    Distinct(HashMap<Key, u64>, Total),
}

impl Figure {
    fn new(aggregate: &Aggregate) -> Self {
        match aggregate {
            Aggregate::Rows => Figure::Rows,
            Aggregate::Of { function, distinct, .. } => match function {
                Function::Min | Function::Max => Figure::Extreme(Extremes::default()),
                Function::Values => Figure::Distinct(HashMap::new(), Total::default()),
                _ if *distinct => Figure::Distinct(HashMap::new(), Total::default()),
                Function::Count => Figure::Count(0),
                Function::Sum | Function::Avg => Figure::Total(Total::default()),
            },
        }
    }
}

/// What is asked of some values.
#[derive(Clone, Copy)]
struct Asked {
    function: Function,
    kind: Kind,
}

impl Asked {
    /// The order in which the one that is wanted comes first.
    fn order(self, left: &Value, right: &Value) -> Ordering {
        let ordering = order(self.kind, left, right);
        if self.function == Function::Max { ordering.reverse() } else { ordering }
    }

    /// Arrays and objects inside JSON have no order.
    fn has_order(self, value: &Value) -> bool {
        self.kind != Kind::Json || !value.as_text().is_some_and(|text| text.starts_with(['[', '{']))
    }
}

/// The values from the one that is wanted on, as far as they are known, and how often each is there.
#[derive(Debug)]
struct Extremes {
    values: Vec<(Value, u64)>,
    /// Whether there are no others behind them.
    is_whole: bool,
}

impl Default for Extremes {
    fn default() -> Self {
        Extremes { values: Vec::new(), is_whole: true }
    }
}

impl Extremes {
    fn add(&mut self, asked: Asked, value: Value, spare: usize, kept: &mut Weight) {
        match self.values.binary_search_by(|(known, _)| asked.order(known, &value)) {
            Ok(at) => self.values[at].1 += 1,
            // What comes behind the last known one may come behind others, too.
            Err(at) if at < self.values.len() || self.is_whole => {
                kept.add(&value);
                self.values.insert(at, (value, 1));
            }
            Err(_) => {}
        }
        if self.values.len() > spare * 2 {
            self.values.drain(spare..).for_each(|(value, _)| kept.subtract(&value));
            self.is_whole = false;
        }
    }

    /// Answers whether it was there, or may have been.
    fn remove(&mut self, asked: Asked, value: &Value, kept: &mut Weight) -> bool {
        match self.values.binary_search_by(|(known, _)| asked.order(known, value)) {
            Ok(at) if self.values[at].1 > 1 => self.values[at].1 -= 1,
            Ok(at) => kept.subtract(&self.values.remove(at).0),
            Err(at) => return at == self.values.len() && !self.is_whole,
        }
        true
    }
}

impl Running {
    /// Of no rows yet.
    pub(crate) fn new(aggregation: Aggregation) -> Self {
        let mut running = Running { aggregation, groups: HashMap::new(), kept: Weight::default() };
        if running.aggregation.group_by.is_empty() {
            running.groups.insert(Vec::new(), running.empty());
        }
        running
    }

    /// Of so many rows that nothing but their number is asked of.
    pub(crate) fn counted(aggregation: Aggregation, rows: u64) -> Self {
        let mut running = Self::new(aggregation);
        running.groups.values_mut().for_each(|group| group.rows = rows);
        running
    }

    fn empty(&self) -> Group {
        Group { rows: 0, figures: self.aggregation.aggregates.iter().map(Figure::new).collect() }
    }

    fn value(&self, path: &crate::query::Path, row: &dyn RowView) -> Value {
        let column = column_of(self.aggregation.shape, path);
        column.map_or(Value::Null, |column| canonical(column, path, row.cell(path.column)))
    }

    /// The group of a row.
    pub(crate) fn keys(&self, row: &dyn RowView) -> Vec<Key> {
        self.aggregation.group_by.iter().map(|path| self.value(path, row).into()).collect()
    }

    /// The groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Vec<Key>> {
        self.groups.keys()
    }

    /// The figures with the values of a row for them.
    fn values(&self, row: &dyn RowView) -> Vec<Option<(Asked, Value)>> {
        let aggregates = self.aggregation.aggregates.iter();
        let value = |aggregate: &Aggregate| match aggregate {
            Aggregate::Rows => None,
            Aggregate::Of { function, path, .. } => {
                let asked = Asked { function: *function, kind: path.kind(self.aggregation.shape) };
                let value = self.value(path, row);
                let counts = !matches!(function, Function::Min | Function::Max) || asked.has_order(&value);
                (!value.is_null() && counts).then_some((asked, value))
            }
        };
        aggregates.map(value).collect()
    }

    /// How many values an extreme keeps: fewer where there are many of them.
    fn spare(&self) -> usize {
        let is_extreme = |aggregate: &&Aggregate| {
            matches!(aggregate, Aggregate::Of { function: Function::Min | Function::Max, .. })
        };
        let each = self.aggregation.aggregates.iter().filter(is_extreme).count().max(1);
        (MOST_VALUES / 4 / (each * self.groups.len().max(1))).clamp(1, SPARE)
    }

    /// A row comes to it that fulfils the filter. Answers its group.
    pub(crate) fn add(&mut self, row: &dyn RowView) -> Result<Vec<Key>, Unsettled> {
        let (keys, values, spare) = (self.keys(row), self.values(row), self.spare());
        if !self.groups.contains_key(&keys) {
            if self.groups.len() == MAX_GROUPS {
                return Err(Unsettled::Refused(too_many_groups()));
            }
            for key in &keys {
                self.kept.add(&key.clone().into());
            }
            self.groups.insert(keys.clone(), self.empty());
        }
        // Proof: it was inserted just now if it was not there.
        let Some(group) = self.groups.get_mut(&keys) else { return Err(Unsettled::Lost) };
        group.rows += 1;
        for (figure, value) in group.figures.iter_mut().zip(values) {
            let Some((asked, value)) = value else { continue };
            match figure {
                Figure::Rows => {}
                Figure::Count(count) => *count += 1,
                Figure::Total(total) => total.add(addend(asked.function, asked.kind, &value)),
                Figure::Extreme(extremes) => extremes.add(asked, value, spare, &mut self.kept),
                Figure::Distinct(values, total) => {
                    let times = values.entry(value.clone().into()).or_insert_with(|| {
                        self.kept.add(&value);
                        total.add(addend(asked.function, asked.kind, &value));
                        0
                    });
                    *times += 1;
                }
            }
        }
        if self.kept.values > MOST_VALUES || self.kept.bytes > MOST_BYTES {
            let message = "there are too many different values to keep these figures up to date: narrow the query, or ask for less";
            return Err(Unsettled::Refused(Error::new(Code::InvalidQuery, message)));
        }
        Ok(keys)
    }

    /// A row goes that has come. Answers its group.
    pub(crate) fn remove(&mut self, row: &dyn RowView) -> Result<Vec<Key>, Unsettled> {
        let (keys, values) = (self.keys(row), self.values(row));
        let Some(group) = self.groups.get_mut(&keys).filter(|group| group.rows > 0) else {
            return Err(Unsettled::Lost);
        };
        group.rows -= 1;
        for (figure, value) in group.figures.iter_mut().zip(values) {
            let Some((asked, value)) = value else { continue };
            let was_there = match figure {
                Figure::Rows => true,
                Figure::Count(count) => {
                    let was_there = *count > 0;
                    *count = count.saturating_sub(1);
                    was_there
                }
                Figure::Total(total) => {
                    total.subtract(addend(asked.function, asked.kind, &value));
                    true
                }
                Figure::Extreme(extremes) => extremes.remove(asked, &value, &mut self.kept),
                Figure::Distinct(values, total) => match values.get_mut(&Key::from(value.clone())) {
                    Some(times) if *times > 1 => {
                        *times -= 1;
                        true
                    }
                    Some(_) => {
                        values.remove(&Key::from(value.clone()));
                        self.kept.subtract(&value);
                        total.subtract(addend(asked.function, asked.kind, &value));
                        true
                    }
                    None => false,
                },
            };
            if !was_there {
                return Err(Unsettled::Lost);
            }
        }
        if group.rows == 0 && !self.aggregation.group_by.is_empty() {
            self.groups.remove(&keys);
            for key in &keys {
                self.kept.subtract(&key.clone().into());
            }
        }
        Ok(keys)
    }

    /// The answer for a group: its keys, then its figures. `None` if there is no such group (any more).
    pub(crate) fn answer(&self, keys: &[Key]) -> Result<Option<Row>, Unsettled> {
        let Some(group) = self.groups.get(keys) else { return Ok(None) };
        let mut figures = Vec::with_capacity(group.figures.len());
        for (at, figure) in group.figures.iter().enumerate() {
            let value = self.figure(group.rows, at, figure)?;
            figures.push(value);
        }
        let mut answer = row(keys.iter().cloned().map(Value::from).collect(), figures);
        for (at, value) in answer.0.iter_mut().enumerate() {
            settle(self.aggregation.kind(at), value);
        }
        Ok(Some(answer))
    }

    fn figure(&self, rows: u64, at: usize, figure: &Figure) -> Result<Value, Unsettled> {
        let integer = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
        let refused = |fault: Fault| Unsettled::Refused(fault.into_error(&self.aggregation, at));
        let total = |function: Function, total: &Total| match function {
            Function::Avg => Ok(total.clone().average()),
            _ => total.clone().sum().map_err(refused),
        };
        let asked = match self.aggregation.aggregates.get(at) {
            Some(Aggregate::Of { function, path, .. }) => (*function, path.kind(self.aggregation.shape)),
            _ => (Function::Count, Kind::Integer),
        };
        Ok(match (figure, asked.0) {
            (Figure::Rows, _) => integer(rows),
            (Figure::Count(count), _) => integer(*count),
            (Figure::Total(sum), function) => total(function, sum)?,
            (Figure::Extreme(extremes), _) => match extremes.values.first() {
                Some((value, _)) => value.clone(),
                None if extremes.is_whole => Value::Null,
                None => return Err(Unsettled::Lost),
            },
            (Figure::Distinct(values, _), Function::Count) => integer(values.len() as u64),
            (Figure::Distinct(values, _), Function::Values) => {
                let bytes = |key: &Key| if let Key::Text(text) = key { text.len() } else { 0 };
                if values.len() > MAX_GROUPS || values.keys().map(bytes).sum::<usize>() > MAX_ANSWER {
                    return Err(refused(Fault::Many));
                }
                listed(asked.1, values.keys().cloned().map(Value::from).collect())
            }
            (Figure::Distinct(_, sum), function) => total(function, sum)?,
        })
    }

    /// Which of two answers comes first.
    pub(crate) fn compare(&self, left: &Row, right: &Row) -> Ordering {
        super::evaluate::compare(&order_by(&self.aggregation), left, right)
    }
}

#[cfg(test)]
mod tests;
