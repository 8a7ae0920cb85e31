//! `Range`: one part of a file. Whoever asks for several gets the whole, once: never more bytes than the file has.

use axum::http::{HeaderMap, header};

/// What a request wants of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    /// From this byte to that one, both included.
    Part {
        first: u64,
        last: u64,
    },
    /// A part that the file does not have.
    Unsatisfiable,
}

/// What the header asks for, of a file with this many bytes. A header that is not understood is passed over, as RFC 9110
/// (14.2) has it, and so is any range of an empty file, which has no bytes to name.
pub(super) fn wanted(headers: &HeaderMap, length: u64) -> Wanted {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Wanted::Whole };
    let range = value.to_str().ok().and_then(|text| text.split_once('='));
    let Some((unit, range)) = range.filter(|_| length > 0) else { return Wanted::Whole };
    let Some((first, last)) = range.split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes"))
    else {
        return Wanted::Whole;
    };
    match (number(first), number(last)) {
        (Some(Bound::None), Some(Bound::At(0))) => Wanted::Unsatisfiable,
        (Some(Bound::None), Some(Bound::At(count))) => {
            Wanted::Part { first: length.saturating_sub(count), last: length - 1 }
        }
        (Some(Bound::At(first)), Some(Bound::None)) => part(first, u64::MAX, length),
        (Some(Bound::At(first)), Some(Bound::At(last))) if first <= last => part(first, last, length),
        _ => Wanted::Whole,
    }
}

fn part(first: u64, last: u64, length: u64) -> Wanted {
    match first < length {
        true => Wanted::Part { first, last: last.min(length - 1) },
        false => Wanted::Unsatisfiable,
    }
}

enum Bound {
    None,
    At(u64),
}

/// Digits or nothing. What is too large for a number is larger than any file.
fn number(text: &str) -> Option<Bound> {
    let text = text.trim_matches([' ', '\t']);
    if text.is_empty() {
        return Some(Bound::None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Bound::At(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(range: &'static str, length: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static(range));
        wanted(&headers, length)
    }

    #[test]
    fn one_range_is_a_part() {
        assert_eq!(of("bytes=0-0", 10), Wanted::Part { first: 0, last: 0 });
        assert_eq!(of("bytes=2-5", 10), Wanted::Part { first: 2, last: 5 });
        assert_eq!(of("Bytes = 2-5", 10), Wanted::Part { first: 2, last: 5 });
        assert_eq!(of("bytes=2-", 10), Wanted::Part { first: 2, last: 9 });
        assert_eq!(of("bytes=-3", 10), Wanted::Part { first: 7, last: 9 });
        assert_eq!(of("bytes=-30", 10), Wanted::Part { first: 0, last: 9 });
        assert_eq!(of("bytes=9-99999999999999999999999", 10), Wanted::Part { first: 9, last: 9 });
        assert_eq!(of("bytes=-99999999999999999999999", 10), Wanted::Part { first: 0, last: 9 });
    }

    #[test]
    fn what_lies_outside_is_said() {
        for range in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=-0",
            "bytes=18446744073709551615-",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(of(range, 10), Wanted::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn everything_else_is_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0--1",
            "items=0-1",
            "bytes=0-1,3-4",
            "bytes=0-,0-,0-,0-",
            "bytes=0x1-2",
            "bytes=--1",
        ] {
            assert_eq!(of(range, 10), Wanted::Whole, "{range}");
        }
        assert_eq!(of("bytes=0-", 0), Wanted::Whole);
        let mut headers = HeaderMap::new();
        assert_eq!(wanted(&headers, 10), Wanted::Whole);
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(header::RANGE, HeaderValue::from_static("bytes=2-3"));
        assert_eq!(wanted(&headers, 10), Wanted::Whole);
    }
}
