//! Reading the change log, and forgetting what is too old.

use rusqlite::{Connection, OptionalExtension, params};

use super::connect::read_meta;
use super::fault::{caller, internal};
use super::log::{Entry, Item, Reader};
use super::table::Tables;
use crate::model::{Code, Error, Result, Value};
use crate::store::literal::default_value;
use crate::store::{Change, ChangeOp};

/// How many rows of the log one sweep removes at most.
const SWEEP: i64 = 256;

/// The last number that was given.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    // The newest row is never swept.
    let mut statement = connection.prepare_cached("SELECT max(\"seq\") FROM \"_changes\"")?;
    statement.query_row([], |row| row.get::<_, Option<u64>>(0)).map(Option::unwrap_or_default)
}

/// As [`Store::changes`](crate::store::Store::changes).
pub(super) fn read(
    connection: &Connection,
    tables: &Tables,
    after: u64,
    limit: usize,
) -> Result<Vec<Change>> {
    // One snapshot for all the questions.
    let snapshot = connection.unchecked_transaction().map_err(caller)?;
    let swept = read_meta::<u64>(&snapshot, "swept").map_err(caller)?.unwrap_or(0);
    if after < swept || after > last(&snapshot).map_err(caller)? {
        return Err(Error::new(Code::InvalidCursor, "the change log does not reach back that far"));
    }
    let mut statement = snapshot
        .prepare_cached(
            "SELECT \"first\", \"at\", \"data\" FROM \"_changes\" WHERE \"seq\" > ? ORDER BY \"seq\"",
        )
        .map_err(caller)?;
    let mut rows = statement.query([after]).map_err(caller)?;
    let mut changes: Vec<Change> = Vec::new();
    // Where the transaction begins that is being read.
    let mut begin = 0;
    while let Some(row) = rows.next().map_err(caller)? {
        let mut seq: u64 = row.get(0).map_err(caller)?;
        let at: i64 = row.get(1).map_err(caller)?;
        let data = row.get_ref(2).map_err(caller)?.as_blob().unwrap_or_default();
        let mut reader = Reader::new(data).ok_or_else(damaged)?;
        while !reader.is_done() {
            match reader.item().ok_or_else(damaged)? {
                Item::Entry(entry) => {
                    if seq > after {
                        changes.extend(change(tables, entry, seq, at));
                    }
                    seq += 1;
                }
                Item::End { actor } => {
                    for change in &mut changes[begin..] {
                        change.transaction = seq - 1;
                        change.actor.clone_from(&actor);
                    }
                    begin = changes.len();
                    if begin >= limit {
                        return Ok(changes);
                    }
                }
            }
        }
    }
    changes.truncate(begin);
    Ok(changes)
}

fn damaged() -> Error {
    tracing::error!("the change log is damaged");
    internal("the change log can't be read")
}

/// The entry in terms of the models as they are now; `None` if its model is not among them.
fn change(tables: &Tables, entry: Entry, seq: u64, at: i64) -> Option<Change> {
    let table = tables.numbered(entry.model)?;
    let mut old: Vec<(usize, Value)> =
        entry.old.into_iter().filter_map(|(number, value)| Some((table.index_of(number)?, value))).collect();
    if entry.op == ChangeOp::Delete {
        // Columns that are newer than the entry: as if the row had been there when they were added.
        for (index, column) in table.shape.columns.iter().enumerate() {
            if !old.iter().any(|&(known, _)| known == index) {
                old.push((index, default_value(column).unwrap_or_default()));
            }
        }
        old.sort_by_key(|&(index, _)| index);
    }
    let model = table.shape.path.clone();
    Some(Change { seq, transaction: seq, model, id: entry.id, op: entry.op, old, actor: None, at })
}

/// Removes rows that were written before `cutoff` (Unix milliseconds), oldest first; whether there may be more of them.
pub(super) fn sweep(connection: &Connection, cutoff: i64) -> rusqlite::Result<bool> {
    let old: Option<i64> = connection
        .prepare_cached("SELECT \"at\" FROM \"_changes\" ORDER BY \"seq\" LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if old.is_none_or(|at| at >= cutoff) {
        return Ok(false);
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let swept = forget(connection, cutoff);
    connection.execute_batch(if swept.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    swept
}

fn forget(connection: &Connection, cutoff: i64) -> rusqlite::Result<bool> {
    let newest = last(connection)?;
    let mut until = None;
    let mut count = 0;
    let mut statement = connection.prepare_cached(
        "SELECT \"seq\", \"at\" FROM \"_changes\" WHERE \"seq\" < ? ORDER BY \"seq\" LIMIT ?",
    )?;
    let mut rows = statement.query(params![newest, SWEEP])?;
    while let Some(row) = rows.next()? {
        // Clocks may go back: the log is only ever cut at its old end.
        if row.get::<_, i64>(1)? >= cutoff {
            break;
        }
        until = Some(row.get::<_, u64>(0)?);
        count += 1;
    }
    let Some(until) = until else { return Ok(false) };
    connection.prepare_cached("DELETE FROM \"_changes\" WHERE \"seq\" <= ?")?.execute([until])?;
    connection
        .prepare_cached(
            "INSERT INTO \"_meta\" VALUES ('swept', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?
        .execute([until])?;
    Ok(count == SWEEP)
}
