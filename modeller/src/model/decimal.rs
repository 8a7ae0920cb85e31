//! Decimal numbers of any length, compared as they are written.

use std::cmp::Ordering;

/// Compares two decimal numbers (`-12.50`, `+1e3`, `007`) by value, exactly, however long they are.
///
/// Text that is no number comes after all numbers, by its bytes, so that the order is total.
///
/// ```
/// use modeller::model::compare_decimal;
/// use std::cmp::Ordering;
/// assert_eq!(compare_decimal("9.5", "10"), Ordering::Less);
/// assert_eq!(compare_decimal("1.50", "0015e-1"), Ordering::Equal);
/// ```
pub fn compare_decimal(a: &str, b: &str) -> Ordering {
    match (Decimal::parse(a), Decimal::parse(b)) {
        (Some(left), Some(right)) => left.compare(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.as_bytes().cmp(b.as_bytes()),
    }
}

/// A number as `±0.d₁d₂d₃… × 10^scale`, with d₁ ≠ 0; no digits at all is zero.
pub(super) struct Decimal<'a> {
    pub(super) negative: bool,
    pub(super) scale: i64,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Decimal<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (negative, bytes) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, bytes),
        };
        let (number, exponent) = match bytes.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&bytes[..at], exponent(&bytes[at + 1..])?),
            None => (bytes, 0),
        };
        let (whole, fraction) = match number.iter().position(|&byte| byte == b'.') {
            Some(at) => (&number[..at], &number[at + 1..]),
            None => (number, &[][..]),
        };
        let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return None;
        }
        let zeros = |part: &[u8]| part.iter().take_while(|&&byte| byte == b'0').count();
        let whole = &whole[zeros(whole)..];
        let (scale, fraction) = match whole.len() {
            0 => (-(zeros(fraction) as i64), &fraction[zeros(fraction)..]),
            length => (length as i64, fraction),
        };
        Some(Decimal { negative, scale: scale.saturating_add(exponent), whole, fraction })
    }

    /// −1, 0 or 1.
    fn sign(&self) -> i8 {
        match self.digits().any(|byte| byte != b'0') {
            false => 0,
            true if self.negative => -1,
            true => 1,
        }
    }

    pub(super) fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn compare(&self, other: &Decimal<'_>) -> Ordering {
        let signs = self.sign().cmp(&other.sign());
        if signs.is_ne() || self.sign() == 0 {
            return signs;
        }
        let length = (self.whole.len() + self.fraction.len()).max(other.whole.len() + other.fraction.len());
        let padded = |number: &Decimal<'_>| {
            let digits: Vec<u8> = number.digits().chain(std::iter::repeat(b'0')).take(length).collect();
            digits
        };
        let sizes = self.scale.cmp(&other.scale).then_with(|| padded(self).cmp(&padded(other)));
        if self.negative { sizes.reverse() } else { sizes }
    }
}

/// The exponent after the `e`; beyond ±10¹⁷ they are all the same.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size =
        digits.iter().fold(0_i64, |size, byte| (size * 10 + i64::from(byte - b'0')).min(10_i64.pow(17)));
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_compared_by_value() {
        let long = format!("1{}", "0".repeat(400));
        let rising = [
            "-1e400",
            "-123.5",
            "-123.4999",
            "-1",
            "-0.1",
            "-0.0999",
            "0",
            "1e-400",
            "0.0999",
            "0.1",
            "0.10000001",
            "1",
            "9",
            "10",
            "10.1",
            "1e2",
            "1234567890123456789012345678901234567890",
            "1e399",
            &long,
        ];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(compare_decimal(a, b), i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn one_number_has_many_spellings() {
        for (a, b) in [
            ("0", "-0.000e9"),
            ("1", "+01.000"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("0.001", "1E-3"),
            ("-12.50", "-125e-1"),
            ("0e99999999999999999999999", "0"),
        ] {
            assert_eq!(compare_decimal(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn what_is_no_number_comes_last() {
        for text in ["", "-", ".", "e5", "1e", "1e+", "0x1", "1 ", "NaN", "1.2.3", "--1"] {
            assert_eq!(compare_decimal("1e999", text), Ordering::Less, "{text}");
            assert_eq!(compare_decimal(text, text), Ordering::Equal);
        }
    }
}
