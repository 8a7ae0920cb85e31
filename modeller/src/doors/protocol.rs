//! What a door with messages says of itself, in no format in particular: what clients send and are answered, and what they are told.
//!
//! A door fills it from the tables that it dispatches by, so that nothing it understands can be missing.

use serde_json::Value as Json;

/// All that a door has.
pub(crate) struct Protocol {
    /// Its name among the doors: letters.
    pub(crate) key: &'static str,
    pub(crate) server: Server,
    pub(crate) channels: Vec<Channel>,
}

/// How the door is reached.
pub(crate) struct Server {
    pub(crate) title: &'static str,
    pub(crate) description: String,
    /// What is spoken there.
    pub(crate) protocol: &'static str,
    pub(crate) version: Option<&'static str>,
    /// The path at which connections are made, if it is the same for all channels and none of their addresses.
    pub(crate) path: Option<&'static str>,
}

/// A place at which messages go to and fro.
pub(crate) struct Channel {
    /// Its name among all channels.
    pub(crate) key: String,
    pub(crate) address: String,
    pub(crate) title: String,
    pub(crate) description: String,
    /// What clients send.
    pub(crate) heard: Vec<Exchange>,
    /// What clients are sent without having asked for just that.
    pub(crate) said: Vec<Message>,
    /// What the protocol below has to say of the channel.
    pub(crate) bindings: Option<Json>,
    /// What it has to say of each operation.
    pub(crate) operation_bindings: Option<Json>,
}

/// What clients send, and what they get for it: one of the answers, or none if there are none.
pub(crate) struct Exchange {
    pub(crate) message: Message,
    pub(crate) answers: Vec<Message>,
}

/// One message.
#[derive(Clone)]
pub(crate) struct Message {
    /// Its name among those of the channel. Answers that are the same in all other ways share the first one's.
    pub(crate) key: String,
    /// What it is called on the wire.
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    /// The model that it is about.
    pub(crate) model: Option<String>,
    /// The schema of the whole message.
    pub(crate) payload: Json,
}

impl Message {
    /// A message about no model.
    pub(crate) fn new(key: &str, name: &str, summary: &str, payload: Json) -> Self {
        Message {
            key: key.to_owned(),
            name: name.to_owned(),
            summary: summary.to_owned(),
            description: String::new(),
            model: None,
            payload,
        }
    }

    /// The same, about a model.
    pub(crate) fn about(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// The same, with more to say.
    pub(crate) fn described(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The same, with answers.
    pub(crate) fn answered(self, answers: Vec<Message>) -> Exchange {
        Exchange { message: self, answers }
    }
}
