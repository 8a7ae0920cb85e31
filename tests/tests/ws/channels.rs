//! Channels over the wire.

use modeller::App;
use modeller::live::{ChannelSettings, LiveOptions};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Client, PATIENCE, Server};

/// Asks, and answers what is pushed before the result, too.
async fn ask(client: &mut Client, kind: &str, mut members: Json, pushes: &mut Vec<Json>) -> Json {
    members["id"] = "asked".into();
    members["type"] = kind.into();
    client.say(members.to_string()).await;
    loop {
        let message = client.next().await;
        if message["id"] == "asked" {
            assert_eq!(message["type"], "result", "{message}");
            return message["data"].clone();
        }
        pushes.push(message["data"].clone());
    }
}

/// What comes of one kind, whatever comes before.
async fn heard(client: &mut Client, pushes: &mut Vec<Json>, kind: &str, event: &str) -> Json {
    loop {
        let push = if pushes.is_empty() { client.next().await["data"].clone() } else { pushes.remove(0) };
        if push["type"] == kind && (event.is_empty() || push["event"] == event) {
            return push;
        }
    }
}

#[tokio::test]
async fn what_is_said_in_a_channel_reaches_all_who_have_joined_it() {
    // CHA-01, CHA-06, CHA-07, CHA-09, CHA-10, CHA-12
    let server = Server::start(LiveOptions::new()).await;
    let (mut ada, mut bob) = (server.client().await, server.client().await);
    let (mut to_ada, mut to_bob) = (Vec::new(), Vec::new());
    let joined = ask(&mut ada, "channel.subscribe", json!({ "channel": "room:1" }), &mut to_ada).await;
    assert_eq!(joined["channel"], "room:1");
    let quiet = json!({ "channel": "room:1", "config": { "broadcast": { "self": false } } });
    ask(&mut bob, "channel.subscribe", quiet, &mut to_bob).await;
    let said = json!({ "channel": "room:1", "event": "said", "payload": { "text": "hello" } });
    let acknowledged = ask(&mut bob, "channel.publish", said, &mut to_bob).await;
    assert_eq!(acknowledged["status"], "ok");
    let told = heard(&mut ada, &mut to_ada, "broadcast", "said").await;
    assert_eq!(told["payload"], json!({ "text": "hello" }));
    // Who said it does not hear it, as it has asked for.
    ask(&mut bob, "store.buckets", json!({}), &mut to_bob).await;
    assert!(to_bob.iter().all(|push| push["type"] != "broadcast"), "{to_bob:?}");
    ask(&mut ada, "channel.unsubscribe", json!({ "channel": "room:1" }), &mut to_ada).await;
    assert_eq!(ada.code("channel.nothing", json!({})).await.0, "UNKNOWN_OPERATION");
    assert_eq!(ada.code("channel.subscribe", json!({})).await.0, "INVALID_REQUEST");
}

#[tokio::test]
async fn presence_outlives_a_cut() {
    // CHA-16, CHA-17, CHA-18, CHA-20, CHA-21
    let server = Server::start(LiveOptions::new()).await;
    let (mut ada, mut bob) = (server.client().await, server.client().await);
    let (mut to_ada, mut to_bob) = (Vec::new(), Vec::new());
    let join = json!({ "channel": "room:1", "config": { "presence": { "key": "ada" } } });
    let joined = ask(&mut ada, "channel.subscribe", join.clone(), &mut to_ada).await;
    let typing = |typing: bool| json!({ "channel": "room:1", "state": { "typing": typing } });
    ask(&mut ada, "channel.track", typing(false), &mut to_ada).await;
    ask(&mut bob, "channel.subscribe", json!({ "channel": "room:1" }), &mut to_bob).await;
    let state = heard(&mut bob, &mut to_bob, "presence", "sync").await;
    assert!(state["state"]["ada"].is_array(), "{state}");

    // Tracked twice is one update, and nobody leaves.
    ask(&mut ada, "channel.track", typing(true), &mut to_ada).await;
    let push = bob.next().await;
    assert_eq!((&push["type"], &push["data"]["event"]), (&json!("push"), &json!("update")));

    // The connection is cut, and she comes back.
    drop(ada);
    server.until(1).await;
    let mut ada = server.client().await;
    let mut again = join;
    again["resumes"] = joined["connection"].clone();
    ask(&mut ada, "channel.subscribe", again, &mut to_ada).await;
    ask(&mut ada, "channel.track", typing(true), &mut to_ada).await;
    ask(&mut ada, "channel.untrack", json!({ "channel": "room:1" }), &mut to_ada).await;
    let mut events = Vec::new();
    while events.last().map(String::as_str) != Some("leave") {
        events.push(bob.next().await["data"]["event"].as_str().unwrap().to_owned());
    }
    assert!(!events.contains(&"join".to_owned()), "{events:?}");
    // There is no other one.
    ask(&mut bob, "store.buckets", json!({}), &mut to_bob).await;
    assert_eq!(to_bob, Vec::<Json>::new());
}

#[tokio::test]
async fn nobody_goes_on_as_somebody_else_by_what_all_hear_of_them() {
    // CHA-12, CHA-19, CHA-21
    let server = Server::start(LiveOptions::new()).await;
    let (mut ada, mut eve) = (server.client().await, server.client().await);
    let (mut to_ada, mut to_eve) = (Vec::new(), Vec::new());
    let join = json!({ "channel": "room:1" });
    let joined = ask(&mut ada, "channel.subscribe", join.clone(), &mut to_ada).await;
    ask(&mut eve, "channel.subscribe", join.clone(), &mut to_eve).await;
    let here = |who: &str| json!({ "channel": "room:1", "state": { "name": who } });
    ask(&mut ada, "channel.track", here("Ada"), &mut to_ada).await;
    let said = json!({ "channel": "room:1", "event": "said", "payload": 1 });
    ask(&mut ada, "channel.publish", said, &mut to_ada).await;
    let present = heard(&mut eve, &mut to_eve, "presence", "join").await;
    let key = present["joins"].as_object().unwrap().keys().next().unwrap().clone();
    let sender = heard(&mut eve, &mut to_eve, "broadcast", "said").await["meta"]["sender_id"].clone();
    // Her name is the same wherever it is heard, and is not what she goes on with.
    assert_eq!(json!(key), sender);
    assert_ne!(sender, joined["connection"]);

    ask(&mut eve, "channel.unsubscribe", join.clone(), &mut to_eve).await;
    let mut again = join.clone();
    again["resumes"] = sender;
    ask(&mut eve, "channel.subscribe", again, &mut to_eve).await;
    ask(&mut eve, "channel.track", here("Eve"), &mut to_eve).await;
    let state = ask(&mut ada, "channel.presence_state", join, &mut to_ada).await;
    assert_eq!(state["state"].as_object().unwrap().len(), 2, "{state}");
    assert_eq!(state["state"][&key][0]["state"]["name"], "Ada");
}

#[tokio::test]
async fn changes_of_a_model_come_through_a_channel() {
    // LIV-21, LIV-22, LIV-24
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let mut pushes = Vec::new();
    ask(&mut client, "channel.subscribe", json!({ "channel": "room:1" }), &mut pushes).await;
    let changes = json!({
        "channel": "room:1", "event": "INSERT", "schema": "system", "table": "users", "filter": "age=gte.18",
    });
    let bound = ask(&mut client, "channel.postgres_changes:subscribe", changes, &mut pushes).await;
    for (email, age) in [("bob@example.org", 17), ("eve@example.org", 18)] {
        let new = json!({ "bucket": "system/users", "data": { "email": email, "age": age } });
        ask(&mut client, "store.insert", new, &mut pushes).await;
    }
    let told = heard(&mut client, &mut pushes, "postgres_changes", "").await;
    assert_eq!(told["subscription_id"], bound["subscription_id"]);
    assert_eq!(told["payload"]["eventType"], "INSERT");
    assert_eq!(told["payload"]["new"]["age"], 18);
    assert_eq!(told["payload"]["old"], json!({}));
}

#[tokio::test]
async fn who_closes_the_socket_has_left_whether_a_page_is_left_or_the_client_hangs_up() {
    // CHA-16, CHA-18, CHA-21
    // Whoever is taken for cut off, or for silent, stays for longer than anybody listens here.
    let long = 10 * PATIENCE;
    let settings = ChannelSettings::new().presence_grace(long).presence_ttl(long);
    let server = Server::of(App::isolated().channels(settings), LiveOptions::new()).await;
    let mut bob = server.client().await;
    let mut to_bob = Vec::new();
    ask(&mut bob, "channel.subscribe", json!({ "channel": "room:1" }), &mut to_bob).await;
    heard(&mut bob, &mut to_bob, "presence", "sync").await;
    // 1001 is what browsers say.
    for code in [CloseCode::Away, CloseCode::Normal] {
        let (mut ada, mut to_ada) = (server.client().await, Vec::new());
        let join = json!({ "channel": "room:1", "config": { "presence": { "key": "ada" } } });
        ask(&mut ada, "channel.subscribe", join, &mut to_ada).await;
        ask(&mut ada, "channel.track", json!({ "channel": "room:1", "state": 1 }), &mut to_ada).await;
        heard(&mut bob, &mut to_bob, "presence", "join").await;
        ada.socket.close(Some(CloseFrame { code, reason: "".into() })).await.unwrap();
        ada.end().await;
        heard(&mut bob, &mut to_bob, "presence", "leave").await;
    }
}
