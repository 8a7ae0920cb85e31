//! What is said of the operations that are not about one model, or not the same for all.

use serde_json::{Value as Json, json};

use super::super::operation::{ON_MODELS, READ};
use super::Words;
use super::models::{Besides, request};
use crate::doors::protocol::Message;
use crate::doors::schemas::catalog::Described;
use crate::doors::schemas::{arguments, live, object, replies, rules, steps};
use crate::engine::Operation;
use crate::registry::BehaviourKind;

fn subscription_id() -> (&'static str, Json) {
    ("subscriptionId", json!({ "type": "string", "description": "The name of the subscription." }))
}

fn position() -> (&'static str, Json) {
    ("position", json!({ "type": "string", "description": "Where to go on." }))
}

/// `store.subscribe`: of each model, of its figures, and of each of its queries by name.
pub(in super::super) fn subscribe(name: &'static str, words: &mut Words<'_, '_>) {
    let mut added = Vec::new();
    for model in &words.catalog.models {
        let mut members = vec![("bucket", json!({ "const": model.path() }))];
        for (there, schema) in live::arguments(Operation::List, model.shape, &model.names) {
            let here = READ.iter().find(|(_, name)| *name == there).map(|(here, _)| *here);
            members.extend(here.map(|here| (here, schema)));
        }
        members.push(position());
        let mut payload = words.request(name, members, &["bucket"]);
        payload["dependentRequired"] = json!({ "start": ["count"] });
        let message = Message::new(&Words::key(name, model.path()), name, "Ask a live query", payload);
        let data = object([subscription_id(), ("data", model.telling.first())], &["subscriptionId", "data"]);
        added.push((message.about(model.path()), "What the query answers, and how far that goes.", data));
        for known in ON_MODELS.iter().filter(|known| known.can_be_live()) {
            let members = vec![("query", json!({ "const": known.name })), position()];
            let mut payload = request(words, name, known, model, Besides { members, required: &["query"] });
            if known.operation == Operation::Aggregate {
                payload["dependentRequired"] = json!({ "start": ["count"] });
            }
            let key = format!("{}.{}", Words::key(name, model.path()), known.name);
            let message = Message::new(&key, name, live::summary(known.operation), payload);
            let told = words.catalog.figures.any(known.operation);
            let data = object([subscription_id(), ("data", told)], &["subscriptionId", "data"]);
            added.push((message.about(model.path()), "The figures, and how far they go.", data));
        }
        for query in model.called(&[BehaviourKind::Query]) {
            let members = vec![
                ("query", json!({ "const": query.behaviour.name })),
                ("params", query.payload.0.clone()),
                (
                    "bucket",
                    json!({ "const": model.path(), "description": "Not needed where only one model has such a query." }),
                ),
            ];
            let needed: &[&str] =
                if query.may_be_empty { &["query", "bucket"] } else { &["query", "bucket", "params"] };
            let key = format!("{}.{}", Words::key(name, model.path()), query.behaviour.name);
            let payload = words.request(name, members, needed);
            let message = Message::new(&key, name, query.summary(), payload).described(query.description());
            let data =
                object([subscription_id(), ("data", query.reply.clone())], &["subscriptionId", "data"]);
            added.push((message.about(model.path()), "What the query answers now.", data));
        }
    }
    for (message, meaning, data) in added {
        words.add(message, meaning, data);
    }
}

/// `store.unsubscribe` and `rules.unsubscribe`.
pub(in super::super) fn unsubscribe(name: &'static str, words: &mut Words<'_, '_>) {
    let payload = words.request(name, vec![subscription_id()], &["subscriptionId"]);
    let data = object([("unsubscribed", json!({ "const": true }))], &["unsubscribed"]);
    words.add(Message::new(name, name, "End a subscription", payload), "It is over.", data);
}

/// `store.transaction`: the steps of all models.
pub(in super::super) fn transaction(name: &'static str, words: &mut Words<'_, '_>) {
    let of_model = |model: &Described| {
        let steps = steps::steps(model.shape, &model.names);
        let steps = steps.into_iter().flat_map(|step| steps::on_model(step, model.shape)).map(renamed);
        json!({ "title": model.path(), "oneOf": steps.collect::<Vec<_>>() })
    };
    let operations = steps::together(words.catalog.models.iter().map(of_model).collect());
    let members = vec![
        ("operations", operations["properties"]["operations"].clone()),
        ("mutationId", arguments::mutation_id()),
    ];
    let payload = words.request(name, members, &["operations"]);
    let mut data = vec![object([("deleted", json!({ "type": "boolean" }))], &["deleted"])];
    for answer in words.catalog.models.iter().flat_map(|model| replies::data(&model.names)) {
        if !data.contains(&answer) {
            data.push(answer);
        }
    }
    let message = Message::new(name, name, "Do several things on any models at once", payload).described(
        "One to 1,000 operations: all of them happen, or none. Each sees what those before it did.",
    );
    words.add(message, "What each operation answered, in their order.", replies::results(data));
}

/// A step in the names that this protocol has for its members.
fn renamed(mut step: Json) -> Json {
    for (here, there) in [("bucket", "model"), ("filter", "query")] {
        if let Some(properties) = step["properties"].as_object_mut()
            && let Some(schema) = properties.shift_remove(there)
        {
            properties.insert(here.into(), schema);
        }
        for name in step["required"].as_array_mut().into_iter().flatten().filter(|name| *name == there) {
            *name = here.into();
        }
    }
    step
}

/// `store.buckets`.
pub(in super::super) fn buckets(name: &'static str, words: &mut Words<'_, '_>) {
    let payload = words.request(name, Vec::new(), &[]);
    let data = json!({ "type": "array", "items": paths(words) });
    words.add(Message::new(name, name, "Which models there are", payload), "Their paths.", data);
}

fn paths(words: &Words<'_, '_>) -> Json {
    let paths: Vec<&str> = words.catalog.models.iter().map(Described::path).collect();
    json!({ "type": "string", "enum": paths })
}

/// `store.stats`.
pub(in super::super) fn stats(name: &'static str, words: &mut Words<'_, '_>) {
    let payload = words.request(name, Vec::new(), &[]);
    let whole = || json!({ "type": "integer", "minimum": 0 });
    let names = json!({ "type": "array", "items": paths(words) });
    let per_bucket =
        json!({ "type": "object", "propertyNames": paths(words), "additionalProperties": whole() });
    let data = object(
        [
            ("name", json!({ "type": "string", "description": "What the store is called." })),
            ("buckets", object([("count", whole()), ("names", names)], &["count", "names"])),
            ("records", object([("total", whole()), ("perBucket", per_bucket)], &["total", "perBucket"])),
        ],
        &["name", "buckets", "records"],
    );
    words.add(Message::new(name, name, "How many documents there are", payload), "How many.", data);
}

/// `store.call`: of each method and each query by name.
pub(in super::super) fn call(name: &'static str, words: &mut Words<'_, '_>) {
    let mut added = Vec::new();
    for model in &words.catalog.models {
        for called in model.called(&[BehaviourKind::Method, BehaviourKind::Query]) {
            let mut members = vec![
                ("bucket", json!({ "const": model.path() })),
                ("method", json!({ "const": called.behaviour.name })),
                ("data", called.payload.0.clone()),
            ];
            if called.behaviour.kind == BehaviourKind::Method {
                members.push(("mutationId", arguments::mutation_id()));
            }
            let needed: &[&str] =
                if called.may_be_empty { &["bucket", "method"] } else { &["bucket", "method", "data"] };
            let payload = words.request(name, members, needed);
            let key = format!("{}.{}", Words::key(name, model.path()), called.behaviour.name);
            let message = Message::new(&key, name, called.summary(), payload).described(called.description());
            added.push((message.about(model.path()), called.reply.clone()));
        }
    }
    for (message, reply) in added {
        words.add(message, "The answer.", reply);
    }
}

/// `auth.login`: nobody can.
pub(in super::super) fn log_in(name: &'static str, words: &mut Words<'_, '_>) {
    let payload = json!({
        "type": "object",
        "properties": { "id": words.id, "type": { "const": name } },
        "required": ["id", "type"],
    });
    let message =
        Message::new(name, name, "Sign in", payload).described("There is no sign-in: `UNAUTHORIZED`.");
    let error = words.error.clone();
    words.exchanges.push(message.answered(vec![error]));
}

/// `auth.logout`.
pub(in super::super) fn log_out(name: &'static str, words: &mut Words<'_, '_>) {
    let payload = words.request(name, Vec::new(), &[]);
    let data = object([("loggedOut", json!({ "const": true }))], &["loggedOut"]);
    let message = Message::new(name, name, "Sign out", payload).described("It ends all subscriptions.");
    words.add(message, "It is done.", data);
}

/// `auth.whoami`.
pub(in super::super) fn who_am_i(name: &'static str, words: &mut Words<'_, '_>) {
    let payload = words.request(name, Vec::new(), &[]);
    let data = object(
        [("authenticated", json!({ "type": "boolean" })), ("userId", json!({ "type": ["string", "null"] }))],
        &["authenticated", "userId"],
    );
    words.add(Message::new(name, name, "Who one is", payload), "Who one is.", data);
}

/// `rules.subscribe`.
pub(in super::super) fn hear(name: &'static str, words: &mut Words<'_, '_>) {
    let payload = words.request(name, vec![("pattern", rules::topics())], &["pattern"]);
    let data = object([subscription_id()], &["subscriptionId"]);
    words.add(Message::new(name, name, "Hear of events", payload), "The name of the subscription.", data);
}
