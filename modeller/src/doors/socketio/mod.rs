//! The Socket.IO door: every operation of every model as an event with an acknowledgement, subscriptions as rooms, live queries,
//! channels and rules.
//!
//! ```text
//! bytes ─► engine.io ─► packet ─► message (event, one JSON argument) ─► call │ live │ subscribe │ realtime:.. │ rules...
//!                                                     Cx ─► {data} or {error} ─► acknowledgement
//! ```
//!
//! The transport (handshake, polling and WebSocket, upgrade, heartbeat, reading packets) is `socketioxide`'s. The door turns
//! packets into calls and replies into acknowledgements, and keeps what waits for a slow client within bounds. Once a client is there by
//! WebSocket, the door writes to it by itself (`wire.rs`): what many are told is one frame, made once. What each event takes and answers
//! is written for users in `docs/socketio.md`.

mod answer;
mod call;
mod channels;
mod connection;
mod describe;
mod events;
mod greeting;
mod live;
mod members;
mod memory;
mod message;
mod options;
mod outbox;
mod packed;
mod packet;
mod request;
mod room;
mod rules;
mod stream;
mod upgrade;
mod wire;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Once, OnceLock, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use socketioxide::handler::ConnectHandler as _;
use socketioxide::{ParserConfig, SocketIo};

pub(crate) use describe::protocol;
pub use options::{Authenticate, Handshake, SocketIoOptions};

use crate::live::{Live, Phase};
use request::{Nowhere, Service};

/// The path of the door.
pub const PATH: &str = "/socket.io";

/// Where clients with the parser `socket.io-msgpack-parser` connect: nothing in a handshake says which parser a client has.
pub const MSGPACK_PATH: &str = "/socket.io/msgpack";

/// What the door is called where connections are counted.
const DOOR: &str = "socketio";

/// The fewest bytes that a push has, about. As many packets may wait for a client as fit into the bytes that may: the transport cuts off
/// a client for which there is no place for its heartbeat, by polling, or when the wire takes no more of what it says.
const SMALLEST: usize = 32;

/// How long clients may take to read that the server ends, once it does.
const LAST_WORDS: Duration = Duration::from_millis(400);

/// A boxed future.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What all connections share.
struct Shared {
    live: Arc<Live>,
    options: SocketIoOptions,
}

/// One of the two ways to write packets.
struct Line {
    io: SocketIo,
    service: Service,
    form: message::Form,
    mark: Arc<wire::Mark>,
    /// Who is told what is published.
    rooms: Arc<members::Rooms>,
}

struct Inner {
    shared: Arc<Shared>,
    text: Line,
    packed: Line,
    is_watching: Once,
    /// From the first WebSocket on.
    writers: OnceLock<wire::Writers>,
}

/// The door: it answers what arrives at [`PATH`] and below.
#[derive(Clone)]
pub struct SocketIoDoor(Arc<Inner>);

impl SocketIoDoor {
    /// A door to an application. What is published to subscriptions from now on reaches those who are connected.
    pub fn new(live: Arc<Live>, options: SocketIoOptions) -> Self {
        let engine = live.engine().clone();
        let shared = Arc::new(Shared { live, options });
        let inner = Inner {
            text: Line::new(&shared, message::Form::Text),
            packed: Line::new(&shared, message::Form::Packed),
            shared,
            is_watching: Once::new(),
            writers: OnceLock::new(),
        };
        let door = SocketIoDoor(Arc::new(inner));
        // Weak: the engine must not keep the door, which keeps the engine.
        engine.observe(Arc::new(room::Rooms(Arc::downgrade(&door.0))));
        door
    }

    /// The answer to one request: a part of the handshake, of polling, or the upgrade to a WebSocket.
    pub fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send + use<> {
        let inner = self.0.clone();
        async move { inner.answer(request).await }
    }
}

impl fmt::Debug for SocketIoDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIoDoor").field("options", &self.0.shared.options).finish_non_exhaustive()
    }
}

impl Line {
    fn new(shared: &Arc<Shared>, form: message::Form) -> Self {
        let (options, limits) = (&shared.options, shared.live.connections().options());
        let builder = SocketIo::builder()
            .max_payload(limits.max_payload as u64)
            .ws_max_message_size(limits.max_payload)
            .ws_max_frame_size(limits.max_payload)
            .ping_interval(limits.heartbeat.interval)
            .ping_timeout(limits.heartbeat.timeout)
            .connect_timeout(options.connect_timeout)
            .max_buffer_size(limits.backpressure.max_buffered / SMALLEST + connection::MAX_PENDING);
        let builder = match form {
            message::Form::Text => {
                let parser = ParserConfig::common()
                    .max_incoming_binaries(options.max_binaries)
                    .max_incoming_binary_buf_size(limits.max_payload);
                builder.req_path(PATH).with_parser(parser)
            }
            message::Form::Packed => builder.req_path(MSGPACK_PATH).with_parser(ParserConfig::msgpack()),
        };
        let (service, io) = builder.build_with_inner_svc(Nowhere);
        let (shared, rooms) = (shared.clone(), Arc::<members::Rooms>::default());
        let there = rooms.clone();
        let greet = move |socket, auth| greeting::greet(shared.clone(), form, there.clone(), socket, auth);
        // Everything is in its place before the client is told that it is connected: what it sends then must not be lost.
        io.ns("/", (async || ()).with(greet));
        Line { io, service, form, mark: wire::Mark::new(form), rooms }
    }
}

impl Inner {
    fn lines(&self) -> [&Line; 2] {
        [&self.text, &self.packed]
    }

    /// From the first client on somebody waits for the end of the server, to tell all of them.
    fn watch_the_end(self: &Arc<Self>) {
        self.is_watching.call_once(|| {
            let (door, mut ending) = (Arc::downgrade(self), self.shared.live.connections().ending());
            tokio::spawn(async move {
                let Ok(phase) = ending.wait_for(|phase| *phase != Phase::Open).await.map(|phase| *phase)
                else {
                    return;
                };
                let grace = if let Phase::Stopping { grace } = phase { grace } else { Duration::ZERO };
                if let Some(door) = door.upgrade() {
                    door.tell_all(
                        "shutdown",
                        &serde_json::json!({ "gracePeriodMs": grace.as_millis() as u64 }),
                    );
                }
                let _ = ending.wait_for(|phase| *phase == Phase::Closed).await;
                if let Some(door) = door.upgrade() {
                    // What was said at last should be read; those who don't are not waited for.
                    let _ = tokio::time::timeout(LAST_WORDS, door.drained()).await;
                    tokio::join!(door.text.io.close(), door.packed.io.close());
                }
            });
        });
    }
}

/// The door, for those whom it should not outlive.
type Door = Weak<Inner>;

#[cfg(all(test, feature = "sqlite"))]
mod tests;
