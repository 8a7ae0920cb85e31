//! What SQLite has to be taught, on each connection.
//!
//! Its own JSON functions cut strings at a NUL, reach no key with a quote in it, and compare objects as they were written;
//! its `LIKE` does not tell `a` from `A`. So tests of JSON and of patterns run the code that the evaluation in memory runs.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as SqlValue, ValueRef};
use serde_json::Value as Json;

use crate::model::{Cell, compare_decimal};
use crate::query::like::like;
use crate::query::{Area, Op, Point, Step, json, number, search};

/// Registers the functions and collations that [`Sql`](super::Sql) uses.
pub(crate) fn install(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_collation("modeller_decimal", compare_decimal)?;
    connection.create_scalar_function("modeller_ends_with", 2, flags, |context| {
        Ok(texts(context).map(|(text, end)| text.ends_with(end)))
    })?;
    connection.create_scalar_function("modeller_like", 2, flags, |context| {
        Ok(texts(context).map(|(text, pattern)| like(text, pattern)))
    })?;
    connection.create_scalar_function("modeller_json_test", 2, flags, json_test)?;
    connection.create_scalar_function("modeller_json_key", 2, flags, json_key)?;
    connection.create_scalar_function("modeller_within", 3, flags, within)?;
    connection.create_scalar_function("modeller_words", 2, flags, words)?;
    super::aggregate::install(connection, flags)
}

/// Both arguments, if they are texts.
fn texts<'a>(context: &'a Context<'_>) -> Option<(&'a str, &'a str)> {
    Some((text(context, 0)?, text(context, 1)?))
}

pub(super) fn text<'a>(context: &'a Context<'_>, index: usize) -> Option<&'a str> {
    match context.get_raw(index) {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn argument(value: ValueRef<'_>) -> Json {
    value.as_str().ok().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// `(json, [steps, operator, operand])`: 1, 0, or `NULL` for unknown.
fn json_test(context: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    // Read once a statement, as long as SQLite keeps it.
    let test = context.get_or_create_aux(1, |value| {
        Ok::<Option<(Vec<Step>, Op)>, rusqlite::Error>(json::decode_test(&argument(value)))
    })?;
    Ok(test.as_ref().as_ref().and_then(|(steps, op)| {
        let found = text(context, 0).map_or(Json::Null, |text| json::find(text, steps));
        json::test(&found, op)
    }))
}

/// The steps that are the second argument: read once a statement, as long as SQLite keeps them.
pub(super) fn steps_of(context: &Context<'_>) -> rusqlite::Result<Arc<Vec<Step>>> {
    context.get_or_create_aux(1, |value| {
        Ok::<Vec<Step>, rusqlite::Error>(json::decode_steps(&argument(value)).unwrap_or_default())
    })
}

/// `(json, [steps])`: a value that SQLite sorts as [`json_order`](mod@crate::query) does, numbers before texts before blobs.
fn json_key(context: &Context<'_>) -> rusqlite::Result<SqlValue> {
    let steps = steps_of(context)?;
    Ok(match text(context, 0).map_or(Json::Null, |text| json::find(text, &steps)) {
        Json::Null => SqlValue::Null,
        Json::Number(found) => match number(&found) {
            Cell::Integer(integer) => SqlValue::Integer(integer),
            Cell::Number(float) => SqlValue::Real(float),
            _ => SqlValue::Null,
        },
        Json::String(text) => SqlValue::Text(text),
        Json::Bool(false) => SqlValue::Blob(vec![0]),
        Json::Bool(true) => SqlValue::Blob(vec![1]),
        Json::Array(_) => SqlValue::Blob(vec![2]),
        Json::Object(_) => SqlValue::Blob(vec![3]),
    })
}

/// `(latitude, longitude, area)`: 1, 0, or `NULL` for what is no position.
fn within(context: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    let area = context.get_or_create_aux(2, |value| {
        Ok::<Option<Area>, rusqlite::Error>(value.as_str().ok().and_then(Area::decode))
    })?;
    let degrees = |index| match context.get_raw(index) {
        ValueRef::Real(number) => Cell::Number(number),
        ValueRef::Integer(number) => Cell::Integer(number),
        _ => Cell::Null,
    };
    let point = Point::stored(degrees(0), degrees(1));
    Ok(point.and_then(|point| Some(area.as_ref().as_ref()?.contains(point))))
}

/// `(text, is list)`: the words to be found, folded; `NULL` where there is no text.
fn words(context: &Context<'_>) -> rusqlite::Result<Option<String>> {
    Ok(match (text(context, 0), context.get_raw(1)) {
        (Some(text), ValueRef::Integer(0)) => Some(search::folded(text)),
        (Some(json), _) => search::joined(json).map(|text| search::folded(&text)),
        (None, _) => None,
    })
}
