//! Requests for a subscription, and those that end one.

use serde_json::{Map, json};

use super::operation::{ON_MODELS, READ, Task, bucket};
use super::request::Request;
use crate::engine::{Arguments, Operation};
use crate::model::{Code, Error, Result, Shape};
use crate::registry::Registry;

/// A live query. What it can be is known to those who keep it; all that a `list` takes is handed on.
pub(super) fn subscribe(registry: &Registry, mut request: Request) -> Result<Task> {
    let (mut operation, mut takes) = (Operation::List, READ);
    if let Some(name) = request.take::<String>("query", "the name of a query")? {
        // No query has the name of an operation.
        match ON_MODELS.iter().find(|known| known.name == name && known.can_be_live()) {
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

/// Events under a pattern of topics.
pub(super) fn hear(mut request: Request) -> Result<Task> {
    let pattern = request.need("pattern", "a pattern of topics")?;
    request.finish(&["pattern"])?;
    Ok(Task::Hear(pattern))
}

/// The end of a subscription, whatever it is to.
pub(super) fn unsubscribe(mut request: Request) -> Result<Task> {
    let id = request.need("subscriptionId", "a string")?;
    request.finish(&["subscriptionId"])?;
    Ok(Task::Unsubscribe(id))
}
