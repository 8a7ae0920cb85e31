//! Durable jobs and workers: enqueued with a commit, run once, tried again, by the calendar, and through crashes.

mod calendar;
mod crash;
mod enqueueing;
mod leases;
mod retries;
mod running;
mod workers;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use modeller::App;
use modeller::engine::{Clock, Engine, JobEntry, JobState};
use modeller::prelude::*;
use tokio::sync::Semaphore;

/// When the tests begin, in Unix milliseconds: 21 September 2026, 14:13:20 UTC.
pub const START: i64 = 1_790_000_000_000;

/// What jobs leave behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "jobs", name = "effects")]
pub struct Effect {
    /// In words.
    pub text: String,
}

/// Something that jobs are enqueued with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "jobs", name = "orders")]
pub struct Order {
    /// What is ordered.
    #[model(unique)]
    pub what: String,
}

/// Writes a text down, after failing some times.
#[modeller::job(attempts = 4, backoff = "10s", timeout = "1m")]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Write {
    #[validate(length(min = 1, max = 40))]
    pub text: String,
    /// How many attempts fail.
    #[serde(default)]
    pub failures: i64,
    /// With which status.
    #[serde(default)]
    pub status: u16,
}

impl Job for Write {
    async fn run(self, cx: &Cx) -> Result<()> {
        if cx.attempt() <= self.failures {
            return Err(Error::custom("NOT_NOW", self.status, "not now"));
        }
        Effect::insert(cx, Effect { text: self.text }).await.map(drop)
    }
}

pub fn write(text: &str) -> Write {
    Write { text: text.to_owned(), ..Write::default() }
}

/// Waits at a gate that a test opens, and writes its name down.
#[modeller::job(Order, attempts = 3, backoff = "1s", timeout = "1h")]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Wait {
    pub gate: String,
}

impl Job for Wait {
    async fn run(self, cx: &Cx) -> Result<()> {
        gate(&self.gate, "reached").add_permits(1);
        gate(&self.gate, "open").acquire().await.expect("nobody closes it").forget();
        Effect::insert(cx, Effect { text: format!("{} {}", self.gate, cx.attempt()) }).await.map(drop)
    }
}

static GATES: LazyLock<Mutex<HashMap<String, Arc<Semaphore>>>> = LazyLock::new(Mutex::default);

/// How long anything may take on a busy machine before it is said not to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Something that tests and jobs wait for.
pub fn gate(name: &str, side: &str) -> Arc<Semaphore> {
    let mut gates = GATES.lock().unwrap();
    gates.entry(format!("{name} {side}")).or_insert_with(|| Arc::new(Semaphore::new(0))).clone()
}

/// Waits until somebody has come through.
pub async fn pass(name: &str, side: &str) {
    tokio::time::timeout(PATIENCE, gate(name, side).acquire_owned())
        .await
        .unwrap_or_else(|_| panic!("nobody came to {name} {side}"))
        .unwrap()
        .forget();
}

/// An application in memory, with a clock of its own.
pub async fn start() -> (Arc<Engine>, Cx, Clock) {
    let clock = Clock::manual(START);
    let app = App::isolated().models::<(Effect, Order)>().clock(clock.clone());
    let engine = app.engine().await.unwrap();
    let cx = engine.cx();
    (engine, cx, clock)
}

/// What jobs have written down, in order.
pub async fn effects(cx: &Cx) -> Vec<String> {
    let all = Effect::find().order_by(Effect::ID.asc()).all(cx).await.unwrap();
    all.into_iter().map(|effect| effect.data.text).collect()
}

pub async fn job(engine: &Arc<Engine>, id: &str) -> Doc<JobEntry> {
    engine.jobs().get(id).await.unwrap().expect("the job is there")
}

pub async fn state(engine: &Arc<Engine>, id: &str) -> JobState {
    job(engine, id).await.state
}

/// Waits until something holds, while others work.
pub async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let end = std::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(std::time::Instant::now() < end, "{what} does not come true");
        tokio::task::yield_now().await;
    }
}
