//! Tables and indexes as statements. The same model always gives the same text, so that texts can be compared.

use crate::model::{ColumnInfo, Kind, Shape};
use crate::store::sqlite::table::{kind_name, quoted, sql_type, table_name};

/// An index that a model asks for.
pub(super) struct Index {
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) columns: Vec<usize>,
    pub(super) unique: bool,
}

impl Index {
    /// Whether an index with this name may be ours.
    pub(super) fn is_ours(name: &str) -> bool {
        name.starts_with("ix.") || name.starts_with("uq.")
    }

    /// What it is, in words.
    pub(super) fn describe(&self, shape: &Shape) -> String {
        let kind = if self.unique { "unique index" } else { "index" };
        let columns: Vec<&str> = self.columns.iter().map(|&column| &*shape.columns[column].column).collect();
        format!("{kind} on {} ({})", table_name(shape), columns.join(", "))
    }
}

/// The definition of a column.
pub(super) fn column(column: &ColumnInfo, unique: bool) -> String {
    let mut sql = format!("{} {}", quoted(&column.column), sql_type(column.kind));
    if !column.sparse {
        sql.push_str(" NOT NULL");
    }
    if unique {
        sql.push_str(" UNIQUE");
    }
    if column.kind == Kind::Decimal {
        sql.push_str(" COLLATE modeller_decimal");
    }
    sql
}

/// The statement that makes the model's table, under this name.
///
/// `_rowid` is there so that SQLite's full text and spatial indexes have a number to refer to, and because inserts are
/// fastest when the table itself grows at its end.
pub(super) fn create_table(shape: &Shape, name: &str) -> String {
    let columns: Vec<String> =
        shape.columns.iter().enumerate().map(|(index, info)| column(info, index == Shape::ID)).collect();
    format!("CREATE TABLE {} (\"_rowid\" INTEGER PRIMARY KEY, {}) STRICT", quoted(name), columns.join(", "))
}

/// The indexes that the model asks for.
pub(super) fn indexes(shape: &Shape) -> Vec<Index> {
    let index = |set: &[usize], unique: bool| {
        let columns: Vec<&str> = set.iter().map(|&column| &*shape.columns[column].column).collect();
        let mut list: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
        if !unique && !set.contains(&Shape::ID) {
            // Rows are always sorted by the id in the end: with it in the index they come out sorted.
            list.push(quoted("_id"));
        }
        let prefix = if unique { "uq" } else { "ix" };
        let name = format!("{prefix}.{}.{}", table_name(shape), columns.join(","));
        let mut sql = format!(
            "CREATE {}INDEX {} ON {} ({})",
            if unique { "UNIQUE " } else { "" },
            quoted(&name),
            quoted(&table_name(shape)),
            list.join(", ")
        );
        if unique && shape.deleted_at.is_some() {
            sql.push_str(" WHERE \"_deleted_at\" IS NULL");
        }
        Index { name, sql, columns: set.to_vec(), unique }
    };
    let mut all: Vec<Index> = shape.unique.iter().map(|set| index(set, true)).collect();
    all.extend(shape.indexes.iter().map(|set| index(set, false)));
    for system in [shape.expires_at, shape.deleted_at].into_iter().flatten() {
        // Only what has a time is ever looked for by it.
        let name = &shape.columns[system].column;
        let mut index = index(&[system], false);
        index.sql.push_str(&format!(" WHERE {} IS NOT NULL", quoted(name)));
        all.push(index);
    }
    // The same set said twice is one index.
    let mut seen = Vec::new();
    all.retain(|index| {
        let new = !seen.contains(&index.name);
        seen.push(index.name.clone());
        new
    });
    all
}

/// The statement that gives columns numbers in the change log, in this order.
pub(super) fn register<'c>(shape: &Shape, columns: impl IntoIterator<Item = &'c ColumnInfo>) -> String {
    let rows: Vec<String> = columns
        .into_iter()
        .map(|info| format!("({}, '{}')", text(&info.column), kind_name(info.kind)))
        .collect();
    format!(
        "WITH added (name, kind) AS (VALUES {}) INSERT INTO \"_columns\" (model, name, kind) \
         SELECT number, name, kind FROM added, \"_models\" WHERE path = {}",
        rows.join(", "),
        text(&shape.path)
    )
}

/// Text as SQL has it.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
