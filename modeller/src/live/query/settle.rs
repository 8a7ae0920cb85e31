//! Waiting until everybody has been told: for tests.

use super::Queries;
use crate::engine::Engine;
use crate::model::Result;

impl Queries {
    /// Waits until what is committed so far has been matched with all queries, and those have been asked again that it concerns.
    pub(in crate::live) async fn settle(&self, engine: &Engine) -> Result<()> {
        if self.state().batches.is_some() {
            // Nobody has ever subscribed.
            return Ok(());
        }
        let position = engine.store().position().await?;
        let mut moved = std::pin::pin!(self.moved.notified());
        loop {
            // From here on nothing is missed.
            moved.as_mut().enable();
            if self.is_settled(position) {
                break;
            }
            // What waits is about to be matched; what another process has written is noticed within a second.
            moved.as_mut().await;
            moved.set(self.moved.notified());
        }
        self.reactives.settle().await;
        Ok(())
    }

    /// Whether all is matched up to this position, and no answer has to be read.
    fn is_settled(&self, position: u64) -> bool {
        let state = self.state();
        state.nodes.all().all(|node| !node.is_stale())
            && state.position.is_some_and(|known| known >= position)
    }
}
