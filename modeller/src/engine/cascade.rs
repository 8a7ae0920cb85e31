//! What becomes of documents that refer to those that go: they hold them, go with them, or let go of them.

use super::references::{AT_ONCE, referenced};
use super::scope::{Bounded, CHUNK, visible};
use super::write::{MAX_BULK, Steps};
use crate::model::{Code, Error, OnDelete, Result, Row, Shape, Value};
use crate::query::{Filter, Op, Operand, Path, Select};
use crate::registry::Incoming;
use crate::store;

/// How far a deletion may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// As far as one call may.
    Call {
        /// How many documents it removes by itself.
        removed: u64,
    },
    /// As far as it takes: `clear`, whose documents nobody else holds.
    Clear,
    /// As far as it takes, whoever holds it: what goes by itself.
    ByItself,
}

/// Documents of one model that are gone, of which nothing has been followed yet.
struct Gone {
    shape: &'static Shape,
    rows: Vec<Row>,
}

impl Steps<'_, '_> {
    /// Whether documents go, or change, when one of the model is deleted.
    pub(super) fn has_followers(&self) -> bool {
        has_followers(self.engine, self.shape)
    }

    /// Does what `on_delete` says for documents that have been removed. They are no longer visible, so that circles end.
    pub(super) async fn follow(&mut self, rows: &[Row], reach: Reach) -> Result<()> {
        let mut left = match reach {
            Reach::Call { removed } => Some(MAX_BULK.saturating_sub(removed)),
            Reach::Clear | Reach::ByItself => None,
        };
        let mut open = vec![self.gone(self.shape, rows)];
        // What others may hold is looked at when all is gone that goes: those that go together do not hold each other.
        let mut holdable = Vec::new();
        let mut first = true;
        while let Some(Gone { shape, rows }) = open.pop() {
            for incoming in self.engine.registry().incoming(shape) {
                match incoming.on_delete {
                    OnDelete::Restrict => {}
                    OnDelete::Cascade => {
                        for chunk in values(incoming, &rows).chunks(AT_ONCE) {
                            open.extend(self.remove_followers(incoming, chunk, &mut left).await?);
                        }
                    }
                    OnDelete::SetNull => {
                        for chunk in values(incoming, &rows).chunks(AT_ONCE) {
                            self.release_followers(incoming, chunk, &mut left).await?;
                        }
                    }
                }
            }
            let held = match reach {
                Reach::Call { .. } => true,
                Reach::Clear => !first,
                Reach::ByItself => false,
            };
            first = false;
            if held && holds(self.engine, shape) {
                holdable.push(Gone { shape, rows });
            }
            if holdable.iter().map(|gone| gone.rows.len() as u64).sum::<u64>() > MAX_BULK {
                return Err(too_far());
            }
        }
        for Gone { shape, rows } in holdable {
            for incoming in self.engine.registry().incoming(shape) {
                if incoming.on_delete == OnDelete::Restrict {
                    self.check_not_held(incoming, &values(incoming, &rows)).await?;
                }
            }
        }
        Ok(())
    }

    /// Of the rows, what others refer to.
    fn gone(&self, shape: &'static Shape, rows: &[Row]) -> Gone {
        let incoming = self.engine.registry().incoming(shape);
        let slim = |row: &Row| {
            let mut kept = Row(vec![Value::Null; row.0.len()]);
            incoming.iter().for_each(|incoming| kept[incoming.target] = row[incoming.target].clone());
            kept
        };
        let rows = if incoming.is_empty() { Vec::new() } else { rows.iter().map(slim).collect() };
        Gone { shape, rows }
    }

    async fn remove_followers(
        &mut self,
        incoming: &Incoming,
        values: &[Value],
        left: &mut Option<u64>,
    ) -> Result<Vec<Gone>> {
        let mut gone = Vec::new();
        loop {
            let rows = self.followers(incoming, values, left).await?;
            if rows.is_empty() {
                return Ok(gone);
            }
            let mut steps = Steps { engine: self.engine, shape: incoming.from, tx: &mut *self.tx };
            let mut removed = Vec::with_capacity(rows.len());
            for row in rows {
                removed.push(steps.remove(row).await?);
            }
            gone.push(self.gone(incoming.from, &removed));
        }
    }

    async fn release_followers(
        &mut self,
        incoming: &Incoming,
        values: &[Value],
        left: &mut Option<u64>,
    ) -> Result<()> {
        loop {
            let rows = self.followers(incoming, values, left).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let steps = Steps { engine: self.engine, shape: incoming.from, tx: &mut *self.tx };
            for old in rows {
                let mut new = old.clone();
                new[incoming.column] = without(incoming, &old[incoming.column], values);
                if new[incoming.column] == old[incoming.column] {
                    // It would be found again and again.
                    return Err(Error::new(
                        Code::InternalError,
                        "a document does not let go of what it refers to",
                    ));
                }
                steps.touch(&old, &mut new);
                steps.tx.update(incoming.from, &old, &new).await?;
            }
        }
    }

    /// Some of the visible documents that refer to one of the values.
    async fn followers(
        &mut self,
        incoming: &Incoming,
        values: &[Value],
        left: &mut Option<u64>,
    ) -> Result<Vec<Row>> {
        let filter = visible(incoming.from, refers(incoming, values), self.engine);
        let most = left.map_or(CHUNK, |left| CHUNK.min(left.saturating_add(1)));
        let select = Select { count: Some(most), ..Select::filtered(incoming.from, filter) };
        // What does not fit into memory comes next time.
        let rows = self.tx.read(&select, Bounded::of(incoming.from)).await?;
        let rows = store::sink::<Bounded>(rows).rows.rows;
        if let Some(left) = left {
            *left = left.checked_sub(rows.len() as u64).ok_or_else(too_far)?;
        }
        Ok(rows)
    }

    async fn check_not_held(&mut self, incoming: &Incoming, values: &[Value]) -> Result<()> {
        for chunk in values.chunks(AT_ONCE) {
            let filter = visible(incoming.from, refers(incoming, chunk), self.engine);
            if self.tx.count(incoming.from, &filter).await? > 0 {
                return Err(referenced(incoming.from));
            }
        }
        Ok(())
    }
}

/// Whether documents go, or change, when one of the model is deleted.
pub(super) fn has_followers(engine: &super::Engine, shape: &Shape) -> bool {
    engine.registry().incoming(shape).iter().any(|incoming| incoming.on_delete != OnDelete::Restrict)
}

fn holds(engine: &super::Engine, shape: &Shape) -> bool {
    engine.registry().incoming(shape).iter().any(|incoming| incoming.on_delete == OnDelete::Restrict)
}

/// The values that a reference may have to these rows.
fn values(incoming: &Incoming, rows: &[Row]) -> Vec<Value> {
    rows.iter().map(|row| row[incoming.target].clone()).filter(|value| !value.is_null()).collect()
}

fn refers(incoming: &Incoming, values: &[Value]) -> Filter {
    let operands = values.iter().cloned().map(Operand::Cell).collect();
    Filter::Test(Path::column(incoming.column), Op::In(operands))
}

/// The cell without these values.
fn without(incoming: &Incoming, cell: &Value, values: &[Value]) -> Value {
    let Some(text) = cell.as_text().filter(|_| incoming.from.columns[incoming.column].array) else {
        return Value::Null;
    };
    let elements: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let is_gone = |element: &serde_json::Value| {
        values.iter().any(|value| match value {
            Value::Text(text) => element.as_str() == Some(text),
            Value::Integer(number) => {
                element.as_i64() == Some(*number) || element.as_f64() == Some(*number as f64)
            }
            _ => false,
        })
    };
    let kept: Vec<_> = elements.into_iter().filter(|element| !is_gone(element)).collect();
    Value::Text(serde_json::Value::from(kept).to_string())
}

fn too_far() -> Error {
    Error::new(
        Code::InvalidQuery,
        format!(
            "more than {MAX_BULK} documents would be deleted or changed with it; delete some of them first"
        ),
    )
}
