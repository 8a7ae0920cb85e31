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
    let swept = forget(connection, cutoff).and_then(|more| connection.execute_batch("COMMIT").map(|()| more));
    if swept.is_err() && !connection.is_autocommit() {
        // The next one to write has to find no transaction open.
        connection.execute_batch("ROLLBACK")?;
    }
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
            // A migration may have said already that nobody can begin before a later place.
            "INSERT INTO \"_meta\" VALUES ('swept', ?)
             ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute([until])?;
    Ok(count == SWEEP)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use validator::Validate;

    use super::*;
    use crate::model::Row;
    use crate::store::Apply;
    use crate::store::sqlite::connect::tests::scratch;
    use crate::store::sqlite::migrate::migrate;
    use crate::store::sqlite::session::{Guard, Session};
    use modeller::Model;

    #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "test", name = "logged")]
    struct Logged {
        name: String,
    }

    fn session() -> Session {
        use crate::store::sqlite::notes::Told;
        let mut session = Session::new(scratch(), Told::default());
        let models = [Logged::descriptor().shape()];
        let (_, tables) = migrate(&mut session.connection, &models, Apply::Safe).unwrap();
        session.set_tables(Arc::new(tables.unwrap()));
        session
    }

    /// Commits a batch of two transactions with two inserts each.
    fn batch(session: &mut Session, number: u64) {
        session.begin().unwrap();
        for work in 0..2 {
            session.start(Guard::Savepoint { made: false });
            for entry in 0..2 {
                let id = format!("{number}-{work}-{entry}");
                let numbers = [1, 1, 1].map(Value::Integer);
                let row = Row([vec![id.into()], numbers.to_vec(), vec!["n".into()]].concat());
                session.insert_row(Logged::descriptor().shape(), &row).unwrap();
            }
            session.keep(Some("me")).unwrap();
        }
        session.commit().unwrap();
    }

    #[test]
    fn a_sweep_forgets_what_is_old_and_says_so() {
        let mut session = session();
        for number in 0..300 {
            batch(&mut session, number);
        }
        let (connection, tables) = (&session.connection, &session.tables);
        assert!(!sweep(connection, 1000).unwrap(), "nothing is as old as that");
        assert_eq!(read(connection, tables, 0, usize::MAX).unwrap().len(), 1200);
        assert!(sweep(connection, i64::MAX).unwrap(), "it is done in chunks");
        assert!(read(connection, tables, 1023, 10).unwrap_err().is(Code::InvalidCursor));
        assert_eq!(read(connection, tables, 1024, usize::MAX).unwrap().len(), 176);
        assert!(!sweep(connection, i64::MAX).unwrap());
        assert!(!sweep(connection, i64::MAX).unwrap());
        // The newest row stays, so that the numbers go on.
        assert_eq!(read(connection, tables, 1196, usize::MAX).unwrap().len(), 4);
        assert!(read(connection, tables, 1195, 10).unwrap_err().is(Code::InvalidCursor));
        batch(&mut session, 300);
        let changes = read(&session.connection, &session.tables, 1200, usize::MAX).unwrap();
        let places: Vec<_> = changes.iter().map(|change| (change.seq, change.transaction)).collect();
        assert_eq!(places, [(1201, 1202), (1202, 1202), (1203, 1204), (1204, 1204)]);
        assert!(changes.iter().all(|change| change.actor.as_deref() == Some("me")));
    }

    #[test]
    fn a_sweep_takes_nothing_back_that_a_migration_said() {
        let mut session = session();
        for number in 0..10 {
            batch(&mut session, number);
        }
        session.connection.execute("INSERT INTO _meta VALUES ('swept', 40)", []).unwrap();
        sweep(&session.connection, i64::MAX).unwrap();
        let from = |after| read(&session.connection, &session.tables, after, usize::MAX);
        assert!(from(39).unwrap_err().is(Code::InvalidCursor));
        assert!(from(40).unwrap().is_empty());
    }

    #[test]
    fn reading_may_begin_inside_a_batch() {
        let mut session = session();
        batch(&mut session, 0);
        let read = |after, limit| read(&session.connection, &session.tables, after, limit).unwrap();
        let ids = |changes: Vec<Change>| changes.into_iter().map(|change| change.id).collect::<Vec<_>>();
        assert_eq!(ids(read(0, 1)), ["0-0-0", "0-0-1"]);
        assert_eq!(ids(read(2, 1)), ["0-1-0", "0-1-1"]);
        assert_eq!(ids(read(4, 1)), [""; 0]);
    }

    #[test]
    fn damage_is_reported_and_not_guessed_at() {
        let mut session = session();
        batch(&mut session, 0);
        session.connection.execute("UPDATE _changes SET data = x'01ff'", []).unwrap();
        assert!(read(&session.connection, &session.tables, 0, 10).unwrap_err().is(Code::InternalError));
    }
}
