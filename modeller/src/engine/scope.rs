//! Which documents there are: what is visible, what lies in the trash, what has expired, and what a filter names.

use std::ops::ControlFlow;

use super::Engine;
use super::cascade::{Reach, has_followers};
use super::write::Steps;
use crate::model::{Kind, Result, Row, RowView, Shape, Value};
use crate::query::{Filter, Op, Operand, Path, Select};
use crate::store::{self, Rows, Sink, Tx};

/// How many rows `clear`, evictions and sweeps take at a time.
pub(super) const CHUNK: u64 = 1_000;

/// How many bytes of documents a call takes into memory, and answers, at most.
pub(super) const MAX_BYTES: usize = if cfg!(test) { 1024 * 1024 } else { 64 * 1024 * 1024 };

/// Leaves out related rows that are in the trash or have expired.
pub(crate) fn see(filter: &mut Filter, engine: &Engine) {
    if filter.is_relational() {
        filter.each_related(&mut |related| related.among = visible(related.link.to, Filter::True, engine));
    }
}

/// The filter for what is visible: not in the trash, not expired.
pub(crate) fn visible(shape: &Shape, filter: Filter, engine: &Engine) -> Filter {
    alive(shape, there(shape, filter, engine), engine.clock().now())
}

/// The filter for what is there until it is removed: not in the trash, be it expired.
pub(crate) fn there(shape: &Shape, mut filter: Filter, engine: &Engine) -> Filter {
    see(&mut filter, engine);
    match shape.deleted_at {
        Some(deleted_at) => filter.and(Filter::Test(Path::column(deleted_at), Op::Exists(false))),
        None => filter,
    }
}

/// The filter for what can be restored: in the trash, and not for too long.
pub(crate) fn trashed(shape: &Shape, mut filter: Filter, engine: &Engine) -> Filter {
    see(&mut filter, engine);
    let Some(deleted_at) = shape.deleted_at else { return Filter::False };
    let now = engine.clock().now();
    let since = match shape.descriptor.trash {
        Some(keep) => Op::Gt(Operand::Cell(Value::Integer(now.saturating_sub(milliseconds(keep))))),
        None => Op::Exists(true),
    };
    alive(shape, filter.and(Filter::Test(Path::column(deleted_at), since)), now)
}

/// What has not expired. Documents from before the model had a `ttl` live until their next write.
fn alive(shape: &Shape, filter: Filter, now: i64) -> Filter {
    let Some(expires_at) = shape.expires_at else { return filter };
    let test = |op| Filter::Test(Path::column(expires_at), op);
    filter.and(test(Op::Gt(Operand::Cell(Value::Integer(now)))).or(test(Op::Exists(false))))
}

/// The filter for what has expired, or lain in the trash for too long.
pub(crate) fn dead(shape: &Shape, now: i64) -> Filter {
    let until = |index: usize, limit: i64| {
        Filter::Test(Path::column(index), Op::Lte(Operand::Cell(Value::Integer(limit))))
    };
    let mut dead = Filter::False;
    if let Some(index) = shape.expires_at {
        dead = dead.or(until(index, now));
    }
    if let (Some(index), Some(keep)) = (shape.deleted_at, shape.descriptor.trash) {
        dead = dead.or(until(index, now.saturating_sub(milliseconds(keep))));
    }
    dead
}

pub(super) fn milliseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Removes at most a chunk of what is [`dead`], and does what `on_delete` says for what has expired. Answers how many rows.
pub(crate) async fn purge(engine: &Engine, tx: &mut dyn Tx, shape: &'static Shape, now: i64) -> Result<u64> {
    let select = Select { count: Some(CHUNK), ..Select::filtered(shape, dead(shape, now)) };
    let rows = store::sink::<Bounded>(tx.read(&select, Bounded::of(shape)).await?).rows.rows;
    for row in &rows {
        tx.delete(shape, row).await?;
    }
    if has_followers(engine, shape) {
        // For what lay in the trash it was done when it came there.
        let in_trash = |row: &Row| shape.deleted_at.is_some_and(|index| !row[index].is_null());
        let expired: Vec<Row> = rows.iter().filter(|row| !in_trash(row)).cloned().collect();
        Box::pin(Steps { engine, shape, tx }.follow(&expired, Reach::ByItself)).await?;
    }
    Ok(rows.len() as u64)
}

/// Whether the filter names one id, and nothing else.
pub(super) fn is_id(filter: &Filter) -> bool {
    matches!(filter, Filter::Test(path, Op::Eq(_)) if *path == Path::column(Shape::ID))
}

/// Whether at most one document can fulfil the filter: it names the id or a unique set of fields.
pub(crate) fn pins_one(shape: &Shape, filter: &Filter) -> bool {
    let tests = match filter {
        Filter::All(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let pinned = |column: usize| {
        tests.iter().any(|test| match test {
            Filter::Test(path, Op::Eq(Operand::Cell(value))) => {
                // A list equals each of its elements, and several lists may have the same one.
                *path == Path::column(column) && !value.is_null() && shape.columns[column].kind != Kind::Json
            }
            _ => false,
        })
    };
    pinned(Shape::ID) || shape.unique.iter().any(|set| set.iter().all(|&column| pinned(column)))
}

/// Collects rows up to [`MAX_BYTES`].
pub(super) struct Bounded {
    pub(super) rows: Box<Rows>,
    bytes: usize,
    /// Whether there were more.
    pub(super) cut: bool,
}

impl Bounded {
    pub(super) fn of(shape: &Shape) -> Box<Self> {
        Box::new(Bounded { rows: Rows::of(shape), bytes: 0, cut: false })
    }
}

impl Sink for Bounded {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        if self.bytes > MAX_BYTES {
            self.cut = true;
            return ControlFlow::Break(());
        }
        let flow = self.rows.row(row);
        self.bytes += self.rows.rows.last().map_or(0, size);
        flow
    }
}

/// About how many bytes a row takes.
fn size(row: &Row) -> usize {
    row.0.iter().map(|value| 24 + value.as_text().map_or(0, str::len)).sum()
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use crate::engine::{Arguments, Call, Clock, Engine, Operation};
    use crate::model::{Code, Shape};
    use crate::registry::Registry;
    use crate::store::Apply;
    use crate::store::sqlite::{Sqlite, SqliteOptions};

    async fn engine() -> (Arc<Engine>, &'static Shape) {
        let registry = Registry::of(&[]).unwrap();
        // This one is always there.
        let shape = registry.stored().find(|shape| shape.path == "_modeller/mutations").unwrap();
        let store = Sqlite::open(SqliteOptions::memory()).unwrap();
        let engine = Engine::new(registry, Arc::new(store), Clock::system());
        engine.migrate(Apply::Safe).await.unwrap();
        (engine, shape)
    }

    #[tokio::test]
    async fn what_would_not_fit_into_memory_is_refused() {
        let (engine, shape) = engine().await;
        let with = |operation, body: serde_json::Value| {
            let mut call = Call::new(operation, shape);
            call.body = body.to_string().into_bytes();
            call
        };
        for n in 0..12 {
            let kept = json!({"key": format!("{n:02}"), "request": "", "body": "x".repeat(100_000), "created": true});
            engine.perform(with(Operation::Insert, kept)).await.unwrap();
        }
        let some = |operation, query: serde_json::Value| {
            let mut call = Call::new(operation, shape);
            call.arguments = Arguments::Json(json!({ "query": query }));
            call
        };
        let all = json!({"key": {"$gte": ""}});
        let half = json!({"key": {"$lt": "06"}});
        let twice = vec![json!({"op": "find", "query": half}); 2];
        let refused = [
            some(Operation::Find, all.clone()),
            some(Operation::List, all.clone()),
            Call { body: b"{\"request\":\"y\"}".to_vec(), ..some(Operation::Update, all.clone()) },
            some(Operation::Delete, all),
            with(Operation::Batch, json!({ "operations": twice })),
        ];
        for call in refused {
            let operation = call.operation;
            let error = engine.perform(call).await.unwrap_err();
            assert!(error.is(Code::InvalidQuery), "{operation}: {error}");
        }
        assert!(engine.perform(some(Operation::Find, half)).await.is_ok());
        let cleared = engine.perform(Call::new(Operation::Clear, shape)).await.unwrap();
        assert_eq!(cleared.body, b"{\"deleted\":12}");
    }
}
