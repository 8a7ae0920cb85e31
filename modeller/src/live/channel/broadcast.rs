//! What clients say to each other: heard by those who are there, and kept by nobody.

use std::sync::atomic::Ordering;

use serde_json::{Value as Json, json};

use super::event::Message;
use super::topic::check_name;
use super::{ChannelAction, ChannelSettings, Channels, not_joined};
use crate::engine::Cx;
use crate::model::{self, Code, Error, Result};

/// A broadcast was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its id, as all who hear it are told.
    pub message_id: String,
}

/// The answer to a broadcast: `{status: "ok", message_id}`, or `{status: "error", error: {code, message}}`.
pub fn acknowledgement(result: &Result<Acknowledged>) -> Json {
    match result {
        Ok(Acknowledged { message_id }) => json!({ "status": "ok", "message_id": message_id }),
        Err(error) if error.is(Code::InternalError) => {
            tracing::error!(%error, "a broadcast failed");
            let message = "something went wrong on our side";
            json!({ "status": "error", "error": { "code": error.code(), "message": message } })
        }
        Err(error) => {
            json!({ "status": "error", "error": { "code": error.code(), "message": error.message() } })
        }
    }
}

impl Channels {
    /// Tells all in a channel what a connection says; itself too, unless it joined with `self: false`. The payload is JSON text.
    ///
    /// # Errors
    /// `NOT_FOUND` if the connection has not joined; `FORBIDDEN` if it may not; `PAYLOAD_TOO_LARGE`, `PARSE_ERROR` and
    /// `INVALID_REQUEST` if payload or name can't be told.
    pub async fn broadcast(
        &self,
        cx: &Cx,
        connection: &str,
        topic: &str,
        event: &str,
        payload: &[u8],
    ) -> Result<Acknowledged> {
        let place = self.place(connection, topic)?;
        let sender = cx.identity().actor().unwrap_or(connection);
        let message = self.message(event, payload, Some(sender))?;
        self.permit(cx, &place.room.topic, ChannelAction::Publish).await?;
        if !place.room.publish(&message.event(&place.room.topic, None), Some(place.member)) {
            return Err(not_joined());
        }
        self.counters.broadcasts.fetch_add(1, Ordering::Relaxed);
        Ok(Acknowledged { message_id: message.id })
    }

    /// A message that is small enough, and that all can read.
    pub(super) fn message(&self, event: &str, payload: &[u8], sender: Option<&str>) -> Result<Message> {
        let settings = self.settings();
        check_name("event", event, settings.max_name)?;
        let payload = checked(payload, "payload", settings.max_payload)?;
        Ok(Message {
            id: model::new_id(),
            event: event.to_owned(),
            payload,
            sender: sender.map(str::to_owned),
            at: self.clock.now(),
        })
    }

    /// The state of somebody who is present.
    pub(super) fn state(&self, settings: &ChannelSettings, state: &[u8]) -> Result<String> {
        checked(state, "state", settings.max_state)
    }
}

/// JSON that may be told to everybody as it is; no bytes at all are `null`.
fn checked(json: &[u8], what: &str, most: usize) -> Result<String> {
    if json.is_empty() {
        return Ok("null".to_owned());
    }
    if json.len() > most {
        let message = format!("a {what} has {most} bytes at most");
        return Err(Error::new(Code::PayloadTooLarge, message).with_field(what));
    }
    Ok(model::check_json(json)?.trim().to_owned())
}
