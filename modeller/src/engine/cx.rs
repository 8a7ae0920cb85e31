//! The context of a call: who asks, of which application, in which transaction.

use std::sync::Arc;

use super::job::Run;
#[cfg(feature = "live")]
use super::reads::{self, Reads};
use super::transaction::Shared;
use super::{Engine, Identity};
use crate::model::{Code, Error, Result, Row, Shape};
use crate::query::{Aggregation, Filter, Select};
use crate::store::{Answer, BoxFuture, Look, Sink, Tx, View, Work};

/// How deep hooks and rules may set off each other.
const MAX_DEPTH: u8 = 8;

/// Identity, application and transaction: what every operation and every handler is given.
///
/// It is cheap to clone.
#[derive(Clone)]
pub struct Cx {
    engine: Arc<Engine>,
    identity: Identity,
    open: Option<Arc<Shared>>,
    /// How many hooks and rules have led here, one setting off the other.
    depth: u8,
    /// The run of a job that led here.
    job: Option<Arc<Run>>,
    /// Writes fail here: this is the context of a query.
    reads_only: bool,
    /// Where reads are noted.
    #[cfg(feature = "live")]
    reads: Option<Arc<Reads>>,
}

impl Cx {
    /// A context of this engine.
    pub fn new(engine: Arc<Engine>, identity: Identity) -> Self {
        Cx {
            engine,
            identity,
            open: None,
            depth: 0,
            job: None,
            reads_only: false,
            #[cfg(feature = "live")]
            reads: None,
        }
    }

    /// The context of a job's run.
    pub(super) fn of_job(engine: Arc<Engine>, run: Arc<Run>) -> Self {
        Cx { job: Some(run), ..Self::new(engine, Identity::System) }
    }

    /// The run of a job that this is the context of.
    pub(super) fn job(&self) -> Option<&Arc<Run>> {
        self.job.as_ref()
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Who calls.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The same context, in which somebody else calls. A transaction keeps the name it was begun under.
    pub fn as_identity(&self, identity: Identity) -> Self {
        Cx { identity, ..self.clone() }
    }

    /// The same context, in which writes fail: what queries are given.
    pub fn reading(&self) -> Cx {
        Cx { reads_only: true, ..self.clone() }
    }

    /// The same context, in which what is read is noted.
    #[cfg(feature = "live")]
    pub(super) fn noting(self, reads: Arc<Reads>) -> Cx {
        Cx { reads: Some(reads), ..self }
    }

    #[cfg(feature = "live")]
    fn note(&self, note: impl FnOnce(&Reads)) {
        match &self.reads {
            Some(reads) => note(reads),
            None => reads::noted(note),
        }
    }

    /// Whether what is written here is part of a transaction.
    pub fn in_transaction(&self) -> bool {
        self.open.is_some()
    }

    /// The same context, in this transaction.
    pub(super) fn within(&self, open: Arc<Shared>) -> Self {
        Cx { open: Some(open), ..self.clone() }
    }

    /// The same context, in no transaction.
    pub(crate) fn outside(&self) -> Self {
        Cx { open: None, ..self.clone() }
    }

    /// The transaction.
    pub(super) fn open(&self) -> Option<&Arc<Shared>> {
        self.open.as_ref()
    }

    /// How many hooks and rules have led here.
    pub(crate) fn depth(&self) -> u8 {
        self.depth
    }

    /// The same context, where so many hooks and rules have led.
    #[cfg(feature = "live")]
    pub(crate) fn at_depth(self, depth: u8) -> Self {
        Cx { depth, ..self }
    }

    /// The same context for what a hook or a rule does.
    ///
    /// # Errors
    /// If hooks and rules set off each other without end.
    pub(crate) fn deeper(&self) -> Result<Self> {
        if self.depth >= MAX_DEPTH {
            tracing::error!("hooks or rules set off each other more than {MAX_DEPTH} deep");
            return Err(Error::new(Code::InternalError, "hooks or rules set off each other without end"));
        }
        Ok(Cx { depth: self.depth + 1, ..self.clone() })
    }

    /// Does something once what was written here is committed; never if it is rolled back. Without a transaction it is done
    /// at once, by a task of its own.
    ///
    /// A crash between the commit and the task loses it: what must not be lost is a job.
    pub fn after_commit(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.open {
            Some(open) => open.after_commit(Box::new(move || Box::pin(task))),
            None => drop(self.engine.tasks().spawn(task)),
        }
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
            return open.part(body(self.clone())).await;
        }
        self.permit_write()?;
        let open = self.begin().await?;
        let result = body(self.within(open.clone())).await;
        open.end(result, &self.engine).await
    }

    async fn begin(&self) -> Result<Arc<Shared>> {
        Ok(Shared::running(self.engine.store().begin(self.actor()).await?))
    }

    /// As [`transaction`](Cx::transaction), and again from the start when it ends in a `CONFLICT`: `attempts` times in all. The
    /// body may run several times, so that what it does besides writing through its own `Cx` belongs into
    /// [`after_commit`](Cx::after_commit). Within a transaction it runs once: the whole would have to be repeated.
    ///
    /// # Errors
    /// Those of the last attempt.
    ///
    /// ```no_run
    /// # use modeller::prelude::*;
    /// # #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # struct Tally { #[model(key)] name: String, count: i64 }
    /// # async fn example(cx: &modeller::engine::Cx) -> Result<()> {
    /// let tally = cx
    ///     .retrying(5, async |tx| {
    ///         let mut tally = Tally::get(&tx, "visits").await?.ok_or(Error::new(Code::NotFound, "no such tally"))?;
    ///         tally.count += 1;
    ///         Tally::save(&tx, &tally).await
    ///     })
    ///     .await?;
    /// # drop(tally); Ok(())
    /// # }
    /// ```
    pub async fn retrying<T, F>(&self, attempts: u32, body: impl Fn(Cx) -> F) -> Result<T>
    where
        // Not `AsyncFn`: of its futures rustc can't tell yet that they may go from thread to thread, as those of handlers must.
        F: Future<Output = Result<T>>,
    {
        if let Some(open) = &self.open {
            // The whole of it would have to be repeated.
            return open.part(body(self.clone())).await;
        }
        self.permit_write()?;
        let mut left = attempts.max(1);
        loop {
            left -= 1;
            let open = self.begin().await?;
            let result = body(self.within(open.clone())).await;
            match open.end(result, &self.engine).await {
                Err(error) if error.is(Code::Conflict) && left > 0 => {}
                result => return result,
            }
        }
    }

    pub(crate) fn actor(&self) -> Option<String> {
        self.identity.actor().map(str::to_owned)
    }

    pub(super) fn permit_write(&self) -> Result<()> {
        if self.reads_only {
            let message = "a query only reads: what writes is a method (`#[modeller::method(..)]`)";
            return Err(Error::new(Code::InternalError, message));
        }
        Ok(())
    }

    pub(crate) fn write(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        if let Err(error) = self.permit_write() {
            return Box::pin(std::future::ready(Err(error)));
        }
        match &self.open {
            None => self.engine.store().write(work),
            Some(open) => Box::pin(open.write(work)),
        }
    }

    pub(crate) fn read<'a>(
        &'a self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        #[cfg(feature = "live")]
        self.note(|reads| reads.note_rows(select));
        let Some(open) = self.open.as_ref().filter(|open| !open.is_lazy()) else {
            return self.engine.store().read(select, sink);
        };
        let owned = select.clone();
        Box::pin(async move {
            let read = open.read(move |tx| Box::pin(async move { tx.read(&owned, sink).await }));
            read.await.unwrap_or_else(|| Err(Error::new(Code::Conflict, "the transaction has not begun")))
        })
    }

    /// Runs reads that belong together; see [`Store::view`](crate::store::Store::view).
    pub(crate) fn view(&self, look: Look) -> BoxFuture<'_, Result<Answer>> {
        #[cfg(feature = "live")]
        let look = match self.reads.clone().or_else(reads::current) {
            Some(reads) => reads.noting(look),
            None => look,
        };
        let Some(open) = self.open.as_ref().filter(|open| !open.is_lazy()) else {
            return self.engine.store().view(look);
        };
        Box::pin(async move {
            let read = open.read(move |tx| Box::pin(async move { look(&mut Inside(tx)).await }));
            read.await.unwrap_or_else(|| Err(Error::new(Code::Conflict, "the transaction has not begun")))
        })
    }

    pub(crate) fn count<'a>(
        &'a self,
        shape: &'static Shape,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64>> {
        #[cfg(feature = "live")]
        self.note(|reads| reads.note(shape, filter));
        let Some(open) = self.open.as_ref().filter(|open| !open.is_lazy()) else {
            return self.engine.store().count(shape, filter);
        };
        let owned = filter.clone();
        Box::pin(async move {
            let read = open.read(move |tx| Box::pin(async move { tx.count(shape, &owned).await }));
            read.await.unwrap_or_else(|| Err(Error::new(Code::Conflict, "the transaction has not begun")))
        })
    }

    pub(crate) fn aggregate<'a>(&'a self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        #[cfg(feature = "live")]
        self.note(|reads| reads.note(aggregation.shape, &aggregation.filter));
        let Some(open) = self.open.as_ref().filter(|open| !open.is_lazy()) else {
            return self.engine.store().aggregate(aggregation);
        };
        let owned = aggregation.clone();
        Box::pin(async move {
            let read = open.read(move |tx| Box::pin(async move { tx.aggregate(&owned).await }));
            read.await.unwrap_or_else(|| Err(Error::new(Code::Conflict, "the transaction has not begun")))
        })
    }
}

/// A transaction as a view: nobody else writes meanwhile.
struct Inside<'t>(&'t mut dyn Tx);

impl View for Inside<'_> {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.0.read(select, sink)
    }

    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        self.0.count(shape, filter)
    }

    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        self.0.aggregate(aggregation)
    }

    fn position(&mut self) -> BoxFuture<'_, Result<u64>> {
        let message = "a transaction under way has no place in the order of commits yet";
        Box::pin(std::future::ready(Err(Error::new(Code::Conflict, message))))
    }
}
