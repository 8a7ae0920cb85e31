//! Aggregations as SQL: one statement that gives each group's keys and figures, in no order.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate as Step, Context, FunctionFlags};
use rusqlite::types::{Value as SqlValue, ValueRef};
use serde_json::Value as Json;

use super::functions::{steps_of, text};
use super::{DIALECT, Function as Taught, Sql};
use crate::model::{Cell, Kind, Result, Shape, Value, canonical_decimal};
use crate::query::aggregate::{Extreme, Fault, Total, Values, json_number, json_text, listed, plain};
use crate::query::limits::MAX_GROUPS;
use crate::query::{Aggregate, Aggregation, Function, Path, json};

/// The statement; its answers are read by [`answer`].
pub(crate) fn statement(aggregation: &Aggregation, table: &str) -> Sql {
    let mut sql = Sql::new("SELECT ");
    let Aggregation { shape, group_by, aggregates, .. } = aggregation;
    for (at, path) in group_by.iter().enumerate() {
        sql.text.push_str(if at > 0 { ", " } else { "" });
        sql.value(shape, path);
    }
    for (at, aggregate) in aggregates.iter().enumerate() {
        sql.text.push_str(if at + group_by.len() > 0 { ", " } else { "" });
        match aggregate {
            Aggregate::Rows => sql.text.push_str("count(*)"),
            Aggregate::Of { function, path, distinct } => sql.figure(shape, *function, path, *distinct),
        }
    }
    sql.text.push_str(" FROM ");
    sql.quoted(table);
    sql.where_clause(shape, &aggregation.filter);
    for at in 0..group_by.len() {
        // By the place of the key: what it is worked out from has placeholders.
        sql.text.push_str(if at > 0 { ", " } else { " GROUP BY " });
        sql.text.push_str(&(at + 1).to_string());
    }
    // One more than an answer holds tells that there are too many.
    sql.text.push_str(&format!(" LIMIT {}", MAX_GROUPS + 1));
    sql
}

impl Sql {
    /// Appends what a path leads to, in the one form of its value, or as near to it as grouping needs.
    fn value(&mut self, shape: &Shape, path: &Path) {
        match shape.columns.get(path.column) {
            Some(column) if path.is_json(column) && column.kind == Kind::Json => {
                let steps = json::encode_steps(&path.steps).to_string();
                self.call(Taught::JsonText, column, steps);
            }
            Some(column) if path.steps.is_empty() && column.kind == Kind::Decimal => {
                self.text.push_str((DIALECT.function)(Taught::DecimalText));
                self.quoted(&column.column);
                self.text.push(')');
            }
            Some(column) if path.steps.is_empty() => self.quoted(&column.column),
            // There is nothing inside a plain column.
            _ => self.text.push_str("NULL"),
        }
    }

    fn figure(&mut self, shape: &Shape, function: Function, path: &Path, distinct: bool) {
        let column = shape.columns.get(path.column);
        let inside = column.is_some_and(|column| path.is_json(column));
        let decimal = !inside && column.is_some_and(|column| column.kind == Kind::Decimal);
        let distinct = distinct && matches!(function, Function::Count | Function::Sum | Function::Avg);
        self.text.push_str(match (function, inside) {
            (Function::Count, _) => "count(",
            (Function::Sum, _) if decimal => "modeller_decimal_sum(",
            (Function::Sum, _) => "modeller_sum(",
            (Function::Avg, _) => "modeller_avg(",
            (Function::Min, false) => "min(",
            (Function::Max, false) => "max(",
            (Function::Min, true) => "modeller_json_min(",
            (Function::Max, true) => "modeller_json_max(",
            (Function::Values, _) => "modeller_values(",
        });
        if distinct {
            self.text.push_str("DISTINCT ");
        }
        match (function, column) {
            (Function::Sum | Function::Avg, Some(column)) if inside && column.kind == Kind::Json => {
                let steps = json::encode_steps(&path.steps).to_string();
                self.call(Taught::JsonNumber, column, steps);
            }
            // The collation decides which one is the least; an index may know it.
            (Function::Min | Function::Max, Some(column)) if !inside => self.column(column),
            (Function::Sum | Function::Avg, Some(column)) if !inside && !distinct => {
                self.quoted(&column.column);
            }
            _ => self.value(shape, path),
        }
        self.text.push(')');
    }
}

/// The marks of figures that can't be given.
const OVERFLOW: u8 = 1;
const MANY: u8 = 2;

/// A key or figure of an answer's column in the form that all stores give.
///
/// # Errors
/// As [`Evaluation::finish`](crate::query::Evaluation::finish).
pub(crate) fn answer(aggregation: &Aggregation, column: usize, cell: ValueRef<'_>) -> Result<Value> {
    let aggregate = column.checked_sub(aggregation.group_by.len());
    let value = figure(cell).map_err(|fault| fault.into_error(aggregation, aggregate.unwrap_or_default()))?;
    Ok(match (aggregate.and_then(|at| aggregation.aggregates.get(at)), value) {
        (Some(Aggregate::Of { function: Function::Values, path, .. }), Value::Text(text)) => {
            let kind = path.kind(aggregation.shape);
            listed(kind, collected(kind, &text))
        }
        (_, value) => plain(aggregation.kind(column), value.view()),
    })
}

/// As SQLite gives it; what it could not give is the fault.
fn figure(cell: ValueRef<'_>) -> Result<Value, Fault> {
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(float) => Value::Number(float),
        // Text that is not UTF-8 was not written by us: it is as good as none.
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Null, Value::from),
        ValueRef::Blob([MANY]) => return Err(Fault::Many),
        ValueRef::Blob(_) => return Err(Fault::Overflow),
    })
}

fn answered(value: Result<Value, Fault>) -> SqlValue {
    match value {
        Ok(Value::Null) => SqlValue::Null,
        Ok(Value::Integer(integer)) => SqlValue::Integer(integer),
        Ok(Value::Number(float)) => SqlValue::Real(float),
        Ok(Value::Text(text)) => SqlValue::Text(text),
        Err(Fault::Overflow) => SqlValue::Blob(vec![OVERFLOW]),
        Err(Fault::Many) => SqlValue::Blob(vec![MANY]),
    }
}

fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Integer(integer) => Cell::Integer(integer),
        ValueRef::Real(float) => Cell::Number(float),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Cell::Null, Cell::Text),
        ValueRef::Null | ValueRef::Blob(_) => Cell::Null,
    }
}

/// Registers the functions of aggregations.
pub(super) fn install(connection: &Connection, flags: FunctionFlags) -> rusqlite::Result<()> {
    connection.create_scalar_function("modeller_json_text", 2, flags, |context| {
        Ok(match found(context)? {
            Json::Null => None,
            json => Some(json_text(&json)),
        })
    })?;
    connection.create_scalar_function("modeller_json_number", 2, flags, |context| {
        Ok(match found(context)? {
            Json::Number(found) => match json_number(&found) {
                Cell::Integer(integer) => SqlValue::Integer(integer),
                Cell::Number(float) => SqlValue::Real(float),
                _ => SqlValue::Null,
            },
            _ => SqlValue::Null,
        })
    })?;
    connection.create_scalar_function("modeller_decimal_text", 1, flags, |context| {
        Ok(text(context, 0).map(canonical_decimal))
    })?;
    connection.create_aggregate_function("modeller_sum", 1, flags, Sum { decimal: false })?;
    connection.create_aggregate_function("modeller_decimal_sum", 1, flags, Sum { decimal: true })?;
    connection.create_aggregate_function("modeller_avg", 1, flags, Avg)?;
    connection.create_aggregate_function("modeller_values", 1, flags, All)?;
    connection.create_aggregate_function("modeller_json_min", 1, flags, Most { greatest: false })?;
    connection.create_aggregate_function("modeller_json_max", 1, flags, Most { greatest: true })
}

/// `(json, steps)`: what is there.
fn found(context: &Context<'_>) -> rusqlite::Result<Json> {
    let steps = steps_of(context)?;
    Ok(text(context, 0).map_or(Json::Null, |text| json::find(text, &steps)))
}

struct Sum {
    decimal: bool,
}

impl Step<Total, SqlValue> for Sum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Total> {
        Ok(Total::default())
    }

    fn step(&self, context: &mut Context<'_>, total: &mut Total) -> rusqlite::Result<()> {
        match cell(context.get_raw(0)) {
            Cell::Text(_) if !self.decimal => {}
            cell => total.add(cell),
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, total: Option<Total>) -> rusqlite::Result<SqlValue> {
        Ok(answered(total.unwrap_or_default().sum()))
    }
}

struct Avg;

impl Step<Total, SqlValue> for Avg {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Total> {
        Ok(Total::default())
    }

    fn step(&self, context: &mut Context<'_>, total: &mut Total) -> rusqlite::Result<()> {
        if let cell @ (Cell::Integer(_) | Cell::Number(_)) = cell(context.get_raw(0)) {
            total.add(cell);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, total: Option<Total>) -> rusqlite::Result<SqlValue> {
        Ok(answered(Ok(total.unwrap_or_default().average())))
    }
}

/// All different values, as JSON of the cells: what they are the reader of the answer knows.
struct All;

impl Step<Values, SqlValue> for All {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Values> {
        Ok(Values::default())
    }

    fn step(&self, context: &mut Context<'_>, values: &mut Values) -> rusqlite::Result<()> {
        match cell(context.get_raw(0)).to_value() {
            Value::Null => {}
            value => values.add(value),
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, values: Option<Values>) -> rusqlite::Result<SqlValue> {
        let json = |value: Value| match value {
            Value::Null => Json::Null,
            Value::Integer(integer) => integer.into(),
            Value::Number(float) => float.into(),
            Value::Text(text) => text.into(),
        };
        let all = values.unwrap_or_default().finish();
        Ok(answered(all.map(|all| Value::Text(all.into_iter().map(json).collect::<Json>().to_string()))))
    }
}

/// The cells that [`All`] has collected.
fn collected(column: Kind, text: &str) -> Vec<Value> {
    let cells: Vec<Json> = serde_json::from_str(text).unwrap_or_default();
    let value = |json| match json {
        Json::Number(found) if column == Kind::Number => {
            Value::Number(found.as_f64().unwrap_or_default() + 0.0)
        }
        Json::Number(found) => found.as_i64().map_or(Value::Null, Value::Integer),
        Json::String(text) => Value::Text(text),
        _ => Value::Null,
    };
    cells.into_iter().map(value).collect()
}

struct Most {
    greatest: bool,
}

impl Step<Extreme, SqlValue> for Most {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Extreme> {
        Ok(Extreme::new(self.greatest))
    }

    fn step(&self, context: &mut Context<'_>, extreme: &mut Extreme) -> rusqlite::Result<()> {
        if let Some(text) = text(context, 0) {
            extreme.add(text);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, extreme: Option<Extreme>) -> rusqlite::Result<SqlValue> {
        Ok(answered(Ok(extreme.map_or(Value::Null, Extreme::finish))))
    }
}
