//! What clients ask for, by name: the same through every door.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::{
    ChangesRequest, ChannelEvent, ChannelEventKind, ChannelOptions, ChannelSink, Channels, Since, Tracked,
    acknowledgement,
};
use crate::engine::Cx;
use crate::model::{self, Code, Error, Result};

/// What clients can ask for. Doors may put something before these names.
pub const CHANNEL_OPERATIONS: [&str; 10] = [
    "subscribe",
    "unsubscribe",
    "publish",
    "replay",
    "track",
    "untrack",
    "heartbeat",
    "presence_state",
    "postgres_changes:subscribe",
    "postgres_changes:unsubscribe",
];

/// All that any of them takes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Arguments<'a> {
    channel: Option<String>,
    config: Json,
    event: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
    since: Json,
    limit: Option<u64>,
    schema: Option<String>,
    table: Option<String>,
    filter: Option<String>,
    subscription_id: Option<String>,
}

impl Arguments<'_> {
    fn channel(&self) -> Result<&str> {
        self.channel.as_deref().ok_or_else(|| missing("channel"))
    }
}

fn missing(name: &str) -> Error {
    Error::new(Code::InvalidRequest, format!("`{name}` is missing")).with_field(name)
}

/// No bytes are `null`.
fn text(json: Option<&RawValue>) -> &[u8] {
    json.map_or(&[], |json| json.get().as_bytes())
}

impl Channels {
    /// Does what a client asks for, with the arguments as JSON text; `resumes` is the connection that this one continues, if the door knows.
    ///
    /// | operation | takes | answers |
    /// |---|---|---|
    /// | `subscribe` | `channel`, `config` as [`ChannelOptions::parse`] has it | `{channel, private, heartbeat_ms, position?, replayed?}` |
    /// | `unsubscribe` | `channel` | `{unsubscribed}` |
    /// | `publish` | `channel`, `event`, `payload` | the [acknowledgement], also of a failure |
    /// | `replay` | `channel`, `since`, `limit` | `{count, complete, more, position?}` |
    /// | `track` | `channel`, `state` | `{status: "ok", tracked: "joined" \| "updated"}` |
    /// | `untrack` | `channel` | `{untracked}` |
    /// | `heartbeat` | nothing | `{present}`: in how many channels |
    /// | `presence_state` | `channel` | `{state}` |
    /// | `postgres_changes:subscribe` | `channel`, `event`, `schema`, `table`, `filter` | `{subscription_id}` |
    /// | `postgres_changes:unsubscribe` | `subscription_id` | `{unsubscribed: true}` |
    ///
    /// # Errors
    /// `METHOD_NOT_FOUND` if there is no such operation; `PARSE_ERROR` and `INVALID_REQUEST` if the arguments are not its own; else
    /// those of what is asked for.
    pub async fn perform(
        &self,
        cx: &Cx,
        connection: &str,
        operation: &str,
        arguments: &[u8],
        resumes: Option<&str>,
        sink: Arc<dyn ChannelSink>,
    ) -> Result<Json> {
        if !CHANNEL_OPERATIONS.contains(&operation) {
            return Err(Error::new(Code::MethodNotFound, "channels have no such operation"));
        }
        let given = if arguments.is_empty() { "{}" } else { model::check_json(arguments)? };
        let given: Arguments<'_> = serde_json::from_str(given).map_err(|_| {
            let message = format!("these are not the arguments of `{operation}`");
            Error::new(Code::InvalidRequest, message)
        })?;
        let answer = match operation {
            "subscribe" => {
                let mut options = ChannelOptions::parse(&given.config)?;
                options.resumes = resumes.map(str::to_owned);
                self.join(cx, connection, given.channel()?, options, sink).await?.to_json()
            }
            "unsubscribe" => json!({ "unsubscribed": self.leave(connection, given.channel()?) }),
            "publish" => acknowledgement(&self.publish(cx, connection, &given).await),
            "replay" => {
                let since = Since::of_json(&given.since)?;
                let limit = given.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
                self.replay(cx, connection, given.channel()?, since, limit).await?.to_json()
            }
            "track" => {
                let tracked = self.track(cx, connection, given.channel()?, text(given.state)).await?;
                let tracked = if tracked == Tracked::Joined { "joined" } else { "updated" };
                json!({ "status": "ok", "tracked": tracked })
            }
            "untrack" => json!({ "untracked": self.untrack(connection, given.channel()?)? }),
            "heartbeat" => json!({ "present": self.heartbeat(connection) }),
            "presence_state" => {
                let state = self.presence_state(connection, given.channel()?)?;
                json!({ "state": serde_json::from_str::<Json>(&state).unwrap_or_default() })
            }
            "postgres_changes:unsubscribe" => {
                let id = given.subscription_id.as_deref().ok_or_else(|| missing("subscription_id"))?;
                self.unbind(connection, id).map(|()| json!({ "unsubscribed": true }))?
            }
            _ => {
                let id = self.bind(cx, connection, given.channel()?, &request(&given)?).await?;
                json!({ "subscription_id": &*id })
            }
        };
        Ok(answer)
    }

    async fn publish(&self, cx: &Cx, connection: &str, given: &Arguments<'_>) -> Result<super::Acknowledged> {
        let event = given.event.as_deref().ok_or_else(|| missing("event"))?;
        self.broadcast(cx, connection, given.channel()?, event, text(given.payload)).await
    }
}

fn request(given: &Arguments<'_>) -> Result<ChangesRequest> {
    ChangesRequest::parse(&json!({
        "event": given.event.as_deref().unwrap_or("*"),
        "schema": given.schema,
        "table": given.table.as_deref().ok_or_else(|| missing("table"))?,
        "filter": given.filter,
    }))
}

impl ChannelEvent {
    /// The event as clients are sent it: its [JSON](Self::json), and where that does not say so, of which channel and binding it is:
    /// `{type: "postgres_changes", channel, subscription_id, payload}`.
    pub fn message(&self) -> String {
        if self.kind() != ChannelEventKind::Changes {
            return self.json().to_owned();
        }
        let (channel, id) = (Json::from(self.topic().name()), Json::from(self.subscription_id()));
        let payload = self.json();
        format!(
            r#"{{"type":"postgres_changes","channel":{channel},"subscription_id":{id},"payload":{payload}}}"#
        )
    }
}
