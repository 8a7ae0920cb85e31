//! Hooks that run later: a durable job, written in the transaction of the write that sets it off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use validator::Validate;

use super::behaviour::declare::{self, Names};
use super::behaviour::{HookParts, HookPoint, IsJob, Job, JobHandler, JobOptions, Stored, Timing};
use super::hooks::Hook;
use super::job::{self, Schedule};
use super::{Cx, Engine, Operation};
use crate::model::{self, Code, Error, Result, Row, Shape, Value, View};
use crate::registry::{Behaviour, Entry};
use crate::store::Tx;

/// The name of the job.
pub(super) const LATE: &str = "_hook";

/// A hook that is to run, and what it is given then.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub(crate) struct LateHook {
    model: String,
    hook: String,
    operation: String,
    /// The document, private fields included.
    document: Json,
    previous: Option<Json>,
    patch: Option<Json>,
}

// By hand: its name begins with `_`, as all of the framework's own do, and the attribute refuses such names.
static HANDLER: JobHandler = declare::job_handler::<LateHook>(JobOptions::new());
static BEHAVIOUR: Behaviour = declare::job::<LateHook>(
    Names { name: LATE, rust: "LateHook", docs: "A hook that runs later.", fields: &[] },
    &HANDLER,
    crate::__site!(),
);
inventory::submit! { Entry::behaviour(&BEHAVIOUR) }

impl IsJob for LateHook {
    fn behaviour() -> &'static Behaviour {
        &BEHAVIOUR
    }
}

/// What a write tells a hook that runs later.
pub(super) struct Occasion<'a> {
    pub(super) shape: &'static Shape,
    pub(super) operation: Operation,
    pub(super) row: &'a Row,
    pub(super) previous: Option<&'a Row>,
    pub(super) patch: Option<&'a [u8]>,
}

/// Enqueues a hook within the steps of a write.
///
/// # Errors
/// If the store can't be written.
pub(super) async fn put(
    engine: &Engine,
    tx: &mut dyn Tx,
    hook: &Hook,
    occasion: &Occasion<'_>,
) -> Result<()> {
    let Occasion { shape, operation, row, previous, patch } = occasion;
    let late = LateHook {
        model: shape.path.clone(),
        hook: hook.id.to_string(),
        operation: operation.name().to_owned(),
        document: written(shape, row)?,
        previous: previous.map(|row| written(shape, row)).transpose()?,
        patch: patch.map(read).transpose()?,
    };
    let payload = serde_json::to_vec(&late).map_err(|_| unreadable())?;
    let schedule = Schedule::new().delay(hook.schedule.unwrap_or_default());
    job::put(engine, tx, &LateHook::behaviour().id(), &payload, &schedule).await.map(drop)
}

impl Job for LateHook {
    async fn run(self, cx: &Cx) -> Result<()> {
        let engine = cx.engine();
        let gone =
            |what: &str| Error::new(Code::NotFound, format!("{what} of a hook that was to run is gone"));
        let shape = engine.registry().by_id(&self.model).ok_or_else(|| gone("the model"))?;
        let operation = Operation::from_name(&self.operation).ok_or_else(|| gone("the operation"))?;
        let hooks = engine.hooks().get(&shape.path).unwrap_or_default();
        let Some(hook) = hooks.named(&self.hook) else {
            // Whoever takes a hook out means those too that are still to come. One that was renamed must not be lost in silence.
            let is_out = engine.hooks().is_out(&shape.path, &self.hook);
            return if is_out { Ok(()) } else { Err(gone("the code")) };
        };
        let document = Stored::new(row(shape, self.document)?);
        let previous = self.previous.map(|json| row(shape, json).map(Stored::new)).transpose()?;
        let patch = self.patch.map(|json| json.to_string().into_bytes());
        let cx = cx.deeper()?;
        let parts = HookParts::new(&cx, shape, HookPoint::new(Timing::AfterCommit, operation));
        let (document, patch) = (Some(&document), patch.as_deref());
        hook.run(HookParts { document, previous: previous.as_ref(), patch, ..parts }).await
    }
}

fn written(shape: &Shape, row: &Row) -> Result<Json> {
    let mut text = Vec::new();
    model::write_row(shape, row, &View::Full, &mut text);
    read(&text)
}

fn read(text: &[u8]) -> Result<Json> {
    serde_json::from_slice(text).map_err(|_| unreadable())
}

/// The row of a document that was written when the hook was enqueued. The struct may have changed since.
fn row(shape: &Shape, document: Json) -> Result<Row> {
    let Json::Object(members) = document else { return Err(unreadable()) };
    let (system, fields): (Map<_, _>, Map<_, _>) =
        members.into_iter().partition(|(name, _)| name.starts_with('_'));
    let mut row = model::decoded(shape, Json::Object(fields).to_string().as_bytes())?;
    for (index, column) in shape.columns.iter().enumerate() {
        match system.get(&column.name) {
            Some(Json::String(text)) => row[index] = Value::Text(text.clone()),
            Some(Json::Number(number)) => row[index] = number.as_i64().map_or(Value::Null, Value::Integer),
            _ => {}
        }
    }
    Ok(row)
}

fn unreadable() -> Error {
    Error::new(Code::InternalError, "what a hook is given later can't be written, or read")
}
