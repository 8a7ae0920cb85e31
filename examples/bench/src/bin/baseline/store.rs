//! The database: one writer thread with group commit, and a reader for each thread that asks.

use std::cell::RefCell;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Statement, params};
use tokio::sync::oneshot;
use uuid::Uuid;
use validator::Validate;

use crate::user::{Document, Failure, Patch, Stored, User};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        email TEXT NOT NULL UNIQUE, name TEXT, password TEXT, role TEXT NOT NULL, age INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS users_age ON users (age, id);
";
/// Durable at each commit. A longer log than by default spreads the cost of copying it into the database over more commits.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8000;
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA mmap_size = 268435456;
";

/// How many writes share a transaction, and how many may wait.
const BATCH: usize = 256;
const QUEUE: usize = 10_000;

/// What a write answers to whoever waits for it.
type Answer = Result<Stored, Failure>;

enum Write {
    Insert(User),
    Update(String, Patch),
}

struct Job {
    write: Write,
    reply: oneshot::Sender<Answer>,
}

/// What the writer leaves out, to see what it is worth.
#[derive(Clone, Copy)]
pub struct How {
    /// Each write gets a transaction of its own.
    pub no_group: bool,
    /// An update leaves out the columns with an index unless one of them changed.
    pub lean_update: bool,
}

/// The one way to write.
#[derive(Clone)]
pub struct Writer(SyncSender<Job>);

impl Writer {
    /// Opens the database, makes the table, and starts the writer's thread. It ends when the last `Writer` is gone.
    pub fn start(path: &Path, how: How) -> rusqlite::Result<(Self, JoinHandle<rusqlite::Result<()>>)> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SETTINGS)?;
        connection.execute_batch(SCHEMA)?;
        let (sender, jobs) = sync_channel(QUEUE);
        Ok((Writer(sender), std::thread::spawn(move || write_all(&connection, &jobs, how))))
    }

    /// Adds a user.
    pub async fn insert(&self, user: User) -> Answer {
        self.write(Write::Insert(user)).await
    }

    /// Reads a user, merges the patch into it, validates the result and writes it.
    pub async fn update(&self, id: String, patch: Patch) -> Answer {
        self.write(Write::Update(id, patch)).await
    }

    async fn write(&self, write: Write) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(Job { write, reply }).map_err(|_| Failure::Overloaded)?;
        answer.await.unwrap_or(Err(Failure::NotCommitted))
    }
}

/// Takes what is waiting, commits it as one transaction, and only then answers.
fn write_all(connection: &Connection, jobs: &Receiver<Job>, how: How) -> rusqlite::Result<()> {
    let batch = if how.no_group { 1 } else { BATCH };
    let mut begin = connection.prepare("BEGIN IMMEDIATE")?;
    let mut commit = connection.prepare("COMMIT")?;
    let mut statements = Statements::prepare(connection, how.lean_update)?;
    let mut done = Vec::with_capacity(batch);
    while let Ok(first) = jobs.recv() {
        begin.execute([])?;
        let mut next = Some(first);
        while let Some(job) = next {
            done.push((job.reply, statements.run(job.write)));
            next = if done.len() < batch { jobs.try_recv().ok() } else { None };
        }
        let committed = commit.execute([]);
        for (reply, answer) in done.drain(..) {
            // Nobody waits any more if the caller hung up.
            let _ = reply.send(if committed.is_ok() { answer } else { Err(Failure::NotCommitted) });
        }
        if committed.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
}

/// The writer's statements, prepared once.
struct Statements<'c> {
    insert: Statement<'c>,
    get: Statement<'c>,
    /// Leaves the columns with an index alone: SQLite rewrites the index entries of whatever is set, changed or not.
    update: Statement<'c>,
    update_all: Statement<'c>,
    lean: bool,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection, lean: bool) -> rusqlite::Result<Self> {
        Ok(Statements {
            insert: connection.prepare("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?,
            get: connection.prepare("SELECT * FROM users WHERE id = ?")?,
            update: connection.prepare(
                "UPDATE users SET version = ?2, updated_at = ?3, name = ?4, password = ?5, role = ?6 WHERE id = ?1",
            )?,
            update_all: connection.prepare(
                "UPDATE users SET version = ?2, updated_at = ?3, name = ?4, password = ?5, role = ?6, email = ?7, age = ?8
                 WHERE id = ?1",
            )?,
            lean,
        })
    }

    fn run(&mut self, write: Write) -> Answer {
        match write {
            Write::Insert(user) => self.insert(user),
            Write::Update(id, patch) => self.update(id, patch),
        }
    }

    fn insert(&mut self, user: User) -> Answer {
        let now = now();
        let id = Uuid::now_v7().to_string();
        let User { email, name, password, role, age } = &user;
        self.insert.execute(params![id, 1, now, now, email, name, password, role, age])?;
        Ok(Stored { id, version: 1, created_at: now, updated_at: now, user })
    }

    fn update(&mut self, id: String, patch: Patch) -> Answer {
        let mut stored = self.get.query_row([&id], |row| {
            let (id, version, created_at, updated_at) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let (email, name, password) = (row.get(4)?, row.get(5)?, row.get(6)?);
            let user = User { email, name, password, role: row.get(7)?, age: row.get(8)? };
            Ok(Stored { id, version, created_at, updated_at, user })
        })?;
        let all = !self.lean || patch.is_indexed();
        patch.apply(&mut stored.user);
        stored.user.validate()?;
        stored.version += 1;
        stored.updated_at = now();
        let Stored { id, version, updated_at, user, .. } = &stored;
        let User { email, name, password, role, age } = user;
        if all {
            self.update_all.execute(params![id, version, updated_at, name, password, role, email, age])?;
        } else {
            self.update.execute(params![id, version, updated_at, name, password, role])?;
        }
        Ok(stored)
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

/// What a list asks for.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    age: Option<i64>,
    name: Option<String>,
    #[serde(default)]
    start: u32,
    #[serde(default = "List::page")]
    count: u32,
}

impl List {
    fn page() -> u32 {
        20
    }
}

/// The statements of one reading thread. Its connection lives as long as the process, so that they can borrow it.
pub struct Reader {
    get: Statement<'static>,
    by_age: Statement<'static>,
    by_name: Statement<'static>,
    list: Statement<'static>,
}

thread_local! {
    static READER: RefCell<Option<Reader>> = const { RefCell::new(None) };
}

impl Reader {
    /// Reads with the reader of this thread, which is opened at the first call.
    pub fn with<T>(path: &Path, read: impl FnOnce(&mut Reader) -> rusqlite::Result<T>) -> Result<T, Failure> {
        READER.with_borrow_mut(|reader| {
            let reader = match reader {
                Some(reader) => reader,
                none => none.insert(Reader::open(path)?),
            };
            Ok(read(reader)?)
        })
    }

    fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.execute_batch(SETTINGS)?;
        let connection: &'static Connection = Box::leak(Box::new(connection));
        let list = |filter: &str| {
            connection.prepare(&format!("SELECT * FROM users WHERE {filter} ORDER BY id LIMIT ?1 OFFSET ?2"))
        };
        Ok(Reader {
            get: connection.prepare("SELECT * FROM users WHERE id = ?")?,
            by_age: list("age = ?3")?,
            by_name: list("name = ?3")?,
            list: list("(?3 IS NULL OR age = ?3) AND (?4 IS NULL OR name = ?4)")?,
        })
    }

    /// The user with this id, as JSON; `null` if there is none.
    pub fn get(&mut self, id: &str) -> rusqlite::Result<Vec<u8>> {
        let document = self.get.query_row([id], |row| {
            let mut json = Vec::with_capacity(256);
            write_row(row, &mut json).map(|()| json)
        });
        Ok(document.optional()?.unwrap_or_else(|| b"null".to_vec()))
    }

    /// The users that a list asks for, as a JSON array.
    pub fn list(&mut self, list: &List) -> rusqlite::Result<Vec<u8>> {
        let List { age, name, start, count } = list;
        let mut rows = match (age, name) {
            (Some(age), None) => self.by_age.query(params![count, start, age]),
            (None, Some(name)) => self.by_name.query(params![count, start, name]),
            (age, name) => self.list.query(params![count, start, age, name]),
        }?;
        let mut json = Vec::with_capacity(4096);
        json.push(b'[');
        while let Some(row) = rows.next()? {
            if json.len() > 1 {
                json.push(b',');
            }
            write_row(row, &mut json)?;
        }
        json.push(b']');
        Ok(json)
    }
}

/// Appends the row's document, without a copy of its texts in between.
fn write_row(row: &Row<'_>, json: &mut Vec<u8>) -> rusqlite::Result<()> {
    let document = Document {
        id: row.get_ref(0)?.as_str()?,
        version: row.get(1)?,
        created_at: row.get(2)?,
        updated_at: row.get(3)?,
        email: row.get_ref(4)?.as_str()?,
        name: row.get_ref(5)?.as_str_or_null()?,
        role: row.get(7)?,
        age: row.get(8)?,
    };
    // Writing to a vector can't fail, and the document has only string keys.
    let _ = serde_json::to_writer(json, &document);
    Ok(())
}
