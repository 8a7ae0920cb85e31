//! What is asked and answered over HTTP, and what is said on the WebSocket.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::doors::ws::frame;
use crate::doors::ws::framed::Envelope;
use crate::live::NamedQuery;
use crate::model::{Code, Error};

/// What a client subscribes with.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RealtimeSubscriptionRequest {
    /// Which query: `scope/model/query`, where the last part is a query by name or a reading operation (`list`, `find`, `count`, ..).
    pub query_name: String,
    /// Its arguments; none are an empty object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map<String, Json>>,
    /// Who asks, as `Authorization: Bearer` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<String>,
}

impl RealtimeSubscriptionRequest {
    /// By nobody in particular, without arguments.
    pub fn new(query_name: impl Into<String>) -> Self {
        RealtimeSubscriptionRequest { query_name: query_name.into(), args: None, auth_token: None }
    }
}

impl fmt::Debug for RealtimeSubscriptionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tokens are nobody's business.
        f.debug_struct("RealtimeSubscriptionRequest")
            .field("query_name", &self.query_name)
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

/// What a subscription is taken up with.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RealtimeSubscriptionResponse {
    /// Good for one WebSocket of the same caller.
    pub token: String,
    /// The query with its arguments, in one form for all who ask the same.
    pub signature: String,
    /// For how long the token is good, in milliseconds.
    pub expires_in_ms: u64,
    /// Where to go.
    pub websocket: RealtimeSubscriptionWebSocket,
}

impl fmt::Debug for RealtimeSubscriptionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealtimeSubscriptionResponse")
            .field("signature", &self.signature)
            .finish_non_exhaustive()
    }
}

/// The WebSocket that a subscription is taken up with.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RealtimeSubscriptionWebSocket {
    /// Its address, without parameters.
    pub url: String,
    /// What the protocol is called.
    pub protocol: String,
    /// To be given to a client as the protocols to offer: the token goes with them, and need not be in a URL, which logs show.
    pub protocols: Vec<String>,
    /// The names of the URL's parameters, for clients that can't offer protocols.
    pub params: RealtimeSubscriptionParams,
}

impl fmt::Debug for RealtimeSubscriptionWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealtimeSubscriptionWebSocket").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The names of the parameters of a WebSocket's URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RealtimeSubscriptionParams {
    /// That of the token.
    pub token_param: String,
    /// That of the caller's own token.
    pub auth_token_param: String,
}

/// The names of messages.
pub(super) const UPDATE: &str = "query:update";
pub(super) const FAILURE: &str = "query:error";
pub(super) const PING: &str = "ping";
pub(super) const PONG: &str = "pong";
pub(super) const ERROR: &str = "error";
pub(super) const SHUTDOWN: &str = "shutdown";

/// What is around an answer.
pub(super) fn update(query: &NamedQuery) -> Envelope {
    let head = head(UPDATE, query);
    Envelope::new(format!("{head},\"data\":"), "}}")
}

/// That the query has no answer now.
pub(super) fn failure(query: &NamedQuery, error: &Error) -> Bytes {
    let (head, error) = (head(FAILURE, query), fault(error).to_string());
    frame::text(&[head.as_bytes(), b",\"error\":", error.as_bytes(), b"}}"])
}

fn head(event: &str, query: &NamedQuery) -> String {
    let (name, signature) = (Json::from(query.name()), Json::from(query.signature()));
    format!("{{\"event\":\"{event}\",\"payload\":{{\"queryName\":{name},\"signature\":{signature}")
}

/// The answer to a `ping`.
pub(super) fn pong() -> Bytes {
    frame::text(&[json!({ "event": PONG }).to_string().as_bytes()])
}

/// What is wrong with what the client said.
pub(super) fn error(error: &Error) -> Bytes {
    frame::text(&[json!({ "event": ERROR, "payload": fault(error) }).to_string().as_bytes()])
}

/// The server is about to stop.
pub(super) fn shutdown(grace: Duration) -> Bytes {
    let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    let said = json!({ "event": SHUTDOWN, "payload": { "gracePeriodMs": grace } });
    frame::text(&[said.to_string().as_bytes()])
}

fn fault(error: &Error) -> Json {
    if error.is(Code::InternalError) {
        tracing::error!(%error, "a query of a subscription failed");
        let public = Error::new(Code::InternalError, "the server failed; its log says why");
        return public.to_json();
    }
    error.to_json()
}

/// Whether a message asks for a `pong`: `ping`, as it is or as JSON, or an object whose `event` or `type` it is.
pub(super) fn is_ping(text: &str) -> bool {
    let text = text.trim();
    if text == PING {
        return true;
    }
    match serde_json::from_str(text) {
        Ok(Json::String(text)) => text == PING,
        Ok(Json::Object(message)) => {
            ["event", "type"].iter().any(|name| message.get(*name).and_then(Json::as_str) == Some(PING))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_has_several_forms() {
        // LIV-12
        for ping in ["ping", " ping\n", "\"ping\"", r#"{"event":"ping"}"#, r#"{"type":"ping","timestamp":1}"#]
        {
            assert!(is_ping(ping), "{ping}");
        }
        for other in ["", "Ping", "pong", "[\"ping\"]", "{}", r#"{"event":"pong"}"#, "{\"event\":1}", "{"] {
            assert!(!is_ping(other), "{other}");
        }
    }

    #[test]
    fn tokens_are_not_printed() {
        // LIV-04
        let request = RealtimeSubscriptionRequest {
            auth_token: Some("s3cret".into()),
            ..RealtimeSubscriptionRequest::new("app/notes/list")
        };
        let response: RealtimeSubscriptionResponse = serde_json::from_value(json!({
            "token": "s3cret", "signature": "app/notes/list::{}", "expiresInMs": 1, "websocket": {
                "url": "ws://x", "protocol": "p", "protocols": ["p", "s3cret"],
                "params": { "tokenParam": "token", "authTokenParam": "authToken" },
            },
        }))
        .unwrap();
        assert!(!format!("{request:?}{response:?}{:?}", response.websocket).contains("s3cret"));
    }
}
