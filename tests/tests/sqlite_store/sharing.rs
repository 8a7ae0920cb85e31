//! Several handles on one file, as several processes have them.

use std::collections::BTreeSet;
use std::sync::Arc;

use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Apply, Store};

use crate::lab::*;
use crate::models::{Person, Seat, all as models};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_that_start_at_once_one_migrates_and_all_can_work() {
    let lab = File::new();
    let path = lab.0.join("test.db");
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let path = path.clone();
            tokio::task::spawn_blocking(move || Arc::new(Sqlite::open(SqliteOptions::file(path)).unwrap()))
        })
        .collect();
    let mut stores = Vec::new();
    for start in starts {
        stores.push(start.await.unwrap());
    }
    let migrations: Vec<_> = stores
        .iter()
        .cloned()
        .map(|store| tokio::spawn(async move { store.migrate(&models(), Apply::Safe).await.unwrap() }))
        .collect();
    let mut with_steps = 0;
    for migration in migrations {
        let plan = migration.await.unwrap();
        assert!(plan.applied);
        with_steps += usize::from(!plan.steps.is_empty());
    }
    assert_eq!(with_steps, 1);
    let secrets: BTreeSet<[u8; 32]> = stores.iter().map(|store| store.secret()).collect();
    assert_eq!(secrets.len(), 1);
    let writers: Vec<_> = stores
        .iter()
        .enumerate()
        .flat_map(|(number, store)| (0..20).map(move |task| (number, task, Arc::clone(store))))
        .map(|(number, task, store)| {
            tokio::spawn(async move {
                let id = format!("{number}-{task}");
                insert(&*store, Person::shape(), Person::aged(&id, 1)).await.unwrap();
                update(&*store, Person::shape(), &id, |row| row[5] = "x".into()).await.unwrap();
                let work =
                    steps(|tx| Box::pin(async { answer(tx.next(Seat::shape(), Seat::SERIAL).await?) }));
                *store.write(work).await.unwrap().downcast::<i64>().unwrap()
            })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for writer in writers {
        assert!(numbers.insert(writer.await.unwrap()), "a number was given twice");
    }
    let changes = log(&*stores[0]).await;
    assert_eq!(changes.len(), 240);
    assert!(changes.is_sorted_by(|one, other| one.seq < other.seq));
    for store in &stores {
        assert_eq!(all(&**store, Person::shape()).await.len(), 120);
        assert_eq!(log(&**store).await, changes);
        store.close().await;
    }
}
