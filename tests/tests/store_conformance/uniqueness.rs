//! What must be unique. (SCH-03)

use std::sync::Arc;

use modeller::model::{Code, Error, Value};

use crate::lab::*;
use crate::models::{Note, Person, Seat};

#[track_caller]
fn violates(outcome: Result<(), Error>, field: &str) -> Error {
    let error = outcome.unwrap_err();
    assert!(error.is(Code::UniqueViolation), "{error}");
    assert_eq!(error.field(), Some(field));
    error
}

pub async fn a_unique_field_is_unique(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    insert(&*store, shape, Person::row("1", "a@example.org")).await.unwrap();
    insert(&*store, shape, Person::row("2", "b@example.org")).await.unwrap();
    let error = violates(insert(&*store, shape, Person::row("3", "a@example.org")).await, "email");
    assert!(error.message().contains("`email`"), "{error}");
    violates(update(&*store, shape, "2", |row| row[4] = "a@example.org".into()).await, "email");
    assert_eq!(get(&*store, shape, "2").await.unwrap(), Person::row("2", "b@example.org"));
    // Its own value is no obstacle, and a value that was given up is free again.
    update(&*store, shape, "1", |row| row[5] = "Ann".into()).await.unwrap();
    update(&*store, shape, "1", |row| row[4] = "c@example.org".into()).await.unwrap();
    insert(&*store, shape, Person::row("3", "a@example.org")).await.unwrap();
}

pub async fn an_id_is_unique(lab: &dyn Lab) {
    let store = ready(lab).await;
    insert(&*store, Person::shape(), Person::row("1", "a@example.org")).await.unwrap();
    violates(insert(&*store, Person::shape(), Person::row("1", "b@example.org")).await, "_id");
    insert(&*store, Person::shape(), Person::row("I", "c@example.org")).await.unwrap();
    insert(&*store, Person::shape(), Person::row("i", "d@example.org")).await.unwrap();
}

pub async fn several_fields_are_unique_together(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Seat::shape();
    insert(&*store, shape, Seat::row("1", "a", Some(1))).await.unwrap();
    insert(&*store, shape, Seat::row("2", "a", Some(2))).await.unwrap();
    insert(&*store, shape, Seat::row("3", "b", Some(1))).await.unwrap();
    let error = violates(insert(&*store, shape, Seat::row("4", "b", Some(1))).await, "select,order");
    assert!(error.message().contains("`select` and `order`"), "{error}");
    violates(update(&*store, shape, "3", |row| row[4] = "a".into()).await, "select,order");
}

pub async fn a_set_with_a_null_never_collides(lab: &dyn Lab) {
    let store = ready(lab).await;
    for id in ["1", "2", "3"] {
        insert(&*store, Seat::shape(), Seat::row(id, "a", None)).await.unwrap();
        // `apiToken` is null.
        insert(&*store, Person::shape(), Person::row(id, id)).await.unwrap();
    }
}

pub async fn the_trash_does_not_count(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Note::shape();
    insert(&*store, shape, Note::row("1", "todo")).await.unwrap();
    violates(insert(&*store, shape, Note::row("2", "todo")).await, "title");
    update(&*store, shape, "1", |row| row[Note::DELETED] = Value::Integer(5)).await.unwrap();
    insert(&*store, shape, Note::row("2", "todo")).await.unwrap();
    // Back from the trash it would count again.
    violates(update(&*store, shape, "1", |row| row[Note::DELETED] = Value::Null).await, "title");
    delete(&*store, shape, "2").await.unwrap();
    update(&*store, shape, "1", |row| row[Note::DELETED] = Value::Null).await.unwrap();
}

pub async fn the_message_tells_no_value(lab: &dyn Lab) {
    // SCH-04
    let store = ready(lab).await;
    let person = |id: &str| {
        let mut row = Person::row(id, &format!("{id}@example.org"));
        row[10] = "s3cret-value".into();
        row
    };
    insert(&*store, Person::shape(), person("1")).await.unwrap();
    // Whether the private field may be named is the store's to decide.
    let error = insert(&*store, Person::shape(), person("2")).await.unwrap_err();
    assert!(error.is(Code::UniqueViolation), "{error}");
    assert!(!error.to_json().to_string().contains("s3cret"), "{error}");
}

pub async fn of_100_racing_inserts_one_wins(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let racers: Vec<_> = (0..100)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                insert(&*store, shape, Person::row(&number.to_string(), "a@example.org")).await
            })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(()) => won += 1,
            error => drop(violates(error, "email")),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(all(&*store, shape).await.len(), 1);
    assert_eq!(log(&*store).await.len(), 1);
}
