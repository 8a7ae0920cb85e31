//! `GET /@asyncapi.json`: everything that goes over connections that stay open, as AsyncAPI 3.0.
//!
//! Each door says of itself what there is, from the tables that it dispatches by and the models' shapes. Here it is written down.

mod dialect;

use serde_json::{Map, Value as Json, json};

use crate::doors::protocol::{Channel, Message, Protocol};
use crate::doors::schemas::catalog::Catalog;
use crate::doors::schemas::names::{Names, Shared, component};
use crate::registry::Registry;

/// The version of AsyncAPI.
const VERSION: &str = "3.0.0";

/// What the document says of the application as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    /// The application's name.
    pub(crate) title: String,
    /// The application's version.
    pub(crate) version: String,
    /// What it is for, in Markdown.
    pub(crate) description: Option<String>,
}

/// The doors, saying what they have.
pub(crate) type Doors<'a> = &'a dyn Fn(&mut Catalog<'_>) -> Vec<Protocol>;

/// The AsyncAPI document of an application.
pub(crate) fn document(registry: &Registry, info: &Info, doors: Doors<'_>) -> Json {
    let mut catalog = Catalog::new(registry);
    let protocols = doors(&mut catalog);
    let mut written = Written::default();
    protocols.into_iter().for_each(|protocol| written.door(protocol));
    let tags: Vec<Json> = catalog.models.iter().map(|model| tag(model.path())).collect();
    let general = match &info.description {
        Some(text) => format!("{text}\n\n{GENERAL}"),
        None => GENERAL.to_owned(),
    };
    let mut messages = Json::Object(written.messages.into_components());
    // What a message takes is a schema; of what is around it nothing is.
    for message in messages.as_object_mut().into_iter().flat_map(|messages| messages.values_mut()) {
        dialect::draft_07(&mut message["payload"]);
    }
    let mut operations = Json::Object(written.operations);
    for operation in operations.as_object_mut().into_iter().flat_map(|operations| operations.values_mut()) {
        if let Some(query) = operation.pointer_mut("/bindings/http/query") {
            dialect::draft_07(query);
        }
    }
    let mut schemas = catalog.into_components(&[&messages, &operations]);
    schemas.values_mut().for_each(dialect::draft_07);
    json!({
        "asyncapi": VERSION,
        "info": { "title": info.title, "version": info.version, "description": general, "tags": tags },
        "defaultContentType": "application/json",
        "servers": written.servers,
        "channels": written.channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

/// What holds for all of it.
const GENERAL: &str = "What goes over connections that stay open. The server `receive`s what clients send, and `send`s what they \
are told. All messages are JSON. The schemas are those of `/@openapi.json`, in the dialect of AsyncAPI: JSON Schema, draft 07.";

fn tag(model: &str) -> Json {
    json!({ "name": model })
}

fn reference(kind: &str, name: &str) -> Json {
    json!({ "$ref": format!("#/{kind}/{name}") })
}

/// The document, as far as it has come.
struct Written {
    servers: Map<String, Json>,
    channels: Map<String, Json>,
    operations: Map<String, Json>,
    messages: Shared,
    ids: Names,
}

impl Default for Written {
    fn default() -> Self {
        Written {
            servers: Map::new(),
            channels: Map::new(),
            operations: Map::new(),
            messages: Shared::new("messages"),
            ids: Names::default(),
        }
    }
}

impl Written {
    fn door(&mut self, protocol: Protocol) {
        let Protocol { key, server, channels } = protocol;
        let mut described = json!({
            "host": "{host}",
            "protocol": server.protocol,
            "title": server.title,
            "description": server.description,
            "variables": { "host": {
                "description": "Where this document came from.",
                "default": "localhost:3030",
            } },
        });
        if let Some(version) = server.version {
            described["protocolVersion"] = version.into();
        }
        if let Some(path) = server.path {
            described["pathname"] = path.into();
        }
        self.servers.insert(key.to_owned(), described);
        for channel in channels {
            self.channel(key, channel);
        }
    }

    fn channel(&mut self, server: &str, channel: Channel) {
        let key = component(&channel.key);
        let mut messages = Map::new();
        for exchange in channel.heard {
            let message = self.message(&key, &exchange.message, &mut messages);
            let mut operation =
                self.operation("receive", &key, &exchange.message, message, &channel.operation_bindings);
            if !exchange.answers.is_empty() {
                let answers = exchange.answers.iter().map(|answer| self.message(&key, answer, &mut messages));
                operation["reply"] = json!({ "channel": reference("channels", &key), "messages": answers.collect::<Vec<_>>() });
            }
            self.add(&key, &exchange.message, operation);
        }
        for message in &channel.said {
            let sent = self.message(&key, message, &mut messages);
            let operation = self.operation("send", &key, message, sent, &channel.operation_bindings);
            self.add(&key, message, operation);
        }
        let mut described = json!({
            "address": channel.address,
            "title": channel.title,
            "description": channel.description,
            "servers": [reference("servers", server)],
            "messages": messages,
        });
        if let Some(bindings) = channel.bindings {
            described["bindings"] = bindings;
        }
        self.channels.insert(key, described);
    }

    fn add(&mut self, channel: &str, message: &Message, operation: Json) {
        let id = self.ids.claim(&component(&format!("{channel}.{}", message.key)));
        self.operations.insert(id, operation);
    }

    /// Adds a message to the components and to its channel, and answers a reference to what the channel has.
    fn message(&mut self, channel: &str, message: &Message, messages: &mut Map<String, Json>) -> Json {
        let mut described =
            json!({ "name": message.name, "title": message.summary, "payload": message.payload });
        if !message.description.is_empty() {
            described["description"] = message.description.as_str().into();
        }
        if let Some(model) = &message.model {
            described["tags"] = json!([tag(model)]);
        }
        let shared = self.messages.share(&format!("{channel}.{}", message.key), described);
        let target = shared["$ref"].as_str().unwrap_or_default();
        let name = target.rsplit('/').next().unwrap_or_default().to_owned();
        let pointer = reference("channels", &format!("{channel}/messages/{name}"));
        messages.insert(name, shared);
        pointer
    }

    fn operation(
        &self,
        action: &str,
        channel: &str,
        about: &Message,
        message: Json,
        bindings: &Option<Json>,
    ) -> Json {
        let mut operation = json!({
            "action": action,
            "channel": reference("channels", channel),
            "title": about.name,
            "summary": about.summary,
            "messages": [message],
        });
        if !about.description.is_empty() {
            operation["description"] = about.description.as_str().into();
        }
        if let Some(model) = &about.model {
            operation["tags"] = json!([tag(model)]);
        }
        if let Some(bindings) = bindings {
            operation["bindings"] = bindings.clone();
        }
        operation
    }
}

#[cfg(test)]
mod tests;
