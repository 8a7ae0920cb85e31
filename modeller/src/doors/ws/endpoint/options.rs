//! What can be set about subscriptions that begin with a request over HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Caller;
use crate::doors::ws::BoxFuture;
use crate::engine::Identity;
use crate::model::Result;

/// The names of the parameters of the WebSocket's URL.
pub(super) const TOKEN: &str = "token";
pub(super) const AUTH_TOKEN: &str = "authToken";

/// Who uses a token is remembered for about that long.
const MAX_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Tells who a caller is, or refuses it.
type Authenticate = Arc<dyn Fn(Caller) -> BoxFuture<Result<Identity>> + Send + Sync>;

/// What concerns subscriptions that begin with a request over HTTP. Limits that all doors share are those of
/// [`LiveOptions`](crate::live::LiveOptions).
///
/// ```
/// use modeller::doors::ws::RealtimeOptions;
/// let options = RealtimeOptions::new().subscribe_path("/live/subscribe").websocket_path("/live/ws");
/// assert_eq!((options.enabled, &*options.protocol), (true, "modeller.realtime.v1"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RealtimeOptions {
    /// Whether there is the door at all. There is unless set.
    pub enabled: bool,
    /// Where subscriptions are asked for. `/realtime/subscribe` unless set.
    pub subscribe_path: String,
    /// Where they are taken up, as WebSockets. `/realtime/ws` unless set.
    pub websocket_path: String,
    /// What clients call the protocol, in `Sec-WebSocket-Protocol`. `modeller.realtime.v1` unless set.
    pub protocol: String,
    /// For how long a token is good, an hour at most. 30 s unless set. Within that time 65,536 tokens can be used, since each is remembered.
    pub token_lifetime: Duration,
    /// The whole URL of the WebSocket, as clients see it. Unless set it is made of the `Host` that a request was sent to.
    pub url: Option<String>,
    /// Tells who a caller is. Unless set, whom a layer before the door has recognised, else nobody in particular.
    pub(super) authenticate: Option<Authenticate>,
}

impl Default for RealtimeOptions {
    fn default() -> Self {
        RealtimeOptions {
            enabled: true,
            subscribe_path: "/realtime/subscribe".into(),
            websocket_path: "/realtime/ws".into(),
            protocol: "modeller.realtime.v1".into(),
            token_lifetime: Duration::from_secs(30),
            url: None,
            authenticate: None,
        }
    }
}

impl RealtimeOptions {
    /// As documented at each of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`enabled`](RealtimeOptions::enabled).
    #[must_use]
    pub fn enabled(mut self, on: bool) -> Self {
        self.enabled = on;
        self
    }

    /// Sets [`subscribe_path`](RealtimeOptions::subscribe_path).
    #[must_use]
    pub fn subscribe_path(mut self, path: impl Into<String>) -> Self {
        self.subscribe_path = path.into();
        self
    }

    /// Sets [`websocket_path`](RealtimeOptions::websocket_path).
    #[must_use]
    pub fn websocket_path(mut self, path: impl Into<String>) -> Self {
        self.websocket_path = path.into();
        self
    }

    /// Sets [`protocol`](RealtimeOptions::protocol).
    #[must_use]
    pub fn protocol(mut self, name: impl Into<String>) -> Self {
        self.protocol = name.into();
        self
    }

    /// Sets [`token_lifetime`](RealtimeOptions::token_lifetime).
    #[must_use]
    pub fn token_lifetime(mut self, time: Duration) -> Self {
        self.token_lifetime = time;
        self
    }

    /// Sets [`url`](RealtimeOptions::url).
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Asks this who a caller is, both for the subscription and for its WebSocket.
    ///
    /// ```
    /// use modeller::doors::ws::RealtimeOptions;
    /// use modeller::{Code, Error};
    /// let options = RealtimeOptions::new().authenticate(async |caller| match caller.token() {
    ///     Some(_) => Ok(caller.identity().clone()),
    ///     None => Err(Error::new(Code::Unauthorized, "sign in first")),
    /// });
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn authenticate<F, Answer>(mut self, ask: F) -> Self
    where
        F: Fn(Caller) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Identity>> + Send + 'static,
    {
        self.authenticate = Some(Arc::new(move |caller| Box::pin(ask(caller))));
        self
    }

    /// What is wrong with them, in words.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for path in [&self.subscribe_path, &self.websocket_path] {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~@".contains(&byte);
            if !path.starts_with('/') || path.len() < 2 || !path.bytes().all(is_plain) {
                faults
                    .push(format!("`{path}` is no path for subscriptions: it is one such as `/realtime/ws`"));
            }
        }
        if self.subscribe_path == self.websocket_path {
            faults.push(format!(
                "subscriptions and their WebSockets can't both be at `{}`",
                self.websocket_path
            ));
        }
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if self.protocol.is_empty() || !self.protocol.bytes().all(is_token) {
            faults.push(format!("`{}` is no name of a WebSocket's protocol", self.protocol));
        }
        if self.token_lifetime.is_zero() || self.token_lifetime > MAX_LIFETIME {
            faults.push(format!(
                "a token for a subscription can't be good for {:?}: it is for more than no time, and for an hour at most",
                self.token_lifetime
            ));
        }
        faults
    }
}

impl fmt::Debug for RealtimeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealtimeOptions")
            .field("enabled", &self.enabled)
            .field("subscribe_path", &self.subscribe_path)
            .field("websocket_path", &self.websocket_path)
            .field("protocol", &self.protocol)
            .field("token_lifetime", &self.token_lifetime)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_as_the_protocol_has_them() {
        // LIV-11
        let options = RealtimeOptions::default();
        assert!(options.enabled && options.faults().is_empty());
        assert_eq!(
            (&*options.subscribe_path, &*options.websocket_path, &*options.protocol),
            ("/realtime/subscribe", "/realtime/ws", "modeller.realtime.v1")
        );
    }

    #[test]
    fn what_can_be_no_path_or_protocol_is_said() {
        // LIV-11
        for bad in ["", "/", "realtime", "/a b", "/a?b", "/{a}", "/a#b", "/a%2Fb"] {
            assert!(!RealtimeOptions::new().subscribe_path(bad).faults().is_empty(), "{bad}");
            assert!(!RealtimeOptions::new().websocket_path(bad).faults().is_empty(), "{bad}");
        }
        assert!(!RealtimeOptions::new().subscribe_path("/realtime/ws").faults().is_empty());
        for bad in ["", "a b", "a,b", "a/b", "ä"] {
            assert!(!RealtimeOptions::new().protocol(bad).faults().is_empty(), "{bad}");
        }
        for (time, faults) in [(0, 1), (1, 0), (3_600_000, 0), (3_600_001, 1), (u64::MAX, 1)] {
            let options = RealtimeOptions::new().token_lifetime(Duration::from_millis(time));
            assert_eq!(options.faults().len(), faults, "{time}");
        }
    }
}
