//! An update over one document: a plain patch comes out.

use serde_json::{Map, Value as Json, json};

use super::arithmetic::{self, Stuck};
use super::{Fault, Operation, Operator, Update, fault, refused, type_fault};
use crate::model::{Kind, Result, RowView, Shape, write_cell};
use crate::query::Step;
use crate::query::compare::json_equal;

/// What an update makes of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// A JSON object: each member replaces that field.
    pub patch: Vec<u8>,
    /// Indexes of the columns that lose their value.
    pub unset: Vec<usize>,
}

impl Update {
    /// The plain patch for a stored row.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if what is stored can't be changed like this: an overflow, a list that is none.
    pub fn apply(&self, shape: &Shape, row: &dyn RowView) -> Result<Applied> {
        self.over(shape, |column| {
            let mut json = Vec::new();
            write_cell(shape.columns[column].kind, row.cell(column), &mut json);
            // What is no JSON was not written by us: it is as good as nothing.
            serde_json::from_slice(&json).unwrap_or_default()
        })
    }

    /// The document that this makes where there is none: each change is one of the field's default, or of nothing.
    ///
    /// # Errors
    /// As [`apply`](Update::apply).
    pub fn document(&self, shape: &Shape) -> Result<Vec<u8>> {
        let default = |column: usize| shape.columns[column].default.clone().unwrap_or_default();
        Ok(self.over(shape, default)?.patch)
    }

    /// The part of the update that means the same for every document: its plain members, and those of `$set`.
    pub fn given(&self) -> Vec<u8> {
        let mut plain = self.plain.clone();
        for operation in &self.operations {
            if operation.operator == Operator::Set && operation.path.steps.is_empty() {
                plain.insert(operation.name.clone(), operation.value.clone());
            }
        }
        written(&plain)
    }

    /// The update as it was asked for.
    #[cfg(feature = "engine")]
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut members = self.plain.clone();
        for Operation { operator, name, value, .. } in &self.operations {
            let group = members.entry(operator.name()).or_insert_with(|| json!({}));
            group[name.as_str()] = value.clone();
        }
        written(&members)
    }

    fn over(&self, shape: &Shape, stored: impl Fn(usize) -> Json) -> Result<Applied> {
        let mut members = self.plain.clone();
        let (mut unset, mut faults) = (Vec::new(), Vec::new());
        for operation in &self.operations {
            let column = operation.path.column;
            let info = &shape.columns[column];
            if operation.operator == Operator::Unset && operation.path.steps.is_empty() {
                unset.push(column);
                continue;
            }
            // Another operator may have changed another place in the same field.
            let mut json = members.get(&info.name).cloned().unwrap_or_else(|| stored(column));
            match operation.change(info.kind, &mut json) {
                Ok(true) => drop(members.insert(info.name.clone(), json)),
                Ok(false) => {}
                Err(fault) => faults.push(fault),
            }
        }
        match faults.is_empty() {
            true => Ok(Applied { patch: written(&members), unset }),
            false => Err(refused(faults)),
        }
    }
}

fn written(members: &Map<String, Json>) -> Vec<u8> {
    // Proof: a map of JSON values is written without errors.
    serde_json::to_vec(members).unwrap_or_default()
}

impl Operation {
    /// Changes the field's value; answers whether there was something to change.
    fn change(&self, kind: Kind, field: &mut Json) -> Result<bool, Fault> {
        let makes_way = !matches!(self.operator, Operator::Unset | Operator::Pull);
        if self.operator == Operator::Unset {
            return self.remove(field);
        }
        let Some(place) = self.reach(field, &self.path.steps, makes_way)? else { return Ok(false) };
        let kind = if self.path.steps.is_empty() { kind } else { Kind::Json };
        match self.operator {
            Operator::Inc | Operator::Mul => {
                *place =
                    arithmetic::changed(kind, self.operator, place, &self.value).map_err(
                        |stuck| match stuck {
                            Stuck::NoNumber => self.misfit("number"),
                            Stuck::Overflow => fault(
                                self.operator.name(),
                                &self.name,
                                "overflow",
                                "must NOT lead beyond what the type holds",
                                json!({}),
                            ),
                        },
                    )?;
            }
            Operator::Min | Operator::Max => {
                let wanted = if self.value.is_number() { "number" } else { "string" };
                *place = arithmetic::bounded(kind, self.operator, place, &self.value)
                    .ok_or_else(|| self.misfit(wanted))?;
            }
            Operator::Push | Operator::AddToSet | Operator::Pull => return self.change_list(place),
            Operator::Set | Operator::Unset => *place = self.value.clone(),
        }
        Ok(true)
    }

    fn change_list(&self, place: &mut Json) -> Result<bool, Fault> {
        let list = match place {
            Json::Array(list) => list,
            Json::Null if self.operator == Operator::Pull => return Ok(false),
            Json::Null => {
                *place = Json::Array(vec![self.value.clone()]);
                return Ok(true);
            }
            _ => return Err(self.misfit("array")),
        };
        match self.operator {
            Operator::Pull => list.retain(|element| !json_equal(element, &self.value)),
            Operator::AddToSet if list.iter().any(|element| json_equal(element, &self.value)) => {}
            _ => list.push(self.value.clone()),
        }
        Ok(true)
    }

    fn remove(&self, field: &mut Json) -> Result<bool, Fault> {
        let Some((last, way)) = self.path.steps.split_last() else { return Ok(false) };
        match (self.reach(field, way, false)?, last) {
            (Some(Json::Object(members)), Step::Key(name)) => Ok(members.shift_remove(name).is_some()),
            (Some(Json::Object(members)), Step::Index(index)) => {
                Ok(members.shift_remove(&index.to_string()).is_some())
            }
            (Some(Json::Array(_)), Step::Index(_)) => {
                let message = "must NOT be an element of a list: `$pull` takes those out";
                Err(fault(self.operator.name(), &self.name, "path", message, json!({})))
            }
            _ => Ok(false),
        }
    }

    /// The place that the steps lead to. `makes_way`: members that are not there come into being.
    fn reach<'j>(
        &self,
        json: &'j mut Json,
        steps: &[Step],
        makes_way: bool,
    ) -> Result<Option<&'j mut Json>, Fault> {
        let mut place = json;
        for step in steps {
            if place.is_null() && makes_way && matches!(step, Step::Key(_)) {
                *place = Json::Object(Map::new());
            }
            let next = match (place, step) {
                (Json::Object(members), step) => {
                    let name = match step {
                        Step::Key(name) => name.clone(),
                        Step::Index(index) => index.to_string(),
                    };
                    match makes_way {
                        true => Some(members.entry(name).or_insert(Json::Null)),
                        false => members.get_mut(&name),
                    }
                }
                (Json::Array(list), Step::Index(index)) => {
                    let index = *index as usize;
                    if makes_way && index == list.len() {
                        list.push(Json::Null);
                    }
                    list.get_mut(index)
                }
                _ => None,
            };
            match next {
                Some(next) => place = next,
                None if makes_way => {
                    let message = "must lead to a member of an object, to an element of a list, or next to its last one";
                    return Err(fault(self.operator.name(), &self.name, "path", message, json!({})));
                }
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    /// What is stored is of another type than the operator needs.
    fn misfit(&self, wanted: &str) -> Fault {
        let mut violation = type_fault(self.operator, &self.name, wanted);
        violation.message = format!("can change only what is stored as {wanted}");
        violation
    }
}
