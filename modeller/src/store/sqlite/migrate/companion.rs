//! Tables beside a model's own that answer what no plain index can: where positions lie, and which words are in a text.
//! Triggers keep them in step, so that no way of writing can forget them. (Words are told by a function of ours: another tool
//! can't write searchable text at all.)

use super::found::FoundTable;
use crate::model::{ColumnInfo, Shape};
use crate::store::PlannedStep;
use crate::store::sql::{geo_index, search_index};
use crate::store::sqlite::table::{quoted, table_name};

/// A virtual table beside a model's table, and the triggers that fill it.
pub(super) struct Companion {
    name: String,
    what: String,
    /// Name and statement: the virtual table, then its triggers.
    parts: Vec<(String, String)>,
    /// Takes in the rows that are there.
    fill: String,
}

/// What triggers are called, besides the name of their index.
const EVENTS: [&str; 3] = [".insert", ".update", ".delete"];

/// The index that a table or trigger with this name belongs to, if it may be ours.
fn index_of(name: &str) -> Option<&str> {
    let name = EVENTS.iter().find_map(|event| name.strip_suffix(event)).unwrap_or(name);
    let ours = [("geo.", ".boxes"), ("fts.", ".words")];
    ours.iter().any(|(start, end)| name.starts_with(start) && name.ends_with(end)).then_some(name)
}

/// Whether a table or trigger with this name may be ours.
pub(super) fn is_ours(name: &str) -> bool {
    index_of(name).is_some()
}

/// Whether the virtual table with this name stands beside the table.
pub(super) fn is_beside(name: &str, table: &str) -> bool {
    is_ours(name) && name.split('.').nth(1) == Some(table)
}

/// The names under which something of ours is beside the table, be it a trigger alone.
pub(super) fn names(found: &FoundTable) -> Vec<&str> {
    let mut names: Vec<&str> = found.companions.iter().map(|(name, _)| name.as_str()).collect();
    names.extend(found.attached.iter().filter_map(|(name, _)| index_of(name)));
    names.sort_unstable();
    names.dedup();
    names
}

/// What the model needs beside its table.
pub(super) fn wanted(shape: &Shape) -> Vec<Companion> {
    let positions = shape.geo.iter().map(|&(latitude, longitude)| geo(shape, latitude, longitude));
    let words = (!shape.searchable.is_empty()).then(|| search(shape));
    let mut all: Vec<Companion> = positions.chain(words).collect();
    all.dedup_by(|one, other| one.name == other.name);
    all
}

fn geo(shape: &Shape, latitude: usize, longitude: usize) -> Companion {
    let table = table_name(shape);
    let [north, east] = [latitude, longitude].map(|index| quoted(&shape.columns[index].column));
    let name = geo_index(&table, shape, latitude, longitude);
    let of = |row: &str| {
        let (north, east) = (format!("{row}{north}"), format!("{row}{east}"));
        format!(
            "SELECT {row}\"_rowid\", {north}, {north}, {east}, {east}{from} WHERE {north} BETWEEN -90 AND 90 AND {east} \
             BETWEEN -180 AND 180",
            from = if row.is_empty() { format!(" FROM {}", quoted(&table)) } else { String::new() }
        )
    };
    let put = |row: &str| format!("INSERT INTO {} {}", quoted(&name), of(row));
    let take = format!("DELETE FROM {} WHERE id = old.\"_rowid\"", quoted(&name));
    Companion {
        what: format!(
            "index of positions {table} ({}, {})",
            shape.columns[latitude].column, shape.columns[longitude].column
        ),
        parts: parts(
            &name,
            &table,
            "rtree(id, south, north, west, east)",
            &format!("{north}, {east}"),
            &put("new."),
            &take,
        ),
        fill: put(""),
        name,
    }
}

fn search(shape: &Shape) -> Companion {
    let table = table_name(shape);
    let name = search_index(&table);
    let columns: Vec<&ColumnInfo> = shape.searchable.iter().map(|&index| &shape.columns[index]).collect();
    // Names of our own: some names mean something to FTS5.
    let places: Vec<String> = (0..columns.len()).map(|at| format!("f{at}")).collect();
    let values = |row: &str| {
        let value = |column: &&ColumnInfo| {
            format!("modeller_words({row}{}, {})", quoted(&column.column), u8::from(column.array))
        };
        columns.iter().map(value).collect::<Vec<_>>().join(", ")
    };
    let into = format!("INSERT INTO {} (rowid, {})", quoted(&name), places.join(", "));
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.column)).collect();
    // The text itself stays where it is, and is not kept twice.
    let module = format!(
        "fts5({}, content='', contentless_delete=1, tokenize=\"unicode61 remove_diacritics 2 categories 'L* N* Co M*'\")",
        places.join(", ")
    );
    Companion {
        what: format!("index of words {table} ({})", names.join(", ").replace('"', "")),
        parts: parts(
            &name,
            &table,
            &module,
            &names.join(", "),
            &format!("{into} VALUES (new.\"_rowid\", {})", values("new.")),
            &format!("DELETE FROM {} WHERE rowid = old.\"_rowid\"", quoted(&name)),
        ),
        fill: format!("{into} SELECT \"_rowid\", {} FROM {}", values(""), quoted(&table)),
        name,
    }
}

fn parts(
    name: &str,
    table: &str,
    module: &str,
    columns: &str,
    put: &str,
    take: &str,
) -> Vec<(String, String)> {
    let trigger = |when: &str, event: &str, work: &str| {
        let name = format!("{name}.{when}");
        let sql =
            format!("CREATE TRIGGER {} AFTER {event} ON {} BEGIN {work}; END", quoted(&name), quoted(table));
        (name, sql)
    };
    vec![
        (name.to_owned(), format!("CREATE VIRTUAL TABLE {} USING {module}", quoted(name))),
        trigger("insert", "INSERT", put),
        trigger("update", &format!("UPDATE OF {columns}"), &format!("{take}; {put}")),
        trigger("delete", "DELETE", take),
    ]
}

impl Companion {
    /// Whether it is there as it should be.
    pub(super) fn is_in(&self, found: &FoundTable) -> bool {
        self.parts.iter().all(|part| found.companions.contains(part) || found.attached.contains(part))
    }

    /// The statements that make it, beside a table that may have rows.
    pub(super) fn sql(&self) -> Vec<String> {
        self.parts.iter().map(|(_, sql)| sql.clone()).chain([self.fill.clone()]).collect()
    }

    /// The step that makes it.
    pub(super) fn step(&self) -> PlannedStep {
        PlannedStep::safe(format!("create {}", self.what), self.sql())
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// The step that removes what stands under this name, which has nothing that the model's table has not.
pub(super) fn drop(found: &FoundTable, name: &str) -> PlannedStep {
    let of = format!("{name}.");
    let triggers =
        found.attached.iter().map(|(trigger, _)| trigger).filter(|trigger| trigger.starts_with(&of));
    let mut sql: Vec<String> = triggers.map(|trigger| format!("DROP TRIGGER {}", quoted(trigger))).collect();
    sql.push(format!("DROP TABLE IF EXISTS {}", quoted(name)));
    PlannedStep::safe(format!("drop index {name}"), sql)
}
