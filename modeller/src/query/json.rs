//! Tests inside JSON, and their form as text, in which a store can hand them to a function of its database.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

#[cfg(feature = "engine")]
use super::Place;
use super::compare::{cells, json_equal, json_order, number as number_cell};
use super::like::like;
use super::{Op, Operand, Step};
use crate::model::{Cell, Kind, Value};

/// The value that the steps lead to in a JSON text. `Null` if they lead nowhere, or if the text is no JSON.
pub(crate) fn find(text: &str, steps: &[Step]) -> Json {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = Walk(steps).deserialize(&mut reader);
    match (found, reader.end()) {
        (Ok(Some(json)), Ok(())) => json,
        _ => Json::Null,
    }
}

/// Reads a JSON text along a path and skips the rest of it.
struct Walk<'a>(&'a [Step]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<Json>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            [] => serde::Deserialize::deserialize(reader).map(Some),
            _ => reader.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<Json>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (step, rest) = match self.0 {
            [step, rest @ ..] => (step, rest),
            [] => return Ok(None),
        };
        let number;
        let name = match step {
            Step::Key(name) => name.as_str(),
            Step::Index(index) => {
                number = index.to_string();
                &number
            }
        };
        let mut found = None;
        while let Some(matches) = map.next_key_seed(Named(name))? {
            if matches {
                found = map.next_value_seed(Walk(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        if let [Step::Index(index), rest @ ..] = self.0 {
            for _ in 0..*index {
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
            }
            found = seq.next_element_seed(Walk(rest))?.flatten();
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Whether an object's key is this one, without a copy of it.
struct Named<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// Whether a JSON value passes the test; `None` is unknown.
pub(crate) fn test(json: &Json, op: &Op) -> Option<bool> {
    match op {
        Op::Exists(expected) => Some(json.is_null() != *expected),
        Op::Eq(operand) if is_null(operand) => Some(json.is_null()),
        Op::Ne(operand) if is_null(operand) => Some(!json.is_null()),
        Op::Stands(place, operand) => {
            let other = operand.to_json()?;
            Some(place.is(json_order(json, &other)))
        }
        _ if json.is_null() => None,
        Op::Ne(operand) => equals(json, operand).map(|equal| !equal),
        Op::Nin(operands) => one_of(json, operands).map(|among| !among),
        Op::In(operands) => one_of(json, operands),
        Op::Eq(operand) => equals(json, operand),
        op if unanswerable(op) => None,
        op => match json {
            Json::Array(elements) => Some(elements.iter().any(|element| scalar(element, op) == Some(true))),
            json => scalar(json, op),
        },
    }
}

/// Whether the operand is a float that JSON does not have.
fn unanswerable(op: &Op) -> bool {
    match op {
        Op::Gt(operand) | Op::Gte(operand) | Op::Lt(operand) | Op::Lte(operand) => {
            matches!(operand, Operand::Cell(Value::Number(number)) if !number.is_finite())
        }
        _ => false,
    }
}

fn is_null(operand: &Operand) -> bool {
    *operand == Operand::Cell(Value::Null)
}

fn one_of(json: &Json, operands: &[Operand]) -> Option<bool> {
    let mut among = Some(false);
    for operand in operands {
        match equals(json, operand) {
            Some(true) => among = among.map(|_| true),
            Some(false) => {}
            // A float that JSON does not have makes the whole test unknown.
            None => return None,
        }
    }
    among
}

fn equals(json: &Json, operand: &Operand) -> Option<bool> {
    let whole = same(json, operand)?;
    let member = || match json {
        Json::Array(elements) => elements.iter().any(|element| same(element, operand) == Some(true)),
        _ => false,
    };
    Some(whole || member())
}

/// Whether the two are equal as a whole. `None` for operands that stand for no JSON.
fn same(json: &Json, operand: &Operand) -> Option<bool> {
    Some(match operand {
        Operand::Cell(Value::Null) => return None,
        Operand::Cell(Value::Number(number)) if !number.is_finite() => return None,
        Operand::Cell(Value::Text(text)) => json.as_str() == Some(text),
        Operand::Cell(value) => numbers(json, value.view()) == Some(Ordering::Equal),
        Operand::Boolean(flag) => json.as_bool() == Some(*flag),
        Operand::Json(other) => json_equal(json, other),
    })
}

fn numbers(json: &Json, other: Cell<'_>) -> Option<Ordering> {
    match json {
        Json::Number(number) => cells(Kind::Number, number_cell(number), other),
        _ => None,
    }
}

/// The comparisons and the tests of text, on anything but an array.
fn scalar(json: &Json, op: &Op) -> Option<bool> {
    let order = |operand: &Operand| match operand {
        Operand::Cell(Value::Number(number)) if !number.is_finite() => None,
        Operand::Cell(Value::Text(other)) => json.as_str().map(|text| text.as_bytes().cmp(other.as_bytes())),
        Operand::Cell(value) => numbers(json, value.view()),
        _ => None,
    };
    match op {
        Op::Gt(operand) => order(operand).map(Ordering::is_gt),
        Op::Gte(operand) => order(operand).map(Ordering::is_ge),
        Op::Lt(operand) => order(operand).map(Ordering::is_lt),
        Op::Lte(operand) => order(operand).map(Ordering::is_le),
        Op::Contains(part) => json.as_str().map(|text| text.contains(part)),
        Op::StartsWith(part) => json.as_str().map(|text| text.starts_with(part)),
        Op::EndsWith(part) => json.as_str().map(|text| text.ends_with(part)),
        Op::Like(pattern) => json.as_str().map(|text| like(text, pattern)),
        _ => None,
    }
}

/// Steps as JSON text: keys are strings, indexes numbers.
#[cfg(feature = "engine")]
pub(crate) fn encode_steps(steps: &[Step]) -> Json {
    steps
        .iter()
        .map(|step| match step {
            Step::Key(key) => Json::from(key.as_str()),
            Step::Index(index) => Json::from(*index),
        })
        .collect()
}

/// Steps from what [`encode_steps`] made of them.
#[cfg(feature = "sqlite")]
pub(crate) fn decode_steps(json: &Json) -> Option<Vec<Step>> {
    let step = |step: &Json| match step {
        Json::String(key) => Some(Step::Key(key.clone())),
        Json::Number(index) => Some(Step::Index(u32::try_from(index.as_u64()?).ok()?)),
        _ => None,
    };
    json.as_array()?.iter().map(step).collect()
}

/// A test as JSON: `[steps, operator, operand]`. `None` if an operand is a float that JSON does not have.
#[cfg(feature = "engine")]
pub(crate) fn encode_test(steps: &[Step], op: &Op) -> Option<Json> {
    let all = |operands: &[Operand]| operands.iter().map(Operand::to_json).collect::<Option<Json>>();
    let operand = match op {
        Op::Eq(operand) | Op::Ne(operand) | Op::Gt(operand) | Op::Gte(operand) => operand.to_json()?,
        Op::Lt(operand) | Op::Lte(operand) | Op::Stands(_, operand) => operand.to_json()?,
        Op::In(operands) | Op::Nin(operands) => all(operands)?,
        Op::Exists(expected) => Json::Bool(*expected),
        Op::Contains(text) | Op::StartsWith(text) | Op::EndsWith(text) | Op::Like(text) => {
            text.as_str().into()
        }
    };
    Some(Json::Array(vec![encode_steps(steps), name(op).into(), operand]))
}

/// The test from what [`encode_test`] made of it.
#[cfg(feature = "sqlite")]
pub(crate) fn decode_test(json: &Json) -> Option<(Vec<Step>, Op)> {
    let [steps, name, json] = json.as_array()?.as_slice() else { return None };
    let operand = || Operand::from_json(json.clone());
    let all = || json.as_array().map(|all| all.iter().cloned().map(Operand::from_json).collect());
    let text = || json.as_str().map(str::to_owned);
    let op = match name.as_str()? {
        "eq" => Op::Eq(operand()),
        "ne" => Op::Ne(operand()),
        "gt" => Op::Gt(operand()),
        "gte" => Op::Gte(operand()),
        "lt" => Op::Lt(operand()),
        "lte" => Op::Lte(operand()),
        "in" => Op::In(all()?),
        "nin" => Op::Nin(all()?),
        "exists" => Op::Exists(json.as_bool()?),
        "contains" => Op::Contains(text()?),
        "startsWith" => Op::StartsWith(text()?),
        "endsWith" => Op::EndsWith(text()?),
        "like" => Op::Like(text()?),
        "before" => Op::Stands(Place::Before, operand()),
        "same" => Op::Stands(Place::Same, operand()),
        "after" => Op::Stands(Place::After, operand()),
        _ => return None,
    };
    Some((decode_steps(steps)?, op))
}

#[cfg(feature = "engine")]
fn name(op: &Op) -> &'static str {
    match op {
        Op::Eq(_) => "eq",
        Op::Ne(_) => "ne",
        Op::Gt(_) => "gt",
        Op::Gte(_) => "gte",
        Op::Lt(_) => "lt",
        Op::Lte(_) => "lte",
        Op::In(_) => "in",
        Op::Nin(_) => "nin",
        Op::Exists(_) => "exists",
        Op::Contains(_) => "contains",
        Op::StartsWith(_) => "startsWith",
        Op::EndsWith(_) => "endsWith",
        Op::Like(_) => "like",
        Op::Stands(Place::Before, _) => "before",
        Op::Stands(Place::Same, _) => "same",
        Op::Stands(Place::After, _) => "after",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: &str) -> Vec<Step> {
        let step = |part: &str| part.parse().map_or_else(|_| Step::Key(part.into()), Step::Index);
        path.split('.').filter(|part| !part.is_empty()).map(step).collect()
    }

    #[test]
    fn a_path_leads_into_objects_and_arrays() {
        let text = r#"{"a":{"b":[1,{"c":"x"}],"0":7},"a\"q":2,"n":null,"d":1,"d":2}"#;
        for (path, expected) in [
            ("a.b.0", "1"),
            ("a.b.1.c", "\"x\""),
            ("a.b.2", "null"),
            ("a.b.c", "null"),
            ("a.0", "7"),
            ("a\"q", "2"),
            ("n", "null"),
            ("n.x", "null"),
            ("d", "2"),
            ("d.x", "null"),
            ("A", "null"),
        ] {
            assert_eq!(find(text, &steps(path)).to_string(), expected, "{path}");
        }
        for broken in ["", "{", "{\"a\":1}x", "{\"a\":1,}", "nul"] {
            assert_eq!(find(broken, &steps("a")), Json::Null);
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_test_survives_being_text() {
        for op in [
            Op::Eq(Operand::Json(serde_json::json!({"a": [1, 1.0]}))),
            Op::Ne(Value::Number(1.0).into()),
            Op::In(vec![Operand::Boolean(true), Value::Integer(i64::MIN).into(), Value::from("\0").into()]),
            Op::Nin(vec![]),
            Op::Exists(false),
            Op::Like("%\\_\"".into()),
            Op::Stands(Place::After, Value::Null.into()),
        ] {
            let path = steps("a.0.\"b");
            let text = encode_test(&path, &op).unwrap().to_string();
            assert_eq!(decode_test(&serde_json::from_str(&text).unwrap()), Some((path, op)));
        }
        assert_eq!(encode_test(&[], &Op::Eq(Value::Number(f64::NAN).into())), None);
    }
}
