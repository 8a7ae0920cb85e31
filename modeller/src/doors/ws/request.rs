//! What a client asks, taken apart: `{id, type, ...}`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::model::{Code, Error, Result, check_json};

/// Longest `id`, in bytes of its JSON: it is sent back.
const MAX_ID: usize = 256;

/// What a client has said.
#[derive(Debug)]
pub(super) enum Said {
    /// It is still there.
    Pong,
    Request(Request),
}

/// One request, its members as they came.
#[derive(Debug)]
pub(super) struct Request {
    /// JSON text: a number or a string.
    pub(super) id: String,
    pub(super) kind: String,
    members: BTreeMap<String, Box<RawValue>>,
}

/// Why a message is no request, and the `id` to say it under.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) id: String,
    pub(super) error: Error,
}

/// Reads a message.
pub(super) fn read(text: &str) -> Result<Said, Refused> {
    let refused = |id: &str, error: Error| Refused { id: id.to_owned(), error };
    let invalid = |id: &str, message: &'static str| refused(id, Error::new(Code::InvalidRequest, message));
    check_json(text.as_bytes()).map_err(|error| refused("null", error))?;
    if !text.trim_start().starts_with('{') {
        return Err(invalid("null", "a message is a JSON object: {id, type, ...}"));
    }
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).map_err(|error| {
        refused("null", Error::new(Code::ParseError, format!("this is not JSON: {error}")))
    })?;
    let (id, kind) = (members.remove("id"), members.remove("type"));
    let id = match id.as_deref().map(RawValue::get) {
        Some(id) if id.len() > MAX_ID => return Err(invalid("null", "an `id` has at most 256 bytes")),
        Some(id) if id.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit()) => {
            id
        }
        Some(_) => return Err(invalid("null", "the `id` of a request is a number or a string")),
        None => "",
    };
    let shown = if id.is_empty() { "null" } else { id };
    let Some(kind) = kind else { return Err(invalid(shown, "a message needs a `type`")) };
    let Ok(kind) = serde_json::from_str::<String>(kind.get()) else {
        return Err(invalid(shown, "the `type` of a message is a string"));
    };
    match (kind.as_str(), id) {
        ("pong", _) => Ok(Said::Pong),
        (_, "") => Err(invalid("null", "a request needs an `id`")),
        (_, id) => Ok(Said::Request(Request { id: id.to_owned(), kind, members })),
    }
}

impl Request {
    /// Takes a member out as it came.
    pub(super) fn raw(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.members.remove(name)
    }

    /// Takes a member out.
    pub(super) fn take<T: for<'de> Deserialize<'de>>(&mut self, name: &str, what: &str) -> Result<Option<T>> {
        let Some(raw) = self.members.remove(name) else { return Ok(None) };
        let read = serde_json::from_str(raw.get());
        read.map(Some).map_err(|_| Error::new(Code::ValidationError, format!("`{name}` must be {what}")))
    }

    /// Takes a member out that must be there.
    pub(super) fn need<T: for<'de> Deserialize<'de>>(&mut self, name: &str, what: &str) -> Result<T> {
        self.take(name, what)?.ok_or_else(|| {
            Error::new(Code::ValidationError, format!("`{}` needs `{name}`: {what}", self.kind))
                .with_field(name)
        })
    }

    /// Takes a member out, as a value.
    pub(super) fn json(&mut self, name: &str) -> Result<Option<Json>> {
        self.take(name, "JSON")
    }

    /// All that is left, as one JSON object.
    pub(super) fn rest(self) -> Result<Vec<u8>> {
        serde_json::to_vec(&self.members).map_err(|error| Error::new(Code::InternalError, error.to_string()))
    }

    /// Nothing is left that was passed over.
    pub(super) fn finish(self, known: &[&str]) -> Result<()> {
        let Some((name, _)) = self.members.first_key_value() else { return Ok(()) };
        let shown: String = name.chars().take(100).collect();
        let message = match known {
            [] => format!("`{}` takes nothing, but was given `{shown}`", self.kind),
            known => format!("`{}` takes no `{shown}`; it takes {}", self.kind, known.join(", ")),
        };
        Err(Error::new(Code::ValidationError, message).with_details(serde_json::json!({ "expected": known })))
    }
}
