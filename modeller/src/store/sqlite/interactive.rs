//! Transactions that stay open between calls: the writer's thread serves one until it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::fault::{internal, unavailable};
use super::session::{Guard, Session};
use super::writer::{closed, guarded};
use crate::model::{Code, Error, Result, Row, Shape};
use crate::query::{Aggregation, Filter, Select};
use crate::store::{BoxFuture, Sink, Transaction, Tx};

const OPEN: u8 = 0;
const TIMED_OUT: u8 = 1;
const BROKEN: u8 = 2;

/// A caller who waits for a transaction.
pub(super) struct Begin {
    pub(super) actor: Option<String>,
    pub(super) reply: oneshot::Sender<Result<Box<dyn Transaction>>>,
}

impl Begin {
    pub(super) fn refuse(self, error: Error) {
        drop(self.reply.send(Err(error)));
    }
}

/// A step of a transaction, with all it needs.
type Step = Box<dyn FnOnce(&mut Session) + Send>;

enum Message {
    Step(Step),
    Commit(oneshot::Sender<Result<()>>),
    Rollback(oneshot::Sender<()>),
}

/// The caller's end of an open transaction.
struct Open {
    steps: Sender<Message>,
    state: Arc<AtomicU8>,
}

/// Serves a transaction until it ends.
pub(super) fn serve(session: &mut Session, begin: Begin, timeout: Duration) {
    if begin.reply.is_closed() {
        return;
    }
    if let Err(error) = session.begin() {
        return begin.refuse(error);
    }
    session.start(Guard::Transaction);
    let (steps, messages) = channel();
    let state = Arc::new(AtomicU8::new(OPEN));
    let open = Open { steps, state: Arc::clone(&state) };
    // If nobody is there any more, the sender is dropped and the transaction ends at once.
    drop(begin.reply.send(Ok(Box::new(open))));
    match attend(session, &messages, Instant::now() + timeout) {
        End::Commit(reply) => {
            let done = session.keep(begin.actor.as_deref()).and_then(|()| session.commit());
            let is_done = done.is_ok();
            drop(reply.send(done));
            if is_done {
                session.tell();
            }
        }
        End::Rollback(reply) => {
            session.rollback();
            if let Some(reply) = reply {
                // The caller need not wait for it.
                let _ = reply.send(());
            }
        }
        End::Lost(why) => {
            session.rollback();
            state.store(why, Ordering::Release);
        }
    }
    // Messages on their way are dropped with the receiver: their senders look at the state.
}

enum End {
    Commit(oneshot::Sender<Result<()>>),
    Rollback(Option<oneshot::Sender<()>>),
    Lost(u8),
}

fn attend(session: &mut Session, messages: &Receiver<Message>, deadline: Instant) -> End {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return End::Lost(TIMED_OUT);
        }
        match messages.recv_timeout(left) {
            Ok(Message::Step(step)) => step(session),
            Ok(Message::Commit(reply)) => return End::Commit(reply),
            Ok(Message::Rollback(reply)) => return End::Rollback(Some(reply)),
            Err(RecvTimeoutError::Timeout) => return End::Lost(TIMED_OUT),
            Err(RecvTimeoutError::Disconnected) => return End::Rollback(None),
        }
        // Some errors (a full disk) end the transaction by themselves.
        if session.connection.is_autocommit() {
            return End::Lost(BROKEN);
        }
    }
}

impl Open {
    /// Has the writer's thread do something and answer.
    async fn step<T: Send + 'static>(
        &self,
        step: impl for<'s> FnOnce(&'s mut Session) -> BoxFuture<'s, Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let step = Message::Step(Box::new(move |session| {
            let outcome =
                guarded(|| match step(session).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => Err(internal("a step waited for something")),
                });
            drop(reply.send(outcome));
        }));
        match self.steps.send(step) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(gone(&self.state))),
            Err(_) => Err(gone(&self.state)),
        }
    }
}

/// Why the transaction is no more.
fn gone(state: &AtomicU8) -> Error {
    match state.load(Ordering::Acquire) {
        TIMED_OUT => Error::new(Code::Timeout, "the transaction was open for too long and was rolled back"),
        BROKEN => unavailable("the store could not write now; the transaction was rolled back"),
        _ => closed(),
    }
}

impl Tx for Open {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        let select = select.clone();
        Box::pin(self.step(move |session| Box::pin(async move { session.read(&select, sink).await })))
    }

    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        let filter = filter.clone();
        Box::pin(self.step(move |session| Box::pin(async move { session.count(shape, &filter).await })))
    }

    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        let aggregation = aggregation.clone();
        Box::pin(self.step(move |session| Box::pin(async move { session.aggregate(&aggregation).await })))
    }

    fn insert<'a>(&'a mut self, shape: &'static Shape, row: &'a Row) -> BoxFuture<'a, Result<()>> {
        let row = row.clone();
        Box::pin(self.step(move |session| Box::pin(async move { session.insert(shape, &row).await })))
    }

    fn update<'a>(
        &'a mut self,
        shape: &'static Shape,
        old: &'a Row,
        new: &'a Row,
    ) -> BoxFuture<'a, Result<()>> {
        let (old, new) = (old.clone(), new.clone());
        Box::pin(self.step(move |session| Box::pin(async move { session.update(shape, &old, &new).await })))
    }

    fn delete<'a>(&'a mut self, shape: &'static Shape, old: &'a Row) -> BoxFuture<'a, Result<()>> {
        let old = old.clone();
        Box::pin(self.step(move |session| Box::pin(async move { session.delete(shape, &old).await })))
    }

    fn next(&mut self, shape: &'static Shape, column: usize) -> BoxFuture<'_, Result<i64>> {
        Box::pin(self.step(move |session| session.next(shape, column)))
    }
}

impl Transaction for Open {
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            match self.steps.send(Message::Commit(reply)) {
                Ok(()) => answer.await.unwrap_or_else(|_| Err(gone(&self.state))),
                Err(_) => Err(gone(&self.state)),
            }
        })
    }

    fn rollback(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            // If it is gone it was rolled back.
            if self.steps.send(Message::Rollback(reply)).is_ok() {
                drop(answer.await);
            }
        })
    }
}
