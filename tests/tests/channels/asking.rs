//! What clients ask for by name.

use std::sync::Arc;

use modeller::Code;
use modeller::live::{CHANNEL_OPERATIONS, ChannelEventKind, ChannelSettings};
use serde_json::{Value as Json, json};

use super::{Ear, START, Site, site};

async fn ask(site: &Site, ear: &Arc<Ear>, operation: &str, arguments: Json) -> modeller::Result<Json> {
    let (cx, arguments) = (site.anybody(), arguments.to_string());
    site.channels().perform(&cx, "c1", operation, arguments.as_bytes(), None, ear.clone()).await
}

#[tokio::test]
async fn a_client_does_everything_by_name() {
    // CHA-01, CHA-02, CHA-06, CHA-07, CHA-13, CHA-16, CHA-17, CHA-20, CHA-22
    let site = site(ChannelSettings::new()).await;
    let ear = Ear::new();
    let room = json!({ "channel": "room:1" });
    site.cx.channel("room:1").send("say", "before").await.unwrap();
    let mut asked = Vec::new();
    let mut answer = async |operation: &'static str, more: Json| {
        asked.push(operation);
        let mut arguments = room.clone();
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask(&site, &ear, operation, arguments).await.unwrap()
    };
    let joined =
        answer("subscribe", json!({ "config": { "presence": { "key": "ada" }, "since": START } })).await;
    let position = joined["position"].as_str().unwrap().to_owned();
    let replayed = json!({ "count": 1, "complete": true, "more": false, "position": position });
    assert_eq!(
        joined,
        json!({
            "channel": "room:1", "private": false, "heartbeat_ms": 22_500, "position": position, "replayed": replayed
        })
    );
    let said =
        answer("publish", json!({ "event": "say", "payload": { "b": 1.0, "a": 12345678901234567890_u64 } }))
            .await;
    assert_eq!(said["status"], "ok");
    assert_eq!(answer("replay", json!({ "since": "2026-09-21T14:13:20Z", "limit": 5 })).await, replayed);
    assert_eq!(
        answer("track", json!({ "state": { "x": 1 } })).await,
        json!({ "status": "ok", "tracked": "joined" })
    );
    assert_eq!(answer("track", json!({ "state": 2 })).await["tracked"], "updated");
    assert_eq!(answer("presence_state", json!({})).await["state"]["ada"][0]["state"], 2);
    assert_eq!(answer("heartbeat", json!({})).await, json!({ "present": 1 }));
    assert_eq!(answer("untrack", json!({})).await, json!({ "untracked": true }));
    let bound = answer("postgres_changes:subscribe", json!({ "event": "INSERT", "table": "orders" })).await;
    assert_eq!(answer("postgres_changes:unsubscribe", bound).await, json!({ "unsubscribed": true }));
    assert_eq!(answer("unsubscribe", json!({})).await, json!({ "unsubscribed": true }));
    assert_eq!(answer("unsubscribe", json!({})).await, json!({ "unsubscribed": false }));
    asked.sort_unstable();
    asked.dedup();
    let mut all = CHANNEL_OPERATIONS;
    all.sort_unstable();
    assert_eq!(asked, all);
    let events = ear.events();
    let kinds: Vec<_> = events.iter().map(|event| event.kind().name()).collect();
    let heard = [
        "presence_state",
        "broadcast",
        "broadcast",
        "broadcast",
        "presence_join",
        "presence_update",
        "presence_leave",
    ];
    assert_eq!(kinds, heard);
    assert!(events[2].json().contains(r#""payload":{"b":1.0,"a":12345678901234567890}"#), "{:?}", events[2]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_so() {
    let site = site(ChannelSettings::new()).await;
    let ear = Ear::new();
    let room = json!({ "channel": "a" });
    ask(&site, &ear, "subscribe", room.clone()).await.unwrap();
    let bad = [
        ("dance", room.clone(), Code::MethodNotFound),
        ("subscribe", json!({}), Code::InvalidRequest),
        ("subscribe", json!([]), Code::InvalidRequest),
        ("subscribe", json!({ "channel": 1 }), Code::InvalidRequest),
        ("subscribe", json!({ "channel": "b", "privat": true }), Code::InvalidRequest),
        ("subscribe", json!({ "channel": "b", "config": { "private": "yes" } }), Code::InvalidRequest),
        ("subscribe", json!({ "channel": "b", "config": { "private": true } }), Code::Forbidden),
        ("replay", room.clone(), Code::InvalidRequest),
        ("replay", json!({ "channel": "a", "since": START, "limit": -1 }), Code::InvalidRequest),
        ("postgres_changes:subscribe", room.clone(), Code::InvalidRequest),
        ("postgres_changes:unsubscribe", room.clone(), Code::InvalidRequest),
        ("postgres_changes:unsubscribe", json!({ "subscription_id": "x" }), Code::NotFound),
        ("track", json!({ "channel": "b" }), Code::NotFound),
    ];
    for (operation, arguments, code) in bad {
        let error = ask(&site, &ear, operation, arguments.clone()).await.unwrap_err();
        assert!(error.is(code), "{operation} {arguments}: {error}");
    }
    // CHA-07: always an acknowledgement.
    let said = ask(&site, &ear, "publish", room).await.unwrap();
    assert_eq!((&said["status"], &said["error"]["code"]), (&json!("error"), &json!("INVALID_REQUEST")));
    let (cx, twice) = (site.anybody(), br#"{"channel":"a","channel":"b"}"#);
    let twice = site.channels().perform(&cx, "c1", "untrack", twice, None, ear);
    assert!(twice.await.unwrap_err().is(Code::ParseError));
}

#[tokio::test]
async fn a_change_says_of_which_binding_it_is() {
    // CHA-06, LIV-21
    let site = site(ChannelSettings::new()).await;
    let ear = Ear::new();
    ask(&site, &ear, "subscribe", json!({ "channel": "a" })).await.unwrap();
    let bound =
        ask(&site, &ear, "postgres_changes:subscribe", json!({ "channel": "a", "table": "orders" })).await;
    ear.forget();
    super::changes::insert(&site);
    let events = ear.events();
    assert_eq!(events[0].kind(), ChannelEventKind::Changes);
    let message: Json = serde_json::from_str(&events[0].message()).unwrap();
    assert_eq!((&message["type"], &message["channel"]), (&json!("postgres_changes"), &json!("a")));
    assert_eq!(message["subscription_id"], bound.unwrap()["subscription_id"]);
    assert_eq!(message["payload"]["eventType"], "INSERT");
}
