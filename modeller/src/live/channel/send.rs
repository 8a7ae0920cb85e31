//! What the application says: kept in the transaction of its writes, and told in the order in which it was kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::event::Message;
use super::kept;
use super::room::Head;
use super::{Channels, MAX_REPLAY, Position, Topic};
use crate::engine::{Cx, Engine};
use crate::model::{Code, Error, Result};
use crate::store::{Answer, Work};

/// A broadcast was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its id, as all who hear it are told.
    pub message_id: String,
    /// Its place: a replay since there tells what comes after it.
    pub position: Position,
}

impl Channels {
    /// Keeps a message, and tells it once that is committed.
    pub(super) async fn send(self: &Arc<Self>, cx: &Cx, topic: Topic, message: Message) -> Result<Sent> {
        let (channels, engine, message_id) = (self.clone(), cx.engine().clone(), message.id.clone());
        if cx.in_transaction() {
            let position = written(cx, &topic, &message).await?;
            cx.after_commit(async move { channels.deliver(&engine, topic, message, position).await });
            return Ok(Sent { message_id, position });
        }
        // What is committed is told, even if whoever waits for it goes away.
        let (cx, tasks) = (cx.clone(), engine.clone());
        let whole = async move {
            let position = written(&cx, &topic, &message).await?;
            channels.deliver(&engine, topic, message, position).await;
            Ok::<_, Error>(position)
        };
        let position = tasks.tasks().see_through(whole).await?;
        Ok(Sent { message_id, position })
    }

    /// Tells what was committed. Others may have committed before and come here later: they have been told then.
    async fn deliver(&self, engine: &Arc<Engine>, topic: Topic, message: Message, position: Position) {
        self.counters.kept.fetch_add(1, Ordering::Relaxed);
        let Some(room) = self.find(&topic) else { return };
        let mut head = room.head.lock().await;
        let mut told = match *head {
            // Nobody has joined yet: whoever does will find out how far it has come.
            Head::Unknown => return,
            Head::At(last) if last.epoch == position.epoch => last,
            Head::Nothing | Head::At(_) => Position { offset: 0, ..position },
        };
        while told.offset + 1 < position.offset {
            let missing = Position { offset: position.offset - 1, ..position };
            let found = match kept::between(engine, &topic, told, missing, MAX_REPLAY).await {
                Ok(found) => found,
                Err(error) => {
                    // The next one to come here tries again, so that nothing is told out of order.
                    tracing::error!(%error, "a broadcast that was kept could not be told");
                    return;
                }
            };
            for kept in &found.kept {
                room.publish(&kept.message.event(&topic, Some(kept.position)), None);
                told = kept.position;
                *head = Head::At(told);
            }
            if !found.has_more {
                break;
            }
        }
        if told.offset < position.offset {
            room.publish(&message.event(&topic, Some(position)), None);
            *head = Head::At(position);
        }
    }
}

/// Keeps a message in the transaction of the context, or in one of its own.
async fn written(cx: &Cx, topic: &Topic, message: &Message) -> Result<Position> {
    let work = keeping(cx.engine().clone(), topic.clone(), message.clone(), cx.actor());
    cx.write(work).await?.downcast::<Position>().map(|position| *position).map_err(|_| unreadable())
}

fn keeping(engine: Arc<Engine>, topic: Topic, message: Message, actor: Option<String>) -> Work {
    Work {
        single: false,
        actor,
        steps: Box::new(move |tx| {
            Box::pin(async move { Ok(Box::new(kept::keep(&engine, tx, &topic, &message).await?) as Answer) })
        }),
    }
}

fn unreadable() -> Error {
    Error::new(Code::InternalError, "the place of a broadcast got lost")
}
