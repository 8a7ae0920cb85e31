//! One form for each value, so that equal values are found by equality.

use std::fmt::Write;

use serde_json::Value as Json;

use crate::model::{Cell, ColumnInfo, Kind, Value, canonical_decimal};
use crate::query::compare::number;
use crate::query::{Path, json};

/// What a path leads to, in the one form of its value: `-0.0` is `0.0`, a decimal number has no needless zeros, and JSON is its
/// [text](json_text). Absent values are `Null`.
pub(crate) fn canonical(column: &ColumnInfo, path: &Path, cell: Cell<'_>) -> Value {
    if path.is_json(column) {
        return match cell {
            Cell::Text(text) if column.kind == Kind::Json => match json::find(text, &path.steps) {
                Json::Null => Value::Null,
                json => Value::Text(json_text(&json)),
            },
            // There is nothing inside a plain column.
            _ => Value::Null,
        };
    }
    plain(column.kind, cell)
}

/// The one form of a plain column's value.
pub(crate) fn plain(kind: Kind, cell: Cell<'_>) -> Value {
    match (kind, cell) {
        (Kind::Number, Cell::Integer(integer)) => Value::Number(integer as f64),
        // `-0.0 + 0.0` is `0.0`.
        (_, Cell::Number(float)) => Value::Number(float + 0.0),
        (Kind::Decimal, Cell::Text(text)) => Value::Text(canonical_decimal(text)),
        (_, cell) => cell.to_value(),
    }
}

/// JSON as text that is the same for equal values: whole numbers without a point, members by their names.
pub(crate) fn json_text(json: &Json) -> String {
    let mut out = String::new();
    write_json(json, &mut out);
    out
}

/// Writing to a string does not fail.
fn write_json(json: &Json, out: &mut String) {
    match json {
        Json::Number(found) => {
            let number = match json_number(found) {
                Cell::Integer(integer) => integer.into(),
                Cell::Number(float) => float.into(),
                _ => Json::Null,
            };
            let _ = write!(out, "{number}");
        }
        Json::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_json(element, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<(&String, &Json)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let _ = write!(out, "{comma}{}:", Json::from(name.as_str()));
                write_json(member, out);
            }
            out.push('}');
        }
        json => {
            let _ = write!(out, "{json}");
        }
    }
}

/// A number inside JSON: what has no fraction is an integer, as far as those go.
pub(crate) fn json_number(found: &serde_json::Number) -> Cell<'static> {
    // −2⁶³ and 2⁶³ as floats are exact; what lies between and has no fraction is an `i64`.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match number(found) {
        Cell::Number(float) if float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float) => {
            Cell::Integer(float as i64)
        }
        cell => cell,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_json_has_equal_text() {
        for (one, other) in [
            (json!({"a": 1, "b": [2.0, true]}), json!({"b": [2, true], "a": 1.0})),
            (json!(-0.0), json!(0)),
            (json!(9_223_372_036_854_775_808_u64), json!(9_223_372_036_854_775_808.0)),
            (json!({"b": {"d": 1, "c": 2}}), json!({"b": {"c": 2, "d": 1}})),
        ] {
            assert_eq!(json_text(&one), json_text(&other));
        }
        for (one, other) in [(json!(1), json!("1")), (json!([1]), json!(1)), (json!(1.5), json!(1))] {
            assert_ne!(json_text(&one), json_text(&other));
        }
        assert_eq!(json_text(&json!({"b": "\0\"", "a": 1e300})), r#"{"a":1e+300,"b":"\u0000\""}"#);
    }
}
