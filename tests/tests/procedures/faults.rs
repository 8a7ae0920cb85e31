//! What is wrong with a procedure is said when it is registered.

use super::*;

/// The places and the words of all faults.
async fn faults(kit: &Kit, procedure: Json) -> Vec<(String, String)> {
    let error = kit.engine().procedures().register(procedure).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("VALIDATION_ERROR", 400), "{error}");
    assert!(kit.engine().procedures().list().await.unwrap().is_empty());
    error.violations().iter().map(|one| (one.instance_path.clone(), one.message.clone())).collect()
}

/// There is this one fault, and it says so.
async fn fault(kit: &Kit, steps: Json, at: &str, says: &str) {
    let found = faults(kit, of(steps)).await;
    assert!(found.len() == 1 && found[0].0 == at && found[0].1.contains(says), "{at} {says}: {found:?}");
}

#[tokio::test]
async fn unknown_names_are_told_with_the_nearest() {
    // RPC-12
    let kit = bank().await;
    let accounts = "bank/accounts";
    for (step, at, says) in [
        (json!({ "opp": "get" }), "/steps/0", "did you mean `op`?"),
        (json!({ "op": "gett", "model": accounts }), "/steps/0", "did you mean `get`?"),
        (json!({ "op": "get", "model": "bank/acounts" }), "/steps/0", "did you mean `bank/accounts`?"),
        (json!({ "op": "get", "model": accounts, "quer": {} }), "/steps/0", "unknown field `quer`"),
        (
            json!({ "op": "get", "model": accounts, "query": { "ownr": 1 } }),
            "/steps/0/query/ownr",
            "did you mean `owner`?",
        ),
        (
            json!({ "op": "get", "model": accounts, "query": { "ownr": { "$ref": "input.x" } } }),
            "/steps/0/query/ownr",
            "did you mean `owner`?",
        ),
        (
            json!({ "op": "get", "model": accounts, "query": { "cents": { "$gtt": { "$ref": "input.x" } } } }),
            "/steps/0/query/cents",
            "$gt",
        ),
        (json!({ "op": "count", "model": accounts, "field": "ownr" }), "/steps/0", "owner"),
        (
            json!({ "op": "update", "model": accounts, "key": "a", "data": { "cent": { "$ref": "input.x" } } }),
            "/steps/0/data/cent",
            "did you mean `cents`?",
        ),
        (
            json!({ "op": "update", "model": accounts, "key": "a", "data": { "$inc": { "cent": { "$ref": "input.x" } } } }),
            "/steps/0/data/$inc/cent",
            "did you mean `cents`?",
        ),
        (json!({ "return": { "$ref": "input.y" } }), "/steps/0/return", "there is no input `y`"),
        (json!({ "return": [{ "$ref": "inputs.x" }] }), "/steps/0/return/0", "did you mean `input`?"),
        (
            json!({ "if": { "input.x": { "$gtt": 1 } }, "then": [] }),
            "/steps/0/if/input.x/$gtt",
            "did you mean `$gt`?",
        ),
        (json!({ "if": { "$orr": [] }, "then": [] }), "/steps/0/if/$orr", "did you mean `$or`?"),
        (json!({ "if": { "input.x": 1 }, "than": [], "then": [] }), "/steps/0/than", "did you mean `then`?"),
        (
            json!({ "throw": { "code": "NO", "mesage": "x", "message": "x" } }),
            "/steps/0/throw/mesage",
            "did you mean `message`?",
        ),
    ] {
        fault(&kit, json!([step]), at, says).await;
    }
    let found = json!({ "op": "get", "model": accounts, "key": "ada", "as": "user" });
    let all = json!({ "op": "find", "model": accounts, "as": "all" });
    for (reference, says) in [
        ("user.cent", "did you mean `cents`?"),
        ("usr", "did you mean `user`?"),
        ("user.pin", "there is no field of `bank/accounts` `pin`"),
        ("all.owner", "`all.0`"),
        ("all.0.pin", "there is no field of"),
        ("user..cents", "a reference is a name"),
    ] {
        fault(&kit, json!([found, all, { "return": { "$ref": reference } }]), "/steps/2/return", says).await;
    }
    // A result is there for what comes after it.
    fault(&kit, json!([{ "return": { "$ref": "user" } }, found]), "/steps/0/return", "no earlier result")
        .await;
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    // RPC-12
    let kit = bank().await;
    let found = faults(
        &kit,
        json!({
            "name": "1 bad name", "descripton": "", "timeoutMs": 30_001,
            "input": { "a": { "type": "strng" }, "b": { "type": "integer", "default": "x" } },
            "steps": [
                { "op": "drop", "model": "bank/accounts" },
                { "op": "insert", "model": "bank/moves", "data": { "from": { "$ref": "input.c" } } },
                { "op": "insert", "model": "bank/accounts", "data": { "owner": "eve", "cents": -1 } },
                { "op": "delete", "model": "bank/accounts", "query": {} },
                { "throw": { "code": "lower", "message": "", "status": 500 } },
                { "op": "get", "model": "bank/accounts", "as": "input" },
                { "op": "get", "if": {}, "model": "bank/accounts" },
                7,
            ],
            "output": { "$ref": "nobody", "and": 1 },
        }),
    )
    .await;
    let mut places: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
    places.sort_unstable();
    let expected = [
        "/descripton",
        "/input/a/type",
        "/input/b/default",
        "/name",
        "/output",
        "/steps/0",
        "/steps/1/data",
        "/steps/1/data",
        "/steps/1/data/from",
        "/steps/2/data/cents",
        "/steps/3",
        "/steps/4/throw/code",
        "/steps/4/throw/message",
        "/steps/4/throw/status",
        "/steps/5/as",
        "/steps/6",
        "/steps/7",
        "/timeoutMs",
    ];
    assert_eq!(places, expected, "{found:#?}");
    for no_procedure in [json!(1), json!([]), json!({}), json!({ "name": "x", "steps": [] })] {
        faults(&kit, no_procedure).await;
    }
}

#[tokio::test]
async fn steps_and_the_depth_of_conditions_are_bounded() {
    // RPC-12
    let kit = bank().await;
    let step = json!({ "if": { "input.x": 1 }, "then": [{ "return": 1 }] });
    let most: Vec<Json> = vec![step.clone(); 50];
    register(&kit, json!(most)).await;
    kit.engine().procedures().unregister("it").await.unwrap();
    let mut more = most;
    more.push(json!({ "return": 1 }));
    fault(&kit, json!(more), "/steps", "at most 100 steps; here are 101").await;
    let nested = |depth: usize| (1..depth).fold(json!({ "input.x": 1 }), |inner, _| json!({ "$not": inner }));
    register(&kit, json!([{ "if": nested(5), "then": [] }])).await;
    kit.engine().procedures().unregister("it").await.unwrap();
    fault(
        &kit,
        json!([{ "if": nested(6), "then": [] }]),
        "/steps/0/if/$not/$not/$not/$not/$not",
        "at most 5 deep",
    )
    .await;
    let nested = |depth: usize| {
        (0..depth).fold(json!({ "return": 1 }), |inner, _| json!({ "if": { "input.x": 1 }, "then": [inner] }))
    };
    register(&kit, json!([nested(5)])).await;
    kit.engine().procedures().unregister("it").await.unwrap();
    let at = format!("/steps/0{}", "/then/0".repeat(5));
    fault(&kit, json!([nested(6)]), &at, "at most 4 others").await;
    let large = json!([{ "return": "x".repeat(Procedures::MAX_BYTES) }]);
    assert_eq!(kit.engine().procedures().register(of(large)).await.unwrap_err().code(), "VALIDATION_ERROR");
}

#[tokio::test]
async fn references_may_stand_for_values_of_any_type_and_for_nothing_else() {
    // RPC-12
    let kit = bank().await;
    let x = json!({ "$ref": "input.x" });
    let query = json!({ "$or": [
        { "cents": { "$gte": x, "$in": x }, "owner": { "$like": x }, "tags": { "$in": [x] }, "_createdAt": { "$gt": x } },
        { "$not": { "cents": { "$lt": x } } },
    ] });
    register(&kit, json!([{ "op": "find", "model": "bank/accounts", "query": query }])).await;
    kit.engine().procedures().unregister("it").await.unwrap();
    for (step, at) in [
        (json!({ "op": x, "model": "bank/accounts" }), "/steps/0/op"),
        (json!({ "op": "get", "model": "bank/accounts", "query": x }), "/steps/0/query"),
        (json!({ "op": "get", "model": "bank/accounts", "query": { "$and": [x] } }), "/steps/0/query/$and/0"),
        (
            json!({ "op": "update", "model": "bank/accounts", "key": "a", "data": { "$inc": x } }),
            "/steps/0/data/$inc",
        ),
        (json!({ "op": "count", "model": "bank/accounts", "field": x }), "/steps/0/field"),
        (json!({ "return": { "$ref": 1 } }), "/steps/0/return"),
        (json!({ "return": { "$ref": "input.x", "or": 1 } }), "/steps/0/return"),
    ] {
        let found = faults(&kit, of(json!([step]))).await;
        assert!(found.iter().any(|(place, _)| place == at), "{step}: {found:?}");
    }
}

#[tokio::test]
async fn what_fits_the_models_no_more_is_refused_and_not_carried_out() {
    // RPC-12
    let kit = bank().await;
    register(&kit, json!([{ "op": "get", "model": "bank/accounts", "key": "ada" }])).await;
    let cx = kit.cx();
    let mut kept = kit.engine().procedures().get("it").await.unwrap().unwrap();
    kept.definition = kept.definition.replace("bank/accounts", "bank/closed");
    modeller::engine::Procedure::save(&cx, &kept).await.unwrap();
    let error = call(&kit, Json::Null).await.unwrap_err();
    assert_eq!(error.code(), "CONFLICT");
    assert!(error.message().contains("does not fit the models any more"), "{error}");
}
