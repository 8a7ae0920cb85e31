//! Transactions that would not end, or that nobody waits for.

use super::*;

#[tokio::test]
async fn one_that_never_ends_is_rolled_back_and_others_go_on() {
    let kit = hasty_bank(Duration::from_secs(1)).await;
    let before = traces(&kit).await;
    let cx = kit.cx();
    let (open, opened) = tokio::sync::oneshot::channel();
    let endless = {
        let cx = cx.clone();
        tokio::spawn(async move {
            cx.transaction(async |tx| {
                let inserted = Tally::insert(&tx, Tally { name: "a".into(), count: 0 }).await;
                open.send(inserted.map(drop)).unwrap();
                std::future::pending::<Result<()>>().await
            })
            .await
        })
    };
    if let Err(error) = opened.await.unwrap() {
        // On a busy machine its time may be over before the first step.
        assert!(error.is(Code::Timeout), "{error}");
    }
    // Waits for the writer, and gets it when the other one's time is over.
    let waiting = Account::insert(&cx, account("eve", 1));
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("its turn comes").unwrap();
    assert_eq!(Tally::count(&cx).await.unwrap(), 0);
    endless.abort();
    Account::delete_where(&cx, Account::OWNER.eq("eve")).await.unwrap();
    // One that comes back too late is told so: others, who wait for its end, have written meanwhile.
    let late = cx
        .transaction(async |tx| {
            Tally::insert(&tx, Tally { name: "a".into(), count: 0 }).await?;
            Account::insert(&cx, account("fay", 1)).await?;
            Tally::insert(&tx, Tally { name: "b".into(), count: 0 }).await
        })
        .await;
    assert!(late.unwrap_err().is(Code::Timeout));
    let late = cx
        .transaction(async |tx| {
            Tally::insert(&tx, Tally { name: "a".into(), count: 0 }).await?;
            Account::insert(&cx, account("gus", 1)).await?;
            Ok(())
        })
        .await;
    assert!(late.unwrap_err().is(Code::Timeout));
    assert_eq!(Tally::count(&cx).await.unwrap(), 0);
    assert!(!traces(&kit).await.contains("tallies"));
    assert!(!before.contains("tallies"));
}

#[tokio::test]
async fn one_that_is_dropped_midway_leaves_nothing_and_frees_the_writer() {
    let kit = bank().await;
    let before = traces(&kit).await;
    let follows = Arc::new(AtomicUsize::new(0));
    for _ in 0..20 {
        let cx = kit.cx();
        let followed = follows.clone();
        let body = cx.transaction(async |tx| {
            tx.after_commit(async move {
                followed.fetch_add(1, Ordering::Relaxed);
            });
            Tally::insert(&tx, Tally { name: "a".into(), count: 0 }).await?;
            Account::insert(&tx, account("eve", 1)).await?;
            std::future::pending::<Result<()>>().await
        });
        assert!(tokio::time::timeout(Duration::from_millis(10), body).await.is_err());
    }
    let begun = Instant::now();
    Tally::insert(&kit.cx(), Tally { name: "z".into(), count: 0 }).await.unwrap();
    Tally::delete(&kit.cx(), "z").await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "nobody's time had to run out");
    kit.settled().await;
    assert_eq!(follows.load(Ordering::Relaxed), 0);
    assert_eq!(Account::count(&kit.cx()).await.unwrap(), 2);
    let (log, was) = (traces(&kit).await, before);
    assert_eq!(log.matches("Insert").count(), was.matches("Insert").count() + 1, "only `z` came");
}

#[tokio::test]
async fn a_hundred_thousand_operations_are_refused() {
    let kit = bank().await;
    let before = traces(&kit).await;
    let insert = |n: usize| json!({ "op": "insert", "model": "bank/tallies", "data": { "name": n.to_string(), "count": 1 } });
    let body = json!({ "operations": (0..100_000).map(insert).collect::<Vec<_>>() }).to_string();
    let begun = Instant::now();
    // The door does not even take so much; the engine, whatever the door, takes no more than a thousand.
    refused(
        &kit.anonymous().send(modeller::doors::http::Method::POST, PATH, body.clone().into_bytes()).await,
        413,
        "PAYLOAD_TOO_LARGE",
    );
    let error = kit.cx().transact(Transact::new(body.into_bytes())).await.unwrap_err();
    assert!(error.is(Code::InvalidRequest), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    refused(&send(&kit, (0..1_001).map(insert).collect()).await, 400, "INVALID_REQUEST");
    assert_eq!(traces(&kit).await, before);
    let answer = send(&kit, (0..1_000).map(insert).collect()).await.expect(200);
    assert_eq!(answer["results"].as_array().unwrap().len(), 1_000);
    assert_eq!(units(&kit).await.last().unwrap().len(), 1_000);
}

#[tokio::test]
async fn one_over_the_wire_takes_no_longer_than_any_other() {
    let kit = hasty_bank(Duration::from_millis(100)).await;
    let before = traces(&kit).await;
    // A hook that is slow, for each of them.
    let points = [HookPoint::new(Timing::Before, Operation::Insert)];
    kit.engine()
        .hooks()
        .hook::<Tally>("slow", &points, |_| {
            Box::pin(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(())
            })
        })
        .unwrap();
    let insert = |n: i32| json!({ "op": "insert", "model": "bank/tallies", "data": { "name": n.to_string(), "count": 1 } });
    let answer = send(&kit, (0..20).map(insert).collect()).await;
    refused(&answer, 408, "TIMEOUT");
    assert_eq!(traces(&kit).await, before);
    // One without the hook: a busy machine might take longer for that than any write may.
    Account::insert(&kit.cx(), account("eve", 1)).await.unwrap();
}
