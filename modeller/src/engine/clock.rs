//! The time, as the engine sees it: the system's, or one that a test moves by hand.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

/// How long the system's clock is slept by at most before it is looked at again: somebody may have set it.
const NAP: Duration = Duration::from_secs(30);

/// Tells the time in Unix milliseconds.
///
/// ```
/// use std::time::Duration;
/// use modeller::engine::Clock;
///
/// let clock = Clock::manual(1_000);
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.now(), 3_000);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Manual>>);

#[derive(Debug)]
struct Manual {
    now: AtomicI64,
    moved: Notify,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Clock(None)
    }

    /// A clock that stands still at this time until it is [advanced](Clock::advance).
    pub fn manual(now: i64) -> Self {
        Clock(Some(Arc::new(Manual { now: AtomicI64::new(now), moved: Notify::new() })))
    }

    /// Whether it is moved by hand.
    #[cfg(feature = "server")]
    pub(crate) fn is_manual(&self) -> bool {
        self.0.is_some()
    }

    /// Now, in Unix milliseconds.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Some(manual) => manual.now.load(Ordering::Acquire),
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Moves a manual clock forward, and wakes who [sleeps](Clock::sleep_until) by it; the system's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.0 {
            manual.now.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::AcqRel);
            manual.moved.notify_waiters();
        }
    }

    /// Waits until it is this time, in Unix milliseconds. By a manual clock it takes an [`advance`](Clock::advance).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use std::time::Duration;
    /// use modeller::engine::Clock;
    ///
    /// let clock = Clock::manual(0);
    /// let sleeper = tokio::spawn({ let clock = clock.clone(); async move { clock.sleep_until(60_000).await } });
    /// clock.advance(Duration::from_secs(60));
    /// sleeper.await.unwrap();
    /// # }
    /// ```
    pub async fn sleep_until(&self, time: i64) {
        let Some(manual) = &self.0 else {
            loop {
                let left = time.saturating_sub(self.now());
                let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
                tokio::time::sleep(Duration::from_millis(left).min(NAP)).await;
            }
        };
        loop {
            let mut moved = pin!(manual.moved.notified());
            // From here on no move is missed.
            moved.as_mut().enable();
            if self.now() >= time {
                return;
            }
            moved.await;
        }
    }
}
