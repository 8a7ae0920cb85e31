//! Stores to test, and short words for what the tests do with them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use modeller::model::{Error, Result, Row, Shape, Value};
use modeller::query::{Filter, Op, Order, Path, Select};
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Answer, Apply, BoxFuture, Change, Rows, Store, Tx, Work, sink};

/// How long a transaction may stay open: longer than any test takes, on a busy machine too.
const PATIENT: Duration = Duration::from_secs(60);

/// How long it may stay open where a test waits until its time is over.
const HASTY: Duration = Duration::from_millis(400);

/// Makes an empty store that has been given all the [models](crate::models).
pub trait Lab: Send + Sync {
    /// Transactions may stay open for so long.
    fn open(&self, timeout: Duration) -> Arc<dyn Store>;
}

pub struct Memory;

impl Lab for Memory {
    fn open(&self, timeout: Duration) -> Arc<dyn Store> {
        Arc::new(Sqlite::open(SqliteOptions::memory().transaction_timeout(timeout)).unwrap())
    }
}

/// A directory of its own, gone when this is.
pub struct File(pub PathBuf);

impl File {
    pub fn new() -> Self {
        let name = format!("modeller-test-{}-{:p}", std::process::id(), Box::new(0));
        let unique = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let path = std::env::temp_dir().join(format!("{name}-{unique}"));
        std::fs::create_dir(&path).unwrap();
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl Lab for File {
    fn open(&self, timeout: Duration) -> Arc<dyn Store> {
        let options = SqliteOptions::file(self.0.join("test.db")).transaction_timeout(timeout);
        Arc::new(Sqlite::open(options).unwrap())
    }
}

/// An open store with all the models.
pub async fn ready(lab: &dyn Lab) -> Arc<dyn Store> {
    migrated(lab.open(PATIENT)).await
}

/// One whose transactions soon run out of time.
pub async fn hasty(lab: &dyn Lab) -> Arc<dyn Store> {
    migrated(lab.open(HASTY)).await
}

async fn migrated(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let plan = store.migrate(&crate::models::all(), Apply::Safe).await.unwrap();
    assert!(plan.applied);
    store
}

/// A work of several steps.
pub fn steps(
    steps: impl for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<Answer>> + Send + 'static,
) -> Work {
    Work { steps: Box::new(steps), single: false, actor: None }
}

/// A work that makes one change as its last step.
pub fn single(
    steps: impl for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<Answer>> + Send + 'static,
) -> Work {
    Work { single: true, ..crate::lab::steps(steps) }
}

/// An answer of any type.
pub fn answer<T: Send + 'static>(value: T) -> Result<Answer> {
    Ok(Box::new(value))
}

/// Nothing to answer.
pub fn done() -> Result<Answer> {
    answer(())
}

pub async fn insert(store: &dyn Store, shape: &'static Shape, row: Row) -> Result<(), Error> {
    let work = single(move |tx| {
        Box::pin(async move {
            tx.insert(shape, &row).await?;
            done()
        })
    });
    store.write(work).await.map(drop)
}

/// Reads the document and stores what `change` makes of it, with the next version.
pub async fn update(
    store: &dyn Store,
    shape: &'static Shape,
    id: &str,
    change: impl FnOnce(&mut Row) + Send + 'static,
) -> Result<(), Error> {
    let select = by_id(shape, id);
    let work = single(move |tx| {
        Box::pin(async move {
            let old = sink::<Rows>(tx.read(&select, Rows::of(shape)).await?).rows.remove(0);
            let mut new = old.clone();
            new[Shape::VERSION] = Value::Integer(old[Shape::VERSION].as_integer().unwrap() + 1);
            change(&mut new);
            tx.update(shape, &old, &new).await?;
            done()
        })
    });
    store.write(work).await.map(drop)
}

pub async fn delete(store: &dyn Store, shape: &'static Shape, id: &str) -> Result<(), Error> {
    let select = by_id(shape, id);
    let work = single(move |tx| {
        Box::pin(async move {
            let old = sink::<Rows>(tx.read(&select, Rows::of(shape)).await?).rows.remove(0);
            tx.delete(shape, &old).await?;
            done()
        })
    });
    store.write(work).await.map(drop)
}

pub fn by_id(shape: &'static Shape, id: &str) -> Select {
    Select::filtered(shape, Filter::id(id))
}

pub async fn read(store: &dyn Store, select: &Select) -> Vec<Row> {
    sink::<Rows>(store.read(select, Rows::of(select.shape)).await.unwrap()).rows
}

pub async fn all(store: &dyn Store, shape: &'static Shape) -> Vec<Row> {
    read(store, &Select::all(shape)).await
}

pub async fn get(store: &dyn Store, shape: &'static Shape, id: &str) -> Option<Row> {
    read(store, &by_id(shape, id)).await.pop()
}

pub async fn log(store: &dyn Store) -> Vec<Change> {
    store.changes(0, usize::MAX).await.unwrap()
}

pub fn ids(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row[Shape::ID].as_text().unwrap()).collect()
}

pub fn test(shape: &Shape, name: &str, op: Op) -> Filter {
    Filter::Test(Path::column(shape.index_of(name).unwrap()), op)
}

pub fn order(shape: &Shape, name: &str, descending: bool) -> Order {
    Order { path: Path::column(shape.index_of(name).unwrap()), descending }
}
