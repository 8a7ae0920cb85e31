//! The runner in the background, and the jobs that nobody knows.

use std::time::Duration;

use modeller::App;
use modeller::engine::{Clock, JobEntry, JobState, JobsOptions};
use modeller::prelude::*;
use serde_json::json;

use crate::{Effect, Order, START, Wait, Write, effects, gate, job, pass, start, state, until, write};

/// Enqueues another one of its kind.
#[modeller::job]
async fn count_down(cx: &Cx, from: i64) -> Result<()> {
    Effect::insert(cx, Effect { text: from.to_string() }).await?;
    if from > 0 {
        CountDown { from: from - 1 }.enqueue(cx).await?;
    }
    Ok(())
}

//
#[tokio::test]
async fn a_commit_wakes_the_runner_at_once() {
    let clock = Clock::manual(START);
    let app = App::isolated().models::<(Effect, Order)>().clock(clock.clone());
    let engine = app.engine().await.unwrap();
    engine.jobs().start();
    let cx = engine.cx();
    // The clock stands still: nothing but the commit can wake it.
    for number in 1..=5 {
        let id = cx.transaction(async |tx| write("now").enqueue(&tx).await).await.unwrap().id;
        until("the job is done", async || state(&engine, &id).await == JobState::Done).await;
        assert_eq!(effects(&cx).await.len(), number);
    }
    let later = write("later").enqueue(&cx).delay(Duration::from_secs(90)).await.unwrap().id;
    clock.advance(Duration::from_secs(89));
    tokio::task::yield_now().await;
    assert_eq!(state(&engine, &later).await, JobState::Waiting);
    clock.advance(Duration::from_secs(1));
    until("the delay is over", async || state(&engine, &later).await == JobState::Done).await;
    engine.stop().await;
    let after = write("after").enqueue(&cx).await.unwrap().id;
    assert_eq!(state(&engine, &after).await, JobState::Waiting);
}

//
#[tokio::test]
async fn an_application_by_itself_runs_no_jobs_in_tests() {
    let (engine, cx, clock) = start().await;
    let id = write("x").enqueue(&cx).await.unwrap().id;
    clock.advance(Duration::from_secs(3_600));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(state(&engine, &id).await, JobState::Waiting);
}

//
#[tokio::test]
async fn what_jobs_enqueue_runs_too() {
    let (engine, cx, _) = start().await;
    CountDown { from: 9 }.enqueue(&cx).await.unwrap();
    assert_eq!(engine.jobs().run_due().await.unwrap(), 10);
    assert_eq!(effects(&cx).await.len(), 10);
}

//
#[tokio::test]
async fn no_more_jobs_run_at_once_than_may() {
    let (engine, cx, _) = start().await;
    engine.jobs().set_options(JobsOptions::new().concurrency(3).batch(5));
    for _ in 0..12 {
        Wait { gate: "three".into() }.enqueue(&cx).await.unwrap();
    }
    let jobs = engine.jobs();
    let running = tokio::spawn(async move { jobs.run_due().await.unwrap() });
    for _ in 0..3 {
        pass("three", "reached").await;
    }
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(gate("three", "reached").available_permits(), 0);
    gate("three", "open").add_permits(12);
    assert_eq!(running.await.unwrap(), 12);
}

//
#[tokio::test]
async fn a_job_that_nobody_knows_stays_and_is_in_nobody_s_way() {
    let (engine, cx, clock) = start().await;
    engine.jobs().set_options(JobsOptions::new().batch(10));
    let known = write("known").enqueue(&cx).await.unwrap().id;
    let mut entry: JobEntry = job(&engine, &known).await.data;
    entry.name = "sendTelegram".into();
    entry.at = START - 1;
    for _ in 0..50 {
        JobEntry::insert(&cx, entry.clone()).await.unwrap();
    }
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    assert_eq!(state(&engine, &known).await, JobState::Done);
    for _ in 0..5 {
        clock.advance(Duration::from_secs(61));
        assert_eq!(engine.jobs().run_due().await.unwrap(), 0);
    }
    let waiting = engine.jobs().list(JobState::Waiting, 100).await.unwrap();
    assert_eq!(waiting.len(), 50);
    assert!(waiting.iter().all(|job| job.attempt == 0 && job.name == "sendTelegram"));
}

//
#[tokio::test]
async fn a_payload_that_does_not_fit_any_more_is_a_dead_letter() {
    let (engine, cx, _) = start().await;
    let id = write("fits").enqueue(&cx).await.unwrap().id;
    let entry = job(&engine, &id).await.data;
    engine.jobs().run_due().await.unwrap();
    for payload in ["{}", "nonsense", "", "{\"text\":\"\"}", "[]", "{\"text\":1}"] {
        let bad = JobEntry { payload: payload.into(), ..entry.clone() };
        let bad = JobEntry::insert(&cx, bad).await.unwrap();
        engine.jobs().run_due().await.unwrap();
        assert_eq!(state(&engine, bad.id.as_str()).await, JobState::Dead, "{payload}");
    }
    assert_eq!(effects(&cx).await, ["fits"]);
}

//
#[tokio::test]
async fn what_belongs_to_a_job_is_refused_elsewhere() {
    let (_, cx, _) = start().await;
    assert!(cx.progress(0.5, "").await.unwrap_err().is(Code::InvalidRequest));
    assert!(cx.complete_with(async |_| Ok(())).await.unwrap_err().is(Code::InvalidRequest));
    assert_eq!((cx.attempt(), cx.job_id(), cx.is_cancelled()), (0, None, false));
}

//
#[tokio::test]
async fn metadata_lists_jobs_and_workers() {
    let app = App::isolated().models::<(Effect, Order)>();
    let door = app.router().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, door).await });
    let answer = modeller_tests::http::Client::connect(address).await.get("/@metadata").await;
    let metadata = answer.json();
    let jobs = metadata["jobs"].as_array().unwrap();
    let named = |name: &str| jobs.iter().find(|job| job["name"] == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(named("write")["attempts"], 4);
    assert_eq!(named("monthly")["cron"], "0 3 1 * *");
    assert_eq!(named("jobs/orders.wait")["model"], "jobs/orders");
    assert!(named("write")["site"].as_str().unwrap().contains("main.rs"));
    let workers = metadata["workers"].as_array().unwrap();
    let worker = workers.iter().find(|worker| worker["name"] == "beat").unwrap();
    assert_eq!((&worker["every"], &worker["immediate"]), (&json!(1_000), &json!(true)));
    let _ = Write::default();
}
