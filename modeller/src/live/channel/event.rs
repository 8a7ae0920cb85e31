//! What is sent to those who have joined: events, encoded once for all of them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{Position, Topic};
use crate::live::LiveText;
use crate::model::instant;

/// Where a door takes the events of one connection.
///
/// It is called while the channel is held, so that all hear everything in the same order: it must neither block nor call
/// [`Channels`](super::Channels).
pub trait ChannelSink: Send + Sync + 'static {
    /// Something for the client.
    fn send(&self, event: &ChannelEvent);

    /// Has what [`send`](Self::send) looks at first read from memory, for a number that means nothing. Several are asked for it before they
    /// are told, so that memory is waited for together. It must not wait, nor panic.
    #[doc(hidden)]
    fn look(&self) -> usize {
        0
    }

    /// As [`look`](Self::look), for what is found there, and looked at next.
    #[doc(hidden)]
    fn look_behind(&self) -> usize {
        0
    }

    /// Whether there is still somebody to send to. Who is gone at the end of a `join` has not joined.
    fn is_open(&self) -> bool {
        true
    }

    /// The connection has left the channel, or was put out of it: what it has not been told yet of it is nothing for it any more. Only
    /// that it was put out is sent after this.
    fn left(&self) {}
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelEventKind {
    /// Somebody said something.
    Broadcast,
    /// Who is present, for one who has just joined.
    PresenceState,
    /// Somebody is present from now on.
    PresenceJoin,
    /// Somebody has another state.
    PresenceUpdate,
    /// Somebody is present no more.
    PresenceLeave,
    /// A document changed.
    Changes,
    /// The connection is in the channel no more, and did not leave by itself.
    Closed,
}

impl ChannelEventKind {
    /// All of them.
    pub const ALL: [ChannelEventKind; 7] = [
        ChannelEventKind::Broadcast,
        ChannelEventKind::PresenceState,
        ChannelEventKind::PresenceJoin,
        ChannelEventKind::PresenceUpdate,
        ChannelEventKind::PresenceLeave,
        ChannelEventKind::Changes,
        ChannelEventKind::Closed,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            ChannelEventKind::Broadcast => "broadcast",
            ChannelEventKind::PresenceState => "presence_state",
            ChannelEventKind::PresenceJoin => "presence_join",
            ChannelEventKind::PresenceUpdate => "presence_update",
            ChannelEventKind::PresenceLeave => "presence_leave",
            ChannelEventKind::Changes => "postgres_changes",
            ChannelEventKind::Closed => "closed",
        }
    }

    /// Whether it tells who is present.
    pub const fn is_presence(self) -> bool {
        matches!(
            self,
            ChannelEventKind::PresenceState
                | ChannelEventKind::PresenceJoin
                | ChannelEventKind::PresenceUpdate
                | ChannelEventKind::PresenceLeave
        )
    }
}

/// Something that happened in a channel. It is cheap to clone.
#[derive(Clone)]
pub struct ChannelEvent {
    kind: ChannelEventKind,
    topic: Topic,
    subscription: Option<Arc<str>>,
    position: Option<Position>,
    is_replay: bool,
    /// What all are told, whoever hears it.
    body: LiveText,
}

impl ChannelEvent {
    pub(super) fn new(kind: ChannelEventKind, topic: &Topic, json: String) -> Self {
        ChannelEvent {
            kind,
            topic: topic.clone(),
            subscription: None,
            position: None,
            is_replay: false,
            body: json.into(),
        }
    }

    /// A change, for one binding.
    pub(super) fn change(topic: &Topic, subscription: &Arc<str>, body: &LiveText) -> Self {
        ChannelEvent {
            kind: ChannelEventKind::Changes,
            topic: topic.clone(),
            subscription: Some(subscription.clone()),
            position: None,
            is_replay: false,
            body: body.clone(),
        }
    }

    pub(super) fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    pub(super) fn replayed(mut self) -> Self {
        self.is_replay = true;
        self
    }

    /// What kind of event it is.
    pub fn kind(&self) -> ChannelEventKind {
        self.kind
    }

    /// The channel.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The binding that a change is for.
    pub fn subscription_id(&self) -> Option<&str> {
        self.subscription.as_deref()
    }

    /// Its place, if it is a broadcast that was kept.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Whether it was sent before, and is told again.
    pub fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// The whole of it as a JSON object.
    pub fn json(&self) -> &str {
        &self.body
    }

    /// The event as the bytes that a door writes, made once for all who hear it. A door uses formats of its own; the names of two
    /// doors must differ.
    pub fn encoded(&self, format: &'static str, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        if self.subscription.is_some() {
            // It is for one binding alone, whose id is part of it.
            return make(self);
        }
        Bytes::clone(&self.body.made(format, |_| make(self)))
    }

    /// What a door makes of the [JSON](Self::json), once for all who hear it, whatever their bindings: a tree, or text that was checked.
    /// A door uses formats of its own.
    pub fn shared<T: Any + Send + Sync>(&self, format: &'static str, make: impl FnOnce(&str) -> T) -> Arc<T> {
        self.body.made(format, make)
    }
}

impl fmt::Debug for ChannelEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind.name(), self.topic, self.json())
    }
}

/// A broadcast, before it has a place.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) event: String,
    /// JSON text.
    pub(super) payload: String,
    /// The client that sent it; the system, if there is none.
    pub(super) sender: Option<String>,
    /// In Unix milliseconds.
    pub(super) at: i64,
}

impl Message {
    /// As those who have joined hear it.
    pub(super) fn event(&self, topic: &Topic, position: Option<Position>) -> ChannelEvent {
        let mut json = String::with_capacity(self.payload.len() + 256);
        json.push_str(r#"{"type":"broadcast","event":"#);
        quote(&self.event, &mut json);
        json.push_str(r#","payload":"#);
        json.push_str(&self.payload);
        json.push_str(r#","meta":{"channel":"#);
        quote(topic, &mut json);
        json.push_str(r#","message_id":"#);
        quote(&self.id, &mut json);
        if let Some(sender) = &self.sender {
            json.push_str(r#","sender_id":"#);
            quote(sender, &mut json);
        }
        json.push_str(r#","sender_type":"#);
        json.push_str(if self.sender.is_some() { r#""user""# } else { r#""system""# });
        json.push_str(r#","timestamp":"#);
        quote(&timestamp(self.at), &mut json);
        if let Some(position) = position {
            json.push_str(r#","position":"#);
            quote(&position.to_string(), &mut json);
        }
        json.push_str("}}");
        let event = ChannelEvent::new(ChannelEventKind::Broadcast, topic, json);
        match position {
            Some(position) => event.at(position),
            None => event,
        }
    }
}

/// Appends a text as a JSON string.
pub(super) fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// Unix milliseconds as ISO 8601 in UTC, to the millisecond.
pub(super) fn timestamp(at: i64) -> String {
    let mut text = instant(at).unwrap_or_default();
    text.truncate(23);
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn message(sender: Option<&str>) -> Message {
        Message {
            id: "m1".into(),
            event: "say \"hi\"".into(),
            payload: r#"{"text":"hello"}"#.into(),
            sender: sender.map(str::to_owned),
            at: 1_790_000_000_123,
        }
    }

    #[test]
    fn a_broadcast_is_an_envelope_with_what_is_known_of_it() {
        // CHA-09, CHA-12
        let topic = Topic::new("room:1", false, 256).unwrap();
        let event = message(Some("c1")).event(&topic, None);
        let json: Json = serde_json::from_str(event.json()).unwrap();
        assert_eq!(
            json,
            json!({
                "type": "broadcast", "event": "say \"hi\"", "payload": { "text": "hello" },
                "meta": {
                    "channel": "room:1", "message_id": "m1", "sender_id": "c1", "sender_type": "user",
                    "timestamp": "2026-09-21T14:13:20.123Z"
                }
            })
        );
        let position = Position { epoch: 1, offset: 2 };
        let event = message(None).event(&topic, Some(position));
        let json: Json = serde_json::from_str(event.json()).unwrap();
        assert_eq!(json["meta"]["sender_type"], "system");
        assert_eq!(json["meta"]["position"], "0000000000000001-2");
        assert!(json["meta"].get("sender_id").is_none());
        assert_eq!(event.position(), Some(position));
    }

    #[test]
    fn doors_make_their_bytes_once_for_all() {
        let topic = Topic::new("room:1", false, 256).unwrap();
        let event = message(None).event(&topic, None);
        let one = event.encoded("a", |event| event.json().to_owned().into());
        let other = event.clone().encoded("a", |_| panic!("it has been made"));
        assert_eq!(one.as_ptr(), other.as_ptr());
        assert_eq!(event.encoded("b", |_| vec![1].into())[..], [1]);
        let length = event.shared("a", str::len);
        assert_eq!(*length, event.json().len());
        assert!(Arc::ptr_eq(&length, &event.clone().shared("a", |_| panic!("it has been made"))));
        assert_eq!(*event.shared("b", |_| 'b'), 'b');
    }

    #[test]
    fn bindings_share_a_change_and_not_what_has_their_ids_in_it() {
        let topic = Topic::new("room:1", false, 256).unwrap();
        let body = LiveText::from("{}".to_owned());
        let change = |id: &str| ChannelEvent::change(&topic, &id.into(), &body);
        let (one, other) = (change("b1"), change("b2"));
        let bytes = |event: &ChannelEvent| event.encoded("a", |event| event.message().into());
        assert_ne!(bytes(&one), bytes(&other));
        assert!(Arc::ptr_eq(&one.shared("a", str::len), &other.shared("a", str::len)));
    }
}
