//! The operations of the store, one by one, and their errors.

use std::time::Duration;

use serde_json::json;

use super::*;

const USERS: &str = "system/users";

#[tokio::test]
async fn documents_are_written_and_read() {
    // RWS-09, QRY-09, QRY-10, QRY-11, QRY-12
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let ann = client.insert("ann@example.com", 30).await;
    let bob = client.insert("bob@example.com", 20).await;
    assert_eq!((&ann["_version"], &ann["secret"]), (&json!(1), &json!(null)));
    let (ann_id, bob_id) = (ann["_id"].clone(), bob["_id"].clone());

    assert_eq!(client.data("store.get", json!({"bucket": USERS, "key": ann_id})).await, ann);
    assert_eq!(client.data("store.get", json!({"bucket": USERS, "key": "nobody"})).await, json!(null));
    let older =
        client.data("store.update", json!({"bucket": USERS, "key": ann_id, "data": {"age": 31}})).await;
    assert_eq!((&older["age"], &older["_version"]), (&json!(31), &json!(2)));
    let (code, _) = client
        .code("store.update", json!({"bucket": USERS, "key": ann_id, "data": {"age": 1}, "version": 1}))
        .await;
    assert_eq!(code, "CONFLICT");

    assert_eq!(client.data("store.all", json!({"bucket": USERS})).await.as_array().unwrap().len(), 2);
    let found = client.data("store.where", json!({"bucket": USERS, "filter": {"age": {"$gt": 25}}})).await;
    assert_eq!(found, json!([older]));
    let sorted = json!({"bucket": USERS, "filter": {}, "sort": "age", "fields": ["age"]});
    let ages = client.data("store.where", sorted).await;
    assert_eq!((&ages[0]["age"], &ages[1]["age"]), (&json!(20), &json!(31)));
    assert_eq!(client.data("store.findOne", json!({"bucket": USERS, "filter": {"age": 20}})).await, bob);
    assert_eq!(
        client.data("store.findOne", json!({"bucket": USERS, "filter": {"age": 99}})).await,
        json!(null)
    );
    assert_eq!(client.data("store.count", json!({"bucket": USERS})).await, json!(2));
    assert_eq!(client.data("store.count", json!({"bucket": USERS, "filter": {"age": 20}})).await, json!(1));

    assert_eq!(
        client.data("store.delete", json!({"bucket": USERS, "key": bob_id})).await,
        json!({"deleted": true})
    );
    let (code, _) = client.code("store.delete", json!({"bucket": USERS, "key": bob_id})).await;
    assert_eq!(code, "NOT_FOUND");
    let none = json!({"bucket": USERS, "filter": {"age": 1_000}});
    assert_eq!(client.data("store.delete", none).await, json!({"deleted": false}));
    assert_eq!(client.data("store.clear", json!({"bucket": USERS})).await, json!({"deleted": 1}));
    assert_eq!(User::count(&server.cx).await.unwrap(), 0);
}

#[tokio::test]
async fn documents_come_in_pages_and_from_both_ends() {
    // RWS-09, QRY-13, QRY-14
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    for age in 0..5 {
        client.insert(&format!("{age}@example.com"), age).await;
    }
    let ages = |data: &Json| -> Vec<i64> {
        data.as_array().unwrap().iter().map(|user| user["age"].as_i64().unwrap()).collect()
    };
    let first = client.data("store.first", json!({"bucket": USERS, "n": 2})).await;
    let last = client.data("store.last", json!({"bucket": USERS, "n": 2})).await;
    assert_eq!((ages(&first), ages(&last)), (vec![0, 1], vec![4, 3]));
    let (mut after, mut all) = (json!(null), Vec::new());
    loop {
        let page = client
            .data("store.paginate", json!({"bucket": USERS, "limit": 2, "after": after, "sort": "-age"}))
            .await;
        all.extend(ages(&page["records"]));
        after = page["nextCursor"].clone();
        if page["hasMore"] == json!(false) {
            break;
        }
    }
    assert_eq!(all, [4, 3, 2, 1, 0]);
    let (code, error) =
        client.code("store.paginate", json!({"bucket": USERS, "limit": 2, "after": "forged"})).await;
    assert_eq!((code.as_str(), &error["details"]["code"]), ("VALIDATION_ERROR", &json!("INVALID_CURSOR")));
}

#[tokio::test]
async fn figures_are_one_number_each() {
    // RWS-09, QRY-15
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    for (figure, nothing) in
        [("sum", json!(0)), ("avg", json!(null)), ("min", json!(null)), ("max", json!(null))]
    {
        let asked = json!({"bucket": USERS, "field": "age"});
        assert_eq!(client.data(&format!("store.{figure}"), asked).await, nothing, "{figure}");
    }
    for age in [10, 20, 60] {
        client.insert(&format!("{age}@example.com"), age).await;
    }
    for (figure, number) in [("sum", json!(90)), ("avg", json!(30.0)), ("min", json!(10)), ("max", json!(60))]
    {
        let asked = json!({"bucket": USERS, "field": "age"});
        assert_eq!(client.data(&format!("store.{figure}"), asked).await, number, "{figure}");
    }
    let some = json!({"bucket": USERS, "field": "age", "filter": {"age": {"$lt": 50}}});
    assert_eq!(client.data("store.sum", some).await, json!(30));
    let (code, _) = client.code("store.sum", json!({"bucket": USERS})).await;
    assert_eq!(code, "VALIDATION_ERROR");
    let (code, _) = client.code("store.sum", json!({"bucket": USERS, "field": "secret"})).await;
    assert_eq!(code, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_transaction_happens_as_a_whole_or_not_at_all() {
    // RWS-09, TXN-01, TXN-02, TXN-03
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let ann = client.insert("ann@example.com", 30).await;
    let done = client
        .data(
            "store.transaction",
            json!({"operations": [
                {"op": "update", "bucket": USERS, "key": ann["_id"], "data": {"age": 40}},
                {"op": "insert", "bucket": "app/notes", "data": {"text": "hello"}},
                {"op": "where", "bucket": USERS, "filter": {"age": 40}},
                {"op": "get", "bucket": USERS, "key": "nobody"},
                {"op": "count", "bucket": "app/notes"},
                {"op": "delete", "bucket": USERS, "key": ann["_id"]},
            ]}),
        )
        .await;
    let results = done["results"].as_array().unwrap();
    assert_eq!(results.len(), 6);
    assert_eq!((&results[2]["index"], &results[2]["data"][0]["age"]), (&json!(2), &json!(40)));
    assert_eq!((&results[3]["data"], &results[4]["data"]), (&json!(null), &json!(1)));
    assert_eq!(results[5]["data"], json!({"deleted": true}));

    let (code, error) = client
        .code(
            "store.transaction",
            json!({"operations": [
                {"op": "insert", "bucket": "app/notes", "data": {"text": "again"}},
                {"op": "insert", "bucket": USERS, "data": {"email": "no address", "age": 1}},
            ]}),
        )
        .await;
    assert_eq!((code.as_str(), &error["details"]["index"]), ("VALIDATION_ERROR", &json!(1)));
    assert_eq!(Note::count(&server.cx).await.unwrap(), 1);
    for wrong in [
        json!({}),
        json!({"operations": []}),
        json!({"operations": 3}),
        json!({"operations": [{"op": "get", "key": "x"}]}),
        json!({"operations": [{"op": "get", "model": USERS, "key": "x"}]}),
        json!({"operations": [{"op": "fly", "bucket": USERS}]}),
    ] {
        let (code, _) = client.code("store.transaction", wrong.clone()).await;
        assert!(["VALIDATION_ERROR", "INVALID_REQUEST"].contains(&code.as_str()), "{wrong}: {code}");
    }
    let (code, _) =
        client.code("store.transaction", json!({"operations": [{"op": "get", "bucket": "a/b"}]})).await;
    assert_eq!(code, "BUCKET_NOT_DEFINED");
}

#[tokio::test]
async fn a_write_that_is_repeated_happens_once() {
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let asked = json!({"bucket": "app/notes", "data": {"text": "once"}, "mutationId": "m-1"});
    let first = client.data("store.insert", asked.clone()).await;
    assert_eq!(client.data("store.insert", asked).await, first);
    assert_eq!(Note::count(&server.cx).await.unwrap(), 1);
}

#[tokio::test]
async fn the_store_says_what_there_is() {
    // RWS-09, PER-11
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    client.insert("ann@example.com", 30).await;
    let expected = json!({
        "name": "sqlite",
        "buckets": {"count": 2, "names": ["app/notes", "system/users"]},
        "records": {"total": 1, "perBucket": {"app/notes": 0, "system/users": 1}},
    });
    assert_eq!(client.data("store.stats", json!({})).await, expected);
}

#[tokio::test]
async fn errors_have_the_names_of_the_protocol() {
    // RWS-05, RWS-12
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    client.insert("ann@example.com", 30).await;
    let again = json!({"bucket": USERS, "data": {"email": "ann@example.com", "age": 1}});
    let (code, error) = client.code("store.insert", again).await;
    assert_eq!(code, "ALREADY_EXISTS");
    assert_eq!(
        (&error["details"]["code"], &error["details"]["field"]),
        (&json!("UNIQUE_VIOLATION"), &json!("email"))
    );
    let bad = json!({"bucket": USERS, "data": {"email": "no address", "age": "old"}});
    let (code, error) = client.code("store.insert", bad).await;
    assert_eq!(code, "VALIDATION_ERROR");
    assert!(!error["details"]["errors"].as_array().unwrap().is_empty(), "{error}");
    let (code, error) = client.code("store.all", json!({"bucket": "system/user"})).await;
    assert_eq!(code, "BUCKET_NOT_DEFINED");
    assert!(error["message"].as_str().unwrap().contains("did you mean `system/users`"));
    for (kind, members, code) in [
        ("store.all", json!({}), "VALIDATION_ERROR"),
        ("store.all", json!({"bucket": 7}), "VALIDATION_ERROR"),
        ("store.insert", json!({"bucket": USERS}), "VALIDATION_ERROR"),
        (
            "store.insert",
            json!({"bucket": USERS, "data": {"email": "x@example.com", "age": 1, "_id": "mine"}}),
            "VALIDATION_ERROR",
        ),
        ("store.get", json!({"bucket": USERS}), "VALIDATION_ERROR"),
        ("store.get", json!({"bucket": USERS, "key": 7}), "VALIDATION_ERROR"),
        ("store.get", json!({"bucket": USERS, "key": "a", "filter": {}}), "VALIDATION_ERROR"),
        ("store.where", json!({"bucket": USERS}), "VALIDATION_ERROR"),
        ("store.where", json!({"bucket": USERS, "filter": {"secret": "x"}}), "VALIDATION_ERROR"),
        ("store.where", json!({"bucket": USERS, "filter": {"age": {"$where": "1"}}}), "VALIDATION_ERROR"),
        ("store.all", json!({"bucket": USERS, "sort": "nothing"}), "VALIDATION_ERROR"),
        ("store.first", json!({"bucket": USERS, "n": -1}), "VALIDATION_ERROR"),
        ("store.update", json!({"bucket": USERS, "key": "nobody", "data": {"age": 1}}), "NOT_FOUND"),
        ("store.call", json!({"bucket": USERS, "method": "nothing"}), "QUERY_NOT_DEFINED"),
        ("store.call", json!({"bucket": USERS, "method": "behave", "data": {"how": "own"}}), "OUT_OF_LUCK"),
        ("store.call", json!({"bucket": USERS, "method": "behave", "data": {"how": 1}}), "VALIDATION_ERROR"),
        ("store.subscribe", json!({"query": "all"}), "QUERY_NOT_DEFINED"),
        ("store.subscribe", json!({"bucket": "no/such"}), "BUCKET_NOT_DEFINED"),
        ("store.subscribe", json!({"bucket": USERS, "filter": {"secret": "x"}}), "VALIDATION_ERROR"),
        ("store.unsubscribe", json!({}), "VALIDATION_ERROR"),
        ("store.unsubscribe", json!({"subscriptionId": "sub-1"}), "NOT_FOUND"),
    ] {
        let (found, error) = client.code(kind, members.clone()).await;
        assert_eq!(found, code, "{kind} {members}: {error}");
    }
}

#[tokio::test]
async fn a_handler_that_breaks_harms_nobody_and_tells_nothing() {
    // RWS-14
    let server = Server::start(LiveOptions::new()).await;
    let (mut client, mut other) = (server.client().await, server.client().await);
    for how in ["panic", "fail"] {
        let members = json!({"bucket": USERS, "method": "behave", "data": {"how": how}});
        let (code, error) = client.code("store.call", members).await;
        assert_eq!(code, "INTERNAL_ERROR");
        assert!(!error.to_string().contains("broke") && !error.to_string().contains("secret"), "{error}");
    }
    let fine = json!({"bucket": USERS, "method": "behave", "data": {"how": "fine"}});
    assert_eq!(client.data("store.call", fine.clone()).await, json!("fine"));
    assert_eq!(other.data("store.call", fine).await, json!("fine"));
}

#[tokio::test]
async fn a_slow_request_keeps_no_other_waiting_and_ends() {
    let options = LiveOptions::new().request_timeout(Duration::from_millis(400));
    let server = Server::start(options).await;
    let mut client = server.client().await;
    let slow = |id: &str, how: &str| json!({"id": id, "type": "store.call", "bucket": USERS, "method": "behave", "data": {"how": how}});
    client.say(slow("hangs", "hang").to_string()).await;
    client.say(slow("sleeps", "sleep").to_string()).await;
    client.say(json!({"id": "quick", "type": "store.buckets"}).to_string()).await;
    assert_eq!(client.next().await["id"], "quick");
    assert_eq!(client.next().await["id"], "sleeps");
    let given_up = client.next().await;
    assert_eq!((&given_up["id"], &given_up["code"]), (&json!("hangs"), &json!("BACKPRESSURE")));
}
