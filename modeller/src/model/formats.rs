//! What the `format` keyword means here: exactly what decoding and `#[validate(..)]` accept.

use validator::{ValidateEmail, ValidateUrl};

use super::datetime::{is_date, normalize_datetime};

/// Whether a text has a format.
pub(super) type Check = fn(&str) -> bool;

/// The checks of all formats that are checked by us, by name.
pub(super) const FORMATS: &[(&str, Check)] = &[
    ("email", email),
    ("uri", uri),
    ("uuid", uuid),
    ("date-time", |text| normalize_datetime(text).is_some()),
    ("date", is_date),
    ("ip", |text| text.parse::<std::net::IpAddr>().is_ok()),
    ("ipv4", |text| text.parse::<std::net::Ipv4Addr>().is_ok()),
    ("ipv6", |text| text.parse::<std::net::Ipv6Addr>().is_ok()),
    #[cfg(any(feature = "jiff", feature = "chrono"))]
    ("partial-date-time", partial_date_time),
    #[cfg(any(feature = "jiff", feature = "chrono"))]
    ("partial-time", partial_time),
    #[cfg(feature = "jiff")]
    ("zoned-date-time", |text| text.parse::<jiff::Zoned>().is_ok()),
];

/// Formats that only describe numbers and add nothing to their bounds.
pub(super) const ANNOTATIONS: &[&str] = &[
    "int8", "int16", "int32", "int64", "int", "uint8", "uint16", "uint32", "uint64", "uint", "float",
    "double",
];

/// The check of a format.
pub(super) fn format(name: &str) -> Option<Check> {
    FORMATS.iter().find(|(known, _)| *known == name).map(|(_, check)| *check)
}

#[cfg(any(feature = "jiff", feature = "chrono"))]
fn partial_date_time(text: &str) -> bool {
    #[cfg(feature = "jiff")]
    let jiff = text.parse::<jiff::civil::DateTime>().is_ok();
    #[cfg(not(feature = "jiff"))]
    let jiff = true;
    #[cfg(feature = "chrono")]
    let chrono = text.parse::<chrono::NaiveDateTime>().is_ok();
    #[cfg(not(feature = "chrono"))]
    let chrono = true;
    jiff && chrono
}

#[cfg(any(feature = "jiff", feature = "chrono"))]
fn partial_time(text: &str) -> bool {
    #[cfg(feature = "jiff")]
    let jiff = text.parse::<jiff::civil::Time>().is_ok();
    #[cfg(not(feature = "jiff"))]
    let jiff = true;
    #[cfg(feature = "chrono")]
    let chrono = text.parse::<chrono::NaiveTime>().is_ok();
    #[cfg(not(feature = "chrono"))]
    let chrono = true;
    jiff && chrono
}

/// An address as HTML has it (no quoted local part), international domains included.
fn email(text: &str) -> bool {
    plain_email(text.as_bytes()) || text.validate_email()
}

/// The addresses that are usual, without a pattern engine. What it accepts, `validate_email` accepts too.
fn plain_email(text: &[u8]) -> bool {
    let Some(at) = text.iter().position(|&byte| byte == b'@') else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    (1..=64).contains(&local.len())
        && local.iter().all(inner)
        && domain.len() <= 255
        && domain.split(|&byte| byte == b'.').all(|label| {
            let edges = label.first().zip(label.last());
            label.len() <= 63
                && edges.is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
                && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        })
}

/// An absolute URI in the characters of RFC 3986 that a URL parser understands.
fn uri(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = bytes.iter().all(|byte| {
        byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    });
    let escaped =
        || {
            bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
                bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
            })
        };
    plain && escaped() && text.validate_url()
}

fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_addresses_need_no_pattern_engine() {
        // SCH-07
        for good in ["a@b.co", "ann.lee+news@mail.example-site.org", "a@localhost"] {
            assert!(plain_email(good.as_bytes()) && good.validate_email(), "{good}");
        }
        for bad in ["", "@", "a@", "@b.co", "a b@c.de", "a@b..c", "a@-b.co", "a@b-.co", "\"a\"@b.co"] {
            assert!(!email(bad), "{bad}");
        }
        let long = format!("{}@example.com", "a".repeat(10_000));
        assert!(!email(&long));
    }

    #[test]
    fn uris_are_absolute_and_plain() {
        for good in ["https://example.com/a?b=c#d", "mailto:a@b.co", "urn:isbn:123"] {
            assert!(uri(good), "{good}");
        }
        for bad in
            ["", "/a", "example.com", "https://exa mple.com", "https://a/%zz", "https://a/\u{e9}", "http://"]
        {
            assert!(!uri(bad), "{bad}");
        }
    }
}
