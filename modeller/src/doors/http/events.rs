//! What happens at the door, told to whoever listens. Listeners observe; they can change nothing.

use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};

use crate::engine::{Cx, panic_message};
#[cfg(feature = "live")]
use crate::live::{ConnectionEvent, ConnectionInfo, Connections};

/// Something that happened at the server.
///
/// There will be more kinds: a `match` needs a last arm for them.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent<'a> {
    /// The server listens, and everything is in its place.
    Mounted(Mounted),
    /// A request has arrived.
    Request(Requested<'a>),
    /// A client has opened a connection that stays open, over Socket.IO or as a WebSocket, and it is known who it is.
    #[cfg(feature = "live")]
    Connection(&'a ConnectionInfo),
    /// Such a connection has ended.
    #[cfg(feature = "live")]
    Disconnection(&'a ConnectionInfo),
}

/// The server listens.
#[derive(Clone)]
pub struct Mounted {
    address: SocketAddr,
    cx: Cx,
}

impl Mounted {
    pub(super) fn new(address: SocketAddr, cx: Cx) -> Self {
        Mounted { address, cx }
    }

    /// Where it listens, with the port that it has in fact.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A context to work with the models; clone it to take it along into a task.
    pub fn cx(&self) -> &Cx {
        &self.cx
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A request that has arrived, before anything is done about it.
///
/// `Debug` shows its method and path: headers and queries may hold secrets.
#[derive(Clone, Copy)]
pub struct Requested<'a> {
    head: &'a Parts,
    protected: bool,
}

impl<'a> Requested<'a> {
    pub(super) fn new(head: &'a Parts, protected: bool) -> Self {
        Requested { head, protected }
    }

    /// Its method.
    pub fn method(&self) -> &'a Method {
        &self.head.method
    }

    /// Its path, encoded as it arrived.
    pub fn path(&self) -> &'a str {
        self.head.uri.path()
    }

    /// Its whole target.
    pub fn uri(&self) -> &'a Uri {
        &self.head.uri
    }

    /// Its headers.
    pub fn headers(&self) -> &'a HeaderMap {
        &self.head.headers
    }

    /// From where the connection comes: the caller, or a proxy. `None` if a server that is not modeller's own did not say.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.head.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(remote)| *remote)
    }

    /// Whether what it asks for is only for those who have signed in. Nothing is as yet.
    pub fn protected(&self) -> bool {
        self.protected
    }
}

impl fmt::Debug for Requested<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Requested({} {:?})", self.head.method, self.head.uri.path())
    }
}

/// Somebody who is told.
pub(crate) type Listener = Arc<dyn Fn(&ServerEvent<'_>) + Send + Sync>;

/// All who are told.
pub(super) struct Events(Vec<Listener>);

impl Events {
    pub(super) fn new(listeners: Vec<Listener>) -> Self {
        Events(listeners)
    }

    pub(super) fn is_listened_to(&self) -> bool {
        !self.0.is_empty()
    }

    /// From now on all hear of connections, too.
    #[cfg(feature = "live")]
    pub(super) fn hear_of(self: &Arc<Self>, connections: &Connections) {
        let events = self.clone();
        if self.is_listened_to() {
            connections.listen(move |event| match event {
                ConnectionEvent::Opened(info) => events.tell(&ServerEvent::Connection(info)),
                ConnectionEvent::Closed(info) => events.tell(&ServerEvent::Disconnection(info)),
            });
        }
    }

    /// Apart, so that requests nobody watches pass by a small branch.
    #[cold]
    pub(super) fn requested(&self, request: Requested<'_>) {
        self.tell(&ServerEvent::Request(request));
    }

    /// Tells everybody, one after the other. A panic stays with whoever has it.
    pub(super) fn tell(&self, event: &ServerEvent<'_>) {
        for listener in &self.0 {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| listener(event))) {
                let panic = panic_message(&*panic);
                tracing::error!(?panic, ?event, "a listener to server events panicked");
            }
        }
    }
}
