//! The upgrade to a WebSocket: done here rather than by the transport, so that the door has the stream below it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use socketioxide::socket::Sid;
use socketioxide::{SocketIo, TransportType};
use tower_service::Service as _;
use tungstenite::handshake::derive_accept_key;

use super::outbox::Outbox;
use super::request::Service;
use super::stream::Stream;
use super::wire::Wire;
use crate::doors::upgraded::Pipe;
use crate::model::{Code, Error, Result};

/// The answer to a request that wants to become a WebSocket, which goes on as one.
///
/// # Errors
/// `INVALID_REQUEST` if it is no such request.
pub(super) fn answer(
    service: Service,
    mut request: Request<Body>,
    wired: impl FnOnce(Pipe) -> Arc<Wire> + Send + 'static,
    find: impl FnMut() -> Option<Arc<Outbox>> + Send + Unpin + 'static,
) -> Result<Response<Body>> {
    let key = key(request.headers())?;
    if request.extensions().get::<hyper::upgrade::OnUpgrade>().is_none() {
        return Err(Error::new(Code::InvalidRequest, "this connection can't become a WebSocket"));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, _) = request.into_parts();
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let stream = Stream::new(wired(upgraded.into()), find);
                let mut service = service;
                let request = Request::from_parts(head, ());
                if let Err(error) = service.call((stream, request)).await {
                    tracing::debug!(%error, "a WebSocket did not come about");
                }
            }
            Err(error) => tracing::debug!(%error, "a WebSocket did not come about"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept(&key));
    Ok(response)
}

/// The key of a request for a WebSocket.
fn key(headers: &HeaderMap) -> Result<HeaderValue> {
    let has = |name: HeaderName, token: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        let mut tokens = values.flat_map(|value| value.split(','));
        tokens.any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    let is_upgrade = has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade");
    match headers.get(header::SEC_WEBSOCKET_KEY) {
        Some(key) if is_upgrade && has(header::SEC_WEBSOCKET_VERSION, "13") => Ok(key.clone()),
        _ => {
            let message = "a WebSocket begins with `Upgrade: websocket`, its key, and version 13";
            Err(Error::new(Code::InvalidRequest, message))
        }
    }
}

fn accept(key: &HeaderValue) -> HeaderValue {
    // Base64 is always a valid header.
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).unwrap_or(HeaderValue::from_static(""))
}

/// The outbox of a session that is connected.
pub(super) fn of_session(io: &SocketIo, sid: Sid) -> Option<Arc<Outbox>> {
    let socket = io.of("/")?.get_socket(sid)?;
    socket.req_parts().extensions.get::<Arc<Outbox>>().cloned()
}

/// The same, once it is by WebSocket.
pub(super) fn of_upgraded(io: &SocketIo, sid: Sid) -> Option<Arc<Outbox>> {
    let socket = io.of("/")?.get_socket(sid)?;
    let outbox = || socket.req_parts().extensions.get::<Arc<Outbox>>().cloned();
    (socket.transport_type() == TransportType::Websocket).then(outbox)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_accepted_as_the_standard_has_it() {
        // The example of RFC 6455, section 1.3.
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept(&key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_a_request_for_a_websocket_becomes_one() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let whole = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        assert!(key(&headers(&whole)).is_ok());
        for missing in 0..whole.len() {
            let mut rest = whole.to_vec();
            rest.remove(missing);
            assert!(
                key(&headers(&rest)).unwrap_err().is(Code::InvalidRequest),
                "without {:?}",
                whole[missing]
            );
        }
    }
}
