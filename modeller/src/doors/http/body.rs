//! Request bodies: read within limits of size and time.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::answer::Refusal;
use super::headers;
use crate::engine::in_time;
use crate::model::{Code, Error, Result};

/// So much is reserved on the word of `Content-Length`; the rest as it arrives.
const TRUSTED: usize = 64 * 1024;

/// So much of a refused body is still taken, so that the client gets to read why, and for so long.
const DRAINED: usize = 8 * 1024 * 1024;
const DRAINING: Duration = Duration::from_secs(5);

/// What a body may cost.
pub(super) struct Limits<'a> {
    /// Bytes of this one.
    pub(super) size: usize,
    /// Time until it is there.
    pub(super) time: Duration,
    /// Bytes of all large ones together.
    pub(super) memory: usize,
    /// Bytes of those that are held.
    pub(super) held: &'a AtomicUsize,
}

/// What a large body adds to the bytes that are held, for as long as it is held.
pub(super) struct Held<'a> {
    all: &'a AtomicUsize,
    own: usize,
}

impl Held<'_> {
    /// Counts a body of this size, if it is large. `false` if that is too much.
    fn grow(&mut self, size: usize, most: usize) -> bool {
        let more = size.saturating_sub(self.own);
        if size <= TRUSTED || more == 0 {
            return true;
        }
        self.own += more;
        self.all.fetch_add(more, Ordering::Relaxed) + more <= most
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.own > 0 {
            self.all.fetch_sub(self.own, Ordering::Relaxed);
        }
    }
}

enum Stop {
    TooLarge,
    TooMany,
    Broken,
}

/// The whole body.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE` (before a byte is read, if `Content-Length` says so), `TIMEOUT`, `OVERLOADED`, `INVALID_REQUEST` if it
/// breaks off.
pub(super) async fn read<'a>(body: &mut Body, limits: &Limits<'a>) -> Result<(Vec<u8>, Held<'a>), Refusal> {
    let held = Held { all: limits.held, own: 0 };
    if body.is_end_stream() {
        return Ok((Vec::new(), held));
    }
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.size {
        return Err(too_large(limits.size));
    }
    let time = limits.time;
    let mut collected = pin!(collect(body, announced, limits, held));
    // Most bodies are there with the head. The others wait apart, and not in the future of every request.
    let read = match poll_fn(|context| Poll::Ready(collected.as_mut().poll(context))).await {
        Poll::Ready(read) => Some(read),
        Poll::Pending => Box::pin(in_time(time, collected)).await,
    };
    match read {
        Some(Ok(read)) => Ok(read),
        Some(Err(Stop::TooLarge)) => Err(too_large(limits.size)),
        Some(Err(Stop::TooMany)) => {
            Err(Error::new(Code::Overloaded, "too many large bodies are under way; try again soon").into())
        }
        Some(Err(Stop::Broken)) => Err(Refusal::closing(Error::new(
            Code::InvalidRequest,
            "the body broke off, or its chunks are malformed",
        ))),
        None => Err(Refusal::closing(Error::new(
            Code::Timeout,
            format!("the body did not arrive within {time:?}"),
        ))),
    }
}

async fn collect<'a>(
    body: &mut Body,
    announced: usize,
    limits: &Limits<'a>,
    mut held: Held<'a>,
) -> Result<(Vec<u8>, Held<'a>), Stop> {
    let mut bytes = Vec::with_capacity(announced.min(TRUSTED));
    while let Some(frame) = body.frame().await {
        // Trailers are of no use here.
        let Ok(data) = frame.map_err(|_| Stop::Broken)?.into_data() else { continue };
        if data.len() > limits.size - bytes.len() {
            return Err(Stop::TooLarge);
        }
        if !held.grow(bytes.len() + data.len(), limits.memory) {
            return Err(Stop::TooMany);
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, held))
}

fn too_large(limit: usize) -> Refusal {
    Error::new(Code::PayloadTooLarge, format!("a body has at most {limit} bytes here"))
        .with_details(serde_json::json!({ "limit": limit }))
        .into()
}

/// Takes up a body that nobody reads, within bounds: closing a connection with unread bytes would reset it, and the client
/// might lose the answer.
pub(super) fn discard(headers: &HeaderMap, body: &mut Body) {
    // Who waits to be told to go on sends nothing, and reading would tell so.
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return;
    }
    let mut body = std::mem::take(body);
    tokio::spawn(timeout(DRAINING, async move {
        let mut left = DRAINED;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
            if left == 0 {
                break;
            }
        }
    }));
}

/// Whether the body is said to be JSON in UTF-8. Demanding that is also what keeps forms of other sites out.
///
/// # Errors
/// `UNSUPPORTED_MEDIA_TYPE`.
pub(super) fn demand_json(headers: &HeaderMap) -> Result<()> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Error::new(Code::UnsupportedMediaType, "a body may not be compressed"));
    }
    match headers::single(headers, &header::CONTENT_TYPE)? {
        Some(value) if value == "application/json" => Ok(()),
        Some(value) if value.to_str().is_ok_and(is_json) => Ok(()),
        _ => Err(Error::new(
            Code::UnsupportedMediaType,
            "a body must have the header `Content-Type: application/json` (in UTF-8)",
        )),
    }
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    let json = subtype == "json" || subtype.strip_suffix("+json").is_some_and(|kind| !kind.is_empty());
    json && parts.all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_by_several_names() {
        for json in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/merge-patch+json",
            "application/json; profile=x",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "",
            "text/plain",
            "text/json",
            "application/json; charset=latin1",
            "application/jsonp",
            "application/+json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=application/json",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }
}
