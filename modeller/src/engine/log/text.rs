//! Text that can't break out of its line, nor speak to a terminal.

use std::fmt::{self, Write as _};

/// Writes control characters, line ends among them, and what turns the direction of writing, as escapes.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match is_harmful(character) {
            true => write!(f, "{}", character.escape_default()),
            false => f.write_char(character),
        })
    }
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        // Line and paragraph separators; marks, embeddings, overrides and isolates of direction.
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(
            Escaped("a\nb\r\tc\u{1b}[2J\u{7f}\u{9b}\u{2028}\u{202e}").to_string(),
            "a\\nb\\r\\tc\\u{1b}[2J\\u{7f}\\u{9b}\\u{2028}\\u{202e}"
        );
        assert_eq!(Escaped("é 漢 \"x\" \\").to_string(), "é 漢 \"x\" \\");
    }
}
