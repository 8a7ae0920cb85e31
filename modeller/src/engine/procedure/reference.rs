//! References: `input.userId`, `user.balance`, `users.0.name`. They name values, and nothing else.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::faults::Faults;
use super::input::Input;
use crate::model::{Code, Error, Result, Shape};

/// What the input is called.
pub(super) const INPUT: &str = "input";
/// How many bytes a reference may have.
const MAX_BYTES: usize = 200;

/// What is known of a result before the procedure runs.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// One document, or `null`.
    Document(&'static Shape),
    /// A list of documents.
    Documents(&'static Shape),
    /// `{"deleted": ..}`.
    Deleted,
    /// A number.
    Number,
    /// Whatever it turns out to be.
    Any,
}

impl Form {
    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Form::Document(one), Form::Document(other)) | (Form::Documents(one), Form::Documents(other)) => {
                std::ptr::eq(one, other)
            }
            (one, other) => std::mem::discriminant(&one) == std::mem::discriminant(&other),
        }
    }
}

/// The names there are at a place of a procedure.
#[derive(Default)]
pub(super) struct Names<'a> {
    inputs: Option<&'a [Input]>,
    results: BTreeMap<String, Form>,
}

impl<'a> Names<'a> {
    pub(super) fn of(inputs: &'a [Input]) -> Self {
        Names { inputs: Some(inputs), results: BTreeMap::new() }
    }

    /// From here on there is a result of this name. Two branches may keep theirs under one.
    pub(super) fn bind(&mut self, name: &str, form: Form) {
        let known = self.results.entry(name.to_owned()).or_insert(form);
        if !known.is(form) {
            *known = Form::Any;
        }
    }

    /// Notes what is wrong with a reference.
    pub(super) fn check(&self, reference: &str, at: &str, faults: &mut Faults) {
        let mut members = reference.split('.');
        let name = members.next().unwrap_or_default();
        if reference.len() > MAX_BYTES || reference.split('.').any(str::is_empty) {
            return faults.add(at, "$ref", "a reference is a name and maybe members: `input.userId`");
        }
        if name == INPUT {
            let inputs = self.inputs.unwrap_or_default();
            if let Some(member) = members.next()
                && !inputs.iter().any(|input| input.name == member)
            {
                faults.unknown(at, "$ref", "input", member, inputs.iter().map(|input| input.name.as_str()));
            }
            return;
        }
        let Some(&form) = self.results.get(name) else {
            let known = self.results.keys().map(String::as_str).chain([INPUT]);
            return faults.unknown(at, "$ref", "earlier result", name, known);
        };
        let document = |shape: &'static Shape, member: &str, faults: &mut Faults| {
            let public = || shape.columns.iter().filter(|column| !column.private);
            if !public().any(|column| column.name == member) {
                let known = public().map(|column| column.name.as_str());
                faults.unknown(at, "$ref", &format!("field of `{}`", shape.path), member, known);
            }
        };
        match (form, members.next()) {
            (Form::Any, _) | (_, None) => {}
            (Form::Document(shape), Some(member)) => document(shape, member, faults),
            (Form::Documents(shape), Some(index)) => match index.parse::<usize>() {
                Ok(_) => members.next().into_iter().for_each(|member| document(shape, member, faults)),
                Err(_) => {
                    faults.add(at, "$ref", format!("`{name}` is a list: `{name}.0` is the first of it"))
                }
            },
            (Form::Deleted, Some("deleted")) => {}
            (Form::Deleted, Some(member)) => {
                faults.unknown(at, "$ref", "member", member, ["deleted"].into_iter())
            }
            (Form::Number, Some(_)) => {
                faults.add(at, "$ref", format!("`{name}` is a number, and has no members"))
            }
        }
    }
}

/// The values there are while a procedure runs.
pub(super) struct Values {
    all: Map<String, Json>,
}

impl Values {
    pub(super) fn new(input: Map<String, Json>) -> Self {
        Values { all: Map::from_iter([(INPUT.to_owned(), Json::Object(input))]) }
    }

    pub(super) fn keep(&mut self, name: &str, value: Json) {
        self.all.insert(name.to_owned(), value);
    }

    /// The value of a reference; nothing if there is none, wherever the way to it ends.
    pub(super) fn find(&self, reference: &str) -> Option<&Json> {
        self.walk(reference).ok().flatten()
    }

    /// The value of a reference; nothing if its last member is not there.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is nothing that could have the member: a document that was not found, a branch that was not taken.
    pub(super) fn get(&self, reference: &str) -> Result<Option<&Json>> {
        self.walk(reference).map_err(|parent| {
            let message = format!("there is no `{reference}`: `{parent}` is nothing that has members");
            Error::new(Code::NotFound, message)
        })
    }

    fn walk<'r>(&self, reference: &'r str) -> Result<Option<&Json>, &'r str> {
        let mut members = reference.split('.');
        let mut value = members.next().and_then(|name| self.all.get(name));
        let mut end = reference.find('.').unwrap_or(reference.len());
        for member in members {
            value = match value {
                Some(Json::Object(object)) => object.get(member),
                Some(Json::Array(list)) => member.parse::<usize>().ok().and_then(|index| list.get(index)),
                _ => return Err(&reference[..end]),
            };
            end += 1 + member.len();
        }
        Ok(value.filter(|value| !value.is_null()))
    }
}
