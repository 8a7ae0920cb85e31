//! Jobs by the calendar: patterns, and the ticks that are due.

use std::cmp::Ordering;
use std::str::FromStr as _;

use croner::errors::CronError;
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};

use super::board::declared;
use super::entry::{CronEntry, number, rewrite, stamp};
use super::{Schedule, put};
use crate::Model as _;
use crate::engine::Engine;
use crate::engine::behaviour::JobHandler;
use crate::model::{Result, Row, Value, civil_date};
use crate::query::{Filter, Select};
use crate::registry::Registry;
use crate::store::{self, Rows, Tx};

const SECONDS_PER_DAY: i64 = 86_400;

/// The jobs that run by the calendar.
#[derive(Default)]
pub(super) struct Calendar(Vec<Item>);

struct Item {
    name: String,
    pattern: &'static str,
    cron: Cron,
    payload: &'static [u8],
}

/// Those of the declared jobs that have a pattern. One that can't be understood is reported by the [check](super::check).
pub(super) fn calendar(registry: &Registry) -> Calendar {
    let item = |(behaviour, handler): (&'static crate::registry::Behaviour, &'static JobHandler)| {
        let pattern = handler.options.cron?;
        Some(Item {
            name: behaviour.id(),
            pattern,
            cron: parse(pattern).ok()?,
            payload: empty_payload(handler)?,
        })
    };
    Calendar(declared(registry).filter_map(item).collect())
}

/// Reads a pattern of five fields (minute, hour, day, month, weekday), or six with the seconds before them. `Err` says what is
/// wrong with it.
pub(super) fn parse(pattern: &str) -> Result<Cron, String> {
    let cron = Cron::from_str(pattern).map_err(|error| error.to_string())?;
    match next(&cron, 0) {
        Some(_) => Ok(cron),
        None => Err("there is no such time".to_owned()),
    }
}

/// What a job is given that runs by itself: nothing, in the form that its struct takes.
pub(super) fn empty_payload(handler: &JobHandler) -> Option<&'static [u8]> {
    [b"{}".as_slice(), b"null"].into_iter().find(|payload| (handler.check)(payload).is_ok())
}

/// The first tick after this time, in Unix milliseconds.
fn next(cron: &Cron, after: i64) -> Option<i64> {
    Some(cron.find_next_occurrence(&Utc::of(after), false).ok()?.milliseconds())
}

/// The last tick up to this time, in Unix milliseconds.
fn last(cron: &Cron, until: i64) -> Option<i64> {
    Some(cron.find_previous_occurrence(&Utc::of(until), true).ok()?.milliseconds())
}

impl Calendar {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the next tick of any job comes.
    pub(super) fn next(&self, after: i64) -> Option<i64> {
        self.0.iter().filter_map(|item| next(&item.cron, after)).min()
    }

    /// Enqueues the jobs whose tick has come. Each tick is seen to once, whoever comes first; of several that were missed, the
    /// last one.
    pub(super) async fn tick(&self, engine: &Engine, tx: &mut dyn Tx, now: i64) -> Result<()> {
        let shape = CronEntry::descriptor().shape();
        let (pattern, seen) = (CronEntry::PATTERN.index(), CronEntry::LAST.index());
        for item in &self.0 {
            let select = Select::filtered(shape, Filter::id(item.name.as_str()));
            let found = store::sink::<Rows>(tx.read(&select, Rows::of(shape)).await?).rows;
            let Some(row) = found.first() else {
                let mut row = Row(vec![Value::Null; shape.columns.len()]);
                stamp(&mut row, item.name.clone(), now);
                row[CronEntry::NAME.index()] = Value::from(item.name.as_str());
                row[pattern] = Value::from(item.pattern);
                row[seen] = Value::Integer(now);
                tx.insert(shape, &row).await?;
                continue;
            };
            if row[pattern].as_text() != Some(item.pattern) {
                rewrite(tx, shape, row, now, |row| {
                    row[pattern] = Value::from(item.pattern);
                    row[seen] = Value::Integer(now);
                })
                .await?;
                continue;
            }
            let Some(due) = last(&item.cron, now).filter(|due| *due > number(row, seen)) else { continue };
            rewrite(tx, shape, row, now, |row| row[seen] = Value::Integer(due)).await?;
            let schedule = Schedule::new().at(due).unique(format!("cron {due}"));
            put(engine, tx, &item.name, item.payload, &schedule).await?;
        }
        Ok(())
    }
}

/// A second of universal time, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Utc(i64);

impl Utc {
    fn of(milliseconds: i64) -> Self {
        Utc(milliseconds.div_euclid(1_000))
    }

    fn milliseconds(self) -> i64 {
        self.0.saturating_mul(1_000)
    }
}

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        let (year, month, day) = civil_date(self.0.div_euclid(SECONDS_PER_DAY));
        let second = self.0.rem_euclid(SECONDS_PER_DAY);
        let part = |number: i64| u32::try_from(number).unwrap_or(0);
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(i32::try_from(year).unwrap_or(i32::MAX), month, day),
            CivilTime::from_parts_unchecked(part(second / 3_600), part(second / 60 % 60), part(second % 60)),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        // 1 January 1970 was a Thursday.
        let days = (self.0.div_euclid(SECONDS_PER_DAY) + 4).rem_euclid(7);
        Weekday::from_days_from_sunday(u32::try_from(days).unwrap_or(0))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let days = days_since_1970(i64::from(civil.year()), civil.month(), civil.day());
        let time =
            i64::from(civil.hour()) * 3_600 + i64::from(civil.minute()) * 60 + i64::from(civil.second());
        Ok(Resolution::Single(Utc(days * SECONDS_PER_DAY + time)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(seconds).map(Utc)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

/// The other way round than [`civil_date`].
fn days_since_1970(year: i64, month: u32, day: u32) -> i64 {
    // Years that begin in March have their leap day at their end; 400 of them are 146,097 days.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * i64::from(month) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const JANUARY_2026: i64 = 1_767_225_600_000; // a Thursday
    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    // HOO-14
    #[test]
    fn patterns_name_times_of_universal_time() {
        let first = |pattern: &str| next(&parse(pattern).unwrap(), JANUARY_2026).unwrap() - JANUARY_2026;
        assert_eq!(first("0 3 * * *"), 3 * HOUR);
        assert_eq!(first("*/15 * * * *"), HOUR / 4);
        assert_eq!(first("30 0 * * *"), HOUR / 2);
        assert_eq!(first("0 0 * * *"), DAY, "midnight itself is over");
        assert_eq!(first("0 0 * * MON"), 4 * DAY);
        assert_eq!(first("0 0 L * *"), 30 * DAY);
        assert_eq!(first("0 0 29 2 *"), 789 * DAY, "29 February 2028");
        assert_eq!(first("*/10 * * * * *"), 10_000);
        assert_eq!(first("@hourly"), HOUR);
        let before = |pattern: &str| last(&parse(pattern).unwrap(), JANUARY_2026 + 1).unwrap() - JANUARY_2026;
        assert_eq!(before("0 0 * * *"), 0);
        assert_eq!(before("0 3 * * *"), -21 * HOUR);
    }

    // HOO-14
    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        for pattern in
            ["", "every day", "60 * * * *", "* * * *", "* * * * * * * *", "0 0 31 2 *", "\u{0}", "@never"]
        {
            assert!(parse(pattern).is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn days_are_dates_and_dates_days() {
        for days in (-800_000..800_000).step_by(17) {
            let (year, month, day) = civil_date(days);
            assert_eq!(days_since_1970(year, month, day), days);
        }
    }
}
