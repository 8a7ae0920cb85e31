//! A transaction over several models, as it comes from the wire: `{operations: [{op, model, ..}]}`.

use std::sync::Arc;

use super::call::check_mutation_id;
use super::pipeline;
use super::write::Written;
use super::{Cx, Engine, Identity, Operation, Reply, batch};
use crate::model::{Code, Error, Result, Shape, nearest};
use crate::registry::Registry;

/// Several operations on any models: all of them happen, or none.
///
/// Each sees what those before it did. The answer is `{results: [{index, data}]}` in their order.
#[derive(Clone, Debug)]
pub struct Transact {
    /// JSON text: `{operations: [{op, model, query? or key?, data?, version?}]}`.
    pub body: Vec<u8>,
    /// Who calls, for [`Engine::transact`]; [`Cx::transact`] goes by its context.
    pub identity: Identity,
    /// Makes a retry have its effect only once (HTTP: `Idempotency-Key`).
    pub mutation_id: Option<String>,
}

impl Transact {
    /// Where transactions are sent over HTTP.
    pub const PATH: &str = "/@transaction";

    /// The names of the operations that there are, those that only transactions have among them.
    pub fn operations() -> impl Iterator<Item = &'static str> {
        let all = batch::OPERATIONS.iter().map(|operation| operation.name());
        all.chain(ALIASES.iter().map(|(alias, _)| *alias))
    }

    /// The operations in this JSON text, by nobody in particular.
    pub fn new(body: Vec<u8>) -> Self {
        Transact { body, identity: Identity::Anonymous, mutation_id: None }
    }

    /// The same, with its effect once however often it is repeated with this id.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if the id is empty, too long or not printable ASCII.
    pub fn with_mutation_id(mut self, id: &str) -> Result<Self> {
        self.mutation_id = Some(check_mutation_id(id)?);
        Ok(self)
    }
}

impl Engine {
    /// Carries out several operations in one transaction.
    ///
    /// # Errors
    /// That of the first operation that fails, with its place as `index` among the details; nothing is done then.
    pub async fn transact(self: &Arc<Self>, several: Transact) -> Result<Reply> {
        let cx = Cx::new(self.clone(), several.identity.clone());
        cx.transact(several).await
    }
}

impl Cx {
    /// Carries out several operations in one transaction: a new one, or the one of this context.
    ///
    /// # Errors
    /// As [`Engine::transact`].
    pub async fn transact(&self, several: Transact) -> Result<Reply> {
        Box::pin(batch::transact(self, several)).await
    }
}

/// The names of operations that only transactions have.
pub(crate) const ALIASES: &[(&str, Operation)] = &[("where", Operation::Find), ("findOne", Operation::Get)];

/// The operation with this name.
pub(super) fn operation(name: &str) -> Option<Operation> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, operation)| *operation);
    alias.or_else(|| Operation::from_name(name))
}

/// The model with this path.
///
/// # Errors
/// `MODEL_NOT_FOUND`, with the nearest one.
pub(super) fn model(registry: &Registry, path: &str) -> Result<&'static Shape> {
    registry.by_id(path).ok_or_else(|| {
        let known = registry.models().iter().map(|shape| shape.path.as_str());
        let hint = nearest(path, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        // What a caller made up is not repeated at length.
        let shown: String = path.chars().take(100).collect();
        Error::new(Code::ModelNotFound, format!("there is no model `{shown}`{hint}"))
    })
}

/// A write's answer. What was deleted is not sent again: whether there was something to delete is.
pub(super) fn render(shape: &Shape, operation: Operation, written: &Written) -> Reply {
    if operation == Operation::Delete {
        let body = format!("{{\"deleted\":{}}}", !written.rows.is_empty()).into_bytes();
        return Reply { body, ..Reply::default() };
    }
    pipeline::render(shape, operation, written)
}

/// What clients of transactions expect to read when a document has another version.
pub(super) fn told_of_version(error: Error) -> Error {
    let of_version = |details: &serde_json::Value| details.pointer("/details/expected").is_some();
    match error.details() {
        Some(details) if error.is(Code::Conflict) && of_version(details) => {
            Error::new(Code::Conflict, "Transaction version conflict").with_details(details.clone())
        }
        _ => error,
    }
}
