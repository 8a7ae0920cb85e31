//! The events that clients may send, by their names: the one place that says which there are.

use std::sync::Arc;

use socketioxide::socket::Socket;
use tokio::sync::oneshot;

use super::connection::Connection;
use super::message::Message;
use super::{call, channels, live, room, rules};
use crate::live::CHANNEL_OPERATIONS;
use crate::model::{Code, Error, Result, nearest, shown};

/// All of them.
pub(super) const EVENTS: &[&str] = &[
    "call",
    "transaction",
    "procedure",
    "live",
    "subscribe",
    "unsubscribe",
    "dispatch",
    "realtime:subscribe",
    "realtime:unsubscribe",
    "realtime:publish",
    "realtime:replay",
    "realtime:track",
    "realtime:untrack",
    "realtime:heartbeat",
    "realtime:presence_state",
    "realtime:postgres_changes:subscribe",
    "realtime:postgres_changes:unsubscribe",
    "rules.emit",
    "rules.setFact",
    "rules.getFact",
    "rules.deleteFact",
    "rules.queryFacts",
    "rules.getAllFacts",
    "rules.stats",
    "rules.subscribe",
    "rules.unsubscribe",
];

/// What an event has come to.
pub(super) struct Done {
    /// The JSON of its acknowledgement.
    pub(super) text: String,
    /// What may begin once that is on its way.
    pub(super) go: Option<oneshot::Sender<()>>,
}

impl From<String> for Done {
    fn from(text: String) -> Self {
        Done { text, go: None }
    }
}

/// Carries out an event; `wanted` says whether anybody wants to know what comes of it.
pub(super) async fn carry_out(
    connection: &Arc<Connection>,
    socket: &Arc<Socket>,
    message: &Message,
    wanted: bool,
) -> Result<Done> {
    let Message { event, argument } = message;
    if let Some(operation) = event.strip_prefix(channels::PREFIX)
        && CHANNEL_OPERATIONS.contains(&operation)
    {
        let outcome = channels::perform(connection, socket, operation, argument).await;
        return match wanted {
            true => outcome.map(Done::from),
            false => {
                if let Some(complaint) = channels::complaint(event, argument, outcome) {
                    channels::complain(connection, socket, &complaint).await;
                }
                Ok(Done::from("null".to_owned()))
            }
        };
    }
    if event.starts_with(rules::PREFIX) {
        return rules::perform(connection, socket, event, argument).await;
    }
    let text = match event.as_str() {
        "call" => call::operation(connection, argument).await,
        "transaction" => call::transaction(connection, argument).await,
        "procedure" => call::procedure(connection, argument).await,
        "live" => return live::live(connection, socket, argument).await,
        "subscribe" => room::subscribe(connection, socket, argument),
        "unsubscribe" => room::unsubscribe(connection, argument),
        "dispatch" => room::dispatch(connection, argument).await,
        other => Err(unknown(other)),
    };
    text.map(Done::from)
}

pub(super) fn unknown(event: &str) -> Error {
    let near = nearest(event, EVENTS.iter().copied());
    let hint = near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let shown = shown(event, 60);
    Error::new(Code::EventNotFound, format!("there is no event `{shown}`{hint}"))
        .with_details(serde_json::json!({ "id": shown, "events": EVENTS }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_channels_is_an_event() {
        // CHA-06
        let mut events = EVENTS.iter().filter_map(|event| event.strip_prefix(channels::PREFIX));
        assert!(events.by_ref().eq(CHANNEL_OPERATIONS));
    }
}
