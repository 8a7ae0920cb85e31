//! The writer: one thread that commits the writes of many callers together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::changes;
use super::fault::{internal, unavailable};
use super::interactive::{self, Begin};
use super::notes::Told;
use super::options::SqliteOptions;
use super::session::{Guard, Session};
use crate::model::{Code, Error, Result};
use crate::store::{Answer, BoxFuture, Work};

/// How often the log is swept.
const SWEEP: Duration = Duration::from_secs(30);

/// How large the log of a batch becomes, in bytes, before it is committed without waiting for more.
const BATCH_LOG: usize = 32 << 20;

/// What the writer's thread does.
pub(super) enum Job {
    /// A write, committed together with others.
    Work(Work, oneshot::Sender<Result<Answer>>),
    /// A transaction that stays open.
    Begin(Begin),
    /// Something else that needs the connection, outside of any transaction.
    Task(Box<dyn FnOnce(&mut Session) + Send>),
    /// Stop when everything before is done.
    Close(oneshot::Sender<()>),
}

/// The way to the writer's thread. It stops by itself, after its queue is empty, when this is dropped.
pub(super) struct Writer {
    queue: SyncSender<Job>,
    closed: AtomicBool,
    /// Whether it has been closed to the end.
    ended: tokio::sync::Mutex<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        options: &SqliteOptions,
        told: Told,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(options.queue);
        let writing = Writing {
            session: Session::new(connection, told),
            jobs,
            batch: options.batch,
            timeout: options.transaction_timeout,
            retention: options.log_retention,
        };
        let thread = std::thread::Builder::new().name("sqlite-writer".into()).spawn(move || writing.run())?;
        Ok(Writer {
            queue,
            closed: AtomicBool::new(false),
            ended: tokio::sync::Mutex::default(),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues a job.
    pub(super) fn send(&self, job: Job) -> Result<()> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(closed());
        }
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => {
                Error::new(Code::Overloaded, "too many writes are waiting; try again later")
            }
            TrySendError::Disconnected(_) => closed(),
        })
    }

    /// Queues a job and waits for its answer.
    pub(super) async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T>>) -> Job) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.send(job(reply))?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Waits until everything that was accepted is done, and lets go of the database.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // Whoever comes second waits as well, and goes on with it if the first has given up.
        let mut ended = self.ended.lock().await;
        if *ended {
            return;
        }
        let (reply, done) = oneshot::channel();
        let mut job = Job::Close(reply);
        while let Err(TrySendError::Full(back)) = self.queue.try_send(job) {
            job = back;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // An error means that the thread is gone already.
        drop(done.await);
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has said goodbye: this does not block.
            drop(thread.join());
        }
        *ended = true;
    }
}

/// The store was closed.
pub(super) fn closed() -> Error {
    unavailable("the store is closed")
}

/// Runs what others wrote; a panic in it is that piece's error.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(internal("an operation on the store panicked")))
}

/// Drops what others wrote; a panic in that is nobody's error.
fn discard<T>(value: T) {
    drop(guarded(|| {
        drop(value);
        Ok(())
    }));
}

/// Polls to the end, and says whether that took more than once. The steps of a write are ready at once, unless they host code (hooks)
/// that waits for something else; all other writes wait with it then.
fn waited(
    mut steps: BoxFuture<'_, Result<Answer>>,
    deadline: Instant,
    has_waited: &mut bool,
) -> Result<Answer> {
    if let Poll::Ready(outcome) = steps.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return outcome;
    }
    *has_waited = true;
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(outcome) = steps.as_mut().poll(&mut Context::from_waker(&waker)) {
            return outcome;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(Code::Timeout, "the write took too long and was rolled back"));
        }
        std::thread::park_timeout(left);
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

type Outcome = (oneshot::Sender<Result<Answer>>, Result<Answer>);

struct Writing {
    session: Session,
    jobs: Receiver<Job>,
    batch: usize,
    timeout: Duration,
    retention: Duration,
}

impl Writing {
    fn run(mut self) {
        let mut sweep = Instant::now() + SWEEP;
        let mut next = None;
        loop {
            let job = match next.take() {
                Some(job) => job,
                None => match self.jobs.recv_timeout(sweep.saturating_duration_since(Instant::now())) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout) => {
                        sweep = Instant::now() + if self.sweep() { Duration::ZERO } else { SWEEP };
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return self.end(),
                },
            };
            match job {
                Job::Work(work, reply) => next = self.batch(work, reply),
                Job::Begin(begin) => interactive::serve(&mut self.session, begin, self.timeout),
                Job::Task(task) => drop(guarded(|| {
                    task(&mut self.session);
                    Ok(())
                })),
                Job::Close(reply) => {
                    self.end();
                    let _ = reply.send(());
                    return;
                }
            }
            // Under load there is no pause in which to sweep.
            if sweep <= Instant::now() && next.is_none() {
                sweep = Instant::now() + if self.sweep() { Duration::ZERO } else { SWEEP };
            }
        }
    }

    /// Commits the work together with what waits behind it; gives back the job that ended the batch.
    fn batch(&mut self, work: Work, reply: oneshot::Sender<Result<Answer>>) -> Option<Job> {
        let begun = self.session.begin();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(16);
        let mut next = None;
        let mut job = (work, reply);
        loop {
            let (work, reply) = job;
            let mut has_waited = false;
            if reply.is_closed() {
                // Whoever has given up waiting gets nothing done.
                discard(work);
            } else {
                let outcome = match &begun {
                    Ok(()) => self.work(work, &mut has_waited),
                    // One that waits for a locked file is enough: the others learn it with him.
                    Err(error) => {
                        discard(work);
                        Err(error.clone())
                    }
                };
                outcomes.push((reply, outcome));
            }
            // Those before one that waited have waited with it, and need not wait for another.
            if has_waited || outcomes.len() >= self.batch || self.session.log_size() > BATCH_LOG {
                break;
            }
            match self.jobs.try_recv() {
                Ok(Job::Work(work, reply)) => job = (work, reply),
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let is_begun = begun.is_ok();
        let lost = match begun {
            Ok(()) => self.session.commit().err(),
            Err(_) => None,
        };
        let is_committed = is_begun && lost.is_none();
        for (reply, outcome) in outcomes {
            let answer = match (&lost, outcome) {
                (Some(error), Ok(answer)) => {
                    discard(answer);
                    Err(error.clone())
                }
                (_, outcome) => outcome,
            };
            // The caller may have given up meanwhile. What it would have got may hold hooks that wait.
            if let Err(answer) = reply.send(answer) {
                discard(answer);
            }
        }
        if is_committed {
            self.session.tell();
        }
        next
    }

    fn work(&mut self, work: Work, has_waited: &mut bool) -> Result<Answer> {
        let session = &mut self.session;
        session.start(if work.single { Guard::Entry } else { Guard::Savepoint { made: false } });
        let outcome = guarded(|| {
            let steps = (work.steps)(session);
            waited(steps, Instant::now() + self.timeout, has_waited)
        });
        match outcome {
            Ok(answer) => session.keep(work.actor.as_deref()).map(|()| answer),
            Err(error) => {
                session.undo();
                Err(error)
            }
        }
    }

    fn sweep(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let cutoff = now.saturating_sub(self.retention).as_millis();
        let swept = changes::sweep(&self.session.connection, i64::try_from(cutoff).unwrap_or(i64::MAX));
        swept.unwrap_or_else(|error| {
            tracing::warn!(%error, "the change log can't be swept");
            false
        })
    }

    /// Answers what came too late, and closes the database.
    fn end(self) {
        for job in self.jobs.try_iter() {
            match job {
                Job::Work(_, reply) => drop(reply.send(Err(closed()))),
                Job::Begin(begin) => begin.refuse(closed()),
                // Their callers see that nobody answers.
                Job::Task(_) | Job::Close(_) => {}
            }
        }
        let connection = self.session.connection;
        // If others have the file open, the log of their writes stays beside it.
        if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the database can't be checkpointed at its close");
        }
        if let Err((_, error)) = connection.close() {
            tracing::warn!(%error, "the database can't be closed");
        }
    }
}
