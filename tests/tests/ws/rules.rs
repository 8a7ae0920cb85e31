//! Rules over the wire.

use modeller::live::{LiveOptions, RulesOptions};
use modeller::prelude::*;
use serde_json::json;

use super::{Note, Server};

/// A payment, as it is told of.
#[derive(Deserialize, JsonSchema, Validate)]
struct Paid {
    #[validate(range(min = 1))]
    cents: u32,
}

/// Remembers what was paid.
#[modeller::rule(Note, topic = "payments.*")]
async fn remember(paid: Paid, event: &RuleEvent, cx: &Cx) -> Result<()> {
    let fact = json!({ "cents": paid.cents, "of": event.correlation_id });
    let rules = cx.rules()?;
    rules.set_fact(cx, "payments:last", fact).await?;
    rules.emit(cx, "payments.noted.last", json!(paid.cents), None).map(drop)
}

#[tokio::test]
async fn without_rules_every_operation_of_rules_is_refused() {
    // RUL-01
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let operations = ["emit", "setFact", "getFact", "deleteFact", "queryFacts", "getAllFacts", "stats"];
    for operation in operations.into_iter().chain(["subscribe", "unsubscribe"]) {
        let arguments =
            json!({ "topic": "a", "key": "a", "value": 1, "pattern": "a", "subscriptionId": "rule-1" });
        let (code, _) = client.code(&format!("rules.{operation}"), arguments).await;
        assert_eq!(code, "RULES_NOT_AVAILABLE", "{operation}");
    }
    assert!(!server.live.connections().stats().rules_enabled);
}

#[tokio::test]
async fn a_declared_rule_runs_on_what_a_client_emits() {
    // RUL-02 RUL-03
    let server = Server::of(App::isolated().rules(RulesOptions::new()), LiveOptions::new()).await;
    let mut client = server.client().await;
    client.data("rules.subscribe", json!({ "pattern": "payments.noted.*" })).await;
    // Neither what does not fit, nor what a rule forbids, nor another topic gets as far as the function.
    for (topic, data) in [
        ("payments.made", json!({ "cents": "many" })),
        ("payments.made", json!({ "cents": 0 })),
        ("payments.made", json!(7)),
        ("payments", json!({ "cents": 1 })),
        ("payments.made.twice", json!({ "cents": 2 })),
    ] {
        client.data("rules.emit", json!({ "topic": topic, "data": data })).await;
    }
    let paid =
        json!({ "topic": "payments.made", "data": { "cents": 5, "by": "ada" }, "correlationId": "c1" });
    client.data("rules.emit", paid).await;
    assert_eq!(client.next().await["data"]["event"]["data"], 5);
    let fact = client.data("rules.getFact", json!({ "key": "payments:last" })).await;
    assert_eq!(fact["value"], json!({ "cents": 5, "of": "c1" }));
    let stats = client.data("rules.stats", json!({})).await;
    assert_eq!((&stats["handlers"], &stats["failed"]), (&json!(1), &json!(3)));
}

#[tokio::test]
async fn changes_of_a_bridged_model_are_pushed() {
    // RUL-05 RUL-04
    let rules = RulesOptions::new().bridge::<Note>();
    let server = Server::of(App::isolated().rules(rules), LiveOptions::new()).await;
    let mut client = server.client().await;
    client.data("rules.subscribe", json!({ "pattern": "app.notes.*" })).await;
    let note = Note::insert(&server.cx, Note { text: "hello".into() }).await.unwrap();
    Note::update(&server.cx, &note.id, Note::TEXT.set("bye")).await.unwrap();
    Note::delete(&server.cx, &note.id).await.unwrap();
    for (topic, text) in [("inserted", "hello"), ("updated", "bye"), ("deleted", "bye")] {
        let push = client.next().await;
        assert_eq!(
            (&push["channel"], &push["data"]["topic"]),
            (&json!("event"), &json!(format!("app.notes.{topic}")))
        );
        let told = &push["data"]["event"]["data"];
        assert_eq!((&told["_id"], &told["text"]), (&json!(note.id), &json!(text)));
    }
}

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
