//! What runs in the background until it is told to stop.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::signal::Signal;

/// A task, told to stop when this is dropped.
#[derive(Debug)]
pub(super) struct Background {
    what: &'static str,
    stop: Arc<Signal>,
    task: JoinHandle<()>,
}

impl Background {
    /// Sets it going. It ends by itself once its signal is on.
    pub(super) fn spawn<F>(what: &'static str, run: impl FnOnce(Arc<Signal>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = Arc::new(Signal::default());
        let task = tokio::spawn(run(stop.clone()));
        Background { what, stop, task }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Tells it to stop, and waits until it has.
    pub(super) async fn stop(mut self) {
        self.stop.turn_on();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "{} could not be stopped in order", self.what);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.turn_on();
    }
}
