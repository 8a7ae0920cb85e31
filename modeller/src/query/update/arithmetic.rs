//! `$inc`, `$mul`, `$min` and `$max`, without rounding and without wrapping.

use std::cmp::Ordering;

use serde_json::{Number, Value as Json};

use super::Operator;
use crate::model::{ColumnInfo, DecimalSum, Kind, compare_decimal, normalize_datetime};
use crate::query::compare::{cells, number};

/// What an amount must be for the column; `None` if it is that, `Some("")` if the column holds no numbers.
pub(super) fn wanted(column: &ColumnInfo, amount: &Json) -> Option<&'static str> {
    match column.kind {
        Kind::Integer => amount.as_number().and_then(whole).is_none().then_some("integer"),
        Kind::Number | Kind::Json => (!amount.is_number()).then_some("number"),
        Kind::Decimal => decimal(amount).is_none().then_some("decimal number"),
        Kind::Text | Kind::DateTime | Kind::Boolean => Some(""),
    }
}

/// The number, if it has no fraction. For JSON Schema `3.0` is a whole number, too.
fn whole(number: &Number) -> Option<i128> {
    // What is below 2⁵³ has no other float beside it.
    let exact = |float: &f64| float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0;
    match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => Some(integer.into()),
        (None, Some(integer)) => Some(integer.into()),
        (None, None) => number.as_f64().filter(exact).map(|float| float as i128),
    }
}

/// A decimal number as text.
fn decimal(json: &Json) -> Option<String> {
    let text = match json {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    // All numbers come before what is no number, such as the empty text.
    compare_decimal(&text, "").is_lt().then_some(text)
}

/// Why there is no result.
pub(super) enum Stuck {
    /// What is stored is no number.
    NoNumber,
    /// The result is beyond what the type holds.
    Overflow,
}

/// `$inc` or `$mul`. What is absent counts as 0.
pub(super) fn changed(kind: Kind, operator: Operator, stored: &Json, amount: &Json) -> Result<Json, Stuck> {
    let zero = Json::from(0);
    let stored = if stored.is_null() { &zero } else { stored };
    if kind == Kind::Decimal {
        return decimals(operator, stored, amount);
    }
    let (Json::Number(stored), Json::Number(amount)) = (stored, amount) else { return Err(Stuck::NoNumber) };
    if kind != Kind::Number
        && let (Some(left), Some(right)) = (whole(stored), whole(amount))
    {
        let result = match operator {
            Operator::Mul => left.checked_mul(right),
            _ => left.checked_add(right),
        };
        let fits = |number: i128| i64::try_from(number).map(Json::from).ok();
        let large = |number: i128| u64::try_from(number).map(Json::from).ok().filter(|_| kind == Kind::Json);
        return result.and_then(|number| fits(number).or_else(|| large(number))).ok_or(Stuck::Overflow);
    }
    let (left, right) = (stored.as_f64().ok_or(Stuck::NoNumber)?, amount.as_f64().ok_or(Stuck::NoNumber)?);
    let result = match operator {
        Operator::Mul => left * right,
        _ => left + right,
    };
    // JSON has no infinity.
    Number::from_f64(result).map(Json::Number).ok_or(Stuck::Overflow)
}

fn decimals(operator: Operator, stored: &Json, amount: &Json) -> Result<Json, Stuck> {
    let stored = decimal(stored).ok_or(Stuck::NoNumber)?;
    let amount = decimal(amount).ok_or(Stuck::NoNumber)?;
    let mut number = DecimalSum::default();
    number.add(&stored);
    let result = match operator {
        Operator::Mul => number.times(&amount),
        _ => {
            number.add(&amount);
            Some(number)
        }
    };
    result.and_then(DecimalSum::finish).map(Json::from).ok_or(Stuck::Overflow)
}

/// `$min` or `$max`: the one of the two that is wanted; `None` if they can't be compared.
pub(super) fn bounded(kind: Kind, operator: Operator, stored: &Json, value: &Json) -> Option<Json> {
    if stored.is_null() {
        return Some(value.clone());
    }
    let order = match (stored, value) {
        _ if kind == Kind::Decimal => Some(compare_decimal(&decimal(stored)?, &decimal(value)?)),
        (Json::Number(stored), Json::Number(value)) => cells(Kind::Number, number(stored), number(value)),
        (Json::String(stored), Json::String(value)) if kind == Kind::DateTime => {
            Some(normalize_datetime(stored)?.cmp(&normalize_datetime(value)?))
        }
        (Json::String(stored), Json::String(value)) => Some(stored.as_bytes().cmp(value.as_bytes())),
        _ => None,
    }?;
    let replaces = match operator {
        Operator::Min => order == Ordering::Greater,
        _ => order == Ordering::Less,
    };
    Some(if replaces { value.clone() } else { stored.clone() })
}
