//! What an update changes, from Rust.

use std::marker::PhantomData;

use serde_json::{Map, Value as Json};

use super::write;
use crate::model::{Code, Error, Model, Result};
use crate::query::{Access, Change};

/// New values for some fields of a document, and operators on what is stored.
///
/// One change (`User::AGE.set(37)`, `User::AGE.inc(1)`), several of them (`[User::AGE.set(37), ..]` for one type, or `Patch::new().set(..)`), or JSON.
#[derive(Clone, Debug)]
pub struct Patch<M> {
    members: Map<String, Json>,
    fault: Option<Error>,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> Default for Patch<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Model> Patch<M> {
    /// No changes yet.
    pub fn new() -> Self {
        Patch { members: Map::new(), fault: None, model: PhantomData }
    }

    /// With this change too.
    #[must_use]
    pub fn set(mut self, change: Change<M>) -> Self {
        let name = M::descriptor().shape().columns[change.column()].name.clone();
        let operator = change.operator();
        match (change.into_value(), operator) {
            (Err(error), _) => self.fault = Some(error),
            (Ok(value), None) => drop(self.members.insert(name, value)),
            (Ok(value), Some(operator)) => {
                let group = self.members.entry(operator).or_insert_with(|| Json::Object(Map::new()));
                // Two of them would depend on their order, as two different operators on one field would.
                let taken = match group.as_object_mut() {
                    Some(group) => group.insert(name.clone(), value).is_some(),
                    None => true,
                };
                if taken {
                    let message = format!("`{operator}` changes `{name}` twice");
                    self.fault = Some(Error::new(Code::ValidationError, message).with_field(name));
                }
            }
        }
        self
    }

    pub(super) fn into_json(self) -> Result<write::Patch> {
        match self.fault {
            Some(error) => Err(error),
            None => {
                let json = serde_json::to_vec(&self.members).map_err(|error| refused(&error.to_string()))?;
                write::Patch::parse(M::descriptor().shape(), json, Access::Full)
            }
        }
    }
}

fn refused(why: &str) -> Error {
    Error::new(Code::ValidationError, format!("the changes can't be written as JSON: {why}"))
}

impl<M: Model> From<Change<M>> for Patch<M> {
    fn from(change: Change<M>) -> Self {
        Self::new().set(change)
    }
}

impl<M: Model> From<Vec<Change<M>>> for Patch<M> {
    fn from(changes: Vec<Change<M>>) -> Self {
        changes.into_iter().fold(Self::new(), Self::set)
    }
}

impl<M: Model, const N: usize> From<[Change<M>; N]> for Patch<M> {
    fn from(changes: [Change<M>; N]) -> Self {
        changes.into_iter().fold(Self::new(), Self::set)
    }
}

impl<M: Model> From<Json> for Patch<M> {
    fn from(json: Json) -> Self {
        match json {
            Json::Object(members) => Patch { members, ..Self::new() },
            _ => Patch { fault: Some(refused("a patch is an object")), ..Self::new() },
        }
    }
}
