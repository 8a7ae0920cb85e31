//! Conditions: `{"user.balance": {"$gte": {"$ref": "input.amount"}}}`, in the language of filters, over references.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::Procedures;
use super::faults::{Faults, below};
use super::reference::Names;
use super::values::{Filler, Place, check as check_value, has_references};
use crate::model::{Code, Error, Result};
use crate::query::{json_equal, json_order, limits};

/// A condition. As in filters, what is asked of nothing is neither true nor false.
#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test(String, Test, Json),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Test {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Nin,
    Exists,
}

const TESTS: &[(&str, Test)] = &[
    ("$eq", Test::Eq),
    ("$ne", Test::Ne),
    ("$gt", Test::Gt),
    ("$gte", Test::Gte),
    ("$lt", Test::Lt),
    ("$lte", Test::Lte),
    ("$in", Test::In),
    ("$nin", Test::Nin),
    ("$exists", Test::Exists),
];
const AROUND: [&str; 3] = ["$and", "$or", "$not"];

/// The condition that JSON says.
pub(super) fn parse(
    json: &Json,
    at: &str,
    depth: usize,
    names: &Names<'_>,
    faults: &mut Faults,
) -> Option<Condition> {
    if depth > Procedures::MAX_CONDITION_DEPTH {
        let most = Procedures::MAX_CONDITION_DEPTH;
        faults.add(at, "depth", format!("conditions are nested at most {most} deep"));
        return None;
    }
    let Some(members) = json.as_object().filter(|members| !members.is_empty()) else {
        faults.add(at, "condition", "a condition is an object: {\"name.member\": value or {\"$gt\": value}}");
        return None;
    };
    let mut all = Vec::new();
    for (name, value) in members {
        let at = below(at, name);
        match name.as_str() {
            "$and" | "$or" => {
                let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
                    faults.add(&at, "condition", format!("`{name}` is a list of conditions"));
                    continue;
                };
                let one = |(index, json)| parse(json, &format!("{at}/{index}"), depth + 1, names, faults);
                let parts: Vec<Condition> = list.iter().enumerate().filter_map(one).collect();
                all.push(if name == "$and" { Condition::All(parts) } else { Condition::Any(parts) });
            }
            "$not" => {
                let inner = parse(value, &at, depth + 1, names, faults);
                all.extend(inner.map(|inner| Condition::Not(Box::new(inner))));
            }
            operator if operator.starts_with('$') => {
                faults.unknown(&at, "condition", "connective", operator, AROUND.into_iter());
            }
            reference => {
                names.check(reference, &at, faults);
                tests(reference, value, &at, names, faults, &mut all);
            }
        }
    }
    Some(Condition::All(all))
}

/// The tests of one value: operators, or a value that it has to equal.
fn tests(
    reference: &str,
    json: &Json,
    at: &str,
    names: &Names<'_>,
    faults: &mut Faults,
    all: &mut Vec<Condition>,
) {
    let operators = json
        .as_object()
        .filter(|members| members.keys().any(|name| name.starts_with('$')) && !members.contains_key("$ref"));
    let Some(operators) = operators else {
        check_value(json, at, names, faults);
        return all.push(Condition::Test(reference.to_owned(), Test::Eq, json.clone()));
    };
    for (name, value) in operators {
        let at = below(at, name);
        let Some((_, test)) = TESTS.iter().find(|(known, _)| known == name) else {
            faults.unknown(&at, "condition", "operator", name, TESTS.iter().map(|(known, _)| *known));
            continue;
        };
        check_value(value, &at, names, faults);
        let is_list = value.as_array().is_some_and(|list| list.len() <= limits::MAX_IN);
        match test {
            Test::Exists if !value.is_boolean() => {
                faults.add(&at, "condition", "`$exists` is `true` or `false`");
            }
            Test::In | Test::Nin if !is_list && !has_references(value) => {
                let message = format!("`{name}` takes a list of at most {} values", limits::MAX_IN);
                faults.add(&at, "condition", message);
            }
            _ => {}
        }
        all.push(Condition::Test(reference.to_owned(), *test, value.clone()));
    }
}

impl Condition {
    /// Whether it holds. Nothing if it can't be said: something is compared that is not there, or not of one kind.
    ///
    /// # Errors
    /// `NOT_FOUND` if a value to compare with leads through nothing; `VALIDATION_ERROR` if that of `$in` is no list.
    pub(super) fn holds(&self, filler: &mut Filler) -> Result<Option<bool>> {
        match self {
            Condition::All(parts) => fold(parts, filler, false),
            Condition::Any(parts) => fold(parts, filler, true),
            Condition::Not(inner) => Ok(inner.holds(filler)?.map(|holds| !holds)),
            Condition::Test(reference, test, operand) => {
                let operand = filler.fill(operand, Place::Data)?;
                let value = filler.values.find(reference);
                compare(reference, value, *test, &operand)
            }
        }
    }
}

/// All of them, or (`decides` is true) any of them: the first that decides ends it, and one that can't be said leaves it open.
fn fold(parts: &[Condition], filler: &mut Filler, decides: bool) -> Result<Option<bool>> {
    let mut open = false;
    for part in parts {
        match part.holds(filler)? {
            Some(holds) if holds == decides => return Ok(Some(decides)),
            Some(_) => {}
            None => open = true,
        }
    }
    Ok((!open).then_some(!decides))
}

fn compare(reference: &str, value: Option<&Json>, test: Test, operand: &Json) -> Result<Option<bool>> {
    // `null` is that there is no value.
    match (test, operand) {
        (Test::Eq, Json::Null) => return Ok(Some(value.is_none())),
        (Test::Ne, Json::Null) => return Ok(Some(value.is_some())),
        (Test::Exists, wanted) => return Ok(Some(value.is_some() == (wanted == &Json::Bool(true)))),
        _ => {}
    }
    let Some(value) = value else { return Ok(None) };
    let ordered = |fits: fn(Ordering) -> bool| {
        let comparable = matches!(
            (value, operand),
            (Json::Number(_), Json::Number(_))
                | (Json::String(_), Json::String(_))
                | (Json::Bool(_), Json::Bool(_))
        );
        comparable.then(|| fits(json_order(value, operand)))
    };
    Ok(match test {
        Test::Eq => Some(json_equal(value, operand)),
        Test::Ne => Some(!json_equal(value, operand)),
        Test::Gt => ordered(Ordering::is_gt),
        Test::Gte => ordered(Ordering::is_ge),
        Test::Lt => ordered(Ordering::is_lt),
        Test::Lte => ordered(Ordering::is_le),
        Test::In | Test::Nin => {
            let Some(list) = operand.as_array() else {
                let message = format!("`{reference}` is to be in a list, and what stands there is none");
                return Err(Error::new(Code::ValidationError, message));
            };
            let is_in = list.iter().any(|one| json_equal(value, one));
            Some(is_in == (test == Test::In))
        }
        Test::Exists => None,
    })
}
