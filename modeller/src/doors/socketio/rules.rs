//! Rules: facts and events by the names that they have at every door, and the events of a pattern as they happen.

use std::sync::Arc;

use socketioxide::socket::Socket;

use super::answer;
use super::call::{Members, parse_text};
use super::connection::Connection;
use super::events::{Done, unknown};
use super::live::{self, Stream};
use crate::live::{Rules, Watching};
use crate::model::{Code, Result};

/// What is before the names of the operations.
pub(super) const PREFIX: &str = "rules.";

/// `rules.subscribe {pattern}`, `rules.unsubscribe {id}`, and every operation of [`Rules`] by its name.
pub(super) async fn perform(
    connection: &Arc<Connection>,
    socket: &Arc<Socket>,
    event: &str,
    argument: &str,
) -> Result<Done> {
    // Whatever else is wrong with it.
    let rules = connection.cx.rules()?;
    match event.strip_prefix(PREFIX).unwrap_or_default() {
        "subscribe" => subscribe(connection, socket, &rules, argument),
        "unsubscribe" => {
            let mut members = Members::of(argument)?;
            let id = members.needed("id")?;
            members.end("`id`")?;
            let had = connection.give_up(&id);
            answer::data(had.to_string().as_bytes()).map(Done::from)
        }
        operation => {
            let performed = rules.perform(&connection.cx, operation, parse_text(argument)?).await;
            let answer = performed.map_err(|error| match error.is(Code::MethodNotFound) {
                true => unknown(event),
                false => error,
            })?;
            answer::data(answer.to_string().as_bytes()).map(Done::from)
        }
    }
}

/// `{id}`; from then on the client is told.
fn subscribe(
    connection: &Arc<Connection>,
    socket: &Arc<Socket>,
    rules: &Rules,
    argument: &str,
) -> Result<Done> {
    let mut members = Members::of(argument)?;
    let pattern = members.needed("pattern")?;
    members.end("`pattern`")?;
    let place = connection.outbox().connection().subscribe(Watching::Rules)?;
    let stream = rules.subscribe(&pattern)?;
    let id = format!("rule-{}", stream.id());
    Ok(live::begin(connection, socket, id, "}", Stream::Events(stream), place))
}
