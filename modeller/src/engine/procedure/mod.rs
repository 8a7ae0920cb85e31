//! Stored procedures: several steps on any models, kept as JSON, and carried out in one transaction.
//!
//! A procedure is data from its first to its last byte. What it says is parsed into a [`Definition`](definition::Definition)
//! when it is registered and again when it is called (models may have changed meanwhile); references put values into its
//! operations, and never anything that would be read as an operator or a name.

mod condition;
mod definition;
mod entry;
mod faults;
mod input;
mod operation;
mod parse;
mod reference;
mod run;
mod values;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;

pub use entry::Procedure;

use self::definition::Definition;
use super::invoke::hint;
use super::{Cx, Engine, Records as _};
#[cfg(feature = "server")]
use super::{Reply, call::check_mutation_id, idempotency::Once};
use crate::model::{Cell, Code, Doc, Error, Model as _, Result, RowView, shown};
use crate::query::Select;
use crate::store::{self, Sink};

/// The procedures of an application: [`Engine::procedures`], or [`Cx::procedures`] for those who call in a context of theirs.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use modeller::App;
/// use serde_json::json;
///
/// let engine = App::isolated().allow_empty().engine().await?;
/// let greet = json!({
///     "name": "greet",
///     "input": { "name": { "type": "string", "default": "world" } },
///     "steps": [{ "if": { "input.name": "" }, "then": [{ "throw": { "code": "NOBODY", "message": "greet somebody" } }] }],
///     "output": { "hello": { "$ref": "input.name" } },
/// });
/// engine.procedures().register(greet).await?;
/// assert_eq!(engine.procedures().call("greet", json!({})).await?, json!({ "hello": "world" }));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Procedures {
    cx: Cx,
}

impl Engine {
    /// The procedures: to register them, and to call them as the application itself.
    pub fn procedures(self: &Arc<Self>) -> Procedures {
        self.cx().procedures()
    }
}

impl Cx {
    /// The procedures, in this context: who calls is who calls here, and what is done is part of the transaction that is open here.
    pub fn procedures(&self) -> Procedures {
        Procedures { cx: self.clone() }
    }
}

impl Procedures {
    /// Where procedures are called over HTTP; the name comes after it.
    pub const PATH: &str = "/@procedures/";
    /// How many steps a procedure may have, those in the branches of an `if` among them. There are no loops: it can't take more.
    pub const MAX_STEPS: usize = 100;
    /// How deep conditions may be nested, and how deep `if` in `if`.
    pub const MAX_CONDITION_DEPTH: usize = 5;
    /// How long a procedure may take unless it says less with `timeoutMs`. The store may allow its transactions less than that.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_millis(30_000);
    /// How many bytes of JSON a procedure may have.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// Adds a procedure.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all its faults; `CONFLICT` if there is one of this name.
    pub async fn register(&self, definition: impl Serialize) -> Result<Doc<Procedure>> {
        let (entry, name) = self.entry(&definition)?;
        Procedure::insert(&self.cx, entry).await.map_err(|error| match error.is(Code::UniqueViolation) {
            true => Error::new(
                Code::Conflict,
                format!("there is a procedure `{name}` already; `update` gives it another definition"),
            ),
            false => error,
        })
    }

    /// Gives the procedure of this name another definition.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all its faults; `METHOD_NOT_FOUND` if there is none of this name.
    pub async fn update(&self, definition: impl Serialize) -> Result<Doc<Procedure>> {
        let (entry, name) = self.entry(&definition)?;
        let Some(mut kept) = self.get(&name).await? else { return Err(self.unknown(&name).await) };
        *kept = entry;
        Procedure::save(&self.cx, &kept).await
    }

    /// Removes a procedure. Answers whether there was one.
    ///
    /// # Errors
    /// If the store can't be written.
    pub async fn unregister(&self, name: &str) -> Result<bool> {
        match Procedure::delete(&self.cx, name).await {
            Ok(_) => Ok(true),
            Err(error) if error.is(Code::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All procedures, by name.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn list(&self) -> Result<Vec<Doc<Procedure>>> {
        Procedure::find().order_by(Procedure::NAME.asc()).all(&self.cx).await
    }

    /// The procedure of this name, if there is one.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn get(&self, name: &str) -> Result<Option<Doc<Procedure>>> {
        Procedure::get(&self.cx, name).await
    }

    /// Calls a procedure: all of its steps take effect, or none.
    ///
    /// # Errors
    /// `METHOD_NOT_FOUND`, with the name as `id` in its details; `VALIDATION_ERROR` if the input does not fit; `CONFLICT` if the
    /// procedure does not fit the models any more; `TIMEOUT`; what it throws; else the error of the step that failed, with its
    /// place as `step` in its details.
    pub async fn call(&self, name: &str, input: impl Serialize) -> Result<Json> {
        let input = to_json(&input)?;
        let reply = self.find(name).await?.answer(&self.cx, input, None).await?;
        super::invoke::from_json(&reply.body)
    }

    /// Calls a procedure for a door: with the text of its input, and maybe with an id that makes a retry have its effect once.
    #[cfg(feature = "server")]
    pub(crate) async fn answered(
        &self,
        name: &str,
        input: &[u8],
        mutation_id: Option<&str>,
    ) -> Result<Reply> {
        let mutation_id = mutation_id.map(check_mutation_id).transpose()?;
        let once = mutation_id.map(|id| Once::of_procedure(&self.cx, name, input, &id));
        let input = match input {
            [] => Json::Object(serde_json::Map::new()),
            text => super::arguments::json(crate::model::check_json(text)?)?,
        };
        self.find(name).await?.answer(&self.cx, input, once).await
    }

    /// The procedure of this name, ready to run.
    async fn find(&self, name: &str) -> Result<Definition> {
        let Some(kept) = self.get(name).await? else { return Err(self.unknown(name).await) };
        let unfit = |error: Error| {
            let message =
                format!("the procedure `{name}` does not fit the models any more: {}", error.message());
            let details = serde_json::json!({ "id": name, "errors": error.violations() });
            Error::new(Code::Conflict, message).with_details(details)
        };
        Definition::parse(self.cx.engine().registry(), &kept.json()?).map_err(unfit)
    }

    fn entry(&self, definition: &impl Serialize) -> Result<(Procedure, String)> {
        let json = to_json(definition)?;
        let text = json.to_string();
        if text.len() > Self::MAX_BYTES {
            let message = format!("a procedure has at most {} KiB of JSON", Self::MAX_BYTES / 1024);
            return Err(Error::new(Code::ValidationError, message));
        }
        crate::model::check_json(text.as_bytes())?;
        let parsed = Definition::parse(self.cx.engine().registry(), &json)?;
        let name = parsed.name.clone();
        Ok((Procedure { name: parsed.name, description: parsed.description, definition: text }, name))
    }

    async fn unknown(&self, name: &str) -> Error {
        // Without the definitions, which can be large: this is what everybody can ask for.
        let select = Select { count: Some(1_000), ..Select::all(Procedure::descriptor().shape()) };
        let known = match self.cx.read(&select, Box::new(Known(Vec::new()))).await {
            Ok(sink) => store::sink::<Known>(sink).0,
            Err(error) => return error,
        };
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let message = format!("there is no procedure `{}`{}", shown(name, 60), hint(name, &names));
        Error::new(Code::MethodNotFound, message).with_details(serde_json::json!({ "id": shown(name, 200) }))
    }
}

/// Collects the names of procedures.
struct Known(Vec<String>);

impl Sink for Known {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        if let Cell::Text(name) = row.cell(Procedure::NAME.index()) {
            self.0.push(name.to_owned());
        }
        ControlFlow::Continue(())
    }
}

impl std::fmt::Debug for Procedures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Procedures").field("identity", self.cx.identity()).finish_non_exhaustive()
    }
}

fn to_json(value: &impl Serialize) -> Result<Json> {
    serde_json::to_value(value)
        .map_err(|error| Error::new(Code::ValidationError, format!("it has no JSON form: {error}")))
}
