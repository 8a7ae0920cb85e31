//! Decimal numbers of any length: sums and products without rounding, and one spelling for each number.

use std::collections::BTreeMap;

use super::decimal::Decimal;

/// How many digits a result may have, and how many zeros may stand before the point or behind it.
pub(crate) const MAX_DIGITS: usize = 1_000;

/// How many decimal digits a limb has.
const LIMB: i64 = 9;
const BASE: i128 = 1_000_000_000;

/// The exact sum of decimal numbers. Only the limbs that are not zero take room, so that `1e99999 + 1` is no burden.
///
/// A limb grows by less than 10⁹ with each number that is added: an `i128` has room for all there could ever be.
#[derive(Clone, Debug, Default)]
pub(crate) struct DecimalSum {
    /// Limb `n` counts units of 10^(9n).
    limbs: BTreeMap<i64, i128>,
}

impl DecimalSum {
    /// Adds the number. Answers whether the text is one.
    pub(crate) fn add(&mut self, text: &str) -> bool {
        self.put_all(text, false)
    }

    /// Takes the number away that was added once. Answers whether the text is one.
    #[cfg(feature = "live")]
    pub(crate) fn subtract(&mut self, text: &str) -> bool {
        let is_number = self.put_all(text, true);
        self.limbs.retain(|_, limb| *limb != 0);
        is_number
    }

    fn put_all(&mut self, text: &str, is_taken: bool) -> bool {
        let Some(number) = Decimal::parse(text) else { return false };
        let negative = number.negative != is_taken;
        let count = number.digits().count() as i64;
        let (mut at, mut limb) = (None, 0_i128);
        for (index, digit) in number.digits().enumerate() {
            // The place of the first digit is 10^(scale − 1).
            let place = number.scale.saturating_sub(1 + index as i64);
            let (this, power) = (place.div_euclid(LIMB), place.rem_euclid(LIMB));
            if at != Some(this) {
                self.put(at, limb, negative);
                (at, limb) = (Some(this), 0);
            }
            limb += i128::from(digit - b'0') * 10_i128.pow(u32::try_from(power).unwrap_or(0));
        }
        if count > 0 {
            self.put(at, limb, negative);
        }
        true
    }

    fn put(&mut self, at: Option<i64>, limb: i128, negative: bool) {
        if let (Some(at), true) = (at, limb != 0) {
            *self.limbs.entry(at).or_default() += if negative { -limb } else { limb };
        }
    }

    /// The product with a number. `None` if the text is no number, or the digits are too many.
    pub(crate) fn times(mut self, text: &str) -> Option<Self> {
        let mut other = DecimalSum::default();
        if !other.add(text) {
            return None;
        }
        self.limbs.retain(|_, limb| *limb != 0);
        if self.limbs.len().max(other.limbs.len()) > MAX_DIGITS / 4 {
            return None;
        }
        let mut product = DecimalSum::default();
        for (left_at, left) in &self.limbs {
            for (right_at, right) in &other.limbs {
                *product.limbs.entry(left_at.saturating_add(*right_at)).or_default() += left * right;
            }
        }
        Some(product)
    }

    /// The sum in its one spelling; `None` if it has more than [`MAX_DIGITS`] digits.
    pub(crate) fn finish(mut self) -> Option<String> {
        self.limbs.retain(|_, limb| *limb != 0);
        let (Some((&low, _)), Some((&high, _))) = (self.limbs.first_key_value(), self.limbs.last_key_value())
        else {
            return Some("0".to_owned());
        };
        let span = usize::try_from(high.checked_sub(low)?).ok()?;
        if span > MAX_DIGITS / LIMB as usize + 1 {
            return None;
        }
        let negative = match self.carried(low, high, 1) {
            Some(limbs) => Some((false, limbs)),
            None => self.carried(low, high, -1).map(|limbs| (true, limbs)),
        };
        let (negative, limbs) = negative?;
        let digits: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let scale = low.checked_mul(LIMB)?.checked_add((digits.len() - leading) as i64)?;
        let digits = digits[leading..].trim_end_matches('0');
        (digits.len() <= MAX_DIGITS).then(|| spelled(negative, digits, scale))
    }

    /// The limbs from the lowest to the highest, each from 0 to 10⁹ − 1; `None` if the number is negative.
    fn carried(&self, low: i64, high: i64, sign: i128) -> Option<Vec<i128>> {
        let mut limbs = Vec::new();
        let mut carry = 0;
        for at in low..=high {
            let limb = sign * self.limbs.get(&at).copied().unwrap_or(0) + carry;
            limbs.push(limb.rem_euclid(BASE));
            carry = limb.div_euclid(BASE);
        }
        if carry < 0 {
            return None;
        }
        while carry > 0 {
            limbs.push(carry % BASE);
            carry /= BASE;
        }
        Some(limbs)
    }
}

/// The one spelling of a number: no zeros in front or at the end, and an exponent only where there would be more than
/// [`MAX_DIGITS`] digits without it. What is no number stays as it is.
pub(crate) fn canonical_decimal(text: &str) -> String {
    let Some(number) = Decimal::parse(text) else { return text.to_owned() };
    let digits: String = number.digits().map(char::from).collect();
    // `parse` takes the zeros off a whole part, or off a fraction that stands alone.
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let scale = number.scale.saturating_sub(leading as i64);
    spelled(number.negative, digits[leading..].trim_end_matches('0'), scale)
}

/// `±0.digits × 10^scale`, where the digits neither begin nor end with a zero.
fn spelled(negative: bool, digits: &str, scale: i64) -> String {
    if digits.is_empty() {
        return "0".to_owned();
    }
    let sign = if negative { "-" } else { "" };
    let count = digits.len() as i64;
    let most = MAX_DIGITS as i64;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    if scale > most || scale < -most || count > 2 * most {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}e{}", scale.saturating_sub(1));
    }
    if scale <= 0 {
        return format!("{sign}0.{}{digits}", zeros(-scale));
    }
    if scale >= count {
        return format!("{sign}{digits}{}", zeros(scale - count));
    }
    let (whole, fraction) = digits.split_at(usize::try_from(scale).unwrap_or(0));
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::compare_decimal;

    fn sum(all: &[&str]) -> Option<String> {
        let mut sum = DecimalSum::default();
        assert!(all.iter().all(|text| sum.add(text)));
        sum.finish()
    }

    #[test]
    fn sums_are_exact() {
        for (all, expected) in [
            (&[][..], "0"),
            (&["0.1", "0.2"], "0.3"),
            (&["1.50", "-1.5"], "0"),
            (&["1", "-0.000000000000000000000000001"], "0.999999999999999999999999999"),
            (&["-1", "0.25"], "-0.75"),
            (&["999999999", "1"], "1000000000"),
            (&["-999999999.999999999", "-0.000000001"], "-1000000000"),
            (&["1e30", "1"], "1000000000000000000000000000001"),
            (&["1e99999", "-1e99999", "2"], "2"),
            (&["9223372036854775807", "9223372036854775807"], "18446744073709551614"),
            (&["1e2", "1e1", "+001"], "111"),
            (&["1e5000"], "1e5000"),
            (&["0.0", "-0"], "0"),
        ] {
            assert_eq!(sum(all).as_deref(), Some(expected), "{all:?}");
        }
        assert_eq!(sum(&["1e5000", "1"]), None);
        assert!(!DecimalSum::default().add("one"));
    }

    #[test]
    fn products_are_exact() {
        for (left, right, expected) in [
            ("1.5", "-0.2", "-0.3"),
            ("0", "5", "0"),
            ("123456789012", "1e-3", "123456789.012"),
            ("-2", "-2", "4"),
        ] {
            let mut number = DecimalSum::default();
            number.add(left);
            assert_eq!(number.times(right).and_then(DecimalSum::finish).as_deref(), Some(expected));
        }
    }

    #[test]
    fn each_number_has_one_spelling() {
        for (text, expected) in [
            ("1.50", "1.5"),
            ("-0.0", "0"),
            ("0015e-1", "1.5"),
            ("1e2", "100"),
            ("10e1", "100"),
            ("0.001", "0.001"),
            ("1E-3", "0.001"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-12.340", "-12.34"),
            ("1e2000", "1e2000"),
            ("10e1999", "1e2000"),
            ("-1.50e-3000", "-1.5e-3000"),
            ("none", "none"),
        ] {
            assert_eq!(canonical_decimal(text), expected, "{text}");
            assert!(compare_decimal(text, expected).is_eq(), "{text}");
        }
    }
}
