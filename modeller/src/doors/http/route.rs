//! Custom routes: a method, a path, and an async function.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::str::FromStr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BoxFuture, body, decode};
use crate::engine::{Cx, Reply};
use crate::model::{Code, Error, Result, check_json, shown};

type Handler = Box<dyn Fn(RouteCx) -> BoxFuture<'static, Result<RouteReply>> + Send + Sync>;

/// A route of the application's own, beside those of its models.
///
/// ```
/// use modeller::doors::http::{Method, Route, RouteCx};
///
/// async fn hello(cx: RouteCx) -> modeller::Result<serde_json::Value> {
///     Ok(serde_json::json!({ "hello": cx.param("name")? }))
/// }
/// let route = Route::new(Method::GET, "/hello/{name}", hello);
/// assert_eq!(route.path(), "/hello/{name}");
/// ```
///
/// The models are at hand: `User::find().all(&cx).await` works with the handler's `cx`.
pub struct Route {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body_limit: Option<usize>,
    handler: Handler,
}

impl Route {
    /// A route. In the path `{name}` stands for one segment, and `{*name}` at the end for all that remain.
    ///
    /// The handler answers anything that serde can write, a [`Reply`], or an axum response. A GET route answers HEAD too.
    pub fn new<H, F, T, How>(method: Method, path: impl Into<String>, handler: H) -> Self
    where
        H: Fn(RouteCx) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        T: IntoReply<How>,
    {
        let handler: Handler = Box::new(move |cx| {
            let answer = handler(cx);
            Box::pin(async move { answer.await?.into_reply() })
        });
        Route { method, path: path.into(), body_limit: None, handler }
    }

    /// The same route with a limit of its own for the request's body, in bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// Its path, as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn handle(&self, cx: RouteCx) -> BoxFuture<'static, Result<RouteReply>> {
        (self.handler)(cx)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} {})", self.method, self.path)
    }
}

/// What a handler of a [`Route`] gets: the request, and (by dereference) the [`Cx`] to work with the models.
pub struct RouteCx {
    pub(super) head: Parts,
    pub(super) params: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) cx: Cx,
}

impl RouteCx {
    /// The request's method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The request's target.
    pub fn uri(&self) -> &Uri {
        &self.head.uri
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The text of a header, if it is there and is ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// From where the connection comes: the caller, or a proxy. `None` if a server that is not modeller's own did not say.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.head.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(remote)| *remote)
    }

    /// The segment that `{name}` stands for, decoded.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if the route's path has no such name.
    pub fn param(&self, name: &str) -> Result<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| {
            Error::new(Code::InternalError, format!("the route's path has no parameter `{name}`"))
        })
    }

    /// The segment that `{name}` stands for, as a value.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if it is none; `INTERNAL_ERROR` if the route's path has no such name.
    pub fn param_as<T: FromStr>(&self, name: &str) -> Result<T> {
        let text = self.param(name)?;
        text.parse().map_err(|_| {
            let message = format!("`{}` is not a possible `{name}`", shown(text, 60));
            Error::new(Code::InvalidRequest, message).with_field(name)
        })
    }

    /// The names and values of the URL's query.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if it is malformed.
    pub fn pairs(&self) -> Result<Vec<(String, String)>> {
        decode::pairs(self.head.uri.query())
    }

    /// The URL's query as a struct of plain fields.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if it is malformed or does not fit.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        self.pairs()?;
        let query = Query::try_from_uri(&self.head.uri);
        query.map(|Query(query)| query).map_err(|rejection| {
            use std::error::Error as _;
            let reason = rejection.source().map_or_else(|| rejection.to_string(), ToString::to_string);
            Error::new(Code::InvalidRequest, format!("the query does not fit: {reason}"))
        })
    }

    /// The body as it arrived.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a value that serde can read.
    ///
    /// # Errors
    /// `UNSUPPORTED_MEDIA_TYPE` if it is not said to be JSON, `PARSE_ERROR` if it is none, `VALIDATION_ERROR` if it does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        body::demand_json(&self.head.headers)?;
        serde_json::from_str(check_json(&self.body)?).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Error::new(Code::ValidationError, format!("the body does not fit: {error}"))
            }
            _ => Error::new(Code::ParseError, format!("the body is not JSON: {error}")),
        })
    }
}

impl Deref for RouteCx {
    type Target = Cx;

    fn deref(&self) -> &Cx {
        &self.cx
    }
}

impl fmt::Debug for RouteCx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RouteCx({} {})", self.head.method, self.head.uri.path())
    }
}

/// What a handler answered, ready to be sent.
#[derive(Debug)]
pub struct RouteReply(pub(super) Answered);

#[derive(Debug)]
pub(super) enum Answered {
    Reply(Reply),
    Response(Response<Body>),
}

/// What a handler of a [`Route`] may answer. `How` only tells the kinds apart.
pub trait IntoReply<How> {
    /// The answer, ready to be sent.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if the value has no JSON form.
    fn into_reply(self) -> Result<RouteReply>;
}

/// Answers that serde writes as JSON.
#[derive(Debug)]
pub enum Json {}

/// Answers that are written already.
#[derive(Debug)]
pub enum Written {}

impl<T: Serialize> IntoReply<Json> for T {
    fn into_reply(self) -> Result<RouteReply> {
        match serde_json::to_vec(&self) {
            Ok(body) => Ok(RouteReply(Answered::Reply(Reply { body, ..Reply::default() }))),
            Err(error) => {
                Err(Error::new(Code::InternalError, format!("the answer has no JSON form: {error}")))
            }
        }
    }
}

impl IntoReply<Written> for Reply {
    fn into_reply(self) -> Result<RouteReply> {
        Ok(RouteReply(Answered::Reply(self)))
    }
}

impl IntoReply<Written> for Response<Body> {
    fn into_reply(self) -> Result<RouteReply> {
        Ok(RouteReply(Answered::Response(self)))
    }
}
