//! The models' log: what hooks, workers, methods, events, jobs and operations do, for whoever wants to know.
//!
//! It is silent unless a level is set. Entries go to adapters and listeners within the program, and to `tracing` under the
//! targets `modeller::hook`, `modeller::crud`, ..; what is secret is taken out before.

mod crud;
mod entry;
mod level;
mod logger;
mod options;
mod ran;
mod redact;
mod text;
mod trace;

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

pub use entry::LogEntry;
pub use level::{Feature, LogLevel};
pub use logger::Logger;
pub use options::{LogAdapter, LogOptions};

pub(super) use crud::{figures, read, replied, wrote};
pub(crate) use ran::ran;

use super::{Clock, Engine};
use crate::model::{Shape, Site};

/// The log of an engine.
pub struct Log {
    /// A bit for each pair of level and feature: whether such an entry goes anywhere.
    wanted: AtomicU32,
    sinks: Arc<Sinks>,
    clock: Clock,
}

/// Who gets entries.
#[derive(Default)]
struct Sinks {
    adapters: RwLock<Vec<Arc<dyn LogAdapter>>>,
    listeners: RwLock<Vec<(u64, Arc<dyn LogAdapter>)>>,
    next: AtomicU64,
}

impl Log {
    /// A silent log.
    pub(super) fn new(clock: Clock) -> Self {
        Log { wanted: AtomicU32::new(0), sinks: Arc::default(), clock }
    }

    /// Sets which entries there are, and who gets them; adapters that were set before get none any more.
    pub fn configure(&self, options: &LogOptions) {
        *self.sinks.adapters.write().unwrap_or_else(PoisonError::into_inner) = options.adapters.clone();
        self.wanted.store(options.mask(), Ordering::Relaxed);
    }

    /// Whether such an entry would go anywhere. It costs next to nothing.
    pub fn is_on(&self, level: LogLevel, feature: Feature) -> bool {
        self.wanted.load(Ordering::Relaxed) & level::bit(level, feature) != 0
    }

    /// Whether any entry of this feature would go anywhere.
    pub(super) fn is_any(&self, feature: Feature) -> bool {
        self.wanted.load(Ordering::Relaxed) & level::bits(feature) != 0
    }

    /// Tells of what was registered at the start: a hook, a method, a model's operations.
    pub fn registered(&self, feature: Feature, shape: Option<&'static Shape>, message: &str, site: Site) {
        if self.is_on(LogLevel::Info, feature) {
            let site = format!("{}:{}", site.file, site.line);
            self.emit(LogEntry {
                initial: true,
                ..self.entry(LogLevel::Info, feature, shape, message, site)
            });
        }
    }

    fn entry(
        &self,
        level: LogLevel,
        feature: Feature,
        shape: Option<&'static Shape>,
        message: &str,
        call_site: String,
    ) -> LogEntry {
        LogEntry {
            level,
            feature,
            model_id: shape.map(|shape| shape.path.as_str()),
            message: redact::text(message),
            call_site,
            timestamp: self.clock.now(),
            data: None,
            initial: false,
        }
    }

    /// Hands an entry to everybody. What one of them panics with stays there, and what one of them logs itself goes nowhere.
    fn emit(&self, entry: LogEntry) {
        if IS_EMITTING.replace(true) {
            return;
        }
        let _end = Emitting;
        trace::emit(&entry);
        // Taken out of the locks, so that a listener may leave while it is told.
        let adapters = self.sinks.adapters.read().unwrap_or_else(PoisonError::into_inner).clone();
        let listeners = self.sinks.listeners.read().unwrap_or_else(PoisonError::into_inner).clone();
        for adapter in adapters.iter().chain(listeners.iter().map(|(_, listener)| listener)) {
            if catch_unwind(AssertUnwindSafe(|| adapter.log(&entry))).is_err() {
                tracing::error!("a log adapter or listener panicked");
            }
        }
    }

    fn listen(&self, listener: Arc<dyn LogAdapter>) -> LogSubscription {
        let id = self.sinks.next.fetch_add(1, Ordering::Relaxed);
        self.sinks.listeners.write().unwrap_or_else(PoisonError::into_inner).push((id, listener));
        LogSubscription { id, sinks: Arc::downgrade(&self.sinks) }
    }
}

thread_local! {
    static IS_EMITTING: Cell<bool> = const { Cell::new(false) };
}

struct Emitting;

impl Drop for Emitting {
    fn drop(&mut self) {
        IS_EMITTING.set(false);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

/// A listener to the log. It is told nothing more once this is dropped.
#[must_use = "dropping the subscription ends it"]
pub struct LogSubscription {
    id: u64,
    sinks: Weak<Sinks>,
}

impl Drop for LogSubscription {
    fn drop(&mut self) {
        if let Some(sinks) = self.sinks.upgrade() {
            let mut listeners = sinks.listeners.write().unwrap_or_else(PoisonError::into_inner);
            let gone = listeners.iter().position(|(id, _)| *id == self.id).map(|at| listeners.remove(at));
            drop(listeners);
            // Its own drop may do anything, even end another subscription.
            drop(gone);
        }
    }
}

impl fmt::Debug for LogSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSubscription")
    }
}

impl Engine {
    /// Tells this listener every entry of the log, for as long as what is answered is kept. The log's level says which entries
    /// there are: none at all unless one is set.
    pub fn on_log(&self, listener: impl Fn(&LogEntry) + Send + Sync + 'static) -> LogSubscription {
        self.log().listen(Arc::new(listener))
    }

    /// A logger of a model's code, as [`Cx::log`](super::Cx::log); with `None`, of code that belongs to no model.
    pub fn logger(&self, shape: impl Into<Option<&'static Shape>>) -> Logger<'_> {
        Logger::new(self.log(), shape.into())
    }
}

/// Where the caller stands in the source.
fn place(location: &Location<'_>) -> String {
    format!("{}:{}:{}", location.file(), location.line(), location.column())
}
