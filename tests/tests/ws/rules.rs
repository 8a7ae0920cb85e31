//! Rules over the wire.

use modeller::App;
use modeller::live::{LiveOptions, RulesOptions};
use serde_json::json;

use super::Server;

#[tokio::test]
async fn facts_and_events_go_over_the_wire() {
    // RUL-02, RUL-03, RUL-04, RWS-06, RWS-10
    let server = Server::of(App::isolated().rules(RulesOptions::new()), LiveOptions::new()).await;
    let (mut client, mut other) = (server.client().await, server.client().await);
    let heard = client.data("rules.subscribe", json!({ "pattern": "orders.*" })).await;
    let emitted = json!({ "topic": "orders.paid", "data": { "cents": 5 }, "correlationId": "c1" });
    other.data("rules.emit", json!({ "topic": "users.new" })).await;
    other.data("rules.emit", emitted).await;
    let push = client.next().await;
    assert_eq!((&push["type"], &push["channel"]), (&json!("push"), &json!("event")));
    assert_eq!(push["subscriptionId"], heard["subscriptionId"]);
    assert_eq!(push["data"]["topic"], "orders.paid");
    assert_eq!(push["data"]["event"]["data"], json!({ "cents": 5 }));
    assert_eq!(push["data"]["event"]["correlationId"], "c1");

    other.data("rules.setFact", json!({ "key": "customer:1:age", "value": 36 })).await;
    assert_eq!(client.data("rules.getFact", json!({ "key": "customer:1:age" })).await["value"], 36);
    let found = client.data("rules.queryFacts", json!({ "pattern": "customer:*:age" })).await;
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(client.data("rules.deleteFact", json!({ "key": "customer:1:age" })).await["deleted"], true);
    assert_eq!(client.data("rules.getAllFacts", json!({})).await, json!([]));
    assert!(client.data("rules.stats", json!({})).await.is_object());

    client.data("rules.unsubscribe", json!({ "subscriptionId": heard["subscriptionId"] })).await;
    other.data("rules.emit", json!({ "topic": "orders.paid" })).await;
    // Nothing came before this.
    assert!(client.data("store.buckets", json!({})).await.is_array());
    assert_eq!(client.code("rules.nothing", json!({})).await.0, "UNKNOWN_OPERATION");
    assert_eq!(client.code("rules.emit", json!({ "topic": 3 })).await.0, "INVALID_REQUEST");
    assert!(server.live.connections().stats().rules_enabled);
}
