//! Percent-encoding, undone strictly: what is malformed is refused, never guessed.

use std::borrow::Cow;

use crate::model::{Code, Error, Result};

/// One segment of a path.
pub(super) fn segment(raw: &str) -> Result<Cow<'_, str>> {
    if !raw.as_bytes().contains(&b'%') {
        return Ok(Cow::Borrowed(raw));
    }
    text(raw, false)
        .map(Cow::Owned)
        .map_err(|fault| Error::new(Code::InvalidRequest, format!("the path is not valid: {fault}")))
}

/// The names and values of a URL's query. An empty value may leave out its `=`.
pub(super) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(Vec::new()) };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((text(name, true)?, text(value, true)?))
        })
        .collect::<Result<_, &str>>()
        .map_err(|fault| Error::new(Code::InvalidRequest, format!("the query is not valid: {fault}")))
}

fn text(raw: &str, plus_is_space: bool) -> Result<String, &'static str> {
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let digit =
                    |offset: usize| bytes.get(at + offset).and_then(|&byte| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(1), digit(2)) else {
                    return Err("a `%` goes before two hexadecimal digits");
                };
                // Two hexadecimal digits are below 256.
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            b'+' if plus_is_space => {
                out.push(b' ');
                at += 1;
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_err(|_| "it is not UTF-8")
}

/// `text` as a value of a URL's query.
pub(super) fn encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_name_by_name() {
        let decoded = pairs(Some("a=1&b=x+y%2Bz&&c&d=%C3%A9&e=a=b")).unwrap();
        let expected = [("a", "1"), ("b", "x y+z"), ("c", ""), ("d", "é"), ("e", "a=b")];
        assert_eq!(decoded, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(pairs(None).unwrap().is_empty());
        assert!(pairs(Some("")).unwrap().is_empty());
    }

    #[test]
    fn malformed_encodings_are_refused() {
        for bad in ["%", "%4", "a=%zz", "a=%+1", "%ff=1", "a=%C3", "a=%ED%A0%80"] {
            assert!(pairs(Some(bad)).unwrap_err().is(Code::InvalidRequest), "{bad}");
        }
        assert!(segment("%2").is_err());
    }

    #[test]
    fn a_plus_in_a_path_is_a_plus() {
        assert_eq!(segment("a+b").unwrap(), "a+b");
        assert_eq!(segment("a%2Fb").unwrap(), "a/b");
    }

    #[test]
    fn encoded_text_decodes_to_itself() {
        let text = "a b/c?d=é\u{0}+%";
        assert_eq!(segment(&encode(text)).unwrap(), text);
    }
}
