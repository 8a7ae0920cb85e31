//! Calls: `call` names a model and one of its operations, `transaction` has several, `procedure` is a stored one.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::answer;
use super::connection::Connection;
use crate::engine::{Arguments, BodyKind, Call, Operation, Transact, unknown};
use crate::model::{Code, Error, Result, Shape, nearest, shown};
use crate::registry::Registry;

/// The members of an event's argument. Their names are different: that was checked when the message was read.
pub(super) struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    pub(super) fn of(argument: &'a str) -> Result<Self> {
        serde_json::from_str(argument)
            .map(Members)
            .map_err(|_| Error::new(Code::InvalidRequest, "the argument of an event is an object"))
    }

    /// Takes out a member.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.0.remove(name)
    }

    /// Takes out a member that is text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        let text = serde_json::from_str(raw.get());
        text.map(Some).map_err(|_| Error::new(Code::InvalidRequest, format!("`{name}` must be text")))
    }

    /// Takes out a member that is text, and has to be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<String> {
        let missing = || Error::new(Code::InvalidRequest, format!("`{name}` is missing"));
        self.text(name)?.ok_or_else(missing)
    }

    /// Takes out a member as JSON.
    pub(super) fn json(&mut self, name: &str) -> Result<Option<Json>> {
        self.take(name).map(parse).transpose()
    }

    /// What is left.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, &'a RawValue)> {
        self.0.into_iter()
    }

    /// Nothing may be left.
    pub(super) fn end(self, known: &str) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let message = format!("there is no `{}` here; the event takes {known}", shown(name, 60));
                Err(Error::new(Code::InvalidRequest, message))
            }
        }
    }
}

pub(super) fn parse(raw: &RawValue) -> Result<Json> {
    parse_text(raw.get())
}

pub(super) fn parse_text(text: &str) -> Result<Json> {
    serde_json::from_str(text)
        .map_err(|error| Error::new(Code::ParseError, format!("the argument is not JSON: {error}")))
}

/// The model at a path: its own, or one where it is mounted.
pub(super) fn model(registry: &Registry, path: &str) -> Result<&'static Shape> {
    let mounted = || registry.mounts().into_iter().find(|mount| mount.path == path).map(|mount| mount.shape);
    registry.by_id(path).or_else(mounted).ok_or_else(|| {
        let near = nearest(path, registry.models().iter().map(|shape| shape.path.as_str()));
        let hint = near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        Error::new(Code::ModelNotFound, format!("there is no model `{}`{hint}", shown(path, 60)))
    })
}

/// `call {model, operation, data?, version?, mutationId?, ..arguments}`.
pub(super) async fn operation(connection: &Connection, argument: &str) -> Result<String> {
    let registry = connection.cx.engine().registry();
    let mut members = Members::of(argument)?;
    let shape = model(registry, &members.needed("model")?)?;
    let name = members.needed("operation")?;
    let operation = Operation::from_name(&name).filter(|operation| operation.is_offered(shape));
    let invoked = || registry.callable(shape, &name).map(Operation::Invoke);
    let operation = operation.or_else(invoked).ok_or_else(|| unknown(registry, shape, &name))?;
    let mut call = Call::new(operation, shape);
    call.identity = connection.cx.identity().clone();
    if let Some(id) = members.text("mutationId")? {
        call = call.with_mutation_id(&id)?;
    }
    call.expected_version = version(operation, &mut members)?;
    if let Some(data) = members.take("data") {
        let takes_none = matches!(operation.body(), BodyKind::None | BodyKind::Query);
        if takes_none && !matches!(operation, Operation::Invoke(_)) {
            return Err(Error::new(Code::InvalidRequest, format!("`{operation}` takes no `data`")));
        }
        call.body = data.get().as_bytes().to_vec();
    }
    let mut arguments = Map::new();
    for (name, raw) in members.rest() {
        arguments.insert(name, parse(raw)?);
    }
    if !arguments.is_empty() {
        if let Operation::Invoke(_) = operation {
            let message = format!("`{operation}` takes its payload as `data`, and nothing beside it");
            return Err(Error::new(Code::InvalidRequest, message));
        }
        call.arguments = Arguments::Json(arguments.into());
    }
    answer::of_reply(&connection.cx.perform(call).await?)
}

/// The version that a document must have.
fn version(operation: Operation, members: &mut Members<'_>) -> Result<Option<i64>> {
    let Some(raw) = members.take("version") else { return Ok(None) };
    if !matches!(operation, Operation::Update | Operation::Delete) {
        return Err(Error::new(Code::InvalidRequest, format!("`{operation}` takes no `version`")));
    }
    // For JSON Schema `3.0` is a whole number, too.
    let json = parse(raw)?;
    let float = || json.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9.2e18);
    let whole = json.as_i64().or_else(|| float().map(|float| float as i64));
    whole.map(Some).ok_or_else(|| Error::new(Code::InvalidRequest, "a `version` is a whole number"))
}

/// `transaction {operations, mutationId?}`.
pub(super) async fn transaction(connection: &Connection, argument: &str) -> Result<String> {
    let mut members = Members::of(argument)?;
    let id = members.text("mutationId")?;
    let operations = members.take("operations");
    members.end("`operations` and `mutationId`")?;
    let operations = operations.map_or("[]", RawValue::get);
    let mut several = Transact::new(format!("{{\"operations\":{operations}}}").into_bytes());
    several.identity = connection.cx.identity().clone();
    if let Some(id) = id {
        several = several.with_mutation_id(&id)?;
    }
    answer::of_reply(&connection.cx.transact(several).await?)
}

/// `procedure {name, data?, mutationId?}`.
pub(super) async fn procedure(connection: &Connection, argument: &str) -> Result<String> {
    let mut members = Members::of(argument)?;
    let name = members.needed("name")?;
    let id = members.text("mutationId")?;
    let input = members.take("data").map_or("", RawValue::get);
    members.end("`name`, `data` and `mutationId`")?;
    let procedures = connection.cx.procedures();
    answer::of_reply(&procedures.answered(&name, input.as_bytes(), id.as_deref()).await?)
}
