//! Fixed pages: descriptions of the API, documentation, health.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};

use super::answer::{self, Refusal};
use super::{compress, headers};

static NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
static DENY: HeaderValue = HeaderValue::from_static("DENY");
static NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const ALLOW: &str = "GET, HEAD, OPTIONS";
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// A page that is the same for everybody: served for GET and HEAD, with an `ETag`, and in gzip to those who take it.
///
/// ```
/// use modeller::doors::http::Page;
/// let page = Page::new("/@openapi.json", "application/json", r#"{"openapi":"3.1.0"}"#);
/// assert_eq!(page.path(), "/@openapi.json");
/// ```
pub struct Page {
    path: String,
    content_type: HeaderValue,
    policy: HeaderValue,
    body: PageBody,
}

enum PageBody {
    Fixed(Fixed),
    Made(Box<dyn Fn() -> Bytes + Send + Sync>),
}

struct Fixed {
    bytes: Bytes,
    tag: HeaderValue,
    /// Outer `None`: not tried yet. Inner `None`: not worth it.
    zipped: OnceLock<Option<Bytes>>,
}

impl Fixed {
    fn new(bytes: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        // Weak, since the bytes differ when they go out in gzip.
        let tag = format!("W/\"{:016x}\"", hasher.finish());
        // Hexadecimal digits and quotes are always a valid header.
        let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("W/\"0\""));
        Fixed { bytes, tag, zipped: OnceLock::new() }
    }
}

impl Page {
    /// A page that never changes while the server runs.
    pub fn new(path: impl Into<String>, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::with(path.into(), content_type, PageBody::Fixed(Fixed::new(body.into())))
    }

    /// A page that is made anew for each request; it should be cheap to make.
    pub fn made(
        path: impl Into<String>,
        content_type: &'static str,
        body: impl Fn() -> Bytes + Send + Sync + 'static,
    ) -> Self {
        Self::with(path.into(), content_type, PageBody::Made(Box::new(body)))
    }

    fn with(path: String, content_type: &'static str, body: PageBody) -> Self {
        Page {
            path,
            content_type: HeaderValue::from_static(content_type),
            policy: HeaderValue::from_static(NOTHING),
            body,
        }
    }

    /// The same page with another `Content-Security-Policy`. Without one it may load and run nothing.
    #[must_use]
    pub fn policy(mut self, policy: &'static str) -> Self {
        self.policy = HeaderValue::from_static(policy);
        self
    }

    /// Where it is served.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(super) async fn answer(&self, head: &Parts, compression: bool) -> Result<Response<Body>, Refusal> {
        match head.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Ok(answer::options(ALLOW)),
            _ => return Err(Refusal::method(head.method.as_str(), ALLOW)),
        }
        let made;
        let fixed = match &self.body {
            PageBody::Fixed(fixed) => fixed,
            PageBody::Made(make) => {
                made = Fixed::new(make());
                &made
            }
        };
        let fresh = fixed.tag.to_str().is_ok_and(|tag| headers::none_match(&head.headers, tag));
        let mut response = match fresh {
            true => answer::empty(StatusCode::NOT_MODIFIED),
            false => self.full(fixed, head, compression).await,
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, fixed.tag.clone());
        headers.insert(header::CACHE_CONTROL, NO_CACHE.clone());
        headers.insert(header::VARY, answer::ACCEPT_ENCODING.clone());
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(header::X_FRAME_OPTIONS, DENY.clone());
        headers.insert(header::REFERRER_POLICY, NO_REFERRER.clone());
        Ok(response)
    }

    async fn full(&self, fixed: &Fixed, head: &Parts, compression: bool) -> Response<Body> {
        let large = compression && fixed.bytes.len() >= compress::WORTH;
        let zipped = match large && headers::accepts_gzip(&head.headers) {
            true => match fixed.zipped.get() {
                Some(zipped) => zipped.clone(),
                None => {
                    let zipped = compress::gzip(&fixed.bytes).await.map(Bytes::from);
                    fixed.zipped.get_or_init(|| zipped).clone()
                }
            },
            false => None,
        };
        let is_zipped = zipped.is_some();
        let mut response = answer::plain(StatusCode::OK, zipped.unwrap_or_else(|| fixed.bytes.clone()));
        response.headers_mut().insert(header::CONTENT_TYPE, self.content_type.clone());
        if is_zipped {
            response.headers_mut().insert(header::CONTENT_ENCODING, answer::GZIP.clone());
        }
        response
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("path", &self.path).finish_non_exhaustive()
    }
}
