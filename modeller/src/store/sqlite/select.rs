//! Reads: a selection as a statement, its rows into a sink without copying them.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Statement};

use super::fault::{caller, internal};
use super::table::Table;
use crate::model::{Cell, Result, RowView, Shape, Value};
use crate::query::{Filter, Op, Operand, Search, Select};
use crate::store::sql::Sql;
use crate::store::{Each, Sink};

/// How long a statement may be, in bytes, that is kept prepared.
const LONG: usize = 2048;

/// A value, bound without copying it.
pub(super) struct Bind<'a>(pub(super) &'a Value);

impl ToSql for Bind<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Number(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// Binds values to the parameters from `first` (1-based) on.
pub(super) fn bind<'v>(
    statement: &mut Statement<'_>,
    first: usize,
    values: impl IntoIterator<Item = &'v Value>,
) -> rusqlite::Result<()> {
    for (at, value) in values.into_iter().enumerate() {
        statement.raw_bind_parameter(first + at, Bind(value))?;
    }
    Ok(())
}

/// A row where SQLite has it.
struct View<'r>(&'r Row<'r>);

impl RowView for View<'_> {
    fn cell(&self, index: usize) -> Cell<'_> {
        match self.0.get_ref(index) {
            Ok(ValueRef::Integer(number)) => Cell::Integer(number),
            Ok(ValueRef::Real(number)) => Cell::Number(number),
            // Text that is not UTF-8 was not written by us: it is as good as none.
            Ok(ValueRef::Text(text) | ValueRef::Blob(text)) => {
                std::str::from_utf8(text).map_or(Cell::Null, Cell::Text)
            }
            Ok(ValueRef::Null) | Err(_) => Cell::Null,
        }
    }
}

/// Gives the selected rows to the sink, until it is told to stop. Answers the id by which a document was asked for, and where it
/// is: SQLite's own number of the row.
pub(super) fn rows<'a>(
    connection: &Connection,
    table: &'a Table,
    select: &'a Select,
    sink: &mut dyn Sink,
    stop: &AtomicBool,
) -> Result<Option<(&'a str, i64)>> {
    let Some((text, id)) = by_id(table, select) else {
        let sql = build(table, select);
        run(connection, &sql.text, &sql.binds, stop, |row| sink.row(&View(row)))?;
        return Ok(None);
    };
    let mut place = None;
    run(connection, text, [id], stop, |row| {
        place = id.as_text().zip(row.get(table.shape.columns.len()).ok());
        sink.row(&View(row))
    })?;
    Ok(place)
}

/// As [`rows`], but only the first rows of each value of a column.
pub(super) fn each(
    connection: &Connection,
    table: &Table,
    select: &Select,
    each: Each,
    sink: &mut dyn Sink,
    stop: &AtomicBool,
) -> Result<()> {
    let Some(column) = select.shape.columns.get(each.column) else {
        return rows(connection, table, select, sink, stop).map(drop);
    };
    let list = table.select.strip_suffix(&table.from).unwrap_or_default();
    let mut sql = Sql::new(format!("{list} FROM ({list}, row_number() OVER (PARTITION BY "));
    sql.quoted(&column.column);
    sql.order_clause(select.shape, &select.order);
    sql.text.push_str(") AS \"_place\"");
    sql.text.push_str(&table.from);
    sql.where_clause(select.shape, &select.filter);
    sql.text.push_str(") WHERE \"_place\" <= ");
    sql.bind(Value::Integer(i64::try_from(each.count).unwrap_or(i64::MAX)));
    sql.order_clause(select.shape, &select.order);
    run(connection, &sql.text, &sql.binds, stop, |row| sink.row(&View(row)))
}

/// The statement for a selection, where there is none ready.
fn build(table: &Table, select: &Select) -> Sql {
    let mut sql = Sql::new(String::with_capacity(table.select.len() + 128));
    match (select.search(), &table.scored) {
        (Some(search), Some(scored)) => {
            sql.text.push_str(scored);
            sql.ranked(select.shape, search);
            sql.where_clause(select.shape, &beside(&select.filter, search));
        }
        _ => {
            sql.text.push_str(&table.select);
            sql.where_clause(select.shape, &select.filter);
        }
    }
    match (select.search(), select.order.as_slice()) {
        (Some(_), []) => sql.text.push_str(" ORDER BY \"_score\" DESC, \"_id\""),
        (_, order) => sql.order_clause(select.shape, order),
    }
    if select.count.is_some() || select.start > 0 {
        sql.text.push_str(" LIMIT ? OFFSET ?");
        let number = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
        sql.binds.push(select.count.map_or(Value::Integer(-1), number));
        sql.binds.push(number(select.start));
    }
    sql
}

/// The conditions besides a search that is answered already.
fn beside(filter: &Filter, search: &Search) -> Filter {
    let is_answered = |part: &&Filter| matches!(part, Filter::Search(other) if **other == *search);
    match filter {
        Filter::All(all) => {
            all.iter().filter(|part| !is_answered(part)).cloned().fold(Filter::True, Filter::and)
        }
        _ => Filter::True,
    }
}

/// The text that [`rows`] runs, and how many values are bound to it.
#[cfg(test)]
pub(super) fn statement(table: &Table, select: &Select) -> (String, usize) {
    match by_id(table, select) {
        Some((text, _)) => (text.to_owned(), 1),
        None => {
            let sql = build(table, select);
            (sql.text, sql.binds.len())
        }
    }
}

fn run<'v>(
    connection: &Connection,
    text: &str,
    binds: impl IntoIterator<Item = &'v Value>,
    stop: &AtomicBool,
    mut take: impl FnMut(&Row<'_>) -> ControlFlow<()>,
) -> Result<()> {
    prepared(connection, text, |statement| {
        bind(statement, 1, binds).map_err(caller)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(caller)? {
            if take(row).is_break() {
                break;
            }
            if stop.load(Ordering::Relaxed) {
                return Err(internal("nobody waits for the rows"));
            }
        }
        Ok(())
    })
}

/// Runs a statement, which is kept prepared unless it is so long that it hardly comes again and takes much memory.
pub(super) fn prepared<T>(
    connection: &Connection,
    text: &str,
    run: impl FnOnce(&mut Statement<'_>) -> Result<T>,
) -> Result<T> {
    if text.len() > LONG {
        run(&mut connection.prepare(text).map_err(caller)?)
    } else {
        run(&mut *connection.prepare_cached(text).map_err(caller)?)
    }
}

/// The ready statement for the document with an id, and the id.
fn by_id<'a>(table: &'a Table, select: &'a Select) -> Option<(&'a str, &'a Value)> {
    if select.start > 0 || select.count == Some(0) {
        return None;
    }
    match &select.filter {
        Filter::All(both) => match both.as_slice() {
            [one, other] => {
                let id = match (is_live(table.shape, one), is_live(table.shape, other)) {
                    (false, true) => one,
                    (true, false) => other,
                    _ => return None,
                };
                Some((table.get_live.as_deref()?, id_of(id)?))
            }
            _ => None,
        },
        filter => Some((&table.get, id_of(filter)?)),
    }
}

fn id_of(filter: &Filter) -> Option<&Value> {
    match filter {
        Filter::Test(path, Op::Eq(Operand::Cell(id @ Value::Text(_))))
            if path.column == Shape::ID && path.steps.is_empty() =>
        {
            Some(id)
        }
        _ => None,
    }
}

/// Whether the filter says that a document is not in the trash.
pub(super) fn is_live(shape: &Shape, filter: &Filter) -> bool {
    match filter {
        Filter::Test(path, Op::Eq(Operand::Cell(Value::Null)) | Op::Exists(false)) => {
            Some(path.column) == shape.deleted_at && path.steps.is_empty()
        }
        _ => false,
    }
}

/// How many rows fulfil the filter.
pub(super) fn count(connection: &Connection, table: &Table, filter: &Filter) -> Result<u64> {
    let mut sql = Sql::new(table.count.clone());
    sql.where_clause(table.shape, filter);
    prepared(connection, &sql.text, |statement| {
        bind(statement, 1, &sql.binds).map_err(caller)?;
        let mut rows = statement.raw_query();
        match rows.next().map_err(caller)? {
            Some(row) => row.get(0).map_err(caller),
            None => Ok(0),
        }
    })
}
