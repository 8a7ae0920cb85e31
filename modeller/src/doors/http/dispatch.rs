//! From a request to its answer: the one place that knows which path means what.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tower_service::Service;

use super::answer::{self, Refusal};
use super::body::{Held, Limits};
use super::events::{Events, Requested};
use super::folder::{Folders, Wish};
use super::headers::{self, IfMatch};
use super::origin::{Origins, permit_host};
use super::route::Answered;
use super::{Backend, HttpOptions, Mount, Page, Route, RouteCx, body, decode, identity, procedures, target};
use crate::engine::{Arguments, BodyKind, Call, Operation, Transact, caught, in_time};
#[cfg(feature = "live")]
use crate::live::Live;
use crate::model::{Code, Error, Result, Shape, check_json};
use crate::store::BoxFuture;

/// What every request needs, shared by all.
pub(super) struct Inner {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) options: HttpOptions,
    pub(super) origins: Origins,
    pub(super) pages: Vec<Page>,
    /// Path patterns of custom routes, to indexes of `endpoints`.
    pub(super) paths: matchit::Router<usize>,
    /// Per path the routes of its methods; none is empty.
    pub(super) endpoints: Vec<Vec<Route>>,
    pub(super) folders: Folders,
    pub(super) events: Arc<Events>,
    pub(super) mounts: Vec<Mount>,
    #[cfg(feature = "live")]
    pub(super) live: Option<Arc<Live>>,
    pub(super) nested: Option<Router>,
    pub(super) in_flight: AtomicUsize,
    /// Bytes of large bodies that are held.
    pub(super) held: AtomicUsize,
}

/// What a path means.
enum Target<'a> {
    Operation(&'static Shape, Operation),
    #[cfg(feature = "live")]
    Live(&'a Arc<Live>, &'static Shape, Operation),
    Transaction,
    Procedure(String),
    Page(&'a Page),
    Route(&'a [Route], Vec<(String, String)>),
    Mount(&'a Mount),
    /// A file, if it is there; else nothing.
    File(Wish, Error),
    Nothing(Error),
}

/// Counts one call as under way.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    /// The answer to a request. What needs no waiting is done first: the future waits with every request, and is kept small.
    pub(super) fn answer(
        self: Arc<Self>,
        request: Request<Body>,
    ) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
        let (mut head, mut body) = request.into_parts();
        if self.events.is_listened_to() {
            // Nothing is protected as long as there is no sign-in.
            self.events.requested(Requested::new(&head, false));
        }
        let is_head = head.method == Method::HEAD;
        let origin = self.origins.allowed(&head.headers);
        let preflight = self.origins.preflight(&head, origin.as_ref()).map(Box::new);
        Box::pin(async move {
            let mut response = match preflight {
                Some(response) => *response,
                None => match caught(self.respond(&mut head, &mut body)).await {
                    Ok(response) => response,
                    Err(panic) => answer::panicked(&panic),
                },
            };
            self.origins.mark(&mut response, origin);
            if is_head {
                without_body(&mut response);
            }
            Ok(response)
        })
    }

    async fn respond(&self, head: &mut Parts, body: &mut Body) -> Response<Body> {
        if let Err(error) = permit_host(&self.options.hosts, head) {
            return finish(Err(error.into()), head, body);
        }
        let result = match self.find(head.uri.path()) {
            Target::Operation(shape, operation) => self.operate(head, body, shape, operation).await,
            // Boxed, so that the future of every request is not as large as that of the rarest.
            #[cfg(feature = "live")]
            Target::Live(live, shape, operation) => {
                Box::pin(self.stream(live, head, body, shape, operation)).await
            }
            Target::Transaction => Box::pin(self.transact(head, body)).await,
            Target::Procedure(name) => Box::pin(self.procedure(head, body, &name)).await,
            Target::Page(page) => Box::pin(page.answer(head, self.options.compression)).await,
            Target::Route(routes, params) => {
                let (head, body) = taken(head, body);
                return Box::pin(self.custom(routes, params, head, body)).await;
            }
            Target::Mount(mount) => {
                if let Err(error) = self.origins.permit_write(head) {
                    return finish(Err(error.into()), head, body);
                }
                let (head, body) = taken(head, body);
                return mount.answer(Request::from_parts(head, body)).await;
            }
            Target::File(wish, error) => match Box::pin(wish.answer(head)).await {
                Ok(Some(response)) => Ok(response),
                Ok(None) => return self.unclaimed(head, body, error).await,
                Err(refusal) => Err(refusal),
            },
            Target::Nothing(error) => return self.unclaimed(head, body, error).await,
        };
        finish(result, head, body)
    }

    /// What is nobody's here may be that of a nested router.
    async fn unclaimed(&self, head: &mut Parts, body: &mut Body, error: Error) -> Response<Body> {
        let Some(router) = &self.nested else { return finish(Err(error.into()), head, body) };
        let (head, body) = taken(head, body);
        Box::pin(nested(router.clone(), Request::from_parts(head, body), error)).await
    }

    fn find(&self, path: &str) -> Target<'_> {
        match target::find(self.backend.registry(), path) {
            Ok(Some((shape, operation))) => return Target::Operation(shape, operation),
            Ok(None) => {}
            Err(error) => return Target::Nothing(error),
        }
        #[cfg(feature = "live")]
        if let Some(live) = &self.live
            && let Some((shape, operation)) = target::live(self.backend.registry(), path)
        {
            return Target::Live(live, shape, operation);
        }
        if path == Transact::PATH {
            return Target::Transaction;
        }
        match procedures::name(path) {
            Some(Ok(name)) => return Target::Procedure(name),
            Some(Err(error)) => return Target::Nothing(error),
            None => {}
        }
        if let Some(page) = self.pages.iter().find(|page| page.path() == path) {
            return Target::Page(page);
        }
        if let Some(mount) = self.mounts.iter().find(|mount| mount.takes(path)) {
            return Target::Mount(mount);
        }
        if let Ok(found) = self.paths.at(path) {
            let decoded = found
                .params
                .iter()
                .map(|(name, raw)| Ok((name.to_owned(), decode::segment(raw)?.into_owned())));
            return match decoded.collect::<Result<_>>() {
                Ok(params) => Target::Route(&self.endpoints[*found.value], params),
                Err(error) => Target::Nothing(error),
            };
        }
        let registry = self.backend.registry();
        match self.file(path) {
            Ok(Some(wish)) => {
                let error = match wish.is_root {
                    true => target::nothing(registry, path),
                    false => target::no_route(path),
                };
                Target::File(wish, error)
            }
            Ok(None) => Target::Nothing(target::nothing(registry, path)),
            Err(error) => Target::Nothing(error),
        }
    }

    /// The file that a path means. Below a model nothing is a file: there its own errors say more.
    fn file(&self, path: &str) -> Result<Option<Wish>> {
        match target::is_of_model(self.backend.registry(), path) {
            true => Ok(None),
            false => self.folders.find(path),
        }
    }

    async fn operate(
        &self,
        head: &Parts,
        body: &mut Body,
        shape: &'static Shape,
        operation: Operation,
    ) -> Result<Response<Body>, Refusal> {
        let method = operation.method();
        let is_read = method == "GET";
        if head.method.as_str() != method && !(is_read && head.method == Method::HEAD) {
            return by_method(head, if is_read { "GET, HEAD, OPTIONS" } else { with_options(method) });
        }
        if !is_read {
            self.origins.permit_write(head)?;
            // A condition that is passed over would be worse than one that is refused.
            if head.headers.contains_key(header::IF_NONE_MATCH) {
                let message = "`If-None-Match` goes with reads; `insert` never replaces a document";
                return Err(Error::new(Code::InvalidRequest, message).into());
            }
        }
        let if_match = headers::if_match(&head.headers)?;
        let mut call = call_of(head, shape, operation, if_match)?;
        let (expected, is_keyed) = (call.expected_version, call.mutation_id.is_some());
        let is_pinned = operation == Operation::Get
            && head.headers.contains_key(header::IF_NONE_MATCH)
            && matches!(&call.arguments, Arguments::Pairs(pairs) if pairs.iter().any(|(name, _)| name == "_id"));
        // Until the answer is there.
        let _held = self.take_body(head, body, &mut call).await?;

        let reply = self
            .timed(self.backend.call(*call))
            .await
            .map_err(|error| failed_precondition(error, expected, is_keyed))?;
        if operation == Operation::Get {
            if if_match == Some(IfMatch::Any) && reply.version.is_none() {
                return Err(changed(None).with_status(412).into());
            }
            if expected.is_some() && reply.version != expected {
                return Err(failed_precondition(changed(reply.version), expected, false).into());
            }
            // A version alone names no document: only with its id do the client and we speak of the same one.
            if let Some(version) = reply.version.filter(|_| is_pinned)
                && headers::none_match(&head.headers, &format!("\"{version}\""))
            {
                return Ok(answer::not_modified(version));
            }
        }
        Ok(answer::reply(reply, &head.headers, self.options.compression).await)
    }

    /// Reads the body into the call, as the operation takes it.
    async fn take_body(&self, head: &Parts, body: &mut Body, call: &mut Call) -> Result<Held<'_>, Refusal> {
        let (bytes, held) = body::read(body, &self.body_limits(self.options.body_limit)).await?;
        if bytes.is_empty() {
            return Ok(held);
        }
        match call.operation.body() {
            BodyKind::None => {
                let message = format!("`{}` takes no body", call.operation);
                return Err(Error::new(Code::InvalidRequest, message).into());
            }
            BodyKind::Query => {
                body::demand_json(&head.headers)?;
                if matches!(call.arguments, Arguments::Pairs(_)) {
                    let message = "arguments go into the body or into the URL, not into both";
                    return Err(Error::new(Code::InvalidRequest, message).into());
                }
                // Stricter than serde_json: no name twice, no number that would be rounded.
                let json = serde_json::from_str(check_json(&bytes)?).map_err(|error| {
                    Error::new(Code::ParseError, format!("the body is not JSON: {error}"))
                })?;
                call.arguments = Arguments::Json(json);
            }
            _ => {
                body::demand_json(&head.headers)?;
                call.body = bytes;
            }
        }
        Ok(held)
    }

    pub(super) fn body_limits(&self, size: usize) -> Limits<'_> {
        Limits { size, time: self.options.read_timeout, memory: self.options.body_memory, held: &self.held }
    }

    async fn custom(
        &self,
        routes: &[Route],
        params: Vec<(String, String)>,
        head: Parts,
        mut body: Body,
    ) -> Response<Body> {
        let is_get = head.method == Method::GET || head.method == Method::HEAD;
        let exact = routes.iter().find(|route| route.method == head.method);
        let route = exact.or_else(|| routes.iter().find(|route| is_get && route.method == Method::GET));
        let Some(route) = route else {
            let mut allow: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
            if allow.contains(&"GET") && !allow.contains(&"HEAD") {
                allow.push("HEAD");
            }
            allow.push("OPTIONS");
            return finish(by_method(&head, &allow.join(", ")), &head, &mut body);
        };
        if !is_get
            && head.method != Method::OPTIONS
            && let Err(error) = self.origins.permit_write(&head)
        {
            return finish(Err(error.into()), &head, &mut body);
        }
        let limit = route.body_limit.unwrap_or(self.options.body_limit);
        let (bytes, _held) = match body::read(&mut body, &self.body_limits(limit)).await {
            Ok(read) => read,
            Err(refusal) => return finish(Err(refusal), &head, &mut body),
        };
        let request = head.headers.clone();
        let cx = self.backend.cx().as_identity(identity(&head));
        let cx = RouteCx { head, params, body: bytes, cx };
        match self.timed(route.handle(cx)).await.map(|reply| reply.0) {
            Ok(Answered::Reply(reply)) => answer::reply(reply, &request, self.options.compression).await,
            Ok(Answered::Response(mut response)) => {
                let headers = response.headers_mut();
                headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert_with(|| answer::NOSNIFF.clone());
                response
            }
            Err(error) => answer::refuse(error.into()),
        }
    }

    /// Waits for a call, within the limits of number and time.
    pub(super) async fn timed<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= self.options.max_in_flight {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::new(Code::Overloaded, "too many calls are under way; try again soon"));
        }
        let _counted = InFlight(&self.in_flight);
        match in_time(self.options.call_timeout, call).await {
            Some(result) => result,
            None => Err(Error::new(
                Code::Overloaded,
                "the call took too long; a write may still take effect, so repeat it with its `Idempotency-Key`",
            )),
        }
    }
}

/// The call that a request means, but for its body. Boxed: it waits for that.
fn call_of(
    head: &Parts,
    shape: &'static Shape,
    operation: Operation,
    if_match: Option<IfMatch>,
) -> Result<Box<Call>> {
    let mut call = Call::new(operation, shape);
    call.identity = identity(head);
    if let Some(key) = headers::single_text(&head.headers, &headers::IDEMPOTENCY_KEY)? {
        call = call.with_mutation_id(key)?;
    }
    call.expected_version = precondition(operation, if_match)?;
    call.only_one = if_match.is_some() && operation.method() != "GET";
    let pairs = decode::pairs(head.uri.query())?;
    if !pairs.is_empty() {
        call.arguments = Arguments::Pairs(pairs);
    }
    Ok(Box::new(call))
}

fn with_options(method: &'static str) -> &'static str {
    match method {
        "PUT" => "PUT, OPTIONS",
        "DELETE" => "DELETE, OPTIONS",
        _ => "POST, OPTIONS",
    }
}

/// The answer for a method that a path does not have.
pub(super) fn by_method(head: &Parts, allow: &str) -> Result<Response<Body>, Refusal> {
    match head.method {
        Method::OPTIONS => Ok(answer::options(allow)),
        _ => Err(Refusal::method(head.method.as_str(), allow)),
    }
}

/// The version that `If-Match` asks for, where one document can have it.
fn precondition(operation: Operation, if_match: Option<IfMatch>) -> Result<Option<i64>> {
    use Operation::{Delete, Get, Update};
    let Some(if_match) = if_match else { return Ok(None) };
    if !matches!(operation, Get | Update | Delete) {
        let message =
            format!("`If-Match` does not go with `{operation}`, but with `get`, `update` and `delete`");
        return Err(Error::new(Code::InvalidRequest, message));
    }
    Ok(match if_match {
        // That there is a document shows by itself: a write that finds none answers `NOT_FOUND`, and a read nothing.
        IfMatch::Any => None,
        IfMatch::Version(version) => Some(version),
    })
}

fn changed(version: Option<i64>) -> Error {
    match version {
        Some(version) => Error::new(Code::Conflict, format!("the document has version {version} meanwhile")),
        None => Error::new(Code::Conflict, "there is no such document any more"),
    }
}

/// HTTP has a status of its own for a conflict with `If-Match`; the code stays that of every door.
fn failed_precondition(error: Error, expected: Option<i64>, is_keyed: bool) -> Error {
    if expected.is_none() || !error.is(Code::Conflict) {
        return error;
    }
    // An idempotency key makes conflicts of its own; those over a version name it.
    let of_version = error.details().is_some_and(|details| details.get("expected").is_some());
    if is_keyed && !of_version { error } else { error.with_status(412) }
}

/// The answer, and what is left of the request's body taken up.
fn finish(result: Result<Response<Body>, Refusal>, head: &Parts, body: &mut Body) -> Response<Body> {
    match result {
        Ok(response) => {
            body::discard(&head.headers, body);
            response
        }
        Err(refusal) => {
            if !refusal.close {
                body::discard(&head.headers, body);
            }
            answer::refuse(refusal)
        }
    }
}

/// A request as one's own, to be handed on.
fn taken(head: &mut Parts, body: &mut Body) -> (Parts, Body) {
    (std::mem::replace(head, Request::new(()).into_parts().0), std::mem::take(body))
}

/// Asks the nested routers. Where they only say "no" without a word, ours are said.
async fn nested(mut router: Router, request: Request<Body>, unknown: Error) -> Response<Body> {
    let method = request.method().as_str().to_owned();
    let Ok(mut response) = router.call(request).await;
    let is_mute = response.body().is_end_stream() && !response.headers().contains_key(header::CONTENT_TYPE);
    match response.status() {
        StatusCode::NOT_FOUND if is_mute => return answer::refuse(unknown.into()),
        StatusCode::METHOD_NOT_ALLOWED if is_mute => {
            let allow = response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok());
            return answer::refuse(Refusal::method(&method, allow.unwrap_or_default()));
        }
        _ => {}
    }
    response.headers_mut().entry(header::X_CONTENT_TYPE_OPTIONS).or_insert_with(|| answer::NOSNIFF.clone());
    response
}

/// The answer to HEAD: all headers of GET, and no body.
fn without_body(response: &mut Response<Body>) {
    let length = response.body().size_hint().exact();
    let may_have =
        response.status() != StatusCode::NO_CONTENT && response.status() != StatusCode::NOT_MODIFIED;
    if let Some(length) = length.filter(|_| may_have) {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
}
