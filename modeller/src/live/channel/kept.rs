//! Broadcasts that are kept: built-in models like any other.

use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use validator::Validate;

use super::event::Message;
use super::room::Head;
use super::{Position, Since, Topic};
use crate::Model;
use crate::engine::Engine;
use crate::model::{Cell, Code, Error, Result, Row, RowView, Shape, Value};
use crate::query::{Filter, Op, Operand, Order, Path, Select};
use crate::store::{self, Rows, Sink, Tx};

/// How long a broadcast is kept, in milliseconds: as long as its model says.
const KEPT: i64 = 24 * 60 * 60 * 1_000;

/// How many bytes of payloads one replay takes into memory.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How far the broadcasts of a channel have come. It outlives the last of them, so that no position is given twice.
#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(builtin, scope = "_modeller", name = "topics", ttl = "48h", crate = crate)]
pub(crate) struct KeptTopic {
    /// Which channel.
    #[model(key)]
    topic: String,
    /// What makes its positions different from those of a channel of this name that was forgotten.
    epoch: String,
    /// The offset of the last broadcast.
    last: i64,
}

/// A broadcast that was sent by the application, and can be told again.
#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(builtin, scope = "_modeller", name = "broadcasts", ttl = "24h", index(topic, epoch, place), index(topic, at), crate = crate)]
pub(crate) struct KeptBroadcast {
    /// To which channel.
    topic: String,
    /// The epoch of its position.
    epoch: String,
    /// The offset of its position.
    place: i64,
    /// When, in Unix milliseconds.
    at: i64,
    /// The name of the event.
    event: String,
    /// What was said, as JSON text.
    payload: String,
}

const EPOCH: usize = KeptTopic::EPOCH.index();
const LAST: usize = KeptTopic::LAST.index();
const TOPIC: usize = KeptBroadcast::TOPIC.index();
const OF_EPOCH: usize = KeptBroadcast::EPOCH.index();
const PLACE: usize = KeptBroadcast::PLACE.index();
const AT: usize = KeptBroadcast::AT.index();
const EVENT: usize = KeptBroadcast::EVENT.index();
const PAYLOAD: usize = KeptBroadcast::PAYLOAD.index();

/// A broadcast and its place.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) message: Message,
    pub(super) position: Position,
}

/// What a replay found.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) kept: Vec<Kept>,
    /// Nothing between the place that was asked for and the last of them is missing.
    pub(super) is_complete: bool,
    /// There are more after them.
    pub(super) has_more: bool,
}

/// Keeps a message within the steps of a write, and gives it its place.
pub(super) async fn keep(
    engine: &Engine,
    tx: &mut dyn Tx,
    topic: &Topic,
    message: &Message,
) -> Result<Position> {
    let topic = topic.stored();
    let position = advance(engine, tx, &topic).await?;
    let shape = KeptBroadcast::descriptor().shape();
    let mut row = stamped(engine, shape, &message.id);
    row[TOPIC] = Value::Text(topic);
    row[OF_EPOCH] = Value::Text(written(position.epoch));
    row[PLACE] = Value::Integer(signed(position.offset));
    row[AT] = Value::Integer(message.at);
    row[EVENT] = Value::Text(message.event.clone());
    row[PAYLOAD] = Value::Text(message.payload.clone());
    tx.insert(shape, &row).await?;
    Ok(position)
}

/// The next place of a channel.
async fn advance(engine: &Engine, tx: &mut dyn Tx, topic: &str) -> Result<Position> {
    let shape = KeptTopic::descriptor().shape();
    let found = tx.read(&Select::filtered(shape, Filter::id(topic)), Rows::of(shape)).await?;
    // Even if its time is over: as long as it is there, it goes on.
    let Some(old) = store::sink::<Rows>(found).rows.into_iter().next() else {
        let (epoch, _) = Uuid::new_v4().as_u64_pair();
        let mut row = stamped(engine, shape, topic);
        row[KeptTopic::TOPIC.index()] = Value::Text(topic.to_owned());
        row[EPOCH] = Value::Text(written(epoch));
        row[LAST] = Value::Integer(1);
        tx.insert(shape, &row).await?;
        return Ok(Position { epoch, offset: 1 });
    };
    let last = position(&old)?;
    let next = Position { offset: last.offset + 1, ..last };
    let mut new = stamped(engine, shape, topic);
    for column in [Shape::CREATED_AT, KeptTopic::TOPIC.index(), EPOCH] {
        new[column] = old[column].clone();
    }
    new[LAST] = Value::Integer(signed(next.offset));
    new[Shape::VERSION] = Value::Integer(old[Shape::VERSION].as_integer().unwrap_or(0).saturating_add(1));
    tx.update(shape, &old, &new).await?;
    Ok(next)
}

/// A new row with the cells that every one has.
fn stamped(engine: &Engine, shape: &Shape, id: &str) -> Row {
    let now = engine.clock().now();
    let mut row = Row(vec![Value::Null; shape.columns.len()]);
    row[Shape::ID] = Value::Text(id.to_owned());
    row[Shape::VERSION] = Value::Integer(1);
    row[Shape::CREATED_AT] = Value::Integer(now);
    row[Shape::UPDATED_AT] = Value::Integer(now);
    if let (Some(index), Some(ttl)) = (shape.expires_at, shape.descriptor.ttl) {
        row[index] = Value::Integer(super::after(now, ttl));
    }
    row
}

/// The place of the last broadcast of a channel.
pub(super) async fn head(engine: &Engine, topic: &Topic) -> Result<Option<Position>> {
    let shape = KeptTopic::descriptor().shape();
    let select = Select::filtered(shape, Filter::id(topic.stored()));
    let found = engine.store().read(&select, Rows::of(shape)).await?;
    store::sink::<Rows>(found).rows.first().map(position).transpose()
}

/// What was kept of a channel since then and up to `head`, oldest first.
pub(super) async fn read(
    engine: &Engine,
    topic: &Topic,
    head: Head,
    since: Since,
    limit: usize,
) -> Result<Missed> {
    let Some(head) = head.position() else {
        // There never was anything, or it was so long ago that it is not known any more.
        let is_complete = matches!(since, Since::Time(time) if time >= engine.clock().now() - KEPT);
        return Ok(Missed { kept: Vec::new(), is_complete, has_more: false });
    };
    let oldest = engine.clock().now().saturating_sub(KEPT);
    let (after, is_known) = match since {
        Since::Position(since) if since.epoch != head.epoch => (0, false),
        // It comes from the future of a channel that went back, as after a restored backup.
        Since::Position(since) if since.offset > head.offset => (0, false),
        Since::Position(since) => (since.offset, true),
        Since::Time(time) => {
            let first = first_since(engine, topic, head, time.max(oldest)).await?;
            (first.map_or(head.offset, |first| first.saturating_sub(1)), time >= oldest)
        }
    };
    let mut missed = between(engine, topic, Position { offset: after, ..head }, head, limit).await?;
    // Of those that were kept for as long as they are, nobody knows any more.
    let first = missed.kept.first().map_or(head.offset + 1, |kept| kept.position.offset);
    missed.is_complete = is_known && (first == after + 1 || matches!(since, Since::Time(_)));
    Ok(missed)
}

/// The offset of the first broadcast at this time or after it.
async fn first_since(engine: &Engine, topic: &Topic, head: Position, time: i64) -> Result<Option<u64>> {
    let shape = KeptBroadcast::descriptor().shape();
    let filter = test(TOPIC, Op::Eq(text(topic.stored())))
        .and(test(AT, Op::Gte(Operand::Cell(Value::Integer(time)))))
        .and(test(OF_EPOCH, Op::Eq(text(written(head.epoch)))));
    let order = [AT, PLACE].map(|column| Order { path: Path::column(column), descending: false });
    let select = Select { order: order.into(), count: Some(1), ..Select::filtered(shape, filter) };
    let found = engine.store().read(&select, Rows::of(shape)).await?;
    Ok(store::sink::<Rows>(found).rows.first().map(|row| unsigned(&row[PLACE])))
}

/// The broadcasts after one place and up to another, oldest first.
pub(super) async fn between(
    engine: &Engine,
    topic: &Topic,
    after: Position,
    until: Position,
    limit: usize,
) -> Result<Missed> {
    let shape = KeptBroadcast::descriptor().shape();
    let place = |offset| Operand::Cell(Value::Integer(signed(offset)));
    let oldest = engine.clock().now().saturating_sub(KEPT);
    let filter = test(TOPIC, Op::Eq(text(topic.stored())))
        .and(test(OF_EPOCH, Op::Eq(text(written(until.epoch)))))
        .and(test(PLACE, Op::Gt(place(after.offset))))
        .and(test(PLACE, Op::Lte(place(until.offset))))
        // What has expired may still be there.
        .and(test(AT, Op::Gte(Operand::Cell(Value::Integer(oldest)))));
    let order = vec![Order { path: Path::column(PLACE), descending: false }];
    let select = Select { order, ..Select::filtered(shape, filter) };
    let sink = Collected { kept: Vec::new(), epoch: until.epoch, left: MAX_BYTES, limit, has_more: false };
    let found = store::sink::<Collected>(engine.store().read(&select, Box::new(sink)).await?);
    Ok(Missed { kept: found.kept, is_complete: true, has_more: found.has_more })
}

/// Collects some broadcasts, not more than fit.
struct Collected {
    kept: Vec<Kept>,
    epoch: u64,
    left: usize,
    limit: usize,
    has_more: bool,
}

impl Sink for Collected {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        let text = |column| match row.cell(column) {
            Cell::Text(text) => text.to_owned(),
            _ => String::new(),
        };
        let payload = text(PAYLOAD);
        if self.kept.len() >= self.limit || (payload.len() > self.left && !self.kept.is_empty()) {
            self.has_more = true;
            return ControlFlow::Break(());
        }
        self.left = self.left.saturating_sub(payload.len());
        let at = row.cell(AT).to_value().as_integer().unwrap_or_default();
        let offset = unsigned(&row.cell(PLACE).to_value());
        let message = Message { id: text(Shape::ID), event: text(EVENT), payload, sender: None, at };
        self.kept.push(Kept { message, position: Position { epoch: self.epoch, offset } });
        ControlFlow::Continue(())
    }
}

fn test(column: usize, op: Op) -> Filter {
    Filter::Test(Path::column(column), op)
}

fn text(text: String) -> Operand {
    Operand::Cell(Value::Text(text))
}

fn position(row: &Row) -> Result<Position> {
    let epoch = row[EPOCH].as_text().and_then(|epoch| u64::from_str_radix(epoch, 16).ok());
    let epoch =
        epoch.ok_or_else(|| Error::new(Code::InternalError, "the epoch of a channel can't be read"))?;
    Ok(Position { epoch, offset: unsigned(&row[LAST]) })
}

fn written(epoch: u64) -> String {
    format!("{epoch:016x}")
}

fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

fn unsigned(value: &Value) -> u64 {
    value.as_integer().and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}
