//! The piece of a text in which the words were found, as HTML that is safe wherever the text came from.

use super::words::{Word, words};
use super::{Search, text_of};
use crate::model::{RowView, Shape};

/// Which piece of a document goes with a search's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// Index of the column it is taken from; otherwise the searched field in which most was found.
    pub field: Option<usize>,
    /// About how many characters it has, [`Snippet::SHORTEST`] to [`Snippet::LONGEST`].
    pub length: usize,
}

impl Snippet {
    /// The shortest `length`.
    pub const SHORTEST: usize = 16;
    /// The longest `length`.
    pub const LONGEST: usize = 1_000;
    /// How many bytes of a text are looked at.
    pub const SEEN: usize = 64 * 1024;
}

impl Default for Snippet {
    fn default() -> Self {
        Snippet { field: None, length: 160 }
    }
}

impl Snippet {
    /// The snippet of a row: HTML text, in which what was found stands in `<mark>`. All else of the text is escaped. Only the
    /// beginning of a long text ([`Snippet::SEEN`]) is looked at.
    pub fn of(&self, search: &Search, shape: &Shape, row: &dyn RowView) -> String {
        let fields = match &self.field {
            Some(field) => std::slice::from_ref(field),
            None => search.fields(),
        };
        let mut best: Option<Piece> = None;
        for mut text in fields.iter().filter_map(|&field| text_of(shape, row, field)) {
            let seen = (0..=Self::SEEN.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
            text.truncate(seen.unwrap_or(0));
            let piece = Piece::new(search, text);
            if best.as_ref().is_none_or(|best| piece.count() > best.count()) {
                best = Some(piece);
            }
        }
        best.map_or_else(String::new, |piece| piece.html(self.length))
    }
}

/// A text with its words.
struct Piece {
    text: String,
    words: Vec<Word>,
    /// Whether the word was looked for.
    found: Vec<bool>,
}

impl Piece {
    fn new(search: &Search, text: String) -> Self {
        let words: Vec<Word> = words(&text).collect();
        let folded: Vec<&str> = words.iter().map(|word| word.folded.as_str()).collect();
        let mut found = vec![false; words.len()];
        for term in search.parts.iter().flatten() {
            for at in term.places(&folded) {
                found[at..at + term.words.len()].fill(true);
            }
        }
        Piece { text, words, found }
    }

    fn count(&self) -> usize {
        self.found.iter().filter(|found| **found).count()
    }

    /// The words from which to which most was found: those that `length` bytes hold.
    fn window(&self, length: usize) -> (usize, usize) {
        let (mut best, mut most) = ((0, 0), 0);
        let (mut end, mut count) = (0, 0);
        for start in 0..self.words.len() {
            while end < self.words.len()
                && (end <= start || self.words[end].end - self.words[start].start <= length)
            {
                count += usize::from(self.found[end]);
                end += 1;
            }
            // The first of several that are as good; it begins with a word that was found.
            if (self.found[start] && count > most) || start == 0 {
                (best, most) = ((start, end), count);
            }
            count -= usize::from(self.found[start]);
        }
        best
    }

    fn html(&self, length: usize) -> String {
        if self.text.chars().nth(length).is_none() {
            return self.marked(0, self.text.len());
        }
        let (first, end) = self.window(length);
        let Some(word) = self.words.get(first) else {
            let end = self.text.char_indices().nth(length).map_or(self.text.len(), |(at, _)| at);
            return format!("{}…", self.marked(0, end));
        };
        // Some words before what was found, as far as there is room.
        let last = (first..end).rev().find(|&at| self.found[at]).map_or(word, |at| &self.words[at]);
        let room = length.saturating_sub(last.end - word.start) / 2;
        let start = match self.words[..first].iter().find(|before| word.start - before.start <= room) {
            _ if word.start <= room => 0,
            Some(before) => before.start,
            None => word.start,
        };
        // One word may be longer than all there is room for.
        let most =
            self.text[start..].char_indices().nth(length).map_or(self.text.len(), |(at, _)| start + at);
        let whole = self.words.iter().rev().find(|word| word.end <= most && word.start >= start);
        let end = if most == self.text.len() { most } else { whole.map_or(most, |word| word.end) };
        let before = if start > 0 { "…" } else { "" };
        let after = if end < self.text.len() { "…" } else { "" };
        format!("{before}{}{after}", self.marked(start, end))
    }

    /// A part of the text, escaped and marked.
    fn marked(&self, start: usize, end: usize) -> String {
        let mut out = String::new();
        let mut at = start;
        for (word, found) in self.words.iter().zip(&self.found) {
            if !found || word.end <= start || word.start >= end {
                continue;
            }
            escape(&self.text[at..word.start.max(at)], &mut out);
            out.push_str("<mark>");
            escape(&self.text[word.start.max(at)..word.end.min(end)], &mut out);
            out.push_str("</mark>");
            at = word.end.min(end);
        }
        escape(&self.text[at..end], &mut out);
        out
    }
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
}
