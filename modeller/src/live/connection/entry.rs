//! One connection: whose it is, what it watches, and how much waits for it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Notify;

use super::metrics::Counters;
use super::registry::Shared;
use super::stats::{ConnectionEvent, ConnectionInfo};
use crate::engine::Identity;
use crate::model::{Code, Error, Result};

/// What a subscription is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watching {
    /// Documents: a live query.
    Store,
    /// Facts and events of the rules.
    Rules,
}

/// A client that is there. It is as long as somebody holds it: the door, first of all.
pub struct Connection {
    id: u64,
    door: &'static str,
    remote: Option<SocketAddr>,
    opened: i64,
    identity: Mutex<Identity>,
    watched: [AtomicUsize; 2],
    /// What it is about, if that is one query alone.
    signature: OnceLock<Box<str>>,
    buffered: AtomicUsize,
    drained: Notify,
    coalesced: AtomicU64,
    resets: AtomicU64,
    /// Whether listeners know of it.
    is_known: AtomicBool,
    counters: Arc<Counters>,
    shared: Arc<Shared>,
}

impl Connection {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: u64,
        door: &'static str,
        remote: Option<SocketAddr>,
        identity: Identity,
    ) -> Self {
        let counters = shared.counters(door);
        counters.opened.fetch_add(1, Ordering::Relaxed);
        Connection {
            id,
            door,
            remote,
            opened: shared.clock.now(),
            identity: Mutex::new(identity),
            watched: Default::default(),
            signature: OnceLock::new(),
            buffered: AtomicUsize::new(0),
            drained: Notify::new(),
            coalesced: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            is_known: AtomicBool::new(false),
            counters,
            shared,
        }
    }

    /// A number that no other connection of this process has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The door that it came in by.
    pub fn door(&self) -> &'static str {
        self.door
    }

    /// Where it comes from, if that is known.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Who is at its other end.
    pub fn identity(&self) -> Identity {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody has signed in, or out.
    pub fn set_identity(&self, identity: Identity) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// Says which query alone it is about, by its [signature](crate::live::NamedQuery::signature); only the first one counts.
    pub fn set_signature(&self, signature: &str) {
        self.signature.get_or_init(|| signature.into());
    }

    /// The client is in, and it is known who it is: tells those who [listen](super::Connections::listen). A door says so once.
    pub fn begin(&self) {
        if !self.is_known.swap(true, Ordering::AcqRel) {
            self.shared.tell(|| ConnectionEvent::Opened(self.info()));
        }
    }

    /// The client is gone: tells those who know of it. Without a word of the door's they hear of it when the last one lets go.
    pub fn end(&self) {
        if self.is_known.swap(false, Ordering::AcqRel) {
            self.shared.tell(|| ConnectionEvent::Closed(self.info()));
        }
    }

    /// Counts a request of this client. A door asks before it does anything about one.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with `retryAfterMs` among the details.
    pub fn admit(&self) -> Result<()> {
        self.shared.admit(&self.counters, &self.identity(), self.remote)
    }

    /// Takes one of the places for subscriptions; dropping it gives it back.
    ///
    /// # Errors
    /// `RATE_LIMITED` if all are taken.
    pub fn subscribe(self: &Arc<Self>, what: Watching) -> Result<Place> {
        let most = self.shared.options.max_subscriptions;
        let all = |mine: &AtomicUsize| mine.load(Ordering::Acquire);
        // Counted first: of two who want the last place one gets it, or none.
        self.watched[what as usize].fetch_add(1, Ordering::AcqRel);
        let place = Place { connection: self.clone(), what };
        if self.watched.iter().map(all).sum::<usize>() > most {
            let message = format!("a connection may have {most} subscriptions");
            let details = serde_json::json!({ "maxSubscriptions": most });
            return Err(Error::new(Code::RateLimited, message).with_details(details));
        }
        Ok(place)
    }

    /// How many subscriptions it has of this kind.
    pub fn subscriptions(&self, what: Watching) -> usize {
        self.watched[what as usize].load(Ordering::Acquire)
    }

    /// Says that so many bytes more wait to be written to the client. A door says so, and [`wrote`](Self::wrote) once they are.
    pub fn queued(&self, bytes: usize) {
        self.buffered.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Says that so many of the waiting bytes are written, or thrown away.
    pub fn wrote(&self, bytes: usize) {
        let before = self.buffered.fetch_sub(bytes, Ordering::AcqRel);
        let mark = self.shared.mark;
        if before >= mark && before.saturating_sub(bytes) < mark {
            self.drained.notify_waiters();
        }
    }

    /// How many bytes wait to be written.
    pub fn buffered(&self) -> usize {
        self.buffered.load(Ordering::Acquire)
    }

    /// Whether changes may be sent now. When so much waits already that they may not, they are kept back, and become one.
    pub fn has_room(&self) -> bool {
        self.buffered() < self.shared.mark
    }

    /// Waits until changes may be sent.
    pub async fn room(&self) {
        let mut drained = std::pin::pin!(self.drained.notified());
        loop {
            // From here on nothing is missed.
            drained.as_mut().enable();
            if self.has_room() {
                return;
            }
            drained.as_mut().await;
            drained.set(self.drained.notified());
        }
    }

    /// Counts something that was sent without having been asked for.
    pub fn pushed(&self) {
        self.counters.pushes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts changes that the client did not see one by one, because it read too slowly.
    pub fn coalesced(&self, changes: u64) {
        // Nearly always it is none: all who are told share one of the counts.
        if changes == 0 {
            return;
        }
        self.coalesced.fetch_add(changes, Ordering::Relaxed);
        self.counters.coalesced.fetch_add(changes, Ordering::Relaxed);
    }

    /// Counts a subscription that had to begin anew.
    pub fn reset(&self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
        self.counters.resets.fetch_add(1, Ordering::Relaxed);
    }

    /// What is known of it.
    pub fn info(&self) -> ConnectionInfo {
        let identity = self.identity();
        ConnectionInfo {
            id: self.id,
            door: self.door,
            remote_address: self.remote,
            authenticated: identity != Identity::Anonymous,
            user_id: identity.actor().map(str::to_owned),
            store_subscriptions: self.subscriptions(Watching::Store),
            rules_subscriptions: self.subscriptions(Watching::Rules),
            signature: self.signature.get().map(|signature| signature.to_string()),
            connected_at: self.opened,
            buffered_bytes: self.buffered(),
            coalesced: self.coalesced.load(Ordering::Relaxed),
            resets: self.resets.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end();
        self.counters.closed.fetch_add(1, Ordering::Relaxed);
        self.shared.forget(self.id);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).field("door", &self.door).finish_non_exhaustive()
    }
}

/// A subscription's place on its connection.
#[must_use = "the place is given back when this is dropped"]
#[derive(Debug)]
pub struct Place {
    connection: Arc<Connection>,
    what: Watching,
}

impl Place {
    /// Whose it is.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connection.watched[self.what as usize].fetch_sub(1, Ordering::AcqRel);
    }
}
