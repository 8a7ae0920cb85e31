//! Transactions that stay open between calls.

use std::sync::Arc;
use std::time::Duration;

use modeller::model::{Code, Value};
use modeller::query::Filter;
use modeller::store::{Rows, sink};

use crate::lab::*;
use crate::models::{Person, Seat};

pub async fn a_transaction_commits_as_one(lab: &dyn Lab) {
    let store = ready(lab).await;
    let (shape, seat) = (Person::shape(), Seat::shape());
    insert(&*store, shape, Person::aged("gone", 1)).await.unwrap();
    let mut tx = store.begin(Some("ann".into())).await.unwrap();
    tx.insert(shape, &Person::aged("a", 1)).await.unwrap();
    let serial = tx.next(seat, Seat::SERIAL).await.unwrap();
    assert_eq!(serial, 1);
    tx.insert(seat, &Seat::row("s", "x", None)).await.unwrap();
    let old = Person::aged("a", 1);
    let mut new = old.clone();
    new[1] = Value::Integer(2);
    tx.update(shape, &old, &new).await.unwrap();
    tx.delete(shape, &Person::aged("gone", 1)).await.unwrap();
    assert_eq!(tx.count(shape, &Filter::True).await.unwrap(), 1);
    let rows = sink::<Rows>(tx.read(&by_id(shape, "a"), Rows::of(shape)).await.unwrap()).rows;
    assert_eq!(rows, [new.clone()]);
    // Nobody else sees it yet.
    assert_eq!(ids(&all(&*store, shape).await), ["gone"]);
    assert_eq!(get(&*store, shape, "a").await, None);
    tx.commit().await.unwrap();
    assert_eq!(all(&*store, shape).await, [new]);
    let changes = log(&*store).await;
    assert_eq!(changes.len(), 5);
    assert!(changes[1..].iter().all(|change| change.transaction == changes[4].seq));
    assert!(changes[1..].iter().all(|change| change.actor.as_deref() == Some("ann")));
    assert_eq!(changes[0].actor, None);
}

pub async fn a_dropped_transaction_is_undone(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let mut tx = store.begin(None).await.unwrap();
    tx.insert(shape, &Person::aged("a", 1)).await.unwrap();
    drop(tx);
    insert(&*store, shape, Person::aged("b", 1)).await.unwrap();
    let mut tx = store.begin(None).await.unwrap();
    tx.insert(shape, &Person::aged("c", 1)).await.unwrap();
    tx.rollback().await;
    assert_eq!(ids(&all(&*store, shape).await), ["b"]);
    assert_eq!(log(&*store).await.len(), 1);
}

pub async fn a_failed_step_does_not_end_the_transaction(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let mut tx = store.begin(None).await.unwrap();
    tx.insert(shape, &Person::aged("a", 1)).await.unwrap();
    let error = tx.insert(shape, &Person::aged("a", 2)).await.unwrap_err();
    assert!(error.is(Code::UniqueViolation));
    tx.insert(shape, &Person::aged("b", 1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&all(&*store, shape).await), ["a", "b"]);
    assert_eq!(log(&*store).await.len(), 2);
}

pub async fn a_transaction_that_takes_too_long_is_undone_and_others_go_on(lab: &dyn Lab) {
    let store = hasty(lab).await;
    let shape = Person::shape();
    let mut tx = store.begin(None).await.unwrap();
    for tries in 1.. {
        let inserted = tx.insert(shape, &Person::aged("a", 1)).await;
        let Err(error) = inserted else { break };
        // On a busy machine its time may be over before the first step: another one, then.
        assert!(error.is(Code::Timeout) && tries < 10, "{error}");
        tx = store.begin(None).await.unwrap();
    }
    // It waits for the open transaction, and not much longer than that may last.
    let waiting = insert(&*store, shape, Person::aged("b", 1));
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("its turn comes").unwrap();
    let error = tx.insert(shape, &Person::aged("c", 1)).await.unwrap_err();
    assert!(error.is(Code::Timeout), "{error}");
    assert!(tx.count(shape, &Filter::True).await.unwrap_err().is(Code::Timeout));
    assert!(tx.commit().await.unwrap_err().is(Code::Timeout));
    assert_eq!(ids(&all(&*store, shape).await), ["b"]);
    assert_eq!(log(&*store).await.len(), 1);
}

pub async fn others_wait_for_an_open_transaction(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let mut tx = store.begin(None).await.unwrap();
    tx.insert(shape, &Person::aged("a", 1)).await.unwrap();
    let others: Vec<_> = (0..20)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                // Half of them want the value that the transaction takes.
                let id = if number % 2 == 0 { "a".into() } else { format!("b{number}") };
                insert(&*store, shape, Person::aged(&id, 1)).await.is_ok()
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(others.iter().all(|other| !other.is_finished()));
    assert_eq!(all(&*store, shape).await, []);
    tx.commit().await.unwrap();
    for (number, other) in others.into_iter().enumerate() {
        assert_eq!(other.await.unwrap(), number % 2 == 1);
    }
}
