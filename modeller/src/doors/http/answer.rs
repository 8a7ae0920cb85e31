//! Replies and errors as HTTP answers.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use uuid::Uuid;

use super::{compress, decode, headers};
use crate::engine::Reply;
use crate::model::{Code, Error, shown};

pub(super) static JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) static NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
pub(super) static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
pub(super) static CLOSE: HeaderValue = HeaderValue::from_static("close");
pub(super) static GZIP: HeaderValue = HeaderValue::from_static("gzip");
pub(super) static ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");
static TRUE: HeaderValue = HeaderValue::from_static("true");
static SOON: HeaderValue = HeaderValue::from_static("1");

pub(super) static NEXT_CURSOR: HeaderName = HeaderName::from_static("next-cursor");
pub(super) static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An error, and what HTTP wants to know beside it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    /// The methods that the path takes.
    pub(super) allow: Option<HeaderValue>,
    /// The connection can't be used further.
    pub(super) close: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal { error, allow: None, close: false }
    }
}

impl Refusal {
    /// `METHOD_NOT_ALLOWED`: the path takes these methods.
    pub(super) fn method(method: &str, allow: &str) -> Self {
        let message = format!("`{}` is not possible here; this path takes {allow}", shown(method, 60));
        let mut refusal = Refusal::from(Error::new(Code::MethodNotAllowed, message));
        refusal.allow = HeaderValue::from_str(allow).ok();
        refusal
    }

    /// The error ends the connection too.
    pub(super) fn closing(error: Error) -> Self {
        Refusal { error, allow: None, close: true }
    }
}

/// An answer with the headers that every answer of the API has.
pub(super) fn plain(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    // Room for the few headers that any answer gets, so that the map is allocated once.
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(header::CONTENT_TYPE, JSON.clone());
    headers.insert(header::CACHE_CONTROL, NO_STORE.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF.clone());
    *response.headers_mut() = headers;
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = plain(status, Body::empty());
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// `204` with the methods that a path takes.
pub(super) fn options(allow: &str) -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// A reply as it is, in gzip where that pays.
pub(super) async fn reply(reply: Reply, request: &HeaderMap, compression: bool) -> Response<Body> {
    let status = if reply.created { StatusCode::CREATED } else { StatusCode::OK };
    let location = reply.created.then(|| location(&reply.body)).flatten();
    let large = compression && reply.body.len() >= compress::WORTH;
    let zipped = match large && headers::accepts_gzip(request) {
        true => Box::pin(compress::gzip(&reply.body)).await,
        false => None,
    };
    let is_zipped = zipped.is_some();
    let mut response = plain(status, zipped.unwrap_or(reply.body));
    let headers = response.headers_mut();
    if let Some(version) = reply.version {
        headers.insert(header::ETAG, tag(version, is_zipped));
    }
    if large {
        headers.insert(header::VARY, ACCEPT_ENCODING.clone());
    }
    if is_zipped {
        headers.insert(header::CONTENT_ENCODING, GZIP.clone());
    }
    if let Some(location) = location {
        headers.insert(header::LOCATION, location);
    }
    if let Some(cursor) = reply.next_cursor.and_then(|cursor| HeaderValue::try_from(cursor).ok()) {
        headers.insert(NEXT_CURSOR.clone(), cursor);
    }
    if reply.replayed {
        headers.insert(REPLAYED.clone(), TRUE.clone());
    }
    response
}

/// The document is what the client has already.
pub(super) fn not_modified(version: i64) -> Response<Body> {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    response.headers_mut().insert(header::ETAG, tag(version, false));
    response
}

/// `"3"`; weak when the bytes are not those of the plain answer.
fn tag(version: i64, weak: bool) -> HeaderValue {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(version).as_bytes();
    // `W/"` and 20 digits and `"`.
    let mut text = [0; 24];
    let mut length = 0;
    for part in [if weak { b"W/".as_slice() } else { b"" }, b"\"", digits, b"\""] {
        text[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    // Digits and quotes are always a valid header.
    HeaderValue::from_bytes(&text[..length]).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Where the new document can be read, relative to where it was made, so that it holds below any prefix.
fn location(body: &[u8]) -> Option<HeaderValue> {
    let rest = body.strip_prefix(br#"{"_id":""#)?;
    let end = rest.iter().position(|&byte| byte == b'"')?;
    let id = std::str::from_utf8(&rest[..end]).ok().filter(|id| !id.contains('\\'))?;
    HeaderValue::try_from(format!("get?_id={}", decode::encode(id))).ok()
}

/// What a caller is told of an error. What is our fault is logged, and the caller gets its number instead of its reason.
pub(super) fn told(error: Error) -> (Error, Option<String>) {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !status.is_server_error() {
        return (error, None);
    }
    let request_id = Uuid::new_v4().to_string();
    if !error.is(Code::InternalError) {
        tracing::warn!(%request_id, code = error.code(), error = ?error.message(), "a call was not served");
        return (error, Some(request_id));
    }
    tracing::error!(%request_id, error = ?error.message(), "a call failed");
    let message = "something went wrong on our side; the server's log says more under the request id";
    let error = Error::new(Code::InternalError, message)
        .with_status(status.as_u16())
        .with_details(serde_json::json!({ "requestId": request_id }));
    (error, Some(request_id))
}

/// An error as every door sends it.
pub(super) fn refuse(refusal: Refusal) -> Response<Body> {
    let Refusal { error, allow, close } = refusal;
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (error, request_id) = told(error);
    let mut response = plain(status, error.to_json().to_string());
    let headers = response.headers_mut();
    if let Some(allow) = allow {
        headers.insert(header::ALLOW, allow);
    }
    if close {
        headers.insert(header::CONNECTION, CLOSE.clone());
    }
    if [Code::Overloaded, Code::StoreUnavailable, Code::RateLimited].iter().any(|&code| error.is(code)) {
        headers.insert(header::RETRY_AFTER, SOON.clone());
    }
    if let Some(request_id) = request_id.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(REQUEST_ID.clone(), request_id);
    }
    response
}

/// What a handler that panicked answers.
pub(super) fn panicked(message: &str) -> Response<Body> {
    refuse(Error::new(Code::InternalError, Cow::Owned(format!("panic: {message}"))).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_an_entity_tag() {
        assert_eq!(tag(3, false), "\"3\"");
        assert_eq!(tag(i64::MAX, true), "W/\"9223372036854775807\"");
        assert_eq!(tag(i64::MIN, true), "W/\"-9223372036854775808\"");
    }

    #[test]
    fn a_new_document_has_a_place() {
        assert_eq!(location(br#"{"_id":"a1","_version":1}"#).unwrap(), "get?_id=a1");
        assert_eq!(location(br#"{"_id":"a/b c"}"#).unwrap(), "get?_id=a%2Fb%20c");
        assert!(location(br#"{"_id":"a\"b"}"#).is_none());
        assert!(location(b"[]").is_none());
        assert!(location(br#"{"_id":"a"#).is_none());
    }

    #[test]
    fn what_is_our_fault_is_not_explained_to_the_caller() {
        let response = refuse(Error::new(Code::InternalError, "/var/db: disk I/O error").into());
        assert_eq!(response.status(), 500);
        assert!(response.headers().contains_key(&REQUEST_ID));
    }
}
