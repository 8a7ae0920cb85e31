//! Medians, percentiles and ratios.

/// The median; of an even number of values the mean of the two in the middle. Of nothing it is NaN.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// The median of `above[i] / below[i]`: both were measured one right after the other, so what slowed one down slowed
/// down the other.
pub fn ratio(above: &[f64], below: &[f64]) -> f64 {
    median(above.iter().zip(below).map(|(a, b)| a / b))
}

/// The value that a share (0 to 1) of the sorted values does not exceed; 0 of nothing.
pub fn percentile(sorted: &[u32], share: f64) -> u32 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
        assert_eq!(percentile(&[1, 2, 3, 4, 5], 0.5), 3);
        assert_eq!(percentile(&[], 0.99), 0);
    }

    #[test]
    fn a_ratio_is_taken_pair_by_pair() {
        assert_eq!(ratio(&[1.0, 20.0, 3.0], &[1.0, 10.0, 1.5]), 2.0);
    }
}
