//! The sweep: removes what has expired and what has lain in the trash for long enough.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::scope::{dead, purge};
use crate::model::{Result, Shape};
use crate::store::{Answer, Work};

impl Engine {
    /// Removes everything that has expired by now, and answers how many documents that were.
    ///
    /// # Errors
    /// If the store can't be written.
    pub async fn sweep(self: &Arc<Self>) -> Result<u64> {
        let mut removed = 0;
        for shape in self.registry().stored() {
            if shape.expires_at.is_none() && shape.deleted_at.is_none() {
                continue;
            }
            loop {
                let count = self.sweep_chunk(shape).await?;
                removed += count;
                if count == 0 {
                    break;
                }
            }
        }
        Ok(removed)
    }

    async fn sweep_chunk(self: &Arc<Self>, shape: &'static Shape) -> Result<u64> {
        let now = self.clock().now();
        // Most sweeps find nothing: look before bothering the writer.
        let dead = dead(shape, now);
        if self.store().count(shape, &dead).await? == 0 {
            return Ok(0);
        }
        let engine = Arc::clone(self);
        let work = Work {
            single: false,
            actor: None,
            steps: Box::new(move |tx| {
                Box::pin(async move { Ok(Box::new(purge(&engine, tx, shape, now).await?) as Answer) })
            }),
        };
        let answer = self.store().write(work).await?;
        Ok(answer.downcast::<u64>().map_or(0, |count| *count))
    }

    /// Sweeps at this interval for as long as the engine lives. Failures are logged and the next round tries again.
    pub fn sweep_every(self: &Arc<Self>, interval: Duration) {
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(interval);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(engine) = engine.upgrade() else { break };
                if let Err(error) = engine.sweep().await {
                    tracing::warn!(%error, "the sweep failed");
                }
            }
        });
    }
}
