//! Entries as events of `tracing`, for whatever the program has that listens to those.

use tracing::event;

use super::{Feature, LogEntry, LogLevel, text};

/// The target and the level of an event have to be constants.
macro_rules! at {
    ($target:literal, $entry:ident) => {
        match $entry.level {
            LogLevel::Debug => say!($target, tracing::Level::DEBUG, $entry),
            LogLevel::Info => say!($target, tracing::Level::INFO, $entry),
            LogLevel::Warn => say!($target, tracing::Level::WARN, $entry),
            LogLevel::Error => say!($target, tracing::Level::ERROR, $entry),
            LogLevel::Silent => {}
        }
    };
}

macro_rules! say {
    ($target:literal, $level:expr, $entry:ident) => {
        event!(
            target: $target,
            $level,
            model = $entry.model_id,
            data = $entry.data.as_ref().map(|data| tracing::field::display(text::Escaped(&data.to_string()).to_string())),
            call_site = %text::Escaped(&$entry.call_site),
            initial = $entry.initial.then_some(true),
            "{}",
            text::Escaped(&$entry.message)
        )
    };
}

pub(super) fn emit(entry: &LogEntry) {
    match entry.feature {
        Feature::Hook => at!("modeller::hook", entry),
        Feature::Worker => at!("modeller::worker", entry),
        Feature::Method => at!("modeller::method", entry),
        Feature::Event => at!("modeller::event", entry),
        Feature::Crud => at!("modeller::crud", entry),
        Feature::Job => at!("modeller::job", entry),
        Feature::Rule => at!("modeller::rule", entry),
    }
}
