//! "Did you mean": the nearest of some names.

/// The candidate nearest to what was written, if one is near enough to be a slip of the pen.
pub(super) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody misspells a name into something of this length; the distance is quadratic.
    if written.len() > 64 {
        return None;
    }
    let written = written.to_lowercase();
    let allowed = 1 + written.len() / 4;
    candidates
        .into_iter()
        .map(|candidate| (distance(&written, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements that turn one text into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let names = ["insert", "list", "restore"];
        assert_eq!(nearest("instert", names), Some("insert"));
        assert_eq!(nearest("LIST", names), Some("list"));
        assert_eq!(nearest("banana", names), None);
        assert_eq!(nearest(&"x".repeat(10_000), names), None);
    }
}
