//! Writes with hooks around them.
//!
//! What comes before an insert runs where the call does. What comes before an update or a delete needs the document, and runs where
//! it is read, inside the transaction, if it is done at once; if it waits for something, the transaction goes on without it, and the
//! write follows when it is done, unless the document has changed meanwhile: then all of it begins again. What comes after runs
//! inside the transaction, which hosts it: it can still call everything off.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;

use super::behaviour::{HookParts, HookPoint, Stored, Timing};
use super::cascade::{Reach, has_followers};
use super::emitter::Telling;
use super::hooks::ModelHooks;
use super::later::{self, Occasion};
use super::pipeline::written;
use super::transaction::{AfterCommit, Host, Shared};
use super::write::{Patch, Steps, Write, Written};
use super::{Cx, Operation};
use crate::model::{self, Code, Error, Record, Result, Row, Shape};
use crate::query::Filter;
use crate::store::{Answer, BoxFuture, Work};

/// How often the hooks of a write are run whose documents change while they wait for something.
const ATTEMPTS: usize = 4;

/// A write, before its hooks.
pub(crate) enum Draft {
    /// One that is ready for a transaction.
    Ready(Write),
    /// Documents to be inserted, as hooks may still change them.
    Records(Vec<Box<dyn Record>>),
}

/// What the hooks of one write share.
struct Around {
    cx: Cx,
    shape: &'static Shape,
    hooks: Arc<ModelHooks>,
    runtime: Option<Handle>,
    patch: Option<Vec<u8>>,
    /// The transaction of the context is this write's own: it need not begin before a hook writes in it.
    own: bool,
}

/// A change that hooks have not seen yet.
enum Candidate {
    Insert(Box<dyn Record>),
    Update { old: Row, new: Row, record: Box<dyn Record> },
    Delete { old: Row },
}

/// A change that is to be made.
enum Planned {
    Insert(Row),
    Update { old: Row, new: Row },
    Delete { old: Row },
}

/// All changes of a write.
struct Plan {
    changes: Vec<Planned>,
    one: bool,
    /// The documents were read in an earlier transaction.
    stale: bool,
    /// What an upsert inserts is what this has not found.
    absent: Option<Filter>,
}

/// A write under way.
enum Begun<'a> {
    Plain(BoxFuture<'a, Result<Answer>>),
    Hooked(BoxFuture<'a, Result<Written>>),
}

/// What became of a write.
enum Outcome {
    Done(Written, Vec<AfterCommit>),
    /// A hook waits for something; nothing was changed.
    Aside(BoxFuture<'static, Result<Plan>>),
    /// The documents are not what the hooks have seen.
    Changed,
    /// There is no such document; no hook has run.
    Nothing(Error),
}

enum Stage {
    Write(Write),
    Plan(Plan),
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
        let telling = match self.engine().emitter().has_listeners() {
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
        let around = |cx: Cx, own: bool| {
            let patch = match &draft {
                Draft::Ready(Write::Update { patch, .. } | Write::Upsert { patch, .. }) => {
                    Some(patch.text(shape))
                }
                _ => None,
            };
            Arc::new(Around { cx, shape, hooks, runtime: Handle::try_current().ok(), patch, own })
        };
        let cx = self.deeper()?;
        if let Some(open) = self.open().cloned() {
            let around = around(cx, false);
            return Ok(Box::pin(async move {
                let result = attempts(around, draft).await;
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
        let whole = async move { open.end(attempts(around, draft).await, &engine).await? };
        Ok(match follows {
            // What follows the commit, as hooks may ask for it too, happens even if the caller has gone away meanwhile.
            true => Box::pin(self.engine().tasks().see_through(whole)),
            false => Box::pin(whole),
        })
    }
}

/// The outer error is of a hook, or came when hooks had run; the inner one says that there was nothing to write, and nothing to undo.
async fn attempts(around: Arc<Around>, draft: Draft) -> Result<Result<Written>> {
    let own = around.own;
    let (mut stage, write) = match draft {
        Draft::Records(records) => {
            let one = records.len() == 1;
            let candidates = records.into_iter().map(Candidate::Insert).collect();
            (Stage::Plan(Box::pin(around.before(candidates, one)).await?), None)
        }
        Draft::Ready(write) => (Stage::Write(write.clone()), Some(write)),
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
                let Some(write) = write.as_ref().filter(|_| left > 0) else { break };
                // What hooks have written that begin again is undone.
                if let Some(open) = around.cx.open().filter(|_| own) {
                    open.restart(around.cx.engine(), around.cx.actor()).await;
                }
                stage = Stage::Write(write.clone());
            }
            // A store answers what the work answered.
            Err(_) => break,
        }
    }
    Err(Error::new(Code::Conflict, "the document changes all the time; try again"))
}

impl Around {
    fn has(&self, timing: Timing, operation: Operation) -> bool {
        self.hooks.has(timing, operation)
    }

    /// Writes in the transaction that a hook has begun, or that is open; else in one of its own, which the store commits together
    /// with others.
    async fn write(&self, work: Work) -> Result<Answer> {
        match self.cx.open() {
            Some(open) if self.own && open.is_lazy() => self.cx.engine().store().write(work).await,
            _ => self.cx.write(work).await,
        }
    }

    /// The work of a stage; it answers an [`Outcome`].
    fn work(self: &Arc<Self>, stage: Stage) -> Work {
        let (around, shape) = (Arc::clone(self), self.shape);
        let single = match &stage {
            Stage::Write(write) => write.is_single(self.cx.engine(), shape),
            Stage::Plan(plan) => match plan.changes.as_slice() {
                [Planned::Insert(_)] => Write::is_single_insert(shape),
                [Planned::Update { .. }] => shape.expires_at.is_none(),
                [Planned::Delete { .. }] => {
                    shape.expires_at.is_none() && !has_followers(self.cx.engine(), shape)
                }
                _ => false,
            },
        };
        Work {
            single,
            actor: self.cx.actor(),
            steps: Box::new(move |tx| {
                Box::pin(async move {
                    let mut steps = Steps { engine: around.cx.engine(), shape, tx };
                    let planned = match stage {
                        Stage::Write(write) => Box::pin(steps.plan(write, &around)).await?,
                        Stage::Plan(plan) => Ok(plan),
                    };
                    let outcome = match planned {
                        Ok(plan) => steps.execute(plan, &around).await?,
                        Err(outcome) => outcome,
                    };
                    Ok(Box::new(outcome) as Answer)
                })
            }),
        }
    }

    /// Runs the hooks that come before.
    async fn before(self: &Arc<Self>, candidates: Vec<Candidate>, one: bool) -> Result<Plan> {
        let mut changes = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            changes.push(self.before_one(candidate).await?);
        }
        Ok(Plan { changes, one, stale: false, absent: None })
    }

    async fn before_one(&self, candidate: Candidate) -> Result<Planned> {
        let shape = self.shape;
        match candidate {
            Candidate::Insert(mut record) => {
                let point = HookPoint::new(Timing::Before, Operation::Insert);
                for hook in self.hooks.at(point.timing, point.operation) {
                    let parts = HookParts::new(&self.cx, shape, point);
                    hook.run(HookParts { record: Some(&mut *record), ..parts }).await?;
                }
                Ok(Planned::Insert(model::check_record(&*record, shape)?))
            }
            Candidate::Update { old, mut new, mut record } => {
                let point = HookPoint::new(Timing::Before, Operation::Update);
                let stored = Stored::new(old);
                let mut ran = false;
                for hook in self.hooks.at(point.timing, point.operation) {
                    let parts = HookParts::new(&self.cx, shape, point);
                    let (document, patch) = (Some(&stored), self.patch.as_deref());
                    let record = Some(&mut *record);
                    hook.run(HookParts { record, document, previous: document, patch, ..parts }).await?;
                    ran = true;
                }
                if ran {
                    let mut changed = model::check_record(&*record, shape)?;
                    model::carry_system(shape, &new, &mut changed);
                    if let Some(key) = shape.key.filter(|&key| changed[key] != new[key]) {
                        return Err(model::immutable_key(shape, key));
                    }
                    new = changed;
                }
                Ok(Planned::Update { old: stored.into_row(), new })
            }
            Candidate::Delete { old } => {
                let point = HookPoint::new(Timing::Before, Operation::Delete);
                let stored = Stored::new(old);
                for hook in self.hooks.at(point.timing, point.operation) {
                    let parts = HookParts::new(&self.cx, shape, point);
                    hook.run(HookParts { document: Some(&stored), ..parts }).await?;
                }
                Ok(Planned::Delete { old: stored.into_row() })
            }
        }
    }
}

impl Steps<'_, '_> {
    /// What a write comes to once the hooks before it have run, unless it has to stop there.
    async fn plan(
        &mut self,
        write: Write,
        around: &Arc<Around>,
    ) -> Result<std::result::Result<Plan, Outcome>> {
        let mut absent = None;
        let found = match write {
            Write::Insert(rows) => {
                let one = rows.len() == 1;
                let changes = rows.into_iter().map(Planned::Insert).collect();
                return Ok(Ok(Plan { changes, one, stale: false, absent }));
            }
            Write::Update { filter, patch, expected } => {
                let found = self.rows_to_update(filter, &patch, expected).await;
                found.and_then(|(found, one)| {
                    let candidates = found.into_iter().map(|old| self.to_merge(old, &patch));
                    Ok((candidates.collect::<Result<Vec<_>>>()?, one))
                })
            }
            Write::Upsert { filter, patch, row } => match self.first(&filter).await? {
                Some(old) => Ok((vec![self.to_merge(old, &patch)?], true)),
                None => self.check_upsert(&filter, row.clone()).await.and_then(|_| {
                    absent = Some(filter);
                    // The struct that the row was made of.
                    let (record, _) = model::merge(self.shape, &row, b"{}")?;
                    Ok((vec![Candidate::Insert(record)], true))
                }),
            },
            Write::Delete { filter, expected } => {
                let found = self.rows_to_delete(filter, expected).await;
                found.map(|(found, one)| {
                    (found.into_iter().map(|old| Candidate::Delete { old }).collect(), one)
                })
            }
            other => return Ok(Err(Outcome::Done(self.run(other).await?, Vec::new()))),
        };
        let (candidates, one) = match found {
            Err(error) if error.is(Code::NotFound) => return Ok(Err(Outcome::Nothing(error))),
            found => found?,
        };
        let (owned, context) = (Arc::clone(around), around.runtime.clone());
        let mut before: BoxFuture<'static, Result<Plan>> =
            Box::pin(async move { Ok(Plan { absent, ..owned.before(candidates, one).await? }) });
        let entered = context.as_ref().map(Handle::enter);
        let at_once = before.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(entered);
        Ok(match at_once {
            Poll::Ready(plan) => Ok(plan?),
            Poll::Pending => Err(Outcome::Aside(before)),
        })
    }

    fn to_merge(&self, old: Row, patch: &Patch) -> Result<Candidate> {
        let (record, new) = match patch {
            Patch::Merge(json) => model::merge(self.shape, &old, json)?,
            Patch::Apply(update) => self.apply(update, &old)?,
            Patch::Replace(row) => {
                let new = self.replace(&old, row)?;
                (model::merge(self.shape, &new, b"{}")?.0, new)
            }
        };
        Ok(Candidate::Update { old, new, record })
    }

    /// Makes the changes, and runs the hooks that come after.
    async fn execute(&mut self, plan: Plan, around: &Arc<Around>) -> Result<Outcome> {
        let Plan { changes, one, stale, absent } = plan;
        if stale {
            if let Some(absent) = absent
                && self.first(&absent).await?.is_some()
            {
                return Ok(Outcome::Changed);
            }
            for change in &changes {
                let (Planned::Update { old, .. } | Planned::Delete { old }) = change else { continue };
                let id = old[Shape::ID].as_text().unwrap_or_default();
                if self.first(&Filter::id(id)).await?.as_ref() != Some(old) {
                    return Ok(Outcome::Changed);
                }
            }
        }
        let mut written = Written { one, ..Written::default() };
        let mut after = Vec::new();
        let followed = self.has_followers();
        let deletes = changes.iter().any(|change| matches!(change, Planned::Delete { .. }));
        for change in changes {
            let (operation, row, old) = match change {
                Planned::Insert(row) => {
                    written.created = true;
                    (Operation::Insert, self.insert(row).await?, None)
                }
                Planned::Update { old, new } => {
                    let row = self.settle(&old, new).await?;
                    (Operation::Update, row, Some(old))
                }
                Planned::Delete { old } => {
                    if one && !followed {
                        self.check_unreferenced(&old).await?;
                    }
                    (Operation::Delete, self.remove(old).await?, None)
                }
            };
            written.rows.push(self.after(operation, row, old, around, &mut after).await?);
        }
        if deletes && (!one || followed) {
            // References among the documents that go do not keep them.
            let removed = written.rows.len() as u64;
            self.follow(&written.rows, Reach::Call { removed }).await?;
        }
        Ok(Outcome::Done(written, after))
    }

    /// Runs the hooks that come after one change, and remembers those that come after the commit.
    async fn after(
        &mut self,
        operation: Operation,
        row: Row,
        old: Option<Row>,
        around: &Arc<Around>,
        after: &mut Vec<AfterCommit>,
    ) -> Result<Row> {
        for hook in around.hooks.scheduled(operation) {
            let (previous, patch) = (old.as_ref(), around.patch.as_deref());
            let occasion = Occasion { shape: self.shape, operation, row: &row, previous, patch };
            Box::pin(later::put(self.engine, self.tx, hook, &occasion)).await?;
        }
        if around.has(Timing::AfterCommit, operation) {
            let (row, old, around) = (row.clone(), old.clone(), Arc::clone(around));
            after.push(Box::new(move || {
                Box::pin(async move { committed(&around, operation, row, old).await })
            }));
        }
        if !around.has(Timing::After, operation) {
            return Ok(row);
        }
        let (mut host, shared) = Host::new(around.runtime.clone());
        let cx = around.cx.within(shared.clone());
        let (stored, previous) = (Stored::new(row), old.map(Stored::new));
        let point = HookPoint::new(Timing::After, operation);
        {
            let hooks = pin!(async {
                for hook in around.hooks.at(point.timing, point.operation) {
                    let (document, previous) = (Some(&stored), previous.as_ref());
                    let (patch, parts) = (around.patch.as_deref(), HookParts::new(&cx, around.shape, point));
                    hook.run(HookParts { document, previous, patch, ..parts }).await?;
                }
                Ok(())
            });
            host.serve(self.tx, hooks).await?;
        }
        after.extend(shared.take_after());
        Ok(stored.into_row())
    }
}

/// Runs the hooks that come after the commit of one change. They have logged it if they failed.
async fn committed(around: &Around, operation: Operation, row: Row, old: Option<Row>) {
    let point = HookPoint::new(Timing::AfterCommit, operation);
    let cx = around.cx.outside();
    let (stored, previous) = (Stored::new(row), old.map(Stored::new));
    for hook in around.hooks.at(point.timing, point.operation) {
        let (document, previous, patch) = (Some(&stored), previous.as_ref(), around.patch.as_deref());
        let parts = HookParts::new(&cx, around.shape, point);
        drop(hook.run(HookParts { document, previous, patch, ..parts }).await);
    }
}
