//! What waits to be written to one client: answers first, then pushes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::Connection;

/// Up to so many bytes are taken out at once, to be written together.
const TOGETHER: usize = 64 * 1024;

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
    replies: VecDeque<Bytes>,
    pushes: VecDeque<Bytes>,
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
        let taken = self.put(frame);
        if taken {
            self.wake();
        }
        taken
    }

    /// Adds something as [`push`](Outbox::push) does, and wakes nobody: whoever adds it sees to it that it is written.
    #[must_use = "what was not taken is not sent"]
    pub fn put(&self, frame: Bytes) -> bool {
        let mut queues = self.queues();
        let taken = !queues.closed && self.0.connection.has_room();
        if taken {
            self.0.connection.queued(frame.len());
            self.0.connection.pushed();
            queues.pushes.push_back(frame);
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
    pub fn take(&self, into: &mut VecDeque<Bytes>) {
        let (mut queues, mut bytes) = (self.queues(), 0);
        while bytes < TOGETHER {
            let Some(frame) = queues.next() else { break };
            bytes += frame.len();
            into.push_back(frame);
        }
        if queues.replies.is_empty() && queues.pushes.is_empty() {
            // Most connections are idle most of the time.
            (queues.replies, queues.pushes) = Default::default();
        }
    }

    /// Throws away what waits, and takes nothing more.
    pub fn close(&self) {
        let mut queues = self.queues();
        let waiting = std::mem::replace(&mut *queues, Queues { closed: true, ..Queues::default() });
        drop(queues);
        let bytes = waiting.replies.iter().chain(&waiting.pushes).map(Bytes::len).sum();
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
        self.replies.pop_front().or_else(|| self.pushes.pop_front())
    }
}
