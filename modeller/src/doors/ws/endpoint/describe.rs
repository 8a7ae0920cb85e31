//! What the endpoint says of itself: a WebSocket for one query, and what each query there may tell.

use serde_json::{Value as Json, json};

use super::RealtimeOptions;
use super::messages::{ERROR, FAILURE, PING, PONG, SHUTDOWN, UPDATE};
use super::options::{AUTH_TOKEN, TOKEN};
use crate::doors::protocol::{Channel, Exchange, Message, Protocol, Server};
use crate::doors::schemas::catalog::{Catalog, Described};
use crate::doors::schemas::{object, reference, replies};
use crate::live::NamedQuery;
use crate::registry::BehaviourKind;

/// The door, with these settings.
pub(crate) fn protocol(catalog: &mut Catalog<'_>, options: &RealtimeOptions) -> Protocol {
    let mut said: Vec<Message> = catalog.models.iter().flat_map(updates).collect();
    let grace = json!({ "type": "integer", "minimum": 0 });
    let grace = object([("gracePeriodMs", grace)], &["gracePeriodMs"]);
    let names = catalog.models.iter().flat_map(names).collect::<Vec<String>>();
    said.extend([
        message(
            FAILURE,
            "The query has no answer now",
            about(json!({ "enum": names }), ("error", reference("Error"))),
        )
        .described("It may have one again."),
        message(SHUTDOWN, "The server stops", grace),
        error(),
    ]);
    Protocol {
        key: "realtime",
        server: Server {
            title: "Endpoint-first subscriptions",
            description: format!(
                "A WebSocket for one query, with a token of `POST {}`. The protocol is called `{}`.",
                options.subscribe_path, options.protocol
            ),
            protocol: "ws",
            version: Some("13"),
            path: None,
        },
        channels: vec![Channel {
            key: "realtime".into(),
            address: options.websocket_path.clone(),
            title: "A subscription".into(),
            description: "The first message is what the query answers; each further one comes when it answers something else. \
                          A token is good once, and for a short time; it goes with the URL, or among the protocols that a client offers."
                .into(),
            heard: vec![ping()],
            said,
            bindings: Some(json!({ "ws": { "method": "GET", "query": parameters(), "bindingVersion": "0.1.0" } })),
            operation_bindings: None,
        }],
    }
}

/// What may be in the URL.
fn parameters() -> Json {
    let text = |description: &str| json!({ "type": "string", "description": description });
    object(
        [
            (TOKEN, text("The token of the subscription, unless it is among the protocols.")),
            (AUTH_TOKEN, text("Who asks, unless a header or the protocols say so.")),
        ],
        &[],
    )
}

/// The one thing that clients have to say.
fn ping() -> Exchange {
    let named = |name: &str| json!({ "type": "object", "properties": { name: { "const": PING } }, "required": [name] });
    let payload = json!({ "anyOf": [{ "const": PING }, named("event"), named("type")] });
    let pong = object([("event", json!({ "const": PONG }))], &["event"]);
    let pong = Message::new(PONG, PONG, "It is", pong);
    Message::new(PING, PING, "Whether the server is there", payload).answered(vec![pong, error()])
}

fn error() -> Message {
    message(ERROR, "What the client said is not understood, or too often", reference("Error"))
}

/// The queries of a model by their whole names.
fn names(model: &Described) -> impl Iterator<Item = String> {
    let by_name = model.called(&[BehaviourKind::Query]).map(|query| query.behaviour.name);
    let all = NamedQuery::operations(model.shape).map(|operation| operation.name()).chain(by_name);
    all.map(|name| format!("{}/{name}", model.path()))
}

/// What each query of a model tells.
fn updates(model: &Described) -> Vec<Message> {
    let operations = NamedQuery::operations(model.shape).map(|operation| {
        let answer = replies::answer(operation, &model.names);
        (operation.name(), replies::meaning(operation), answer)
    });
    let by_name = model
        .called(&[BehaviourKind::Query])
        .map(|query| (query.behaviour.name, "What the query answers now", query.reply.clone()));
    let update = |(name, summary, answer): (&str, &str, Json)| {
        let query = json!({ "const": format!("{}/{name}", model.path()) });
        let mut update = message(UPDATE, summary, about(query, ("data", answer)));
        update.key = format!("{UPDATE}.{}.{name}", model.path());
        update.about(model.path())
    };
    operations.chain(by_name).map(update).collect()
}

/// What is said of a query.
fn about(name: Json, what: (&str, Json)) -> Json {
    let signature = json!({ "type": "string", "description": "The query with its arguments, as the subscription has it." });
    let needed = ["queryName", "signature", what.0];
    object([("queryName", name), ("signature", signature), what], &needed)
}

/// `{event, payload}`.
fn message(event: &str, summary: &str, payload: Json) -> Message {
    let whole = object([("event", json!({ "const": event })), ("payload", payload)], &["event", "payload"]);
    Message::new(event, event, summary, whole)
}
