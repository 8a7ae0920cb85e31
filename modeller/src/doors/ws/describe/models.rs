//! What is said of the operations on models: each of them, of each model that offers it.

use serde_json::{Map, Value as Json, json};

use super::super::operation::{Answer, FIELD, KEYED, Known, STORE};
use super::Words;
use crate::doors::protocol::Message;
use crate::doors::schemas::catalog::Described;
use crate::doors::schemas::{aggregates, arguments, object, replies};
use crate::engine::{Argument, BodyKind, Operation};

/// What a figure can be.
const FIGURE: &[&str] = &["number", "string", "boolean", "null"];

/// Adds all of them.
pub(super) fn describe(all: &[Known], words: &mut Words<'_, '_>) {
    let mut added = Vec::new();
    for model in &words.catalog.models {
        for known in all.iter().filter(|known| known.operation.is_offered(model.shape)) {
            let name = format!("{STORE}{}", known.name);
            let payload = request(words, &name, known, model, Besides::default());
            let message = Message::new(&Words::key(&name, model.path()), &name, summary(known), payload);
            let (meaning, data) = answer(known, model);
            added.push((message.about(model.path()), meaning, data));
        }
    }
    for (message, meaning, data) in added {
        words.add(message, meaning, data);
    }
}

fn summary(known: &Known) -> &'static str {
    match (known.answer, known.operation) {
        (Answer::Figure, _) => "One figure over the documents that fulfil a filter",
        (_, Operation::Insert) => "Add a document",
        (_, Operation::Get) if known.demands() == Some("filter") => {
            "The first document that fulfils a filter"
        }
        (_, Operation::Get) => "Get one document",
        (_, Operation::Find) if known.demands().is_none() => "All documents",
        (_, Operation::Find) => "All documents that fulfil a filter",
        (_, Operation::List | Operation::Paginate) => "Page through documents with a cursor",
        (_, Operation::First) => "Get the first documents",
        (_, Operation::Last) => "Get the last documents, newest first",
        (_, Operation::Count) => "Count documents, or values of a field",
        (_, Operation::Aggregate) => "Count, add up, average, and find the least and the greatest",
        (_, Operation::Update) => "Change documents",
        (_, Operation::Upsert) => "Change a document, or add it",
        (_, Operation::Delete) => "Delete documents",
        (_, Operation::Restore) => "Bring documents back from the trash",
        (_, Operation::Clear) => "Delete all documents",
        (_, Operation::Batch) => "Do several things at once",
        (_, Operation::Invoke(behaviour)) => behaviour.name,
    }
}

/// What is answered, in words and as a schema.
fn answer(known: &Known, model: &Described) -> (&'static str, Json) {
    match known.answer {
        Answer::Whole => (replies::meaning(known.operation), replies::answer(known.operation, &model.names)),
        Answer::Figure => ("The figure.", json!({ "type": FIGURE })),
        Answer::Deleted => (
            "Whether there was something to delete.",
            object([("deleted", json!({ "type": "boolean" }))], &["deleted"]),
        ),
    }
}

/// What a request has beside what its operation takes.
#[derive(Default)]
pub(super) struct Besides {
    pub(super) members: Vec<(&'static str, Json)>,
    /// Which of these it needs.
    pub(super) required: &'static [&'static str],
}

/// A request of this name for an operation.
pub(super) fn request(
    words: &Words<'_, '_>,
    name: &str,
    known: &Known,
    model: &Described,
    besides: Besides,
) -> Json {
    let (operation, shape, names) = (known.operation, model.shape, &model.names);
    let mut members = vec![("bucket", json!({ "const": shape.path }))];
    members.extend(besides.members);
    let mut required: Vec<&str> = ["bucket"].into_iter().chain(besides.required.iter().copied()).collect();
    if !matches!(operation.body(), BodyKind::None | BodyKind::Query) {
        let data = if operation.body() == BodyKind::Patch { names.update() } else { names.insert() };
        members.push(("data", data));
        required.push("data");
    }
    if matches!(operation, Operation::Update | Operation::Delete) {
        members.push(("version", arguments::version()));
    }
    if operation.is_write() {
        members.push(("mutationId", arguments::mutation_id()));
    }
    let takes = |there: &str| known.takes.iter().find(|(_, name)| *name == there).map(|(here, _)| *here);
    if takes(Argument::GroupBy.name()).is_some() {
        return figures(words, name, known, model, &members, &required);
    }
    for &(here, there) in known.takes {
        let schema = match there {
            KEYED => Some(arguments::key()),
            FIELD => aggregates::field_of(known.name, shape),
            there => argument(there, known, model),
        };
        members.extend(schema.map(|schema| (here, schema)));
    }
    let (Some(key), Some(filter)) = (takes(KEYED), takes(Argument::Query.name())) else {
        required.extend(known.demands());
        let mut payload = words.request(name, members, &required);
        arguments::say_what_goes_together(operation, &mut payload);
        return payload;
    };
    // One of both; neither where the document itself says which one is meant.
    let without = |other: &str, more: Option<&'static str>| {
        let members = members.iter().filter(|(name, _)| *name != other && (more.is_some() || *name != key));
        let needed: Vec<&str> = required.iter().copied().chain(more).collect();
        words.request(name, members.cloned().collect(), &needed)
    };
    let mut forms = vec![without(filter, Some(key))];
    if members.iter().any(|(name, _)| *name == filter) {
        forms.push(without(key, Some(filter)));
    }
    let derived = || arguments::pin_schema(shape).is_none_or(|(_, required)| !required);
    if known.demands().is_none() && derived() {
        forms.push(without(filter, None));
    }
    json!({ "type": "object", "oneOf": forms })
}

fn argument(there: &str, known: &Known, model: &Described) -> Option<Json> {
    let known_arguments = known.operation.arguments().iter().copied();
    let argument = known_arguments.into_iter().find(|argument| argument.name() == there)?;
    arguments::argument(argument, known.operation, model.shape, &model.names)
}

/// Figures: what goes together in them is known in forms, each of which becomes a form of the request.
fn figures(
    words: &Words<'_, '_>,
    name: &str,
    known: &Known,
    model: &Described,
    members: &[(&str, Json)],
    needed: &[&str],
) -> Json {
    let here = |there: &str| known.takes.iter().find(|(_, name)| *name == there).map(|(here, _)| *here);
    let body = aggregates::body(model.shape, &model.names);
    let forms = body["anyOf"].as_array().into_iter().flatten().map(|form| {
        let none = Map::new();
        let properties = form["properties"].as_object().unwrap_or(&none);
        let own = properties.iter().filter_map(|(there, schema)| Some((here(there)?, schema.clone())));
        let required = form["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let required: Vec<&str> = needed.iter().copied().chain(required.filter_map(here)).collect();
        words.request(name, members.iter().cloned().chain(own).collect(), &required)
    });
    json!({ "type": "object", "anyOf": forms.collect::<Vec<_>>() })
}
