//! Scoped subscriptions: a client subscribes, it joins the room of that name, and what is published goes to the room.

use std::sync::Arc;

use serde_json::Value as Json;
use serde_json::value::RawValue;
use socketioxide::extract::SocketRef;
use socketioxide::socket::Socket;

use super::answer::{self, Body};
use super::call::{Members, model};
use super::connection::Connection;
use super::members::Member;
use super::{Door, Inner, Line};
use crate::engine::{Observer, Published, Subscription};
use crate::live::lookahead::{self, Look};
use crate::model::{Code, Error, Result, Shape, shown};

/// `subscribe {model, query?}`: `{id, events}`.
pub(super) fn subscribe(
    connection: &Arc<Connection>,
    socket: &Arc<Socket>,
    argument: &str,
) -> Result<String> {
    let mut members = Members::of(argument)?;
    let subscription = named(connection, &mut members)?;
    members.end("`model` and `query`")?;
    let answer = serde_json::json!({ "id": subscription.id(), "events": subscription.events() });
    connection.keep(socket, subscription)?;
    answer::data(answer.to_string().as_bytes())
}

/// `unsubscribe {id}` or `{model, query?}`: whether there was one.
pub(super) fn unsubscribe(connection: &Connection, argument: &str) -> Result<String> {
    let mut members = Members::of(argument)?;
    let id = match members.text("id")? {
        Some(id) => id,
        None => named(connection, &mut members)?.id().to_owned(),
    };
    members.end("`id`, or `model` and `query`")?;
    answer::data(connection.give_up(&id).to_string().as_bytes())
}

/// `dispatch {id, event, data?}` or `{model, query?, event, data?}`: what the event's handler answers.
pub(super) async fn dispatch(connection: &Connection, argument: &str) -> Result<String> {
    let mut members = Members::of(argument)?;
    let event = members.needed("event")?;
    let data = members.take("data").map_or("", RawValue::get);
    let subscription = match members.text("id")? {
        Some(id) => connection.subscription(&id).ok_or_else(|| {
            let message =
                format!("there is no subscription `{}` of this client; `subscribe` first", shown(&id, 60));
            Error::new(Code::NotFound, message)
        })?,
        None => named(connection, &mut members)?,
    };
    members.end("`id` (or `model` and `query`), `event` and `data`")?;
    answer::data(&subscription.dispatch_json(&event, data.as_bytes()).await?)
}

/// The subscription of the `model` and the `query` that are named.
fn named(connection: &Connection, members: &mut Members<'_>) -> Result<Subscription> {
    let shape = model(connection.cx.engine().registry(), &members.needed("model")?)?;
    let query = members.json("query")?.unwrap_or_else(|| serde_json::json!({}));
    connection.cx.subscription(&shape.path, query)
}

impl Inner {
    /// Tells everybody who is connected.
    pub(super) fn tell_all(&self, event: &'static str, word: &Json) {
        for line in self.lines() {
            let Ok(body) = Body::new(line.form, word.to_string()) else { continue };
            for (socket, connection) in everybody(line) {
                connection.tell(socket, event, &body);
            }
        }
    }

    /// Waits until nothing waits for anybody.
    pub(super) async fn drained(&self) {
        for line in self.lines() {
            for (socket, connection) in everybody(line) {
                connection.drained(&socket).await;
            }
        }
    }
}

fn everybody(line: &Line) -> impl Iterator<Item = (SocketRef, Arc<Connection>)> + use<> {
    // Once the door has stopped, there is no namespace any more.
    let sockets = line.io.of("/").map_or_else(Vec::new, |all| all.broadcast().sockets());
    sockets.into_iter().filter_map(with_connection)
}

fn with_connection(socket: SocketRef) -> Option<(SocketRef, Arc<Connection>)> {
    let connection = socket.extensions.get::<Arc<Connection>>()?;
    Some((socket, connection))
}

/// Brings what is published to the rooms.
pub(super) struct Rooms(pub(super) Door);

impl Observer for Rooms {
    fn published(&self, _: &'static Shape, _: &Json, id: &str, payload: &Published) {
        let Some(door) = self.0.upgrade() else { return };
        for line in door.lines() {
            let members = line.rooms.members(id);
            if members.is_empty() {
                continue;
            }
            // Written once for all who are there.
            let text = format!("{{\"id\":{},\"data\":{}}}", Json::from(id), payload.json());
            match Body::new(line.form, text) {
                Ok(body) => {
                    let looks: [Look<&Arc<Member>>; 2] =
                        [|to| to.connection.look(), |to| to.connection.outbox().look()];
                    let push = |to: &Arc<Member>| to.connection.push(&to.socket, id, &body);
                    lookahead::for_each(members.iter(), &looks, push);
                }
                Err(error) => tracing::error!(error = ?error.message(), "what was published can't be sent"),
            }
        }
    }

    fn ended(&self, id: &str) {
        let Some(door) = self.0.upgrade() else { return };
        for line in door.lines() {
            let Ok(body) = Body::new(line.form, serde_json::json!({ "id": id }).to_string()) else {
                continue;
            };
            for member in line.rooms.members(id) {
                member.connection.give_up(id);
                member.connection.tell(member.socket.clone(), "ended", &body);
            }
        }
    }
}
