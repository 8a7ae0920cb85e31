//! What the engine has set going and nobody waits for.

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Counts tasks under way.
#[derive(Debug, Default)]
pub(crate) struct Tasks(watch::Sender<usize>);

/// One of them, until it is dropped.
struct Counted(watch::Sender<usize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Tasks {
    /// Sets a task going.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.send_modify(|count| *count += 1);
        let counted = Counted(self.0.clone());
        tokio::spawn(async move {
            // It ends with the task, even if that panics.
            let _counted = counted;
            task.await
        })
    }

    /// Waits until none is under way.
    pub(crate) async fn idle(&self) {
        // The sender is here, so that the channel is open.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_is_idle_when_the_last_task_has_ended_however_it_ends() {
        let tasks = Tasks::default();
        tasks.idle().await;
        let (go, gone) = oneshot::channel::<()>();
        drop(tasks.spawn(async move { drop(gone.await) }));
        drop(tasks.spawn(async { panic!("this is part of the test") }));
        let waiting = tasks.0.subscribe();
        let mut idle = std::pin::pin!(tasks.idle());
        tokio::select! {
            () = &mut idle => panic!("it is not idle"),
            () = tokio::task::yield_now() => {}
        }
        go.send(()).unwrap();
        idle.await;
        assert_eq!(*waiting.borrow(), 0);
    }
}
