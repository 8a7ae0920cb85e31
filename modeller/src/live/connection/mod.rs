//! The connections of clients, whatever door they came in by: who is there, what they may, and how they are told to go.
//!
//! A door [opens](Connections::open) one for each client, says when it [begins](Connection::begin), and drops it when the client is gone.
//! Before it carries out a request it asks the connection to [admit](Connection::admit) it; for each subscription it [takes a place](Connection::subscribe); and it waits for
//! the [end](Connections::ending).

mod entry;
mod limiter;
mod lineup;
pub(crate) mod metrics;
mod options;
mod outbox;
mod registry;
mod stats;
#[cfg(all(test, feature = "sqlite"))]
mod tests;

pub use entry::{Connection, Place, Watching};
pub(crate) use lineup::Lineup;
pub use options::{Backpressure, Heartbeat, LiveOptions, RateLimit};
pub use outbox::{Origin, Outbox};
pub use registry::{Connections, Held, Phase};
pub use stats::{ConnectionEvent, ConnectionInfo, ConnectionTotals, Stats, StoreStats};
