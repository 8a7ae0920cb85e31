//! What can be set at the Socket.IO door, and who a client is.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::Value as Json;

use super::BoxFuture;
use crate::engine::Identity;
use crate::model::Result;

/// Tells who a client is, or refuses it.
pub type Authenticate = Arc<dyn Fn(Handshake) -> BoxFuture<'static, Result<Identity>> + Send + Sync>;

/// What concerns the Socket.IO door alone. Limits that all doors share are those of [`LiveOptions`](crate::live::LiveOptions).
#[derive(Clone)]
#[non_exhaustive]
pub struct SocketIoOptions {
    /// Whether there is the door at all. There is unless set.
    pub enabled: bool,
    /// How long a client may take from the handshake to its `CONNECT` packet. 10 s unless set.
    pub connect_timeout: Duration,
    /// How long a client may take to send the body of a request (polling). 30 s unless set.
    pub read_timeout: Duration,
    /// Most binary attachments of a message; more end the connection. 100 unless set.
    pub max_binaries: usize,
    /// Tells who a client is. Unless set, whom a layer before the door has recognised, else nobody in particular.
    pub authenticate: Option<Authenticate>,
}

impl Default for SocketIoOptions {
    fn default() -> Self {
        SocketIoOptions {
            enabled: true,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            max_binaries: 100,
            authenticate: None,
        }
    }
}

impl SocketIoOptions {
    /// As documented at each of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`enabled`](SocketIoOptions::enabled).
    #[must_use]
    pub fn enabled(mut self, on: bool) -> Self {
        self.enabled = on;
        self
    }

    /// Sets [`connect_timeout`](SocketIoOptions::connect_timeout).
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Sets [`read_timeout`](SocketIoOptions::read_timeout).
    #[must_use]
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// Sets [`max_binaries`](SocketIoOptions::max_binaries).
    #[must_use]
    pub fn max_binaries(mut self, binaries: usize) -> Self {
        self.max_binaries = binaries;
        self
    }

    /// Asks this who a client is. What it refuses a client with, the client reads in its `connect_error`.
    ///
    /// ```
    /// use modeller::doors::socketio::SocketIoOptions;
    /// use modeller::{Code, Error};
    /// let options = SocketIoOptions::new().authenticate(async |handshake| match handshake.token() {
    ///     Some(_) => Ok(handshake.identity().clone()),
    ///     None => Err(Error::new(Code::Unauthorized, "sign in first")),
    /// });
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn authenticate<F, Answer>(mut self, ask: F) -> Self
    where
        F: Fn(Handshake) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Identity>> + Send + 'static,
    {
        self.authenticate = Some(Arc::new(move |handshake| Box::pin(ask(handshake))));
        self
    }
}

impl fmt::Debug for SocketIoOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIoOptions")
            .field("enabled", &self.enabled)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("max_binaries", &self.max_binaries)
            .finish_non_exhaustive()
    }
}

/// What a client says of itself when it connects.
///
/// `Debug` shows where it comes from: the rest may hold secrets.
#[derive(Clone)]
pub struct Handshake {
    pub(super) auth: Json,
    pub(super) headers: HeaderMap,
    pub(super) remote: Option<SocketAddr>,
    pub(super) identity: Identity,
}

impl Handshake {
    /// `auth.token`: how a client says who it is.
    pub fn token(&self) -> Option<&str> {
        self.auth.get("token").and_then(Json::as_str)
    }

    /// All that it sent as `auth`: an object.
    pub fn auth(&self) -> &Json {
        &self.auth
    }

    /// The headers of its first request.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// From where the connection comes: the client, or a proxy.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Whom a layer before the door has recognised.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("remote", &self.remote).finish_non_exhaustive()
    }
}
