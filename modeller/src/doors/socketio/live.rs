//! Live queries: a client asks once, and is told of every change. Who reads too slowly gets several changes as one, or the answer anew.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json, json};
use socketioxide::extract::SocketRef;
use socketioxide::socket::Socket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::answer::{Body, Manner};
use super::call::{Members, model, parse};
use super::connection::{Connection, PAUSE};
use super::events::Done;
use super::message::Form;
use crate::engine::{Arguments, Operation};
use crate::live::{
    LiveEvent, LiveSink, LiveStream, LiveText, Place, ReactiveStream, RuleReceived, RuleStream, Watching,
};
use crate::model::{Error, Result};

/// The event under which a client is told of a live query.
pub(super) const EVENT: &str = "live";

/// What an event of the rules is called here.
pub(super) const RULE_EVENT: &str = "rules.event";

/// The last event of a subscription.
const ENDED: &str = "ended";

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
        let body = |json: &str| {
            Body::new(form, write(json)).unwrap_or_else(|error| Body::of_error(form, Manner::Plain, error))
        };
        text.made(form.name(), body)
    }
}

/// The members of a JSON object, without its first brace.
fn inside(object: &str) -> &str {
    object.strip_prefix('{').unwrap_or("}")
}

/// What all that a client is told of one live query goes through. Once it is shut nothing comes any more: the name may be another one's.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Mutex<bool>>);

impl Gate {
    /// Does what nothing may come behind once it is shut, unless it is.
    fn pass<T>(&self, body: impl FnOnce() -> T) -> Option<T> {
        let is_shut = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!*is_shut).then(body)
    }

    fn shut(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

/// Where a client that keeps up is told of changes at once.
struct Direct {
    connection: Arc<Connection>,
    socket: SocketRef,
    written: Written,
    gate: Gate,
}

impl LiveSink for Direct {
    fn take(&self, changes: &LiveText) -> bool {
        let body = self.written.changes(changes);
        let is_taken = self.gate.pass(|| self.connection.has_taken(&self.socket, EVENT, &body)) == Some(true);
        if is_taken {
            self.connection.outbox().connection().pushed();
        }
        is_taken
    }

    fn look(&self) -> usize {
        usize::from(self.gate.0.is_poisoned()) ^ self.connection.look()
    }

    fn look_behind(&self) -> usize {
        self.connection.outbox().look()
    }
}

/// What a client is told of.
pub(super) enum Stream {
    Documents(LiveStream),
    Answers(ReactiveStream),
    Events(RuleStream),
}

impl Stream {
    /// What a subscription tells next, and the event that it is told under.
    async fn next(&mut self, connection: &Connection, written: &Written) -> (&'static str, Arc<Body>) {
        match self {
            Stream::Documents(stream) => {
                let told = stream.next().await;
                connection.outbox().connection().coalesced(stream.coalesced());
                match told {
                    LiveEvent::Changes(text) => (EVENT, written.changes(&text)),
                    LiveEvent::Reset(text) => {
                        connection.outbox().connection().reset();
                        (EVENT, written.changes(&text))
                    }
                    LiveEvent::Ended(error) => (ENDED, written.error(error)),
                }
            }
            // One that fails now may have an answer again later.
            Stream::Answers(stream) => match stream.next().await {
                Ok(text) => (EVENT, written.answer(&text)),
                Err(error) => (EVENT, written.error(error)),
            },
            Stream::Events(stream) => match stream.receive().await {
                RuleReceived::Event(event) => {
                    let told = json!({ "topic": event.topic, "event": &*event }).to_string();
                    (RULE_EVENT, written.changes(&told.into()))
                }
                RuleReceived::Missed(count) => {
                    connection.outbox().connection().coalesced(count);
                    ("missed", written.changes(&json!({ "count": count }).to_string().into()))
                }
            },
        }
    }
}

/// The task that tells; it ends with what it belongs to.
pub(super) struct Telling {
    task: AbortHandle,
    gate: Gate,
}

impl Telling {
    /// Whether it is this that tells through the gate.
    pub(super) fn is_behind(&self, gate: &Gate) -> bool {
        Arc::ptr_eq(&self.gate.0, &gate.0)
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        // The task ends some time after it was told to; until then it has nothing to say.
        self.gate.shut();
        self.task.abort();
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
    let written = Written { form: connection.form, id: id.as_str().into() };
    let gate = Gate::default();
    let telling = tell(connection.clone(), socket.clone().into(), written, stream, gate.clone(), gone);
    let telling = Telling { task: tokio::spawn(telling).abort_handle(), gate };
    connection.keep_live(id.clone(), telling, place);
    Done { text: format!("{{\"data\":{{\"id\":\"{id}\"{first}}}"), go: Some(go) }
}

/// Tells a client of what it watches, once it has its first answer. What happens while there is no room waits in the stream.
async fn tell(
    connection: Arc<Connection>,
    socket: SocketRef,
    written: Written,
    mut stream: Stream,
    gate: Gate,
    answered: oneshot::Receiver<()>,
) {
    if answered.await.is_err() {
        return;
    }
    if let Stream::Documents(stream) = &mut stream {
        let (connection, socket) = (connection.clone(), socket.clone());
        let (written, gate) = (written.clone(), gate.clone());
        stream.direct(Arc::new(Direct { connection, socket, written, gate }));
    }
    loop {
        connection.outbox().connection().room().await;
        let (event, body) = stream.next(&connection, &written).await;
        let is_over = event == ENDED;
        loop {
            match gate.pass(|| connection.attempt(&socket, event, &body)) {
                Some(Some(true)) => break,
                Some(None) => sleep(PAUSE).await,
                Some(Some(false)) | None => return,
            }
        }
        connection.outbox().connection().pushed();
        if is_over {
            // This task goes with it.
            connection.ended(&written.id, &gate);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outbox::Outbox;
    use super::super::{DOOR, Shared, SocketIoOptions};
    use super::*;
    use crate::engine::Identity;
    use crate::live::behind::{BEHIND, behind};

    #[tokio::test]
    async fn changes_that_became_one_are_counted() {
        // OPS-08
        let (live, stream) = behind().await;
        let client = live.connections().open(DOOR, None, Identity::System).unwrap();
        let shared = Arc::new(Shared { live, options: SocketIoOptions::new() });
        let outbox = Arc::new(Outbox::new(client.clone(), 1_000_000));
        let connection = Connection::new(shared, Form::Text, Arc::default(), outbox, Identity::System);
        let (mut stream, written) = (Stream::Documents(stream), Written { form: Form::Text, id: "a".into() });
        assert_eq!(stream.next(&connection, &written).await.0, EVENT);
        assert_eq!(client.info().coalesced, BEHIND);
    }

    #[tokio::test]
    async fn nothing_is_told_once_a_live_query_is_given_up() {
        // LIV-16
        let (gate, other) = (Gate::default(), Gate::default());
        let task = tokio::spawn(std::future::pending::<()>());
        let telling = Telling { task: task.abort_handle(), gate: gate.clone() };
        assert!(telling.is_behind(&gate) && !telling.is_behind(&other));
        assert_eq!(gate.pass(|| 1), Some(1));
        drop(telling);
        assert_eq!(gate.pass(|| panic!("it is shut")), None::<()>);
        assert_eq!(other.pass(|| 1), Some(1));
        assert!(task.await.unwrap_err().is_cancelled());
    }
}
