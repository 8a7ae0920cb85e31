//! What a connection is about: what is said on it, and who hears it. The connection itself knows frames alone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::wire::Wire;
use crate::live::{Held, Live};

/// A protocol on top of frames, for one client.
pub(super) trait Speech: Send + Sync + 'static {
    /// The application.
    fn live(&self) -> &Live;

    /// The way to the client.
    fn wire(&self) -> &Arc<Wire>;

    /// Largest message of the client, in bytes.
    fn max_message(&self) -> usize;

    /// What is said first.
    fn greeting(&self) -> Option<Bytes>;

    /// The question whether the client is there.
    fn ping(&self) -> Bytes;

    /// That the server stops.
    fn shutdown(&self, grace: Duration) -> Bytes;

    /// Hears a message, and sets going what is to be done about it; that answers how many bytes its answer has, and holds the memory of
    /// the message until then. Whether the message says that the client is there.
    fn hear(self: Arc<Self>, text: &str, held: Vec<Held>, work: &mut JoinSet<usize>) -> bool;

    /// Hears the pong of RFC 6455. Whether that says that the client is there.
    fn hear_pong(&self) -> bool;

    /// The client says goodbye: it does not come back.
    fn leave(&self);

    /// The client is gone.
    fn close(&self);
}
