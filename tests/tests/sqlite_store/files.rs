//! Files: what survives, and what is said when something is wrong with them.

use std::sync::Arc;
use std::time::Duration;

use modeller::model::{Code, Error};
use modeller::query::Select;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Apply, Rows, Store};
use rusqlite::Connection;

use crate::lab::*;
use crate::models::{Person, Seat, all as models};

async fn open(options: SqliteOptions) -> Arc<Sqlite> {
    let store = Arc::new(Sqlite::open(options).unwrap());
    store.migrate(&models(), Apply::Safe).await.unwrap();
    store
}

fn refused(options: SqliteOptions) -> Error {
    let error = Sqlite::open(options).err().expect("it can't be opened");
    assert!(error.is(Code::StoreUnavailable), "{error}");
    error
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    // PER-02, PER-06
    let lab = File::new();
    let options = || SqliteOptions::file(lab.0.join("test.db"));
    let store = open(options()).await;
    let secret = store.secret();
    assert_ne!(secret, [0; 32]);
    let row = Person::aged("a", 3);
    insert(&*store, Person::shape(), row.clone()).await.unwrap();
    let next = || single(|tx| Box::pin(async { answer(tx.next(Seat::shape(), Seat::SERIAL).await?) }));
    let first = *store.write(next()).await.unwrap().downcast::<i64>().unwrap();
    let changes = log(&*store).await;
    store.close().await;
    let files: Vec<_> = std::fs::read_dir(&lab.0).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["test.db"], "a closed database is one file");
    // Once more without a goodbye.
    drop(store);
    drop(open(options()).await);
    let store = open(options()).await;
    assert_eq!(store.secret(), secret);
    assert_eq!(get(&*store, Person::shape(), "a").await, Some(row));
    assert_eq!(log(&*store).await, changes);
    assert_eq!(*store.write(next()).await.unwrap().downcast::<i64>().unwrap(), first + 1);
}

#[tokio::test]
async fn each_database_has_its_own_secret() {
    let one = Sqlite::open(SqliteOptions::memory()).unwrap();
    let other = Sqlite::open(SqliteOptions::memory()).unwrap();
    assert_ne!(one.secret(), other.secret());
}

#[tokio::test]
async fn databases_in_memory_are_private_and_leave_no_files() {
    let stores: Vec<_> = futures_in_order(8, |_| open(SqliteOptions::memory())).await;
    for store in &stores {
        insert(&**store, Person::shape(), Person::aged("a", 1)).await.unwrap();
        assert_eq!(all(&**store, Person::shape()).await.len(), 1);
    }
}

async fn futures_in_order<T, F: Future<Output = T>>(count: usize, make: impl Fn(usize) -> F) -> Vec<T> {
    let mut all = Vec::new();
    for number in 0..count {
        all.push(make(number).await);
    }
    all
}

#[test]
fn what_cannot_be_opened_is_named_with_its_cause() {
    let lab = File::new();
    let missing = lab.0.join("no/such/dir/test.db");
    let error = refused(SqliteOptions::file(&missing));
    assert!(error.message().contains("no/such/dir") && error.message().contains("no directory"), "{error}");
    assert!(refused(SqliteOptions::file(&lab.0)).message().contains("is a directory"));
    let text = lab.0.join("text.db");
    std::fs::write(&text, "not a database, but long enough to look at\n".repeat(100)).unwrap();
    assert!(refused(SqliteOptions::file(&text)).message().contains("not a SQLite database"));
}

#[tokio::test]
async fn a_database_of_a_newer_format_is_refused() {
    let lab = File::new();
    let path = lab.0.join("test.db");
    open(SqliteOptions::file(&path)).await.close().await;
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE _meta SET value = 99 WHERE key = 'format'", []).unwrap();
    drop(connection);
    let error = refused(SqliteOptions::file(&path));
    assert!(error.message().contains("format 99") && error.message().contains("newer"), "{error}");
}

#[tokio::test]
async fn a_damaged_page_is_an_error_and_no_panic() {
    let lab = File::new();
    let path = lab.0.join("test.db");
    let store = open(SqliteOptions::file(&path)).await;
    for number in 0..500 {
        insert(&*store, Person::shape(), Person::aged(&format!("{number:05}"), number)).await.unwrap();
    }
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    // It may be noticed at the start or later; in words that say nothing of files.
    let Ok(store) = Sqlite::open(SqliteOptions::file(&path)) else { return };
    if let Err(error) = store.migrate(&models(), Apply::Safe).await {
        assert!(error.is(Code::StoreUnavailable), "{error}");
        return;
    }
    let error = store.read(&Select::all(Person::shape()), Rows::of(Person::shape())).await.err().unwrap();
    assert!(error.is(Code::StoreUnavailable), "{error}");
    assert!(!error.message().contains("malformed") && !error.message().contains("test.db"), "{error}");
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_goes_on_reading() {
    let lab = File::new();
    let options = SqliteOptions::file(lab.0.join("test.db")).max_size(200_000);
    let store = open(options).await;
    let mut stored = 0;
    let error = loop {
        let mut row = Person::aged(&format!("{stored:05}"), 1);
        row[5] = "x".repeat(5000).into();
        match insert(&*store, Person::shape(), row).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1000);
    };
    assert!(error.is(Code::StoreUnavailable), "{error}");
    assert!(stored > 5);
    assert_eq!(all(&*store, Person::shape()).await.len(), stored);
    assert_eq!(log(&*store).await.len(), stored);
    // An open transaction learns it, too, and nobody hangs.
    let mut tx = store.begin(None).await.unwrap();
    let mut row = Person::aged("tx", 1);
    row[5] = "x".repeat(100_000).into();
    assert!(tx.insert(Person::shape(), &row).await.unwrap_err().is(Code::StoreUnavailable));
    drop(tx.commit().await);
    assert_eq!(all(&*store, Person::shape()).await.len(), stored);
    // With space again it goes on.
    delete(&*store, Person::shape(), "00000").await.unwrap();
    delete(&*store, Person::shape(), "00001").await.unwrap();
    insert(&*store, Person::shape(), Person::aged("new", 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_process_holds_locked_refuses_writes_and_goes_on_reading() {
    let lab = File::new();
    let path = lab.0.join("test.db");
    let store = open(SqliteOptions::file(&path).busy_timeout(Duration::from_millis(50))).await;
    insert(&*store, Person::shape(), Person::aged("a", 1)).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                insert(&*store, Person::shape(), Person::aged(&number.to_string(), 1)).await
            })
        })
        .collect();
    for task in tasks {
        let error = task.await.unwrap().unwrap_err();
        assert!(error.is(Code::StoreUnavailable), "{error}");
        assert!(error.message().contains("locked"), "{error}");
    }
    assert_eq!(all(&*store, Person::shape()).await.len(), 1);
    other.execute_batch("COMMIT").unwrap();
    insert(&*store, Person::shape(), Person::aged("b", 1)).await.unwrap();
    assert_eq!(log(&*store).await.len(), 2);
}

#[tokio::test]
async fn a_full_queue_is_overloaded() {
    // OPS
    let store = open(SqliteOptions::memory().queue(4)).await;
    let tx = store.begin(None).await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..10 {
        let store = Arc::clone(&store);
        waiting.spawn(
            async move { insert(&*store, Person::shape(), Person::aged(&number.to_string(), 1)).await },
        );
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    tx.commit().await.unwrap();
    let outcomes = waiting.join_all().await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(refused.len(), 6);
    assert!(refused.iter().all(|error| error.is(Code::Overloaded)));
    assert_eq!(all(&*store, Person::shape()).await.len(), 4);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_read() {
    let lab = File::new();
    let path = lab.0.join("test.db");
    let store = open(SqliteOptions::file(&path)).await;
    insert(&*store, Person::shape(), Person::aged("a", 1)).await.unwrap();
    store.close().await;
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    if std::fs::OpenOptions::new().append(true).open(&path).is_ok() {
        // Whoever runs the tests may write everything.
        return;
    }
    let store = Sqlite::open(SqliteOptions::file(&path)).unwrap();
    assert_eq!(store.migrate(&models(), Apply::Safe).await.unwrap().steps, []);
    assert_eq!(all(&store, Person::shape()).await.len(), 1);
    let error = insert(&store, Person::shape(), Person::aged("b", 1)).await.unwrap_err();
    assert!(error.is(Code::StoreUnavailable) && error.message().contains("read-only"), "{error}");
    let mut tx = store.begin(None).await.unwrap();
    assert!(tx.insert(Person::shape(), &Person::aged("b", 1)).await.unwrap_err().is(Code::StoreUnavailable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_closes_second_waits_as_well() {
    let lab = File::new();
    let store = open(SqliteOptions::file(lab.0.join("test.db"))).await;
    let (begin, begun) = tokio::sync::oneshot::channel();
    let slow = steps(move |tx| {
        Box::pin(async move {
            begin.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            tx.insert(Person::shape(), &Person::aged("a", 1)).await?;
            done()
        })
    });
    let written = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.write(slow).await.map(drop) }
    });
    begun.await.unwrap();
    let first = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.close().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    store.close().await;
    // Closing tidies up: nothing lies beside the database any more.
    assert_eq!(std::fs::read_dir(&lab.0).unwrap().count(), 1);
    written.await.unwrap().unwrap();
    first.await.unwrap();
}
