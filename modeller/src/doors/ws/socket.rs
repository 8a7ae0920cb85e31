//! One client: a task that reads what it asks, writes what there is for it, and notices when it is gone.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::close::Close;
use super::frame::{self, Decoder, Incoming};
use super::heartbeat::{Beat, Heartbeat};
use super::request::{self, Refused, Said};
use super::session::Session;
use super::{carry, messages};
use crate::engine::caught;
use crate::live::Phase;

/// So much is read at once. It lies on the stack: a client that says nothing takes no buffer.
const READ: usize = 16 * 1024;

/// So many frames are written at once.
const SLICES: usize = 32;

/// How long a client has to take the last frames, and then to agree to the end.
const PARTING: Duration = Duration::from_millis(400);

type Io = TokioIo<Upgraded>;

/// What is made of a message.
pub(super) type Hear = fn(&mut Socket, &str);

/// Serves a client until it is gone.
pub(super) async fn serve(session: Arc<Session>, upgraded: Upgraded) {
    session.outbox.reply(messages::welcome(session.live.engine().clock().now(), false));
    run(session, upgraded, Socket::hear).await;
}

/// Carries messages, whatever is made of them, until the client is gone.
pub(super) async fn run(session: Arc<Session>, upgraded: Upgraded, hear: Hear) {
    let live = &session.live;
    let options = live.connections().options();
    let mut socket = Socket {
        io: TokioIo::new(upgraded),
        decoder: Decoder::new(options.max_payload),
        hear,
        heartbeat: Heartbeat::new(options.heartbeat, Instant::now()),
        ending: live.connections().ending(),
        told: false,
        backlog: Bytes::new(),
        writing: VecDeque::new(),
        unsent: 0,
        requests: JoinSet::new(),
        // Nothing is known yet: a few at first.
        weight: options.backpressure.max_buffered / 8,
        session,
    };
    let end = caught(socket.talk()).await.unwrap_or_else(|panic| {
        tracing::error!(%panic, "a connection broke");
        End::Ours(Close::broken())
    });
    socket.part(end).await;
}

/// How it ends.
enum End {
    /// We say so.
    Ours(Close),
    /// The client says so; this is the answer.
    Theirs(Close),
    /// Nobody is there to be told anything.
    Gone,
}

pub(super) struct Socket {
    pub(super) session: Arc<Session>,
    io: Io,
    decoder: Decoder,
    hear: Hear,
    heartbeat: Heartbeat,
    ending: watch::Receiver<Phase>,
    /// Whether the client knows that the server stops.
    told: bool,
    /// What was read and waits until there is time for it.
    backlog: Bytes,
    writing: VecDeque<Bytes>,
    /// How many bytes are to be written until the client has our question whether it is there.
    unsent: usize,
    /// What is under way; each answers how many bytes its answer has.
    requests: JoinSet<usize>,
    /// How many bytes answers have, going by those before.
    weight: usize,
}

impl Socket {
    /// Reads and writes until there is an end.
    async fn talk(&mut self) -> End {
        let mut timer = pin!(sleep_until(self.heartbeat.due()));
        let (mut was_paused, mut reads_first) = (false, false);
        loop {
            if let Err(end) = self.listen() {
                return end;
            }
            let paused = self.is_busy();
            if was_paused && !paused {
                // Its answer may have waited in what we did not read.
                self.heartbeat.excuse(Instant::now());
            }
            was_paused = paused;
            if timer.deadline() != self.heartbeat.due() {
                timer.as_mut().reset(self.heartbeat.due());
            }
            if self.writing.is_empty() {
                self.session.outbox.take(&mut self.writing);
            }
            let is_writing = !self.writing.is_empty();
            // In turns, so that neither keeps the other waiting.
            reads_first = !reads_first;
            let (io, frames) = (&mut self.io, &self.writing);
            let moved = poll_fn(|context| {
                let first = if reads_first {
                    poll_read(context, io, paused)
                } else {
                    poll_write(context, io, frames)
                };
                if first.is_ready() {
                    return first;
                }
                if reads_first { poll_write(context, io, frames) } else { poll_read(context, io, paused) }
            });
            tokio::select! {
                moved = moved => match moved {
                    Ok(Moved::Read(bytes)) if !bytes.is_empty() => self.backlog = bytes,
                    Ok(Moved::Wrote(bytes)) if bytes > 0 => self.wrote(bytes, paused),
                    _ => return End::Gone,
                },
                () = self.session.outbox.filled(), if !is_writing => {}
                Some(answered) = self.requests.join_next() => {
                    self.weight = answered.unwrap_or(0).max(self.weight - self.weight.div_ceil(8));
                }
                _ = self.ending.changed() => {
                    if let Some(end) = self.end() {
                        return end;
                    }
                }
                () = timer.as_mut() => match self.heartbeat.beat(Instant::now()) {
                    Beat::Ask => {
                        self.session.outbox.reply(messages::ping(self.session.live.engine().clock().now()));
                        self.unsent = self.session.connection.buffered();
                    }
                    Beat::Dead => return End::Ours(Close::heartbeat()),
                    Beat::Wait => {}
                },
            }
        }
    }

    /// Whether nothing more is taken from the client for now: it has asked enough, or reads too little of what it is answered.
    fn is_busy(&self) -> bool {
        let options = self.session.live.connections().options();
        let (requests, waiting) = (self.requests.len(), self.session.connection.buffered());
        // What is under way will be answered whether the client reads or not: it is counted as what it is likely to be.
        let soon = waiting.saturating_add(requests.saturating_mul(self.weight));
        let most = options.backpressure.max_buffered;
        requests >= options.max_in_flight || waiting >= most || (requests > 0 && soon >= most)
    }

    /// Takes up what was read, as far as there is time for it.
    fn listen(&mut self) -> Result<(), End> {
        while !self.backlog.is_empty() && !self.is_busy() {
            let fed = self.decoder.feed(&self.backlog, self.session.live.connections());
            let (taken, incoming) = fed.map_err(End::Ours)?;
            self.backlog.advance(taken);
            match incoming {
                Some(Incoming::Text(text)) => (self.hear)(self, &text),
                Some(Incoming::Ping(payload)) => self.session.outbox.reply(frame::pong(&payload)),
                Some(Incoming::Pong) | None => {}
                Some(Incoming::Close(1000)) => return Err(End::Theirs(Close::normal())),
                Some(Incoming::Close(code)) => return Err(End::Theirs(Close::new(code, ""))),
            }
        }
        if self.backlog.is_empty() {
            // What it lies in may go.
            self.backlog = Bytes::new();
        }
        Ok(())
    }

    /// Understands a message.
    fn hear(&mut self, text: &str) {
        match request::read(text) {
            Ok(Said::Pong) => {
                self.heartbeat.answered();
                self.session.heartbeat();
            }
            Ok(Said::Request(request)) => {
                self.requests.spawn(carry::answer(self.session.clone(), request));
            }
            Err(Refused { id, error }) => self.session.outbox.reply(messages::error(&id, &error)),
        }
    }

    /// Takes note of what was written.
    fn wrote(&mut self, bytes: usize, paused: bool) {
        self.session.connection.wrote(bytes);
        advance(&mut self.writing, bytes);
        if self.writing.is_empty() && self.writing.capacity() > SLICES {
            self.writing = VecDeque::new();
        }
        // Who takes what there is, slow as it may be, is alive, and can't answer what it has not got yet.
        if self.unsent > 0 || paused {
            self.heartbeat.excuse(Instant::now());
        }
        self.unsent = self.unsent.saturating_sub(bytes);
    }

    /// Goes by how far the server's end has come.
    fn end(&mut self) -> Option<End> {
        let phase = *self.ending.borrow_and_update();
        let (grace, is_over) = match phase {
            Phase::Open => return None,
            Phase::Stopping { grace } => (grace, false),
            Phase::Closed => (Duration::ZERO, true),
        };
        if !self.told {
            self.told = true;
            self.session.outbox.reply(messages::shutdown(grace));
        }
        is_over.then(|| End::Ours(Close::shutdown()))
    }

    /// Says what there is to say at the end, and lets go.
    async fn part(mut self, end: End) {
        let (close, is_ours) = match end {
            End::Ours(close) => (close, true),
            End::Theirs(close) => {
                self.session.leave();
                (close, false)
            }
            End::Gone => {
                self.session.close();
                return;
            }
        };
        self.session.outbox.take(&mut self.writing);
        self.session.close();
        self.writing.push_back(frame::close(&close));
        let Socket { io, writing, .. } = &mut self;
        let said = timeout(PARTING, async {
            while !writing.is_empty() {
                match poll_fn(|context| poll_write(context, io, writing)).await? {
                    Moved::Wrote(bytes) if bytes > 0 => advance(writing, bytes),
                    _ => return Err(io::ErrorKind::WriteZero.into()),
                }
            }
            poll_fn(|context| Pin::new(&mut *io).poll_flush(context)).await
        });
        let is_said = matches!(said.await, Ok(Ok(())));
        let _ = timeout(PARTING, async {
            poll_fn(|context| Pin::new(&mut *io).poll_shutdown(context)).await?;
            // What is still on its way is taken up: to close with unread bytes would reset the connection, and the client might lose
            // our last word.
            let mut awaited = is_ours && is_said;
            while awaited {
                let moved = poll_fn(|context| poll_read(context, io, false)).await?;
                awaited = matches!(moved, Moved::Read(bytes) if !bytes.is_empty());
            }
            io::Result::Ok(())
        })
        .await;
    }
}

/// What came of a try.
enum Moved {
    /// What there was; nothing at the end.
    Read(Bytes),
    /// So many bytes.
    Wrote(usize),
}

/// Reads what there is, unless it is to wait.
fn poll_read(context: &mut Context<'_>, io: &mut Io, paused: bool) -> Poll<io::Result<Moved>> {
    if paused {
        return Poll::Pending;
    }
    let mut bytes = [MaybeUninit::uninit(); READ];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    ready!(Pin::new(io).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(Moved::Read(Bytes::copy_from_slice(buffer.filled()))))
}

/// Writes several frames as one, if there are any.
fn poll_write(context: &mut Context<'_>, io: &mut Io, frames: &VecDeque<Bytes>) -> Poll<io::Result<Moved>> {
    if frames.is_empty() {
        return Poll::Pending;
    }
    let mut slices = [IoSlice::new(&[]); SLICES];
    let mut count = 0;
    for (slice, frame) in slices.iter_mut().zip(frames) {
        *slice = IoSlice::new(frame);
        count += 1;
    }
    let written = ready!(Pin::new(io).poll_write_vectored(context, &slices[..count]))?;
    Poll::Ready(Ok(Moved::Wrote(written)))
}

/// Leaves out what was written.
fn advance(frames: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(first) = frames.front_mut() {
        if written < first.len() {
            first.advance(written);
            return;
        }
        written -= first.len();
        frames.pop_front();
    }
}
