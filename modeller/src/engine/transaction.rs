//! The transaction behind a context: open between calls, begun when it is first needed, or hosted by a write under way.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinError;

use super::{Engine, caught};
use crate::model::{Code, Error, Result};
use crate::store::{Answer, BoxFuture, Transaction, Tx, Work};

/// What is to be done once a transaction is committed.
pub(super) type AfterCommit = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What those share who write in one transaction.
pub(super) struct Shared {
    state: Mutex<Open>,
    after: SyncMutex<Vec<AfterCommit>>,
}

/// How far a transaction has come. A failed write spoils it.
enum Open {
    /// Nothing was written yet: the first write begins it.
    Lazy {
        engine: Arc<Engine>,
        actor: Option<String>,
    },
    Running(Box<dyn Transaction>),
    Spoiled(Box<dyn Transaction>),
    /// A write under way serves it.
    Hosted(Desk),
    Ended,
}

/// Where a hosted transaction takes its requests.
#[derive(Clone)]
struct Desk(Arc<SyncMutex<Counter>>);

#[derive(Default)]
struct Counter {
    requests: VecDeque<Request>,
    /// The host, if it waits.
    host: Option<Waker>,
    /// The host is gone.
    closed: bool,
    spoiled: bool,
}

/// One step of a hosted transaction; it sends its answer itself.
type Request = Box<dyn for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, ()> + Send>;

impl Shared {
    fn new(state: Open) -> Arc<Self> {
        Arc::new(Shared { state: Mutex::new(state), after: SyncMutex::default() })
    }

    /// Of an open transaction.
    pub(super) fn running(transaction: Box<dyn Transaction>) -> Arc<Self> {
        Self::new(Open::Running(transaction))
    }

    /// One that its first write begins.
    pub(super) fn lazy(engine: Arc<Engine>, actor: Option<String>) -> Arc<Self> {
        Self::new(Open::Lazy { engine, actor })
    }

    /// Does something once the transaction is committed.
    pub(super) fn after_commit(&self, after: AfterCommit) {
        self.after.lock().unwrap_or_else(PoisonError::into_inner).push(after);
    }

    /// What is to be done after the commit.
    pub(super) fn take_after(&self) -> Vec<AfterCommit> {
        std::mem::take(&mut self.after.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Nothing of the whole may stay.
    pub(super) async fn spoil(&self) {
        let mut state = self.state.lock().await;
        *state = match std::mem::replace(&mut *state, Open::Ended) {
            Open::Running(transaction) => Open::Spoiled(transaction),
            Open::Hosted(desk) => {
                desk.counter().spoiled = true;
                Open::Hosted(desk)
            }
            other => other,
        };
    }

    /// Does a part of it.
    pub(super) async fn part<T>(&self, body: impl Future<Output = Result<T>>) -> Result<T> {
        let result = body.await;
        // What it did before it failed can't be undone by itself, so that nothing of the whole may stay.
        if result.is_err() {
            self.spoil().await;
        }
        result
    }

    /// Ends it: commits, if the body succeeded and nothing in it was spoiled, and does what was to be done then.
    pub(super) async fn end<T>(&self, result: Result<T>, engine: &Engine) -> Result<T> {
        let state = std::mem::replace(&mut *self.state.lock().await, Open::Ended);
        match (result, state) {
            (Ok(value), Open::Running(transaction)) => {
                commit(transaction, self.take_after(), engine).await.map(|()| value)
            }
            (Ok(_), Open::Spoiled(transaction)) => {
                transaction.rollback().await;
                Err(spoiled())
            }
            (Err(error), Open::Running(transaction) | Open::Spoiled(transaction)) => {
                transaction.rollback().await;
                Err(error)
            }
            (Ok(value), Open::Lazy { .. }) => {
                // Nothing was written, and nothing failed.
                follow(self.take_after(), engine).await;
                Ok(value)
            }
            (result, Open::Lazy { .. } | Open::Hosted(_)) => result,
            // A write was broken off.
            (Ok(_), Open::Ended) => Err(ended()),
            (Err(error), Open::Ended) => Err(error),
        }
    }

    /// Undoes what was done in it so far; its next write begins it anew.
    pub(super) async fn restart(&self, engine: &Arc<Engine>, actor: Option<String>) {
        let mut state = self.state.lock().await;
        *state = match std::mem::replace(&mut *state, Open::Ended) {
            Open::Running(transaction) | Open::Spoiled(transaction) => {
                transaction.rollback().await;
                Open::Lazy { engine: engine.clone(), actor }
            }
            other => other,
        };
        // Nothing of what was to follow it follows.
        drop(self.take_after());
    }

    /// Runs a piece of work in the transaction.
    pub(super) async fn write(&self, work: Work) -> Result<Answer> {
        let mut state = self.state.lock().await;
        let mut transaction = match std::mem::replace(&mut *state, Open::Ended) {
            Open::Running(transaction) => transaction,
            Open::Lazy { engine, actor } => match engine.store().begin(actor.clone()).await {
                Ok(transaction) => transaction,
                Err(error) => {
                    *state = Open::Lazy { engine, actor };
                    return Err(error);
                }
            },
            Open::Spoiled(transaction) => {
                *state = Open::Spoiled(transaction);
                return Err(spoiled());
            }
            Open::Hosted(desk) => {
                let asked = desk.write(work);
                *state = Open::Hosted(desk);
                // Hooks that the work sets off may have to come in.
                drop(state);
                return asked.await;
            }
            Open::Ended => return Err(ended()),
        };
        let single = work.single;
        // Whoever gives up waiting here drops the transaction, and with it what was done of this work.
        let result = (work.steps)(&mut *transaction).await;
        *state =
            if is_whole(single, &result) { Open::Running(transaction) } else { Open::Spoiled(transaction) };
        result
    }

    /// Reads in the transaction; `None` if nothing was written in it yet, so that the store can be read as it is.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    ) -> Option<Result<T>> {
        let mut state = self.state.lock().await;
        let asked = match &mut *state {
            Open::Running(transaction) | Open::Spoiled(transaction) => {
                return Some(read(&mut **transaction).await);
            }
            Open::Hosted(desk) => desk.ask(read),
            Open::Lazy { .. } => return None,
            Open::Ended => return Some(Err(ended())),
        };
        drop(state);
        Some(asked.await)
    }

    /// Whether the first write is still to come.
    pub(super) fn is_lazy(&self) -> bool {
        self.state.try_lock().is_ok_and(|state| matches!(*state, Open::Lazy { .. }))
    }
}

/// Commits, and does what was to be done then, even if the caller goes away meanwhile.
async fn commit(transaction: Box<dyn Transaction>, after: Vec<AfterCommit>, engine: &Engine) -> Result<()> {
    if after.is_empty() {
        return transaction.commit().await;
    }
    let (told, committed) = oneshot::channel();
    let task = engine.tasks().spawn(async move {
        let done = transaction.commit().await;
        let is_done = done.is_ok();
        // Whoever waited may have gone.
        drop(told.send(done));
        if is_done {
            all(after).await;
        }
    });
    let done = committed.await.unwrap_or_else(|_| Err(ended()));
    warn(task.await);
    done
}

/// Does what was to be done after a commit, in a task of its own: it is done even if nobody waits for it.
async fn follow(after: Vec<AfterCommit>, engine: &Engine) {
    if after.is_empty() {
        return;
    }
    warn(engine.tasks().spawn(all(after)).await);
}

async fn all(after: Vec<AfterCommit>) {
    for task in after {
        // One that panics keeps nothing from the others.
        if let Err(panic) = caught(async move { task().await }).await {
            tracing::error!(%panic, "something that was to be done after a commit panicked");
        }
    }
}

fn warn(end: Result<(), JoinError>) {
    if let Err(error) = end {
        tracing::error!(%error, "something that was to be done after a commit failed");
    }
}

/// Whether nothing was done by a work that failed. Several steps may have been done in part, and a store need not be able to undo
/// only those.
fn is_whole<T>(single: bool, result: &Result<T>) -> bool {
    match result {
        Ok(_) => true,
        // That there is no such document is said before the first change.
        Err(error) => single || error.is(Code::NotFound),
    }
}

impl Desk {
    fn counter(&self) -> MutexGuard<'_, Counter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<T: Send + 'static>(
        &self,
        step: impl for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let request: Request = Box::new(move |tx| {
            Box::pin(async move {
                // Whoever asked may have given up.
                drop(reply.send(step(tx).await));
            })
        });
        let mut counter = self.counter();
        if !counter.closed {
            counter.requests.push_back(request);
        }
        let host = counter.host.take();
        drop(counter);
        if let Some(host) = host {
            host.wake();
        }
        // A request that nobody takes is dropped, and with it the other end.
        async move { answer.await.unwrap_or_else(|_| Err(ended())) }
    }

    fn write(&self, work: Work) -> impl Future<Output = Result<Answer>> + Send + 'static {
        let desk = self.clone();
        self.ask(move |tx| {
            Box::pin(async move {
                if desk.counter().spoiled {
                    return Err(spoiled());
                }
                let result = (work.steps)(tx).await;
                if !is_whole(work.single, &result) {
                    desk.counter().spoiled = true;
                }
                result
            })
        })
    }
}

/// Serves a transaction under way to code that runs inside it.
pub(super) struct Host {
    desk: Desk,
    /// The code may wait for timers and tasks of the runtime that the call came from, wherever it is polled.
    runtime: Option<Handle>,
}

impl Drop for Host {
    fn drop(&mut self) {
        let mut counter = self.desk.counter();
        counter.closed = true;
        let rest = std::mem::take(&mut counter.requests);
        drop(counter);
        // Who asked is told by this.
        drop(rest);
    }
}

impl Host {
    /// A host, and what the code inside shares.
    pub(super) fn new(runtime: Option<Handle>) -> (Self, Arc<Shared>) {
        let desk = Desk(Arc::default());
        let shared = Shared::new(Open::Hosted(desk.clone()));
        (Host { desk, runtime }, shared)
    }

    /// Runs the code, and what it asks of the transaction.
    pub(super) async fn serve<T>(
        &mut self,
        tx: &mut dyn Tx,
        mut code: Pin<&mut (impl Future<Output = Result<T>> + ?Sized)>,
    ) -> Result<T> {
        loop {
            let next = std::future::poll_fn(|context| {
                let entered = self.runtime.as_ref().map(Handle::enter);
                if let Poll::Ready(result) = code.as_mut().poll(context) {
                    return Poll::Ready(Err(result));
                }
                drop(entered);
                self.poll_request(context).map(Ok)
            });
            match next.await {
                Ok(request) => request(tx).await,
                Err(Ok(_)) if self.desk.counter().spoiled => return Err(spoiled()),
                Err(result) => return result,
            }
        }
    }

    fn poll_request(&self, context: &Context<'_>) -> Poll<Request> {
        let mut counter = self.desk.counter();
        let Some(request) = counter.requests.pop_front() else {
            counter.host = Some(context.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready(request)
    }
}

fn spoiled() -> Error {
    Error::new(Code::Conflict, "an earlier write of this transaction failed, so that it can't be committed")
}

fn ended() -> Error {
    Error::new(
        Code::Conflict,
        "this transaction has ended: its body is over, or one of its writes was broken off",
    )
}
