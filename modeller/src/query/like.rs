//! Patterns of text: `%` stands for any characters, `_` for one, `\` takes the next literally.

use super::Op;

enum Token {
    Any,
    One,
    Literal(char),
}

/// The token at `at`, and where the next one begins.
fn token(pattern: &str, at: usize) -> Option<(Token, usize)> {
    let mut rest = pattern.get(at..)?.chars();
    let first = rest.next()?;
    let token = match first {
        '%' => Token::Any,
        '_' => Token::One,
        // A `\` at the end stands for itself.
        '\\' => Token::Literal(rest.next().unwrap_or('\\')),
        literal => Token::Literal(literal),
    };
    Some((token, pattern.len() - rest.as_str().len()))
}

/// Whether the text is like the pattern; case counts. At most (text × pattern) steps, no recursion.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    let (mut in_text, mut in_pattern) = (0, 0);
    // Behind the last `%`, and where in the text it was tried.
    let mut last_any: Option<(usize, usize)> = None;
    loop {
        let character = text[in_text..].chars().next();
        let matched = match (token(pattern, in_pattern), character) {
            (Some((Token::Any, next)), _) => {
                last_any = Some((next, in_text));
                in_pattern = next;
                continue;
            }
            (Some((Token::One, next)), Some(_)) => Some(next),
            (Some((Token::Literal(literal), next)), Some(character)) if literal == character => Some(next),
            (None, None) => return true,
            _ => None,
        };
        match (matched, character, last_any) {
            (Some(next), Some(character), _) => {
                in_pattern = next;
                in_text += character.len_utf8();
            }
            // Let the last `%` stand for one character more. Earlier ones need not: what they could gain, it has.
            (_, _, Some((next, tried))) => {
                let Some(skipped) = text[tried..].chars().next() else { return false };
                in_text = tried + skipped.len_utf8();
                in_pattern = next;
                last_any = Some((next, in_text));
            }
            _ => return false,
        }
    }
}

impl Op {
    /// The test for a pattern, as the simplest operator that says the same: `abc%` begins with `abc`, and an index knows that.
    pub fn like(pattern: impl Into<String>) -> Self {
        let pattern = pattern.into();
        let (mut literal, mut before, mut after, mut at) = (String::new(), false, false, 0);
        while let Some((token, next)) = token(&pattern, at) {
            match token {
                Token::Any if at == 0 || (before && literal.is_empty()) => before = true,
                Token::Any => after = true,
                Token::Literal(character) if !after => literal.push(character),
                _ => return Op::Like(pattern),
            }
            at = next;
        }
        match (before, after) {
            (true, true) => Op::Contains(literal),
            (true, false) => Op::EndsWith(literal),
            (false, true) => Op::StartsWith(literal),
            (false, false) => Op::Like(pattern),
        }
    }
}

/// The first text that is greater than every text with this prefix; `None` if there is none.
#[cfg(feature = "sqlite")]
pub(crate) fn after_prefix(prefix: &str) -> Option<String> {
    let mut bound = prefix.to_owned();
    while let Some(last) = bound.pop() {
        // `last + 1`, without the gap of the surrogates. A prefix and its successor differ in that character alone, and
        // UTF-8 keeps the order of the characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            bound.push(next);
            return Some(bound);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("a", "", false),
            ("", "%", true),
            ("abc", "abc", true),
            ("abc", "ABC", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("ac", "a_c", false),
            ("äöü", "ä_ü", true),
            ("aXbXc", "a%b%c", true),
            ("aab", "%ab", true),
            ("abab", "%ab", true),
            ("100%", "100\\%", true),
            ("100x", "100\\%", false),
            ("a_b", "a\\_b", true),
            ("axb", "a\\_b", false),
            ("a\\", "a\\", true),
            ("a\\b", "a\\\\b", true),
            ("a\0b", "a\0_", true),
            ("a\nb", "a%b", true),
        ] {
            assert_eq!(like(text, pattern), expected, "{text:?} like {pattern:?}");
        }
    }

    #[test]
    fn many_wildcards_stay_cheap() {
        let text = "a".repeat(20_000);
        let pattern = format!("{}b", "%a".repeat(30));
        assert!(!like(&text, &pattern));
    }

    #[test]
    fn simple_patterns_become_simple_tests() {
        assert_eq!(Op::like("abc%"), Op::StartsWith("abc".into()));
        assert_eq!(Op::like("%abc"), Op::EndsWith("abc".into()));
        assert_eq!(Op::like("%%abc%%"), Op::Contains("abc".into()));
        assert_eq!(Op::like("50\\%%"), Op::StartsWith("50%".into()));
        assert_eq!(Op::like("%"), Op::EndsWith("".into()));
        for pattern in ["abc", "a%c", "a_%", "%a%b", ""] {
            assert_eq!(Op::like(pattern), Op::Like(pattern.into()));
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_prefix_has_an_upper_bound() {
        assert_eq!(after_prefix("abc").as_deref(), Some("abd"));
        assert_eq!(after_prefix("a\u{D7FF}").as_deref(), Some("a\u{E000}"));
        assert_eq!(after_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{10FFFF}"), None);
        assert_eq!(after_prefix(""), None);
    }
}
