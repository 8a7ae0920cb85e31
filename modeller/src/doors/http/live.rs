//! `GET /{scope}/{model}/live`: a live query as server-sent events.
//!
//! The arguments are those of `list`. The first event is `documents` (or `changes`, when it goes on), and then there is one for each
//! transaction that changes the answer:
//!
//! ```text
//! id: AAAAAAAAAAF3…                     the position; a browser sends it back as `Last-Event-ID`
//! event: changes
//! data: {"position":"AAAA…","changes":[{"type":"enter","_id":"…","document":{…}}]}
//! ```
//!
//! Source of the format: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval};

use super::answer::{self, Refusal};
use super::dispatch::{Inner, by_method};
use super::{body, decode, headers, identity};
use crate::engine::{Arguments, Operation};
use crate::live::{Live, LiveEvent, LiveStream, Phase, Place, Watching};
use crate::model::{Code, Error, Result, Shape};

/// The last part of the path.
pub(super) const NAME: &str = "live";

/// How long there may be silence: proxies close what seems dead, and we notice who has gone.
const SILENCE: Duration = Duration::from_secs(15);

/// After how many milliseconds a browser comes back.
const RETRY: &str = "retry: 1000\n";

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
static STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
/// Asks nginx to pass on what comes as it comes.
static ACCEL: HeaderName = HeaderName::from_static("x-accel-buffering");

impl Inner {
    pub(super) async fn stream(
        &self,
        live: &Arc<Live>,
        head: &Parts,
        body: &mut Body,
        shape: &'static Shape,
        operation: Operation,
    ) -> Result<Response<Body>, Refusal> {
        if head.method != Method::GET {
            return by_method(head, "GET, OPTIONS");
        }
        let (bytes, _) = body::read(body, &self.body_limits(self.options.body_limit)).await?;
        if !bytes.is_empty() {
            return Err(Error::new(Code::InvalidRequest, "`live` takes no body").into());
        }
        let from = headers::single_text(&head.headers, &LAST_EVENT_ID)?;
        let pairs = decode::pairs(head.uri.query())?;
        let arguments = if pairs.is_empty() { Arguments::None } else { Arguments::Pairs(pairs) };
        let cx = self.backend.cx().as_identity(identity(head));
        let remote = head.extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>();
        let connection =
            live.connections().open("sse", remote.map(|remote| remote.0), cx.identity().clone())?;
        connection.admit()?;
        let place = connection.subscribe(Watching::Store)?;
        let stream = self.timed(live.follow(&cx, shape, operation, arguments, from)).await?;
        // One event waits at most: what comes meanwhile waits in the subscription, which knows how to be slow.
        let (sender, receiver) = channel(1);
        tokio::spawn(tell(stream, place, live.clone(), sender));
        let mut response = answer::plain(StatusCode::OK, Body::new(Events(receiver)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, STREAM.clone());
        headers.insert(ACCEL.clone(), HeaderValue::from_static("no"));
        Ok(response)
    }
}

/// Tells what happens, until nobody listens any more or the server stops.
async fn tell(mut stream: LiveStream, place: Place, live: Arc<Live>, sender: Sender<Bytes>) {
    let connection = place.connection();
    let mut ending = live.connections().ending();
    let mut silence = interval(SILENCE);
    silence.set_missed_tick_behavior(MissedTickBehavior::Delay);
    silence.reset();
    let first = format!("{RETRY}{}", event(stream.first()));
    if sender.send(first.into()).await.is_err() {
        return;
    }
    // The browser comes back, and goes on where it was.
    let mut ended = pin!(async { drop(ending.wait_for(|phase| *phase != Phase::Open).await) });
    loop {
        let is_ready = tokio::select! {
            () = stream.ready() => true,
            _ = silence.tick() => false,
            () = sender.closed() => return,
            () = &mut ended => return,
        };
        let text = if is_ready {
            let told = tokio::select! {
                told = stream.next() => told,
                () = sender.closed() => return,
                () = &mut ended => return,
            };
            connection.coalesced(stream.coalesced());
            match told {
                LiveEvent::Changes(data) => event(&data),
                LiveEvent::Reset(data) => {
                    connection.reset();
                    event(&data)
                }
                LiveEvent::Ended(error) => {
                    drop(sender.send(end(error).into()).await);
                    return;
                }
            }
        } else {
            nothing(stream.position())
        };
        silence.reset();
        if sender.send(text.into()).await.is_err() {
            return;
        }
        connection.pushed();
    }
}

/// That there is nothing: an event without data, which a browser tells nobody of, and yet it remembers the position.
fn nothing(position: Option<String>) -> String {
    position.map_or_else(|| ":\n\n".to_owned(), |position| format!("id: {position}\n\n"))
}

/// The last event.
fn end(error: Error) -> String {
    format!("event: error\ndata: {}\n\n", answer::told(error).0.to_json())
}

/// One event. The JSON begins with the position.
fn event(data: &str) -> String {
    // JSON that a model keeps as it came (`RawValue`) may have lines; between its tokens they are but space.
    if data.contains(['\n', '\r']) {
        return event(&data.replace(['\n', '\r'], " "));
    }
    let rest = data.strip_prefix("{\"position\":\"").unwrap_or_default();
    let position = rest.split('"').next().unwrap_or_default();
    let members = rest[position.len()..].strip_prefix("\",\"").unwrap_or_default();
    let members = members.strip_prefix("reset\":true,\"").unwrap_or(members);
    let first = members.split('"').next().unwrap_or_default();
    let kind = ["changes", "groups", "data"].into_iter().find(|kind| *kind == first).unwrap_or("documents");
    format!("id: {position}\nevent: {kind}\ndata: {data}\n\n")
}

/// The events as a body.
struct Events(Receiver<Bytes>);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::{channel, end, event, nothing, tell};
    use crate::engine::Identity;
    use crate::live::Watching;
    use crate::live::behind::{BEHIND, behind};
    use crate::model::{Code, Error};

    #[tokio::test]
    async fn changes_that_became_one_are_counted() {
        // OPS-08
        let (live, stream) = behind().await;
        let connection = live.connections().open("sse", None, Identity::System).unwrap();
        let (place, (sender, mut receiver)) = (connection.subscribe(Watching::Store).unwrap(), channel(1));
        tokio::spawn(tell(stream, place, live.clone(), sender));
        let (first, changes) = (receiver.recv().await.unwrap(), receiver.recv().await.unwrap());
        assert!(first.starts_with(b"retry: ") && changes.starts_with(b"id: "));
        assert_eq!(connection.info().coalesced, BEHIND);
    }

    #[test]
    fn where_nothing_happens_the_position_goes_on_and_nobody_is_told() {
        assert_eq!(nothing(Some("AA".to_owned())), "id: AA\n\n");
        assert_eq!(nothing(None), ":\n\n");
    }

    #[test]
    fn what_is_our_fault_is_not_explained_at_the_end() {
        let told = end(Error::new(Code::InternalError, "/var/db: disk I/O error"));
        assert!(told.starts_with("event: error\ndata: {") && told.contains("INTERNAL_ERROR"), "{told}");
        assert!(told.contains("requestId") && !told.contains("/var/db"), "{told}");
        let told = end(Error::new(Code::InvalidQuery, "the sum is\nbeyond what its type holds"));
        assert!(told.contains("beyond what") && told.lines().count() == 3, "{told}");
    }

    #[test]
    fn an_event_is_one_line_of_data_whatever_the_json_looks_like() {
        let told = event("{\"position\":\"AA\",\"changes\":[{\"document\":{\"raw\":[1,\r\n2]}}]}");
        let data = "{\"position\":\"AA\",\"changes\":[{\"document\":{\"raw\":[1,  2]}}]}";
        assert_eq!(told, format!("id: AA\nevent: changes\ndata: {data}\n\n"));
        for (told, kind) in [
            ("{\"position\":\"AA\",\"documents\":[]}", "documents"),
            ("{\"position\":\"AA\",\"reset\":true,\"documents\":[]}", "documents"),
            ("{\"position\":\"AA\",\"reset\":true,\"groups\":[]}", "groups"),
            ("{\"position\":\"AA\",\"data\":3}", "data"),
        ] {
            assert_eq!(event(told), format!("id: AA\nevent: {kind}\ndata: {told}\n\n"));
        }
        for odd in ["", "{", "{\"position\":\"", "{\"position\":\"\u{1f980}", "\n"] {
            assert!(event(odd).ends_with("\n\n"));
        }
    }
}
