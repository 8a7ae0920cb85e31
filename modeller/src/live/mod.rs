//! Who is watching: live queries, channels, presence, and the connections that they reach.
//!
//! Nothing here knows a transport. A door opens a connection, subscribes for it, and writes what it is given.

mod connection;

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "server")]
pub(crate) use connection::metrics::CONTENT_TYPE as METRICS;
pub use connection::{
    Backpressure, Connection, ConnectionInfo, ConnectionTotals, Connections, Heartbeat, Held, LiveOptions,
    Phase, Place, RateLimit, Stats, StoreStats, Watching,
};

use crate::engine::Engine;

pub(crate) mod index;

/// What an application has for those who watch; doors share it.
pub struct Live {
    engine: Arc<Engine>,
    connections: Connections,
}

impl Live {
    /// For the application that runs on this engine.
    pub fn new(engine: Arc<Engine>, options: LiveOptions) -> Arc<Self> {
        let connections = Connections::new(&engine, options);
        Arc::new(Live { engine, connections })
    }

    /// The application.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Whoever is connected.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("engine", &self.engine).finish_non_exhaustive()
    }
}
