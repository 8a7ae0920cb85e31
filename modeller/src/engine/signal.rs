//! Something that happens once, and that others wait for.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Off at first, then on for good.
#[derive(Debug, Default)]
pub(super) struct Signal {
    on: AtomicBool,
    turned: Notify,
}

impl Signal {
    /// Turns it on.
    pub(super) fn turn_on(&self) {
        self.on.store(true, Ordering::Release);
        self.turned.notify_waiters();
    }

    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Waits until it is on.
    pub(super) async fn wait(&self) {
        loop {
            let mut turned = pin!(self.turned.notified());
            turned.as_mut().enable();
            if self.is_on() {
                return;
            }
            turned.await;
        }
    }
}
