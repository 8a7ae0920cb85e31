//! The operations of the protocol, by the names that it has for them and their arguments.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::request::Request;
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

/// An operation on a model: its name here, there, and its arguments here with their names there.
struct Known {
    name: &'static str,
    operation: Operation,
    answer: Answer,
    takes: &'static [(&'static str, &'static str)],
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
const READ: &[(&str, &str)] = &[
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
const KEYED: &str = "_id";

/// Stands for the field that one figure is about.
const FIELD: &str = "";

const ON_MODELS: &[Known] = &[
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

/// Operations that are not about one model.
const OTHERS: &[&str] = &[
    "store.subscribe",
    "store.unsubscribe",
    "store.transaction",
    "store.buckets",
    "store.stats",
    "store.call",
    "auth.login",
    "auth.logout",
    "auth.whoami",
];

/// Reads what is asked.
pub(super) fn read(registry: &Registry, mut request: Request) -> Result<Task> {
    match request.kind.as_str() {
        "store.transaction" => transaction(request).map(Task::Transact),
        "store.buckets" => request.finish(&[]).map(|()| Task::Buckets),
        "store.stats" => request.finish(&[]).map(|()| Task::Stats),
        "store.call" => call(registry, request),
        "store.subscribe" => subscribe(registry, request),
        "store.unsubscribe" => unsubscribe(request),
        "auth.whoami" => request.finish(&[]).map(|()| Task::WhoAmI),
        "auth.logout" => request.finish(&[]).map(|()| Task::LogOut),
        "auth.login" => Err(Error::new(
            Code::Unauthorized,
            "this application has no sign-in yet, so that no token can be valid: everybody is anonymous",
        )),
        kind if kind.starts_with("channel.") => channel(request),
        "rules.subscribe" => {
            let pattern = request.need("pattern", "a pattern of topics")?;
            request.finish(&["pattern"])?;
            Ok(Task::Hear(pattern))
        }
        "rules.unsubscribe" => unsubscribe(request),
        kind if kind.starts_with("rules.") => rules(request),
        kind => {
            let name = kind.strip_prefix("store.").unwrap_or_default();
            match ON_MODELS.iter().find(|known| known.name == name) {
                Some(known) => on_model(registry, known, request),
                None => Err(unknown(kind)),
            }
        }
    }
}

fn unknown(kind: &str) -> Error {
    let names: Vec<String> = ON_MODELS.iter().map(|known| format!("store.{}", known.name)).collect();
    let hint = nearest(kind, names.iter().map(String::as_str).chain(OTHERS.iter().copied()));
    let hint = hint.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let shown: String = kind.chars().take(100).collect();
    Error::custom(super::codes::UNKNOWN_OPERATION, 404, format!("there is no operation `{shown}`{hint}"))
}

/// The model of a request.
fn bucket(registry: &Registry, request: &mut Request) -> Result<&'static Shape> {
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

/// What the protocol demands, and the pipeline would do without.
fn demand(known: &Known, request: &Request, arguments: &Map<String, Json>) -> Result<()> {
    let (needed, there) = match known.name {
        "sum" | "avg" | "min" | "max" => ("field", arguments.contains_key("aggregates")),
        "get" | "update" | "delete" | "restore" => ("key", arguments.contains_key("query")),
        "where" | "findOne" => ("filter", arguments.contains_key("query")),
        _ => return Ok(()),
    };
    if there {
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

/// A live query. What it can be is known to those who keep it; all that a `list` takes is handed on.
fn subscribe(registry: &Registry, mut request: Request) -> Result<Task> {
    let (mut operation, mut takes) = (Operation::List, READ);
    if let Some(name) = request.take::<String>("query", "the name of a query")? {
        // No query has the name of an operation.
        let is_it = |known: &&Known| {
            known.name == name
                && known.answer == Answer::Whole
                && matches!(known.operation, Operation::Count | Operation::Aggregate)
        };
        match ON_MODELS.iter().find(is_it) {
            Some(known) => (operation, takes) = (known.operation, known.takes),
            None => return subscribe_by_name(registry, name, request),
        }
    }
    let shape = bucket(registry, &mut request)?;
    let mut arguments = Map::new();
    for &(here, there) in takes {
        if let Some(value) = request.json(here)? {
            arguments.insert(there.into(), value);
        }
    }
    let position = request.take("position", "a string: the position to go on behind")?;
    let expected: Vec<&str> = takes.iter().map(|(here, _)| *here).chain(["bucket", "position"]).collect();
    request.finish(&expected)?;
    let arguments = if arguments.is_empty() { Arguments::None } else { Arguments::Json(arguments.into()) };
    Ok(Task::Subscribe { shape, operation, arguments, position })
}

/// Something about rules; what it takes is known there.
fn rules(request: Request) -> Result<Task> {
    let operation = request.kind.strip_prefix("rules.").unwrap_or_default().to_owned();
    let arguments = serde_json::from_slice(&request.rest()?)
        .map_err(|error| Error::new(Code::InternalError, error.to_string()))?;
    Ok(Task::Rules { operation, arguments })
}

/// Something about channels; what it takes is known there.
fn channel(mut request: Request) -> Result<Task> {
    let name = request.kind.strip_prefix("channel.").unwrap_or_default();
    let operation = CHANNEL_OPERATIONS.into_iter().find(|known| *known == name);
    let operation = operation.ok_or_else(|| unknown(&request.kind))?;
    let resumes = match operation {
        "subscribe" => request.take("resumes", "the `connection` of an earlier answer")?,
        _ => None,
    };
    Ok(Task::Channel { operation, arguments: request.rest()?, resumes })
}

/// A query by its name, and that of its model unless only one has it.
fn subscribe_by_name(registry: &Registry, name: String, mut request: Request) -> Result<Task> {
    let params = request.json("params")?.unwrap_or_else(|| json!({}));
    let shape = match request.take::<String>("bucket", "a model's path")? {
        Some(path) => registry.by_id(&path),
        None => {
            let has = |shape: &&'static Shape| registry.callable(shape, &name).is_some();
            let mut having = registry.models().iter().copied().filter(has);
            having.next().filter(|_| having.next().is_none())
        }
    };
    request.finish(&["query", "params", "bucket"])?;
    let shape = shape.ok_or_else(|| {
        let shown: String = name.chars().take(100).collect();
        let message = format!("there is no query `{shown}`, or there are several: name its `bucket`");
        Error::new(Code::MethodNotFound, message)
    })?;
    Ok(Task::Watch { shape, name, params })
}

fn unsubscribe(mut request: Request) -> Result<Task> {
    let id = request.need("subscriptionId", "a string")?;
    request.finish(&["subscriptionId"])?;
    Ok(Task::Unsubscribe(id))
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
