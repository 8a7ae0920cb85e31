//! `POST /@procedures/{name}` ([`Procedures::PATH`]): calls a stored procedure. Which there are is decided by the application
//! alone: whoever could register one over HTTP could have anything done.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response, header};

use super::answer::{self, Refusal};
use super::dispatch::{Inner, by_method};
use super::{body, decode, headers, identity};
use crate::engine::Procedures;
use crate::model::{Code, Error, Result};

/// The name of the procedure that a path calls, if it calls one.
pub(super) fn name(path: &str) -> Option<Result<String>> {
    let raw = path.strip_prefix(Procedures::PATH).filter(|raw| !raw.is_empty() && !raw.contains('/'))?;
    Some(decode::segment(raw).map(|name| name.into_owned()))
}

impl Inner {
    pub(super) async fn procedure(
        &self,
        head: &Parts,
        body: &mut Body,
        name: &str,
    ) -> Result<Response<Body>, Refusal> {
        if head.method != Method::POST {
            return by_method(head, "POST, OPTIONS");
        }
        self.origins.permit_write(head)?;
        let refused = |message: &'static str| Err(Error::new(Code::InvalidRequest, message).into());
        // A condition that is passed over would be worse than one that is refused.
        if head.headers.contains_key(header::IF_MATCH) || head.headers.contains_key(header::IF_NONE_MATCH) {
            return refused("a procedure has no condition: what it demands is among its steps");
        }
        if head.uri.query().is_some_and(|query| !query.is_empty()) {
            return refused("a procedure takes no arguments in its URL: its input is its body");
        }
        let (bytes, _held) = body::read(body, &self.body_limits(self.options.body_limit)).await?;
        if !bytes.is_empty() {
            body::demand_json(&head.headers)?;
        }
        let key = headers::single_text(&head.headers, &headers::IDEMPOTENCY_KEY)?;
        let procedures = self.backend.cx().as_identity(identity(head)).procedures();
        let reply = self.timed(procedures.answered(name, &bytes, key)).await?;
        Ok(answer::reply(reply, &head.headers, self.options.compression).await)
    }
}
