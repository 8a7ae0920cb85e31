//! Calls from pages in a browser: which origins may read answers (CORS), and which may write at all.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::answer;
use crate::model::{Code, Error, Result};

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static ANY: HeaderValue = HeaderValue::from_static("*");
static ORIGIN: HeaderValue = HeaderValue::from_static("origin");
static METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
static REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id",
);
static ANSWER_HEADERS: HeaderValue =
    HeaderValue::from_static("etag, idempotent-replayed, location, next-cursor, retry-after, x-request-id");
static TEN_MINUTES: HeaderValue = HeaderValue::from_static("600");

/// The origins that may call.
#[derive(Debug, Default)]
pub(super) struct Origins {
    any: bool,
    listed: Vec<HeaderValue>,
}

impl Origins {
    /// The origins as they are set; what is none is said in words.
    pub(super) fn of(origins: &[String]) -> Result<Self, String> {
        let mut allowed = Origins::default();
        for origin in origins {
            if origin == "*" {
                allowed.any = true;
                continue;
            }
            let host = origin.split_once("://").map(|(_, host)| host);
            let is_origin =
                host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', '*']));
            match HeaderValue::from_str(&origin.to_ascii_lowercase()) {
                Ok(value) if is_origin => allowed.listed.push(value),
                _ => return Err(format!("`{origin}` is no origin: write it like `https://app.example.com`")),
            }
        }
        Ok(allowed)
    }

    /// Whether any origin may call.
    pub(super) fn is_on(&self) -> bool {
        self.any || !self.listed.is_empty()
    }

    /// The request's origin, if it may call: as `Access-Control-Allow-Origin` says it.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if !self.is_on() {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?;
        if self.any {
            return Some(ANY.clone());
        }
        self.listed.contains(origin).then(|| origin.clone())
    }

    /// The answer to a browser that asks before it calls.
    pub(super) fn preflight(&self, head: &Parts, allowed: Option<&HeaderValue>) -> Option<Response<Body>> {
        allowed?;
        if head.method != Method::OPTIONS || !head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        let mut response = answer::empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS.clone());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, TEN_MINUTES.clone());
        Some(response)
    }

    /// Says on an answer who may read it.
    pub(super) fn mark(&self, response: &mut Response<Body>, allowed: Option<HeaderValue>) {
        if !self.is_on() {
            return;
        }
        let headers = response.headers_mut();
        if !self.any {
            headers.append(header::VARY, ORIGIN.clone());
        }
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS.clone());
        }
    }

    /// Keeps pages of other origins from writing with the rights of whoever looks at them. Browsers say where a request
    /// comes from; whatever is no browser says nothing, and is not concerned.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(super) fn permit_write(&self, head: &Parts) -> Result<()> {
        let origin = head.headers.get(header::ORIGIN);
        let own = match head.headers.get(&SEC_FETCH_SITE) {
            Some(site) => site == "same-origin" || site == "none",
            None => origin.is_none_or(|origin| is_host(origin, head)),
        };
        if own || self.allowed(&head.headers).is_some() {
            return Ok(());
        }
        Err(Error::new(
            Code::Forbidden,
            "a page of another origin may not write here; the server's `cors` option lists those that may",
        ))
    }
}

/// Whether the request is for one of these names.
///
/// # Errors
/// `FORBIDDEN`.
pub(super) fn permit_host(names: &[String], head: &Parts) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let name = host(head).map(|host| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    });
    if name.is_some_and(|name| names.iter().any(|known| known.eq_ignore_ascii_case(name))) {
        return Ok(());
    }
    Err(Error::new(
        Code::Forbidden,
        "the server does not answer to this host; its `hosts` option lists the names that it answers to",
    ))
}

fn host(head: &Parts) -> Option<&str> {
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| head.uri.authority().map(|authority| authority.as_str()))
}

/// Whether the origin is the host that the request was sent to.
fn is_host(origin: &HeaderValue, head: &Parts) -> bool {
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host(head)), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn head(headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = Request::builder().method("POST").uri("/a/b/insert").header("host", "here:3000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn pages_of_other_origins_do_not_write() {
        let off = Origins::default();
        let permitted = |headers: &[(&'static str, &'static str)]| off.permit_write(&head(headers)).is_ok();
        assert!(permitted(&[]));
        assert!(permitted(&[("sec-fetch-site", "same-origin"), ("origin", "http://proxy")]));
        assert!(permitted(&[("sec-fetch-site", "none")]));
        assert!(permitted(&[("origin", "http://here:3000")]));
        assert!(!permitted(&[("sec-fetch-site", "cross-site")]));
        assert!(!permitted(&[("sec-fetch-site", "same-site"), ("origin", "http://here:3000")]));
        assert!(!permitted(&[("origin", "http://evil")]));
        assert!(!permitted(&[("origin", "null")]));
    }

    #[test]
    fn listed_origins_write() {
        let on = Origins::of(&["https://App.example.com".into()]).unwrap();
        let cross = |origin| head(&[("sec-fetch-site", "cross-site"), ("origin", origin)]);
        assert!(on.permit_write(&cross("https://app.example.com")).is_ok());
        assert!(on.permit_write(&cross("https://app.example.com.evil.com")).is_err());
        assert!(on.permit_write(&cross("http://app.example.com")).is_err());
    }

    #[test]
    fn only_known_hosts_are_answered_to() {
        let to = |host: &'static str| {
            let request = Request::builder().uri("/").header("host", host);
            permit_host(&["localhost".into(), "[::1]".into()], &request.body(()).unwrap().into_parts().0)
                .is_ok()
        };
        assert!(to("localhost") && to("LocalHost:3000") && to("[::1]") && to("[::1]:3000"));
        assert!(!to("evil.example") && !to("localhost.evil.example:3000") && !to("") && !to(":3000"));
    }

    #[test]
    fn what_is_no_origin_is_said() {
        for bad in ["app.example.com", "https://", "https://a/b", "https://*.example.com", ""] {
            assert!(Origins::of(&[bad.into()]).is_err(), "{bad}");
        }
    }
}
