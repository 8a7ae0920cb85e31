//! Leases: who may run a job, for how long, and what becomes of it. These are steps of transactions.
//!
//! Each lease has a fence, a number that grows with every lease on the same job. Whoever comes back with an older one, because
//! he was away for so long that somebody else took over, changes nothing.

use std::sync::{Arc, Weak};

use super::Board;
use super::entry::{
    AT, ATTEMPT, ATTEMPTS, CANCELLING, ERROR, FENCE, FINISHED_AT, JobState, NAME, OWNER, PAYLOAD, PROGRESS,
    STARTED_AT, STATE, end, holds, number, rewrite, shape, text,
};
use super::run::Run;
use crate::engine::scope::Bounded;
use crate::model::{Result, Row, Shape, Value};
use crate::query::{Filter, Op, Operand, Order, Path, Select};
use crate::store::{self, Rows, Tx};

/// A job that is ours to run.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) payload: String,
    /// Which attempt it is, from 1.
    pub(super) attempt: i64,
    pub(super) attempts: i64,
    pub(super) fence: i64,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The job was carried out.
    Done,
    /// It failed, and is tried again after this many milliseconds.
    Again { error: String, after: i64 },
    /// It failed, and is tried no more.
    Dead { error: String },
    /// It was called off.
    Cancelled,
    /// It was not carried out, through no fault of its own: this attempt does not count.
    Released,
}

/// A run that ended.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    pub(super) id: String,
    pub(super) fence: i64,
    pub(super) end: End,
    /// Until this is written down, it counts as running here.
    pub(super) run: Option<Arc<Run>>,
}

/// What was taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) leases: Vec<Lease>,
    /// There may be more that are due.
    pub(super) more: bool,
    /// When the next one is due.
    pub(super) next: Option<i64>,
}

/// The jobs that this application can run.
pub(super) fn known(board: &Board) -> Filter {
    Filter::one_of(Path::column(NAME), board.known.clone())
}

/// The jobs in this state.
pub(super) fn in_state(state: JobState) -> Filter {
    Filter::Test(Path::column(STATE), Op::Eq(state.cell().into()))
}

fn until(time: i64) -> Filter {
    Filter::Test(Path::column(AT), Op::Lte(Operand::Cell(Value::Integer(time))))
}

/// The jobs in this state, the oldest first.
pub(super) fn by_time(filter: Filter, count: usize) -> Select {
    Select {
        order: vec![Order { path: Path::column(AT), descending: false }],
        count: Some(count as u64),
        ..Select::filtered(shape(), filter)
    }
}

/// Takes what is due, at most `room` jobs, for `lease` milliseconds.
pub(super) async fn take(
    tx: &mut dyn Tx,
    board: &Board,
    now: i64,
    lease: i64,
    owner: &str,
    room: usize,
) -> Result<Taken> {
    let mut taken = Taken::default();
    let mut found = Vec::new();
    // Those first whose lease has run out: they have waited longest.
    for state in [JobState::Running, JobState::Waiting] {
        let left = room - found.len();
        let select = by_time(in_state(state).and(until(now)).and(known(board)), left);
        let rows = store::sink::<Bounded>(tx.read(&select, Bounded::of(shape())).await?);
        taken.more |= rows.cut || (rows.rows.rows.len() == left && state == JobState::Waiting);
        found.extend(rows.rows.rows);
    }
    for row in found {
        let is_here = {
            let running = board.running();
            let run = running.get(&text(&row, Shape::ID)).and_then(Weak::upgrade);
            run.is_some_and(|run| holds(&row, run.fence()))
        };
        if is_here {
            // The clock has made a jump, as after a sleep of the machine; but the run goes on.
            rewrite(tx, shape(), &row, now, |row| row[AT] = Value::Integer(now.saturating_add(lease)))
                .await?;
            continue;
        }
        let (attempt, attempts) = (number(&row, ATTEMPT), number(&row, ATTEMPTS));
        if row[CANCELLING] == Value::Integer(1) {
            rewrite(tx, shape(), &row, now, |row| end(row, JobState::Cancelled, now)).await?;
        } else if attempt >= attempts {
            // Whoever ran it went down with it each time.
            let error = "INTERNAL_ERROR: its last run was broken off";
            tracing::error!(job = %text(&row, NAME), id = %text(&row, Shape::ID), "{error}");
            rewrite(tx, shape(), &row, now, |row| {
                end(row, JobState::Dead, now);
                row[ERROR] = Value::from(error);
            })
            .await?;
        } else {
            let row = rewrite(tx, shape(), &row, now, |row| {
                row[STATE] = JobState::Running.cell();
                row[AT] = Value::Integer(now.saturating_add(lease));
                row[ATTEMPT] = Value::Integer(attempt + 1);
                row[OWNER] = Value::from(owner);
                row[FENCE] = Value::Integer(number(row, FENCE) + 1);
                row[STARTED_AT] = Value::Integer(now);
                row[PROGRESS] = Value::Null;
            })
            .await?;
            taken.leases.push(leased(&row));
        }
    }
    if !taken.more {
        let select = by_time(in_state(JobState::Waiting).and(known(board)), 1);
        let rows = store::sink::<Rows>(tx.read(&select, Rows::of(shape())).await?).rows;
        taken.next = rows.first().map(|row| number(row, AT));
    }
    Ok(taken)
}

fn leased(row: &Row) -> Lease {
    Lease {
        id: text(row, Shape::ID),
        name: text(row, NAME),
        payload: text(row, PAYLOAD),
        attempt: number(row, ATTEMPT),
        attempts: number(row, ATTEMPTS),
        fence: number(row, FENCE),
    }
}

/// The row of a job.
pub(super) async fn find(tx: &mut dyn Tx, id: &str) -> Result<Option<Row>> {
    let rows = tx.read(&Select::filtered(shape(), Filter::id(id)), Rows::of(shape())).await?;
    Ok(store::sink::<Rows>(rows).rows.into_iter().next())
}

/// Writes down how a run ended. Answers whether it still had the lease; if not, nothing is changed.
pub(super) async fn settle(tx: &mut dyn Tx, now: i64, finished: &Finished) -> Result<bool> {
    let Some(row) = find(tx, &finished.id).await? else { return Ok(false) };
    if !holds(&row, finished.fence) {
        return Ok(false);
    }
    let called_off = row[CANCELLING] == Value::Integer(1);
    let wait = |row: &mut Row, at: i64| {
        row[STATE] = JobState::Waiting.cell();
        row[AT] = Value::Integer(at);
        row[OWNER] = Value::Null;
        row[FINISHED_AT] = Value::Null;
    };
    rewrite(tx, shape(), &row, now, |row| match &finished.end {
        End::Done => {
            end(row, JobState::Done, now);
            row[ERROR] = Value::Null;
        }
        // Nobody wants it tried again.
        End::Again { error, .. } if called_off => {
            end(row, JobState::Cancelled, now);
            row[ERROR] = Value::from(error.as_str());
        }
        End::Again { error, after } => {
            wait(row, now.saturating_add(*after));
            row[ERROR] = Value::from(error.as_str());
        }
        End::Dead { error } => {
            end(row, JobState::Dead, now);
            row[ERROR] = Value::from(error.as_str());
        }
        End::Cancelled => end(row, JobState::Cancelled, now),
        End::Released if called_off => end(row, JobState::Cancelled, now),
        End::Released => {
            wait(row, now);
            row[ATTEMPT] = Value::Integer(number(row, ATTEMPT) - 1);
        }
    })
    .await?;
    Ok(true)
}

/// What is to be known of a lease that was to be prolonged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    /// It was.
    Held,
    /// It was, and the job is to be called off.
    Cancelling,
    /// Somebody else has the job by now, or it is over.
    Lost,
}

/// Prolongs a lease to this time.
pub(super) async fn renew(tx: &mut dyn Tx, now: i64, until: i64, id: &str, fence: i64) -> Result<Renewed> {
    let Some(row) = find(tx, id).await?.filter(|row| holds(row, fence)) else { return Ok(Renewed::Lost) };
    rewrite(tx, shape(), &row, now, |row| row[AT] = Value::Integer(until)).await?;
    Ok(if row[CANCELLING] == Value::Integer(1) { Renewed::Cancelling } else { Renewed::Held })
}

/// Puts off jobs that have been due since `since` and that this application does not know: whoever knows them has had the time to
/// take them. Answers how many, and the name of one.
pub(super) async fn put_off(
    tx: &mut dyn Tx,
    board: &Board,
    now: i64,
    since: i64,
    to: i64,
    most: usize,
) -> Result<Option<(usize, String)>> {
    let unknown = Filter::none_of(Path::column(NAME), board.known.clone());
    let select = by_time(in_state(JobState::Waiting).and(until(since)).and(unknown), most);
    let rows = store::sink::<Bounded>(tx.read(&select, Bounded::of(shape())).await?).rows.rows;
    for row in &rows {
        rewrite(tx, shape(), row, now, |row| row[AT] = Value::Integer(to)).await?;
    }
    Ok(rows.first().map(|row| (rows.len(), text(row, NAME))))
}

/// Removes jobs that were done, or cancelled, until `since`. Answers how many.
pub(super) async fn prune(tx: &mut dyn Tx, since: i64, most: usize) -> Result<usize> {
    let mut removed = 0;
    for state in [JobState::Done, JobState::Cancelled] {
        let select = by_time(in_state(state).and(until(since)), most);
        let rows = store::sink::<Bounded>(tx.read(&select, Bounded::of(shape())).await?).rows.rows;
        for row in &rows {
            tx.delete(shape(), row).await?;
        }
        removed += rows.len();
    }
    Ok(removed)
}
