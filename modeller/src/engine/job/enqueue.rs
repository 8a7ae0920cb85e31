//! Enqueueing: a row, written in the caller's own transaction.

use std::future::IntoFuture;
use std::time::Duration;

use super::entry::{
    AT, ATTEMPT, ATTEMPTS, CANCELLING, FENCE, JobState, NAME, PAYLOAD, STATE, UNIQUE_KEY, shape, stamp,
};
use crate::engine::behaviour::{Job, JobOptions, Payload};
use crate::engine::scope::milliseconds;
use crate::engine::{Cx, Engine};
use crate::model::{self, Code, Error, Result, Row, Shape, Value};
use crate::query::{Filter, Op, Path, Select};
use crate::store::{self, Answer, BoxFuture, Rows, Tx, Work};

/// How long a unique key may be, in bytes.
const LONGEST_KEY: usize = 512;

/// How often a job may be tried.
pub(super) const MOST_ATTEMPTS: u32 = 1_000_000;

/// When a job runs, how often it is tried, and whether there may be another one like it.
///
/// ```
/// use std::time::Duration;
/// use modeller::engine::Schedule;
///
/// let tomorrow = Schedule::new().delay(Duration::from_secs(24 * 3_600)).unique("reminder for ada");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    when: When,
    key: Option<String>,
    attempts: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
enum When {
    #[default]
    Now,
    After(Duration),
    At(i64),
}

impl Schedule {
    /// At once, as often as the job itself says, beside all others.
    pub fn new() -> Self {
        Self::default()
    }

    /// This long from now.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.when = When::After(delay);
        self
    }

    /// At this time, in Unix milliseconds; at once if it has passed.
    #[must_use]
    pub fn at(mut self, time: i64) -> Self {
        self.when = When::At(time);
        self
    }

    /// Only if no job of this name with this key waits or runs: else that one is answered, as it is. Once it has come to its
    /// end the key is free again.
    #[must_use]
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// How often it is tried at most, instead of what the job itself says.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    fn due(&self, now: i64) -> i64 {
        match self.when {
            When::Now => now,
            When::After(delay) => now.saturating_add(milliseconds(delay)),
            When::At(time) => time.max(0),
        }
    }

    /// The key as it is stored.
    fn stored_key(&self, name: &str) -> Result<Option<String>> {
        let Some(key) = &self.key else { return Ok(None) };
        if key.is_empty() || key.len() > LONGEST_KEY || key.contains('\0') {
            let message = format!("a job's unique key has 1 to {LONGEST_KEY} bytes, and no NUL among them");
            return Err(Error::new(Code::ValidationError, message));
        }
        Ok(Some(format!("{name} {key}")))
    }

    fn checked_attempts(&self, options: &JobOptions) -> Result<i64> {
        let attempts = self.attempts.unwrap_or(options.attempts);
        if attempts == 0 || attempts > MOST_ATTEMPTS {
            let message = format!("a job is tried once at least, and {MOST_ATTEMPTS} times at most");
            return Err(Error::new(Code::ValidationError, message));
        }
        Ok(i64::from(attempts))
    }
}

/// A job that was enqueued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its id in `_modeller/jobs`.
    pub id: String,
    /// Whether it is a new one; not if there was one with the same unique key.
    pub is_new: bool,
}

/// Enqueues a job within the steps of a write: it is there exactly if they are committed. This is how scheduled hooks become jobs.
///
/// `name` is the job's own ([`Behaviour::id`](crate::registry::Behaviour::id)), `payload` its struct as JSON.
///
/// # Errors
/// `METHOD_NOT_FOUND` if there is no such job; `PARSE_ERROR` or `VALIDATION_ERROR` if the payload does not fit it.
pub async fn put(
    engine: &Engine,
    tx: &mut dyn Tx,
    name: &str,
    payload: &[u8],
    schedule: &Schedule,
) -> Result<Enqueued> {
    Ready::of(engine, name, payload, schedule)?.put(engine, tx).await
}

/// A job that has been checked, and needs but a transaction.
struct Ready {
    row: Row,
    key: Option<String>,
}

impl Ready {
    fn of(engine: &Engine, name: &str, payload: &[u8], schedule: &Schedule) -> Result<Self> {
        let Some((_, handler)) = engine.board().find(name) else { return Err(unknown(engine, name)) };
        (handler.check)(payload)?;
        // It has been read as JSON, and that is UTF-8.
        let payload = String::from_utf8_lossy(payload).into_owned();
        let (attempts, key) = (schedule.checked_attempts(&handler.options)?, schedule.stored_key(name)?);
        let now = engine.clock().now();
        let mut row = Row(vec![Value::Null; shape().columns.len()]);
        stamp(&mut row, model::new_id(), now);
        row[NAME] = Value::Text(name.to_owned());
        row[PAYLOAD] = Value::Text(payload);
        row[STATE] = JobState::Waiting.cell();
        row[AT] = Value::Integer(schedule.due(now));
        row[ATTEMPT] = Value::Integer(0);
        row[ATTEMPTS] = Value::Integer(attempts);
        row[FENCE] = Value::Integer(0);
        row[CANCELLING] = Value::Integer(0);
        row[UNIQUE_KEY] = key.clone().map_or(Value::Null, Value::Text);
        Ok(Ready { row, key })
    }

    async fn put(&self, engine: &Engine, tx: &mut dyn Tx) -> Result<Enqueued> {
        if let Some(key) = &self.key {
            let same = Filter::Test(Path::column(UNIQUE_KEY), Op::Eq(Value::from(key.as_str()).into()));
            let found = tx.read(&Select::filtered(shape(), same), Rows::of(shape())).await?;
            if let Some(row) = store::sink::<Rows>(found).rows.first() {
                let id = row[Shape::ID].as_text().unwrap_or_default().to_owned();
                return Ok(Enqueued { id, is_new: false });
            }
        }
        tx.insert(shape(), &self.row).await?;
        // Nobody sees the row before the commit; but whoever looks for jobs to take does so in a transaction, which a store with
        // one writer begins after this one. With other stores it may take until the next regular look.
        engine.board().wake.notify_one();
        let id = self.row[Shape::ID].as_text().unwrap_or_default().to_owned();
        Ok(Enqueued { id, is_new: true })
    }
}

fn unknown(engine: &Engine, name: &str) -> Error {
    let names = engine.board().names();
    let near = model::nearest(name, names.iter().copied());
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Error::new(Code::MethodNotFound, format!("there is no job `{name}`{hint}"))
}

/// A job about to be enqueued: `await` it, after saying when it runs if not at once.
///
/// ```no_run
/// # use std::time::Duration;
/// # use modeller::engine::{Cx, Job, Payload};
/// # async fn example<J: Job + Payload>(cx: &Cx, job: J) -> modeller::Result<()> {
/// let enqueued = job.enqueue(cx).delay(Duration::from_secs(60)).unique("ada").await?;
/// # let _ = enqueued; Ok(()) }
/// ```
#[must_use = "a job is not enqueued before this is awaited"]
pub struct Enqueue<'a> {
    cx: &'a Cx,
    jobs: Result<Vec<(String, Vec<u8>)>>,
    schedule: Schedule,
}

impl<'a> Enqueue<'a> {
    /// This long from now.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.schedule = self.schedule.delay(delay);
        self
    }

    /// At this time, in Unix milliseconds; at once if it has passed.
    pub fn at(mut self, time: i64) -> Self {
        self.schedule = self.schedule.at(time);
        self
    }

    /// Only if no job of this name with this key waits or runs: else that one is answered.
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.schedule = self.schedule.unique(key);
        self
    }

    /// How often it is tried at most.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.schedule = self.schedule.attempts(attempts);
        self
    }

    /// All that the schedule says.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    async fn run(self) -> Result<Vec<Enqueued>> {
        let engine = self.cx.engine().clone();
        let ready = self.jobs?;
        let ready = ready.iter().map(|(name, payload)| Ready::of(&engine, name, payload, &self.schedule));
        let ready: Vec<Ready> = ready.collect::<Result<_>>()?;
        let work = Work {
            single: ready.len() == 1,
            actor: self.cx.actor(),
            steps: Box::new(move |tx| {
                Box::pin(async move {
                    let mut all = Vec::with_capacity(ready.len());
                    for one in &ready {
                        all.push(one.put(&engine, tx).await?);
                    }
                    Ok(Box::new(all) as Answer)
                })
            }),
        };
        let answer = self.cx.write(work).await?;
        // A store answers what the work answered.
        let answer = answer.downcast::<Vec<Enqueued>>().map(|all| *all);
        answer.map_err(|_| Error::new(Code::InternalError, "the store answered something else"))
    }
}

impl<'a> IntoFuture for Enqueue<'a> {
    type Output = Result<Enqueued>;
    type IntoFuture = BoxFuture<'a, Result<Enqueued>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let first = self.run().await?.into_iter().next();
            first.ok_or_else(|| Error::new(Code::InternalError, "no job was enqueued"))
        })
    }
}

impl Cx {
    /// Enqueues a job, in the transaction of this context if there is one: it is there exactly if that is committed.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if the job does not fit its own rules; `METHOD_NOT_FOUND` if it is not part of this application.
    pub fn enqueue<J: Job + Payload>(&self, job: J) -> Enqueue<'_> {
        let jobs = payload(&job).map(|payload| vec![(J::behaviour().id(), payload)]);
        Enqueue { cx: self, jobs, schedule: Schedule::new() }
    }

    /// Enqueues all of these jobs in one write, or none.
    ///
    /// # Errors
    /// As [`enqueue`](Cx::enqueue).
    pub async fn enqueue_many<J: Job + Payload>(
        &self,
        jobs: Vec<J>,
        schedule: Schedule,
    ) -> Result<Vec<Enqueued>> {
        let name = J::behaviour().id();
        let jobs = jobs.iter().map(|job| Ok((name.clone(), payload(job)?))).collect();
        Enqueue { cx: self, jobs, schedule }.run().await
    }
}

fn payload<J: Payload>(job: &J) -> Result<Vec<u8>> {
    serde_json::to_vec(job).map_err(|error| {
        Error::new(Code::ValidationError, format!("the job can't be written as JSON: {error}"))
    })
}
