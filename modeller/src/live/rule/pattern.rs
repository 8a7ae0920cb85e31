//! Names made of parts, and patterns that select them: `orders.created`, `orders.*`; `customer:123:age`, `customer:*:age`.

use crate::model::{Code, Error, Result};

/// No name or pattern is longer, in bytes.
pub(super) const MAX_LENGTH: usize = 256;

/// What a name is the name of: it says what parts it, and what to call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Of events: `orders.created`.
    Topics,
    /// Of facts: `customer:123:age`.
    Keys,
}

impl Names {
    const fn separator(self) -> char {
        match self {
            Names::Topics => '.',
            Names::Keys => ':',
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Names::Topics => "topic",
            Names::Keys => "key",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Names::Topics => "orders.created",
            Names::Keys => "customer:123:age",
        }
    }

    /// Whether this can be the name of something.
    pub(super) fn check(self, name: &str) -> Result<()> {
        let field = self.field();
        parts(name, self, field)?;
        if name.contains('*') {
            return Err(wrong(field, format!("a {field} has no `*`: that stands in patterns only")));
        }
        Ok(())
    }
}

fn wrong(field: &'static str, message: String) -> Error {
    Error::new(Code::InvalidRequest, message).with_field(field)
}

fn parts<'t>(text: &'t str, names: Names, field: &'static str) -> Result<Vec<&'t str>> {
    if text.len() > MAX_LENGTH {
        return Err(wrong(field, format!("a {field} has {MAX_LENGTH} bytes at most")));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong(field, format!("a {field} has no control characters")));
    }
    let parts: Vec<&str> = text.split(names.separator()).collect();
    if parts.iter().any(|part| part.is_empty()) {
        let (separator, example) = (names.separator(), names.example());
        let message = format!(
            "a {field} is made of parts with `{separator}` between them, such as `{example}`; none is empty"
        );
        return Err(wrong(field, message));
    }
    Ok(parts)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    /// `*`: any one part.
    One,
}

/// Selects names, part by part: `*` is any one part, `**` at the end is all the parts that follow, one at least. `*` and `**` by
/// themselves select everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: Box<str>,
    names: Names,
    parts: Vec<Part>,
    /// Any further parts may follow; at least one does.
    is_open: bool,
}

impl Pattern {
    pub(super) fn parse(text: &str, names: Names) -> Result<Self> {
        let mut all = parts(text, names, "pattern")?;
        let is_open = text == "*" || all.last() == Some(&"**");
        if is_open {
            all.pop();
        }
        let each = all.into_iter().map(|part| match part {
            "*" => Ok(Part::One),
            "**" => Err(wrong("pattern", "`**` stands at the end of a pattern only".into())),
            part if part.contains('*') => {
                Err(wrong("pattern", "`*` stands for a whole part of a name, not for a piece of one".into()))
            }
            part => Ok(Part::Literal(part.into())),
        });
        Ok(Pattern { text: text.into(), names, parts: each.collect::<Result<_>>()?, is_open })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        let mut given = name.split(self.names.separator());
        let fits = self.parts.iter().all(|part| match (part, given.next()) {
            (Part::Literal(literal), Some(part)) => **literal == *part,
            (Part::One, Some(_)) => true,
            (_, None) => false,
        });
        fits && given.next().is_some() == self.is_open
    }

    /// A pattern of `$like` that all names it selects are like, and perhaps others.
    pub(super) fn like(&self) -> String {
        let mut like = String::new();
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                like.push(self.names.separator());
            }
            match part {
                Part::One => like.push('%'),
                Part::Literal(literal) => {
                    for character in literal.chars() {
                        if matches!(character, '%' | '_' | '\\') {
                            like.push('\\');
                        }
                        like.push(character);
                    }
                }
            }
        }
        if self.is_open {
            if !self.parts.is_empty() {
                like.push(self.names.separator());
            }
            like.push('%');
        }
        like
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::like::like;

    fn selects(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern, Names::Topics).unwrap().matches(name)
    }

    #[test]
    fn a_star_is_one_part_and_two_at_the_end_are_the_rest() {
        // RUL-03 RUL-04
        for (pattern, name, expected) in [
            ("orders.created", "orders.created", true),
            ("orders.created", "orders.created.eu", false),
            ("orders.*", "orders.created", true),
            ("orders.*", "orders", false),
            ("orders.*", "orders.created.eu", false),
            ("*.created", "orders.created", true),
            ("*.created", "created", false),
            ("orders.*.eu", "orders.created.eu", true),
            ("orders.*.eu", "orders.created.us", false),
            ("orders.**", "orders.created.eu", true),
            ("orders.**", "orders.created", true),
            ("orders.**", "orders", false),
            ("orders.*.**", "orders.created", false),
            ("*", "orders.created.eu", true),
            ("**", "orders", true),
            // What parts facts parts no topics.
            ("orders.*", "orders:created", false),
        ] {
            assert_eq!(selects(pattern, name), expected, "{pattern} {name}");
        }
        let keys = Pattern::parse("customer:*:age", Names::Keys).unwrap();
        assert!(keys.matches("customer:12.3:age") && !keys.matches("customer:1:2:age"));
    }

    #[test]
    fn patterns_are_those_that_the_macros_take() {
        let mut counts = [0, 0];
        for line in include_str!("patterns.txt").lines() {
            let Some((verdict, pattern)) = line.split_once(' ') else { continue };
            let pattern = pattern.replace("\\t", "\t").replace("<long>", &"a".repeat(MAX_LENGTH + 1));
            let is_one = Pattern::parse(&pattern, Names::Topics).is_ok();
            assert_eq!(is_one, verdict == "yes", "{pattern:?}");
            counts[usize::from(is_one)] += 1;
        }
        assert!(counts[0] > 5 && counts[1] > 5, "{counts:?}");
    }

    #[test]
    fn what_can_be_no_pattern_or_name_is_refused_with_its_field() {
        // RUL-02 RUL-03
        let long = "a".repeat(MAX_LENGTH + 1);
        for text in
            ["", ".", "a.", ".a", "a..b", "a*", "a.b*", "**.a", "a.**.b", "***", "a\0b", "a\nb", &long]
        {
            let error = Pattern::parse(text, Names::Topics).unwrap_err();
            assert_eq!((error.code(), error.field()), ("INVALID_REQUEST", Some("pattern")), "{text}");
        }
        for text in ["", ":", "a:", "a::b", "*", "a:*", "a\tb", &long] {
            let error = Names::Keys.check(text).unwrap_err();
            assert_eq!((error.code(), error.field()), ("INVALID_REQUEST", Some("key")), "{text}");
        }
        Names::Topics.check(&"é".repeat(MAX_LENGTH / 2)).unwrap();
    }

    proptest! {
        #[test]
        fn what_a_pattern_selects_is_like_what_the_store_is_asked_for(
            parts in proptest::collection::vec((r"[aé%_\\]{1,3}", any::<bool>()), 1..5),
            rest in proptest::collection::vec(r"[aé%_\\]{1,3}", 0..3),
        ) {
            // RUL-03
            let written = parts.iter().map(|(part, is_any)| if *is_any { "*" } else { part });
            let written = written.chain((!rest.is_empty()).then_some("**")).collect::<Vec<_>>().join(":");
            let names = parts.iter().map(|(part, _)| part).chain(&rest);
            let name = names.map(String::as_str).collect::<Vec<_>>().join(":");
            let pattern = Pattern::parse(&written, Names::Keys).unwrap();
            prop_assert!(pattern.matches(&name), "{} {}", name, written);
            prop_assert!(like(&name, &pattern.like()), "{} {}", name, pattern.like());
        }
    }
}
