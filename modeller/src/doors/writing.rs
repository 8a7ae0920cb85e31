//! Writing to many clients: frames that are made once, several at a time, by a few tasks.
//!
//! To wake a thousand tasks so that each writes a few bytes costs more than the writing. So whoever has something for many puts it
//! where it waits for each of them, and a few tasks, which do nothing else, write it.

use std::io::{self, IoSlice};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;

use crate::engine::panic_message;
use crate::live::{Lineup, lookahead};

/// So many frames are written at once.
const SLICES: usize = 64;

/// So many clients are written to by one task. Tokio lets a task do 128 things before it has to let others run.
const TOGETHER: usize = 64;

/// The most bytes that are before the payload of a frame that a server writes.
const HEADER: usize = 10;

/// A whole message of a WebSocket, of these parts, ready to be written. Sending it to many copies nothing.
pub(super) fn frame(opcode: OpCode, parts: &[&[u8]]) -> Bytes {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    let mut bytes = Vec::with_capacity(length + HEADER);
    // A vector takes whatever is written into it.
    let _ = header.format(length as u64, &mut bytes);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes.into()
}

/// A connection for whose client something may wait.
pub(super) trait Waiting: Send + Sync + 'static {
    /// Whether it is among those that the writers write to next.
    fn is_due(&self) -> &AtomicBool;

    /// Has what is asked of it next read from memory, for a number that means nothing. It waits for nobody, and can't fail.
    fn look(&self) -> usize;

    /// Writes what there is, as far as it goes at once.
    fn flush(self: &Arc<Self>);
}

/// Those who write, for all connections of a door.
pub(super) struct Writers<T>(UnboundedSender<Arc<T>>);

impl<T> Clone for Writers<T> {
    fn clone(&self) -> Self {
        Writers(self.0.clone())
    }
}

impl<T: Waiting> Writers<T> {
    /// Within a runtime.
    pub(super) fn new() -> Self {
        // A connection waits here once at most.
        let (sender, due) = unbounded_channel();
        tokio::spawn(write(due));
        Writers(sender)
    }

    /// Sees to it that this one is written to soon. Answers whether somebody will.
    pub(super) fn wake(&self, waiting: &Arc<T>) -> bool {
        waiting.is_due().swap(true, Ordering::AcqRel) || self.0.send(waiting.clone()).is_ok()
    }
}

/// Writes to those who are due, until no connection is left.
async fn write<T: Waiting>(mut due: UnboundedReceiver<Arc<T>>) {
    let flush = |waiting: &Arc<T>| {
        // What comes from here on may be too late for this time.
        waiting.is_due().store(false, Ordering::Release);
        // All others go on, whatever is wrong with one.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waiting.flush())) {
            tracing::error!(panic = panic_message(&*panic), "writing to a client panicked");
        }
    };
    let flush = move |some: &[Arc<T>]| lookahead::for_each(some.iter(), &[|waiting| waiting.look()], flush);
    let mut all = Vec::new();
    while due.recv_many(&mut all, usize::MAX).await > 0 {
        while all.len() > TOGETHER {
            let some = all.split_off(all.len() - TOGETHER);
            tokio::spawn(async move { flush(&some) });
        }
        flush(&all);
        all.clear();
    }
}

/// Writes several frames as one, and takes out what was written; there has to be one at least.
pub(super) fn poll_write(
    io: Pin<&mut impl AsyncWrite>,
    context: &mut Context<'_>,
    frames: &mut Lineup<Bytes>,
) -> Poll<io::Result<usize>> {
    let written = if let (true, Some(frame)) = (frames.is_one(), frames.iter().next()) {
        // The kernel takes one piece more quickly than a list of one.
        ready!(io.poll_write(context, frame))?
    } else {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(frames.iter()) {
            *slice = IoSlice::new(frame);
            count += 1;
        }
        ready!(io.poll_write_vectored(context, &slices[..count]))?
    };
    let mut left = written;
    while let Some(first) = frames.front_mut() {
        if left < first.len() {
            first.advance(left);
            return Poll::Ready(Ok(written));
        }
        left -= first.len();
        frames.pop_front();
    }
    Poll::Ready(Ok(written))
}
