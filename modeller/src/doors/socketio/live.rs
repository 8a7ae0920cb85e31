//! Live queries: a client asks once, and is told of every change. Who reads too slowly gets several changes as one, or the answer anew.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use socketioxide::extract::SocketRef;
use socketioxide::socket::Socket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::answer::{Body, Manner};
use super::call::{Members, model, parse};
use super::connection::Connection;
use super::events::Done;
use crate::engine::Arguments;
use crate::live::{LiveEvent, LiveStream, Place, ReactiveStream, RuleReceived, RuleStream, Watching};
use crate::model::{Error, Result};

/// What is told of.
pub(super) enum Stream {
    Documents(LiveStream),
    Answers(ReactiveStream),
    Events(RuleStream),
}

/// What a subscription tells next.
enum Told {
    /// An event, and the members of its argument without the first brace.
    Members(&'static str, String),
    Ended(Error),
}

impl Stream {
    async fn next(&mut self, connection: &Connection) -> Told {
        match self {
            Stream::Documents(stream) => match stream.next().await {
                LiveEvent::Changes(text) => Told::Members("live", text[1..].to_owned()),
                LiveEvent::Reset(text) => {
                    connection.outbox().connection().reset();
                    Told::Members("live", text[1..].to_owned())
                }
                LiveEvent::Ended(error) => Told::Ended(error),
            },
            Stream::Answers(stream) => Told::Members("live", answer(stream.next().await)),
            Stream::Events(stream) => match stream.receive().await {
                RuleReceived::Event(event) => {
                    let told = serde_json::json!({ "topic": event.topic, "event": &*event });
                    Told::Members("rules.event", told.to_string()[1..].to_owned())
                }
                RuleReceived::Missed(count) => {
                    connection.outbox().connection().coalesced(count);
                    Told::Members("missed", format!("\"count\":{count}}}"))
                }
            },
        }
    }
}

/// A query's answer as the members of an object.
fn answer(answer: Result<Arc<str>>) -> String {
    match answer {
        Ok(json) => format!("\"data\":{json}}}"),
        Err(error) => format!("\"error\":{}}}", super::answer::told(error).to_json()),
    }
}

/// The task that tells; it ends with what it belongs to.
pub(super) struct Telling(AbortHandle);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `live {model, query?, .., from?}` or `live {model, operation, data?}`: `{id, ..}` with what it begins with.
pub(super) async fn live(connection: &Arc<Connection>, socket: &Arc<Socket>, argument: &str) -> Result<Done> {
    let mut members = Members::of(argument)?;
    let shape = model(connection.cx.engine().registry(), &members.needed("model")?)?;
    let place = connection.outbox().connection().subscribe(Watching::Store)?;
    let live = connection.live();
    let (id, first, stream) = match members.text("operation")? {
        Some(name) if name != "list" => {
            let data = members.json("data")?.unwrap_or_else(|| Json::Object(Map::new()));
            members.end("`model`, `operation` and `data`")?;
            let mut stream = live.watch(&connection.cx, shape, &name, &data)?;
            let first = format!("\"data\":{}}}", stream.next().await?);
            (stream.id(), first, Stream::Answers(stream))
        }
        _ => {
            let from = members.text("from")?;
            let mut arguments = Map::new();
            for (name, raw) in members.rest() {
                arguments.insert(name, parse(raw)?);
            }
            let arguments = match arguments.is_empty() {
                true => Arguments::None,
                false => Arguments::Json(arguments.into()),
            };
            let stream = live.subscribe(&connection.cx, shape, arguments, from.as_deref()).await?;
            (stream.id(), stream.first()[1..].to_owned(), Stream::Documents(stream))
        }
    };
    Ok(begin(connection, socket, id, &format!(",{first}"), stream, place))
}

/// Tells the client from now on, once it has the answer: `{id, ..}` with these members.
pub(super) fn begin(
    connection: &Arc<Connection>,
    socket: &Arc<Socket>,
    id: String,
    first: &str,
    stream: Stream,
    place: Place,
) -> Done {
    let (go, gone) = oneshot::channel();
    let telling = tell(connection.clone(), socket.clone().into(), id.clone(), stream, gone);
    let telling = Telling(tokio::spawn(telling).abort_handle());
    connection.keep_live(id.clone(), telling, place);
    Done { text: format!("{{\"data\":{{\"id\":\"{id}\"{first}}}"), go: Some(go) }
}

/// Tells a client of what it watches, once it has its first answer. What happens while there is no room waits in the stream.
async fn tell(
    connection: Arc<Connection>,
    socket: SocketRef,
    id: String,
    mut stream: Stream,
    answered: oneshot::Receiver<()>,
) {
    if answered.await.is_err() {
        return;
    }
    loop {
        connection.outbox().connection().room().await;
        let (event, text, is_over) = match stream.next(&connection).await {
            Told::Members(event, members) => (event, format!("{{\"id\":\"{id}\",{members}"), false),
            Told::Ended(error) => {
                let error = super::answer::told(error).to_json();
                ("ended", serde_json::json!({ "id": id, "error": error }).to_string(), true)
            }
        };
        let body = Body::new(connection.form, text)
            .unwrap_or_else(|error| Body::of_error(connection.form, Manner::Plain, error));
        if !connection.send(&socket, event, &body).await {
            return;
        }
        connection.outbox().connection().pushed();
        if is_over {
            // This task goes with it.
            connection.give_up(&socket, &id);
            return;
        }
    }
}
