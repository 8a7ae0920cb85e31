//! What the engine has set going and nobody waits for.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::store::BoxFuture;

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

    /// Runs a future as a part of its caller; if that goes away before it is done, a task does the rest.
    pub(crate) fn see_through<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> SeenThrough<T> {
        let tasks = Tasks(self.0.clone());
        SeenThrough { future: Some(Box::pin(future)), tasks, runtime: Handle::try_current().ok() }
    }

    /// Waits until none is under way.
    pub(crate) async fn idle(&self) {
        // The sender is here, so that the channel is open.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// See [`Tasks::see_through`].
pub(crate) struct SeenThrough<T: Send + 'static> {
    future: Option<BoxFuture<'static, T>>,
    tasks: Tasks,
    runtime: Option<Handle>,
}

impl<T: Send + 'static> Future for SeenThrough<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out meanwhile: what panics is not to be gone on with.
        let Some(mut future) = self.future.take() else { return Poll::Pending };
        let poll = future.as_mut().poll(context);
        if poll.is_pending() {
            self.future = Some(future);
        }
        poll
    }
}

impl<T: Send + 'static> Drop for SeenThrough<T> {
    fn drop(&mut self) {
        let (Some(rest), Some(runtime)) = (self.future.take(), &self.runtime) else { return };
        let _entered = runtime.enter();
        drop(self.tasks.spawn(rest));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_seen_through_ends_even_if_its_caller_goes_away() {
        let tasks = Tasks::default();
        assert_eq!(tasks.see_through(async { 7 }).await, 7);
        let (go, gone) = oneshot::channel::<()>();
        let (ended, end) = oneshot::channel();
        let mut caller = tasks.see_through(async move {
            gone.await.unwrap();
            ended.send(8).unwrap();
        });
        assert!(
            std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut caller).poll(context).is_pending()))
                .await
        );
        assert_eq!(*tasks.0.borrow(), 0);
        drop(caller);
        assert_eq!(*tasks.0.borrow(), 1);
        go.send(()).unwrap();
        assert_eq!(end.await, Ok(8));
        tasks.idle().await;
    }

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
