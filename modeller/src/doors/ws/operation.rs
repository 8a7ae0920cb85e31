//! The operations of the protocol, by the names that it has for them and their arguments.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::describe::{self, Describe};
use super::request::Request;
use super::subscription::{hear, subscribe, unsubscribe};
use crate::engine::{Arguments, BodyKind, Call, Operation, Transact};
use crate::live::CHANNEL_OPERATIONS;
use crate::model::{Code, Error, Result, Shape, nearest};
use crate::registry::Registry;

/// What a request comes down to.
#[derive(Debug)]
pub(super) enum Task {
    Call(Box<Call>, Answer),
    Transact(Transact),
    Subscribe { shape: &'static Shape, operation: Operation, arguments: Arguments, position: Option<String> },
    Watch { shape: &'static Shape, name: String, params: Json },
    Unsubscribe(String),
    Hear(String),
    Rules { operation: String, arguments: Json },
    Channel { operation: &'static str, arguments: Vec<u8>, resumes: Option<String> },
    Buckets,
    Stats,
    WhoAmI,
    LogOut,
}

/// What of the pipeline's reply is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All of it.
    Whole,
    /// The one figure that was asked for.
    Figure,
    /// That it was done.
    Deleted,
}

/// What the names of operations on models, on channels and on rules begin with.
pub(super) const STORE: &str = "store.";
pub(super) const CHANNEL: &str = "channel.";
pub(super) const RULES: &str = "rules.";

/// An operation on a model: its name here, there, and its arguments here with their names there.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) operation: Operation,
    pub(super) answer: Answer,
    pub(super) takes: &'static [(&'static str, &'static str)],
}

const fn known(
    name: &'static str,
    operation: Operation,
    takes: &'static [(&'static str, &'static str)],
) -> Known {
    Known { name, operation, answer: Answer::Whole, takes }
}

const KEY: (&str, &str) = ("key", KEYED);
const FILTER: (&str, &str) = ("filter", "query");
pub(super) const READ: &[(&str, &str)] = &[
    FILTER,
    ("sort", "sort"),
    ("start", "start"),
    ("count", "count"),
    ("fields", "fields"),
    ("with", "with"),
    ("search", "search"),
    ("snippet", "snippet"),
];
const FIGURE: &[(&str, &str)] = &[("field", FIELD), FILTER];
const FIRST: &[(&str, &str)] = &[("n", "count"), FILTER, ("fields", "fields"), ("with", "with")];
const PAGE: &[(&str, &str)] = &[
    ("limit", "count"),
    ("after", "after"),
    FILTER,
    ("sort", "sort"),
    ("fields", "fields"),
    ("with", "with"),
    ("search", "search"),
    ("snippet", "snippet"),
];

/// Stands for the `_id` that a `key` is.
pub(super) const KEYED: &str = "_id";

/// Stands for the field that one figure is about.
pub(super) const FIELD: &str = "";

pub(super) const ON_MODELS: &[Known] = &[
    known("insert", Operation::Insert, &[]),
    known("get", Operation::Get, &[KEY, FILTER, ("fields", "fields"), ("with", "with")]),
    known("update", Operation::Update, &[KEY, FILTER]),
    Known { answer: Answer::Deleted, ..known("delete", Operation::Delete, &[KEY, FILTER]) },
    known("all", Operation::Find, READ),
    known("where", Operation::Find, READ),
    known("findOne", Operation::Get, &[FILTER, ("sort", "sort"), ("fields", "fields"), ("with", "with")]),
    known(
        "count",
        Operation::Count,
        &[FILTER, ("field", "field"), ("distinct", "distinct"), ("with", "with"), ("search", "search")],
    ),
    known("first", Operation::First, FIRST),
    known("last", Operation::Last, FIRST),
    known("paginate", Operation::Paginate, PAGE),
    known("clear", Operation::Clear, &[]),
    Known { answer: Answer::Figure, ..known("sum", Operation::Aggregate, FIGURE) },
    Known { answer: Answer::Figure, ..known("avg", Operation::Aggregate, FIGURE) },
    Known { answer: Answer::Figure, ..known("min", Operation::Aggregate, FIGURE) },
    Known { answer: Answer::Figure, ..known("max", Operation::Aggregate, FIGURE) },
    // Beyond the protocol.
    known("upsert", Operation::Upsert, &[KEY, FILTER]),
    known("restore", Operation::Restore, &[KEY, FILTER]),
    known(
        "aggregate",
        Operation::Aggregate,
        &[
            FILTER,
            ("groupBy", "groupBy"),
            ("aggregates", "aggregates"),
            ("sort", "sort"),
            ("start", "start"),
            ("count", "count"),
            ("with", "with"),
        ],
    ),
];

/// Any other operation: its name, how a request for it is read, and what there is to say of it.
pub(super) struct Other {
    pub(super) name: &'static str,
    read: fn(&Registry, Request) -> Result<Task>,
    pub(super) describe: Describe,
}

const fn other(
    name: &'static str,
    read: fn(&Registry, Request) -> Result<Task>,
    describe: Describe,
) -> Other {
    Other { name, read, describe }
}

pub(super) const OTHERS: &[Other] = &[
    other("store.subscribe", subscribe, describe::subscribe),
    other("store.unsubscribe", |_, request| unsubscribe(request), describe::unsubscribe),
    other("store.transaction", |_, request| transaction(request).map(Task::Transact), describe::transaction),
    other("store.buckets", |_, request| request.finish(&[]).map(|()| Task::Buckets), describe::buckets),
    other("store.stats", |_, request| request.finish(&[]).map(|()| Task::Stats), describe::stats),
    other("store.call", call, describe::call),
    other("auth.login", |_, _| Err(no_sign_in()), describe::log_in),
    other("auth.logout", |_, request| request.finish(&[]).map(|()| Task::LogOut), describe::log_out),
    other("auth.whoami", |_, request| request.finish(&[]).map(|()| Task::WhoAmI), describe::who_am_i),
    other("rules.subscribe", |_, request| hear(request), describe::hear),
    other("rules.unsubscribe", |_, request| unsubscribe(request), describe::unsubscribe),
];

/// Reads what is asked.
pub(super) fn read(registry: &Registry, request: Request) -> Result<Task> {
    let kind = request.kind.as_str();
    if let Some(other) = OTHERS.iter().find(|other| other.name == kind) {
        return (other.read)(registry, request);
    }
    if let Some(name) = kind.strip_prefix(CHANNEL) {
        let operation = CHANNEL_OPERATIONS.into_iter().find(|known| *known == name);
        return operation.ok_or_else(|| unknown(kind)).and_then(|operation| channel(operation, request));
    }
    if kind.starts_with(RULES) {
        return rules(request);
    }
    let name = kind.strip_prefix(STORE).unwrap_or_default();
    match ON_MODELS.iter().find(|known| known.name == name) {
        Some(known) => on_model(registry, known, request),
        None => Err(unknown(kind)),
    }
}

fn no_sign_in() -> Error {
    Error::new(
        Code::Unauthorized,
        "this application has no sign-in yet, so that no token can be valid: everybody is anonymous",
    )
}

fn unknown(kind: &str) -> Error {
    let names: Vec<String> = ON_MODELS.iter().map(|known| format!("{STORE}{}", known.name)).collect();
    let hint = nearest(kind, names.iter().map(String::as_str).chain(OTHERS.iter().map(|other| other.name)));
    let hint = hint.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let shown: String = kind.chars().take(100).collect();
    Error::custom(super::codes::UNKNOWN_OPERATION, 404, format!("there is no operation `{shown}`{hint}"))
}

/// The model of a request.
pub(super) fn bucket(registry: &Registry, request: &mut Request) -> Result<&'static Shape> {
    let path: String = request.need("bucket", "a model's path, such as `system/users`")?;
    registry.by_id(&path).ok_or_else(|| {
        let hint = nearest(&path, registry.models().iter().map(|shape| shape.path.as_str()));
        let hint = hint.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        let shown: String = path.chars().take(100).collect();
        Error::new(Code::ModelNotFound, format!("there is no bucket `{shown}`{hint}"))
    })
}

fn on_model(registry: &Registry, known: &Known, mut request: Request) -> Result<Task> {
    let shape = bucket(registry, &mut request)?;
    let operation = known.operation;
    if !operation.is_offered(shape) {
        let message = format!("`{}` has no trash, so that nothing can be restored", shape.path);
        return Err(Error::new(Code::MethodNotFound, message));
    }
    let mut call = Box::new(Call::new(operation, shape));
    let mut arguments = Map::new();
    let mut expected = vec!["bucket"];
    for &(here, there) in known.takes {
        expected.push(here);
        let Some(value) = request.json(here)? else { continue };
        match (there, value) {
            (KEYED, Json::String(key)) => drop(arguments.insert("query".into(), json!({ "_id": key }))),
            (KEYED, _) => return Err(Error::new(Code::ValidationError, "`key` must be a string: the `_id`")),
            (FIELD, field) => {
                drop(arguments.insert("aggregates".into(), json!({ "figure": { known.name: field } })));
            }
            ("query", _) if arguments.contains_key("query") => {
                return Err(Error::new(Code::ValidationError, "`key` and `filter` exclude each other"));
            }
            (there, value) => drop(arguments.insert(there.into(), value)),
        }
    }
    demand(known, &request, &arguments)?;
    if !arguments.is_empty() {
        call.arguments = Arguments::Json(arguments.into());
    }
    if !matches!(operation.body(), BodyKind::None | BodyKind::Query) {
        expected.push("data");
        call.body = request.need::<Box<RawValue>>("data", "an object").map(into_bytes)?;
    }
    if matches!(operation, Operation::Update | Operation::Delete) {
        expected.push("version");
        call.expected_version = request.take("version", "a whole number")?;
    }
    if operation.is_write() {
        expected.push("mutationId");
        if let Some(id) = request.take::<String>("mutationId", "a string")? {
            *call = call.with_mutation_id(&id)?;
        }
    }
    request.finish(&expected)?;
    Ok(Task::Call(call, known.answer))
}

impl Known {
    /// Whether one can subscribe to it by its name, with what it takes: to figures.
    pub(super) fn can_be_live(&self) -> bool {
        self.answer == Answer::Whole && matches!(self.operation, Operation::Count | Operation::Aggregate)
    }

    /// The member that the protocol demands, where the pipeline would do without.
    pub(super) fn demands(&self) -> Option<&'static str> {
        Some(match self.name {
            "sum" | "avg" | "min" | "max" => "field",
            "get" | "update" | "delete" | "restore" => "key",
            "where" | "findOne" => "filter",
            _ => return None,
        })
    }
}

fn demand(known: &Known, request: &Request, arguments: &Map<String, Json>) -> Result<()> {
    let Some(needed) = known.demands() else { return Ok(()) };
    // A filter will do for a key.
    let there = if needed == "field" { "aggregates" } else { "query" };
    if arguments.contains_key(there) {
        return Ok(());
    }
    let message = format!("`{}` needs `{needed}`", request.kind);
    Err(Error::new(Code::ValidationError, message).with_field(needed))
}

/// A method or a query of a model.
fn call(registry: &Registry, mut request: Request) -> Result<Task> {
    let shape = bucket(registry, &mut request)?;
    let name: String = request.need("method", "the name of a method or a query")?;
    let behaviour =
        registry.callable(shape, &name).ok_or_else(|| crate::engine::unknown(registry, shape, &name))?;
    let mut call = Box::new(Call::new(Operation::Invoke(behaviour), shape));
    match (call.operation.body(), request.raw("data")) {
        (_, None) => {}
        (BodyKind::Payload, Some(data)) => call.body = into_bytes(data),
        (_, Some(data)) => {
            let json = serde_json::from_str(data.get()).map_err(|_| {
                Error::new(Code::ValidationError, "`data` must be an object: the query's arguments")
            })?;
            call.arguments = Arguments::Json(json);
        }
    }
    if let Some(id) = request.take::<String>("mutationId", "a string")? {
        *call = call.with_mutation_id(&id)?;
    }
    request.finish(&["bucket", "method", "data", "mutationId"])?;
    Ok(Task::Call(call, Answer::Whole))
}

/// Something about rules; what it takes is known there.
fn rules(request: Request) -> Result<Task> {
    let operation = request.kind.strip_prefix(RULES).unwrap_or_default().to_owned();
    let arguments = serde_json::from_slice(&request.rest()?)
        .map_err(|error| Error::new(Code::InternalError, error.to_string()))?;
    Ok(Task::Rules { operation, arguments })
}

/// Something about channels; what it takes is known there.
fn channel(operation: &'static str, mut request: Request) -> Result<Task> {
    let resumes = match operation {
        "subscribe" => request.take("resumes", "the `connection` of an earlier answer")?,
        _ => None,
    };
    Ok(Task::Channel { operation, arguments: request.rest()?, resumes })
}

/// A transaction, in the names that the pipeline has for its parts. What it is about stays as it came.
fn transaction(mut request: Request) -> Result<Transact> {
    let operations: Vec<BTreeMap<String, Box<RawValue>>> =
        request.need("operations", "an array of objects")?;
    let invalid = |index: usize, message: String| {
        Err(Error::new(Code::ValidationError, message).with_details(json!({ "index": index })))
    };
    let renamed = |(index, mut operation): (usize, BTreeMap<String, Box<RawValue>>)| {
        for (here, there) in [("bucket", "model"), ("filter", "query")] {
            if operation.contains_key(there) {
                return invalid(index, format!("an operation here has no `{there}`, but a `{here}`"));
            }
            match operation.remove(here) {
                Some(value) => drop(operation.insert(there.to_owned(), value)),
                None if here == "bucket" => {
                    return invalid(index, "every operation needs its `bucket`".to_owned());
                }
                None => {}
            }
        }
        Ok(operation)
    };
    let operations = operations.into_iter().enumerate().map(renamed).collect::<Result<Vec<_>>>()?;
    let body = serde_json::to_vec(&BTreeMap::from([("operations", operations)]));
    let body = body.map_err(|error| Error::new(Code::InternalError, error.to_string()))?;
    let mut several = Transact::new(body);
    if let Some(id) = request.take::<String>("mutationId", "a string")? {
        several = several.with_mutation_id(&id)?;
    }
    request.finish(&["operations", "mutationId"])?;
    Ok(several)
}

fn into_bytes(raw: Box<RawValue>) -> Vec<u8> {
    Box::<str>::from(raw).into_boxed_bytes().into_vec()
}
