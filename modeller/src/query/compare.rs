//! How values compare: the one place both interpreters and the sort take it from.

use std::cmp::Ordering;

use serde_json::Value as Json;

use crate::model::{Cell, Kind, compare_decimal};

/// A whole number and a float, exactly: no rounding, however large they are. `None` for NaN.
pub(crate) fn integer_with_float(integer: i64, float: f64) -> Option<Ordering> {
    // 2⁶³ and −2⁶³ as floats are exact.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        None
    } else if float >= LIMIT {
        Some(Ordering::Less)
    } else if float < -LIMIT {
        Some(Ordering::Greater)
    } else {
        // In range, so the conversion only cuts the fraction off.
        let whole = integer.cmp(&(float as i64));
        Some(whole.then_with(|| match float.fract() {
            fraction if fraction > 0.0 => Ordering::Less,
            fraction if fraction < 0.0 => Ordering::Greater,
            _ => Ordering::Equal,
        }))
    }
}

/// Two cells of a column of this kind; `None` where one is `Null`, NaN, or of another type than the other.
pub(crate) fn cells(kind: Kind, left: Cell<'_>, right: Cell<'_>) -> Option<Ordering> {
    match (left, right) {
        (Cell::Text(left), Cell::Text(right)) if kind == Kind::Decimal => Some(compare_decimal(left, right)),
        (Cell::Text(left), Cell::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Cell::Integer(left), Cell::Integer(right)) => Some(left.cmp(&right)),
        (Cell::Number(left), Cell::Number(right)) => left.partial_cmp(&right),
        (Cell::Integer(left), Cell::Number(right)) => integer_with_float(left, right),
        (Cell::Number(left), Cell::Integer(right)) => integer_with_float(right, left).map(Ordering::reverse),
        _ => None,
    }
}

/// A JSON number as a cell; what is above 2⁶³−1 is the float next to it.
pub(crate) fn number(number: &serde_json::Number) -> Cell<'static> {
    match number.as_i64() {
        Some(integer) => Cell::Integer(integer),
        None => Cell::Number(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// The order of a sort by a value inside JSON: absent, numbers, texts, `false`, `true`, arrays, objects. Arrays are all at one
/// place, and so are objects.
pub(crate) fn json_order(left: &Json, right: &Json) -> Ordering {
    fn rank(json: &Json) -> u8 {
        match json {
            Json::Null => 0,
            Json::Number(_) => 1,
            Json::String(_) => 2,
            Json::Bool(false) => 3,
            Json::Bool(true) => 4,
            Json::Array(_) => 5,
            Json::Object(_) => 6,
        }
    }
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => {
            cells(Kind::Number, number(left), number(right)).unwrap_or(Ordering::Equal)
        }
        (Json::String(left), Json::String(right)) => left.as_bytes().cmp(right.as_bytes()),
        _ => rank(left).cmp(&rank(right)),
    }
}

/// Whether two JSON values are equal as a whole: 1 and 1.0 are, and the order of an object's members does not count.
pub(crate) fn json_equal(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => {
            cells(Kind::Number, number(left), number(right)) == Some(Ordering::Equal)
        }
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| json_equal(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| json_equal(left, right)))
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_floats_compare_without_rounding() {
        const BIG: i64 = 9_007_199_254_740_993; // 2⁵³ + 1, no float
        assert_eq!(integer_with_float(BIG, 9_007_199_254_740_992.0), Some(Ordering::Greater));
        assert_eq!(integer_with_float(BIG - 1, 9_007_199_254_740_992.0), Some(Ordering::Equal));
        assert_eq!(integer_with_float(i64::MAX, 9.223_372_036_854_776e18), Some(Ordering::Less));
        assert_eq!(integer_with_float(i64::MIN, -9.223_372_036_854_776e18), Some(Ordering::Equal));
        assert_eq!(integer_with_float(i64::MIN, f64::NEG_INFINITY), Some(Ordering::Greater));
        assert_eq!(integer_with_float(0, -0.0), Some(Ordering::Equal));
        assert_eq!(integer_with_float(0, -0.5), Some(Ordering::Greater));
        assert_eq!(integer_with_float(-1, -1.5), Some(Ordering::Greater));
        assert_eq!(integer_with_float(1, 1.5), Some(Ordering::Less));
        assert_eq!(integer_with_float(1, f64::NAN), None);
    }

    #[test]
    fn json_is_equal_whatever_the_order_of_its_members() {
        let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        assert!(json_equal(&json(r#"{"a":1,"b":[true,1e2]}"#), &json(r#"{"b":[true,100],"a":1.0}"#)));
        assert!(!json_equal(&json(r#"{"a":1}"#), &json(r#"{"a":1,"b":null}"#)));
        assert!(!json_equal(&json("1"), &json("true")));
        assert!(!json_equal(&json("1"), &json("\"1\"")));
        assert!(!json_equal(&json("[1,2]"), &json("[2,1]")));
    }
}
