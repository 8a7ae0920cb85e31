//! Facts are set, read, selected and removed, in the transaction of whoever does it.

use modeller::live::RulesOptions;
use modeller::prelude::*;
use serde_json::{Value as Json, json};

async fn cx() -> Cx {
    App::isolated().allow_empty().rules(RulesOptions::new()).cx().await.unwrap()
}

async fn keys(cx: &Cx, pattern: &str) -> Vec<String> {
    let facts = cx.rules().unwrap().query_facts(cx, pattern).await.unwrap();
    facts.into_iter().map(|fact| fact.key).collect()
}

#[tokio::test]
async fn an_application_without_rules_says_so() {
    // RUL-01
    let cx = App::isolated().allow_empty().cx().await.unwrap();
    assert_eq!(cx.rules().unwrap_err().code(), "RULES_NOT_AVAILABLE");
    let live = modeller::live::Live::new(cx.engine().clone(), Default::default());
    assert!(live.rules().is_none());
}

#[tokio::test]
async fn a_fact_is_any_json_and_is_replaced_by_the_next_one() {
    // RUL-03
    let cx = cx().await;
    let rules = cx.rules().unwrap();
    for value in [json!(null), json!(false), json!(1.5), json!("x"), json!([1, {"a": null}]), json!(u64::MAX)]
    {
        rules.set_fact(&cx, "customer:1:value", value.clone()).await.unwrap();
        let fact = rules.get_fact(&cx, "customer:1:value").await.unwrap().unwrap();
        assert_eq!(fact.value, value);
    }
    let fact = rules.set_fact(&cx, "customer:1:value", 7).await.unwrap();
    assert_eq!((fact.version, fact.value), (7, json!(7)));
    assert!(rules.get_fact(&cx, "customer:1").await.unwrap().is_none());
    assert!(rules.delete_fact(&cx, "customer:1:value").await.unwrap());
    assert!(!rules.delete_fact(&cx, "customer:1:value").await.unwrap());
    assert!(rules.all_facts(&cx).await.unwrap().is_empty());
}

#[tokio::test]
async fn facts_are_selected_by_the_parts_of_their_keys() {
    // RUL-03
    let cx = cx().await;
    let rules = cx.rules().unwrap();
    for key in
        ["customer:1:age", "customer:2:age", "customer:2:a_e", "customer:2:name", "customer:2:x:age", "shop"]
    {
        rules.set_fact(&cx, key, key).await.unwrap();
    }
    assert_eq!(keys(&cx, "customer:*:age").await, ["customer:1:age", "customer:2:age"]);
    assert_eq!(keys(&cx, "customer:*:a_e").await, ["customer:2:a_e"]);
    assert_eq!(keys(&cx, "customer:2:*").await, ["customer:2:a_e", "customer:2:age", "customer:2:name"]);
    assert_eq!(keys(&cx, "customer:2:**").await.len(), 4);
    assert_eq!(keys(&cx, "*").await.len(), 6);
    assert_eq!(rules.all_facts(&cx).await.unwrap().len(), 6);
    assert_eq!(rules.stats(&cx).await.unwrap().facts, 6);
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    // RUL-03
    let cx = cx().await;
    let rules = cx.rules().unwrap();
    let error = rules.set_fact(&cx, "a:*", 1).await.unwrap_err();
    assert_eq!((error.code(), error.field()), ("INVALID_REQUEST", Some("key")));
    let error = rules.set_fact(&cx, "a", "x".repeat(70_000)).await.unwrap_err();
    assert_eq!((error.code(), error.field()), ("PAYLOAD_TOO_LARGE", Some("value")));
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(rules.set_fact(&cx, "a", deep).await.unwrap_err().code(), "INVALID_REQUEST");
    assert_eq!(rules.query_facts(&cx, "a*").await.unwrap_err().field(), Some("pattern"));
    assert!(rules.all_facts(&cx).await.unwrap().is_empty());

    let tx = cx.transaction(async |tx| {
        let rules = tx.rules()?;
        let large = Json::from("x".repeat(65_000));
        for index in 0..140 {
            rules.set_fact(&tx, &format!("a:{index}"), large.clone()).await?;
        }
        Ok(())
    });
    tx.await.unwrap();
    assert_eq!(rules.all_facts(&cx).await.unwrap_err().code(), "INVALID_QUERY");
    assert_eq!(rules.query_facts(&cx, "a:7").await.unwrap().len(), 1);
}

#[tokio::test]
async fn facts_belong_to_the_transaction_they_are_set_in() {
    // RUL-03
    let cx = cx().await;
    let rules = cx.rules().unwrap();
    let failed: Result<()> = cx
        .transaction(async |tx| {
            let rules = tx.rules()?;
            rules.set_fact(&tx, "a:b", 1).await?;
            assert_eq!(rules.query_facts(&tx, "a:*").await?.len(), 1);
            Err(Error::new(Code::Forbidden, "no"))
        })
        .await;
    assert_eq!(failed.unwrap_err().code(), "FORBIDDEN");
    assert!(rules.get_fact(&cx, "a:b").await.unwrap().is_none());
    assert!(rules.set_fact(&cx.reading(), "a:b", 1).await.is_err());
}
