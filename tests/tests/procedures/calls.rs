//! What procedures do.

use modeller::engine::{HookPoint, Operation, Timing};

use super::*;

#[tokio::test]
async fn a_procedure_is_registered_listed_updated_called_and_unregistered() {
    // RPC-12
    let kit = bank().await;
    let procedures = kit.engine().procedures();
    let kept = procedures.register(transfer()).await.unwrap();
    assert_eq!((kept.name.as_str(), kept.version), ("transfer", 1));
    assert_eq!(procedures.register(transfer()).await.unwrap_err().code(), "CONFLICT");
    assert_eq!(procedures.get("transfer").await.unwrap().unwrap().json().unwrap(), transfer());
    register(&kit, json!([{ "return": 1 }])).await;
    let names: Vec<String> = procedures.list().await.unwrap().iter().map(|one| one.name.clone()).collect();
    assert_eq!(names, ["it", "transfer"]);
    let updated = procedures.update(of(json!([{ "return": { "$ref": "input.x" } }]))).await.unwrap();
    assert_eq!(updated.version, 2);
    assert_eq!(call(&kit, json!([1, { "a": null }])).await.unwrap(), json!([1, { "a": null }]));
    assert!(procedures.unregister("it").await.unwrap());
    assert!(!procedures.unregister("it").await.unwrap());
    let error = call(&kit, json!(1)).await.unwrap_err();
    assert_eq!((error.code(), error.details().unwrap()["id"].as_str()), ("METHOD_NOT_FOUND", Some("it")));
    let error = procedures.call("tranfser", json!({})).await.unwrap_err();
    assert!(error.message().ends_with("did you mean `transfer`?"), "{error}");
    assert_eq!(procedures.update(of(json!([{ "return": 1 }]))).await.unwrap_err().code(), "METHOD_NOT_FOUND");
}

#[tokio::test]
async fn its_steps_see_each_other_and_its_answer_is_made_of_them() {
    // RPC-12
    let kit = bank().await;
    kit.engine().procedures().register(transfer()).await.unwrap();
    let before = kit.engine().store().changes(0, 1_000).await.unwrap().len();
    let input = json!({ "from": "ada", "to": "bob", "cents": 40 });
    let answer = kit.engine().procedures().call("transfer", input).await.unwrap();
    assert_eq!((&answer["moves"], &answer["first"]), (&json!(1), &json!("ada")));
    assert_eq!((&answer["move"]["cents"], &answer["move"]["note"]), (&json!(40), &json!("no reason")));
    assert_eq!((cents(&kit, "ada").await, cents(&kit, "bob").await), (99, 40));
    let changes = kit.engine().store().changes(0, 1_000).await.unwrap();
    let one = changes[before].transaction;
    assert_eq!(changes.len(), before + 3);
    assert!(changes[before..].iter().all(|change| change.transaction == one), "one unit of the log");
}

#[tokio::test]
async fn what_it_throws_undoes_what_it_did() {
    // RPC-12
    let kit = bank().await;
    kit.engine().procedures().register(transfer()).await.unwrap();
    let call = async |from: &str, cents: i64| {
        let input = json!({ "from": from, "to": "bob", "cents": cents });
        kit.engine().procedures().call("transfer", input).await.unwrap_err()
    };
    let error = call("ada", 101).await;
    assert_eq!((error.code(), error.status()), ("TOO_POOR", 409));
    assert_eq!(error.details(), Some(&json!({ "has": 100 })));
    assert_eq!(cents(&kit, "bob").await, 0, "he had got it before");
    assert_eq!((call("ada", 0).await.code(), call("eve", 1).await.code()), ("BAD_AMOUNT", "NO_ACCOUNT"));
}

#[tokio::test]
async fn a_step_that_fails_undoes_all_and_is_named() {
    // RPC-12
    let kit = bank().await;
    register(
        &kit,
        json!([
            { "op": "update", "model": "bank/accounts", "key": "bob", "data": { "cents": 7 } },
            { "if": { "input.x": 1 }, "else": [], "then": [
                { "op": "update", "model": "bank/accounts", "key": "ada", "data": { "cents": -1, "tags": { "$ref": "input.x" } } },
            ] },
        ]),
    )
    .await;
    let error = call(&kit, json!(1)).await.unwrap_err();
    assert_eq!(error.code(), "VALIDATION_ERROR");
    assert_eq!(error.details().unwrap()["step"], "/steps/1/then/0");
    assert_eq!(cents(&kit, "bob").await, 0);
    // In a transaction of the caller's it is a part of that.
    let cx = kit.cx();
    let outer: Result<()> = cx
        .transaction(async |tx| {
            tx.procedures().call("it", json!({})).await?;
            assert_eq!(Account::get(&tx, "bob").await?.unwrap().cents, 7);
            Err(Error::new(Code::Conflict, "no"))
        })
        .await;
    assert!(outer.is_err());
    assert_eq!(cents(&kit, "bob").await, 0);
    assert_eq!(call(&kit, json!(2)).await.unwrap(), Json::Null);
    assert_eq!(cents(&kit, "bob").await, 7);
}

#[tokio::test]
async fn every_operation_of_a_transaction_is_one_of_a_procedure() {
    // RPC-12
    let kit = bank().await;
    register(
        &kit,
        json!([
            { "op": "upsert", "model": "bank/accounts", "data": { "owner": { "$ref": "input.x" }, "cents": 5 }, "as": "eve" },
            { "op": "find", "model": "bank/accounts", "query": { "owner": { "$in": ["ada", { "$ref": "input.x" }] } }, "as": "two" },
            { "op": "aggregate", "model": "bank/accounts", "aggregates": { "all": { "sum": "cents" } }, "as": "sums" },
            { "op": "delete", "model": "bank/accounts", "key": { "$ref": "eve._id" }, "as": "gone" },
            { "op": "get", "model": "bank/accounts", "key": { "$ref": "eve._id" }, "as": "none" },
            { "return": [{ "$ref": "eve.cents" }, { "$ref": "two.1.owner" }, { "$ref": "sums" }, { "$ref": "gone.deleted" }, { "$ref": "none" }] },
            { "op": "delete", "model": "bank/accounts", "key": "ada" },
        ]),
    )
    .await;
    let answer = call(&kit, json!("eve")).await.unwrap();
    assert_eq!(
        (&answer[0], &answer[1], &answer[3], &answer[4]),
        (&json!(5), &json!("eve"), &json!(true), &Json::Null)
    );
    assert!(answer[2].to_string().contains("105"), "{answer}");
    assert_eq!(cents(&kit, "ada").await, 100, "nothing comes after an answer");
}

#[tokio::test]
async fn conditions_are_those_of_filters() {
    // RPC-12
    let kit = bank().await;
    let x = "input.x";
    for (condition, value, holds) in [
        (json!({ x: 1 }), json!(1.0), true),
        (json!({ x: { "$ne": 1 } }), json!(2), true),
        (json!({ x: { "$gt": 1, "$lte": 3 } }), json!(3), true),
        (json!({ x: { "$gte": 1, "$lt": 3 } }), json!(3), false),
        (json!({ x: { "$gt": "a" } }), json!("b"), true),
        (json!({ x: { "$gt": 1 } }), json!("b"), false),
        (json!({ "$not": { x: { "$gt": 1 } } }), json!("b"), false),
        (json!({ x: { "$in": [1, "b"] } }), json!("b"), true),
        (json!({ x: { "$nin": [1, "b"] } }), json!("c"), true),
        (json!({ x: { "$exists": true } }), Json::Null, false),
        (json!({ x: null }), Json::Null, true),
        (json!({ x: { "$gt": 1 } }), Json::Null, false),
        (json!({ "$not": { x: { "$gt": 1 } } }), Json::Null, false),
        (json!({ "$or": [{ x: { "$gt": 1 } }, { x: null }] }), Json::Null, true),
        (json!({ "$and": [{ x: { "$ne": 1 } }, { x: { "$ne": 2 } }] }), json!(2), false),
        (json!({ "input.x.deep.0": 5 }), json!({ "deep": [5] }), true),
        (json!({ "input.x.deep.0": { "$exists": false } }), json!(5), true),
        (json!({ x: { "$eq": { "a": 1 } } }), json!({ "a": 1 }), true),
        (json!({ x: { "$ref": "input.x" } }), json!({ "$gt": 1 }), true),
    ] {
        let steps = json!([{ "if": condition, "then": [{ "return": true }], "else": [{ "return": false }] }]);
        register(&kit, steps).await;
        assert_eq!(call(&kit, value.clone()).await.unwrap(), json!(holds), "{condition} of {value}");
        kit.engine().procedures().unregister("it").await.unwrap();
    }
}

#[tokio::test]
async fn inputs_are_checked_all_at_once() {
    // RPC-12
    let kit = bank().await;
    kit.engine().procedures().register(transfer()).await.unwrap();
    let input = json!({ "from": 1, "cents": 1.5, "not": "x" });
    let error = kit.engine().procedures().call("transfer", input).await.unwrap_err();
    let mut keywords: Vec<&str> = error.violations().iter().map(|one| one.keyword.as_str()).collect();
    keywords.sort_unstable();
    assert_eq!((error.status(), keywords), (400, vec!["additionalProperties", "required", "type", "type"]));
    assert!(error.violations().iter().any(|one| one.message.ends_with("did you mean 'note'?")));
    for input in [json!([]), json!("x"), Json::Null] {
        let error = kit.engine().procedures().call("transfer", input).await.unwrap_err();
        assert_eq!(error.code(), "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn it_takes_no_longer_than_it_and_the_store_allow() {
    // RPC-12
    let hasty = Sqlite::open(SqliteOptions::memory().transaction_timeout(Duration::from_millis(60))).unwrap();
    for (app, milliseconds) in [(App::isolated(), 60), (App::isolated().store(hasty), 30_000)] {
        let kit = filled(app).await;
        let points = [HookPoint::new(Timing::Before, Operation::Insert)];
        let hooks = kit.engine().hooks();
        hooks
            .hook::<Move>("slow", &points, |_| {
                Box::pin(async {
                    tokio::time::sleep(Duration::from_millis(600)).await;
                    Ok(())
                })
            })
            .unwrap();
        let mut procedure = of(json!([
            { "op": "update", "model": "bank/accounts", "key": "bob", "data": { "cents": 7 } },
            { "op": "insert", "model": "bank/moves", "data": { "from": "ada", "to": "bob", "cents": 1 } },
        ]));
        procedure["timeoutMs"] = json!(milliseconds);
        kit.engine().procedures().register(procedure).await.unwrap();
        let error = call(&kit, Json::Null).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("TIMEOUT", 408), "{error}");
        // The writer is free again.
        let cx = kit.cx();
        Account::update(&cx, "ada", Account::CENTS.set(1)).await.unwrap();
        assert_eq!((cents(&kit, "bob").await, Move::count(&cx).await.unwrap()), (0, 0));
    }
}

#[tokio::test]
async fn one_that_takes_too_long_in_a_transaction_of_the_callers_spoils_that() {
    // RPC-12
    let kit = bank().await;
    let hooks = kit.engine().hooks();
    let slow = HookPoint::new(Timing::Before, Operation::Insert);
    hooks
        .hook::<Move>("slow", &[slow], |_| {
            Box::pin(async {
                tokio::time::sleep(Duration::from_millis(600)).await;
                Ok(())
            })
        })
        .unwrap();
    let mut procedure = of(json!([
        { "op": "update", "model": "bank/accounts", "key": "bob", "data": { "cents": 7 } },
        { "op": "insert", "model": "bank/moves", "data": { "from": "ada", "to": "bob", "cents": 1 } },
    ]));
    procedure["timeoutMs"] = json!(60);
    kit.engine().procedures().register(procedure).await.unwrap();
    let cx = kit.cx();
    let hidden: Result<()> = cx
        .transaction(async |tx| {
            assert_eq!(tx.procedures().call("it", json!({})).await.unwrap_err().code(), "TIMEOUT");
            Ok(())
        })
        .await;
    assert_eq!(hidden.unwrap_err().code(), "CONFLICT");
    assert_eq!(cents(&kit, "bob").await, 0);
}

#[tokio::test]
async fn the_limits_are_those_of_the_ledger() {
    // RPC-12
    assert_eq!((Procedures::MAX_STEPS, Procedures::MAX_CONDITION_DEPTH), (100, 5));
    assert_eq!(Procedures::DEFAULT_TIMEOUT, Duration::from_millis(30_000));
}
