//! Being present, and staying it.

use super::room::Tracking;
use super::{ChannelAction, Channels, Topic, after, lock, not_joined};
use crate::engine::Cx;
use crate::model::{Code, Error, Result};

/// What became of a `track`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracked {
    /// The connection is present from now on.
    Joined,
    /// It was, and is now in another state.
    Updated,
}

impl Channels {
    /// A connection is present in a channel in this state, JSON text, which takes the place of the one before. It stays so until it
    /// leaves, or is not [heard](Channels::heartbeat) of for too long.
    ///
    /// # Errors
    /// `NOT_FOUND` if the connection has not joined; `FORBIDDEN` if it may not; `RATE_LIMITED` if too many are present;
    /// `PAYLOAD_TOO_LARGE` and `PARSE_ERROR` if the state can't be told.
    pub async fn track(&self, cx: &Cx, connection: &str, topic: &str, state: &[u8]) -> Result<Tracked> {
        let place = self.place(connection, topic)?;
        let settings = self.settings();
        let state = self.state(&settings, state)?;
        self.permit(cx, &place.room.topic, ChannelAction::Track).await?;
        let until = after(self.clock.now(), settings.presence_ttl);
        let tracking =
            place.room.track(place.member, self.number(), state.into(), until, settings.max_present);
        self.watch(&place.room);
        match tracking {
            Tracking::Joined => Ok(Tracked::Joined),
            Tracking::Updated => Ok(Tracked::Updated),
            Tracking::Stranger => Err(not_joined()),
            Tracking::Full => {
                let message =
                    format!("{} are present in this channel, and more can't be", settings.max_present);
                Err(Error::new(Code::RateLimited, message))
            }
        }
    }

    /// A connection is present in a channel no more; whether it was.
    ///
    /// # Errors
    /// `NOT_FOUND` if the connection has not joined.
    pub fn untrack(&self, connection: &str, topic: &str) -> Result<bool> {
        let place = self.place(connection, topic)?;
        let was = place.room.untrack(place.member);
        self.watch(&place.room);
        Ok(was)
    }

    /// A connection is still there: wherever it is present it stays so. Answers in how many channels that is; where it was silent for
    /// too long it has to be tracked anew.
    pub fn heartbeat(&self, connection: &str) -> usize {
        let connections = lock(&self.connections);
        let places: Vec<_> =
            connections.get(connection).into_iter().flat_map(|places| places.values().cloned()).collect();
        drop(connections);
        let until = after(self.clock.now(), self.settings().presence_ttl);
        places.iter().filter(|place| place.room.heartbeat(place.member, until)).count()
    }

    /// Who is present in a channel, as JSON: `{key: [{ref, state}]}`.
    ///
    /// # Errors
    /// `NOT_FOUND` if the connection has not joined.
    pub fn presence_state(&self, connection: &str, topic: &str) -> Result<String> {
        Ok(self.place(connection, topic)?.room.present())
    }

    /// Tells a connection anew who is present, in its place among the other events: for one who has missed some of them.
    ///
    /// # Errors
    /// `NOT_FOUND` if the connection has not joined.
    pub fn resync(&self, connection: &str, topic: &str) -> Result<()> {
        let place = self.place(connection, topic)?;
        if place.room.sync(place.member) { Ok(()) } else { Err(not_joined()) }
    }

    /// Who is present in a channel, whoever asks.
    pub(super) fn present_in(&self, topic: &Topic) -> String {
        self.find(topic).map_or_else(|| "{}".to_owned(), |room| room.present())
    }
}
