//! All of a work or nothing of it, whatever its neighbours do.

use std::collections::BTreeSet;
use std::sync::Arc;

use modeller::model::{Code, Error, Value};
use modeller::store::{Rows, Sink, sink};

use crate::lab::*;
use crate::models::{Note, Person, Seat, Ticket};

fn count(sink_: Box<dyn Sink>) -> usize {
    sink::<Rows>(sink_).rows.len()
}

pub async fn a_work_sees_its_own_writes(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let work = steps(move |tx| {
        Box::pin(async move {
            let row = Person::aged("a", 1);
            assert_eq!(count(tx.read(&by_id(shape, "a"), Rows::of(shape)).await?), 0);
            tx.insert(shape, &row).await?;
            assert_eq!(count(tx.read(&by_id(shape, "a"), Rows::of(shape)).await?), 1);
            tx.delete(shape, &row).await?;
            tx.insert(shape, &row).await?;
            assert_eq!(tx.count(shape, &modeller::query::Filter::True).await?, 1);
            answer(7_i32)
        })
    });
    let answer = store.write(work).await.unwrap();
    assert_eq!(*answer.downcast::<i32>().unwrap(), 7);
    assert_eq!(all(&*store, shape).await.len(), 1);
}

pub async fn a_failed_work_leaves_no_trace(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    insert(&*store, shape, Person::aged("a", 1)).await.unwrap();
    let before = log(&*store).await;
    let work = steps(move |tx| {
        Box::pin(async move {
            tx.insert(shape, &Person::aged("b", 1)).await?;
            tx.insert(Seat::shape(), &Seat::row("s", "x", None)).await?;
            tx.delete(shape, &Person::aged("a", 1)).await?;
            Err(Error::new(Code::Forbidden, "no"))
        })
    });
    assert!(store.write(work).await.unwrap_err().is(Code::Forbidden));
    assert_eq!(all(&*store, shape).await, [Person::aged("a", 1)]);
    assert_eq!(all(&*store, Seat::shape()).await, []);
    assert_eq!(log(&*store).await, before);
}

pub async fn neighbours_of_a_failed_work_are_not_disturbed(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    insert(&*store, shape, Person::row("first", "taken@example.org")).await.unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let id = format!("{number:03}");
                let taken = Person::row(&id, "taken@example.org");
                match number % 4 {
                    // Of several steps, the last fails.
                    0 => {
                        let work = steps(move |tx| {
                            Box::pin(async move {
                                tx.insert(shape, &Person::aged(&format!("{id}-before"), 1)).await?;
                                tx.insert(shape, &taken).await?;
                                done()
                            })
                        });
                        store.write(work).await.map(drop)
                    }
                    // One that goes on after a failed step.
                    1 => {
                        let work = steps(move |tx| {
                            Box::pin(async move {
                                assert!(tx.insert(shape, &taken).await.is_err());
                                tx.insert(shape, &Person::aged(&id, 1)).await?;
                                done()
                            })
                        });
                        store.write(work).await.map(drop)
                    }
                    2 => insert(&*store, shape, taken).await,
                    _ => insert(&*store, shape, Person::aged(&id, 1)).await,
                }
            })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        let outcome = task.await.unwrap();
        assert_eq!(outcome.is_ok(), number % 4 == 1 || number % 4 == 3, "{number}: {outcome:?}");
    }
    let stored: BTreeSet<String> = ids(&all(&*store, shape).await).into_iter().map(str::to_owned).collect();
    let mut expected: BTreeSet<String> =
        (0..100).filter(|number| number % 2 == 1).map(|number| format!("{number:03}")).collect();
    expected.insert("first".into());
    assert_eq!(stored, expected);
    let logged: BTreeSet<String> = log(&*store).await.into_iter().map(|change| change.id).collect();
    assert_eq!(logged, expected);
}

pub async fn a_panic_fails_its_own_work_only(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let row = Person::aged(&number.to_string(), 1);
                let mut work = steps(move |tx| {
                    Box::pin(async move {
                        tx.insert(shape, &row).await?;
                        assert!(number % 4 != 0, "a work that panics, on purpose");
                        done()
                    })
                });
                work.single = number % 8 < 4;
                store.write(work).await.map(drop)
            })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(()) => assert!(number % 4 != 0),
            Err(error) => assert!(number % 4 == 0 && error.is(Code::InternalError), "{error}"),
        }
    }
    assert_eq!(all(&*store, shape).await.len(), 30);
    assert_eq!(log(&*store).await.len(), 30);
}

pub async fn a_single_work_that_fails_after_its_change_is_undone(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let note = Note::shape();
    let kept = Person::aged("kept", 4);
    insert(&*store, shape, kept.clone()).await.unwrap();
    insert(&*store, note, Note::row("n", "t")).await.unwrap();
    let before = log(&*store).await;
    let fail = || Err(Error::new(Code::Forbidden, "after all"));
    let mut works = Vec::new();
    works.push(single(move |tx| {
        Box::pin(async move {
            tx.insert(shape, &Person::aged("new", 1)).await?;
            fail()
        })
    }));
    let old = kept.clone();
    works.push(single(move |tx| {
        Box::pin(async move {
            let mut new = old.clone();
            new[1] = Value::Integer(2);
            new[6] = Value::Null;
            new[4] = "other".into();
            tx.update(shape, &old, &new).await?;
            fail()
        })
    }));
    let old = kept.clone();
    works.push(single(move |tx| {
        Box::pin(async move {
            tx.delete(shape, &old).await?;
            fail()
        })
    }));
    works.push(single(move |tx| {
        Box::pin(async move {
            let old = Note::row("n", "t");
            let mut new = old.clone();
            new[Note::DELETED] = Value::Integer(9);
            tx.update(note, &old, &new).await?;
            fail()
        })
    }));
    // Some that go on after the one change that was expected.
    works.push(single(move |tx| {
        Box::pin(async move {
            tx.insert(shape, &Person::aged("one", 1)).await?;
            tx.insert(shape, &Person::aged("two", 1)).await?;
            fail()
        })
    }));
    let old = kept.clone();
    works.push(single(move |tx| {
        Box::pin(async move {
            tx.delete(shape, &old).await?;
            tx.insert(shape, &old).await?;
            tx.insert(note, &Note::row("m", "t")).await?;
            fail()
        })
    }));
    let (mut tasks, mut neighbours) = (Vec::new(), Vec::new());
    for (number, work) in works.into_iter().enumerate() {
        let one = Arc::clone(&store);
        tasks.push(tokio::spawn(async move { one.write(work).await.map(drop) }));
        let one = Arc::clone(&store);
        neighbours.push(tokio::spawn(async move {
            insert(&*one, Seat::shape(), Seat::row(&number.to_string(), "s", None)).await
        }));
    }
    for task in tasks {
        task.await.unwrap().unwrap_err();
    }
    for neighbour in neighbours {
        neighbour.await.unwrap().unwrap();
    }
    assert_eq!(all(&*store, shape).await, [kept]);
    assert_eq!(all(&*store, note).await, [Note::row("n", "t")]);
    let after: Vec<_> =
        log(&*store).await.into_iter().filter(|change| change.model != Seat::shape().path).collect();
    assert_eq!(after, before);
}

pub async fn a_work_that_waits_for_something_else_is_waited_for(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let (go, wait) = tokio::sync::oneshot::channel();
    let work = steps(move |tx| {
        Box::pin(async move {
            tx.insert(shape, &Person::aged("b", 1)).await?;
            wait.await.unwrap();
            tx.insert(shape, &Person::aged("c", 1)).await?;
            done()
        })
    });
    let one = Arc::clone(&store);
    let written = tokio::spawn(async move { one.write(work).await.map(drop) });
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    written.await.unwrap().unwrap();
    assert_eq!(all(&*store, shape).await.len(), 2);
}

pub async fn a_work_that_waits_for_ever_is_undone_and_others_go_on(lab: &dyn Lab) {
    let store = hasty(lab).await;
    let shape = Person::shape();
    let work = steps(move |tx| {
        Box::pin(async move {
            tx.insert(shape, &Person::aged("a", 1)).await?;
            std::future::pending::<()>().await;
            done()
        })
    });
    assert!(store.write(work).await.unwrap_err().is(Code::Timeout));
    assert_eq!(all(&*store, shape).await, []);
    insert(&*store, shape, Person::aged("a", 1)).await.unwrap();
}

pub async fn numbers_are_never_given_twice(lab: &dyn Lab) {
    // SCH-11
    let store = ready(lab).await;
    let shape = Seat::shape();
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut work = steps(move |tx| {
                    Box::pin(async move {
                        let mut row = Seat::row(&number.to_string(), "x", None);
                        let serial = tx.next(shape, Seat::SERIAL).await?;
                        row[Seat::SERIAL] = Value::Integer(serial);
                        tx.insert(shape, &row).await?;
                        if number % 5 == 0 {
                            return Err(Error::new(Code::Forbidden, "no"));
                        }
                        answer(serial)
                    })
                });
                work.single = number % 2 == 0;
                store.write(work).await
            })
        })
        .collect();
    let mut given = BTreeSet::new();
    for task in tasks {
        if let Ok(answer) = task.await.unwrap() {
            assert!(given.insert(*answer.downcast::<i64>().unwrap()));
        }
    }
    assert_eq!(given.len(), 48);
    let last = *given.last().unwrap();
    // Not even when all documents are gone.
    for row in all(&*store, shape).await {
        delete(&*store, shape, row[0].as_text().unwrap()).await.unwrap();
    }
    let work = single(move |tx| Box::pin(async move { answer(tx.next(shape, Seat::SERIAL).await?) }));
    let next = *store.write(work).await.unwrap().downcast::<i64>().unwrap();
    assert!(next > last, "{next} after {last}");
}

pub async fn a_unique_number_that_a_caller_took_is_not_given(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Ticket::shape();
    let next = async || {
        let work = steps(move |tx| {
            Box::pin(async move {
                let number = tx.next(shape, Ticket::NUMBER).await?;
                tx.insert(shape, &Ticket::row(number)).await?;
                answer(number)
            })
        });
        *store.write(work).await.unwrap().downcast::<i64>().unwrap()
    };
    assert_eq!(next().await, 1);
    for number in (2..50).chain([60]) {
        insert(&*store, shape, Ticket::row(number)).await.unwrap();
    }
    // It goes on, and once more where it is clear already.
    let further = next().await;
    assert!(further == 50 || further == 61, "{further}");
    assert!(next().await > further);
}

pub async fn everything_accepted_is_written_before_close(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { insert(&*store, shape, Person::aged(&number.to_string(), 1)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    tokio::time::timeout(std::time::Duration::from_secs(60), store.close()).await.unwrap();
    for task in tasks {
        // Accepted and written, or refused: nobody hangs.
        if let Err(error) = task.await.unwrap() {
            assert!(error.is(Code::StoreUnavailable), "{error}");
        }
    }
    assert!(insert(&*store, shape, Person::aged("late", 1)).await.unwrap_err().is(Code::StoreUnavailable));
    let read = store.read(&by_id(shape, "1"), Rows::of(shape)).await;
    assert!(read.err().unwrap().is(Code::StoreUnavailable));
    assert!(store.begin(None).await.err().unwrap().is(Code::StoreUnavailable));
    store.close().await;
}
