//! A procedure that was parsed: what can be wrong with it without being called is not.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::condition::Condition;
use super::input::Input;

/// A procedure.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) inputs: Vec<Input>,
    pub(super) steps: Vec<Step>,
    /// What it answers, if no step returned anything.
    pub(super) output: Json,
    pub(super) timeout: Duration,
}

/// One step.
#[derive(Debug)]
pub(super) enum Step {
    /// An operation of a transaction, with references in it.
    Operation {
        /// Where it stands, as a JSON pointer.
        at: String,
        members: Map<String, Json>,
        /// The name that its answer is kept under.
        keep: Option<String>,
    },
    /// Either of two branches.
    If { condition: Condition, then: Vec<Step>, otherwise: Vec<Step> },
    /// An error that ends and undoes it.
    Throw { code: String, message: String, status: u16, details: Option<Json> },
    /// An answer that ends it.
    Return(Json),
}
