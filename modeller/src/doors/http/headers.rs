//! Request headers that say under which condition a call is made, and what is understood of them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::model::{Code, Error, Result};

/// Makes a retry have its effect only once.
pub(super) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The value of a header that may stand there once.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::new(
            Code::InvalidRequest,
            format!("the header `{name}` may stand there only once"),
        ));
    }
    Ok(first)
}

/// The text of a header that may stand there once.
pub(super) fn single_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let Some(value) = single(headers, name)? else { return Ok(None) };
    let text = value.to_str().map_err(|_| {
        Error::new(Code::InvalidRequest, format!("the header `{name}` holds characters that are not ASCII"))
    })?;
    Ok(Some(text.trim()))
}

/// What `If-Match` demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// `*`: that there is a document.
    Any,
    /// That it has this version.
    Version(i64),
}

/// `If-Match: "3"`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>> {
    let Some(text) = single_text(headers, &header::IF_MATCH)? else { return Ok(None) };
    if text == "*" {
        return Ok(Some(IfMatch::Any));
    }
    match version(text) {
        Some(version) => Ok(Some(IfMatch::Version(version))),
        None => Err(Error::new(
            Code::InvalidRequest,
            "`If-Match` takes the `ETag` of one document, such as `\"3\"`, or `*`",
        )),
    }
}

/// Whether `If-None-Match` names this version, so that the answer need not be sent again.
pub(super) fn none_match(headers: &HeaderMap, tag: &str) -> bool {
    fn opaque(tag: &str) -> &str {
        tag.strip_prefix("W/").unwrap_or(tag)
    }
    let tag = opaque(tag);
    let mut values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').map(str::trim).any(|one| one == "*" || opaque(one) == tag))
}

/// `"3"` or `W/"3"`: compressed answers carry the weak form. A bare `3`, as people write it by hand, can't mean anything else.
fn version(tag: &str) -> Option<i64> {
    let digits = match tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => tag,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Whether the client takes gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut named, mut any) = (None, None);
    for value in headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()) {
        for part in value.split(',') {
            let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
            let wanted = weight
                .trim()
                .strip_prefix("q=")
                .is_none_or(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0));
            match coding.trim() {
                "*" => any = Some(wanted),
                coding if coding.eq_ignore_ascii_case("gzip") => named = Some(wanted),
                _ => {}
            }
        }
    }
    named.or(any).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn if_match_takes_one_tag() {
        let parsed = |values: &[&'static str]| if_match(&headers(header::IF_MATCH, values));
        assert_eq!(parsed(&[]).unwrap(), None);
        assert_eq!(parsed(&["\"3\""]).unwrap(), Some(IfMatch::Version(3)));
        assert_eq!(parsed(&["W/\"3\""]).unwrap(), Some(IfMatch::Version(3)));
        assert_eq!(parsed(&["3"]).unwrap(), Some(IfMatch::Version(3)));
        assert_eq!(parsed(&["*"]).unwrap(), Some(IfMatch::Any));
        for bad in [
            "W/x",
            "3\"",
            "\"\"",
            "\"+3\"",
            "\"-3\"",
            "\"3",
            "\"x\"",
            "\"3\", \"4\"",
            "",
            "\"99999999999999999999\"",
        ] {
            assert!(parsed(&[bad]).is_err(), "{bad}");
        }
        assert!(parsed(&["\"3\"", "\"3\""]).is_err());
    }

    #[test]
    fn if_none_match_takes_lists() {
        let matches = |values: &[&'static str]| none_match(&headers(header::IF_NONE_MATCH, values), "\"3\"");
        assert!(matches(&["\"1\", \"3\""]));
        assert!(matches(&["W/\"3\""]));
        assert!(matches(&["\"1\"", "*"]));
        assert!(!matches(&["\"1\""]));
        assert!(!matches(&[]));
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let accepts = |value: &'static str| accepts_gzip(&headers(header::ACCEPT_ENCODING, &[value]));
        assert!(accepts("gzip"));
        assert!(accepts("br, GZIP;q=0.5"));
        assert!(accepts("*"));
        assert!(!accepts("gzip;q=0, *"));
        assert!(!accepts("br"));
        assert!(!accepts("gzip;q=x"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
