//! Words: what a text is made of for a search. A store's index is given the words that are found here, so that it and the
//! search in memory see the same ones.

use std::sync::LazyLock;

use regex::Regex;

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Where it begins, in bytes.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// As it is compared: in small letters, without accents.
    pub(crate) folded: String,
}

/// Letters and digits with the marks upon them. All else stands between words.
static WORD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[\p{L}\p{N}\p{Co}][\p{L}\p{N}\p{Co}\p{M}]*").ok());

/// Latin letters with accents, by the letter without.
const ACCENTS: [(char, &str); 23] = [
    ('a', "àáâãäåāăąǎǟǡǻȁȃȧḁẚạảấầẩẫậắằẳẵặ"),
    ('b', "ḃḅḇ"),
    ('c', "çćĉċčḉ"),
    ('d', "ďḋḍḏḑḓ"),
    ('e', "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"),
    ('f', "ḟ"),
    ('g', "ĝğġģǧǵḡ"),
    ('h', "ĥȟḣḥḧḩḫẖ"),
    ('i', "ìíîïĩīĭįǐȉȋḭḯỉị"),
    ('j', "ĵǰ"),
    ('k', "ķǩḱḳḵ"),
    ('l', "ĺļľḷḹḻḽ"),
    ('m', "ḿṁṃ"),
    ('n', "ñńņňǹṅṇṉṋ"),
    ('o', "òóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ"),
    ('p', "ṕṗ"),
    ('r', "ŕŗřȑȓṙṛṝṟ"),
    ('s', "śŝşšșṡṣṥṧṩẛ"),
    ('t', "ţťțṫṭṯṱẗ"),
    ('u', "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ('w', "ŵẁẃẅẇẉẘ"),
    ('y', "ýÿŷȳẏẙỳỵỷỹ"),
    ('z', "źżžẑẓẕ"),
];

/// The same, to look a letter up.
static PLAIN: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let pairs = ACCENTS.iter().flat_map(|(plain, all)| all.chars().map(|letter| (letter, *plain)));
    let mut pairs: Vec<(char, char)> = pairs.collect();
    pairs.sort_unstable();
    pairs
});

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Word> + '_ {
    let found = WORD.iter().flat_map(move |pattern| pattern.find_iter(text));
    found.map(|found| Word { start: found.start(), end: found.end(), folded: fold(found.as_str()) })
}

/// The words of a text, folded, with a space between.
#[cfg(any(test, feature = "sqlite"))]
pub(crate) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in words(text) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word.folded);
    }
    out
}

fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    word.chars().flat_map(char::to_lowercase).filter_map(plain).collect()
}

fn plain(letter: char) -> Option<char> {
    match letter {
        // Accents that are characters of their own.
        '\u{300}'..='\u{36f}' => None,
        'ς' => Some('σ'),
        '\u{e0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => {
            let known = PLAIN.binary_search_by_key(&letter, |(accented, _)| *accented);
            Some(known.map_or(letter, |at| PLAIN[at].1))
        }
        letter => Some(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_by_letters_and_digits_in_any_script() {
        // X-12
        for (text, expected) in [
            ("", ""),
            ("  ,.;\u{1f980}", ""),
            ("Rust\u{1f980}rocks", "rust rocks"),
            ("Crème Brûlée, ÀÉÎÕÜ!", "creme brulee aeiou"),
            ("e\u{301}te\u{301}", "ete"),
            ("İstanbul STRASSE Straße", "istanbul strasse straße"),
            ("ΛΌΓΟΣ λόγος", "λόγοσ λόγοσ"),
            ("Ёлка й", "ёлка й"),
            ("日本語 テスト", "日本語 テスト"),
            ("हिन्दी", "हिन्दी"),
            ("C++ x86_64 don't", "c x86 64 don t"),
            ("a\0b", "a b"),
            ("Tiếng Việt", "tieng viet"),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
    }

    #[test]
    fn a_word_knows_where_it_stands() {
        let text = "Ünder «Öl»";
        let found: Vec<&str> = words(text).map(|word| &text[word.start..word.end]).collect();
        assert_eq!(found, ["Ünder", "Öl"]);
    }

    #[test]
    fn letters_fold_only_once() {
        for (plain, letters) in ACCENTS {
            for letter in letters.chars() {
                assert_eq!(fold(&letter.to_string()), plain.to_string(), "{letter}");
            }
        }
    }
}
