//! Carries out what a client asks, and words the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use serde_json::value::RawValue;

use super::messages;
use super::operation::{self, Answer, Task};
use super::request::Request;
use crate::engine::{Call, Identity, Operation, Reply, caught, in_time};
use crate::live::{Connection, Live};
use crate::model::{Code, Error, Result};

/// The answer to a request, whatever becomes of it.
pub(super) async fn answer(live: Arc<Live>, connection: Arc<Connection>, request: Request) -> Bytes {
    let id = request.id.clone();
    let limit = live.connections().options().request_timeout;
    let work = in_time(limit, caught(carry_out(&live, &connection, request)));
    match work.await {
        Some(Ok(Ok(data))) => messages::result(&id, &data),
        Some(Ok(Err(error))) => {
            if error.is(Code::InternalError) {
                tracing::error!(%error, "a request failed");
            }
            messages::error(&id, &error)
        }
        Some(Err(panic)) => {
            tracing::error!(%panic, "a request panicked");
            messages::error(&id, &Error::new(Code::InternalError, "a handler broke"))
        }
        None => {
            let message = "the request took too long; a write may still take effect, so repeat it with its `mutationId`";
            messages::error(&id, &Error::new(Code::Overloaded, message))
        }
    }
}

async fn carry_out(live: &Live, connection: &Connection, request: Request) -> Result<Vec<u8>> {
    // In this order: who asks, how often, and then what.
    let identity = connection.identity();
    connection.admit()?;
    let engine = live.engine();
    match operation::read(engine.registry(), request)? {
        Task::Call(mut call, answer) => {
            call.identity = identity;
            let reply = Box::pin(engine.perform(*call)).await?;
            part(reply, answer)
        }
        Task::Transact(mut several) => {
            several.identity = identity;
            Ok(Box::pin(engine.transact(several)).await?.body)
        }
        Task::Buckets => {
            let names: Vec<&str> =
                engine.registry().models().iter().map(|shape| shape.path.as_str()).collect();
            Ok(json!(names).to_string().into_bytes())
        }
        Task::Stats => Box::pin(stats(live, &identity)).await,
        Task::WhoAmI => {
            let user = identity.actor();
            Ok(json!({ "authenticated": user.is_some(), "userId": user }).to_string().into_bytes())
        }
        Task::LogOut => {
            connection.set_identity(Identity::Anonymous);
            Ok(json!({ "loggedOut": true }).to_string().into_bytes())
        }
    }
}

/// What of a reply is the answer.
fn part(reply: Reply, answer: Answer) -> Result<Vec<u8>> {
    match answer {
        Answer::Whole => Ok(reply.body),
        // What was deleted is not sent again: whether there was anything is.
        Answer::Deleted => {
            let nothing = matches!(reply.body.as_slice(), b"[]" | b"null");
            Ok(json!({ "deleted": !nothing }).to_string().into_bytes())
        }
        Answer::Figure => {
            let figures: BTreeMap<String, Box<RawValue>> =
                serde_json::from_slice(&reply.body).map_err(|error| {
                    Error::new(Code::InternalError, format!("figures are no object: {error}"))
                })?;
            let figure = figures.into_values().next();
            Ok(figure.map_or_else(|| b"null".to_vec(), |figure| figure.get().as_bytes().to_vec()))
        }
    }
}

/// How many documents there are, as far as the caller may know.
async fn stats(live: &Live, identity: &Identity) -> Result<Vec<u8>> {
    let (engine, mut total, mut counts) = (live.engine(), 0, serde_json::Map::new());
    for &shape in engine.registry().models() {
        let mut call = Call::new(Operation::Count, shape);
        call.identity = identity.clone();
        match engine.perform(call).await {
            Ok(reply) => {
                let count: u64 = serde_json::from_slice(&reply.body).unwrap_or_default();
                total += count;
                counts.insert(shape.path.clone(), count.into());
            }
            // Of what one may not read one learns no number.
            Err(error) if error.is(Code::Forbidden) || error.is(Code::Unauthorized) => {}
            Err(error) => return Err(error),
        }
    }
    let names: Vec<&String> = counts.keys().collect();
    let stats = json!({
        "name": engine.store().name(),
        "buckets": { "count": names.len(), "names": names },
        "records": { "total": total, "perBucket": counts },
    });
    Ok(stats.to_string().into_bytes())
}
