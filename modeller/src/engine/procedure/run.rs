//! A procedure under way: one step after the other, in one transaction.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::timeout;

use super::definition::{Definition, Step};
use super::input;
use super::values::{Filler, Place};
use crate::engine::idempotency::Once;
use crate::engine::invoke::from_json;
use crate::engine::{Cx, Reply, batch};
use crate::model::{Code, Error, Result, check_json};

impl Definition {
    /// Carries it out.
    ///
    /// # Errors
    /// As [`Procedures::call`](super::Procedures::call).
    pub(super) async fn answer(self, cx: &Cx, input: Json, once: Option<Once>) -> Result<Reply> {
        let input = input::accept(&self.inputs, input)?;
        let time = self.timeout;
        let body = async move |tx: Cx| {
            if let Some(once) = once.clone()
                && let Some(reply) = batch::before(&tx, once).await?
            {
                return Ok(reply);
            }
            let answer = self.run(&tx, Filler::new(input)).await?;
            let body = answer.to_string().into_bytes();
            // What was put into each other may be nested deeper than anybody reads.
            check_json(&body)?;
            let reply = Reply { body, ..Reply::default() };
            if let Some(once) = once {
                batch::keep(&tx, once, reply.clone()).await?;
            }
            Ok(reply)
        };
        // Within a transaction of the caller's, the time that is over is an error of that: what was done so far can't stay.
        match cx.in_transaction() {
            true => Box::pin(cx.transaction(async move |tx: Cx| within(time, body(tx)).await)).await,
            false => within(time, Box::pin(cx.transaction(body))).await,
        }
    }

    async fn run(&self, cx: &Cx, mut filler: Filler) -> Result<Json> {
        // Branches are entered by putting their steps on top.
        let mut under_way = vec![self.steps.iter()];
        while let Some(steps) = under_way.last_mut() {
            let Some(step) = steps.next() else {
                under_way.pop();
                continue;
            };
            match step {
                Step::Operation { at, members, keep } => {
                    let answer =
                        operate(cx, members, &mut filler).await.map_err(|error| at_step(at, error))?;
                    filler.count(answer.len()).map_err(|error| at_step(at, error))?;
                    if let Some(name) = keep {
                        filler.values.keep(name, from_json(&answer)?);
                    }
                }
                Step::If { condition, then, otherwise } => {
                    // What can't be said does not hold.
                    let branch = if condition.holds(&mut filler)? == Some(true) { then } else { otherwise };
                    under_way.push(branch.iter());
                }
                Step::Throw { code, message, status, details } => {
                    let error = Error::custom(code.clone(), *status, message.clone());
                    return Err(match details {
                        Some(details) => error.with_details(filler.fill(details, Place::Data)?),
                        None => error,
                    });
                }
                Step::Return(value) => return filler.fill(value, Place::Data),
            }
        }
        filler.fill(&self.output, Place::Data)
    }
}

async fn within(time: Duration, run: impl Future<Output = Result<Reply>>) -> Result<Reply> {
    timeout(time, run).await.unwrap_or_else(|_| {
        let message = format!("the procedure took longer than {} ms, and was undone", time.as_millis());
        Err(Error::new(Code::Timeout, message))
    })
}

/// Carries out an operation with its values.
async fn operate(cx: &Cx, members: &serde_json::Map<String, Json>, filler: &mut Filler) -> Result<Vec<u8>> {
    let mut filled = serde_json::Map::new();
    for (name, value) in members {
        let place = match (name.as_str(), members.get("op").and_then(Json::as_str)) {
            ("data", Some("insert")) => Place::Data,
            ("data", _) => Place::Patch,
            _ => Place::Query,
        };
        filled.insert(name.clone(), filler.fill(value, place)?);
    }
    let call = batch::one(cx.engine().registry(), &Json::Object(filled).to_string())?;
    Ok(batch::step(cx, call).await?.body)
}

/// The same error, saying which step it was.
fn at_step(at: &str, error: Error) -> Error {
    let details = match error.details() {
        Some(details) => json!({ "step": at, "details": details }),
        None => json!({ "step": at }),
    };
    error.with_details(details)
}
