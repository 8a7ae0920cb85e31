//! One client: who it is, what it has subscribed to, and what may be under way and wait for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socketioxide::extract::SocketRef;
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use socketioxide_core::Value;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::answer::{Body, Manner};
use super::channels::{self, Ears};
use super::events::Done;
use super::live::{Gate, Telling};
use super::members::{Member, Rooms};
use super::memory::{Memory, Taken};
use super::message::{Form, Incoming, Message, manner, size};
use super::outbox::Outbox;
use super::packet::{Answer, Event};
use super::{Shared, answer, events};
use crate::engine::{Cx, Identity, Subscription, caught, in_time};
use crate::live::{Channels, Live, Place, Watching};
use crate::model::{Code, Error, Result};

/// How many messages of one client may wait to be answered. One that sends more without reading is cut off.
pub(super) const MAX_PENDING: usize = 1_024;

/// How long the transport may take to notice that a client is connected which knows it already.
const NOTICING: Duration = Duration::from_secs(1);

/// How long to wait before trying again to hand a packet to a transport that has too many.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// What the door knows of a client.
pub(super) struct Connection {
    pub(super) cx: Cx,
    pub(super) form: Form,
    shared: Arc<Shared>,
    rooms: Arc<Rooms>,
    outbox: Arc<Outbox>,
    runtime: Handle,
    calls: Semaphore,
    pending: AtomicUsize,
    memory: Memory,
    state: Mutex<State>,
}

/// A subscription of a client, with its place among those that it may have.
enum Kept {
    /// What is published under a query.
    Scoped(Subscription, #[expect(dead_code, reason = "given back when it is dropped")] Place),
    /// A live query.
    Live(Telling, #[expect(dead_code, reason = "given back when it is dropped")] Place),
}

#[derive(Default)]
struct State {
    is_over: bool,
    subscriptions: HashMap<String, Kept>,
    /// Its part in channels, from when it first asks for one.
    ears: Option<Arc<Ears>>,
    /// How many payloads of each subscription were left out since the client was last told.
    missed: BTreeMap<String, u64>,
}

/// Counts a message as waiting.
struct Pending<'a>(&'a Connection);

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes a message, and answers it if it asks for an answer.
pub(super) async fn take(connection: Arc<Connection>, incoming: Incoming) {
    let Incoming { socket, value, ack } = incoming;
    let pending = connection.pending.fetch_add(1, Ordering::Relaxed);
    let _pending = Pending(&connection);
    if pending >= MAX_PENDING {
        // It sends, and takes no answers.
        let _ = socket.disconnect();
        return;
    }
    let manner = manner(&value);
    // Before anything is waited for. What is refused waits as a word, not as the message.
    let message = connection.hold(&value).map(|held| (value, held));
    connection.noticed(&socket).await;
    // The place is kept until the answer has gone, so that answers do not pile up.
    let Ok(_place) = connection.calls.acquire().await else { return };
    // Nor are answers made while there is no room for them.
    while !connection.outbox.has_room_to_push() && !connection.is_over() {
        connection.outbox.moved().await;
    }
    let result = match message {
        Ok((value, _held)) => connection.carry_out(&socket, value, ack.is_some()).await,
        Err(error) => Err(error),
    };
    let written = result.and_then(|done| Ok((Body::new(connection.form, done.text)?, done.go)));
    let (body, go) = match written {
        Ok(written) => written,
        Err(error) if ack.is_none() && manner == Manner::Channels => {
            let error = answer::told(error).to_json();
            let complaint = serde_json::json!({ "type": "error", "error": error });
            return channels::complain(&connection, &socket, &complaint).await;
        }
        Err(error) => (Body::of_error(connection.form, manner, error), None),
    };
    connection.acknowledge(&socket, ack, body, manner).await;
    // Whoever waits for it may have gone meanwhile.
    let _ = go.map(|go| go.send(()));
}

impl Connection {
    pub(super) fn new(
        shared: Arc<Shared>,
        form: Form,
        rooms: Arc<Rooms>,
        outbox: Arc<Outbox>,
        identity: Identity,
    ) -> Arc<Self> {
        let most = shared.live.connections().options().max_in_flight;
        Arc::new(Connection {
            cx: shared.live.engine().cx().as_identity(identity),
            form,
            shared,
            rooms,
            outbox,
            runtime: Handle::current(),
            calls: Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)),
            pending: AtomicUsize::new(0),
            memory: Memory::default(),
            state: Mutex::default(),
        })
    }

    /// Counts a message, and takes memory for it.
    fn hold(&self, value: &Value) -> Result<Taken<'_>> {
        self.outbox.connection().admit()?;
        self.memory.take(size(value), self.shared.live.connections())
    }

    /// Waits until the transport sends what it is given: it tells the client that it is connected, and itself a moment later.
    async fn noticed(&self, socket: &Socket) {
        let noticed = async {
            while !socket.connected() && !self.is_over() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = timeout(NOTICING, noticed).await;
    }

    async fn carry_out(self: &Arc<Self>, socket: &Arc<Socket>, value: Value, wanted: bool) -> Result<Done> {
        let work = async {
            let message = Message::of(value)?;
            // Boxed: its future is that of the largest call.
            Box::pin(events::carry_out(self, socket, &message, wanted)).await
        };
        match in_time(self.shared.live.connections().options().request_timeout, caught(work)).await {
            Some(Ok(result)) => result,
            Some(Err(panic)) => Err(Error::new(Code::InternalError, format!("panic: {panic}"))),
            None => Err(Error::new(
                Code::Overloaded,
                "the call took too long; a write may still take effect, so repeat it with its `mutationId`",
            )),
        }
    }

    /// Sends an answer as soon as there is room for it; it is never left out for a client that is there.
    async fn acknowledge(&self, socket: &Arc<Socket>, ack: Option<i64>, mut body: Body, manner: Manner) {
        let Some(number) = ack else { return };
        while !self.is_over() {
            if !self.outbox.has_room(body.size()) {
                self.outbox.moved().await;
                continue;
            }
            match self.outbox.give(socket, &Answer { socket, number, body: &body }) {
                Ok(()) => return,
                Err(SendError::Socket(SocketError::InternalChannelFull)) => sleep(PAUSE).await,
                Err(SendError::Socket(SocketError::Closed)) => return,
                Err(SendError::Serialize(error)) => {
                    let error =
                        Error::new(Code::InternalError, format!("an answer can't be written: {error}"));
                    body = Body::of_error(self.form, manner, error);
                }
            }
        }
    }

    /// Sends what was published to a subscription, or counts it as missed: who publishes waits for nobody.
    pub(super) fn push(self: &Arc<Self>, socket: &SocketRef, id: &str, body: &Body) {
        let mut state = self.state();
        if state.is_over {
            return;
        }
        // Until the client knows of its gap nothing goes past it.
        if let Some(missed) = state.missed.get_mut(id) {
            *missed += 1;
            self.outbox.connection().coalesced(1);
            return;
        }
        if self.outbox.has_room_to_push() {
            match self.outbox.give(socket, &Event("publish", body)) {
                Ok(()) => return self.outbox.connection().pushed(),
                Err(SendError::Socket(SocketError::InternalChannelFull)) => {}
                Err(SendError::Socket(SocketError::Closed)) => return,
                Err(SendError::Serialize(error)) => {
                    tracing::error!(%error, "what was published can't be sent");
                    return;
                }
            }
        }
        let is_first = state.missed.is_empty();
        state.missed.insert(id.to_owned(), 1);
        drop(state);
        self.outbox.connection().coalesced(1);
        if is_first {
            self.runtime.spawn(self.clone().tell_missed(socket.clone()));
        }
    }

    /// Tells a client what it has missed, once there is room again.
    async fn tell_missed(self: Arc<Self>, socket: SocketRef) {
        loop {
            self.outbox.moved().await;
            let mut state = self.state();
            while let Some((id, count)) = state.missed.pop_first() {
                if state.is_over || !state.subscriptions.contains_key(&id) {
                    continue;
                }
                let text = serde_json::json!({ "id": id, "count": count }).to_string();
                let Ok(body) = Body::new(self.form, text) else { continue };
                let is_told = self.outbox.has_room_to_push()
                    && self.outbox.give(&socket, &Event("missed", &body)).is_ok();
                if !is_told && socket.connected() {
                    state.missed.insert(id, count);
                    break;
                }
            }
            if state.missed.is_empty() {
                return;
            }
        }
    }

    /// Sends a small word that must not be lost; a client for which there is no room is cut off, and starts anew.
    pub(super) fn tell(&self, socket: SocketRef, event: &'static str, body: &Body) {
        if self.outbox.give(&socket, &Event(event, body)).is_err() {
            let _ = socket.disconnect();
        }
    }

    /// Keeps a subscription for the client, who joins the room of that name.
    ///
    /// # Errors
    /// `RATE_LIMITED` if it has too many.
    pub(super) fn keep(self: &Arc<Self>, socket: &Arc<Socket>, subscription: Subscription) -> Result<()> {
        let mut state = self.state();
        // After its end nobody would take it out of the room.
        if state.is_over || state.subscriptions.contains_key(subscription.id()) {
            return Ok(());
        }
        let place = self.outbox.connection().subscribe(Watching::Store)?;
        let member = Member { socket: socket.clone().into(), connection: self.clone() };
        self.rooms.join(subscription.id(), member);
        state.subscriptions.insert(subscription.id().to_owned(), Kept::Scoped(subscription, place));
        Ok(())
    }

    /// Keeps a live query for the client, in the place of an earlier one of the same name.
    pub(super) fn keep_live(&self, id: String, telling: Telling, place: Place) {
        let mut state = self.state();
        let before = match state.is_over {
            true => Some(Kept::Live(telling, place)),
            false => state.subscriptions.insert(id, Kept::Live(telling, place)),
        };
        drop(state);
        drop(before);
    }

    /// The client's scoped subscription of this name.
    pub(super) fn subscription(&self, id: &str) -> Option<Subscription> {
        match self.state().subscriptions.get(id) {
            Some(Kept::Scoped(subscription, _)) => Some(subscription.clone()),
            _ => None,
        }
    }

    /// Gives a subscription up, and answers whether there was one.
    pub(super) fn give_up(&self, id: &str) -> bool {
        let mut state = self.state();
        state.missed.remove(id);
        let subscription = state.subscriptions.remove(id);
        self.rooms.leave(id, self);
        drop(state);
        subscription.is_some()
    }

    /// A live query has ended by itself: it goes, and not another one that has its name by now.
    pub(super) fn ended(&self, id: &str, gate: &Gate) {
        let mut state = self.state();
        let is_this = |kept: &Kept| matches!(kept, Kept::Live(telling, _) if telling.is_behind(gate));
        let ended = if state.subscriptions.get(id).is_some_and(is_this) {
            state.subscriptions.remove(id)
        } else {
            None
        };
        drop(state);
        drop(ended);
    }

    /// Waits until nothing waits for the client any more.
    pub(super) async fn drained(&self, socket: &Socket) {
        while !self.outbox.is_empty() && socket.connected() {
            self.outbox.moved().await;
        }
    }

    /// Sends something as soon as the transport takes it, and answers whether it did.
    pub(super) async fn send(&self, socket: &SocketRef, event: &'static str, body: &Body) -> bool {
        loop {
            match self.attempt(socket, event, body) {
                Some(is_sent) => return is_sent,
                None => sleep(PAUSE).await,
            }
        }
    }

    /// Sends something, and answers whether it did; `None` if the transport has too much for now.
    pub(super) fn attempt(&self, socket: &SocketRef, event: &'static str, body: &Body) -> Option<bool> {
        match self.outbox.give(socket, &Event(event, body)) {
            Err(SendError::Socket(SocketError::InternalChannelFull)) => None,
            sent => Some(sent.is_ok()),
        }
    }

    /// Sends something if there is room for it and the transport takes it, and answers whether it did.
    pub(super) fn has_taken(&self, socket: &SocketRef, event: &'static str, body: &Body) -> bool {
        self.outbox.has_room_to_push() && self.attempt(socket, event, body) == Some(true)
    }

    /// Has what is asked before something is sent read from memory, for a number that means nothing.
    pub(super) fn look(&self) -> usize {
        usize::from(self.state.is_poisoned())
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(super) fn live(&self) -> &Live {
        &self.shared.live
    }

    /// The client's part in channels.
    ///
    /// # Errors
    /// `CONFLICT` if it has gone meanwhile.
    pub(super) fn ears(&self, socket: &Arc<Socket>) -> Result<Arc<Ears>> {
        let mut state = self.state();
        if state.is_over {
            return Err(Error::new(Code::Conflict, "this connection has ended meanwhile"));
        }
        let make = || {
            let channels = Channels::of(self.live().engine());
            Arc::new(Ears::new(channels, self.form, self.outbox.clone(), socket.clone().into()))
        };
        Ok(state.ears.get_or_insert_with(make).clone())
    }

    fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// The client has gone, with a word of goodbye or without: nothing is kept for it.
    pub(super) fn end(&self, goodbye: bool) {
        let mut state = self.state();
        state.is_over = true;
        state.missed.clear();
        let subscriptions = std::mem::take(&mut state.subscriptions);
        let ears = state.ears.take();
        drop(state);
        subscriptions.keys().for_each(|id| self.rooms.leave(id, self));
        // The last handle of a subscription takes locks when it goes.
        drop(subscriptions);
        if let Some(ears) = ears {
            ears.end(goodbye);
        }
        self.outbox.connection().end();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
