//! Where rows live. A store keeps rows and a change log; what a row *means* is the engine's business.

mod change;
mod figures;
#[cfg(feature = "sqlite")]
mod literal;
mod migrate;
#[cfg(feature = "sqlite")]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod view;
mod watch;

use std::any::Any;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;

pub use change::{Change, ChangeOp};
pub use migrate::{Apply, Plan, PlannedStep};
pub use view::{Each, Look, View};
pub use watch::{Batch, Commit, RowChange, Watcher};

use crate::model::{Code, Error, Result, Row, RowView, Shape};
use crate::query::{Aggregation, Filter, Select};
use figures::Figures;

/// A boxed future, for traits that have to be object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whatever a piece of [`Work`] answers; its caller knows the type.
pub type Answer = Box<dyn Any + Send>;

/// Takes the rows that a read finds, one after the other.
pub trait Sink: Any + Send {
    /// The next row. After [`ControlFlow::Break`] no other one is wanted: the store stops reading, and gives the sink back as it
    /// does after the last row.
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()>;
}

/// A place where rows are kept. Implement it to put an application on storage of your own.
///
/// A store is asked only about models that it has been given to [`migrate`](Store::migrate). It must be durable: when
/// [`write`](Store::write) answers, the rows survive a crash. Everything a [`Work`] did is there, or nothing of it.
pub trait Store: Send + Sync + 'static {
    /// What to call it in logs and reports (`"sqlite"`).
    fn name(&self) -> &'static str;

    /// Compares the models with what is stored, and makes the store ready for them.
    ///
    /// # Errors
    /// `CONFLICT` with the plan as details, if a step would lose data and `apply` does not allow it.
    fn migrate<'a>(&'a self, models: &'a [&'static Shape], apply: Apply) -> BoxFuture<'a, Result<Plan>>;

    /// Gives the selected rows to the sink, in order and for as long as it wants more, and the sink back. It sees what was committed before the call.
    ///
    /// # Errors
    /// If the store can't be read.
    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>>;

    /// How many rows fulfil the filter.
    ///
    /// # Errors
    /// If the store can't be read.
    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>>;

    /// The figures that [`Evaluation`](crate::query::Evaluation) gives over these rows. Unless a store knows better, that is what
    /// works them out here, from all the rows.
    ///
    /// # Errors
    /// If the store can't be read; `INVALID_QUERY` as [`Evaluation::finish`](crate::query::Evaluation::finish).
    fn aggregate<'a>(&'a self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        Box::pin(async move {
            let select = Select::filtered(aggregation.shape, aggregation.filter.clone());
            sink::<Figures>(self.read(&select, Figures::of(aggregation)).await?).finish()
        })
    }

    /// Runs reads that belong together. They should all see the store at one moment, so that what one of them finds fits what
    /// another one finds; left as it is, each sees what was committed before it.
    ///
    /// # Errors
    /// Those of the reads.
    fn view(&self, look: Look) -> BoxFuture<'_, Result<Answer>> {
        Box::pin(async move { look(&mut view::OneByOne(self)).await })
    }

    /// Runs the work in a transaction of its own and commits it, unless it fails.
    ///
    /// # Errors
    /// Those of the work; `OVERLOADED` when the queue is full; `STORE_UNAVAILABLE` when nothing can be written.
    fn write(&self, work: Work) -> BoxFuture<'_, Result<Answer>>;

    /// Begins a transaction that stays open between calls. It ends by itself, rolled back, when it is dropped or takes too long.
    ///
    /// # Errors
    /// As [`write`](Store::write).
    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>>;

    /// The committed changes after this sequence number, oldest first, whole transactions only; about `limit` of them.
    ///
    /// # Errors
    /// `INVALID_CURSOR` if the log no longer reaches back that far.
    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>>>;

    /// The last number in the change log.
    ///
    /// # Errors
    /// If the store can't be read; `METHOD_NOT_FOUND` from a store that can't say.
    fn position(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(std::future::ready(Err(cannot_watch())))
    }

    /// From now on tells this watcher of every commit; `false` from a store that can't. There is one watcher at most.
    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        drop(watcher);
        false
    }

    /// A secret that belongs to this database, made at its creation: it signs cursors.
    fn secret(&self) -> [u8; 32];

    /// Waits until all that was accepted is written, and lets go of the files.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// What a store says that tells nobody of its changes.
pub(crate) fn cannot_watch() -> Error {
    Error::new(
        Code::MethodNotFound,
        "the store of this application can't tell of changes: there are no live queries",
    )
}

/// The steps of a [`Work`]: given a transaction, they read, write and answer.
pub type Steps = Box<dyn for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<Answer>> + Send>;

/// What [`Store::write`] runs: the steps of one atomic write.
pub struct Work {
    /// The steps. They mostly wait for nothing but the futures of a [`Tx`]; where they host hooks, for whatever those wait for. A
    /// store bounds that time as it does that of a [`Transaction`].
    pub steps: Steps,
    /// It probably makes a single change, so that a savepoint before it may not be worth its price.
    pub single: bool,
    /// Who did it, for the change log.
    pub actor: Option<String>,
}

/// A transaction, seen from inside. Reads see the transaction's own writes.
///
/// Uniqueness is the store's to keep (of the id, and of [`Shape::unique`], where a set with a `Null` in it never collides, and where
/// rows in the trash do not count); everything else about a row has been decided before it comes here.
pub trait Tx: Send {
    /// As [`Store::read`].
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>>;

    /// As [`Store::count`].
    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>>;

    /// As [`Store::aggregate`].
    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        Box::pin(async move {
            let select = Select::filtered(aggregation.shape, aggregation.filter.clone());
            sink::<Figures>(self.read(&select, Figures::of(aggregation)).await?).finish()
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// `UNIQUE_VIOLATION` with the field (several are joined with `,`).
    fn insert<'a>(&'a mut self, shape: &'static Shape, row: &'a Row) -> BoxFuture<'a, Result<()>>;

    /// Replaces the row `old` (as it was read in this transaction) with `new`, which has the same id.
    ///
    /// # Errors
    /// As [`insert`](Tx::insert).
    fn update<'a>(
        &'a mut self,
        shape: &'static Shape,
        old: &'a Row,
        new: &'a Row,
    ) -> BoxFuture<'a, Result<()>>;

    /// Removes the row (as it was read in this transaction).
    ///
    /// # Errors
    /// If the store can't be written.
    fn delete<'a>(&'a mut self, shape: &'static Shape, old: &'a Row) -> BoxFuture<'a, Result<()>>;

    /// The next number of an `autoincrement` column; a number is never given twice once it was committed. If the column is
    /// unique by itself, it is one that no document has: where callers have put documents in the way, the next number
    /// comes after the largest of theirs.
    ///
    /// # Errors
    /// If the store can't be written.
    fn next(&mut self, shape: &'static Shape, column: usize) -> BoxFuture<'_, Result<i64>>;
}

/// An open transaction.
pub trait Transaction: Tx {
    /// Makes everything durable.
    ///
    /// # Errors
    /// `TIMEOUT` if the transaction was open for too long and is gone.
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<()>>;

    /// Undoes everything.
    fn rollback(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Collects rows as they are.
#[derive(Debug, Default)]
pub struct Rows {
    /// The rows so far.
    pub rows: Vec<Row>,
    columns: usize,
}

impl Rows {
    /// For rows of this model.
    pub fn of(shape: &Shape) -> Box<Self> {
        Box::new(Rows { rows: Vec::new(), columns: shape.columns.len() })
    }
}

impl Sink for Rows {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        self.rows.push(Row::copy(row, self.columns));
        ControlFlow::Continue(())
    }
}

/// The sink that was given to a read, as what it is.
///
/// # Panics
/// If it is another one: a store gives back the sink it got.
pub fn sink<S: Sink>(sink: Box<dyn Sink>) -> S {
    let sink: Box<dyn Any> = sink;
    *sink.downcast().expect("a store gives back the sink it was given")
}
