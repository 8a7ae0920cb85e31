//! Values as numbers: hashes that are the same for equal values, and numbers in the order of the values.

use std::hash::{BuildHasher, Hasher, RandomState};

use serde_json::Value as Json;

use crate::model::{Cell, Kind, canonical_decimal};
use crate::query::number;

/// Hashes values. The seed is random, so that nobody can look for values that have one hash.
pub(super) struct Seed(RandomState);

impl Seed {
    pub(super) fn new() -> Self {
        Seed(RandomState::new())
    }

    /// Cells of a column of this kind that are equal have one hash. (Those of NaN, which equals nothing, do not matter.)
    pub(super) fn cell(&self, kind: Kind, cell: Cell<'_>) -> u64 {
        // As floats, −2⁶³ and 2⁶³ are exact.
        const WHOLE: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
        match cell {
            Cell::Null => self.bytes(0, &[]),
            Cell::Integer(number) => self.bytes(1, &number.to_le_bytes()),
            Cell::Number(number) if number.fract() == 0.0 && WHOLE.contains(&number) => {
                self.bytes(1, &(number as i64).to_le_bytes())
            }
            Cell::Number(number) => self.bytes(2, &number.to_bits().to_le_bytes()),
            Cell::Text(text) if kind == Kind::Decimal => self.bytes(3, canonical_decimal(text).as_bytes()),
            Cell::Text(text) => self.bytes(3, text.as_bytes()),
        }
    }

    /// As JSON has it: those that equal one operand have one hash. Only arrays and objects have none.
    pub(super) fn json(&self, json: &Json) -> Option<u64> {
        match json {
            Json::Null | Json::Array(_) | Json::Object(_) => None,
            Json::Bool(flag) => Some(self.boolean(*flag)),
            Json::Number(json) => Some(self.cell(Kind::Number, number(json))),
            Json::String(text) => Some(self.cell(Kind::Text, Cell::Text(text))),
        }
    }

    /// `true` or `false` inside JSON, which no number equals.
    pub(super) fn boolean(&self, flag: bool) -> u64 {
        self.bytes(4, &[u8::from(flag)])
    }

    fn bytes(&self, tag: u8, bytes: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        hasher.write_u8(tag);
        hasher.finish()
    }
}

/// Of no value at all: where a list of hashes begins.
pub(super) const EMPTY: u64 = 0;

/// The hash of a list of values and one more. The order counts.
pub(super) fn chain(hash: u64, next: u64) -> u64 {
    // 2⁶⁴ divided by the golden ratio. Hashes that nobody knows are mixed: it need not be a good hash itself.
    (hash.rotate_left(23) ^ next).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A hasher for what is a hash already.
#[derive(Clone, Copy, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = chain(self.0, byte.into()));
    }

    fn write_u32(&mut self, half: u32) {
        // Tables look at the first bits and at the last ones.
        self.0 = chain(EMPTY, half.into());
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A number for a value of a column of this kind: of two values, the greater one's is not less. `None` where there is no such
/// number; what is stored there may lie anywhere.
pub(super) fn rank(kind: Kind, cell: Cell<'_>) -> Option<u64> {
    match (kind, cell) {
        (Kind::Integer | Kind::Number | Kind::Boolean, Cell::Integer(number)) => {
            Some(float_rank(number as f64))
        }
        (Kind::Integer | Kind::Number | Kind::Boolean, Cell::Number(number)) => {
            (!number.is_nan()).then(|| float_rank(number))
        }
        (Kind::Text, Cell::Text(text)) => Some(prefix(text, 0)),
        (Kind::DateTime, Cell::Text(text)) => instant_rank(text.as_bytes()),
        (Kind::Decimal, Cell::Text(text)) => decimal_rank(text),
        _ => None,
    }
}

/// The bits of a float, turned so that their order is that of the floats.
fn float_rank(number: f64) -> u64 {
    // There is one zero.
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The first bytes of a text; those that it lacks are `filler`.
pub(super) fn prefix(text: &str, filler: u8) -> u64 {
    let mut first = [filler; 8];
    for (to, from) in first.iter_mut().zip(text.as_bytes()) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}

/// The digits of `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`, as far as they fit.
fn instant_rank(text: &[u8]) -> Option<u64> {
    const FORM: &[u8; 30] = b"0000-00-00T00:00:00.000000000Z";
    // Up to 10 µs: 19 digits.
    const KEPT: usize = 25;
    if text.len() != FORM.len() {
        return None;
    }
    let mut rank = 0_u64;
    for (at, (&byte, &form)) in text.iter().zip(FORM).enumerate() {
        match form {
            b'0' if !byte.is_ascii_digit() => return None,
            b'0' if at < KEPT => rank = rank * 10 + u64::from(byte - b'0'),
            b'0' => {}
            separator if byte != separator => return None,
            _ => {}
        }
    }
    Some(rank)
}

/// The float next to a decimal number. Very long ones have none: reading them may round in the wrong direction.
fn decimal_rank(text: &str) -> Option<u64> {
    const LONG: usize = 64;
    // Without letters there is no `inf` and no `nan`.
    let is_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if text.len() > LONG || !text.bytes().all(is_number) {
        return None;
    }
    text.parse().ok().map(float_rank)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::model::compare_decimal;

    #[test]
    fn equal_values_have_one_hash() {
        let seed = Seed::new();
        let number = |cell| seed.cell(Kind::Number, cell);
        assert_eq!(number(Cell::Integer(1)), number(Cell::Number(1.0)));
        assert_eq!(number(Cell::Number(0.0)), number(Cell::Number(-0.0)));
        assert_eq!(number(Cell::Integer(i64::MIN)), number(Cell::Number(i64::MIN as f64)));
        assert_ne!(number(Cell::Integer(i64::MAX)), number(Cell::Number(i64::MAX as f64)));
        assert_ne!(number(Cell::Integer(1 << 53)), number(Cell::Integer((1 << 53) + 1)));
        let decimal = |text| seed.cell(Kind::Decimal, Cell::Text(text));
        assert_eq!(decimal("1.50"), decimal("+0015e-1"));
        assert_eq!(decimal("-0.0"), decimal("0"));
        assert_ne!(decimal("1.5"), decimal("-1.5"));
        assert_ne!(seed.cell(Kind::Text, Cell::Text("1.50")), seed.cell(Kind::Text, Cell::Text("1.5")));
        assert_ne!(seed.json(&Json::from(true)), seed.json(&Json::from(1)));
        assert_ne!(seed.json(&Json::from("1")), seed.json(&Json::from(1)));
        assert_eq!(seed.json(&Json::from(1.0)), Some(number(Cell::Integer(1))));
        assert_ne!(number(Cell::Integer(1)), Seed::new().cell(Kind::Number, Cell::Integer(1)));
        assert_ne!(chain(chain(EMPTY, 1), 2), chain(chain(EMPTY, 2), 1));
    }

    #[test]
    fn instants_are_told_apart_up_to_ten_microseconds() {
        let instant = |text| rank(Kind::DateTime, Cell::Text(text));
        assert_eq!(instant("2026-01-02T03:04:05.678901234Z"), Some(2_026_010_203_040_567_890));
        for wrong in
            ["", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05.678901234Z", "2026-01-02T03:04:05.67890123xZ"]
        {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_greater_number_has_no_lesser_rank(
            numbers in prop::collection::vec(prop_oneof![
                any::<i64>().prop_map(Cell::Integer),
                (-1_000..1_000_i64).prop_map(Cell::Integer),
                (0..9_i64).prop_map(|less| Cell::Integer(i64::MAX - less)),
                (-9..9_i64).prop_map(|more| Cell::Integer((1 << 53) + more)),
                any::<f64>().prop_map(Cell::Number),
                (-9..9_i8).prop_map(|number| Cell::Number(f64::from(number) / 2.0)),
                prop::sample::select(&[f64::INFINITY, f64::NEG_INFINITY, -0.0][..]).prop_map(Cell::Number),
            ], 2..20),
        ) {
            for &left in &numbers {
                for &right in &numbers {
                    if crate::query::cells(Kind::Number, left, right) == Some(Ordering::Less) {
                        prop_assert!(rank(Kind::Number, left) <= rank(Kind::Number, right));
                    }
                }
            }
        }

        #[test]
        fn a_greater_text_or_decimal_has_no_lesser_rank(
            left in "[a-c\0\u{e9}]{0,10}", right in "[a-c\0\u{e9}]{0,10}",
            one in "[+-]?[0-9]{0,20}\\.?[0-9]{0,20}([eE][+-]?[0-9]{1,6})?",
            other in prop_oneof!["[+-]?[0-9]{0,20}\\.?[0-9]{0,20}([eE][+-]?[0-9]{1,6})?", "[0-9]", "inf|nan|x"],
        ) {
            let ranks = |kind, left, right| rank(kind, Cell::Text(left)).zip(rank(kind, Cell::Text(right)));
            let (low, high) = ranks(Kind::Text, &left, &right).unwrap();
            prop_assert!(left.as_bytes() > right.as_bytes() || low <= high);
            prop_assert!(left.as_bytes() < right.as_bytes() || low >= high);
            if let Some((low, high)) = ranks(Kind::Decimal, &one, &other) {
                let order = compare_decimal(&one, &other);
                prop_assert!(order == Ordering::Greater || low <= high, "{} {}", one, other);
                prop_assert!(order == Ordering::Less || low >= high, "{} {}", one, other);
            }
        }
    }
}
