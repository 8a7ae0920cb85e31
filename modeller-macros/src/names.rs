//! Names: how they are made from one another, and which one was probably meant.

/// One of serde's `rename_all` rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Rule {
    /// The rule with serde's name for it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" => Rule::Lower,
            "UPPERCASE" => Rule::Upper,
            "PascalCase" => Rule::Pascal,
            "camelCase" => Rule::Camel,
            "snake_case" => Rule::Snake,
            "SCREAMING_SNAKE_CASE" => Rule::ScreamingSnake,
            "kebab-case" => Rule::Kebab,
            "SCREAMING-KEBAB-CASE" => Rule::ScreamingKebab,
            _ => return None,
        })
    }

    /// What serde makes of a field's name.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Rule::Lower | Rule::Snake => field.to_owned(),
            Rule::Upper | Rule::ScreamingSnake => field.to_ascii_uppercase(),
            Rule::Pascal => pascal(field),
            Rule::Camel => {
                let pascal = pascal(field);
                let mut rest = pascal.chars();
                rest.next()
                    .map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + rest.as_str())
            }
            Rule::Kebab => field.replace('_', "-"),
            Rule::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut start = true;
    for character in field.chars() {
        if character == '_' {
            start = true;
        } else {
            out.push(if start { character.to_ascii_uppercase() } else { character });
            start = false;
        }
    }
    out
}

/// `HttpServer` and `HTTPServer` to `httpServer`.
pub(crate) fn lower_camel(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let capitals = characters.iter().take_while(|character| character.is_uppercase()).count();
    // The last capital of several begins the next word, unless nothing or a digit follows.
    let next_is_word = characters.get(capitals).is_some_and(|next| next.is_lowercase());
    let lower = if capitals > 1 && next_is_word { capitals - 1 } else { capitals };
    let (head, tail) = characters.split_at(lower);
    head.iter().flat_map(|character| character.to_lowercase()).chain(tail.iter().copied()).collect()
}

/// The struct of a function: `reset_password` to `ResetPassword`.
pub(crate) fn upper_camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut rest = word.chars();
        out.extend(rest.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(rest.as_str());
    }
    out
}

/// The constant of a field: `created_by` to `CREATED_BY`.
pub(crate) fn constant(field: &str) -> String {
    field.to_uppercase()
}

/// Whether it is a name for a model or a scope: `^[a-z][A-Za-z0-9_-]*$`, with a leading `_` for what the framework brings.
pub(crate) fn is_path_segment(name: &str, builtin: bool) -> bool {
    let name = if builtin { name.strip_prefix('_').unwrap_or(name) } else { name };
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
}

/// Whether a field of a model can be called so, keywords included.
pub(crate) fn is_field(name: &str) -> bool {
    let is_ident = |text: &str| syn::parse_str::<syn::Ident>(text).is_ok();
    !name.starts_with('_') && (is_ident(name) || is_ident(&format!("r#{name}")))
}

/// The candidate that was probably meant: a slip or two away, another spelling, or its beginning.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let wanted = plain(name);
    let length = wanted.chars().count();
    let allowed = if length > 5 { 2 } else { 1 };
    let rank = |candidate: &str| {
        let candidate = plain(candidate);
        let begins = length > 2 && candidate.starts_with(&wanted);
        let distance = distance(&wanted, &candidate);
        if distance <= allowed && length > 1 { Some(distance) } else { begins.then_some(allowed + 1) }
    };
    candidates
        .filter_map(|candidate| Some((rank(candidate)?, candidate)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_names_are_lower_camel_case() {
        for (rust, name) in [
            ("User", "user"),
            ("BlogPost", "blogPost"),
            ("HTTPServer", "httpServer"),
            ("URL", "url"),
            ("A", "a"),
            ("V2Thing", "v2Thing"),
            ("SHA256", "sha256"),
        ] {
            assert_eq!(lower_camel(rust), name);
        }
    }

    #[test]
    fn every_rename_rule_gives_what_serde_gives() {
        for (rule, name) in [
            ("lowercase", "created_by"),
            ("UPPERCASE", "CREATED_BY"),
            ("PascalCase", "CreatedBy"),
            ("camelCase", "createdBy"),
            ("snake_case", "created_by"),
            ("SCREAMING_SNAKE_CASE", "CREATED_BY"),
            ("kebab-case", "created-by"),
            ("SCREAMING-KEBAB-CASE", "CREATED-BY"),
        ] {
            assert_eq!(Rule::named(rule).map(|rule| rule.apply("created_by")).as_deref(), Some(name));
        }
        assert_eq!(Rule::named("Camel"), None);
    }

    #[test]
    fn suggestions_are_really_near() {
        let words =
            || ["key", "unique", "index", "private", "references", "generated", "max_size"].into_iter();
        for (typed, meant) in [
            ("uniqe", Some("unique")),
            ("idnex", Some("index")),
            ("maxSize", Some("max_size")),
            ("ref", Some("references")),
            ("indexed", Some("index")),
            ("geo", None),
            ("on_delete", None),
            ("history", None),
            ("k", None),
            ("searchable", None),
        ] {
            assert_eq!(nearest(typed, words()), meant, "{typed}");
        }
    }
}
