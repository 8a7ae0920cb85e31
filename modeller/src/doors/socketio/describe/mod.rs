//! What this door says of itself: every event that it takes, and all that it tells.

mod channels;
mod live;

use serde_json::{Map, Value as Json, json};

use super::PATH;
use super::events::EVENTS;
use crate::doors::protocol::{Channel, Exchange, Message, Protocol, Server};
use crate::doors::schemas::catalog::{Catalog, Described};
use crate::doors::schemas::{aggregates, arguments, object, reference, replies, steps};
use crate::engine::{BodyKind, Operation};
use crate::registry::BehaviourKind;

const CALLED: &[BehaviourKind] = &[BehaviourKind::Method, BehaviourKind::Query];

/// What is said of the door, as far as it has come.
struct Words {
    exchanges: Vec<Exchange>,
    said: Vec<Message>,
}

/// The door.
pub(crate) fn protocol(catalog: &mut Catalog<'_>, has_rules: bool) -> Protocol {
    let mut words = Words { exchanges: Vec::new(), said: Vec::new() };
    for event in EVENTS.iter().filter(|event| has_rules || !event.starts_with(super::rules::PREFIX)) {
        words.event(event, catalog);
    }
    words.told(catalog);
    words.told_in_channels(catalog);
    if has_rules {
        words.told_of_events();
    }
    Protocol {
        key: "socketio",
        server: Server {
            title: "Socket.IO",
            description: "Socket.IO 5 over Engine.IO 4, by WebSocket and by polling. Clients with `socket.io-msgpack-parser` connect to \
                          `/socket.io/msgpack/`."
                .into(),
            protocol: "socketio",
            version: Some("5"),
            path: Some(PATH),
        },
        channels: vec![Channel {
            key: "socketio".into(),
            address: "/".into(),
            title: "The namespace `/`".into(),
            description: "A message is an event with one argument, which is its payload; the answer is its acknowledgement: `{data}`, or \
                          `{error}`."
                .into(),
            heard: words.exchanges,
            said: words.said,
            bindings: None,
            operation_bindings: None,
        }],
    }
}

/// Where a model can be named.
fn model(catalog: &Catalog<'_>, model: &Described) -> (&'static str, Json) {
    let schema = match catalog.places(model.shape).as_slice() {
        [one] => json!({ "const": one }),
        several => json!({ "enum": several }),
    };
    ("model", schema)
}

fn id() -> (&'static str, Json) {
    ("id", json!({ "type": "string", "description": "The name of the subscription." }))
}

/// `{error}`.
fn error() -> Message {
    let payload = object([("error", reference("Error"))], &["error"]);
    Message::new("error", "error", "Why there is no answer", payload)
}

impl Words {
    /// Adds an event that is acknowledged with such `data`, or with an error.
    fn add(&mut self, message: Message, meaning: &str, members: Vec<(&str, Json)>) {
        let key = format!("acknowledgement.{}", message.key);
        let payload = object(members, &["data"]);
        let answer = Message::new(&key, "acknowledgement", meaning, payload);
        self.exchanges.push(message.answered(vec![answer, error()]));
    }

    /// Adds all that there is to say of an event of clients.
    fn event(&mut self, event: &'static str, catalog: &Catalog<'_>) {
        match event {
            "call" => catalog.models.iter().for_each(|model| self.calls(event, catalog, model)),
            "transaction" => self.transaction(event, catalog),
            "procedure" => self.procedure(event),
            "live" => catalog.models.iter().for_each(|model| self.live(event, catalog, model)),
            "subscribe" => catalog.models.iter().for_each(|model| self.subscribe(event, catalog, model)),
            "unsubscribe" => self.unsubscribe(event, catalog),
            "dispatch" => catalog.models.iter().for_each(|model| self.dispatch(event, catalog, model)),
            event if self.shared(event, catalog) => {}
            other => {
                // Of what is not known more closely it is said that it is there.
                let message = Message::new(other, other, other, json!({ "type": "object" }));
                self.add(message, "The answer.", vec![("data", Json::Bool(true))]);
            }
        }
    }

    fn calls(&mut self, event: &str, catalog: &Catalog<'_>, model: &Described) {
        for &operation in Operation::ALL.iter().filter(|operation| operation.is_offered(model.shape)) {
            let name = operation.name();
            let message = Message::new(
                &format!("{event}.{}.{name}", model.path()),
                event,
                replies::summary(operation),
                call(operation, catalog, model),
            );
            let mut answer = vec![("data", replies::answer(operation, &model.names))];
            if operation == Operation::List {
                answer.push(("nextCursor", json!({ "type": "string", "description": "If there is more: the `after` of the next page." })));
            }
            if operation.is_write() {
                answer.push(replayed());
            }
            self.add(message.about(model.path()), replies::meaning(operation), answer);
        }
        for called in model.called(CALLED) {
            let mut members = vec![
                self::model(catalog, model),
                ("operation", json!({ "const": called.behaviour.name })),
                ("data", called.payload.0.clone()),
            ];
            let mut answer = vec![("data", called.reply.clone())];
            if called.behaviour.kind == BehaviourKind::Method {
                members.push(("mutationId", arguments::mutation_id()));
                answer.push(replayed());
            }
            let needed: &[&str] =
                if called.may_be_empty { &["model", "operation"] } else { &["model", "operation", "data"] };
            let key = format!("{event}.{}.{}", model.path(), called.behaviour.name);
            let message = Message::new(&key, event, called.summary(), object(members, needed));
            self.add(message.about(model.path()).described(called.description()), "The answer.", answer);
        }
    }

    fn transaction(&mut self, event: &str, catalog: &Catalog<'_>) {
        let of_model = |model: &Described| {
            let steps = steps::steps(model.shape, &model.names);
            let steps = steps.into_iter().flat_map(|step| steps::on_model(step, model.shape));
            json!({ "title": model.path(), "oneOf": steps.collect::<Vec<_>>() })
        };
        let mut payload = steps::together(catalog.models.iter().map(of_model).collect());
        payload["properties"]["mutationId"] = arguments::mutation_id();
        let mut data = vec![object([("deleted", json!({ "type": "boolean" }))], &["deleted"])];
        for answer in catalog.models.iter().flat_map(|model| replies::data(&model.names)) {
            if !data.contains(&answer) {
                data.push(answer);
            }
        }
        let message = Message::new(event, event, "Do several things on any models at once", payload)
            .described(
                "One to 1,000 operations: all of them happen, or none. Each sees what those before it did.",
            );
        let answer = vec![("data", replies::results(data)), replayed()];
        self.add(message, "What each operation answered, in their order.", answer);
    }

    fn procedure(&mut self, event: &str) {
        let members = [
            ("name", json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$" })),
            ("data", json!({ "type": "object", "description": "What the procedure takes." })),
            ("mutationId", arguments::mutation_id()),
        ];
        let message = Message::new(event, event, "Call a stored procedure", object(members, &["name"]))
            .described("Which there are is not said here: they come and go while the application runs.");
        self.add(message, "What the procedure answers.", vec![("data", Json::Bool(true)), replayed()]);
    }

    fn subscribe(&mut self, event: &str, catalog: &Catalog<'_>, model: &Described) {
        let events: Vec<&str> =
            model.called(&[BehaviourKind::Event]).map(|event| event.behaviour.name).collect();
        let listed = match events.is_empty() {
            true => json!({ "type": "array", "maxItems": 0 }),
            false => json!({ "type": "array", "items": { "enum": events } }),
        };
        let payload = object(scoped(catalog, model), &["model"]);
        let key = format!("{event}.{}", model.path());
        let message = Message::new(&key, event, "Hear of what is published", payload).about(model.path());
        let data = object([id(), ("events", listed)], &["id", "events"]);
        self.add(
            message,
            "The name of the subscription, and what can be dispatched there.",
            vec![("data", data)],
        );
    }

    fn unsubscribe(&mut self, event: &str, catalog: &Catalog<'_>) {
        let by_model = catalog.models.iter().map(|model| object(scoped(catalog, model), &["model"]));
        let forms: Vec<Json> = std::iter::once(object([id()], &["id"])).chain(by_model).collect();
        let payload = json!({ "type": "object", "anyOf": forms });
        let message = Message::new(event, event, "End a subscription", payload);
        self.add(message, "Whether there was one.", vec![("data", json!({ "type": "boolean" }))]);
    }

    fn dispatch(&mut self, event: &str, catalog: &Catalog<'_>, model: &Described) {
        for called in model.called(&[BehaviourKind::Event]) {
            let members = || {
                vec![("event", json!({ "const": called.behaviour.name })), ("data", called.payload.0.clone())]
            };
            let form = |to: Vec<(&str, Json)>, needed: &'static str| {
                let more = (!called.may_be_empty).then_some("data");
                let required: Vec<&str> = [needed, "event"].into_iter().chain(more).collect();
                object(to.into_iter().chain(members()), &required)
            };
            let forms = [form(vec![id()], "id"), form(scoped(catalog, model), "model")];
            let payload = json!({ "type": "object", "oneOf": forms });
            let key = format!("{event}.{}.{}", model.path(), called.behaviour.name);
            let message = Message::new(&key, event, called.summary(), payload);
            let message = message.about(model.path()).described(called.description());
            self.add(message, "What the event's handler answers.", vec![("data", called.reply.clone())]);
        }
    }

    /// Adds what clients are told.
    fn told(&mut self, catalog: &Catalog<'_>) {
        self.told_live(catalog);
        let count = || json!({ "type": "integer", "minimum": 0 });
        let others = [
            (
                "publish",
                "Something was published to a subscription",
                object([id(), ("data", reference("AnyJson"))], &["id", "data"]),
            ),
            (
                "missed",
                "So many payloads of a subscription were left out",
                object([id(), ("count", count())], &["id", "count"]),
            ),
            ("ended", "A subscription is over", object([id(), ("error", reference("Error"))], &["id"])),
            ("shutdown", "The server stops", object([("gracePeriodMs", count())], &["gracePeriodMs"])),
        ];
        self.said.extend(
            others.map(|(name, summary, payload)| {
                Message::new(&format!("told.{name}"), name, summary, payload)
            }),
        );
    }
}

fn replayed() -> (&'static str, Json) {
    (
        "replayed",
        json!({ "const": true, "description": "The answer is that of an earlier call with the same `mutationId`." }),
    )
}

/// The model and the query that a subscription is of.
fn scoped(catalog: &Catalog<'_>, model: &Described) -> Vec<(&'static str, Json)> {
    vec![self::model(catalog, model), ("query", model.names.filter())]
}

/// What `call` takes for an operation.
fn call(operation: Operation, catalog: &Catalog<'_>, model: &Described) -> Json {
    operated(operation, catalog, model, None)
}

/// What an event takes that names an operation, with what it needs not besides.
fn operated(
    operation: Operation,
    catalog: &Catalog<'_>,
    model: &Described,
    besides: Option<(&'static str, Json)>,
) -> Json {
    let (shape, names) = (model.shape, &model.names);
    let mut members = vec![self::model(catalog, model), ("operation", json!({ "const": operation.name() }))];
    members.extend(besides);
    let mut required = vec!["model", "operation"];
    let data = match operation.body() {
        BodyKind::Document => Some(names.insert()),
        BodyKind::Patch => Some(names.update()),
        BodyKind::Batch => Some(steps::together(steps::steps(shape, names))),
        BodyKind::None | BodyKind::Query | BodyKind::Payload => None,
    };
    if let Some(data) = data {
        members.push(("data", data));
        required.push("data");
    }
    if matches!(operation, Operation::Update | Operation::Delete) {
        members.push(("version", arguments::version()));
    }
    if operation.is_write() {
        members.push(("mutationId", arguments::mutation_id()));
    }
    if operation == Operation::Aggregate {
        let body = aggregates::body(shape, names);
        let forms = body["anyOf"].as_array().into_iter().flatten().map(|form| {
            let none = Map::new();
            let own = form["properties"].as_object().unwrap_or(&none);
            let own = own.iter().map(|(name, schema)| (name.as_str(), schema.clone()));
            let needed = form["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
            let required: Vec<&str> = required.iter().copied().chain(needed).collect();
            object(members.iter().cloned().chain(own), &required)
        });
        return json!({ "type": "object", "anyOf": forms.collect::<Vec<_>>() });
    }
    for &argument in operation.arguments() {
        let schema = arguments::argument(argument, operation, shape, names);
        members.extend(schema.map(|schema| (argument.name(), schema)));
    }
    let writes_some = matches!(operation, Operation::Update | Operation::Delete | Operation::Restore);
    let pinned =
        operation == Operation::Upsert && arguments::pin_schema(shape).is_some_and(|(_, needed)| needed);
    if writes_some || pinned {
        required.push("query");
    }
    let mut payload = object(members, &required);
    arguments::say_what_goes_together(operation, &mut payload);
    payload
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::doors::sample;

    #[test]
    fn every_event_and_every_operation_of_every_model_is_described() {
        let registry = sample::registry();
        let protocol = protocol(&mut Catalog::new(&registry), true);
        let heard = &protocol.channels[0].heard;
        let keys: BTreeSet<&str> = heard.iter().map(|exchange| exchange.message.key.as_str()).collect();
        for &shape in registry.models() {
            for operation in Operation::ALL {
                let key = format!("call.{}.{operation}", shape.path);
                assert_eq!(keys.contains(&*key), operation.is_offered(shape), "{key}");
            }
        }
        // Of events there are none among these models.
        for event in EVENTS.iter().filter(|event| **event != "dispatch") {
            let mut of_event = heard.iter().filter(|exchange| exchange.message.name == *event).peekable();
            assert!(of_event.peek().is_some(), "{event}");
            // More is known of each than that it is there.
            assert!(of_event.all(|exchange| exchange.message.summary != *event), "{event}");
        }
    }
}
