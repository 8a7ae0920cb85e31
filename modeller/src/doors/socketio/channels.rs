//! Channels: what clients ask for is an event with `realtime:` before its name, and what happens there they are told in its order.
//!
//! Who reads too slowly is told in which channels it has missed something, and who is present there, as soon as there is room.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use socketioxide::extract::SocketRef;
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use tokio::sync::Notify;

use super::answer::{self, Body};
use super::call::Members;
use super::connection::Connection;
use super::message::Form;
use super::outbox::Outbox;
use super::packet::{self, Packet};
use crate::engine::Cx;
use crate::live::{ChannelEvent, ChannelEventKind, ChannelSink, Channels, Ticket};
use crate::model::{Code, Error, Result};

/// What is before the names of the operations.
pub(super) const PREFIX: &str = "realtime:";

/// What went wrong with an event that wanted no acknowledgement, or that a client was put out of a channel.
pub(super) const ERROR: &str = "realtime:error";

/// Something was missed in a channel.
pub(super) const MISSED: &str = "realtime:missed";

/// What an event of a channel is called here.
pub(super) const fn event_name(kind: ChannelEventKind) -> &'static str {
    match kind {
        ChannelEventKind::Broadcast => "realtime:broadcast",
        ChannelEventKind::Changes => "realtime:postgres_changes",
        ChannelEventKind::Closed => ERROR,
        presence => presence.name(),
    }
}

/// `realtime:<operation> {channel, ..}`: `{status: "ok", ..}` or `{status: "error", error}`.
pub(super) async fn perform(
    connection: &Connection,
    socket: &Arc<Socket>,
    operation: &str,
    argument: &str,
) -> Result<String> {
    let ears = connection.ears(socket)?;
    let answer = ears.perform(&connection.cx, operation, argument).await?;
    Ok(answer.to_string())
}

/// What a client is told that asked for something without wanting an acknowledgement, if that did not go well.
pub(super) fn complaint(event: &str, argument: &str, outcome: Result<String>) -> Option<Json> {
    let error = match outcome {
        Ok(answer) => {
            let mut answer: Json = serde_json::from_str(&answer).ok()?;
            answer.get_mut("error")?.take()
        }
        Err(error) => answer::told(error).to_json(),
    };
    let mut complaint = json!({ "type": "error", "event": event, "error": error });
    let channel = Members::of(argument).and_then(|mut members| members.text("channel"));
    if let Ok(Some(channel)) = channel {
        complaint["channel"] = channel.into();
    }
    Some(complaint)
}

/// Tells a client what went wrong that it wanted no acknowledgement of.
pub(super) async fn complain(connection: &Connection, socket: &Arc<Socket>, complaint: &Json) {
    if let Ok(body) = Body::new(connection.form, complaint.to_string()) {
        connection.send(&SocketRef::from(socket.clone()), ERROR, &body).await;
    }
}

/// A client's part in its channels.
pub(super) struct Ears {
    channels: Arc<Channels>,
    ticket: Ticket,
    sink: Arc<Sink>,
}

impl Ears {
    pub(super) fn new(channels: Arc<Channels>, form: Form, outbox: Arc<Outbox>, socket: SocketRef) -> Self {
        let (waiting, woken) = (Mutex::default(), Notify::new());
        let sink = Arc::new(Sink { form, outbox, socket, waiting, woken });
        let ticket = Ticket::new();
        tokio::spawn(catch_up(sink.clone(), channels.clone(), ticket.name().to_owned()));
        Ears { channels, ticket, sink }
    }

    /// Does what the client asks for.
    async fn perform(&self, cx: &Cx, operation: &str, argument: &str) -> Result<Json> {
        let (name, sink) = (self.ticket.name(), self.sink.clone());
        let joins = operation == "subscribe";
        let (resumes, rest) = if joins { resumes(argument)? } else { (None, None) };
        let argument = rest.as_deref().unwrap_or(argument).as_bytes();
        let performed = self.channels.perform(cx, name, operation, argument, resumes.as_deref(), sink);
        let mut answer = performed.await?;
        if let Some(members) = answer.as_object_mut() {
            // Some say so by themselves.
            members.entry("status").or_insert_with(|| "ok".into());
            if joins {
                members.insert("id".to_owned(), name.into());
                members.insert("connection".to_owned(), self.ticket.secret().into());
            }
        }
        Ok(answer)
    }

    /// The client is gone: for good if it said goodbye, else it may come back.
    pub(super) fn end(&self, goodbye: bool) {
        self.sink.close();
        match goodbye {
            true => self.channels.leave_all(self.ticket.name()),
            false => self.channels.disconnect(self.ticket.name()),
        }
    }
}

/// The connection that a client continues, and the other arguments.
fn resumes(argument: &str) -> Result<(Option<String>, Option<String>)> {
    let mut members = Members::of(argument)?;
    let Some(secret) = members.text("resumes")? else { return Ok((None, None)) };
    let rest: BTreeMap<String, &RawValue> = members.rest().collect();
    let rest = serde_json::to_string(&rest)
        .map_err(|error| Error::new(Code::InternalError, format!("arguments can't be written: {error}")))?;
    Ok((Some(Ticket::name_of(&secret)), Some(rest)))
}

/// An event as it is sent.
struct Told {
    event: &'static str,
    body: Arc<Body>,
    /// What a change is for: a channel, and a binding of the client's.
    binding: Option<(ChannelEvent, usize)>,
}

impl Told {
    fn of(event: &ChannelEvent, form: Form) -> Option<Self> {
        // Written once for all who hear it.
        let body = event.shared(form.name(), |json| Body::new(form, json.to_owned()).ok().map(Arc::new));
        let body = body.as_ref().clone()?;
        let binding = event.subscription_id().map(|id| {
            const NAMES: usize =
                r#"{"type":"postgres_changes","channel":"","subscription_id":"","payload":}"#.len();
            (event.clone(), NAMES + event.topic().name().len() + id.len())
        });
        Some(Told { event: event_name(event.kind()), body, binding })
    }
}

impl Packet for Told {
    fn size(&self) -> usize {
        self.body.size() + self.binding.as_ref().map_or(0, |(_, more)| *more)
    }

    fn frame(&self) -> std::result::Result<Bytes, SendError> {
        let Some((event, _)) = &self.binding else { return self.body.framed(self.event) };
        let Some(payload) = self.body.text() else { return packet::packed_event(self.event, self) };
        // Before and behind what all are told stands what this one is told it for.
        let before = format!(
            r#"{{"type":"{}","channel":{},"subscription_id":{},"payload":"#,
            event.kind().name(),
            Json::from(event.topic().name()),
            Json::from(event.subscription_id().unwrap_or_default()),
        );
        Ok(packet::event_of(self.event, &[&before, payload, "}"]))
    }

    fn emit(&self, socket: &Socket) -> std::result::Result<(), SendError> {
        socket.emit(self.event, self)
    }
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Some((event, _)) = &self.binding else { return self.body.serialize(serializer) };
        let mut change = serializer.serialize_struct("Change", 4)?;
        change.serialize_field("type", event.kind().name())?;
        change.serialize_field("channel", event.topic().name())?;
        change.serialize_field("subscription_id", event.subscription_id().unwrap_or_default())?;
        change.serialize_field("payload", &*self.body)?;
        change.end()
    }
}

/// Where the client's events go.
struct Sink {
    form: Form,
    outbox: Arc<Outbox>,
    socket: SocketRef,
    waiting: Mutex<Waiting>,
    woken: Notify,
}

#[derive(Default)]
struct Waiting {
    /// Those that the transport has no place for: it counts packets. Their bytes count as waiting for the client.
    events: VecDeque<Told>,
    /// Channels in which something was missed.
    missed: BTreeSet<String>,
    is_closed: bool,
}

/// What there is to do.
enum Next {
    /// Wait until there is something.
    Nothing,
    /// Wait until there is room.
    Room,
    /// A client that has missed something wants to know who is present.
    Resync(String),
    /// Nobody is there any more.
    End,
}

impl Sink {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_over(&self, told: &Told) -> std::result::Result<(), SendError> {
        let sent = self.outbox.give(&self.socket, told);
        if sent.is_ok() {
            self.outbox.connection().pushed();
        }
        sent
    }

    /// Sends what waits, as far as there is room.
    fn go_on(&self, is_in: impl Fn(&str) -> bool) -> Next {
        let mut waiting = self.waiting();
        while let Some(told) = waiting.events.pop_front() {
            self.outbox.connection().wrote(told.size());
            match self.hand_over(&told) {
                Ok(()) => {}
                Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                    self.outbox.connection().queued(told.size());
                    waiting.events.push_front(told);
                    return Next::Room;
                }
                Err(SendError::Serialize(error)) => unwritable(&error),
                Err(SendError::Socket(SocketError::Closed)) => return Next::End,
            }
        }
        if waiting.is_closed {
            return Next::End;
        }
        // Who has left, or was put out, has missed nothing.
        waiting.missed.retain(|topic| is_in(topic));
        let Some(topic) = waiting.missed.first().cloned() else { return Next::Nothing };
        if !self.outbox.has_room_to_push() {
            return Next::Room;
        }
        let said = json!({ "type": "missed", "channel": topic }).to_string();
        let Ok(body) = Body::new(self.form, said) else { return Next::Nothing };
        match self.hand_over(&Told { event: MISSED, body: Arc::new(body), binding: None }) {
            // It is still held: nothing is left out after it was said that something was.
            Ok(()) => waiting.missed.remove(&topic),
            Err(SendError::Socket(SocketError::Closed)) => return Next::End,
            Err(_) => return Next::Room,
        };
        self.outbox.connection().reset();
        Next::Resync(topic)
    }

    fn close(&self) {
        let mut waiting = self.waiting();
        let events = std::mem::take(&mut waiting.events);
        *waiting = Waiting { is_closed: true, ..Waiting::default() };
        drop(waiting);
        self.outbox.connection().wrote(events.iter().map(Told::size).sum());
        self.woken.notify_one();
    }
}

impl ChannelSink for Sink {
    fn send(&self, event: &ChannelEvent) {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            return;
        }
        let topic = event.topic().name();
        let is_closed = event.kind() == ChannelEventKind::Closed;
        // Once something was missed, what comes after it has to wait until that was said. That it was put out of the channel even who
        // takes up too little has to know.
        if !is_closed && (waiting.missed.contains(topic) || !self.outbox.has_room_to_push()) {
            self.outbox.connection().coalesced(1);
            if !waiting.missed.contains(topic) {
                waiting.missed.insert(topic.to_owned());
                self.woken.notify_one();
            }
            return;
        }
        let Some(told) = Told::of(event, self.form) else { return };
        if waiting.events.is_empty() {
            match self.hand_over(&told) {
                Err(SendError::Socket(SocketError::InternalChannelFull)) => {}
                Err(SendError::Serialize(error)) => return unwritable(&error),
                Ok(()) | Err(SendError::Socket(SocketError::Closed)) => return,
            }
        }
        self.outbox.connection().queued(told.size());
        waiting.events.push_back(told);
        self.woken.notify_one();
    }

    fn look(&self) -> usize {
        usize::from(self.waiting.is_poisoned())
    }

    fn look_behind(&self) -> usize {
        self.outbox.look()
    }

    fn is_open(&self) -> bool {
        // Its end is told apart: what has joined until then is taken out.
        !self.waiting().is_closed
    }
}

fn unwritable(error: &impl std::fmt::Display) {
    tracing::error!(%error, "an event of a channel can't be sent");
}

/// Sends what the transport had no place for, and says in which channels something was missed.
async fn catch_up(sink: Arc<Sink>, channels: Arc<Channels>, name: String) {
    loop {
        match sink.go_on(|topic| channels.has_joined(&name, topic)) {
            Next::Nothing => sink.woken.notified().await,
            Next::Room => sink.outbox.moved().await,
            // Who has left meanwhile need not know.
            Next::Resync(topic) => drop(channels.resync(&name, &topic)),
            Next::End => return,
        }
    }
}
