//! Somebody who calls the application.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use serde::Serialize;
use tower_service::Service as _;

use super::Response;
use crate::doors::http::HttpService;
use crate::engine::{Cx, Engine, Identity};

/// Somebody who calls the application: over HTTP without a port, or from Rust with their own context.
#[derive(Clone)]
pub struct Caller {
    engine: Arc<Engine>,
    service: HttpService,
    identity: Identity,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Caller {
    pub(super) fn new(engine: Arc<Engine>, service: HttpService, identity: Identity) -> Self {
        Caller { engine, service, identity, headers: Vec::new() }
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A context in which they call.
    pub fn cx(&self) -> Cx {
        Cx::new(self.engine.clone(), self.identity.clone())
    }

    /// The same caller, with a header on every request.
    ///
    /// # Panics
    /// If there can be no such header.
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => self.headers.push((name, value)),
            _ => panic!("there can be no header `{name}: {value}`"),
        }
        self
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, Vec::new()).await
    }

    /// POST with this as JSON; with `()` there is no body.
    ///
    /// # Panics
    /// If it has no JSON form.
    pub async fn post(&self, path: &str, body: impl Serialize) -> Response {
        self.send(Method::POST, path, json(&body)).await
    }

    /// PUT with this as JSON.
    ///
    /// # Panics
    /// If it has no JSON form.
    pub async fn put(&self, path: &str, body: impl Serialize) -> Response {
        self.send(Method::PUT, path, json(&body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path, Vec::new()).await
    }

    /// Any method, with a body as it is. One that is not empty is said to be JSON, unless a header says otherwise.
    ///
    /// # Panics
    /// If the path is none: it begins with a slash, and its special characters are encoded.
    pub async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Response {
        let Ok(uri) = Uri::try_from(path) else { panic!("`{path}` is no path of a URL") };
        let is_empty = body.is_empty();
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        if !is_empty {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        request.extensions_mut().insert(self.identity.clone());
        let Ok(response) = self.service.clone().call(request).await;
        Response::read(response).await
    }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    match serde_json::to_vec(body) {
        Ok(json) if json == b"null" => Vec::new(),
        Ok(json) => json,
        Err(error) => panic!("the body has no JSON form: {error}"),
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("identity", &self.identity).finish_non_exhaustive()
    }
}
