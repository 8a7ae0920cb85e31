//! Several reads of one moment: in a transaction of a reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::fault::{caller, internal};
use super::select;
use super::table::Tables;
use super::writer::guarded;
use super::{NEVER, aggregate, changes};
use crate::model::{Result, Row, Shape};
use crate::query::{Aggregation, Filter, Select};
use crate::store::{Answer, BoxFuture, Each, Look, Sink, View};

/// How long reads may take where they are asked for.
const MOMENT: Duration = Duration::from_millis(1);
/// After how many of SQLite's steps the time is looked at.
const STEPS: i32 = 1_000;

/// Runs the reads here and now; `None` if they take longer than a moment.
pub(super) fn quick(connection: &mut Connection, tables: &Tables, look: &Look) -> Option<Result<Answer>> {
    let late = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let seen = Arc::clone(&late);
    let watch = move || {
        let is_late = begun.elapsed() > MOMENT;
        seen.fetch_or(is_late, Ordering::Relaxed);
        is_late
    };
    // Without this they would only run here for longer.
    drop(connection.progress_handler(STEPS, Some(watch)));
    let outcome = run(connection, tables, look, &NEVER);
    drop(connection.progress_handler(0, None::<fn() -> bool>));
    (!late.load(Ordering::Relaxed)).then_some(outcome)
}

/// Runs the reads.
pub(super) fn run(
    connection: &mut Connection,
    tables: &Tables,
    look: &Look,
    stop: &AtomicBool,
) -> Result<Answer> {
    let mut snapshot = Snapshot::begin(connection, tables, stop)?;
    guarded(|| match look(&mut snapshot).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(internal("a read waited for something")),
    })
}

/// A reader's transaction. It ends when this is dropped.
struct Snapshot<'c> {
    connection: &'c mut Connection,
    tables: &'c Tables,
    stop: &'c AtomicBool,
}

impl<'c> Snapshot<'c> {
    fn begin(connection: &'c mut Connection, tables: &'c Tables, stop: &'c AtomicBool) -> Result<Self> {
        let snapshot = Snapshot { connection, tables, stop };
        snapshot.say("BEGIN").map_err(caller)?;
        Ok(snapshot)
    }

    fn say(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.raw_execute().map(drop)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // What breaks reads off would break this off, too, and the next one would find itself inside.
        drop(self.connection.progress_handler(0, None::<fn() -> bool>));
        if !self.connection.is_autocommit()
            && let Err(error) = self.say("COMMIT")
        {
            tracing::error!(%error, "SQLite can't end a read");
        }
    }
}

impl View for Snapshot<'_> {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        mut sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        Box::pin(async move {
            let table = self.tables.of(select.shape)?;
            select::rows(self.connection, table, select, &mut *sink, self.stop)?;
            Ok(sink)
        })
    }

    fn read_each<'a>(
        &'a mut self,
        select: &'a Select,
        each: Each,
        mut sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        Box::pin(async move {
            let table = self.tables.of(select.shape)?;
            select::each(self.connection, table, select, each, &mut *sink, self.stop)?;
            Ok(sink)
        })
    }

    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { select::count(self.connection, self.tables.of(shape)?, filter) })
    }

    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        Box::pin(async move {
            aggregate::figures(self.connection, self.tables.of(aggregation.shape)?, aggregation)
        })
    }

    fn position(&mut self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { changes::last(self.connection).map_err(caller) })
    }
}

#[cfg(test)]
mod tests {
    use modeller::Model;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use validator::Validate;

    use super::*;
    use crate::store::sqlite::connect::tests::scratch;
    use crate::store::sqlite::migrate::migrate;
    use crate::store::{Apply, Rows, sink};

    #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "test", name = "looks", crate = crate)]
    struct Looked {
        name: String,
    }

    /// Reads after this time.
    fn look(after: Duration) -> Look {
        let select = Select::all(Looked::descriptor().shape());
        Arc::new(move |view| {
            let select = select.clone();
            Box::pin(async move {
                std::thread::sleep(after);
                let rows = sink::<Rows>(view.read(&select, Rows::of(select.shape)).await?).rows;
                Ok(Box::new(rows.len()) as Answer)
            })
        })
    }

    fn database() -> (Connection, Tables) {
        let mut connection = scratch();
        let (_, tables) = migrate(&mut connection, &[Looked::descriptor().shape()], Apply::Safe).unwrap();
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
                    INSERT INTO test_looks (_id, _version, _created_at, _updated_at, name) SELECT i, 1, 1, 1, 'x' FROM n";
        connection.execute(rows, []).unwrap();
        (connection, tables.unwrap())
    }

    #[test]
    fn what_takes_longer_than_a_moment_is_left_to_others_and_disturbs_nobody() {
        let (mut connection, tables) = database();
        let (quick_look, slow_look) = (look(Duration::ZERO), look(MOMENT * 2));
        let mut late = 0;
        // The end of a read could be broken off as well: seldom, for it takes few steps.
        for _ in 0..700 {
            match quick(&mut connection, &tables, &slow_look) {
                None => late += 1,
                Some(answer) => assert_eq!(*answer.unwrap().downcast::<usize>().unwrap(), 300),
            }
            assert!(connection.is_autocommit());
        }
        assert!(late > 100, "only {late} reads were late");
        let answer = run(&mut connection, &tables, &quick_look, &NEVER).unwrap();
        assert_eq!(*answer.downcast::<usize>().unwrap(), 300);
    }
}
