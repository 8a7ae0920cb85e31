//! Leases: one runs a job, and who has lost it changes nothing any more.

use std::sync::Arc;
use std::time::Duration;

use modeller::App;
use modeller::engine::{Clock, Engine, JobState, JobsOptions};
use modeller::prelude::*;

use crate::crash::File;
use crate::{Effect, Order, START, Wait, effects, gate, job, pass, start, state, until, write};

const LEASE: Duration = Duration::from_secs(30);

async fn open(lab: &File, clock: &Clock) -> Arc<Engine> {
    let path = lab.0.join("jobs.db").display().to_string();
    let app = App::isolated().models::<(Effect, Order)>().clock(clock.clone()).database(path);
    app.engine().await.unwrap()
}

fn run(engine: &Arc<Engine>) -> tokio::task::JoinHandle<u64> {
    let jobs = engine.jobs();
    tokio::spawn(async move { jobs.run_due().await.unwrap() })
}

/// Reports, and completes with its own effect, after waiting at a gate.
#[modeller::job(attempts = 5, timeout = "1h")]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Report {
    pub gate: String,
}

impl Job for Report {
    async fn run(self, cx: &Cx) -> Result<()> {
        let attempt = cx.attempt();
        gate(&self.gate, &format!("reached {attempt}")).add_permits(1);
        gate(&self.gate, &format!("open {attempt}")).acquire().await.expect("nobody closes it").forget();
        let told = cx.progress(0.5, "half of it").await;
        let code = told.as_ref().err().map(|error| error.code().to_owned());
        let completed = cx
            .complete_with(async |tx| Effect::insert(&tx, Effect { text: format!("by {attempt}") }).await)
            .await;
        let verdict = format!("progress {code:?}, completed {}", completed.is_ok());
        gate(&self.gate, &verdict).add_permits(1);
        Err(Error::custom("TOO_LATE", 500, "what comes after the completion is of no account"))
    }
}

//
#[tokio::test]
async fn who_was_away_for_longer_than_his_lease_changes_nothing() {
    let lab = File::new();
    // The clock of the one who is frozen stands still.
    let (clock, frozen) = (Clock::manual(START), Clock::manual(START));
    let (one, other) = (open(&lab, &frozen).await, open(&lab, &clock).await);
    let id = Wait { gate: "fence".into() }.enqueue(&one.cx()).await.unwrap().id;
    let first = run(&one);
    pass("fence", "reached").await;
    assert_eq!(run(&other).await.unwrap(), 0, "somebody has it");
    clock.advance(LEASE);
    let second = run(&other);
    pass("fence", "reached").await;
    let taken = job(&other, &id).await;
    assert_eq!((taken.state, taken.attempt, taken.fence), (JobState::Running, 2, 2));
    // The first comes back, and does what it had begun; what it says of the job counts no more.
    gate("fence", "open").add_permits(1);
    assert_eq!(first.await.unwrap(), 1);
    assert_eq!(state(&other, &id).await, JobState::Running, "a stale run completes nothing");
    gate("fence", "open").add_permits(1);
    assert_eq!(second.await.unwrap(), 1);
    let done = job(&other, &id).await;
    assert_eq!((done.state, done.fence), (JobState::Done, 2));
    assert_eq!(effects(&other.cx()).await, ["fence 1", "fence 2"]);
    one.store().close().await;
    other.store().close().await;
}

//
#[tokio::test]
async fn what_a_job_completes_with_happens_once() {
    let lab = File::new();
    let (clock, frozen) = (Clock::manual(START), Clock::manual(START));
    let (one, other) = (open(&lab, &frozen).await, open(&lab, &clock).await);
    let id = Report { gate: "once".into() }.enqueue(&one.cx()).await.unwrap().id;
    let first = run(&one);
    pass("once", "reached 1").await;
    clock.advance(LEASE);
    let second = run(&other);
    pass("once", "reached 2").await;
    gate("once", "open 1").add_permits(1);
    pass("once", "progress Some(\"CONFLICT\"), completed false").await;
    first.await.unwrap();
    assert_eq!(effects(&other.cx()).await, Vec::<String>::new());
    gate("once", "open 2").add_permits(1);
    pass("once", "progress None, completed true").await;
    second.await.unwrap();
    let done = job(&other, &id).await;
    assert_eq!(
        (done.state, done.progress, done.note.as_deref()),
        (JobState::Done, Some(0.5), Some("half of it"))
    );
    assert_eq!(done.error, None);
    assert_eq!(effects(&other.cx()).await, ["by 2"]);
    one.store().close().await;
    other.store().close().await;
}

//
#[tokio::test]
async fn a_lease_is_prolonged_for_as_long_as_the_job_runs() {
    let lab = File::new();
    let clock = Clock::manual(START);
    let (one, other) = (open(&lab, &clock).await, open(&lab, &clock).await);
    let id = Wait { gate: "long".into() }.enqueue(&one.cx()).await.unwrap().id;
    let running = run(&one);
    pass("long", "reached").await;
    for _ in 0..10 {
        let before = job(&one, &id).await.at;
        clock.advance(LEASE / 2);
        until("the lease is prolonged", async || job(&one, &id).await.at > before).await;
        assert_eq!(run(&other).await.unwrap(), 0, "it is not taken away");
    }
    gate("long", "open").add_permits(1);
    running.await.unwrap();
    assert_eq!((state(&one, &id).await, job(&one, &id).await.fence), (JobState::Done, 1));
    one.store().close().await;
    other.store().close().await;
}

//
#[tokio::test]
async fn a_job_that_runs_elsewhere_is_called_off_there() {
    let lab = File::new();
    let clock = Clock::manual(START);
    let (one, other) = (open(&lab, &clock).await, open(&lab, &clock).await);
    let id = Wait { gate: "elsewhere".into() }.enqueue(&one.cx()).await.unwrap().id;
    let running = run(&one);
    pass("elsewhere", "reached").await;
    assert_eq!(other.jobs().cancel(&id).await.unwrap().state, JobState::Running);
    clock.advance(LEASE / 2);
    running.await.unwrap();
    assert_eq!(state(&other, &id).await, JobState::Cancelled);
    one.store().close().await;
    other.store().close().await;
}

//
#[tokio::test]
async fn a_job_that_takes_its_process_down_each_time_is_dead_in_the_end() {
    let (engine, cx, clock) = start().await;
    let id = Wait { gate: "down".into() }.enqueue(&cx).await.unwrap().id;
    for attempt in 1..=3 {
        let running = run(&engine);
        pass("down", "reached").await;
        assert_eq!(job(&engine, &id).await.attempt, attempt);
        // As a crash would.
        running.abort();
        assert!(running.await.is_err());
        clock.advance(LEASE);
    }
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0);
    assert_eq!(state(&engine, &id).await, JobState::Dead);
    assert_eq!(effects(&cx).await, Vec::<String>::new());
}

//
#[tokio::test]
async fn what_is_cut_off_at_a_stop_is_given_back() {
    let (engine, cx, _) = start().await;
    engine.jobs().set_options(JobsOptions::new().concurrency(1).grace(Duration::ZERO));
    engine.jobs().start();
    let first = Wait { gate: "stop".into() }.enqueue(&cx).await.unwrap().id;
    pass("stop", "reached").await;
    let second = write("unbegun").enqueue(&cx).await.unwrap().id;
    until("the second job is leased", async || state(&engine, &second).await == JobState::Running).await;
    engine.jobs().stop().await;
    for id in [&first, &second] {
        let back = job(&engine, id).await;
        assert_eq!((back.state, back.attempt, back.owner.clone()), (JobState::Waiting, 0, None));
    }
    gate("stop", "open").add_permits(1);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 2);
    assert_eq!(engine.jobs().counts().await.unwrap().done, 2);
}
