//! What clients ask of rules, and what they are told of events.

use serde_json::{Value as Json, json};

use super::channels::Asked;
use super::{object, reference};

/// What an operation of rules takes and answers; `None` if nothing is known of it.
pub(crate) fn asked(operation: &str) -> Option<Asked> {
    let (summary, takes, required, answer): (_, Vec<(&'static str, Json)>, &'static [&'static str], _) =
        match operation {
            "emit" => {
                let takes =
                    vec![("topic", topic()), ("data", anything()), ("correlationId", correlation_id())];
                ("Tell an event", takes, &["topic"], event())
            }
            "setFact" => {
                ("Set a fact", vec![("key", key()), ("value", anything())], &["key", "value"], fact())
            }
            "getFact" => {
                let answer = json!({ "anyOf": [fact(), { "type": "null" }] });
                ("Get a fact", vec![("key", key())], &["key"], answer)
            }
            "deleteFact" => {
                let answer = object([("deleted", json!({ "type": "boolean" }))], &["deleted"]);
                ("Delete a fact", vec![("key", key())], &["key"], answer)
            }
            "queryFacts" => {
                let answer = json!({ "type": "array", "items": fact() });
                ("Get the facts that a pattern selects", vec![("pattern", keys())], &["pattern"], answer)
            }
            "getAllFacts" => ("Get all facts", Vec::new(), &[], json!({ "type": "array", "items": fact() })),
            "stats" => ("How the rules fare", Vec::new(), &[], stats()),
            _ => return None,
        };
    Some(Asked { summary, takes, required, answer, forms: Vec::new() })
}

/// An event.
pub(crate) fn event() -> Json {
    object(
        [
            ("id", json!({ "type": "string" })),
            ("topic", topic()),
            ("data", anything()),
            ("correlationId", correlation_id()),
            ("timestamp", json!({ "type": "integer", "description": "Unix milliseconds." })),
        ],
        &["id", "topic", "data", "timestamp"],
    )
}

/// What one who has subscribed to a pattern is told: an event, or how many were left out.
pub(crate) fn told() -> Json {
    json!({ "anyOf": [
        object([("topic", topic()), ("event", event())], &["topic", "event"]),
        object([("missed", json!({ "type": "integer", "minimum": 1 }))], &["missed"]),
    ] })
}

/// Which topics.
pub(crate) fn topics() -> Json {
    let description = "Which topics: `*` stands for one part, `**` at the end for all that follow.";
    json!({ "type": "string", "minLength": 1, "description": description, "examples": ["orders.**"] })
}

fn keys() -> Json {
    let description = "Which keys: `*` stands for one part, `**` at the end for all that follow.";
    json!({ "type": "string", "minLength": 1, "description": description, "examples": ["customer:**"] })
}

fn topic() -> Json {
    let description = "Parts with `.` between them.";
    json!({ "type": "string", "minLength": 1, "description": description, "examples": ["orders.created"] })
}

fn key() -> Json {
    let description = "Parts with `:` between them.";
    json!({ "type": "string", "minLength": 1, "description": description, "examples": ["customer:123:age"] })
}

fn correlation_id() -> Json {
    json!({ "type": "string", "description": "What the event belongs to." })
}

fn anything() -> Json {
    reference("AnyJson")
}

fn fact() -> Json {
    object(
        [
            ("key", key()),
            ("value", anything()),
            ("version", json!({ "type": "integer", "minimum": 1 })),
            ("timestamp", json!({ "type": "integer", "description": "Unix milliseconds." })),
        ],
        &["key", "value", "version", "timestamp"],
    )
}

fn stats() -> Json {
    const NAMES: [&str; 7] = ["facts", "subscriptions", "handlers", "emitted", "handled", "failed", "missed"];
    object(NAMES.map(|name| (name, json!({ "type": "integer", "minimum": 0 }))), &NAMES)
}

#[cfg(test)]
mod tests {
    use super::asked;
    use crate::live::RULE_OPERATIONS;

    #[test]
    fn of_every_operation_is_known_what_it_takes_and_answers() {
        for operation in RULE_OPERATIONS {
            let asked = asked(operation).unwrap_or_else(|| panic!("{operation}"));
            let names: Vec<&str> = asked.takes.iter().map(|(name, _)| *name).collect();
            assert!(asked.required.iter().all(|name| names.contains(name)), "{operation}");
        }
        assert!(asked("shout").is_none());
    }
}
