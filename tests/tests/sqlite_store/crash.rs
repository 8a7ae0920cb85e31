//! `kill -9` at random moments: what was acknowledged is there, and the change log agrees with the tables.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modeller::model::{Row, Shape, Value};
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Apply, ChangeOp, Store};
use rusqlite::Connection;

use crate::lab::{File, all, delete, insert, log, update};
use crate::models::{self, Person};

const CHILD: &str = "MODELLER_TEST_CRASH";

/// Not a test: the process that is killed. It does nothing unless it is told where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let store = Arc::new(Sqlite::open(SqliteOptions::file(path)).unwrap());
    store.migrate(&models::all(), Apply::Safe).await.unwrap();
    let shape = Person::shape();
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{line}").unwrap();
        out.flush().unwrap();
    };
    let tasks: Vec<_> = (0..32)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0.. {
                    let id = format!("{run}-{task}-{number}");
                    insert(&*store, shape, Person::aged(&id, number)).await.unwrap();
                    say(format!("@insert {id}"));
                    if number % 3 == 0 {
                        update(&*store, shape, &id, |row| row[5] = "changed".into()).await.unwrap();
                        say(format!("@update {id}"));
                    }
                    if number % 5 == 0 {
                        say(format!("@going {id}"));
                        delete(&*store, shape, &id).await.unwrap();
                        say(format!("@delete {id}"));
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Runs the child on the database, kills it after a while, and adds what it acknowledged: the last word on each id.
fn run_and_kill(path: &Path, after: Duration, acknowledged: &mut BTreeMap<String, String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    let mut killer = None;
    for line in lines.map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        let Some((word, id)) = line.strip_prefix('@').and_then(|line| line.split_once(' ')) else { continue };
        acknowledged.insert(id.to_owned(), word.to_owned());
        if killer.is_none() {
            let pid = child.id().to_string();
            killer = Some(std::thread::spawn(move || {
                std::thread::sleep(after);
                assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
            }));
        }
    }
    killer.expect("the child wrote something").join().unwrap();
    assert!(!child.wait().unwrap().success());
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_and_the_log_agrees() {
    let lab = File::new();
    let path = lab.0.join("crash.db");
    let kills: u64 = std::env::var("MODELLER_KILLS").map_or(5, |kills| kills.parse().unwrap());
    let mut random = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut acknowledged = BTreeMap::new();
    for kill in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let after = Duration::from_millis((random >> 33) % 300);
        run_and_kill(&path, after, &mut acknowledged);
        check(&path, &acknowledged).await;
        println!("kill {} after {after:?}: {} documents acknowledged so far", kill + 1, acknowledged.len());
    }
}

async fn check(path: &Path, acknowledged: &BTreeMap<String, String>) {
    let store = Sqlite::open(SqliteOptions::file(path)).unwrap();
    let plan = store.migrate(&models::all(), Apply::Safe).await.unwrap();
    assert_eq!(plan.steps, []);
    let shape = Person::shape();
    let mut rows: BTreeMap<String, Row> = all(&store, shape)
        .await
        .into_iter()
        .map(|row| (row[Shape::ID].as_text().unwrap().to_owned(), row))
        .collect();
    for (id, word) in acknowledged {
        let row = rows.get(id);
        match word.as_str() {
            "insert" => assert!(row.is_some(), "{id} was acknowledged and is lost"),
            "update" => assert_eq!(row.unwrap()[5], Value::from("changed"), "{id}"),
            "delete" => assert!(row.is_none(), "{id} is back"),
            // Its deletion was under way.
            "going" => {}
            other => panic!("{other}"),
        }
    }
    // Undone to its beginning, the log leaves nothing.
    let mut changes = log(&store).await;
    assert!(changes.is_sorted_by(|one, other| one.seq < other.seq));
    while let Some(change) = changes.pop() {
        match change.op {
            ChangeOp::Insert => assert!(rows.remove(&change.id).is_some(), "{change:?}"),
            ChangeOp::Update => {
                let row = rows.get_mut(&change.id).unwrap();
                for (index, value) in change.old {
                    row[index] = value;
                }
            }
            ChangeOp::Delete => {
                let row = Row(change.old.into_iter().map(|(_, value)| value).collect());
                assert!(rows.insert(change.id, row).is_none());
            }
        }
    }
    assert_eq!(rows.len(), 0);
    store.close().await;
    let connection = Connection::open(path).unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}
