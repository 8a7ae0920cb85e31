//! A store of one's own: documents in memory, and every commit as a line of a file.
//!
//! It shows all that `modeller::store::Store` asks for, and passes the same tests as the stores that modeller brings. It is small,
//! not fast: a read looks at every row, and a commit waits for the disk alone. A row is kept by the places of its columns, so a
//! change of the struct needs a new file.
//!
//! ```sh
//! cargo run --example file_store
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::future::poll_fn;
use std::io::{self, Read as _, Write as _};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex as Lock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modeller::model::{Link, Row, RowView, Shape, Value};
use modeller::prelude::*;
use modeller::query::{Aggregation, Filter, Neighbours, Select, evaluate_among, select_among};
use modeller::store::{
    Answer, Apply, BoxFuture, Change as Logged, ChangeOp, Plan, Sink, Store, Transaction, Tx, Work,
};
use serde_json::{Value as Json, json};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A note.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(name = "notes")]
pub struct Note {
    /// What it says.
    #[validate(length(min = 1))]
    #[model(unique)]
    pub text: String,
}

fn main() -> ExitCode {
    match FileStore::open("notes.jsonl") {
        Ok(store) => App::new().store(store).main(),
        Err(error) => {
            eprintln!("notes.jsonl: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The rows by model and id. A clone is cheap: a transaction works on one, and only what it changes is copied.
type Tables = HashMap<String, Arc<BTreeMap<String, Arc<Row>>>>;

/// The store.
pub struct FileStore {
    shared: Arc<Shared>,
    writer: Arc<Mutex<Writer>>,
    secret: [u8; 32],
    transaction_timeout: Duration,
}

/// What readers see.
struct Shared(RwLock<Committed>);

#[derive(Default)]
struct Committed {
    tables: Tables,
    /// The changes since the program was started.
    log: Vec<Logged>,
    /// The number of the last change before these.
    base: u64,
    models: HashSet<String>,
    closed: bool,
}

/// What one writer at a time has.
struct Writer {
    file: File,
    /// How much of the file is whole lines.
    length: u64,
    numbers: HashMap<String, i64>,
}

impl FileStore {
    /// Opens the file, and makes it if need be.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // A last line that a crash cut short was never answered; it must not become part of the next one.
        let length = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(length as u64)?;
        let mut writer = Writer { file, length: length as u64, numbers: HashMap::new() };
        let mut committed = Committed::default();
        let mut secret = None;
        for line in text[..length].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let entries: Vec<Json> = serde_json::from_slice(line)?;
            for entry in entries {
                let text = |at: usize| entry[at].as_str().unwrap_or_default().to_owned();
                let tables = &mut committed.tables;
                match entry[0].as_str() {
                    Some("secret") => secret = serde_json::from_value(entry[1].clone()).ok(),
                    Some("seq") => committed.base = entry[1].as_u64().unwrap_or_default(),
                    Some("number") => {
                        writer.numbers.insert(text(1), entry[2].as_i64().unwrap_or_default());
                    }
                    Some("put") => {
                        table(tables, &text(1)).insert(text(2), Arc::new(row(&entry[3])));
                    }
                    _ => drop(table(tables, &text(1)).remove(&text(2))),
                }
            }
        }
        let secret = match secret {
            Some(secret) => secret,
            None => {
                let mut secret = [0; 32];
                File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut secret))?;
                writer.append(&json!([["secret", secret]]))?;
                secret
            }
        };
        Ok(FileStore {
            shared: Arc::new(Shared(RwLock::new(committed))),
            writer: Arc::new(Mutex::new(writer)),
            secret,
            transaction_timeout: Duration::from_secs(5),
        })
    }

    /// How long a transaction may stay open. 5 seconds unless set.
    #[must_use]
    pub fn transaction_timeout(mut self, time: Duration) -> Self {
        self.transaction_timeout = time;
        self
    }

    /// A transaction, when it is its turn.
    async fn turn(&self, actor: Option<String>) -> Result<Open> {
        let writer = self.writer.clone().lock_owned().await;
        let tables = self.shared.read()?.tables.clone();
        let shared = self.shared.clone();
        let tx = FileTx { writer, shared, tables, lines: Vec::new(), log: Vec::new(), changes: 0, actor };
        Ok(Open { tx: Arc::new(Lock::new(Some(tx))), timer: None })
    }
}

impl Writer {
    fn append(&mut self, line: &Json) -> io::Result<()> {
        let line = format!("{line}\n");
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += line.len() as u64,
            // What was written of it goes again.
            Err(_) => self.file.set_len(self.length)?,
        }
        written
    }
}

impl Shared {
    fn read(&self) -> Result<RwLockReadGuard<'_, Committed>> {
        let committed = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match committed.closed {
            true => Err(Error::new(Code::StoreUnavailable, "the store is closed")),
            false => Ok(committed),
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Committed> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn tables(&self, shape: &Shape) -> Result<Tables> {
        let committed = self.read()?;
        match committed.models.contains(&shape.path) {
            true => Ok(committed.tables.clone()),
            false => Err(internal("the model was not migrated")),
        }
    }
}

fn internal(message: &'static str) -> Error {
    Error::new(Code::InternalError, message)
}

fn table<'a>(tables: &'a mut Tables, path: &str) -> &'a mut BTreeMap<String, Arc<Row>> {
    Arc::make_mut(tables.entry(path.to_owned()).or_default())
}

fn rows<'a>(tables: &'a Tables, shape: &Shape) -> impl Iterator<Item = &'a Row> {
    tables.get(&shape.path).into_iter().flat_map(|table| table.values()).map(|row| &**row)
}

fn read(tables: &Tables, query: &Select, mut sink: Box<dyn Sink>) -> Box<dyn Sink> {
    for row in select_among(rows(tables, query.shape), query, &Others(tables)) {
        if sink.row(row).is_break() {
            break;
        }
    }
    sink
}

fn count(tables: &Tables, shape: &'static Shape, filter: &Filter) -> u64 {
    rows(tables, shape).filter(|row| filter.matches_among(shape, *row, &Others(tables))).count() as u64
}

/// The rows of all models, for filters that lead from one to another.
struct Others<'a>(&'a Tables);

impl Neighbours for Others<'_> {
    fn visit(
        &self,
        link: &Link,
        _: &dyn RowView,
        visit: &mut dyn FnMut(&dyn RowView) -> ControlFlow<()>,
    ) -> bool {
        let _ = rows(self.0, link.to).try_for_each(|row| visit(row));
        true
    }
}

/// A running transaction: the rows as they will be. It is undone by being forgotten.
struct FileTx {
    writer: OwnedMutexGuard<Writer>,
    shared: Arc<Shared>,
    tables: Tables,
    lines: Vec<Json>,
    log: Vec<Logged>,
    changes: usize,
    actor: Option<String>,
}

impl FileTx {
    fn put(&mut self, shape: &Shape, old: Option<&Row>, new: Option<&Row>) -> Result<()> {
        self.shared.tables(shape)?;
        let row = new.or(old).filter(|row| row.0.len() == shape.columns.len());
        let id =
            row.and_then(|row| row[Shape::ID].as_text()).ok_or(internal("that is no row of the model"))?;
        let found = self.tables.get(&shape.path).and_then(|table| table.get(id)).map(|row| &**row);
        match (found, old) {
            (Some(_), None) => {
                return Err(
                    Error::new(Code::UniqueViolation, "another document has this `_id`").with_field("_id")
                );
            }
            (found, old) if found != old => {
                return Err(Error::new(Code::Conflict, "the document has changed meanwhile"));
            }
            _ => {}
        }
        let alive = |row: &Row| shape.deleted_at.is_none_or(|at| row[at].is_null());
        if let Some(new) = new.filter(|row| alive(row)) {
            self.check_unique(shape, new)?;
        }
        let (path, id) = (shape.path.clone(), id.to_owned());
        let (op, former) = match (old.filter(|row| alive(row)), new.filter(|row| alive(row))) {
            // What happens in the trash is no change of a document that anybody sees.
            (None, None) => (None, Vec::new()),
            (None, Some(_)) => (Some(ChangeOp::Insert), Vec::new()),
            (Some(old), None) => (Some(ChangeOp::Delete), old.0.iter().cloned().enumerate().collect()),
            (Some(old), Some(new)) => {
                let changed = old.0.iter().cloned().enumerate().filter(|(at, value)| new[*at] != *value);
                (Some(ChangeOp::Update), changed.collect())
            }
        };
        self.lines.push(match new {
            Some(new) => json!(["put", path, id, cells(new)]),
            None => json!(["del", path, id]),
        });
        let rows = table(&mut self.tables, &path);
        match new {
            Some(new) => drop(rows.insert(id.clone(), Arc::new(new.clone()))),
            None => drop(rows.remove(&id)),
        }
        self.changes += 1;
        if let Some(op) = op {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let (actor, at) = (self.actor.clone(), since.as_millis() as i64);
            self.log.push(Logged { seq: 0, transaction: 0, model: path, id, op, old: former, actor, at });
        }
        Ok(())
    }

    fn check_unique(&self, shape: &Shape, new: &Row) -> Result<()> {
        let other = |row: &&Row| {
            row[Shape::ID] != new[Shape::ID] && shape.deleted_at.is_none_or(|at| row[at].is_null())
        };
        for set in &shape.unique {
            let same = |row: &Row| set.iter().all(|&at| row[at] == new[at] && !row[at].is_null());
            if rows(&self.tables, shape).filter(other).any(same) {
                let names: Vec<&str> = set.iter().map(|&at| shape.columns[at].name.as_str()).collect();
                let message = format!("another document has this `{}`", names.join("` and `"));
                return Err(Error::new(Code::UniqueViolation, message).with_field(names.join(",")));
            }
        }
        Ok(())
    }

    fn next(&mut self, shape: &'static Shape, column: usize) -> i64 {
        let name = format!("{}.{}", shape.path, shape.columns[column].column);
        let largest = || rows(&self.tables, shape).filter_map(|row| row[column].as_integer()).max();
        let last = self.writer.numbers.get(&name).copied().or_else(largest).unwrap_or(0).max(0);
        let mut next = last + 1;
        let is_taken = || rows(&self.tables, shape).any(|row| row[column] == Value::Integer(next));
        if shape.unique.contains(&vec![column]) && is_taken() {
            next = largest().unwrap_or(last) + 1;
        }
        // A number whose transaction fails is left out.
        self.writer.numbers.insert(name.clone(), next);
        self.lines.push(json!(["number", name, next]));
        next
    }

    fn commit(mut self) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let mut committed = self.shared.write();
        let last = committed.base + (committed.log.len() + self.log.len()) as u64;
        self.lines.push(json!(["seq", last]));
        if self.writer.append(&Json::Array(self.lines)).is_err() {
            return Err(Error::new(Code::StoreUnavailable, "the file can't be written"));
        }
        let first = last + 1 - self.log.len() as u64;
        for (seq, change) in (first..).zip(self.log) {
            committed.log.push(Logged { seq, transaction: last, ..change });
        }
        committed.tables = self.tables;
        Ok(())
    }
}

/// A transaction as others hold it: it may have run out of time meanwhile.
struct Open {
    tx: Arc<Lock<Option<FileTx>>>,
    timer: Option<JoinHandle<()>>,
}

impl Open {
    fn with<T>(&self, step: impl FnOnce(&mut FileTx) -> Result<T>) -> Result<T> {
        match self.tx.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(tx) => step(tx),
            None => Err(late()),
        }
    }

    fn take(&self) -> Option<FileTx> {
        self.tx.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn late() -> Error {
    Error::new(Code::Timeout, "the transaction took too long and was undone")
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
        drop(self.take());
    }
}

fn ready<'a, T: Send + 'a>(result: Result<T>) -> BoxFuture<'a, Result<T>> {
    Box::pin(std::future::ready(result))
}

impl Tx for Open {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        ready(self.with(|tx| Ok(read(&tx.tables, select, sink))))
    }

    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        ready(self.with(|tx| Ok(count(&tx.tables, shape, filter))))
    }

    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        ready(
            self.with(|tx| {
                evaluate_among(rows(&tx.tables, aggregation.shape), aggregation, &Others(&tx.tables))
            }),
        )
    }

    fn insert<'a>(&'a mut self, shape: &'static Shape, row: &'a Row) -> BoxFuture<'a, Result<()>> {
        ready(self.with(|tx| tx.put(shape, None, Some(row))))
    }

    fn update<'a>(
        &'a mut self,
        shape: &'static Shape,
        old: &'a Row,
        new: &'a Row,
    ) -> BoxFuture<'a, Result<()>> {
        ready(self.with(|tx| tx.put(shape, Some(old), Some(new))))
    }

    fn delete<'a>(&'a mut self, shape: &'static Shape, old: &'a Row) -> BoxFuture<'a, Result<()>> {
        ready(self.with(|tx| tx.put(shape, Some(old), None)))
    }

    fn next(&mut self, shape: &'static Shape, column: usize) -> BoxFuture<'_, Result<i64>> {
        ready(self.with(|tx| Ok(tx.next(shape, column))))
    }
}

impl Transaction for Open {
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        ready(self.take().ok_or_else(late).and_then(FileTx::commit))
    }

    fn rollback(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(self) })
    }
}

impl Store for FileStore {
    fn name(&self) -> &'static str {
        "file"
    }

    fn migrate<'a>(&'a self, models: &'a [&'static Shape], apply: Apply) -> BoxFuture<'a, Result<Plan>> {
        let applied = apply != Apply::Nothing;
        if applied {
            self.shared.write().models.extend(models.iter().map(|shape| shape.path.clone()));
        }
        ready(Ok(Plan { steps: Vec::new(), applied }))
    }

    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        ready(self.shared.tables(select.shape).map(|tables| read(&tables, select, sink)))
    }

    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        ready(self.shared.tables(shape).map(|tables| count(&tables, shape, filter)))
    }

    fn aggregate<'a>(&'a self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        let tables = self.shared.tables(aggregation.shape);
        ready(tables.and_then(|tables| {
            evaluate_among(rows(&tables, aggregation.shape), aggregation, &Others(&tables))
        }))
    }

    fn write(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        Box::pin(async move {
            let mut open = self.turn(work.actor).await?;
            let answer = {
                let mut steps = (work.steps)(&mut open);
                // A panic is the work's own, and so is waiting for too long.
                let poll = poll_fn(|context| {
                    let polled = catch_unwind(AssertUnwindSafe(|| steps.as_mut().poll(context)));
                    polled.unwrap_or_else(|_| Poll::Ready(Err(internal("the work panicked"))))
                });
                timeout(self.transaction_timeout, poll).await.map_err(|_| late())??
            };
            open.take().ok_or_else(late)?.commit().map(|()| answer)
        })
    }

    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        Box::pin(async move {
            let mut open = self.turn(actor).await?;
            let (tx, time) = (Arc::downgrade(&open.tx), self.transaction_timeout);
            open.timer = Some(tokio::spawn(async move {
                tokio::time::sleep(time).await;
                if let Some(tx) = tx.upgrade() {
                    tx.lock().unwrap_or_else(PoisonError::into_inner).take();
                }
            }));
            Ok(Box::new(open) as Box<dyn Transaction>)
        })
    }

    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Logged>>> {
        ready(self.shared.read().and_then(|committed| {
            let start = after.checked_sub(committed.base).and_then(|start| usize::try_from(start).ok());
            let rest = start.and_then(|start| committed.log.get(start..)).ok_or_else(|| {
                Error::new(Code::InvalidCursor, "the change log does not reach back that far")
            })?;
            // Whole transactions only.
            let last = rest
                .get(..limit.max(1))
                .and_then(<[Logged]>::last)
                .map_or(u64::MAX, |change| change.transaction);
            Ok(rest.iter().take_while(|change| change.seq <= last).cloned().collect())
        }))
    }

    fn secret(&self) -> [u8; 32] {
        self.secret
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let _writer = self.writer.lock().await;
            self.shared.write().closed = true;
        })
    }
}

fn cells(row: &Row) -> Vec<Json> {
    let cell = |value: &Value| match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Number(number) => json!(number),
        Value::Text(text) => json!(text),
    };
    row.0.iter().map(cell).collect()
}

fn row(cells: &Json) -> Row {
    let value = |cell: &Json| match cell {
        Json::Number(number) if number.is_i64() => Value::Integer(number.as_i64().unwrap_or_default()),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::Text(text.clone()),
        _ => Value::Null,
    };
    Row(cells.as_array().into_iter().flatten().map(value).collect())
}
