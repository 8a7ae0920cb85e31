//! One HTTP request at the door: a session that opens, polls, sends, or becomes a WebSocket.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use socketioxide::service::SocketIoService;
use socketioxide::socket::Sid;
use tower_service::Service as _;

use super::outbox::Outbox;
use super::upgrade;
use super::wire::{Wire, Writers};
use super::{DOOR, Inner, Line, MSGPACK_PATH};
use crate::engine::{Identity, in_time};
use crate::model::{Code, Error, Result};

/// The transport.
pub(super) type Service = SocketIoService<Nowhere>;

/// What the transport has no part in; nothing gets here, as the door is given its own paths only.
#[derive(Clone, Debug)]
pub(super) struct Nowhere;

impl tower_service::Service<Request<Body>> for Nowhere {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(refusal(&Error::new(Code::RouteNotFound, "there is nothing here"))))
    }
}

/// What the query of a request says.
struct Asked<'a> {
    has_sid: bool,
    sid: Option<Sid>,
    transport: &'a str,
    version: &'a str,
}

impl<'a> Asked<'a> {
    fn of(query: &'a str) -> Self {
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        let sid = value("sid");
        Asked {
            has_sid: sid.is_some(),
            sid: sid.and_then(|sid| sid.parse().ok()),
            transport: value("transport").unwrap_or_default(),
            version: value("EIO").unwrap_or_default(),
        }
    }
}

impl Inner {
    pub(super) async fn answer(self: &Arc<Self>, request: Request<Body>) -> Response<Body> {
        let mut response = match self.respond(request).await {
            Ok(response) => response,
            Err(error) => refusal(&error),
        };
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }

    fn line(&self, path: &str) -> &Line {
        match path.strip_prefix(MSGPACK_PATH) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => &self.packed,
            _ => &self.text,
        }
    }

    async fn respond(self: &Arc<Self>, mut request: Request<Body>) -> Result<Response<Body>> {
        let line = self.line(request.uri().path());
        let asked = Asked::of(request.uri().query().unwrap_or_default());
        let (is_get, sid) = (request.method() == Method::GET, asked.sid);
        let mut opened = None;
        if is_get && !asked.has_sid {
            self.watch_the_end();
            let remote = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
            let identity: Identity = request.extensions().get().cloned().unwrap_or_default();
            let connection = self.shared.live.connections().open(DOOR, remote, identity)?;
            let most = self.shared.live.connections().options().backpressure.max_buffered;
            opened = Some(Arc::new(Outbox::new(connection, most)));
        }
        let may_upgrade = is_get && asked.transport == "websocket" && asked.version == "4";
        if let Some(outbox) = &opened {
            request.extensions_mut().insert(outbox.clone());
        }
        let mut service = line.service.clone();
        // The transport has its own words for all other requests, which clients know.
        if may_upgrade && (opened.is_some() || sid.is_some()) {
            let (writers, mark) = (self.writers.get_or_init(Writers::new).clone(), line.mark.clone());
            let wired = move |io| Wire::new(io, writers, mark);
            let io = line.io.clone();
            let find = move || match sid {
                // A session that was opened by polling: its outbox can be found once it is connected.
                Some(sid) => upgrade::of_upgraded(&io, sid),
                None => opened.clone(),
            };
            return upgrade::answer(service, request, wired, find);
        }
        let is_post = request.method() == Method::POST;
        let answer = service.call(request);
        let response = match is_post {
            true => in_time(self.shared.options.read_timeout, answer).await,
            // The heartbeat answers one that waits for something to happen.
            false => Some(answer.await),
        };
        let Some(Ok(response)) = response else {
            return Err(Error::new(Code::Timeout, "the request did not arrive in time"));
        };
        if let (true, Some(sid)) = (is_get, sid)
            && let Some(outbox) = upgrade::of_session(&line.io, sid)
            && let Some(length) = length(&response)
        {
            outbox.sent(length);
        }
        Ok(response.map(Body::new))
    }
}

fn length<T>(response: &Response<T>) -> Option<usize> {
    response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// An error as an answer.
fn refusal(error: &Error) -> Response<Body> {
    let mut response = Response::new(Body::from(error.to_json().to_string()));
    *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if error.is(Code::Overloaded) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
