//! The memory that messages of one client take until they are answered.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::live::{Connections, Held, LiveOptions};
use crate::model::{Code, Error, Result};

/// How many bytes of messages a client may have under way before they take memory of those that all clients share.
const FREE: usize = 16 * 1024;

/// What messages of one client take.
#[derive(Debug, Default)]
pub(super) struct Memory(AtomicUsize);

/// What one message takes; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    memory: &'a Memory,
    bytes: usize,
    /// The part of it that is of all clients'.
    _shared: Option<Held>,
}

impl Memory {
    /// Takes memory for a message: that of all clients, if it is large, or if there is too much beside it. Nobody has more than a quarter of
    /// that, but for two messages.
    ///
    /// # Errors
    /// `OVERLOADED` if there is none left.
    pub(super) fn take(&self, bytes: usize, all: &Connections) -> Result<Taken<'_>> {
        let whole = self.0.fetch_add(bytes, Ordering::AcqRel).saturating_add(bytes);
        let mut taken = Taken { memory: self, bytes, _shared: None };
        let LiveOptions { payload_memory, max_payload, .. } = all.options();
        if whole > (payload_memory / 4).max(2 * max_payload) {
            let message = "too much of what this client has sent waits; try again soon";
            return Err(Error::new(Code::Overloaded, message));
        }
        if whole > FREE {
            taken._shared = Some(all.hold(bytes)?);
        }
        Ok(taken)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::{Clock, Engine};
    use crate::live::Live;
    use crate::registry::Registry;
    use crate::store::sqlite::{Sqlite, SqliteOptions};

    #[tokio::test]
    async fn many_small_messages_take_memory_as_a_large_one_does() {
        // OPS-04
        let store = Arc::new(Sqlite::open(SqliteOptions::memory().readers(1)).unwrap());
        let engine = Engine::new(Registry::default(), store, Clock::manual(0));
        let options = LiveOptions::new().payload_memory(100_000);
        let (live, few) = (Live::new(engine.clone(), options.clone()), options.payload_memory(400_000));
        let few = Live::new(engine, few.max_payload(FREE));
        let (memory, other, all) = (Memory::default(), Memory::default(), live.connections());
        // One beside the others is a client's own, and so are those of another client.
        let mut taken: Vec<_> = (0..7).map(|_| memory.take(FREE, all).unwrap()).collect();
        assert!(memory.take(FREE, all).unwrap_err().is(Code::Overloaded));
        drop(other.take(FREE, all).unwrap());
        assert!(other.take(FREE + 1, all).unwrap_err().is(Code::Overloaded));
        // What is answered gives back what it took.
        drop(taken.pop());
        drop(memory.take(FREE, all).unwrap());
        drop(taken);
        assert!(memory.take(100_000, all).is_ok());
        assert_eq!(memory.0.load(Ordering::Acquire), 0);

        // One client leaves most of it to others.
        let all = few.connections();
        let taken = memory.take(90_000, all).unwrap();
        assert!(memory.take(FREE, all).unwrap_err().is(Code::Overloaded));
        drop(other.take(FREE, all).unwrap());
        drop(taken);
        drop(memory.take(FREE, all).unwrap());
    }
}
