//! Values with references in them: `{"total": {"$ref": "order.total"}}`.

use serde_json::{Map, Value as Json};

use super::faults::{Faults, below};
use super::reference::{Names, Values};
use crate::engine::pipeline::too_large;
use crate::engine::scope::MAX_BYTES;
use crate::model::{Code, Error, Result};

/// Where a value is put: what is read as data everywhere is only put where nothing in it could be read as something else.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// In a document, an answer, an operand: data whatever it is.
    Data,
    /// In a filter, where an object could be operators.
    Query,
    /// In a patch, whose members could be operators.
    Patch,
}

/// The reference that a value is, if it is one.
pub(super) fn reference(value: &Json) -> Option<&str> {
    match value {
        Json::Object(members) if members.len() == 1 => members.get("$ref")?.as_str(),
        _ => None,
    }
}

/// Whether there are references in it.
pub(super) fn has_references(value: &Json) -> bool {
    reference(value).is_some()
        || match value {
            Json::Object(members) => members.values().any(has_references),
            Json::Array(list) => list.iter().any(has_references),
            _ => false,
        }
}

/// Notes what is wrong with the references in a value.
pub(super) fn check(value: &Json, at: &str, names: &Names<'_>, faults: &mut Faults) {
    match value {
        Json::Object(members) if members.contains_key("$ref") => match reference(value) {
            Some(reference) => names.check(reference, at, faults),
            None => {
                faults.add(at, "$ref", "a reference is {\"$ref\": \"name.member\"}, with nothing beside it")
            }
        },
        Json::Object(members) => {
            members.iter().for_each(|(name, value)| check(value, &below(at, name), names, faults));
        }
        Json::Array(list) => {
            let checked = |(index, value)| check(value, &format!("{at}/{index}"), names, faults);
            list.iter().enumerate().for_each(checked);
        }
        _ => {}
    }
}

/// The values of a run, and how many bytes they may still make. A reference can stand a thousand times in a procedure, for as
/// large a value each time.
pub(super) struct Filler {
    pub(super) values: Values,
    left: usize,
}

impl Filler {
    pub(super) fn new(input: Map<String, Json>) -> Self {
        Filler { values: Values::new(input), left: MAX_BYTES }
    }

    /// Counts so many bytes.
    ///
    /// # Errors
    /// If there were too many.
    pub(super) fn count(&mut self, bytes: usize) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(too_large)?;
        Ok(())
    }

    /// The value with all references replaced by what they stand for.
    ///
    /// # Errors
    /// `NOT_FOUND` if a reference leads through nothing; `VALIDATION_ERROR` if what it stands for is no plain value where only that
    /// can be data.
    pub(super) fn fill(&mut self, value: &Json, place: Place) -> Result<Json> {
        if let Some(reference) = reference(value) {
            let Some(found) = self.values.get(reference)? else { return Ok(Json::Null) };
            demand_data(found, reference, place)?;
            let found = found.clone();
            self.count(size(&found))?;
            return Ok(found);
        }
        Ok(match value {
            Json::Object(members) => {
                // Only the members of the whole patch could be operators.
                let within = if place == Place::Patch { Place::Data } else { place };
                let filled =
                    members.iter().map(|(name, value)| Ok((name.clone(), self.fill(value, within)?)));
                Json::Object(filled.collect::<Result<_>>()?)
            }
            Json::Array(list) => {
                Json::Array(list.iter().map(|value| self.fill(value, place)).collect::<Result<_>>()?)
            }
            plain => plain.clone(),
        })
    }
}

fn demand_data(value: &Json, reference: &str, place: Place) -> Result<()> {
    let is_data = match place {
        Place::Data => true,
        Place::Query => is_plain(value),
        Place::Patch => {
            value.as_object().is_some_and(|members| !members.keys().any(|name| name.starts_with('$')))
        }
    };
    if is_data {
        return Ok(());
    }
    let what = match place {
        Place::Patch => "can't be the change of a document: it must be an object without operators",
        _ => "can't be compared in a query: it must be a plain value, or a list of them",
    };
    Err(Error::new(Code::ValidationError, format!("`{reference}` {what}")))
}

fn is_plain(value: &Json) -> bool {
    match value {
        Json::Object(_) => false,
        Json::Array(list) => list.iter().all(is_plain),
        _ => true,
    }
}

/// About how many bytes of text a value makes.
fn size(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(_) => 16,
        Json::String(text) => text.len() + 2,
        Json::Array(list) => 2 + list.iter().map(|one| size(one) + 1).sum::<usize>(),
        Json::Object(members) => {
            2 + members.iter().map(|(name, one)| name.len() + 4 + size(one)).sum::<usize>()
        }
    }
}
