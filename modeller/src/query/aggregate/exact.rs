//! Sums of floats without rounding, so that they are the same in whatever order the numbers come.

/// Bits of a limb.
const LIMB: usize = 32;
/// The smallest float is 2⁻¹⁰⁷⁴, the place of bit 0. The largest ends at bit 2098, and the carries of 2⁶⁴ of them at 2162.
const LIMBS: usize = 70;
const ONE: usize = 1074;

/// After how many additions the carries are taken on: a limb has room for 2³¹ of them.
const PATIENCE: u32 = 1 << 30;

/// The exact sum of finite floats and integers: a fixed-point number as long as the range of floats.
#[derive(Clone, Debug)]
pub(super) struct Exact {
    limbs: [i64; LIMBS],
    open: u32,
}

impl Exact {
    pub(super) fn new() -> Self {
        Exact { limbs: [0; LIMBS], open: 0 }
    }

    /// Adds a finite float.
    pub(super) fn add(&mut self, number: f64) {
        let bits = number.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as usize;
        let fraction = bits & ((1 << 52) - 1);
        match exponent {
            0 => self.add_scaled(number < 0.0, fraction, 0),
            exponent => self.add_scaled(number < 0.0, fraction | 1 << 52, exponent - 1),
        }
    }

    /// Takes a finite float away that was added once.
    #[cfg(feature = "live")]
    pub(super) fn subtract(&mut self, number: f64) {
        self.add(-number);
    }

    /// Adds an integer.
    pub(super) fn add_integer(&mut self, number: i128) {
        let size = number.unsigned_abs();
        self.add_scaled(number < 0, size as u64, ONE);
        self.add_scaled(number < 0, (size >> 64) as u64, ONE + 64);
    }

    fn add_scaled(&mut self, negative: bool, size: u64, shift: usize) {
        let wide = u128::from(size) << (shift % LIMB);
        for part in 0..3 {
            let limb = (wide >> (part * LIMB) & 0xffff_ffff) as i64;
            // Proof: the last float begins at bit 2045, an integer ends at bit 1202.
            self.limbs[shift / LIMB + part] += if negative { -limb } else { limb };
        }
        self.open += 1;
        if self.open >= PATIENCE {
            self.carry();
        }
    }

    /// Makes every limb but the last one a number from 0 to 2³² − 1.
    fn carry(&mut self) {
        let mut carry = 0;
        for (at, limb) in self.limbs.iter_mut().enumerate() {
            let whole = *limb + carry;
            carry = whole >> LIMB;
            *limb = if at + 1 < LIMBS { whole - (carry << LIMB) } else { whole };
        }
        self.open = 1;
    }

    /// The sign, the first 127 bits from the first one on, whether there are others, and what power of 2 the last of them is.
    fn top(mut self) -> (bool, u128, bool, i32) {
        self.carry();
        let negative = self.limbs[LIMBS - 1] < 0;
        if negative {
            self.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            self.carry();
        }
        let Some(first) = self.limbs.iter().rposition(|&limb| limb != 0) else { return (false, 0, false, 0) };
        let length = first * LIMB + (64 - self.limbs[first].leading_zeros() as usize);
        let bit = |at: usize| (self.limbs[at / LIMB] >> (at % LIMB) & 1) as u128;
        let low = length.saturating_sub(127);
        let size = (low..length).rev().fold(0, |size, at| size << 1 | bit(at));
        let more = self.limbs[..low / LIMB].iter().any(|&limb| limb != 0)
            || self.limbs[low / LIMB] & ((1 << (low % LIMB)) - 1) != 0;
        let shift = 127 - (length - low);
        // Proof: all of them are below 70 × 32.
        (negative, size << shift, more, low as i32 - shift as i32 - ONE as i32)
    }

    /// The float next to the sum; `None` beyond the largest.
    pub(super) fn sum(self) -> Option<f64> {
        let (negative, size, more, exponent) = self.top();
        let number = rounded(size, more, exponent);
        number.is_finite().then_some(if negative { -number } else { number })
    }

    /// The float next to the sum divided by a number of values; the sum itself may be beyond the largest float.
    pub(super) fn average(self, count: u64) -> f64 {
        let (negative, size, more, exponent) = self.top();
        let count = u128::from(count.max(1));
        let number = rounded(size / count, more || size % count != 0, exponent);
        if negative { -number } else { number }
    }
}

/// `size × 2^exponent` as a float: the nearest one, and the even one of two that are as near. `more`: the number is a little larger.
fn rounded(size: u128, more: bool, exponent: i32) -> f64 {
    let length = 128 - size.leading_zeros();
    let low = length.saturating_sub(53);
    let mut kept = size >> low;
    if low > 0 {
        let half = size >> (low - 1) & 1 == 1;
        let below = more || size & ((1 << (low - 1)) - 1) != 0;
        kept += u128::from(half && (below || kept & 1 == 1));
    }
    scaled(kept as f64, exponent + low.cast_signed())
}

/// The number times 2^exponent, in two steps, each of which is a float of its own.
fn scaled(number: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    // 2^exponent as bits; halves of −1300 to 1200 are in the range of normal floats.
    let power = |exponent: i32| f64::from_bits((i64::from(exponent) + 1023).cast_unsigned() << 52);
    number * power(half) * power(exponent - half)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(all: &[f64]) -> Option<f64> {
        let mut exact = Exact::new();
        all.iter().for_each(|&number| exact.add(number));
        exact.sum()
    }

    #[test]
    fn nothing_is_lost_on_the_way() {
        assert_eq!(sum(&[]), Some(0.0));
        assert_eq!(sum(&[0.1; 10]), Some(1.0));
        assert_eq!(sum(&[1e100, 1.0, -1e100]), Some(1.0));
        assert_eq!(sum(&[1.0, 1e-300, -1.0]), Some(1e-300));
        assert_eq!(sum(&[5e-324, 5e-324]), Some(1e-323));
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), Some(f64::MAX));
        assert_eq!(sum(&[f64::MAX, f64::MAX]), None);
        assert_eq!(sum(&[f64::MIN_POSITIVE, -5e-324]), Some(f64::MIN_POSITIVE - 5e-324));
        // Half way between two floats: to the even one, and past it with the least bit more.
        assert_eq!(sum(&[9_007_199_254_740_992.0, 1.0]), Some(9_007_199_254_740_992.0));
        assert_eq!(sum(&[9_007_199_254_740_992.0, 1.0, 5e-324]), Some(9_007_199_254_740_994.0));
    }

    #[test]
    fn integers_and_floats_go_together() {
        let mut exact = Exact::new();
        exact.add_integer(i128::from(i64::MAX));
        exact.add_integer(i128::from(i64::MIN));
        exact.add(0.5);
        assert_eq!(exact.sum(), Some(-0.5));
        let mut exact = Exact::new();
        exact.add_integer(i128::MAX);
        assert_eq!(exact.sum(), Some(1.701_411_834_604_692_3e38));
    }

    #[test]
    fn an_average_may_be_of_more_than_the_largest_float() {
        let mut exact = Exact::new();
        (0..3).for_each(|_| exact.add(f64::MAX));
        assert_eq!(exact.average(3), f64::MAX);
        // The sum would be rounded down, and a third of it again.
        let mut exact = Exact::new();
        [0.1, 0.2, 0.3].into_iter().for_each(|number| exact.add(number));
        assert_eq!(exact.average(3), 0.2);
    }

    proptest! {
        #[test]
        fn two_floats_add_up_as_the_machine_adds_them(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.is_finite() && b.is_finite());
            let machine = a + b;
            prop_assert_eq!(sum(&[a, b]), machine.is_finite().then_some(machine));
        }

        #[test]
        fn the_order_does_not_matter(all in prop::collection::vec(any::<f64>(), 0..20)) {
            let all: Vec<f64> = all.into_iter().filter(|number| number.is_finite()).collect();
            let mut back = all.clone();
            back.reverse();
            prop_assert_eq!(sum(&all), sum(&back));
        }
    }
}
