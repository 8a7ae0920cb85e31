//! One client: a task that reads what it asks, writes what there is for it, and notices when it is gone.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::close::Close;
use super::frame::{self, Decoder, Incoming};
use super::heartbeat::{Beat, Heartbeat};
use super::speech::Speech;
use super::wire::Moved;
use crate::doors::upgraded::Pipe;
use crate::engine::caught;
use crate::live::Phase;

/// How long a client has to take the last frames, and then to agree to the end.
const PARTING: Duration = Duration::from_millis(400);

/// Serves a client until it is gone.
pub(super) async fn serve(session: Arc<dyn Speech>, pipe: Pipe) {
    let live = session.live();
    let options = live.connections().options();
    if let Some(greeting) = session.greeting() {
        session.wire().outbox().reply(greeting);
    }
    session.wire().open(pipe);
    session.wire().outbox().connection().begin();
    let mut socket = Socket {
        decoder: Decoder::new(session.max_message()),
        heartbeat: Heartbeat::new(options.heartbeat, Instant::now()),
        ending: live.connections().ending(),
        told: false,
        backlog: Bytes::new(),
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
    socket.session.wire().close();
    socket.session.wire().outbox().connection().end();
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

struct Socket {
    session: Arc<dyn Speech>,
    decoder: Decoder,
    heartbeat: Heartbeat,
    ending: watch::Receiver<Phase>,
    /// Whether the client knows that the server stops.
    told: bool,
    /// What was read and waits until there is time for it.
    backlog: Bytes,
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
            let wire = self.session.wire();
            let is_writing = wire.fill();
            // In turns, so that neither keeps the other waiting.
            reads_first = !reads_first;
            let moved = poll_fn(|context| {
                let mut line = wire.line();
                let first =
                    if reads_first { line.poll_read(context, paused) } else { line.poll_write(context) };
                if first.is_ready() {
                    return first;
                }
                if reads_first { line.poll_write(context) } else { line.poll_read(context, paused) }
            });
            tokio::select! {
                moved = moved => match moved {
                    Ok(Moved::Read(bytes)) if !bytes.is_empty() => self.backlog = bytes,
                    Ok(Moved::Wrote(bytes, waited)) if bytes > 0 => self.wrote(bytes, waited || paused),
                    _ => return End::Gone,
                },
                () = self.session.wire().outbox().filled(), if !is_writing => {}
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
                        self.session.wire().outbox().reply(self.session.ping());
                        let wire = self.session.wire();
                        wire.line().asked(wire.outbox().connection().buffered());
                    }
                    // Its answer may lie in what we did not read, for as long as we let it wait for what it has asked. That has an end.
                    Beat::Dead if paused && !self.requests.is_empty() => self.heartbeat.excuse(Instant::now()),
                    Beat::Dead => return End::Ours(Close::heartbeat()),
                    Beat::Wait => {}
                },
            }
        }
    }

    /// Whether nothing more is taken from the client for now: it has asked enough, or reads too little of what it is answered.
    fn is_busy(&self) -> bool {
        let options = self.session.live().connections().options();
        let (requests, waiting) = (self.requests.len(), self.session.wire().outbox().connection().buffered());
        // What is under way will be answered whether the client reads or not: it is counted as what it is likely to be.
        let soon = waiting.saturating_add(requests.saturating_mul(self.weight));
        let most = options.backpressure.max_buffered;
        requests >= options.max_in_flight || waiting >= most || (requests > 0 && soon >= most)
    }

    /// Takes up what was read, as far as there is time for it.
    fn listen(&mut self) -> Result<(), End> {
        while !self.backlog.is_empty() && !self.is_busy() {
            let fed = self.decoder.feed(&self.backlog, self.session.live().connections());
            let (taken, incoming) = fed.map_err(End::Ours)?;
            self.backlog.advance(taken);
            let is_there = match incoming {
                Some(Incoming::Text(text)) => {
                    let held = self.decoder.release();
                    self.session.clone().hear(&text, held, &mut self.requests)
                }
                Some(Incoming::Ping(payload)) => {
                    self.session.wire().outbox().reply(frame::pong(&payload));
                    false
                }
                Some(Incoming::Pong) => self.session.hear_pong(),
                None => false,
                Some(Incoming::Close(1000)) => return Err(End::Theirs(Close::normal())),
                Some(Incoming::Close(code)) => return Err(End::Theirs(Close::new(code, ""))),
            };
            if is_there {
                self.heartbeat.answered();
            }
        }
        if self.backlog.is_empty() {
            // What it lies in may go.
            self.backlog = Bytes::new();
        }
        Ok(())
    }

    /// Takes note of what was written.
    fn wrote(&mut self, bytes: usize, waited: bool) {
        self.session.wire().outbox().connection().wrote(bytes);
        // Who takes what there is, slow as it may be, is alive, and can't answer what it has not got yet.
        if waited {
            self.heartbeat.excuse(Instant::now());
        }
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
            self.session.wire().outbox().reply(self.session.shutdown(grace));
        }
        is_over.then(|| End::Ours(Close::shutdown()))
    }

    /// Says what there is to say at the end, and lets go.
    async fn part(&self, end: End) {
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
        let wire = self.session.wire();
        wire.end_with(frame::close(&close));
        self.session.close();
        let said = timeout(PARTING, async {
            while !wire.line().is_empty() {
                match poll_fn(|context| wire.line().poll_write(context)).await? {
                    Moved::Wrote(bytes @ 1.., _) => wire.outbox().connection().wrote(bytes),
                    _ => return Err(io::ErrorKind::WriteZero.into()),
                }
            }
            poll_fn(|context| wire.line().poll_flush(context)).await
        });
        let is_said = matches!(said.await, Ok(Ok(())));
        let _ = timeout(PARTING, async {
            poll_fn(|context| wire.line().poll_shutdown(context)).await?;
            // What is still on its way is taken up: to close with unread bytes would reset the connection, and the client might lose
            // our last word.
            let mut awaited = is_ours && is_said;
            while awaited {
                let moved = poll_fn(|context| wire.line().poll_read(context, false)).await?;
                awaited = matches!(moved, Moved::Read(bytes) if !bytes.is_empty());
            }
            io::Result::Ok(())
        })
        .await;
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
