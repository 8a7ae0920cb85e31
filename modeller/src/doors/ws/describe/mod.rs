//! What this door says of itself: every operation that it reads, and all that it tells.

mod models;
mod others;
mod pushes;

use serde_json::{Value as Json, json};

pub(super) use others::{
    buckets, call, hear, log_in, log_out, stats, subscribe, transaction, unsubscribe, who_am_i,
};

use super::operation::{CHANNEL, ON_MODELS, OTHERS, RULES};
use super::{PATH, VERSION, codes};
use crate::doors::protocol::{Channel, Exchange, Message, Protocol, Server};
use crate::doors::schemas::catalog::Catalog;
use crate::doors::schemas::{channels, object, rules};
use crate::live::{CHANNEL_OPERATIONS, RULE_OPERATIONS};

/// Adds what there is to say of the operation of this name.
pub(super) type Describe = fn(&'static str, &mut Words<'_, '_>);

/// What is said of the door, as far as it has come.
pub(super) struct Words<'a, 'b> {
    catalog: &'a mut Catalog<'b>,
    exchanges: Vec<Exchange>,
    /// The `id` of a request.
    id: Json,
    error: Message,
    /// What goes wrong beside requests.
    fault: Json,
}

/// The door, of an application with these models, and with rules or without.
pub(crate) fn protocol(catalog: &mut Catalog<'_>, has_rules: bool) -> Protocol {
    let id = catalog.share(
        "RequestId",
        json!({ "type": ["string", "number"], "description": "The client's own; it is sent back. 256 bytes at most." }),
    );
    let fault = catalog.share("Fault", object(fault(), &["code", "message"]));
    let mut words = Words { catalog, exchanges: Vec::new(), id, error: error(), fault };
    models::describe(ON_MODELS, &mut words);
    for other in OTHERS.iter().filter(|other| has_rules || !other.name.starts_with(RULES)) {
        (other.describe)(other.name, &mut words);
    }
    for operation in CHANNEL_OPERATIONS {
        let mut asked = channels::asked(operation, words.catalog);
        if let (Some(asked), "subscribe") = (&mut asked, operation) {
            let name = "The `connection` of an earlier answer: this client goes on as that one.";
            asked.takes.push(("resumes", json!({ "type": "string", "description": name })));
            for (name, description) in [
                ("id", "What this client is called in its channels."),
                ("connection", "By this, and by nothing else, the client comes back."),
            ] {
                asked.answer["properties"][name] = json!({ "type": "string", "description": description });
            }
        }
        words.asked(&format!("{CHANNEL}{operation}"), asked);
    }
    for operation in RULE_OPERATIONS.into_iter().filter(|_| has_rules) {
        words.asked(&format!("{RULES}{operation}"), rules::asked(operation));
    }
    let said = pushes::all(&words, has_rules);
    let pong = object([("type", json!({ "const": "pong" })), ("timestamp", instant())], &["type"]);
    let pong = Message::new("pong", "pong", "One is still there: the answer to `ping`", pong);
    words.exchanges.push(pong.answered(Vec::new()));
    Protocol {
        key: "websocket",
        server: Server {
            title: "WebSocket",
            description: format!("Version {VERSION} of the protocol: a JSON object in a text frame for each message."),
            protocol: "ws",
            version: Some("13"),
            path: None,
        },
        channels: vec![Channel {
            key: "websocket".into(),
            address: PATH.into(),
            title: "WebSocket".into(),
            description: "Requests of a client are carried out side by side, and answered as they are done, under their `id`.".into(),
            heard: words.exchanges,
            said,
            bindings: Some(json!({ "ws": { "method": "GET", "bindingVersion": "0.1.0" } })),
            operation_bindings: None,
        }],
    }
}

/// Unix milliseconds.
fn instant() -> Json {
    json!({ "type": "integer", "description": "Unix milliseconds." })
}

/// Why a request has no answer.
fn error() -> Message {
    let mut members = vec![
        ("id", json!({ "type": ["string", "number", "null"], "description": "`null` if it can't be read." })),
        ("type", json!({ "const": "error" })),
    ];
    members.extend(fault());
    Message::new(
        "error",
        "error",
        "Why a request has no answer",
        object(members, &["id", "type", "code", "message"]),
    )
}

fn fault() -> Vec<(&'static str, Json)> {
    let own = json!({ "type": "string", "pattern": "^[A-Z][A-Z0-9_]*$", "description": "One of the application's own." });
    vec![
        ("code", json!({ "anyOf": [{ "enum": codes::ALL }, own], "description": "Branch on this." })),
        ("message", json!({ "type": "string", "description": "For people." })),
        (
            "details",
            json!({ "description": "More, for machines: the `field` at fault, `errors` of a document, `code` of HTTP." }),
        ),
    ]
}

impl Words<'_, '_> {
    /// A request: its `id`, its `type` and these members.
    fn request(&self, name: &str, members: Vec<(&str, Json)>, required: &[&str]) -> Json {
        let needed: Vec<&str> = ["id", "type"].into_iter().chain(required.iter().copied()).collect();
        object(self.envelope(name).into_iter().chain(members), &needed)
    }

    fn envelope(&self, name: &str) -> Vec<(&'static str, Json)> {
        vec![("id", self.id.clone()), ("type", json!({ "const": name }))]
    }

    /// An answer with this `data`.
    fn result(&self, key: &str, summary: &str, data: Json) -> Message {
        let members = [("id", self.id.clone()), ("type", json!({ "const": "result" })), ("data", data)];
        let payload = object(members, &["id", "type", "data"]);
        Message::new(&format!("result.{key}"), "result", summary, payload)
    }

    /// Adds a request that is answered with a result or an error.
    fn add(&mut self, message: Message, answer: &str, data: Json) {
        let result = self.result(&message.key, answer, data);
        let answers = vec![result, self.error.clone()];
        self.exchanges.push(message.answered(answers));
    }

    /// Adds what is known of an operation that another part of the application carries out.
    fn asked(&mut self, name: &str, asked: Option<channels::Asked>) {
        let Some(asked) = asked else {
            let payload = json!({
                "type": "object",
                "properties": { "id": self.id, "type": { "const": name } },
                "required": ["id", "type"],
            });
            return self.add(Message::new(name, name, name, payload), "The answer.", Json::Bool(true));
        };
        let payload = asked.payload(self.envelope(name));
        self.add(Message::new(name, name, asked.summary, payload), "The answer.", asked.answer);
    }

    /// An operation and its model, as a key.
    fn key(name: &str, model: &str) -> String {
        format!("{name}.{model}")
    }
}

#[cfg(test)]
mod tests;
