//! What is logged, and to whom.

use std::fmt;
use std::sync::Arc;

use super::level::bit;
use super::{Feature, LogEntry, LogLevel};

/// Takes entries of the log somewhere. A closure over `&LogEntry` is one.
///
/// It is called in the midst of the work that is logged: it should be quick, and hand on what takes time. A panic in it is
/// caught; what it logs itself goes nowhere.
pub trait LogAdapter: Send + Sync {
    /// Takes an entry.
    fn log(&self, entry: &LogEntry);
}

impl<F: Fn(&LogEntry) + Send + Sync> LogAdapter for F {
    fn log(&self, entry: &LogEntry) {
        self(entry);
    }
}

/// What is logged, and to whom.
///
/// ```
/// use modeller::engine::{Feature, LogLevel, LogOptions};
///
/// let options = LogOptions::new()
///     .level(LogLevel::Info)
///     .feature(Feature::Crud, false)
///     .on_entry(|entry| eprintln!("{entry}"));
/// # let _ = options;
/// ```
#[derive(Clone)]
#[must_use]
pub struct LogOptions {
    level: LogLevel,
    features: u32,
    pub(super) adapters: Vec<Arc<dyn LogAdapter>>,
    timestamp: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl LogOptions {
    /// Silent, with all features switched on for when it is not.
    pub fn new() -> Self {
        LogOptions { level: LogLevel::Silent, features: u32::MAX, adapters: Vec::new(), timestamp: true }
    }

    /// Entries of at least this importance; none with [`LogLevel::Silent`], as it is unless it is set.
    pub fn level(mut self, level: LogLevel) -> Self {
        self.level = level;
        self
    }

    /// Whether there are entries about this feature. All are on unless they are switched off.
    pub fn feature(mut self, feature: Feature, on: bool) -> Self {
        let bit = 1 << feature as u32;
        self.features = if on { self.features | bit } else { self.features & !bit };
        self
    }

    /// Entries about these features alone.
    pub fn features(mut self, features: impl IntoIterator<Item = Feature>) -> Self {
        self.features = 0;
        features.into_iter().fold(self, |options, feature| options.feature(feature, true))
    }

    /// Whether the lines that the server prints have the time. They have unless it is switched off; entries always do.
    pub fn timestamp(mut self, on: bool) -> Self {
        self.timestamp = on;
        self
    }

    /// Calls this with every entry.
    pub fn on_entry(self, listener: impl Fn(&LogEntry) + Send + Sync + 'static) -> Self {
        self.adapter(listener)
    }

    /// Hands every entry to this adapter, too.
    pub fn adapter(mut self, adapter: impl LogAdapter + 'static) -> Self {
        self.adapters.push(Arc::new(adapter));
        self
    }

    /// Whether printed lines have the time.
    pub fn has_timestamp(&self) -> bool {
        self.timestamp
    }

    /// Whether nothing is logged at all.
    pub fn is_silent(&self) -> bool {
        self.mask() == 0
    }

    /// The bits of all pairs of level and feature that are on.
    pub(super) fn mask(&self) -> u32 {
        let levels = LogLevel::ALL.iter().filter(|&&level| level >= self.level);
        let features = Feature::ALL.iter().filter(|&&feature| self.features & (1 << feature as u32) != 0);
        features.flat_map(|&feature| levels.clone().map(move |&level| bit(level, feature))).sum()
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on: Vec<Feature> = Feature::ALL
            .iter()
            .copied()
            .filter(|&feature| self.features & (1 << feature as u32) != 0)
            .collect();
        f.debug_struct("LogOptions")
            .field("level", &self.level)
            .field("features", &on)
            .field("adapters", &self.adapters.len())
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_logged_unless_it_is_asked_for() {
        // OPS-14
        assert_eq!(LogOptions::new().mask(), 0);
        assert_eq!(LogOptions::new().level(LogLevel::Debug).mask().count_ones(), 28);
        assert_eq!(LogOptions::new().level(LogLevel::Error).mask().count_ones(), 7);
        let some = LogOptions::new().level(LogLevel::Warn).features([Feature::Crud, Feature::Job]);
        assert_eq!(some.mask().count_ones(), 4);
        assert_eq!(some.feature(Feature::Job, false).mask() & bit(LogLevel::Warn, Feature::Job), 0);
    }
}
