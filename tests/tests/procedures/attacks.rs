//! Every value is data: nothing that a caller sends is read as an operator, a name or a reference.

use super::*;

#[tokio::test]
async fn no_value_becomes_an_operator_of_a_query() {
    // RPC-12
    let kit = bank().await;
    let x = json!({ "$ref": "input.x" });
    for query in [
        json!({ "owner": x }),
        json!({ "owner": { "$eq": x } }),
        json!({ "owner": { "$in": [x] } }),
        json!({ "$or": [{ "owner": x }] }),
        json!({ "tags": x }),
    ] {
        register(&kit, json!([{ "op": "find", "model": "bank/accounts", "query": query, "as": "all" }, { "return": { "$ref": "all" } }])).await;
        for x in
            [json!({ "$ne": null }), json!({ "ne": "" }), json!([{ "$gt": "" }]), json!({ "$ref": "all" })]
        {
            let error = call(&kit, x.clone()).await.unwrap_err();
            assert_eq!((error.code(), error.status()), ("VALIDATION_ERROR", 400), "{query} of {x}: {error}");
        }
        // Nothing selects what has something.
        if let Ok(found) = call(&kit, Json::Null).await {
            assert_eq!(found, json!([]), "{query}");
        }
        kit.engine().procedures().unregister("it").await.unwrap();
    }
}

#[tokio::test]
async fn no_value_becomes_an_operator_of_a_patch_or_a_system_field() {
    // RPC-12
    let kit = bank().await;
    register(
        &kit,
        json!([{ "op": "update", "model": "bank/accounts", "key": "ada", "data": { "$ref": "input.x" } }]),
    )
    .await;
    for x in [
        json!({ "$inc": { "cents": 5 } }),
        json!({ "_version": 9 }),
        json!({ "cents": { "$inc": 1 } }),
        json!([]),
        json!("x"),
    ] {
        let error = call(&kit, x.clone()).await.unwrap_err();
        assert_eq!(error.status(), 400, "{x}: {error}");
    }
    assert_eq!(cents(&kit, "ada").await, 100);
    call(&kit, json!({ "cents": 3 })).await.unwrap();
    assert_eq!(cents(&kit, "ada").await, 3);
}

#[tokio::test]
async fn no_value_becomes_a_reference_or_a_condition() {
    // RPC-12
    let kit = bank().await;
    register(
        &kit,
        json!([
            { "op": "get", "model": "bank/accounts", "key": "ada", "as": "ada" },
            { "if": { "input.x": { "$exists": true } }, "then": [{ "return": { "given": { "$ref": "input.x" } } }] },
        ]),
    )
    .await;
    let x = json!({ "$ref": "ada.cents" });
    assert_eq!(call(&kit, x.clone()).await.unwrap(), json!({ "given": x }));
}

#[tokio::test]
async fn a_reference_through_nothing_is_an_error_and_matches_nobody() {
    // RPC-12
    let kit = bank().await;
    register(
        &kit,
        json!([
            { "op": "get", "model": "bank/accounts", "key": { "$ref": "input.x" }, "as": "user" },
            { "op": "delete", "model": "bank/accounts", "key": { "$ref": "user.owner" } },
        ]),
    )
    .await;
    let error = call(&kit, json!("nobody")).await.unwrap_err();
    assert_eq!((error.code(), error.details().unwrap()["step"].as_str()), ("NOT_FOUND", Some("/steps/1")));
    assert_eq!(call(&kit, Json::Null).await.unwrap_err().status(), 400, "a key that is null names nobody");
    assert_eq!(Account::count(&kit.cx()).await.unwrap(), 2);
}

#[tokio::test]
async fn private_fields_stay_private() {
    // RPC-12
    let kit = bank().await;
    register(&kit, json!([{ "op": "get", "model": "bank/accounts", "key": "ada", "as": "it" }, { "return": { "$ref": "it" } }])).await;
    let answer = call(&kit, Json::Null).await.unwrap();
    assert!(!answer.to_string().contains("pin"), "{answer}");
    let by_pin =
        of(json!([{ "op": "count", "model": "bank/accounts", "query": { "pin": { "$ref": "input.x" } } }]));
    assert_eq!(kit.engine().procedures().update(by_pin).await.unwrap_err().code(), "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_large_value_named_often_does_not_fill_the_memory() {
    // RPC-12
    let kit = bank().await;
    let many = vec![json!({ "$ref": "input.x" }); 1_000];
    register(&kit, json!([{ "return": many }])).await;
    let error = call(&kit, json!("x".repeat(1024 * 1024))).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("INVALID_QUERY", 400));
    assert!(call(&kit, json!("x")).await.is_ok());
}

#[tokio::test]
async fn answers_are_nested_no_deeper_than_what_is_read() {
    // RPC-12
    let kit = bank().await;
    let nested = |depth: usize, inner: Json| (0..depth).fold(inner, |inner, _| json!([inner]));
    register(&kit, json!([{ "return": nested(40, json!({ "$ref": "input.x" })) }])).await;
    assert!(call(&kit, nested(20, json!(1))).await.is_ok());
    assert_eq!(call(&kit, nested(50, json!(1))).await.unwrap_err().status(), 400);
    let deep = of(json!([{ "return": nested(100, json!(1)) }]));
    assert_eq!(kit.engine().procedures().register(deep).await.unwrap_err().status(), 400);
}
