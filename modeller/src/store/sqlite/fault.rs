//! What SQLite reports, as errors for callers: never its own text, which goes to the log.

use rusqlite::{Error as Driver, ErrorCode, ffi};

use super::table::Table;
use crate::model::{Code, Error};

/// The error for a caller. What the driver said is logged.
pub(super) fn caller(error: Driver) -> Error {
    let fault = match &error {
        Driver::SqliteFailure(failure, text) => of_code(failure.code, text.as_deref().unwrap_or_default()),
        Driver::SqlInputError { error, msg, .. } => of_code(error.code, msg),
        _ => internal("the store gave an answer that makes no sense"),
    };
    // A read that takes too long for its place, or that nobody waits for, is broken off: that is no fault.
    let broken_off = error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted);
    if fault.status() >= 500 && !broken_off {
        tracing::error!(%error, code = fault.code(), "SQLite");
    }
    fault
}

fn of_code(code: ErrorCode, text: &str) -> Error {
    let words = match code {
        ErrorCode::DiskFull => "nothing can be written: there is no space left",
        ErrorCode::ReadOnly => "nothing can be written: the store is read-only",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "the store is locked by another process",
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => "the store is damaged",
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::OutOfMemory => {
            "the store can't be reached now"
        }
        ErrorCode::OperationInterrupted => "the store is closing",
        ErrorCode::TooBig => return Error::new(Code::PayloadTooLarge, "a value is too large to be stored"),
        // The filter became too large a statement; that is the caller's doing.
        _ if ["too many SQL variables", "tree is too large", "too complex", "stack overflow"]
            .iter()
            .any(|part| text.contains(part)) =>
        {
            return Error::new(Code::InvalidQuery, "the query is too large");
        }
        _ => return internal("the store refused a statement"),
    };
    unavailable(words)
}

/// Nothing can be written or read now.
pub(super) fn unavailable(words: &'static str) -> Error {
    Error::new(Code::StoreUnavailable, words)
}

/// A fault on our side.
pub(super) fn internal(words: &'static str) -> Error {
    Error::new(Code::InternalError, words)
}

/// What a failed insert or update means: often that another document has a value that is unique.
pub(super) fn of_change(table: &Table, error: Driver) -> Error {
    if let Driver::SqliteFailure(failure, Some(text)) = &error
        && [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY].contains(&failure.extended_code)
        && let Some(set) = table.violated(text)
    {
        if set.iter().any(|&index| table.shape.columns[index].private) {
            // Which private field it was would say what other documents hold.
            return Error::new(Code::UniqueViolation, "another document has a value that must be unique");
        }
        let names: Vec<&str> = set.iter().map(|&index| &*table.shape.columns[index].name).collect();
        // The value itself stays unsaid: it may be private, and its sender knows it.
        let message = match names.as_slice() {
            [name] => format!("another document has this `{name}`"),
            names => format!("another document has the same `{}`", names.join("` and `")),
        };
        return Error::new(Code::UniqueViolation, message).with_field(names.join(","));
    }
    caller(error)
}
