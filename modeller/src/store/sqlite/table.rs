//! Tables: the statements of a model, written once, and where the model stands in the change log.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use rusqlite::Connection;

use super::fault::internal;
use crate::model::{Kind, Result, Shape};

/// SQLite's own number of a row. No field's name begins so, and none hides it.
const ROW: &str = "_rowid_";

/// A statement that updates some columns of one row.
pub(super) struct Update {
    /// The row with an id and a version.
    pub(super) by_id: String,
    /// The same, at the place where a read has found it.
    pub(super) at_row: String,
}

/// A model's table.
pub(super) struct Table {
    pub(super) shape: &'static Shape,
    /// The model's number in the change log.
    pub(super) number: u64,
    /// The numbers of the columns in the change log, in the order of the shape.
    pub(super) columns: Vec<u64>,
    /// The other way round.
    by_number: HashMap<u64, usize>,
    /// `SELECT` all columns in the order of the shape.
    pub(super) select: String,
    /// The same with the score of a search, without its table.
    pub(super) scored: Option<String>,
    /// ` FROM` and the table's name.
    pub(super) from: String,
    /// `SELECT count(*)`.
    pub(super) count: String,
    /// The row with an id, and behind its columns SQLite's own number of it.
    pub(super) get: String,
    /// The row with an id, unless it is in the trash.
    pub(super) get_live: Option<String>,
    pub(super) insert: String,
    /// Removes the row with this id and version.
    pub(super) delete: String,
    /// Removes the row with this id.
    pub(super) remove: String,
    /// What SQLite says of a row that is not unique, and the columns it means.
    violations: Vec<(String, Vec<usize>)>,
}

impl Table {
    fn new(shape: &'static Shape, number: u64, columns: Vec<u64>) -> Self {
        let table = quoted(&table_name(shape));
        let names: Vec<String> = shape.columns.iter().map(|column| quoted(&column.column)).collect();
        let list = names.join(", ");
        let places = vec!["?"; names.len()].join(", ");
        let get = format!("SELECT {list}, {ROW} FROM {table} WHERE \"_id\" = ?");
        let violations = std::iter::once((&[Shape::ID][..], shape.key.unwrap_or(Shape::ID)))
            .map(|(set, named)| (set, vec![named]))
            .chain(shape.unique.iter().map(|set| (&set[..], set.clone())))
            .map(|(set, named)| {
                let parts: Vec<String> = set
                    .iter()
                    .map(|&index| format!("{}.{}", table_name(shape), shape.columns[index].column))
                    .collect();
                (format!("UNIQUE constraint failed: {}", parts.join(", ")), named)
            })
            .collect();
        Table {
            shape,
            number,
            by_number: columns.iter().enumerate().map(|(index, &number)| (number, index)).collect(),
            columns,
            scored: (!shape.searchable.is_empty()).then(|| format!("SELECT {list}, \"_score\" FROM {table}")),
            select: format!("SELECT {list} FROM {table}"),
            from: format!(" FROM {table}"),
            count: format!("SELECT count(*) FROM {table}"),
            get_live: shape.deleted_at.map(|_| format!("{get} AND \"_deleted_at\" IS NULL")),
            get,
            insert: format!("INSERT INTO {table} ({list}) VALUES ({places})"),
            delete: format!("DELETE FROM {table} WHERE \"_id\" = ? AND \"_version\" IS ?"),
            remove: format!("DELETE FROM {table} WHERE \"_id\" = ?"),
            violations,
        }
    }

    /// The updates of these columns in the row with an id and a version, which are bound after them: as it is, and with the
    /// row's number bound last, which spares SQLite the index of ids.
    pub(super) fn update(&self, changed: &[usize]) -> Update {
        let mut sql = format!("UPDATE {} SET ", quoted(&table_name(self.shape)));
        for (at, &index) in changed.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            // Writing to a string does not fail.
            let _ = write!(sql, "{comma}{} = ?", quoted(&self.shape.columns[index].column));
        }
        sql.push_str(" WHERE \"_id\" = ? AND \"_version\" IS ?");
        Update { at_row: format!("{sql} AND {ROW} = ?"), by_id: sql }
    }

    /// The index of the column with this number, if the model still has it.
    pub(super) fn index_of(&self, number: u64) -> Option<usize> {
        self.by_number.get(&number).copied()
    }

    /// The columns that SQLite's message means.
    pub(super) fn violated(&self, message: &str) -> Option<&[usize]> {
        self.violations.iter().find(|(text, _)| text == message).map(|(_, set)| &set[..])
    }
}

/// The tables of all migrated models.
#[derive(Default)]
pub(super) struct Tables {
    /// By the address of the shape: each model has one.
    by_shape: HashMap<usize, Arc<Table>>,
    by_number: HashMap<u64, Arc<Table>>,
}

impl Tables {
    /// Those of the models, all of which are in the database's register.
    pub(super) fn load(connection: &Connection, models: &[&'static Shape]) -> rusqlite::Result<Self> {
        let mut tables = Tables::default();
        let mut model = connection.prepare("SELECT number FROM \"_models\" WHERE path = ?1")?;
        let mut columns = connection.prepare("SELECT number, name FROM \"_columns\" WHERE model = ?1")?;
        for &shape in models {
            let number: u64 = model.query_row([&shape.path], |row| row.get(0))?;
            let known: HashMap<String, u64> = columns
                .query_map([number], |row| Ok((row.get(1)?, row.get(0)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let numbers = shape.columns.iter().map(|column| known.get(&column.column).copied()).collect();
            let numbers: Option<Vec<u64>> = numbers;
            let table =
                Arc::new(Table::new(shape, number, numbers.ok_or(rusqlite::Error::QueryReturnedNoRows)?));
            tables.by_shape.insert(address(shape), Arc::clone(&table));
            tables.by_number.insert(number, table);
        }
        Ok(tables)
    }

    /// The table of a model.
    pub(super) fn of(&self, shape: &Shape) -> Result<&Arc<Table>> {
        self.by_shape.get(&address(shape)).ok_or_else(|| {
            tracing::error!(model = shape.path, "the model was never given to `migrate`");
            internal("the store does not know this model")
        })
    }

    /// The table of the model with this number.
    pub(super) fn numbered(&self, number: u64) -> Option<&Arc<Table>> {
        self.by_number.get(&number)
    }
}

fn address(shape: &Shape) -> usize {
    std::ptr::from_ref(shape).addr()
}

/// The name of a model's table, where SQLite keeps its own prefix to itself.
pub(in crate::store) fn table_name(shape: &Shape) -> String {
    let reserved = shape.table.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"));
    if reserved { format!("_{}", shape.table) } else { shape.table.clone() }
}

/// A name as SQL has it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The name of a kind in the register of columns.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::DateTime => "datetime",
        Kind::Decimal => "decimal",
        Kind::Json => "json",
    }
}

/// The kind with this name.
pub(super) fn kind_named(name: &str) -> Option<Kind> {
    [Kind::Text, Kind::Integer, Kind::Number, Kind::Boolean, Kind::DateTime, Kind::Decimal, Kind::Json]
        .into_iter()
        .find(|&kind| kind_name(kind) == name)
}

/// The type of a kind's columns.
pub(super) fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::DateTime | Kind::Json | Kind::Decimal => "TEXT",
        Kind::Integer | Kind::Boolean => "INTEGER",
        Kind::Number => "REAL",
    }
}
