//! The WebSocket door: one JSON object in a text frame for each request, result and push; protocol 1.0.0.
//!
//! ```text
//! upgrade ─► handshake ─► Socket (one task for each client) ─► frames ─► Request ─► Call ─► Engine ─► Reply ─► Outbox ─► frames
//! ```
//!
//! Beside it is the [endpoint-first form](RealtimeDoor): a request over HTTP, and then a WebSocket for one query.
//!
//! The door parses no filter and checks no document: it hands over arguments and bodies as they came, and translates the names of
//! operations and errors. What it does decide is the protocol: frames, envelopes, heartbeats, the order of answers and pushes.

mod carry;
mod channels;
mod close;
mod codes;
mod describe;
mod endpoint;
mod frame;
mod framed;
mod handshake;
mod heartbeat;
mod messages;
mod operation;
mod request;
#[cfg(test)]
mod rfc6455;
mod session;
mod socket;
mod speech;
mod subscription;
mod wire;

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::{Request, Response};

pub use endpoint::{
    Caller, RealtimeDoor, RealtimeOptions, RealtimeSubscriptionParams, RealtimeSubscriptionRequest,
    RealtimeSubscriptionResponse, RealtimeSubscriptionWebSocket,
};

pub(crate) use describe::protocol;
pub(crate) use endpoint::protocol as realtime_protocol;

use session::Session;
use wire::Writers;

use crate::engine::Identity;
use crate::live::Live;

/// A boxed future, as functions of an application answer it.
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The version of the protocol.
pub const VERSION: &str = "1.0.0";

/// Where the application has this door.
pub const PATH: &str = "/@ws";

/// The name of the door in lists of connections.
const NAME: &str = "ws";

/// The door: it takes over connections whose request asks for it.
#[derive(Clone)]
pub struct WsDoor {
    live: Arc<Live>,
    /// From the first client on.
    writers: Arc<OnceLock<Writers>>,
}

impl WsDoor {
    /// A door to this application.
    pub fn new(live: Arc<Live>) -> Self {
        WsDoor { live, writers: Arc::default() }
    }

    /// Answers a request for a WebSocket, and serves the client from then on.
    ///
    /// Who a request is from has been recognised by a layer before the door, and put among the request's extensions; else it is
    /// nobody in particular.
    pub fn answer(&self, mut request: Request<Body>, remote: Option<SocketAddr>) -> Response<Body> {
        let response = match handshake::accept(&request) {
            Ok(response) => response,
            Err(error) => return handshake::refuse(&error),
        };
        let identity = request.extensions().get::<Identity>().cloned().unwrap_or_default();
        let connection = match self.live.connections().open(NAME, remote, identity) {
            Ok(connection) => connection,
            Err(error) => return handshake::refuse(&error),
        };
        let upgrade = hyper::upgrade::on(&mut request);
        let session =
            Session::new(self.live.clone(), connection, self.writers.get_or_init(Writers::new).clone());
        tokio::spawn(async move {
            match upgrade.await {
                // Boxed: while a client is there this is most of what it takes.
                Ok(upgraded) => Box::pin(socket::serve(session, upgraded.into())).await,
                Err(error) => tracing::debug!(%error, "a connection ended before it was upgraded"),
            }
        });
        response
    }
}

impl fmt::Debug for WsDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsDoor").finish_non_exhaustive()
    }
}
