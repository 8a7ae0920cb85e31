//! `POST /@transaction` ([`Transact::PATH`]): several operations on any models, all of them or none.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response, header};

use super::answer::{self, Refusal};
use super::dispatch::{Inner, by_method};
use super::{body, headers, identity};
use crate::engine::Transact;
use crate::model::{Code, Error};

impl Inner {
    pub(super) async fn transact(&self, head: &Parts, body: &mut Body) -> Result<Response<Body>, Refusal> {
        if head.method != Method::POST {
            return by_method(head, "POST, OPTIONS");
        }
        self.origins.permit_write(head)?;
        let refused = |message: &'static str| Err(Error::new(Code::InvalidRequest, message).into());
        // A condition that is passed over would be worse than one that is refused.
        if head.headers.contains_key(header::IF_MATCH) || head.headers.contains_key(header::IF_NONE_MATCH) {
            return refused("a transaction has no condition as a whole: give its operations a `version`");
        }
        if head.uri.query().is_some_and(|query| !query.is_empty()) {
            return refused("a transaction takes no arguments in its URL: they belong to its operations");
        }
        let (bytes, _held) = body::read(body, &self.body_limits(self.options.body_limit)).await?;
        if !bytes.is_empty() {
            body::demand_json(&head.headers)?;
        }
        let mut several = Transact::new(bytes);
        several.identity = identity(head);
        if let Some(key) = headers::single_text(&head.headers, &headers::IDEMPOTENCY_KEY)? {
            several = several.with_mutation_id(key)?;
        }
        let reply = self.timed(self.backend.transact(several)).await?;
        Ok(answer::reply(reply, &head.headers, self.options.compression).await)
    }
}
