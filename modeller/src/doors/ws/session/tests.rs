//! Subscriptions of a client whose other end is not there yet.

use std::task::Poll;

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::*;
use crate::engine::{Arguments, Clock, Engine, Identity};
use crate::live::{LiveOptions, Watching};
use crate::registry::Registry;
use crate::store::Apply;
use crate::store::sqlite::{Sqlite, SqliteOptions};

#[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "watched", crate = crate)]
struct Thing {
    name: String,
}

async fn session() -> Arc<Session> {
    let registry = Registry::of(&[Thing::descriptor()]).unwrap();
    let store = Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap());
    let engine = Engine::new(registry, store, Clock::system());
    engine.migrate(Apply::Safe).await.unwrap();
    let live = Live::new(engine, LiveOptions::new());
    let connection = live.connections().open("ws", None, Identity::System).unwrap();
    Session::new(live, connection, Writers::new())
}

async fn watch(session: &Session, cx: &Cx) -> Result<Watch> {
    let stream = session.live.subscribe(cx, Thing::descriptor().shape(), Arguments::None, None).await?;
    let (first, place) = (stream.first().clone(), session.connection.subscribe(Watching::Store)?);
    session.watch(cx, Told::Documents(stream), first, place)
}

fn is_told(session: &Session, id: &str) -> bool {
    session.watched().as_ref().unwrap()[id].task.is_some()
}

#[tokio::test]
async fn a_name_that_is_used_again_belongs_to_the_newer_one() {
    // LIV-16
    let session = session().await;
    let cx = session.live.engine().cx().as_identity(Identity::System);
    let early = watch(&session, &cx).await.unwrap();
    let id = early.id.clone();
    // By a client that guesses its name before it has the answer.
    session.end(&id).unwrap();
    let late = watch(&session, &cx).await.unwrap();
    assert_eq!(late.id, id);
    session.begin(early);
    assert!(!is_told(&session, &id));
    session.begin(late);
    assert!(is_told(&session, &id));
    assert_eq!(watch(&session, &cx).await.unwrap().id, format!("{id}-2"));
}

#[tokio::test]
async fn what_was_asked_before_a_sign_out_does_not_begin_after_it() {
    let session = session().await;
    let cx = session.live.engine().cx().as_identity(Identity::System);
    session.connection.set_identity(Identity::Anonymous);
    session.end_all();
    assert!(watch(&session, &cx).await.err().unwrap().is(Code::Conflict));
    let nobody = cx.as_identity(Identity::Anonymous);
    assert!(watch(&session, &nobody).await.is_ok());
}

#[tokio::test]
async fn who_signs_out_while_a_channel_is_joined_has_not_joined_it() {
    // CHA-15
    let session = session().await;
    let cx = session.live.engine().cx().as_identity(Identity::System);
    let private = br#"{"channel":"staff","config":{"private":true}}"#;
    let nobody = cx.as_identity(Identity::Anonymous);
    // Between the question and its being carried out.
    session.connection.set_identity(Identity::Anonymous);
    session.ears().reauthorize(&nobody).await;
    let joined = session.ears().perform(&cx, "subscribe", private, None).await;
    assert!(joined.unwrap_err().is(Code::Conflict));
    assert_eq!(session.live.channels().stats().members, 0);
    // While it looks up what is kept of the channel: the caller's rights are known already.
    session.connection.set_identity(Identity::System);
    let ears = session.ears();
    let mut joining = std::pin::pin!(ears.perform(&cx, "subscribe", private, None));
    let early = std::future::poll_fn(|context| Poll::Ready(joining.as_mut().poll(context))).await;
    session.connection.set_identity(Identity::Anonymous);
    if early.is_pending() {
        assert!(joining.await.unwrap_err().is(Code::Conflict));
    }
    ears.reauthorize(&nobody).await;
    assert_eq!(session.live.channels().stats().members, 0);
    // As who the client is now it may join what everybody may.
    let public = br#"{"channel":"all"}"#;
    session.ears().perform(&nobody, "subscribe", public, None).await.unwrap();
    assert_eq!(session.live.channels().stats().members, 1);
    // What is bound through it is bound by nobody else either.
    let bind = br#"{"channel":"all","event":"*","table":"watched"}"#;
    let bound = session.ears().perform(&cx, "postgres_changes:subscribe", bind, None).await;
    assert!(bound.unwrap_err().is(Code::Conflict));
    assert_eq!(session.live.channels().stats().bindings, 0);
    session.ears().perform(&nobody, "postgres_changes:subscribe", bind, None).await.unwrap();
    // Who joined as somebody else stays where anybody may be.
    session.connection.set_identity(Identity::System);
    session.ears().perform(&cx, "postgres_changes:subscribe", bind, None).await.unwrap();
    assert_eq!(session.live.channels().stats().bindings, 2);
}
