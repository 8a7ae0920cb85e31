//! What is said of all that clients are told: what they have subscribed to, and how the connection fares.

use serde_json::{Value as Json, json};

use super::super::operation::ON_MODELS;
use super::{Words, instant};
use crate::doors::protocol::Message;
use crate::doors::schemas::{channels, object, rules};
use crate::live::ChannelEventKind;
use crate::registry::BehaviourKind;

/// All of it.
pub(super) fn all(words: &Words<'_, '_>, has_rules: bool) -> Vec<Message> {
    let mut all = connection();
    for model in &words.catalog.models {
        let live = push("subscription", true, model.telling.next());
        let key = format!("push.subscription.{}", model.path());
        all.push(Message::new(&key, "push", "A live query has another answer", live).about(model.path()));
        for known in ON_MODELS.iter().filter(|known| known.can_be_live()) {
            let key = format!("{key}.{}", known.name);
            let told = push("subscription", true, words.catalog.figures.any(known.operation));
            all.push(Message::new(&key, "push", "Figures are other ones", told).about(model.path()));
        }
        for query in model.called(&[BehaviourKind::Query]) {
            let failed = object([("error", words.fault.clone())], &["error"]);
            let data = json!({ "anyOf": [query.reply, failed] });
            let key = format!("{key}.{}", query.behaviour.name);
            let message = Message::new(
                &key,
                "push",
                "A query by name has another answer",
                push("subscription", true, data),
            );
            all.push(message.about(model.path()));
        }
    }
    let ended =
        object([("ended", json!({ "const": true })), ("error", words.fault.clone())], &["ended", "error"]);
    let ended = push("subscription", true, ended);
    all.push(Message::new("push.subscription.ended", "push", "A live query is over", ended));
    for kind in ChannelEventKind::ALL {
        let (summary, told) = channels::told(kind, words.catalog);
        for (model, schema) in told {
            let of_model = model.map_or_else(String::new, |model| format!(".{model}"));
            let key = format!("push.channel.{}{of_model}", kind.name());
            let mut message = Message::new(&key, "push", summary, push("channel", false, schema));
            message.model = model.map(str::to_owned);
            all.push(message);
        }
    }
    let missed = push("channel", false, channels::missed());
    all.push(Message::new("push.channel.missed", "push", "Something was left out in a channel", missed));
    if has_rules {
        let event = push("event", true, rules::told());
        all.push(Message::new("push.event", "push", "An event, or how many were left out", event));
    }
    all
}

fn push(channel: &str, has_id: bool, data: Json) -> Json {
    let mut members = vec![("type", json!({ "const": "push" })), ("channel", json!({ "const": channel }))];
    if has_id {
        members.push(("subscriptionId", json!({ "type": "string" })));
    }
    members.push(("data", data));
    let required: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    object(members, &required)
}

fn connection() -> Vec<Message> {
    let welcome = object(
        [
            ("type", json!({ "const": "welcome" })),
            ("version", json!({ "const": super::VERSION })),
            ("serverTime", instant()),
            ("requiresAuth", json!({ "type": "boolean" })),
        ],
        &["type", "version", "serverTime", "requiresAuth"],
    );
    let ping =
        object([("type", json!({ "const": "ping" })), ("timestamp", instant())], &["type", "timestamp"]);
    let shutdown = object(
        [
            ("type", json!({ "const": "system" })),
            ("event", json!({ "const": "shutdown" })),
            ("gracePeriodMs", json!({ "type": "integer", "minimum": 0 })),
        ],
        &["type", "event", "gracePeriodMs"],
    );
    vec![
        Message::new("welcome", "welcome", "The first message", welcome),
        Message::new("ping", "ping", "Whether the client is there", ping)
            .described("Who does not answer with `pong` in time is cut off with 4001 `heartbeat_timeout`."),
        Message::new("system.shutdown", "system", "The server stops", shutdown)
            .described("1000 `server_shutdown` follows."),
    ]
}
