//! The change log.

use std::collections::BTreeMap;
use std::sync::Arc;

use modeller::model::{Code, Row, Shape, Value};
use modeller::store::{Change, ChangeOp, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::lab::*;
use crate::models::{Note, Person};

pub async fn every_change_is_logged_in_order(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let first = Person::aged("a", 1);
    insert(&*store, shape, first.clone()).await.unwrap();
    update(&*store, shape, "a", |row| {
        row[3] = Value::Integer(2000);
        row[6] = Value::Integer(2);
    })
    .await
    .unwrap();
    let last = get(&*store, shape, "a").await.unwrap();
    delete(&*store, shape, "a").await.unwrap();
    let changes = log(&*store).await;
    let ops: Vec<ChangeOp> = changes.iter().map(|change| change.op).collect();
    assert_eq!(ops, [ChangeOp::Insert, ChangeOp::Update, ChangeOp::Delete]);
    assert_eq!(changes[0].old, []);
    let former = [(1, Value::Integer(1)), (3, Value::Integer(1000)), (6, Value::Integer(1))];
    assert_eq!(changes[1].old, former);
    assert_eq!(changes[2].old, last.0.into_iter().enumerate().collect::<Vec<_>>());
    for change in &changes {
        assert_eq!((change.model.as_str(), change.id.as_str()), ("system/people", "a"));
        assert_eq!(change.seq, change.transaction);
        assert!(change.at > 1_600_000_000_000);
    }
    assert!(changes.is_sorted_by(|one, other| one.seq < other.seq));
}

pub async fn the_trash_is_a_deletion_and_back_an_insertion(lab: &dyn Lab) {
    // PER-04
    let store = ready(lab).await;
    let shape = Note::shape();
    insert(&*store, shape, Note::row("n", "t")).await.unwrap();
    update(&*store, shape, "n", |row| row[Note::DELETED] = Value::Integer(7)).await.unwrap();
    update(&*store, shape, "n", |row| row[Note::DELETED] = Value::Integer(8)).await.unwrap();
    update(&*store, shape, "n", |row| row[Note::DELETED] = Value::Null).await.unwrap();
    update(&*store, shape, "n", |row| row[Note::DELETED] = Value::Integer(9)).await.unwrap();
    delete(&*store, shape, "n").await.unwrap();
    let changes = log(&*store).await;
    let ops: Vec<ChangeOp> = changes.iter().map(|change| change.op).collect();
    use ChangeOp::{Delete, Insert};
    // What happens in the trash, its emptying included, is no change of a document that anybody sees.
    assert_eq!(ops, [Insert, Delete, Insert, Delete]);
    assert_eq!(changes[1].old.len(), shape.columns.len());
}

pub async fn a_page_of_changes_holds_whole_transactions(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut work = steps(move |tx| {
                    Box::pin(async move {
                        for part in 0..number % 4 {
                            tx.insert(shape, &Person::aged(&format!("{number}-{part}"), 1)).await?;
                        }
                        done()
                    })
                });
                work.actor = Some(number.to_string());
                store.write(work).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let whole = log(&*store).await;
    assert_eq!(whole.len(), 60);
    for change in &whole {
        assert_eq!(change.id.split('-').next(), change.actor.as_deref());
    }
    for limit in [1, 2, 7, 1000] {
        let mut pages: Vec<Change> = Vec::new();
        loop {
            let after = pages.last().map_or(0, |change| change.seq);
            let page = store.changes(after, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            assert_eq!(last.seq, last.transaction, "a page ends where a transaction does");
            assert!(page.len() < limit.max(1) + 3);
            pages.extend(page);
        }
        assert_eq!(pages, whole);
    }
}

pub async fn a_position_outside_the_log_is_refused(lab: &dyn Lab) {
    let store = ready(lab).await;
    assert_eq!(store.changes(0, 10).await.unwrap(), []);
    for after in [1, 1000, u64::MAX] {
        assert!(store.changes(after, 10).await.unwrap_err().is(Code::InvalidCursor));
    }
}

/// What is done to one of a few documents.
#[derive(Clone, Debug)]
enum Act {
    Insert(u8, i64),
    Update(u8, i64, Option<String>),
    Delete(u8),
    Trash(u8, bool),
}

fn acts() -> impl Strategy<Value = Vec<(Vec<Act>, bool)>> {
    let act = prop_oneof![
        (0..6_u8, any::<i64>()).prop_map(|(id, age)| Act::Insert(id, age)),
        (0..6_u8, any::<i64>(), proptest::option::of(".{0,8}"))
            .prop_map(|(id, age, name)| Act::Update(id, age, name)),
        (0..6_u8).prop_map(Act::Delete),
        (0..6_u8, any::<bool>()).prop_map(|(id, deleted)| Act::Trash(id, deleted)),
    ];
    proptest::collection::vec((proptest::collection::vec(act, 1..5), any::<bool>()), 1..25)
}

type State = BTreeMap<(String, String), Row>;

async fn live(store: &dyn Store) -> State {
    let mut state = State::new();
    for shape in [Person::shape(), Note::shape()] {
        for row in all(store, shape).await {
            if shape.deleted_at.is_none_or(|at| row[at].is_null()) {
                state.insert((shape.path.clone(), row[0].as_text().unwrap().to_owned()), row);
            }
        }
    }
    state
}

/// Does it as far as it makes sense; whether the work is to fail in the end.
async fn act(store: &dyn Store, acts: Vec<Act>, fails: bool) {
    let work = steps(move |tx| {
        Box::pin(async move {
            for act in acts {
                let (number, shape) = match &act {
                    Act::Insert(id, _) | Act::Update(id, ..) | Act::Delete(id) | Act::Trash(id, _) => {
                        (*id, if id % 2 == 0 { Person::shape() } else { Note::shape() })
                    }
                };
                let id = format!("0190163d-8694-739b-aea5-966c26f8ad9{number}");
                let found = tx.read(&by_id(shape, &id), modeller::store::Rows::of(shape)).await?;
                let found = modeller::store::sink::<modeller::store::Rows>(found).rows.pop();
                let next = |old: &Row| {
                    let mut new = old.clone();
                    new[1] = Value::Integer(old[1].as_integer().unwrap() + 1);
                    new
                };
                match (act, found) {
                    (Act::Insert(_, age), None) if number % 2 == 0 => {
                        tx.insert(shape, &Person::aged(&id, age)).await?;
                    }
                    (Act::Insert(..), None) => tx.insert(shape, &Note::row(&id, &id)).await?,
                    (Act::Update(_, age, name), Some(old)) => {
                        let mut new = next(&old);
                        if number % 2 == 0 {
                            new[5] = name.map_or(Value::Null, Value::Text);
                            new[6] = Value::Integer(age);
                        }
                        tx.update(shape, &old, &new).await?;
                    }
                    (Act::Delete(_), Some(old)) => tx.delete(shape, &old).await?,
                    (Act::Trash(_, deleted), Some(old)) if number % 2 == 1 => {
                        let mut new = next(&old);
                        new[Note::DELETED] = if deleted { Value::Integer(1) } else { Value::Null };
                        tx.update(shape, &old, &new).await?;
                    }
                    _ => {}
                }
            }
            if fails { Err(modeller::model::Error::new(Code::Forbidden, "no")) } else { done() }
        })
    });
    assert_eq!(store.write(work).await.is_err(), fails);
}

pub async fn undoing_the_log_gives_every_earlier_state(lab: &dyn Lab) {
    let handle = tokio::runtime::Handle::current();
    let store = ready(lab).await;
    let run = move || {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 24,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        runner
            .run(&acts(), |works| {
                handle.block_on(async {
                    let mut states =
                        vec![(log(&*store).await.last().map_or(0, |change| change.seq), live(&*store).await)];
                    for (acts, fails) in works {
                        act(&*store, acts, fails).await;
                        let seq = log(&*store).await.last().map_or(0, |change| change.seq);
                        states.push((seq, live(&*store).await));
                    }
                    let mut state = live(&*store).await;
                    let mut changes = log(&*store).await;
                    while let Some((seq, expected)) = states.pop() {
                        while changes.last().is_some_and(|change| change.seq > seq) {
                            undo(&mut state, &changes.pop().unwrap());
                        }
                        assert_eq!(state, expected, "as it was after {seq}");
                    }
                });
                Ok(())
            })
            .unwrap();
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

fn undo(state: &mut State, change: &Change) {
    let key = (change.model.clone(), change.id.clone());
    match change.op {
        ChangeOp::Insert => assert!(state.remove(&key).is_some(), "{change:?}"),
        ChangeOp::Update => {
            let row = state.get_mut(&key).unwrap();
            for (index, value) in &change.old {
                row[*index] = value.clone();
            }
        }
        ChangeOp::Delete => {
            let row = Row(change.old.iter().map(|(_, value)| value.clone()).collect());
            assert_eq!(row[Shape::ID].as_text(), Some(change.id.as_str()));
            assert!(state.insert(key, row).is_none(), "{change:?}");
        }
    }
}
