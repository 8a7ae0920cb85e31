//! Instants as text: RFC 3339 to the one form in which the order of the text is the order in time.

/// An RFC 3339 date-time as UTC text, `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`; `None` if it is none.
///
/// It is also the meaning of `format: "date-time"` in published schemas. The calendar is checked, the offset applied;
/// `t`, `z` may be lower case, and a blank may stand for the `T`, as RFC 3339 (5.6) allows. A fraction has at most nine
/// digits: more could not be kept. A leap second (`:60`) is kept as such where one can be, at 23:59 UTC. Years go from
/// 0000 to 9999, before and after the offset is applied.
///
/// ```
/// use modeller::model::normalize_datetime;
/// assert_eq!(normalize_datetime("2026-03-01T01:30:00+02:00").as_deref(), Some("2026-02-28T23:30:00.000000000Z"));
/// assert_eq!(normalize_datetime("2026-02-30T00:00:00Z"), None);
/// ```
pub fn normalize_datetime(text: &str) -> Option<String> {
    let (date, time) = text.as_bytes().split_at_checked(10)?;
    let (mut year, mut month, mut day) = civil(date)?;
    let [b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = time else { return None };
    let hour = pair(*h1, *h2)?;
    let minute = pair(*m1, *m2)?;
    let second = pair(*s1, *s2)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut nanos = [b'0'; 9];
    let rest = match rest {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            nanos.get_mut(..digits).filter(|kept| !kept.is_empty())?.copy_from_slice(&fraction[..digits]);
            &fraction[digits..]
        }
        _ => rest,
    };
    let offset = offset_minutes(rest)?;
    let mut minutes = i32::from(hour) * 60 + i32::from(minute) - offset;
    if minutes < 0 {
        minutes += DAY;
        (year, month, day) = day_before(year, month, day)?;
    } else if minutes >= DAY {
        minutes -= DAY;
        (year, month, day) = day_after(year, month, day)?;
    }
    if second == 60 && minutes != DAY - 1 {
        return None;
    }
    let mut out = String::with_capacity(30);
    let mut two = |number: u32, after: char| {
        out.push(digit(number / 10));
        out.push(digit(number));
        if after != '\0' {
            out.push(after);
        }
    };
    two(u32::from(year / 100), '\0');
    two(u32::from(year % 100), '-');
    two(u32::from(month), '-');
    two(u32::from(day), 'T');
    two(minutes.unsigned_abs() / 60, ':');
    two(minutes.unsigned_abs() % 60, ':');
    two(u32::from(second), '.');
    out.extend(nanos.iter().map(|&byte| char::from(byte)));
    out.push('Z');
    Some(out)
}

/// Unix milliseconds in the form in which instants are stored; `None` outside the years 0000 to 9999.
pub(crate) fn instant(milliseconds: i64) -> Option<String> {
    const MS_PER_DAY: i64 = 86_400_000;
    // The first and the last millisecond of those years.
    if !(-62_167_219_200_000..=253_402_300_799_999).contains(&milliseconds) {
        return None;
    }
    let (days, rest) = (milliseconds.div_euclid(MS_PER_DAY), milliseconds.rem_euclid(MS_PER_DAY));
    let (year, month, day) = civil_date(days);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1_000 % 60, rest % 1_000);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}000000Z"))
}

/// Year, month and day of a day that is counted from 1 January 1970.
pub(crate) fn civil_date(days: i64) -> (i64, u32, u32) {
    // Days since 0000-03-01, so that a leap day is the last day of its year; 400 years are 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March; five of them have 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    // A day of a month is a small number.
    let small = |number: i64| u32::try_from(number).unwrap_or(1);
    (era * 400 + year_of_era + next_year, small(month), small(day))
}

/// Whether this is a calendar date, `YYYY-MM-DD`: what `format: "date"` means.
#[cfg_attr(not(feature = "engine"), allow(dead_code))]
pub(super) fn is_date(text: &str) -> bool {
    civil(text.as_bytes()).is_some()
}

/// The stored form without the zeros at the end of its fraction: how an instant is written as JSON.
pub(super) fn trimmed(stored: &str) -> (&str, &'static str) {
    match stored.strip_suffix('Z') {
        Some(digits) if digits.len() > 19 => (digits.trim_end_matches('0').trim_end_matches('.'), "Z"),
        _ => (stored, ""),
    }
}

const DAY: i32 = 24 * 60;

fn digit(number: u32) -> char {
    char::from(b'0' + (number % 10) as u8)
}

fn pair(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

fn civil(date: &[u8]) -> Option<(u16, u8, u8)> {
    let &[c1, c2, y1, y2, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let year = u16::from(pair(c1, c2)?) * 100 + u16::from(pair(y1, y2)?);
    let (month, day) = (pair(m1, m2)?, pair(d1, d2)?);
    ((1..=12).contains(&month) && (1..=days(year, month)).contains(&day)).then_some((year, month, day))
}

fn offset_minutes(text: &[u8]) -> Option<i32> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (pair(h1, h2)?, pair(m1, m2)?);
            let all = i32::from(hours) * 60 + i32::from(minutes);
            (hours < 24 && minutes < 60).then_some(if sign == b'-' { -all } else { all })
        }
        _ => None,
    }
}

fn days(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn day_before(year: u16, month: u8, day: u8) -> Option<(u16, u8, u8)> {
    Some(match (month, day) {
        (1, 1) => (year.checked_sub(1)?, 12, 31),
        (_, 1) => (year, month - 1, days(year, month - 1)),
        _ => (year, month, day - 1),
    })
}

fn day_after(year: u16, month: u8, day: u8) -> Option<(u16, u8, u8)> {
    Some(match (month, day) {
        (12, 31) if year == 9999 => return None,
        (12, 31) => (year + 1, 1, 1),
        _ if day == days(year, month) => (year, month + 1, 1),
        _ => (year, month, day + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_become_utc_with_nine_digits() {
        // SCH-14
        for (text, stored) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000000Z"),
            ("2026-01-02t03:04:05.5z", "2026-01-02T03:04:05.500000000Z"),
            ("2026-01-02 03:04:05-00:00", "2026-01-02T03:04:05.000000000Z"),
            ("2025-12-31T23:30:00.123456789-01:00", "2026-01-01T00:30:00.123456789Z"),
            ("2024-03-01T00:00:00+00:01", "2024-02-29T23:59:00.000000000Z"),
            ("2023-03-01T00:00:00+23:59", "2023-02-28T00:01:00.000000000Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60.000000000Z"),
            ("2017-01-01T00:59:60+01:00", "2016-12-31T23:59:60.000000000Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000000Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ] {
            assert_eq!(normalize_datetime(text).as_deref(), Some(stored), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2026",
            "2026-01-02",
            "2026-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T12:00:60Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+0100",
            "2026-01-01T00:00:00ZZ",
            "2026-01-01T00:00:00Z\n",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "10000-01-01T00:00:00Z",
            "２026-01-01T00:00:00Z",
            "2026-01-0é",
        ] {
            assert_eq!(normalize_datetime(text), None, "{text}");
        }
    }

    #[test]
    fn the_order_of_the_text_is_the_order_in_time() {
        let stored = |text: &str| normalize_datetime(text).unwrap();
        assert!(stored("2026-01-01T00:00:00+01:00") < stored("2026-01-01T00:00:00Z"));
        assert!(stored("2016-12-31T23:59:60Z") < stored("2017-01-01T00:00:00Z"));
        assert!(stored("2026-01-01T00:00:00.09Z") < stored("2026-01-01T00:00:00.1Z"));
    }

    #[test]
    fn the_zeros_of_a_fraction_are_not_shown() {
        let show = |text: &str| format!("{}{}", trimmed(text).0, trimmed(text).1);
        assert_eq!(show("2026-01-01T00:00:00.000000000Z"), "2026-01-01T00:00:00Z");
        assert_eq!(show("2026-01-01T00:00:00.120000000Z"), "2026-01-01T00:00:00.12Z");
        assert_eq!(show("by hand"), "by hand");
    }

    #[test]
    fn milliseconds_become_instants() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999000000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000000000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999000000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000000000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999000000Z"),
        ] {
            assert_eq!(instant(milliseconds).as_deref(), Some(expected));
            assert_eq!(normalize_datetime(expected).as_deref(), Some(expected));
        }
        assert_eq!(instant(253_402_300_800_000), None);
        assert_eq!(instant(i64::MIN), None);
        assert_eq!(instant(i64::MAX), None);
    }
}
