//! What can be set about a SQLite store.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    Memory,
}

/// The settings of a [`Sqlite`](super::Sqlite) store. All of them have defaults that suit a server.
///
/// ```
/// use modeller::store::sqlite::SqliteOptions;
/// use std::time::Duration;
///
/// let options = SqliteOptions::file("app.db").readers(8).log_retention(Duration::from_secs(7 * 86_400));
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    pub(super) place: Place,
    pub(super) readers: usize,
    pub(super) queue: usize,
    pub(super) batch: usize,
    pub(super) busy_timeout: Duration,
    pub(super) transaction_timeout: Duration,
    pub(super) cache_size: Option<u64>,
    pub(super) mmap_size: u64,
    pub(super) max_size: Option<u64>,
    pub(super) log_retention: Duration,
}

impl Default for SqliteOptions {
    /// In memory, with the defaults of everything else.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(4, usize::from);
        SqliteOptions {
            place: Place::Memory,
            readers: cores + 1,
            queue: 16_384,
            batch: 1024,
            busy_timeout: Duration::from_secs(5),
            transaction_timeout: Duration::from_secs(5),
            cache_size: None,
            mmap_size: 256 << 20,
            max_size: None,
            log_retention: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// What the writer keeps in memory unless told otherwise, in bytes.
const WRITER_CACHE: u64 = 16 << 20;

impl SqliteOptions {
    /// A database in a file. It is created if it does not exist; its directory has to.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        SqliteOptions { place: Place::File(path.into()), ..Self::default() }
    }

    /// A database that nobody else sees and that is gone when the store is.
    pub fn memory() -> Self {
        Self::default()
    }

    /// As [`file`](Self::file), where `:memory:` stands for [`memory`](Self::memory): for paths that come from
    /// a command line or the environment.
    pub fn at(path: impl AsRef<Path>) -> Self {
        match path.as_ref() {
            path if path == Path::new(":memory:") => Self::memory(),
            path => Self::file(path),
        }
    }

    /// How many connections read at once: as many for quick reads, which run where they are asked for, and as many
    /// threads for long ones. One more than there are cores unless set, at least 1.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// How many writes may wait; more are answered with `OVERLOADED`. 16,384 unless set, at least 1.
    #[must_use]
    pub fn queue(mut self, writes: usize) -> Self {
        self.queue = writes.max(1);
        self
    }

    /// How many writes are committed together at most. 1,024 unless set, at least 1.
    #[must_use]
    pub fn batch(mut self, writes: usize) -> Self {
        self.batch = writes.max(1);
        self
    }

    /// How long to wait for another process that writes to the same file. 5 seconds unless set.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long a transaction that was [begun](crate::store::Store::begin) may stay open: it keeps all other writers
    /// waiting. 5 seconds unless set.
    #[must_use]
    pub fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.transaction_timeout = timeout;
        self
    }

    /// How many bytes of the file the writer, and each of the [quick readers](Self::readers), keeps in memory. Unless
    /// set, the readers share 96 MiB, and the writer has 16. A connection for long reads keeps 2 MiB at
    /// most, whatever is set: it comes to each page once.
    #[must_use]
    pub fn cache_size(mut self, bytes: u64) -> Self {
        self.cache_size = Some(bytes);
        self
    }

    /// How much of the file quick reads look at through a memory map, in bytes: 256 MiB unless set, 0 for none.
    ///
    /// A page is then read where the system has it, rather than copied. In return the program ends where a read would be an
    /// error: when the disk fails, or somebody cuts the file short while it is in use.
    #[must_use]
    pub fn mmap_size(mut self, bytes: u64) -> Self {
        self.mmap_size = bytes;
        self
    }

    /// How much the writer keeps in memory: each commit that has split a page of an index makes SQLite look at every page that is
    /// kept (it numbers pages anew by way of the largest number, and then looks for what lies behind the end).
    pub(super) fn writer_cache(&self) -> u64 {
        self.cache_size.map_or(WRITER_CACHE, |bytes| bytes.max(1 << 20))
    }

    /// How much each quick reader keeps in memory.
    pub(super) fn cache(&self) -> u64 {
        self.cache_size.unwrap_or((96 << 20) / self.readers as u64).max(1 << 20)
    }

    /// How large the database may grow, in bytes; then writes are answered with `STORE_UNAVAILABLE`. As large as the
    /// disk unless set.
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// How long the change log reaches back. 24 hours unless set.
    #[must_use]
    pub fn log_retention(mut self, retention: Duration) -> Self {
        self.log_retention = retention;
        self
    }
}
