//! The readers: connections for quick reads, which run where they are asked for, and threads for long ones.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::writer::{closed, guarded};
use crate::model::{Code, Error, Result};

/// How many long reads may wait.
const WAITING: usize = 4096;
/// After how many of SQLite's steps a long read looks whether anybody still waits for it.
const PATIENCE: i32 = 50_000;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The readers of a store. Its threads stop when this is dropped.
pub(super) struct Readers {
    quick: Vec<Mutex<Option<Connection>>>,
    long: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
    /// Those who want to know when the last thread is gone.
    threads: usize,
    gone: Vec<oneshot::Sender<()>>,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that is done under the lock leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// Where this thread looks for a connection first, so that it mostly meets its own one.
    static HOME: Cell<usize> = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        Cell::new(THREADS.fetch_add(1, Ordering::Relaxed))
    };
}

impl Readers {
    /// The first half of the connections is for quick reads.
    pub(super) fn start(mut connections: Vec<Connection>) -> std::io::Result<Self> {
        let long = connections.split_off(connections.len() / 2);
        let readers = Readers {
            quick: connections.into_iter().map(|connection| Mutex::new(Some(connection))).collect(),
            long: Arc::default(),
            threads: Mutex::default(),
        };
        let mut threads = Vec::new();
        for connection in long {
            let queue = Arc::clone(&readers.long);
            queue.state().threads += 1;
            let thread = std::thread::Builder::new()
                .name("sqlite-reader".into())
                .spawn(move || work(&queue, connection))?;
            threads.push(thread);
        }
        *readers.threads.lock().unwrap_or_else(PoisonError::into_inner) = threads;
        Ok(readers)
    }

    /// Runs a quick read on a free connection, here and now; gives it back if there is none.
    pub(super) fn here<T, F: FnOnce(&mut Connection) -> T>(&self, read: F) -> Result<T, F> {
        let home = HOME.get();
        for at in 0..self.quick.len() {
            let mut slot = match self.quick[(home + at) % self.quick.len()].try_lock() {
                Ok(slot) => slot,
                // A sink panicked; the connection is as good as before.
                Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            if let Some(connection) = &mut *slot {
                return Ok(read(connection));
            }
        }
        Err(read)
    }

    /// Runs a read on one of the threads. When the future is dropped, the read stops.
    pub(super) async fn away<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection, &AtomicBool) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let abandoned = Arc::new(AtomicBool::new(false));
        let guard = Abandon(Arc::clone(&abandoned));
        let job: Job = Box::new(move |connection| {
            if reply.is_closed() {
                return;
            }
            let flag = Arc::clone(&abandoned);
            // Without this a read that nobody waits for would only run longer.
            drop(connection.progress_handler(PATIENCE, Some(move || flag.load(Ordering::Relaxed))));
            let outcome = guarded(|| read(connection, &abandoned));
            drop(connection.progress_handler(0, None::<fn() -> bool>));
            drop(reply.send(outcome));
        });
        {
            let mut state = self.long.state();
            if state.closed {
                return Err(closed());
            }
            if state.jobs.len() >= WAITING {
                return Err(Error::new(Code::Overloaded, "too many reads are waiting; try again later"));
            }
            state.jobs.push_back(job);
        }
        self.long.ready.notify_one();
        let outcome = answer.await.unwrap_or_else(|_| Err(closed()));
        drop(guard);
        outcome
    }

    /// Waits until the reads that were accepted are done, and closes the connections.
    pub(super) async fn close(&self) {
        let gone = {
            let mut state = self.long.state();
            state.closed = true;
            let (reply, gone) = oneshot::channel();
            (state.threads > 0).then(|| {
                state.gone.push(reply);
                gone
            })
        };
        self.long.ready.notify_all();
        if let Some(gone) = gone {
            // An error means that they are gone, too.
            drop(gone.await);
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // They have said goodbye: this does not block.
            drop(thread.join());
        }
        for slot in &self.quick {
            // Quick reads are done in no time.
            drop(slot.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.long.state().closed = true;
        self.long.ready.notify_all();
    }
}

/// Tells a read that nobody waits for it any more.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn work(queue: &Queue, mut connection: Connection) {
    loop {
        let job = {
            let mut state = queue.state();
            loop {
                if let Some(job) = state.jobs.pop_front() {
                    break Some(job);
                }
                if state.closed {
                    break None;
                }
                state = queue.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        match job {
            Some(job) => job(&mut connection),
            None => break,
        }
    }
    drop(connection);
    let mut state = queue.state();
    state.threads -= 1;
    if state.threads == 0 {
        for gone in state.gone.drain(..) {
            let _ = gone.send(());
        }
    }
}
