//! Looking after jobs: what there is, what is called off, what gets another chance.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::board::lock;
use super::entry::{
    AT, ATTEMPT, CANCELLING, ERROR, FINISHED_AT, JobEntry, JobState, STATE, UNIQUE_KEY, end, rewrite, shape,
};
use super::lease::{by_time, find, in_state, prune};
use super::options::JobsOptions;
use super::runner::Runner;
use crate::engine::background::Background;
use crate::engine::scope::{CHUNK, milliseconds};
use crate::engine::{Engine, Records};
use crate::model::{self, Code, Doc, Error, Result, Row, Value};
use crate::store::{self, Answer, BoxFuture, Rows, Tx, Work};

/// The jobs of an application: [`Engine::jobs`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use modeller::App;
/// use modeller::engine::JobState;
///
/// let engine = App::isolated().allow_empty().engine().await?;
/// assert_eq!(engine.jobs().run_due().await?, 0);
/// assert!(engine.jobs().list(JobState::Dead, 100).await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Jobs {
    engine: Arc<Engine>,
}

/// How many jobs there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting for their time, or for their turn.
    pub waiting: u64,
    /// Running.
    pub running: u64,
    /// Done, and not yet removed.
    pub done: u64,
    /// Tried no more.
    pub dead: u64,
    /// Called off, and not yet removed.
    pub cancelled: u64,
}

impl Engine {
    /// The jobs: to run them, and to look after them.
    pub fn jobs(self: &Arc<Self>) -> Jobs {
        Jobs { engine: self.clone() }
    }
}

impl Jobs {
    /// The job with this id, if there is one.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn get(&self, id: &str) -> Result<Option<Doc<JobEntry>>> {
        JobEntry::get(&self.engine.cx(), id).await
    }

    /// The jobs in this state, at most `count`: those that wait or run by the time they are due (or their lease ends), the others
    /// by the time of their end.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn list(&self, state: JobState, count: u64) -> Result<Vec<Doc<JobEntry>>> {
        let select = by_time(in_state(state), usize::try_from(count).unwrap_or(usize::MAX));
        // Through a context: who reads jobs in a live query is told of them.
        let rows = self.engine.cx().read(&select, Rows::of(shape())).await?;
        store::sink::<Rows>(rows).rows.iter().map(|row| model::doc_from_row(shape(), row)).collect()
    }

    /// How many jobs there are in each state.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn counts(&self) -> Result<JobCounts> {
        let mut counts = JobCounts::default();
        for state in JobState::ALL {
            let count = self.engine.cx().count(shape(), &in_state(state)).await?;
            match state {
                JobState::Waiting => counts.waiting = count,
                JobState::Running => counts.running = count,
                JobState::Done => counts.done = count,
                JobState::Dead => counts.dead = count,
                JobState::Cancelled => counts.cancelled = count,
            }
        }
        Ok(counts)
    }

    /// Calls a job off: at once if it waits. One that runs is dropped where it next waits for something; if another process runs
    /// it, when that next prolongs its lease.
    ///
    /// # Errors
    /// `NOT_FOUND`; `CONFLICT` if it has come to its end.
    pub async fn cancel(&self, id: &str) -> Result<Doc<JobEntry>> {
        let job = self
            .change(id, |row, now| match JobState::of(row) {
                Some(JobState::Waiting) => {
                    end(row, JobState::Cancelled, now);
                    Ok(())
                }
                Some(JobState::Running) => {
                    row[CANCELLING] = Value::Integer(1);
                    Ok(())
                }
                state => Err(over(state, "can't be called off")),
            })
            .await?;
        let run = self.engine.board().running().get(id).and_then(Weak::upgrade);
        if let Some(run) = run {
            run.cancelled.turn_on();
        }
        Ok(job)
    }

    /// Gives a job that is dead, or was cancelled, another chance: it waits again, due at once, with all its attempts.
    ///
    /// # Errors
    /// `NOT_FOUND`; `CONFLICT` if it is not over, or was done.
    pub async fn replay(&self, id: &str) -> Result<Doc<JobEntry>> {
        let job = self
            .change(id, |row, now| match JobState::of(row) {
                Some(JobState::Dead | JobState::Cancelled) => {
                    row[STATE] = JobState::Waiting.cell();
                    row[AT] = Value::Integer(now);
                    row[ATTEMPT] = Value::Integer(0);
                    for column in [ERROR, FINISHED_AT, UNIQUE_KEY] {
                        row[column] = Value::Null;
                    }
                    Ok(())
                }
                state => Err(over(state, "can't be run again")),
            })
            .await?;
        self.engine.board().wake.notify_one();
        Ok(job)
    }

    /// Removes the jobs that were done or cancelled this long ago or longer, and answers how many. The runner does it by itself
    /// with what has passed its [retention](JobsOptions::retention).
    ///
    /// # Errors
    /// If the store can't be written.
    pub async fn prune(&self, age: Duration) -> Result<u64> {
        let since = self.engine.clock().now().saturating_sub(milliseconds(age));
        let most = usize::try_from(CHUNK).unwrap_or(usize::MAX);
        let mut removed = 0;
        loop {
            let count: usize =
                self.write(move |tx| Box::pin(async move { prune(tx, since, most).await })).await?;
            removed += count as u64;
            if count == 0 {
                return Ok(removed);
            }
        }
    }

    /// Runs everything that is due by now, what is enqueued meanwhile included, and answers how many runs that were. It waits for
    /// all of them. For tests, with a [manual clock](crate::engine::Clock::manual): nothing else runs jobs in an
    /// [isolated](crate::App::isolated) application.
    ///
    /// # Errors
    /// If the store can't be written. What jobs fail in is written down with them.
    pub async fn run_due(&self) -> Result<u64> {
        Runner::new(&self.engine, true).settle().await
    }

    /// How jobs are run, from the next [`start`](Jobs::start) on.
    pub fn set_options(&self, options: JobsOptions) {
        self.engine.board().set_options(options);
    }

    /// Runs jobs in the background for as long as the engine lives, unless that is so already or no job is declared. An application
    /// does it at its start.
    pub fn start(&self) {
        if self.engine.board().known.is_empty() {
            return;
        }
        let mut runner = lock(&self.engine.board().runner);
        if runner.as_ref().is_some_and(|runner| !runner.is_finished()) {
            return;
        }
        *runner = Some(Background::spawn("the jobs", |stop| Runner::new(&self.engine, false).run(stop)));
    }

    /// Takes no more jobs, and waits for those that run, for the [time they have](JobsOptions::grace). What is cut off then, and what
    /// was not begun, is given back: it runs again elsewhere, or after the next start.
    pub async fn stop(&self) {
        let runner = lock(&self.engine.board().runner).take();
        if let Some(runner) = runner {
            runner.stop().await;
        }
    }

    /// Changes the row of a job.
    async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Row, i64) -> Result<()> + Send + 'static,
    ) -> Result<Doc<JobEntry>> {
        let (id, now) = (id.to_owned(), self.engine.clock().now());
        let row: Row = self
            .write(move |tx| {
                Box::pin(async move {
                    let none = || Error::new(Code::NotFound, "there is no such job");
                    let row = find(tx, &id).await?.ok_or_else(none)?;
                    let mut new = row.clone();
                    change(&mut new, now)?;
                    rewrite(tx, shape(), &row, now, |row| *row = new).await
                })
            })
            .await?;
        model::doc_from_row(shape(), &row)
    }

    async fn write<T: Send + 'static>(
        &self,
        steps: impl for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    ) -> Result<T> {
        let work = Work {
            single: false,
            actor: None,
            steps: Box::new(move |tx| {
                let steps = steps(tx);
                Box::pin(async move { Ok(Box::new(steps.await?) as Answer) })
            }),
        };
        let answer = self.engine.store().write(work).await?.downcast::<T>();
        // A store answers what the work answered.
        answer
            .map(|answer| *answer)
            .map_err(|_| Error::new(Code::InternalError, "the store answered something else"))
    }
}

fn over(state: Option<JobState>, what: &str) -> Error {
    let state = state.map_or_else(|| "in no known state".to_owned(), |state| state.to_string());
    Error::new(Code::Conflict, format!("the job is {state}, and {what}"))
}
