//! Positions: the place of a broadcast among those that were kept.

use std::fmt;
use std::str::FromStr;

use serde_json::Value as Json;

use crate::model::{Code, Error, Result, normalize_datetime};

/// The place of a kept broadcast within its channel, as text `epoch-offset`.
///
/// Offsets of one channel have no gaps. A new epoch begins where the channel was forgotten in between. The text is opaque to
/// clients, and not signed: whoever may hear a replay may hear it from any place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    pub(super) epoch: u64,
    pub(super) offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (epoch, offset) = text.split_once('-')?;
            let digits = epoch.len() == 16 && epoch.bytes().all(|byte| byte.is_ascii_hexdigit());
            let epoch = u64::from_str_radix(epoch, 16).ok().filter(|_| digits)?;
            // Offsets are kept as signed numbers.
            let offset = offset.parse::<i64>().ok()?;
            Some(Position { epoch, offset: u64::try_from(offset).ok()? })
        };
        read().ok_or_else(|| {
            Error::new(Code::InvalidRequest, "this is not the position of a broadcast").with_field("since")
        })
    }
}

/// From where on a replay is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// After this broadcast: nothing is missing and nothing double.
    Position(Position),
    /// From this time on, in Unix milliseconds. Several broadcasts may have the same.
    Time(i64),
}

impl Since {
    /// A position, an ISO time, or Unix milliseconds.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if it is none of them.
    pub fn of_json(json: &Json) -> Result<Self> {
        match json {
            Json::String(text) => text.parse(),
            Json::Number(number) if number.is_i64() => Ok(Since::Time(number.as_i64().unwrap_or_default())),
            _ => Err(unreadable()),
        }
    }
}

impl FromStr for Since {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(position) = text.parse() {
            return Ok(Since::Position(position));
        }
        let time = normalize_datetime(text).and_then(|stored| milliseconds(&stored));
        time.map(Since::Time).ok_or_else(unreadable)
    }
}

fn unreadable() -> Error {
    let message = "`since` is the position of a broadcast or a time, such as 2026-09-21T14:13:20Z";
    Error::new(Code::InvalidRequest, message).with_field("since")
}

/// The Unix milliseconds of an instant in the form that `normalize_datetime` gives.
fn milliseconds(stored: &str) -> Option<i64> {
    let number = |from: usize, to: usize| stored.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days from 1 January 1970, where a year begins in March: its leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(days * 86_400_000 + seconds * 1_000 + number(20, 23)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::instant;

    #[test]
    fn a_position_is_what_it_was_written_as() {
        // CHA-14
        let position = Position { epoch: 0xfeed, offset: 7 };
        assert_eq!(position.to_string(), "000000000000feed-7");
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        let forged =
            ["", "-", "feed-7", "000000000000feed-", "000000000000feed--1", "+00000000000feed-1", "a-b"];
        for text in forged.into_iter().chain(["000000000000feed-9223372036854775808"]) {
            assert!(text.parse::<Since>().unwrap_err().is(Code::InvalidRequest), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_is_read_as_it_is_written(time in -62_167_219_200_000_i64..253_402_300_799_999) {
            let text = instant(time).unwrap();
            prop_assert_eq!(text.parse::<Since>().unwrap(), Since::Time(time));
        }
    }
}
