//! One run of a job: what its handler may say and ask through its context, and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::entry::{JobState, NOTE, PROGRESS, holds, rewrite, shape};
use super::lease::{End, Finished, Lease, find, settle};
use super::retry::{delay, is_passing};
use crate::engine::behaviour::JobHandler;
use crate::engine::signal::Signal;
use crate::engine::{Cx, Engine, Feature, caught, log};
use crate::model::{Code, Error, Result, Value};
use crate::registry::Behaviour;
use crate::store::{Answer, Work};

/// How long a text that a job says about itself may be, in bytes.
const LONGEST_NOTE: usize = 4 * 1024;

/// A run of a job.
#[derive(Debug)]
pub(in crate::engine) struct Run {
    id: String,
    attempt: i64,
    fence: i64,
    /// It is to be called off.
    pub(super) cancelled: Signal,
    /// The job has written down itself that it is done.
    is_settled: AtomicBool,
}

impl Run {
    pub(super) fn of(lease: &Lease) -> Arc<Self> {
        Arc::new(Run {
            id: lease.id.clone(),
            attempt: lease.attempt,
            fence: lease.fence,
            cancelled: Signal::default(),
            is_settled: AtomicBool::new(false),
        })
    }

    pub(super) fn fence(&self) -> i64 {
        self.fence
    }
}

/// Carries out a job, and says how that ended; `None` if that is written down already.
pub(super) async fn carry_out(
    engine: Arc<Engine>,
    (behaviour, handler): (&'static Behaviour, &'static JobHandler),
    lease: Lease,
    run: Arc<Run>,
) -> Option<Finished> {
    let clock = engine.clock().clone();
    let timeout = handler.options.timeout;
    let deadline = clock.now().saturating_add(i64::try_from(timeout).unwrap_or(i64::MAX));
    let cx = Cx::of_job(engine.clone(), run.clone());
    let outcome = tokio::select! {
        biased;
        () = run.cancelled.wait() => None,
        outcome = caught((handler.run)(&cx, lease.payload.as_bytes())) => Some(outcome),
        () = clock.sleep_until(deadline) => {
            Some(Ok(Err(Error::new(Code::Timeout, format!("the job took longer than {timeout} ms")))))
        }
    };
    let (name, id, attempt) = (&lease.name, &lease.id, lease.attempt);
    let result = match outcome {
        Some(Ok(result)) => result,
        Some(Err(panic)) => Err(Error::new(Code::InternalError, format!("the job panicked: {panic}"))),
        None => {
            tracing::info!(job = %name, %id, "the job was called off");
            let is_settled = run.is_settled.load(Ordering::Acquire);
            let cancelled =
                Finished { id: lease.id, fence: lease.fence, end: End::Cancelled, run: Some(run) };
            return (!is_settled).then_some(cancelled);
        }
    };
    let shape = behaviour.model.map(|model| model().shape());
    let what = format_args!("job `{name}` ({id}, attempt {attempt})");
    log::ran(&engine, Feature::Job, shape, Some(behaviour.site), what, &result);
    let is_settled = run.is_settled.load(Ordering::Acquire);
    let end = match result {
        Ok(()) => End::Done,
        Err(error) if is_settled => {
            tracing::warn!(job = %name, %id, %error, "the job failed after it had completed");
            return None;
        }
        Err(error) if run.cancelled.is_on() => {
            tracing::info!(job = %name, %id, %error, "the job was called off");
            End::Cancelled
        }
        Err(error) if is_passing(&error) && attempt < lease.attempts => {
            let after = delay(handler.options.backoff, attempt, id);
            End::Again { error: error.to_string(), after }
        }
        Err(error) => {
            tracing::error!(job = %name, %id, attempt, %error, "a job is tried no more");
            End::Dead { error: error.to_string() }
        }
    };
    (!is_settled).then_some(Finished { id: lease.id, fence: lease.fence, end, run: Some(run) })
}

/// What a job may do with its own run.
impl Cx {
    fn run(&self) -> Result<&Arc<Run>> {
        let none = || Error::new(Code::InvalidRequest, "this is not the context of a job");
        self.job().ok_or_else(none)
    }

    /// The id of the job that runs in this context, if it is one's.
    pub fn job_id(&self) -> Option<&str> {
        Some(&self.job()?.id)
    }

    /// Which attempt of the job this is, from 1; 0 outside of jobs.
    pub fn attempt(&self) -> i64 {
        self.job().map_or(0, |run| run.attempt)
    }

    /// Whether the job that runs in this context is to be called off. It is dropped where it next waits for something; one that
    /// computes for long may ask here, and return.
    pub fn is_cancelled(&self) -> bool {
        self.job().is_some_and(|run| run.cancelled.is_on())
    }

    /// Says how much of the job is done, from 0 to 1, and what it is at, for who [asks](super::Jobs::get). In an open
    /// transaction it is seen after the commit.
    ///
    /// # Errors
    /// `INVALID_REQUEST` outside of jobs; `CONFLICT` if somebody else runs this job by now, because this run was cut off from the
    /// store for longer than its lease: whatever it does may then be done twice.
    pub async fn progress(&self, fraction: f64, note: &str) -> Result<()> {
        let run = self.run()?.clone();
        let engine = self.engine().clone();
        let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
        let end = (0..=note.len().min(LONGEST_NOTE)).rev().find(|&at| note.is_char_boundary(at)).unwrap_or(0);
        let note = note[..end].replace('\0', "");
        let work = Work {
            single: true,
            actor: None,
            steps: Box::new(move |tx| {
                Box::pin(async move {
                    let row =
                        find(tx, &run.id).await?.filter(|row| holds(row, run.fence)).ok_or_else(lost)?;
                    rewrite(tx, shape(), &row, engine.clock().now(), |row| {
                        row[PROGRESS] = Value::Number(fraction);
                        row[NOTE] = if note.is_empty() { Value::Null } else { Value::Text(note) };
                    })
                    .await?;
                    Ok(Box::new(()) as Answer)
                })
            }),
        };
        self.write(work).await.map(drop)
    }

    /// Runs the body in a transaction in which the job is also done: what it writes is there exactly if the job never runs again.
    /// It is the last thing that a job does; what it fails in afterwards is only logged.
    ///
    /// # Errors
    /// Those of [`transaction`](Cx::transaction); `INVALID_REQUEST` outside of jobs and within another transaction; `CONFLICT` if
    /// somebody else runs this job by now. Nothing was written then.
    pub async fn complete_with<T>(&self, body: impl AsyncFnOnce(Cx) -> Result<T>) -> Result<T> {
        let run = self.run()?.clone();
        if self.in_transaction() {
            let message = "a job completes with a transaction of its own, not within another one";
            return Err(Error::new(Code::InvalidRequest, message));
        }
        let now = self.engine().clock().now();
        let done = Finished { id: run.id.clone(), fence: run.fence, end: End::Done, run: None };
        let answer = self
            .transaction(async move |tx: Cx| {
                let answer = body(tx.clone()).await?;
                let work = Work {
                    single: true,
                    actor: None,
                    steps: Box::new(move |tx| {
                        Box::pin(async move {
                            match settle(tx, now, &done).await? {
                                true => Ok(Box::new(()) as Answer),
                                false => Err(lost()),
                            }
                        })
                    }),
                };
                tx.write(work).await?;
                Ok(answer)
            })
            .await?;
        run.is_settled.store(true, Ordering::Release);
        Ok(answer)
    }
}

fn lost() -> Error {
    let state = JobState::Running;
    Error::new(Code::Conflict, format!("this run has lost its lease: the job is {state} elsewhere, or over"))
}
