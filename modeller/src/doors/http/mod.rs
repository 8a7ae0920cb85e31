//! The HTTP door: every model at `/{scope}/{model}/{operation}`, fixed pages, custom routes, and the server itself.
//!
//! ```text
//! bytes ─► serve ─► HttpService ─► path → operation, method │ live query │ transaction │ procedure │ page │ mounted door │ custom route │ file of a folder │ nested axum router
//!                                   decode → Call → Backend → Reply → bytes
//! ```
//!
//! The door parses no filter and checks no document: it hands over decoded names and values, JSON and bytes, and writes the
//! reply as it is. What it does decide is HTTP: methods, content types, sizes, times, preconditions, origins.

mod answer;
mod body;
mod compress;
mod decode;
#[cfg(feature = "live")]
mod described;
mod dispatch;
mod door;
mod events;
mod folder;
mod headers;
#[cfg(feature = "live")]
mod live;
mod mount;
mod options;
mod origin;
mod page;
mod procedures;
mod route;
mod serve;
mod target;
mod transact;

use std::pin::Pin;

pub use axum::http::Method;
use axum::http::request::Parts;
pub use door::{HttpDoor, HttpService};
pub use events::{Mounted, Requested, ServerEvent};
pub use folder::Folder;
pub use mount::{Mount, remote};
pub use options::HttpOptions;
pub use page::Page;
pub use route::{IntoReply, Json, Route, RouteCx, RouteReply, Written};
pub use serve::{listen, serve};

#[cfg(feature = "live")]
pub(crate) use described::protocol;
pub(crate) use events::Listener;
pub(crate) use folder::check as check_folders;

use crate::engine::{Call, Cx, Identity, Reply, Transact};
use crate::model::Result;
use crate::registry::Registry;

/// A boxed future, as object-safe traits answer it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What stands behind the door: the pipeline, and in tests whatever takes its place.
pub trait Backend: Send + Sync + 'static {
    /// The models that are served.
    fn registry(&self) -> &Registry;

    /// Runs one call. Dropping the future gives up waiting; a write that was queued may still happen.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply>>;

    /// Runs several operations as one transaction. Dropping the future gives up waiting, and what was done so far with it.
    fn transact(&self, several: Transact) -> BoxFuture<'_, Result<Reply>>;

    /// The context that custom routes work in.
    fn cx(&self) -> Cx;
}

/// Who a request is from: whom a layer before the door has recognised and put among the request's extensions, which nobody can
/// send over the wire; else nobody in particular.
fn identity(head: &Parts) -> Identity {
    head.extensions.get().cloned().unwrap_or_default()
}
