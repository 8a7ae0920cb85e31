//! What is said of channels and rules, whose operations are the same at every door.

use serde_json::{Value as Json, json};

use super::super::channels::{ERROR, MISSED, PREFIX as CHANNELS, event_name};
use super::super::rules::PREFIX as RULES;
use super::{Words, id};
use crate::doors::protocol::Message;
use crate::doors::schemas::catalog::Catalog;
use crate::doors::schemas::channels::{self, Asked};
use crate::doors::schemas::{object, reference, rules};
use crate::live::ChannelEventKind;

impl Words {
    /// Adds an event of channels or of rules; `false` if it is none.
    pub(super) fn shared(&mut self, event: &'static str, catalog: &Catalog<'_>) -> bool {
        if let Some(operation) = event.strip_prefix(CHANNELS)
            && let Some(asked) = channels::asked(operation, catalog)
        {
            self.channel(event, operation, asked);
            return true;
        }
        let Some(operation) = event.strip_prefix(RULES) else { return false };
        match operation {
            "subscribe" => {
                let payload = object([("pattern", rules::topics())], &["pattern"]);
                let data = object([id()], &["id"]);
                let message = Message::new(event, event, "Hear of events", payload);
                self.add(message, "The name of the subscription.", vec![("data", data)]);
            }
            "unsubscribe" => {
                let message = Message::new(event, event, "End a subscription", object([id()], &["id"]));
                self.add(message, "Whether there was one.", vec![("data", json!({ "type": "boolean" }))]);
            }
            operation => {
                let Some(asked) = rules::asked(operation) else { return false };
                let message = Message::new(event, event, asked.summary, asked.payload(Vec::new()));
                self.add(message, "The answer.", vec![("data", asked.answer)]);
            }
        }
        true
    }

    /// What is asked of channels is acknowledged with a `status`, and with what else there is to say beside it.
    fn channel(&mut self, event: &'static str, operation: &str, mut asked: Asked) {
        if operation == "subscribe" {
            let name = "The `connection` of an earlier answer: this client goes on as that one.";
            asked.takes.push(("resumes", json!({ "type": "string", "description": name })));
            for (name, description) in [
                ("id", "What this client is called in its channels."),
                ("connection", "By this, and by nothing else, the client comes back."),
            ] {
                asked.answer["properties"][name] = json!({ "type": "string", "description": description });
            }
        }
        let payload = asked.payload(Vec::new());
        let done = match asked.answer.get("anyOf") {
            // Those that say themselves how it went.
            Some(_) => asked.answer,
            None => {
                asked.answer["properties"]["status"] = json!({ "const": "ok" });
                asked.answer
            }
        };
        let failed = object(
            [("status", json!({ "const": "error" })), ("error", reference("Error"))],
            &["status", "error"],
        );
        let done = Message::new(&format!("acknowledgement.{event}"), "acknowledgement", "It is done.", done);
        let failed = Message::new("error.status", "acknowledgement", "Why it is not", failed);
        let message = Message::new(event, event, asked.summary, payload);
        self.exchanges.push(message.answered(vec![done, failed, super::error()]));
    }

    /// Adds what clients are told in channels, and of events.
    pub(super) fn told_in_channels(&mut self, catalog: &Catalog<'_>) {
        for kind in ChannelEventKind::ALL {
            let (summary, told) = channels::told(kind, catalog);
            for (model, schema) in told {
                let of_model = model.map_or_else(String::new, |model| format!(".{model}"));
                let key = format!("told.channel.{}{of_model}", kind.name());
                let mut message = Message::new(&key, event_name(kind), summary, schema);
                message.model = model.map(str::to_owned);
                self.said.push(message);
            }
        }
        let text = || json!({ "type": "string" });
        let failed = object(
            [
                ("type", json!({ "const": "error" })),
                ("event", text()),
                ("channel", text()),
                ("error", reference("Error")),
            ],
            &["type", "event", "error"],
        );
        let summary = "What went wrong with an event without an acknowledgement";
        self.said.push(Message::new("told.channel.error", ERROR, summary, failed));
        let summary = "Something was left out in a channel";
        self.said.push(Message::new("told.channel.missed", MISSED, summary, channels::missed()));
    }

    /// Adds what clients are told of events.
    pub(super) fn told_of_events(&mut self) {
        let members: [(&str, Json); 3] =
            [id(), ("topic", json!({ "type": "string" })), ("event", rules::event())];
        let payload = object(members, &["id", "topic", "event"]);
        let name = super::super::live::RULE_EVENT;
        self.said.push(Message::new(&format!("told.{name}"), name, "An event", payload));
    }
}
