//! The embedded store: SQLite in WAL mode, one writer thread with group commit, a pool of readers.
//!
//! Writes go through one thread, which commits what waits for it together: one `fsync` makes the writes of many callers
//! durable, and nobody is answered before. Reads that an index answers run on the caller's thread; the others go to
//! threads of their own. The documents are in tables with real columns, one for each model.

mod aggregate;
mod changes;
mod connect;
mod cost;
mod fault;
#[cfg(test)]
mod indexes;
mod interactive;
mod log;
mod migrate;
mod notes;
mod options;
mod readers;
mod select;
mod session;
mod snapshot;
mod table;
mod writer;

use rusqlite::Connection;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

pub use options::SqliteOptions;

pub(in crate::store) use self::table::table_name;

use self::connect::Scratch;
use self::interactive::Begin;
use self::notes::Told;
use self::readers::Readers;
use self::table::Tables;
use self::writer::{Job, Writer};
use super::{Answer, Apply, BoxFuture, Change, Look, Plan, Sink, Store, Transaction, Watcher, Work};
use crate::model::{Code, Error, Result, Row, Shape};
use crate::query::{Aggregation, Filter, Select};

static NEVER: AtomicBool = AtomicBool::new(false);

/// How many changes are few enough to be read on the caller's thread.
const FEW_CHANGES: usize = 1000;

/// A store in a SQLite database, in a file or in memory.
///
/// ```
/// use modeller::store::Store;
/// use modeller::store::sqlite::{Sqlite, SqliteOptions};
///
/// let store = Sqlite::open(SqliteOptions::memory())?;
/// assert_eq!(store.name(), "sqlite");
/// # Ok::<_, modeller::Error>(())
/// ```
///
/// Dropping it without [`close`](Store::close) loses nothing that was answered; what still waits is written in the
/// background.
pub struct Sqlite {
    writer: Writer,
    readers: Readers,
    tables: Arc<RwLock<Arc<Tables>>>,
    told: Told,
    secret: [u8; 32],
    /// Goes last: its files are open until then.
    _scratch: Option<Scratch>,
}

impl Sqlite {
    /// Opens the database, and creates it if need be.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` if it can't be opened. The message is for the operator: it names the file and the cause.
    pub fn open(options: SqliteOptions) -> Result<Sqlite> {
        let opened = connect::open(&options)?;
        let failed = |error: std::io::Error| {
            Error::new(Code::StoreUnavailable, format!("can't start the threads of the database: {error}"))
        };
        let told = Told::default();
        Ok(Sqlite {
            readers: Readers::start(opened.readers).map_err(failed)?,
            writer: Writer::start(opened.writer, &options, Arc::clone(&told)).map_err(failed)?,
            tables: Arc::default(),
            told,
            secret: opened.secret,
            _scratch: opened.scratch,
        })
    }

    fn tables(&self) -> Arc<Tables> {
        Arc::clone(&self.tables.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn migrate<'a>(&'a self, models: &'a [&'static Shape], apply: Apply) -> BoxFuture<'a, Result<Plan>> {
        let models = models.to_vec();
        let tables = Arc::clone(&self.tables);
        Box::pin(self.writer.ask(move |reply| {
            Job::Task(Box::new(move |session| {
                let outcome =
                    migrate::migrate(&mut session.connection, &models, apply).map(|(plan, ready)| {
                        if let Some(ready) = ready {
                            session.set_tables(Arc::new(ready));
                            *tables.write().unwrap_or_else(PoisonError::into_inner) =
                                Arc::clone(&session.tables);
                        }
                        plan
                    });
                drop(reply.send(outcome));
            }))
        }))
    }

    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        let tables = self.tables();
        let mut sink = Some(sink);
        if cost::is_cheap(select) {
            let here = self.readers.here(|connection| match sink.take() {
                Some(mut sink) => {
                    let table = tables.of(select.shape)?;
                    select::rows(connection, table, select, &mut *sink, &NEVER).map(|_| sink)
                }
                None => Err(fault::internal("a sink is gone")),
            });
            if let Ok(outcome) = here {
                return Box::pin(std::future::ready(outcome));
            }
        }
        Box::pin(async move {
            let Some(mut sink) = sink else { return Err(fault::internal("a sink is gone")) };
            let select = select.clone();
            self.readers
                .away(move |connection, stop| {
                    select::rows(connection, tables.of(select.shape)?, &select, &mut *sink, stop)
                        .map(|_| sink)
                })
                .await
        })
    }

    fn view(&self, look: Look) -> BoxFuture<'_, Result<Answer>> {
        let tables = self.tables();
        // What is done in a moment is done here; it is begun anew elsewhere if it takes longer.
        if let Ok(Some(outcome)) = self.readers.here(|connection| snapshot::quick(connection, &tables, &look))
        {
            return Box::pin(std::future::ready(outcome));
        }
        Box::pin(self.readers.away(move |connection, stop| snapshot::run(connection, &tables, &look, stop)))
    }

    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let tables = self.tables();
            if cost::is_cheap_count(shape, filter) {
                let table = tables.of(shape)?;
                if let Ok(outcome) = self.readers.here(|connection| select::count(connection, table, filter))
                {
                    return outcome;
                }
            }
            let filter = filter.clone();
            self.readers
                .away(move |connection, _| select::count(connection, tables.of(shape)?, &filter))
                .await
        })
    }

    fn aggregate<'a>(&'a self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        Box::pin(async move {
            let tables = self.tables();
            let aggregation = aggregation.clone();
            // Figures are of many rows, or nobody would ask for them.
            self.readers
                .away(move |connection, _| {
                    aggregate::figures(connection, tables.of(aggregation.shape)?, &aggregation)
                })
                .await
        })
    }

    fn write(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        Box::pin(self.writer.ask(move |reply| Job::Work(work, reply)))
    }

    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        Box::pin(self.writer.ask(move |reply| Job::Begin(Begin { actor, reply })))
    }

    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>>> {
        Box::pin(async move {
            let tables = self.tables();
            if limit <= FEW_CHANGES
                && let Ok(outcome) =
                    self.readers.here(|connection| changes::read(connection, &tables, after, limit))
            {
                return outcome;
            }
            self.readers.away(move |connection, _| changes::read(connection, &tables, after, limit)).await
        })
    }

    fn position(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            let last = |connection: &Connection| changes::last(connection).map_err(fault::caller);
            match self.readers.here(|connection| last(connection)) {
                Ok(outcome) => outcome,
                Err(_) => self.readers.away(move |connection, _| last(connection)).await,
            }
        })
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
        true
    }

    fn secret(&self) -> [u8; 32] {
        self.secret
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // The writer goes last: closing the last connection tidies the files up.
            self.readers.close().await;
            self.writer.close().await;
        })
    }
}
