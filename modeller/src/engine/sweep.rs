//! The sweep: removes what has expired and what has lain in the trash for long enough.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::background::Background;
use super::job::lock;
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

    /// Sweeps at this interval, and no longer at the one before, until the engine is [stopped](Engine::stop) or nobody holds it any
    /// more. Failures are logged and the next round tries again.
    pub fn sweep_every(self: &Arc<Self>, interval: Duration) {
        let engine = Arc::downgrade(self);
        let mut sweeper = lock(&self.sweeper);
        let before = sweeper.take();
        *sweeper = Some(Background::spawn("the sweeps", |stop| async move {
            if let Some(before) = before {
                before.stop().await;
            }
            let mut ticks = tokio::time::interval(interval);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let sweeps = async {
                loop {
                    ticks.tick().await;
                    let Some(engine) = engine.upgrade() else { break };
                    if let Err(error) = engine.sweep().await {
                        tracing::warn!(%error, "the sweep failed");
                    }
                }
            };
            // One that is under way is broken off, between two chunks: the next one goes on there.
            tokio::select! {
                biased;
                () = stop.wait() => {}
                () = sweeps => {}
            }
        }));
    }

    /// Sweeps no longer.
    pub(super) async fn stop_sweeping(&self) {
        let sweeper = lock(&self.sweeper).take();
        if let Some(sweeper) = sweeper {
            sweeper.stop().await;
        }
    }
}
