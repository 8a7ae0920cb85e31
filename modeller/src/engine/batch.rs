//! Several operations in one transaction; without one, if they only read. In a batch all are on one model, in a
//! [`Transact`] each says on which.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::hooked::Draft;
use super::idempotency::{Once, reply};
use super::pipeline::{permit, prepare, render, too_large};
use super::scope::MAX_BYTES;
use super::transact::{self, Transact};
use super::write::Written;
use super::{Arguments, BodyKind, Call, Cx, Operation, Reply, log};
use crate::model::{self, Code, Error, Result, Shape, nearest};
use crate::registry::Registry;
use crate::store::{Answer, Work};

/// How many operations a batch or a transaction of the wire may have.
pub const MAX_OPERATIONS: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    operations: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item<'a> {
    op: String,
    /// Only in a transaction: the model's path.
    #[serde(default, deserialize_with = "text")]
    model: Option<String>,
    /// Only in a transaction: the `_id`, in place of a query.
    #[serde(default, deserialize_with = "text")]
    key: Option<String>,
    #[serde(borrow, default)]
    query: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "whole")]
    version: Option<i64>,
    #[serde(borrow, default, deserialize_with = "given")]
    field: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    distinct: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given", rename = "groupBy")]
    group_by: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    aggregates: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    sort: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    start: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    count: Option<&'a RawValue>,
}

/// Text, where there is anything: a key that is `null` would name any document.
fn text<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<String>, D::Error> {
    String::deserialize(json).map(Some)
}

/// What is there, `null` too.
fn given<'de: 'a, 'a, D: serde::Deserializer<'de>>(json: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(json).map(Some)
}

/// A whole number however it is written: for JSON Schema `3.0` is one, too.
fn whole<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(json)? else { return Ok(None) };
    let float = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9.2e18);
    let whole = number.as_i64().or_else(|| float().map(|float| float as i64));
    whole.map(Some).ok_or_else(|| serde::de::Error::custom("a version is a whole number"))
}

/// Where operations stand.
#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    /// In a batch: all are on this model.
    Batch(&'static Shape),
    /// In a transaction: each names one of these.
    Transaction(&'a Registry),
}

impl Form<'_> {
    fn name(self) -> &'static str {
        match self {
            Form::Batch(_) => "batch",
            Form::Transaction(_) => "transaction",
        }
    }

    fn syntax(self) -> &'static str {
        match self {
            Form::Batch(_) => "{operations: [{op, query?, data?, version?}]}",
            Form::Transaction(_) => "{operations: [{op, model, query? or key?, data?, version?}]}",
        }
    }
}

/// The operations that a batch or a transaction may hold.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::Insert,
    Operation::Update,
    Operation::Upsert,
    Operation::Delete,
    Operation::Restore,
    Operation::Get,
    Operation::Find,
    Operation::Count,
    Operation::Aggregate,
];

/// An operation as far as it can be taken without the store.
enum Step {
    Read(Call),
    Write(&'static Shape, Operation, Draft),
}

/// Carries out a batch.
pub(super) async fn run(cx: &Cx, call: Call) -> Result<Reply> {
    let once = Once::of(cx, &call);
    let calls = parse(Form::Batch(call.shape), &call.body)?;
    carry_out(cx, once, calls, render).await
}

/// Carries out a transaction of the wire.
pub(super) async fn transact(cx: &Cx, several: Transact) -> Result<Reply> {
    let once = Once::of_transaction(cx, &several);
    let calls = parse(Form::Transaction(cx.engine().registry()), &several.body)?;
    let result = carry_out(cx, once, calls, transact::render).await;
    result.map_err(transact::told_of_version)
}

/// How a write is answered.
type Render = fn(&Shape, Operation, &Written) -> Reply;

async fn carry_out(cx: &Cx, once: Option<Once>, calls: Vec<Call>, render: Render) -> Result<Reply> {
    // The writer is not kept waiting while payloads are checked.
    let prepare = |(index, call): (usize, Call)| match call.operation.is_write() {
        false => Ok(Step::Read(call)),
        true => {
            let (shape, operation) = (call.shape, call.operation);
            let write =
                permit(cx, &call).and_then(|()| prepare(cx, call)).map_err(|error| at(index, error))?;
            Ok(Step::Write(shape, operation, write))
        }
    };
    let steps: Vec<Step> = calls.into_iter().enumerate().map(prepare).collect::<Result<_>>()?;
    if once.is_none() && steps.iter().all(|step| matches!(step, Step::Read(_))) {
        return results(cx, steps, render).await;
    }
    cx.transaction(async move |tx| {
        if let Some(once) = once.clone()
            && let Some(reply) = before(&tx, once).await?
        {
            return Ok(reply);
        }
        let reply = results(&tx, steps, render).await?;
        if let Some(once) = once {
            keep(&tx, once, reply.clone()).await?;
        }
        Ok(reply)
    })
    .await
}

async fn results(cx: &Cx, steps: Vec<Step>, render: Render) -> Result<Reply> {
    let mut body = b"{\"results\":[".to_vec();
    for (index, step) in steps.into_iter().enumerate() {
        let reply = match step {
            Step::Read(call) => cx.perform(call).await,
            Step::Write(shape, operation, draft) => {
                let written = cx.carry_out(shape, draft).await;
                log::wrote(cx, shape, operation, &written);
                written.map(|written| render(shape, operation, &written))
            }
        };
        let reply = reply.map_err(|error| at(index, error))?;
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(format!("{{\"index\":{index},\"data\":").as_bytes());
        body.extend_from_slice(&reply.body);
        if body.len() > MAX_BYTES {
            return Err(at(index, too_large()));
        }
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    Ok(Reply { body, ..Reply::default() })
}

/// One operation of a transaction, by itself.
pub(super) fn one(registry: &Registry, json: &str) -> Result<Call> {
    model::check_json(json.as_bytes())?;
    let item = serde_json::from_str(json)
        .map_err(|error| Error::new(Code::InvalidRequest, format!("an operation is not one: {error}")))?;
    operation(Form::Transaction(registry), item)
}

/// Carries out one operation of a transaction, and answers as a transaction does.
pub(super) async fn step(cx: &Cx, call: Call) -> Result<Reply> {
    if !call.operation.is_write() {
        return cx.perform(call).await;
    }
    let (shape, operation) = (call.shape, call.operation);
    permit(cx, &call)?;
    let written = match prepare(cx, call) {
        Ok(draft) => cx.carry_out(shape, draft).await,
        Err(error) => Err(error),
    };
    log::wrote(cx, shape, operation, &written);
    written.map(|written| transact::render(shape, operation, &written))
}

/// The answer that was given before under this id, if there was one.
pub(super) async fn before(cx: &Cx, once: Once) -> Result<Option<Reply>> {
    let engine = cx.engine().clone();
    let work = Work {
        single: true,
        actor: cx.actor(),
        steps: Box::new(move |tx| {
            Box::pin(async move { Ok(Box::new(once.find(&engine, tx).await?) as Answer) })
        }),
    };
    let answer = cx.write(work).await?;
    Ok(answer.downcast::<Option<Reply>>().ok().and_then(|reply| *reply))
}

/// Keeps the answer under its id.
pub(super) async fn keep(cx: &Cx, once: Once, kept: Reply) -> Result<()> {
    let engine = cx.engine().clone();
    let work = Work {
        single: false,
        actor: cx.actor(),
        steps: Box::new(move |tx| {
            Box::pin(async move {
                once.keep(&engine, tx, &kept).await?;
                Ok(Box::new(kept) as Answer)
            })
        }),
    };
    cx.write(work).await.map(|answer| drop(reply(answer)))
}

/// The same error, saying which operation it was.
fn at(index: usize, error: Error) -> Error {
    let details = match error.details() {
        Some(details) => serde_json::json!({ "index": index, "details": details }),
        None => serde_json::json!({ "index": index }),
    };
    error.with_details(details)
}

fn parse(form: Form<'_>, body: &[u8]) -> Result<Vec<Call>> {
    model::check_json(body)?;
    let (name, syntax) = (form.name(), form.syntax());
    let malformed =
        |error: serde_json::Error| Error::new(Code::InvalidRequest, format!("a {name} is {syntax}: {error}"));
    // serde would take an array for a struct.
    let is_object = |json: &[u8]| json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let object = || Error::new(Code::InvalidRequest, format!("a {name} is an object: {syntax}"));
    if !is_object(body) {
        return Err(object());
    }
    let batch: Batch<'_> = serde_json::from_slice(body).map_err(malformed)?;
    if batch.operations.is_empty() || batch.operations.len() > MAX_OPERATIONS {
        let message = format!("a {name} has 1 to {MAX_OPERATIONS} operations");
        return Err(Error::new(Code::InvalidRequest, message));
    }
    let parse = |(index, raw): (usize, &&RawValue)| {
        if !is_object(raw.get().as_bytes()) {
            return Err(at(index, object()));
        }
        let item: Item<'_> = serde_json::from_str(raw.get()).map_err(|error| at(index, malformed(error)))?;
        operation(form, item).map_err(|error| at(index, error))
    };
    batch.operations.iter().enumerate().map(parse).collect()
}

fn operation(form: Form<'_>, item: Item<'_>) -> Result<Call> {
    let refused = |message: String| Err(Error::new(Code::InvalidRequest, message));
    let shape = match (form, &item.model) {
        (Form::Batch(shape), None) if item.key.is_none() => shape,
        (Form::Batch(shape), _) => {
            let path = &shape.path;
            return refused(format!(
                "a batch is all on `{path}`, and takes no `model` or `key`: those go with a transaction"
            ));
        }
        (Form::Transaction(registry), Some(path)) => transact::model(registry, path)?,
        (Form::Transaction(_), None) => {
            return refused("every operation of a transaction needs its `model`: `scope/name`".into());
        }
    };
    let named = match form {
        Form::Batch(_) => Operation::from_name(&item.op),
        Form::Transaction(_) => transact::operation(&item.op),
    };
    let offered = |operation: &Operation| OPERATIONS.contains(operation) && operation.is_offered(shape);
    let Some(operation) = named.filter(offered) else {
        let known: Vec<&str> = OPERATIONS.iter().filter(|one| offered(one)).map(|one| one.name()).collect();
        let hint = nearest(&item.op, known.iter().copied());
        let hint = hint.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        return refused(format!("`op` must be one of {}{hint}", known.join(", ")));
    };
    let takes_data = matches!(operation.body(), BodyKind::Document | BodyKind::Patch);
    if takes_data != item.data.is_some() {
        let message = if takes_data { "needs `data`" } else { "takes no `data`" };
        return refused(format!("`{operation}` {message}"));
    }
    if item.version.is_some() && !matches!(operation, Operation::Update | Operation::Delete) {
        return refused(format!("`{operation}` takes no `version`"));
    }
    let mut call = Call::new(operation, shape);
    call.expected_version = item.version;
    let mut arguments = serde_json::Map::new();
    match (item.key, item.query) {
        (Some(_), Some(_)) => return refused("`key` and `query` exclude each other".into()),
        (Some(key), None) => drop(arguments.insert("query".into(), serde_json::json!({ "_id": key }))),
        (None, Some(query)) => {
            drop(arguments.insert("query".into(), super::arguments::json(query.get())?));
        }
        (None, None) => {}
    }
    let figures = [
        ("field", item.field),
        ("distinct", item.distinct),
        ("groupBy", item.group_by),
        ("aggregates", item.aggregates),
        ("sort", item.sort),
        ("start", item.start),
        ("count", item.count),
    ];
    for (name, json) in figures.into_iter().filter_map(|(name, json)| Some((name, json?))) {
        let fits = operation.arguments().iter().any(|argument| argument.name() == name);
        if !fits || !matches!(operation, Operation::Count | Operation::Aggregate) {
            return refused(format!("`{operation}` takes no `{name}` here"));
        }
        arguments.insert(name.into(), super::arguments::json(json.get())?);
    }
    if !arguments.is_empty() {
        call.arguments = Arguments::Json(arguments.into());
    }
    if let Some(data) = item.data {
        call.body = data.get().as_bytes().to_vec();
    }
    Ok(call)
}
