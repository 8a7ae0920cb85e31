//! The writer's connection, and what a transaction looks like from inside.

mod numbers;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rusqlite::{Connection, params};

use super::fault::{caller, internal, of_change, unavailable};
use super::log::{Item, Mark, Pack, Slice};
use super::notes::{Notes, Told};
use super::select::{self, bind};
use super::table::{Table, Tables, Update, quoted, table_name};
use super::{aggregate, changes};
use crate::model::{Code, Error, Result, Row, Shape, Value};
use crate::query::{Aggregation, Filter, Select};
use crate::store::{BoxFuture, ChangeOp, Sink, Tx};

/// How many statements for updates are kept for a model.
const UPDATES: usize = 256;

static NEVER: AtomicBool = AtomicBool::new(false);

/// How the piece of work at hand is undone if it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// By its log entry, while there is one at most.
    Entry,
    /// By a savepoint, made before the second change, and the first one by its log entry. The mark is where the second begins.
    Both(Mark),
    /// By a savepoint, made before the first change.
    Savepoint { made: bool },
    /// Not at all: it has a transaction of its own.
    Transaction,
}

/// The connection that writes.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) tables: Arc<Tables>,
    pack: Pack,
    notes: Notes,
    /// The last number in the log when the transaction began, once it was needed.
    last: Option<u64>,
    scope: Scope,
    /// The statements for updates, by model and by the columns that they set.
    updates: HashMap<u64, HashMap<Box<[usize]>, Update>>,
    /// Where the work at hand has last read a document by its id, and nothing has moved since.
    place: Option<Place>,
    /// Space for the indexes of the columns that an update sets.
    columns: Vec<usize>,
}

/// Where a document is.
struct Place {
    model: u64,
    id: String,
    /// SQLite's own number of the row.
    row: i64,
}

/// How far the work at hand has come.
struct Scope {
    guard: Guard,
    /// Where it begins in the pack.
    mark: Mark,
    /// Whether it changed something.
    changed: bool,
    /// Whether the whole transaction can't be committed any more.
    broken: bool,
}

impl Scope {
    /// There is a transaction to write in. Some errors (a full disk) end it by themselves, and what the work did after
    /// one of them would stand alone, for good.
    fn alive(&mut self, connection: &Connection) -> Result<()> {
        self.broken |= connection.is_autocommit();
        match self.broken {
            true => Err(unavailable("the store could not write now; nothing was changed")),
            false => Ok(()),
        }
    }

    /// To be called before a change. A plain one can be undone by its log entry.
    fn protect(&mut self, connection: &Connection, mark: Mark, plain: bool) -> Result<()> {
        self.alive(connection)?;
        match self.guard {
            Guard::Entry if self.changed => {
                run(connection, "SAVEPOINT work").map_err(caller)?;
                self.guard = Guard::Both(mark);
                Ok(())
            }
            Guard::Entry if plain => Ok(()),
            Guard::Entry | Guard::Savepoint { made: false } => {
                run(connection, "SAVEPOINT work").map_err(caller)?;
                self.guard = Guard::Savepoint { made: true };
                Ok(())
            }
            Guard::Savepoint { made: true } | Guard::Both(_) | Guard::Transaction => Ok(()),
        }
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.raw_execute().map(drop)
}

impl Session {
    pub(super) fn new(connection: Connection, told: Told) -> Self {
        let pack = Pack::new();
        Session {
            connection,
            tables: Arc::default(),
            scope: Scope { guard: Guard::Transaction, mark: pack.mark(), changed: false, broken: false },
            pack,
            notes: Notes::new(told),
            last: None,
            updates: HashMap::new(),
            place: None,
            columns: Vec::new(),
        }
    }

    /// Begins the transaction of a batch.
    pub(super) fn begin(&mut self) -> Result<()> {
        if !self.connection.is_autocommit() {
            // It could not be ended when it should have been.
            self.rollback();
        }
        self.pack.clear();
        self.notes.begin();
        self.last = None;
        self.scope.broken = false;
        run(&self.connection, "BEGIN IMMEDIATE").map_err(caller)
    }

    /// Begins a piece of work inside the transaction.
    pub(super) fn start(&mut self, guard: Guard) {
        self.scope = Scope { guard, mark: self.pack.mark(), changed: false, broken: self.scope.broken };
        self.place = None;
    }

    /// Ends the piece of work that [`start`](Self::start) began: its changes stay.
    pub(super) fn keep(&mut self, actor: Option<&str>) -> Result<()> {
        if matches!(self.scope.guard, Guard::Savepoint { made: true } | Guard::Both(_)) {
            run(&self.connection, "RELEASE work").map_err(|error| self.broke(error))?;
        }
        if self.pack.grew(self.scope.mark) {
            self.pack.end(actor);
            self.notes.keep(self.pack.entries());
        }
        Ok(())
    }

    /// Ends the piece of work that [`start`](Self::start) began: its changes are undone.
    pub(super) fn undo(&mut self) {
        // Some errors (a full disk) have ended the whole transaction already.
        if self.connection.is_autocommit() {
            self.scope.broken = true;
        }
        if self.scope.broken {
            return;
        }
        let back =
            || run(&self.connection, "ROLLBACK TO work").and_then(|()| run(&self.connection, "RELEASE work"));
        let undone = match self.scope.guard {
            Guard::Savepoint { made: true } => back(),
            Guard::Both(second) => {
                let undone = back();
                self.pack.back_to(second);
                self.notes.back_to(self.pack.entries());
                undone.and_then(|()| self.undo_entry())
            }
            Guard::Entry if self.scope.changed => self.undo_entry(),
            Guard::Entry | Guard::Savepoint { made: false } | Guard::Transaction => Ok(()),
        };
        self.pack.back_to(self.scope.mark);
        self.notes.back_to(self.pack.entries());
        if let Err(error) = undone {
            self.broke(error);
        }
    }

    /// Takes back the one change of the work at hand.
    fn undo_entry(&self) -> rusqlite::Result<()> {
        let nothing = rusqlite::Error::QueryReturnedNoRows;
        let Some(Item::Entry(entry)) = self.pack.since(self.scope.mark).item() else { return Err(nothing) };
        let Some(table) = self.tables.numbered(entry.model) else { return Err(nothing) };
        let (indexes, values): (Vec<usize>, Vec<&Value>) =
            entry.old.iter().filter_map(|(number, value)| Some((table.index_of(*number)?, value))).unzip();
        let text = match entry.op {
            ChangeOp::Insert => table.remove.clone(),
            ChangeOp::Delete => table.insert.clone(),
            ChangeOp::Update => {
                let names: Vec<String> = indexes
                    .iter()
                    .map(|&index| format!("{} = ?", quoted(&table.shape.columns[index].column)))
                    .collect();
                format!(
                    "UPDATE {} SET {} WHERE \"_id\" = ?",
                    quoted(&table_name(table.shape)),
                    names.join(", ")
                )
            }
        };
        let mut statement = self.connection.prepare(&text)?;
        bind(&mut statement, 1, values.iter().copied())?;
        if entry.op != ChangeOp::Delete {
            statement.raw_bind_parameter(values.len() + 1, entry.id)?;
        }
        match statement.raw_execute()? {
            1 => Ok(()),
            _ => Err(nothing),
        }
    }

    /// Makes all that was kept durable, or nothing of it.
    pub(super) fn commit(&mut self) -> Result<()> {
        if self.scope.broken || self.connection.is_autocommit() {
            self.rollback();
            return Err(unavailable("the store could not write now; nothing was changed"));
        }
        let done = self.write_log().and_then(|()| run(&self.connection, "COMMIT"));
        done.map_err(|error| {
            self.rollback();
            match caller(error) {
                error if error.is(Code::StoreUnavailable) => error,
                _ => unavailable("the store could not write now; nothing was changed"),
            }
        })
    }

    /// Tells of what was [committed](Self::commit). Those who wait for the commit itself should be answered before: who watches takes
    /// processor time that they need.
    pub(super) fn tell(&mut self) {
        // Known since the first row of the log was written, if there is one.
        if let Some(last) = self.last.take() {
            self.notes.tell(last, self.pack.entries());
        }
    }

    /// Forgets the whole transaction.
    pub(super) fn rollback(&mut self) {
        // Of this nobody is told.
        self.last = None;
        if !self.connection.is_autocommit()
            && let Err(error) = run(&self.connection, "ROLLBACK")
        {
            tracing::error!(%error, "SQLite can't roll back");
        }
    }

    fn write_log(&mut self) -> rusqlite::Result<()> {
        let Session { connection, pack, last, .. } = self;
        pack.rows(|slice| write_slice(connection, last, &slice))
    }

    /// How large the log of the transaction is so far, in bytes.
    pub(super) fn log_size(&self) -> usize {
        self.pack.size()
    }

    /// From now on the models are these.
    pub(super) fn set_tables(&mut self, tables: Arc<Tables>) {
        self.tables = tables;
        // The same columns may be in another order now.
        self.updates.clear();
    }

    fn broke(&mut self, error: rusqlite::Error) -> Error {
        self.scope.broken = true;
        caller(error)
    }

    pub(super) fn insert_row(&mut self, shape: &'static Shape, row: &Row) -> Result<()> {
        let table = self.tables.of(shape)?;
        fits(table, row)?;
        let live = !in_trash(shape, row);
        self.scope.protect(&self.connection, self.pack.mark(), live)?;
        let mut statement = self.connection.prepare_cached(&table.insert).map_err(caller)?;
        bind(&mut statement, 1, &row.0)
            .and_then(|()| statement.raw_execute())
            .map_err(|error| of_change(table, error))?;
        self.scope.changed = true;
        if live {
            spill(&self.connection, &mut self.pack, &mut self.last, &mut self.scope)?;
            self.notes.add(self.pack.entries(), shape, ChangeOp::Insert, None, Some(row));
            self.pack.insert(table.number, row[Shape::ID].as_text().unwrap_or_default());
        }
        Ok(())
    }

    fn update_row(&mut self, shape: &'static Shape, old: &Row, new: &Row) -> Result<()> {
        let table = self.tables.of(shape)?;
        fits(table, old)?;
        fits(table, new)?;
        if old[Shape::ID] != new[Shape::ID] {
            return Err(internal("an update can't change the id of a document"));
        }
        let trash = (in_trash(shape, old), in_trash(shape, new));
        self.columns.clear();
        self.columns.extend((0..old.0.len()).filter(|&index| old[index] != new[index]));
        if self.columns.is_empty() {
            return Ok(());
        }
        self.scope.protect(&self.connection, self.pack.mark(), trash == (false, false))?;
        let texts = self.updates.entry(table.number).or_default();
        if texts.len() >= UPDATES {
            texts.clear();
        }
        if !texts.contains_key(self.columns.as_slice()) {
            texts.insert(self.columns.as_slice().into(), table.update(&self.columns));
        }
        let texts = &texts[self.columns.as_slice()];
        let is_there =
            |place: &&Place| place.model == table.number && old[Shape::ID].as_text() == Some(&place.id);
        let place = self.place.as_ref().filter(is_there).map(|place| Value::Integer(place.row));
        let text = if place.is_some() { &texts.at_row } else { &texts.by_id };
        let mut statement = self.connection.prepare_cached(text).map_err(caller)?;
        let values = self.columns.iter().map(|&index| &new[index]);
        let values = values.chain([&old[Shape::ID], &old[Shape::VERSION]]).chain(&place);
        let count = bind(&mut statement, 1, values)
            .and_then(|()| statement.raw_execute())
            .map_err(|error| of_change(table, error))?;
        found(count)?;
        self.scope.changed = true;
        if trash != (true, true) {
            spill(&self.connection, &mut self.pack, &mut self.last, &mut self.scope)?;
        }
        let entries = self.pack.entries();
        match trash {
            (false, false) => self.notes.add(entries, shape, ChangeOp::Update, Some(old), Some(new)),
            (false, true) => self.notes.add(entries, shape, ChangeOp::Delete, Some(old), None),
            (true, false) => self.notes.add(entries, shape, ChangeOp::Insert, None, Some(new)),
            (true, true) => {}
        }
        match trash {
            (false, false) => self.pack.update(table.number, &table.columns, old, &self.columns),
            (false, true) => self.pack.delete(table.number, &table.columns, old),
            (true, false) => self.pack.insert(table.number, old[Shape::ID].as_text().unwrap_or_default()),
            // What happens in the trash is no change of a document that anybody sees.
            (true, true) => {}
        }
        Ok(())
    }

    pub(super) fn delete_row(&mut self, shape: &'static Shape, old: &Row) -> Result<()> {
        let table = self.tables.of(shape)?;
        fits(table, old)?;
        let live = !in_trash(shape, old);
        self.scope.protect(&self.connection, self.pack.mark(), live)?;
        self.place = None;
        let mut statement = self.connection.prepare_cached(&table.delete).map_err(caller)?;
        let count = bind(&mut statement, 1, [&old[Shape::ID], &old[Shape::VERSION]])
            .and_then(|()| statement.raw_execute())
            .map_err(caller)?;
        found(count)?;
        self.scope.changed = true;
        if live {
            spill(&self.connection, &mut self.pack, &mut self.last, &mut self.scope)?;
            self.notes.add(self.pack.entries(), shape, ChangeOp::Delete, Some(old), None);
            self.pack.delete(table.number, &table.columns, old);
        }
        Ok(())
    }
}

/// To be called before a log entry is added: what a large work has logged so far is written, lest it fill the memory.
/// It is undone with the work.
fn spill(connection: &Connection, pack: &mut Pack, last: &mut Option<u64>, scope: &mut Scope) -> Result<()> {
    // A work that is undone by its log entry has but one.
    if scope.guard == Guard::Entry {
        return Ok(());
    }
    // The first change is undone by its entry, which stays.
    let mark = if let Guard::Both(second) = scope.guard { second } else { scope.mark };
    let Some(slice) = pack.take(mark) else { return Ok(()) };
    write_slice(connection, last, &slice).map_err(|error| {
        // The entries are neither in the log nor in the pack.
        scope.broken = true;
        caller(error)
    })
}

/// Writes a row of the log. Another process may have written since the last transaction, but not since this one began.
fn write_slice(connection: &Connection, last: &mut Option<u64>, slice: &Slice<'_>) -> rusqlite::Result<()> {
    let last = match *last {
        Some(last) => last,
        None => *last.insert(changes::last(connection)?),
    };
    let at = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    connection.prepare_cached("INSERT INTO \"_changes\" VALUES (?, ?, ?, ?)")?.execute(params![
        last + slice.until,
        last + slice.before + 1,
        at,
        &*slice.data
    ])?;
    Ok(())
}

fn in_trash(shape: &Shape, row: &Row) -> bool {
    shape.deleted_at.is_some_and(|index| !row[index].is_null())
}

/// Whether the row has a value for each column.
fn fits(table: &Table, row: &Row) -> Result<()> {
    if row.0.len() == table.columns.len() {
        return Ok(());
    }
    Err(internal("a row has another number of values than its model has columns"))
}

/// One row was to be changed.
fn found(count: usize) -> Result<()> {
    if count == 1 {
        return Ok(());
    }
    Err(Error::new(Code::Conflict, "the document changed meanwhile"))
}

impl Tx for Session {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        mut sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        Box::pin(async move {
            let table = self.tables.of(select.shape)?;
            if let Some((id, row)) = select::rows(&self.connection, table, select, &mut *sink, &NEVER)? {
                self.place = Some(Place { model: table.number, id: id.to_owned(), row });
            }
            Ok(sink)
        })
    }

    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { select::count(&self.connection, self.tables.of(shape)?, filter) })
    }

    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        Box::pin(async move {
            aggregate::figures(&self.connection, self.tables.of(aggregation.shape)?, aggregation)
        })
    }

    fn insert<'a>(&'a mut self, shape: &'static Shape, row: &'a Row) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.insert_row(shape, row) })
    }

    fn update<'a>(
        &'a mut self,
        shape: &'static Shape,
        old: &'a Row,
        new: &'a Row,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.update_row(shape, old, new) })
    }

    fn delete<'a>(&'a mut self, shape: &'static Shape, old: &'a Row) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.delete_row(shape, old) })
    }

    fn next(&mut self, shape: &'static Shape, column: usize) -> BoxFuture<'_, Result<i64>> {
        Box::pin(async move { self.next_number(shape, column) })
    }
}

#[cfg(test)]
mod tests;
