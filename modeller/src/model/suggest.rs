//! What a caller wrote, in the words of an error: short enough to be repeated, and with the known name that is nearest to it.

/// What a caller wrote, as far as it is repeated: what can't be seen is escaped, and what is long is cut.
#[cfg(feature = "engine")]
pub(crate) fn shown(written: &str, longest: usize) -> String {
    let mut short: String = written.chars().take(longest).flat_map(char::escape_debug).collect();
    if written.chars().nth(longest).is_some() {
        short.push('…');
    }
    short
}

/// The name among `known` that a typing mistake could have turned into `name`.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    let most = (name.chars().count() / 3).clamp(1, 3);
    known
        .map(|one| (distance(&name.to_lowercase(), &one.to_lowercase()), one))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, one)| one)
}

/// How many characters must be changed, added, taken away, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut line = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j - 1] + same).min(last[j] + 1).min(line[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            line.push(best);
        }
        before = std::mem::replace(&mut last, line);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_their_name() {
        let known = ["email", "name", "createdAt", "_id"];
        for (typed, meant) in
            [("emial", "email"), ("Email", "email"), ("nam", "name"), ("createAt", "createdAt")]
        {
            assert_eq!(nearest(typed, known.into_iter()), Some(meant));
        }
        for typed in ["", "password", "xyz", &"e".repeat(10_000)] {
            assert_eq!(nearest(typed, known.into_iter()), None, "{typed}");
        }
    }

    #[cfg(feature = "engine")]
    #[test]
    fn what_is_shown_is_short_and_without_control_characters() {
        assert_eq!(shown("a\nb", 60), "a\\nb");
        assert_eq!(shown(&"x".repeat(10_000), 60).chars().count(), 61);
    }
}
