//! Live queries: a client asks once, and is told of every change. Who reads too slowly gets several changes as one, or the answer anew.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use socketioxide::extract::SocketRef;
use socketioxide::socket::Socket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::answer::Body;
use super::call::{Members, model, parse};
use super::connection::Connection;
use super::events::Done;
use super::message::Form;
use crate::engine::{Arguments, Operation};
use crate::live::{LiveEvent, LiveSink, LiveStream, LiveText, ReactiveStream, Watching};
use crate::model::{Error, Result};

/// The event under which a client is told.
const EVENT: &str = "live";

/// How what a client is told of is written for it.
#[derive(Clone)]
struct Written {
    form: Form,
    /// The name of the subscription, which all have who ask the same: what they are told is written once.
    id: Arc<str>,
}

impl Written {
    /// `{id, ..}` with the members of an object.
    fn changes(&self, text: &LiveText) -> Arc<Body> {
        self.made(text, |json| format!("{{\"id\":\"{}\",{}", self.id, inside(json)))
    }

    /// `{id, data}`.
    fn answer(&self, text: &LiveText) -> Arc<Body> {
        self.made(text, |json| format!("{{\"id\":\"{}\",\"data\":{json}}}", self.id))
    }

    fn error(&self, error: Error) -> Arc<Body> {
        let error = super::answer::told(error).to_json();
        self.made(&json!({ "id": &*self.id, "error": error }).to_string().into(), str::to_owned)
    }

    fn made(&self, text: &LiveText, write: impl FnOnce(&str) -> String) -> Arc<Body> {
        let form = self.form;
        let body =
            |json: &str| Body::new(form, write(json)).unwrap_or_else(|error| Body::of_error(form, error));
        text.made(form.name(), body)
    }
}

/// The members of a JSON object, without its first brace.
fn inside(object: &str) -> &str {
    object.strip_prefix('{').unwrap_or("}")
}

/// Where a client that keeps up is told of changes at once.
struct Direct {
    connection: Arc<Connection>,
    socket: SocketRef,
    written: Written,
}

impl LiveSink for Direct {
    fn take(&self, changes: &LiveText) -> bool {
        let is_taken = self.connection.has_taken(&self.socket, EVENT, &self.written.changes(changes));
        if is_taken {
            self.connection.outbox().connection().pushed();
        }
        is_taken
    }
}

/// What a client is told of.
enum Stream {
    Documents(LiveStream),
    Answers(ReactiveStream),
}

impl Stream {
    /// What a subscription tells next, and whether it is the last.
    async fn next(&mut self, connection: &Connection, written: &Written) -> (Arc<Body>, bool) {
        match self {
            Stream::Documents(stream) => match stream.next().await {
                LiveEvent::Changes(text) => (written.changes(&text), false),
                LiveEvent::Reset(text) => {
                    connection.outbox().connection().reset();
                    (written.changes(&text), false)
                }
                LiveEvent::Ended(error) => (written.error(error), true),
            },
            // One that fails now may have an answer again later.
            Stream::Answers(stream) => match stream.next().await {
                Ok(text) => (written.answer(&text), false),
                Err(error) => (written.error(error), false),
            },
        }
    }
}

/// The task that tells; it ends with what it belongs to.
pub(super) struct Telling(AbortHandle);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `live {model, query?, .., from?}`, the same with `operation: "count"` or `"aggregate"`, or `live {model, operation, data?}`: `{id, ..}` with what it begins with.
pub(super) async fn live(connection: &Arc<Connection>, socket: &Arc<Socket>, argument: &str) -> Result<Done> {
    let mut members = Members::of(argument)?;
    let shape = model(connection.cx.engine().registry(), &members.needed("model")?)?;
    let place = connection.outbox().connection().subscribe(Watching::Store)?;
    let live = connection.live();
    let (id, first, stream) = match members.text("operation")? {
        Some(name) if !matches!(name.as_str(), "list" | "count" | "aggregate") => {
            let data = members.json("data")?.unwrap_or_else(|| Json::Object(Map::new()));
            members.end("`model`, `operation` and `data`")?;
            let mut stream = live.watch(&connection.cx, shape, &name, &data)?;
            let first = format!("\"data\":{}}}", stream.next().await?);
            (stream.id(), first, Stream::Answers(stream))
        }
        operation => {
            let operation = operation.and_then(|name| Operation::from_name(&name)).unwrap_or(Operation::List);
            let from = members.text("from")?;
            let mut arguments = Map::new();
            for (name, raw) in members.rest() {
                arguments.insert(name, parse(raw)?);
            }
            let arguments = match arguments.is_empty() {
                true => Arguments::None,
                false => Arguments::Json(arguments.into()),
            };
            let stream = live.follow(&connection.cx, shape, operation, arguments, from.as_deref()).await?;
            (stream.id(), inside(stream.first()).to_owned(), Stream::Documents(stream))
        }
    };
    let (go, gone) = oneshot::channel();
    let written = Written { form: connection.form, id: id.as_str().into() };
    let telling = tell(connection.clone(), socket.clone().into(), written, stream, gone);
    let telling = Telling(tokio::spawn(telling).abort_handle());
    connection.keep_live(id.clone(), telling, place);
    Ok(Done { text: format!("{{\"data\":{{\"id\":\"{id}\",{first}}}"), go: Some(go) })
}

/// Tells a client of its query, once it has its first answer. What happens while there is no room waits in the stream.
async fn tell(
    connection: Arc<Connection>,
    socket: SocketRef,
    written: Written,
    mut stream: Stream,
    answered: oneshot::Receiver<()>,
) {
    if answered.await.is_err() {
        return;
    }
    if let Stream::Documents(stream) = &mut stream {
        let direct =
            Direct { connection: connection.clone(), socket: socket.clone(), written: written.clone() };
        stream.direct(Arc::new(direct));
    }
    loop {
        connection.outbox().connection().room().await;
        let (body, is_over) = stream.next(&connection, &written).await;
        let event = if is_over { "ended" } else { EVENT };
        if !connection.send(&socket, event, &body).await {
            return;
        }
        connection.outbox().connection().pushed();
        if is_over {
            // This task goes with it.
            connection.give_up(&socket, &written.id);
            return;
        }
    }
}
