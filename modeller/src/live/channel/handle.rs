//! Channels in the application's own code: saying something there, listening, and seeing who is present.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};

use super::room::{Member, Room};
use super::{Acknowledged, ChannelEvent, ChannelSink, Channels, Position, Sent, Topic};
use crate::engine::{Cx, Engine, QUEUE};
use crate::model::{Code, Error, Result};

/// A channel, for the application's own code: [`cx.channel("room:1")`](Cx::channel).
#[derive(Clone)]
pub struct Channel {
    cx: Cx,
    channels: Arc<Channels>,
    name: String,
    private: bool,
}

impl Cx {
    /// The public channel of this name; [`private`](Channel::private) makes it the private one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use modeller::live::Heard;
    /// use modeller::prelude::*;
    /// use serde_json::json;
    ///
    /// # #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # struct Note { text: String }
    /// let cx = App::isolated().models::<(Note,)>().cx().await?;
    /// let mut listening = cx.channel("room:1").listen().await?;
    ///
    /// cx.channel("room:1").send("message", json!({ "text": "hello" })).await?;
    ///
    /// let Some(Heard::Event(event)) = listening.hear().await else { panic!("nothing came") };
    /// assert!(event.json().contains(r#""payload":{"text":"hello"}"#));
    /// # Ok(()) }
    /// ```
    pub fn channel(&self, topic: impl Into<String>) -> Channel {
        let channels = self.engine().channels();
        Channel { cx: self.clone(), channels, name: topic.into(), private: false }
    }
}

impl Engine {
    /// The channels of this application.
    pub fn channels(&self) -> Arc<Channels> {
        Channels::of(self)
    }
}

impl Channel {
    /// The private channel of this name.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    fn topic(&self) -> Result<Topic> {
        Topic::new(&self.name, self.private, self.channels.settings().max_topic)
    }

    /// Says something to all who have joined, and keeps it for 24 hours, so that a replay tells it to who comes later. In a
    /// transaction it is kept if that is committed, and said then; never if it is rolled back.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if the payload has no JSON form; `INVALID_REQUEST`, `PARSE_ERROR` and `PAYLOAD_TOO_LARGE` if topic, name or
    /// payload can't be told; if the store can't be written.
    pub async fn send(&self, event: &str, payload: impl Serialize) -> Result<Sent> {
        let topic = self.topic()?;
        let message = self.channels.message(event, &json(&payload)?, None)?;
        self.channels.send(&self.cx, topic, message).await
    }

    /// Says something to those who are there now, and keeps nothing. In a transaction it is said once that is committed.
    ///
    /// # Errors
    /// As [`send`](Channel::send), but for the store.
    pub fn broadcast(&self, event: &str, payload: impl Serialize) -> Result<Acknowledged> {
        let topic = self.topic()?;
        let message = self.channels.message(event, &json(&payload)?, None)?;
        let message_id = message.id.clone();
        let channels = self.channels.clone();
        let say = move || {
            channels.counters.broadcasts.fetch_add(1, Ordering::Relaxed);
            if let Some(room) = channels.find(&topic) {
                room.publish(&message.event(&topic, None), None);
            }
        };
        if self.cx.in_transaction() {
            self.cx.after_commit(async move { say() });
        } else {
            say();
        }
        Ok(Acknowledged { message_id })
    }

    /// Who is present: `{key: [{ref, state}]}`.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if the topic can't be one.
    pub fn presence_state(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.channels.present_in(&self.topic()?))
            .map_err(|_| Error::new(Code::InternalError, "who is present can't be read"))
    }

    /// Hears all that happens in the channel from now on, until what it answers is dropped.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if the topic can't be one; if the store can't be read.
    pub async fn listen(&self) -> Result<ChannelListening> {
        let topic = self.topic()?;
        let room = self.channels.room(&topic);
        let (sender, receiver) = broadcast::channel(QUEUE);
        let mut head = room.head.lock().await;
        self.channels.know(self.cx.engine(), &topic, &mut head).await?;
        let member = Member {
            sink: Arc::new(Receiver(sender)),
            connection: None,
            echo: true,
            presence: true,
            key: "".into(),
            is_named: false,
            entry: None,
            is_heir: false,
        };
        let id = self.channels.number();
        room.enter(id, member, None, 0);
        let position = head.position();
        drop(head);
        Ok(ChannelListening { receiver, room, id, position })
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = if self.private { "private" } else { "public" };
        write!(f, "Channel({:?}, {which})", self.name)
    }
}

fn json(payload: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(payload)
        .map_err(|error| Error::new(Code::ValidationError, format!("the payload has no JSON form: {error}")))
}

struct Receiver(broadcast::Sender<ChannelEvent>);

impl ChannelSink for Receiver {
    fn send(&self, event: &ChannelEvent) {
        // Whoever listened may be about to leave.
        drop(self.0.send(event.clone()));
    }
}

/// What a [`ChannelListening`] hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// Something happened.
    Event(ChannelEvent),
    /// So many events came faster than they were heard, and are lost for this listener.
    Missed(u64),
}

/// Hears what happens in a channel. Up to [`QUEUE`] events wait; dropping it ends it.
pub struct ChannelListening {
    receiver: broadcast::Receiver<ChannelEvent>,
    room: Arc<Room>,
    id: u64,
    position: Option<Position>,
}

impl ChannelListening {
    /// Waits for the next event. It ends with the application alone.
    pub async fn hear(&mut self) -> Option<Heard> {
        match self.receiver.recv().await {
            Ok(event) => Some(Heard::Event(event)),
            Err(RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The place of the last broadcast that was kept before: all after it are heard.
    pub fn position(&self) -> Option<Position> {
        self.position
    }
}

impl Drop for ChannelListening {
    fn drop(&mut self) {
        self.room.leave(self.id, None);
    }
}

impl fmt::Debug for ChannelListening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelListening({})", self.room.topic)
    }
}
