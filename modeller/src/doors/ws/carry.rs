//! Carries out what a client asks, and words the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use serde_json::value::RawValue;

use super::messages;
use super::operation::{self, Answer, Task};
use super::request::Request;
use super::session::{Session, Told, Watch};
use crate::engine::{Call, Cx, Identity, Operation, Reply, caught, in_time};
use crate::live::{Held, Live, Rules, Watching};
use crate::model::{Code, Error, Result};

/// What came of a request.
struct Done {
    data: Vec<u8>,
    /// What begins once that is said.
    watch: Option<Watch>,
}

impl From<Vec<u8>> for Done {
    fn from(data: Vec<u8>) -> Self {
        Done { data, watch: None }
    }
}

/// Answers a request, whatever becomes of it, and says how many bytes the answer has.
pub(super) async fn answer(session: Arc<Session>, request: Request, held: Vec<Held>) -> usize {
    let id = request.id.clone();
    let limit = session.live.connections().options().request_timeout;
    let done = in_time(limit, caught(carry_out(&session, request))).await;
    // Who has its answer finds the memory free that the request took.
    drop(held);
    let (frame, watch) = match done {
        Some(Ok(Ok(done))) => (messages::result(&id, &done.data), done.watch),
        Some(Ok(Err(error))) => {
            if error.is(Code::InternalError) {
                tracing::error!(%error, "a request failed");
            }
            (messages::error(&id, &error), None)
        }
        Some(Err(panic)) => {
            tracing::error!(%panic, "a request panicked");
            (messages::error(&id, &Error::new(Code::InternalError, "a handler broke")), None)
        }
        None => {
            let message = "the request took too long; a write may still take effect, so repeat it with its `mutationId`";
            (messages::error(&id, &Error::new(Code::Overloaded, message)), None)
        }
    };
    let bytes = frame.len();
    session.wire.outbox().reply(frame);
    if let Some(watch) = watch {
        session.begin(watch);
    }
    bytes
}

async fn carry_out(session: &Session, request: Request) -> Result<Done> {
    let (live, connection) = (&session.live, &session.connection);
    // In this order: who asks, how often, and then what.
    let identity = connection.identity();
    connection.admit()?;
    let engine = live.engine();
    if request.kind.starts_with(operation::RULES) {
        // Whatever else is wrong with it.
        rules(live)?;
    }
    let data = match operation::read(engine.registry(), request)? {
        Task::Call(mut call, answer) => {
            call.identity = identity;
            let reply = Box::pin(engine.perform(*call)).await?;
            part(reply, answer)?
        }
        Task::Transact(mut several) => {
            several.identity = identity;
            Box::pin(engine.transact(several)).await?.body
        }
        Task::Subscribe { shape, operation, arguments, position } => {
            let place = connection.subscribe(Watching::Store)?;
            let cx = Cx::new(engine.clone(), identity);
            let stream = live.follow(&cx, shape, operation, arguments, position.as_deref());
            let stream = Box::pin(stream).await?;
            let first = stream.first().clone();
            let watch = session.watch(&cx, Told::Documents(stream), first, place)?;
            return Ok(Done { data: watch.answer(), watch: Some(watch) });
        }
        Task::Watch { shape, name, params } => {
            let place = connection.subscribe(Watching::Store)?;
            let cx = Cx::new(engine.clone(), identity);
            let mut answers = live.watch(&cx, shape, &name, &params)?;
            let first = answers.next().await?;
            let watch = session.watch(&cx, Told::Answers(answers), first, place)?;
            return Ok(Done { data: watch.answer(), watch: Some(watch) });
        }
        Task::Channel { operation, arguments, resumes } => {
            let cx = Cx::new(engine.clone(), identity);
            Box::pin(session.ears().perform(&cx, operation, &arguments, resumes.as_deref())).await?
        }
        Task::Hear(pattern) => {
            let events = rules(live)?.subscribe(&pattern)?;
            let place = connection.subscribe(Watching::Rules)?;
            let cx = Cx::new(engine.clone(), identity);
            let watch = session.watch(&cx, Told::Events(events), "null".to_owned().into(), place)?;
            let data = json!({ "subscriptionId": &*watch.id }).to_string().into_bytes();
            return Ok(Done { data, watch: Some(watch) });
        }
        Task::Rules { operation, arguments } => {
            let (rules, cx) = (rules(live)?, Cx::new(engine.clone(), identity));
            let performed = Box::pin(rules.perform(&cx, &operation, arguments)).await;
            performed.map_err(unknown)?.to_string().into_bytes()
        }
        Task::Unsubscribe(id) => {
            session.end(&id)?;
            json!({ "unsubscribed": true }).to_string().into_bytes()
        }
        Task::Buckets => {
            let models = engine.registry().models().iter();
            let names: Vec<&str> = models.map(|shape| shape.path.as_str()).collect();
            json!(names).to_string().into_bytes()
        }
        Task::Stats => Box::pin(stats(live, &identity)).await?,
        Task::WhoAmI => {
            let user = identity.actor();
            json!({ "authenticated": user.is_some(), "userId": user }).to_string().into_bytes()
        }
        Task::LogOut => {
            connection.set_identity(Identity::Anonymous);
            // What somebody else might see is nothing for who is there now.
            session.end_all();
            session.ears().reauthorize(&Cx::new(engine.clone(), Identity::Anonymous)).await;
            json!({ "loggedOut": true }).to_string().into_bytes()
        }
    };
    Ok(data.into())
}

/// What there is no operation for is called so here.
fn unknown(error: Error) -> Error {
    match error.is(Code::MethodNotFound) {
        true => Error::custom(super::codes::UNKNOWN_OPERATION, 404, error.message().to_owned()),
        false => error,
    }
}

/// The rules, if the application has some.
fn rules(live: &Live) -> Result<&Rules> {
    live.rules()
        .ok_or_else(|| Error::custom(super::codes::RULES_NOT_AVAILABLE, 404, "this application has no rules"))
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
