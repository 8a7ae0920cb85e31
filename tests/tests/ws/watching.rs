//! Queries by name over the wire.

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
    ] {
        assert_eq!(client.code("store.subscribe", wish.clone()).await.0, code, "{wish}");
    }
}
