//! Futures of handlers, kept within bounds: a panic fails that call, and everybody else goes on; what takes too long is given up.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

/// What the future answers, or the message of its panic.
pub(crate) fn caught<F: Future>(future: F) -> Caught<F> {
    Caught { future }
}

/// What the future answers, or `None` if it takes longer than this. One that is done at once needs no timer.
pub(crate) fn in_time<F: Future>(limit: Duration, future: F) -> InTime<F> {
    InTime { future, limit, timer: None }
}

// No `async` functions: those would hold the future twice, as what they were given and as what they poll.
pin_project! {
    /// See [`caught`].
    pub(crate) struct Caught<F> {
        #[pin]
        future: F,
    }
}

pin_project! {
    /// See [`in_time`].
    pub(crate) struct InTime<F> {
        #[pin]
        future: F,
        limit: Duration,
        // Boxed: most never need it.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, String>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        // After a panic the future is only dropped: nothing sees what it left half done but the locks it held,
        // and those poison themselves.
        match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(message(&*panic))),
        }
    }
}

impl<F: Future> Future for InTime<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.future.poll(context) {
            return Poll::Ready(Some(value));
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(*this.limit)));
        timer.as_mut().poll(context).map(|()| None)
    }
}

/// What a panic says.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)").to_owned()
}
