//! The writing half of a connection: its own task writes what there is for the client, and so may [others](Writers) when nothing else
//! is written.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::doors::upgraded::Pipe;
use crate::doors::writing::{self, Waiting};
use crate::live::{Lineup, Origin, Outbox};

/// So much is read at once. It lies on the stack: a client that says nothing takes no buffer.
const READ: usize = 16 * 1024;

/// Those who write what many are told.
pub(super) type Writers = writing::Writers<Wire>;

/// A connection as those see it who have something for its client.
pub(super) struct Wire {
    outbox: Outbox,
    line: Mutex<Line>,
    /// Whether it will be written to by one of the writers.
    is_due: AtomicBool,
    writers: Option<Writers>,
}

/// What is written, and where it goes.
#[derive(Default)]
pub(super) struct Line {
    io: Option<Pipe>,
    /// While there is something in it, it is the connection's own task that writes.
    writing: Lineup<Bytes>,
    /// Whether something was written that may lie on this side of the network still, as it does with TLS.
    is_unflushed: bool,
    /// How many bytes are to be written until the client has our question whether it is there.
    unsent: usize,
}

/// What came of a try.
pub(super) enum Moved {
    /// What there was; nothing at the end.
    Read(Bytes),
    /// So many bytes; and whether the question whether the client is there was among them, or comes behind them.
    Wrote(usize, bool),
}

impl Wire {
    pub(super) fn new(outbox: Outbox, writers: Option<Writers>) -> Arc<Self> {
        Arc::new(Wire { outbox, line: Mutex::default(), is_due: AtomicBool::new(false), writers })
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(super) fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is a connection now.
    pub(super) fn open(&self, pipe: Pipe) {
        self.line().io = Some(pipe);
    }

    /// Adds what many are told, unless there is no room for it: as [`Outbox::push_of`]. It is written soon.
    #[must_use = "what was not taken is not sent"]
    pub(super) fn push(self: &Arc<Self>, origin: Option<&Origin>, frame: Bytes) -> bool {
        let Some(writers) = &self.writers else { return self.outbox.push_of(origin, frame) };
        let taken = self.outbox.put(origin, frame);
        if taken && !writers.wake(self) {
            self.outbox.wake();
        }
        taken
    }

    /// Ends these: what waits of them is not written any more. What is being written comes before all answers from now on.
    pub(super) fn end<'a>(&self, origins: impl IntoIterator<Item = &'a Origin>) {
        let mut line = self.line();
        self.outbox.end(origins);
        // What is not written is not waited for.
        line.unsent = line.unsent.min(self.outbox.connection().buffered());
    }

    /// Takes up what there is to write, if nothing else is. Answers whether something is.
    pub(super) fn fill(&self) -> bool {
        let mut line = self.line();
        if line.writing.is_empty() {
            self.outbox.take(&mut line.writing);
        }
        !line.writing.is_empty()
    }

    /// Takes up what there is to write, as far as there is time for it, and the last frame.
    pub(super) fn end_with(&self, frame: Bytes) {
        let mut line = self.line();
        self.outbox.take(&mut line.writing);
        self.outbox.connection().queued(frame.len());
        line.writing.push_back(frame);
    }

    /// Lets the connection go, with what is not written: nobody is to wait for it.
    pub(super) fn close(&self) {
        let left = std::mem::take(&mut *self.line());
        self.outbox.connection().wrote(left.writing.iter().map(Bytes::len).sum());
    }
}

impl Waiting for Wire {
    fn is_due(&self) -> &AtomicBool {
        &self.is_due
    }

    fn look(&self) -> usize {
        let (due, line) = (self.is_due.load(Ordering::Relaxed), self.line.is_poisoned());
        usize::from(due) ^ usize::from(line) ^ self.outbox.look()
    }

    /// The rest is for the connection's own task.
    fn flush(self: &Arc<Self>) {
        let mut line = self.line();
        if !line.writing.is_empty() {
            return;
        }
        self.outbox.take(&mut line.writing);
        // Nobody is woken when there is room: the task asks by itself.
        let mut context = Context::from_waker(Waker::noop());
        while !line.writing.is_empty() {
            match line.poll_write(&mut context) {
                Poll::Ready(Ok(Moved::Wrote(bytes, _))) if bytes > 0 => self.outbox.connection().wrote(bytes),
                _ => return self.outbox.wake(),
            }
        }
        if !matches!(line.poll_flush(&mut context), Poll::Ready(Ok(()))) {
            self.outbox.wake();
        }
    }
}

impl Line {
    /// When so much has been written as is counted as waiting now, the client has our question whether it is there.
    pub(super) fn asked(&mut self, waiting: usize) {
        self.unsent = waiting;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writing.is_empty()
    }

    /// Reads what there is, unless it is to wait.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>, paused: bool) -> Poll<io::Result<Moved>> {
        let Some(io) = self.io.as_mut().filter(|_| !paused) else { return Poll::Pending };
        let mut bytes = [MaybeUninit::uninit(); READ];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(io).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(Moved::Read(Bytes::copy_from_slice(buffer.filled()))))
    }

    /// Writes several frames as one, if there are any; else sees to it that what was written goes on its way.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Moved>> {
        if self.writing.is_empty() && self.is_unflushed {
            ready!(self.poll_flush(context))?;
        }
        let Some(io) = self.io.as_mut().filter(|_| !self.writing.is_empty()) else { return Poll::Pending };
        let written = ready!(writing::poll_write(Pin::new(io), context, &mut self.writing))?;
        self.is_unflushed = true;
        let waited = self.unsent > 0;
        self.unsent = self.unsent.saturating_sub(written);
        Poll::Ready(Ok(Moved::Wrote(written, waited)))
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(io) = &mut self.io {
            ready!(Pin::new(io).poll_flush(context))?;
        }
        self.is_unflushed = false;
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().map_or(Poll::Ready(Ok(())), |io| Pin::new(io).poll_shutdown(context))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
