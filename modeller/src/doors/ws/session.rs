//! What a client has going on beside its requests: its live queries, and how they reach it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::task::{AbortHandle, JoinSet};

use super::channels::Ears;
use super::framed::{Envelope, Frames};
use super::request::{self, Refused, Said};
use super::speech::Speech;
use super::wire::{Wire, Writers};
use super::{carry, messages};
use crate::doors::writing::Waiting as _;
use crate::engine::Cx;
use crate::live::{
    Channels, Connection, Held, Live, LiveEvent, LiveSink, LiveStream, LiveText, Origin, Outbox, Place,
    ReactiveStream, RuleReceived, RuleStream,
};
use crate::model::{Code, Error, Result};

/// What live text that is framed for this door is called.
const FORMAT: &str = "ws";

/// Where a client that keeps up is told of changes at once.
struct Direct {
    wire: Arc<Wire>,
    origin: Origin,
    frames: Frames,
}

impl LiveSink for Direct {
    fn take(&self, changes: &LiveText) -> bool {
        self.wire.push(Some(&self.origin), self.frames.framed(changes))
    }

    fn look(&self) -> usize {
        usize::from(self.origin.is_over()) ^ usize::from(self.wire.is_due().load(Ordering::Relaxed))
    }

    fn look_behind(&self) -> usize {
        self.wire.look()
    }
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

    /// How much was put together since this was asked last, for one who is slow.
    fn coalesced(&mut self) -> u64 {
        match self {
            Told::Documents(stream) => stream.coalesced(),
            Told::Answers(_) | Told::Events(_) => 0,
        }
    }
}

/// A live query of a client that is about to be told.
pub(super) struct Watch {
    pub(super) id: String,
    told: Told,
    first: LiveText,
    frames: Frames,
    /// That of its pushes.
    origin: Origin,
    _place: Place,
}

/// A live query of a client, as it is listed.
#[derive(Default)]
struct Watched {
    /// While something may still be said under it, or waits to be, the name is taken.
    origin: Origin,
    /// Once the client is told.
    task: Option<AbortHandle>,
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
    pub(super) wire: Arc<Wire>,
    /// Made when the client first asks for a channel.
    ears: OnceLock<Ears>,
    /// Live queries by their names. None any more once the client is gone.
    watched: Mutex<Option<HashMap<String, Watched>>>,
}

impl Session {
    pub(super) fn new(live: Arc<Live>, connection: Arc<Connection>, writers: Writers) -> Arc<Self> {
        let wire = Wire::new(Outbox::new(connection.clone()), Some(writers));
        Arc::new(Session {
            live,
            connection,
            wire,
            ears: OnceLock::new(),
            watched: Mutex::new(Some(HashMap::new())),
        })
    }

    /// Its part in channels.
    pub(super) fn ears(&self) -> &Ears {
        self.ears.get_or_init(|| Ears::new(Channels::of(self.live.engine()), self.wire.clone()))
    }

    /// The client is there, and so is whoever it says is present.
    fn heartbeat(&self) {
        if let Some(ears) = self.ears.get() {
            ears.heartbeat();
        }
    }

    /// Gives a live query its name: that which all have who ask the same, or one of its own if this client has that already.
    ///
    /// # Errors
    /// `NOT_FOUND` if the client is gone; `CONFLICT` if it is somebody else by now than who asked.
    pub(super) fn watch(&self, cx: &Cx, told: Told, first: LiveText, place: Place) -> Result<Watch> {
        let mut watched = self.watched();
        let Some(watched) = &mut *watched else {
            return Err(Error::new(Code::NotFound, "the connection is closed"));
        };
        // Looked at while they are held: who becomes somebody else says so first, and then ends what is there.
        if self.connection.identity() != *cx.identity() {
            return Err(Error::new(Code::Conflict, "the client has become somebody else meanwhile"));
        }
        watched.retain(|_, known| self.wire.outbox().may_speak(&known.origin));
        let shared = format!("sub-{}", told.id());
        let names = std::iter::once(shared.clone()).chain((2_u64..).map(|at| format!("{shared}-{at}")));
        let mut free = names.filter(|name| !watched.contains_key(name));
        let id = free.next().unwrap_or_else(|| shared.clone());
        let origin = Origin::default();
        watched.insert(id.clone(), Watched { origin: origin.clone(), task: None });
        let frames = Frames::new((id == shared).then_some(FORMAT), Envelope::of(told.channel(), &id));
        Ok(Watch { id, told, first, frames, origin, _place: place })
    }

    /// Tells the client from now on; its answer must be in the outbox.
    pub(super) fn begin(self: &Arc<Self>, watch: Watch) {
        let mut watched = self.watched();
        // It may have been ended by the client already, who can guess its name; there may even be another one of that name.
        let known = watched.as_mut().and_then(|watched| watched.get_mut(&watch.id));
        if let Some(known) = known.filter(|known| known.origin.is_same(&watch.origin)) {
            known.task = Some(tokio::spawn(tell(Arc::downgrade(self), watch)).abort_handle());
        }
    }

    /// Ends a live query. Nothing more is said under its name, be it that it waits already.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is none of this name.
    pub(super) fn end(&self, id: &str) -> Result<()> {
        let known = self.watched().as_mut().and_then(|watched| watched.remove(id));
        // One that has ended by itself, and has told so, is there no more.
        let Some(known) = known.filter(|known| self.wire.outbox().may_speak(&known.origin)) else {
            let shown: String = id.chars().take(100).collect();
            return Err(Error::new(Code::NotFound, format!("there is no subscription `{shown}`")));
        };
        self.end_these(&[known]);
        Ok(())
    }

    /// Ends all of them: they were somebody's who is not there any more.
    pub(super) fn end_all(&self) {
        let all = self.watched().as_mut().map(std::mem::take).unwrap_or_default();
        self.end_these(&all.into_values().collect::<Vec<_>>());
    }

    fn end_these(&self, all: &[Watched]) {
        // A task ends some time after it was told to; until then it has nothing to say.
        self.wire.end(all.iter().map(|known| &known.origin));
        all.iter().filter_map(|known| known.task.as_ref()).for_each(AbortHandle::abort);
    }

    fn watched(&self) -> MutexGuard<'_, Option<HashMap<String, Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Speech for Session {
    fn live(&self) -> &Live {
        &self.live
    }

    fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    fn max_message(&self) -> usize {
        self.live.connections().options().max_payload
    }

    fn greeting(&self) -> Option<Bytes> {
        Some(messages::welcome(self.live.engine().clock().now(), false))
    }

    fn ping(&self) -> Bytes {
        messages::ping(self.live.engine().clock().now())
    }

    fn shutdown(&self, grace: Duration) -> Bytes {
        messages::shutdown(grace)
    }

    fn hear(self: Arc<Self>, text: &str, held: Vec<Held>, work: &mut JoinSet<usize>) -> bool {
        match request::read(text) {
            Ok(Said::Pong) => {
                self.heartbeat();
                return true;
            }
            Ok(Said::Request(request)) => drop(work.spawn(carry::answer(self, request, held))),
            Err(Refused { id, error }) => self.wire.outbox().reply(messages::error(&id, &error)),
        }
        false
    }

    fn hear_pong(&self) -> bool {
        // Here it is a message that says so.
        false
    }

    fn leave(&self) {
        if let Some(ears) = self.ears.get() {
            ears.leave();
        }
    }

    fn close(&self) {
        self.wire.outbox().close();
        let all = self.watched().take().unwrap_or_default();
        all.into_values().filter_map(|known| known.task).for_each(|task| task.abort());
    }
}

/// Tells a client of its live query, as fast as it reads.
async fn tell(session: Weak<Session>, mut watch: Watch) {
    let (connection, wire) = match session.upgrade() {
        Some(session) => (session.connection.clone(), session.wire.clone()),
        None => return,
    };
    if let Told::Documents(stream) = &mut watch.told {
        let (origin, frames) = (watch.origin.clone(), watch.frames.clone());
        stream.direct(Arc::new(Direct { wire: wire.clone(), origin, frames }));
    }
    loop {
        // While there is no room what happens waits in the live query, which makes one of many.
        connection.room().await;
        let (frame, is_over) = match watch.told.next().await {
            LiveEvent::Changes(text) => (watch.frames.framed(&text), false),
            LiveEvent::Reset(text) => {
                connection.reset();
                (watch.frames.framed(&text), false)
            }
            LiveEvent::Ended(error) => {
                let data = json!({ "ended": true, "error": messages::fault(&error) });
                (Envelope::of(watch.told.channel(), &watch.id).frame(&data.to_string()), true)
            }
        };
        connection.coalesced(watch.told.coalesced());
        while !wire.outbox().push_of(Some(&watch.origin), frame.clone()) {
            if wire.outbox().is_closed() || watch.origin.is_over() {
                return;
            }
            connection.room().await;
        }
        if is_over {
            // Its name is free again once the client has been told so.
            return;
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
