//! Jobs come into being with the transaction that wants them.

use std::time::Duration;

use modeller::engine::{JobState, Schedule};
use modeller::prelude::*;

use crate::{Order, START, Write, effects, job, start, state, write};

// X-09
#[tokio::test]
async fn a_job_is_there_exactly_if_the_commit_is() {
    let (engine, cx, _) = start().await;
    let failed: Result<()> = cx
        .transaction(async |tx| {
            Order::insert(&tx, Order { what: "tea".into() }).await?;
            write("lost").enqueue(&tx).await?;
            Err(Error::custom("NO", 400, "no"))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(engine.jobs().counts().await.unwrap(), Default::default());
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0);

    cx.transaction(async |tx| {
        Order::insert(&tx, Order { what: "tea".into() }).await?;
        tx.enqueue(write("kept")).await?;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(engine.jobs().counts().await.unwrap().waiting, 1);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    assert_eq!(effects(&cx).await, ["kept"]);
    assert_eq!(Order::count(&cx).await.unwrap(), 1);
}

// X-09
#[tokio::test]
async fn a_job_that_is_done_keeps_what_it_was() {
    let (engine, cx, clock) = start().await;
    let enqueued = write("once").enqueue(&cx).await.unwrap();
    assert!(enqueued.is_new);
    let waiting = job(&engine, &enqueued.id).await;
    assert_eq!((waiting.name.as_str(), waiting.state, waiting.at), ("write", JobState::Waiting, START));
    assert_eq!(waiting.payload, r#"{"text":"once","failures":0,"status":0}"#);
    clock.advance(Duration::from_secs(1));
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    let done = job(&engine, &enqueued.id).await;
    assert_eq!((done.state, done.attempt, done.attempts), (JobState::Done, 1, 4));
    assert_eq!(done.finished_at, Some(START + 1_000));
    assert_eq!((done.owner.clone(), done.error.clone()), (None, None));
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0, "what is done never runs again");
    assert_eq!(effects(&cx).await, ["once"]);
}

// HOO-15
#[tokio::test]
async fn a_job_runs_when_its_time_has_come() {
    let (engine, cx, clock) = start().await;
    write("third").enqueue(&cx).at(START + 120_000).await.unwrap();
    write("second").enqueue(&cx).delay(Duration::from_secs(60)).await.unwrap();
    write("first").enqueue(&cx).at(5).await.unwrap();
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    clock.advance(Duration::from_millis(59_999));
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    assert_eq!(effects(&cx).await, ["first", "second", "third"]);
}

// X-09
#[tokio::test]
async fn a_unique_key_belongs_to_one_job_until_that_is_over() {
    let (engine, cx, clock) = start().await;
    let first = write("first").enqueue(&cx).unique("mail").delay(Duration::from_secs(1)).await.unwrap();
    let again = write("again").enqueue(&cx).unique("mail").await.unwrap();
    assert_eq!((again.id.clone(), again.is_new), (first.id.clone(), false));
    let other = write("other").enqueue(&cx).unique("letter").await.unwrap();
    assert!(other.is_new);
    clock.advance(Duration::from_secs(1));
    assert_eq!(engine.jobs().run_due().await.unwrap(), 2);
    let after = write("after").enqueue(&cx).unique("mail").await.unwrap();
    assert!(after.is_new);
    engine.jobs().cancel(&after.id).await.unwrap();
    assert!(write("more").enqueue(&cx).unique("mail").await.unwrap().is_new);
}

// X-09
#[tokio::test]
async fn what_can_never_run_is_not_enqueued() {
    let (engine, cx, _) = start().await;
    let error = write("").enqueue(&cx).await.unwrap_err();
    assert!(error.is(Code::ValidationError), "{error}");
    for bad in ["".to_owned(), "x".repeat(513), "a\0b".to_owned()] {
        let error = write("x").enqueue(&cx).unique(bad).await.unwrap_err();
        assert!(error.is(Code::ValidationError), "{error}");
    }
    for attempts in [0, u32::MAX] {
        let error = write("x").enqueue(&cx).attempts(attempts).await.unwrap_err();
        assert!(error.is(Code::ValidationError), "{error}");
    }
    let far = write("x").enqueue(&cx).delay(Duration::MAX).await.unwrap();
    assert_eq!(state(&engine, &far.id).await, JobState::Waiting);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0);
    let many = vec![write("a"), write(""), write("c")];
    assert!(cx.enqueue_many(many, Schedule::new()).await.is_err());
    assert_eq!(engine.jobs().counts().await.unwrap().waiting, 1, "all of them, or none");
}

// X-09
#[tokio::test]
async fn many_jobs_are_enqueued_in_one_write_and_all_of_them_run() {
    let (engine, cx, _) = start().await;
    let jobs: Vec<Write> = (0..1_000).map(|number| write(&format!("{number:03}"))).collect();
    let enqueued = cx.enqueue_many(jobs, Schedule::new().attempts(1)).await.unwrap();
    assert_eq!(enqueued.len(), 1_000);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1_000);
    let mut written = effects(&cx).await;
    written.sort();
    written.dedup();
    assert_eq!(written.len(), 1_000);
    assert_eq!(engine.jobs().counts().await.unwrap().done, 1_000);
}
