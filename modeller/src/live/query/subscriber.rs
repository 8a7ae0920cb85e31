//! One subscriber's part in a live query.

use std::sync::Arc;

use super::asked::Asked;
use super::kept::Kept;
use super::node::Node;
use super::queue::Queue;
use super::{Queries, window};
use crate::engine::Engine;
use crate::model::{Code, Error, Result};

/// One subscriber's part in a query; it leaves when it is dropped.
pub(super) struct Subscriber {
    pub(super) queries: Arc<Queries>,
    pub(super) engine: Arc<Engine>,
    pub(super) asked: Arc<Asked>,
    pub(super) queue: Arc<Queue>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.queries.leave(&self.asked.key, &self.queue);
    }
}

impl Subscriber {
    /// The whole answer, and its position; from now on the queue has what comes after it.
    pub(super) async fn answer(&self) -> Result<(u64, Vec<Arc<str>>)> {
        self.queue.prepare();
        let Subscriber { asked, engine, .. } = self;
        let standing = &asked.standing;
        if standing.is_open() {
            let (position, rows) = standing.read(engine, None).await?;
            self.queue.start(position);
            return Ok((position, rows.iter().map(|row| window::json_of(standing, row)).collect()));
        }
        if let Some(shown) = self.shown() {
            return Ok(shown);
        }
        let (position, kept) = Kept::read(standing, engine).await?;
        if self.queries.was_read(engine, &asked.key, None, position, kept) {
            self.queries.refresh(asked.key);
        }
        // Somebody else may have read more of it meanwhile.
        self.shown().ok_or_else(|| Error::new(Code::InternalError, "a live query is not there"))
    }

    /// How far it has come, if nothing waits for it and that is further than it was told last.
    pub(super) fn reached(&self) -> Option<u64> {
        // Whoever matches holds it until all are told up to the position.
        let mut state = self.queries.state();
        let position = state.position?;
        let node = state.nodes.named(&self.asked.key)?;
        node.come_to(position);
        // What was read may be from later than what is matched.
        let position = node.shown().map_or(position, |(_, shown)| shown);
        (node.is_told() && self.queue.come_to(position)).then_some(position)
    }

    /// What others have read already.
    fn shown(&self) -> Option<(u64, Vec<Arc<str>>)> {
        let shown = |node: &mut Node, _| {
            let (kept, position) = node.shown()?;
            self.queue.start(position);
            Some((position, kept.documents(&self.asked.standing)))
        };
        self.queries.with_node(&self.asked.key, shown)?
    }
}
