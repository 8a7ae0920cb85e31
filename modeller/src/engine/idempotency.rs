//! Writes that have their effect once, however often they are sent: the first answer is kept in the same transaction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use validator::Validate;

use super::hooked::Draft;
use super::pipeline::{prepare, render};
use super::scope::visible;
use super::write::Steps;
use super::{Arguments, Call, Cx, Engine, Operation, Reply, Transact, batch};
use crate::Model;
use crate::model::{self, Code, Error, Result, Row, Shape, Value};
use crate::query::{Filter, Select};
use crate::store::{self, Answer, Rows, Tx, Work};

/// A write that was carried out under a mutation id, and what it answered.
#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(builtin, scope = "_modeller", name = "mutations", ttl = "24h", crate = crate)]
pub(crate) struct Mutation {
    /// The caller and the id it gave.
    #[model(key)]
    key: String,
    /// Digest of what was asked.
    request: String,
    /// The answer.
    body: String,
    /// Whether a document came into being.
    created: bool,
    /// The version of the document.
    document_version: Option<i64>,
}

/// A mutation id with the digest of its request.
#[derive(Clone)]
pub(super) struct Once {
    key: String,
    request: String,
}

impl Once {
    /// Of a call that has a mutation id.
    pub(super) fn of(cx: &Cx, call: &Call) -> Option<Self> {
        let id = call.mutation_id.as_deref()?;
        let mut request = Request::default();
        request.part(call.operation.name().as_bytes());
        request.part(call.shape.path.as_bytes());
        request.part(format!("{:?}", call.expected_version).as_bytes());
        request.part(&call.body);
        match &call.arguments {
            Arguments::None => {}
            Arguments::Pairs(pairs) => {
                for (name, value) in pairs {
                    request.part(name.as_bytes());
                    request.part(value.as_bytes());
                }
            }
            Arguments::Json(json) => request.part(json.to_string().as_bytes()),
        }
        Some(request.once(cx, id))
    }

    /// Of a transaction that has a mutation id.
    pub(super) fn of_transaction(cx: &Cx, several: &Transact) -> Option<Self> {
        let id = several.mutation_id.as_deref()?;
        let mut request = Request::default();
        // No operation of a model has this name.
        request.part(b"@transaction");
        request.part(&several.body);
        Some(request.once(cx, id))
    }

    /// Of a call of a procedure.
    #[cfg(feature = "server")]
    pub(super) fn of_procedure(cx: &Cx, name: &str, input: &[u8], id: &str) -> Self {
        let mut request = Request::default();
        // No operation of a model has this name.
        request.part(b"@procedures");
        request.part(name.as_bytes());
        request.part(input);
        request.once(cx, id)
    }

    /// The answer that was given before, if there was one.
    pub(super) async fn find(&self, engine: &Engine, tx: &mut dyn Tx) -> Result<Option<Reply>> {
        let shape = Mutation::descriptor().shape();
        let filter = visible(shape, Filter::id(self.key.as_str()), engine);
        let rows = tx.read(&Select::filtered(shape, filter), Rows::of(shape)).await?;
        let Some(row) = store::sink::<Rows>(rows).rows.into_iter().next() else { return Ok(None) };
        let kept: Mutation = model::from_row(shape, &row)?;
        if kept.request != self.request {
            return Err(Error::new(
                Code::Conflict,
                "this idempotency key came before, with another request; use a new key for a new request",
            ));
        }
        Ok(Some(Reply {
            body: kept.body.into_bytes(),
            created: kept.created,
            version: kept.document_version,
            replayed: true,
            next_cursor: None,
        }))
    }

    /// Keeps the answer.
    pub(super) async fn keep(&self, engine: &Engine, tx: &mut dyn Tx, reply: &Reply) -> Result<()> {
        let shape = Mutation::descriptor().shape();
        let kept = Mutation {
            key: self.key.clone(),
            request: self.request.clone(),
            body: String::from_utf8_lossy(&reply.body).into_owned(),
            created: reply.created,
            document_version: reply.version,
        };
        let mut row: Row = model::to_row(&kept, shape)?;
        // Expired entries may still be there.
        let expired =
            tx.read(&Select::filtered(shape, Filter::id(self.key.as_str())), Rows::of(shape)).await?;
        for old in store::sink::<Rows>(expired).rows {
            tx.delete(shape, &old).await?;
        }
        let now = engine.clock().now();
        row[Shape::ID] = Value::Text(self.key.clone());
        row[Shape::VERSION] = Value::Integer(1);
        row[Shape::CREATED_AT] = Value::Integer(now);
        row[Shape::UPDATED_AT] = Value::Integer(now);
        if let (Some(index), Some(ttl)) = (shape.expires_at, shape.descriptor.ttl) {
            let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
            row[index] = Value::Integer(now.saturating_add(ttl));
        }
        tx.insert(shape, &row).await
    }
}

/// The digest of a request, in the making.
#[derive(Default)]
struct Request(Sha256);

impl Request {
    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn once(self, cx: &Cx, id: &str) -> Once {
        let request = self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        // The length tells where the one ends and the other begins.
        let actor = cx.identity().actor().unwrap_or_default();
        Once { key: format!("{}:{actor}:{id}", actor.len()), request }
    }
}

/// Carries out a write, unless it was carried out before.
pub(super) async fn run(cx: &Cx, call: Call) -> Result<Reply> {
    let Some(once) = Once::of(cx, &call) else {
        return Err(Error::new(Code::InvalidRequest, "the call has no idempotency key"));
    };
    let (shape, operation) = (call.shape, call.operation);
    // A payload that is not valid is refused before the writer is bothered, as without a key.
    let draft = prepare(cx, call)?;
    if cx.is_hooked(shape, &draft) || cx.engine().is_heard() {
        return hooked(cx, once, shape, operation, draft).await;
    }
    let write = draft.into_write(shape)?;
    let engine = cx.engine().clone();
    let work = Work {
        single: false,
        actor: cx.actor(),
        steps: Box::new(move |tx| {
            Box::pin(async move {
                if let Some(reply) = once.find(&engine, tx).await? {
                    return Ok(Box::new(reply) as Answer);
                }
                let written = Steps { engine: &engine, shape, tx: &mut *tx }.run(write).await?;
                let reply = render(shape, operation, &written);
                once.keep(&engine, tx, &reply).await?;
                Ok(Box::new(reply) as Answer)
            })
        }),
    };
    Ok(reply(cx.write(work).await?))
}

/// The same with hooks, which do not run a second time either.
async fn hooked(
    cx: &Cx,
    once: Once,
    shape: &'static Shape,
    operation: Operation,
    draft: Draft,
) -> Result<Reply> {
    let body = async move |tx: Cx| {
        if let Some(reply) = batch::before(&tx, once.clone()).await? {
            return Ok(reply);
        }
        let reply = render(shape, operation, &tx.carry_out(shape, draft).await?);
        batch::keep(&tx, once, reply.clone()).await?;
        Ok(reply)
    };
    cx.transaction(body).await
}

/// The answer of a work that answers a [`Reply`].
pub(super) fn reply(answer: Answer) -> Reply {
    match answer.downcast::<Reply>() {
        Ok(reply) => *reply,
        Err(_) => unreachable!("this work answers a reply"),
    }
}
