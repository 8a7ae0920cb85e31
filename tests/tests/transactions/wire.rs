//! `POST /@transaction`.

use super::*;

#[tokio::test]
async fn several_models_are_changed_at_once_and_answered_in_order() {
    // TXN-01, TXN-02, TXN-03
    let kit = bank().await;
    let (ada, bob) = (of(&kit, "ada").await, of(&kit, "bob").await);
    let before = units(&kit).await.len();
    let answer = send(
        &kit,
        json!([
            { "op": "update", "model": "bank/accounts", "key": ada.id, "data": { "cents": 60 }, "version": 1 },
            { "op": "update", "model": "bank/accounts", "query": { "owner": "bob" }, "data": { "cents": 40 } },
            { "op": "insert", "model": "bank/moves", "data": { "from": ada.id, "to": bob.id, "cents": 40 } },
            { "op": "upsert", "model": "bank/tallies", "data": { "name": "moves", "count": 1 } },
            { "op": "where", "model": "bank/accounts", "query": { "cents": { "$gt": 0 } } },
            { "op": "findOne", "model": "bank/moves", "query": { "cents": 40 } },
            { "op": "count", "model": "bank/moves" },
            { "op": "get", "model": "bank/tallies", "key": "moves" },
            { "op": "get", "model": "bank/tallies", "key": "none" },
            { "op": "delete", "model": "bank/tallies", "key": "moves" },
            { "op": "delete", "model": "bank/tallies", "query": { "count": 7 } },
            { "op": "delete", "model": "bank/moves", "query": { "cents": 40 } },
            { "op": "restore", "model": "bank/moves", "query": { "cents": 40 } },
            { "op": "find", "model": "bank/tallies", "query": null },
        ]),
    )
    .await;
    let results = answer.expect(200)["results"].as_array().unwrap().clone();
    let places: Vec<u64> = results.iter().map(|one| one["index"].as_u64().unwrap()).collect();
    assert_eq!(places, (0..14).collect::<Vec<u64>>());
    let data: Vec<&Json> = results.iter().map(|one| &one["data"]).collect();
    assert_eq!((&data[0]["cents"], &data[0]["_version"]), (&json!(60), &json!(2)));
    assert_eq!(data[2]["cents"], 40);
    assert_eq!(data[3]["name"], "moves");
    assert_eq!(data[4].as_array().unwrap().len(), 2);
    assert_eq!((data[5], data[6]), (data[2], &json!(1)));
    assert_eq!((data[7], data[8]), (data[3], &Json::Null));
    assert_eq!(data[9], &json!({ "deleted": true }));
    assert_eq!(data[10], &json!({ "deleted": false }));
    assert_eq!(data[11], &json!({ "deleted": true }));
    assert_eq!(data[12][0]["_version"], 3);
    assert_eq!(data[13], &json!([]));
    assert!(!answer.text().contains("pin"), "what is private is not answered");
    // One unit in the log.
    let units = units(&kit).await;
    assert_eq!(units.len(), before + 1);
    assert!(units[before].len() >= 4);
    assert_eq!(of(&kit, "bob").await.cents, 40);
}

#[tokio::test]
async fn any_failure_undoes_all_and_says_which_operation_it_was() {
    // TXN-04, TXN-05
    let kit = bank().await;
    let ada = of(&kit, "ada").await;
    let before = traces(&kit).await;
    let first = json!([
        { "op": "update", "model": "bank/accounts", "key": ada.id, "data": { "cents": 1 } },
        { "op": "insert", "model": "bank/tallies", "data": { "name": "a", "count": 1 } },
    ]);
    for (last, status, code) in [
        (
            json!({ "op": "insert", "model": "bank/accounts", "data": { "owner": "bob" } }),
            409,
            "UNIQUE_VIOLATION",
        ),
        (
            json!({ "op": "insert", "model": "bank/accounts", "data": { "owner": 1 } }),
            400,
            "VALIDATION_ERROR",
        ),
        (
            json!({ "op": "insert", "model": "bank/accounts", "data": { "owner": "e", "_version": 9 } }),
            400,
            "VALIDATION_ERROR",
        ),
        (json!({ "op": "insert", "model": "bank/accounts", "data": [] }), 400, "VALIDATION_ERROR"),
        (
            json!({ "op": "insert", "model": "bank/moves", "data": { "from": "x", "to": "y", "cents": 1 } }),
            400,
            "VALIDATION_ERROR",
        ),
        (json!({ "op": "insert", "model": "bank/moves" }), 400, "INVALID_REQUEST"),
        (
            json!({ "op": "update", "model": "bank/accounts", "key": "nobody", "data": { "cents": 1 } }),
            404,
            "NOT_FOUND",
        ),
        (
            json!({ "op": "update", "model": "bank/accounts", "key": ada.id, "data": { "cents": 1 }, "version": 1 }),
            409,
            "CONFLICT",
        ),
        (json!({ "op": "update", "model": "bank/accounts", "data": { "cents": 1 } }), 400, "INVALID_QUERY"),
        (
            json!({ "op": "update", "model": "bank/accounts", "key": ada.id, "data": { "cents": 1 }, "version": "1" }),
            400,
            "INVALID_REQUEST",
        ),
        (json!({ "op": "delete", "model": "bank/accounts", "key": ada.id, "version": 9 }), 409, "CONFLICT"),
        (json!({ "op": "delete", "model": "bank/accounts", "query": {} }), 400, "INVALID_QUERY"),
        (json!({ "op": "delete", "model": "bank/tallies", "key": "none" }), 404, "NOT_FOUND"),
        (json!({ "op": "get", "model": "bank/accounts", "key": 7 }), 400, "INVALID_REQUEST"),
        (json!({ "op": "get", "model": "bank/accounts", "key": null }), 400, "INVALID_REQUEST"),
        (json!({ "op": "count", "model": null }), 400, "INVALID_REQUEST"),
        (json!({ "op": "get", "model": "bank/accounts", "key": "a", "query": {} }), 400, "INVALID_REQUEST"),
        (json!({ "op": "get", "model": "bank/accounts", "query": { "pin": "1" } }), 400, "INVALID_QUERY"),
        (json!({ "op": "get", "model": "bank/accounts", "version": 1 }), 400, "INVALID_REQUEST"),
        (
            json!({ "op": "where", "model": "bank/accounts", "query": { "$where": "1" } }),
            400,
            "INVALID_QUERY",
        ),
        (json!({ "op": "restore", "model": "bank/accounts", "key": "a" }), 400, "INVALID_REQUEST"),
        (json!({ "op": "clear", "model": "bank/accounts" }), 400, "INVALID_REQUEST"),
        (json!({ "op": "batch", "model": "bank/accounts" }), 400, "INVALID_REQUEST"),
        (json!({ "op": "inserd", "model": "bank/accounts", "data": {} }), 400, "INVALID_REQUEST"),
        (json!({ "op": "count", "model": "bank/acounts" }), 404, "MODEL_NOT_FOUND"),
        (json!({ "op": "count", "model": "_modeller/mutations" }), 404, "MODEL_NOT_FOUND"),
        (json!({ "op": "count", "model": "../accounts" }), 404, "MODEL_NOT_FOUND"),
        (json!({ "op": "count", "model": "" }), 404, "MODEL_NOT_FOUND"),
        (json!({ "op": "count" }), 400, "INVALID_REQUEST"),
        (json!({ "model": "bank/accounts" }), 400, "INVALID_REQUEST"),
        (json!({ "op": "count", "model": "bank/accounts", "filter": {} }), 400, "INVALID_REQUEST"),
        (json!([]), 400, "INVALID_REQUEST"),
        (json!(null), 400, "INVALID_REQUEST"),
    ] {
        let mut operations = first.clone();
        operations.as_array_mut().unwrap().push(last.clone());
        let answer = send(&kit, operations).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{last}: {}", answer.text());
        assert_eq!(answer.json()["details"]["index"], 2, "{last}: {}", answer.text());
        assert_eq!(traces(&kit).await, before, "{last}");
    }
}

#[tokio::test]
async fn errors_help() {
    let kit = bank().await;
    let message = async |operation: Json| {
        send(&kit, json!([operation])).await.json()["message"].as_str().unwrap().to_owned()
    };
    // TXN-04
    let stale =
        json!({ "op": "delete", "model": "bank/accounts", "query": { "owner": "ada" }, "version": 9 });
    let answer = send(&kit, json!([stale])).await.json();
    assert_eq!(answer["message"], "Transaction version conflict");
    assert_eq!(answer["details"], json!({ "index": 0, "details": { "expected": 9, "version": 1 } }));
    let near = message(json!({ "op": "count", "model": "bank/acounts" })).await;
    assert!(near.contains("did you mean `bank/accounts`?"), "{near}");
    let near = message(json!({ "op": "inserd", "model": "bank/accounts" })).await;
    assert!(near.contains("did you mean `insert`?"), "{near}");
    let long = message(json!({ "op": "count", "model": "x".repeat(10_000) })).await;
    assert!(long.len() < 200, "{long}");
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let kit = bank().await;
    let send = async |body: &str| {
        kit.anonymous().send(modeller::doors::http::Method::POST, PATH, body.as_bytes().to_vec()).await
    };
    for (body, code) in [
        ("", "PARSE_ERROR"),
        ("null", "INVALID_REQUEST"),
        ("[]", "INVALID_REQUEST"),
        ("{}", "INVALID_REQUEST"),
        ("\"operations\"", "INVALID_REQUEST"),
        ("{\"operations\":[]}", "INVALID_REQUEST"),
        ("{\"operations\":{}}", "INVALID_REQUEST"),
        ("{\"operations\":null}", "INVALID_REQUEST"),
        ("{\"operations\":[{\"op\":\"count\",\"model\":\"bank/moves\"}],\"more\":1}", "INVALID_REQUEST"),
        ("{\"operations\":[{\"op\":\"count\",\"op\":\"count\",\"model\":\"bank/moves\"}]}", "PARSE_ERROR"),
        ("{\"operations\":[{\"op\":\"count\",\"model\":\"bank/moves\"},]}", "PARSE_ERROR"),
        (&"[".repeat(50_000), "PARSE_ERROR"),
    ] {
        let answer = send(body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{body:.80}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_route_is_guarded_as_other_writes_are() {
    let kit = bank().await;
    let count = json!({ "operations": [{ "op": "count", "model": "bank/accounts" }] });
    let caller = kit.anonymous();
    assert_eq!(caller.post(PATH, &count).await.status, 200);
    let get = caller.get(PATH).await;
    refused(&get, 405, "METHOD_NOT_ALLOWED");
    assert_eq!(get.header("allow"), Some("POST, OPTIONS"));
    refused(&caller.put(PATH, &count).await, 405, "METHOD_NOT_ALLOWED");
    let foreign = caller.clone().header("origin", "https://evil.example").post(PATH, &count).await;
    refused(&foreign, 403, "FORBIDDEN");
    let form = caller.clone().header("content-type", "text/plain").post(PATH, &count).await;
    refused(&form, 415, "UNSUPPORTED_MEDIA_TYPE");
    let condition = caller.clone().header("if-match", "\"1\"").post(PATH, &count).await;
    refused(&condition, 400, "INVALID_REQUEST");
    refused(&caller.post(&format!("{PATH}?model=x"), &count).await, 400, "INVALID_REQUEST");
    refused(&caller.post(&format!("{PATH}/"), &count).await, 404, "ROUTE_NOT_FOUND");
}

#[tokio::test]
async fn a_repeated_transaction_takes_effect_once() {
    let kit = bank().await;
    let insert = |name: &str| {
        json!({ "operations": [
            { "op": "insert", "model": "bank/tallies", "data": { "name": name, "count": 1 } },
            { "op": "count", "model": "bank/tallies" },
        ] })
    };
    let caller = kit.anonymous().header("idempotency-key", "k");
    let first = caller.post(PATH, insert("a")).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
    Tally::insert(&kit.cx(), Tally { name: "z".into(), count: 1 }).await.unwrap();
    let again = caller.post(PATH, insert("a")).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(again.body, first.body);
    refused(&caller.post(PATH, insert("b")).await, 409, "CONFLICT");
    // The key of somebody else is another one, and so is that of one that failed.
    let other = kit.as_identity(Identity::System).header("idempotency-key", "k");
    refused(&other.post(PATH, insert("a")).await, 409, "UNIQUE_VIOLATION");
    assert_eq!(other.post(PATH, insert("c")).await.status, 200);
    assert_eq!(Tally::count(&kit.cx()).await.unwrap(), 3);
    refused(
        &kit.anonymous().header("idempotency-key", &"k".repeat(256)).post(PATH, insert("d")).await,
        400,
        "INVALID_REQUEST",
    );
}

#[tokio::test]
async fn one_that_only_reads_leaves_the_writer_alone() {
    let kit = bank().await;
    kit.cx()
        .transaction(async |tx| {
            Tally::insert(&tx, Tally { name: "a".into(), count: 0 }).await?;
            // The writer is taken: whoever needs it waits until this transaction runs out of time.
            // Its commit would fail then.
            let read = json!({ "op": "count", "model": "bank/tallies" });
            let other = json!({ "op": "where", "model": "bank/accounts" });
            let answer = send(&kit, json!([read, other])).await.expect(200);
            assert_eq!(
                (&answer["results"][0]["data"], answer["results"][1]["data"].as_array().unwrap().len()),
                (&json!(0), 2)
            );
            let invalid = json!({ "op": "insert", "model": "bank/accounts", "data": { "owner": 1 } });
            refused(&send(&kit, json!([read, invalid])).await, 400, "VALIDATION_ERROR");
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn the_hooks_of_every_model_run_and_what_follows_comes_after_the_commit() {
    // TXN-06
    let kit = bank().await;
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let hooks = kit.engine().hooks();
    let points = [
        HookPoint::new(Timing::Before, Operation::Insert),
        HookPoint::new(Timing::After, Operation::Insert),
        HookPoint::new(Timing::AfterCommit, Operation::Insert),
    ];
    for model in 0..2 {
        let told = told.clone();
        let tell = move |parts: HookParts<'_>| {
            told.lock().unwrap().push(format!("{} {}", parts.shape.path, parts.point))
        };
        let added = match model {
            0 => hooks.hook::<Account>("tell", &points, move |parts| {
                tell(parts);
                Box::pin(async { Ok(()) })
            }),
            _ => hooks.hook::<Tally>("tell", &points, move |parts| {
                tell(parts);
                Box::pin(async { Ok(()) })
            }),
        };
        added.unwrap();
    }
    let operations = |owner: &str| {
        json!([
            { "op": "insert", "model": "bank/accounts", "data": { "owner": "eve" } },
            { "op": "insert", "model": "bank/tallies", "data": { "name": "a", "count": 1 } },
            { "op": "insert", "model": "bank/accounts", "data": { "owner": owner } },
        ])
    };
    refused(&send(&kit, operations("ada")).await, 409, "UNIQUE_VIOLATION");
    kit.settled().await;
    let failed = std::mem::take(&mut *told.lock().unwrap());
    assert!(failed.iter().all(|point| !point.contains("after_commit")), "{failed:?}");
    send(&kit, operations("fay")).await.expect(200);
    let done = told.lock().unwrap().clone();
    assert_eq!(
        done,
        [
            "bank/accounts before(insert)",
            "bank/accounts after(insert)",
            "bank/tallies before(insert)",
            "bank/tallies after(insert)",
            "bank/accounts before(insert)",
            "bank/accounts after(insert)",
            "bank/accounts after_commit(insert)",
            "bank/tallies after_commit(insert)",
            "bank/accounts after_commit(insert)",
        ]
    );
    assert_eq!(units(&kit).await.last().unwrap().len(), 3);
}

#[tokio::test]
async fn one_within_a_transaction_of_rust_is_part_of_it() {
    let kit = bank().await;
    let before = traces(&kit).await;
    let operations = json!({ "operations": [{ "op": "insert", "model": "bank/tallies", "data": { "name": "a", "count": 1 } }] });
    let failed: Result<()> = kit
        .cx()
        .transaction(async |tx| {
            let reply = tx.transact(Transact::new(operations.to_string().into_bytes())).await?;
            assert!(String::from_utf8(reply.body).unwrap().contains("\"name\":\"a\""));
            assert_eq!(Tally::count(&tx).await?, 1);
            Err(Error::new(Code::Forbidden, "no"))
        })
        .await;
    assert!(failed.unwrap_err().is(Code::Forbidden));
    assert_eq!(traces(&kit).await, before);
}

#[tokio::test]
async fn the_log_names_who_did_it() {
    let kit = bank().await;
    let insert = |name: &str| json!({ "operations": [{ "op": "insert", "model": "bank/tallies", "data": { "name": name, "count": 1 } }] });
    kit.post(PATH, insert("a")).await.expect(200);
    kit.as_identity(Identity::System).post(PATH, insert("b")).await.expect(200);
    let log = kit.engine().store().changes(0, 100).await.unwrap();
    let actors: Vec<Option<&str>> = log.iter().rev().take(2).map(|change| change.actor.as_deref()).collect();
    assert_eq!(actors, [Some("system"), None]);
}
