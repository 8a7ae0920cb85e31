//! Live queries: the answer, then what each transaction changes in it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::*;

const NOTES: &str = "app/notes";

async fn note(server: &Server, text: &str) -> Doc<Note> {
    Note::insert(&server.cx, Note { text: text.into() }).await.unwrap()
}

/// The documents as a client knows them.
#[derive(Default)]
struct Known(BTreeMap<String, Json>);

impl Known {
    fn take(&mut self, data: &Json) {
        if let Some(documents) = data["documents"].as_array() {
            self.0 =
                documents.iter().map(|one| (one["_id"].as_str().unwrap().to_owned(), one.clone())).collect();
        }
        for change in data["changes"].as_array().into_iter().flatten() {
            let id = change["_id"].as_str().unwrap().to_owned();
            match change["type"].as_str().unwrap() {
                "leave" => assert!(self.0.remove(&id).is_some(), "{id} leaves and was not there"),
                "enter" => assert!(self.0.insert(id, change["document"].clone()).is_none()),
                _ => assert!(self.0.insert(id, change["document"].clone()).is_some()),
            }
        }
    }
}

#[tokio::test]
async fn a_subscription_is_answered_and_then_told_of_each_transaction() {
    // LIV-14, LIV-15, LIV-16, LIV-18, RWS-06
    let server = Server::start(LiveOptions::new()).await;
    let there = note(&server, "there").await;
    let mut client = server.client().await;
    let begun = client.data("store.subscribe", json!({"bucket": NOTES})).await;
    let id = begun["subscriptionId"].as_str().unwrap().to_owned();
    assert!(id.starts_with("sub-"));
    assert_eq!(begun["data"]["documents"][0]["_id"], there.id.as_str());
    assert_eq!(server.live.connections().list()[0].store_subscriptions, 1);

    // By somebody else: the push of one's own write may come before its result.
    server
        .cx
        .transaction(async |tx| {
            Note::insert(&tx, Note { text: "one".into() }).await?;
            Note::insert(&tx, Note { text: "two".into() }).await
        })
        .await
        .unwrap();
    let push = client.next().await;
    assert_eq!(
        (&push["type"], &push["channel"], &push["subscriptionId"]),
        (&json!("push"), &json!("subscription"), &json!(id))
    );
    assert!(push.get("id").is_none());
    let changes = push["data"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|change| change["type"] == "enter"));

    assert_eq!(
        client.data("store.unsubscribe", json!({"subscriptionId": id})).await,
        json!({"unsubscribed": true})
    );
    assert_eq!(client.code("store.unsubscribe", json!({"subscriptionId": id})).await.0, "NOT_FOUND");
    note(&server, "three").await;
    // Nothing comes but the answer.
    assert_eq!(client.data("store.count", json!({"bucket": NOTES})).await, json!(4));
    let given_back = async {
        while server.live.connections().list()[0].store_subscriptions > 0 {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, given_back).await.expect("its place is given back");
}

#[tokio::test]
async fn membership_follows_the_filter() {
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let young = json!({"bucket": "system/users", "filter": {"age": {"$lt": 30}}});
    let begun = client.data("store.subscribe", young).await;
    assert_eq!(begun["data"]["documents"], json!([]));
    let ann = User { email: "ann@example.com".into(), age: 20, secret: Some("s".into()) };
    let ann = User::insert(&server.cx, ann).await.unwrap();
    let push = client.next().await;
    assert_eq!(push["data"]["changes"][0]["type"], "enter");
    assert!(!push.to_string().contains("secret"), "{push}");
    User::update(&server.cx, &ann.id, User::AGE.set(40)).await.unwrap();
    let push = client.next().await;
    assert_eq!(
        (&push["data"]["changes"][0]["type"], &push["data"]["changes"][0]["_id"]),
        (&json!("leave"), &json!(ann.id.as_str()))
    );
}

#[tokio::test]
async fn who_watches_the_same_twice_is_told_twice() {
    let server = Server::start(LiveOptions::new()).await;
    let (mut client, mut other) = (server.client().await, server.client().await);
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(client.data("store.subscribe", json!({"bucket": NOTES})).await["subscriptionId"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    // The first of each has the same name everywhere, so that its frame is the same.
    assert_eq!(other.data("store.subscribe", json!({"bucket": NOTES})).await["subscriptionId"], ids[0]);
    note(&server, "one").await;
    let mut told =
        vec![client.next().await["subscriptionId"].clone(), client.next().await["subscriptionId"].clone()];
    told.sort_by_key(ToString::to_string);
    ids.sort_by_key(ToString::to_string);
    assert_eq!(told, ids);
    assert_eq!(other.next().await["data"]["changes"][0]["document"]["text"], "one");
}

#[tokio::test]
async fn who_comes_back_goes_on_where_it_was() {
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let begun = client.data("store.subscribe", json!({"bucket": NOTES})).await;
    note(&server, "seen").await;
    let position = client.next().await["data"]["position"].clone();
    drop(client);
    server.until(0).await;
    note(&server, "missed").await;
    let mut again = server.client().await;
    let resumed = again.data("store.subscribe", json!({"bucket": NOTES, "position": position})).await;
    assert_eq!(resumed["subscriptionId"], begun["subscriptionId"]);
    let changes = resumed["data"]["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["document"]["text"]), (1, &json!("missed")));
    let (code, _) = again.code("store.subscribe", json!({"bucket": NOTES, "position": 7})).await;
    assert_eq!(code, "VALIDATION_ERROR");
    let forged = again.ask("store.subscribe", json!({"bucket": NOTES, "position": "forged"})).await;
    // Either refused, or begun anew: never as if nothing had been missed.
    assert!(forged["type"] == "error" || forged["data"]["data"]["reset"] == true, "{forged}");
}

#[tokio::test]
async fn a_connection_has_at_most_a_hundred_subscriptions() {
    // LIV-19
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let mut last = json!(null);
    for _ in 0..100 {
        last = client.data("store.subscribe", json!({"bucket": NOTES})).await["subscriptionId"].take();
    }
    assert_eq!(client.code("store.subscribe", json!({"bucket": NOTES})).await.0, "RATE_LIMITED");
    client.data("store.unsubscribe", json!({"subscriptionId": last})).await;
    sleep(Duration::from_millis(50)).await;
    client.data("store.subscribe", json!({"bucket": NOTES})).await;
    drop(client);
    server.until(0).await;
    let ended = async {
        while server.live.queries().1 > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("subscriptions end with their connection");
}

#[tokio::test]
async fn a_slow_reader_ends_up_with_what_is_there() {
    // OPS-03
    let server = Server::start(LiveOptions::new().backpressure(32 * 1024, 0.8)).await;
    let mut client = server.client().await;
    let begun = client.data("store.subscribe", json!({"bucket": NOTES})).await;
    let mut known = Known::default();
    known.take(&begun["data"]);
    let text = "x".repeat(20_000);
    let mut most = 0;
    for round in 0..600 {
        let one = note(&server, &format!("{round} {text}")).await;
        if round % 3 == 0 {
            Note::delete(&server.cx, &one.id).await.unwrap();
        }
        most = most.max(server.live.connections().list()[0].buffered_bytes);
    }
    // 12 MB were written, and the client has read none of it.
    assert!(most < 32 * 1024 + 3 * 1024 * 1024, "{most}");
    let there = Note::find().limit(10_000).all(&server.cx).await.unwrap();
    let caught_up = async {
        while known.0.len() != there.len() || !there.iter().all(|one| known.0.contains_key(one.id.as_str())) {
            known.take(&client.next().await["data"]);
        }
    };
    timeout(Duration::from_secs(30), caught_up).await.expect("it ends up right");
    let info = &server.live.connections().list()[0];
    assert!(info.coalesced > 0 || info.resets > 0, "{info:?}");
}

#[tokio::test]
async fn what_a_slow_reader_has_given_up_does_not_reach_what_it_asks_next() {
    // OPS-03, LIV-16
    const MARK: usize = 256 * 1024;
    let server = Server::start(LiveOptions::new().backpressure(2 * MARK, 0.5)).await;
    let mut client = server.client().await;
    let begun = client.data("store.subscribe", json!({"bucket": NOTES})).await;
    let id = begun["subscriptionId"].clone();
    let text = "x".repeat(8_000);
    let mut written = 0;
    while server.live.connections().list()[0].buffered_bytes < MARK {
        let one = note(&server, &format!("{written} {text}")).await;
        if written % 3 == 0 {
            Note::delete(&server.cx, &one.id).await.unwrap();
        }
        written += 1;
        assert!(written < 3_000, "the sockets take all there is");
    }
    client.say(json!({"id": "end", "type": "store.unsubscribe", "subscriptionId": id}).to_string()).await;
    while client.next().await["id"] != "end" {}
    // Of what waits nothing comes any more, not even under a name that is used again.
    let begun = client.data("store.subscribe", json!({"bucket": NOTES})).await;
    assert_eq!(begun["subscriptionId"], id);
    let mut known = Known::default();
    known.take(&begun["data"]);
    note(&server, "the last").await;
    let there = Note::find().limit(10_000).all(&server.cx).await.unwrap();
    while known.0.len() != there.len() {
        known.take(&client.next().await["data"]);
    }
    assert!(there.iter().all(|one| known.0.contains_key(one.id.as_str())));
}

#[tokio::test]
async fn nothing_is_told_after_a_sign_out() {
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    client.data("store.subscribe", json!({"bucket": NOTES})).await;
    client.data("auth.logout", json!({})).await;
    note(&server, "unseen").await;
    assert_eq!(client.data("store.count", json!({"bucket": NOTES})).await, json!(1));
}

#[tokio::test]
async fn figures_are_told_once_a_transaction() {
    // LIV-15, LIV-18
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let count = json!({"bucket": NOTES, "query": "count", "filter": {"text": {"$like": "a%"}}});
    let begun = client.data("store.subscribe", count.clone()).await;
    assert_eq!(begun["data"]["data"], 0);
    let groups = json!({"bucket": NOTES, "query": "aggregate", "groupBy": "text", "aggregates": {"n": {"count": true}}});
    let grouped = client.data("store.subscribe", groups).await;
    assert_eq!(grouped["data"]["groups"], json!([]));
    server
        .cx
        .transaction(async |tx| {
            Note::insert(&tx, Note { text: "a".into() }).await?;
            Note::insert(&tx, Note { text: "b".into() }).await?;
            Note::insert(&tx, Note { text: "a".into() }).await
        })
        .await
        .unwrap();
    let mut pushes = [client.next().await, client.next().await];
    pushes.sort_by_key(|push| push["subscriptionId"] != begun["subscriptionId"]);
    assert_eq!(pushes[0]["data"]["data"], 2);
    let changes = pushes[1]["data"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|change| change["type"] == "enter" && change["group"]["text"].is_string()));
    // By its position it goes on.
    let position = &pushes[0]["data"]["position"];
    let mut again = count.clone();
    again["position"] = position.clone();
    let again = client.data("store.subscribe", again).await;
    assert_eq!(again["data"]["changes"], json!([]));
    let wrong = json!({"bucket": NOTES, "query": "count", "sort": "text"});
    assert_eq!(client.code("store.subscribe", wrong).await.0, "VALIDATION_ERROR");
}
