//! Subscriptions over the wire.

use modeller::live::LiveOptions;
use modeller::prelude::*;
use serde_json::json;

use super::{Server, User};

/// How many are of age.
#[modeller::query(User)]
async fn grown(cx: &Cx, from: i64) -> Result<u64> {
    User::find().filter(User::AGE.gte(from)).count(cx).await
}

#[tokio::test]
async fn a_subscription_begins_in_its_result_and_goes_on_in_pushes() {
    // LIV-14, LIV-15, LIV-16, RWS-06, RWS-09
    let server = Server::start(LiveOptions::new()).await;
    let (mut client, mut other) = (server.client().await, server.client().await);
    client.insert("ada@example.org", 36).await;
    let wish = json!({ "bucket": "system/users", "filter": { "age": { "$gte": 18 } } });
    let begun = client.data("store.subscribe", wish.clone()).await;
    assert_eq!(begun["documents"].as_array().unwrap().len(), 1);
    assert!(begun["documents"][0].get("secret").is_none());
    let id = begun["subscriptionId"].clone();

    other.insert("bob@example.org", 17).await;
    let eve = other.insert("eve@example.org", 18).await;
    let push = client.next().await;
    assert_eq!((&push["type"], &push["channel"]), (&json!("push"), &json!("subscription")));
    assert_eq!(push["subscriptionId"], id);
    assert!(push.get("id").is_none());
    let change = &push["data"]["changes"][0];
    assert_eq!((&change["type"], &change["_id"]), (&json!("enter"), &eve["_id"]));

    // Its own writes, too; the result comes first.
    let key = eve["_id"].as_str().unwrap();
    client.data("store.update", json!({ "bucket": "system/users", "key": key, "data": { "age": 5 } })).await;
    let push = client.next().await;
    assert_eq!(push["data"]["changes"], json!([{ "type": "leave", "_id": key }]));

    // Somebody who comes back says where it was.
    let mut again = wish;
    again["position"] = begun["position"].clone();
    let resumed = other.data("store.subscribe", again).await;
    assert_eq!((&resumed["changes"], resumed.get("reset")), (&json!([]), None));

    assert_eq!(
        client.data("store.unsubscribe", json!({ "subscriptionId": id })).await,
        json!({ "unsubscribed": true })
    );
    let (code, _) = client.code("store.unsubscribe", json!({ "subscriptionId": id })).await;
    assert_eq!(code, "NOT_FOUND");
    other.insert("joe@example.org", 40).await;
    assert_eq!(other.next().await["data"]["changes"][0]["type"], "enter");
    // Nothing came meanwhile.
    assert!(client.data("store.buckets", json!({})).await.is_array());
    drop((client, other));
    server.until(0).await;
    assert_eq!(server.live.queries(), (0, 0));
}

#[tokio::test]
async fn a_query_by_name_is_pushed_when_its_answer_is_another() {
    // LIV-14, LIV-15, LIV-18
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let begun = client.data("store.subscribe", json!({ "query": "grown", "params": { "from": 18 } })).await;
    assert_eq!(begun["data"], 0);
    client.insert("bob@example.org", 17).await;
    server
        .cx
        .transaction(async |tx| {
            let new = |email: &str| User { email: email.into(), age: 20, secret: None };
            User::insert(&tx, new("one@example.org")).await?;
            User::insert(&tx, new("two@example.org")).await
        })
        .await
        .unwrap();
    let push = client.next().await;
    assert_eq!((&push["subscriptionId"], &push["data"]), (&begun["subscriptionId"], &json!(2)));

    for (wish, code) in [
        (json!({ "query": "nothing" }), "QUERY_NOT_DEFINED"),
        (json!({ "query": "behave" }), "QUERY_NOT_DEFINED"),
        (json!({ "query": "grown", "params": { "from": "x" } }), "VALIDATION_ERROR"),
        (json!({ "query": "grown", "more": 1 }), "VALIDATION_ERROR"),
        (json!({ "bucket": "system/nobody" }), "BUCKET_NOT_DEFINED"),
        (json!({ "bucket": "system/users", "filter": { "secret": "x" } }), "VALIDATION_ERROR"),
        (json!({ "bucket": "system/users", "count": "many" }), "VALIDATION_ERROR"),
    ] {
        assert_eq!(client.code("store.subscribe", wish.clone()).await.0, code, "{wish}");
    }
}

#[tokio::test]
async fn a_connection_has_so_many_subscriptions_and_no_more() {
    // LIV-19
    let server = Server::start(LiveOptions::new().max_subscriptions(3)).await;
    let mut client = server.client().await;
    let wish = |age: i64| json!({ "bucket": "system/users", "filter": { "age": age } });
    let mut ids = Vec::new();
    for age in 0..3 {
        ids.push(client.data("store.subscribe", wish(age)).await["subscriptionId"].clone());
    }
    let (code, details) = client.code("store.subscribe", wish(3)).await;
    assert_eq!((code.as_str(), &details["details"]["maxSubscriptions"]), ("RATE_LIMITED", &json!(3)));
    client.data("store.unsubscribe", json!({ "subscriptionId": ids[0] })).await;
    for _ in 0..50 {
        // It has to notice that it has ended.
        if client.ask("store.subscribe", wish(3)).await["type"] == "result" {
            return;
        }
    }
    panic!("its place was not given back");
}
