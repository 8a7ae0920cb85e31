//! Conditional requests for files: `ETag`, `Last-Modified`, and the headers that go by them (RFC 9110, 13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderValue, header};

use super::super::headers;

/// Within this time of a change another one might leave no trace in the times that the system keeps, so that bytes need not
/// be the same.
const FRESH: Duration = Duration::from_secs(2);

/// What identifies the bytes of a file without reading them.
pub(super) struct Validators {
    tag: String,
    /// In whole seconds, as HTTP has it, and not in the future.
    modified: Option<SystemTime>,
    /// Whether the time of the change tells one state of the file from every other.
    is_strong: bool,
}

/// Whether a request's conditions hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A condition for sending it does not hold.
    Failed,
    /// The caller has these bytes already.
    Unchanged,
    Send {
        may_be_part: bool,
    },
}

impl Validators {
    /// Of a file with this many bytes, written at `modified`, of which anything changed at `changed` (nanoseconds; 0 if that
    /// is not known).
    ///
    /// The tag is made of all three. That is a strong one once the last change is some time ago: whoever writes to the file
    /// moves the time of change, and can't set it back. Until then, and where there is no such time, it is a weak one.
    pub(super) fn new(length: u64, modified: Option<SystemTime>, changed: i128, now: SystemTime) -> Self {
        let nanos = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let settled = i128::try_from(nanos(now).saturating_sub(FRESH.as_nanos())).unwrap_or(i128::MAX);
        let is_strong = changed > 0 && changed < settled;
        let weak = if is_strong { "" } else { "W/" };
        let written = modified.map_or(0, nanos);
        let tag = format!("{weak}\"{length:x}-{written:x}-{changed:x}\"");
        let modified = modified.filter(|&time| time >= UNIX_EPOCH).map(|time| whole(time.min(now)));
        Validators { tag, modified, is_strong }
    }

    /// Whether the file is to be sent, by the order of RFC 9110, 13.2.2. Dates that are none are passed over.
    pub(super) fn judge(&self, request: &HeaderMap) -> Held {
        let has = |name| request.contains_key(name);
        let failed = match has(header::IF_MATCH) {
            true => !self.matches(request),
            false => match (date(request, &header::IF_UNMODIFIED_SINCE), self.modified) {
                (Some(date), Some(modified)) => modified > date,
                _ => false,
            },
        };
        if failed {
            return Held::Failed;
        }
        let unchanged = match has(header::IF_NONE_MATCH) {
            true => headers::none_match(request, &self.tag),
            false => match (date(request, &header::IF_MODIFIED_SINCE), self.modified) {
                (Some(date), Some(modified)) => modified <= date,
                _ => false,
            },
        };
        match unchanged {
            true => Held::Unchanged,
            false => Held::Send { may_be_part: self.fits_range(request) },
        }
    }

    /// `If-Match`: only a strong tag can say that the bytes are the same.
    fn matches(&self, request: &HeaderMap) -> bool {
        let mut values = request.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| {
            let mut tags = value.split(',').map(str::trim);
            tags.any(|tag| tag == "*" || (self.is_strong && tag == self.tag))
        })
    }

    /// `If-Range`: a part goes only with the rest that the caller has.
    fn fits_range(&self, request: &HeaderMap) -> bool {
        let Some(value) = request.get(header::IF_RANGE) else { return true };
        let same_tag = || value.to_str().is_ok_and(|tag| tag.trim() == self.tag);
        let same_date = || date(request, &header::IF_RANGE).is_some_and(|date| Some(date) == self.modified);
        self.is_strong && (same_tag() || same_date())
    }

    /// Writes them on an answer.
    pub(super) fn mark(&self, answer: &mut HeaderMap) {
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            answer.insert(header::ETAG, tag);
        }
        let modified = self.modified.map(httpdate::fmt_http_date).map(HeaderValue::try_from);
        if let Some(Ok(modified)) = modified {
            answer.insert(header::LAST_MODIFIED, modified);
        }
    }
}

fn whole(time: SystemTime) -> SystemTime {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // Later than this no date can be written; files of such a time are nothing but odd.
    UNIX_EPOCH + Duration::from_secs(seconds.min(253_402_300_799))
}

fn date(headers: &HeaderMap, name: &header::HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: Duration = Duration::from_millis(1_790_000_000_500);

    fn at(age: u64) -> Validators {
        let written = UNIX_EPOCH + WRITTEN;
        let changed = i128::try_from(WRITTEN.as_nanos()).unwrap();
        Validators::new(10, Some(written), changed, written + Duration::from_secs(age))
    }

    fn judged(validators: &Validators, headers: &[(header::HeaderName, &str)]) -> Held {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        validators.judge(&headers.collect())
    }

    #[test]
    fn a_tag_is_strong_once_the_file_has_settled() {
        assert!(at(0).tag.starts_with("W/\"a-"));
        assert!(at(1).tag.starts_with("W/"));
        assert!(at(3).tag.starts_with("\"a-"));
        let unknown = Validators::new(10, None, 0, UNIX_EPOCH + WRITTEN);
        assert_eq!((unknown.tag.as_str(), unknown.modified), ("W/\"a-0-0\"", None));
        // A file of the future, as after a clock that was wrong.
        let changed = i128::try_from(WRITTEN.as_nanos()).unwrap();
        let future =
            Validators::new(1, Some(UNIX_EPOCH + WRITTEN), changed, UNIX_EPOCH + Duration::from_secs(100));
        assert!(!future.is_strong);
        assert_eq!(future.modified, Some(UNIX_EPOCH + Duration::from_secs(100)));
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        let file = at(100);
        let date = httpdate::fmt_http_date(UNIX_EPOCH + WRITTEN);
        let tag = file.tag.clone();
        assert_eq!(judged(&file, &[(header::IF_NONE_MATCH, &tag)]), Held::Unchanged);
        assert_eq!(judged(&file, &[(header::IF_NONE_MATCH, &format!("\"x\", W/{tag}"))]), Held::Unchanged);
        assert_eq!(judged(&file, &[(header::IF_MODIFIED_SINCE, &date)]), Held::Unchanged);
        // The tag wins.
        let both = [(header::IF_NONE_MATCH, "\"x\""), (header::IF_MODIFIED_SINCE, date.as_str())];
        assert_eq!(judged(&file, &both), Held::Send { may_be_part: true });
        let nonsense = [(header::IF_MODIFIED_SINCE, "yesterday")];
        assert_eq!(judged(&file, &nonsense), Held::Send { may_be_part: true });
    }

    #[test]
    fn conditions_that_do_not_hold_fail() {
        let file = at(100);
        let tag = file.tag.clone();
        assert_eq!(judged(&file, &[(header::IF_MATCH, "\"x\"")]), Held::Failed);
        assert_eq!(judged(&file, &[(header::IF_MATCH, &format!("W/{tag}"))]), Held::Failed);
        assert_eq!(judged(&file, &[(header::IF_MATCH, &tag)]), Held::Send { may_be_part: true });
        assert_eq!(judged(&file, &[(header::IF_MATCH, "*")]), Held::Send { may_be_part: true });
        let before = httpdate::fmt_http_date(UNIX_EPOCH + WRITTEN - Duration::from_secs(1));
        assert_eq!(judged(&file, &[(header::IF_UNMODIFIED_SINCE, &before)]), Held::Failed);
    }

    #[test]
    fn a_part_goes_only_with_the_same_bytes() {
        let file = at(100);
        let (tag, date) = (file.tag.clone(), httpdate::fmt_http_date(UNIX_EPOCH + WRITTEN));
        for same in [&tag, &date] {
            assert_eq!(judged(&file, &[(header::IF_RANGE, same)]), Held::Send { may_be_part: true });
        }
        for other in ["\"x\"", "Sun, 06 Nov 1994 08:49:37 GMT", "nonsense"] {
            assert_eq!(judged(&file, &[(header::IF_RANGE, other)]), Held::Send { may_be_part: false });
        }
        let fresh = at(0);
        assert_eq!(judged(&fresh, &[(header::IF_RANGE, &fresh.tag)]), Held::Send { may_be_part: false });
    }
}
