//! The endpoint-first form: a request over HTTP for a subscription, and then a WebSocket that is about this one query alone.
//!
//! ```text
//! POST /realtime/subscribe {queryName, args, authToken}  ─►  {token, signature, websocket}
//! GET  /realtime/ws        token, authToken              ─►  {"event":"query:update","payload":{queryName, signature, data}} ..
//! ```
//!
//! A token is signed, for one query with its arguments and one caller; it is good for a short time, and once. All of that is
//! checked before the connection becomes a WebSocket.

mod caller;
mod describe;
mod messages;
mod options;
mod subscriber;
mod token;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, header, uri::Authority};

pub use caller::Caller;
pub(crate) use describe::protocol;
pub use messages::{
    RealtimeSubscriptionParams, RealtimeSubscriptionRequest, RealtimeSubscriptionResponse,
    RealtimeSubscriptionWebSocket,
};
pub use options::RealtimeOptions;

use self::caller::Given;
use self::options::{AUTH_TOKEN, TOKEN};
use self::subscriber::Subscriber;
use self::token::{Grant, Used};
use super::{handshake, socket};
use crate::engine::{Cx, Identity, in_time};
use crate::live::{Live, NamedQuery, Watching};
use crate::model::{Code, Error, Result};

/// The name of the door in lists of connections.
const NAME: &str = "realtime";

/// Longest arguments, in bytes of JSON: they are part of the token.
const MAX_ARGUMENTS: usize = 4 * 1024;

/// The door: it hands out subscriptions, and serves the WebSockets that they are taken up with.
#[derive(Clone)]
pub struct RealtimeDoor(Arc<Inner>);

struct Inner {
    live: Arc<Live>,
    options: RealtimeOptions,
    used: Used,
}

impl RealtimeDoor {
    /// A door to this application.
    pub fn new(live: Arc<Live>, options: RealtimeOptions) -> Self {
        let used = Used::new(options.token_lifetime);
        RealtimeDoor(Arc::new(Inner { live, options, used }))
    }

    /// What was set.
    pub fn options(&self) -> &RealtimeOptions {
        &self.0.options
    }

    /// Hands out a subscription: the body of `POST` to the [subscribe path](RealtimeOptions::subscribe_path), and its answer.
    ///
    /// # Errors
    /// `UNAUTHORIZED` if the caller is not who it says; `RATE_LIMITED`; `MODEL_NOT_FOUND`, `METHOD_NOT_FOUND` if there is no such query;
    /// `PAYLOAD_TOO_LARGE`; and what is wrong with the arguments, as the query itself says it.
    pub async fn subscribe(
        &self,
        mut caller: Caller,
        request: RealtimeSubscriptionRequest,
    ) -> Result<RealtimeSubscriptionResponse> {
        let Inner { live, options, .. } = &*self.0;
        let (headers, remote) = (caller.headers.clone(), caller.remote);
        caller.says(request.auth_token)?;
        let identity = self.identify(caller).await?;
        live.connections().admit(NAME, remote, &identity)?;
        let arguments = request.args.map_or(serde_json::Value::Null, Into::into);
        let query = NamedQuery::parse(live.engine().registry(), &request.query_name, &arguments)?;
        if query.arguments().len() > MAX_ARGUMENTS {
            let message = format!("the arguments of a subscription have at most {MAX_ARGUMENTS} bytes");
            return Err(Error::new(Code::PayloadTooLarge, message).with_field("args"));
        }
        query.check(&Cx::new(live.engine().clone(), identity.clone())).await?;
        let token = token::issue(live.engine(), &identity, &query, options.token_lifetime)?;
        Ok(RealtimeSubscriptionResponse {
            signature: query.signature(),
            expires_in_ms: u64::try_from(options.token_lifetime.as_millis()).unwrap_or(u64::MAX),
            websocket: RealtimeSubscriptionWebSocket {
                url: self.url(&headers),
                protocol: options.protocol.clone(),
                protocols: vec![options.protocol.clone(), token.clone()],
                params: RealtimeSubscriptionParams {
                    token_param: TOKEN.to_owned(),
                    auth_token_param: AUTH_TOKEN.to_owned(),
                },
            },
            token,
        })
    }

    /// Answers a request for the WebSocket of a subscription, and serves the client from then on.
    pub async fn answer(&self, mut request: Request<Body>, remote: Option<SocketAddr>) -> Response<Body> {
        let mut response = match handshake::accept(&request) {
            Ok(response) => response,
            Err(error) => return handshake::refuse(&error),
        };
        // The request itself can't wait: others may not look at its body meanwhile.
        let identity = request.extensions().get::<Identity>().cloned().unwrap_or_default();
        let caller = Caller::new(request.headers().clone(), remote, identity);
        let given = Given::read(&request, &self.0.options.protocol);
        let speaks = given.as_ref().is_ok_and(|given| given.speaks);
        let subscriber = match self.let_in(caller, given).await {
            Ok(subscriber) => subscriber,
            Err(error) => return handshake::refuse(&error),
        };
        if speaks && let Ok(protocol) = HeaderValue::try_from(&self.0.options.protocol) {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            match upgrade.await {
                Ok(upgraded) => {
                    subscriber.begin();
                    Box::pin(socket::serve(subscriber, upgraded.into())).await;
                }
                Err(error) => tracing::debug!(%error, "a connection ended before it was upgraded"),
            }
        });
        response
    }

    /// Checks everything before there is a WebSocket.
    async fn let_in(&self, mut caller: Caller, given: Result<Given>) -> Result<Arc<Subscriber>> {
        let Inner { live, used, .. } = &*self.0;
        let (given, remote) = (given?, caller.remote);
        caller.says(given.auth_token)?;
        let identity = self.identify(caller).await?;
        let refused = || {
            let message =
                "the token is not valid: it is somebody else's, was changed, is over, or was used already";
            Error::new(Code::Unauthorized, message)
        };
        let engine = live.engine();
        let opened = given.token.as_deref().and_then(|token| Grant::open(engine, &identity, token));
        let Some(grant) = opened else {
            live.connections().admit(NAME, remote, &identity)?;
            return Err(refused());
        };
        let query = NamedQuery::parse(engine.registry(), &grant.query, &grant.arguments)?;
        let connection = live.connections().open(NAME, remote, identity.clone())?;
        connection.admit()?;
        connection.set_signature(&query.signature());
        let place = connection.subscribe(Watching::Store)?;
        if !used.spend(grant.nonce, engine.clock().now())? {
            return Err(refused());
        }
        let answers = live.ask(&Cx::new(engine.clone(), identity), &query)?;
        Ok(Subscriber::new(live.clone(), connection, place, query, answers))
    }

    /// Who a caller is.
    async fn identify(&self, caller: Caller) -> Result<Identity> {
        let Inner { live, options, .. } = &*self.0;
        let remote = caller.remote;
        let identified = match &options.authenticate {
            Some(ask) => {
                let limit = live.connections().options().request_timeout;
                let late = || Err(Error::new(Code::Overloaded, "it took too long to tell who is asking"));
                let asked = async { in_time(limit, ask(caller)).await.unwrap_or_else(late) };
                live.connections().recognise(NAME, remote, asked).await
            }
            None => caller.unasked(),
        };
        if identified.is_err() {
            // Who guesses does so as often as anybody else may ask.
            live.connections().admit(NAME, remote, &Identity::Anonymous)?;
        }
        identified
    }

    /// Where the WebSocket is, as the client sees it.
    fn url(&self, headers: &HeaderMap) -> String {
        let options = &self.0.options;
        if let Some(url) = &options.url {
            return url.clone();
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text("host").filter(|host| host.parse::<Authority>().is_ok());
        // A gateway that speaks TLS to the client says so.
        let proto = text("x-forwarded-proto").and_then(|proto| proto.split(',').next());
        let is_secure = proto.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"));
        match host {
            Some(host) => {
                let scheme = if is_secure { "wss" } else { "ws" };
                format!("{scheme}://{host}{}", options.websocket_path)
            }
            None => options.websocket_path.clone(),
        }
    }
}

impl fmt::Debug for RealtimeDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealtimeDoor").field("options", &self.0.options).finish_non_exhaustive()
    }
}
