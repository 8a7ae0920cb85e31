//! What runs around the changes of one write: the hooks before them, the changes, and the hooks after.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;

use super::behaviour::{HookParts, HookPoint, Stored, Timing};
use super::cascade::{Reach, has_followers};
use super::hooks::ModelHooks;
use super::later::{self, Occasion};
use super::transaction::{AfterCommit, Host};
use super::write::{Patch, Steps, Write, Written};
use super::{Cx, Operation};
use crate::model::{self, Code, Error, Record, Result, Row, Shape};
use crate::query::Filter;
use crate::store::{Answer, BoxFuture, Work};

/// What the hooks of one write share.
pub(super) struct Around {
    pub(super) cx: Cx,
    pub(super) shape: &'static Shape,
    pub(super) hooks: Arc<ModelHooks>,
    pub(super) runtime: Option<Handle>,
    /// The write that it is about, if it is there from the beginning.
    pub(super) write: Option<Arc<Write>>,
    /// Its patch as JSON, unless it is that already.
    pub(super) text: Option<Vec<u8>>,
    /// The transaction of the context is this write's own: it need not begin before a hook writes in it.
    pub(super) own: bool,
}

/// A change that hooks have not seen yet.
pub(super) enum Candidate {
    Insert(Box<dyn Record>),
    Update { old: Row, new: Row, record: Box<dyn Record> },
    Delete { old: Row },
}

/// A change that is to be made.
pub(super) enum Planned {
    Insert(Row),
    Update { old: Row, new: Row },
    Delete { old: Row },
}

/// All changes of a write.
pub(super) struct Plan {
    pub(super) changes: Vec<Planned>,
    pub(super) one: bool,
    /// The documents were read in an earlier transaction.
    pub(super) stale: bool,
    /// What an upsert inserts is what this has not found.
    pub(super) absent: Option<Box<Filter>>,
}

/// What became of a write.
pub(super) enum Outcome {
    Done(Written, Vec<AfterCommit>),
    /// A hook waits for something; nothing was changed.
    Aside(BoxFuture<'static, Result<Plan>>),
    /// The documents are not what the hooks have seen.
    Changed,
    /// There is no such document; no hook has run.
    Nothing(Error),
}

pub(super) enum Stage {
    Write(Arc<Write>),
    Plan(Plan),
}

impl Around {
    /// The patch of an update, as JSON text.
    fn patch(&self) -> Option<&[u8]> {
        match self.write.as_deref()? {
            Write::Update { patch: Patch::Merge(json), .. }
            | Write::Upsert { patch: Patch::Merge(json), .. } => Some(json),
            _ => self.text.as_deref(),
        }
    }

    fn has(&self, timing: Timing, operation: Operation) -> bool {
        self.hooks.has(timing, operation)
    }

    /// Writes in the transaction that a hook has begun, or that is open; else in one of its own, which the store commits together
    /// with others.
    pub(super) async fn write(&self, work: Work) -> Result<Answer> {
        match self.cx.open() {
            Some(open) if self.own && open.is_lazy() => self.cx.engine().store().write(work).await,
            _ => self.cx.write(work).await,
        }
    }

    /// The work of a stage; it answers an [`Outcome`].
    pub(super) fn work(self: &Arc<Self>, stage: Stage) -> Work {
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
                        Stage::Write(write) => Box::pin(steps.plan(&write, &around)).await?,
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
    pub(super) async fn before(self: &Arc<Self>, candidates: Vec<Candidate>, one: bool) -> Result<Plan> {
        let mut changes = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            changes.push(self.before_one(candidate).await?);
        }
        Ok(Plan { changes, one, stale: false, absent: None })
    }

    fn before_one(&self, candidate: Candidate) -> impl Future<Output = Result<Planned>> + Send {
        let shape = self.shape;
        async move {
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
                        let (document, patch) = (Some(&stored), self.patch());
                        let record = Some(&mut *record);
                        hook.run(HookParts { record, document, previous: document, patch, ..parts }).await?;
                        ran = true;
                    }
                    let mut fields = Shape::FIELDS..Shape::FIELDS + shape.fields().len();
                    let same = |row: Row| fields.all(|index| row[index] == new[index]);
                    // What the hooks have left as it was, was checked before.
                    if ran && !record.to_row(shape).is_ok_and(same) {
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
}

impl Steps<'_, '_> {
    /// What a write comes to once the hooks before it have run, unless it has to stop there.
    async fn plan(
        &mut self,
        write: &Write,
        around: &Arc<Around>,
    ) -> Result<std::result::Result<Plan, Outcome>> {
        let mut absent = None;
        let found = match write {
            Write::Insert(rows) => {
                let one = rows.len() == 1;
                let changes = rows.iter().cloned().map(Planned::Insert).collect();
                return Ok(Ok(Plan { changes, one, stale: false, absent }));
            }
            Write::Update { filter, patch, expected } => {
                let found = self.rows_to_update((**filter).clone(), patch, *expected).await;
                found.and_then(|(found, one)| {
                    let candidates = found.into_iter().map(|old| self.to_merge(old, patch));
                    Ok((candidates.collect::<Result<Vec<_>>>()?, one))
                })
            }
            Write::Upsert { filter, patch, row } => match self.first(filter).await? {
                Some(old) => Ok((vec![self.to_merge(old, patch)?], true)),
                None => self.check_upsert(filter, row.clone()).await.and_then(|_| {
                    absent = Some(filter.clone());
                    // The struct that the row was made of.
                    let (record, _) = model::merge(self.shape, row, b"{}")?;
                    Ok((vec![Candidate::Insert(record)], true))
                }),
            },
            Write::Delete { filter, expected } => {
                let found = self.rows_to_delete((**filter).clone(), *expected).await;
                found.map(|(found, one)| {
                    (found.into_iter().map(|old| Candidate::Delete { old }).collect(), one)
                })
            }
            other => return Ok(Err(Outcome::Done(self.run(other.clone()).await?, Vec::new()))),
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
            written.rows.push(Box::pin(self.after(operation, row, old, around, &mut after)).await?);
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
            let (previous, patch) = (old.as_ref(), around.patch());
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
                    let (patch, parts) = (around.patch(), HookParts::new(&cx, around.shape, point));
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
        let (document, previous, patch) = (Some(&stored), previous.as_ref(), around.patch());
        let parts = HookParts::new(&cx, around.shape, point);
        drop(hook.run(HookParts { document, previous, patch, ..parts }).await);
    }
}
