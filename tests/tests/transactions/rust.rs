//! `cx.transaction`, `cx.retrying` and `cx.after_commit`.

use super::*;

#[tokio::test]
async fn what_is_done_in_a_transaction_is_one_unit_in_tables_and_log() {
    // TXN-01, TXN-06
    let kit = bank().await;
    let (ada, bob) = (of(&kit, "ada").await, of(&kit, "bob").await);
    let cx = kit.cx();
    let before = units(&kit).await.len();
    cx.transaction(async |tx| {
        assert!(tx.in_transaction());
        Account::update(&tx, &ada.id, Account::CENTS.set(70)).await?;
        Account::update(&tx, &bob.id, Account::CENTS.set(30)).await?;
        let (from, to) = (Ref::from(ada.id.clone()), Ref::from(bob.id.clone()));
        Move::insert(&tx, Move { from, to, cents: 30 }).await?;
        Tally::upsert(&tx, Tally { name: "moves".into(), count: 1 }).await?;
        // Its own writes it sees; others see none of them before the end.
        assert_eq!(Account::get(&tx, &bob.id).await?.unwrap().cents, 30);
        assert_eq!((Move::count(&tx).await?, Move::count(&cx).await?), (1, 0));
        assert_eq!(kit.engine().store().changes(0, 100).await?.len(), 2);
        Ok(())
    })
    .await
    .unwrap();
    let units = units(&kit).await;
    assert_eq!(units.len(), before + 1);
    let models: Vec<&str> = units[before].iter().map(|(model, _)| model.as_str()).collect();
    assert_eq!(models, ["bank/accounts", "bank/accounts", "bank/moves", "bank/tallies"]);
}

#[tokio::test]
async fn a_rollback_leaves_no_trace_in_tables_and_log() {
    // TXN-05
    let kit = bank().await;
    let ada = of(&kit, "ada").await;
    let before = traces(&kit).await;
    let follows = Arc::new(AtomicUsize::new(0));
    for last in 0..4 {
        let failed = kit
            .cx()
            .transaction(async |tx| {
                let follows = follows.clone();
                tx.after_commit(async move {
                    follows.fetch_add(1, Ordering::Relaxed);
                });
                Account::insert(&tx, account("eve", 1)).await?;
                let (from, to) = (Ref::from(ada.id.clone()), Ref::from(ada.id.clone()));
                let made = Move::insert(&tx, Move { from, to, cents: 5 }).await?;
                Move::delete(&tx, &made.id).await?;
                match last {
                    // Taken already, not valid, refers to nothing, and an error of the body's own.
                    0 => Account::insert(&tx, account("bob", 1)).await.map(drop),
                    1 => Account::update(&tx, &ada.id, Account::CENTS.set(-1)).await.map(drop),
                    2 => {
                        let nobody = || Ref::from(Id::from("nobody"));
                        Move::insert(&tx, Move { from: nobody(), to: nobody(), cents: 1 }).await.map(drop)
                    }
                    _ => Err(Error::custom("NO_MONEY", 409, "there is not enough")),
                }
            })
            .await
            .unwrap_err();
        let codes = ["UNIQUE_VIOLATION", "VALIDATION_ERROR", "VALIDATION_ERROR", "NO_MONEY"];
        assert_eq!(failed.code(), codes[last], "{failed}");
    }
    kit.settled().await;
    assert_eq!(traces(&kit).await, before);
    assert_eq!(follows.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_follows_a_commit_comes_after_it_in_order_and_only_then() {
    let kit = bank().await;
    let told: Arc<Mutex<Vec<(&str, u64)>>> = Arc::default();
    let tell = |name: &'static str| {
        let (cx, told) = (kit.cx(), told.clone());
        async move {
            let count = Tally::count(&cx).await.unwrap();
            told.lock().unwrap().push((name, count));
        }
    };
    kit.cx()
        .transaction(async |tx| {
            tx.after_commit(tell("first"));
            Tally::insert(&tx, Tally { name: "a".into(), count: 0 }).await?;
            // That of a transaction within waits for the whole.
            tx.transaction(async |inner| {
                inner.after_commit(tell("second"));
                Tally::insert(&inner, Tally { name: "b".into(), count: 0 }).await
            })
            .await?;
            assert!(told.lock().unwrap().is_empty());
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(*told.lock().unwrap(), [("first", 2), ("second", 2)]);
    // Without a transaction it is done at once, by a task of its own, which the kit waits for.
    kit.cx().after_commit(tell("third"));
    kit.settled().await;
    assert_eq!(told.lock().unwrap().last(), Some(&("third", 2)));
}

#[tokio::test]
async fn what_follows_a_commit_happens_although_the_caller_has_gone() {
    let kit = bank().await;
    let followed = Arc::new(AtomicUsize::new(0));
    let (mut committed, mut begun, mut polls, mut ends) = (0, 0, 0_u64, 0);
    // Wherever it is broken off: what follows happens exactly if the transaction was committed. Some come to their end, or almost.
    while ends < 20 {
        begun += 1;
        assert!(begun < 1_000, "none comes to its end");
        polls += if ends == 0 { 1 + polls / 20 } else { 0 };
        let (count, wanted) = (followed.clone(), polls.saturating_sub(ends));
        let name = begun.to_string();
        let cx = kit.cx();
        let mut transaction = Box::pin(cx.transaction(async |tx| {
            tx.after_commit(async move {
                count.fetch_add(1, Ordering::Relaxed);
            });
            // However fast the store is, the first poll does not come to the end.
            tokio::task::yield_now().await;
            Tally::insert(&tx, Tally { name: name.clone(), count: 0 }).await
        }));
        let mut is_ready = false;
        for _ in 0..wanted {
            let polled =
                std::future::poll_fn(|waker| std::task::Poll::Ready(transaction.as_mut().poll(waker))).await;
            is_ready = polled.is_ready();
            if is_ready {
                break;
            }
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_micros(200));
        }
        // From the first that ends on they are broken off sooner and sooner.
        ends += u64::from(is_ready || ends > 0);
        drop(transaction);
        kit.settled().await;
        // The writer is free again once it has looked at what became of the one before.
        Tally::upsert(&kit.cx(), Tally { name: "after".into(), count: 0 }).await.unwrap();
        committed = Tally::find().filter(Tally::NAME.ne("after")).count(&kit.cx()).await.unwrap();
        assert_eq!(followed.load(Ordering::Relaxed) as u64, committed, "broken off after {wanted} polls");
    }
    assert!(committed > 0 && committed < begun, "{committed} of {begun} were committed");
}

#[tokio::test]
async fn a_panic_in_what_follows_a_commit_changes_nothing() {
    let kit = bank().await;
    let (told, next) = tokio::sync::oneshot::channel();
    let done = kit
        .cx()
        .transaction(async |tx| {
            tx.after_commit(async { panic!("this is part of the test") });
            // The others come all the same.
            tx.after_commit(async move { told.send(()).unwrap() });
            Tally::insert(&tx, Tally { name: "a".into(), count: 0 }).await
        })
        .await;
    assert_eq!(done.unwrap().count, 0);
    next.await.unwrap();
    kit.settled().await;
    assert_eq!(Tally::count(&kit.cx()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_transaction_within_a_transaction_is_the_same_one() {
    let kit = bank().await;
    let before = traces(&kit).await;
    let insert =
        async |cx: &Cx, name: &str| Tally::insert(cx, Tally { name: name.into(), count: 0 }).await.map(drop);
    // The inner one fails, and the outer one goes on: nothing of either may stay.
    let outcome = kit
        .cx()
        .transaction(async |tx| {
            insert(&tx, "outer").await?;
            let inner: Result<()> = tx
                .transaction(async |tx| {
                    insert(&tx, "inner").await?;
                    Err(Error::new(Code::Forbidden, "no"))
                })
                .await;
            assert!(inner.unwrap_err().is(Code::Forbidden));
            assert!(insert(&tx, "later").await.unwrap_err().is(Code::Conflict));
            Ok(())
        })
        .await;
    assert!(outcome.unwrap_err().is(Code::Conflict));
    // The inner one succeeds, and the outer one fails.
    let outcome: Result<()> = kit
        .cx()
        .transaction(async |tx| {
            tx.transaction(async |tx| insert(&tx, "inner").await).await?;
            assert_eq!(Tally::count(&tx).await?, 1);
            Err(Error::new(Code::Forbidden, "no"))
        })
        .await;
    assert!(outcome.unwrap_err().is(Code::Forbidden));
    assert_eq!(traces(&kit).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_change_one_document_lose_no_change() {
    // TXN-04
    let kit = bank().await;
    let tally = Tally::insert(&kit.cx(), Tally { name: "n".into(), count: 0 }).await.unwrap();
    let tries = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (cx, tries) = (kit.cx(), tries.clone());
            // What each has on its screen before anybody has written; the first attempt goes by that.
            let seen = Mutex::new(Some(tally.clone()));
            tokio::spawn(async move {
                cx.retrying(3, async |tx| {
                    tries.fetch_add(1, Ordering::Relaxed);
                    let known = seen.lock().unwrap().take();
                    let mut tally = match known {
                        Some(tally) => tally,
                        None => Tally::get(&tx, "n").await?.unwrap(),
                    };
                    tally.count += 1;
                    Tally::save(&tx, &tally).await
                })
                .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let tally = Tally::get(&kit.cx(), "n").await.unwrap().unwrap();
    assert_eq!((tally.count, tally.version), (100, 101));
    assert_eq!(tries.load(Ordering::Relaxed), 199, "all but one have found the document changed");
}

#[tokio::test]
async fn only_conflicts_are_tried_again_and_only_so_often() {
    let kit = bank().await;
    let tries = AtomicUsize::new(0);
    let cx = kit.cx();
    let failing = async |attempts, code: Code| {
        tries.store(0, Ordering::Relaxed);
        let failed: Result<()> = cx
            .retrying(attempts, async |tx| {
                tries.fetch_add(1, Ordering::Relaxed);
                Tally::insert(&tx, Tally { name: "a".into(), count: 0 }).await?;
                Err(Error::new(code, "no"))
            })
            .await;
        assert!(failed.unwrap_err().is(code));
        tries.load(Ordering::Relaxed)
    };
    assert_eq!(failing(4, Code::Conflict).await, 4);
    assert_eq!(failing(0, Code::Conflict).await, 1);
    assert_eq!(failing(4, Code::Forbidden).await, 1);
    assert_eq!(Tally::count(&cx).await.unwrap(), 0);
    // Within a transaction a part can't be tried again.
    let tries = AtomicUsize::new(0);
    let failed: Result<()> = cx
        .transaction(async |tx| {
            tx.retrying(4, async |_| {
                tries.fetch_add(1, Ordering::Relaxed);
                Err(Error::new(Code::Conflict, "no"))
            })
            .await
        })
        .await;
    assert!(failed.unwrap_err().is(Code::Conflict));
    assert_eq!(tries.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_context_of_a_query_begins_no_transaction() {
    let kit = bank().await;
    let cx = kit.cx().reading();
    let begun = AtomicUsize::new(0);
    let body = async |_| {
        begun.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    assert!(cx.transaction(body).await.is_err());
    assert!(cx.retrying(3, body).await.is_err());
    assert_eq!(begun.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_application_that_stops_lets_what_follows_a_commit_come_to_its_end() {
    let kit = bank().await;
    let followed = Arc::new(AtomicUsize::new(0));
    let count = followed.clone();
    kit.cx().after_commit(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        count.fetch_add(1, Ordering::Relaxed);
    });
    kit.engine().stop().await;
    assert_eq!(followed.load(Ordering::Relaxed), 1);
}
