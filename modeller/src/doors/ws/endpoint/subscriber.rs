//! A client of one query: it is told each answer that differs from the one before, as fast as it reads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::{AbortHandle, JoinSet};

use super::messages;
use crate::doors::ws::framed::Frames;
use crate::doors::ws::speech::Speech;
use crate::doors::ws::wire::Wire;
use crate::live::{Connection, Held, Live, NamedQuery, Outbox, Place, ReactiveStream};
use crate::model::{Code, Error};

/// Largest message of a client: it has nothing to say but that it is there.
const MAX_MESSAGE: usize = 4 * 1024;

/// One client.
pub(super) struct Subscriber {
    live: Arc<Live>,
    wire: Arc<Wire>,
    /// What it will be told, until that has begun.
    waiting: Mutex<Option<Telling>>,
    task: Mutex<Option<AbortHandle>>,
}

/// What answers are called that are framed for this endpoint.
const FORMAT: &str = "realtime";

/// What a client is told.
struct Telling {
    query: NamedQuery,
    answers: ReactiveStream,
    frames: Frames,
    _place: Place,
}

impl Subscriber {
    pub(super) fn new(
        live: Arc<Live>,
        connection: Arc<Connection>,
        place: Place,
        query: NamedQuery,
        answers: ReactiveStream,
    ) -> Arc<Self> {
        let frames = Frames::new(Some(FORMAT), messages::update(&query));
        let telling = Telling { query, answers, frames, _place: place };
        Arc::new(Subscriber {
            live,
            // Each of these has a task that tells it.
            wire: Wire::new(Outbox::new(connection), None),
            waiting: Mutex::new(Some(telling)),
            task: Mutex::default(),
        })
    }

    /// Tells the client from now on.
    pub(super) fn begin(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(telling) = waiting {
            let task = tokio::spawn(tell(self.wire.outbox().clone(), telling)).abort_handle();
            *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
    }
}

impl Speech for Subscriber {
    fn live(&self) -> &Live {
        &self.live
    }

    fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    fn max_message(&self) -> usize {
        self.live.connections().options().max_payload.min(MAX_MESSAGE)
    }

    fn greeting(&self) -> Option<Bytes> {
        // The first answer is the first thing that is said.
        None
    }

    fn ping(&self) -> Bytes {
        // That of RFC 6455: browsers answer it by themselves.
        crate::doors::ws::frame::ping()
    }

    fn shutdown(&self, grace: Duration) -> Bytes {
        messages::shutdown(grace)
    }

    fn hear(self: Arc<Self>, text: &str, _held: Vec<Held>, _work: &mut JoinSet<usize>) -> bool {
        let is_ping = messages::is_ping(text);
        let said = match self.wire.outbox().connection().admit() {
            Err(error) => messages::error(&error),
            Ok(()) if is_ping => messages::pong(),
            Ok(()) => messages::error(&Error::new(
                Code::InvalidRequest,
                "nothing can be asked here but `ping`; what the query answers comes by itself",
            )),
        };
        self.wire.outbox().reply(said);
        is_ping
    }

    fn hear_pong(&self) -> bool {
        true
    }

    fn leave(&self) {}

    fn close(&self) {
        self.wire.outbox().close();
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// Tells a client what its query answers: all of it at first, and then whenever it is something else.
async fn tell(outbox: Outbox, mut telling: Telling) {
    let connection = outbox.connection().clone();
    loop {
        // While there is no room answers that come are left out but for the last one.
        connection.room().await;
        let frame = match telling.answers.next().await {
            Ok(answer) => telling.frames.framed(&answer),
            // It may have an answer again later.
            Err(error) => messages::failure(&telling.query, &error),
        };
        while !outbox.push(frame.clone()) {
            if outbox.is_closed() {
                return;
            }
            connection.room().await;
        }
    }
}
