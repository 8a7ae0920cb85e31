//! A store of one's own: documents in memory, and every committed change as a line of a file.
//!
//! It shows all that `modeller::store::Store` asks for. It is small, not fast: it looks at every row.
//!
//! ```sh
//! cargo run --example file_store
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write as _};
use std::ops::DerefMut;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use modeller::model::{Row, Shape, Value};
use modeller::prelude::*;
use modeller::query::{Filter, Select, select};
use modeller::store::{
    Answer, Apply, BoxFuture, Change as Logged, ChangeOp, Plan, Sink, Store, Transaction, Tx, Work,
};
use serde_json::{Value as Json, json};
use tokio::sync::{Mutex, OwnedMutexGuard};

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

/// The store.
struct FileStore {
    state: Arc<Mutex<State>>,
    secret: [u8; 32],
}

struct State {
    file: File,
    tables: HashMap<String, BTreeMap<String, Row>>,
    numbers: HashMap<String, i64>,
    log: Vec<Logged>,
}

impl FileStore {
    fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let (mut tables, mut numbers) = (HashMap::<_, BTreeMap<_, _>>::new(), HashMap::new());
        let mut secret = None;
        for line in BufReader::new(&file).lines() {
            // A line that a crash cut short was never acknowledged.
            let Ok(Json::Array(entries)) = serde_json::from_str(&line?) else { continue };
            for entry in entries {
                let text = |at: usize| entry[at].as_str().unwrap_or_default().to_owned();
                match entry[0].as_str() {
                    Some("secret") => secret = serde_json::from_value(entry[1].clone()).ok(),
                    Some("number") => drop(numbers.insert(text(1), entry[2].as_i64().unwrap_or(0))),
                    Some("put") => drop(tables.entry(text(1)).or_default().insert(text(2), row(&entry[3]))),
                    _ => drop(tables.entry(text(1)).or_default().remove(&text(2))),
                }
            }
        }
        let mut state = State { file, tables, numbers, log: Vec::new() };
        let secret = match secret {
            Some(secret) => secret,
            None => {
                let mut secret = [0; 32];
                File::open("/dev/urandom")
                    .and_then(|mut random| io::Read::read_exact(&mut random, &mut secret))?;
                state.append(&json!([["secret", secret]]))?;
                secret
            }
        };
        Ok(FileStore { state: Arc::new(Mutex::new(state)), secret })
    }
}

impl State {
    fn append(&mut self, line: &Json) -> io::Result<()> {
        writeln!(self.file, "{line}")?;
        self.file.sync_data()
    }

    fn rows(&self, shape: &Shape) -> impl Iterator<Item = &Row> {
        self.tables.get(&shape.path).into_iter().flat_map(BTreeMap::values)
    }

    fn read(&self, query: &Select, mut sink: Box<dyn Sink>) -> Box<dyn Sink> {
        for row in select(self.rows(query.shape), query) {
            sink.row(row);
        }
        sink
    }

    fn count(&self, shape: &'static Shape, filter: &Filter) -> u64 {
        self.rows(shape).filter(|row| filter.matches(shape, *row)).count() as u64
    }
}

/// A running transaction: the state as it will be, and what it takes to undo it.
struct FileTx<S: DerefMut<Target = State>> {
    state: S,
    undo: Vec<(String, String, Option<Row>)>,
    lines: Vec<Json>,
    log: Vec<Logged>,
    actor: Option<String>,
}

impl<S: DerefMut<Target = State> + Send> FileTx<S> {
    fn new(state: S, actor: Option<String>) -> Self {
        FileTx { state, undo: Vec::new(), lines: Vec::new(), log: Vec::new(), actor }
    }

    fn put(&mut self, shape: &Shape, id: &str, new: Option<&Row>) -> Result<()> {
        if let Some(new) = new {
            for set in &shape.unique {
                let other = |row: &Row| row[Shape::ID] != new[Shape::ID];
                let alive = |row: &Row| shape.deleted_at.is_none_or(|at| row[at].is_null());
                let same = |row: &Row| {
                    set.iter().all(|&column| row[column] == new[column] && !row[column].is_null())
                };
                if alive(new) && self.state.rows(shape).any(|row| other(row) && alive(row) && same(row)) {
                    let names: Vec<&str> =
                        set.iter().map(|&column| shape.columns[column].name.as_str()).collect();
                    let field = names.join(",");
                    return Err(
                        Error::new(Code::UniqueViolation, format!("`{field}` is taken")).with_field(field)
                    );
                }
            }
        }
        let table = self.state.tables.entry(shape.path.clone()).or_default();
        let old = match new {
            Some(new) => table.insert(id.to_owned(), new.clone()),
            None => table.remove(id),
        };
        self.lines.push(match new {
            Some(new) => json!(["put", shape.path, id, cells(new)]),
            None => json!(["del", shape.path, id]),
        });
        let former = |row: &Row| row.0.iter().cloned().enumerate().collect();
        self.log.push(Logged {
            seq: 0,
            transaction: 0,
            model: shape.path.clone(),
            id: id.to_owned(),
            op: match (&old, new) {
                (None, _) => ChangeOp::Insert,
                (_, None) => ChangeOp::Delete,
                _ => ChangeOp::Update,
            },
            old: old.as_ref().map(former).unwrap_or_default(),
            actor: self.actor.clone(),
            at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64),
        });
        self.undo.push((shape.path.clone(), id.to_owned(), old));
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let line = Json::Array(std::mem::take(&mut self.lines));
        if self.state.append(&line).is_err() {
            return Err(Error::new(Code::StoreUnavailable, "the file can't be written"));
        }
        let first = self.state.log.len() as u64 + 1;
        let last = first + self.log.len() as u64 - 1;
        for (index, mut change) in self.log.drain(..).enumerate() {
            (change.seq, change.transaction) = (first + index as u64, last);
            self.state.log.push(change);
        }
        self.undo.clear();
        Ok(())
    }
}

/// What was not committed is undone, whatever the reason.
impl<S: DerefMut<Target = State>> Drop for FileTx<S> {
    fn drop(&mut self) {
        for (path, id, old) in self.undo.drain(..).rev() {
            let table = self.state.tables.entry(path).or_default();
            match old {
                Some(row) => drop(table.insert(id, row)),
                None => drop(table.remove(&id)),
            }
        }
    }
}

impl<S: DerefMut<Target = State> + Send> Tx for FileTx<S> {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        Box::pin(async move { Ok(self.state.read(select, sink)) })
    }

    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(self.state.count(shape, filter)) })
    }

    fn insert<'a>(&'a mut self, shape: &'static Shape, row: &'a Row) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let id = row[Shape::ID].as_text().unwrap_or_default();
            if self.state.tables.get(&shape.path).is_some_and(|table| table.contains_key(id)) {
                return Err(Error::new(Code::UniqueViolation, "`_id` is taken").with_field("_id"));
            }
            self.put(shape, id, Some(row))
        })
    }

    fn update<'a>(
        &'a mut self,
        shape: &'static Shape,
        _: &'a Row,
        new: &'a Row,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.put(shape, new[Shape::ID].as_text().unwrap_or_default(), Some(new)) })
    }

    fn delete<'a>(&'a mut self, shape: &'static Shape, old: &'a Row) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.put(shape, old[Shape::ID].as_text().unwrap_or_default(), None) })
    }

    fn next(&mut self, shape: &'static Shape, column: usize) -> BoxFuture<'_, Result<i64>> {
        let name = format!("{}.{}", shape.path, shape.columns[column].column);
        let number = self.state.numbers.entry(name.clone()).or_insert(0);
        *number += 1;
        let number = *number;
        self.lines.push(json!(["number", name, number]));
        Box::pin(async move { Ok(number) })
    }
}

impl Transaction for FileTx<OwnedMutexGuard<State>> {
    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { FileTx::commit(&mut self) })
    }

    fn rollback(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(self) })
    }
}

impl Store for FileStore {
    fn name(&self) -> &'static str {
        "file"
    }

    fn migrate<'a>(&'a self, _: &'a [&'static Shape], _: Apply) -> BoxFuture<'a, Result<Plan>> {
        Box::pin(async { Ok(Plan::default()) })
    }

    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        Box::pin(async move { Ok(self.state.lock().await.read(select, sink)) })
    }

    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(self.state.lock().await.count(shape, filter)) })
    }

    fn write(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        Box::pin(async move {
            let mut state = self.state.lock().await;
            let mut tx = FileTx::new(&mut *state, work.actor);
            let answer = (work.steps)(&mut tx).await?;
            tx.commit().map(|()| answer)
        })
    }

    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        Box::pin(async move {
            let state = self.state.clone().lock_owned().await;
            Ok(Box::new(FileTx::new(state, actor)) as Box<dyn Transaction>)
        })
    }

    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Logged>>> {
        Box::pin(async move {
            let state = self.state.lock().await;
            Ok(state.log.iter().filter(|change| change.seq > after).take(limit).cloned().collect())
        })
    }

    fn secret(&self) -> [u8; 32] {
        self.secret
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
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
        Json::Number(number) if number.is_i64() => Value::Integer(number.as_i64().unwrap_or(0)),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(0.0)),
        Json::String(text) => Value::Text(text.clone()),
        _ => Value::Null,
    };
    Row(cells.as_array().into_iter().flatten().map(value).collect())
}
