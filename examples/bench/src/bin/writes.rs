//! What the store itself costs: inserts through `Store::write` from 64 tasks, beside a bare loop over rusqlite that commits as
//! many rows at once. Prints rows per second and CPU time per row of each, and the ratios.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modeller::model::{Row, Shape, Value};
use modeller::prelude::*;
use modeller::query::{Filter, Select};
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Answer, Apply, Rows, Store, Work, sink};
use rusqlite::{Connection, params};

const TASKS: usize = 64;
const ROWS: usize = 150_000;

/// Somebody with an account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users")]
struct User {
    #[model(unique)]
    email: String,
    name: Option<String>,
    password: Option<String>,
    role: String,
    #[model(index)]
    age: i64,
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    for _ in 0..rounds {
        let directory = std::env::temp_dir().join(format!("modeller-writes-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a directory for the databases");
        let bare = bare(&directory.join("bare.db")).expect("a database");
        let ours =
            tokio::runtime::Runtime::new().expect("a runtime").block_on(ours(directory.join("ours.db")));
        println!("bare loop    {bare}");
        let commits: rusqlite::Result<f64> = Connection::open(directory.join("ours.db"))
            .and_then(|ours| ours.query_row("SELECT count(*) FROM _changes", [], |row| row.get(0)));
        println!("{:.0} rows a commit, beside {TASKS}", ROWS as f64 / commits.unwrap_or(f64::NAN));
        println!("Store::write {}", ours.0);
        println!("Store::read  {}", ours.1);
        println!(
            "insert: {:.2} of the rows per second, {:.2} of the CPU of the writing thread, {:.2} of all",
            ours.0.rate / bare.rate,
            ours.0.writer.as_secs_f64() / bare.writer.as_secs_f64(),
            ours.0.all.as_secs_f64() / bare.all.as_secs_f64()
        );
        std::fs::remove_dir_all(&directory).expect("our own directory");
    }
}

struct Figures {
    rate: f64,
    /// CPU time of the thread that writes, a row.
    writer: Duration,
    /// CPU time of the process, a row.
    all: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:7.0} rows/s, CPU a row: {:?} writer, {:?} all", self.rate, self.writer, self.all)
    }
}

/// CPU time of the process or, by its name, of a thread.
fn cpu(thread: Option<&str>) -> Duration {
    let time = |stat: String| -> Duration {
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    };
    let Some(name) = thread else {
        return std::fs::read_to_string("/proc/self/stat").map(time).unwrap_or_default();
    };
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok())
        .find(|stat| stat.contains(&format!("({name})")))
        .map(time)
        .unwrap_or_default()
}

fn email(number: usize) -> String {
    format!("user{number:08}@example.org")
}

fn bare(path: &std::path::Path) -> rusqlite::Result<Figures> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8000;
         CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL,
             updated_at INTEGER NOT NULL, email TEXT NOT NULL UNIQUE, name TEXT, password TEXT, role TEXT NOT NULL,
             age INTEGER NOT NULL) STRICT;
         CREATE INDEX users_age ON users (age, id);",
    )?;
    let mut insert = connection.prepare("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    let (start, before) = (Instant::now(), cpu(None));
    for batch in 0..ROWS / TASKS {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for number in batch * TASKS..(batch + 1) * TASKS {
            let id = uuid::Uuid::now_v7().to_string();
            let age = (number * 7919) as i64 % 1000;
            insert.execute(params![id, 1, 1, 1, email(number), "Name", None::<String>, "user", age])?;
        }
        connection.execute_batch("COMMIT")?;
    }
    let spent = (cpu(None) - before) / ROWS as u32;
    Ok(Figures { rate: ROWS as f64 / start.elapsed().as_secs_f64(), writer: spent, all: spent })
}

async fn ours(path: std::path::PathBuf) -> (Figures, Figures) {
    let shape = User::descriptor().shape();
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(SqliteOptions::file(path)).expect("a database"));
    store.migrate(&[shape], Apply::Safe).await.expect("a table");
    let (start, before, writer) = (Instant::now(), cpu(None), cpu(Some("sqlite-writer")));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in (task..ROWS).step_by(TASKS) {
                    insert(&*store, shape, number).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it does not panic");
    }
    let writes = figures(start, before, cpu(Some("sqlite-writer")) - writer);
    let ids = Rows::of(shape);
    let ids = store.read(&Select::all(shape), ids).await.expect("rows");
    let ids: Vec<String> =
        sink::<Rows>(ids).rows.iter().filter_map(|row| row[0].as_text().map(str::to_owned)).collect();
    let (start, before) = (Instant::now(), cpu(None));
    for number in 0..ROWS {
        let id = &ids[number * 7919 % ids.len()];
        let select = Select { count: Some(1), ..Select::filtered(shape, Filter::id(id.as_str())) };
        let found = store.read(&select, Box::new(Length(0))).await.expect("a row");
        assert!(sink::<Length>(found).0 > 0);
    }
    let reads = figures(start, before, Duration::ZERO);
    store.close().await;
    (writes, reads)
}

struct Length(usize);

impl modeller::store::Sink for Length {
    fn row(&mut self, row: &dyn modeller::model::RowView) -> std::ops::ControlFlow<()> {
        for index in 0..9 {
            if let modeller::model::Cell::Text(text) = row.cell(index) {
                self.0 += text.len();
            }
        }
        std::ops::ControlFlow::Continue(())
    }
}

fn figures(start: Instant, before: Duration, writer: Duration) -> Figures {
    Figures {
        rate: ROWS as f64 / start.elapsed().as_secs_f64(),
        writer: writer / ROWS as u32,
        all: (cpu(None) - before) / ROWS as u32,
    }
}

async fn insert(store: &dyn Store, shape: &'static Shape, number: usize) {
    let row = Row(vec![
        uuid::Uuid::now_v7().to_string().into(),
        Value::Integer(1),
        Value::Integer(1),
        Value::Integer(1),
        email(number).into(),
        "Name".into(),
        Value::Null,
        "user".into(),
        Value::Integer((number * 7919) as i64 % 1000),
    ]);
    let work = Work {
        single: true,
        actor: None,
        steps: Box::new(move |tx| {
            Box::pin(async move {
                tx.insert(shape, &row).await?;
                Ok(Box::new(row) as Answer)
            })
        }),
    };
    store.write(work).await.expect("it is written");
}
