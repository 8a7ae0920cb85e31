//! How much waits for one client, in bytes: what was handed to the transport, less what the network has taken.
//!
//! The transport counts packets only, and says nothing of those that were sent. So the door counts what goes in, and the stream below
//! a WebSocket (or the answers to polling) what comes out. What it adds on its own, heads of frames and heartbeats, is small: it is not
//! known before it comes out, and bounded on the [wire](super::wire). What goes past the transport is counted as it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use socketioxide::SendError;
use socketioxide::socket::Socket;
use tokio::sync::Notify;

use super::packet::Packet;
use super::wire::Wire;
use crate::doors::writing::Waiting as _;
use crate::live::Connection;

/// How long something that waits for room waits before it looks again, in case the client has gone.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What waits for one client. The transport keeps it among the first request's extensions, for as long as it keeps the session.
pub(super) struct Outbox {
    connection: Arc<Connection>,
    most: usize,
    /// What the transport has been handed, less what has left it.
    waiting: AtomicUsize,
    moved: Notify,
    /// Where its WebSocket is, once there is one.
    wire: OnceLock<Arc<Wire>>,
}

impl Outbox {
    pub(super) fn new(connection: Arc<Connection>, most: usize) -> Self {
        Outbox { connection, most, waiting: AtomicUsize::new(0), moved: Notify::new(), wire: OnceLock::new() }
    }

    /// Whose it is.
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// From now on there is a WebSocket. Answers whether it is the first: there is no other one behind it.
    pub(super) fn write_to(&self, wire: &Arc<Wire>) -> bool {
        self.wire.set(wire.clone()).is_ok()
    }

    /// Has what is asked before something is sent read from memory, for a number that means nothing.
    pub(super) fn look(&self) -> usize {
        self.connection.buffered() ^ self.wire.get().map_or(0, |wire| wire.look())
    }

    /// The client connects, perhaps not for the first time.
    pub(super) fn connects(&self) {
        if let Some(wire) = self.wire.get() {
            wire.connects();
        }
    }

    /// Sends a packet, whichever way packets go.
    ///
    /// # Errors
    /// If the client is gone, the transport has too many packets, or it can't be written.
    pub(super) fn give(&self, socket: &Socket, packet: &impl Packet) -> Result<(), SendError> {
        let taken = self.wire.get().and_then(|wire| wire.take(self, socket, packet));
        taken.unwrap_or_else(|| self.hand_over(packet.size(), || packet.emit(socket)))
    }

    /// Hands so many bytes to the transport. They are counted first: they may be gone before this returns, and what is counted after it
    /// has gone would wait for ever.
    fn hand_over<E>(&self, bytes: usize, send: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        self.connection.queued(bytes);
        self.waiting.fetch_add(bytes, Ordering::AcqRel);
        let sent = send();
        if sent.is_err() {
            self.sent(bytes);
        }
        sent
    }

    /// So many bytes have left the transport for the network, those included that it has added.
    pub(super) fn sent(&self, bytes: usize) {
        let known = self.left(bytes);
        self.written(known);
    }

    /// So many bytes have left the transport for the wire, where they are counted as they are.
    pub(super) fn passed(&self, bytes: usize) {
        self.connection.queued(bytes - self.left(bytes));
    }

    /// How many of these bytes were counted when they were handed over.
    fn left(&self, bytes: usize) -> usize {
        let less = |waiting: usize| Some(waiting.saturating_sub(bytes));
        let before = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        before.unwrap_or_else(|before| before).min(bytes)
    }

    /// So many of the bytes that are counted were taken by the network, or thrown away.
    pub(super) fn written(&self, bytes: usize) {
        self.connection.wrote(bytes);
        self.moved.notify_waiters();
    }

    /// Whether there is room for an answer of so many bytes. There always is when nothing waits.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let waiting = self.connection.buffered();
        waiting == 0 || waiting.saturating_add(bytes) <= self.most
    }

    /// Whether there is room for what nobody asked for: what is above the mark is for answers.
    pub(super) fn has_room_to_push(&self) -> bool {
        self.connection.has_room()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.connection.buffered() == 0
    }

    /// Waits until something has been sent, or for a moment.
    pub(super) async fn moved(&self) {
        let _ = tokio::time::timeout(LOOK_AGAIN, self.moved.notified()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Clock, Engine, Identity};
    use crate::live::{Live, LiveOptions};
    use crate::registry::Registry;
    use crate::store::sqlite::{Sqlite, SqliteOptions};

    fn outbox() -> (Outbox, Arc<Live>) {
        let store = Arc::new(Sqlite::open(SqliteOptions::memory().readers(1)).unwrap());
        let engine = Engine::new(Registry::default(), store, Clock::system());
        let live = Live::new(engine, LiveOptions::new().backpressure(1_000, 0.8));
        let connection = live.connections().open("socketio", None, Identity::Anonymous).unwrap();
        (Outbox::new(connection, 1_000), live)
    }

    fn put(outbox: &Outbox, bytes: usize) {
        outbox.hand_over(bytes, || Ok::<_, ()>(())).unwrap();
    }

    #[tokio::test]
    async fn what_went_nowhere_or_went_at_once_does_not_wait() {
        let (outbox, _live) = outbox();
        assert!(outbox.hand_over(900, || Err(())).is_err());
        let at_once = || {
            outbox.sent(900);
            Ok::<_, ()>(())
        };
        outbox.hand_over(900, at_once).unwrap();
        assert!(outbox.is_empty());
        assert_eq!(outbox.connection().buffered(), 0);
    }

    #[tokio::test]
    async fn bytes_wait_until_they_are_sent() {
        // OPS-03
        let (outbox, _live) = outbox();
        assert!(outbox.has_room(5_000), "the first of all may be large");
        put(&outbox, 700);
        assert!(outbox.has_room_to_push() && outbox.has_room(300) && !outbox.has_room(301));
        put(&outbox, 100);
        assert!(!outbox.has_room_to_push());
        outbox.sent(800);
        assert!(outbox.has_room_to_push() && outbox.has_room(5_000));
    }

    #[tokio::test]
    async fn what_the_transport_adds_does_not_pile_up() {
        let (outbox, _live) = outbox();
        outbox.sent(1_000_000);
        put(&outbox, 900);
        assert!(!outbox.has_room(200));
        outbox.sent(1_000_000);
        assert_eq!(outbox.connection().buffered(), 0);
    }
}
