//! Entries about the operations of models. They say what was done to which documents, and nothing of what those hold.

use serde_json::{Map, Value as Json};

use super::{Feature, Log, LogEntry, LogLevel};
use crate::engine::write::Written;
use crate::engine::{Cx, Operation, Reply};
use crate::model::{Code, Error, Result, Shape};

/// How many ids an entry names.
const MOST: usize = 20;

/// Tells the log what a call came to.
#[inline]
pub(in crate::engine) fn replied(
    cx: &Cx,
    shape: &'static Shape,
    operation: Operation,
    reply: &Result<Reply>,
) {
    tell(cx, shape, operation, reply, |reply, data| match operation {
        // What a group is called may be anything, and is no id.
        Operation::Aggregate => {}
        _ => about_reply(reply, data),
    });
}

/// Tells the log of a write.
#[inline]
pub(in crate::engine) fn wrote(
    cx: &Cx,
    shape: &'static Shape,
    operation: Operation,
    written: &Result<Written>,
) {
    tell(cx, shape, operation, written, |written, data| match operation {
        Operation::Clear => documents(written.removed, data),
        _ => {
            documents(written.rows.len() as u64, data);
            let ids = written.rows.iter().take(MOST).filter_map(|row| row[Shape::ID].as_text());
            data.insert("ids".into(), ids.collect());
        }
    });
}

/// Tells the log of a read, of so many documents.
#[inline]
pub(in crate::engine) fn read<T>(
    cx: &Cx,
    shape: &'static Shape,
    operation: Operation,
    found: &Result<T>,
    count: impl FnOnce(&T) -> u64,
) {
    tell(cx, shape, operation, found, |found, data| documents(count(found), data));
}

/// Tells the log of an aggregation.
#[inline]
pub(in crate::engine) fn figures<T>(cx: &Cx, shape: &'static Shape, rows: &Result<T>) {
    tell(cx, shape, Operation::Aggregate, rows, |_, _| {});
}

#[inline]
fn tell<T>(
    cx: &Cx,
    shape: &'static Shape,
    operation: Operation,
    result: &Result<T>,
    about: impl FnOnce(&T, &mut Map<String, Json>),
) {
    let log = cx.engine().log();
    if log.is_any(Feature::Crud) {
        let result = result.as_ref().map(|done| |data: &mut Map<String, Json>| about(done, data));
        write(log, cx, shape, operation, result);
    }
}

#[cold]
fn write(
    log: &Log,
    cx: &Cx,
    shape: &'static Shape,
    operation: Operation,
    result: std::result::Result<impl FnOnce(&mut Map<String, Json>), &Error>,
) {
    let level = match &result {
        Ok(_) if !operation.is_write() => LogLevel::Debug,
        Ok(_) => LogLevel::Info,
        Err(error) if error.is(Code::InternalError) => LogLevel::Error,
        Err(_) => LogLevel::Warn,
    };
    if !log.is_on(level, Feature::Crud) {
        return;
    }
    let mut data = Map::new();
    if let Some(actor) = cx.identity().actor() {
        data.insert("actor".into(), actor.into());
    }
    if cx.in_transaction() {
        data.insert("transaction".into(), true.into());
    }
    match result {
        Ok(about) => about(&mut data),
        Err(error) => {
            // Not its message: that may quote what was sent.
            data.insert("code".into(), error.code().into());
            if let Some(field) = error.field() {
                data.insert("field".into(), field.into());
            }
        }
    }
    let site = shape.descriptor.site;
    let place = format!("{}:{}", site.file, site.line);
    let entry = log.entry(level, Feature::Crud, Some(shape), operation.name(), place);
    log.emit(LogEntry { data: (!data.is_empty()).then(|| data.into()), ..entry });
}

fn documents(count: u64, data: &mut Map<String, Json>) {
    data.insert("documents".into(), count.into());
}

/// What a reply is about: the number of its documents, and the first ids.
fn about_reply(reply: &Reply, data: &mut Map<String, Json>) {
    if reply.replayed {
        data.insert("replayed".into(), true.into());
    }
    let Ok(body) = serde_json::from_slice::<Json>(&reply.body) else { return };
    let found = match body.get("records").unwrap_or(&body) {
        Json::Array(found) => found.as_slice(),
        Json::Object(members) if members.contains_key("_id") => std::slice::from_ref(&body),
        Json::Object(members) => {
            // `{deleted}` of a `clear`, `{results}` of a batch.
            let deleted = members.get("deleted").and_then(Json::as_u64);
            let results = || members.get("results")?.as_array().map(|results| results.len() as u64);
            return deleted.or_else(results).into_iter().for_each(|count| documents(count, data));
        }
        Json::Number(count) => return count.as_u64().into_iter().for_each(|count| documents(count, data)),
        _ => &[],
    };
    documents(found.len() as u64, data);
    let ids: Vec<Json> =
        found.iter().take(MOST).filter_map(|document| document.get("_id").cloned()).collect();
    if !ids.is_empty() {
        data.insert("ids".into(), ids.into());
    }
}
