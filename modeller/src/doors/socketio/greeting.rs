//! Who comes: a client is let in, or refused with words that it can read.

use std::sync::Arc;

use serde_json::Value as Json;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::socket::DisconnectReason;
use tokio::time::timeout;

use super::connection::{Connection, take};
use super::members::Rooms;
use super::message::{Form, Incoming};
use super::outbox::Outbox;
use super::packed::Loose;
use super::{Handshake, Shared};
use crate::engine::{Identity, caught};
use crate::live;
use crate::model::{Code, Error, Result};

/// Lets a client in, or refuses it with words that it reads in its `connect_error`.
pub(super) async fn greet(
    shared: Arc<Shared>,
    form: Form,
    rooms: Arc<Rooms>,
    socket: SocketRef,
    auth: TryData<Loose>,
) -> Result<()> {
    let Some(outbox) = socket.req_parts().extensions.get::<Arc<Outbox>>().cloned() else {
        return Err(Error::new(Code::InternalError, "a session that was not opened at the door"));
    };
    let identity = identify(&shared, &socket, outbox.connection(), auth).await?;
    // That takes a while. Those who are there are told of the end once, and a newcomer would not be among them.
    if !shared.live.connections().is_running() {
        return Err(Error::new(Code::Overloaded, "the server is about to stop"));
    }
    outbox.connection().set_identity(identity.clone());
    outbox.connection().begin();
    outbox.connects();
    let connection = Connection::new(shared, form, rooms, outbox, identity);
    socket.extensions.insert(connection.clone());
    let leaving = connection.clone();
    socket.on_disconnect(async move |reason: DisconnectReason| {
        leaving.end(reason == DisconnectReason::ClientNSDisconnect);
    });
    socket.on_fallback(move |incoming: Incoming| take(connection, incoming));
    Ok(())
}

async fn identify(
    shared: &Shared,
    socket: &SocketRef,
    connection: &live::Connection,
    TryData(auth): TryData<Loose>,
) -> Result<Identity> {
    let (headers, identity) = (&socket.req_parts().headers, connection.identity());
    let auth = match auth {
        Ok(Loose(Some(auth @ Json::Object(_)))) => auth,
        Ok(Loose(None | Some(Json::Null))) => serde_json::json!({}),
        _ => return Err(Error::new(Code::InvalidRequest, "`auth` is an object")),
    };
    let Some(authenticate) = &shared.options.authenticate else { return Ok(identity) };
    let handshake = Handshake { auth, headers: headers.clone(), remote: connection.remote(), identity };
    let asked = caught(authenticate(handshake));
    let asked = async {
        match timeout(shared.options.connect_timeout, asked).await {
            Ok(Ok(identity)) => identity,
            Ok(Err(panic)) => {
                tracing::error!(?panic, "what tells who a client is panicked");
                Err(Error::new(Code::InternalError, "something went wrong on our side"))
            }
            Err(_) => Err(Error::new(Code::Overloaded, "it took too long to find out who you are")),
        }
    };
    shared.live.connections().recognise(connection.door(), connection.remote(), asked).await
}
