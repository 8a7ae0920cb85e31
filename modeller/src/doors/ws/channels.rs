//! Channels for a client of this door: what is said there is pushed, and what it has no room for is not lost without a word.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use serde_json::json;
use tokio::sync::Notify;

use super::frame;
use super::wire::Wire;
use crate::doors::writing::Waiting as _;
use crate::engine::{Cx, Identity};
use crate::live::{ChannelEvent, ChannelEventKind, ChannelSink, Channels, Origin, Ticket};
use crate::model::{Code, Error, Result};

/// What events are called that are framed for this door.
const FORMAT: &str = "ws";

/// A client's part in its channels. It leaves them when it is dropped.
pub(super) struct Ears {
    channels: Arc<Channels>,
    ticket: Ticket,
    sink: Arc<Sink>,
}

/// Where the client's events go.
struct Sink {
    wire: Arc<Wire>,
    /// Channels whose events did not fit, each with the origin of what is told of it. None of these is over.
    missed: Mutex<BTreeMap<String, Origin>>,
    full: Notify,
}

impl Sink {
    fn missed(&self) -> MutexGuard<'_, BTreeMap<String, Origin>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who the client is now.
    fn identity(&self) -> Identity {
        self.wire.outbox().connection().identity()
    }
}

/// Where the events of a channel go, for as long as the client is who it was when it asked for them.
struct Asked {
    sink: Arc<Sink>,
    identity: Identity,
    /// That of its pushes: answers come before them, and what waits when the client has left is not to come after the answer to that.
    origin: Origin,
}

impl ChannelSink for Asked {
    fn send(&self, event: &ChannelEvent) {
        let framed = || event.encoded(FORMAT, |event| push(&event.message()));
        if event.kind() == ChannelEventKind::Closed {
            // As an answer: who takes up too little has to know it all the same, and before it is answered that it has joined again.
            self.sink.wire.outbox().reply(framed());
            self.sink.wire.outbox().connection().pushed();
            return;
        }
        let mut missed = self.sink.missed();
        // Once something was missed, what comes after it has to wait until that was said.
        let waits = match missed.get(event.topic().name()) {
            Some(known) if known.is_same(&self.origin) => return,
            known => known.is_some(),
        };
        if !waits && self.sink.wire.push(Some(&self.origin), framed()) {
            return;
        }
        // Of what is over nothing is missed.
        if !self.origin.is_over() {
            missed.insert(event.topic().name().to_owned(), self.origin.clone());
            drop(missed);
            self.sink.full.notify_one();
        }
    }

    fn look(&self) -> usize {
        usize::from(self.sink.missed.is_poisoned()) ^ usize::from(self.origin.is_over())
    }

    fn look_behind(&self) -> usize {
        self.sink.wire.look()
    }

    fn is_open(&self) -> bool {
        // It is asked before a client is let in, and at the end of a join. Who becomes somebody else says so first, and then has asked
        // what it may be in: either that finds the channel, or this finds the other identity.
        !self.sink.wire.outbox().is_closed() && self.sink.identity() == self.identity
    }

    fn left(&self) {
        // While it is held nothing more is missed, and it is not said that something was.
        let mut missed = self.sink.missed();
        self.sink.wire.end([&self.origin]);
        missed.retain(|_, origin| !origin.is_over());
    }
}

fn push(data: &str) -> Bytes {
    let head = b"{\"type\":\"push\",\"channel\":\"channel\",\"data\":";
    frame::text(&[head, data.as_bytes(), b"}"])
}

impl Ears {
    pub(super) fn new(channels: Arc<Channels>, wire: Arc<Wire>) -> Self {
        let sink = Arc::new(Sink { wire, missed: Mutex::default(), full: Notify::new() });
        let ticket = Ticket::new();
        tokio::spawn(catch_up(Arc::downgrade(&sink), channels.clone(), ticket.name().to_owned()));
        Ears { channels, ticket, sink }
    }

    /// Does what the client asks for, with the arguments as JSON text.
    ///
    /// # Errors
    /// `CONFLICT` if it is somebody else by now than who asked; those of what is asked for.
    pub(super) async fn perform(
        &self,
        cx: &Cx,
        operation: &str,
        arguments: &[u8],
        resumes: Option<&str>,
    ) -> Result<Vec<u8>> {
        let name = self.ticket.name();
        self.is_asked_by(cx.identity())?;
        let (identity, origin) = (cx.identity().clone(), Origin::default());
        let sink = Arc::new(Asked { sink: self.sink.clone(), identity, origin });
        let resumes = resumes.map(Ticket::name_of);
        let performed = self.channels.perform(cx, name, operation, arguments, resumes.as_deref(), sink);
        let mut answer = performed.await?;
        if let Err(error) = self.is_asked_by(cx.identity()) {
            // It may do by now what it may do no more.
            self.reauthorize(&cx.as_identity(self.sink.identity())).await;
            if let Some(id) = answer["subscription_id"].as_str() {
                drop(self.channels.unbind(name, id));
                return Err(error);
            }
        }
        if operation == "subscribe" {
            answer["id"] = name.into();
            answer["connection"] = self.ticket.secret().into();
        }
        Ok(answer.to_string().into_bytes())
    }

    /// Fails if the client is somebody else by now.
    fn is_asked_by(&self, identity: &Identity) -> Result<()> {
        match self.sink.identity() == *identity {
            true => Ok(()),
            false => Err(Error::new(Code::Conflict, "the client has become somebody else meanwhile")),
        }
    }

    /// The client is there.
    pub(super) fn heartbeat(&self) {
        self.channels.heartbeat(self.ticket.name());
    }

    /// The client says goodbye.
    pub(super) fn leave(&self) {
        self.channels.leave_all(self.ticket.name());
    }

    /// The client has become somebody else.
    pub(super) async fn reauthorize(&self, cx: &Cx) {
        self.channels.reauthorize(cx, self.ticket.name()).await;
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        // It may come back.
        self.channels.disconnect(self.ticket.name());
        self.sink.full.notify_one();
    }
}

/// Says in which channels something was missed, and who is present there, as soon as there is room for it.
async fn catch_up(sink: Weak<Sink>, channels: Arc<Channels>, name: String) {
    loop {
        let Some(there) = sink.upgrade() else { return };
        // It is held for as long as it is waited for: the client's end wakes it.
        there.full.notified().await;
        loop {
            if there.wire.outbox().is_closed() {
                return;
            }
            there.wire.outbox().connection().room().await;
            // What comes now waits, so that nothing is left out after it was said that something was.
            let mut missed = there.missed();
            let Some((topic, origin)) = missed.first_key_value() else { break };
            let said = json!({ "type": "missed", "channel": topic });
            if !there.wire.outbox().push_of(Some(origin), push(&said.to_string())) {
                continue;
            }
            let said = missed.pop_first();
            drop(missed);
            there.wire.outbox().connection().reset();
            if let Some((topic, _)) = said {
                // Who has left meanwhile need not know.
                drop(channels.resync(&name, &topic));
            }
        }
    }
}
