//! The context of a call: who asks, of which application, in which transaction.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{Engine, Identity};
use crate::model::{Code, Error, Result, Row, Shape};
use crate::query::{Aggregation, Filter, Select};
use crate::store::{Answer, BoxFuture, Sink, Transaction, Work};

/// Identity, application and transaction: what every operation and every handler is given.
///
/// It is cheap to clone.
#[derive(Clone)]
pub struct Cx {
    engine: Arc<Engine>,
    identity: Identity,
    open: Option<Arc<Mutex<Open>>>,
}

/// An open transaction. It is gone after the end; a failed write spoils it.
enum Open {
    Running(Box<dyn Transaction>),
    Spoiled(Box<dyn Transaction>),
    Ended,
}

impl Cx {
    /// A context of this engine.
    pub fn new(engine: Arc<Engine>, identity: Identity) -> Self {
        Cx { engine, identity, open: None }
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Who calls.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether a transaction is open here.
    pub fn in_transaction(&self) -> bool {
        self.open.is_some()
    }

    /// Runs the body in a transaction: all that it does through its own `Cx` happens, or nothing of it.
    ///
    /// It reads its own writes. After a write that failed, the transaction can only be given up. It is rolled back
    /// when the body fails, is dropped, or takes longer than the store allows (5 seconds by default; a single step is not
    /// interrupted: the time is looked at between steps). A write that is dropped before it is done, as by a timeout of
    /// one's own around it, ends the transaction too: nothing of it stays. Within a transaction this runs the body in
    /// that transaction, which can only be given up if the body fails.
    ///
    /// Writes in the body have to go through its own `Cx`: those of another one wait until the transaction ends.
    ///
    /// # Errors
    /// Those of the body; `TIMEOUT` if it took too long; `CONFLICT` if a write in it failed or was dropped, and the body
    /// went on.
    ///
    /// ```no_run
    /// # use modeller::prelude::*;
    /// # async fn example(cx: &modeller::engine::Cx) -> Result<()> {
    /// let answer = cx
    ///     .transaction(async |tx| {
    ///         // User::insert(&tx, ..).await?;
    ///         Ok(42)
    ///     })
    ///     .await?;
    /// # let _: i32 = answer; Ok(())
    /// # }
    /// ```
    pub async fn transaction<T>(&self, body: impl AsyncFnOnce(Cx) -> Result<T>) -> Result<T> {
        if let Some(open) = &self.open {
            let result = body(self.clone()).await;
            // What it did before it failed can't be undone by itself, so that nothing of the whole may stay.
            if result.is_err() {
                spoil(&mut *open.lock().await);
            }
            return result;
        }
        let transaction = self.engine.store().begin(self.actor()).await?;
        let open = Arc::new(Mutex::new(Open::Running(transaction)));
        let inner = Cx { open: Some(open.clone()), ..self.clone() };
        let result = body(inner).await;
        let state = std::mem::replace(&mut *open.lock().await, Open::Ended);
        match (result, state) {
            (Ok(value), Open::Running(transaction)) => transaction.commit().await.map(|()| value),
            (Ok(_), Open::Spoiled(transaction)) => {
                transaction.rollback().await;
                Err(spoiled())
            }
            (Err(error), Open::Running(transaction) | Open::Spoiled(transaction)) => {
                transaction.rollback().await;
                Err(error)
            }
            // A write was broken off.
            (Ok(_), Open::Ended) => Err(ended()),
            (Err(error), Open::Ended) => Err(error),
        }
    }

    pub(crate) fn actor(&self) -> Option<String> {
        self.identity.actor().map(str::to_owned)
    }

    pub(crate) fn write(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        let Some(open) = &self.open else { return self.engine.store().write(work) };
        Box::pin(async move {
            let mut state = open.lock().await;
            let mut transaction = match std::mem::replace(&mut *state, Open::Ended) {
                Open::Running(transaction) => transaction,
                Open::Spoiled(transaction) => {
                    *state = Open::Spoiled(transaction);
                    return Err(spoiled());
                }
                Open::Ended => return Err(ended()),
            };
            let single = work.single;
            // Whoever gives up waiting here drops the transaction, and with it what was done of this work.
            let result = (work.steps)(&mut *transaction).await;
            // Several steps may have been done in part, and a store need not be able to undo only those.
            let is_whole = match &result {
                Ok(_) => true,
                // That there is no such document is said before the first change.
                Err(error) => single || error.is(Code::NotFound),
            };
            *state = if is_whole { Open::Running(transaction) } else { Open::Spoiled(transaction) };
            result
        })
    }

    pub(crate) fn read<'a>(
        &'a self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        let Some(open) = &self.open else { return self.engine.store().read(select, sink) };
        Box::pin(async move {
            match &mut *open.lock().await {
                Open::Running(transaction) | Open::Spoiled(transaction) => {
                    transaction.read(select, sink).await
                }
                Open::Ended => Err(ended()),
            }
        })
    }

    pub(crate) fn count<'a>(
        &'a self,
        shape: &'static Shape,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64>> {
        let Some(open) = &self.open else { return self.engine.store().count(shape, filter) };
        Box::pin(async move {
            match &mut *open.lock().await {
                Open::Running(transaction) | Open::Spoiled(transaction) => {
                    transaction.count(shape, filter).await
                }
                Open::Ended => Err(ended()),
            }
        })
    }

    pub(crate) fn aggregate<'a>(&'a self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        let Some(open) = &self.open else { return self.engine.store().aggregate(aggregation) };
        Box::pin(async move {
            match &mut *open.lock().await {
                Open::Running(transaction) | Open::Spoiled(transaction) => {
                    transaction.aggregate(aggregation).await
                }
                Open::Ended => Err(ended()),
            }
        })
    }
}

fn spoil(state: &mut Open) {
    *state = match std::mem::replace(state, Open::Ended) {
        Open::Running(transaction) => Open::Spoiled(transaction),
        other => other,
    };
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
