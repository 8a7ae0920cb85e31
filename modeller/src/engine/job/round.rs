//! A round: one transaction in which a runner writes down what has ended, prolongs what still runs, and takes what is due.

use std::sync::Arc;

use super::entry::{AT, JobState, number, shape};
use super::lease::{Finished, Renewed, Taken, by_time, in_state, known, prune, put_off, renew, settle, take};
use crate::engine::Engine;
use crate::engine::scope::{CHUNK, milliseconds};
use crate::model::{Code, Error, Result};
use crate::store::{self, Answer, Rows, Tx, Work};

/// How long jobs that nobody here knows wait before they are put off, and for how long, in milliseconds.
const UNKNOWN: i64 = 60_000;

/// What a round is to do.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    /// When it was, or before.
    pub(super) sent: i64,
    pub(super) finished: Vec<Finished>,
    /// The leases to prolong: ids and fences.
    pub(super) renew: Vec<(String, i64)>,
    /// How many jobs to take.
    pub(super) room: usize,
    /// Whether to look into the calendar.
    pub(super) tick: bool,
    /// Whether to remove what is old, and to put off what nobody knows.
    pub(super) tidy: bool,
    /// Most probably there is nothing to take.
    pub(super) guess: bool,
}

impl Round {
    /// Whether it is only about taking what most probably is not there.
    fn is_guess(&self) -> bool {
        self.guess && self.finished.is_empty() && self.renew.is_empty() && !self.tick && !self.tidy
    }
}

/// What a round did.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Runs that had lost their lease when they ended.
    pub(super) stale: Vec<String>,
    /// What became of the leases, in their order.
    pub(super) renewed: Vec<Renewed>,
    pub(super) taken: Taken,
    /// There is more to tidy up.
    pub(super) untidy: bool,
}

/// Carries out a round.
pub(super) async fn carry_out(engine: Arc<Engine>, owner: Arc<str>, round: Round) -> Result<Report> {
    if round.is_guess() {
        // Whoever only looks does not bother the writer.
        let next = next_due(&engine).await?;
        if next.is_none_or(|next| next > engine.clock().now()) {
            return Ok(Report { taken: Taken { next, ..Taken::default() }, ..Report::default() });
        }
    }
    let work = Work {
        single: false,
        actor: None,
        steps: Box::new({
            let engine = engine.clone();
            move |tx| {
                Box::pin(async move { Ok(Box::new(steps(&engine, tx, &owner, round).await?) as Answer) })
            }
        }),
    };
    let answer = engine.store().write(work).await?.downcast::<Report>();
    // A store answers what the work answered.
    answer
        .map(|report| *report)
        .map_err(|_| Error::new(Code::InternalError, "the store answered something else"))
}

async fn steps(engine: &Engine, tx: &mut dyn Tx, owner: &str, round: Round) -> Result<Report> {
    let (board, now, mut report) = (engine.board(), engine.clock().now(), Report::default());
    let options = board.options();
    let lease = milliseconds(options.lease);
    for finished in &round.finished {
        if !settle(tx, now, finished).await? {
            report.stale.push(finished.id.clone());
        }
    }
    for (id, fence) in &round.renew {
        report.renewed.push(renew(tx, now, now.saturating_add(lease), id, *fence).await?);
    }
    if round.tick {
        board.calendar.tick(engine, tx, now).await?;
    }
    if round.tidy {
        let most = usize::try_from(CHUNK).unwrap_or(usize::MAX);
        let removed = prune(tx, now.saturating_sub(milliseconds(options.retention)), most).await?;
        let put_off = put_off(tx, board, now, now - UNKNOWN, now + UNKNOWN, most).await?;
        if let Some((count, name)) = &put_off {
            tracing::error!(
                "{count} jobs wait that this application does not know, one of them `{name}`: they stay until it does"
            );
        }
        report.untidy = removed >= most || put_off.is_some_and(|(count, _)| count >= most);
    }
    if round.room > 0 {
        report.taken = take(tx, board, now, lease, owner, round.room).await?;
    }
    Ok(report)
}

/// When the next job is due, or the next lease ends.
async fn next_due(engine: &Engine) -> Result<Option<i64>> {
    let mut next: Option<i64> = None;
    for state in [JobState::Running, JobState::Waiting] {
        let select = by_time(in_state(state).and(known(engine.board())), 1);
        let rows = store::sink::<Rows>(engine.store().read(&select, Rows::of(shape())).await?).rows;
        next = next.into_iter().chain(rows.first().map(|row| number(row, AT))).min();
    }
    Ok(next)
}
