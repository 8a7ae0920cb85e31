//! Scoped subscriptions, and events dispatched to them, in one process.

use std::sync::{Arc, Mutex};

use modeller::engine::{Observer, Published, QUEUE, Received};
use modeller::model::Shape;
use modeller::prelude::*;
use serde_json::{Value as Json, json};

use crate::{Comment, Delivered, Ping, Post, Register, SendMessage, User, start};

fn payload(received: Option<Received>) -> Json {
    match received {
        Some(Received::Payload(payload)) => payload.parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_listens_to_the_same_query_hears_it() {
    // RTE-01, RTE-02, RTE-04
    let cx = start().await.cx;
    let mut same = Post::subscription(&cx, json!({ "roomId": "abc", "level": 1 })).unwrap().listen();
    let mut other = Post::subscription(&cx, json!({ "roomId": "abd", "level": 1 })).unwrap().listen();
    let mut another_model =
        Comment::subscription(&cx, json!({ "roomId": "abc", "level": 1 })).unwrap().listen();
    let room = Post::subscription(&cx, json!({ "level": 1.0, "roomId": "abc" })).unwrap();
    room.publish(json!({ "hello": 1 })).unwrap();
    room.publish("again").unwrap();
    assert_eq!(payload(same.receive().await), json!({ "hello": 1 }));
    assert_eq!(payload(same.receive().await), json!("again"));
    for silent in [&mut other, &mut another_model] {
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), silent.receive()).await.is_err());
    }
}

#[tokio::test]
async fn a_subscription_has_a_name() {
    // RTE-03, RTE-06
    let cx = start().await.cx;
    let one = Post::subscribe(&cx, json!({ "a": 1, "b": 2 })).unwrap();
    let other = cx.subscription("content/posts", json!({ "b": 2.0, "a": 1 })).unwrap();
    assert_eq!(one.sub_id, other.id());
    assert_eq!(one.subscription.scope(), &json!({ "a": 1, "b": 2 }));
    assert_ne!(one.sub_id, Post::subscribe(&cx, json!({})).unwrap().sub_id);
    assert_ne!(one.sub_id, Comment::subscribe(&cx, json!({ "a": 1, "b": 2 })).unwrap().sub_id);
    assert_eq!(one.subscription.events(), ["sendMessage"]);
    for bad in [json!(null), json!([1]), json!("abc")] {
        assert!(Post::subscription(&cx, bad).unwrap_err().is(Code::InvalidQuery));
    }
    assert!(cx.subscription("content/nothing", json!({})).unwrap_err().is(Code::ModelNotFound));
}

#[tokio::test]
async fn listeners_are_called_until_they_are_dropped() {
    // RTE-04
    let cx = start().await.cx;
    let room = Post::subscription(&cx, json!({})).unwrap();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let listener = |name: &'static str| {
        let heard = heard.clone();
        room.on_publish(move |payload| heard.lock().unwrap().push(format!("{name} {}", payload.json())))
    };
    let (one, _two) = (listener("one"), listener("two"));
    let _broken = room.on_publish(|_| panic!("a listener broke"));
    room.publish(1).unwrap();
    drop(one);
    room.publish(2).unwrap();
    assert_eq!(*heard.lock().unwrap(), ["one 1", "two 1", "two 2"]);
}

#[tokio::test]
async fn a_listener_may_publish_and_unsubscribe() {
    let cx = start().await.cx;
    let room = Post::subscription(&cx, json!({})).unwrap();
    let inner = cx.clone();
    let _listener = room.on_publish(move |payload| {
        if payload.json() == "1" {
            Post::subscription(&inner, json!({})).unwrap().publish(2).unwrap();
        } else {
            assert!(Post::unsubscribe(&inner, json!({})).unwrap());
        }
    });
    room.publish(1).unwrap();
    assert!(!Post::unsubscribe(&cx, json!({})).unwrap());
}

#[tokio::test]
async fn methods_publish_after_their_commit_and_never_without_one() {
    // RTE-05
    let server = start().await;
    let mut listening = User::subscription(&server.cx, json!({})).unwrap().listen();
    let mut client = server.client().await;
    let failed =
        client.post("/system/users/register", &json!({ "email": "no@example.org", "then_fail": true })).await;
    assert_eq!(failed.status, 409);
    server.cx.call(Register { email: "ada@example.org".into(), then_fail: false }).await.unwrap();
    client.post("/system/users/register", &json!({ "email": "bob@example.org" })).await;
    assert_eq!(payload(listening.receive().await), json!({ "registered": "ada@example.org" }));
    assert_eq!(payload(listening.receive().await), json!({ "registered": "bob@example.org" }));
    let held = server
        .cx
        .transaction(async |tx| {
            User::insert(&tx, User { email: "eve@example.org".into(), role: crate::Role::User }).await?;
            User::subscription(&tx, json!({}))?.publish("in between")?;
            let waiting = tokio::time::timeout(std::time::Duration::from_millis(30), listening.receive());
            Ok(waiting.await.is_err())
        })
        .await;
    assert!(held.unwrap());
    assert_eq!(payload(listening.receive().await), json!("in between"));
    assert_eq!(server.cx.call(Ping {}).await.unwrap(), "pong for System");
}

#[tokio::test]
async fn a_slow_receiver_is_told_how_much_it_missed() {
    let cx = start().await.cx;
    let room = Post::subscription(&cx, json!({})).unwrap();
    let mut listening = room.listen();
    for number in 0..QUEUE + 10 {
        room.publish(number).unwrap();
    }
    assert_eq!(listening.receive().await, Some(Received::Missed(10)));
    assert_eq!(payload(listening.receive().await), json!(10));
}

#[tokio::test]
async fn a_subscription_ends_for_all_when_it_is_unsubscribed() {
    // RTE-12
    let cx = start().await.cx;
    let room = Post::subscription(&cx, json!({ "a": 1 })).unwrap();
    let mut listening = room.listen();
    room.publish(1).unwrap();
    assert!(Post::unsubscribe(&cx, json!({ "a": 1.0 })).unwrap());
    assert!(!Post::unsubscribe(&cx, json!({ "a": 1 })).unwrap());
    room.publish(2).unwrap();
    assert_eq!(payload(listening.receive().await), json!(1));
    assert_eq!(listening.receive().await, None);
    assert_eq!(room.listen().receive().await, None);
    // The next one who asks begins a new one.
    let mut new = Post::subscription(&cx, json!({ "a": 1 })).unwrap().listen();
    Post::subscription(&cx, json!({ "a": 1 })).unwrap().publish(3).unwrap();
    assert_eq!(payload(new.receive().await), json!(3));
}

#[tokio::test]
async fn subscriptions_go_away_when_nobody_listens() {
    // RTE-13
    let cx = start().await.cx;
    let engine = cx.engine();
    let listening: Vec<_> =
        (0..100).map(|room| Post::subscription(&cx, json!({ "room": room })).unwrap().listen()).collect();
    let callback = Post::subscription(&cx, json!({ "room": 0 })).unwrap().on_publish(|_| {});
    assert_eq!(engine.subscriptions(), 100);
    drop(listening);
    assert_eq!(engine.subscriptions(), 1);
    drop(callback);
    assert_eq!(engine.subscriptions(), 0);
}

#[tokio::test]
async fn an_event_is_dispatched_and_answered() {
    // RTE-07, RTE-08, RTE-09, RTE-10, RTE-14, RTE-15
    let cx = start().await.cx;
    let room = Post::subscription(&cx, json!({ "roomId": "abc" })).unwrap();
    let mut listening = room.listen();
    let reply = room.dispatch(SendMessage { text: "hello".into() }).await.unwrap();
    assert_eq!(reply, Delivered { delivered: true });
    assert_eq!(payload(listening.receive().await), json!({ "text": "hello", "room": "abc" }));
    let reply = room.dispatch_by_name("sendMessage", json!({ "text": "again" })).await.unwrap();
    assert_eq!(reply, json!({ "delivered": true }));
    assert_eq!(payload(listening.receive().await)["text"], "again");
}

#[tokio::test]
async fn an_event_is_validated_before_its_handler_runs() {
    // RTE-07, SCH-17
    let cx = start().await.cx;
    let room = Post::subscription(&cx, json!({})).unwrap();
    let heard: Arc<Mutex<usize>> = Arc::default();
    let counted = heard.clone();
    let _listener = room.on_publish(move |_| *counted.lock().unwrap() += 1);
    assert!(room.dispatch(SendMessage { text: String::new() }).await.unwrap_err().is(Code::ValidationError));
    for bad in
        [json!({ "text": "" }), json!({}), json!({ "text": "a", "b": 1 }), json!(null), json!({ "text": 1 })]
    {
        let error = room.dispatch_by_name("sendMessage", bad).await.unwrap_err();
        assert!(error.is(Code::ValidationError) && !error.violations().is_empty(), "{error}");
    }
    assert!(room.dispatch_json("sendMessage", b"{\"text\":").await.unwrap_err().is(Code::ParseError));
    assert_eq!(*heard.lock().unwrap(), 0);
}

#[tokio::test]
async fn an_unknown_event_is_no_event() {
    // RTE-09
    let cx = start().await.cx;
    let room = Post::subscription(&cx, json!({})).unwrap();
    let error = room.dispatch_by_name("sendMesage", json!({})).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("EVENT_NOT_FOUND", 404));
    assert_eq!(error.details().unwrap()["id"], "sendMesage");
    assert!(error.message().contains("did you mean `sendMessage`?"));
    let elsewhere = Comment::subscription(&cx, json!({})).unwrap();
    let error = elsewhere.dispatch(SendMessage { text: "a".into() }).await.unwrap_err();
    assert!(error.is(Code::EventNotFound));
}

struct Watch(Mutex<Vec<String>>);

impl Observer for Watch {
    fn published(&self, model: &'static Shape, scope: &Json, _: &str, payload: &Published) {
        self.0.lock().unwrap().push(format!("{} {scope} {}", model.path, payload.json()));
    }

    fn ended(&self, id: &str) {
        self.0.lock().unwrap().push(format!("ended {}", id.split(':').next().unwrap()));
    }
}

#[tokio::test]
async fn an_observer_hears_of_every_scope() {
    // RTE-06
    let cx = start().await.cx;
    let watch = Arc::new(Watch(Mutex::default()));
    cx.engine().observe(watch.clone());
    Post::subscription(&cx, json!({ "a": 1 })).unwrap().publish(1).unwrap();
    let kept = Comment::subscription(&cx, json!({})).unwrap();
    kept.publish("x").unwrap();
    Comment::unsubscribe(&cx, json!({})).unwrap();
    assert_eq!(
        *watch.0.lock().unwrap(),
        [r#"content/posts {"a":1} 1"#, r#"content/comments {} "x""#, "ended content/comments"]
    );
}

#[tokio::test]
async fn patterns_of_the_emitter_are_checked() {
    // HOO-13
    let cx = start().await.cx;
    let engine = cx.engine();
    for good in ["system/users.insert", "*.delete", "system/users.*", "*", "system/users"] {
        engine.on(good, |_| {}).unwrap().off();
    }
    let error = engine.on("system/user.insert", |_| {}).unwrap_err();
    assert!(error.is(Code::ModelNotFound) && error.message().contains("`system/users`"), "{error}");
    let error = engine.once("*.inserted", |_| {}).unwrap_err();
    assert!(error.is(Code::InvalidRequest) && error.message().contains("`insert`"), "{error}");
}
