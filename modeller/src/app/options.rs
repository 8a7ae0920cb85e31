//! Options from code, from the environment and from the command line, in this order.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::store::sqlite::SqliteOptions;

/// Where the documents are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// In an SQLite file.
    File(PathBuf),
    /// In memory; they are gone with the program.
    Memory,
}

impl From<String> for Database {
    fn from(text: String) -> Self {
        if text == ":memory:" { Database::Memory } else { Database::File(text.into()) }
    }
}

/// What can be set from outside as well as in code.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where the documents are kept: `--database`, `MODELLER_DATABASE`; `modeller.db` by default.
    pub database: Database,
    /// How many connections there are for quick reads, and as many again for long ones: `--readers`, `MODELLER_READERS`; one more than
    /// there are processors by default, and one at least.
    pub readers: Option<usize>,
    /// How many writes may wait: `--queue`, `MODELLER_QUEUE`; 16,384 by default.
    pub queue: Option<usize>,
    /// Where to listen: `--address`, `MODELLER_ADDRESS`; `127.0.0.1:3030` by default.
    pub address: SocketAddr,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            database: Database::File("modeller.db".into()),
            readers: None,
            queue: None,
            address: (Ipv4Addr::LOCALHOST, 3030).into(),
        }
    }
}

impl Options {
    pub(super) fn sqlite(&self) -> SqliteOptions {
        let mut options = match &self.database {
            Database::File(path) => SqliteOptions::file(path),
            Database::Memory => SqliteOptions::memory(),
        };
        if let Some(readers) = self.readers {
            options = options.readers(readers);
        }
        if let Some(queue) = self.queue {
            options = options.queue(queue);
        }
        options
    }
}
