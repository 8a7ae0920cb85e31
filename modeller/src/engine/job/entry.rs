//! What is kept of a job: a built-in model like any other.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::Model;
use crate::model::{Result, Row, Shape, Value};
use crate::store::Tx;

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It runs when its time has come: for the first time, or again after an error.
    Waiting,
    /// Somebody runs it, and has a lease on it.
    Running,
    /// It was carried out.
    Done,
    /// It is tried no more: the dead letters. [`replay`](super::Jobs::replay) gives it another chance.
    Dead,
    /// It was called off.
    Cancelled,
}

impl JobState {
    /// All of them, in the order of a job's life.
    pub const ALL: [JobState; 5] =
        [JobState::Waiting, JobState::Running, JobState::Done, JobState::Dead, JobState::Cancelled];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            JobState::Waiting => "waiting",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Dead => "dead",
            JobState::Cancelled => "cancelled",
        }
    }

    /// As a cell.
    pub(super) fn cell(self) -> Value {
        Value::Text(self.name().to_owned())
    }

    pub(super) fn of(row: &Row) -> Option<Self> {
        let name = row[STATE].as_text()?;
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A job that was enqueued, as it is kept: the model `_modeller/jobs`.
///
/// No door serves it. Ask [`Jobs`](super::Jobs) for it, or with [`Records`](crate::Records); only the framework writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[model(builtin, scope = "_modeller", name = "jobs", index(state, at), crate = crate)]
pub struct JobEntry {
    /// Which job: `sendWelcome`, or `system/users.sendWelcome` for one that belongs to a model.
    pub name: String,
    /// What it is to do, as JSON text.
    pub payload: String,
    /// How far it has come.
    pub state: JobState,
    /// In Unix milliseconds: when it is due, while it waits; when its lease ends, while it runs; else when it came to its end.
    pub at: i64,
    /// How often it was begun.
    pub attempt: i64,
    /// How often it may be begun.
    pub attempts: i64,
    /// Whose lease it is.
    pub owner: Option<String>,
    /// Grows with each lease: whoever comes with an older number has lost his.
    pub fence: i64,
    /// No two jobs that wait or run have the same. It is the job's name and the caller's own key.
    #[model(unique)]
    pub unique_key: Option<String>,
    /// It is to be called off while it runs.
    pub cancelling: bool,
    /// How much of it is done, from 0 to 1, as the job itself said last.
    pub progress: Option<f64>,
    /// What the job said with it.
    pub note: Option<String>,
    /// Why it failed the last time: the code, a colon and the message.
    pub error: Option<String>,
    /// When it was last begun, in Unix milliseconds.
    pub started_at: Option<i64>,
    /// When it came to its end, in Unix milliseconds.
    pub finished_at: Option<i64>,
}

/// When a job last ran by the calendar.
#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(builtin, scope = "_modeller", name = "crons", crate = crate)]
pub(super) struct CronEntry {
    /// Which job.
    #[model(key)]
    pub(super) name: String,
    /// Its pattern. With another one the calendar begins anew.
    pub(super) pattern: String,
    /// The last tick that was seen to, in Unix milliseconds.
    pub(super) last: i64,
}

pub(super) const NAME: usize = JobEntry::NAME.index();
pub(super) const PAYLOAD: usize = JobEntry::PAYLOAD.index();
pub(super) const STATE: usize = JobEntry::STATE.index();
pub(super) const AT: usize = JobEntry::AT.index();
pub(super) const ATTEMPT: usize = JobEntry::ATTEMPT.index();
pub(super) const ATTEMPTS: usize = JobEntry::ATTEMPTS.index();
pub(super) const OWNER: usize = JobEntry::OWNER.index();
pub(super) const FENCE: usize = JobEntry::FENCE.index();
pub(super) const UNIQUE_KEY: usize = JobEntry::UNIQUE_KEY.index();
pub(super) const CANCELLING: usize = JobEntry::CANCELLING.index();
pub(super) const PROGRESS: usize = JobEntry::PROGRESS.index();
pub(super) const NOTE: usize = JobEntry::NOTE.index();
pub(super) const ERROR: usize = JobEntry::ERROR.index();
pub(super) const STARTED_AT: usize = JobEntry::STARTED_AT.index();
pub(super) const FINISHED_AT: usize = JobEntry::FINISHED_AT.index();

/// The shape of [`JobEntry`].
pub(super) fn shape() -> &'static Shape {
    JobEntry::descriptor().shape()
}

/// A number of a row.
pub(super) fn number(row: &Row, column: usize) -> i64 {
    row[column].as_integer().unwrap_or(0)
}

/// A text of a row.
pub(super) fn text(row: &Row, column: usize) -> String {
    row[column].as_text().unwrap_or_default().to_owned()
}

/// Whether a run with this fence still has the lease on the job.
pub(super) fn holds(row: &Row, fence: i64) -> bool {
    JobState::of(row) == Some(JobState::Running) && number(row, FENCE) == fence
}

/// The cells that every new row has.
pub(super) fn stamp(row: &mut Row, id: String, now: i64) {
    row[Shape::ID] = Value::Text(id);
    row[Shape::VERSION] = Value::Integer(1);
    row[Shape::CREATED_AT] = Value::Integer(now);
    row[Shape::UPDATED_AT] = Value::Integer(now);
}

/// Writes a new version of a row of this model.
pub(super) async fn rewrite(
    tx: &mut dyn Tx,
    shape: &'static Shape,
    old: &Row,
    now: i64,
    change: impl FnOnce(&mut Row),
) -> Result<Row> {
    let mut new = old.clone();
    change(&mut new);
    new[Shape::VERSION] = Value::Integer(number(old, Shape::VERSION).saturating_add(1));
    new[Shape::UPDATED_AT] = Value::Integer(now.max(number(old, Shape::UPDATED_AT)));
    tx.update(shape, old, &new).await?;
    Ok(new)
}

/// The end of a job, in this state.
pub(super) fn end(row: &mut Row, state: JobState, now: i64) {
    row[STATE] = state.cell();
    row[AT] = Value::Integer(now);
    row[FINISHED_AT] = Value::Integer(now);
    row[OWNER] = Value::Null;
    // From now on another one may come with it.
    row[UNIQUE_KEY] = Value::Null;
    row[CANCELLING] = Value::Integer(0);
}
