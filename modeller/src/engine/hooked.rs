//! Writes with hooks around them.
//!
//! What comes before an insert runs where the call does. What comes before an update or a delete needs the document, and runs where
//! it is read, inside the transaction, if it is done at once; if it waits for something, the transaction goes on without it, and the
//! write follows when it is done, unless the document has changed meanwhile: then all of it begins again. What comes after runs
//! inside the transaction, which hosts it: it can still call everything off.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::around::{Around, Candidate, Outcome, Plan, Stage};
use super::behaviour::Timing;
use super::emitter::Telling;
use super::hooks::ModelHooks;
use super::pipeline::written;
use super::transaction::Shared;
use super::write::{Write, Written};
use super::{Cx, Operation};
use crate::model::{self, Code, Error, Record, Result, Shape};
use crate::store::{Answer, BoxFuture};

/// How often the hooks of a write are run whose documents change while they wait for something.
const ATTEMPTS: usize = 4;

/// A write, before its hooks.
pub(crate) enum Draft {
    /// One that is ready for a transaction.
    Ready(Write),
    /// Documents to be inserted, as hooks may still change them.
    Records(Vec<Box<dyn Record>>),
}

/// A write under way.
enum Begun<'a> {
    Plain(BoxFuture<'a, Result<Answer>>),
    Hooked(BoxFuture<'a, Result<Written>>),
}

impl Draft {
    /// The write, if there are no hooks.
    pub(crate) fn into_write(self, shape: &Shape) -> Result<Write> {
        match self {
            Draft::Ready(write) => Ok(write),
            Draft::Records(records) => {
                let rows = records.iter().map(|record| model::check_record(&**record, shape));
                Ok(Write::Insert(rows.collect::<Result<_>>()?))
            }
        }
    }
}

impl Write {
    /// The operation whose hooks it concerns; an upsert turns out to be one or the other.
    fn operations(&self) -> &'static [Operation] {
        match self {
            Write::Insert(_) => &[Operation::Insert],
            Write::Update { .. } => &[Operation::Update],
            Write::Upsert { .. } => &[Operation::Insert, Operation::Update],
            Write::Delete { .. } => &[Operation::Delete],
            Write::Restore { .. } | Write::Clear => &[],
        }
    }
}

impl Cx {
    /// Whether hooks want to see documents before they are inserted.
    pub(crate) fn hooks_inserts(&self, shape: &'static Shape) -> bool {
        let hooks = self.engine().hooks().of(shape, Operation::Insert);
        hooks.is_some_and(|hooks| hooks.has(Timing::Before, Operation::Insert))
    }

    /// Whether hooks run around a write.
    pub(crate) fn is_hooked(&self, shape: &'static Shape, draft: &Draft) -> bool {
        self.hooks_around(shape, draft).is_some()
    }

    fn hooks_around(&self, shape: &'static Shape, draft: &Draft) -> Option<Arc<ModelHooks>> {
        let operations = match draft {
            Draft::Ready(write) => write.operations(),
            Draft::Records(_) => &[Operation::Insert],
        };
        operations.iter().find_map(|&operation| self.engine().hooks().of(shape, operation))
    }

    /// Carries out a write, with the hooks around it.
    pub(crate) fn carry_out(
        &self,
        shape: &'static Shape,
        draft: Draft,
    ) -> impl Future<Output = Result<Written>> + Send {
        let telling = match self.engine().is_heard() {
            true => Telling::of(shape, &draft).map(Box::new),
            false => None,
        };
        // Begun before there is a future: that waits with every write, and would hold the whole draft.
        let begun = self.begin_to_write(shape, draft);
        async move {
            let written = match begun? {
                Begun::Plain(answer) => written(answer.await?),
                Begun::Hooked(written) => written.await?,
            };
            if let Some(telling) = telling {
                self.tell(shape, *telling, &written);
            }
            Ok(written)
        }
    }

    fn begin_to_write(&self, shape: &'static Shape, draft: Draft) -> Result<Begun<'_>> {
        self.permit_write()?;
        if let Some(hooks) = self.hooks_around(shape, &draft) {
            return Ok(Begun::Hooked(self.carry_out_hooked(shape, draft, hooks)?));
        }
        let write = draft.into_write(shape)?;
        Ok(Begun::Plain(self.write(write.into_work(self.engine().clone(), shape, self.actor()))))
    }

    fn carry_out_hooked(
        &self,
        shape: &'static Shape,
        draft: Draft,
        hooks: Arc<ModelHooks>,
    ) -> Result<BoxFuture<'static, Result<Written>>> {
        let follows = hooks.follow();
        let (records, write) = match draft {
            Draft::Records(records) => (records, None),
            Draft::Ready(write) => (Vec::new(), Some(Arc::new(write))),
        };
        let text = match write.as_deref() {
            Some(Write::Update { patch, .. } | Write::Upsert { patch, .. }) => match patch.text(shape) {
                Cow::Owned(text) => Some(text),
                Cow::Borrowed(_) => None,
            },
            _ => None,
        };
        let runtime = Handle::try_current().ok();
        let around = |cx, own| Arc::new(Around { cx, shape, hooks, runtime, write, text, own });
        let cx = self.deeper()?;
        if let Some(open) = self.open().cloned() {
            let around = around(cx, false);
            return Ok(Box::pin(async move {
                let result = attempts(around, records).await;
                if result.is_err() {
                    // Hooks may have written something already.
                    open.spoil().await;
                }
                result?
            }));
        }
        let open = Shared::lazy(self.engine().clone(), self.actor());
        let engine = self.engine().clone();
        let around = around(cx.within(open.clone()), true);
        let whole = async move { open.end(attempts(around, records).await, &engine).await? };
        Ok(match follows {
            // What follows the commit, as hooks may ask for it too, happens even if the caller has gone away meanwhile.
            true => Box::pin(self.engine().tasks().see_through(whole)),
            false => Box::pin(whole),
        })
    }
}

/// The outer error is of a hook, or came when hooks had run; the inner one says that there was nothing to write, and nothing to undo.
async fn attempts(around: Arc<Around>, records: Vec<Box<dyn Record>>) -> Result<Result<Written>> {
    let own = around.own;
    let mut stage = match &around.write {
        Some(write) => Stage::Write(Arc::clone(write)),
        None => {
            let one = records.len() == 1;
            let candidates = records.into_iter().map(Candidate::Insert).collect();
            Stage::Plan(Box::pin(around.before(candidates, one)).await?)
        }
    };
    let mut left = ATTEMPTS;
    loop {
        let answer = around.write(around.work(stage)).await?;
        match answer.downcast::<Outcome>().map(|outcome| *outcome) {
            Ok(Outcome::Done(written, after)) => {
                for task in after {
                    if let Some(open) = around.cx.open() {
                        open.after_commit(task);
                    }
                }
                return Ok(Ok(written));
            }
            Ok(Outcome::Nothing(error)) => return Ok(Err(error)),
            Ok(Outcome::Aside(hooks)) => stage = Stage::Plan(Plan { stale: true, ..hooks.await? }),
            Ok(Outcome::Changed) => {
                left -= 1;
                let Some(write) = around.write.as_ref().filter(|_| left > 0) else { break };
                // What hooks have written that begin again is undone.
                if let Some(open) = around.cx.open().filter(|_| own) {
                    open.restart(around.cx.engine(), around.cx.actor()).await;
                }
                stage = Stage::Write(Arc::clone(write));
            }
            // A store answers what the work answered.
            Err(_) => break,
        }
    }
    Err(Error::new(Code::Conflict, "the document changes all the time; try again"))
}
