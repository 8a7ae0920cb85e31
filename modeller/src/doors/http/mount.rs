//! Other doors behind the same address: they are given whole requests below a path of their own, and may take the connection over.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};

use super::BoxFuture;

type Answer = Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// A path that another door answers.
///
/// Before a request gets there, the host has been checked, and that no page of another origin makes it: browsers let any page open a
/// WebSocket to any server.
#[derive(Clone)]
pub struct Mount {
    path: String,
    below: bool,
    answer: Answer,
}

impl Mount {
    /// Requests for exactly this path (`/@ws`), of any method.
    pub fn at<F>(path: &str, answer: impl Fn(Request<Body>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Mount {
            path: path.to_owned(),
            below: false,
            answer: Arc::new(move |request| Box::pin(answer(request))),
        }
    }

    /// Requests for this path and all below it (`/socket.io`, `/socket.io/`).
    pub fn below<F>(path: &str, answer: impl Fn(Request<Body>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Mount { below: true, ..Self::at(path, answer) }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The paths as axum's router has them.
    pub(super) fn patterns(&self) -> Vec<String> {
        let own = self.path.clone();
        if self.below { vec![format!("{own}/"), format!("{own}/{{*rest}}"), own] } else { vec![own] }
    }

    pub(super) fn takes(&self, path: &str) -> bool {
        match path.strip_prefix(&*self.path) {
            Some("") => true,
            Some(rest) => self.below && rest.starts_with('/'),
            None => false,
        }
    }

    pub(super) fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        (self.answer)(request)
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount").field("path", &self.path).field("below", &self.below).finish_non_exhaustive()
    }
}

/// Where a request came from, if it came over a socket.
pub fn remote(request: &Request<Body>) -> Option<SocketAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0)
}
