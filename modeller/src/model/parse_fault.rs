//! Where and why a text is no JSON.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::json;

use super::{Code, Error, Result};

/// The bytes as text.
pub(super) fn text_of(json: &[u8]) -> Result<&str> {
    match std::str::from_utf8(json) {
        Ok(text) if text.starts_with('\u{feff}') => {
            Err(Fault { offset: 0, message: "a byte order mark is not allowed".into() }.into_error(text))
        }
        Ok(text) => Ok(text),
        Err(error) => {
            let offset = error.valid_up_to();
            let before = std::str::from_utf8(&json[..offset]).unwrap_or_default();
            Err(Fault { offset, message: "the text is not UTF-8".into() }.into_error(before))
        }
    }
}

/// What is wrong with the text, and where.
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: Cow<'static, str>,
}

impl Fault {
    /// The error a caller sees, with line and column.
    pub(super) fn into_error(self, text: &str) -> Error {
        let before = &text.as_bytes()[..self.offset.min(text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let is_start = |byte: &&u8| **byte & 0xc0 != 0x80;
        let column = before[start..].iter().filter(is_start).count() + 1;
        let message = format!("{} at line {line}, column {column}", self.message);
        let details = json!({ "line": line, "column": column, "offset": self.offset });
        Error::new(Code::ParseError, message).with_details(details)
    }
}

/// A key that is there twice.
pub(super) fn duplicate(key: &str, name: &Range<usize>) -> Fault {
    let mut shown: String = key.chars().take(40).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    Fault { offset: name.start - 1, message: format!("the key {shown:?} is there twice").into() }
}
