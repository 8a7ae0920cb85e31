//! What becomes of jobs that fail, and how they are looked after.

use std::time::Duration;

use modeller::engine::JobState;
use modeller::prelude::*;

use crate::{PATIENCE, Write, effects, gate, job, pass, start, state, write};

/// Panics, or never comes to an end.
#[modeller::job(attempts = 2, backoff = "1s", timeout = "30s")]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Misbehave {
    pub panics: bool,
}

impl Job for Misbehave {
    async fn run(self, cx: &Cx) -> Result<()> {
        crate::gate("misbehave", cx.job_id().unwrap()).add_permits(1);
        assert!(!self.panics, "this is how it is");
        std::future::pending().await
    }
}

//
#[tokio::test]
async fn a_job_that_fails_is_tried_again_later_and_later() {
    let (engine, cx, clock) = start().await;
    let id = Write { text: "at last".into(), failures: 3, status: 503 }.enqueue(&cx).await.unwrap().id;
    for (attempt, wait) in [(1, 10), (2, 20), (3, 40)] {
        assert_eq!(engine.jobs().run_due().await.unwrap(), 1, "attempt {attempt}");
        let failed = job(&engine, &id).await;
        assert_eq!((failed.state, failed.attempt), (JobState::Waiting, attempt));
        assert_eq!(failed.error.as_deref(), Some("NOT_NOW: not now"));
        let later = failed.at - engine.clock().now();
        assert!((wait * 500..=wait * 1_000).contains(&later), "{later} ms after attempt {attempt}");
        assert_eq!(engine.jobs().run_due().await.unwrap(), 0, "not yet");
        clock.advance(Duration::from_secs(u64::try_from(wait).unwrap()));
    }
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    let done = job(&engine, &id).await;
    assert_eq!((done.state, done.attempt, done.error.clone()), (JobState::Done, 4, None));
    assert_eq!(effects(&cx).await, ["at last"]);
}

//
#[tokio::test]
async fn after_its_last_attempt_a_job_is_dead_until_it_is_replayed() {
    let (engine, cx, clock) = start().await;
    let id = Write { text: "x".into(), failures: 2, status: 500 }.enqueue(&cx).attempts(2).await.unwrap().id;
    engine.jobs().run_due().await.unwrap();
    clock.advance(Duration::from_secs(60));
    engine.jobs().run_due().await.unwrap();
    assert_eq!(state(&engine, &id).await, JobState::Dead);
    clock.advance(Duration::from_secs(30 * 24 * 3_600));
    engine.jobs().run_due().await.unwrap();
    let letters = engine.jobs().list(JobState::Dead, 10).await.unwrap();
    assert_eq!(
        letters.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(),
        [id.as_str()],
        "dead letters stay"
    );

    let replayed = engine.jobs().replay(&id).await.unwrap();
    assert_eq!((replayed.state, replayed.attempt), (JobState::Waiting, 0));
    for _ in 0..2 {
        engine.jobs().run_due().await.unwrap();
        clock.advance(Duration::from_secs(60));
    }
    assert_eq!(state(&engine, &id).await, JobState::Dead, "it has not become better");
}

//
#[tokio::test]
async fn an_error_that_will_stay_is_not_tried_again() {
    let (engine, cx, _) = start().await;
    let id = Write { text: "x".into(), failures: 1, status: 422 }.enqueue(&cx).await.unwrap().id;
    engine.jobs().run_due().await.unwrap();
    let dead = job(&engine, &id).await;
    assert_eq!((dead.state, dead.attempt), (JobState::Dead, 1));
    assert_eq!(dead.error.as_deref(), Some("NOT_NOW: not now"));
    assert!(engine.jobs().replay(&id).await.is_ok());
}

//
#[tokio::test]
async fn a_panic_is_a_failure_and_others_go_on() {
    let (engine, cx, clock) = start().await;
    let id = Misbehave { panics: true }.enqueue(&cx).await.unwrap().id;
    write("beside it").enqueue(&cx).await.unwrap();
    assert_eq!(engine.jobs().run_due().await.unwrap(), 2);
    let failed = job(&engine, &id).await;
    assert_eq!(failed.state, JobState::Waiting);
    assert!(failed.error.clone().unwrap().contains("this is how it is"), "{:?}", failed.error);
    clock.advance(Duration::from_secs(60));
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    assert_eq!(state(&engine, &id).await, JobState::Dead);
    assert_eq!(effects(&cx).await, ["beside it"]);
}

//
#[tokio::test]
async fn a_run_takes_no_longer_than_it_may() {
    let (engine, cx, clock) = start().await;
    let id = Misbehave { panics: false }.enqueue(&cx).await.unwrap().id;
    let jobs = engine.jobs();
    let running = tokio::spawn(async move { jobs.run_due().await });
    crate::pass("misbehave", &id).await;
    clock.advance(Duration::from_secs(31));
    assert_eq!(running.await.unwrap().unwrap(), 1);
    let late = job(&engine, &id).await;
    assert_eq!(late.state, JobState::Waiting);
    assert!(late.error.clone().unwrap().starts_with("TIMEOUT"), "{:?}", late.error);
}

//
#[tokio::test]
async fn a_job_is_called_off_before_it_runs_and_while_it_does() {
    let (engine, cx, _) = start().await;
    let jobs = engine.jobs();
    let waiting = write("never").enqueue(&cx).await.unwrap().id;
    assert_eq!(jobs.cancel(&waiting).await.unwrap().state, JobState::Cancelled);
    assert_eq!(jobs.run_due().await.unwrap(), 0);

    let id = Misbehave { panics: false }.enqueue(&cx).await.unwrap().id;
    let running = tokio::spawn({
        let jobs = jobs.clone();
        async move { jobs.run_due().await }
    });
    crate::pass("misbehave", &id).await;
    assert_eq!(jobs.cancel(&id).await.unwrap().state, JobState::Running);
    running.await.unwrap().unwrap();
    assert_eq!(state(&engine, &id).await, JobState::Cancelled);

    for id in [&waiting, &id] {
        assert!(jobs.cancel(id).await.unwrap_err().is(Code::Conflict));
    }
    assert!(jobs.cancel("nobody").await.unwrap_err().is(Code::NotFound));
    assert!(jobs.replay("nobody").await.unwrap_err().is(Code::NotFound));
    let done = write("done").enqueue(&cx).await.unwrap().id;
    assert!(jobs.replay(&done).await.unwrap_err().is(Code::Conflict), "it waits");
    jobs.run_due().await.unwrap();
    assert!(jobs.replay(&done).await.unwrap_err().is(Code::Conflict), "it is done");
}

//
#[tokio::test]
async fn what_is_done_is_removed_in_the_end() {
    let (engine, cx, clock) = start().await;
    for number in 0..5 {
        write(&format!("{number}")).enqueue(&cx).await.unwrap();
    }
    let dead = Write { text: "x".into(), failures: 9, status: 400 }.enqueue(&cx).await.unwrap().id;
    engine.jobs().run_due().await.unwrap();
    clock.advance(Duration::from_secs(23 * 3_600));
    engine.jobs().run_due().await.unwrap();
    assert_eq!(engine.jobs().counts().await.unwrap().done, 5);
    clock.advance(Duration::from_secs(2 * 3_600));
    engine.jobs().run_due().await.unwrap();
    let counts = engine.jobs().counts().await.unwrap();
    assert_eq!((counts.done, counts.dead), (0, 1));
    assert_eq!(state(&engine, &dead).await, JobState::Dead);
    write("more").enqueue(&cx).await.unwrap();
    engine.jobs().run_due().await.unwrap();
    assert_eq!(engine.jobs().prune(Duration::ZERO).await.unwrap(), 1);
}

/// It can't even be dropped in peace.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("this is part of the test");
    }
}

#[modeller::job(attempts = 2, backoff = "1s", timeout = "1m")]
async fn explode(_cx: &Cx) {
    let _bomb = Bomb;
    gate("explode", "reached").add_permits(1);
    std::future::pending().await
}

// HOO-06
#[tokio::test]
async fn a_job_that_panics_when_it_is_dropped_comes_to_its_end_as_others_do() {
    let (engine, cx, clock) = start().await;
    let id = Explode {}.enqueue(&cx).await.unwrap().id;
    for end in [JobState::Waiting, JobState::Dead] {
        let own = engine.clone();
        let running = tokio::spawn(async move { own.jobs().run_due().await });
        pass("explode", "reached").await;
        clock.advance(Duration::from_secs(60));
        tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap().unwrap();
        let job = job(&engine, &id).await;
        let why = "INTERNAL_ERROR: the job panicked: this is part of the test";
        assert_eq!((job.state, job.error.as_deref()), (end, Some(why)));
        clock.advance(Duration::from_secs(1));
    }
}
