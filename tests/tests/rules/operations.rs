//! The operations by their names, as doors call them.

use modeller::live::RulesOptions;
use modeller::prelude::*;
use serde_json::json;

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
