//! What this door says of its live queries: streams of events for each model.

use serde_json::{Value as Json, json};

use super::live::NAME;
use crate::doors::protocol::{Channel, Message, Protocol, Server};
use crate::doors::schemas::catalog::{Catalog, Described};
use crate::doors::schemas::live::{Figures, arguments};
use crate::doors::schemas::reference;
use crate::engine::Operation;

/// The door, as far as connections stay open.
pub(crate) fn protocol(catalog: &mut Catalog<'_>) -> Protocol {
    let mut channels = Vec::new();
    for model in &catalog.models {
        for place in catalog.places(model.shape) {
            channels.push(documents(model, &place));
            let figured = |operation| figured(model, &place, operation, &catalog.figures);
            channels.extend(Figures::OPERATIONS.map(figured));
        }
    }
    Protocol {
        key: "http",
        server: Server {
            title: "Server-sent events",
            description: "HTTP: a GET request that is answered for as long as the client listens.".into(),
            protocol: "http",
            version: Some("1.1"),
            path: None,
        },
        channels,
    }
}

/// The live queries of a model, where it is served.
fn documents(model: &Described, place: &str) -> Channel {
    let whole = "The whole answer: at first, and when changes can't be told";
    let told = vec![
        ("documents", whole, model.telling.whole.clone()),
        ("changes", "What a transaction has changed", model.telling.changes.clone()),
    ];
    stream(model, place, Operation::List, told)
}

/// The live figures of a model, where it is served.
fn figured(model: &Described, place: &str, operation: Operation, figures: &Figures) -> Channel {
    let is_count = operation == Operation::Count;
    let told = figures.told(operation).into_iter().map(|(event, schema)| {
        let summary = match event {
            "data" if is_count => "The count as it is now",
            "data" => "The figures as they are now",
            "groups" => "All groups: at first, and when changes can't be told",
            _ if is_count => "Nothing has changed since the position that was given",
            _ => "What a transaction has changed in the groups",
        };
        (event, summary, schema.clone())
    });
    stream(model, place, operation, told.collect())
}

/// A stream of such events, and of what went wrong.
fn stream(
    model: &Described,
    place: &str,
    operation: Operation,
    told: Vec<(&'static str, &'static str, Json)>,
) -> Channel {
    // Of documents, unless an operation is named.
    let named = Some(operation).filter(|operation| *operation != Operation::List);
    let part =
        |separator: char| named.map_or_else(String::new, |operation| format!("{separator}{operation}"));
    let title = match named {
        None => format!("Live queries of `{}`", model.path()),
        Some(operation) => format!("Live figures of `{}`: `{operation}`", model.path()),
    };
    // A value in a URL is text; an object in it is the text of its JSON.
    let query = json!({
        "type": "object",
        "description": "Fields to filter by may stand beside these, as `field=value`. Filters are JSON text, lists have commas.",
        "properties": arguments(operation, model.shape, &model.names),
    });
    let error = ("error", "The query is over", reference("Error"));
    let event = |(name, summary, payload): (&str, &str, Json)| {
        Message::new(&format!("{name}.{}", model.path()), name, summary, payload).about(model.path())
    };
    Channel {
        key: format!("live.{place}{}", part('.')),
        address: format!("/{place}/{NAME}{}", part('/')),
        title,
        description: "What is told is the `data` of an event; its `id` is the position, with which a client goes on (`Last-Event-ID`)."
            .into(),
        heard: Vec::new(),
        said: told.into_iter().chain([error]).map(event).collect(),
        bindings: None,
        operation_bindings: Some(json!({ "http": { "method": "GET", "query": query, "bindingVersion": "0.3.0" } })),
    }
}
