//! Subscriptions of a client whose other end is not there yet.

use std::task::Poll;
use std::time::Instant;

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use validator::Validate;

use super::*;
use crate::engine::{Arguments, Clock, Engine, Identity};
use crate::live::{LiveOptions, Watching};
use crate::registry::Registry;
use crate::store::Apply;
use crate::store::sqlite::{Sqlite, SqliteOptions};

/// Longer than a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(25);

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

/// From now on something is being written to the client, so that all else waits.
fn keep_waiting(session: &Session) {
    assert!(session.wire.outbox().push("something".into()));
    assert!(session.wire.fill());
}

/// What waits for the client, in the order in which it will be written.
fn waiting(session: &Session) -> Vec<Json> {
    let mut frames: Vec<Bytes> = Vec::new();
    let mut count = None;
    while count != Some(frames.len()) {
        count = Some(frames.len());
        session.wire.outbox().take(&mut frames);
    }
    let read = |frame: &Bytes| {
        let head = match frame[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        serde_json::from_slice(&frame[head..]).unwrap()
    };
    frames.iter().map(read).collect()
}

/// The payloads of the broadcasts among these.
fn words(told: &[Json]) -> Vec<&Json> {
    let broadcasts = told.iter().filter(|told| told["data"]["type"] == "broadcast");
    broadcasts.map(|told| &told["data"]["payload"]).collect()
}

/// The client asks, and is answered.
async fn ask(session: &Arc<Session>, request: Json) {
    let mut work = JoinSet::new();
    session.clone().hear(&request.to_string(), Vec::new(), &mut work);
    work.join_next().await.unwrap().unwrap();
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

#[tokio::test]
async fn what_waits_of_a_channel_is_not_told_after_the_answer_to_leaving_it() {
    // CHA-22
    let session = session().await;
    keep_waiting(&session);
    let cx = session.live.engine().cx();
    for channel in ["left", "kept"] {
        ask(&session, json!({ "id": 1, "type": "channel.subscribe", "channel": channel })).await;
    }
    waiting(&session);
    for channel in ["left", "kept"] {
        cx.channel(channel).broadcast("say", channel).unwrap();
    }
    ask(&session, json!({ "id": 2, "type": "channel.unsubscribe", "channel": "left" })).await;
    cx.channel("left").broadcast("say", "more").unwrap();
    let told = waiting(&session);
    assert_eq!(told[0]["data"], json!({ "unsubscribed": true }));
    assert_eq!(words(&told), [&json!("kept")]);
}

#[tokio::test]
async fn who_comes_back_to_a_channel_is_told_once_what_has_waited_since() {
    // CHA-14
    let session = session().await;
    keep_waiting(&session);
    let channel = session.live.engine().cx().channel("room:1");
    let join = json!({ "id": 1, "type": "channel.subscribe", "channel": "room:1" });
    ask(&session, join.clone()).await;
    let seen = channel.send("say", 1).await.unwrap().position.to_string();
    assert_eq!(words(&waiting(&session)), [&json!(1)]);
    channel.send("say", 2).await.unwrap();
    channel.send("say", 3).await.unwrap();
    ask(&session, json!({ "id": 2, "type": "channel.unsubscribe", "channel": "room:1" })).await;
    let mut again = join;
    again["config"] = json!({ "since": seen });
    ask(&session, again).await;
    channel.send("say", 4).await.unwrap();
    assert_eq!(words(&waiting(&session)), [&json!(2), &json!(3), &json!(4)]);
}

#[tokio::test]
async fn what_waits_of_a_private_channel_is_told_to_nobody_who_has_signed_out() {
    // CHA-15
    let session = session().await;
    keep_waiting(&session);
    let channel = session.live.engine().cx().channel("staff").private();
    let private = json!({ "private": true });
    ask(&session, json!({ "id": 1, "type": "channel.subscribe", "channel": "staff", "config": private }))
        .await;
    waiting(&session);
    channel.broadcast("say", "secret").unwrap();
    ask(&session, json!({ "id": 2, "type": "auth.logout" })).await;
    channel.broadcast("say", "more").unwrap();
    let told = waiting(&session);
    assert!(words(&told).is_empty(), "{told:?}");
    assert!(told.iter().any(|told| told["data"]["loggedOut"] == true));
    assert!(told.iter().any(|told| told["data"]["type"] == "closed"), "{told:?}");
}

#[tokio::test]
async fn who_signs_out_while_a_channel_is_joined_is_told_nothing_of_it() {
    // CHA-15
    let session = session().await;
    let cx = session.live.engine().cx().as_identity(Identity::System);
    let nobody = cx.as_identity(Identity::Anonymous);
    let ears = session.ears();
    // What is kept may be there before anybody looks whether it is.
    for round in 0..1_000 {
        let channel = format!("staff:{round}");
        cx.channel(&channel).private().send("say", "secret").await.unwrap();
        session.connection.set_identity(Identity::System);
        let since = json!({ "private": true, "since": "2020-01-01T00:00:00Z" });
        let join = json!({ "channel": channel, "config": since }).to_string();
        waiting(&session);
        let mut joining = std::pin::pin!(ears.perform(&cx, "subscribe", join.as_bytes(), None));
        let early = std::future::poll_fn(|context| Poll::Ready(joining.as_mut().poll(context))).await;
        session.connection.set_identity(Identity::Anonymous);
        ears.reauthorize(&nobody).await;
        if early.is_pending() {
            assert!(joining.await.unwrap_err().is(Code::Conflict));
            assert_eq!(waiting(&session), Vec::<Json>::new());
            return;
        }
    }
    panic!("what is kept is never waited for");
}

#[tokio::test]
async fn who_is_slow_is_told_that_it_was_put_out_of_a_channel_and_not_that_it_has_missed_something_there() {
    // CHA-22, OPS-03
    let session = session().await;
    keep_waiting(&session);
    let cx = session.live.engine().cx();
    for channel in ["closed", "left", "open"] {
        ask(&session, json!({ "id": 1, "type": "channel.subscribe", "channel": channel })).await;
    }
    let name = waiting(&session)[0]["data"]["id"].as_str().unwrap().to_owned();
    while session.connection.has_room() {
        cx.channel("open").broadcast("say", "x".repeat(200_000)).unwrap();
    }
    for channel in ["closed", "left", "open"] {
        cx.channel(channel).broadcast("say", "more").unwrap();
    }
    session.live.channels().expel(&name, "closed", &Error::new(Code::Forbidden, "no")).unwrap();
    ask(&session, json!({ "id": 2, "type": "channel.unsubscribe", "channel": "left" })).await;
    let told = waiting(&session);
    assert_eq!(told[0]["data"]["type"], "closed");
    assert_eq!(told[1]["data"], json!({ "unsubscribed": true }));
    // There is room again.
    session.connection.wrote(session.connection.buffered());
    let (mut told, start) = (Vec::new(), Instant::now());
    while !told.iter().any(|told: &Json| told["data"]["event"] == "sync") {
        assert!(start.elapsed() < PATIENCE, "{told:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
        told.extend(waiting(&session));
    }
    assert_eq!(told[0]["data"], json!({ "type": "missed", "channel": "open" }));
}
