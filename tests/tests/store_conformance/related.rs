//! Rows of several models at once: filters that lead from one to another, and views.

use std::sync::Arc;

use modeller::model::{Link, Row, Shape, Value};
use modeller::query::{Filter, Op, Select};
use modeller::store::{Answer, Each, Look, Rows, Store, sink};

use crate::lab::*;
use crate::models::{Note, Person};

/// Notes belong to the person whose address is their title; tags of a person are titles of notes.
fn links() -> (Link, Link) {
    let (notes, people) = (Note::shape(), Person::shape());
    let title = notes.index_of("title").unwrap();
    let by_title = Link { from: notes, column: title, to: people, target: people.index_of("email").unwrap() };
    let tags = Link { from: people, column: people.index_of("tags").unwrap(), to: notes, target: title };
    (by_title, tags)
}

async fn filled(lab: &dyn Lab) -> Arc<dyn Store> {
    let store = ready(lab).await;
    for (id, email, tags) in [("p1", "a", r#"["a","c"]"#), ("p2", "b", "[]"), ("p3", "d", r#"["b","zz"]"#)] {
        let mut person = Person::row(id, email);
        person[links().1.column] = tags.into();
        insert(&*store, Person::shape(), person).await.unwrap();
    }
    for (id, title) in [("n1", "a"), ("n2", "b"), ("n3", "c")] {
        insert(&*store, Note::shape(), Note::row(id, title)).await.unwrap();
    }
    store
}

pub async fn rows_are_selected_by_rows_of_other_models(lab: &dyn Lab) {
    let store = filled(lab).await;
    let (by_title, tags) = links();
    let of = |email: &str| test(Person::shape(), "email", Op::Eq(Value::from(email).into()));
    let titled = |title: &str| test(Note::shape(), "title", Op::Eq(Value::from(title).into()));
    let two = Filter::some_related(by_title, Filter::some_related(tags, titled("c")));
    for (shape, filter, expected) in [
        (by_title.from, Filter::some_related(by_title, Filter::True), &["n1", "n2"][..]),
        (by_title.from, Filter::some_related(by_title, of("b")), &["n2"]),
        (by_title.from, Filter::no_related(by_title, Filter::True), &["n3"]),
        (by_title.from, Filter::every_related(by_title, of("b")), &["n2", "n3"]),
        (by_title.from, two, &["n1"]),
        (by_title.to, Filter::some_related(by_title.turned(), Filter::True), &["p1", "p2"]),
        (tags.from, Filter::some_related(tags, Filter::True), &["p1", "p3"]),
        (tags.from, Filter::every_related(tags, titled("b")), &["p2", "p3"]),
        (tags.to, Filter::some_related(tags.turned(), of("a")), &["n1", "n3"]),
        (tags.to, Filter::no_related(tags.turned(), Filter::True), &[]),
    ] {
        let select = Select::filtered(shape, filter.clone());
        assert_eq!(ids(&read(&*store, &select).await), expected, "{filter:?}");
        assert_eq!(store.count(shape, &filter).await.unwrap(), expected.len() as u64, "{filter:?}");
        let mut transaction = store.begin(None).await.unwrap();
        let rows = sink::<Rows>(transaction.read(&select, Rows::of(shape)).await.unwrap()).rows;
        assert_eq!(ids(&rows), expected, "{filter:?}");
        transaction.rollback().await;
    }
}

pub async fn a_view_answers_what_several_reads_found(lab: &dyn Lab) {
    let store = filled(lab).await;
    for number in 10..40 {
        insert(&*store, Person::shape(), Person::aged(&format!("q{number}"), number % 3)).await.unwrap();
    }
    let shape = Person::shape();
    let age = shape.index_of("age").unwrap();
    let some = Select {
        order: vec![order(shape, "_id", true)],
        ..Select::filtered(
            shape,
            test(shape, "age", Op::In((0..2).map(|age| Value::Integer(age).into()).collect())),
        )
    };
    let look: Look = Arc::new(move |view| {
        let some = some.clone();
        Box::pin(async move {
            let notes = Select::all(Note::shape());
            let notes = sink::<Rows>(view.read(&notes, Rows::of(notes.shape)).await?).rows;
            let each = Each { column: age, count: 2 };
            let few = sink::<Rows>(view.read_each(&some, each, Rows::of(shape)).await?).rows;
            Ok(Box::new((notes, few)) as Answer)
        })
    });
    let answer = store.view(look).await.unwrap();
    let (notes, few) = *answer.downcast::<(Vec<Row>, Vec<Row>)>().unwrap();
    assert_eq!(ids(&notes), ["n1", "n2", "n3"]);
    // There may be more; those that are wanted are there, in order.
    let of = |wanted: i64| {
        let rows = few.iter().filter(|row| row[age] == Value::Integer(wanted));
        rows.map(|row| row[Shape::ID].as_text().unwrap()).take(2).collect::<Vec<_>>()
    };
    assert_eq!((of(0), of(1)), (vec!["q39", "q36"], vec!["q37", "q34"]));
    assert!(few.iter().all(|row| row[age] != Value::Integer(2)));
}
