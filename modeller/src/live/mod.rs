//! Who is watching: live queries, channels, presence, and the connections that they reach.
//!
//! Nothing here knows a transport. A door opens a connection, subscribes for it, and writes what it is given.

use std::fmt;
use std::sync::Arc;

use crate::engine::Engine;

pub(crate) mod index;

/// What an application has for those who watch; doors share it.
pub struct Live {
    engine: Arc<Engine>,
}

impl Live {
    /// For the application that runs on this engine.
    pub fn new(engine: Arc<Engine>) -> Arc<Self> {
        Arc::new(Live { engine })
    }

    /// The application.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("engine", &self.engine).finish_non_exhaustive()
    }
}
