//! The runner: takes jobs that are due, runs them side by side, and writes down how they ended.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinSet;

use super::board::Board;
use super::lease::{End, Finished, Lease, Renewed};
use super::options::JobsOptions;
use super::retry::delay;
use super::round::{self, Report, Round};
use super::run::{self, Run};
use crate::engine::scope::milliseconds;
use crate::engine::signal::Signal;
use crate::engine::{Clock, Engine, caught};
use crate::model::Result;
use crate::store::BoxFuture;

/// How often old jobs are removed, in milliseconds.
const TIDY: i64 = 60_000;

/// How long to wait after the store could not be written, in milliseconds.
const PAUSE: i64 = 1_000;

/// How long jobs have to notice that they were cut off.
const CUT_OFF: Duration = Duration::from_secs(1);

/// A round under way, and what it was to do.
type Rounding = BoxFuture<'static, (Round, Result<Report>)>;

/// Runs jobs. Several of them, in one process or in many, share the work.
pub(super) struct Runner {
    engine: Weak<Engine>,
    board: Arc<Board>,
    clock: Clock,
    options: JobsOptions,
    owner: Arc<str>,
    /// Whether it ends when nothing is due any more.
    settles: bool,
    /// Leased, and not begun.
    ready: VecDeque<Lease>,
    /// All that is leased.
    held: HashMap<String, Arc<Run>>,
    tasks: JoinSet<(String, Option<Finished>)>,
    /// Ended, and not written down.
    finished: Vec<Finished>,
    /// There may be something to take.
    look: bool,
    /// That is only a guess.
    guess: bool,
    /// When to look again, prolong the leases, look into the calendar, tidy up, try the store again.
    next: i64,
    renew_at: i64,
    tick_at: i64,
    tidy_at: i64,
    paused_until: i64,
    /// How many runs it has begun.
    runs: u64,
}

impl Runner {
    pub(super) fn new(engine: &Arc<Engine>, settles: bool) -> Self {
        let (board, clock) = (engine.board().clone(), engine.clock().clone());
        Runner {
            engine: Arc::downgrade(engine),
            options: board.options(),
            owner: uuid::Uuid::new_v4().to_string().into(),
            settles,
            ready: VecDeque::new(),
            held: HashMap::new(),
            tasks: JoinSet::new(),
            finished: Vec::new(),
            look: true,
            guess: false,
            next: 0,
            renew_at: 0,
            tick_at: if board.calendar.is_empty() { i64::MAX } else { 0 },
            tidy_at: 0,
            paused_until: 0,
            runs: 0,
            board,
            clock,
        }
    }

    /// Runs everything that is due, and answers how many runs that were.
    pub(super) async fn settle(mut self) -> Result<u64> {
        self.go(&Signal::default()).await?;
        Ok(self.runs)
    }

    /// Runs jobs until it is told to stop, and gives back what has not come to its end some time later.
    pub(super) async fn run(mut self, stop: Arc<Signal>) {
        // In the background it goes on after an error.
        drop(self.go(&stop).await);
        self.drain().await;
    }

    async fn go(&mut self, stop: &Signal) -> Result<()> {
        let (board, clock) = (self.board.clone(), self.clock.clone());
        let mut rounding: Option<Rounding> = None;
        loop {
            self.begin();
            if rounding.is_none() {
                match self.round() {
                    Some(round) => match self.send(round) {
                        None => return Ok(()),
                        sent => rounding = sent,
                    },
                    None if self.settles && self.held.is_empty() && !self.look => return Ok(()),
                    None => {}
                }
            }
            let (is_idle, wake_at) = (rounding.is_none(), self.wake_at());
            let rounded = async {
                match &mut rounding {
                    Some(rounding) => rounding.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                (round, report) = rounded => {
                    rounding = None;
                    match report {
                        Ok(report) => self.learn(round, report),
                        Err(error) if self.settles => return Err(error),
                        Err(error) => {
                            tracing::warn!(%error, "the jobs can't be written; they are tried again");
                            self.look |= round.room > 0;
                            self.finished.extend(round.finished);
                            self.paused_until = clock.now() + PAUSE;
                        }
                    }
                }
                Some(ended) = self.tasks.join_next() => self.end(ended.ok()),
                () = board.wake.notified(), if !self.settles => (self.look, self.guess) = (true, false),
                () = clock.sleep_until(wake_at), if is_idle => {
                    self.guess = !self.look;
                    self.look = true;
                }
                () = stop.wait() => {
                    if let Some(rounding) = rounding {
                        // What it took has to be given back.
                        let (round, report) = rounding.await;
                        match report {
                            Ok(report) => self.learn(round, report),
                            Err(_) => self.finished.extend(round.finished),
                        }
                    }
                    return Ok(());
                }
                // Nothing runs then: it would have kept the application.
                () = board.over.wait() => return Ok(()),
            }
        }
    }

    /// Begins what there is room for.
    fn begin(&mut self) {
        while self.tasks.len() < self.options.concurrency {
            let Some(lease) = self.ready.pop_front() else { return };
            let (engine, job) = (self.engine.upgrade(), self.board.find(&lease.name));
            let (Some(engine), Some(job), Some(run)) = (engine, job, self.held.get(&lease.id)) else {
                self.release(&lease.id);
                continue;
            };
            self.runs += 1;
            let (run, id) = (run.clone(), lease.id.clone());
            let (backoff, attempt, attempts) = (job.1.options.backoff, lease.attempt, lease.attempts);
            self.tasks.spawn(async move {
                let finished = caught(run::carry_out(engine, job, lease, run.clone())).await;
                // What it left behind can panic, too, when it is dropped. Without an end it would run here for good.
                let finished = finished.unwrap_or_else(|panic| {
                    let error = format!("INTERNAL_ERROR: the job panicked: {panic}");
                    tracing::error!(%id, %error);
                    let end = match attempt < attempts {
                        true => End::Again { error, after: delay(backoff, attempt, &id) },
                        false => End::Dead { error },
                    };
                    Some(Finished { id: id.clone(), fence: run.fence(), end, run: Some(run) })
                });
                (id, finished)
            });
        }
    }

    /// Takes down that runs have ended.
    fn end(&mut self, ended: Option<(String, Option<Finished>)>) {
        let more = std::iter::from_fn(|| self.tasks.try_join_next()).filter_map(Result::ok);
        let all: Vec<_> = ended.into_iter().chain(more).collect();
        for (id, finished) in all {
            match finished {
                // Until that is written down, nobody here takes it for a job without a runner.
                Some(finished) => {
                    self.held.remove(&id);
                    self.finished.push(finished);
                }
                None => self.let_go(&id),
            }
            // It may have enqueued others.
            self.look |= self.settles;
        }
    }

    fn let_go(&mut self, id: &str) {
        if let Some(run) = self.held.remove(id) {
            self.forget(id, &run);
        }
    }

    /// It does not count as running here any more.
    fn forget(&self, id: &str, run: &Arc<Run>) {
        let mut running = self.board.running();
        if running.get(id).is_some_and(|other| std::ptr::eq(other.as_ptr(), &**run)) {
            running.remove(id);
        }
    }

    fn room(&self) -> usize {
        self.options.batch.saturating_sub(self.held.len())
    }

    /// What the next round is to do, if there is something.
    fn round(&mut self) -> Option<Round> {
        let now = self.clock.now();
        if now < self.paused_until {
            return None;
        }
        let renews = now >= self.renew_at && !self.held.is_empty();
        let room = if self.look { self.room() } else { 0 };
        if self.finished.is_empty() && !renews && room == 0 {
            return None;
        }
        let renew = match renews {
            true => self.held.iter().map(|(id, run)| (id.clone(), run.fence())).collect(),
            false => Vec::new(),
        };
        self.look &= room == 0;
        let finished = std::mem::take(&mut self.finished);
        let (tick, tidy) = (now >= self.tick_at, now >= self.tidy_at);
        Some(Round { sent: now, finished, renew, room, tick, tidy, guess: std::mem::take(&mut self.guess) })
    }

    /// Sends a round on its way, unless the application is gone.
    fn send(&mut self, round: Round) -> Option<Rounding> {
        let (engine, owner) = (self.engine.upgrade()?, self.owner.clone());
        Some(Box::pin(async move {
            let report = round::carry_out(engine, owner, round.clone()).await;
            (round, report)
        }))
    }

    /// Takes in what a round did.
    fn learn(&mut self, round: Round, report: Report) {
        // What has become due since then is still to be seen to.
        let now = round.sent;
        for finished in &round.finished {
            if let Some(run) = &finished.run {
                self.forget(&finished.id, run);
            }
        }
        for id in report.stale {
            tracing::warn!(%id, "a job ended whose lease was lost; whoever has it now decides");
        }
        if round.tick {
            self.tick_at = self.board.calendar.next(now).unwrap_or(i64::MAX);
        }
        if round.tidy {
            self.tidy_at = if report.untidy { now } else { now + TIDY };
        }
        for ((id, fence), renewed) in round.renew.into_iter().zip(report.renewed) {
            // It may have come to its end meanwhile.
            let Some(run) = self.held.get(&id).filter(|run| run.fence() == fence) else { continue };
            if renewed != Renewed::Held {
                run.cancelled.turn_on();
            }
        }
        if self.renew_at <= now {
            self.renew_at = now.saturating_add(milliseconds(self.options.lease) / 3);
        }
        let took = !report.taken.leases.is_empty();
        if round.room > 0 {
            self.look |= report.taken.more || (self.settles && took);
            let poll = now.saturating_add(milliseconds(self.options.poll));
            self.next = report.taken.next.unwrap_or(i64::MAX).min(poll);
        }
        for lease in report.taken.leases {
            let run = Run::of(&lease);
            self.board.running().insert(lease.id.clone(), Arc::downgrade(&run));
            self.held.insert(lease.id.clone(), run);
            self.ready.push_back(lease);
        }
    }

    /// When there is something to do, if nothing happens before.
    fn wake_at(&self) -> i64 {
        let mut at = i64::MAX;
        if !self.held.is_empty() {
            at = self.renew_at;
        }
        if !self.look {
            at = at.min(self.next).min(self.tick_at).min(self.tidy_at);
        }
        // What is to be done now, and is not, waits for the store.
        if !self.finished.is_empty() || (self.look && self.room() > 0) {
            at = 0;
        }
        at.max(self.paused_until)
    }

    /// Gives back what has not begun, waits for the rest for some time, and gives that back too.
    async fn drain(mut self) {
        let grace = tokio::time::sleep(self.options.grace);
        tokio::pin!(grace);
        let clock = self.clock.clone();
        let mut is_over = false;
        self.paused_until = 0;
        let unbegun: Vec<Lease> = self.ready.drain(..).collect();
        for lease in unbegun {
            self.release(&lease.id);
        }
        loop {
            self.look = false;
            if let Some(rounding) =
                self.round().and_then(|round| self.send(Round { tick: false, tidy: false, ..round }))
            {
                let (round, report) = rounding.await;
                match report {
                    Ok(report) => self.learn(round, report),
                    Err(error) => {
                        // Their leases run out by themselves.
                        tracing::warn!(%error, "the ends of some jobs can't be written down: they run again");
                        self.renew_at = clock.now() + PAUSE;
                    }
                }
            }
            if self.tasks.is_empty() || is_over {
                return;
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next() => self.end(ended.ok()),
                () = clock.sleep_until(self.renew_at) => {}
                () = &mut grace => {
                    self.tasks.abort_all();
                    let cut_off = async {
                        while let Some(ended) = self.tasks.join_next().await {
                            self.end(ended.ok());
                        }
                    };
                    // One that never waits for anything can't be dropped.
                    drop(tokio::time::timeout(CUT_OFF, cut_off).await);
                    is_over = true;
                    let left: Vec<String> = self.held.keys().cloned().collect();
                    tracing::warn!("{} jobs were cut off, and run again", left.len());
                    for id in left {
                        self.release(&id);
                    }
                }
            }
        }
    }

    fn release(&mut self, id: &str) {
        if let Some(run) = self.held.remove(id) {
            let (id, fence) = (id.to_owned(), run.fence());
            self.finished.push(Finished { id, fence, end: End::Released, run: Some(run) });
        }
    }
}
