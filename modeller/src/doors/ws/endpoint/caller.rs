//! Who asks for a subscription, or comes to take one up: what a request says of that, in whichever place.

use std::fmt;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, Request, header};

use super::options::{AUTH_TOKEN, TOKEN};
use crate::engine::Identity;
use crate::model::{Code, Error, Result};

/// What a caller says of itself.
///
/// `Debug` shows where it comes from: the rest may hold secrets.
#[derive(Clone)]
pub struct Caller {
    pub(super) headers: HeaderMap,
    pub(super) remote: Option<SocketAddr>,
    identity: Identity,
    token: Option<String>,
    /// The token is not that of a header, which a layer before the door may have gone by already.
    is_own: bool,
}

impl Caller {
    /// One whose request has these headers. `identity` is whom a layer before the door has recognised.
    pub fn new(headers: HeaderMap, remote: Option<SocketAddr>, identity: Identity) -> Self {
        let token = bearer(&headers).map(str::to_owned);
        Caller { headers, remote, identity, token, is_own: false }
    }

    /// The `authToken`, wherever it was given: in the body, in the URL, or as `Authorization: Bearer`.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The headers of its request.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// From where the connection comes: the caller, or a proxy.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Whom a layer before the door has recognised.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Takes an `authToken` that is not in a header. None is as good as an empty one.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if the header says something else.
    pub(super) fn says(&mut self, token: Option<String>) -> Result<()> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(()) };
        if self.token.as_ref().is_some_and(|other| *other != token) {
            let message = "`authToken` and `Authorization` are not the same";
            return Err(Error::new(Code::InvalidRequest, message).with_field(AUTH_TOKEN));
        }
        (self.token, self.is_own) = (Some(token), true);
        Ok(())
    }

    /// Who that is, if nobody can be asked.
    ///
    /// # Errors
    /// `UNAUTHORIZED` if it has a token: nobody has given one out.
    pub(super) fn unasked(self) -> Result<Identity> {
        let is_known = self.identity != Identity::Anonymous && !self.is_own;
        match self.token {
            Some(_) if !is_known => {
                let message = "this application has no sign-in, so that no `authToken` can be valid";
                Err(Error::new(Code::Unauthorized, message))
            }
            _ => Ok(self.identity),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("remote", &self.remote).finish_non_exhaustive()
    }
}

/// The token of `Authorization: Bearer`. What else may be there is not for us.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// What a request for the WebSocket has: in its URL, or among the protocols that it offers, `protocol, token, authToken?`, where no
/// log sees it.
pub(super) struct Given {
    pub(super) token: Option<String>,
    pub(super) auth_token: Option<String>,
    /// The client offers our protocol.
    pub(super) speaks: bool,
}

impl Given {
    /// # Errors
    /// `INVALID_REQUEST` if a token is there twice, or if the client speaks other protocols only.
    pub(super) fn read(request: &Request<Body>, protocol: &str) -> Result<Self> {
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) else {
            return Err(Error::new(Code::InvalidRequest, "the query is not valid"));
        };
        let mut given = Given { token: None, auth_token: None, speaks: false };
        for (name, value) in pairs {
            match name.as_str() {
                TOKEN => put(&mut given.token, value, TOKEN)?,
                AUTH_TOKEN => put(&mut given.auth_token, value, AUTH_TOKEN)?,
                _ => {}
            }
        }
        let headers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let lines = headers.iter().filter_map(|line| line.to_str().ok());
        let offered: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        let Some(at) = offered.iter().position(|offered| *offered == protocol) else {
            if offered.is_empty() {
                return Ok(given);
            }
            let message = format!("the protocol that is spoken here is `{protocol}`");
            return Err(Error::new(Code::InvalidRequest, message));
        };
        given.speaks = true;
        let mut rest = offered[at + 1..].iter().map(|text| (*text).to_owned());
        if let Some(token) = rest.next() {
            put(&mut given.token, token, TOKEN)?;
        }
        if let Some(token) = rest.next() {
            put(&mut given.auth_token, token, AUTH_TOKEN)?;
        }
        Ok(given)
    }
}

fn put(place: &mut Option<String>, value: String, name: &'static str) -> Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    if place.as_ref().is_some_and(|there| *there != value) {
        let message = format!("`{name}` is given twice");
        return Err(Error::new(Code::InvalidRequest, message).with_field(name));
    }
    *place = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(uri: &str, protocols: &[&str]) -> Result<(Option<String>, Option<String>, bool)> {
        let mut request = Request::builder().uri(uri);
        for line in protocols {
            request = request.header(header::SEC_WEBSOCKET_PROTOCOL, *line);
        }
        let given = Given::read(&request.body(Body::empty()).unwrap(), "r.v1")?;
        Ok((given.token, given.auth_token, given.speaks))
    }

    #[test]
    fn tokens_are_in_the_url_or_among_the_protocols() {
        // LIV-04
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(given("/ws?token=a&authToken=b%2Bc", &[]).unwrap(), (text("a"), text("b+c"), false));
        assert_eq!(given("/ws?token=&authToken=", &[]).unwrap(), (None, None, false));
        assert_eq!(given("/ws", &["r.v1, a, b"]).unwrap(), (text("a"), text("b"), true));
        assert_eq!(given("/ws?authToken=b", &["r.v1", "a"]).unwrap(), (text("a"), text("b"), true));
        assert_eq!(given("/ws?token=a", &["r.v1"]).unwrap(), (text("a"), None, true));
        assert_eq!(given("/ws?token=a", &["r.v1, a"]).unwrap(), (text("a"), None, true));
        for (uri, protocols) in [
            ("/ws?token=a&token=b", vec![]),
            ("/ws?token=a", vec!["r.v1, b"]),
            ("/ws?token=a", vec!["r.v2, a"]),
        ] {
            assert!(given(uri, &protocols).unwrap_err().is(Code::InvalidRequest), "{uri} {protocols:?}");
        }
    }

    #[test]
    fn a_token_that_nobody_can_have_given_out_is_refused() {
        // LIV-03
        let caller = |authorization: &'static str, identity| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
            Caller::new(headers, None, identity)
        };
        let refused = |caller: Caller| caller.unasked().unwrap_err().is(Code::Unauthorized);
        assert!(refused(caller("Bearer abc", Identity::Anonymous)));
        assert!(refused(caller("bearer  abc ", Identity::Anonymous)));
        assert_eq!(caller("Bearer abc", Identity::System).unasked().unwrap(), Identity::System);
        // Of a gateway, which is none of ours.
        assert_eq!(caller("Basic YTpi", Identity::Anonymous).unasked().unwrap(), Identity::Anonymous);
        let mut own = caller("Bearer abc", Identity::System);
        assert!(own.clone().says(Some("other".into())).unwrap_err().is(Code::InvalidRequest));
        own.says(Some("abc".into())).unwrap();
        assert!(refused(own));
    }
}
