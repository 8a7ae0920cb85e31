//! The arguments of a call, checked against its model and its operation.

use serde_json::Value as Json;

use super::related_figures;
use super::search::{Hits, Searching};
use super::with::{self, With};
use super::{Argument, Arguments, Operation};
use crate::model::{self, Code, Error, Relations, Result, Shape, View};
use crate::query::limits::{MAX_COUNT, MAX_GROUPS, MAX_START};
use crate::query::{self, Access, Filter, Order};

/// The model that is asked, and its relations.
type Asked<'a> = (&'a dyn Relations, &'a Shape);

/// What a call asks for, parsed.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) filter: Filter,
    pub(crate) order: Vec<Order>,
    pub(crate) view: View,
    pub(crate) start: u64,
    pub(crate) count: Option<u64>,
    /// `Some("")` asks for a cursor without having one yet.
    pub(crate) after: Option<String>,
    /// What goes with each document that a search finds.
    pub(super) hits: Option<Hits>,
    /// What figures are made of, as it arrived.
    pub(crate) figures: Vec<(Argument, Json)>,
    /// What to load with the documents.
    pub(crate) with: Vec<With>,
}

impl Request {
    pub(crate) fn parse(
        relations: &dyn Relations,
        shape: &Shape,
        operation: Operation,
        arguments: Arguments,
    ) -> Result<Self> {
        let mut request = Request {
            filter: Filter::True,
            order: Vec::new(),
            view: View::Public,
            start: 0,
            count: None,
            after: None,
            hits: None,
            figures: Vec::new(),
            with: Vec::new(),
        };
        let model = (relations, shape);
        let mut searching = Searching::default();
        match arguments {
            Arguments::None => {}
            Arguments::Pairs(pairs) => request.pairs(model, operation, pairs, &mut searching)?,
            Arguments::Json(Json::Object(members)) => {
                for (name, value) in members {
                    let argument =
                        argument(shape, operation, &name).ok_or_else(|| unknown(shape, operation, &name))?;
                    request.set(model, operation, argument, value, &mut searching)?;
                }
            }
            Arguments::Json(_) => {
                return Err(Error::new(Code::InvalidRequest, "the arguments must be a JSON object"));
            }
        }
        if let Some(search) = searching.search.clone() {
            request.and(Filter::Search(Box::new(search)));
        }
        request.hits = searching.into_hits()?;
        if request.start > 0 && request.after.as_ref().is_some_and(|after| !after.is_empty()) {
            return Err(Error::new(Code::InvalidQuery, "`start` and `after` exclude each other"));
        }
        Ok(request)
    }

    /// Takes `with` for a condition: there are such related documents.
    pub(super) fn constrain(&mut self) -> Result<()> {
        let with = std::mem::take(&mut self.with);
        self.and(related_figures::constraint(&with)?);
        Ok(())
    }

    fn and(&mut self, filter: Filter) {
        self.filter = std::mem::replace(&mut self.filter, Filter::True).and(filter);
    }

    fn pairs(
        &mut self,
        model: Asked<'_>,
        operation: Operation,
        pairs: Vec<(String, String)>,
        searching: &mut Searching,
    ) -> Result<()> {
        let (relations, shape) = model;
        let mut fields = Vec::with_capacity(pairs.len());
        let mut seen = Vec::new();
        for (name, value) in pairs {
            let Some(argument) = argument(shape, operation, &name) else {
                fields.push((name, value));
                continue;
            };
            if seen.contains(&argument) {
                return Err(Error::new(Code::InvalidQuery, format!("`{name}` is given twice")));
            }
            seen.push(argument);
            let value = match argument {
                Argument::Query => json(&value)?,
                _ => Json::String(value),
            };
            self.set(model, operation, argument, value, searching)?;
        }
        if !fields.is_empty() {
            if !operation.arguments().contains(&Argument::Query) {
                return Err(unknown(shape, operation, &fields[0].0));
            }
            let filter = Filter::parse_pairs_among(shape, &fields, Access::Public, relations)?;
            self.and(filter);
        }
        Ok(())
    }

    fn set(
        &mut self,
        model: Asked<'_>,
        operation: Operation,
        argument: Argument,
        value: Json,
        searching: &mut Searching,
    ) -> Result<()> {
        let (relations, shape) = model;
        if !operation.arguments().contains(&argument) {
            return Err(unknown(shape, operation, argument.name()));
        }
        match argument {
            Argument::Query => {
                self.and(Filter::parse_among(shape, &value, Access::Public, relations)?);
            }
            Argument::Sort if operation == Operation::Aggregate => self.figures.push((argument, value)),
            Argument::GroupBy | Argument::Aggregates | Argument::Field | Argument::Distinct => {
                self.figures.push((argument, value));
            }
            Argument::Sort => self.order = query::parse_order(shape, &value, Access::Public)?,
            Argument::Fields => self.view = View::Only(query::parse_fields(shape, &value, Access::Public)?),
            Argument::With => self.with = with::parse(relations, shape, &value)?,
            Argument::Search => searching.search(shape, value)?,
            Argument::Snippet => searching.snippet(shape, &value)?,
            Argument::Start => self.start = number("start", &value, 0, MAX_START)?,
            Argument::Count => {
                let most = if operation == Operation::Aggregate { MAX_GROUPS as u64 } else { MAX_COUNT };
                self.count = Some(number("count", &value, least_count(operation), most)?);
            }
            Argument::After => match value {
                Json::String(cursor) => self.after = Some(cursor),
                Json::Null => self.after = Some(String::new()),
                _ => return Err(Error::new(Code::InvalidCursor, "a cursor is a string")),
            },
        }
        Ok(())
    }
}

/// The smallest `count` of an operation: a page of no documents could not say where the next one begins.
pub(crate) fn least_count(operation: Operation) -> u64 {
    u64::from(operation == Operation::Paginate)
}

/// JSON in an argument, as strict as a body.
pub(super) fn json(text: &str) -> Result<Json> {
    model::check_json(text.as_bytes())?;
    serde_json::from_str(text)
        .map_err(|error| Error::new(Code::ParseError, format!("the query is not JSON: {error}")))
}

/// The argument with this name. Those of few operations are fields to the others.
fn argument(shape: &Shape, operation: Operation, name: &str) -> Option<Argument> {
    use Argument::{After, Count, Fields, Query, Search, Snippet, Sort, Start, With};
    let own = operation.arguments().iter();
    let mut all =
        [Query, Sort, Start, Count, After, Fields, Search, Snippet, With].iter().chain(own).copied();
    all.find(|argument| argument.name() == name && argument.is_of(shape))
}

fn unknown(shape: &Shape, operation: Operation, name: &str) -> Error {
    let known: Vec<&str> = operation.arguments_of(shape).map(Argument::name).collect();
    let message = if known.is_empty() {
        format!("`{operation}` takes no arguments, but was given `{name}`")
    } else {
        format!("`{operation}` has no argument `{name}`; it takes {}", known.join(", "))
    };
    Error::new(Code::InvalidQuery, message).with_details(serde_json::json!({ "expected": known }))
}

fn number(name: &str, value: &Json, least: u64, most: u64) -> Result<u64> {
    let number = match value {
        Json::String(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()
        }
        // For JSON Schema `3.0` is a whole number, too.
        Json::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..9e15).contains(float));
            float.map(|float| float as u64)
        }),
        _ => None,
    };
    number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Error::new(Code::InvalidQuery, format!("`{name}` must be a whole number from {least} to {most}"))
    })
}
