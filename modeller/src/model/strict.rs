//! One pass over the raw bytes of a payload, before anything is decoded.
//!
//! It refuses what JSON parsers differ about (duplicate keys, lone surrogates, byte order marks, numbers beyond a
//! float) and what no store keeps (NUL characters), bounds the depth, and notes which fields there are.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::Result;
use super::json::plain_length;
use super::parse_fault::{Fault, duplicate, text_of};
use super::rules::{Rule, Rules, bit, unescape};

/// How deep arrays and objects may be nested.
pub const MAX_DEPTH: usize = 64;

/// What a scan found in an object.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The members, in the order of the text: all of a patch, the unknown ones of an insert.
    pub(super) members: Vec<Member>,
    /// Every rule is kept.
    pub(super) fits: bool,
    /// The payload is an object.
    pub(super) object: bool,
}

/// One member of the object.
#[derive(Debug)]
pub(super) struct Member {
    /// The field, if the name is known.
    pub(super) field: Option<usize>,
    /// Where the value is.
    pub(super) value: Range<usize>,
    /// Where the name is, quotes included.
    pub(super) name: Range<usize>,
}

/// Checks that these bytes are JSON that means the same to everybody: UTF-8 without a byte order mark, at most
/// [`MAX_DEPTH`] levels, no duplicate keys, no lone surrogates, no NUL characters, no number beyond a 64-bit float.
///
/// ```
/// use modeller::model::check_json;
/// assert!(check_json(br#"{"a": [1, 2]}"#).is_ok());
/// assert_eq!(check_json(br#"{"a": 1, "a": 2}"#).unwrap_err().code(), "PARSE_ERROR");
/// ```
///
/// # Errors
/// `PARSE_ERROR` with `line`, `column` and `offset` in its details.
pub fn check_json(json: &[u8]) -> Result<&str> {
    let text = text_of(json)?;
    let mut scan = Scan::new(text);
    scan.document(None, false).map_err(|fault| fault.into_error(text))?;
    Ok(text)
}

/// As [`check_json`], and notes the members of the object and whether they keep the rules.
/// A `patch` may leave out every field.
pub(super) fn scan<'a>(json: &'a [u8], rules: &Rules, patch: bool) -> Result<(&'a str, Found)> {
    let text = text_of(json)?;
    let found = Scan::new(text).document(Some(rules), patch).map_err(|fault| fault.into_error(text))?;
    Ok((text, found))
}

type Scanned<T> = std::result::Result<T, Fault>;

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// Whether the string that was read last has escapes.
    escaped: bool,
    /// The keys of the objects that are open, the innermost last.
    keys: Vec<Range<usize>>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Scan { text, bytes: text.as_bytes(), at: 0, depth: 0, escaped: false, keys: Vec::new() }
    }

    fn fault<T>(&self, message: impl Into<Cow<'static, str>>) -> Scanned<T> {
        Err(Fault { offset: self.at, message: message.into() })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn unexpected<T>(&self, expected: &'static str) -> Scanned<T> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.fault(format!("the text ends where {expected} should be")),
            Some(found) => self.fault(format!("expected {expected}, found {found:?}")),
        }
    }

    fn document(&mut self, rules: Option<&Rules>, patch: bool) -> Scanned<Found> {
        self.blank();
        let mut found = Found { fits: true, ..Found::default() };
        match (self.peek(), rules) {
            (None, _) => return self.fault("the body is empty"),
            (Some(b'{'), Some(rules)) => {
                found.object = true;
                self.root(rules, patch, &mut found)?;
            }
            _ => {
                self.value(None)?;
                found.fits = false;
            }
        }
        self.blank();
        match self.peek() {
            None => Ok(found),
            Some(_) => self.unexpected("the end"),
        }
    }

    /// The object whose members are the fields.
    fn root(&mut self, rules: &Rules, patch: bool, found: &mut Found) -> Scanned<()> {
        let mut next = 0;
        // Models of more than 128 fields are rare: their bits need an allocation.
        let (mut seen, mut more) = (0_u128, vec![false; rules.len().saturating_sub(128)]);
        let mut strangers = false;
        self.members(|scan, name| {
            let key = scan.inside(&name);
            let field = rules.find(&key, next);
            if let Some(field) = field {
                next = field + 1;
                let again = match more.get_mut(field.wrapping_sub(128)) {
                    Some(seen) => std::mem::replace(seen, true),
                    None => {
                        let before = seen;
                        seen |= 1 << field;
                        before == seen
                    }
                };
                if again {
                    return Err(duplicate(&key, &name));
                }
            }
            drop(key);
            let start = scan.at;
            found.fits &= scan.value(field.and_then(|field| rules.rule(field)))?;
            if patch || field.is_none() {
                strangers |= field.is_none();
                found.members.push(Member {
                    field,
                    value: start..scan.at,
                    name: name.start - 1..name.end + 1,
                });
            }
            Ok(())
        })?;
        if strangers {
            found.fits = false;
            let unknown = found.members.iter().filter(|member| member.field.is_none());
            self.distinct(unknown.map(|member| member.name.start + 1..member.name.end - 1))?;
        }
        found.fits &= patch || rules.all_there(seen, &more);
        Ok(())
    }

    /// The text of the string that was read last.
    fn inside(&self, range: &Range<usize>) -> Cow<'a, str> {
        let raw = &self.text[range.clone()];
        if self.escaped { unescape(raw) } else { Cow::Borrowed(raw) }
    }

    /// Walks the members of an object, giving each name; the callback takes the value.
    fn members(&mut self, mut each: impl FnMut(&mut Self, Range<usize>) -> Scanned<()>) -> Scanned<()> {
        self.enter()?;
        self.blank();
        if self.peek() == Some(b'}') {
            return self.leave();
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return self.unexpected("a name in quotes");
            }
            let name = self.string()?;
            self.blank();
            if self.peek() != Some(b':') {
                return self.unexpected("`:`");
            }
            self.at += 1;
            self.blank();
            each(self, name)?;
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.leave(),
                _ => return self.unexpected("`,` or `}`"),
            }
        }
    }

    fn enter(&mut self) -> Scanned<()> {
        if self.depth == MAX_DEPTH {
            return self.fault(format!("more than {MAX_DEPTH} levels"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn leave(&mut self) -> Scanned<()> {
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    /// One value; answers whether it keeps the rule.
    fn value(&mut self, rule: Option<&Rule>) -> Scanned<bool> {
        let takes = |types: u8| rule.is_none_or(|rule| rule.types & types != 0);
        match self.peek() {
            Some(b'"') => {
                let inside = self.string()?;
                Ok(match rule {
                    Some(rule) if rule.types & bit::STRING == 0 => false,
                    Some(rule) => rule.takes_any_string() || rule.takes_string(&self.inside(&inside)),
                    None => true,
                })
            }
            Some(b'{') => {
                let kept = self.object(rule)?;
                Ok(kept && takes(bit::OBJECT))
            }
            Some(b'[') => {
                let kept = self.array(rule)?;
                Ok(kept && takes(bit::ARRAY))
            }
            Some(b'-' | b'0'..=b'9') => {
                let (number, plain) = self.number()?;
                Ok(rule.is_none_or(|rule| rule.takes_number(number, plain)))
            }
            Some(b't') => self.word("true").map(|()| takes(bit::BOOLEAN)),
            Some(b'f') => self.word("false").map(|()| takes(bit::BOOLEAN)),
            Some(b'n') => self.word("null").map(|()| takes(bit::NULL)),
            _ => self.unexpected("a value"),
        }
    }

    fn word(&mut self, word: &str) -> Scanned<()> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        self.unexpected("a value")
    }

    fn array(&mut self, rule: Option<&Rule>) -> Scanned<bool> {
        self.enter()?;
        self.blank();
        let mut count = 0;
        let mut kept = true;
        let inside = rule.and_then(|rule| rule.inside.as_deref());
        if self.peek() == Some(b']') {
            self.leave()?;
        } else {
            loop {
                self.blank();
                kept &= self.value(inside)?;
                count += 1;
                self.blank();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break self.leave()?,
                    _ => return self.unexpected("`,` or `]`"),
                }
            }
        }
        Ok(kept && rule.is_none_or(|rule| (rule.count.0..=rule.count.1).contains(&count)))
    }

    fn object(&mut self, rule: Option<&Rule>) -> Scanned<bool> {
        let first = self.keys.len();
        let mut kept = true;
        let inside = rule.and_then(|rule| rule.inside.as_deref());
        self.members(|scan, name| {
            scan.keys.push(name);
            kept &= scan.value(inside)?;
            Ok(())
        })?;
        if self.keys.len() - first > 1 {
            self.distinct(self.keys[first..].iter().cloned())?;
        }
        self.keys.truncate(first);
        Ok(kept)
    }

    /// Refuses a name that comes twice, however it is escaped.
    fn distinct(&self, names: impl Iterator<Item = Range<usize>> + Clone) -> Scanned<()> {
        let key = |name: &Range<usize>| unescape(&self.text[name.clone()]);
        if names.clone().nth(8).is_some() {
            let mut seen = HashSet::new();
            for name in names {
                if !seen.insert(key(&name)) {
                    return Err(duplicate(&key(&name), &name));
                }
            }
            return Ok(());
        }
        let escaped = |name: &Range<usize>| self.bytes[name.clone()].contains(&b'\\');
        for (at, name) in names.clone().enumerate() {
            let twin = names.clone().take(at).any(|other| {
                let same = self.bytes[name.clone()] == self.bytes[other.clone()];
                same || ((escaped(&name) || escaped(&other)) && key(&name) == key(&other))
            });
            if twin {
                return Err(duplicate(&key(&name), &name));
            }
        }
        Ok(())
    }

    /// A string; answers where its inside is.
    fn string(&mut self) -> Scanned<Range<usize>> {
        self.at += 1;
        let start = self.at;
        self.escaped = false;
        loop {
            self.at += plain_length(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at - 1);
                }
                Some(b'\\') => {
                    self.escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.fault("a control character in a string must be escaped"),
                None => return self.unexpected("the end of a string"),
            }
        }
    }

    fn escape(&mut self) -> Scanned<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => match self.unit(self.at)? {
                0 => self.fault("a NUL character (\\u0000) can't be stored"),
                0xdc00..=0xdfff => self.fault("half of a surrogate pair"),
                0xd800..=0xdbff => {
                    let second = self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u");
                    match second.then(|| self.unit(self.at + 6)).transpose()? {
                        Some(0xdc00..=0xdfff) => {
                            self.at += 12;
                            Ok(())
                        }
                        _ => self.fault("half of a surrogate pair"),
                    }
                }
                _ => {
                    self.at += 6;
                    Ok(())
                }
            },
            _ => self.fault("an escape that JSON does not have"),
        }
    }

    /// The four hex digits of the escape at this offset.
    fn unit(&self, at: usize) -> Scanned<u32> {
        let digits = self.bytes.get(at + 2..at + 6).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match digits {
            Some(digits) => Ok(digits
                .iter()
                .fold(0, |unit, &digit| unit * 16 + char::from(digit).to_digit(16).unwrap_or_default())),
            None => self.fault("an escape that JSON does not have"),
        }
    }

    /// A number; answers its text, and whether it is written as a whole one.
    fn number(&mut self) -> Scanned<(&'a str, bool)> {
        let start = self.at;
        let digits = |scan: &mut Self| {
            let first = scan.at;
            while scan.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                scan.at += 1;
            }
            scan.at - first
        };
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading = self.peek();
        let whole = digits(self);
        if whole == 0 {
            return self.unexpected("a digit");
        }
        if leading == Some(b'0') && whole > 1 {
            self.at = start;
            return self.fault("a number must not begin with 0");
        }
        let mut plain = true;
        let mut large = whole > 300;
        if self.peek() == Some(b'.') {
            plain = false;
            self.at += 1;
            if digits(self) == 0 {
                return self.unexpected("a digit");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            plain = false;
            large = true;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if digits(self) == 0 {
                return self.unexpected("a digit");
            }
        }
        let text = &self.text[start..self.at];
        if large && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            self.at = start;
            return self.fault("a number beyond the range of a 64-bit float");
        }
        Ok((text, plain && text != "-0"))
    }
}
