//! Channels: topics that connections join, to hear what is said there, who is present, and what changes.
//!
//! A door [joins](Channels::join) a topic for a connection and hands over a [`ChannelSink`] that takes the events; whatever the client
//! asks for after that is a call here. When the client has gone, [`disconnect`](Channels::disconnect) keeps it present for a
//! while, since it may come back; [`leave_all`](Channels::leave_all) does not.
//!
//! Application code has [`Cx::channel`](crate::engine::Cx).

mod bindings;
mod broadcast;
mod changes;
mod event;
mod filter;
mod handle;
mod kept;
mod membership;
mod options;
mod position;
mod presence;
mod replay;
mod room;
mod send;
mod stats;
mod ticket;
mod timer;
mod topic;
mod track;
mod typed;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

pub(in crate::live) use bindings::Source;
pub use bindings::{ChangesEvent, ChangesRequest};
pub use broadcast::{Acknowledged, acknowledgement};
pub use event::{ChannelEvent, ChannelEventKind, ChannelSink};
pub use filter::parse_filter;
pub use handle::{Channel, ChannelListening, Heard};
pub use membership::Joined;
pub use options::{ChannelAction, ChannelOptions, ChannelSettings};
pub use position::{Position, Since};
pub use replay::{MAX_REPLAY, Replayed};
pub use send::Sent;
pub use stats::ChannelStats;
pub use ticket::Ticket;
pub use topic::Topic;
pub use track::Tracked;
pub use typed::DocumentChange;
pub use wire::CHANNEL_OPERATIONS;

use self::bindings::Bindings;
use self::membership::Place;
use self::room::Room;
use self::stats::Counters;
use self::timer::Timer;
use crate::engine::{Clock, Cx, Engine, Identity, caught};
use crate::model::{Code, Error, Result};

/// What a connection has joined, by topic.
type Places = HashMap<Arc<str>, Place>;

/// All channels of an application.
pub struct Channels {
    me: Weak<Channels>,
    clock: Clock,
    settings: RwLock<Arc<ChannelSettings>>,
    rooms: Mutex<HashMap<Topic, Weak<Room>>>,
    connections: Mutex<HashMap<Arc<str>, Places>>,
    bindings: Bindings,
    timer: Arc<Timer>,
    counters: Counters,
    next: AtomicU64,
}

impl Channels {
    /// Those of the application that runs on this engine.
    pub fn of(engine: &Engine) -> Arc<Self> {
        engine.part(|| {
            Arc::new_cyclic(|me| Channels {
                me: me.clone(),
                clock: engine.clock().clone(),
                settings: RwLock::default(),
                rooms: Mutex::default(),
                connections: Mutex::default(),
                bindings: Bindings::default(),
                timer: Arc::default(),
                counters: Counters::default(),
                next: AtomicU64::new(1),
            })
        })
    }

    /// What holds for all channels from now on.
    pub fn set(&self, settings: ChannelSettings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// What holds for all channels.
    pub fn settings(&self) -> Arc<ChannelSettings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fails unless the caller may do this. Application code may do everything.
    async fn permit(&self, cx: &Cx, topic: &Topic, action: ChannelAction) -> Result<()> {
        let settings = self.settings();
        if settings.is_open(topic, action) || *cx.identity() == Identity::System {
            return Ok(());
        }
        let refused = || {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            // The name alone says nothing of whether there is such a channel.
            let message = format!("you may not {} this channel", verb(action));
            Error::new(Code::Forbidden, message)
        };
        let Some(authorizer) = settings.authorizer().cloned() else { return Err(refused()) };
        let (cx, topic) = (cx.clone(), topic.clone());
        match caught(async move { authorizer(cx, topic, action).await }).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(refused()),
            Ok(Err(error)) => Err(error),
            Err(panic) => {
                tracing::error!(%panic, "the authoriser of channels panicked");
                Err(Error::new(Code::InternalError, "the caller's rights can't be told"))
            }
        }
    }

    /// The channel, if anybody has joined it.
    fn find(&self, topic: &Topic) -> Option<Arc<Room>> {
        lock(&self.rooms).get(topic).and_then(Weak::upgrade)
    }

    /// The channel; a new one, if nobody has joined it.
    fn room(&self, topic: &Topic) -> Arc<Room> {
        let mut rooms = lock(&self.rooms);
        if let Some(room) = rooms.get(topic).and_then(Weak::upgrade) {
            return room;
        }
        let room = Room::new(topic.clone(), self.me.clone());
        rooms.insert(topic.clone(), Arc::downgrade(&room));
        room
    }

    /// A channel that all have left.
    fn forget(&self, topic: &Topic) {
        let mut rooms = lock(&self.rooms);
        // Another one may have taken its place meanwhile.
        if rooms.get(topic).is_some_and(|room| room.strong_count() == 0) {
            rooms.remove(topic);
        }
    }

    /// Where a connection is in a channel.
    fn place(&self, connection: &str, topic: &str) -> Result<Place> {
        let connections = lock(&self.connections);
        let place = connections.get(connection).and_then(|places| places.get(topic)).cloned();
        drop(connections);
        place.ok_or_else(not_joined)
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

fn verb(action: ChannelAction) -> &'static str {
    match action {
        ChannelAction::Join => "join",
        ChannelAction::Publish => "publish to",
        ChannelAction::Track => "be present in",
        ChannelAction::Replay => "replay",
        ChannelAction::Changes => "hear of changes through",
    }
}

fn not_joined() -> Error {
    Error::new(Code::NotFound, "this connection has not joined that channel")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time after so long, in Unix milliseconds.
fn after(now: i64, time: std::time::Duration) -> i64 {
    now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
