//! What bad input gets: a typed error that says what would be right, and nothing of what is private.

use super::*;

#[tokio::test]
async fn what_can_not_be_worked_out_says_why() {
    let (mut client, _) = shop().await;
    for (aggregates, words) in [
        (json!({"n": {"sum": "stok"}}), "did you mean `stock`?"),
        (json!({"n": {"summ": "stock"}}), "did you mean `sum`?"),
        (json!({"n": {"sum": "sku"}}), "holds a string"),
        (json!({"n": {"avg": "arrived"}}), "holds a date-time"),
        (json!({"n": {"sum": "tags"}}), "a path into it"),
        (json!({"n": {"max": "place"}}), "a path into it"),
        (json!({"n": {"sum": "stock.x"}}), "nothing inside"),
        (json!({"n": {"sum": 5}}), "the name of a field"),
        (json!({"n": {"sum": true}}), "the name of a field"),
        (json!({"n": {"count": false}}), "or `true`"),
        (json!({"n": {"sum": "stock", "avg": "stock"}}), "two figures"),
        (json!({"n": {"distinct": true}}), "nothing to work out"),
        (json!({"n": {}}), "a figure such as"),
        (json!({"n": "stock"}), "a figure such as"),
        (json!({"n n": {"count": true}}), "can't be the name"),
        (json!({"": {"count": true}}), "can't be the name"),
        (json!({"x".repeat(65): {"count": true}}), "can't be the name"),
        (json!({}), "1 to 32"),
        (json!(["count"]), "an object of figures"),
        (json!("count"), "no valid JSON"),
        (json!(null), "an object of figures"),
    ] {
        let answer = figures(&mut client, &json!({ "aggregates": aggregates })).await;
        refused(&answer, 400, "INVALID_QUERY");
        let message = answer.json()["message"].to_string();
        assert!(message.contains(words), "{aggregates}: {message}");
    }
}

#[tokio::test]
async fn groups_and_sorts_that_make_no_sense_are_refused() {
    let (mut client, _) = shop().await;
    let n = || json!({"n": {"count": true}, "all": {"distinct": "sku"}});
    for body in [
        json!({}),
        json!({"groupBy": []}),
        json!({"groupBy": ""}),
        json!({"groupBy": 5}),
        json!({"groupBy": [5]}),
        json!({"groupBy": ["kind", "kind"]}),
        json!({"groupBy": "nothing"}),
        json!({"groupBy": ["sku", "kind", "stock", "weight", "arrived", "tags", "place", "place.city", "place.shelf"]}),
        json!({"groupBy": "kind", "aggregates": {"kind": {"count": true}}}),
        json!({"groupBy": "kind", "aggregates": n(), "sort": "stock"}),
        json!({"groupBy": "kind", "aggregates": n(), "sort": "all"}),
        json!({"groupBy": "kind", "aggregates": n(), "sort": "n,-n"}),
        json!({"groupBy": "kind", "aggregates": n(), "sort": {"n": 2}}),
        json!({"groupBy": "kind", "aggregates": n(), "count": 10_001}),
        json!({"groupBy": "kind", "aggregates": n(), "start": -1}),
        json!({"groupBy": "kind", "fields": "sku"}),
        json!({"groupBy": "kind", "after": ""}),
        json!({"aggregates": n(), "sort": "n"}),
        json!({"aggregates": n(), "start": 1}),
        json!({"aggregates": n(), "query": {"nothing": 1}}),
        json!({"aggregates": n(), "having": {}}),
    ] {
        refused(&figures(&mut client, &body).await, 400, "INVALID_QUERY");
    }
    let many: serde_json::Map<String, Json> =
        (0..33).map(|at| (format!("n{at}"), json!({"count": true}))).collect();
    refused(&figures(&mut client, &json!({ "aggregates": many })).await, 400, "INVALID_QUERY");
    let answer = figures(&mut client, &json!({"groupBy": "kind", "aggregates": n(), "sort": "nn"})).await;
    assert!(answer.json()["message"].to_string().contains("did you mean `n`?"));
}

#[tokio::test]
async fn private_fields_are_in_no_figure() {
    // SCH-04
    let (mut client, _) = shop().await;
    let unknown = figures(&mut client, &json!({"aggregates": {"n": {"max": "nothing"}}})).await.json();
    for body in [
        json!({"aggregates": {"n": {"max": "cost"}}}),
        json!({"aggregates": {"n": {"sum": "cost"}}}),
        json!({"aggregates": {"n": {"count": "cost"}}}),
        json!({"aggregates": {"n": {"distinct": "cost"}}}),
        json!({"aggregates": {"n": {"distinct": "wishes.0"}}}),
        json!({"groupBy": "cost"}),
        json!({"groupBy": ["kind", "wishes.0"]}),
        json!({"aggregates": {"n": {"count": true}}, "query": {"cost": 100}}),
    ] {
        let answer = figures(&mut client, &body).await;
        refused(&answer, 400, "INVALID_QUERY");
        let known = &answer.json()["details"]["expected"];
        assert!(!known.to_string().contains("cost"), "{known}");
        assert!(answer.json()["message"].to_string().contains("has no field"), "{body}");
    }
    assert!(unknown["message"].to_string().contains("has no field"));
}

#[tokio::test]
async fn names_from_a_caller_are_names_and_never_sql() {
    let (mut client, _) = shop().await;
    for name in ["\"; DROP TABLE shop_products; --", "stock) FROM sqlite_master --", "_id\0", "ｓtock"] {
        for body in [
            json!({"groupBy": name}),
            json!({"aggregates": {"n": {"sum": name}}}),
            json!({"aggregates": {name: {"count": true}}}),
            json!({"groupBy": "kind", "sort": name}),
        ] {
            let answer = figures(&mut client, &body).await;
            assert!(answer.status == 400 && !answer.json().to_string().contains("sqlite3"), "{body}");
        }
    }
    // Inside JSON any name may be asked for.
    let answer = figures(&mut client, &json!({"groupBy": "place.\"; DROP TABLE shop_products; --"})).await;
    assert_eq!(answer.json().as_array().unwrap().len(), 1);
    assert_eq!(client.get("/shop/products/count").await.json(), 4);
}

#[tokio::test]
async fn it_is_a_read_for_every_door() {
    let (mut client, _) = shop().await;
    assert_eq!(client.get("/shop/products/aggregate").await.status, 405);
    let keyed = client.send("POST", "/shop/products/aggregate", &[("Idempotency-Key", "k")], b"").await;
    refused(&keyed, 400, "INVALID_REQUEST");
    let metadata = client.get("/@metadata").await.json();
    let operations =
        metadata["models"].as_array().unwrap().iter().flat_map(|model| model["operations"].as_array());
    let all: Vec<Json> = operations.flatten().filter(|one| one["name"] == "aggregate").cloned().collect();
    assert_eq!((all.len(), &all[0]["write"], &all[0]["method"]), (2, &json!(false), &json!("POST")));
}

#[tokio::test]
async fn many_faults_are_told_in_few_words() {
    let (mut client, _) = shop().await;
    let wrong: serde_json::Map<String, Json> = (0..5_000).map(|at| (format!("n{at}"), json!(1))).collect();
    let operators: serde_json::Map<String, Json> =
        (0..5_000).map(|at| (format!("$n{at}"), json!(1))).collect();
    let mixed = json!({"$inc": wrong, "$set": wrong});
    for body in
        [json!({"$inc": wrong}), Json::Object(operators), mixed, json!({"$unset": vec!["stock"; 5_000]})]
    {
        let answer = client.put("/shop/products/update?sku=a", &body).await;
        refused(&answer, 400, "VALIDATION_ERROR");
        assert!(answer.body.len() < 50_000, "{}", answer.body.len());
    }
    let many: serde_json::Map<String, Json> =
        (0..1_001).map(|at| (format!("place.n{at}"), json!(1))).collect();
    refused(&client.put("/shop/products/update?sku=a", &json!({"$set": many})).await, 400, "INVALID_REQUEST");
    let mut deep = json!(1);
    for _ in 0..70 {
        deep = json!([deep]);
    }
    let answer = client.put("/shop/products/update?sku=a", &json!({"$set": {"place.x": deep}})).await;
    assert_eq!(answer.status, 400);
    let path = vec!["x"; 40].join(".");
    let answer =
        client.put("/shop/products/update?sku=a", &json!({"$set": {format!("place.{path}"): 1}})).await;
    refused(&answer, 400, "VALIDATION_ERROR");
}
