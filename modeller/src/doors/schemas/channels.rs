//! What clients ask of channels, and what is told there: the same through every door.

use serde_json::{Value as Json, json};

use super::arguments::public;
use super::catalog::{Catalog, Described};
use super::filter::escape;
use super::object;
use crate::live::{ChannelEventKind, MAX_REPLAY};
use crate::model::{ColumnInfo, Kind};

/// One thing that clients ask for: what it takes and what it answers.
pub(crate) struct Asked {
    pub(crate) summary: &'static str,
    pub(crate) takes: Vec<(&'static str, Json)>,
    pub(crate) required: &'static [&'static str],
    pub(crate) answer: Json,
    /// Which members belong together, one form each; none if all do.
    pub(crate) forms: Vec<Json>,
}

impl Asked {
    /// The schema of the whole, with these members around what is taken.
    pub(crate) fn payload(&self, around: Vec<(&'static str, Json)>) -> Json {
        let required: Vec<&str> =
            around.iter().map(|(name, _)| *name).chain(self.required.iter().copied()).collect();
        let mut payload = object(around.iter().chain(&self.takes).cloned(), &required);
        if !self.forms.is_empty() {
            payload["anyOf"] = self.forms.clone().into();
        }
        payload
    }
}

/// What an operation of channels takes and answers; `None` if nothing is known of it.
pub(crate) fn asked(operation: &str, catalog: &Catalog<'_>) -> Option<Asked> {
    let channel = || ("channel", topic());
    let whole = |members: &[(&'static str, Json)]| {
        let required: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        object(members.iter().cloned(), &required)
    };
    let yes = |name: &'static str| whole(&[(name, json!({ "type": "boolean" }))]);
    Some(match operation {
        "subscribe" => Asked {
            forms: Vec::new(),
            summary: "Join a channel",
            takes: vec![channel(), ("config", config())],
            required: &["channel"],
            answer: object(
                [
                    channel(),
                    ("private", json!({ "type": "boolean" })),
                    (
                        "heartbeat_ms",
                        json!({ "type": "integer", "minimum": 0, "description": "How often who is present says so." }),
                    ),
                    ("position", place()),
                    ("replayed", replayed()),
                ],
                &["channel", "private", "heartbeat_ms"],
            ),
        },
        "unsubscribe" => Asked {
            forms: Vec::new(),
            summary: "Leave a channel",
            takes: vec![channel()],
            required: &["channel"],
            answer: yes("unsubscribed"),
        },
        "publish" => Asked {
            forms: Vec::new(),
            summary: "Say something in a channel",
            takes: vec![channel(), ("event", name()), ("payload", anything())],
            required: &["channel", "event"],
            answer: json!({ "anyOf": [
                whole(&[("status", json!({ "const": "ok" })), ("message_id", json!({ "type": "string" }))]),
                whole(&[("status", json!({ "const": "error" })), ("error", fault())]),
            ] }),
        },
        "replay" => Asked {
            forms: Vec::new(),
            summary: "Hear again what was kept",
            takes: vec![
                channel(),
                ("since", since()),
                ("limit", json!({ "type": "integer", "minimum": 1, "maximum": MAX_REPLAY })),
            ],
            required: &["channel", "since"],
            answer: replayed(),
        },
        "track" => Asked {
            forms: Vec::new(),
            summary: "Be present, in this state",
            takes: vec![channel(), ("state", anything())],
            required: &["channel", "state"],
            answer: whole(&[
                ("status", json!({ "const": "ok" })),
                ("tracked", json!({ "enum": ["joined", "updated"] })),
            ]),
        },
        "untrack" => Asked {
            forms: Vec::new(),
            summary: "Be present no more",
            takes: vec![channel()],
            required: &["channel"],
            answer: yes("untracked"),
        },
        "heartbeat" => Asked {
            forms: Vec::new(),
            summary: "Say that one is still there",
            takes: Vec::new(),
            required: &[],
            answer: whole(&[("present", json!({ "type": "integer", "minimum": 0 }))]),
        },
        "presence_state" => Asked {
            forms: Vec::new(),
            summary: "Who is present",
            takes: vec![channel()],
            required: &["channel"],
            answer: whole(&[("state", present())]),
        },
        "postgres_changes:subscribe" => Asked {
            forms: catalog.models.iter().map(bindable).collect(),
            summary: "Hear of changes of a model",
            takes: vec![
                channel(),
                ("event", json!({ "enum": ["INSERT", "UPDATE", "DELETE", "*"], "default": "*" })),
                ("schema", one_of(catalog, |scope, _| scope)),
                ("table", one_of(catalog, |_, name| name)),
                (
                    "filter",
                    json!({
                        "type": "string",
                        "description": "Which documents: a field, an operator and a value.",
                        "examples": ["_version=gt.1", "_id=in.(a,b)", "_id=not.eq.a"],
                    }),
                ),
            ],
            required: &["channel", "table"],
            answer: whole(&[("subscription_id", json!({ "type": "string" }))]),
        },
        "postgres_changes:unsubscribe" => Asked {
            forms: Vec::new(),
            summary: "Hear of these changes no more",
            takes: vec![("subscription_id", json!({ "type": "string" }))],
            required: &["subscription_id"],
            answer: whole(&[("unsubscribed", json!({ "const": true }))]),
        },
        _ => return None,
    })
}

/// What a binding to changes of a model looks like.
fn bindable(model: &Described) -> Json {
    let descriptor = model.shape.descriptor;
    let field = |column: &ColumnInfo| {
        let name = escape(&column.name);
        // There are paths into what holds JSON.
        if column.kind == Kind::Json { format!(r"{name}(\.[^=]+)?") } else { name }
    };
    let fields: Vec<String> = public(model.shape).map(field).collect();
    let operators = "eq|neq|gt|gte|lt|lte|in|like|is";
    json!({
        "title": model.path(),
        "properties": {
            "schema": { "const": descriptor.scope },
            "table": { "const": descriptor.name },
            "filter": { "pattern": format!(r"^({})=(not\.)?({operators})\.", fields.join("|")) },
        },
    })
}

fn one_of(catalog: &Catalog<'_>, part: fn(&'static str, &'static str) -> &'static str) -> Json {
    let mut names: Vec<&str> = Vec::new();
    for model in &catalog.models {
        let name = part(model.shape.descriptor.scope, model.shape.descriptor.name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    json!({ "type": "string", "enum": names })
}

/// What happens in channels, of one kind: its name, in a few words what it is, and its schemas, each with the model that it is about.
pub(crate) fn told(
    kind: ChannelEventKind,
    catalog: &Catalog<'_>,
) -> (&'static str, Vec<(Option<&'static str>, Json)>) {
    let presence = |event: &str, member: &'static str| {
        let members = [
            ("type", json!({ "const": "presence" })),
            ("event", json!({ "const": event })),
            ("channel", topic()),
            (member, present()),
        ];
        vec![(None, object(members, &["type", "event", "channel", member]))]
    };
    match kind {
        ChannelEventKind::Broadcast => ("Somebody said something in a channel", vec![(None, broadcast())]),
        ChannelEventKind::PresenceState => ("Who is present in a channel", presence("sync", "state")),
        ChannelEventKind::PresenceJoin => ("Somebody is present from now on", presence("join", "joins")),
        ChannelEventKind::PresenceUpdate => ("Somebody has another state", presence("update", "updates")),
        ChannelEventKind::PresenceLeave => ("Somebody is present no more", presence("leave", "leaves")),
        ChannelEventKind::Changes => {
            let change = |model: &Described| {
                let descriptor = model.shape.descriptor;
                let payload = change(descriptor.scope, descriptor.name, &model.names.document());
                let members = [
                    ("type", json!({ "const": kind.name() })),
                    ("channel", topic()),
                    ("subscription_id", json!({ "type": "string" })),
                    ("payload", payload),
                ];
                (Some(model.path()), object(members, &["type", "channel", "subscription_id", "payload"]))
            };
            ("A document changed", catalog.models.iter().map(change).collect())
        }
        ChannelEventKind::Closed => {
            let members = [("type", json!({ "const": "closed" })), ("channel", topic()), ("error", fault())];
            ("One is in a channel no more", vec![(None, object(members, &["type", "channel", "error"]))])
        }
    }
}

/// That something was left out, for one who takes up too little.
pub(crate) fn missed() -> Json {
    object([("type", json!({ "const": "missed" })), ("channel", topic())], &["type", "channel"])
}

fn broadcast() -> Json {
    let meta = object(
        [
            ("channel", topic()),
            ("message_id", json!({ "type": "string" })),
            ("sender_id", json!({ "type": "string", "description": "Absent if the application says it." })),
            ("sender_type", json!({ "enum": ["user", "system"] })),
            ("timestamp", json!({ "type": "string", "format": "date-time" })),
            ("position", place()),
        ],
        &["channel", "message_id", "sender_type", "timestamp"],
    );
    object(
        [
            ("type", json!({ "const": "broadcast" })),
            ("event", json!({ "type": "string" })),
            ("payload", anything()),
            ("meta", meta),
        ],
        &["type", "event", "payload", "meta"],
    )
}

/// A change of a document of a model, as change feeds have it.
fn change(scope: &str, name: &str, document: &Json) -> Json {
    let row = json!({ "anyOf": [document, { "type": "object", "maxProperties": 0 }] });
    let column = object(
        [("name", json!({ "type": "string" })), ("type", json!({ "type": "string" }))],
        &["name", "type"],
    );
    let required = ["schema", "table", "commit_timestamp", "eventType", "columns", "new", "old", "errors"];
    object(
        [
            ("schema", json!({ "const": scope })),
            ("table", json!({ "const": name })),
            ("commit_timestamp", json!({ "type": "string", "format": "date-time" })),
            ("eventType", json!({ "enum": ["INSERT", "UPDATE", "DELETE", null] })),
            ("columns", json!({ "type": "array", "items": column })),
            ("new", row.clone()),
            ("old", row),
            (
                "errors",
                json!({
                    "type": ["array", "null"],
                    "items": { "type": "string" },
                    "description": "If it is not `null`, changes may have been missed: read anew.",
                }),
            ),
        ],
        &required,
    )
}

fn topic() -> Json {
    json!({ "type": "string", "minLength": 1, "description": "The channel's name.", "examples": ["room:1"] })
}

fn name() -> Json {
    json!({ "type": "string", "minLength": 1, "description": "What is said, in a word.", "examples": ["message"] })
}

fn anything() -> Json {
    super::reference("AnyJson")
}

fn place() -> Json {
    json!({ "type": "string", "description": "The place of a broadcast that is kept." })
}

fn since() -> Json {
    json!({
        "description": "From where on: the position of a broadcast, an ISO time, or Unix milliseconds.",
        "anyOf": [{ "type": "string" }, { "type": "integer" }],
        "examples": ["2026-01-31T12:00:00Z"],
    })
}

fn config() -> Json {
    let flag = |default: bool| json!({ "type": "boolean", "default": default });
    object(
        [
            ("private", flag(false)),
            ("broadcast", object([("self", flag(true))], &[])),
            ("presence", object([("key", json!({ "type": "string" })), ("enabled", flag(true))], &[])),
            ("since", since()),
        ],
        &[],
    )
}

fn replayed() -> Json {
    object(
        [
            ("count", json!({ "type": "integer", "minimum": 0 })),
            ("complete", json!({ "type": "boolean" })),
            ("more", json!({ "type": "boolean" })),
            ("position", place()),
        ],
        &["count", "complete", "more"],
    )
}

fn present() -> Json {
    let entry = object([("ref", json!({ "type": "string" })), ("state", anything())], &["ref", "state"]);
    json!({
        "type": "object",
        "description": "By key, everyone who is present under it.",
        "additionalProperties": { "type": "array", "items": entry },
    })
}

fn fault() -> Json {
    object(
        [("code", json!({ "type": "string" })), ("message", json!({ "type": "string" }))],
        &["code", "message"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::sample;
    use crate::live::CHANNEL_OPERATIONS;

    #[test]
    fn of_every_operation_is_known_what_it_takes_and_answers() {
        let registry = sample::registry();
        let catalog = Catalog::new(&registry);
        for operation in CHANNEL_OPERATIONS {
            let asked = asked(operation, &catalog).unwrap_or_else(|| panic!("{operation}"));
            let names: Vec<&str> = asked.takes.iter().map(|(name, _)| *name).collect();
            assert!(asked.required.iter().all(|name| names.contains(name)), "{operation}");
        }
        assert!(asked("shout", &catalog).is_none());
    }

    #[test]
    fn changes_are_told_of_every_model() {
        let registry = sample::registry();
        let (_, told) = told(ChannelEventKind::Changes, &Catalog::new(&registry));
        assert_eq!(told.len(), registry.models().len());
    }
}
