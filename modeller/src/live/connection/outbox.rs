//! What waits to be written to one client: answers first, then pushes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{Connection, Lineup};

/// Up to so many bytes are taken out at once, to be written together.
const TOGETHER: usize = 64 * 1024;

/// Where pushes come from: one subscription, for instance. It is known in the pushes that wait, and when it is over they go unsaid.
#[derive(Clone, Debug)]
pub struct Origin(Arc<Source>);

#[derive(Debug)]
struct Source {
    /// By this the pushes know it. They don't hold it: that would have it fetched once more for each of very many clients.
    id: u64,
    is_over: AtomicBool,
}

impl Default for Origin {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Origin(Arc::new(Source { id, is_over: AtomicBool::new(false) }))
    }
}

impl Origin {
    /// Whether it has been [ended](Outbox::end): nothing of it is said any more.
    pub fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Acquire)
    }

    /// Whether it is the very same.
    pub fn is_same(&self, other: &Origin) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A push that waits.
#[derive(Debug)]
struct Push {
    frame: Bytes,
    /// The number of its origin.
    origin: Option<u64>,
}

/// Two queues of whole frames, of which that of pushes waits while there is anything in the other.
///
/// A frame that goes to many is made once, and shared. What waits is counted at the [connection](Connection::buffered).
#[derive(Clone, Debug)]
pub struct Outbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Arc<Connection>,
    queues: Mutex<Queues>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queues {
    replies: Lineup<Bytes>,
    pushes: Lineup<Push>,
    /// Nobody writes any more.
    closed: bool,
}

impl Outbox {
    /// An empty one.
    pub fn new(connection: Arc<Connection>) -> Self {
        Outbox(Arc::new(Inner { connection, queues: Mutex::default(), filled: Notify::new() }))
    }

    /// Whose it is.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.0.connection
    }

    /// Has what is asked of it next read from memory, for a number that means nothing.
    #[cfg(feature = "server")]
    pub(crate) fn look(&self) -> usize {
        usize::from(self.0.queues.is_poisoned()) ^ self.0.connection.buffered()
    }

    /// Adds an answer, or what else the protocol itself has to say: it is always taken.
    pub fn reply(&self, frame: Bytes) {
        let mut queues = self.queues();
        if !queues.closed {
            self.0.connection.queued(frame.len());
            queues.replies.push_back(frame);
            drop(queues);
            self.0.filled.notify_one();
        }
    }

    /// Adds what nobody has asked for, unless so much waits that there is no [room](Connection::has_room) for it, or nobody is there any
    /// more: whoever is told `false` keeps what changes as one, and tries again when there is [room](Connection::room).
    #[must_use = "what was not taken is not sent"]
    pub fn push(&self, frame: Bytes) -> bool {
        self.push_of(None, frame)
    }

    /// Adds what comes from somewhere, as [`push`](Outbox::push) does; nothing is taken from what is over.
    #[must_use = "what was not taken is not sent"]
    pub fn push_of(&self, origin: Option<&Origin>, frame: Bytes) -> bool {
        let taken = self.put(origin, frame);
        if taken {
            self.wake();
        }
        taken
    }

    /// Adds something as [`push_of`](Outbox::push_of) does, and wakes nobody: whoever adds it sees to it that it is written.
    #[must_use = "what was not taken is not sent"]
    pub fn put(&self, origin: Option<&Origin>, frame: Bytes) -> bool {
        let mut queues = self.queues();
        let is_over = queues.closed || origin.is_some_and(Origin::is_over);
        let taken = !is_over && self.0.connection.has_room();
        if taken {
            self.0.connection.queued(frame.len());
            self.0.connection.pushed();
            queues.pushes.push_back(Push { frame, origin: origin.map(|origin| origin.0.id) });
        }
        taken
    }

    /// Wakes who waits until it is [filled](Outbox::filled).
    pub fn wake(&self) {
        self.0.filled.notify_one();
    }

    /// Waits until something was added.
    pub async fn filled(&self) {
        self.0.filled.notified().await;
    }

    /// Takes out what is to be written next. It counts as waiting until the connection [hears](Connection::wrote) that it was written.
    pub fn take(&self, into: &mut impl Extend<Bytes>) {
        let (mut queues, mut bytes) = (self.queues(), 0);
        let next = || {
            let frame = (bytes < TOGETHER).then(|| queues.next())??;
            bytes += frame.len();
            Some(frame)
        };
        into.extend(std::iter::from_fn(next));
    }

    /// Ends these: what waits of them is thrown away, and nothing more is taken. What was [taken out](Outbox::take) already comes before
    /// any answer that is added from now on.
    pub fn end<'a>(&self, origins: impl IntoIterator<Item = &'a Origin>) {
        let end = |origin: &Origin| {
            origin.0.is_over.store(true, Ordering::Release);
            origin.0.id
        };
        let ended: HashSet<u64> = origins.into_iter().map(end).collect();
        // Whoever has not seen it yet is done once the queues are free.
        let (mut queues, mut bytes) = (self.queues(), 0);
        queues.pushes.retain(|push| {
            let stays = !push.origin.is_some_and(|origin| ended.contains(&origin));
            bytes += if stays { 0 } else { push.frame.len() };
            stays
        });
        drop(queues);
        self.0.connection.wrote(bytes);
    }

    /// Whether anything may be said of this one from now on, unless it is over: somebody else has it who may push, or a push of it waits.
    pub fn may_speak(&self, origin: &Origin) -> bool {
        // In this order: once nobody else has it, nothing more is pushed.
        let is_held = Arc::strong_count(&origin.0) > 1;
        is_held || self.queues().pushes.iter().any(|push| push.origin == Some(origin.0.id))
    }

    /// Throws away what waits, and takes nothing more.
    pub fn close(&self) {
        let mut queues = self.queues();
        let waiting = std::mem::replace(&mut *queues, Queues { closed: true, ..Queues::default() });
        drop(queues);
        let pushes = waiting.pushes.iter().map(|push| &push.frame);
        let bytes = waiting.replies.iter().chain(pushes).map(Bytes::len).sum();
        self.0.connection.wrote(bytes);
    }

    /// Whether nobody is there any more.
    pub fn is_closed(&self) -> bool {
        self.queues().closed
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn next(&mut self) -> Option<Bytes> {
        self.replies.pop_front().or_else(|| self.pushes.pop_front().map(|push| push.frame))
    }
}
