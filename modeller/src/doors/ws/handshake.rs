//! From HTTP to WebSocket: what a request must have, and what it gets.

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use tungstenite::handshake::server::create_response_with_body;

use crate::model::{Code, Error, Result};

const UPGRADE_REQUIRED: u16 = 426;

/// The answer that makes a WebSocket of the connection, if the request asks for one.
pub(super) fn accept(request: &Request<Body>) -> Result<Response<Body>> {
    create_response_with_body(request, Body::empty).map_err(|error| {
        let message = format!("here is a WebSocket, and this request asks for none: {error}");
        Error::new(Code::InvalidRequest, message).with_status(UPGRADE_REQUIRED)
    })
}

/// The answer to who can't come in.
pub(super) fn refuse(error: &Error) -> Response<Body> {
    let said = match error.is(Code::InternalError) {
        true => {
            tracing::error!(%error, "a WebSocket did not come about");
            &Error::new(Code::InternalError, "the server failed; its log says why")
        }
        false => error,
    };
    let mut response = Response::new(Body::from(said.to_json().to_string()));
    *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if error.status() == UPGRADE_REQUIRED {
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    if error.is(Code::Overloaded) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
