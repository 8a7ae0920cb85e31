//! Methods and queries at run time: called by name with JSON, or from Rust with their own types.

use serde::Serialize;
use serde_json::Value as Json;

use super::behaviour::{Method, MethodHandler, Payload, Query};
use super::idempotency::Once;
use super::{Arguments, Call, Cx, Operation, Reply, batch};
use crate::model::{Code, Error, Model, Result, Shape, nearest, shown};
use crate::registry::{Behaviour, BehaviourKind, Registry};

/// So much of an unknown name is repeated.
const SHOWN: usize = 200;

/// Carries out a call of a method or a query.
pub(super) async fn run(cx: &Cx, behaviour: &'static Behaviour, call: Call) -> Result<Reply> {
    let handler = handler(behaviour)?;
    let once = Once::of(cx, &call);
    let payload = payload(behaviour, call.arguments, call.body)?;
    let body = match once {
        None if behaviour.kind == BehaviourKind::Query => (handler.call)(&cx.reading(), &payload).await?,
        None => (handler.call)(cx, &payload).await?,
        Some(once) => return Box::pin(run_once(cx, once, handler, payload)).await,
    };
    Ok(Reply { body, ..Reply::default() })
}

/// Asks a query, with its payload as JSON.
#[cfg(feature = "live")]
pub(super) async fn ask(cx: &Cx, behaviour: &'static Behaviour, payload: &[u8]) -> Result<Vec<u8>> {
    (handler(behaviour)?.call)(cx, payload).await
}

/// The effect and the note of its answer are one transaction: there is never one without the other.
async fn run_once(cx: &Cx, once: Once, handler: &'static MethodHandler, payload: Vec<u8>) -> Result<Reply> {
    cx.transaction(async move |tx| {
        if let Some(reply) = batch::before(&tx, once.clone()).await? {
            return Ok(reply);
        }
        let reply = Reply { body: (handler.call)(&tx, &payload).await?, ..Reply::default() };
        batch::keep(&tx, once, reply.clone()).await?;
        Ok(reply)
    })
    .await
}

fn handler(behaviour: &'static Behaviour) -> Result<&'static MethodHandler> {
    behaviour.handler.downcast_ref().ok_or_else(|| {
        Error::new(Code::InternalError, format!("{} `{}` can't be called", behaviour.kind, behaviour.rust))
    })
}

/// The payload of a call as JSON: a method's is its body, a query's its arguments.
fn payload(behaviour: &'static Behaviour, arguments: Arguments, body: Vec<u8>) -> Result<Vec<u8>> {
    match arguments {
        Arguments::None => Ok(body),
        Arguments::Json(json) if body.is_empty() => Ok(json.to_string().into_bytes()),
        Arguments::Pairs(pairs) if behaviour.kind == BehaviourKind::Query => {
            behaviour.payload_shape()?.from_pairs(&pairs)
        }
        _ => Err(Error::new(
            Code::InvalidRequest,
            format!("`{}` takes its payload as its body, and no arguments beside it", behaviour.name),
        )),
    }
}

/// The error for a name that is no operation, no method and no query of a model.
pub(crate) fn unknown(registry: &Registry, shape: &'static Shape, name: &str) -> Error {
    let operations = Operation::ALL.iter().filter(|operation| operation.is_offered(shape));
    let callable = [BehaviourKind::Method, BehaviourKind::Query]
        .into_iter()
        .flat_map(|kind| registry.behaviours_of(shape, kind))
        .map(|behaviour| behaviour.name);
    let known: Vec<&str> = operations.map(|operation| operation.name()).chain(callable).collect();
    let is_trash = Operation::from_name(name) == Some(Operation::Restore);
    let message = match is_trash && !known.contains(&name) {
        true => format!("the model `{}` has no `{name}`: it keeps no trash", shape.path),
        false => {
            format!("the model `{}` has no method `{}`{}", shape.path, shown(name, 60), hint(name, &known))
        }
    };
    Error::new(Code::MethodNotFound, message)
        .with_details(serde_json::json!({ "id": shown(name, SHOWN), "methods": known }))
}

/// `; did you mean ..?`, if a known name is near.
pub(super) fn hint(name: &str, known: &[&str]) -> String {
    let near = nearest(name, known.iter().copied());
    near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// Checks a payload that Rust code gives.
pub(super) fn checked<P: Payload>(behaviour: &'static Behaviour, payload: &P) -> Result<()> {
    behaviour.payload_shape()?.check(payload)
}

/// A value as the JSON of a payload.
pub(super) fn to_json(payload: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(payload)
        .map_err(|error| Error::new(Code::ValidationError, format!("the payload has no JSON form: {error}")))
}

/// An answer as a value.
pub(super) fn from_json(answer: &[u8]) -> Result<Json> {
    serde_json::from_slice(answer)
        .map_err(|error| Error::new(Code::InternalError, format!("the answer is not JSON: {error}")))
}

impl Cx {
    /// Calls a method, in this context: what it writes belongs to the transaction that is open here.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if the payload breaks its rules; else the method's own.
    ///
    /// ```no_run
    /// # use modeller::prelude::*;
    /// # async fn example<Deposit: modeller::engine::Method + modeller::engine::Payload>(cx: &Cx, deposit: Deposit) -> Result<()> {
    /// let balance = cx.call(deposit).await?;
    /// # let _ = balance; Ok(()) }
    /// ```
    pub async fn call<M: Method + Payload>(&self, method: M) -> Result<M::Reply> {
        checked(M::behaviour(), &method)?;
        method.call(self).await
    }

    /// Asks a query, in this context; what it reads is what the transaction that is open here sees.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if the payload breaks its rules; else the query's own.
    pub async fn query<Q: Query + Payload>(&self, query: Q) -> Result<Q::Reply> {
        checked(Q::behaviour(), &query)?;
        query.run(&self.reading()).await
    }

    /// Calls a method, or asks a query, by its model's path and its name.
    ///
    /// # Errors
    /// `MODEL_NOT_FOUND`; `METHOD_NOT_FOUND`, with the name as `id` in its details; `VALIDATION_ERROR`; else those of the
    /// method.
    ///
    /// ```no_run
    /// # use modeller::prelude::*;
    /// # async fn example(cx: &Cx) -> Result<()> {
    /// let token = cx
    ///     .call_by_name("system/users", "resetPassword", serde_json::json!({ "email": "ada@example.org" }))
    ///     .await?;
    /// # let _ = token; Ok(()) }
    /// ```
    pub async fn call_by_name(&self, model: &str, name: &str, payload: impl Serialize) -> Result<Json> {
        let payload = to_json(&payload)?;
        let shape = self.model(model)?;
        let registry = self.engine().registry();
        let behaviour = registry.callable(shape, name).ok_or_else(|| unknown(registry, shape, name))?;
        let mut call = Call::new(Operation::Invoke(behaviour), shape);
        call.body = payload;
        from_json(&run(self, behaviour, call).await?.body)
    }

    /// The names of a model's methods.
    pub fn methods_of<M: Model>(&self) -> Vec<&'static str> {
        self.names_of::<M>(BehaviourKind::Method)
    }

    /// The names of a model's queries.
    pub fn queries_of<M: Model>(&self) -> Vec<&'static str> {
        self.names_of::<M>(BehaviourKind::Query)
    }

    /// The names of a model's events.
    pub fn events_of<M: Model>(&self) -> Vec<&'static str> {
        self.names_of::<M>(BehaviourKind::Event)
    }

    /// The models that are mounted on a model: its extensions.
    pub fn extensions_of<M: Model>(&self) -> &[&'static Shape] {
        self.engine().registry().extensions(M::descriptor().shape())
    }

    fn names_of<M: Model>(&self, kind: BehaviourKind) -> Vec<&'static str> {
        let shape = M::descriptor().shape();
        self.engine().registry().behaviours_of(shape, kind).map(|behaviour| behaviour.name).collect()
    }

    /// The application's model at this path.
    pub(super) fn model(&self, path: &str) -> Result<&'static Shape> {
        let registry = self.engine().registry();
        registry.by_id(path).ok_or_else(|| {
            let known: Vec<&str> = registry.models().iter().map(|shape| shape.path.as_str()).collect();
            let message = format!("there is no model `{}`{}", shown(path, 60), hint(path, &known));
            Error::new(Code::ModelNotFound, message)
        })
    }
}
