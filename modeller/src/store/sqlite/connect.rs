//! Connections: how they are opened, and the tables every database has besides those of the models.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use sha2::Digest;

use super::options::{Place, SqliteOptions};
use crate::model::{Code, Error, Result};
use crate::store::sql;

/// The layout of the database. A higher number in a file means that a newer modeller wrote it.
const FORMAT: i64 = 1;

/// Statements that a connection keeps prepared. Each costs some kilobytes, once.
const PREPARED: usize = 256;

/// What a connection for long reads keeps in memory, in bytes.
const LONG_CACHE: u64 = 2 << 20;

/// modeller's own tables. The numbers of models and columns stand in the change log: they outlive renames and are never
/// given again.
const TABLES: &str = r#"
CREATE TABLE IF NOT EXISTS "_meta" ("key" TEXT PRIMARY KEY, "value" ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "_models" (
    "number" INTEGER PRIMARY KEY AUTOINCREMENT, "path" TEXT NOT NULL UNIQUE, "table" TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS "_columns" (
    "number" INTEGER PRIMARY KEY AUTOINCREMENT, "model" INTEGER NOT NULL, "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL, UNIQUE ("model", "name")
) STRICT;
CREATE TABLE IF NOT EXISTS "_counters" ("column" INTEGER PRIMARY KEY, "last" INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS "_changes" (
    "seq" INTEGER PRIMARY KEY, "first" INTEGER NOT NULL, "at" INTEGER NOT NULL, "data" BLOB NOT NULL
) STRICT;
"#;

/// All the connections of a store.
pub(super) struct Opened {
    pub(super) writer: Connection,
    /// The first half is for quick reads, the second half for long ones.
    pub(super) readers: Vec<Connection>,
    pub(super) secret: [u8; 32],
    /// The directory of a database in memory.
    pub(super) scratch: Option<Scratch>,
}

/// Opens everything; the errors are for the operator and name the file.
pub(super) fn open(options: &SqliteOptions) -> Result<Opened> {
    let (path, scratch) = match &options.place {
        Place::File(path) => (path.clone(), None),
        Place::Memory => {
            let scratch = Scratch::new()?;
            (scratch.0.join("memory.db"), Some(scratch))
        }
    };
    check_path(&path)?;
    let fail = |error| refused(&path, error);
    let writer =
        patiently(options.busy_timeout, || writer(&path, options, scratch.is_some())).map_err(fail)?;
    let format: Option<i64> = read_meta(&writer, "format").map_err(fail)?;
    match format {
        Some(FORMAT) => {}
        Some(newer) => {
            let words = format!(
                "the database {} has format {newer}, and this modeller knows formats up to {FORMAT}: \
                 use the newer modeller that wrote it",
                path.display()
            );
            return Err(Error::new(Code::StoreUnavailable, words));
        }
        None => {
            let words = format!("the database {} can't be written, and nothing is in it yet", path.display());
            return Err(Error::new(Code::StoreUnavailable, words));
        }
    }
    let secret: Option<Vec<u8>> = read_meta(&writer, "secret").map_err(fail)?;
    let secret = secret.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        let words = format!("the database {} has lost its secret: it was changed by hand", path.display());
        Error::new(Code::StoreUnavailable, words)
    })?;
    // A long read comes to each page once: keeping them would be in vain.
    // Nor would a memory map help it much, while what it maps counts as the process's memory.
    let quick = std::iter::repeat_n((options.cache(), options.mmap_size), options.readers);
    let long = std::iter::repeat_n((LONG_CACHE.min(options.cache()), 0), options.readers);
    let readers = quick
        .chain(long)
        .map(|(cache, mapped)| reader(&path, options, cache, mapped))
        .collect::<rusqlite::Result<Vec<_>>>()
        .map_err(fail)?;
    if let Some(scratch) = &scratch {
        // Every connection holds its files open by now, so that the names can go: whatever happens to this process,
        // nothing stays behind. (Where open files can't be removed, they go when the store is closed.)
        scratch.remove();
    }
    Ok(Opened { writer, readers, secret, scratch })
}

fn check_path(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let words = match parent {
        Some(parent) if !parent.is_dir() => {
            format!("can't open the database {}: there is no directory {}", path.display(), parent.display())
        }
        _ if path.is_dir() => {
            format!("can't open the database {}: that is a directory", path.display())
        }
        _ => return Ok(()),
    };
    Err(Error::new(Code::StoreUnavailable, words))
}

fn refused(path: &Path, error: rusqlite::Error) -> Error {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "the file is not a SQLite database".into(),
        Some(ErrorCode::DatabaseCorrupt) => "the file is damaged".into(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process holds it locked".into(),
        Some(ErrorCode::DiskFull) => "there is no space left on the disk".into(),
        Some(ErrorCode::ReadOnly) => "it is read-only".into(),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "the file, or one beside it, can't be opened (look at its permissions)".into()
        }
        _ => error.to_string(),
    };
    Error::new(Code::StoreUnavailable, format!("can't open the database {}: {why}", path.display()))
}

/// Tries again while another process is just making the same file.
fn patiently<T>(patience: Duration, mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && start.elapsed() < patience =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

fn writer(path: &Path, options: &SqliteOptions, scratch: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection, options, options.writer_cache())?;
    if connection.is_readonly("main")? {
        return Ok(connection);
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What is in memory does not survive a crash anyway.
    connection.pragma_update(None, "synchronous", if scratch { "OFF" } else { "FULL" })?;
    // Longer than SQLite's own 1,000: pages that change again and again are copied into the database less often.
    connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    // A database of another format is left as it is: the caller says what is wrong.
    if read_meta::<i64>(&connection, "format")?.is_none() {
        connection.execute_batch(TABLES)?;
        let meta = "INSERT INTO \"_meta\" VALUES (?1, ?2)";
        connection.execute(meta, params!["format", FORMAT])?;
        connection.execute(meta, params!["epoch", uuid::Uuid::now_v7().to_string()])?;
        // Three random UUIDs hold 366 random bits.
        let random = [(); 3].map(|()| uuid::Uuid::new_v4().into_bytes()).concat();
        let secret = sha2::Sha256::digest(random).to_vec();
        connection.execute(meta, params!["secret", secret])?;
    }
    connection.execute_batch("COMMIT")?;
    if let Some(bytes) = options.max_size {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        connection.query_row(
            &format!("PRAGMA max_page_count = {}", pages.clamp(1, 0xffff_fffe)),
            [],
            |_| Ok(()),
        )?;
    }
    Ok(connection)
}

fn reader(path: &Path, options: &SqliteOptions, cache: u64, mapped: u64) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection, options, cache)?;
    connection.pragma_update(None, "mmap_size", i64::try_from(mapped).unwrap_or(i64::MAX))?;
    // The first read opens the files that belong to the database.
    read_meta::<i64>(&connection, "format")?;
    Ok(connection)
}

fn prepare(connection: &Connection, options: &SqliteOptions, cache: u64) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    sql::install(connection)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    // Else SQLite looks at the values bound to `LIMIT ?`, and prepares the statement anew whenever one is bound again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let kibibytes = i64::try_from(cache / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes)
}

/// A value of the `_meta` table; `None` if there is none, or no such table.
pub(super) fn read_meta<T: rusqlite::types::FromSql>(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<Option<T>> {
    let known: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_meta' AND type = 'table')",
        [],
        |row| row.get(0),
    )?;
    if !known {
        return Ok(None);
    }
    connection.query_row("SELECT value FROM \"_meta\" WHERE key = ?1", [key], |row| row.get(0)).optional()
}

/// The private directory of a database in memory.
///
/// SQLite's own databases in memory let a writer keep all readers out. So this one is a file like any other, which is
/// never synced and whose name is gone as soon as it is open; what is never written to the disk lives in the page cache.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("modeller-{}", uuid::Uuid::new_v4().simple()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| {
            let words = format!("can't make a place for the database at {}: {error}", path.display());
            Error::new(Code::StoreUnavailable, words)
        })?;
        Ok(Scratch(path))
    }

    fn remove(&self) {
        // It may be gone already, or still in use.
        drop(fs::remove_dir_all(&self.0));
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A connection to an empty database of modeller's, in memory.
    pub(in crate::store::sqlite) fn scratch() -> Connection {
        writer(Path::new(":memory:"), &SqliteOptions::memory(), true).unwrap()
    }
}
