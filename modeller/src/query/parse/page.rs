//! Which part of an answer is asked for.

use serde_json::Value as Json;

use super::{invalid, values};
use crate::model::{Error, Result};
use crate::query::limits;

/// A part of the selected rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many rows to leave out first.
    pub start: u64,
    /// How many rows at most, up to [`limits::MAX_COUNT`].
    pub count: u64,
    /// The cursor after which to go on.
    pub after: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Page { start: 0, count: limits::DEFAULT_COUNT, after: None }
    }
}

impl Page {
    /// A page from the texts of a URL.
    ///
    /// # Errors
    /// `INVALID_QUERY` for what is no whole number in bounds, and for `start` together with `after`.
    pub fn from_texts(start: Option<&str>, count: Option<&str>, after: Option<&str>) -> Result<Self> {
        let number = |name, text: &str, most| {
            // Digits only: `u64` would take a `+`.
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>()
                .ok()
                .filter(|number| digits && *number <= most)
                .ok_or_else(|| bounds(name, most))
        };
        Page {
            start: start.map_or(Ok(0), |text| number("start", text, MAX_START))?,
            count: count
                .map_or(Ok(limits::DEFAULT_COUNT), |text| number("count", text, limits::MAX_COUNT))?,
            after: after.filter(|text| !text.is_empty()).map(str::to_owned),
        }
        .checked()
    }

    /// A page from the members of a JSON object; those that are `null` or missing have their defaults.
    ///
    /// # Errors
    /// As [`from_texts`](Page::from_texts).
    pub fn from_json(start: Option<&Json>, count: Option<&Json>, after: Option<&Json>) -> Result<Self> {
        let number = |name, json: &Json, most: u64| {
            let float = || json.as_f64().filter(|float| float.fract() == 0.0 && (0.0..9e15).contains(float));
            let number = json.as_u64().or_else(|| float().map(|float| float as u64));
            number.filter(|number| *number <= most).ok_or_else(|| bounds(name, most))
        };
        let given = |json: Option<&Json>| json.filter(|json| !json.is_null()).cloned();
        Page {
            start: given(start).map_or(Ok(0), |json| number("start", &json, MAX_START))?,
            count: given(count)
                .map_or(Ok(limits::DEFAULT_COUNT), |json| number("count", &json, limits::MAX_COUNT))?,
            after: match given(after) {
                None => None,
                Some(Json::String(text)) => Some(text),
                Some(json) => {
                    return Err(invalid(format!("`after` is a cursor, not {}", values::describe(&json)))
                        .with_field("after"));
                }
            },
        }
        .checked()
    }

    fn checked(self) -> Result<Self> {
        match (self.start, &self.after) {
            (1.., Some(_)) => Err(invalid("`start` and `after` exclude each other").with_field("after")),
            _ => Ok(self),
        }
    }
}

/// As far as the offsets of databases go.
const MAX_START: u64 = i64::MAX as u64;

fn bounds(name: &'static str, most: u64) -> Error {
    invalid(format!("`{name}` is a whole number from 0 to {most}")).with_field(name)
}
