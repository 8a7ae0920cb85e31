//! What was kept is told again, to the one who asks.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value as Json, json};

use super::kept::{self, Missed};
use super::room::Room;
use super::{ChannelAction, Channels, Position, Since, not_joined};
use crate::engine::Cx;
use crate::model::Result;

/// How many broadcasts one replay tells at most.
pub const MAX_REPLAY: usize = 1_000;

/// What a replay has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many broadcasts.
    pub count: usize,
    /// Where the last of them is.
    pub position: Option<Position>,
    /// Whether nothing is missing between the place that was asked for and the first of them. Something may be missing if that was more than 24 hours ago.
    pub is_complete: bool,
    /// Whether there are more: another replay since `position` tells them.
    pub has_more: bool,
}

impl Replayed {
    /// As doors answer it: `{count, complete, more, position?}`.
    pub fn to_json(&self) -> Json {
        let mut json = json!({ "count": self.count, "complete": self.is_complete, "more": self.has_more });
        if let Some(position) = self.position {
            json["position"] = position.to_string().into();
        }
        json
    }
}

impl Channels {
    /// Tells a connection again what the application [sent](super::Channel::send) to a channel since then: oldest first, in the same
    /// envelope, at most `limit` of them and [`MAX_REPLAY`], and of the last 24 hours only. What it hears by itself from now on
    /// comes after that.
    ///
    /// # Errors
    /// `NOT_FOUND` if the connection has not joined; `FORBIDDEN` if it may not; if the store can't be read.
    pub async fn replay(
        &self,
        cx: &Cx,
        connection: &str,
        topic: &str,
        since: Since,
        limit: Option<usize>,
    ) -> Result<Replayed> {
        let place = self.place(connection, topic)?;
        let topic = &place.room.topic;
        self.permit(cx, topic, ChannelAction::Replay).await?;
        let limit = limit.unwrap_or(MAX_REPLAY).clamp(1, MAX_REPLAY);
        let mut head = place.room.head.lock().await;
        self.know(cx.engine(), topic, &mut head).await?;
        let missed = kept::read(cx.engine(), topic, *head, since, limit).await?;
        // It may have left meanwhile, and then nothing is told to it.
        if self.place(connection, topic)?.member != place.member {
            return Err(not_joined());
        }
        Ok(self.tell_again(&place.room, place.member, missed))
    }

    pub(super) fn tell_again(&self, room: &Arc<Room>, member: u64, missed: Missed) -> Replayed {
        let Missed { kept, is_complete, has_more } = missed;
        let position = kept.last().map(|kept| kept.position);
        let mut count = 0;
        for kept in &kept {
            let event = kept.message.event(&room.topic, Some(kept.position)).replayed();
            count += usize::from(room.tell_one(member, &event));
        }
        self.counters.replayed.fetch_add(count as u64, Ordering::Relaxed);
        Replayed { count, position, is_complete, has_more }
    }
}
