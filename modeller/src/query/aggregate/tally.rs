//! What is kept of the values of one group while they come by.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::Value as Json;

use super::exact::Exact;
use super::{Fault, Function};
use crate::model::{Cell, DecimalSum, Kind, Value, write_cell};
use crate::query::compare::{cells, json_order};
use crate::query::limits::{MAX_ANSWER, MAX_GROUPS};

/// A value in its one form, that can be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Null,
    Integer(i64),
    Number(u64),
    Text(String),
}

impl From<Value> for Key {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Key::Null,
            Value::Integer(integer) => Key::Integer(integer),
            Value::Number(float) => Key::Number(float.to_bits()),
            Value::Text(text) => Key::Text(text),
        }
    }
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Null => Value::Null,
            Key::Integer(integer) => Value::Integer(integer),
            Key::Number(bits) => Value::Number(f64::from_bits(bits)),
            Key::Text(text) => Value::Text(text),
        }
    }
}

/// A sum that loses nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Total {
    count: u64,
    /// 2⁶⁴ integers of 64 bits are not too many.
    whole: i128,
    /// With how many floats it is the sum of.
    float: Option<(u64, Box<Exact>)>,
    decimal: Option<DecimalSum>,
}

impl Total {
    /// Adds a number; anything else is passed over. Text is a decimal number.
    pub(crate) fn add(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Integer(integer) => self.whole += i128::from(integer),
            Cell::Number(float) if float.is_finite() => {
                let (floats, sum) = self.float.get_or_insert_with(|| (0, Box::new(Exact::new())));
                *floats += 1;
                sum.add(float);
            }
            Cell::Text(text) if self.decimal.get_or_insert_default().add(text) => {}
            _ => return,
        }
        self.count += 1;
    }

    /// Takes a number away that was added once; anything else is passed over.
    #[cfg(feature = "live")]
    pub(crate) fn subtract(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Integer(integer) => self.whole -= i128::from(integer),
            Cell::Number(number) if number.is_finite() => {
                let Some((floats, sum)) = &mut self.float else { return };
                *floats -= 1;
                sum.subtract(number);
                // Without any float it is the sum of integers, as if there had never been one.
                if *floats == 0 {
                    self.float = None;
                }
            }
            Cell::Text(text) if self.decimal.as_mut().is_some_and(|decimal| decimal.subtract(text)) => {}
            _ => return,
        }
        self.count = self.count.saturating_sub(1);
    }

    /// The sum: an integer if all that was added were integers.
    pub(crate) fn sum(self) -> Result<Value, Fault> {
        if let Some(decimal) = self.decimal {
            return decimal.finish().map(Value::Text).ok_or(Fault::Overflow);
        }
        match self.float {
            None => i64::try_from(self.whole).map(Value::Integer).map_err(|_| Fault::Overflow),
            Some((_, mut float)) => {
                float.add_integer(self.whole);
                float.sum().map(Value::Number).ok_or(Fault::Overflow)
            }
        }
    }

    /// The average, if anything was added.
    pub(crate) fn average(self) -> Value {
        if self.count == 0 {
            return Value::Null;
        }
        let mut float = self.float.map_or_else(Exact::new, |(_, float)| *float);
        float.add_integer(self.whole);
        Value::Number(float.average(self.count))
    }
}

/// All different values so far, within limits.
#[derive(Debug, Default)]
pub(crate) struct Values {
    seen: HashSet<Key>,
    bytes: usize,
    many: bool,
}

impl Values {
    /// Adds a value in its one form.
    pub(crate) fn add(&mut self, value: Value) {
        if self.many {
            return;
        }
        let size = value.as_text().map_or(0, str::len);
        if self.seen.insert(value.into()) {
            self.bytes += size;
            self.many = self.seen.len() > MAX_GROUPS || self.bytes > MAX_ANSWER;
        }
    }

    /// The values, in no order.
    pub(crate) fn finish(self) -> Result<Vec<Value>, Fault> {
        if self.many { Err(Fault::Many) } else { Ok(self.seen.into_iter().map(Value::from).collect()) }
    }
}

/// The values in their order, as a JSON array.
pub(crate) fn listed(kind: Kind, mut values: Vec<Value>) -> Value {
    values.sort_by(|left, right| order(kind, left, right));
    let mut out = vec![b'['];
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_cell(kind, value.view(), &mut out);
    }
    out.push(b']');
    // Proof: a cell is written as JSON, which is UTF-8.
    Value::Text(String::from_utf8(out).unwrap_or_default())
}

/// Which of two values in their one form comes first. `Null` is the smallest; equal is only what is the same.
pub(crate) fn order(kind: Kind, left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => right.is_null().cmp(&left.is_null()),
        (Value::Text(left), Value::Text(right)) if kind == Kind::Json => {
            let json = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
            // Arrays are all at one place in a sort, and so are objects.
            json_order(&json(left), &json(right)).then_with(|| left.cmp(right))
        }
        _ => cells(kind, left.view(), right.view()).unwrap_or(Ordering::Equal),
    }
}

/// The least or the greatest value inside JSON so far. Arrays and objects have no order.
#[derive(Debug)]
pub(crate) struct Extreme {
    wanted: Ordering,
    best: Option<(Json, String)>,
}

impl Extreme {
    pub(crate) fn new(greatest: bool) -> Self {
        Extreme { wanted: if greatest { Ordering::Greater } else { Ordering::Less }, best: None }
    }

    /// Looks at a value as [text](super::json_text).
    pub(crate) fn add(&mut self, text: &str) {
        if text.starts_with(['[', '{']) {
            return;
        }
        let Ok(json) = serde_json::from_str::<Json>(text) else { return };
        if self.best.as_ref().is_none_or(|(best, _)| json_order(&json, best) == self.wanted) {
            self.best = Some((json, text.to_owned()));
        }
    }

    pub(crate) fn finish(self) -> Value {
        self.best.map_or(Value::Null, |(_, text)| Value::Text(text))
    }
}

/// One figure in the making.
#[derive(Debug)]
pub(super) struct Tally {
    function: Function,
    kind: Kind,
    distinct: Option<HashSet<Key>>,
    count: u64,
    total: Total,
    values: Values,
    best: Option<Value>,
    /// Inside JSON values of several types may meet.
    extreme: Option<Extreme>,
}

impl Tally {
    pub(super) fn new(function: Function, kind: Kind, distinct: bool) -> Self {
        // Of some figures it makes no difference.
        let distinct = distinct && matches!(function, Function::Count | Function::Sum | Function::Avg);
        Tally {
            function,
            kind,
            distinct: distinct.then(HashSet::new),
            count: 0,
            total: Total::default(),
            values: Values::default(),
            best: None,
            extreme: (kind == Kind::Json).then(|| Extreme::new(function == Function::Max)),
        }
    }

    pub(super) fn count_row(&mut self) {
        self.count += 1;
    }

    /// Adds a value in its one form.
    pub(super) fn add(&mut self, value: Value) {
        if value.is_null() {
            return;
        }
        if let Some(seen) = &mut self.distinct
            && !seen.insert(value.clone().into())
        {
            return;
        }
        match self.function {
            Function::Count => self.count += 1,
            Function::Sum | Function::Avg => self.total.add(addend(self.function, self.kind, &value)),
            Function::Min => self.extreme(value, Ordering::Less),
            Function::Max => self.extreme(value, Ordering::Greater),
            Function::Values => self.values.add(value),
        }
    }

    fn extreme(&mut self, value: Value, wanted: Ordering) {
        if let Some(extreme) = &mut self.extreme {
            return extreme.add(value.as_text().unwrap_or_default());
        }
        if self.best.as_ref().is_none_or(|best| order(self.kind, &value, best) == wanted) {
            self.best = Some(value);
        }
    }

    pub(super) fn finish(self) -> Result<Value, Fault> {
        Ok(match self.function {
            Function::Count => Value::Integer(i64::try_from(self.count).unwrap_or(i64::MAX)),
            Function::Sum => self.total.sum()?,
            Function::Avg => self.total.average(),
            Function::Min | Function::Max => match self.extreme {
                Some(extreme) => extreme.finish(),
                None => self.best.unwrap_or_default(),
            },
            Function::Values => listed(self.kind, self.values.finish()?),
        })
    }
}

/// What a value in its one form adds to a sum or an average; `Null` if that is nothing.
pub(super) fn addend(function: Function, kind: Kind, value: &Value) -> Cell<'_> {
    match (kind, value) {
        (Kind::Json, Value::Text(text)) => json_number(text),
        // No other text is a number, and no average of decimal numbers is exact.
        (kind, Value::Text(_)) if kind != Kind::Decimal || function == Function::Avg => Cell::Null,
        (_, value) => value.view(),
    }
}

/// The number that a text of JSON is; `Null` if it is something else.
fn json_number(text: &str) -> Cell<'static> {
    match text.parse::<i64>() {
        Ok(integer) => Cell::Integer(integer),
        Err(_) if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            text.parse().map_or(Cell::Null, Cell::Number)
        }
        Err(_) => Cell::Null,
    }
}
