//! What the application answers.

use axum::body::Body;
use axum::http::HeaderMap;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// An answer, as it would go over the wire.
#[derive(Clone, Debug)]
#[must_use = "an answer may be an error"]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    pub(super) async fn read(response: axum::http::Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes().to_vec(),
            Err(error) => panic!("the body of the answer broke off: {error}"),
        };
        Response { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn json(&self) -> Json {
        self.data()
    }

    /// The body as a value that serde can read.
    ///
    /// # Panics
    /// If it does not fit.
    #[track_caller]
    pub fn data<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(data) => data,
            Err(error) => panic!("{} with a body that does not fit ({error}): {}", self.status, self.text()),
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The `code` of an error.
    ///
    /// # Panics
    /// If the answer is no error.
    #[track_caller]
    pub fn code(&self) -> String {
        match self.json()["code"].as_str() {
            Some(code) => code.to_owned(),
            None => panic!("{} is no error: {}", self.status, self.text()),
        }
    }

    /// The body as JSON, of an answer with this status.
    ///
    /// # Panics
    /// If the status is another one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Json {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }
}
