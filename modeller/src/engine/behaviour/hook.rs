//! Hooks: functions around the operations of a model, and what they are given.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use serde_json::{Value as Json, json};

use crate::engine::{Cx, Listing, Operation};
use crate::model::{self, Code, Doc, Error, Model, Record, Result, Row, Shape, View};
use crate::store::BoxFuture;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timing {
    /// Before the operation: it may change what is written, and call it off.
    Before,
    /// After the operation, inside its transaction: it may still call it off.
    After,
    /// After the transaction was committed: what it fails in is logged, and changes nothing.
    AfterCommit,
}

impl Timing {
    /// `before`, `after`, `after_commit`: as an attribute has it.
    pub const fn name(self) -> &'static str {
        match self {
            Timing::Before => "before",
            Timing::After => "after",
            Timing::AfterCommit => "after_commit",
        }
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A place where hooks run: `before(insert)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HookPoint {
    /// When.
    pub timing: Timing,
    /// Around which operation: insert, update, delete or list.
    pub operation: Operation,
}

impl HookPoint {
    /// A place.
    pub const fn new(timing: Timing, operation: Operation) -> Self {
        HookPoint { timing, operation }
    }

    /// Before this operation.
    pub const fn before(operation: Operation) -> Self {
        Self::new(Timing::Before, operation)
    }

    /// After this operation.
    pub const fn after(operation: Operation) -> Self {
        Self::new(Timing::After, operation)
    }

    /// After the commit of this operation.
    pub const fn after_commit(operation: Operation) -> Self {
        Self::new(Timing::AfterCommit, operation)
    }
}

impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.timing.name(), self.operation)
    }
}

/// What `#[modeller::hook(..)]` says besides where the hook runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct HookOptions {
    /// Hooks with a smaller number run first; those with the same one by their names. 0 unless said otherwise.
    pub order: i32,
    /// How long after the commit it runs as a durable job, in milliseconds.
    pub schedule: Option<u64>,
    /// How long it may take, in milliseconds; 5 seconds unless said otherwise.
    pub timeout: Option<u64>,
}

impl HookOptions {
    /// First among equals, at once, and within the usual time.
    pub const fn new() -> Self {
        HookOptions { order: 0, schedule: None, timeout: None }
    }

    /// Hooks with a smaller number run first.
    #[must_use]
    pub const fn order(mut self, order: i32) -> Self {
        self.order = order;
        self
    }

    /// How long after the commit it runs as a durable job, in milliseconds.
    #[must_use]
    pub const fn schedule(mut self, milliseconds: u64) -> Self {
        self.schedule = Some(milliseconds);
        self
    }

    /// How long it may take, in milliseconds.
    #[must_use]
    pub const fn timeout(mut self, milliseconds: u64) -> Self {
        self.timeout = Some(milliseconds);
        self
    }
}

/// How a hook runs.
pub struct HookHandler {
    /// Where it runs.
    pub points: &'static [HookPoint],
    /// What the attribute says besides.
    pub options: HookOptions,
    /// Runs it.
    pub run: for<'a> fn(HookParts<'a>) -> BoxFuture<'a, Result<()>>,
}

/// What a hook can learn of the operation as a whole, as an argument by value.
///
/// | point | `key` | `data` |
/// |---|---|---|
/// | `before(insert)` | | the document |
/// | `after(insert)` | `{_id}` | the document |
/// | `before(update)`, `after(update)` | `{_id}` | the patch |
/// | `before(delete)` | `{_id}` | |
/// | `after(delete)` | `{_id}` | the document that went |
/// | `before(list)`, `after(list)` | | the query |
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct HookEvent {
    /// Insert, update, delete or list.
    #[serde(serialize_with = "shown")]
    pub operation: Operation,
    /// When the hook runs.
    #[serde(serialize_with = "shown")]
    pub timing: Timing,
    /// The document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Json>,
    /// What is done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Json>,
}

fn shown<T: fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// All that a hook can ask for as its arguments. Each is taken at most once.
pub struct HookParts<'a> {
    /// The context of the call.
    pub cx: &'a Cx,
    /// The model.
    pub shape: &'static Shape,
    /// Where the hook runs.
    pub point: HookPoint,
    /// The document to be written, before an insert or an update.
    pub record: Option<&'a mut dyn Record>,
    /// The document: as it was written, as it is before an update or a delete, as it was when it was deleted.
    pub document: Option<&'a Stored>,
    /// The document before the update.
    pub previous: Option<&'a Stored>,
    /// The patch of an update, as JSON text.
    pub patch: Option<&'a [u8]>,
    /// What is asked for, around a list.
    pub listing: Option<&'a mut Listing>,
}

impl<'a> HookParts<'a> {
    /// Takes what a hook of `M` needs, for hooks that are added at run time; declared ones get it as their arguments.
    ///
    /// # Errors
    /// If there is none at this point, or it was taken before.
    pub fn take<M, T: FromHook<'a, M>>(&mut self) -> Result<T> {
        T::from_hook(self)
    }

    /// At a point, with nothing else.
    pub(crate) fn new(cx: &'a Cx, shape: &'static Shape, point: HookPoint) -> Self {
        HookParts {
            cx,
            shape,
            point,
            record: None,
            document: None,
            previous: None,
            patch: None,
            listing: None,
        }
    }
}

/// A stored row, and the struct made of it once somebody asks.
pub struct Stored {
    row: Row,
    doc: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Stored {
    /// Of a row.
    pub fn new(row: Row) -> Self {
        Stored { row, doc: OnceLock::new() }
    }

    /// The row.
    pub fn row(&self) -> &Row {
        &self.row
    }

    pub(crate) fn into_row(self) -> Row {
        self.row
    }

    fn id(&self) -> Json {
        json!({ "_id": self.row[Shape::ID].as_text() })
    }

    fn doc<M: Model>(&self, shape: &'static Shape) -> Result<&Doc<M>> {
        if self.doc.get().is_none() {
            let doc: Doc<M> = model::doc_from_row(shape, &self.row)?;
            // Another one would be the same.
            let _ = self.doc.set(Box::new(doc));
        }
        let doc = self.doc.get().and_then(|doc| doc.downcast_ref());
        doc.ok_or_else(|| missing("a document of this model"))
    }
}

/// Which hooks an argument can be given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookNeeds {
    /// The points where it is there.
    pub points: &'static [HookPoint],
    /// How to say it.
    pub what: &'static str,
}

/// An argument that a hook can ask for.
///
/// `M` is the model of the hook, so that a hook of one model can't ask for the document of another.
#[diagnostic::on_unimplemented(
    message = "a hook of `{M}` can't be given a `{Self}`",
    label = "no argument of a hook of `{M}`",
    note = "a hook takes any of `&Cx`, `&mut {M}` (before insert, update), `&Doc<{M}>` (not before insert), `Previous<'_, {M}>` (update), \
            `HookEvent`, `&mut Listing` (before list)"
)]
pub trait FromHook<'a, M>: Sized {
    /// Where it is there; `None` everywhere.
    const NEEDS: Option<HookNeeds>;

    /// Takes it.
    ///
    /// # Errors
    /// If there is none at this point; the attribute has checked that there is.
    fn from_hook(parts: &mut HookParts<'a>) -> Result<Self>;
}

fn missing(what: &str) -> Error {
    Error::new(Code::InternalError, format!("a hook was asked for {what}, and there is none here"))
}

const fn point(timing: Timing, operation: Operation) -> HookPoint {
    HookPoint::new(timing, operation)
}

use Operation::{Delete, Insert, List, Update};
use Timing::{After, AfterCommit, Before};

const WRITTEN: &[HookPoint] = &[point(Before, Insert), point(Before, Update)];
const STORED: &[HookPoint] = &[
    point(Before, Update),
    point(Before, Delete),
    point(After, Insert),
    point(After, Update),
    point(After, Delete),
    point(AfterCommit, Insert),
    point(AfterCommit, Update),
    point(AfterCommit, Delete),
];
const UPDATES: &[HookPoint] = &[point(Before, Update), point(After, Update), point(AfterCommit, Update)];

impl<'a, M> FromHook<'a, M> for &'a Cx {
    const NEEDS: Option<HookNeeds> = None;

    fn from_hook(parts: &mut HookParts<'a>) -> Result<Self> {
        Ok(parts.cx)
    }
}

impl<'a, M> FromHook<'a, M> for HookEvent {
    const NEEDS: Option<HookNeeds> = None;

    fn from_hook(parts: &mut HookParts<'a>) -> Result<Self> {
        let HookPoint { timing, operation } = parts.point;
        let key = parts.document.map(Stored::id);
        let data = match (operation, timing) {
            (Insert, Before) => match &parts.record {
                Some(record) => Some(document(parts.shape, &record.to_row(parts.shape)?, true)?),
                None => None,
            },
            (Update, _) => parts.patch.map(parsed).transpose()?,
            (Delete, Before) => None,
            (List, _) => parts.listing.as_ref().map(|listing| listing.arguments.clone()),
            _ => match parts.document {
                Some(stored) => Some(document(parts.shape, &stored.row, false)?),
                None => None,
            },
        };
        Ok(HookEvent { operation, timing, key, data })
    }
}

/// A row as JSON, private fields included: hooks are code of the application. What is still to be written has no system fields.
fn document(shape: &Shape, row: &Row, fresh: bool) -> Result<Json> {
    let mut text = Vec::new();
    match fresh {
        true => model::write_fields(shape, row, &mut text),
        false => model::write_row(shape, row, &View::Full, &mut text),
    }
    parsed(&text)
}

fn parsed(text: &[u8]) -> Result<Json> {
    serde_json::from_slice(text).map_err(|error| {
        tracing::error!(%error, "a document can't be read as JSON");
        Error::new(Code::InternalError, "a document can't be read as JSON")
    })
}

impl<'a, M: Model> FromHook<'a, M> for &'a mut M {
    const NEEDS: Option<HookNeeds> = Some(HookNeeds {
        points: WRITTEN,
        what: "a document that can be changed, as there is before insert and update",
    });

    fn from_hook(parts: &mut HookParts<'a>) -> Result<Self> {
        let record = parts.record.take().and_then(|record| record.as_any().downcast_mut());
        record.ok_or_else(|| missing("a document that can be changed"))
    }
}

impl<'a, M: Model> FromHook<'a, M> for &'a Doc<M> {
    const NEEDS: Option<HookNeeds> = Some(HookNeeds {
        points: STORED,
        what: "a stored document, as there is around update and delete, and after insert",
    });

    fn from_hook(parts: &mut HookParts<'a>) -> Result<Self> {
        parts.document.ok_or_else(|| missing("a stored document"))?.doc(parts.shape)
    }
}

/// The document as it was before an update, as an argument of a hook.
pub struct Previous<'a, M>(&'a Doc<M>);

impl<M> Deref for Previous<'_, M> {
    type Target = Doc<M>;

    fn deref(&self) -> &Doc<M> {
        self.0
    }
}

impl<'a, M: Model> FromHook<'a, M> for Previous<'a, M> {
    const NEEDS: Option<HookNeeds> =
        Some(HookNeeds { points: UPDATES, what: "a document before its update, as there is around update" });

    fn from_hook(parts: &mut HookParts<'a>) -> Result<Self> {
        parts.previous.ok_or_else(|| missing("a document before its update"))?.doc(parts.shape).map(Previous)
    }
}

impl<'a, M> FromHook<'a, M> for &'a mut Listing {
    const NEEDS: Option<HookNeeds> = Some(HookNeeds {
        points: &[point(Before, List)],
        what: "what a list asks for, as there is before list",
    });

    fn from_hook(parts: &mut HookParts<'a>) -> Result<Self> {
        parts.listing.take().ok_or_else(|| missing("what a list asks for"))
    }
}

/// What hooks, workers, jobs and rules may answer: nothing, or a result of nothing.
#[diagnostic::on_unimplemented(
    message = "hooks, workers, jobs and rules can't answer a `{Self}`",
    label = "write `Result<()>`, or nothing",
    note = "there is nobody who would get the answer: they return `Result<()>`, or nothing"
)]
pub trait HookOutcome {
    /// As a result.
    ///
    /// # Errors
    /// The hook's own.
    fn into_result(self) -> Result<()>;
}

impl HookOutcome for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl<E: Into<Error>> HookOutcome for std::result::Result<(), E> {
    fn into_result(self) -> Result<()> {
        self.map_err(Into::into)
    }
}
