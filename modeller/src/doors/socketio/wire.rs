//! The stream below a WebSocket. The transport reads from it and writes to it as if it were alone; what the door has for the client
//! goes past the transport, in frames that are ready: those that many are sent are made once, and what waits is written together.
//!
//! What the transport was handed before must not be overtaken. So a mark is sent through it, which no client sees: what
//! comes after the mark waits until that has come by, and from then on nothing of ours goes through the transport any more.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::answer::Body;
use super::message::Form;
use super::outbox::Outbox;
use super::packet::{self, Event, Packet};
use crate::doors::upgraded::Pipe;
use crate::doors::writing::{self, Waiting};
use crate::live::Lineup;

/// The event that is the mark.
const MARK: &str = "modeller:mark";

/// How long a client has, about, to take what waits for it when its session is over.
const PARTING: Duration = Duration::from_secs(5);

/// Those who write, for all connections of a door.
pub(super) type Writers = writing::Writers<Wire>;

/// How many bytes of what the transport says by itself wait at most: what it answers to heartbeats and refuses is small, and as much as a
/// client makes it. Who does not read that is not heard any more, either.
const MOST_PASSING: usize = 64 * 1024;

/// One connection, as those see it who have something for its client.
pub(super) struct Wire {
    line: Mutex<Line>,
    /// Whether it will be written to by one of the writers.
    is_due: AtomicBool,
    writers: Writers,
    mark: Arc<Mark>,
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Through the transport.
    Transport,
    /// The mark is on its way. Behind it they wait; or they go through the transport again, if the client has connected anew meanwhile.
    Marked { anew: bool },
    /// Past the transport.
    Direct,
}

struct Line {
    io: Option<Pipe>,
    /// Whose it is, once that is known.
    outbox: Option<Arc<Outbox>>,
    way: Way,
    /// What is to be written.
    queue: Lineup<Bytes>,
    /// How many bytes have ever been put into the queue, and how many have left it.
    queued: u64,
    left: u64,
    passing: Passing,
    /// How many of its bytes nobody counts: those from before it was known whose it is.
    uncounted: usize,
    /// What comes behind the mark.
    held: VecDeque<Bytes>,
    /// Whether a task waits until the network takes more.
    is_blocked: bool,
    /// Nothing arrives there any more.
    is_broken: bool,
    /// Since when the transport has let go of it.
    over: Option<Instant>,
}

/// What the transport has written that is still in the queue.
#[derive(Default)]
struct Passing {
    /// At most so many bytes.
    bytes: usize,
    /// How many bytes will have left the queue when the last of them has.
    until: u64,
    /// The transport, while it waits for room.
    transport: Option<Waker>,
}

/// The mark, and its frame as the transport writes it.
pub(super) struct Mark {
    body: Body,
    frame: Bytes,
}

impl Mark {
    /// For those whose packets are written so.
    pub(super) fn new(form: Form) -> Arc<Self> {
        let body = Body::new(form, "{}".to_owned());
        let body = body.unwrap_or_else(|error| Body::of_error(form, super::answer::Manner::Plain, error));
        let frame = Event(MARK, &body).frame().unwrap_or_default();
        Arc::new(Mark { body, frame })
    }
}

impl Wire {
    pub(super) fn new(io: Pipe, writers: Writers, mark: Arc<Mark>) -> Arc<Self> {
        let line = Line {
            io: Some(io),
            outbox: None,
            way: Way::Transport,
            queue: Lineup::default(),
            queued: 0,
            left: 0,
            passing: Passing::default(),
            uncounted: 0,
            held: VecDeque::new(),
            is_blocked: false,
            is_broken: false,
            over: None,
        };
        Arc::new(Wire { line: Mutex::new(line), is_due: AtomicBool::new(false), writers, mark })
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whose it is.
    pub(super) fn belongs_to(self: &Arc<Self>, outbox: &Arc<Outbox>) {
        let mut line = self.line();
        if line.over.is_none() && outbox.write_to(self) {
            line.outbox = Some(outbox.clone());
        }
    }

    /// The client connects anew: what it is told comes behind the transport's word that it is connected.
    pub(super) fn connects(&self) {
        let mut line = self.line();
        line.way = match line.way {
            Way::Transport | Way::Direct => Way::Transport,
            Way::Marked { .. } => Way::Marked { anew: true },
        };
    }

    /// Reads what the client says.
    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.line().io {
            Some(io) => Pin::new(io).poll_read(context, buffer),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Takes up what the transport writes: whole frames, and all of them.
    pub(super) fn poll_pass(
        self: &Arc<Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut line = self.line();
        if line.is_broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if line.passing.bytes > MOST_PASSING {
            line.passing.transport = Some(context.waker().clone());
            return Poll::Pending;
        }
        match &line.outbox {
            Some(outbox) => outbox.passed(bytes.len()),
            None => line.uncounted += bytes.len(),
        }
        line.put(bytes, &self.mark);
        line.passing.bytes += bytes.len();
        line.passing.until = line.queued;
        drop(line);
        self.wake();
        Poll::Ready(Ok(bytes.len()))
    }

    /// Writes a packet soon, if it is this that packets go through, and not the transport.
    pub(super) fn take(
        self: &Arc<Self>,
        outbox: &Outbox,
        socket: &Socket,
        packet: &impl Packet,
    ) -> Option<Result<(), SendError>> {
        if !socket.connected() {
            return Some(Err(SendError::Socket(SocketError::Closed)));
        }
        match packet.frame() {
            Ok(frame) => self.take_frame(outbox, frame, |mark| mark.emit(socket).is_ok()),
            Err(error) => Some(Err(error)),
        }
    }

    /// As `take`; `send` sends the mark.
    fn take_frame(
        self: &Arc<Self>,
        outbox: &Outbox,
        frame: Bytes,
        send: impl FnOnce(&Event<'_>) -> bool,
    ) -> Option<Result<(), SendError>> {
        let mut line = self.line();
        if line.is_broken || line.over.is_some() {
            return Some(Err(SendError::Socket(SocketError::Closed)));
        }
        let size = frame.len();
        match line.way {
            Way::Direct => {
                line.queue(frame);
                outbox.connection().queued(size);
                drop(line);
                self.wake();
            }
            Way::Marked { anew: false } => {
                line.held.push_back(frame);
                outbox.connection().queued(size);
            }
            Way::Transport if send(&Event(MARK, &self.mark.body)) => {
                line.way = Way::Marked { anew: false };
                line.held.push_back(frame);
                outbox.connection().queued(size);
            }
            Way::Marked { anew: true } | Way::Transport => return None,
        }
        Some(Ok(()))
    }

    /// Sees to it that what waits is written soon.
    fn wake(self: &Arc<Self>) {
        // Without a runtime nobody writes any more.
        if !self.writers.wake(self) {
            self.line().close();
        }
    }

    /// Writes until nothing waits.
    async fn drain(self: Arc<Self>) {
        loop {
            let drained = std::future::poll_fn(|context| {
                let mut line = self.line();
                let drained = line.poll_drain(context);
                if drained.is_ready() {
                    line.is_blocked = false;
                }
                drained
            });
            if tokio::time::timeout(PARTING / 4, drained).await.is_ok() {
                return;
            }
            let mut line = self.line();
            if line.over.is_some_and(|over| over.elapsed() > PARTING) {
                return line.close();
            }
        }
    }

    /// The transport is done with it.
    pub(super) fn part(self: &Arc<Self>) {
        let mut line = self.line();
        line.over = Some(Instant::now());
        let held: usize = line.held.drain(..).map(|frame| frame.len()).sum();
        line.count_out(held);
        if line.queue.is_empty() || Handle::try_current().is_err() {
            line.close();
        } else {
            drop(line);
            self.wake();
        }
    }
}

impl Waiting for Wire {
    fn is_due(&self) -> &AtomicBool {
        &self.is_due
    }

    fn look(&self) -> usize {
        usize::from(self.is_due.load(Ordering::Relaxed)) ^ usize::from(self.line.is_poisoned())
    }

    /// What does not go at once has a task of its own.
    fn flush(self: &Arc<Self>) {
        let mut line = self.line();
        // Nobody is woken when there is room: the task asks by itself.
        if !line.is_blocked && line.poll_drain(&mut Context::from_waker(Waker::noop())).is_pending() {
            line.is_blocked = true;
            tokio::spawn(self.clone().drain());
        }
    }
}

impl Line {
    /// Lines up what the transport writes, and what was held, once the mark has come by.
    fn put(&mut self, bytes: &[u8], mark: &Mark) {
        if let Way::Marked { anew } = self.way {
            let mut rest = bytes;
            while !rest.is_empty() {
                let (frame, others) = rest.split_at(packet::first(rest));
                rest = others;
                if *frame != *mark.frame {
                    self.queue(Bytes::copy_from_slice(frame));
                    continue;
                }
                self.count_out(frame.len());
                std::mem::take(&mut self.held).into_iter().for_each(|frame| self.queue(frame));
                self.way = if anew { Way::Transport } else { Way::Direct };
                break;
            }
            if !rest.is_empty() {
                self.queue(Bytes::copy_from_slice(rest));
            }
        } else {
            self.queue(Bytes::copy_from_slice(bytes));
        }
    }

    fn queue(&mut self, frame: Bytes) {
        self.queued += frame.len() as u64;
        self.queue.push_back(frame);
    }

    /// So many bytes have left the queue: there may be room for the transport again.
    fn leave(&mut self, bytes: usize) {
        self.left += bytes as u64;
        if self.left >= self.passing.until {
            self.passing.bytes = 0;
            if let Some(transport) = self.passing.transport.take() {
                transport.wake();
            }
        }
    }

    fn count_out(&self, bytes: usize) {
        if let Some(outbox) = &self.outbox {
            outbox.written(bytes);
        }
    }

    /// Writes what there is, to the end of its way.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (mut written, mut drained) = (0, Poll::Ready(()));
        while !self.queue.is_empty() {
            match self.poll_write(context) {
                Poll::Ready(Ok(bytes @ 1..)) => {
                    written += bytes;
                    self.leave(bytes);
                }
                Poll::Ready(_) => {
                    self.is_broken = true;
                    let left: usize = std::mem::take(&mut self.queue).iter().map(Bytes::len).sum();
                    self.leave(left);
                    written += left + self.held.drain(..).map(|frame| frame.len()).sum::<usize>();
                }
                Poll::Pending => {
                    drained = Poll::Pending;
                    break;
                }
            }
        }
        let counted = written - self.uncounted.min(written);
        self.uncounted -= written - counted;
        if counted > 0 {
            self.count_out(counted);
        }
        if let Some(io) = self.io.as_mut().filter(|_| drained.is_ready() && !self.is_broken) {
            drained = match Pin::new(io).poll_flush(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(flushed) => {
                    self.is_broken = flushed.is_err();
                    Poll::Ready(())
                }
            };
        }
        if drained.is_ready() && self.over.is_some() {
            self.close();
        }
        drained
    }

    /// Writes several frames as one.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(io) = self.io.as_mut().filter(|_| !self.is_broken) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        writing::poll_write(Pin::new(io), context, &mut self.queue)
    }

    /// Lets the connection go, with what is not written.
    fn close(&mut self) {
        let left: usize = std::mem::take(&mut self.queue).iter().map(Bytes::len).sum();
        self.count_out(left.saturating_sub(self.uncounted));
        (self.io, self.outbox, self.uncounted) = (None, None, 0);
    }
}

#[cfg(test)]
mod tests;
