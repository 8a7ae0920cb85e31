//! What a client has going on beside its requests: its live queries, and how they reach it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use serde_json::json;
use tokio::task::AbortHandle;

use super::channels::Ears;
use super::{frame, messages};
use crate::live::{
    Channels, Connection, Live, LiveEvent, LiveStream, Outbox, Place, ReactiveStream, RuleReceived,
    RuleStream,
};
use crate::model::{Code, Error, Result};

/// Those who watch the same under the same name: what they are told is framed once.
#[derive(Debug)]
pub(super) struct Room {
    channel: &'static str,
    id: String,
    rooms: Weak<Rooms>,
    /// What was framed last.
    last: Mutex<Option<(Arc<str>, Bytes)>>,
}

/// All rooms in which there is anybody.
#[derive(Debug, Default)]
pub(super) struct Rooms(Mutex<HashMap<String, Weak<Room>>>);

impl Rooms {
    /// The room of this name.
    fn enter(self: &Arc<Self>, channel: &'static str, id: &str) -> Arc<Room> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = rooms.get(id).and_then(Weak::upgrade) {
            return room;
        }
        let room = Room { channel, id: id.to_owned(), rooms: Arc::downgrade(self), last: Mutex::default() };
        let room = Arc::new(room);
        rooms.insert(id.to_owned(), Arc::downgrade(&room));
        room
    }
}

impl Room {
    /// This text as a push.
    fn framed(&self, text: &Arc<str>) -> Bytes {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, frame)) if Arc::ptr_eq(known, text) => frame.clone(),
            _ => {
                let frame = push(self.channel, &self.id, text);
                *last = Some((text.clone(), frame.clone()));
                frame
            }
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let Some(rooms) = self.rooms.upgrade() else { return };
        let mut rooms = rooms.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have opened it anew meanwhile.
        if rooms.get(&self.id).is_some_and(|room| room.strong_count() == 0) {
            rooms.remove(&self.id);
        }
    }
}

fn push(channel: &str, id: &str, data: &str) -> Bytes {
    // The names of subscriptions are ours: letters, digits, `-`.
    let head = format!("{{\"type\":\"push\",\"channel\":\"{channel}\",\"subscriptionId\":\"{id}\",\"data\":");
    frame::text(&[head.as_bytes(), data.as_bytes(), b"}"])
}

/// What a client is told of.
pub(super) enum Told {
    /// Documents that a filter selects.
    Documents(LiveStream),
    /// What a query by name answers.
    Answers(ReactiveStream),
    /// Events of the rules.
    Events(RuleStream),
}

impl Told {
    /// The same for all who ask the same.
    fn id(&self) -> String {
        match self {
            Told::Documents(stream) => stream.id(),
            Told::Answers(stream) => stream.id(),
            Told::Events(stream) => format!("rule-{}", stream.id()),
        }
    }

    async fn next(&mut self) -> LiveEvent {
        match self {
            Told::Documents(stream) => stream.next().await,
            Told::Events(stream) => LiveEvent::Changes(
                match stream.receive().await {
                    RuleReceived::Event(event) => json!({ "topic": event.topic, "event": &*event }),
                    RuleReceived::Missed(count) => json!({ "missed": count }),
                }
                .to_string()
                .into(),
            ),
            // A query that fails now may have an answer again later.
            Told::Answers(stream) => LiveEvent::Changes(
                stream
                    .next()
                    .await
                    .unwrap_or_else(|error| json!({ "error": messages::fault(&error) }).to_string().into()),
            ),
        }
    }

    /// Under which name it is pushed.
    fn channel(&self) -> &'static str {
        match self {
            Told::Documents(_) | Told::Answers(_) => "subscription",
            Told::Events(_) => "event",
        }
    }

    /// How often it was put together for one who is slow.
    fn coalesced(&self) -> u64 {
        match self {
            Told::Documents(stream) => stream.setbacks().0,
            Told::Answers(_) | Told::Events(_) => 0,
        }
    }
}

/// A live query of a client that is about to be told.
pub(super) struct Watch {
    pub(super) id: String,
    told: Told,
    first: Arc<str>,
    room: Arc<Room>,
    _place: Place,
}

impl Watch {
    /// The answer to who asked for it.
    pub(super) fn answer(&self) -> Vec<u8> {
        format!("{{\"subscriptionId\":\"{}\",\"data\":{}}}", self.id, self.first).into_bytes()
    }
}

/// One client, as those see it who work for it.
pub(super) struct Session {
    pub(super) live: Arc<Live>,
    pub(super) connection: Arc<Connection>,
    pub(super) outbox: Outbox,
    rooms: Arc<Rooms>,
    /// Made when the client first asks for a channel.
    ears: OnceLock<Ears>,
    /// Live queries by their names. None any more once the client is gone.
    watched: Mutex<Option<HashMap<String, Option<AbortHandle>>>>,
}

impl Session {
    pub(super) fn new(live: Arc<Live>, connection: Arc<Connection>, rooms: Arc<Rooms>) -> Arc<Self> {
        let outbox = Outbox::new(connection.clone());
        Arc::new(Session {
            live,
            connection,
            outbox,
            rooms,
            ears: OnceLock::new(),
            watched: Mutex::new(Some(HashMap::new())),
        })
    }

    /// Its part in channels.
    pub(super) fn ears(&self) -> &Ears {
        self.ears.get_or_init(|| Ears::new(Channels::of(self.live.engine()), self.outbox.clone()))
    }

    /// The client is there, and so is whoever it says is present.
    pub(super) fn heartbeat(&self) {
        if let Some(ears) = self.ears.get() {
            ears.heartbeat();
        }
    }

    /// The client says goodbye: it does not come back.
    pub(super) fn leave(&self) {
        if let Some(ears) = self.ears.get() {
            ears.leave();
        }
    }

    /// Gives a live query its name: that of its room, which all have who ask the same, or one of its own if this client has that already.
    ///
    /// # Errors
    /// `NOT_FOUND` if the client is gone.
    pub(super) fn watch(&self, told: Told, first: Arc<str>, place: Place) -> Result<Watch> {
        let mut watched = self.watched();
        let Some(watched) = &mut *watched else {
            return Err(Error::new(Code::NotFound, "the connection is closed"));
        };
        let shared = format!("sub-{}", told.id());
        let names = std::iter::once(shared.clone()).chain((2_u64..).map(|at| format!("{shared}-{at}")));
        let mut free = names.filter(|name| !watched.contains_key(name));
        let id = free.next().unwrap_or(shared);
        watched.insert(id.clone(), None);
        Ok(Watch { room: self.rooms.enter(told.channel(), &id), id, told, first, _place: place })
    }

    /// Tells the client from now on; its answer must be in the outbox.
    pub(super) fn begin(self: &Arc<Self>, watch: Watch) {
        let mut watched = self.watched();
        // It may have been ended by the client already, who can guess its name.
        if let Some(task) = watched.as_mut().and_then(|watched| watched.get_mut(&watch.id)) {
            *task = Some(tokio::spawn(tell(Arc::downgrade(self), watch)).abort_handle());
        }
    }

    /// Ends a live query.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is none of this name.
    pub(super) fn end(&self, id: &str) -> Result<()> {
        let task = self.watched().as_mut().and_then(|watched| watched.remove(id));
        let shown: String = id.chars().take(100).collect();
        let none = || Error::new(Code::NotFound, format!("there is no subscription `{shown}`"));
        task.ok_or_else(none).map(|task| task.iter().for_each(AbortHandle::abort))
    }

    /// Ends all of them: they were somebody's who is not there any more.
    pub(super) fn end_all(&self) {
        let all = self.watched().as_mut().map(std::mem::take).unwrap_or_default();
        all.into_values().flatten().for_each(|task| task.abort());
    }

    /// The client is gone.
    pub(super) fn close(&self) {
        self.outbox.close();
        let all = self.watched().take().unwrap_or_default();
        all.into_values().flatten().for_each(|task| task.abort());
        self.connection.end();
    }

    fn watched(&self) -> MutexGuard<'_, Option<HashMap<String, Option<AbortHandle>>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells a client of its live query, as fast as it reads.
async fn tell(session: Weak<Session>, mut watch: Watch) {
    let (connection, outbox) = match session.upgrade() {
        Some(session) => (session.connection.clone(), session.outbox.clone()),
        None => return,
    };
    let mut coalesced = 0;
    loop {
        // While there is no room what happens waits in the live query, which makes one of many.
        connection.room().await;
        let (frame, is_over) = match watch.told.next().await {
            LiveEvent::Changes(text) => (watch.room.framed(&text), false),
            LiveEvent::Reset(text) => {
                connection.reset();
                (watch.room.framed(&text), false)
            }
            LiveEvent::Ended(error) => {
                let data = json!({ "ended": true, "error": messages::fault(&error) });
                (push(watch.told.channel(), &watch.id, &data.to_string()), true)
            }
        };
        let now = watch.told.coalesced();
        if now > coalesced {
            connection.coalesced(now - coalesced);
            coalesced = now;
        }
        while !outbox.push(frame.clone()) {
            if outbox.is_closed() {
                return;
            }
            connection.room().await;
        }
        if is_over {
            if let Some(session) = session.upgrade() {
                // It is this very task that is ended; there is nothing left that it would do.
                let _ = session.end(&watch.id);
            }
            return;
        }
    }
}
