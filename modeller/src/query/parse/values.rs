//! JSON values as operands, in the form in which their column stores them.

use serde_json::{Number, Value as Json};

use super::operators::Operator;
use super::{Parser, wrong};
use crate::model::{Kind, Result, Value, compare_decimal, instant, normalize_datetime};
use crate::query::{Operand, Path};

/// How an error names what a column holds.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a string",
        Kind::Integer => "an integer",
        Kind::Number => "a number",
        Kind::Boolean => "a boolean",
        Kind::DateTime => "a date-time",
        Kind::Decimal => "a decimal number",
        Kind::Json => "JSON",
    }
}

/// How an error names what a caller sent.
pub(super) fn describe(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

fn expected(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Text => &["string"],
        Kind::Integer => &["integer"],
        Kind::Number => &["number"],
        Kind::Boolean => &["boolean"],
        Kind::DateTime => &["RFC 3339 date-time", "Unix milliseconds"],
        Kind::Decimal => &["decimal number"],
        Kind::Json => &["any JSON"],
    }
}

impl Parser<'_> {
    /// A value beside an operator. `null` stands for "absent", which only equality knows.
    pub(super) fn operand(
        &mut self,
        operator: Operator,
        name: &str,
        path: &Path,
        json: &Json,
    ) -> Result<Operand> {
        let column = self.column(path);
        let equality = matches!(operator, Operator::Eq | Operator::Ne | Operator::In | Operator::Nin);
        if json.is_null() && equality {
            return Ok(Operand::Cell(Value::Null));
        }
        if path.is_json(column) {
            if let Json::Array(_) | Json::Object(_) = json {
                self.measure(json, 1)?;
            }
            return Ok(Operand::from_json(json.clone()));
        }
        let cell = match (column.kind, json) {
            (Kind::Text, Json::String(text)) => Some(Value::Text(text.clone())),
            (Kind::Integer, Json::Number(number)) => Some(integer(number)),
            (Kind::Number, Json::Number(number)) => Some(float(number)),
            (Kind::Boolean, Json::Bool(flag)) => Some(Value::Integer(i64::from(*flag))),
            (Kind::DateTime, Json::String(text)) => normalize_datetime(text).map(Value::Text),
            (Kind::DateTime, Json::Number(number)) => number.as_i64().and_then(instant).map(Value::Text),
            (Kind::Decimal, Json::String(text)) => decimal(text),
            (Kind::Decimal, Json::Number(number)) => decimal(&number.to_string()),
            _ => None,
        };
        cell.map(Operand::Cell).ok_or_else(|| {
            let given = match (column.kind, json) {
                // The type is right, the text is not.
                (Kind::DateTime | Kind::Decimal, Json::String(_)) => "this text",
                (Kind::DateTime, Json::Number(_)) => "this number",
                _ => describe(json),
            };
            wrong(operator, name, kind_name(column.kind), expected(column.kind), given)
        })
    }

    /// Keeps JSON that is compared as a whole in bounds.
    fn measure(&mut self, json: &Json, depth: usize) -> Result<()> {
        Self::depth(depth)?;
        match json {
            Json::Array(all) => {
                self.count_values(all.len())?;
                all.iter().try_for_each(|json| self.measure(json, depth + 1))
            }
            Json::Object(all) => {
                self.count_values(all.len())?;
                all.values().try_for_each(|json| self.measure(json, depth + 1))
            }
            _ => Ok(()),
        }
    }
}

/// A number beside an integer column: an integer, if it is one. What is no integer stays as it is, since comparisons
/// are exact: `{"$lt": 1e30}` is true of all, `{"$eq": 1.5}` of none.
fn integer(number: &Number) -> Value {
    // −2⁶³ and 2⁶³ as floats are exact; what lies between and has no fraction is an `i64`.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => Value::Integer(integer),
        (None, Some(float)) if float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float) => {
            Value::Integer(float as i64)
        }
        // Above 2⁶³ a float stands for the integer: no column's value lies between the two.
        (None, float) => Value::Number(float.unwrap_or(f64::NAN)),
    }
}

/// A number beside a float column. Integers that are no float stay integers, since comparisons are exact.
fn float(number: &Number) -> Value {
    match number.as_i64() {
        Some(integer) if integer.unsigned_abs() > 1 << 53 => Value::Integer(integer),
        Some(integer) => Value::Number(integer as f64),
        None => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn decimal(text: &str) -> Option<Value> {
    // All numbers come before what is no number, such as the empty text.
    compare_decimal(text, "").is_lt().then(|| Value::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value() {
        let number = |text: &str| serde_json::from_str::<Number>(text).unwrap();
        assert_eq!(integer(&number("1.0")), Value::Integer(1));
        assert_eq!(integer(&number("-0.0")), Value::Integer(0));
        assert_eq!(integer(&number("1.5")), Value::Number(1.5));
        assert_eq!(integer(&number("9223372036854775807")), Value::Integer(i64::MAX));
        assert_eq!(integer(&number("9223372036854775808")), Value::Number(9_223_372_036_854_775_808.0));
        assert_eq!(integer(&number("-9223372036854775808.0")), Value::Integer(i64::MIN));
        assert_eq!(float(&number("1")), Value::Number(1.0));
        assert_eq!(float(&number("9007199254740993")), Value::Integer(9_007_199_254_740_993));
    }
}
