//! How a connection joins, and what is set for all channels: limits, times, and who may.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::{Since, Topic};
use crate::engine::Cx;
use crate::model::{Code, Error, Result};
use crate::store::BoxFuture;

/// How a connection joins a channel. They hold for as long as it stays: joining again changes nothing.
///
/// ```
/// use modeller::live::ChannelOptions;
///
/// let mut options = ChannelOptions::new();
/// options.private = true;
/// assert!(options.self_ && options.presence);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChannelOptions {
    /// Whether it hears its own broadcasts. It does, unless it says no.
    pub self_: bool,
    /// Whether it is the private channel of this name. It is not, unless it says so.
    pub private: bool,
    /// Under which key it is present: several connections with the same one count as one. Without it, that is the connection's id.
    pub presence_key: Option<String>,
    /// Whether it hears who is present. It does, unless it says no.
    pub presence: bool,
    /// From where on it wants to hear what was kept: between that and what comes from now on nothing is missing or double.
    pub since: Option<Since>,
    /// The id of a connection that this one continues, and whose presence it takes over if it may be present. The door has checked that it
    /// is the same client.
    pub resumes: Option<String>,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ChannelOptions {
    /// As documented at each of them.
    pub fn new() -> Self {
        ChannelOptions {
            self_: true,
            private: false,
            presence_key: None,
            presence: true,
            since: None,
            resumes: None,
        }
    }

    /// What clients send: `{"broadcast": {"self": true}, "presence": {"key": "ada", "enabled": true}, "private": false, "since": ".."}`.
    /// All of it may be left out.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if a member has another type, or is not known.
    pub fn parse(config: &Json) -> Result<Self> {
        let mut options = Self::default();
        for (name, value) in members("", config)? {
            match name.as_str() {
                "private" => options.private = flag("private", value)?,
                "since" => options.since = Some(Since::of_json(value)?),
                "broadcast" => {
                    for (name, value) in members("broadcast", value)? {
                        match name.as_str() {
                            "self" => options.self_ = flag("broadcast.self", value)?,
                            _ => return Err(unknown("broadcast.self")),
                        }
                    }
                }
                "presence" => {
                    for (name, value) in members("presence", value)? {
                        match name.as_str() {
                            "enabled" => options.presence = flag("presence.enabled", value)?,
                            "key" => {
                                let key = value.as_str().ok_or_else(|| wrong("presence.key", "a string"))?;
                                // As clients of other servers have it where they name none.
                                options.presence_key = Some(key.to_owned()).filter(|key| !key.is_empty());
                            }
                            _ => return Err(unknown("presence.key and presence.enabled")),
                        }
                    }
                }
                _ => return Err(unknown("broadcast, presence, private and since")),
            }
        }
        Ok(options)
    }
}

fn members<'a>(name: &str, json: &'a Json) -> Result<impl Iterator<Item = (&'a String, &'a Json)>> {
    match json {
        Json::Null => Ok(None.into_iter().flatten()),
        Json::Object(members) => Ok(Some(members).into_iter().flatten()),
        _ => Err(wrong(if name.is_empty() { "the configuration of a channel" } else { name }, "an object")),
    }
}

fn flag(name: &str, json: &Json) -> Result<bool> {
    json.as_bool().ok_or_else(|| wrong(name, "true or false"))
}

fn wrong(name: &str, expected: &str) -> Error {
    Error::new(Code::InvalidRequest, format!("{name} is {expected}"))
}

fn unknown(known: &str) -> Error {
    Error::new(Code::InvalidRequest, format!("a channel is configured with {known}, and with nothing else"))
}

/// What somebody wants to do with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelAction {
    /// Join it, and hear what is said there and who is present.
    Join,
    /// Broadcast to it.
    Publish,
    /// Be present.
    Track,
    /// Hear what was kept.
    Replay,
    /// Hear of changes of a model through it.
    Changes,
}

impl ChannelAction {
    /// All of them.
    pub const ALL: [ChannelAction; 5] = [
        ChannelAction::Join,
        ChannelAction::Publish,
        ChannelAction::Track,
        ChannelAction::Replay,
        ChannelAction::Changes,
    ];

    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            ChannelAction::Join => "join",
            ChannelAction::Publish => "publish",
            ChannelAction::Track => "track",
            ChannelAction::Replay => "replay",
            ChannelAction::Changes => "changes",
        }
    }
}

/// Says whether a caller may do something with a channel.
pub(super) type Authorizer =
    Arc<dyn Fn(Cx, Topic, ChannelAction) -> BoxFuture<'static, Result<bool>> + Send + Sync>;

/// What holds for all channels of an application: who may do what, limits and times.
///
/// ```
/// use modeller::live::{ChannelAction, ChannelSettings};
///
/// let settings = ChannelSettings::new()
///     // Whoever has joined a public channel may hear it; broadcasting takes consent there, too.
///     .gate([ChannelAction::Publish])
///     .authorize(|_cx, topic, _action| async move { Ok(topic.starts_with("room:")) });
/// assert_eq!(settings.max_channels, 100);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ChannelSettings {
    /// How many bytes a topic has at most. 256 unless set.
    pub max_topic: usize,
    /// How many bytes the name of an event, and a presence key, have at most. 128 unless set.
    pub max_name: usize,
    /// How many bytes of JSON a broadcast has at most. 256 KiB unless set.
    pub max_payload: usize,
    /// How many channels a connection is in at most. 100 unless set.
    pub max_channels: usize,
    /// How many bindings to changes of models a connection has at most. 100 unless set.
    pub max_bindings: usize,
    /// How many are present in a channel at most. 1,000 unless set.
    pub max_present: usize,
    /// How many bytes of JSON the state of one who is present has at most. 4 KiB unless set.
    pub max_state: usize,
    /// How long one is present without a heartbeat. 45 seconds unless set, which is more than a client has to answer a ping of its
    /// connection; clients send a heartbeat at half of it.
    pub presence_ttl: Duration,
    /// How long one whose connection was cut stays present. 10 seconds unless set.
    pub presence_grace: Duration,
    gated: Vec<ChannelAction>,
    authorizer: Option<Authorizer>,
}

impl Default for ChannelSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl ChannelSettings {
    /// Public channels are open to all who can connect, private ones to nobody.
    pub fn new() -> Self {
        ChannelSettings {
            max_topic: 256,
            max_name: 128,
            max_payload: 256 * 1024,
            max_channels: 100,
            max_bindings: 100,
            max_present: 1_000,
            max_state: 4 * 1024,
            presence_ttl: Duration::from_secs(45),
            presence_grace: Duration::from_secs(10),
            gated: Vec::new(),
            authorizer: None,
        }
    }

    /// Asks this before anything is done with a private channel, and with a public one where that is [gated](Self::gate). An error
    /// is answered as it is; `false` is `FORBIDDEN`. It is asked each time, so that what it took back is taken back.
    #[must_use]
    pub fn authorize<F, A>(mut self, authorizer: F) -> Self
    where
        F: Fn(Cx, Topic, ChannelAction) -> A + Send + Sync + 'static,
        A: Future<Output = Result<bool>> + Send + 'static,
    {
        self.authorizer = Some(Arc::new(move |cx, topic, action| Box::pin(authorizer(cx, topic, action))));
        self
    }

    /// Asks the authoriser before these actions on public channels, too. Without an authoriser nobody may.
    #[must_use]
    pub fn gate(mut self, actions: impl IntoIterator<Item = ChannelAction>) -> Self {
        self.gated.extend(actions);
        self
    }

    /// How long one is present without a heartbeat.
    #[must_use]
    pub fn presence_ttl(mut self, ttl: Duration) -> Self {
        self.presence_ttl = ttl;
        self
    }

    /// How long one whose connection was cut stays present.
    #[must_use]
    pub fn presence_grace(mut self, grace: Duration) -> Self {
        self.presence_grace = grace;
        self
    }

    /// Whether anything may be done without asking.
    pub(super) fn is_open(&self, topic: &Topic, action: ChannelAction) -> bool {
        !topic.is_private() && !self.gated.contains(&action)
    }

    pub(super) fn authorizer(&self) -> Option<&Authorizer> {
        self.authorizer.as_ref()
    }
}

impl fmt::Debug for ChannelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelSettings")
            .field("gated", &self.gated)
            .field("is_authorized", &self.authorizer.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::Heartbeat;

    #[test]
    fn who_answers_each_ping_stays_present() {
        // CHA-16, RWS-07
        let Heartbeat { interval, timeout } = Heartbeat::default();
        assert!(ChannelSettings::new().presence_ttl > interval + timeout);
    }

    #[test]
    fn clients_say_how_they_join() {
        // CHA-03, CHA-10, CHA-15, CHA-19
        let options = ChannelOptions::parse(&Json::Null).unwrap();
        assert!(options.self_ && !options.private && options.presence && options.presence_key.is_none());
        let options = ChannelOptions::parse(&json!({
            "broadcast": { "self": false }, "presence": { "key": "ada" }, "private": true,
            "since": "2026-09-21T14:13:20Z"
        }));
        let options = options.unwrap();
        assert!(!options.self_ && options.private);
        assert_eq!(options.presence_key.as_deref(), Some("ada"));
        assert_eq!(options.since, Some(Since::Time(1_790_000_000_000)));
        let none = ChannelOptions::parse(&json!({ "presence": { "key": "" } })).unwrap();
        assert_eq!(none.presence_key, None);
    }

    #[test]
    fn what_is_not_known_is_refused_and_not_passed_over() {
        // Somebody who writes `privat` must not end up in the public channel.
        let bad = [
            json!([]),
            json!({ "privat": true }),
            json!({ "private": 1 }),
            json!({ "broadcast": { "sef": true } }),
            json!({ "broadcast": false }),
            json!({ "presence": { "key": 1 } }),
            json!({ "presence": { "keys": "a" } }),
            json!({ "since": "yesterday" }),
        ];
        for config in bad {
            assert!(ChannelOptions::parse(&config).unwrap_err().is(Code::InvalidRequest), "{config}");
        }
    }
}
