//! The operations by their names, as doors call them.

use modeller::engine::Identity;
use modeller::live::{Bridge, RulesOptions};
use modeller::prelude::*;
use serde_json::json;

use super::bridge::{Note, Order};

#[tokio::test]
async fn operations_take_and_answer_json() {
    // RWS-10 RUL-02 RUL-03 RUL-04
    let cx = App::isolated().allow_empty().rules(RulesOptions::new()).cx().await.unwrap();
    let rules = cx.rules().unwrap();
    let mut stream = rules.subscribe("a.*").unwrap();
    let event = rules
        .perform(&cx, "emit", json!({ "topic": "a.b", "data": [1], "correlationId": "c" }))
        .await
        .unwrap();
    assert_eq!(
        (&event["topic"], &event["data"], &event["correlationId"]),
        (&json!("a.b"), &json!([1]), &json!("c"))
    );
    assert!(stream.try_receive().is_some());
    let fact = rules.perform(&cx, "setFact", json!({ "key": "a:b", "value": null })).await.unwrap();
    assert_eq!((&fact["key"], &fact["value"], &fact["version"]), (&json!("a:b"), &json!(null), &json!(1)));
    assert_eq!(rules.perform(&cx, "getFact", json!({ "key": "a:b" })).await.unwrap(), fact);
    assert_eq!(rules.perform(&cx, "queryFacts", json!({ "pattern": "a:*" })).await.unwrap(), json!([fact]));
    assert_eq!(rules.perform(&cx, "getAllFacts", json!({})).await.unwrap(), json!([fact]));
    let deleted = rules.perform(&cx, "deleteFact", json!({ "key": "a:b" })).await.unwrap();
    assert_eq!(deleted, json!({ "deleted": true }));
    assert_eq!(rules.perform(&cx, "getFact", json!({ "key": "a:b" })).await.unwrap(), json!(null));
    let stats = rules.perform(&cx, "stats", json!({})).await.unwrap();
    let expected = json!({
        "facts": 0, "subscriptions": 1, "handlers": 0, "emitted": 1, "handled": 0, "failed": 0, "missed": 0,
    });
    assert_eq!(stats, expected);
}

#[tokio::test]
async fn wrong_arguments_are_refused() {
    // RWS-10
    let cx = App::isolated().allow_empty().rules(RulesOptions::new()).cx().await.unwrap();
    let rules = cx.rules().unwrap();
    for (operation, arguments, code) in [
        ("emit", json!({ "data": 1 }), "INVALID_REQUEST"),
        ("emit", json!({ "topic": 1 }), "INVALID_REQUEST"),
        ("emit", json!({ "topic": "a", "dada": 1 }), "INVALID_REQUEST"),
        ("emit", json!({ "topic": "a.*" }), "INVALID_REQUEST"),
        ("setFact", json!({ "key": "a" }), "INVALID_REQUEST"),
        ("getFact", json!([]), "INVALID_REQUEST"),
        ("getFact", json!(null), "INVALID_REQUEST"),
        ("deleteFact", json!({ "key": "" }), "INVALID_REQUEST"),
        ("queryFacts", json!({ "pattern": "a*" }), "INVALID_REQUEST"),
        ("getAllFacts", json!({ "pattern": "a" }), "INVALID_REQUEST"),
        ("getfact", json!({}), "METHOD_NOT_FOUND"),
    ] {
        let error = rules.perform(&cx, operation, arguments.clone()).await.unwrap_err();
        assert_eq!(error.code(), code, "{operation} {arguments}");
    }
}

#[tokio::test]
async fn clients_don_t_say_what_the_application_says() {
    // RUL-02 RUL-05
    let elsewhere = Bridge::new().map_topic(|_| "written".into());
    let options = RulesOptions::new()
        .bridge::<Order>()
        .bridge_with::<Note>(elsewhere)
        .reserve("billing.**")
        .reserve("written");
    let cx = App::isolated().models::<(Order, Note)>().rules(options).cx().await.unwrap();
    let (rules, client) = (cx.rules().unwrap(), cx.as_identity(Identity::Anonymous));
    let system = cx.as_identity(Identity::System);
    for (topic, is_theirs) in [
        ("shop.orders.inserted", false),
        ("shop.orders.updated", false),
        ("shop.orders.deleted", false),
        ("billing.paid.eu", false),
        ("written", false),
        ("shop.orders.wanted", true),
        ("shop.notes.inserted", true),
        ("billing", true),
    ] {
        let emitted = rules.perform(&client, "emit", json!({ "topic": topic })).await;
        match is_theirs {
            true => assert_eq!(emitted.unwrap()["topic"], topic),
            false => assert_eq!(emitted.unwrap_err().code(), "FORBIDDEN", "{topic}"),
        }
        rules.perform(&system, "emit", json!({ "topic": topic })).await.unwrap();
        // What the application does for somebody it does itself.
        rules.emit(&client, topic, json!(1), None).unwrap();
    }
    let wrong = App::isolated().allow_empty().rules(RulesOptions::new().reserve("billing*")).cx().await;
    assert!(wrong.is_err());
}
