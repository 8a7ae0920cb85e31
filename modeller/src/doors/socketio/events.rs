//! The events that clients may send, by their names: the one place that says which there are.

use std::sync::Arc;

use socketioxide::socket::Socket;
use tokio::sync::oneshot;

use super::connection::Connection;
use super::message::Message;
use super::{call, live, room};
use crate::model::{Code, Error, Result, nearest};

/// All of them.
const EVENTS: &[&str] = &["call", "transaction", "procedure", "live", "subscribe", "unsubscribe", "dispatch"];

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

/// Carries out an event.
pub(super) async fn carry_out(
    connection: &Arc<Connection>,
    socket: &Arc<Socket>,
    message: &Message,
) -> Result<Done> {
    let Message { event, argument } = message;
    let text = match event.as_str() {
        "call" => call::operation(connection, argument).await,
        "transaction" => call::transaction(connection, argument).await,
        "procedure" => call::procedure(connection, argument).await,
        "live" => return live::live(connection, socket, argument).await,
        "subscribe" => room::subscribe(connection, socket, argument),
        "unsubscribe" => room::unsubscribe(connection, socket, argument),
        "dispatch" => room::dispatch(connection, argument).await,
        other => Err(unknown(other)),
    };
    text.map(Done::from)
}

fn unknown(event: &str) -> Error {
    let near = nearest(event, EVENTS.iter().copied());
    let hint = near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let shown = shown(event);
    Error::new(Code::EventNotFound, format!("there is no event `{shown}`{hint}"))
        .with_details(serde_json::json!({ "id": shown, "events": EVENTS }))
}

/// What a client wrote, short enough to be repeated.
pub(super) fn shown(written: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = written.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if written.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}
