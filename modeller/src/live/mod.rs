//! Who is watching: live queries, channels, presence, and the connections that they reach.
//!
//! Nothing here knows a transport. A door opens a connection, subscribes for it, and writes what it is given.

mod connection;
pub(crate) mod index;
mod query;

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "server")]
pub(crate) use connection::metrics::CONTENT_TYPE as METRICS;
pub use connection::{
    Backpressure, Connection, ConnectionInfo, ConnectionTotals, Connections, Heartbeat, Held, LiveOptions,
    Outbox, Phase, Place, RateLimit, Stats, StoreStats, Watching,
};

pub use query::{LiveChange, LiveChangeKind, LiveEvent, LiveStream};

use crate::engine::{Arguments, Cx, Engine};
use crate::model::{Result, Shape};

/// What an application has for those who watch; doors share it.
pub struct Live {
    engine: Arc<Engine>,
    connections: Connections,
    queries: Arc<query::Queries>,
}

impl Live {
    /// For the application that runs on this engine.
    pub fn new(engine: Arc<Engine>, options: LiveOptions) -> Arc<Self> {
        let connections = Connections::new(&engine, options);
        let queries = query::Queries::new(&engine);
        Arc::new(Live { engine, connections, queries })
    }

    /// The application.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Subscribes to what a `list` with these arguments answers: without a `count` to all of it (10,000 documents at most), with one to a
    /// window, whose documents have places. `from` is the position of an earlier subscription to the same query by the same caller.
    ///
    /// # Errors
    /// Those of the arguments; `INVALID_QUERY` for what can't be live (`with`, `after`, conditions on related documents, too many
    /// documents); `METHOD_NOT_FOUND` if the store can't tell of changes.
    pub async fn subscribe(
        &self,
        cx: &Cx,
        shape: &'static Shape,
        arguments: Arguments,
        from: Option<&str>,
    ) -> Result<LiveStream> {
        self.queries.subscribe(cx, shape, arguments, from).await
    }

    /// How many live queries stand, and how many subscriptions they have.
    pub fn queries(&self) -> (usize, usize) {
        self.queries.counts()
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
