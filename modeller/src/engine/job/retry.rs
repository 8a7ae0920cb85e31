//! What becomes of a job after an error: another attempt, and when, or none.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::model::{Code, Error};

/// The longest time between two attempts, in milliseconds.
const LONGEST: u64 = 24 * 3_600 * 1_000;

/// Whether the same job may succeed another time. What the caller did wrong (a status from 400 to 499) stays wrong, but for
/// conflicts, timeouts, and limits on how much may be asked at once.
pub(super) fn is_passing(error: &Error) -> bool {
    let passing = [Code::Conflict, Code::Timeout, Code::RateLimited, Code::Overloaded];
    if passing.iter().any(|code| error.is(*code)) {
        return true;
    }
    !(400..500).contains(&error.status()) || matches!(error.status(), 408 | 425 | 429)
}

/// How long to wait after this failed attempt, the first being 1: `backoff` milliseconds, and twice as long after each further
/// one, a day at most. A part of up to a half is taken off, another one for each job, lest they all come back at once.
pub(super) fn delay(backoff: u64, attempt: i64, id: &str) -> i64 {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(40);
    let whole = backoff.saturating_mul(1 << doublings).min(LONGEST);
    let mut hasher = DefaultHasher::new();
    (id, attempt).hash(&mut hasher);
    let off = hasher.finish() % (whole / 2 + 1);
    i64::try_from(whole - off).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    // HOO-06
    #[test]
    fn what_a_caller_did_wrong_is_not_tried_again() {
        for code in Code::ALL {
            let passing = is_passing(&Error::new(*code, ""));
            let temporary = matches!(code, Code::Conflict | Code::Timeout | Code::RateLimited);
            assert_eq!(passing, temporary || code.status() >= 500, "{code}");
        }
        assert!(is_passing(&Error::custom("SLOW_DOWN", 429, "")));
        assert!(is_passing(&Error::custom("MAIL_SERVER_DOWN", 502, "")));
        assert!(!is_passing(&Error::custom("NO_SUCH_ADDRESS", 422, "")));
    }

    #[test]
    fn the_wait_doubles_and_is_never_the_same_for_all() {
        for attempt in 1..8 {
            let whole = 1_000 << (attempt - 1);
            let delays: Vec<i64> = (0..100).map(|job| delay(1_000, attempt, &format!("{job}"))).collect();
            assert!(delays.iter().all(|delay| (whole / 2..=whole).contains(delay)));
            assert!(delays.iter().any(|delay| *delay != delays[0]));
        }
        assert_eq!(delay(0, 3, "a"), 0);
        assert!(delay(u64::MAX, i64::MAX, "a") <= 24 * 3_600 * 1_000);
    }
}
