//! `1.0` is a whole number to JSON Schema, and a float to serde.

/// The same JSON with its whole numbers written as such (`1.0` and `10e-1` as `1`, `-0` as `0`), exactly: by the digits,
/// never through a float. `None` if there is nothing to change. The text must be JSON.
pub(super) fn with_whole_numbers(json: &str) -> Option<String> {
    let bytes = json.as_bytes();
    let mut out = String::new();
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..]
                    .iter()
                    .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
                    .count();
                if let Some(whole) = whole(&json[at..at + length]) {
                    out.push_str(&json[copied..at]);
                    out.push_str(&whole);
                    copied = at + length;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    (copied > 0).then(|| {
        out.push_str(&json[copied..]);
        out
    })
}

/// A number that is whole but not written so, as digits.
fn whole(number: &str) -> Option<String> {
    if number != "-0" && !number.contains(['.', 'e', 'E']) {
        return None;
    }
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (digits, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some("0".into());
    }
    let zeros = exponent.checked_sub(after.len() as i64)?.checked_add((digits.len() - kept.len()) as i64)?;
    let zeros = usize::try_from(zeros).ok().filter(|&zeros| zeros <= 20)?;
    let kept = kept.trim_start_matches('0');
    (kept.len() + zeros <= 20).then(|| format!("{sign}{kept}{}", "0".repeat(zeros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_written_without_a_fraction() {
        for (number, expected) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("10e-1", "1"),
            ("1.5e1", "15"),
            ("-2E+2", "-200"),
            ("9007199254740993.000", "9007199254740993"),
            ("0.00100e3", "1"),
        ] {
            assert_eq!(with_whole_numbers(number).as_deref(), Some(expected), "{number}");
        }
        for number in ["1", "1.5", "1e-1", "1e300", "0.1", "9007199254740993.5", "1e99999999999999999999"] {
            assert_eq!(with_whole_numbers(number), None, "{number}");
        }
    }

    #[test]
    fn text_is_left_alone() {
        let json = r#"{"a":"1.0 \" 2.0","b":[1.0,"\\",2.50e1],"3.0":null}"#;
        let expected = r#"{"a":"1.0 \" 2.0","b":[1,"\\",25],"3.0":null}"#;
        assert_eq!(with_whole_numbers(json).as_deref(), Some(expected));
    }
}
