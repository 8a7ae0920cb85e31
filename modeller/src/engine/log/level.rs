//! How important an entry is, and what it is about.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::registry::BehaviourKind;

/// How important an entry is. As the level of a log: entries of at least this importance, or none at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// For whoever looks for a fault.
    Debug,
    /// What went as it should.
    Info,
    /// What did not go as its caller wanted.
    Warn,
    /// What should not happen.
    Error,
    /// Nothing. No entry has this level.
    #[default]
    Silent,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// A hook.
    Hook,
    /// A worker.
    Worker,
    /// A method.
    Method,
    /// An event.
    Event,
    /// An operation of a model: an insert, a find, ..
    Crud,
    /// A job.
    Job,
    /// A rule.
    Rule,
}

impl LogLevel {
    /// Every level, the least important first.
    pub const ALL: &'static [LogLevel] =
        &[LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error, LogLevel::Silent];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
            LogLevel::Silent => "silent",
        }
    }
}

impl Feature {
    /// Every feature.
    pub const ALL: &'static [Feature] = &[
        Feature::Hook,
        Feature::Worker,
        Feature::Method,
        Feature::Event,
        Feature::Crud,
        Feature::Job,
        Feature::Rule,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Feature::Hook => "hook",
            Feature::Worker => "worker",
            Feature::Method => "method",
            Feature::Event => "event",
            Feature::Crud => "crud",
            Feature::Job => "job",
            Feature::Rule => "rule",
        }
    }
}

impl From<BehaviourKind> for Feature {
    fn from(kind: BehaviourKind) -> Self {
        match kind {
            BehaviourKind::Hook => Feature::Hook,
            BehaviourKind::Method | BehaviourKind::Query => Feature::Method,
            BehaviourKind::Event => Feature::Event,
            BehaviourKind::Worker => Feature::Worker,
            BehaviourKind::Job => Feature::Job,
            BehaviourKind::Rule => Feature::Rule,
        }
    }
}

/// One bit for each pair of a level that entries have and a feature.
pub(super) fn bit(level: LogLevel, feature: Feature) -> u32 {
    match level {
        LogLevel::Silent => 0,
        level => 1 << (feature as u32 * 4 + level as u32),
    }
}

/// The bits of all levels.
pub(super) fn bits(feature: Feature) -> u32 {
    0b1111 << (feature as u32 * 4)
}

macro_rules! names {
    ($type:ident, $what:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().copied().find(|one| one.name() == text);
                found.ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|one| one.name()).collect();
                    format!("{} is one of {}", $what, known.join(", "))
                })
            }
        }
    };
}

names!(LogLevel, "a log level");
names!(Feature, "a feature of the log");

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_pair_has_a_bit_of_its_own() {
        let levels = &LogLevel::ALL[..4];
        let bits: HashSet<u32> =
            Feature::ALL.iter().flat_map(|&f| levels.iter().map(move |&l| bit(l, f))).collect();
        assert_eq!(bits.len(), 28);
        assert!(bits.iter().all(|bit| bit.count_ones() == 1));
        assert_eq!(bit(LogLevel::Silent, Feature::Job), 0);
        assert_eq!(super::bits(Feature::Crud).count_ones(), 4);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for level in LogLevel::ALL {
            assert_eq!(level.to_string().parse(), Ok(*level));
        }
        assert_eq!("crud".parse(), Ok(Feature::Crud));
        assert_eq!(
            "loud".parse::<LogLevel>(),
            Err("a log level is one of debug, info, warn, error, silent".into())
        );
    }
}
